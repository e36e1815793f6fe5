//! Sessions.

use async_trait::async_trait;
use auth_core::store::{
    LoadedSession, NewSession, Opened, RevokeReason, Revoked, Rotation, SessionRecord, SessionStore, StoreError, Swap,
    UserStatus,
};
use auth_core::{SessionId, Timestamp, UserId};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, LockType, Order, Query};
use sea_orm::{ConnectionTrait as _, DbErr, StatementBuilder};

use super::batches::in_batches;
use super::second_factor::epoch_column;
use super::{SeaOrmStore, Transaction, revocation, row};
use crate::entity::session::Column;
use crate::entity::{user, user_state};
use crate::retry::{Attempt, Resend, retrying};

#[async_trait]
impl SessionStore for SeaOrmStore {
    async fn open(&self, session: &NewSession) -> Result<Opened, StoreError> {
        retrying(Resend::Safe, || self.try_open(session)).await
    }

    async fn load(&self, id: SessionId) -> Result<Option<LoadedSession>, StoreError> {
        let tables = &*self.tables;
        let mut select = Query::select();
        row::select_session(&mut select, tables);
        row::select_user(&mut select, tables);
        row::select_factor(&mut select, tables);
        let owner = || Expr::col((tables.session.clone(), Column::UserId));
        select
            .from(tables.session.clone())
            .left_join(
                tables.user_state.clone(),
                Expr::col((tables.user_state.clone(), user_state::Column::UserId)).eq(owner()),
            )
            .left_join(tables.user.clone(), Expr::col((tables.user.clone(), user::Column::Id)).eq(owner()))
            .and_where(Expr::col((tables.session.clone(), Column::Id)).eq(id.as_bytes().as_slice()));
        retrying(Resend::Safe, async || {
            let Some(row) = self.db.read.query_one(&select).await? else { return Ok(None) };
            let loaded = LoadedSession {
                session: row::session_record(&row)?,
                epoch: row::epoch(&row)?,
                has_factor: row::has_factor(&row)?,
                user: row::user_record(&row)?,
            };
            Ok(Some(loaded))
        })
        .await
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Swap, StoreError> {
        let expected = rotation.expected.as_slice();
        let now = rotation.now.as_millis();
        // The previous hash is bound, not copied from `current_hash`: MySQL evaluates SET from left to right.
        let update = Query::update()
            .table(self.tables.session.clone())
            .value(Column::PreviousHash, expected)
            .value(Column::CurrentHash, rotation.successor.as_slice())
            .value(Column::Salt, rotation.salt.as_slice())
            .value(Column::KeyId, i32::from(rotation.key_id))
            .value(Column::Generation, Expr::col(Column::Generation).add(1))
            .value(Column::RotatedAt, now)
            .value(Column::LastUsedAt, now)
            .value(Column::IdleExpiresAt, rotation.idle_expires_at.as_millis())
            .and_where(Expr::col(Column::Id).eq(rotation.id.as_bytes().as_slice()))
            .and_where(Expr::col(Column::CurrentHash).eq(expected))
            .and_where(Expr::col(Column::RevokedAt).is_null())
            .take();
        self.swap(&update).await
    }

    async fn revoke(&self, id: SessionId, reason: RevokeReason, now: Timestamp) -> Result<Swap, StoreError> {
        let update = Query::update()
            .table(self.tables.session.clone())
            .value(Column::RevokedAt, now.as_millis())
            .value(Column::RevokeReason, reason.as_str())
            .and_where(Expr::col(Column::Id).eq(id.as_bytes().as_slice()))
            .and_where(Expr::col(Column::RevokedAt).is_null())
            .take();
        self.swap(&update).await
    }

    async fn list(&self, user: &UserId, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        let mut select = Query::select();
        row::select_session(&mut select, &self.tables);
        select
            .from(self.tables.session.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::RevokedAt).is_null())
            .and_where(Expr::col(Column::IdleExpiresAt).gt(now.as_millis()))
            .and_where(Expr::col(Column::AbsoluteExpiresAt).gt(now.as_millis()))
            .order_by(Column::CreatedAt, Order::Desc)
            .order_by(Column::Id, Order::Desc);
        retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            Ok(rows.iter().map(row::session_record).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn revoked_since(&self, since: Timestamp) -> Result<Vec<Revoked>, StoreError> {
        let select = revocation::select_since(&self.tables, since);
        retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            Ok(rows.iter().map(revocation::revoked).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn purge_expired(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        in_batches(limit, |batch| self.purge_batch(expired_before, batch)).await
    }
}

impl SeaOrmStore {
    /// One conditional UPDATE or DELETE, by itself. Its condition fails once it is done, so sending it twice does it once.
    pub(super) async fn swap(&self, change: &impl StatementBuilder) -> Result<Swap, StoreError> {
        retrying(Resend::Safe, async || {
            let done = self.db.write.execute(change).await?;
            Ok(Swap::from_rows(done.rows_affected()))
        })
        .await
    }

    /// The row in `user_state` is locked before anything is read from it, so no change of credentials can come between
    /// the check and the INSERT (requirement R9).
    async fn try_open(&self, new: &NewSession) -> Result<Opened, Attempt> {
        let transaction = self.begin().await?;
        let epoch = self.locked_epoch(&transaction, &new.user, LockType::Share).await?;
        if epoch != new.epoch || !self.may_be_active(&transaction, &new.user).await? {
            return Ok(Opened::Stale);
        }
        transaction.execute(&self.insert(new)?).await?;
        transaction.commit().await?;
        Ok(Opened::Stored)
    }

    /// Whether the user is active here. One that is not here lives in the app's own table, or was removed, and then the
    /// epoch is another.
    pub(super) async fn may_be_active(&self, transaction: &Transaction, user: &UserId) -> Result<bool, DbErr> {
        let select = Query::select()
            .column(user::Column::Status)
            .from(self.tables.user.clone())
            .and_where(Expr::col(user::Column::Id).eq(user.as_str()))
            .take();
        let status = transaction.query_one(&select).await?;
        let status = status.map(|row| row.try_get::<String>("", "status")).transpose()?;
        Ok(status.is_none_or(|status| status == UserStatus::Active.as_str()))
    }

    fn insert(&self, new: &NewSession) -> Result<sea_orm::sea_query::InsertStatement, DbErr> {
        let created_at = new.created_at.as_millis();
        Ok(Query::insert()
            .into_table(self.tables.session.clone())
            .columns([
                Column::Id,
                Column::UserId,
                Column::CredEpoch,
                Column::Aal,
                Column::FamilyHash,
                Column::Generation,
                Column::CurrentHash,
                Column::Salt,
                Column::KeyId,
                Column::Mode,
                Column::AuthTime,
                Column::CreatedAt,
                Column::LastUsedAt,
                Column::IdleExpiresAt,
                Column::AbsoluteExpiresAt,
                Column::Ip,
                Column::UserAgent,
            ])
            .values_panic([
                new.id.as_bytes().as_slice().into(),
                new.user.as_str().into(),
                epoch_column(new.epoch)?.into(),
                i16::from(new.aal).into(),
                new.family_hash.as_slice().into(),
                0_i64.into(),
                new.current_hash.as_slice().into(),
                [0_u8; 16].as_slice().into(),
                0_i32.into(),
                new.mode.as_i16().into(),
                created_at.into(),
                created_at.into(),
                created_at.into(),
                new.idle_expires_at.as_millis().into(),
                new.absolute_expires_at.as_millis().into(),
                new.client.ip.map(|ip| ip.to_string()).into(),
                new.client.user_agent.clone().into(),
            ])
            .take())
    }

    /// Removes up to `batch` sessions; how many were found, and how many of these were removed.
    async fn purge_batch(&self, expired_before: Timestamp, batch: u64) -> Result<(u64, u64), Attempt> {
        let before = expired_before.as_millis();
        let is_expired = Condition::any()
            .add(Expr::col(Column::IdleExpiresAt).lt(before))
            .add(Expr::col(Column::AbsoluteExpiresAt).lt(before));
        // Two statements: MySQL has no LIMIT in a subquery of IN.
        let select = Query::select()
            .column(Column::Id)
            .from(self.tables.session.clone())
            .cond_where(is_expired.clone())
            .limit(batch)
            .take();
        let rows = self.db.read.query_all(&select).await?;
        if rows.is_empty() {
            return Ok((0, 0));
        }
        let ids = rows.iter().map(|row| row.try_get::<Vec<u8>>("", "id")).collect::<Result<Vec<_>, _>>()?;
        let delete = Query::delete()
            .from_table(self.tables.session.clone())
            .and_where(Expr::col(Column::Id).is_in(ids))
            .cond_where(is_expired)
            .take();
        let done = self.db.write.execute(&delete).await?;
        Ok((rows.len() as u64, done.rows_affected()))
    }
}

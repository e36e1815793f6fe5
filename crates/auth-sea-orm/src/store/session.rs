//! Sessions.

use async_trait::async_trait;
use auth_core::store::{
    LoadedSession, NewSession, Opened, RevokeReason, Revoked, Rotation, SessionRecord, SessionStore, StoreError, Swap,
};
use auth_core::{SessionId, Timestamp, UserId};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, StatementBuilder};

use super::batches::in_batches;
use super::load::Load;
use super::open::Open;
use super::rotate::Rotate;
use super::{SeaOrmStore, revocation, row};
use crate::entity::session::Column;
use crate::retry::{Attempt, Resend, retrying};

#[async_trait]
impl SessionStore for SeaOrmStore {
    async fn open(&self, session: &NewSession) -> Result<Opened, StoreError> {
        self.rounds.call::<Open>(self, session).await
    }

    async fn load(&self, id: SessionId) -> Result<Option<LoadedSession>, StoreError> {
        self.rounds.call::<Load>(self, &id).await
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Swap, StoreError> {
        self.rounds.call::<Rotate>(self, rotation).await
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
        let mut select = self.select_alive(user, now);
        row::select_session(&mut select, &self.tables);
        retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            Ok(rows.iter().map(row::session_record).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn end_beyond(&self, user: &UserId, keep: u64, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let mut select = self.select_alive(user, now);
        row::select_session_id(&mut select, &self.tables);
        select.offset(keep).limit(SURPLUS);
        retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            let surplus: Vec<_> = rows.iter().map(row::session_id).collect::<Result<_, _>>()?;
            if !surplus.is_empty() {
                let update = Query::update()
                    .table(self.tables.session.clone())
                    .value(Column::RevokedAt, now.as_millis())
                    .value(Column::RevokeReason, RevokeReason::Surplus.as_str())
                    .and_where(Expr::col(Column::Id).is_in(surplus.iter().map(|id| id.as_bytes().as_slice())))
                    .and_where(Expr::col(Column::RevokedAt).is_null())
                    .take();
                self.db.write.execute(&update).await?;
            }
            Ok(surplus)
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

/// How many sessions of one user are ended at once.
const SURPLUS: u64 = 1000;

impl SeaOrmStore {
    /// Nothing yet of the user's sessions that are neither ended nor expired, newest first.
    fn select_alive(&self, user: &UserId, now: Timestamp) -> SelectStatement {
        Query::select()
            .from(self.tables.session.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::RevokedAt).is_null())
            .and_where(Expr::col(Column::IdleExpiresAt).gt(now.as_millis()))
            .and_where(Expr::col(Column::AbsoluteExpiresAt).gt(now.as_millis()))
            .order_by(Column::CreatedAt, Order::Desc)
            .order_by(Column::Id, Order::Desc)
            .take()
    }

    /// One conditional UPDATE or DELETE, by itself. Its condition fails once it is done, so sending it twice does it once.
    pub(super) async fn swap(&self, change: &impl StatementBuilder) -> Result<Swap, StoreError> {
        retrying(Resend::Safe, async || {
            let done = self.db.write.execute(change).await?;
            Ok(Swap::from_rows(done.rows_affected()))
        })
        .await
    }

    /// Removes up to `batch` sessions; how many were found, and how many of these were removed.
    async fn purge_batch(&self, expired_before: Timestamp, batch: u64) -> Result<(u64, u64), Attempt> {
        let before = expired_before.as_millis();
        let is_expired = Condition::any()
            .add(Expr::col(Column::IdleExpiresAt).lt(before))
            .add(Expr::col(Column::AbsoluteExpiresAt).lt(before));
        let select = Query::select()
            .column(Column::Id)
            .from(self.tables.session.clone())
            .cond_where(is_expired.clone())
            .limit(batch)
            .take();
        self.remove_found(&self.tables.session, Column::Id, &select, Some(is_expired)).await
    }
}

//! Opening sessions: the user is locked, looked at, and the session stored, for one or for many.

use std::collections::BTreeMap;

use auth_core::UserId;
use auth_core::store::{NewSession, Opened, StoreError, UserStatus};
use sea_orm::sea_query::{
    ArrayType, Expr, ExprTrait as _, InsertStatement, IntoColumnRef, LockBehavior, LockType, Query,
};
use sea_orm::{ConnectionTrait as _, DbErr};

use super::second_factor::epoch_column;
use super::{SeaOrmStore, Transaction, several};
use crate::entity::session::Column;
use crate::entity::{user, user_state};
use crate::retry::{Attempt, Resend, retrying};
use crate::round::Round;

/// One caller wants a session stored.
pub(super) struct Open;

impl Round for Open {
    type Worker = SeaOrmStore;
    type Job = NewSession;
    type Key = [u8; 16];
    type Answer = Opened;
    /// A second time, the session would exist already.
    const RESEND: Resend = Resend::Never;

    fn key(new: &NewSession) -> Self::Key {
        *new.id.as_bytes()
    }

    /// Two sessions of one id: the second is refused as ever.
    fn twin(_: &Opened) -> Option<Opened> {
        None
    }

    async fn alone(store: &SeaOrmStore, new: &NewSession) -> Result<Opened, StoreError> {
        retrying(Resend::Safe, || store.try_open(new)).await
    }

    async fn together(store: &SeaOrmStore, new: &[NewSession]) -> Result<Vec<Option<Opened>>, Attempt> {
        // Whoever has the right password signs in, also when the database was restarted meanwhile: alone.
        store.try_open_all(new).await.map_err(Attempt::in_transaction)
    }
}

impl SeaOrmStore {
    /// The row in `user_state` is locked before anything is read from it, so no change of credentials can come between
    /// the check and the INSERT (requirement R9).
    async fn try_open(&self, new: &NewSession) -> Result<Opened, Attempt> {
        let transaction = self.begin().await?;
        let epoch = self.locked_epoch(&transaction, &new.user, LockType::Share).await?;
        if epoch != new.epoch || !self.may_be_active(&transaction, &new.user).await? {
            return Ok(Opened::Stale);
        }
        transaction.execute(&self.insert(&[new])?).await?;
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

    /// The same for many users. Whoever is locked by somebody else is left out, so that a round waits for nobody, and so
    /// is whoever has no row to lock yet. The rest keeps its locks until all is committed.
    async fn try_open_all(&self, all: &[NewSession]) -> Result<Vec<Option<Opened>>, Attempt> {
        let transaction = self.begin().await?;
        let mut users: Vec<&str> = all.iter().map(|new| new.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        let epochs = self.free_epochs(&transaction, &users).await?;
        let states = self.statuses(&transaction, &users).await?;
        let judge = |new: &NewSession| {
            let epoch = epochs.get(new.user.as_str())?;
            let may_be_active =
                states.get(new.user.as_str()).is_none_or(|status| status == UserStatus::Active.as_str());
            let is_current = epoch_column(new.epoch).is_ok_and(|expected| expected == *epoch);
            Some(if is_current && may_be_active { Opened::Stored } else { Opened::Stale })
        };
        let answers: Vec<_> = all.iter().map(judge).collect();
        let stored = all.iter().zip(&answers).filter(|(_, answer)| **answer == Some(Opened::Stored));
        let stored: Vec<&NewSession> = stored.map(|(new, _)| new).collect();
        if !stored.is_empty() {
            transaction.execute(&self.insert(&stored)?).await?;
            transaction.commit().await?;
        }
        Ok(answers)
    }

    /// The epochs of those users whom nobody else has locked; nobody raises them before `transaction` ends.
    async fn free_epochs(&self, transaction: &Transaction, users: &[&str]) -> Result<BTreeMap<String, i64>, DbErr> {
        let mut select = Query::select();
        select
            .columns([user_state::Column::UserId, user_state::Column::CredEpoch])
            .from(self.tables.user_state.clone())
            .and_where(self.is_one_of(user_state::Column::UserId, users))
            .lock_with_behavior(LockType::Share, LockBehavior::SkipLocked);
        let rows = transaction.query_all(&select).await?;
        rows.iter().map(|row| Ok((row.try_get("", "user_id")?, row.try_get("", "cred_epoch")?))).collect()
    }

    /// The status of those users who are here.
    async fn statuses(&self, transaction: &Transaction, users: &[&str]) -> Result<BTreeMap<String, String>, DbErr> {
        let select = Query::select()
            .columns([user::Column::Id, user::Column::Status])
            .from(self.tables.user.clone())
            .and_where(self.is_one_of(user::Column::Id, users))
            .take();
        let rows = transaction.query_all(&select).await?;
        rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "status")?))).collect()
    }

    fn is_one_of(&self, column: impl IntoColumnRef, users: &[&str]) -> Expr {
        let backend = self.db.write.get_database_backend();
        several::is_one_of(backend, Expr::col(column), ArrayType::String, users.to_vec())
    }

    fn insert(&self, all: &[&NewSession]) -> Result<InsertStatement, DbErr> {
        let mut insert = Query::insert();
        insert.into_table(self.tables.session.clone()).columns([
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
        ]);
        for new in all {
            let created_at = new.created_at.as_millis();
            insert.values_panic([
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
            ]);
        }
        Ok(insert)
    }
}

//! The epoch of a user's credentials, and what happens when it is raised.

use async_trait::async_trait;
use auth_core::store::{
    Enabling, Epoch, FactorStore, PendingFactor, RecoveryHash, RevokeReason, Sealed, SecondFactor, Step, StoreError,
    Swap,
};
use auth_core::{SessionId, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait as _, InsertStatement, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr};

use super::{SeaOrmStore, Transaction, row, second_factor};
use crate::entity::session;
use crate::entity::user_state::Column;
use crate::error::store_error;
use crate::retry::{Attempt, Resend, retrying};

#[async_trait]
impl FactorStore for SeaOrmStore {
    async fn epoch(&self, user: &UserId) -> Result<Epoch, StoreError> {
        let select = self.select_epoch(user);
        retrying(Resend::Safe, async || Ok(epoch(&self.db.read, &select).await?)).await
    }

    async fn end_sessions(
        &self,
        user: &UserId,
        keep: Option<SessionId>,
        reason: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        retrying(Resend::Safe, || self.try_end_sessions(user, keep, reason, now)).await
    }

    async fn second_factor(&self, user: &UserId) -> Result<SecondFactor, StoreError> {
        let select = self.select_second_factor(user);
        retrying(Resend::Safe, async || {
            let Some(row) = self.db.read.query_one(&select).await? else { return Ok(SecondFactor::default()) };
            Ok(second_factor::second_factor(&row)?)
        })
        .await
    }

    async fn keep_pending(&self, user: &UserId, pending: &PendingFactor) -> Result<Swap, StoreError> {
        retrying(Resend::Safe, || self.try_keep_pending(user, pending)).await
    }

    async fn enable_factor(&self, user: &UserId, enabling: &Enabling, now: Timestamp) -> Result<Swap, StoreError> {
        retrying(Resend::Safe, || self.try_enable_factor(user, enabling, now)).await
    }

    async fn accept_step(&self, user: &UserId, step: Step) -> Result<Swap, StoreError> {
        self.swap(&self.update_step(user, step).map_err(store_error)?).await
    }

    async fn disable_factor(
        &self,
        user: &UserId,
        expected: Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Swap, StoreError> {
        retrying(Resend::Safe, || self.try_disable_factor(user, expected, keep, now)).await
    }

    async fn replace_recovery_codes(
        &self,
        user: &UserId,
        expected: Epoch,
        hashes: &[RecoveryHash],
    ) -> Result<Swap, StoreError> {
        retrying(Resend::Safe, || self.try_replace_recovery_codes(user, expected, hashes)).await
    }

    async fn use_recovery_code(&self, user: &UserId, hash: &RecoveryHash, now: Timestamp) -> Result<Swap, StoreError> {
        self.swap(&self.update_recovery_code(user, hash, now)).await
    }

    async fn reseal(&self, user: &UserId, expected: &Sealed, new: &Sealed) -> Result<Swap, StoreError> {
        self.swap(&self.update_seal(user, expected, new)).await
    }
}

impl SeaOrmStore {
    async fn try_end_sessions(
        &self,
        user: &UserId,
        keep: Option<SessionId>,
        reason: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, Attempt> {
        let transaction = self.begin().await?;
        match keep {
            None => self.raise_epoch(&transaction, user, now).await?,
            Some(keep) => {
                self.raise_epoch_keeping_tokens(&transaction, user).await?;
                self.move_to_new_epoch(&transaction, user, keep).await?;
            }
        }
        let ended = self.end_alive(&transaction, user, keep, reason, now).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// The user's epoch, which nobody raises before `transaction` ends.
    pub(super) async fn locked_epoch(
        &self,
        transaction: &Transaction,
        user: &UserId,
        lock: LockType,
    ) -> Result<Epoch, DbErr> {
        // What is not there cannot be locked.
        transaction.execute(&self.insert_state(user)).await?;
        epoch(&**transaction, self.select_epoch(user).lock(lock)).await
    }

    /// A row for a user of whom nothing is stored: there is one to lock and to update afterwards.
    pub(super) fn insert_state(&self, user: &UserId) -> InsertStatement {
        Query::insert()
            .into_table(self.tables.user_state.clone())
            .columns([Column::UserId, Column::CredEpoch])
            .values_panic([user.as_str().into(), 0_i64.into()])
            .on_conflict(OnConflict::column(Column::UserId).do_nothing_on([Column::UserId]).to_owned())
            .take()
    }

    /// Raises the epoch, and locks it: every transaction that ends all sessions of a user begins with this. No access
    /// token of before counts at guards that are fed with [`revoked_since`](auth_core::store::SessionStore).
    pub(super) async fn raise_epoch(
        &self,
        transaction: &Transaction,
        user: &UserId,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        let now = now.as_millis();
        // `cred_epoch` last: MySQL evaluates from left to right, and the other needs its old value.
        let raise = OnConflict::column(Column::UserId)
            .value(Column::LowestEpoch, self.next_epoch())
            .value(Column::AllEndedAt, now)
            .value(Column::CredEpoch, self.next_epoch())
            .to_owned();
        let upsert = Query::insert()
            .into_table(self.tables.user_state.clone())
            .columns([Column::UserId, Column::CredEpoch, Column::LowestEpoch, Column::AllEndedAt])
            .values_panic([user.as_str().into(), 1_i64.into(), 1_i64.into(), now.into()])
            .on_conflict(raise)
            .take();
        transaction.execute(&upsert).await.map(drop)
    }

    /// The same for a transaction that keeps a session: its access token has the old epoch, and still counts. Those of
    /// the others go by their rows.
    pub(super) async fn raise_epoch_keeping_tokens(
        &self,
        transaction: &Transaction,
        user: &UserId,
    ) -> Result<(), DbErr> {
        let upsert = Query::insert()
            .into_table(self.tables.user_state.clone())
            .columns([Column::UserId, Column::CredEpoch])
            .values_panic([user.as_str().into(), 1_i64.into()])
            .on_conflict(OnConflict::column(Column::UserId).value(Column::CredEpoch, self.next_epoch()).to_owned())
            .take();
        transaction.execute(&upsert).await.map(drop)
    }

    pub(super) fn next_epoch(&self) -> Expr {
        Expr::col((self.tables.user_state.clone(), Column::CredEpoch)).add(1)
    }

    /// Ends the sessions that are not ended yet, and says how many.
    pub(super) async fn end_alive(
        &self,
        transaction: &Transaction,
        user: &UserId,
        keep: Option<SessionId>,
        reason: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, DbErr> {
        let mut update = Query::update();
        update
            .table(self.tables.session.clone())
            .value(session::Column::RevokedAt, now.as_millis())
            .value(session::Column::RevokeReason, reason.as_str())
            .and_where(Expr::col(session::Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(session::Column::RevokedAt).is_null());
        if let Some(keep) = keep {
            update.and_where(Expr::col(session::Column::Id).ne(keep.as_bytes().as_slice()));
        }
        Ok(transaction.execute(&update).await?.rows_affected())
    }

    /// Only a session of the epoch before this one: another is dead, and stays dead. Gives the new epoch.
    pub(super) async fn move_to_new_epoch(
        &self,
        transaction: &Transaction,
        user: &UserId,
        id: SessionId,
    ) -> Result<i64, DbErr> {
        let raised = second_factor::epoch_column(self.own_epoch(transaction, user).await?)?;
        let update = Query::update()
            .table(self.tables.session.clone())
            .value(session::Column::CredEpoch, raised)
            .and_where(Expr::col(session::Column::Id).eq(id.as_bytes().as_slice()))
            .and_where(Expr::col(session::Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(session::Column::CredEpoch).eq(raised - 1))
            .take();
        transaction.execute(&update).await?;
        Ok(raised)
    }

    /// The epoch as `transaction` sees it, which raised it.
    pub(super) async fn own_epoch(&self, transaction: &Transaction, user: &UserId) -> Result<Epoch, DbErr> {
        epoch(&**transaction, &self.select_epoch(user)).await
    }

    pub(super) fn select_epoch(&self, user: &UserId) -> SelectStatement {
        Query::select()
            .column(Column::CredEpoch)
            .from(self.tables.user_state.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take()
    }
}

async fn epoch(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<Epoch, DbErr> {
    let Some(row) = db.query_one(select).await? else { return Ok(Epoch::default()) };
    row::counter(row.try_get("", "cred_epoch")?, "cred_epoch").map(Epoch)
}

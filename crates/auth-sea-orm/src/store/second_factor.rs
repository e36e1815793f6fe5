//! The statements of second factors. Each change is one conditional UPDATE of `user_state`, by itself or as the first
//! statement of its transaction: whoever changes the row wins, and everybody else is told so.

use auth_core::store::{
    ActiveFactor, Enabling, Epoch, PendingFactor, RecoveryHash, RevokeReason, Sealed, SecondFactor, Step, Swap,
};
use auth_core::{SessionId, Timestamp, UserId};
use sea_orm::sea_query::{
    Alias, Expr, ExprTrait as _, LockType, Query, SelectStatement, SubQueryStatement, UpdateStatement,
};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult};

use super::{SeaOrmStore, Transaction, row};
use crate::entity::user_state::Column;
use crate::entity::{recovery_code, session};
use crate::error::damaged;
use crate::retry::Attempt;

const CODES_LEFT: &str = "codes_left";

impl SeaOrmStore {
    pub(super) fn select_second_factor(&self, user: &UserId) -> SelectStatement {
        let codes_left = Query::select()
            .expr(Expr::col(recovery_code::Column::Hash).count())
            .from(self.tables.recovery_code.clone())
            .and_where(Expr::col(recovery_code::Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(recovery_code::Column::UsedAt).is_null())
            .take();
        Query::select()
            .columns([
                Column::FactorSecret,
                Column::FactorStep,
                Column::PendingSecret,
                Column::PendingSession,
                Column::PendingAt,
            ])
            .expr_as(Expr::from(SubQueryStatement::from(codes_left)), Alias::new(CODES_LEFT))
            .from(self.tables.user_state.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take()
    }

    pub(super) async fn try_keep_pending(&self, user: &UserId, pending: &PendingFactor) -> Result<Swap, Attempt> {
        self.db.write.execute(&self.insert_state(user)).await?;
        let update = Query::update()
            .table(self.tables.user_state.clone())
            .value(Column::PendingSecret, pending.secret.as_bytes())
            .value(Column::PendingSession, pending.session.as_bytes().as_slice())
            .value(Column::PendingAt, pending.created_at.as_millis())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::FactorSecret).is_null())
            .take();
        Ok(Swap::from_rows(self.db.write.execute(&update).await?.rows_affected()))
    }

    pub(super) async fn try_enable_factor(
        &self,
        user: &UserId,
        enabling: &Enabling,
        now: Timestamp,
    ) -> Result<Swap, Attempt> {
        let step = step_column(enabling.step)?;
        let transaction = self.begin().await?;
        let mut update = self.update_raising(user, enabling.expected, enabling.keep, now)?;
        update
            .value(Column::FactorSecret, enabling.secret.as_bytes())
            .value(Column::FactorStep, step)
            .and_where(Expr::col(Column::FactorSecret).is_null())
            .and_where(Expr::col(Column::PendingSecret).eq(enabling.pending.as_bytes()));
        if transaction.execute(&update).await?.rows_affected() == 0 {
            return Ok(Swap::Lost);
        }
        self.put_recovery_codes(&transaction, user, &enabling.recovery_codes).await?;
        self.end_all_but(&transaction, user, enabling.keep, 2, now).await?;
        transaction.commit().await?;
        Ok(Swap::Won)
    }

    pub(super) async fn try_disable_factor(
        &self,
        user: &UserId,
        expected: Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Swap, Attempt> {
        let transaction = self.begin().await?;
        let mut update = self.update_raising(user, expected, keep, now)?;
        update
            .value(Column::FactorSecret, Expr::null())
            .value(Column::FactorStep, Expr::null())
            .and_where(Expr::col(Column::FactorSecret).is_not_null());
        if transaction.execute(&update).await?.rows_affected() == 0 {
            return Ok(Swap::Lost);
        }
        self.put_recovery_codes(&transaction, user, &[]).await?;
        self.end_all_but(&transaction, user, keep, 1, now).await?;
        transaction.commit().await?;
        Ok(Swap::Won)
    }

    pub(super) async fn try_replace_recovery_codes(
        &self,
        user: &UserId,
        expected: Epoch,
        hashes: &[RecoveryHash],
    ) -> Result<Swap, Attempt> {
        let transaction = self.begin().await?;
        // The lock that every change of a factor takes first, so that two sets of codes never mix.
        let mut select = self.select_epoch(user);
        select
            .and_where(Expr::col(Column::CredEpoch).eq(epoch_column(expected)?))
            .and_where(Expr::col(Column::FactorSecret).is_not_null())
            .lock(LockType::Update);
        if transaction.query_one(&select).await?.is_none() {
            return Ok(Swap::Lost);
        }
        self.put_recovery_codes(&transaction, user, hashes).await?;
        transaction.commit().await?;
        Ok(Swap::Won)
    }

    pub(super) fn update_step(&self, user: &UserId, step: Step) -> Result<UpdateStatement, DbErr> {
        let step = step_column(step)?;
        Ok(Query::update()
            .table(self.tables.user_state.clone())
            .value(Column::FactorStep, step)
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::FactorSecret).is_not_null())
            .and_where(Expr::col(Column::FactorStep).lt(step))
            .take())
    }

    pub(super) fn update_recovery_code(&self, user: &UserId, hash: &RecoveryHash, now: Timestamp) -> UpdateStatement {
        Query::update()
            .table(self.tables.recovery_code.clone())
            .value(recovery_code::Column::UsedAt, now.as_millis())
            .and_where(Expr::col(recovery_code::Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(recovery_code::Column::Hash).eq(hash.as_bytes().as_slice()))
            .and_where(Expr::col(recovery_code::Column::UsedAt).is_null())
            .take()
    }

    pub(super) fn update_seal(&self, user: &UserId, expected: &Sealed, new: &Sealed) -> UpdateStatement {
        Query::update()
            .table(self.tables.user_state.clone())
            .value(Column::FactorSecret, new.as_bytes())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::FactorSecret).eq(expected.as_bytes()))
            .take()
    }

    /// Of a user who is removed nothing is left that another one with the same id could sign in with.
    pub(super) async fn forget_factor(&self, transaction: &Transaction, user: &UserId) -> Result<(), DbErr> {
        let update = Query::update()
            .table(self.tables.user_state.clone())
            .values(FACTOR_COLUMNS.map(|column| (column, Expr::null())))
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take();
        transaction.execute(&update).await?;
        self.put_recovery_codes(transaction, user, &[]).await
    }

    /// Raises the epoch if it is `expected`, and drops the pending factor, which is decided by that.
    fn update_raising(
        &self,
        user: &UserId,
        Epoch(expected): Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<UpdateStatement, DbErr> {
        let raised = epoch_column(Epoch(expected.saturating_add(1)))?;
        let mut update = Query::update();
        update
            .table(self.tables.user_state.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::CredEpoch).eq(epoch_column(Epoch(expected))?))
            .value(Column::PendingSecret, Expr::null())
            .value(Column::PendingSession, Expr::null())
            .value(Column::PendingAt, Expr::null())
            .value(Column::CredEpoch, raised);
        if keep.is_none() {
            // No access token of before counts at guards that are fed with what was revoked.
            update.value(Column::LowestEpoch, raised).value(Column::AllEndedAt, now.as_millis());
        }
        Ok(update)
    }

    /// Replaces the recovery codes of a user whose state `transaction` has locked.
    pub(super) async fn put_recovery_codes(
        &self,
        transaction: &Transaction,
        user: &UserId,
        hashes: &[RecoveryHash],
    ) -> Result<(), DbErr> {
        let delete = Query::delete()
            .from_table(self.tables.recovery_code.clone())
            .and_where(Expr::col(recovery_code::Column::UserId).eq(user.as_str()))
            .take();
        transaction.execute(&delete).await?;
        if hashes.is_empty() {
            return Ok(());
        }
        let mut insert = Query::insert();
        insert
            .into_table(self.tables.recovery_code.clone())
            .columns([recovery_code::Column::UserId, recovery_code::Column::Hash]);
        for hash in hashes {
            insert.values_panic([user.as_str().into(), hash.as_bytes().as_slice().into()]);
        }
        transaction.execute(&insert).await.map(drop)
    }

    /// Ends the sessions but one, which goes on under the raised epoch at another assurance level.
    async fn end_all_but(
        &self,
        transaction: &Transaction,
        user: &UserId,
        keep: Option<SessionId>,
        aal: i16,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        if let Some(keep) = keep {
            let raised = self.move_to_new_epoch(transaction, user, keep).await?;
            let update = Query::update()
                .table(self.tables.session.clone())
                .value(session::Column::Aal, aal)
                .and_where(Expr::col(session::Column::Id).eq(keep.as_bytes().as_slice()))
                .and_where(Expr::col(session::Column::UserId).eq(user.as_str()))
                .and_where(Expr::col(session::Column::CredEpoch).eq(raised))
                .take();
            transaction.execute(&update).await?;
        }
        self.end_alive(transaction, user, keep, RevokeReason::CredentialsChanged, now).await.map(drop)
    }
}

const FACTOR_COLUMNS: [Column; 5] =
    [Column::FactorSecret, Column::FactorStep, Column::PendingSecret, Column::PendingSession, Column::PendingAt];

pub(super) fn epoch_column(Epoch(epoch): Epoch) -> Result<i64, DbErr> {
    i64::try_from(epoch).map_err(|_| damaged("cred_epoch"))
}

fn step_column(Step(step): Step) -> Result<i64, DbErr> {
    i64::try_from(step).map_err(|_| damaged("factor_step"))
}

/// Reads a row of [`SeaOrmStore::select_second_factor`].
pub(super) fn second_factor(row: &QueryResult) -> Result<SecondFactor, DbErr> {
    let secret = |column: Column| {
        let bytes: Option<Vec<u8>> = row.try_get("", sea_orm::IdenStatic::as_str(&column))?;
        Ok::<_, DbErr>(bytes.map(Sealed::from_bytes))
    };
    let number = |column: Column| row.try_get::<Option<i64>>("", sea_orm::IdenStatic::as_str(&column));
    let active = match (secret(Column::FactorSecret)?, number(Column::FactorStep)?) {
        (Some(secret), Some(step)) => {
            Some(ActiveFactor { secret, last_step: Step(row::counter(step, "factor_step")?) })
        }
        (None, None) => None,
        _ => return Err(damaged("factor_step")),
    };
    let session: Option<Vec<u8>> = row.try_get("", "pending_session")?;
    let pending = match (secret(Column::PendingSecret)?, session, number(Column::PendingAt)?) {
        (Some(secret), Some(session), Some(at)) => Some(PendingFactor {
            secret,
            session: SessionId::from_bytes(row::bytes(session, "pending_session")?),
            created_at: Timestamp::from_millis(at),
        }),
        (None, None, None) => None,
        _ => return Err(damaged("pending_secret")),
    };
    let codes_left: i64 = row.try_get("", CODES_LEFT)?;
    Ok(SecondFactor { active, pending, recovery_codes_left: row::counter(codes_left, CODES_LEFT)? })
}

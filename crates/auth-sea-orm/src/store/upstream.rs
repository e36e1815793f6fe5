//! Users who live elsewhere and are changed there, where nobody tells us: what they looked like when they were last seen,
//! and the end of their sessions when they look otherwise.

use auth_core::store::{Epoch, RevokeReason, Sealed, StoreError};
use auth_core::{Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, DbErr, IdenStatic as _};

use super::{SeaOrmStore, row};
use crate::entity::user_state::Column;
use crate::retry::{Attempt, Resend, retrying};

/// What a user looks like: a mark of the credentials, and one of the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) credentials: [u8; 16],
    pub(crate) factor: [u8; 16],
}

impl Look {
    fn to_bytes(self) -> Vec<u8> {
        [self.credentials, self.factor].concat()
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, DbErr> {
        let bytes: [u8; 32] = row::bytes(bytes, Column::Upstream.as_str())?;
        let (credentials, factor) = bytes.split_at(16);
        let half = |half: &[u8]| half.try_into().map_err(|_| crate::error::damaged(Column::Upstream.as_str()));
        Ok(Self { credentials: half(credentials)?, factor: half(factor)? })
    }
}

/// What is known of a user who lives elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) epoch: Epoch,
    /// `None` when the user was never seen.
    pub(crate) look: Option<Look>,
}

/// What becomes of the second factor that we keep.
#[derive(Debug, Clone)]
pub(crate) enum FactorThere {
    /// It is the one that was seen before.
    Unchanged,
    /// The user has this one there.
    Has(Sealed),
    /// The user has none there.
    Nothing,
}

impl SeaOrmStore {
    /// What is known of this user.
    pub(crate) async fn known(&self, user: &UserId) -> Result<Known, StoreError> {
        let select = Query::select()
            .columns([Column::CredEpoch, Column::Upstream])
            .from(self.tables.user_state.clone())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take();
        retrying(Resend::Safe, async || {
            let Some(row) = self.db.read.query_one(&select).await? else {
                return Ok(Known { epoch: Epoch::default(), look: None });
            };
            let look: Option<Vec<u8>> = row.try_get("", Column::Upstream.as_str())?;
            Ok(Known {
                epoch: Epoch(row::counter(row.try_get("", "cred_epoch")?, "cred_epoch")?),
                look: look.map(Look::from_bytes).transpose()?,
            })
        })
        .await
    }

    /// Notes what a user looks like now and what factor the user has there, and ends the sessions of a user who looked
    /// otherwise before: in one transaction. `false`, and nothing is changed, when the user was seen by somebody else
    /// since `before` was read.
    pub(crate) async fn note(
        &self,
        user: &UserId,
        before: Option<Look>,
        now_looks: Look,
        factor: &FactorThere,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Sent twice, the second one finds what the first one wrote, and says `false`: the caller reads again.
        retrying(Resend::Safe, || self.try_note(user, before, now_looks, factor, now)).await
    }

    /// Notes that we changed the user there ourselves: no session ends by it. Without effect when somebody saw the user
    /// meanwhile.
    pub(crate) async fn note_own_change(&self, user: &UserId, before: Look, after: Look) -> Result<(), StoreError> {
        let update = Query::update()
            .table(self.tables.user_state.clone())
            .value(Column::Upstream, after.to_bytes())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(Expr::col(Column::Upstream).eq(before.to_bytes()))
            .take();
        self.swap(&update).await.map(drop)
    }

    async fn try_note(
        &self,
        user: &UserId,
        before: Option<Look>,
        now_looks: Look,
        factor: &FactorThere,
        now: Timestamp,
    ) -> Result<bool, Attempt> {
        let transaction = self.begin().await?;
        transaction.execute(&self.insert_state(user)).await?;
        let mut update = Query::update();
        update
            .table(self.tables.user_state.clone())
            .value(Column::Upstream, now_looks.to_bytes())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .and_where(match before {
                Some(look) => Expr::col(Column::Upstream).eq(look.to_bytes()),
                None => Expr::col(Column::Upstream).is_null(),
            });
        let factor_columns = match factor {
            FactorThere::Unchanged => None,
            FactorThere::Has(sealed) => Some((Some(sealed.as_bytes().to_vec()), Some(0_i64))),
            FactorThere::Nothing => Some((None, None)),
        };
        if let Some((secret, step)) = factor_columns.clone() {
            update
                .value(Column::FactorSecret, secret)
                .value(Column::FactorStep, step)
                .value(Column::PendingSecret, Expr::null())
                .value(Column::PendingSession, Expr::null())
                .value(Column::PendingAt, Expr::null());
        }
        if transaction.execute(&update).await?.rows_affected() == 0 {
            return Ok(false);
        }
        if factor_columns.is_some() {
            self.put_recovery_codes(&transaction, user, &[]).await?;
        }
        if before.is_some() {
            self.raise_epoch(&transaction, user, now).await?;
            self.end_alive(&transaction, user, None, RevokeReason::CredentialsChanged, now).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

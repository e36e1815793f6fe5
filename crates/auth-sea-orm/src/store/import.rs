//! Users who come from elsewhere with all they have: one transaction for each.

use auth_core::store::{RevokeReason, Sealed, StoreError};
use auth_core::{PasswordHash, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{ConnectionTrait as _, DbErr};

use super::{SeaOrmStore, Transaction};
use crate::directus::DirectusUser;
use crate::entity::{user, user_state};
use crate::retry::{Attempt, Resend, retrying};

impl SeaOrmStore {
    pub(crate) async fn insert_imported(
        &self,
        user: &DirectusUser,
        factor: Option<&Sealed>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        retrying(Resend::Never, || self.try_insert_imported(user, factor, now)).await
    }

    /// Overwrites the user, and the second factor when one is given (`Some(None)` removes it); ends the sessions.
    pub(crate) async fn update_imported(
        &self,
        user: &DirectusUser,
        factor: Option<Option<&Sealed>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        retrying(Resend::Safe, || self.try_update_imported(user, factor, now)).await
    }

    async fn try_insert_imported(
        &self,
        user: &DirectusUser,
        factor: Option<&Sealed>,
        now: Timestamp,
    ) -> Result<(), Attempt> {
        let transaction = self.begin().await?;
        let values = columns(user);
        let mut insert = Query::insert();
        insert.into_table(self.tables.user.clone()).columns(
            [user::Column::Id, user::Column::CreatedAt].into_iter().chain(values.iter().map(|(column, _)| *column)),
        );
        let given = [Expr::val(user.id.as_str()), Expr::val(now.as_millis())];
        insert.values_panic(given.into_iter().chain(values.into_iter().map(|(_, value)| value)));
        transaction.execute(&insert).await?;
        // The user may have signed in here before, as one of a `DirectusStore` beside the same tables: the sessions and
        // the factor of that time are not those of the user who is made now.
        self.raise_known_epoch(&transaction, &user.id, now).await?;
        self.put_factor(&transaction, &user.id, factor).await?;
        self.end_alive(&transaction, &user.id, None, RevokeReason::CredentialsChanged, now).await?;
        transaction.commit().await
    }

    async fn try_update_imported(
        &self,
        user: &DirectusUser,
        factor: Option<Option<&Sealed>>,
        now: Timestamp,
    ) -> Result<(), Attempt> {
        let transaction = self.begin().await?;
        self.raise_epoch(&transaction, &user.id, now).await?;
        let update = Query::update()
            .table(self.tables.user.clone())
            .values(columns(user))
            .and_where(Expr::col(user::Column::Id).eq(user.id.as_str()))
            .take();
        transaction.execute(&update).await?;
        if let Some(factor) = factor {
            self.put_factor(&transaction, &user.id, factor).await?;
        }
        self.end_alive(&transaction, &user.id, None, RevokeReason::CredentialsChanged, now).await?;
        transaction.commit().await
    }

    /// Of a user of whom nothing is stored, nothing is raised: an import of many would fill the list of those whose
    /// tokens count no longer.
    async fn raise_known_epoch(&self, transaction: &Transaction, user: &UserId, now: Timestamp) -> Result<(), DbErr> {
        use user_state::Column;
        // `cred_epoch` last, as in `raise_epoch`.
        let update = Query::update()
            .table(self.tables.user_state.clone())
            .value(Column::LowestEpoch, self.next_epoch())
            .value(Column::AllEndedAt, now.as_millis())
            .value(Column::CredEpoch, self.next_epoch())
            .and_where(Expr::col(Column::UserId).eq(user.as_str()))
            .take();
        transaction.execute(&update).await.map(drop)
    }

    /// Sets or removes the active factor; a pending one and the recovery codes go with the old one.
    pub(super) async fn put_factor(
        &self,
        transaction: &Transaction,
        user: &UserId,
        factor: Option<&Sealed>,
    ) -> Result<(), DbErr> {
        use user_state::Column;
        self.forget_factor(transaction, user).await?;
        let Some(factor) = factor else { return Ok(()) };
        let upsert = Query::insert()
            .into_table(self.tables.user_state.clone())
            .columns([Column::UserId, Column::CredEpoch, Column::FactorSecret, Column::FactorStep])
            .values_panic([user.as_str().into(), 0_i64.into(), factor.as_bytes().into(), 0_i64.into()])
            .on_conflict(
                OnConflict::column(Column::UserId)
                    .update_columns([Column::FactorSecret, Column::FactorStep])
                    .to_owned(),
            )
            .take();
        transaction.execute(&upsert).await.map(drop)
    }
}

fn columns(user: &DirectusUser) -> Vec<(user::Column, Expr)> {
    use user::Column;
    vec![
        (Column::Email, user.email.as_typed().into()),
        (Column::EmailKey, user.email.canonical().as_bytes().into()),
        (Column::PasswordHash, user.password.as_ref().map(PasswordHash::as_phc).into()),
        (Column::Status, user.status.as_str().into()),
        (Column::Role, user.role.as_ref().map(|role| role.as_str()).into()),
        (Column::AppAccess, user.app_access.into()),
        (Column::AdminAccess, user.admin_access.into()),
    ]
}

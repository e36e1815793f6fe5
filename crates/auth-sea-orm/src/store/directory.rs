//! Changes to users. Each of them raises the epoch and ends the user's sessions.

use async_trait::async_trait;
use auth_core::store::{Epoch, RevokeReason, StoreError, UpdateTerms, Updated, UserChange, UserDirectory};
use auth_core::{PasswordHash, Timestamp, UserId};
use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, UpdateStatement};

use super::SeaOrmStore;
use crate::entity::user::Column;
use crate::error::damaged;
use crate::retry::{Attempt, Resend, retrying};

#[async_trait]
impl UserDirectory for SeaOrmStore {
    async fn update(
        &self,
        id: &UserId,
        change: &UserChange,
        terms: UpdateTerms,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        retrying(Resend::Safe, || self.try_update(id, change, terms, now)).await
    }

    async fn delete(&self, id: &UserId, now: Timestamp) -> Result<bool, StoreError> {
        retrying(Resend::Safe, || self.try_delete(id, now)).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let select = Query::select()
            .expr_as(Expr::col(Column::Id).count(), sea_orm::sea_query::Alias::new("users"))
            .from(self.tables.user.clone())
            .take();
        retrying(Resend::Safe, async || {
            let row = self.db.read.query_one(&select).await?;
            let users = row.map(|row| row.try_get::<i64>("", "users")).transpose()?.unwrap_or_default();
            Ok(u64::try_from(users).map_err(|_| damaged("count"))?)
        })
        .await
    }
}

impl SeaOrmStore {
    async fn try_update(
        &self,
        id: &UserId,
        change: &UserChange,
        terms: UpdateTerms,
        now: Timestamp,
    ) -> Result<Updated, Attempt> {
        let transaction = self.begin().await?;
        // First, since it locks the epoch: what is compared below is what nobody else can change any more.
        match terms.keep {
            None => self.raise_epoch(&transaction, id, now).await?,
            Some(keep) => {
                self.raise_epoch_keeping_tokens(&transaction, id).await?;
                self.move_to_new_epoch(&transaction, id, keep).await?;
            }
        }
        // How many rows an UPDATE changed says nothing of rows that it found as wanted already, and a change may be
        // empty: so the user is looked for.
        let select = Query::select()
            .column(Column::Id)
            .from(self.tables.user.clone())
            .and_where(Expr::col(Column::Id).eq(id.as_str()))
            .take();
        if transaction.query_one(&select).await?.is_none() {
            return Ok(Updated::NoSuchUser);
        }
        if let Some(Epoch(expected)) = terms.expected {
            let Epoch(raised) = self.own_epoch(&transaction, id).await?;
            if expected.checked_add(1) != Some(raised) {
                return Ok(Updated::Stale);
            }
        }
        if let Some(update) = self.update_of(id, change) {
            transaction.execute(&update).await?;
        }
        self.end_alive(&transaction, id, terms.keep, RevokeReason::CredentialsChanged, now).await?;
        transaction.commit().await?;
        Ok(Updated::Done)
    }

    async fn try_delete(&self, id: &UserId, now: Timestamp) -> Result<bool, Attempt> {
        let transaction = self.begin().await?;
        self.raise_epoch(&transaction, id, now).await?;
        let delete = Query::delete()
            .from_table(self.tables.user.clone())
            .and_where(Expr::col(Column::Id).eq(id.as_str()))
            .take();
        if transaction.execute(&delete).await?.rows_affected() == 0 {
            return Ok(false);
        }
        self.forget_factor(&transaction, id).await?;
        self.forget_tokens(&transaction, id).await?;
        self.end_alive(&transaction, id, None, RevokeReason::CredentialsChanged, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// `None` when nothing is to be changed.
    fn update_of(&self, id: &UserId, change: &UserChange) -> Option<UpdateStatement> {
        let mut values: Vec<(Column, Expr)> = Vec::new();
        if let Some(email) = &change.email {
            values.push((Column::Email, email.as_typed().into()));
            values.push((Column::EmailKey, email.canonical().as_bytes().into()));
        }
        values.extend(change.password.as_ref().map(|hash| (Column::PasswordHash, PasswordHash::as_phc(hash).into())));
        values.extend(change.status.map(|status| (Column::Status, status.as_str().into())));
        values.extend(change.role.as_ref().map(|role| {
            let role = role.as_ref().map(|role| role.as_str());
            (Column::Role, role.into())
        }));
        values.extend(change.app_access.map(|access| (Column::AppAccess, access.into())));
        values.extend(change.admin_access.map(|access| (Column::AdminAccess, access.into())));
        if values.is_empty() {
            return None;
        }
        let update = Query::update()
            .table(self.tables.user.clone())
            .values(values)
            .and_where(Expr::col(Column::Id).eq(id.as_str()))
            .take();
        Some(update)
    }
}

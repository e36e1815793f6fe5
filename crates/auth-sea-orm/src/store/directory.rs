//! Changes to users. Each of them raises the epoch and ends the user's sessions. Lists of users are in `users`.

use async_trait::async_trait;
use auth_core::store::{
    Epoch, LastAdmin, RevokeReason, StoreError, UpdateTerms, Updated, UserChange, UserDirectory, UserFilter, UserPage,
    UserStatus, UserSummary,
};
use auth_core::{PasswordHash, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockType, Order, Query, UpdateStatement};
use sea_orm::{ConnectionTrait as _, DbErr};

use super::{SeaOrmStore, Transaction};
use crate::entity::user::Column;
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

    async fn delete(&self, id: &UserId, last_admin: LastAdmin, now: Timestamp) -> Result<Updated, StoreError> {
        retrying(Resend::Safe, || self.try_delete(id, last_admin, now)).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.count_all(Query::select().from(self.tables.user.clone())).await
    }

    async fn users(&self, page: &UserPage) -> Result<Vec<UserSummary>, StoreError> {
        self.user_page(page).await
    }

    async fn count_users(&self, filter: &UserFilter, most: u64) -> Result<u64, StoreError> {
        self.count_some_users(filter, most).await
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
        let may_end_admin = terms.last_admin == LastAdmin::Stays && change.ends_admin();
        if may_end_admin && self.is_last_admin(&transaction, id).await? {
            return Ok(Updated::LastAdmin);
        }
        if let Some(update) = self.update_of(id, change) {
            transaction.execute(&update).await?;
        }
        self.end_alive(&transaction, id, terms.keep, RevokeReason::CredentialsChanged, now).await?;
        transaction.commit().await?;
        Ok(Updated::Done)
    }

    async fn try_delete(&self, id: &UserId, last_admin: LastAdmin, now: Timestamp) -> Result<Updated, Attempt> {
        let transaction = self.begin().await?;
        self.raise_epoch(&transaction, id, now).await?;
        if last_admin == LastAdmin::Stays && self.is_last_admin(&transaction, id).await? {
            return Ok(Updated::LastAdmin);
        }
        let delete = Query::delete()
            .from_table(self.tables.user.clone())
            .and_where(Expr::col(Column::Id).eq(id.as_str()))
            .take();
        if transaction.execute(&delete).await?.rows_affected() == 0 {
            return Ok(Updated::NoSuchUser);
        }
        self.forget_factor(&transaction, id).await?;
        self.forget_tokens(&transaction, id).await?;
        self.end_alive(&transaction, id, None, RevokeReason::CredentialsChanged, now).await?;
        transaction.commit().await?;
        Ok(Updated::Done)
    }

    /// Whether there is no other active admin. Whoever asks locks the first two of them, in the same order: of several
    /// that would leave nobody, one waits for the other, and sees then what the other left.
    async fn is_last_admin(&self, transaction: &Transaction, id: &UserId) -> Result<bool, DbErr> {
        let select = Query::select()
            .column(Column::Id)
            .from(self.tables.user.clone())
            .and_where(Expr::col(Column::AdminAccess).eq(true))
            .and_where(Expr::col(Column::Status).eq(UserStatus::Active.as_str()))
            .order_by(Column::Id, Order::Asc)
            .limit(2)
            .lock(LockType::Update)
            .take();
        let admins = transaction.query_all(&select).await?;
        let ids = admins.iter().map(|row| row.try_get::<String>("", "id")).collect::<Result<Vec<_>, _>>()?;
        Ok(ids == [id.as_str()])
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

//! Identity and password.

use async_trait::async_trait;
use auth_core::store::{NewUserRecord, StoreError, Swap, UserRecord, UserStore};
use auth_core::{Email, PasswordHash, UserId};
use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use super::{SeaOrmStore, row};
use crate::entity::user::Column;
use crate::entity::user_state;
use crate::retry::{Resend, retrying};

#[async_trait]
impl UserStore for SeaOrmStore {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        self.find(Expr::col((self.tables.user.clone(), Column::EmailKey)).eq(email.canonical().as_bytes())).await
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.find(Expr::col((self.tables.user.clone(), Column::Id)).eq(id.as_str())).await
    }

    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        let insert =
            Query::insert().into_table(self.tables.user.clone()).columns(COLUMNS).values_panic(values(user)).take();
        // Never sent again: when the first one was done, the second would be told that the user exists.
        retrying(Resend::Never, async || {
            self.db.write.execute(&insert).await?;
            Ok(user.id)
        })
        .await
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(self.tables.user.clone())
            .value(Column::PasswordHash, new.as_phc())
            .and_where(Expr::col(Column::Id).eq(id.as_str()))
            .and_where(Expr::col(Column::PasswordHash).eq(expected.as_phc()))
            .take();
        Ok(self.swap(&update).await? == Swap::Won)
    }
}

/// Of a new user, in the order of [`values`].
pub(super) const COLUMNS: [Column; 9] = [
    Column::Id,
    Column::Email,
    Column::EmailKey,
    Column::PasswordHash,
    Column::Status,
    Column::Role,
    Column::AppAccess,
    Column::AdminAccess,
    Column::CreatedAt,
];

pub(super) fn values(user: &NewUserRecord) -> [Expr; 9] {
    [
        user.id.as_str().into(),
        user.email.as_typed().into(),
        user.email.canonical().as_bytes().into(),
        user.password.as_ref().map(PasswordHash::as_phc).into(),
        user.status.as_str().into(),
        user.role.as_ref().map(|role| role.as_str()).into(),
        user.app_access.into(),
        user.admin_access.into(),
        user.created_at.as_millis().into(),
    ]
}

impl SeaOrmStore {
    /// The user and the user's epoch, in one statement.
    async fn find(&self, is_wanted: Expr) -> Result<Option<UserRecord>, StoreError> {
        let tables = &*self.tables;
        let mut select = Query::select();
        row::select_user(&mut select, tables);
        select
            .from(tables.user.clone())
            .left_join(
                tables.user_state.clone(),
                Expr::col((tables.user_state.clone(), user_state::Column::UserId))
                    .eq(Expr::col((tables.user.clone(), Column::Id))),
            )
            .and_where(is_wanted);
        retrying(Resend::Safe, async || {
            let Some(row) = self.db.read.query_one(&select).await? else { return Ok(None) };
            Ok(row::user_record(&row)?)
        })
        .await
    }
}

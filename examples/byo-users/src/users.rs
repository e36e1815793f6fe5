//! Who may sign in: the customers, as auth sees them. This is all that an app implements.

use async_trait::async_trait;
use auth_core::store::{NewUserRecord, StoreError, StoreErrorKind, UserRecord, UserStatus, UserStore};
use auth_core::{Email, PasswordHash, Role, Timestamp, UserId};
use auth_sea_orm::entity::user::PasswordHashText;
use auth_sea_orm::store_error;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _,
    Set,
};

use crate::customer::{ActiveModel, Column, Entity, Model};

/// The customers who did not leave.
#[derive(Debug, Clone)]
pub struct Customers(DatabaseConnection);

#[async_trait]
impl UserStore for Customers {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        let has_address = Column::EmailKey.eq(email.canonical());
        let found = Entity::find().filter(is_there()).filter(has_address).one(&self.0).await.map_err(store_error)?;
        found.map(record).transpose()
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.find(id).await.map_err(store_error)?.map(record).transpose()
    }

    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        let now = user.created_at.as_millis();
        let (name, _) = user.email.as_typed().split_once('@').unwrap_or_default();
        let customer = ActiveModel {
            email: Set(user.email.as_typed().to_owned()),
            email_key: Set(user.email.canonical().to_owned()),
            password_hash: Set(user.password.as_ref().map(text)),
            role: Set(user.role.map(|role| role.to_string())),
            is_admin: Set(user.admin_access),
            display_name: Set(name.to_owned()),
            newsletter: Set(false),
            created_at: Set(now),
            // This table knows no other way to keep somebody out.
            deleted_at: Set((user.status != UserStatus::Active).then_some(now)),
            ..Default::default()
        };
        let customer = customer.insert(&self.0).await.map_err(store_error)?;
        user_id(customer.id)
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        self.set_password(id, expected, new).await.map_err(store_error)
    }
}

/// What the app itself does with its customers. After each change here it calls `Auth::end_sessions_of`.
impl Customers {
    /// Over a database with the app's tables.
    #[must_use]
    pub const fn new(db: DatabaseConnection) -> Self {
        Self(db)
    }

    /// The whole row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(&self, id: &UserId) -> Result<Option<Model>, DbErr> {
        let Some(id) = row_id(id) else { return Ok(None) };
        Entity::find_by_id(id).filter(is_there()).one(&self.0).await
    }

    /// Gives a customer another password in place of `old`; `false` when it is not that any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_password(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, DbErr> {
        let unchanged = Condition::all().add(Column::PasswordHash.eq(old.as_phc()));
        self.update(id, unchanged, Column::PasswordHash, new.as_phc()).await
    }

    /// Marks a customer as gone; `false` when there is no such customer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn soft_delete(&self, id: &UserId, now: Timestamp) -> Result<bool, DbErr> {
        self.update(id, Condition::all(), Column::DeletedAt, now.as_millis()).await
    }

    async fn update<V>(&self, id: &UserId, only_if: Condition, column: Column, value: V) -> Result<bool, DbErr>
    where
        V: Into<sea_orm::Value> + Send,
    {
        let Some(id) = row_id(id) else { return Ok(false) };
        let this = only_if.add(Column::Id.eq(id)).add(is_there());
        let done = Entity::update_many().col_expr(column, Expr::value(value)).filter(this).exec(&self.0).await?;
        Ok(done.rows_affected > 0)
    }
}

fn is_there() -> Condition {
    Condition::all().add(Column::DeletedAt.is_null())
}

fn record(customer: Model) -> Result<UserRecord, StoreError> {
    let role = customer.role.as_deref().map(Role::new).transpose();
    Ok(UserRecord {
        id: user_id(customer.id)?,
        email: customer.email,
        password: customer.password_hash.map(|hash| PasswordHash::from_phc(hash.0)),
        status: UserStatus::Active,
        role: role.map_err(|error| StoreError::new(StoreErrorKind::Corrupt, error))?,
        app_access: true,
        admin_access: customer.is_admin,
        // Auth keeps it.
        epoch: None,
    })
}

fn user_id(id: i64) -> Result<UserId, StoreError> {
    UserId::new(&id.to_string()).map_err(|error| StoreError::new(StoreErrorKind::Corrupt, error))
}

/// Only in the spelling of [`user_id`]: `042` is nobody, not another name of 42.
fn row_id(id: &UserId) -> Option<i64> {
    let number: i64 = id.as_str().parse().ok()?;
    (number.to_string() == id.as_str()).then_some(number)
}

fn text(hash: &PasswordHash) -> PasswordHashText {
    PasswordHashText(hash.as_phc().to_owned())
}

//! Who may sign in.

use std::fmt;

use sea_orm::entity::prelude::*;

/// A user.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_user")]
pub struct Model {
    /// A UUIDv7, or what the app chose: 1 to 64 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The address as the user typed it.
    pub email: String,
    /// The canonical address, as bytes: unique and compared without any collation (requirement E1).
    #[sea_orm(unique)]
    pub email_key: Vec<u8>,
    /// The password's hash, if there is a password.
    pub password_hash: Option<PasswordHashText>,
    /// The name of an `auth_core::store::UserStatus`.
    pub status: String,
    /// The user's role.
    pub role: Option<String>,
    /// May use the app.
    pub app_access: bool,
    /// May do everything.
    pub admin_access: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// A PHC string that does not show itself in logs.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct PasswordHashText(pub String);

impl fmt::Debug for PasswordHashText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHashText([redacted])")
    }
}

//! Personal access tokens: what is known of one without the token.

use sea_orm::entity::prelude::*;

/// A personal access token. Times are milliseconds since 1970; of the token itself there is a hash.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_token")]
pub struct Model {
    /// 16 bytes, a UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// 32 bytes, SHA-256 of the token.
    #[sea_orm(unique)]
    pub hash: Vec<u8>,
    /// Whose it is.
    pub user_id: String,
    /// The user's epoch when it was made; under another epoch it is dead.
    pub cred_epoch: i64,
    /// What its user calls it.
    pub name: String,
    /// What it is limited to, with a space between two scopes.
    pub scopes: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it expires.
    pub expires_at: i64,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

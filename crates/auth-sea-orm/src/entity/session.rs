//! Sessions: one row each, rotated in place.

use sea_orm::entity::prelude::*;

/// A session. Times are milliseconds since 1970, hashes are SHA-256; no secret is stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_session")]
pub struct Model {
    /// 16 bytes, a UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// Whose it is.
    pub user_id: String,
    /// The user's epoch when it was opened; under another epoch it is dead.
    pub cred_epoch: i64,
    /// Authenticator assurance level.
    pub aal: i16,
    /// Hash of the family secret.
    pub family_hash: Vec<u8>,
    /// How often it was rotated.
    pub generation: i64,
    /// Hash of the current secret.
    pub current_hash: Vec<u8>,
    /// Hash of the secret before it.
    pub previous_hash: Option<Vec<u8>>,
    /// 16 bytes from which the current secret was derived.
    pub salt: Vec<u8>,
    /// Which ratchet key derived it.
    pub key_id: i32,
    /// The number of an `auth_core::store::SessionMode`.
    pub mode: i16,
    /// When the user authenticated.
    pub auth_time: i64,
    /// When it was opened.
    pub created_at: i64,
    /// When it was last rotated.
    pub rotated_at: Option<i64>,
    /// When it was last used, as far as this table knows: at its last rotation.
    pub last_used_at: Option<i64>,
    /// When it ends unless it is refreshed.
    pub idle_expires_at: i64,
    /// When it ends.
    pub absolute_expires_at: i64,
    /// When it was ended; once set, it stays.
    pub revoked_at: Option<i64>,
    /// The name of an `auth_core::store::RevokeReason`.
    pub revoke_reason: Option<String>,
    /// The address it was opened from.
    pub ip: Option<String>,
    /// The user agent it was opened with.
    pub user_agent: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

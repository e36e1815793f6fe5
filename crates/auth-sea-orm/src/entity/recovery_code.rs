//! What stands in for a second factor that was lost.

use sea_orm::entity::prelude::*;

/// A recovery code: its hash alone.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_recovery_code")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
    /// 32 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    /// When it was used up, in milliseconds since 1970.
    pub used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

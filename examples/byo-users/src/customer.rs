//! The table that the app had all along, as a sea-orm entity.
#![allow(missing_docs, reason = "sea-orm derives public items without docs")]

use auth_sea_orm::entity::user::PasswordHashText;
use sea_orm::entity::prelude::*;

/// A customer. Times are milliseconds since 1970.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customer")]
pub struct Model {
    /// Never given twice: sessions are kept under it.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// As the customer typed it: where mail goes.
    pub email: String,
    /// In canonical form: who signs in.
    #[sea_orm(unique)]
    pub email_key: String,
    /// A PHC string.
    pub password_hash: Option<PasswordHashText>,
    pub role: Option<String>,
    pub is_admin: bool,
    pub display_name: String,
    pub newsletter: bool,
    pub created_at: i64,
    /// Set for a customer who left. The row stays, and with it the address: nobody else gets it.
    pub deleted_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

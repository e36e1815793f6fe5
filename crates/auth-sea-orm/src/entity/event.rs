//! The audit trail.

use sea_orm::entity::prelude::*;

/// Something that happened. It holds no secret and no e-mail address.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_events")]
pub struct Model {
    /// 16 bytes, a UUIDv7 of `at`: later ones are greater.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What: the name of an `auth_core::EventKind`.
    pub kind: String,
    /// Whether it was let happen: the name of an `auth_core::Outcome`.
    pub outcome: String,
    /// Whose account, when that is known.
    pub user_id: Option<String>,
    /// By whom, when it was not the user.
    pub actor_id: Option<String>,
    /// 16 bytes: in which session.
    pub session_id: Option<Vec<u8>>,
    /// 16 bytes: which personal access token it is about.
    pub token_id: Option<Vec<u8>>,
    /// From which address.
    pub ip: Option<String>,
    /// With which user agent.
    pub user_agent: Option<String>,
    /// What else there is to say: names, with commas between them.
    pub details: Option<String>,
    /// How often: more than 1 for what is counted, not kept one by one.
    pub times: i64,
}

impl ActiveModelBehavior for ActiveModel {}

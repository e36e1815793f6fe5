//! What the credentials of a user are worth, wherever the user lives.

use sea_orm::entity::prelude::*;

/// The state of one user; a user without a row has epoch 0.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_user_state")]
pub struct Model {
    /// Whose it is. It stays when the user is removed, so that old sessions stay dead.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
    /// Raised by every change of password, status, role, factor or address.
    pub cred_epoch: i64,
    /// The lowest epoch whose access tokens count: the one that followed when all sessions were ended.
    pub lowest_epoch: i64,
    /// When that was.
    pub all_ended_at: Option<i64>,
    /// The secret of the second factor, encrypted; none without one.
    pub factor_secret: Option<Vec<u8>>,
    /// The last step whose code was accepted; there is one whenever there is a factor.
    pub factor_step: Option<i64>,
    /// A secret that its user has yet to confirm, encrypted.
    pub pending_secret: Option<Vec<u8>>,
    /// The session that may confirm it.
    pub pending_session: Option<Vec<u8>>,
    /// When it was made.
    pub pending_at: Option<i64>,
    /// Of users who live elsewhere: a mark of their credentials there as they were last seen, and one of their second
    /// factor, of 16 bytes each.
    pub upstream: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}

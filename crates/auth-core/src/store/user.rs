//! Users: who they are ([`UserStore`]). Lists of them and changes to them are in [`UserDirectory`](super::UserDirectory).

use std::fmt;

use async_trait::async_trait;

use super::{Epoch, StoreError};
use crate::clock::Timestamp;
use crate::email::Email;
use crate::id::{Role, UserId};
use crate::password::PasswordHash;

/// Identity and password: what an app implements over a user table of its own, where
/// [`AuthBuilder::users`](crate::AuthBuilder::users) says what it must promise and shows one.
#[async_trait]
pub trait UserStore: fmt::Debug + Send + Sync + 'static {
    /// The user whose canonical address has exactly the bytes of `email.canonical()`.
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError>;

    /// The user with this id.
    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError>;

    /// Stores a new user, and says under which id: that of `user`, or another one, of a table that numbers its rows.
    ///
    /// # Errors
    /// `Conflict` when the id or the canonical address exists.
    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError>;

    /// Replaces the password hash if it is still `expected`, and says whether it did. This is for a hash of the same
    /// password with stronger parameters: no session ends by it. Of users in a table of the app, it stores a new
    /// password too, and we end the sessions after it.
    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError>;
}

/// A user as authentication sees one.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// Who it is.
    pub id: UserId,
    /// The address as the user typed it.
    pub email: String,
    /// `None` for a user without a password, who cannot sign in with one.
    pub password: Option<PasswordHash>,
    /// Whether the user may sign in.
    pub status: UserStatus,
    /// The user's role.
    pub role: Option<Role>,
    /// May use the app: claim `app_access`.
    pub app_access: bool,
    /// May do everything: claim `admin_access`.
    pub admin_access: bool,
    /// The epoch, read in the same statement, when the store keeps it beside the user; else `None`, and it is read
    /// separately. A table of the app has none, unless its implementation finds out that a user was changed there, ends
    /// the sessions by itself, and says here under which epoch it read the rest.
    pub epoch: Option<Epoch>,
}

/// Whether a user may sign in; only `Active` users may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// Invited, and has not accepted yet.
    Invited,
    /// Registered, and has not confirmed the address yet.
    Unverified,
    /// Not (or no longer) in use.
    Inactive,
    /// Shut out.
    Suspended,
}

impl UserStatus {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Active, Self::Invited, Self::Unverified, Self::Inactive, Self::Suspended];

    /// The stable name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "invited",
            Self::Unverified => "unverified",
            Self::Inactive => "inactive",
            Self::Suspended => "suspended",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }
}

/// A user to be stored.
#[derive(Debug, Clone)]
pub struct NewUserRecord {
    /// Who it will be, unless the store has ids of its own.
    pub id: UserId,
    /// The address, typed and canonical.
    pub email: Email,
    /// The password's hash.
    pub password: Option<PasswordHash>,
    /// Whether the user may sign in.
    pub status: UserStatus,
    /// The user's role.
    pub role: Option<Role>,
    /// May use the app.
    pub app_access: bool,
    /// May do everything.
    pub admin_access: bool,
    /// When.
    pub created_at: Timestamp,
}

/// Changes to a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new address.
    pub email: Option<Email>,
    /// A new password.
    pub password: Option<PasswordHash>,
    /// A new status.
    pub status: Option<UserStatus>,
    /// A new role, or none.
    pub role: Option<Option<Role>>,
    /// Whether the user may use the app.
    pub app_access: Option<bool>,
    /// Whether the user may do everything.
    pub admin_access: Option<bool>,
}

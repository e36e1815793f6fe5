//! Users as an admin sees them: lists of them, and changes to them ([`UserDirectory`]).

use std::fmt;

use async_trait::async_trait;

use super::{Epoch, StoreError, UserChange, UserStatus};
use crate::clock::Timestamp;
use crate::email::EmailPrefix;
use crate::id::{Role, SessionId, UserId};

/// Lists and changes of users that live in the store itself.
#[async_trait]
pub trait UserDirectory: fmt::Debug + Send + Sync + 'static {
    /// Applies `change`, raises the epoch and ends the sessions of the user, in one transaction; under these terms.
    ///
    /// Of many updates that expect the same epoch, one is done and the others are [`Updated::Stale`], however they meet.
    ///
    /// # Errors
    /// `Conflict` when the new address belongs to another user; nothing is changed then. An error may also mean that
    /// the answer was lost: whoever expects an epoch and asks again may find it [`Updated::Stale`] by the first try.
    async fn update(
        &self,
        id: &UserId,
        change: &UserChange,
        terms: UpdateTerms,
        now: Timestamp,
    ) -> Result<Updated, StoreError>;

    /// Removes the user, raises the epoch and ends all sessions, in one transaction. Never [`Updated::Stale`].
    async fn delete(&self, id: &UserId, last_admin: LastAdmin, now: Timestamp) -> Result<Updated, StoreError>;

    /// How many users there are.
    async fn count(&self) -> Result<u64, StoreError>;

    /// Some users that `page` asks for: by id, the highest first, or with [`UserFilter::email`] by canonical address, the
    /// lowest first. Bytes are compared, of addresses and of ids alike, where the database does so.
    ///
    /// Each page costs about the same, however many users there are, as long as [`UserPage::skip`] is small.
    async fn users(&self, page: &UserPage) -> Result<Vec<UserSummary>, StoreError>;

    /// How many users there are of this kind, but no more than `most`: what is beyond is not looked at.
    async fn count_users(&self, filter: &UserFilter, most: u64) -> Result<u64, StoreError>;
}

/// Which users.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// The one with this id.
    pub id: Option<UserId>,
    /// Those of this status.
    pub status: Option<UserStatus>,
    /// Those with this role.
    pub role: Option<Role>,
    /// Those with `admin_access`, or those without.
    pub admin_access: Option<bool>,
    /// Those whose address begins like this.
    pub email: Option<EmailPrefix>,
}

/// A part of a list of users.
#[derive(Debug, Clone)]
pub struct UserPage {
    /// Of which users.
    pub filter: UserFilter,
    /// Only those that come after this one, which is the last of the page before. When users are listed by address, and
    /// there is no such user any more, there are none.
    pub after: Option<UserId>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at most.
    pub limit: u64,
}

impl UserPage {
    /// The user with this id, if there is one.
    #[must_use]
    pub fn of_one(id: UserId) -> Self {
        Self { filter: UserFilter { id: Some(id), ..UserFilter::default() }, after: None, skip: 0, limit: 1 }
    }
}

/// A user in a list: without the password's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSummary {
    /// Who it is.
    pub id: UserId,
    /// The address as the user typed it.
    pub email: String,
    /// Whether the user may sign in.
    pub status: UserStatus,
    /// The user's role.
    pub role: Option<Role>,
    /// May use the app.
    pub app_access: bool,
    /// May do everything.
    pub admin_access: bool,
    /// Whether the user has a second factor in use.
    pub has_factor: bool,
    /// When the user was made.
    pub created_at: Timestamp,
}

/// Under which terms a user is changed. The default asks for nothing and keeps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdateTerms {
    /// Change the user only while the epoch is this one: nobody changed the credentials since it was read.
    pub expected: Option<Epoch>,
    /// The session that goes on and is moved to the new epoch, as in [`FactorStore::end_sessions`](super::FactorStore::end_sessions).
    pub keep: Option<SessionId>,
    /// What becomes of the last admin.
    pub last_admin: LastAdmin,
}

/// What becomes of the last user who is active and has `admin_access`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastAdmin {
    /// May go as anybody may: a command line can make another one.
    #[default]
    MayGo,
    /// Stays active, and an admin, however many changes meet: [`Updated::LastAdmin`].
    Stays,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updated {
    /// The user is changed or removed, and the sessions have ended.
    Done,
    /// There is no such user; nothing is changed.
    NoSuchUser,
    /// The epoch is another than the expected one; nothing is changed.
    Stale,
    /// Nobody else is an admin, and [`LastAdmin::Stays`]; nothing is changed.
    LastAdmin,
}

impl UserChange {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { email, password, status, role, app_access, admin_access } = self;
        email.is_none()
            && password.is_none()
            && status.is_none()
            && role.is_none()
            && app_access.is_none()
            && admin_access.is_none()
    }

    /// Whether whoever is changed like this may be no active admin any more.
    #[must_use]
    pub fn ends_admin(&self) -> bool {
        self.admin_access == Some(false) || self.status.is_some_and(|status| status != UserStatus::Active)
    }
}

//! Users: made, found, changed, removed.

use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::id::{Role, UserId};
use crate::secret::Password;
use crate::store::{
    NewUserRecord, RevokeReason, StoreError, StoreErrorKind, UserChange, UserDirectory, UserRecord, UserStatus,
};

/// A user to be made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The password, which must meet the policy.
    pub password: Password,
    /// The role. Default none.
    pub role: Option<Role>,
    /// Default active.
    pub status: UserStatus,
    /// Claim `app_access`. Default yes.
    pub app_access: bool,
    /// Claim `admin_access`. Default no.
    pub admin_access: bool,
}

impl NewUser {
    /// An active user without a role, who may use the app.
    #[must_use]
    pub const fn new(email: Email, password: Password) -> Self {
        Self { email, password, role: None, status: UserStatus::Active, app_access: true, admin_access: false }
    }

    /// An active user who may do everything.
    #[must_use]
    pub fn admin(email: Email, password: Password) -> Self {
        Self { admin_access: true, ..Self::new(email, password) }
    }
}

/// Changes to a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserUpdate {
    /// A new address.
    pub email: Option<Email>,
    /// A new password, which must meet the policy.
    pub password: Option<Password>,
    /// A new status.
    pub status: Option<UserStatus>,
    /// A new role, or none.
    pub role: Option<Option<Role>>,
    /// Claim `app_access`.
    pub app_access: Option<bool>,
    /// Claim `admin_access`.
    pub admin_access: Option<bool>,
}

impl Auth {
    /// Makes a user.
    ///
    /// # Errors
    /// `WeakPassword` with the reason as its source, `EmailTaken`, `Unavailable`.
    pub async fn create_user(&self, user: NewUser) -> Result<UserId, AuthError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let record = NewUserRecord {
            id: UserId::generate(now, &*inner.random)?,
            password: Some(self.hash_password(user.password).await?),
            email: user.email,
            status: user.status,
            role: user.role,
            app_access: user.app_access,
            admin_access: user.admin_access,
            created_at: now,
        };
        inner.users.create(&record).await.map_err(taken)
    }

    /// The user with this id.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_user(&self, id: &UserId) -> Result<Option<UserRecord>, AuthError> {
        Ok(self.inner.users.find_by_id(id).await?)
    }

    /// How many users there are.
    ///
    /// # Errors
    /// `UsersElsewhere` when users live in a table of the app; `Unavailable`.
    pub async fn count_users(&self) -> Result<u64, AuthError> {
        Ok(self.directory()?.count().await?)
    }

    /// Changes a user and ends all of the user's sessions. `false` when there is no such user.
    ///
    /// # Errors
    /// `WeakPassword`, `EmailTaken`, `UsersElsewhere`, `Unavailable`; nothing is changed then.
    pub async fn update_user(&self, id: &UserId, update: UserUpdate) -> Result<bool, AuthError> {
        let directory = self.directory()?;
        let is_new_password = update.password.is_some();
        let password = match update.password {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let change = UserChange {
            email: update.email,
            password,
            status: update.status,
            role: update.role,
            app_access: update.app_access,
            admin_access: update.admin_access,
        };
        let changed = directory.update(id, &change, self.inner.clock.now()).await.map_err(taken)?;
        self.all_ended(id, changed);
        if changed && is_new_password {
            self.inner.forgive(id).await;
        }
        Ok(changed)
    }

    /// Removes a user and ends all of the user's sessions. `false` when there is no such user.
    ///
    /// # Errors
    /// `UsersElsewhere`, `Unavailable`.
    pub async fn delete_user(&self, id: &UserId) -> Result<bool, AuthError> {
        let deleted = self.directory()?.delete(id, self.inner.clock.now()).await?;
        self.all_ended(id, deleted);
        Ok(deleted)
    }

    /// Ends all sessions of a user, and makes sure that none is opened with credentials checked before; says how many
    /// ended. An app with a user table of its own calls this after each change of password, status, role or address has
    /// been committed.
    ///
    /// # Errors
    /// `Unavailable`: what is changed is changed, and the sessions live on until this is called again.
    pub async fn end_sessions_of(&self, id: &UserId) -> Result<u64, AuthError> {
        let now = self.inner.clock.now();
        let ended = self.inner.factors.end_sessions(id, None, RevokeReason::CredentialsChanged, now).await?;
        self.all_ended(id, true);
        Ok(ended)
    }

    fn directory(&self) -> Result<&dyn UserDirectory, AuthError> {
        self.inner.directory.as_deref().ok_or_else(|| ErrorKind::UsersElsewhere.into())
    }

    fn all_ended(&self, id: &UserId, ended: bool) {
        if ended {
            self.inner.record(EventKind::AllSessionsEnded, Some(*id), None, &ClientInfo::default());
        }
    }
}

impl Inner {
    /// Failures with the old password say nothing of the new one: its owner must get in (requirement G1). The counter of
    /// the second factor stays. The password is set by now, so a store that fails here changes nothing about that.
    pub(super) async fn forgive(&self, id: &UserId) {
        match self.users.find_by_id(id).await {
            Ok(Some(user)) => {
                if let Ok(email) = Email::parse(&user.email) {
                    self.throttle.forgive(&email).await;
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(target: "auth::throttle", user = %id, %error, "failures stay counted"),
        }
    }
}

fn taken(error: StoreError) -> AuthError {
    match error.kind() {
        StoreErrorKind::Conflict => AuthError::new(ErrorKind::EmailTaken, error),
        _ => error.into(),
    }
}

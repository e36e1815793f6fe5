//! Passwords for an app that keeps its users in a table of its own: it stores them, we hash and check them.

use crate::auth::Auth;
use crate::client::ClientInfo;
use crate::error::{AuthError, ErrorKind};
use crate::id::UserId;
use crate::password::PasswordHash;
use crate::secret::Password;
use crate::store::UserStatus;

impl Auth {
    /// Hashes a password that this user is to have, in the bounded pool. Store it, then call
    /// [`end_sessions_of`](Self::end_sessions_of).
    ///
    /// # Errors
    /// `WeakPassword`, of which [`AuthError::password_problem`] says why; `Unavailable` when the pool is full.
    #[tracing::instrument(name = "auth.password_hash", skip_all, fields(user = %user))]
    pub async fn hash_password(&self, user: &UserId, password: Password) -> Result<PasswordHash, AuthError> {
        let user = self.inner.users.find_by_id(user).await?;
        let emails: Vec<_> = user.iter().map(|user| user.email.as_str()).collect();
        self.hash_new(password, &emails).await
    }

    /// Checks the password of a user who is signed in, before something is changed that needs it (requirement P8). It
    /// takes the work of a login, and opens no session. Gives the hash that it belongs to: store the new one only in its
    /// place, since somebody else who knows the password may be faster.
    ///
    /// # Errors
    /// `InvalidCredentials` when it is another one, or the user has none or may not sign in; `TooManyRequests` after too
    /// many wrong ones; `Unavailable`.
    #[tracing::instrument(name = "auth.password_check", skip_all, fields(user = %user))]
    pub async fn verify_password(&self, user: &UserId, password: Password) -> Result<PasswordHash, AuthError> {
        let user = self.inner.users.find_by_id(user).await?.filter(|user| user.status == UserStatus::Active);
        let user = user.ok_or(ErrorKind::InvalidCredentials)?;
        self.inner.check_password(&user, None, password, &ClientInfo::default()).await?;
        user.password.ok_or_else(|| ErrorKind::InvalidCredentials.into())
    }
}

//! Signing in with a password.

use zeroize::Zeroizing;

use super::Tokens;
use super::issue::Issue;
use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::id::{SessionId, UserId};
use crate::password::hash::{MAX_PASSWORD_BYTES, Verification};
use crate::rng;
use crate::secret::Password;
use crate::session::codec::{self, TokenParts};
use crate::store::{Epoch, NewSession, Opened, SessionMode, UserRecord, UserStatus};

/// Somebody wants to sign in.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    email: Email,
    password: Password,
    mode: SessionMode,
}

impl LoginRequest {
    /// With an address and a password, for a session whose refresh token travels in JSON.
    #[must_use]
    pub const fn new(email: Email, password: Password) -> Self {
        Self { email, password, mode: SessionMode::Json }
    }

    /// How the client will hold its tokens.
    #[must_use]
    pub const fn mode(mut self, mode: SessionMode) -> Self {
        self.mode = mode;
        self
    }
}

impl Auth {
    /// Checks the password and opens a new session.
    ///
    /// An unknown address, a wrong password and a user who may not sign in are one error, after the same work
    /// (requirements G4, G5).
    ///
    /// # Errors
    /// `InvalidCredentials`; `Unavailable` when the store or the hashing pool is overloaded or down.
    pub async fn login(&self, request: LoginRequest, client: &ClientInfo) -> Result<Tokens, AuthError> {
        let not_before = tokio::time::Instant::now() + self.inner.config.login_stall;
        let result = self.inner.login(request, client).await;
        if let Err(error) = &result {
            if error.kind() == ErrorKind::InvalidCredentials {
                self.inner.record(EventKind::LoginFailed, None, None, client);
            }
            tokio::time::sleep_until(not_before).await;
        }
        result
    }

    /// Opens a session for a user without a password. Whoever calls this vouches for the user: a single sign-on
    /// callback, a test.
    ///
    /// # Errors
    /// `InvalidCredentials` when there is no such user, or the user may not sign in; `Unavailable`.
    pub async fn open_session(
        &self,
        user: &UserId,
        mode: SessionMode,
        client: &ClientInfo,
    ) -> Result<Tokens, AuthError> {
        let epoch = self.inner.factors.epoch(user).await?;
        let user = self.inner.users.find_by_id(user).await?;
        let user = user.filter(|user| user.status == UserStatus::Active).ok_or(ErrorKind::InvalidCredentials)?;
        self.inner.open(&user, epoch, mode, client).await
    }
}

impl Inner {
    async fn login(&self, request: LoginRequest, client: &ClientInfo) -> Result<Tokens, AuthError> {
        if request.password.expose_secret().len() > MAX_PASSWORD_BYTES {
            return Err(ErrorKind::InvalidCredentials.into());
        }
        let place = self.pool.reserve()?;
        let candidate = self.candidate(&request.email).await?;
        let stored = candidate.as_ref().and_then(|(user, _)| user.password.clone());
        let verification = place.verify(request.password.clone(), stored).await?;
        let (Some((user, epoch)), Verification::Match { outdated }) = (candidate, verification) else {
            return Err(ErrorKind::InvalidCredentials.into());
        };
        if user.status != UserStatus::Active {
            return Err(ErrorKind::InvalidCredentials.into());
        }
        if outdated {
            self.strengthen(&user, request.password).await;
        }
        self.open(&user, epoch, request.mode, client).await
    }

    /// The user with this address, and the epoch under which the password hash was read.
    pub(super) async fn candidate(&self, email: &Email) -> Result<Option<(UserRecord, Epoch)>, AuthError> {
        let found = self.users.find_by_email(email).await?;
        let (id, is_known) = match found {
            Some(user) => match user.epoch.filter(|_| self.directory.is_some()) {
                Some(epoch) => return Ok(Some((user, epoch))),
                None => (user.id, true),
            },
            None if self.directory.is_some() => return Ok(None),
            // Nobody's, so that an unknown address takes as many statements as a known one (requirement G5).
            None => (UserId::generate(self.clock.now(), &*self.random)?, false),
        };
        // Users live elsewhere: read the epoch first and the hash after it, so that a password change in between
        // leaves us with the new hash and not with the old one under the new epoch.
        let epoch = self.factors.epoch(&id).await?;
        let again = self.users.find_by_email(email).await?;
        // The address may have gone to another user meanwhile, whose epoch this is not.
        Ok(again.filter(|user| is_known && user.id == id).map(|user| (user, epoch)))
    }

    /// Replaces a hash with weaker parameters (requirement P1). The login goes on without it.
    async fn strengthen(&self, user: &UserRecord, password: Password) {
        let Some(old) = &user.password else { return };
        let hashed = async { self.pool.reserve()?.hash(password, &*self.random).await };
        let replaced = match hashed.await {
            Ok(new) => self.users.rehash(&user.id, old, &new).await.map_err(AuthError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = replaced {
            tracing::warn!(target: "auth::password", user = %user.id, %error, "the hash keeps its old parameters");
        }
    }

    async fn open(
        &self,
        user: &UserRecord,
        epoch: Epoch,
        mode: SessionMode,
        client: &ClientInfo,
    ) -> Result<Tokens, AuthError> {
        let now = self.clock.now();
        let parts = self.new_token(now)?;
        let absolute_expires_at = now.after(self.config.absolute_ttl);
        let session = NewSession {
            id: parts.session,
            user: user.id,
            epoch,
            aal: 1,
            family_hash: codec::hash(&*parts.family),
            current_hash: codec::hash(&*parts.secret),
            mode,
            created_at: now,
            idle_expires_at: now.after(self.idle_ttl(mode)).min(absolute_expires_at),
            absolute_expires_at,
            client: client.clone(),
        };
        match self.sessions.open(&session).await? {
            Opened::Stored => {}
            // The password or the status changed while it was being checked.
            Opened::Stale => return Err(ErrorKind::InvalidCredentials.into()),
        }
        self.record(EventKind::LoginSucceeded, Some(user.id), Some(session.id), client);
        self.issue(&Issue {
            user,
            parts: &parts,
            epoch,
            aal: session.aal,
            mode,
            auth_time: now,
            idle_expires_at: session.idle_expires_at,
            absolute_expires_at,
            now,
        })
    }

    fn new_token(&self, now: Timestamp) -> Result<TokenParts, AuthError> {
        Ok(TokenParts {
            session: SessionId::generate(now, &*self.random)?,
            generation: 0,
            family: Zeroizing::new(rng::bytes(&*self.random)?),
            secret: Zeroizing::new(rng::bytes(&*self.random)?),
        })
    }
}

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
use crate::measure::{self, Stopwatch};
use crate::password::hash::{MAX_PASSWORD_BYTES, Verification};
use crate::rng;
use crate::secret::{DeviceToken, OneTimePassword, Password};
use crate::session::codec::{self, TokenParts};
use crate::store::{Epoch, NewSession, Opened, SessionMode, UserRecord, UserStatus};
use crate::throttle::Admission;

/// Somebody wants to sign in.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    email: Email,
    password: Password,
    mode: SessionMode,
    device: Option<DeviceToken>,
    otp: Option<OneTimePassword>,
}

impl LoginRequest {
    /// With an address and a password, for a session whose refresh token travels in JSON.
    #[must_use]
    pub const fn new(email: Email, password: Password) -> Self {
        Self { email, password, mode: SessionMode::Json, device: None, otp: None }
    }

    /// How the client will hold its tokens.
    #[must_use]
    pub const fn mode(mut self, mode: SessionMode) -> Self {
        self.mode = mode;
        self
    }

    /// What an earlier login left with this device ([`Tokens::device`]). Of another account, too old or damaged, it is as
    /// if there were none.
    #[must_use]
    pub fn device(mut self, device: DeviceToken) -> Self {
        self.device = Some(device);
        self
    }

    /// With a one-time password, or a recovery code: for users with a second factor, ignored for others.
    #[must_use]
    pub fn otp(mut self, otp: OneTimePassword) -> Self {
        self.otp = Some(otp);
        self
    }
}

impl Auth {
    /// Checks the password and, when the user has one, the second factor, and opens a new session.
    ///
    /// An unknown address, a wrong password and a user who may not sign in are one error, after the same work
    /// (requirements G4, G5). The try counts as a failure until it is known to be none (G2); a call that is dropped stays
    /// counted.
    ///
    /// # Errors
    /// `InvalidCredentials`; `InvalidOtp` when the password is right and the one-time password is missing, wrong or was
    /// used before; `TooManyRequests` after too many failures, whoever the account belongs to, before anything is looked
    /// up; `Unavailable` when the store or the hashing pool is overloaded or down.
    #[tracing::instrument(name = "auth.login", skip_all, fields(user))]
    pub async fn login(&self, request: LoginRequest, client: &ClientInfo) -> Result<Tokens, AuthError> {
        let not_before = tokio::time::Instant::now() + self.inner.config.login_stall;
        if request.password.expose_secret().len() > MAX_PASSWORD_BYTES {
            // It costs nothing and no throttle counts it, so it leaves no event either: anybody could send it without end.
            tokio::time::sleep_until(not_before).await;
            return Err(ErrorKind::InvalidCredentials.into());
        }
        let stopwatch = Stopwatch::start();
        let mut known = None;
        let result = self.inner.login(request, client, &mut known).await;
        stopwatch.stop(measure::Duration::Login);
        if let Err(error) = &result {
            let event = match error.kind() {
                ErrorKind::InvalidCredentials => Some(EventKind::LoginFailed),
                ErrorKind::TooManyRequests => Some(EventKind::LoginThrottled),
                _ => None,
            };
            if let Some(event) = event {
                self.inner.record(event, known, None, client);
            }
            tokio::time::sleep_until(not_before).await;
        }
        result
    }

    /// Opens a session for a user without a password and without a second factor. Whoever calls this vouches for the
    /// user: a single sign-on callback, a test. To guards it is a session of one factor.
    ///
    /// # Errors
    /// `InvalidCredentials` when there is no such user, or the user may not sign in; `Unavailable`.
    #[tracing::instrument(name = "auth.session_open", skip_all, fields(user = %user))]
    pub async fn open_session(
        &self,
        user: &UserId,
        mode: SessionMode,
        client: &ClientInfo,
    ) -> Result<Tokens, AuthError> {
        let epoch = self.inner.factors.epoch(user).await?;
        let user = self.inner.users.find_by_id(user).await?;
        let user = user.filter(|user| user.status == UserStatus::Active).ok_or(ErrorKind::InvalidCredentials)?;
        let has_factor = self.inner.factors.second_factor(&user.id).await?.active.is_some();
        self.inner.open(&user, Checked { epoch, aal: 1, has_factor }, mode, client).await
    }
}

/// What was checked before a session is opened.
struct Checked {
    /// The epoch under which the credentials were read.
    epoch: Epoch,
    aal: u8,
    has_factor: bool,
}

impl Inner {
    /// Says whose address it is, also when the login fails: for the trail, and for nobody else.
    async fn login(
        &self,
        request: LoginRequest,
        client: &ClientInfo,
        known: &mut Option<UserId>,
    ) -> Result<Tokens, AuthError> {
        // A crowd is turned away before it costs the store anything. No place is kept: whoever has to wait needs none.
        drop(self.pool.reserve()?);
        let (email, device) = (&request.email, request.device.as_ref());
        let mut admission = self.throttle.admit(email, device, client, self.clock.now()).await?;
        match self.login_admitted(&request, &mut admission, client, known).await {
            Ok(tokens) => {
                self.throttle.succeed(admission).await;
                Ok(tokens)
            }
            Err(error) => {
                // The password was wrong: the reservation is the failure. Whatever else went wrong is none.
                if error.kind() != ErrorKind::InvalidCredentials {
                    self.throttle.refund(admission).await;
                }
                Err(error)
            }
        }
    }

    async fn login_admitted(
        &self,
        request: &LoginRequest,
        admission: &mut Admission,
        client: &ClientInfo,
        known: &mut Option<UserId>,
    ) -> Result<Tokens, AuthError> {
        let place = self.pool.reserve()?;
        let candidate = self.candidate(&request.email).await?;
        *known = candidate.as_ref().map(|(user, _)| user.id);
        tracing::Span::current().record("user", known.as_ref().map(tracing::field::display));
        let owner = candidate.as_ref().map(|(user, epoch)| (&user.id, *epoch));
        self.throttle.confirm(admission, owner, &request.email, client, self.clock.now()).await?;
        // Whoever may not sign in costs what nobody costs, whatever the password: the work of a match may be less.
        let active = candidate.as_ref().filter(|(user, _)| user.status == UserStatus::Active);
        let stored = active.and_then(|(user, _)| user.password.clone());
        let verification = place.verify(request.password.clone(), stored).await?;
        let (Some((user, epoch)), Verification::Match { outdated }) = (candidate, verification) else {
            return Err(ErrorKind::InvalidCredentials.into());
        };
        if outdated {
            self.strengthen(&user, request.password.clone()).await;
        }
        // Only now: until the password is right, nothing may tell whether there is a second factor. One that was set up or
        // removed meanwhile raised the epoch, and then no session is opened.
        let factor = self.factors.second_factor(&user.id).await?;
        let has_factor = factor.active.is_some();
        if has_factor {
            self.accept_otp(&user.id, &factor, request.otp.as_ref(), client).await?;
        }
        let aal = if has_factor { 2 } else { 1 };
        let mut tokens = self.open(&user, Checked { epoch, aal, has_factor }, request.mode, client).await?;
        let owner = (&user.id, epoch);
        tokens.device = self.throttle.device_token(admission, &request.email, owner, self.clock.now(), &*self.random);
        Ok(tokens)
    }

    /// Whether this is the password of a user who is signed in, in this session.
    ///
    /// # Errors
    /// `InvalidCredentials` when it is not; `TooManyRequests`; `Unavailable`.
    pub(super) async fn check_password(
        &self,
        user: &UserRecord,
        session: Option<SessionId>,
        password: Password,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let checked = self.password_of(user, session, password).await;
        if checked.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidCredentials) {
            self.record(EventKind::StepUpRefused, Some(user.id), session, client);
        }
        checked
    }

    async fn password_of(
        &self,
        user: &UserRecord,
        session: Option<SessionId>,
        password: Password,
    ) -> Result<(), AuthError> {
        if password.expose_secret().len() > MAX_PASSWORD_BYTES {
            return Err(ErrorKind::InvalidCredentials.into());
        }
        let admission = self.throttle.admit_step_up(&user.id, session, self.clock.now()).await?;
        let verified = match self.pool.reserve() {
            Ok(place) => place.verify(password, user.password.clone()).await,
            Err(error) => Err(error),
        };
        match verified {
            Ok(Verification::Mismatch) => Err(ErrorKind::InvalidCredentials.into()),
            Ok(Verification::Match { .. }) => {
                self.throttle.succeed(admission).await;
                Ok(())
            }
            Err(error) => {
                self.throttle.refund(admission).await;
                Err(error)
            }
        }
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
        checked: Checked,
        mode: SessionMode,
        client: &ClientInfo,
    ) -> Result<Tokens, AuthError> {
        let now = self.clock.now();
        let parts = self.new_token(now)?;
        let absolute_expires_at = now.after(self.config.absolute_ttl);
        let session = NewSession {
            id: parts.session,
            user: user.id,
            epoch: checked.epoch,
            aal: checked.aal,
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
        self.end_surplus(&user.id, client).await;
        self.issue(&Issue {
            user,
            parts: &parts,
            epoch: checked.epoch,
            aal: checked.aal,
            has_factor: checked.has_factor,
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

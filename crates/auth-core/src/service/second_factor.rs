//! The second factor: set up, removed, replaced by recovery codes, reset.

use std::time::Duration;

use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::id::UserId;
use crate::mfa::otp::TotpCode;
use crate::mfa::seal::Purpose;
use crate::mfa::{OtpauthUrl, QrSvg, RecoveryCode, RecoveryHash, TotpSecret, qr};
use crate::secret::{OneTimePassword, Password};
use crate::session::machine;
use crate::store::{Enabling, Epoch, PendingFactor, SecondFactor, SessionRecord, Swap, UserRecord};
use crate::token::Identity;

/// How long a generated secret may be enabled (requirement M4).
const PENDING_LIVES: Duration = Duration::from_secs(10 * 60);
/// How often a reset is tried again beside other changes of the same user.
const ATTEMPTS: usize = 4;

/// What shows that it is the user who changes the second factor: a one-time password or a recovery code, and the password
/// when the login is longer ago than [`AuthConfig::step_up_within`](crate::AuthConfig::step_up_within).
#[derive(Debug, Clone)]
pub struct FactorProof {
    otp: OneTimePassword,
    password: Option<Password>,
}

impl FactorProof {
    /// With a one-time password.
    #[must_use]
    pub const fn new(otp: OneTimePassword) -> Self {
        Self { otp, password: None }
    }

    /// With the password too: good however long ago the login is.
    #[must_use]
    pub fn password(mut self, password: Password) -> Self {
        self.password = Some(password);
        self
    }
}

/// A generated secret is to be the user's second factor from now on.
#[derive(Debug, Clone)]
pub struct EnableFactor {
    secret: Option<TotpSecret>,
    proof: FactorProof,
    codes: RecoveryCodesWanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecoveryCodesWanted {
    Yes,
    No,
}

impl EnableFactor {
    /// The secret as [`Auth::generate_second_factor`] gave it, and a code that was made with it. No recovery codes.
    #[must_use]
    pub fn new(secret: &str, proof: FactorProof) -> Self {
        // What is no secret is not the one that was generated.
        Self { secret: TotpSecret::parse(secret).ok(), proof, codes: RecoveryCodesWanted::No }
    }

    /// Also makes recovery codes.
    #[must_use]
    pub const fn with_recovery_codes(mut self) -> Self {
        self.codes = RecoveryCodesWanted::Yes;
        self
    }
}

/// A secret for an authenticator app, in three forms, all of which tell it. Shown once: the store has it encrypted.
#[derive(Debug)]
#[non_exhaustive]
pub struct NewFactor {
    /// To be typed.
    pub secret: TotpSecret,
    /// To be opened on the device itself.
    pub otpauth_url: OtpauthUrl,
    /// To be scanned.
    pub qr_svg: QrSvg,
}

impl Auth {
    /// A new secret for the user's authenticator app. It counts for nothing until
    /// [`enable_second_factor`](Self::enable_second_factor) is called with it, by the same session, within ten minutes;
    /// generating another one voids it.
    ///
    /// # Errors
    /// `InvalidCredentials` for a wrong password, `FactorActive` when a second factor is in use, `InvalidToken` when the
    /// session that asks is over, `Unavailable`.
    #[tracing::instrument(name = "auth.tfa_generate", skip_all, fields(user = %identity.user()))]
    pub async fn generate_second_factor(
        &self,
        identity: &Identity,
        password: Password,
        client: &ClientInfo,
    ) -> Result<NewFactor, AuthError> {
        let inner = &*self.inner;
        let asking = inner.asking(identity).await?;
        inner.check_password(&asking.user, Some(asking.session.id), password, client).await?;
        let secret = TotpSecret::generate(&*inner.random)?;
        let purpose = Purpose::Pending(&asking.user.id, asking.session.id);
        let pending = PendingFactor {
            secret: inner.mfa_keys.seal(&secret, purpose, &*inner.random)?,
            session: asking.session.id,
            created_at: inner.clock.now(),
        };
        match inner.factors.keep_pending(&asking.user.id, &pending).await? {
            Swap::Won => inner.shown(secret, &asking.user),
            Swap::Lost => Err(ErrorKind::FactorActive.into()),
        }
    }

    /// Makes the generated secret the user's second factor, and ends the user's other sessions. Gives the recovery codes,
    /// or none when none were asked for.
    ///
    /// # Errors
    /// `FactorActive` when a second factor is in use, `InvalidFactorSecret` when the secret is not the last one that this
    /// session generated within ten minutes, `InvalidOtp` for a wrong code, `RecentLoginRequired` when the login is not
    /// recent and there is no password, `InvalidCredentials` for a wrong one, `InvalidToken` when the session that asks is
    /// over, `Unavailable`.
    #[tracing::instrument(name = "auth.tfa_enable", skip_all, fields(user = %identity.user()))]
    pub async fn enable_second_factor(
        &self,
        identity: &Identity,
        request: EnableFactor,
        client: &ClientInfo,
    ) -> Result<Vec<RecoveryCode>, AuthError> {
        let inner = &*self.inner;
        let asking = inner.asking(identity).await?;
        let user = asking.user.id;
        let factor = inner.factors.second_factor(&user).await?;
        if factor.active.is_some() {
            return Err(ErrorKind::FactorActive.into());
        }
        inner.step_up(&asking, request.proof.password, client).await?;
        let pending = asking.pending(factor).ok_or(ErrorKind::InvalidFactorSecret)?;
        let opened = inner.mfa_keys.open(&pending.secret, Purpose::Pending(&user, pending.session))?;
        let secret = request.secret.filter(|secret| secret.same_as(&opened.secret));
        let secret = secret.ok_or(ErrorKind::InvalidFactorSecret)?;
        let code = TotpCode::parse(request.proof.otp.expose_secret());
        let step = code.and_then(|code| inner.step_of(&secret, &code));
        let is_right = if step.is_some() { Swap::Won } else { Swap::Lost };
        inner.counted_otp(&user, Some(asking.session.id), client, async { Ok(is_right) }).await?;
        let step = step.ok_or(ErrorKind::InvalidOtp)?;
        let codes = match request.codes {
            RecoveryCodesWanted::Yes => RecoveryCode::generate_set(&*inner.random)?,
            RecoveryCodesWanted::No => Vec::new(),
        };
        let enabling = Enabling {
            expected: asking.epoch,
            secret: inner.mfa_keys.seal(&secret, Purpose::Factor(&user), &*inner.random)?,
            pending: pending.secret,
            step,
            recovery_codes: inner.hashes(&user, &codes),
            keep: Some(asking.session.id),
        };
        match inner.factors.enable_factor(&user, &enabling, inner.clock.now()).await? {
            Swap::Won => {
                inner.record(EventKind::MfaEnabled, Some(user), Some(asking.session.id), client);
                Ok(codes)
            }
            Swap::Lost => Err(inner.lost(&user).await?),
        }
    }

    /// Removes the user's second factor, and ends the user's other sessions.
    ///
    /// # Errors
    /// `FactorInactive` when there is none; the others as
    /// [`enable_second_factor`](Self::enable_second_factor).
    #[tracing::instrument(name = "auth.tfa_disable", skip_all, fields(user = %identity.user()))]
    pub async fn disable_second_factor(
        &self,
        identity: &Identity,
        proof: FactorProof,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let inner = &*self.inner;
        let asking = inner.asking_with_factor(identity, proof, client).await?;
        let (user, session) = (asking.user.id, asking.session.id);
        match inner.factors.disable_factor(&user, asking.epoch, Some(session), inner.clock.now()).await? {
            Swap::Won => {
                inner.record(EventKind::MfaDisabled, Some(user), Some(session), client);
                Ok(())
            }
            // Something else changed the user's credentials: this session may be over by that.
            Swap::Lost => Err(ErrorKind::InvalidToken.into()),
        }
    }

    /// A new set of recovery codes; the old ones are void.
    ///
    /// # Errors
    /// As [`disable_second_factor`](Self::disable_second_factor).
    #[tracing::instrument(name = "auth.recovery_codes_replace", skip_all, fields(user = %identity.user()))]
    pub async fn replace_recovery_codes(
        &self,
        identity: &Identity,
        proof: FactorProof,
        client: &ClientInfo,
    ) -> Result<Vec<RecoveryCode>, AuthError> {
        let inner = &*self.inner;
        let asking = inner.asking_with_factor(identity, proof, client).await?;
        let user = asking.user.id;
        let codes = RecoveryCode::generate_set(&*inner.random)?;
        let hashes = inner.hashes(&user, &codes);
        match inner.factors.replace_recovery_codes(&user, asking.epoch, &hashes).await? {
            Swap::Won => {
                inner.record(EventKind::RecoveryCodesReplaced, Some(user), Some(asking.session.id), client);
                Ok(codes)
            }
            Swap::Lost => Err(ErrorKind::InvalidToken.into()),
        }
    }

    /// Removes the second factor of a user who lost it, and ends all of the user's sessions. Whoever calls this vouches
    /// for the user: an admin, a command line. `false` when there was none.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(name = "auth.user_tfa_disable", skip_all, fields(user = %user))]
    pub async fn reset_second_factor(&self, user: &UserId) -> Result<bool, AuthError> {
        let is_reset = self.inner.reset_factor(user).await?;
        if is_reset {
            self.inner.record(EventKind::MfaReset, Some(*user), None, &ClientInfo::default());
        }
        Ok(is_reset)
    }
}

/// The session that asks, its owner, and the epoch that both were read under.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) session: SessionRecord,
    pub(super) user: UserRecord,
    pub(super) epoch: Epoch,
    now: crate::clock::Timestamp,
}

impl Asking {
    /// The pending factor that this session may enable.
    fn pending(&self, factor: SecondFactor) -> Option<PendingFactor> {
        let lives = i64::try_from(PENDING_LIVES.as_millis()).unwrap_or_default();
        factor
            .pending
            .filter(|pending| pending.session == self.session.id && self.now.millis_since(pending.created_at) < lives)
    }
}

impl Inner {
    pub(super) async fn reset_factor(&self, user: &UserId) -> Result<bool, AuthError> {
        for _ in 0..ATTEMPTS {
            let epoch = self.factors.epoch(user).await?;
            if self.factors.disable_factor(user, epoch, None, self.clock.now()).await? == Swap::Won {
                self.throttle.forgive_codes(user).await;
                return Ok(true);
            }
            if self.factors.second_factor(user).await?.active.is_none() {
                return Ok(false);
            }
        }
        Err(AuthError::new(ErrorKind::Unavailable, "the user changes faster than the factor can be removed"))
    }

    /// Reads the session that asks: an access token may outlive it, and is worth nothing here.
    pub(super) async fn asking(&self, identity: &Identity) -> Result<Asking, AuthError> {
        identity.require_login()?;
        let id = identity.session().ok_or(ErrorKind::InvalidToken)?;
        let mut loaded = self.sessions.load(id).await?.ok_or(ErrorKind::InvalidToken)?;
        let now = self.clock.now();
        let (user, circumstances) = self.circumstances(&mut loaded, now).await?;
        let session = loaded.session;
        let is_theirs = session.user == *identity.user() && !machine::is_dead(&session, circumstances);
        let user = user.filter(|_| is_theirs).ok_or(ErrorKind::InvalidToken)?;
        Ok(Asking { session, user, epoch: loaded.epoch, now })
    }

    /// The same for whoever changes a second factor that is in use.
    async fn asking_with_factor(
        &self,
        identity: &Identity,
        proof: FactorProof,
        client: &ClientInfo,
    ) -> Result<Asking, AuthError> {
        let asking = self.asking(identity).await?;
        let factor = self.factors.second_factor(&asking.user.id).await?;
        if factor.active.is_none() {
            return Err(ErrorKind::FactorInactive.into());
        }
        self.step_up(&asking, proof.password, client).await?;
        self.accept_otp(&asking.user.id, &factor, Some(&proof.otp), client).await?;
        Ok(asking)
    }

    /// A password that is given must be right; without one the login must be recent.
    pub(super) async fn step_up(
        &self,
        asking: &Asking,
        password: Option<Password>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let (user, session) = (&asking.user, Some(asking.session.id));
        match password {
            Some(password) => self.check_password(user, session, password, client).await,
            None => self.recent_login(asking).inspect_err(|_| {
                self.record(EventKind::StepUpRefused, Some(user.id), session, client);
            }),
        }
    }

    /// The login must be recent.
    pub(super) fn recent_login(&self, asking: &Asking) -> Result<(), AuthError> {
        let age = asking.now.millis_since(asking.session.auth_time);
        let within = i64::try_from(self.config.step_up_within.as_millis()).unwrap_or(i64::MAX);
        if age <= within { Ok(()) } else { Err(ErrorKind::RecentLoginRequired.into()) }
    }

    fn shown(&self, secret: TotpSecret, user: &UserRecord) -> Result<NewFactor, AuthError> {
        let issuer = self.config.mfa_issuer.as_ref().unwrap_or(&self.config.issuer);
        let url = secret.otpauth_url(issuer, &user.email);
        let otpauth_url = url.map_err(|error| AuthError::new(ErrorKind::Internal, error))?;
        let qr_svg = qr::render(&otpauth_url).map_err(|error| AuthError::new(ErrorKind::Internal, error))?;
        Ok(NewFactor { secret, otpauth_url, qr_svg })
    }

    fn hashes(&self, user: &UserId, codes: &[RecoveryCode]) -> Vec<RecoveryHash> {
        codes.iter().map(|code| self.recovery_key.hash(user, code)).collect()
    }

    /// Why a factor could not be enabled although everything was right a moment ago.
    async fn lost(&self, user: &UserId) -> Result<AuthError, AuthError> {
        let is_active = self.factors.second_factor(user).await?.active.is_some();
        Ok(if is_active { ErrorKind::FactorActive } else { ErrorKind::InvalidToken }.into())
    }
}

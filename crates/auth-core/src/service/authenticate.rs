//! Finding out who a request comes from.

use std::sync::Arc;

use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::hooks::{OpaqueTokens, ResolvedToken};
use crate::secret::{OpaqueToken, SessionToken};
use crate::session::codec::TokenParts;
use crate::session::machine::{self, Standing};
use crate::store::{SessionMode, TokenHash, UserRecord, UserStatus};
use crate::token::{Identity, Scope, TokenProblem, personal};

/// The longest opaque token that is looked up, in bytes.
const MAX_OPAQUE_BYTES: usize = 255;

impl Auth {
    /// Who an access token says the request comes from: signature, claims and, with a
    /// [`revocation_feed`](crate::AuthConfig::revocation_feed), what was revoked; no I/O, no await.
    ///
    /// # Errors
    /// `InvalidToken`, or `TokenExpired` for a token that is good in every other way; `EnrolmentRequired` for the token of
    /// a user who must set up a second factor first. With a feed also `Unavailable`, when what was revoked is not known
    /// and the feed fails closed.
    pub fn verify(&self, token: &str) -> Result<Identity, AuthError> {
        unlimited(self.identify(token)?)
    }

    /// The same, also for whoever must set up a second factor first: the identity says so.
    pub(crate) fn identify(&self, token: &str) -> Result<Identity, AuthError> {
        self.follow_keys()?;
        let now = self.inner.clock.now();
        let mut identity = self.inner.keys.verify_bearer(token, now)?;
        // Who signed in elsewhere, under the same secret, was not asked for what is demanded here.
        let is_demanded = || self.inner.config.mfa_required.includes(identity.role());
        if identity.session().is_none() && identity.aal() < 2 && is_demanded() {
            identity.scope = Scope::Enrolment;
        }
        if let Some(revocations) = &self.inner.revocations {
            revocations.check(&identity, now)?;
        }
        Ok(identity)
    }

    /// Who a session cookie says the request comes from. The stored session is checked each time (requirement R11),
    /// and role, access and status are those of now, not those of the login. It never writes.
    ///
    /// # Errors
    /// `InvalidToken` also when the session is over; `TokenExpired`; `EnrolmentRequired` while the user must set up a
    /// second factor first; `Unavailable` when the store is down.
    pub async fn verify_session(&self, token: &SessionToken) -> Result<Identity, AuthError> {
        unlimited(self.identify_session(token).await?)
    }

    /// The same, also for whoever must set up a second factor first: the identity says so.
    #[tracing::instrument(name = "auth.session_check", level = "debug", skip_all)]
    pub(crate) async fn identify_session(&self, token: &SessionToken) -> Result<Identity, AuthError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let grant = inner.keys.verify_session(token.expose_secret(), now)?;
        let parts = TokenParts::decode(&grant.refresh).ok_or(ErrorKind::InvalidToken)?;
        let mut loaded = inner.sessions.load(parts.session).await?.ok_or(ErrorKind::InvalidToken)?;
        let (user, circumstances) = inner.circumstances(&mut loaded, now).await?;
        let (row, has_factor) = (loaded.session, loaded.has_factor);
        let alive = match machine::judge(&row, &parts, circumstances) {
            Standing::CurrentOld | Standing::CurrentYoung | Standing::PreviousYoung => row.mode == SessionMode::Session,
            _ => false,
        };
        let user = user.filter(|_| alive).ok_or(ErrorKind::InvalidToken)?;
        let scope = if inner.must_enrol(&user, has_factor) { Scope::Enrolment } else { Scope::Full };
        Ok(Identity {
            payload: if scope == Scope::Enrolment { None } else { self.payload_of(&user)? },
            user: user.id,
            role: user.role,
            app_access: user.app_access,
            admin_access: user.admin_access,
            session: Some(row.id),
            epoch: row.epoch,
            aal: row.aal,
            auth_time: Some(row.auth_time),
            issued_at: grant.issued_at,
            expires_at: Some(grant.expires_at),
            scope,
        })
    }

    /// Whether somebody may know this token, which is no JWT of ours.
    pub(crate) fn may_know(&self, token: &str) -> bool {
        self.inner.kind_of(token).is_some()
    }

    /// Who a token that is no JWT says the request comes from: a personal access token, or one that
    /// [`AuthBuilder::opaque_tokens`] knows. It is looked up each time, and the user is taken as they are now. Guards do
    /// this by themselves.
    ///
    /// # Errors
    /// `InvalidToken` when nobody knows it, and when its user is not active; `TokenExpired`; `EnrolmentRequired` while the
    /// user must set up a second factor first; `Unavailable` when the store is down.
    ///
    /// [`AuthBuilder::opaque_tokens`]: crate::AuthBuilder::opaque_tokens
    #[tracing::instrument(name = "auth.token_check", level = "debug", skip_all)]
    pub async fn verify_opaque(&self, token: &OpaqueToken, client: &ClientInfo) -> Result<Identity, AuthError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let resolved = match inner.kind_of(token.expose_secret()).ok_or(ErrorKind::InvalidToken)? {
            OpaqueKind::Personal(hash) => inner.resolve_personal(&hash, now).await?,
            OpaqueKind::Other(tokens) => tokens.resolve(token, now).await?,
        };
        let user = resolved.as_ref().map(|resolved| resolved.user.id);
        let resolved = self.judge(resolved, now).inspect_err(|_| {
            inner.record(EventKind::TokenRefused, user, None, client);
        })?;
        self.identity_of(resolved)
    }

    fn judge(&self, resolved: Option<ResolvedToken>, now: Timestamp) -> Result<ResolvedToken, ErrorKind> {
        let active = resolved.filter(|resolved| resolved.user.status == UserStatus::Active);
        let resolved = active.ok_or(ErrorKind::InvalidToken)?;
        if resolved.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(ErrorKind::TokenExpired);
        }
        if self.inner.must_enrol(&resolved.user, resolved.has_factor) {
            return Err(ErrorKind::EnrolmentRequired);
        }
        Ok(resolved)
    }

    fn identity_of(&self, resolved: ResolvedToken) -> Result<Identity, AuthError> {
        let user = resolved.user;
        Ok(Identity {
            payload: self.payload_of(&user)?,
            user: user.id,
            role: user.role,
            app_access: user.app_access,
            admin_access: user.admin_access,
            session: None,
            epoch: user.epoch.unwrap_or_default(),
            aal: 0,
            auth_time: None,
            issued_at: resolved.issued_at,
            expires_at: resolved.expires_at,
            scope: Scope::Token(resolved.scopes),
        })
    }

    /// The app's claims, which an access token would carry.
    fn payload_of(&self, user: &UserRecord) -> Result<Option<Arc<[u8]>>, AuthError> {
        let claims = self.inner.claims_of(user)?;
        if claims.is_empty() {
            return Ok(None);
        }
        let payload = serde_json::to_vec(&claims).map_err(|error| AuthError::new(ErrorKind::Internal, error))?;
        Ok(Some(payload.into()))
    }
}

/// Who knows a token.
enum OpaqueKind<'a> {
    /// Our store, if anybody.
    Personal(TokenHash),
    /// The app, if anybody.
    Other(&'a dyn OpaqueTokens),
}

impl Inner {
    /// What could be a personal access token, and is damaged, is asked of nobody; nor are characters beyond those of
    /// RFC 6750 2.1, which a database may not be able to hold.
    fn kind_of(&self, token: &str) -> Option<OpaqueKind<'_>> {
        if let Some(config) = &self.config.personal_tokens
            && token.starts_with(&config.prefix)
        {
            return personal::hash(&config.prefix, token).map(OpaqueKind::Personal);
        }
        let is_b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let fits = (1..=MAX_OPAQUE_BYTES).contains(&token.len()) && token.bytes().all(is_b64token);
        let is_jws = token.bytes().filter(|byte| *byte == b'.').count() == 2;
        self.opaque_tokens.as_deref().filter(|_| fits && !is_jws).map(OpaqueKind::Other)
    }
}

/// What is good for enrolment alone is no access token, whoever asks (requirement J8).
fn unlimited(identity: Identity) -> Result<Identity, AuthError> {
    match identity.scope {
        Scope::Full | Scope::Token(_) => Ok(identity),
        Scope::Enrolment => Err(ErrorKind::EnrolmentRequired.into()),
    }
}

impl From<TokenProblem> for AuthError {
    fn from(problem: TokenProblem) -> Self {
        let kind = match problem {
            TokenProblem::Invalid => ErrorKind::InvalidToken,
            TokenProblem::Expired => ErrorKind::TokenExpired,
        };
        Self::new(kind, problem)
    }
}

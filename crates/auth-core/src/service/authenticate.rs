//! Finding out who a request comes from.

use crate::auth::Auth;
use crate::error::{AuthError, ErrorKind};
use crate::hooks::ResolvedToken;
use crate::secret::{OpaqueToken, SessionToken};
use crate::session::codec::TokenParts;
use crate::session::machine::{self, Standing};
use crate::store::{SessionMode, UserRecord, UserStatus};
use crate::token::{Identity, Scope, TokenProblem};

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
        let now = self.inner.clock.now();
        let identity = self.inner.keys.verify_bearer(token, now)?;
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
            payload: self.payload_of(&user),
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

    /// Whether somebody may know this token: it is no JWT, and there are tokens of other kinds. Its characters are those
    /// of RFC 6750 2.1: a database is not asked for anything that it could not hold.
    pub(crate) fn may_know(&self, token: &str) -> bool {
        let is_b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        self.inner.opaque_tokens.is_some()
            && (1..=MAX_OPAQUE_BYTES).contains(&token.len())
            && token.bytes().all(is_b64token)
            && token.bytes().filter(|byte| *byte == b'.').count() != 2
    }

    /// Who a token that is no JWT says the request comes from: one that [`AuthBuilder::opaque_tokens`] knows. It is looked
    /// up each time, and the user is taken as they are now. Guards do this by themselves.
    ///
    /// # Errors
    /// `InvalidToken` when nobody knows it, and when its user is not active; `TokenExpired`; `EnrolmentRequired` while the
    /// user must set up a second factor first; `Unavailable` when the store is down.
    ///
    /// [`AuthBuilder::opaque_tokens`]: crate::AuthBuilder::opaque_tokens
    pub async fn verify_opaque(&self, token: &OpaqueToken) -> Result<Identity, AuthError> {
        let known = self.inner.opaque_tokens.as_ref().filter(|_| self.may_know(token.expose_secret()));
        let now = self.inner.clock.now();
        let resolved = known.ok_or(ErrorKind::InvalidToken)?.resolve(token, now).await?;
        let resolved = resolved.ok_or(ErrorKind::InvalidToken)?;
        if resolved.user.status != UserStatus::Active {
            return Err(ErrorKind::InvalidToken.into());
        }
        if resolved.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(ErrorKind::TokenExpired.into());
        }
        if self.inner.must_enrol(&resolved.user, resolved.has_factor) {
            return Err(ErrorKind::EnrolmentRequired.into());
        }
        Ok(self.identity_of(resolved))
    }

    fn identity_of(&self, resolved: ResolvedToken) -> Identity {
        let user = resolved.user;
        Identity {
            payload: self.payload_of(&user),
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
        }
    }

    /// The app's claims as a payload, as an access token would carry them.
    fn payload_of(&self, user: &UserRecord) -> Option<std::sync::Arc<[u8]>> {
        let claims = self.inner.claims.as_ref()?.claims(user);
        serde_json::to_vec(&claims).ok().map(Into::into)
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

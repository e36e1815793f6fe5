//! Who a request comes from: what a verified token says.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{TokenScopes, claims};
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::id::{Role, SessionId, UserId};
use crate::store::Epoch;

/// Who a request comes from. Cheap to clone; holds no secret.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(crate) user: UserId,
    pub(crate) role: Option<Role>,
    pub(crate) app_access: bool,
    pub(crate) admin_access: bool,
    pub(crate) session: Option<SessionId>,
    pub(crate) epoch: Epoch,
    pub(crate) aal: u8,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) scope: Scope,
    /// The payload, kept only when it has claims beyond ours.
    pub(crate) payload: Option<Arc<[u8]>>,
}

/// What an identity is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Whatever the user may do.
    Full,
    /// Setting up the second factor that is demanded of the user, and nothing else.
    Enrolment,
    /// What an opaque token opens: whatever the user may do but change how they sign in; of that, with scopes, only what
    /// asks for one of them.
    Token(Option<TokenScopes>),
}

impl Identity {
    /// The user: claim `id`.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The user's role: claim `role`.
    #[must_use]
    pub const fn role(&self) -> Option<&Role> {
        self.role.as_ref()
    }

    /// Whether the user may use the app: claim `app_access`.
    #[must_use]
    pub const fn has_app_access(&self) -> bool {
        self.app_access
    }

    /// Whether the user may do everything: claim `admin_access`.
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        self.admin_access
    }

    /// The session that the token belongs to: claim `sid`. `None` for tokens of other issuers.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The credential epoch of the session: claim `ep`.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Authenticator assurance level: 1 for a password, 2 with a second factor, 0 for a token that no login made.
    #[must_use]
    pub const fn aal(&self) -> u8 {
        self.aal
    }

    /// When the user last typed a password: claim `auth_time`. `None` for a token that no login made.
    #[must_use]
    pub const fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// Whether the user authenticated no longer ago than `within`. `false` for tokens that do not say when.
    pub(crate) fn authenticated_within(&self, within: Duration, now: Timestamp) -> bool {
        // The clock of another node may be ahead a little; a time further in the future is no time to go by.
        const SKEW: i64 = -60_000;
        let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        self.auth_time.is_some_and(|auth_time| (SKEW..=within).contains(&now.millis_since(auth_time)))
    }

    /// When the token was made: claim `iat`.
    #[must_use]
    pub const fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// When the token expires: claim `exp`. `None` for one that does not, which no JWT of ours is.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether the user signed in. `false` for tokens that were looked up, which are made to be handed to programs.
    #[must_use]
    pub const fn is_login(&self) -> bool {
        !matches!(self.scope, Scope::Token(_))
    }

    /// What changes how a user signs in is for users who signed in, not for whoever holds a token of theirs.
    pub(crate) fn require_login(&self) -> Result<(), ErrorKind> {
        if self.is_login() { Ok(()) } else { Err(ErrorKind::LoginRequired) }
    }

    /// What the token is limited to. `None` when it is good for whatever the user may do.
    #[must_use]
    pub const fn scopes(&self) -> Option<&TokenScopes> {
        match &self.scope {
            Scope::Token(scopes) => scopes.as_ref(),
            Scope::Full | Scope::Enrolment => None,
        }
    }

    /// Whether the token is good for this scope: one that is not limited is good for all.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().is_none_or(|scopes| scopes.contains(scope))
    }

    /// The claims that the app's [`ClaimsHook`](crate::ClaimsHook) added, and nothing of ours, as a type of the app. `None`
    /// when there are none, or when they do not fit `T`. A JWT says them as they were when it was made; with a session
    /// cookie or a token that was looked up, they are those of now.
    #[must_use]
    pub fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        let claims = claims::of_the_app(self.payload.as_deref()?)?;
        serde_json::from_value(Value::Object(claims)).ok()
    }
}

//! Where an app joins in.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::secret::OpaqueToken;
use crate::store::{StoreError, UserRecord};
use crate::token::TokenScopes;

/// Adds claims of the app to every access token, for [`Identity::claims`](crate::Identity::claims) to read. A session
/// cookie or a token that is looked up carries none: there the hook is asked on each request. Look nothing up.
///
/// Any `Fn(&UserRecord) -> Map<String, Value>` is one. A claim that has a meaning of its own (`id`, `role`, `exp`, …)
/// fails the login, or the request, with an internal error and a line in the log: the hook is a bug then. Who must set up
/// a second factor first has no claims yet.
pub trait ClaimsHook: Send + Sync + 'static {
    /// The claims for this user, by names of the app's own.
    fn claims(&self, user: &UserRecord) -> Map<String, Value>;
}

impl<F: Fn(&UserRecord) -> Map<String, Value> + Send + Sync + 'static> ClaimsHook for F {
    fn claims(&self, user: &UserRecord) -> Map<String, Value> {
        self(user)
    }
}

impl fmt::Debug for dyn ClaimsHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimsHook")
    }
}

/// Knows access tokens of a kind of its own, which are no JWTs: those of another system, API keys of an app.
///
/// A guard asks for each token in header or query that is none of ours, on every request: look it up by an index, and
/// keep a hash of it rather than the token. What is asked for has 1 to 255 characters, of the alphabet of RFC 6750 2.1.
/// Nobody who comes with such a token has signed in: it meets no demand for a recent login or a second factor, and opens
/// nothing that changes how its user signs in.
#[async_trait]
pub trait OpaqueTokens: fmt::Debug + Send + Sync + 'static {
    /// What this token stands for; `None` when it is unknown. It is the caller who refuses expired tokens, and those of
    /// users who are not active.
    async fn resolve(&self, token: &OpaqueToken, now: Timestamp) -> Result<Option<ResolvedToken>, StoreError>;
}

/// What an opaque token stands for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResolvedToken {
    /// Whose it is, as the user is now.
    pub user: UserRecord,
    /// Whether the user has a second factor in use now. Only asked of users who must have one
    /// ([`AuthConfig::mfa_required`](crate::AuthConfig::mfa_required)): without one, their tokens are refused too.
    pub has_factor: bool,
    /// What it is limited to; `None` for whatever the user may do.
    pub scopes: Option<TokenScopes>,
    /// When it was made.
    pub issued_at: Option<Timestamp>,
    /// When it expires, if ever.
    pub expires_at: Option<Timestamp>,
}

impl ResolvedToken {
    /// A token of this user, who has no second factor, for whatever the user may do and without end.
    #[must_use]
    pub const fn new(user: UserRecord) -> Self {
        Self { user, has_factor: false, scopes: None, issued_at: None, expires_at: None }
    }
}

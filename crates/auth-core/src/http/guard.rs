//! Guarded routes: who sent the request, and may they?

use std::fmt;
use std::time::Duration;

use super::cookie::Cookie;
use super::credentials::{self, Credentials};
use super::head::RequestHead;
use super::problem::Problem;
use super::query::StrippedQuery;
use super::render::{Place, code, refusal};
use super::reply::Reply;
use super::requirement::Requirement;
use crate::auth::Auth;
use crate::client::ClientInfo;
use crate::config::TokenSources;
use crate::error::{AuthError, ErrorKind};
use crate::measure;
use crate::secret::{AccessToken, OpaqueToken, SessionToken};
use crate::token::{Identity, Scope};

/// What a token in the query asks of every answer: nobody keeps it, and no link leaks the address (requirement B4).
const QUERY_TOKEN_HEADERS: &[(&str, &str)] =
    &[("cache-control", "private, no-store"), ("referrer-policy", "no-referrer")];

/// Decides about requests. Built from an [`Auth`]; cheap to clone.
///
/// ```
/// # use auth_core::{Auth, AuthConfig, store::memory::MemoryStore};
/// # let config = AuthConfig::new("3q2+7wAB-a-secret-of-32-bytes-or-more");
/// # let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
/// let editors = auth.guard().role("editor");
/// let admins = auth.guard().admin().headers_only();
/// let anybody = auth.guard().optional();
/// let payments = auth.guard().mfa().fresh(std::time::Duration::from_secs(300));
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Guard {
    auth: Auth,
    presence: Presence,
    sources: TokenSources,
    reach: Reach,
    requirement: Requirement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// Whom a guard lets in at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Whoever may do what users may.
    Full,
    /// And whoever must set up a second factor first.
    Enrolment,
}

impl Auth {
    /// A guard that lets in whoever is signed in.
    pub fn guard(&self) -> Guard {
        Guard::new(self)
    }
}

impl From<Auth> for Guard {
    fn from(auth: Auth) -> Self {
        Self::new(&auth)
    }
}

impl From<&Guard> for Guard {
    fn from(guard: &Guard) -> Self {
        guard.clone()
    }
}

impl From<&Auth> for Guard {
    fn from(auth: &Auth) -> Self {
        Self::new(auth)
    }
}

impl Guard {
    pub(super) fn new(auth: &Auth) -> Self {
        Self {
            auth: auth.clone(),
            presence: Presence::Required,
            sources: auth.inner.config.token_sources,
            reach: Reach::Full,
            requirement: Requirement::default(),
        }
    }

    /// Only identifies: a request without a token passes as nobody's. A bad token is still refused, so that the client
    /// learns to refresh it.
    pub const fn optional(mut self) -> Self {
        self.presence = Presence::Optional;
        self
    }

    /// Takes access tokens from the `Authorization` header alone, not from the query.
    pub const fn headers_only(mut self) -> Self {
        self.sources = TokenSources::HeaderOnly;
        self
    }

    /// Demands this role.
    pub fn role(self, name: impl Into<String>) -> Self {
        self.any_role([name])
    }

    /// Demands one of these roles.
    pub fn any_role(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.requirement = self.requirement.any_role(names);
        self
    }

    /// Demands `admin_access`.
    pub fn admin(mut self) -> Self {
        self.requirement = self.requirement.admin();
        self
    }

    /// Demands `app_access`.
    pub fn app(mut self) -> Self {
        self.requirement = self.requirement.app();
        self
    }

    /// Demands that the user authenticated no longer ago than `within`: with the password, not by a refresh. Whoever did
    /// not gets 403 with the reason `recent login required`, and signs in again.
    pub fn fresh(mut self, within: Duration) -> Self {
        self.requirement = self.requirement.fresh(within);
        self
    }

    /// Demands that the user signed in with a second factor. Whoever did not gets 403 with the reason
    /// `second factor required`.
    pub fn mfa(mut self) -> Self {
        self.requirement = self.requirement.mfa();
        self
    }

    /// Demands all of this too.
    pub fn require(mut self, requirement: &Requirement) -> Self {
        self.requirement = self.requirement.and(requirement);
        self
    }

    /// Demands that the user signed in: no token that was made for a program is let in, whatever its scopes. Whoever sends
    /// one gets 403 with the reason `login required`.
    pub fn login_only(mut self) -> Self {
        self.requirement = self.requirement.login_only();
        self
    }

    /// Lets limited tokens in that have this scope; others get 403 with the reason `insufficient scope`. Users who signed
    /// in, and tokens without limits, are let in as without it. A guard that asks for no scope lets no limited token in.
    pub fn scope(mut self, name: impl Into<String>) -> Self {
        self.requirement = self.requirement.scope(name);
        self
    }

    /// Lets limited tokens in whatever their scopes are: what is behind it asks [`Identity::has_scope`].
    pub fn any_scope(mut self) -> Self {
        self.requirement = self.requirement.any_scope();
        self
    }

    /// Also lets in whoever must set up a second factor first, and may do nothing else until then.
    pub(super) const fn for_enrolment(mut self) -> Self {
        self.reach = Reach::Enrolment;
        self
    }

    /// Demands whatever `check` demands.
    pub fn check_that(mut self, check: impl Fn(&Identity) -> bool + Send + Sync + 'static) -> Self {
        self.requirement = self.requirement.check_that(check);
        self
    }

    /// Decides. For a JWT in header or query it neither waits nor allocates more than the identity; a session cookie, an
    /// opaque token, or a key that was published since, has to be looked up, which is the caller's to await.
    pub fn check(&self, head: &RequestHead<'_>) -> Verdict {
        let found = credentials::find(head, self.sources, self.session_cookie());
        let response_headers = if found.in_query { QUERY_TOKEN_HEADERS } else { &[] };
        let identity = match self.claimed(found.credentials, head) {
            Ok(Claimed::Stateless(identity)) => Ok(identity),
            Ok(Claimed::Kept(key)) => {
                return Verdict::Ask(Lookup { guard: self.clone(), key, stripped: found.stripped, response_headers });
            }
            Err(problem) => Err(problem),
        };
        match self.passage(identity, found.stripped, response_headers) {
            Ok(passage) => Verdict::Allowed(passage),
            Err(reply) => Verdict::Refused(reply),
        }
    }

    /// Decides, and asks the store where [`check`](Self::check) would have it asked.
    ///
    /// # Errors
    /// The request is refused: answer with this.
    pub async fn decide(&self, head: &RequestHead<'_>) -> Result<Passage, Reply> {
        match self.check(head) {
            Verdict::Allowed(passage) => Ok(passage),
            Verdict::Refused(reply) => Err(reply),
            Verdict::Ask(lookup) => lookup.resolve().await,
        }
    }

    fn passage(
        &self,
        identity: Result<Option<Identity>, Problem>,
        stripped: Option<StrippedQuery>,
        response_headers: &'static [(&'static str, &'static str)],
    ) -> Result<Passage, Reply> {
        let checked = identity.and_then(|identity| self.admit(identity)).map_err(|problem| {
            measure::guard_refused(code(&problem));
            self.refuse(&problem).with_all(response_headers)
        })?;
        Ok(Passage { checked, stripped, response_headers })
    }

    /// Whose request it is, whatever this guard demands: the store is asked where it must be.
    pub(super) async fn identify(&self, head: &RequestHead<'_>) -> Result<Option<Identity>, Problem> {
        let found = credentials::find(head, self.sources, self.session_cookie());
        match self.claimed(found.credentials, head)? {
            Claimed::Stateless(identity) => Ok(identity),
            Claimed::Kept(key) => Ok(Some(self.look_up(&key).await?)),
        }
    }

    fn claimed(
        &self,
        credentials: Result<Credentials<'_>, Problem>,
        head: &RequestHead<'_>,
    ) -> Result<Claimed, Problem> {
        match credentials? {
            Credentials::Bearer(token) => match self.auth.identify(&token) {
                Err(error) if error.kind() == ErrorKind::InvalidToken && self.auth.keys_may_come(&token) => {
                    Ok(Claimed::Kept(Key::Unverified(AccessToken::new(token))))
                }
                Err(error) if error.kind() == ErrorKind::InvalidToken && self.auth.may_know(&token) => {
                    let client = self.auth.inner.wire.clients.of(head);
                    Ok(Claimed::Kept(Key::Token { token: OpaqueToken::new(token), client }))
                }
                identity => Ok(Claimed::Stateless(Some(identity?))),
            },
            Credentials::Nothing => Ok(Claimed::Stateless(None)),
            Credentials::Session(token) => {
                self.may_use_cookie(head)?;
                Ok(Claimed::Kept(Key::Session(SessionToken::new(token))))
            }
        }
    }

    async fn look_up(&self, key: &Key) -> Result<Identity, AuthError> {
        match key {
            Key::Unverified(token) => self.auth.identify_by_new_keys(token.expose_secret()).await,
            Key::Session(token) => self.auth.identify_session(token).await,
            Key::Token { token, client } => self.auth.verify_opaque(token, client).await,
        }
    }

    /// What only checks tokens of another service has no sessions: a cookie of that service is nobody's here.
    fn session_cookie(&self) -> Option<&Cookie> {
        let inner = &*self.auth.inner;
        inner.signs.then_some(&inner.wire.cookies.session)
    }

    /// The answer to a refused request.
    pub(super) fn refuse(&self, problem: &Problem) -> Reply {
        refusal(problem, Place::Guarded { realm: &self.auth.inner.config.realm })
    }

    /// A request that a cookie authenticates and that may change something must come from our own pages.
    fn may_use_cookie(&self, head: &RequestHead<'_>) -> Result<(), Problem> {
        if head.is_safe() { Ok(()) } else { self.auth.inner.wire.origins.check(head) }
    }

    pub(super) fn admit(&self, identity: Option<Identity>) -> Result<Checked, Problem> {
        match identity {
            Some(identity) => match self.lacking(&identity) {
                None => Ok(Checked::known(identity)),
                Some(kind) => Err(kind.into()),
            },
            None if self.presence == Presence::Optional => Ok(Checked::anonymous(self)),
            None => Err(ErrorKind::MissingToken.into()),
        }
    }

    fn lacking(&self, identity: &Identity) -> Option<ErrorKind> {
        if identity.scope == Scope::Enrolment && self.reach == Reach::Full {
            return Some(ErrorKind::EnrolmentRequired);
        }
        self.requirement.lacking(identity, &*self.auth.inner.clock)
    }
}

/// Whom a request says it is from.
enum Claimed {
    /// A token that speaks for itself, or nobody.
    Stateless(Option<Identity>),
    /// Something that only the store can tell.
    Kept(Key),
}

/// What a guard decided.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// Let the request in.
    Allowed(Passage),
    /// Answer with this.
    Refused(Reply),
    /// The store has to be asked: await [`Lookup::resolve`].
    Ask(Lookup),
}

/// A request that may pass, and what to do with it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Passage {
    /// For the request's extensions: the extractors read it.
    pub checked: Checked,
    /// When set: the query for the inner service, and the token for the request's extensions.
    pub stripped: Option<StrippedQuery>,
    /// Headers that the answer must carry, in place of its own.
    pub response_headers: &'static [(&'static str, &'static str)],
}

/// A guard has seen this request: whose it is, or nobody's.
#[derive(Debug, Clone)]
pub struct Checked(Who);

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "the identity is inline so that it costs no allocation")]
enum Who {
    Known(Identity),
    Anonymous(Box<Guard>),
}

impl Checked {
    const fn known(identity: Identity) -> Self {
        Self(Who::Known(identity))
    }

    fn anonymous(guard: &Guard) -> Self {
        Self(Who::Anonymous(Box::new(guard.clone())))
    }

    /// Whose request it is, if anybody's.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        match &self.0 {
            Who::Known(identity) => Some(identity),
            Who::Anonymous(_) => None,
        }
    }

    /// Whose request it is.
    ///
    /// # Errors
    /// The answer to a request without a token.
    pub fn require(&self) -> Result<&Identity, Reply> {
        match &self.0 {
            Who::Known(identity) => Ok(identity),
            Who::Anonymous(guard) => Err(guard.refuse(&ErrorKind::MissingToken.into())),
        }
    }

    /// The answer of an extractor on a route that no guard has seen. The log says what to do: it is a bug of the app.
    pub fn missing() -> Reply {
        tracing::error!(
            target: "auth::http",
            "a handler wants the current user, and no guard is mounted before it: wrap the route in `RequireAuth`"
        );
        refusal(&ErrorKind::Internal.into(), Place::Open)
    }
}

/// What a request brought, to be looked up.
#[must_use]
pub struct Lookup {
    guard: Guard,
    key: Key,
    stripped: Option<StrippedQuery>,
    response_headers: &'static [(&'static str, &'static str)],
}

enum Key {
    /// Signed by a key that is not here, and may be published by now.
    Unverified(AccessToken),
    Session(SessionToken),
    Token {
        token: OpaqueToken,
        client: ClientInfo,
    },
}

impl Lookup {
    /// Asks the store: one statement (two when users live in a table of the app); or whoever publishes the keys.
    ///
    /// # Errors
    /// The request is refused: answer with this.
    pub async fn resolve(self) -> Result<Passage, Reply> {
        let identity = self.guard.look_up(&self.key).await;
        self.guard.passage(identity.map(Some).map_err(Problem::from), self.stripped, self.response_headers)
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup([redacted])")
    }
}

#[cfg(test)]
mod tests;

//! [`Auth`]: everything an app holds, and the builder that makes it.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::config::{AuthConfig, ConfigError, check_ring};
use crate::event::{EventSink, TracingEvents};
use crate::hooks::{ClaimsHook, OpaqueTokens};
use crate::http::{Endpoint, Wire};
use crate::mail::{EnglishTemplates, Mailer, Templates};
use crate::measure::{self, timed};
use crate::mfa::recovery::RecoveryKey;
use crate::mfa::seal::MfaKeys;
use crate::password::pepper::Peppers;
use crate::password::pool::HashPool;
use crate::revocation::Revocations;
use crate::rng::{SecureRandom, SystemRandom};
use crate::service::outbox::Outbox;
use crate::service::personal_tokens::Uses;
use crate::service::trail::Trail;
use crate::session::ratchet::RatchetKey;
use crate::store::{EventStore, FactorStore, SessionStore, Store, ThrottleStore, TokenStore, UserDirectory, UserStore};
use crate::throttle::Throttle;
use crate::token::{InvalidKey, KeyRing, TokenKeys};
#[cfg(feature = "jwks-client")]
use crate::verifier::RemoteKeys;

/// Authentication, ready to use. Cheap to clone: make one, share it with every worker.
///
/// ```
/// use auth_core::store::memory::MemoryStore;
/// use auth_core::{Auth, AuthConfig};
///
/// let config = AuthConfig::new("3q2+7wAB-a-secret-of-32-bytes-or-more");
/// let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Auth {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: AuthConfig,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) factors: Arc<dyn FactorStore>,
    pub(crate) tokens: Arc<dyn TokenStore>,
    /// `None` without an audit trail.
    pub(crate) trail: Option<Trail>,
    /// `None` when users live in a table of the app.
    pub(crate) directory: Option<Arc<dyn UserDirectory>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn SecureRandom>,
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) claims: Option<Arc<dyn ClaimsHook>>,
    /// Of tokens that are none of ours.
    pub(crate) opaque_tokens: Option<Arc<dyn OpaqueTokens>>,
    pub(crate) uses: Uses,
    pub(crate) keys: TokenKeys,
    /// Not in a verifier.
    pub(crate) signs: bool,
    /// Of a verifier whose keys are published.
    #[cfg(feature = "jwks-client")]
    pub(crate) remote_keys: Option<RemoteKeys>,
    pub(crate) ratchet: RatchetKey,
    pub(crate) mfa_keys: MfaKeys,
    pub(crate) recovery_key: RecoveryKey,
    pub(crate) pool: HashPool,
    pub(crate) throttle: Throttle,
    /// `None` without a feed.
    pub(crate) revocations: Option<Revocations>,
    /// `None` without a mailer.
    pub(crate) outbox: Option<Outbox>,
    pub(crate) wire: Wire,
}

impl Auth {
    /// Starts a builder over `store`. A configuration must follow.
    pub fn builder(store: impl Store) -> AuthBuilder {
        let store = Arc::new(store);
        AuthBuilder {
            config: None,
            sessions: store.clone(),
            users: store.clone(),
            factors: store.clone(),
            attempts: store.clone(),
            tokens: store.clone(),
            trail: store.clone(),
            directory: Some(store),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::new()),
            events: Arc::new(TracingEvents),
            claims: None,
            opaque_tokens: None,
            mailer: None,
            templates: Arc::new(EnglishTemplates),
            #[cfg(feature = "jwks-client")]
            remote_keys: None,
            signs: true,
            endpoints: Endpoint::ALL.iter().copied().filter(|endpoint| !endpoint.is_optional()).collect(),
            asked_for: Vec::new(),
        }
    }
}

impl Auth {
    /// Other keys for access tokens from now on, in place of [`AuthConfig::signing_keys`]: no request waits, and tokens of
    /// a key that is gone are refused at once. [`KeyRing`] says in which order to rotate.
    ///
    /// # Errors
    /// [`ConfigError`] when none of them signs or one cannot be used; then the old ones stay.
    pub fn replace_keys(&self, keys: &KeyRing) -> Result<(), ConfigError> {
        check_signer(keys)?;
        self.replace_verifying_keys(keys)
    }

    /// The same for a verifier, where none of them has to sign.
    pub(crate) fn replace_verifying_keys(&self, keys: &KeyRing) -> Result<(), ConfigError> {
        check_ring(keys)?;
        self.inner.keys.replace(keys).map_err(unusable_keys)
    }
}

/// Collects what [`Auth`] needs.
#[derive(Debug)]
#[must_use]
pub struct AuthBuilder {
    config: Option<AuthConfig>,
    sessions: Arc<dyn SessionStore>,
    users: Arc<dyn UserStore>,
    factors: Arc<dyn FactorStore>,
    attempts: Arc<dyn ThrottleStore>,
    tokens: Arc<dyn TokenStore>,
    trail: Arc<dyn EventStore>,
    directory: Option<Arc<dyn UserDirectory>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
    events: Arc<dyn EventSink>,
    claims: Option<Arc<dyn ClaimsHook>>,
    opaque_tokens: Option<Arc<dyn OpaqueTokens>>,
    mailer: Option<Arc<dyn Mailer>>,
    templates: Arc<dyn Templates>,
    #[cfg(feature = "jwks-client")]
    remote_keys: Option<RemoteKeys>,
    /// Not in a verifier.
    signs: bool,
    endpoints: Vec<Endpoint>,
    /// By name: what these lack is an error.
    asked_for: Vec<Endpoint>,
}

impl AuthBuilder {
    /// The configuration.
    pub fn config(mut self, config: AuthConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Users from a table of the app; their sessions and epochs stay in the store.
    ///
    /// The app implements [`UserStore`]. What each method promises, `auth_testkit::users` tries against its table:
    ///
    /// | method | promise |
    /// |---|---|
    /// | `find_by_email` | compares [`Email::canonical`](crate::Email::canonical) byte for byte: a unique column of its own, whose collation folds nothing |
    /// | `find_by_id` | a user has one id, in one spelling (`042` is not 42), and nobody ever gets it again: sessions are kept under its text |
    /// | both | who may not sign in is `None` or not [`Active`](crate::store::UserStatus::Active); `epoch` is `None` |
    /// | `create` | says the id that the table gave; `Conflict` comes from a unique index, not from a look before |
    /// | `rehash` | one `UPDATE … WHERE password_hash = expected`, compared byte for byte |
    /// | all | a database that is down is [`Unavailable`](crate::store::StoreErrorKind::Unavailable): 503, and no cookie is cleared |
    ///
    /// The app changes its users itself. After each change of password, status, role or address has been committed, it
    /// calls [`Auth::end_sessions_of`], and again until that succeeds. In this order, a login that checked what held
    /// before the change comes to nothing, and so does a refresh. [`Auth::hash_password`] and
    /// [`Auth::verify_password`] are for its own forms. [`Auth::update_user`], [`Auth::delete_user`] and
    /// [`Auth::count_users`] are refused: they are for users in our store.
    ///
    /// ```
    /// use std::sync::{Mutex, PoisonError};
    ///
    /// use auth_core::store::memory::MemoryStore;
    /// use auth_core::store::{NewUserRecord, StoreError, StoreErrorKind, UserRecord, UserStatus, UserStore};
    /// use auth_core::{Auth, AuthConfig, Email, NewUser, Password, PasswordHash, UserId};
    ///
    /// /// A table: the number of a customer is the place of the row.
    /// #[derive(Debug, Default)]
    /// struct Customers(Mutex<Vec<Customer>>);
    ///
    /// #[derive(Debug, Clone)]
    /// struct Customer {
    ///     email: Email,
    ///     password: Option<PasswordHash>,
    ///     has_left: bool,
    /// }
    ///
    /// #[async_trait::async_trait]
    /// impl UserStore for Customers {
    ///     async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
    ///         let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
    ///         let place = rows.iter().position(|row| row.email.canonical() == email.canonical());
    ///         Ok(place.and_then(|place| record(place, rows.get(place)?)))
    ///     }
    ///
    ///     async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
    ///         let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
    ///         Ok(place(id).and_then(|place| record(place, rows.get(place)?)))
    ///     }
    ///
    ///     async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
    ///         let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
    ///         if rows.iter().any(|row| row.email.canonical() == user.email.canonical()) {
    ///             return Err(StoreErrorKind::Conflict.into());
    ///         }
    ///         let has_left = user.status != UserStatus::Active;
    ///         rows.push(Customer { email: user.email.clone(), password: user.password.clone(), has_left });
    ///         user_id(rows.len() - 1).ok_or_else(|| StoreErrorKind::Corrupt.into())
    ///     }
    ///
    ///     async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
    ///         let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
    ///         let row = place(id).and_then(|place| rows.get_mut(place));
    ///         let unchanged = |row: &&mut Customer| {
    ///             row.password.as_ref().is_some_and(|hash| hash.as_phc() == old.as_phc())
    ///         };
    ///         Ok(row.filter(unchanged).map(|row| row.password = Some(new.clone())).is_some())
    ///     }
    /// }
    ///
    /// fn record(place: usize, row: &Customer) -> Option<UserRecord> {
    ///     (!row.has_left).then_some(UserRecord {
    ///         id: user_id(place)?,
    ///         email: row.email.as_typed().to_owned(),
    ///         password: row.password.clone(),
    ///         status: UserStatus::Active,
    ///         role: None,
    ///         app_access: true,
    ///         admin_access: false,
    ///         epoch: None,
    ///     })
    /// }
    ///
    /// fn user_id(place: usize) -> Option<UserId> {
    ///     UserId::new(&place.to_string()).ok()
    /// }
    ///
    /// fn place(id: &UserId) -> Option<usize> {
    ///     id.as_str().parse().ok().filter(|place: &usize| place.to_string() == id.as_str())
    /// }
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = AuthConfig::new("3q2+7wAB-a-secret-of-32-bytes-or-more");
    /// let auth = Auth::builder(MemoryStore::new()).users(Customers::default()).config(config).build()?;
    /// let email = Email::parse("ada@example.com")?;
    /// let id = auth.create_user(NewUser::new(email, Password::new("correct horse"))).await?;
    /// assert_eq!(id.as_str(), "0");
    /// // … the app stores another password, or that somebody left, and then:
    /// auth.end_sessions_of(&id).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn users(mut self, users: impl UserStore) -> Self {
        self.users = Arc::new(users);
        self.directory = None;
        self
    }

    /// Second factors from elsewhere too: for users whose table has them. Most apps keep them in our store, as they are
    /// without this.
    ///
    /// It must wrap the store that the builder began with, and forward every method to it: what is elsewhere is written
    /// beside that, not in its place. That store opens, loads and refreshes sessions and tokens by the epoch in its own
    /// tables, and by whether there is a factor in them. An epoch that is raised elsewhere alone locks its user out: no
    /// session can be opened any more. A factor that is elsewhere alone counts for none where one is demanded
    /// ([`AuthConfig::mfa_required`]). `auth_sea_orm::directus` does it so.
    pub fn factors(mut self, factors: impl FactorStore) -> Self {
        self.factors = Arc::new(factors);
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    pub(crate) fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Keys that are published by somebody else.
    #[cfg(feature = "jwks-client")]
    pub(crate) fn remote_keys(mut self, keys: RemoteKeys) -> Self {
        self.remote_keys = Some(keys);
        self
    }

    /// What only checks tokens needs no key that signs.
    pub(crate) fn build_verifier(mut self) -> Result<Auth, ConfigError> {
        self.signs = false;
        self.build()
    }

    /// Another source of random bytes, for tests.
    pub fn random(mut self, random: impl SecureRandom) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Where events go, instead of to `tracing`.
    pub fn events(mut self, events: impl EventSink) -> Self {
        self.events = Arc::new(events);
        self
    }

    /// Claims of the app's own in every access token.
    pub fn claims(mut self, hook: impl ClaimsHook) -> Self {
        self.claims = Some(Arc::new(hook));
        self
    }

    /// Access tokens of another kind than ours, for guards to look up: none unless set.
    pub fn opaque_tokens(mut self, tokens: impl OpaqueTokens) -> Self {
        self.opaque_tokens = Some(Arc::new(tokens));
        self
    }

    /// Who sends mails, for passwords that were forgotten, registrations and invitations. Without one, the endpoints that
    /// need it are not mounted. [`mail::from_env`](crate::mail::from_env) reads one from the environment.
    ///
    /// The links in mails begin with [`AuthConfig::public_url`], which must be set then.
    pub fn mailer(mut self, mailer: impl Mailer) -> Self {
        self.mailer = Some(Arc::new(mailer));
        self
    }

    /// Other texts of mails than those in English.
    pub fn templates(mut self, templates: impl Templates) -> Self {
        self.templates = Arc::new(templates);
        self
    }

    /// Mounts these endpoints too: [some](Endpoint::is_optional) are off until then. Those that let new users in need a
    /// [`mailer`](Self::mailer), and they and those of admins need users in our own store. Those that mail invitations
    /// need [`AcceptInvitation`](Endpoint::AcceptInvitation).
    pub fn with(mut self, endpoints: &[Endpoint]) -> Self {
        for endpoint in endpoints {
            if !self.endpoints.contains(endpoint) {
                self.endpoints.push(*endpoint);
            }
        }
        self.asked_for.extend_from_slice(endpoints);
        self
    }

    /// Mounts these endpoints and no others, also those that [`with`](Self::with) would have to name. What one of them
    /// lacks is an error of [`build`](Self::build). Default all but [some](Endpoint::is_optional).
    pub fn only(mut self, endpoints: &[Endpoint]) -> Self {
        self.endpoints.clear();
        self.asked_for.clear();
        self.with(endpoints)
    }

    /// Leaves these endpoints out.
    pub fn without(mut self, endpoints: &[Endpoint]) -> Self {
        self.endpoints.retain(|endpoint| !endpoints.contains(endpoint));
        self
    }

    /// Checks everything, starts the hashing threads, and makes sure that `jsonwebtoken` has a crypto provider.
    ///
    /// # Errors
    /// [`ConfigError`] names the field, what is wrong and what to do.
    pub fn build(mut self) -> Result<Auth, ConfigError> {
        let config = self
            .config
            .ok_or_else(|| ConfigError::new("config", "is missing: call `.config(AuthConfig::new(secret))`"))?;
        config.check()?;
        if let Some(keys) = config.signing_keys.as_ref().filter(|_| self.signs) {
            check_signer(keys)?;
        }
        let outbox = self.mailer.take().map(|mailer| Outbox::new(mailer, self.templates.clone()));
        if outbox.is_none() {
            self.endpoints.retain(|endpoint| !endpoint.needs_mailer() || self.asked_for.contains(endpoint));
        }
        if config.personal_tokens.is_none() {
            let lacks = |endpoint: &Endpoint| endpoint.needs_personal_tokens();
            self.endpoints.retain(|endpoint| !lacks(endpoint) || self.asked_for.contains(endpoint));
            if let Some(endpoint) = self.endpoints.iter().find(|endpoint| lacks(endpoint)) {
                let problem = format!("is not set, and {} needs it (PERSONAL_TOKENS=1)", endpoint.path());
                return Err(ConfigError::new("personal_tokens", problem));
            }
        }
        if config.audit_trail.is_none() && self.endpoints.contains(&Endpoint::Events) {
            let problem = format!("is not set, and {} needs it (AUDIT_TRAIL=1)", Endpoint::Events.path());
            return Err(ConfigError::new("audit_trail", problem));
        }
        check_endpoints(&self.endpoints, outbox.is_some(), self.directory.is_some())?;
        if outbox.is_some() && config.public_url.is_none() {
            let problem = "is not set, and links in mails begin with it: set it to where clients reach this server \
                           (PUBLIC_URL)";
            return Err(ConfigError::new("public_url", problem));
        }
        // Whoever signs nobody in hashes nothing.
        let threads = if self.signs { config.hash_threads } else { 0 };
        let peppers = Peppers::new(&config.password_peppers);
        let pool = HashPool::start(threads, config.hash_queue, config.hash, config.max_hash, peppers)
            .map_err(|error| ConfigError::new("hash_threads", format!("the threads cannot be started: {error}")))?;
        let underivable = || ConfigError::new("secret", "cannot be used to derive keys");
        let ratchet = RatchetKey::derive(&config.secret).ok_or_else(underivable)?;
        let mfa_keys = MfaKeys::new(&config.mfa_keys, &config.secret).ok_or_else(underivable)?;
        let recovery_key = RecoveryKey::derive(&config.secret).ok_or_else(underivable)?;
        let throttle = Throttle::new(&config, timed(self.attempts)).ok_or_else(underivable)?;
        let keys = TokenKeys::new(&config).map_err(unusable_keys)?;
        measure::begin();
        Ok(Auth {
            inner: Arc::new(Inner {
                sessions: timed(self.sessions),
                users: timed(self.users),
                factors: timed(self.factors),
                tokens: timed(self.tokens),
                trail: config.audit_trail.map(|_| Trail::new(timed(self.trail))),
                uses: Uses::default(),
                directory: self.directory.map(timed),
                clock: self.clock,
                random: self.random,
                events: self.events,
                claims: self.claims,
                opaque_tokens: self.opaque_tokens,
                keys,
                signs: self.signs,
                #[cfg(feature = "jwks-client")]
                remote_keys: self.remote_keys,
                ratchet,
                mfa_keys,
                recovery_key,
                pool,
                throttle,
                revocations: Revocations::new(&config),
                outbox,
                wire: Wire::new(&config, &self.endpoints),
                config,
            }),
        })
    }
}

fn check_signer(keys: &KeyRing) -> Result<(), ConfigError> {
    let problem = "have no private key first: there is none that signs";
    keys.signing().map(drop).ok_or_else(|| ConfigError::new("signing_keys", problem))
}

fn unusable_keys(error: InvalidKey) -> ConfigError {
    ConfigError::new("signing_keys", format!("cannot be used: {error}"))
}

/// What is mounted must have what it needs.
fn check_endpoints(endpoints: &[Endpoint], has_mailer: bool, has_directory: bool) -> Result<(), ConfigError> {
    if !has_mailer && let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.needs_mailer()) {
        let problem = format!("is missing, and {} sends mail: call `.mailer(…)`", endpoint.path());
        return Err(ConfigError::new("mailer", problem));
    }
    let accepts = endpoints.contains(&Endpoint::AcceptInvitation);
    if has_mailer
        && !accepts
        && let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.invites())
    {
        let problem = format!(
            "have {}, which mails invitations, and nothing that accepts one: mount AcceptInvitation too, or build without \
             a mailer",
            endpoint.path()
        );
        return Err(ConfigError::new("endpoints", problem));
    }
    if !has_directory && let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.needs_directory()) {
        let problem = format!("has {}, which is for users in our own store: manage them in yours", endpoint.path());
        return Err(ConfigError::new("endpoints", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

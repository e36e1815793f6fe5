//! [`Auth`]: everything an app holds, and the builder that makes it.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::config::{AuthConfig, ConfigError};
use crate::event::{EventSink, TracingEvents};
use crate::hooks::ClaimsHook;
use crate::http::{Endpoint, Wire};
use crate::password::pepper::Peppers;
use crate::password::pool::HashPool;
use crate::revocation::Revocations;
use crate::rng::{SecureRandom, SystemRandom};
use crate::session::ratchet::RatchetKey;
use crate::store::{FactorStore, SessionStore, Store, UserDirectory, UserStore};
use crate::token::TokenKeys;

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
    /// `None` when users live in a table of the app.
    pub(crate) directory: Option<Arc<dyn UserDirectory>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn SecureRandom>,
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) claims: Option<Arc<dyn ClaimsHook>>,
    pub(crate) keys: TokenKeys,
    pub(crate) ratchet: RatchetKey,
    pub(crate) pool: HashPool,
    /// `None` without a feed.
    pub(crate) revocations: Option<Revocations>,
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
            directory: Some(store),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::new()),
            events: Arc::new(TracingEvents),
            claims: None,
            endpoints: Endpoint::ALL.to_vec(),
        }
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
    directory: Option<Arc<dyn UserDirectory>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
    events: Arc<dyn EventSink>,
    claims: Option<Arc<dyn ClaimsHook>>,
    endpoints: Vec<Endpoint>,
}

impl AuthBuilder {
    /// The configuration.
    pub fn config(mut self, config: AuthConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Users from a table of the app; sessions stay in the store. After a change of password, status or role there,
    /// call [`Auth::end_sessions_of`].
    pub fn users(mut self, users: impl UserStore) -> Self {
        self.users = Arc::new(users);
        self.directory = None;
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
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

    /// Mounts only these endpoints. Default all.
    pub fn only(mut self, endpoints: &[Endpoint]) -> Self {
        self.endpoints.retain(|endpoint| endpoints.contains(endpoint));
        self
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
    pub fn build(self) -> Result<Auth, ConfigError> {
        let config = self
            .config
            .ok_or_else(|| ConfigError::new("config", "is missing: call `.config(AuthConfig::new(secret))`"))?;
        config.check()?;
        let peppers = Peppers::new(&config.password_peppers);
        let pool = HashPool::start(config.hash_threads, config.hash_queue, config.hash, config.max_hash, peppers)
            .map_err(|error| ConfigError::new("hash_threads", format!("the threads cannot be started: {error}")))?;
        let ratchet = RatchetKey::derive(&config.secret)
            .ok_or_else(|| ConfigError::new("secret", "cannot be used to derive keys"))?;
        Ok(Auth {
            inner: Arc::new(Inner {
                sessions: self.sessions,
                users: self.users,
                factors: self.factors,
                directory: self.directory,
                clock: self.clock,
                random: self.random,
                events: self.events,
                claims: self.claims,
                keys: TokenKeys::new(&config),
                ratchet,
                pool,
                revocations: Revocations::new(&config),
                wire: Wire::new(&config, &self.endpoints),
                config,
            }),
        })
    }
}

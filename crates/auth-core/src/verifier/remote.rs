//! Published keys, followed: fetched when they are first needed, again in the background when they get old, and when a
//! token names one that is not here. Requests go on with the old ones meanwhile.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use url::{Host, Url};

use crate::auth::Auth;
use crate::error::{AuthError, ErrorKind};
use crate::token::{InvalidKey, KeyRing};

/// How long keys count as fresh, whatever the server says.
const FRESH: std::ops::RangeInclusive<u64> = 60..=3600;
/// When it says nothing, in seconds.
const FRESH_BY_DEFAULT: u64 = 300;
/// How long keys that could not be fetched again still count.
const STALE_AT_MOST: Duration = Duration::from_secs(24 * 3600);
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most that is read: 64 keys of RSA with certificates are some 100 KiB.
const LARGEST: u64 = 256 * 1024;
/// After a fetch that succeeded: names that nobody has cannot make more requests than this.
const PAUSE: Duration = Duration::from_secs(10);
/// After fetches that failed: doubled each time.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Where a service publishes its keys: `https://…/auth/jwks` of ours.
///
/// A [`Verifier`](crate::Verifier) fetches them with the first token, again in the background once `max-age` of the answer
/// is over (one minute to one hour), and when a token names a key that is not there, at most every ten seconds. While the
/// server cannot be reached, the keys that are known count for a day. The answer may have 256 KiB and 64 keys, and no
/// redirect is followed.
#[derive(Debug, Clone)]
pub struct JwksUrl(Url);

impl JwksUrl {
    /// Reads a URL: https, or http to this machine.
    ///
    /// # Errors
    /// [`InvalidJwksUrl`] for anything else: whoever can change the answer on its way signs as he likes.
    pub fn parse(text: &str) -> Result<Self, InvalidJwksUrl> {
        let url = Url::parse(text).map_err(|_| InvalidJwksUrl)?;
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        if is_safe && url.host().is_some() { Ok(Self(url)) } else { Err(InvalidJwksUrl) }
    }
}

/// Not the URL of a JWK set that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL to fetch keys from: give one with https (http only to localhost)")]
pub struct InvalidJwksUrl;

/// The keys of a [`JwksUrl`], and when to ask for them again.
pub(crate) struct RemoteKeys {
    url: Url,
    agent: ureq::Agent,
    /// One attempt at a time: whoever comes meanwhile shares its result.
    turn: Mutex<Attempts>,
    started: Instant,
    /// When keys last came, in milliseconds since `started`, plus one; 0 when they never did.
    fetched: AtomicU64,
    /// When they stop to be fresh, likewise.
    fresh_until: AtomicU64,
    /// Not before this, likewise.
    next_try: AtomicU64,
    refreshing: AtomicBool,
}

#[derive(Default)]
struct Attempts {
    made: u64,
    /// Since the last that succeeded.
    failed: u32,
}

/// Why keys did not come.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the keys cannot be fetched")]
    Http(#[source] Box<ureq::Error>),
    #[error("what was fetched is no key set")]
    Keys(#[source] InvalidKey),
    #[error("the task that fetches was stopped")]
    Stopped,
    #[error("the last attempt to fetch the keys failed, and the next one is not due")]
    TooSoon,
}

impl Auth {
    /// Lets tokens be verified, unless the keys are unknown or too old; has old ones fetched again in the background.
    pub(crate) fn follow_keys(&self) -> Result<(), AuthError> {
        let Some(remote) = &self.inner.remote_keys else { return Ok(()) };
        let now = remote.now();
        if now >= remote.fresh_until.load(Ordering::Relaxed) && remote.may_try(now) {
            remote.refresh_behind(self);
        }
        match remote.fetched.load(Ordering::Relaxed) {
            // Then the token is good for nothing yet: the guard waits for the first fetch.
            0 => Ok(()),
            fetched if now - fetched > STALE_AT_MOST.as_millis() as u64 => {
                Err(AuthError::new(ErrorKind::Unavailable, "the keys have not been confirmed for a day"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a token that is not valid may become so by keys that could be fetched now.
    pub(crate) fn keys_may_come(&self, token: &str) -> bool {
        self.inner.remote_keys.as_ref().is_some_and(|remote| {
            let unknown_yet = remote.fetched.load(Ordering::Relaxed) == 0;
            (unknown_yet || remote.may_try(remote.now())) && self.inner.keys.lack_key_of(token)
        })
    }

    /// Fetches the keys, or waits for whoever does.
    pub(crate) async fn fetch_keys(&self) -> Result<(), AuthError> {
        let Some(remote) = &self.inner.remote_keys else { return Ok(()) };
        let made = remote.turn.try_lock().map_or(None, |turn| Some(turn.made));
        let mut turn = remote.turn.lock().await;
        let somebody_else_tried = made != Some(turn.made);
        if somebody_else_tried || !remote.may_try(remote.now()) {
            // The last attempt is this one too.
            let failed = turn.failed > 0 || remote.fetched.load(Ordering::Relaxed) == 0;
            let too_soon = || AuthError::new(ErrorKind::Unavailable, FetchError::TooSoon);
            return if failed { Err(too_soon()) } else { Ok(()) };
        }
        turn.made += 1;
        let fetched = remote.fetch().await.and_then(|(keys, fresh)| {
            self.inner.keys.replace(&keys).map_err(FetchError::Keys)?;
            Ok((keys, fresh))
        });
        let now = remote.now();
        let in_future = |pause: Duration| now + pause.as_millis() as u64;
        match fetched {
            Ok((keys, fresh)) => {
                remote.fetched.store(now, Ordering::Relaxed);
                remote.fresh_until.store(in_future(fresh), Ordering::Relaxed);
                remote.next_try.store(in_future(PAUSE), Ordering::Relaxed);
                if keys.keys().is_empty() || turn.failed > 0 {
                    tracing::warn!(target: "auth::keys", url = %remote.url, keys = keys.keys().len(), "keys were fetched");
                }
                turn.failed = 0;
                Ok(())
            }
            Err(error) => {
                let pause = PAUSES.start().saturating_mul(1 << turn.failed.min(6)).min(*PAUSES.end());
                remote.next_try.store(in_future(pause), Ordering::Relaxed);
                // Said once for each outage.
                if turn.failed == 0 {
                    tracing::warn!(target: "auth::keys", url = %remote.url, %error, source = ?std::error::Error::source(&error), "keys could not be fetched");
                }
                turn.failed = turn.failed.saturating_add(1);
                Err(AuthError::new(ErrorKind::Unavailable, error))
            }
        }
    }

    /// Who a token comes from whose key was not here, once the keys were fetched again.
    pub(crate) async fn identify_by_new_keys(&self, token: &str) -> Result<crate::token::Identity, AuthError> {
        if let Err(error) = self.fetch_keys().await
            && self.inner.remote_keys.as_ref().is_some_and(|remote| remote.fetched.load(Ordering::Relaxed) == 0)
        {
            return Err(error);
        }
        self.identify(token)
    }
}

impl RemoteKeys {
    pub(crate) fn new(JwksUrl(url): &JwksUrl) -> Self {
        let agent = ureq::Agent::config_builder()
            .https_only(url.scheme() == "https")
            .max_redirects(0)
            .max_redirects_will_error(true)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections(1)
            .user_agent(concat!("auth-core/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self {
            url: url.clone(),
            agent,
            turn: Mutex::default(),
            started: Instant::now(),
            fetched: AtomicU64::new(0),
            fresh_until: AtomicU64::new(0),
            next_try: AtomicU64::new(0),
            refreshing: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn may_try(&self, now: u64) -> bool {
        now >= self.next_try.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn next_try_now(&self) {
        self.next_try.store(0, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn is_refreshing(&self) -> bool {
        self.refreshing.load(Ordering::Relaxed)
    }

    /// In a task of its own, when there is a runtime: a request never waits for it.
    fn refresh_behind(&self, auth: &Auth) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.fetched.load(Ordering::Relaxed) == 0 || self.refreshing.swap(true, Ordering::Relaxed) {
            return;
        }
        let auth = auth.clone();
        runtime.spawn(async move {
            // Whatever goes wrong is in the log, and tried again.
            let _ = auth.fetch_keys().await;
            if let Some(remote) = &auth.inner.remote_keys {
                remote.refreshing.store(false, Ordering::Relaxed);
            }
        });
    }

    /// The keys, and how long they are fresh.
    async fn fetch(&self) -> Result<(KeyRing, Duration), FetchError> {
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let fetch = move || {
            let http = |error| FetchError::Http(Box::new(error));
            let mut answer = agent.get(url.as_str()).call().map_err(http)?;
            let control = answer.headers().get("cache-control").and_then(|value| value.to_str().ok());
            let fresh = Duration::from_secs(max_age(control.unwrap_or_default()));
            let text = answer.body_mut().with_config().limit(LARGEST).read_to_string().map_err(http)?;
            let keys = KeyRing::from_public_jwks(&text).map_err(FetchError::Keys)?;
            Ok((keys, fresh))
        };
        tokio::task::spawn_blocking(fetch).await.map_err(|_| FetchError::Stopped)?
    }
}

/// `max-age` of RFC 9111 5.2.2.1, within our limits.
pub(super) fn max_age(control: &str) -> u64 {
    let directive = control.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="));
    let seconds = directive.and_then(|seconds| seconds.trim_matches('"').parse().ok()).unwrap_or(FRESH_BY_DEFAULT);
    seconds.clamp(*FRESH.start(), *FRESH.end())
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

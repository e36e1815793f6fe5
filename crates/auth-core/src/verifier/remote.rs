//! Published keys, followed: fetched when they are first needed, again in the background when they get old, and when a
//! token names one that is not here. Requests go on with the old ones meanwhile.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use url::{Host, Url};

use crate::auth::Auth;
use crate::error::{AuthError, ErrorKind};
use crate::token::{Identity, InvalidKey, KeyRing};

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
/// A [`Verifier`](crate::Verifier) fetches them when it is first asked, again in the background once `max-age` of the answer
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
        // A password in it would be in logs and errors.
        let is_public = url.username().is_empty() && url.password().is_none();
        if is_safe && is_public && url.host().is_some() { Ok(Self(url)) } else { Err(InvalidJwksUrl) }
    }
}

/// Not the URL of a JWK set that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL to fetch keys from: give one with https (http only to localhost), without a password")]
pub struct InvalidJwksUrl;

/// The keys of a [`JwksUrl`], and when to ask for them again.
pub(crate) struct RemoteKeys {
    url: Url,
    agent: ureq::Agent,
    started: Instant,
    /// When keys last came, in milliseconds since `started`, plus one; 0 when they never did.
    fetched: AtomicU64,
    /// When they stop to be fresh, likewise.
    fresh_until: AtomicU64,
    /// Not before this, likewise.
    next_try: AtomicU64,
    /// The attempt that is being made, or the last one. Whoever comes meanwhile shares it.
    attempt: Mutex<Option<watch::Receiver<Outcome>>>,
    /// Since the last that succeeded.
    failed: AtomicU32,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Pending,
    Fetched,
    Failed,
}

/// Why keys did not come.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the keys cannot be fetched")]
    Http(#[source] Box<ureq::Error>),
    #[error("the keys cannot be fetched: the server answers {0}")]
    Status(u16),
    #[error("what was fetched is no key set")]
    Keys(#[source] InvalidKey),
    #[error("the task that fetches was stopped")]
    Stopped,
    #[error("the keys could not be fetched, as the log says, and the next attempt is not due")]
    NotNow,
}

impl Auth {
    /// Lets tokens be verified, unless the keys are unknown or too old; has them fetched in the background when they are
    /// not fresh.
    pub(crate) fn follow_keys(&self) -> Result<(), AuthError> {
        let Some(remote) = &self.inner.remote_keys else { return Ok(()) };
        let now = remote.now();
        if now >= remote.fresh_until.load(Ordering::Relaxed) && remote.may_try(now) {
            drop(self.attempt());
        }
        let fetched = remote.fetched.load(Ordering::Relaxed);
        if fetched != 0 && now.saturating_sub(fetched) > millis(STALE_AT_MOST) {
            return Err(AuthError::new(ErrorKind::Unavailable, "the keys have not been confirmed for a day"));
        }
        Ok(())
    }

    /// Whether a token that is not valid may become so by keys that could be fetched now, or are on their way.
    pub(crate) fn keys_may_come(&self, token: &str) -> bool {
        self.inner.remote_keys.as_ref().is_some_and(|remote| {
            let unknown_yet = remote.fetched.load(Ordering::Relaxed) == 0;
            (unknown_yet || remote.is_trying() || remote.may_try(remote.now())) && self.inner.keys.lack_key_of(token)
        })
    }

    /// Fetches the keys, or waits for whoever does.
    pub(crate) async fn fetch_keys(&self) -> Result<(), AuthError> {
        if self.inner.remote_keys.is_none() {
            return Ok(());
        }
        let unavailable = |error| Err(AuthError::new(ErrorKind::Unavailable, error));
        let Some(mut attempt) = self.attempt() else { return unavailable(FetchError::NotNow) };
        let outcome = attempt.wait_for(|outcome| *outcome != Outcome::Pending).await;
        match outcome.map(|outcome| *outcome) {
            Ok(Outcome::Fetched) => Ok(()),
            Ok(_) => unavailable(FetchError::NotNow),
            Err(_) => unavailable(FetchError::Stopped),
        }
    }

    /// Who a token comes from whose key was not here, once the keys were fetched again.
    pub(crate) async fn identify_by_new_keys(&self, token: &str) -> Result<Identity, AuthError> {
        let fetched = self.fetch_keys().await;
        let never_known = |remote: &RemoteKeys| remote.fetched.load(Ordering::Relaxed) == 0;
        if self.inner.remote_keys.as_ref().is_some_and(never_known) {
            fetched?;
        }
        self.identify(token)
    }

    /// The attempt to fetch keys that is being made, or the last one when the next is not due; in a task of its own, which
    /// no request that hangs up abandons. `None` without a runtime.
    fn attempt(&self) -> Option<watch::Receiver<Outcome>> {
        let remote = self.inner.remote_keys.as_ref()?;
        let mut last = remote.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose task is gone, with its runtime, is over too.
        let is_pending =
            |attempt: &watch::Receiver<Outcome>| *attempt.borrow() == Outcome::Pending && attempt.has_changed().is_ok();
        if last.as_ref().is_some_and(is_pending) || !remote.may_try(remote.now()) {
            return last.clone();
        }
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        // Before the work: an attempt that is lost counts as well.
        remote.next_try.store(remote.now().saturating_add(millis(PATIENCE)), Ordering::Relaxed);
        let (tell, attempt) = watch::channel(Outcome::Pending);
        let auth = self.clone();
        runtime.spawn(async move {
            let outcome = auth.make_attempt().await;
            // Nobody may be waiting.
            let _ = tell.send(outcome);
        });
        *last = Some(attempt.clone());
        Some(attempt)
    }

    async fn make_attempt(&self) -> Outcome {
        let Some(remote) = &self.inner.remote_keys else { return Outcome::Failed };
        let fetched = remote.fetch().await.and_then(|(keys, fresh)| {
            // What is remembered of tokens goes with the keys: not for the same ones again.
            if self.inner.keys.jwks() != keys.published() {
                self.inner.keys.replace(&keys).map_err(FetchError::Keys)?;
            }
            Ok(fresh)
        });
        let now = remote.now();
        let after = |pause: Duration| now.saturating_add(millis(pause));
        match fetched {
            Ok(fresh) => {
                remote.fresh_until.store(after(fresh), Ordering::Relaxed);
                remote.next_try.store(after(PAUSE), Ordering::Relaxed);
                remote.fetched.store(now, Ordering::Relaxed);
                if remote.failed.swap(0, Ordering::Relaxed) > 0 {
                    tracing::info!(target: "auth::keys", host = remote.url.host_str(), "keys can be fetched again");
                }
                Outcome::Fetched
            }
            Err(error) => {
                let failed = remote.failed.fetch_add(1, Ordering::Relaxed);
                let pause = PAUSES.start().saturating_mul(1 << failed.min(6)).min(*PAUSES.end());
                remote.next_try.store(after(pause), Ordering::Relaxed);
                // Said once for each outage.
                if failed == 0 {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(
                        target: "auth::keys", host = remote.url.host_str(), %error, source,
                        "keys could not be fetched: those that are known go on for a day"
                    );
                }
                Outcome::Failed
            }
        }
    }
}

impl RemoteKeys {
    pub(crate) fn new(JwksUrl(url): &JwksUrl) -> Self {
        let agent = ureq::Agent::config_builder()
            .https_only(url.scheme() == "https")
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections(1)
            .user_agent(concat!("auth-core/", env!("CARGO_PKG_VERSION")));
        // What goes to this machine in clear must not go by way of another.
        let agent = if url.scheme() == "http" { agent.proxy(None) } else { agent };
        Self {
            url: url.clone(),
            agent: agent.build().new_agent(),
            started: Instant::now(),
            fetched: AtomicU64::new(0),
            fresh_until: AtomicU64::new(0),
            next_try: AtomicU64::new(0),
            attempt: Mutex::default(),
            failed: AtomicU32::new(0),
        }
    }

    /// Milliseconds since the start, plus one.
    fn now(&self) -> u64 {
        millis(self.started.elapsed()).saturating_add(1)
    }

    fn may_try(&self, now: u64) -> bool {
        now >= self.next_try.load(Ordering::Relaxed)
    }

    pub(super) fn is_trying(&self) -> bool {
        let attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        attempt.as_ref().is_some_and(|attempt| *attempt.borrow() == Outcome::Pending)
    }

    #[cfg(test)]
    pub(super) fn next_try_now(&self) {
        self.next_try.store(0, Ordering::Relaxed);
    }

    /// The keys, and how long they are fresh.
    async fn fetch(&self) -> Result<(KeyRing, Duration), FetchError> {
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let fetch = move || {
            let http = |error| FetchError::Http(Box::new(error));
            let mut answer = agent.get(url.as_str()).call().map_err(http)?;
            // A redirect is not followed, and what it says is no key set.
            if answer.status().as_u16() != 200 {
                return Err(FetchError::Status(answer.status().as_u16()));
            }
            let control = answer.headers().get("cache-control").and_then(|value| value.to_str().ok());
            let fresh = Duration::from_secs(max_age(control.unwrap_or_default()));
            let text = answer.body_mut().with_config().limit(LARGEST).read_to_string().map_err(http)?;
            let keys = KeyRing::from_public_jwks(&text).map_err(FetchError::Keys)?;
            // Whoever publishes none, or none of ours, does not mean that every token is bad.
            if keys.keys().is_empty() { Err(FetchError::Keys(InvalidKey::Empty)) } else { Ok((keys, fresh)) }
        };
        tokio::task::spawn_blocking(fetch).await.map_err(|_| FetchError::Stopped)?
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `max-age` of RFC 9111 5.2.2.1, within our limits.
pub(super) fn max_age(control: &str) -> u64 {
    let directive = control.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="));
    let seconds = directive.and_then(|seconds| seconds.trim_matches('"').parse().ok()).unwrap_or(FRESH_BY_DEFAULT);
    seconds.clamp(*FRESH.start(), *FRESH.end())
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

//! Access tokens that end before they expire: each node reads from the store what was revoked, and its guards look there
//! instead of asking the store for every request.
//!
//! ```text
//!   store ──► revoked_since(now - window), every second ──► set, swapped in whole ──► Auth::verify, no lock, no I/O
//! ```
//!
//! The window is the lifetime of an access token, plus the leeway, plus what clocks may differ and commits be late:
//! whatever was revoked before it has no living token any more. It is read whole each time, so nothing is lost that comes
//! late. A token from before the window, made under a longer lifetime, is refused: nobody remembers whether it was
//! revoked.

mod set;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::auth::Auth;
use crate::clock::{LARGEST_STEP, Timestamp};
use crate::config::{AuthConfig, RevocationFeed, WhenStale};
use crate::error::{AuthError, ErrorKind};
use crate::token::Identity;
use set::RevokedSet;

/// How far the clocks of nodes may be apart, and how late a commit may be. A node whose clock was set back stays ahead of
/// the others for a while (see `clock/steady.rs`).
const LATE: Duration = Duration::from_secs(LARGEST_STEP.as_secs() + 120);

/// After so many polls that brought nothing since the start, somebody should be told.
const POLLS_TO_START: u32 = 5;

/// What this node knows of revoked tokens.
pub(crate) struct Revocations {
    feed: RevocationFeed,
    window: Duration,
    started: Instant,
    view: ArcSwapOption<View>,
    /// One poll at a time, so that an older answer never replaces a newer one.
    polling: Mutex<()>,
    /// Said once for each time that it gets stale.
    complained: AtomicBool,
}

struct View {
    revoked: RevokedSet,
    /// When the store was asked.
    read_at: Instant,
}

impl Auth {
    /// Reads from the store now what was revoked. [`maintain`](Self::maintain) does this again and again; by itself it
    /// makes a program wait until its guards can serve. Does nothing without a
    /// [`revocation_feed`](AuthConfig::revocation_feed).
    ///
    /// # Errors
    /// `Unavailable` when the store is down or takes longer than half of
    /// [`stale_after`](RevocationFeed::stale_after); what was known before is kept.
    #[tracing::instrument(name = "auth.revocation_poll", level = "debug", skip_all)]
    pub async fn poll_revocations(&self) -> Result<(), AuthError> {
        let inner = &*self.inner;
        let Some(revocations) = &inner.revocations else { return Ok(()) };
        let _turn = revocations.polling.lock().await;
        let read_at = Instant::now();
        let since = inner.clock.now().before(revocations.window);
        // A store that hangs is asked again before what is known gets too old.
        let patience = revocations.feed.stale_after / 2;
        let answer = tokio::time::timeout(patience, inner.sessions.revoked_since(since)).await;
        let revoked = answer.map_err(|elapsed| AuthError::new(ErrorKind::Unavailable, elapsed))??;
        let revoked = revoked.into_iter().collect();
        revocations.view.store(Some(Arc::new(View { revoked, read_at })));
        if revocations.complained.swap(false, Ordering::Relaxed) {
            tracing::info!(target: "auth::revocation", "revoked tokens are known again");
        }
        Ok(())
    }

    /// Polls for ever, or only waits when there is no feed.
    pub(crate) async fn follow_revocations(&self) -> Infallible {
        let Some(revocations) = &self.inner.revocations else { return std::future::pending().await };
        let mut ticks = tokio::time::interval(revocations.feed.poll_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failed_before = false;
        loop {
            ticks.tick().await;
            let polled = self.poll_revocations().await;
            // Said once for each outage.
            if let (Err(error), false) = (&polled, failed_before) {
                tracing::warn!(target: "auth::revocation", ?error, "revoked tokens could not be read");
            }
            failed_before = polled.is_err();
        }
    }
}

impl Revocations {
    pub(crate) fn new(config: &AuthConfig) -> Option<Self> {
        let feed = config.revocation_feed?;
        Some(Self {
            feed,
            window: Self::window(config),
            started: Instant::now(),
            view: ArcSwapOption::empty(),
            polling: Mutex::new(()),
            complained: AtomicBool::new(false),
        })
    }

    /// How long ago something must have been revoked to have no living token any more.
    pub(crate) fn window(config: &AuthConfig) -> Duration {
        config.access_token_ttl + config.leeway + LATE
    }

    /// Whether the token behind `identity`, whose signature and claims are good, still counts.
    pub(crate) fn check(&self, identity: &Identity, now: Timestamp) -> Result<(), AuthError> {
        let forgotten = now.before(self.window);
        if identity.issued_at().is_none_or(|issued_at| issued_at < forgotten) {
            return Err(AuthError::new(ErrorKind::InvalidToken, "the token is older than what is remembered"));
        }
        let view = self.view.load();
        let (known, as_of) = match &*view {
            Some(view) if view.revoked.has(identity) => {
                return Err(AuthError::new(ErrorKind::InvalidToken, "the token was revoked"));
            }
            Some(view) => (true, view.read_at),
            None => (false, self.started),
        };
        let age = as_of.elapsed();
        let stale = age > self.feed.stale_after;
        let overdue = stale || (!known && age > self.feed.poll_every * POLLS_TO_START);
        if overdue && !self.complained.swap(true, Ordering::Relaxed) {
            self.complain(known);
        }
        match (known, stale, self.feed.when_stale) {
            (true, false, _) | (_, true, WhenStale::FailOpen) => Ok(()),
            (true, true, WhenStale::FailClosed) => {
                Err(AuthError::new(ErrorKind::Unavailable, "what was revoked is not known any more"))
            }
            (false, _, _) => Err(AuthError::new(ErrorKind::Unavailable, "what was revoked is not known yet")),
        }
    }

    fn complain(&self, known: bool) {
        let then = match self.feed.when_stale {
            WhenStale::FailOpen => "access tokens count until they expire",
            WhenStale::FailClosed => "guards answer that the service is unavailable",
        };
        let seconds = self.feed.stale_after.as_secs_f32();
        if known {
            tracing::error!(target: "auth::revocation", "no news from the store for {seconds} s: {then}");
        } else {
            tracing::error!(
                target: "auth::revocation",
                "what was revoked was never read, and guards serve nobody until it is, or, if they fail open, for \
                 {seconds} s: call `auth.spawn_maintenance()` at start, and see whether the \
                 store can be reached"
            );
        }
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("feed", &self.feed).finish_non_exhaustive()
    }
}

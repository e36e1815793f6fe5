//! Removing what is long over (requirement F6): beside the requests, never in one.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::auth::Auth;
use crate::revocation::Revocations;
use crate::store::StoreError;

/// How often the store is looked through.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// How many sessions go at once: short enough to hold up nobody.
const BATCH: u64 = 500;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an expired session is kept at least, for those who look into what happened.
const KEEP: Duration = Duration::from_secs(24 * 3600);

impl Auth {
    /// Starts [`maintain`](Self::maintain) as a task of the runtime that calls it. Abort the handle to stop it; dropping
    /// the handle lets it run.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn_maintenance(&self) -> JoinHandle<Infallible> {
        let auth = self.clone();
        tokio::spawn(async move { auth.maintain().await })
    }

    /// What has to be done beside the requests, for ever: sessions and personal access tokens that expired more than a day
    /// ago are removed, every ten minutes, 500 at a time, and so are counters of failures that are forgotten; with an
    /// [`audit_trail`](crate::AuthConfig::audit_trail), events are stored and removed when they are old; and with a
    /// [`revocation_feed`](crate::AuthConfig::revocation_feed), what was revoked is read. Run it once on every node;
    /// dropping it at any point loses nothing.
    pub async fn maintain(&self) -> Infallible {
        let follow = pin!(self.follow_revocations());
        let store = pin!(self.store_events());
        let count = pin!(self.keep_counts());
        let purge = pin!(self.purge());
        let mut all: [Pin<&mut (dyn Future<Output = Infallible> + Send)>; 4] = [follow, store, count, purge];
        poll_fn(|context| {
            let over = all.iter_mut().map(|one| one.as_mut().poll(context)).find(Poll::is_ready);
            over.unwrap_or(Poll::Pending)
        })
        .await
    }

    async fn purge(&self) -> Infallible {
        // Guards still ask for what was revoked within the window.
        let keep = KEEP.max(Revocations::window(&self.inner.config));
        loop {
            tokio::time::sleep(EVERY).await;
            let now = self.inner.clock.now();
            let expired_before = now.before(keep);
            in_batches("expired sessions", || self.inner.sessions.purge_expired(expired_before, BATCH)).await;
            in_batches("expired tokens", || self.inner.tokens.purge_tokens(expired_before, BATCH)).await;
            if let (Some(config), Ok(trail)) = (&self.inner.config.audit_trail, self.inner.trail()) {
                let before = now.before(config.retention);
                in_batches("old events", || trail.purge(before, BATCH)).await;
            }
            in_batches("forgotten failures", || self.inner.throttle.prune(now, BATCH)).await;
        }
    }
}

/// Removes until there is nothing left to remove.
#[tracing::instrument(name = "auth.purge", skip_all, fields(what = what))]
async fn in_batches<F: Future<Output = Result<u64, StoreError>>>(what: &str, batch: impl Fn() -> F) {
    loop {
        match batch().await {
            Ok(removed) if removed >= BATCH => tokio::time::sleep(PAUSE).await,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(target: "auth::maintenance", %error, "{what} stay for now");
                return;
            }
        }
    }
}

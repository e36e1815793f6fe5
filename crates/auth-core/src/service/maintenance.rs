//! Removing what is long over (requirement F6): beside the requests, never in one.

use std::convert::Infallible;
use std::time::Duration;

use crate::auth::Auth;

/// How often the store is looked through.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// How many sessions go at once: short enough to hold up nobody.
const BATCH: u64 = 500;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an expired session is kept for those who look into what happened.
const KEEP: Duration = Duration::from_secs(24 * 3600);

impl Auth {
    /// Removes sessions that expired more than a day ago, every ten minutes, 500 at a time, for ever. Spawn it once on
    /// one node or on all of them; dropping it at any point loses nothing.
    ///
    /// ```no_run
    /// # fn start(auth: auth_core::Auth) {
    /// tokio::spawn(async move { auth.maintain().await });
    /// # }
    /// ```
    pub async fn maintain(&self) -> Infallible {
        loop {
            tokio::time::sleep(EVERY).await;
            let expired_before = self.inner.clock.now().before(KEEP);
            loop {
                match self.inner.sessions.purge_expired(expired_before, BATCH).await {
                    Ok(removed) if removed >= BATCH => tokio::time::sleep(PAUSE).await,
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(target: "auth::maintenance", %error, "expired sessions stay for now");
                        break;
                    }
                }
            }
        }
    }
}

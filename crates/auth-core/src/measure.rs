//! Numbers for monitoring, through the facade of the crate `metrics` (feature `metrics`): without the feature each of these
//! is nothing. No label holds what a request said; what a guard lets in is not counted, and costs nothing.
//!
//! | name | kind | labels |
//! |---|---|---|
//! | `auth_events_total` | counter | `type` (names of [`EventKind`]: logins, refreshes, …), `outcome` |
//! | `auth_operation_seconds` | histogram | `operation`: login, refresh |
//! | `auth_store_seconds` | histogram | `operation` (below), `outcome`: done, unavailable, conflict, corrupt, dropped (whoever asked went away) |
//! | `auth_guard_refusals_total` | counter | `code`, as the answer says it |
//! | `auth_hash_wait_seconds` | histogram | from the place in the pool to the thread |
//! | `auth_hash_seconds` | histogram | on the thread |
//! | `auth_hash_places_free` | gauge | threads and places in the queue |
//! | `auth_hash_turned_away_total` | counter | since the pool was full |
//! | `auth_audit_lost_total` | counter | events that the store did not take in time |
//!
//! Operations of the store, wherever its parts come from: `session_` open, load, rotate, revoke, list, revoked_since, purge;
//! `user_` find_by_email, find_by_id, create, rehash, update, delete, list, count, count_all; `factor_` load, epoch,
//! end_sessions, keep_pending, enable, disable, accept_step, replace_recovery_codes, use_recovery_code, reseal; `throttle_`
//! reserve, refund, clear, prune; `token_` create, find, list, revoke, note_use, purge; `event_` append, list, count, purge.

#[cfg(feature = "metrics")]
mod store;

use std::sync::Arc;
#[cfg(feature = "metrics")]
use std::time::Instant;

use crate::event::EventKind;

/// The same store, with its calls timed.
#[cfg(feature = "metrics")]
pub(crate) fn timed<T: store::Port + ?Sized>(store: Arc<T>) -> Arc<T> {
    store.timed()
}

/// The same store.
#[cfg(not(feature = "metrics"))]
pub(crate) const fn timed<T: ?Sized>(store: Arc<T>) -> Arc<T> {
    store
}

/// Shows what is rare as nothing from the start: of a counter that is not there before it counts, Prometheus sees no
/// increase the first time, and that is the one to see. For a recorder that is installed by now.
pub(crate) fn begin() {
    #[cfg(feature = "metrics")]
    {
        let reused = EventKind::ReuseDetected;
        let labels = [("type", reused.name()), ("outcome", reused.outcome().as_str())];
        metrics::counter!("auth_events_total", &labels).increment(0);
        metrics::counter!("auth_hash_turned_away_total").increment(0);
        metrics::counter!("auth_audit_lost_total").increment(0);
    }
}

/// Something happened.
pub(crate) fn event(kind: EventKind) {
    #[cfg(feature = "metrics")]
    metrics::counter!("auth_events_total", "type" => kind.name(), "outcome" => kind.outcome().as_str()).increment(1);
    #[cfg(not(feature = "metrics"))]
    let _ = kind;
}

/// A guard refused, with this code.
pub(crate) fn guard_refused(code: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("auth_guard_refusals_total", "code" => code).increment(1);
    #[cfg(not(feature = "metrics"))]
    let _ = code;
}

/// So many places of the hashing pool are free.
pub(crate) fn hash_places(free: usize) {
    #[cfg(feature = "metrics")]
    metrics::gauge!("auth_hash_places_free").set(u32::try_from(free).unwrap_or(u32::MAX));
    #[cfg(not(feature = "metrics"))]
    let _ = free;
}

/// The hashing pool was full.
pub(crate) fn hash_turned_away() {
    #[cfg(feature = "metrics")]
    metrics::counter!("auth_hash_turned_away_total").increment(1);
}

/// So many events are lost.
pub(crate) fn events_lost(events: u64) {
    #[cfg(feature = "metrics")]
    metrics::counter!("auth_audit_lost_total").increment(events);
    #[cfg(not(feature = "metrics"))]
    let _ = events;
}

/// How long something took.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Duration {
    Login,
    Refresh,
    HashWait,
    Hash,
}

/// Measures from its start to its stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    #[cfg(feature = "metrics")]
    begun: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            #[cfg(feature = "metrics")]
            begun: Instant::now(),
        }
    }

    pub(crate) fn stop(self, of: Duration) {
        #[cfg(feature = "metrics")]
        {
            let histogram = match of {
                Duration::Login => metrics::histogram!("auth_operation_seconds", "operation" => "login"),
                Duration::Refresh => metrics::histogram!("auth_operation_seconds", "operation" => "refresh"),
                Duration::HashWait => metrics::histogram!("auth_hash_wait_seconds"),
                Duration::Hash => metrics::histogram!("auth_hash_seconds"),
            };
            histogram.record(self.begun.elapsed());
        }
        #[cfg(not(feature = "metrics"))]
        let _ = (self, of);
    }
}

//! The audit trail.

use std::time::Duration;

use super::ConfigError;

/// Events are kept in the store: who did what, when, from where, and whether it was let happen.
///
/// They are stored in the background, by [`Auth::spawn_maintenance`](crate::Auth::spawn_maintenance): no request waits for
/// it, and none fails by it. [`Auth::flush_events`](crate::Auth::flush_events) stores the rest when the server stops.
/// `GET /auth/events` shows them to admins, when mounted.
///
/// Refreshes that went well, throttled logins, and refused tokens of nobody knows whom are not kept one by one: they are
/// counted on each node, and every five minutes are one event of their kind, whose
/// [`times`](crate::store::EventRecord::times) says how often. A node that is killed loses the count of those minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditTrail {
    /// How long an event is kept: 1 d to 10 years. Default 90 d, `AUDIT_RETENTION`.
    pub retention: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for AuditTrail {
    fn default() -> Self {
        Self { retention: 90 * DAY }
    }
}

impl AuditTrail {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if (DAY..=3660 * DAY).contains(&self.retention) {
            return Ok(());
        }
        let problem = format!("is {:?}: set it from a day to 10 years", self.retention);
        Err(ConfigError::new("audit_trail.retention", problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        AuditTrail::default().check().expect("the default is usable");
        for retention in [Duration::ZERO, Duration::MAX] {
            let error = AuditTrail { retention }.check().expect_err("is not usable");
            assert_eq!(error.field(), "audit_trail.retention");
        }
    }
}

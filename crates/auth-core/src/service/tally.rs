//! What happens too often to be kept one by one, or as often as a stranger likes: it is counted, and a few minutes of it
//! are one event of the audit trail.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::auth::Auth;
use crate::clock::Timestamp;
use crate::event::{EventKind, EventName};

/// How much of it is one event: a week of one kind on one node is two thousand of them.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// How often something happened since it was last asked. There are few such kinds, so it stays small.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Vec<Counted>>);

/// So many of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) kind: EventKind,
    pub(super) times: u64,
    /// When the last of them happened.
    pub(super) at: Timestamp,
}

impl Tally {
    pub(super) fn add(&self, kind: EventKind, at: Timestamp) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counted.iter_mut().find(|one| one.kind == kind) {
            Some(one) => {
                one.times += 1;
                one.at = one.at.max(at);
            }
            None => counted.push(Counted { kind, times: 1, at }),
        }
    }

    /// What was counted, and begins at zero again: of one kind, or of all.
    pub(super) fn take(&self, of: Option<EventName>) -> Vec<Counted> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.extract_if(.., |one| of.is_none_or(|name| one.kind.name() == name.as_str())).collect()
    }
}

impl Auth {
    /// Hands over what was counted, for ever.
    pub(super) async fn keep_counts(&self) -> Infallible {
        let Some(trail) = &self.inner.trail else { return std::future::pending().await };
        loop {
            tokio::time::sleep(EVERY).await;
            trail.keep_counts(None, &*self.inner.random);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_from_one_asking_to_the_next() {
        let tally = Tally::default();
        let seconds = Timestamp::from_secs;
        let (rotated, throttled) = (EventKind::SessionRotated, EventKind::LoginThrottled);
        for (kind, at) in [(rotated, 1), (throttled, 2), (rotated, 4), (rotated, 3)] {
            tally.add(kind, seconds(at));
        }
        assert_eq!(tally.take(EventName::new("login_failed").ok()), []);
        let expected = Counted { kind: rotated, times: 3, at: seconds(4) };
        assert_eq!(tally.take(rotated.event_name()), [expected]);
        tally.add(rotated, seconds(5));
        assert_eq!(tally.take(None).len(), 2);
        assert_eq!(tally.take(None), []);
    }
}

//! The one place that sends a statement again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use auth_core::store::{StoreError, StoreErrorKind};
use sea_orm::DbErr;
use tokio::time::{sleep, timeout};

use crate::error::{Failure, store_error};

/// No operation lasts longer: a connection whose other end is silently gone must not hold a login for minutes. Half of
/// the usual grace: whoever is told that a rotation failed, when only its answer was lost, can still ask again.
const DEADLINE: Duration = Duration::from_secs(5);
/// One more than a pool of usual size has connections.
const MOST_ATTEMPTS: u32 = 11;

/// Whether an attempt may be repeated when its connection broke, so that nobody knows whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resend {
    /// Doing it twice is as good as once.
    Safe,
    /// Doing it twice could be told from once.
    Never,
}

/// How an attempt failed.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// In a statement, before anything was committed, unless the statement commits itself.
    Statement(DbErr),
    /// In a statement of a transaction, which was not committed then.
    Uncommitted(DbErr),
    /// While a transaction was committed.
    Commit(DbErr),
}

impl From<DbErr> for Attempt {
    fn from(error: DbErr) -> Self {
        Self::Statement(error)
    }
}

impl Attempt {
    /// What failed in a transaction of its own.
    pub(crate) fn in_transaction(self) -> Self {
        match self {
            Self::Statement(error) => Self::Uncommitted(error),
            other => other,
        }
    }

    /// Whether it is certain that nothing was done.
    pub(crate) fn left_no_trace(&self) -> bool {
        match self {
            Self::Statement(error) => Failure::of(error) != Failure::ConnectionLost,
            Self::Uncommitted(_) => true,
            Self::Commit(error) => matches!(Failure::of(error), Failure::TakenBack | Failure::NotConnected),
        }
    }
}

/// Runs `attempt` until it succeeds, fails for good, or time is up.
///
/// What the database took back (40001, 1205, 1213, SQLITE_BUSY) left no trace, so that is repeated always, and what
/// found no connection as well. After a lost connection the next one is tried, when `resend` allows: a server that
/// restarted has cut all those in the pool.
pub(crate) async fn retrying<T, F>(resend: Resend, attempt: impl FnMut() -> F + Send) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, Attempt>> + Send,
    T: Send,
{
    within_deadline(async { until_done(resend, attempt).await.map_err(store_error) }).await
}

/// Gives `work` up when an operation has lasted as long as it may.
pub(crate) async fn within_deadline<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match timeout(DEADLINE, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(StoreError::new(StoreErrorKind::Unavailable, TooSlow)),
    }
}

async fn until_done<T, F>(resend: Resend, mut attempt: impl FnMut() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, Attempt>>,
{
    let mut attempts = 0;
    loop {
        attempts += 1;
        let failed = match attempt().await {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        let (error, is_commit) = match failed {
            Attempt::Statement(error) | Attempt::Uncommitted(error) => (error, false),
            Attempt::Commit(error) => (error, true),
        };
        match Failure::of(&error) {
            Failure::TakenBack | Failure::NotConnected if attempts < MOST_ATTEMPTS => sleep(pause(attempts)).await,
            Failure::ConnectionLost if attempts < MOST_ATTEMPTS && resend == Resend::Safe && !is_commit => {}
            _ => return Err(error),
        }
    }
}

/// Twice as long each time, up to about a tenth of a second, and never the same for two rivals.
fn pause(attempts: u32) -> Duration {
    let longest = 2_u64.saturating_pow(attempts).min(64);
    // The keys of `RandomState` differ at every call, which is random enough to part two rivals.
    let random = RandomState::new().hash_one(attempts);
    Duration::from_millis(longest / 2 + random % longest)
}

#[derive(Debug, thiserror::Error)]
#[error("the database did not answer within {} s", DEADLINE.as_secs())]
struct TooSlow;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error as StdError;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use sea_orm::RuntimeErr;
    use sea_orm::sqlx::error::{DatabaseError, Error as SqlxError, ErrorKind};

    use super::*;

    fn lost() -> DbErr {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        DbErr::Exec(RuntimeErr::SqlxError(Arc::new(SqlxError::Io(broken))))
    }

    /// What PostgreSQL says of a transaction that it could not put in order with others.
    #[derive(Debug, thiserror::Error)]
    #[error("could not serialize access")]
    struct Busy;

    impl DatabaseError for Busy {
        fn message(&self) -> &str {
            "could not serialize access"
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some("40001".into())
        }
        fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    async fn attempts_until_error(resend: Resend, error: fn() -> Attempt) -> u32 {
        let attempts = AtomicU32::new(0);
        let outcome: Result<(), _> = until_done(resend, || {
            attempts.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err(error()))
        })
        .await;
        assert!(outcome.is_err());
        attempts.into_inner()
    }

    #[test]
    fn f2_what_was_never_committed_left_no_trace() {
        assert!(Attempt::Statement(lost()).in_transaction().left_no_trace());
        assert!(!Attempt::Statement(lost()).left_no_trace(), "it may have committed itself");
        assert!(!Attempt::Commit(lost()).in_transaction().left_no_trace());
    }

    #[tokio::test]
    async fn f4_a_lost_connection_is_replaced_only_when_that_is_safe() {
        assert_eq!(attempts_until_error(Resend::Safe, || Attempt::Statement(lost())).await, MOST_ATTEMPTS);
        assert_eq!(attempts_until_error(Resend::Never, || Attempt::Statement(lost())).await, 1);
        assert_eq!(attempts_until_error(Resend::Safe, || Attempt::Commit(lost())).await, 1);
    }

    #[test]
    fn f2_nothing_is_done_only_where_that_is_certain() {
        let timed_out = || DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
        for (attempt, expected) in [
            (Attempt::Statement(lost()), false),
            (Attempt::Commit(lost()), false),
            (Attempt::Commit(crate::error::damaged("x")), false),
            (Attempt::Statement(crate::error::damaged("x")), true),
            (Attempt::Statement(timed_out()), true),
            (Attempt::Commit(timed_out()), true),
        ] {
            assert_eq!(attempt.left_no_trace(), expected, "{attempt:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn f2_a_database_that_never_answers_is_unavailable() {
        let outcome = retrying(Resend::Safe, std::future::pending::<Result<(), Attempt>>).await;
        assert_eq!(outcome.expect_err("time is up").kind(), StoreErrorKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn f4_what_is_taken_back_is_tried_again_a_bounded_number_of_times() {
        let taken_back =
            || Attempt::Commit(DbErr::Query(RuntimeErr::SqlxError(Arc::new(SqlxError::Database(Box::new(Busy))))));
        assert_eq!(attempts_until_error(Resend::Never, taken_back).await, MOST_ATTEMPTS);
    }

    #[tokio::test(start_paused = true)]
    async fn f2_who_found_no_connection_asks_again_until_time_is_up() {
        let attempts = AtomicU32::new(0);
        let begun = tokio::time::Instant::now();
        let outcome: Result<(), _> = retrying(Resend::Never, async || {
            attempts.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(1500)).await;
            Err(DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout).into())
        })
        .await;
        assert_eq!(outcome.expect_err("never").kind(), StoreErrorKind::Unavailable);
        assert_eq!((attempts.into_inner(), begun.elapsed()), (4, DEADLINE));
    }

    #[tokio::test]
    async fn f4_what_is_damaged_is_not_tried_again() {
        assert_eq!(attempts_until_error(Resend::Safe, || Attempt::Statement(crate::error::damaged("x"))).await, 1);
    }
}

//! Counters of failed attempts: counted before the work, so that a thousand guesses at once are a thousand failures
//! before the first of them is checked (requirements G1, G2).
//!
//! The rules are here, in [`Limit::judge`], and pure; a store reads a count, asks, and writes what it is told by
//! compare-and-set.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::clock::Timestamp;

/// Keeps counters of failures. Shared by every node: a guess at one counts at all.
#[async_trait]
pub trait ThrottleStore: fmt::Debug + Send + Sync + 'static {
    /// Counts a failure in each of these buckets, or in none of them when one refuses.
    ///
    /// Atomic for each bucket: however many callers come at once, no more are granted than [`Limit::judge`] would grant
    /// one after the other. What is granted stays counted until it is taken back, whatever becomes of the caller. The
    /// buckets must differ. When the store fails midway, some may have been counted.
    async fn reserve(&self, attempts: &[Attempt], now: Timestamp) -> Result<Reserved, StoreError>;

    /// Takes one reservation back, unless its bucket was cleared or forgotten since. Not to be repeated: each call takes
    /// back one failure.
    async fn refund(&self, reservation: &Reservation) -> Result<(), StoreError>;

    /// Forgets every failure in a bucket; reservations of before can no longer be taken back.
    async fn clear(&self, bucket: BucketKey) -> Result<(), StoreError>;

    /// Removes up to `limit` buckets that count for nothing any more ([`Count::forget_at`] is before `now`), and says
    /// how many. One that still counts is never removed (requirement G11).
    async fn prune(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError>;
}

/// Which counter: opaque to stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketKey([u8; 16]);

impl BucketKey {
    /// With these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for BucketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BucketKey({:032x})", u128::from_be_bytes(self.0))
    }
}

/// Something that may be a failure: its counter, and how many of them are allowed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The counter.
    pub bucket: BucketKey,
    /// Its rules.
    pub limit: Limit,
}

/// What a store answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// Every bucket counted a failure: one reservation each, in the order of the attempts.
    Granted(Vec<Reservation>),
    /// Nothing was counted.
    Refused {
        /// When to try again.
        until: Timestamp,
        /// The rules of the bucket that refused, the one with the longest wait.
        limit: Limit,
    },
}

/// A failure that was counted in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Where.
    pub bucket: BucketKey,
    /// The series of failures it belongs to: another one has begun when this one is forgotten or cleared.
    pub series: i64,
    /// When.
    pub reserved_at: Timestamp,
    /// When the attempt before it was, to which a refund returns.
    pub previous_at: Timestamp,
    /// By how much it moved [`Count::forget_at`]; a refund moves that back.
    pub prolonged: Duration,
}

/// How many failures are allowed, and how long to wait after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many in a row cost no wait. At least 1.
    pub free: u32,
    /// The wait after the last free one; it doubles with each failure that follows.
    pub first_delay: Duration,
    /// The longest wait.
    pub longest_delay: Duration,
    /// From so many on, nobody is let through until the bucket is cleared or forgotten.
    pub lock_after: Option<u32>,
    /// How failures are forgotten.
    pub forgetting: Forgetting,
}

/// How failures are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgetting {
    /// All at once, when so much time has passed since the last attempt.
    AllAfter(Duration),
    /// One after the other, one in so much time: a leaky bucket. It suits what many people share.
    OneEvery(Duration),
}

/// What a store keeps of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Failures, and attempts that are not decided yet.
    pub failures: u32,
    /// Tells one series of failures from the next.
    pub series: i64,
    /// When the last attempt was let through.
    pub reserved_at: Timestamp,
    /// From then on the bucket counts for nothing.
    pub forget_at: Timestamp,
}

/// What a store has to do with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing: it is refused.
    Refused {
        /// Until when.
        until: Timestamp,
    },
    /// Write this count, provided that the one that was judged is still there unchanged, or still absent. Else judge
    /// again.
    Replace(Count),
    /// Add a failure with [`Limit::add_to`], provided that the series is the same, still counts at `now`, and has fewer
    /// than [`Limit::free`] failures. Others may do so at the same time. Else judge again.
    Add,
}

/// By how much the clocks of two nodes may differ. A last attempt that lies further ahead was made by a clock that went
/// wrong, and waiting for it could take years.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

impl Limit {
    /// Whether an attempt may go on, and what is to be written then.
    #[must_use]
    pub fn judge(&self, count: Option<&Count>, now: Timestamp) -> Judgement {
        let Some(count) = count else {
            // A bucket that was removed and made again must not be taken for what it was.
            return Judgement::Replace(self.first(now.as_millis(), now));
        };
        if count.forget_at <= now {
            return Judgement::Replace(self.first(count.series.saturating_add(1), now));
        }
        let failures = self.remembered(count, now);
        if failures >= self.free {
            if self.lock_after.is_some_and(|most| failures >= most) {
                return Judgement::Refused { until: now.after(self.longest_delay) };
            }
            let until = count.reserved_at.after(self.delay(failures));
            if until > now && count.reserved_at <= now.after(CLOCK_SKEW) {
                return Judgement::Refused { until };
            }
        } else if failures == count.failures {
            return Judgement::Add;
        }
        Judgement::Replace(self.add_to(&Count { failures, ..*count }, now))
    }

    /// The count with one failure more.
    #[must_use]
    pub fn add_to(&self, count: &Count, now: Timestamp) -> Count {
        let failures = count.failures.saturating_add(1);
        let forget_at = match self.forgetting {
            Forgetting::AllAfter(span) => now.after(span),
            // No later than if every failure had been a moment ago.
            Forgetting::OneEvery(span) => {
                count.forget_at.max(now).after(span).min(now.after(span.saturating_mul(failures)))
            }
        };
        Count { failures, series: count.series, reserved_at: now, forget_at }
    }

    /// By how much one failure moves [`Count::forget_at`] for good.
    #[must_use]
    pub const fn prolongs(&self) -> Duration {
        match self.forgetting {
            Forgetting::AllAfter(_) => Duration::ZERO,
            Forgetting::OneEvery(span) => span,
        }
    }

    fn first(&self, series: i64, now: Timestamp) -> Count {
        let (Forgetting::AllAfter(span) | Forgetting::OneEvery(span)) = self.forgetting;
        Count { failures: 1, series, reserved_at: now, forget_at: now.after(span) }
    }

    /// The failures that time has not washed away.
    fn remembered(&self, count: &Count, now: Timestamp) -> u32 {
        match self.forgetting {
            Forgetting::AllAfter(_) => count.failures,
            Forgetting::OneEvery(span) => {
                let left = u128::try_from(count.forget_at.millis_since(now)).unwrap_or_default();
                let level = left.div_ceil(span.as_millis().max(1));
                count.failures.min(u32::try_from(level).unwrap_or(u32::MAX))
            }
        }
    }

    /// The wait after so many failures.
    fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(self.free).min(31);
        self.first_delay.saturating_mul(1_u32 << doublings).min(self.longest_delay)
    }
}

impl Reservation {
    /// Of an attempt that was let through at `now`, in a bucket whose last attempt was at `previous_at`.
    #[must_use]
    pub const fn new(attempt: &Attempt, series: i64, previous_at: Timestamp, now: Timestamp) -> Self {
        let (bucket, prolonged) = (attempt.bucket, attempt.limit.prolongs());
        Self { bucket, series, reserved_at: now, previous_at, prolonged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn account() -> Limit {
        Limit {
            free: 5,
            first_delay: SECOND,
            longest_delay: 900 * SECOND,
            lock_after: Some(100),
            forgetting: Forgetting::AllAfter(86_400 * SECOND),
        }
    }

    fn address() -> Limit {
        Limit { free: 50, lock_after: None, forgetting: Forgetting::OneEvery(60 * SECOND), ..account() }
    }

    /// One attempt: the wait when it is refused.
    fn attempt(limit: &Limit, count: &mut Option<Count>, now: Timestamp) -> Result<(), Duration> {
        match limit.judge(count.as_ref(), now) {
            Judgement::Refused { until } => {
                Err(Duration::from_millis(until.millis_since(now).try_into().expect("later")))
            }
            Judgement::Replace(new) => {
                *count = Some(new);
                Ok(())
            }
            Judgement::Add => {
                *count = count.map(|count| limit.add_to(&count, now));
                Ok(())
            }
        }
    }

    #[test]
    fn g1_delays_start_at_the_fifth_failure_and_double_to_a_quarter_of_an_hour() {
        let (limit, mut count, mut now) = (account(), None, NOW);
        for _ in 0..5 {
            assert_eq!(attempt(&limit, &mut count, now), Ok(()));
        }
        let mut waits = Vec::new();
        while let Err(wait) = attempt(&limit, &mut count, now) {
            waits.push(wait.as_secs());
            assert_eq!(
                attempt(&limit, &mut count, now.after(wait - Duration::from_millis(1))).map_err(|_| ()),
                Err(())
            );
            now = now.after(wait);
            assert_eq!(attempt(&limit, &mut count, now), Ok(()));
            if waits.len() == 95 {
                break;
            }
        }
        assert_eq!(waits[..12], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert!(waits[12..].iter().all(|wait| *wait == 900));
        // That was the hundredth failure.
        for later in [Duration::ZERO, 900 * SECOND, 3600 * SECOND] {
            assert_eq!(attempt(&limit, &mut count, now.after(later)), Err(900 * SECOND));
        }
        assert_eq!(attempt(&limit, &mut count, now.after(86_400 * SECOND)), Ok(()), "never for ever");
    }

    #[test]
    fn g3_an_address_is_forgiven_one_failure_a_minute() {
        let (limit, mut count) = (address(), None);
        for _ in 0..50 {
            assert_eq!(attempt(&limit, &mut count, NOW), Ok(()));
        }
        assert_eq!(attempt(&limit, &mut count, NOW), Err(SECOND));
        // After ten minutes ten of them are forgotten, and not one more.
        let later = NOW.after(600 * SECOND);
        for _ in 0..10 {
            assert_eq!(attempt(&limit, &mut count, later), Ok(()));
        }
        assert_eq!(attempt(&limit, &mut count, later), Err(SECOND));
        // Attempts in between do not hold the forgetting up: 59 seconds and again 59 are more than a minute.
        assert_eq!(attempt(&limit, &mut count, later.after(59 * SECOND)), Ok(()), "the wait of a second is over");
        assert_eq!(count.expect("counted").failures, 51);
        assert_eq!(attempt(&limit, &mut count, later.after(118 * SECOND)), Ok(()));
        assert_eq!(count.expect("counted").failures, 51);
        assert_eq!(attempt(&limit, &mut count, NOW.after(86_400 * SECOND)), Ok(()));
        assert_eq!(count.expect("counted").failures, 1);
    }

    #[test]
    fn f5_a_clock_that_went_wrong_locks_nobody_out() {
        for limit in [account(), address()] {
            let (mut count, years_ahead) = (None, NOW.after(100 * 86_400 * SECOND));
            for _ in 0..limit.free {
                assert_eq!(attempt(&limit, &mut count, years_ahead), Ok(()));
            }
            assert_eq!(attempt(&limit, &mut count, NOW), Ok(()), "its wait would be over in a hundred days");
            assert!(attempt(&limit, &mut count, NOW).expect_err("the failures still count") <= 2 * SECOND);
            // Another node's clock may be a little ahead.
            let mut count = Some(Count { reserved_at: NOW.after(30 * SECOND), ..count.expect("counted") });
            assert!(attempt(&limit, &mut count, NOW).is_err());
        }
    }
}

//! Time that does not go back when the clock of the operating system does (requirement F5).
//!
//! ```text
//!   the system's clock   ──────────────┐         ╱
//!                                      │       ╱
//!   this one             ──────────────┤────╱╱      half speed until the two meet
//!                                      └──╱
//! ```
//!
//! Standing still instead would stretch the grace of a rotation by the whole step; half speed at most doubles it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Timestamp;

/// A clock that is set back by more than this was wrong by a lot: it is believed at once, or a year ahead by mistake
/// would keep this program there for two.
pub(crate) const LARGEST_STEP: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Steady {
    /// The latest reading, in milliseconds since the Unix epoch.
    latest: AtomicI64,
    slow: Mutex<Option<Slow>>,
}

/// The clock was set back, and is waited for.
#[derive(Debug, Clone, Copy)]
struct Slow {
    from: Timestamp,
    since: Instant,
}

impl Steady {
    pub(super) const fn new() -> Self {
        Self { latest: AtomicI64::new(i64::MIN), slow: Mutex::new(None) }
    }

    /// The steady time when the system's clock reads `wall`. `uptime` is asked only while that lags behind.
    pub(super) fn reading(&self, wall: Timestamp, uptime: impl FnOnce() -> Instant) -> Timestamp {
        let latest = self.latest.load(Ordering::Relaxed);
        if wall.as_millis() < latest {
            return self.slowed(wall, uptime);
        }
        // At most one write a millisecond, so that threads do not fight for the cache line.
        if wall.as_millis() > latest {
            self.latest.fetch_max(wall.as_millis(), Ordering::Relaxed);
        }
        wall
    }

    fn slowed(&self, wall: Timestamp, uptime: impl FnOnce() -> Instant) -> Timestamp {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: an older one would start an anchor too early, and time would gain by it.
        let uptime = uptime();
        let latest = Timestamp::from_millis(self.latest.load(Ordering::Relaxed));
        if wall.after(LARGEST_STEP) < latest {
            tracing::error!(
                target: "auth::clock",
                behind_seconds = latest.millis_since(wall) / 1000,
                "the system's clock was set back by far: tokens and sessions may count again that had expired"
            );
            *slow = None;
            self.latest.store(wall.as_millis(), Ordering::Relaxed);
            return wall;
        }
        // An anchor from an earlier step lies behind by now.
        let anchor = slow.filter(|slow| slow.reading(uptime) >= latest);
        let anchor = *slow.insert(anchor.unwrap_or(Slow { from: latest, since: uptime }));
        let reading = anchor.reading(uptime).max(wall);
        self.latest.fetch_max(reading.as_millis(), Ordering::Relaxed);
        reading
    }
}

impl Slow {
    fn reading(self, uptime: Instant) -> Timestamp {
        self.from.after(uptime.saturating_duration_since(self.since) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A machine with two clocks: one that is set, and one that only runs.
    struct Machine {
        steady: Steady,
        wall: Timestamp,
        uptime: Instant,
    }

    impl Machine {
        fn new() -> Self {
            Self { steady: Steady::new(), wall: Timestamp::from_secs(1_800_000_000), uptime: Instant::now() }
        }

        fn run(&mut self, time: Duration) -> Timestamp {
            self.wall = self.wall.after(time);
            self.uptime += time;
            self.read()
        }

        fn read(&self) -> Timestamp {
            self.steady.reading(self.wall, || self.uptime)
        }
    }

    #[test]
    fn f5_a_step_back_un_expires_nothing_and_is_made_up_for() {
        let mut machine = Machine::new();
        let before = machine.read();
        machine.wall = machine.wall.before(5 * MINUTE);
        assert_eq!(machine.read(), before);
        assert_eq!(machine.run(2 * MINUTE), before.after(MINUTE), "half speed");
        let mut last = machine.read();
        for _ in 0..1000 {
            let now = machine.run(Duration::from_secs(1));
            assert!(now >= last);
            last = now;
        }
        assert_eq!(machine.read(), machine.wall, "the two have met");
    }

    #[test]
    fn f5_a_second_step_back_starts_from_where_time_stands() {
        let mut machine = Machine::new();
        machine.read();
        machine.wall = machine.wall.before(MINUTE);
        machine.run(10 * MINUTE);
        assert_eq!(machine.read(), machine.wall);
        let before = machine.run(MINUTE);
        machine.wall = machine.wall.before(MINUTE);
        assert_eq!(machine.read(), before);
        let half_way = machine.run(MINUTE / 2);
        machine.wall = machine.wall.before(5 * MINUTE);
        assert_eq!(machine.read(), half_way, "stepped back while it was waited for");
        assert_eq!(machine.run(2 * MINUTE), half_way.after(MINUTE));
    }

    #[test]
    fn f5_a_step_forward_is_followed_and_its_correction_goes_nowhere_back() {
        let mut machine = Machine::new();
        machine.read();
        machine.wall = machine.wall.after(5 * MINUTE);
        let ahead = machine.read();
        assert_eq!(ahead, machine.wall);
        machine.wall = machine.wall.before(5 * MINUTE);
        assert_eq!(machine.read(), ahead);
    }

    #[test]
    fn a_clock_that_was_wrong_by_far_is_believed_at_once() {
        let mut machine = Machine::new();
        machine.read();
        machine.wall = machine.wall.before(Duration::from_secs(366 * 86_400));
        assert_eq!(machine.read(), machine.wall);
        assert_eq!(machine.run(MINUTE), machine.wall);
    }

    #[test]
    fn f5_threads_that_read_at_once_never_see_time_go_back() {
        let steady = Steady::new();
        let wall = AtomicI64::new(1_800_000_000_000);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut last = i64::MIN;
                    for i in 0..20_000 {
                        // Every so often somebody sets the clock back.
                        let now = if i % 100 == 0 {
                            wall.fetch_sub(500, Ordering::Relaxed)
                        } else {
                            wall.fetch_add(7, Ordering::Relaxed)
                        };
                        let reading = steady.reading(Timestamp::from_millis(now), || start.max(Instant::now()));
                        assert!(reading.as_millis() >= last, "{reading:?} after {last}");
                        last = reading.as_millis();
                    }
                });
            }
        });
    }
}

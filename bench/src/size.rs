//! How much a run does.

use std::time::Duration;

use serde::Serialize;

/// How long a run takes, and so how much its figures are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Size {
    Full,
    Quick,
    Smoke,
}

impl Size {
    /// Of each server, and how many requests are in each.
    pub(crate) const fn guards(self) -> Samples {
        match self {
            Self::Full => Samples { count: 25, each: 20_000 },
            Self::Quick => Samples { count: 5, each: 8_000 },
            Self::Smoke => Samples { count: 1, each: 64 },
        }
    }

    /// Of logins and of hashes, and how many are in each.
    pub(crate) const fn logins(self) -> Samples {
        match self {
            Self::Full => Samples { count: 25, each: 24 },
            Self::Quick => Samples { count: 5, each: 12 },
            Self::Smoke => Samples { count: 1, each: 2 },
        }
    }

    /// Of refreshes. Whole seconds are what pgbench knows.
    pub(crate) const fn refreshes(self) -> Refreshes {
        match self {
            Self::Full => Refreshes { samples: 15, time: Duration::from_secs(1), sessions: 4096 },
            Self::Quick => Refreshes { samples: 3, time: Duration::from_secs(1), sessions: 1024 },
            Self::Smoke => Refreshes { samples: 1, time: Duration::from_millis(100), sessions: 64 },
        }
    }
}

/// How many samples, and how many requests are in each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Samples {
    pub(crate) count: usize,
    pub(crate) each: usize,
}

/// How many samples, how long each is, and how many sessions take turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refreshes {
    pub(crate) samples: usize,
    pub(crate) time: Duration,
    pub(crate) sessions: u32,
}

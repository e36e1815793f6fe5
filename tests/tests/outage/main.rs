//! Databases that are away, and come back (requirement F2): 503, no cookie touched, nobody signed out, and the first
//! success within two seconds after the database is there again.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod commit;
mod faulty;
mod fleet;
mod locked;
mod network;
mod stopped;

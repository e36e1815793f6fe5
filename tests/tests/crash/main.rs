//! Kill -9 (requirement F1): a server process that dies at any moment costs no session and makes no second one, as long
//! as its clients retry within the grace. Real processes, on both frameworks and every database.
//!
//! `CRASH_ROUNDS` multiplies the number of kills.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod exact;
mod random;
mod world;

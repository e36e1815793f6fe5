//! Shared wiring of the suites in `tests/`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

pub mod crash_server;
pub mod databases;
pub mod holder;
pub mod port;
pub mod private_server;
pub mod proxy;
pub mod servers;

//! Shared wiring of the suites in `tests/`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

pub mod bulk;
pub mod cases;
pub mod connection;
pub mod crash_server;
pub mod customers;
pub mod databases;
pub mod described;
pub mod directus;
pub mod elsewhere;
pub mod gate;
pub mod holder;
pub mod load;
pub mod log;
pub mod port;
pub mod private_server;
pub mod proxy;
pub mod servers;
pub mod tokens;

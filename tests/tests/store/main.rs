//! Every store against the conformance suite, and what is asked of SQL stores beyond it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod conformance;
mod migrations;
mod rounds;
mod sqlite;
mod stored;
mod upgrade;

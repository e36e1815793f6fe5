//! Test tools for `auth-core`, for its own tests and for those of its users.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod clock;
pub mod contract;
mod faulty;
pub mod mail;
pub mod store;
mod test_auth;
pub mod users;

pub use clock::ManualClock;
pub use faulty::{Fault, FaultyStore, Gate, Moment, Operation};
pub use test_auth::{TestAuth, TestUser};

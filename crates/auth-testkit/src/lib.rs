//! Test tools for `auth-core`, for its own tests and for those of its users.

mod clock;
pub mod contract;

pub use clock::ManualClock;

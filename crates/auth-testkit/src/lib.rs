//! Test tools for `auth-core`, for its own tests and for those of its users.

mod clock;
mod test_auth;

pub use clock::ManualClock;
pub use test_auth::{TestAuth, TestUser};

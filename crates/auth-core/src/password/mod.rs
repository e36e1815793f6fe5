//! Passwords: hashed ([`hash`]), off the async workers ([`pool`]), with a secret of the server if there is
//! one ([`pepper`]), and only if they are good enough ([`policy`]).

mod blocklist;
pub(crate) mod hash;
pub(crate) mod pepper;
pub(crate) mod policy;
pub(crate) mod pool;
#[cfg(feature = "zxcvbn")]
pub(crate) mod score;

pub use hash::{HashParams, InvalidHashParams, PasswordHash, UnusableHash};
pub use policy::PasswordProblem;

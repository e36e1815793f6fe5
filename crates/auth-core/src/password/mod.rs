//! Passwords: hashed ([`hash`]), off the async workers ([`pool`]), and only if they are good enough ([`policy`]).

pub(crate) mod hash;
pub(crate) mod policy;
pub(crate) mod pool;

pub use hash::{HashParams, InvalidHashParams, PasswordHash};

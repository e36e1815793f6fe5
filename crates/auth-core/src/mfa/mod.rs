//! The second factor: one-time passwords from an authenticator app, and recovery codes for who lost it.
//!
//! Everything here is pure: the store keeps what it is given, and the service decides when.
//!
//! ```text
//!   enrol    TotpSecret::generate ─► otpauth_url ─► qr::render          shown once
//!                     └─► MfaKeys::seal(Purpose::Pending(user, session)) ─► store
//!   enable   MfaKeys::open(pending) ─► same_as(secret) ─► matching_step ─► seal(Purpose::Factor(user)) ─► store
//!            RecoveryCode::generate_set ─► RecoveryKey::hash ─► store    shown once
//!   sign in  Otp::parse ─► Code:     open ─► matching_step ─► the store takes a step once
//!                      └─► Recovery: RecoveryKey::hash     ─► the store takes a hash once
//! ```

pub(crate) mod key;
pub(crate) mod otp;
pub(crate) mod qr;
pub(crate) mod recovery;
pub(crate) mod seal;
mod sealer;
pub(crate) mod totp;

pub use key::{InvalidMfaKey, MfaKey};
pub use qr::QrSvg;
pub use recovery::{RecoveryCode, RecoveryHash};
pub use seal::Sealed;
pub use sealer::FactorSealer;
pub use totp::{InvalidTotpSecret, OtpauthUrl, Step, TotpSecret};

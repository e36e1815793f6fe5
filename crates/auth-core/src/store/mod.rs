//! What the core asks of a database. Every method is one *operation*, atomic in itself, with the time as an argument:
//! never a get that is followed by a set.
//!
//! `auth-sea-orm` implements all of it for SQL databases, [`memory`] for tests and trials. An app with a user table of
//! its own implements [`UserStore`] alone. The conformance suite in `auth-testkit` says what each method promises.

mod directory;
mod error;
mod event;
mod factor;
pub mod memory;
mod session;
mod throttle;
mod token;
mod user;

pub use crate::mfa::{RecoveryHash, Sealed, Step};
pub use directory::{LastAdmin, UpdateTerms, Updated, UserDirectory, UserFilter, UserPage, UserSummary};
pub use error::{StoreError, StoreErrorKind};
pub use event::{EventFilter, EventPage, EventRecord, EventStore};
pub use factor::{ActiveFactor, Enabling, FactorStore, PendingFactor, SecondFactor};
pub use session::{
    Epoch, LoadedSession, NewSession, Opened, RevokeReason, Revoked, Rotation, SessionMode, SessionRecord,
    SessionStore, Swap,
};
pub use throttle::{Attempt, BucketKey, Count, Forgetting, Judgement, Limit, Reservation, Reserved, ThrottleStore};
pub use token::{LoadedToken, NewTokenRecord, TokenCreated, TokenHash, TokenRecord, TokenStore};
pub use user::{NewUserRecord, UserChange, UserRecord, UserStatus, UserStore};

/// A store of everything: what [`Auth::builder`](crate::Auth::builder) takes.
pub trait Store:
    SessionStore + UserStore + FactorStore + UserDirectory + ThrottleStore + TokenStore + EventStore
{
}

impl<S: SessionStore + UserStore + FactorStore + UserDirectory + ThrottleStore + TokenStore + EventStore> Store for S {}

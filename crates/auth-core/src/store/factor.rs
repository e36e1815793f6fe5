//! What the credentials of users are worth ([`FactorStore`]): the epoch, and the second factor.

use std::fmt;

use async_trait::async_trait;

use super::{Epoch, RevokeReason, StoreError, Swap};
use crate::clock::Timestamp;
use crate::id::{SessionId, UserId};
use crate::mfa::{RecoveryHash, Sealed, Step};

/// The credential state of a user, kept in our own tables wherever the user lives.
///
/// What changes a factor is compared and swapped: [`Swap::Lost`] means that something else came first, and that nothing
/// was changed.
#[async_trait]
pub trait FactorStore: fmt::Debug + Send + Sync + 'static {
    /// The user's epoch; 0 for a user of whom nothing is stored.
    async fn epoch(&self, user: &UserId) -> Result<Epoch, StoreError>;

    /// Raises the user's epoch and ends the user's sessions except `keep`, in one transaction; says how many ended. The
    /// session that is kept is moved to the new epoch.
    async fn end_sessions(
        &self,
        user: &UserId,
        keep: Option<SessionId>,
        reason: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// The user's second factor, in one statement.
    async fn second_factor(&self, user: &UserId) -> Result<SecondFactor, StoreError>;

    /// Keeps a secret that its user has yet to confirm, in place of an earlier one of that kind. Lost when a factor is
    /// active: that one stays as it is.
    async fn keep_pending(&self, user: &UserId, pending: &PendingFactor) -> Result<Swap, StoreError>;

    /// Makes the pending secret the active one, raises the epoch, and ends the user's sessions except
    /// [`Enabling::keep`], which becomes one of assurance level 2: in one transaction. Lost unless the epoch and the
    /// pending secret are those expected, and no factor is active.
    async fn enable_factor(&self, user: &UserId, enabling: &Enabling, now: Timestamp) -> Result<Swap, StoreError>;

    /// Takes the code of `step`: lost when that step or a later one was taken already, or no factor is active. One
    /// conditional UPDATE (RFC 6238 5.2: a code is accepted once).
    async fn accept_step(&self, user: &UserId, step: Step) -> Result<Swap, StoreError>;

    /// Removes the active factor, a pending one and the recovery codes, raises the epoch, and ends the user's sessions
    /// except `keep`, which becomes one of assurance level 1: in one transaction. Lost unless the epoch is `expected`
    /// and a factor is active.
    async fn disable_factor(
        &self,
        user: &UserId,
        expected: Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Swap, StoreError>;

    /// Replaces all recovery codes, in one transaction. Lost unless the epoch is `expected` and a factor is active.
    async fn replace_recovery_codes(
        &self,
        user: &UserId,
        expected: Epoch,
        hashes: &[RecoveryHash],
    ) -> Result<Swap, StoreError>;

    /// Uses up the recovery code with this hash. Lost when there is none, or it was used before.
    async fn use_recovery_code(&self, user: &UserId, hash: &RecoveryHash, now: Timestamp) -> Result<Swap, StoreError>;

    /// Replaces the sealed form of the active secret, if it is still `expected`. This is for the same secret under
    /// another key: no session ends by it.
    async fn reseal(&self, user: &UserId, expected: &Sealed, new: &Sealed) -> Result<Swap, StoreError>;
}

/// The second factor of a user. A user of whom nothing is stored has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecondFactor {
    /// The one that a login asks for.
    pub active: Option<ActiveFactor>,
    /// One that is being set up.
    pub pending: Option<PendingFactor>,
    /// How many recovery codes were not used yet.
    pub recovery_codes_left: u64,
}

/// A second factor in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveFactor {
    /// Its secret.
    pub secret: Sealed,
    /// The last step whose code was accepted.
    pub last_step: Step,
}

/// A second factor that its user has yet to confirm with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingFactor {
    /// Its secret.
    pub secret: Sealed,
    /// The session that asked for it, and may confirm it.
    pub session: SessionId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A pending factor becomes active.
#[derive(Debug, Clone)]
pub struct Enabling {
    /// The user's epoch when the credentials were checked.
    pub expected: Epoch,
    /// The pending secret, exactly as it was read.
    pub pending: Sealed,
    /// The same secret, sealed for an active factor.
    pub secret: Sealed,
    /// The step of the code that confirmed it: accepted by this, and by nothing else.
    pub step: Step,
    /// The hashes of the recovery codes. They replace what was there.
    pub recovery_codes: Vec<RecoveryHash>,
    /// The session that goes on.
    pub keep: Option<SessionId>,
}

//! Epochs and second factors of a store that fails on demand.

use async_trait::async_trait;
use auth_core::store::{
    Enabling, Epoch, FactorStore, PendingFactor, RecoveryHash, RevokeReason, Sealed, SecondFactor, Step, StoreError,
    Swap,
};
use auth_core::{SessionId, Timestamp, UserId};

use super::{FaultyStore, Operation};

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl FactorStore for FaultyStore {
    async fn epoch(&self, user: &UserId) -> Result<Epoch, StoreError> {
        self.run(Operation::Epoch, self.inner.epoch(user)).await
    }

    async fn end_sessions(
        &self,
        user: &UserId,
        keep: Option<SessionId>,
        reason: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.run(Operation::EndSessions, self.inner.end_sessions(user, keep, reason, now)).await
    }

    async fn second_factor(&self, user: &UserId) -> Result<SecondFactor, StoreError> {
        self.run(Operation::SecondFactor, self.inner.second_factor(user)).await
    }

    async fn keep_pending(&self, user: &UserId, pending: &PendingFactor) -> Result<Swap, StoreError> {
        self.run(Operation::KeepPending, self.inner.keep_pending(user, pending)).await
    }

    async fn enable_factor(&self, user: &UserId, enabling: &Enabling, now: Timestamp) -> Result<Swap, StoreError> {
        self.run(Operation::EnableFactor, self.inner.enable_factor(user, enabling, now)).await
    }

    async fn accept_step(&self, user: &UserId, step: Step) -> Result<Swap, StoreError> {
        self.run(Operation::AcceptStep, self.inner.accept_step(user, step)).await
    }

    async fn disable_factor(
        &self,
        user: &UserId,
        expected: Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Swap, StoreError> {
        self.run(Operation::DisableFactor, self.inner.disable_factor(user, expected, keep, now)).await
    }

    async fn replace_recovery_codes(
        &self,
        user: &UserId,
        expected: Epoch,
        hashes: &[RecoveryHash],
    ) -> Result<Swap, StoreError> {
        let work = self.inner.replace_recovery_codes(user, expected, hashes);
        self.run(Operation::ReplaceRecoveryCodes, work).await
    }

    async fn use_recovery_code(&self, user: &UserId, hash: &RecoveryHash, now: Timestamp) -> Result<Swap, StoreError> {
        self.run(Operation::UseRecoveryCode, self.inner.use_recovery_code(user, hash, now)).await
    }

    async fn reseal(&self, user: &UserId, expected: &Sealed, new: &Sealed) -> Result<Swap, StoreError> {
        self.run(Operation::Reseal, self.inner.reseal(user, expected, new)).await
    }
}

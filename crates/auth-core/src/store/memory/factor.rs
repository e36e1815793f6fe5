//! Epochs and second factors in memory.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{MemoryStore, Tables};
use crate::clock::Timestamp;
use crate::id::{SessionId, UserId};
use crate::mfa::{RecoveryHash, Sealed, Step};
use crate::store::{
    ActiveFactor, Enabling, Epoch, FactorStore, PendingFactor, RevokeReason, SecondFactor, StoreError, Swap,
};

/// What is kept of a user's second factor.
#[derive(Debug, Default)]
pub(super) struct Factor {
    pub(super) active: Option<ActiveFactor>,
    pending: Option<PendingFactor>,
    /// By hash: whether the code was used.
    recovery_codes: HashMap<RecoveryHash, bool>,
}

impl Factor {
    fn with_codes(hashes: &[RecoveryHash]) -> HashMap<RecoveryHash, bool> {
        hashes.iter().map(|hash| (*hash, false)).collect()
    }
}

impl Tables {
    /// The user's factor, when one is active and the epoch is the expected one.
    fn active_factor(&mut self, user: &UserId, expected: Epoch) -> Option<&mut Factor> {
        if self.epoch(user) != expected {
            return None;
        }
        self.factors.get_mut(user).filter(|factor| factor.active.is_some())
    }

    fn set_assurance(&mut self, session: Option<SessionId>, user: &UserId, aal: u8) {
        let epoch = self.epoch(user);
        let kept = session.and_then(|id| self.sessions.get_mut(&id));
        if let Some(kept) = kept.filter(|kept| kept.user == *user && kept.epoch == epoch) {
            kept.aal = aal;
        }
    }
}

#[async_trait]
impl FactorStore for MemoryStore {
    async fn epoch(&self, user: &UserId) -> Result<Epoch, StoreError> {
        Ok(self.tables().epoch(user))
    }

    async fn end_sessions(
        &self,
        user: &UserId,
        keep: Option<SessionId>,
        _: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        Ok(self.tables().end_sessions(user, keep, now))
    }

    async fn second_factor(&self, user: &UserId) -> Result<SecondFactor, StoreError> {
        let tables = self.tables();
        let Some(factor) = tables.factors.get(user) else { return Ok(SecondFactor::default()) };
        Ok(SecondFactor {
            active: factor.active.clone(),
            pending: factor.pending.clone(),
            recovery_codes_left: factor.recovery_codes.values().filter(|used| !**used).count() as u64,
        })
    }

    async fn keep_pending(&self, user: &UserId, pending: &PendingFactor) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let factor = tables.factors.entry(*user).or_default();
        if factor.active.is_some() {
            return Ok(Swap::Lost);
        }
        factor.pending = Some(pending.clone());
        Ok(Swap::Won)
    }

    async fn enable_factor(&self, user: &UserId, enabling: &Enabling, now: Timestamp) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let is_expected = tables.epoch(user) == enabling.expected;
        let inactive = tables.factors.get_mut(user).filter(|factor| is_expected && factor.active.is_none());
        let confirmed =
            inactive.filter(|factor| factor.pending.as_ref().is_some_and(|pending| pending.secret == enabling.pending));
        let Some(factor) = confirmed else { return Ok(Swap::Lost) };
        *factor = Factor {
            active: Some(ActiveFactor { secret: enabling.secret.clone(), last_step: enabling.step }),
            pending: None,
            recovery_codes: Factor::with_codes(&enabling.recovery_codes),
        };
        tables.end_sessions(user, enabling.keep, now);
        tables.set_assurance(enabling.keep, user, 2);
        Ok(Swap::Won)
    }

    async fn accept_step(&self, user: &UserId, step: Step) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let active = tables.factors.get_mut(user).and_then(|factor| factor.active.as_mut());
        let Some(factor) = active.filter(|factor| factor.last_step < step) else { return Ok(Swap::Lost) };
        factor.last_step = step;
        Ok(Swap::Won)
    }

    async fn disable_factor(
        &self,
        user: &UserId,
        expected: Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let Some(factor) = tables.active_factor(user, expected) else { return Ok(Swap::Lost) };
        *factor = Factor::default();
        tables.end_sessions(user, keep, now);
        tables.set_assurance(keep, user, 1);
        Ok(Swap::Won)
    }

    async fn replace_recovery_codes(
        &self,
        user: &UserId,
        expected: Epoch,
        hashes: &[RecoveryHash],
    ) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let Some(factor) = tables.active_factor(user, expected) else { return Ok(Swap::Lost) };
        factor.recovery_codes = Factor::with_codes(hashes);
        Ok(Swap::Won)
    }

    async fn use_recovery_code(&self, user: &UserId, hash: &RecoveryHash, _: Timestamp) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let unused = tables.factors.get_mut(user).and_then(|factor| factor.recovery_codes.get_mut(hash));
        let Some(used) = unused.filter(|used| !**used) else { return Ok(Swap::Lost) };
        *used = true;
        Ok(Swap::Won)
    }

    async fn reseal(&self, user: &UserId, expected: &Sealed, new: &Sealed) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let active = tables.factors.get_mut(user).and_then(|factor| factor.active.as_mut());
        let Some(factor) = active.filter(|factor| factor.secret == *expected) else { return Ok(Swap::Lost) };
        factor.secret = new.clone();
        Ok(Swap::Won)
    }
}

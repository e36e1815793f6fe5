//! Second factors that users set up and remove here, and have in Directus too.
//!
//! The two tables may be in two databases, so there is no transaction over both. Directus is written first, and what it
//! has decides: whatever happens in between, the next look at the user makes our row like it ([`super::users`]).

use async_trait::async_trait;
use auth_core::store::{
    Enabling, Epoch, FactorStore, PendingFactor, RecoveryHash, RevokeReason, Sealed, SecondFactor, Step, StoreError,
    Swap,
};
use auth_core::{SessionId, Timestamp, UserId};

use super::schema::UserRow;
use super::{DirectusStore, corrupt};
use crate::store::SeaOrmStore;

/// The factors of a [`writable`](DirectusStore::writable) store.
#[derive(Debug)]
pub(super) struct Factors(pub(super) DirectusStore);

impl Factors {
    fn ours(&self) -> &SeaOrmStore {
        &self.0.inner.ours
    }

    /// Writes `secret` into the row of Directus, then does `ours`; takes the first back when the second is lost.
    async fn in_both(
        &self,
        user: &UserId,
        row: &UserRow,
        secret: Option<&str>,
        ours: impl Future<Output = Result<Swap, StoreError>> + Send,
    ) -> Result<Swap, StoreError> {
        let database = &self.0.inner.database;
        if !database.set_factor(row, secret).await? {
            return Ok(Swap::Lost);
        }
        let changed = UserRow { tfa_secret: secret.map(|secret| secret.to_owned().into()), ..row.clone() };
        let swap = ours.await?;
        match swap {
            Swap::Won => self.ours().note_own_change(user, self.0.look(row), self.0.look(&changed)).await?,
            Swap::Lost => {
                database.set_factor(&changed, row.tfa_secret.as_deref().map(String::as_str)).await?;
            }
        }
        Ok(swap)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl FactorStore for Factors {
    async fn epoch(&self, user: &UserId) -> Result<Epoch, StoreError> {
        self.ours().epoch(user).await
    }

    async fn end_sessions(
        &self,
        user: &UserId,
        keep: Option<SessionId>,
        reason: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let ended = self.ours().end_sessions(user, keep, reason, now).await;
        // A password changed: neither place keeps who knew the old one, also when the other place failed. Here and not
        // beside the password, where a stronger hash of the same password cannot be told from a new one.
        if reason == RevokeReason::CredentialsChanged {
            self.0.inner.database.end_sessions(user).await?;
        }
        ended
    }

    async fn second_factor(&self, user: &UserId) -> Result<SecondFactor, StoreError> {
        self.ours().second_factor(user).await
    }

    async fn keep_pending(&self, user: &UserId, pending: &PendingFactor) -> Result<Swap, StoreError> {
        self.ours().keep_pending(user, pending).await
    }

    async fn enable_factor(&self, user: &UserId, enabling: &Enabling, now: Timestamp) -> Result<Swap, StoreError> {
        let row = self.0.inner.database.row(user).await?.filter(|row| row.tfa_secret.is_none());
        let Some(row) = row else { return Ok(Swap::Lost) };
        let secret = self.0.inner.sealer.open(user, &enabling.secret).map_err(corrupt)?.expose_secret();
        self.in_both(user, &row, Some(&secret), self.ours().enable_factor(user, enabling, now)).await
    }

    async fn accept_step(&self, user: &UserId, step: Step) -> Result<Swap, StoreError> {
        self.ours().accept_step(user, step).await
    }

    async fn disable_factor(
        &self,
        user: &UserId,
        expected: Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Swap, StoreError> {
        let ours = self.ours().disable_factor(user, expected, keep, now);
        match self.0.inner.database.row(user).await? {
            Some(row) if row.tfa_secret.is_some() => self.in_both(user, &row, None, ours).await,
            _ => ours.await,
        }
    }

    async fn replace_recovery_codes(
        &self,
        user: &UserId,
        expected: Epoch,
        hashes: &[RecoveryHash],
    ) -> Result<Swap, StoreError> {
        self.ours().replace_recovery_codes(user, expected, hashes).await
    }

    async fn use_recovery_code(&self, user: &UserId, hash: &RecoveryHash, now: Timestamp) -> Result<Swap, StoreError> {
        self.ours().use_recovery_code(user, hash, now).await
    }

    async fn reseal(&self, user: &UserId, expected: &Sealed, new: &Sealed) -> Result<Swap, StoreError> {
        self.ours().reseal(user, expected, new).await
    }
}

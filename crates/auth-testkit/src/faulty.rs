//! A store that fails on demand, and counts.

mod event;
mod factor;
mod token;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use auth_core::store::{
    Attempt, BucketKey, LastAdmin, LoadedSession, NewSession, NewUserRecord, Opened, Reservation, Reserved,
    RevokeReason, Revoked, Rotation, SessionRecord, SessionStore, Store, StoreError, StoreErrorKind, Swap,
    ThrottleStore, UpdateTerms, Updated, UserChange, UserDirectory, UserFilter, UserPage, UserRecord, UserStore,
    UserSummary,
};
use auth_core::{Email, PasswordHash, SessionId, Timestamp, UserId};
use tokio::sync::Notify;

/// An operation of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "named like the methods of the store traits, which say what they are")]
pub enum Operation {
    Open,
    Load,
    Rotate,
    Revoke,
    List,
    EndBeyond,
    RevokedSince,
    PurgeExpired,
    FindByEmail,
    FindById,
    Create,
    Rehash,
    Epoch,
    EndSessions,
    SecondFactor,
    KeepPending,
    EnableFactor,
    AcceptStep,
    DisableFactor,
    ReplaceRecoveryCodes,
    UseRecoveryCode,
    Reseal,
    Update,
    Delete,
    Count,
    Users,
    CountUsers,
    Reserve,
    Refund,
    Clear,
    Prune,
    CreateToken,
    FindToken,
    ListTokens,
    RevokeToken,
    NoteTokenUse,
    PurgeTokens,
    AppendEvents,
    Events,
    CountEvents,
    PurgeEvents,
}

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before anything was done.
    BeforeWork,
    /// After it was done and stored: the answer is lost.
    AfterWork,
}

/// How a call fails.
#[derive(Debug, Clone)]
pub struct Fault {
    kind: StoreErrorKind,
    moment: Moment,
    remaining: Option<u64>,
    marker: Arc<str>,
    /// When set, the call does not fail but wait here.
    gate: Option<Gate>,
}

impl Fault {
    /// Fails every call until [`FaultyStore::heal`].
    #[must_use]
    pub fn new(kind: StoreErrorKind, moment: Moment) -> Self {
        Self { kind, moment, remaining: None, marker: "a fault made by FaultyStore".into(), gate: None }
    }

    /// Makes calls wait at `gate` instead of failing: for a test that kills the process, or lets something else happen,
    /// at exactly this moment.
    #[must_use]
    pub fn waiting(moment: Moment, gate: Gate) -> Self {
        Self { gate: Some(gate), ..Self::new(StoreErrorKind::Unavailable, moment) }
    }

    /// Fails the next `calls` calls only.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.remaining = Some(calls);
        self
    }

    /// Puts `text` into the source of the error, so that a test can prove that no answer shows it.
    #[must_use]
    pub fn with_marker(mut self, text: &str) -> Self {
        self.marker = text.into();
        self
    }

    async fn strike(&self) -> Result<(), StoreError> {
        match &self.gate {
            Some(gate) => {
                gate.pass().await;
                Ok(())
            }
            None => Err(StoreError::new(self.kind, &*self.marker)),
        }
    }
}

/// Where calls wait until a test lets them go on. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Doors>);

#[derive(Debug, Default)]
struct Doors {
    reached: Notify,
    opened: Notify,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until a call waits.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Lets one call go on.
    pub fn open(&self) {
        self.0.opened.notify_one();
    }

    async fn pass(&self) {
        self.0.reached.notify_one();
        self.0.opened.notified().await;
    }
}

/// Wraps a store: fails on demand, and counts calls. Clones share the faults and the counters.
///
/// ```
/// use auth_core::store::memory::MemoryStore;
/// use auth_core::store::{StoreErrorKind, UserDirectory as _};
/// use auth_testkit::{Fault, FaultyStore, Moment, Operation};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = FaultyStore::new(MemoryStore::new());
/// store.fail(Operation::Count, Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork).times(1));
/// assert!(store.count().await.is_err());
/// assert!(store.count().await.is_ok());
/// assert_eq!(store.calls(Operation::Count), 2);
/// # });
/// ```
#[derive(Clone)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    faults: HashMap<Operation, Fault>,
    fault_of_all: Option<Fault>,
    calls: HashMap<Operation, u64>,
}

impl FaultyStore {
    /// Wraps `inner`; nothing fails yet.
    #[must_use]
    pub fn new(inner: impl Store) -> Self {
        Self { inner: Arc::new(inner), plan: Arc::default() }
    }

    /// Fails calls of `operation`.
    pub fn fail(&self, operation: Operation, fault: Fault) {
        self.plan().faults.insert(operation, fault);
    }

    /// Fails calls of every operation.
    pub fn fail_all(&self, fault: Fault) {
        self.plan().fault_of_all = Some(fault);
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.faults.clear();
        plan.fault_of_all = None;
    }

    /// How often `operation` was called, failed calls included.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.plan().calls.get(&operation).copied().unwrap_or_default()
    }

    /// How often any operation was called.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        self.plan().calls.values().sum()
    }

    /// Counts from zero again.
    pub fn reset_calls(&self) {
        self.plan().calls.clear();
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let fault = self.plan().begin(operation);
        match fault {
            None => work.await,
            Some(fault) => match fault.moment {
                Moment::BeforeWork => {
                    fault.strike().await?;
                    work.await
                }
                Moment::AfterWork => {
                    let done = work.await?;
                    fault.strike().await?;
                    Ok(done)
                }
            },
        }
    }
}

impl Plan {
    /// Counts the call, and says whether it is to fail.
    fn begin(&mut self, operation: Operation) -> Option<Fault> {
        *self.calls.entry(operation).or_default() += 1;
        let fault = self.faults.get_mut(&operation).filter(|fault| fault.remaining != Some(0));
        let fault = fault.or(self.fault_of_all.as_mut().filter(|fault| fault.remaining != Some(0)))?;
        fault.remaining = fault.remaining.map(|calls| calls - 1);
        Some(fault.clone())
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl SessionStore for FaultyStore {
    async fn open(&self, session: &NewSession) -> Result<Opened, StoreError> {
        self.run(Operation::Open, self.inner.open(session)).await
    }

    async fn load(&self, id: SessionId) -> Result<Option<LoadedSession>, StoreError> {
        self.run(Operation::Load, self.inner.load(id)).await
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Swap, StoreError> {
        self.run(Operation::Rotate, self.inner.rotate(rotation)).await
    }

    async fn revoke(&self, id: SessionId, reason: RevokeReason, now: Timestamp) -> Result<Swap, StoreError> {
        self.run(Operation::Revoke, self.inner.revoke(id, reason, now)).await
    }

    async fn list(&self, user: &UserId, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        self.run(Operation::List, self.inner.list(user, now)).await
    }

    async fn end_beyond(&self, user: &UserId, keep: u64, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.run(Operation::EndBeyond, self.inner.end_beyond(user, keep, now)).await
    }

    async fn revoked_since(&self, since: Timestamp) -> Result<Vec<Revoked>, StoreError> {
        self.run(Operation::RevokedSince, self.inner.revoked_since(since)).await
    }

    async fn purge_expired(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.run(Operation::PurgeExpired, self.inner.purge_expired(expired_before, limit)).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl UserStore for FaultyStore {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        self.run(Operation::FindByEmail, self.inner.find_by_email(email)).await
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.run(Operation::FindById, self.inner.find_by_id(id)).await
    }

    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        self.run(Operation::Create, self.inner.create(user)).await
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        self.run(Operation::Rehash, self.inner.rehash(id, expected, new)).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl UserDirectory for FaultyStore {
    async fn update(
        &self,
        id: &UserId,
        change: &UserChange,
        terms: UpdateTerms,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        self.run(Operation::Update, self.inner.update(id, change, terms, now)).await
    }

    async fn delete(&self, id: &UserId, last_admin: LastAdmin, now: Timestamp) -> Result<Updated, StoreError> {
        self.run(Operation::Delete, self.inner.delete(id, last_admin, now)).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.run(Operation::Count, self.inner.count()).await
    }

    async fn users(&self, page: &UserPage) -> Result<Vec<UserSummary>, StoreError> {
        self.run(Operation::Users, self.inner.users(page)).await
    }

    async fn count_users(&self, filter: &UserFilter, most: u64) -> Result<u64, StoreError> {
        self.run(Operation::CountUsers, self.inner.count_users(filter, most)).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ThrottleStore for FaultyStore {
    async fn reserve(&self, attempts: &[Attempt], now: Timestamp) -> Result<Reserved, StoreError> {
        self.run(Operation::Reserve, self.inner.reserve(attempts, now)).await
    }

    async fn refund(&self, reservation: &Reservation) -> Result<(), StoreError> {
        self.run(Operation::Refund, self.inner.refund(reservation)).await
    }

    async fn clear(&self, bucket: BucketKey) -> Result<(), StoreError> {
        self.run(Operation::Clear, self.inner.clear(bucket)).await
    }

    async fn prune(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.run(Operation::Prune, self.inner.prune(now, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use auth_core::store::memory::MemoryStore;
    use auth_core::store::{Epoch, FactorStore as _};

    use super::*;

    #[tokio::test]
    async fn f2_a_call_that_fails_after_its_work_has_done_it() {
        let store = FaultyStore::new(MemoryStore::new());
        let user = UserId::new("u1").expect("an id");
        let lost = Fault::new(StoreErrorKind::Unavailable, Moment::AfterWork).times(1).with_marker("CANARY");
        store.fail(Operation::EndSessions, lost);

        let end = || store.end_sessions(&user, None, RevokeReason::Ended, Timestamp::default());
        let error = end().await.expect_err("a lost answer");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let source = std::error::Error::source(&error).expect("a source");
        assert_eq!(source.to_string(), "CANARY");
        assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(1));

        end().await.expect("the fault was for one call");
        assert_eq!(store.calls(Operation::EndSessions), 2);
        assert_eq!(store.total_calls(), 3);
    }

    #[tokio::test]
    async fn f1_a_call_that_waits_has_done_its_work_or_not() {
        let store = FaultyStore::new(MemoryStore::new());
        let user = UserId::new("u1").expect("an id");
        for (moment, epoch) in [(Moment::BeforeWork, Epoch(0)), (Moment::AfterWork, Epoch(2))] {
            let gate = Gate::new();
            store.fail(Operation::EndSessions, Fault::waiting(moment, gate.clone()));
            let waiting = tokio::spawn({
                let store = store.clone();
                async move { store.end_sessions(&user, None, RevokeReason::Ended, Timestamp::default()).await }
            });
            gate.reached().await;
            assert_eq!(store.epoch(&user).await.expect("epoch"), epoch, "{moment:?}");
            gate.open();
            waiting.await.expect("a task").expect("goes on");
        }
        assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(2));
    }

    #[tokio::test]
    async fn f2_a_store_that_is_down_does_nothing_until_it_heals() {
        let store = FaultyStore::new(MemoryStore::new());
        let user = UserId::new("u1").expect("an id");
        store.fail_all(Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork));
        assert!(store.end_sessions(&user, None, RevokeReason::Ended, Timestamp::default()).await.is_err());
        assert!(store.epoch(&user).await.is_err());
        store.heal();
        assert_eq!(store.epoch(&user).await.expect("epoch"), Epoch(0));
    }
}

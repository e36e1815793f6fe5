//! A store in memory, for tests and trials: everything is gone when the program ends.

mod directory;
mod event;
mod factor;
mod throttle;
mod token;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{
    BucketKey, Count, Epoch, EventRecord, LoadedSession, NewSession, NewUserRecord, Opened, RevokeReason, Revoked,
    Rotation, SessionRecord, SessionStore, StoreError, StoreErrorKind, Swap, TokenHash, TokenRecord, UserRecord,
    UserStatus, UserStore,
};
use crate::clock::Timestamp;
use crate::email::Email;
use crate::id::{EventId, SessionId, UserId};
use crate::password::PasswordHash;

/// Keeps everything in one process behind one lock; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    users: HashMap<UserId, User>,
    epochs: HashMap<UserId, Epoch>,
    /// Users all of whose sessions were ended: the lowest epoch that counts, and when that was.
    all_ended: HashMap<UserId, (Epoch, Timestamp)>,
    sessions: HashMap<SessionId, SessionRecord>,
    counts: HashMap<BucketKey, Count>,
    factors: HashMap<UserId, factor::Factor>,
    tokens: HashMap<TokenHash, TokenRecord>,
    events: BTreeMap<EventId, EventRecord>,
}

#[derive(Debug)]
struct User {
    record: UserRecord,
    canonical_email: String,
    created_at: Timestamp,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Each operation leaves the tables whole, also when another one panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn epoch(&self, user: &UserId) -> Epoch {
        self.epochs.get(user).copied().unwrap_or_default()
    }

    fn user(&self, id: &UserId) -> Option<UserRecord> {
        let user = self.users.get(id)?;
        Some(UserRecord { epoch: Some(self.epoch(id)), ..user.record.clone() })
    }

    fn owner_of(&self, canonical_email: &str) -> Option<UserId> {
        self.users.values().find(|user| user.canonical_email == canonical_email).map(|user| user.record.id)
    }

    fn end_sessions(&mut self, user: &UserId, keep: Option<SessionId>, now: Timestamp) -> u64 {
        let before = self.epoch(user);
        let epoch = Epoch(before.0.saturating_add(1));
        self.epochs.insert(*user, epoch);
        if keep.is_none() {
            self.all_ended.insert(*user, (epoch, now));
        }
        let mut ended = 0;
        for session in self.sessions.values_mut().filter(|session| session.user == *user) {
            if Some(session.id) == keep {
                // One of an older epoch is dead, and stays dead.
                session.epoch = if session.epoch == before { epoch } else { session.epoch };
            } else if session.revoked_at.is_none() {
                session.revoked_at = Some(now);
                ended += 1;
            }
        }
        ended
    }

    /// The user's sessions that are neither ended nor expired, newest first.
    fn alive(&self, user: &UserId, now: Timestamp) -> Vec<SessionRecord> {
        let is_alive = |session: &&SessionRecord| {
            session.user == *user
                && session.revoked_at.is_none()
                && session.idle_expires_at > now
                && session.absolute_expires_at > now
        };
        let mut sessions: Vec<_> = self.sessions.values().filter(is_alive).cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        sessions
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn open(&self, new: &NewSession) -> Result<Opened, StoreError> {
        let mut tables = self.tables();
        let inactive = tables.users.get(&new.user).is_some_and(|user| user.record.status != UserStatus::Active);
        if inactive || tables.epoch(&new.user) != new.epoch {
            return Ok(Opened::Stale);
        }
        if tables.sessions.contains_key(&new.id) {
            return Err(StoreErrorKind::Conflict.into());
        }
        let session = SessionRecord {
            id: new.id,
            user: new.user,
            epoch: new.epoch,
            aal: new.aal,
            family_hash: new.family_hash,
            generation: 0,
            current_hash: new.current_hash,
            previous_hash: None,
            salt: [0; 16],
            key_id: 0,
            mode: new.mode,
            auth_time: new.created_at,
            created_at: new.created_at,
            rotated_at: None,
            idle_expires_at: new.idle_expires_at,
            absolute_expires_at: new.absolute_expires_at,
            revoked_at: None,
            client: new.client.clone(),
        };
        tables.sessions.insert(new.id, session);
        Ok(Opened::Stored)
    }

    async fn load(&self, id: SessionId) -> Result<Option<LoadedSession>, StoreError> {
        let tables = self.tables();
        Ok(tables.sessions.get(&id).map(|session| LoadedSession {
            session: session.clone(),
            epoch: tables.epoch(&session.user),
            has_factor: tables.factors.get(&session.user).is_some_and(|factor| factor.active.is_some()),
            user: tables.user(&session.user),
        }))
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let current = tables
            .sessions
            .get_mut(&rotation.id)
            .filter(|session| session.current_hash == rotation.expected && session.revoked_at.is_none());
        let Some(session) = current else { return Ok(Swap::Lost) };
        session.previous_hash = Some(rotation.expected);
        session.current_hash = rotation.successor;
        session.salt = rotation.salt;
        session.key_id = rotation.key_id;
        session.generation += 1;
        session.rotated_at = Some(rotation.now);
        session.idle_expires_at = rotation.idle_expires_at;
        Ok(Swap::Won)
    }

    async fn revoke(&self, id: SessionId, _: RevokeReason, now: Timestamp) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let alive = tables.sessions.get_mut(&id).filter(|session| session.revoked_at.is_none());
        let Some(session) = alive else { return Ok(Swap::Lost) };
        session.revoked_at = Some(now);
        Ok(Swap::Won)
    }

    async fn list(&self, user: &UserId, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        Ok(self.tables().alive(user, now))
    }

    async fn end_beyond(&self, user: &UserId, keep: u64, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let mut tables = self.tables();
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        let surplus: Vec<_> = tables.alive(user, now).iter().map(|session| session.id).skip(keep).take(1000).collect();
        for id in &surplus {
            if let Some(session) = tables.sessions.get_mut(id) {
                session.revoked_at = Some(now);
            }
        }
        Ok(surplus)
    }

    async fn revoked_since(&self, since: Timestamp) -> Result<Vec<Revoked>, StoreError> {
        let tables = self.tables();
        let recent = |revoked_at: Option<Timestamp>| revoked_at.is_some_and(|revoked_at| revoked_at >= since);
        let sessions = tables.sessions.values().filter(|session| recent(session.revoked_at));
        let users = tables.all_ended.iter().filter(|(_, (_, ended_at))| recent(Some(*ended_at)));
        let users = users.map(|(user, (lowest_epoch, _))| Revoked::User { user: *user, lowest_epoch: *lowest_epoch });
        Ok(sessions.map(|session| Revoked::Session(session.id)).chain(users).collect())
    }

    async fn purge_expired(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let expired: Vec<_> = tables
            .sessions
            .values()
            .filter(|session| session.idle_expires_at.min(session.absolute_expires_at) < expired_before)
            .map(|session| session.id)
            .take(limit)
            .collect();
        for id in &expired {
            tables.sessions.remove(id);
        }
        Ok(expired.len() as u64)
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        let tables = self.tables();
        Ok(tables.owner_of(email.canonical()).and_then(|id| tables.user(&id)))
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        Ok(self.tables().user(id))
    }

    async fn create(&self, new: &NewUserRecord) -> Result<UserId, StoreError> {
        let mut tables = self.tables();
        if tables.users.contains_key(&new.id) || tables.owner_of(new.email.canonical()).is_some() {
            return Err(StoreErrorKind::Conflict.into());
        }
        let record = UserRecord {
            id: new.id,
            email: new.email.as_typed().to_owned(),
            password: new.password.clone(),
            status: new.status,
            role: new.role,
            app_access: new.app_access,
            admin_access: new.admin_access,
            epoch: None,
        };
        let canonical_email = new.email.canonical().to_owned();
        tables.users.insert(new.id, User { record, canonical_email, created_at: new.created_at });
        Ok(new.id)
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let unchanged = tables
            .users
            .get_mut(id)
            .filter(|user| user.record.password.as_ref().is_some_and(|stored| stored.as_phc() == expected.as_phc()));
        let Some(user) = unchanged else { return Ok(false) };
        user.record.password = Some(new.clone());
        Ok(true)
    }
}

//! Sessions: one row each, rotated by compare-and-swap (`session/` has the algorithm).

use std::fmt;

use async_trait::async_trait;

use super::{StoreError, UserRecord};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::id::{SessionId, UserId};

/// Keeps sessions.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a new session, unless the user's credentials changed since they were checked.
    ///
    /// Atomic against [`FactorStore::end_sessions`](super::FactorStore::end_sessions): when that bumps the epoch first,
    /// this answers [`Opened::Stale`] and stores nothing; when this comes first, that one ends the new session. A user
    /// that the store holds must be active, or the answer is `Stale`; one that it does not hold lives elsewhere, or was
    /// removed, which raised the epoch.
    async fn open(&self, session: &NewSession) -> Result<Opened, StoreError>;

    /// The session, with the user's epoch, whether there is a second factor and, when the store holds users, the user:
    /// in one statement.
    async fn load(&self, id: SessionId) -> Result<Option<LoadedSession>, StoreError>;

    /// Replaces the current secret, if it is still [`Rotation::expected`] and the session is not revoked: one
    /// conditional UPDATE.
    async fn rotate(&self, rotation: &Rotation) -> Result<Swap, StoreError>;

    /// Ends a session. `Swap::Lost` when it is unknown or ended already; the first reason and time stay.
    async fn revoke(&self, id: SessionId, reason: RevokeReason, now: Timestamp) -> Result<Swap, StoreError>;

    /// The user's sessions that are neither ended nor expired at `now`, newest first.
    async fn list(&self, user: &UserId, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError>;

    /// Ends the oldest of the sessions that [`list`](Self::list) gives, so that `keep` go on, and says which; of two calls at
    /// once both may say so of one. At most 1,000 at once: the next call ends the rest.
    async fn end_beyond(&self, user: &UserId, keep: u64, now: Timestamp) -> Result<Vec<SessionId>, StoreError>;

    /// What was revoked at `since` or later: each session that was ended, and each user all of whose sessions were (by
    /// [`end_sessions`](super::FactorStore::end_sessions) that kept none, by a change or a removal). One statement over
    /// indexes: it is asked every second. Some of it may come twice, or be older than `since`.
    async fn revoked_since(&self, since: Timestamp) -> Result<Vec<Revoked>, StoreError>;

    /// Removes at most `limit` sessions whose idle or absolute expiry is before `expired_before`, and says how many.
    async fn purge_expired(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}

/// A user's credential epoch: a counter that every change of password, status, role, factor or address raises. A
/// session opened under an older epoch is dead. Users without a stored state have epoch 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// How the client of a session holds its refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionMode {
    /// In its own storage, from JSON answers.
    Json,
    /// In the refresh cookie.
    Cookie,
    /// Inside the session cookie, which is the access token too.
    Session,
}

impl SessionMode {
    /// The number a store keeps.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        match self {
            Self::Json => 0,
            Self::Cookie => 1,
            Self::Session => 2,
        }
    }

    /// The mode from the number a store kept.
    #[must_use]
    pub const fn from_i16(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::Json),
            1 => Some(Self::Cookie),
            2 => Some(Self::Session),
            _ => None,
        }
    }
}

/// Why a session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevokeReason {
    /// Its owner signed out.
    Logout,
    /// Its refresh token was used again after the grace.
    Reuse,
    /// A new login took its cookie.
    Replaced,
    /// The user's password, status, role, factor or address changed, or the user was deleted.
    CredentialsChanged,
    /// Ended from outside: by its owner from another session, or by an admin.
    Ended,
    /// The user has signed in so often since that it is one too many.
    Surplus,
}

impl RevokeReason {
    /// The stable name that a store keeps, at most 32 bytes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Replaced => "replaced",
            Self::CredentialsChanged => "credentials_changed",
            Self::Ended => "ended",
            Self::Surplus => "surplus",
        }
    }
}

/// Access tokens that count no more, although their signature is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Revoked {
    /// Those of this session.
    Session(SessionId),
    /// Those of this user whose epoch is lower: a login after the end of all sessions has a higher one.
    User {
        /// Who it is, or was.
        user: UserId,
        /// The lowest epoch that still counts.
        lowest_epoch: Epoch,
    },
}

/// A session to be stored. It holds hashes, never a secret.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's epoch when the credentials were checked.
    pub epoch: Epoch,
    /// Authenticator assurance level: 1 for a password, 2 with a second factor.
    pub aal: u8,
    /// SHA-256 of the family secret.
    pub family_hash: [u8; 32],
    /// SHA-256 of the first secret.
    pub current_hash: [u8; 32],
    /// How the client holds the token.
    pub mode: SessionMode,
    /// When it is opened, which is when the user authenticated.
    pub created_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub idle_expires_at: Timestamp,
    /// When it ends.
    pub absolute_expires_at: Timestamp,
    /// From where it was opened.
    pub client: ClientInfo,
}

/// A stored session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's epoch when it was opened.
    pub epoch: Epoch,
    /// Authenticator assurance level.
    pub aal: u8,
    /// SHA-256 of the family secret.
    pub family_hash: [u8; 32],
    /// How often it was rotated.
    pub generation: u64,
    /// SHA-256 of the current secret.
    pub current_hash: [u8; 32],
    /// SHA-256 of the secret before it; `None` before the first rotation.
    pub previous_hash: Option<[u8; 32]>,
    /// The salt from which the current secret was derived; zero before the first rotation.
    pub salt: [u8; 16],
    /// Which ratchet key derived the current secret.
    pub key_id: u16,
    /// How the client holds the token.
    pub mode: SessionMode,
    /// When the user authenticated.
    pub auth_time: Timestamp,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last rotated; `None` before the first rotation.
    pub rotated_at: Option<Timestamp>,
    /// When it ends unless it is refreshed.
    pub idle_expires_at: Timestamp,
    /// When it ends.
    pub absolute_expires_at: Timestamp,
    /// When it was ended; once set, it stays.
    pub revoked_at: Option<Timestamp>,
    /// From where it was opened.
    pub client: ClientInfo,
}

/// A session with what decides whether it still counts.
#[derive(Debug, Clone)]
pub struct LoadedSession {
    /// The session.
    pub session: SessionRecord,
    /// The user's epoch now.
    pub epoch: Epoch,
    /// Whether the user has a second factor in use now.
    pub has_factor: bool,
    /// The user, when this store holds users; `None` when the user is not (or no longer) here.
    pub user: Option<UserRecord>,
}

/// Whether a session was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    /// It was.
    Stored,
    /// It was not: the epoch is another by now, or the user is gone or no longer active.
    Stale,
}

/// The one conditional write of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Which session.
    pub id: SessionId,
    /// SHA-256 of the secret that must still be current; it becomes the previous one.
    pub expected: [u8; 32],
    /// SHA-256 of the successor.
    pub successor: [u8; 32],
    /// The salt that derived the successor.
    pub salt: [u8; 16],
    /// The ratchet key that derived the successor.
    pub key_id: u16,
    /// The time of the rotation.
    pub now: Timestamp,
    /// The new idle expiry, never past the absolute one.
    pub idle_expires_at: Timestamp,
}

/// Whether a conditional write changed its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Swap {
    /// It did.
    Won,
    /// It did not: somebody else was first, or there is no such row.
    Lost,
}

impl Swap {
    /// From the number of rows that a statement changed.
    pub const fn from_rows(rows: u64) -> Self {
        if rows > 0 { Self::Won } else { Self::Lost }
    }
}

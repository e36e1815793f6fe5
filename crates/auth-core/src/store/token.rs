//! Personal access tokens: one row each, found by the hash of the token.

use std::fmt;

use async_trait::async_trait;

use super::{Epoch, StoreError, Swap, UserRecord};
use crate::clock::Timestamp;
use crate::id::{TokenId, UserId};
use crate::token::{TokenName, TokenScopes};

/// Keeps personal access tokens.
///
/// One counts while its epoch is that of its user: what ends the sessions of a user ends their tokens, in the same
/// transaction and without a statement of its own.
#[async_trait]
pub trait TokenStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a new token, unless the user's credentials changed since they were checked, or the user has `most` tokens
    /// that count. Those of the user that do not count any more are removed on the way. Atomic: of many that ask at once,
    /// no more than `most` are stored.
    ///
    /// A user that the store holds must be active, or the answer is [`TokenCreated::Stale`]; one that it does not hold
    /// lives elsewhere, or was removed, which raised the epoch.
    async fn create_token(&self, token: &NewTokenRecord, most: u64) -> Result<TokenCreated, StoreError>;

    /// The token with this hash, with the user's epoch, whether there is a second factor and, when the store holds users,
    /// the user: in one statement.
    async fn find_token(&self, hash: &TokenHash) -> Result<Option<LoadedToken>, StoreError>;

    /// The user's tokens of this epoch, newest first, those that expired included.
    async fn list_tokens(&self, user: &UserId, epoch: Epoch) -> Result<Vec<TokenRecord>, StoreError>;

    /// Removes this token of this user, for good. Lost when the user has no such token.
    async fn revoke_token(&self, user: &UserId, id: TokenId) -> Result<Swap, StoreError>;

    /// Notes that the token was used, unless a later use is noted. Nothing happens to a token that is gone.
    async fn note_token_use(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError>;

    /// Removes at most `limit` tokens that expired before `expired_before` or are of an older epoch of their user, and says
    /// how many.
    async fn purge_tokens(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}

/// SHA-256 of a personal access token. One round suffices: the token is random.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash from the 32 bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes that a store keeps.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash([redacted])")
    }
}

/// A token to be stored: its hash, never the token.
#[derive(Debug, Clone)]
pub struct NewTokenRecord {
    /// By what it is found: no other token has it.
    pub hash: TokenHash,
    /// The rest.
    pub token: TokenRecord,
}

/// A stored token, as far as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// The user's epoch when it was made.
    pub epoch: Epoch,
    /// What its user calls it.
    pub name: TokenName,
    /// What it is limited to; `None` for whatever the user may do.
    pub scopes: Option<TokenScopes>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A token with what decides whether it still counts.
#[derive(Debug, Clone)]
pub struct LoadedToken {
    /// The token.
    pub token: TokenRecord,
    /// The user's epoch now.
    pub epoch: Epoch,
    /// Whether the user has a second factor in use now.
    pub has_factor: bool,
    /// The user, when this store holds users; `None` when the user is not (or no longer) here.
    pub user: Option<UserRecord>,
}

/// Whether a token was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum TokenCreated {
    /// It was.
    Stored,
    /// It was not: the epoch is another by now, or the user is no longer active.
    Stale,
    /// It was not: the user has as many as one may have.
    TooMany,
}

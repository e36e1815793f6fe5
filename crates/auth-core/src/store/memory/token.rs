//! Personal access tokens in memory.

use async_trait::async_trait;

use super::{MemoryStore, Tables};
use crate::clock::Timestamp;
use crate::id::{TokenId, UserId};
use crate::store::{
    Epoch, LoadedToken, NewTokenRecord, StoreError, StoreErrorKind, Swap, TokenCreated, TokenHash, TokenRecord,
    TokenStore, UserStatus,
};

impl Tables {
    fn is_over(&self, token: &TokenRecord, expired_before: Timestamp) -> bool {
        token.expires_at < expired_before || token.epoch != self.epoch(&token.user)
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn create_token(&self, new: &NewTokenRecord, most: u64) -> Result<TokenCreated, StoreError> {
        let mut tables = self.tables();
        let (user, now) = (new.token.user, new.token.created_at);
        let inactive = tables.users.get(&user).is_some_and(|user| user.record.status != UserStatus::Active);
        if inactive || tables.epoch(&user) != new.token.epoch {
            return Ok(TokenCreated::Stale);
        }
        if tables.tokens.iter().any(|(hash, token)| *hash == new.hash || token.id == new.token.id) {
            return Err(StoreErrorKind::Conflict.into());
        }
        let over: Vec<_> = tables
            .tokens
            .iter()
            .filter(|(_, token)| token.user == user && (token.expires_at <= now || tables.is_over(token, now)))
            .map(|(hash, _)| *hash)
            .collect();
        tables.tokens.retain(|hash, _| !over.contains(hash));
        if tables.tokens.values().filter(|token| token.user == user).count() as u64 >= most {
            return Ok(TokenCreated::TooMany);
        }
        tables.tokens.insert(new.hash, new.token.clone());
        Ok(TokenCreated::Stored)
    }

    async fn find_token(&self, hash: &TokenHash) -> Result<Option<LoadedToken>, StoreError> {
        let tables = self.tables();
        Ok(tables.tokens.get(hash).map(|token| LoadedToken {
            token: token.clone(),
            epoch: tables.epoch(&token.user),
            has_factor: tables.factors.get(&token.user).is_some_and(|factor| factor.active.is_some()),
            user: tables.user(&token.user),
        }))
    }

    async fn list_tokens(&self, user: &UserId, epoch: Epoch) -> Result<Vec<TokenRecord>, StoreError> {
        let tables = self.tables();
        let is_wanted = |token: &&TokenRecord| token.user == *user && token.epoch == epoch;
        let mut tokens: Vec<_> = tables.tokens.values().filter(is_wanted).cloned().collect();
        tokens.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
        Ok(tokens)
    }

    async fn revoke_token(&self, user: &UserId, id: TokenId) -> Result<Swap, StoreError> {
        let mut tables = self.tables();
        let before = tables.tokens.len();
        tables.tokens.retain(|_, token| token.id != id || token.user != *user);
        Ok(Swap::from_rows((before - tables.tokens.len()) as u64))
    }

    async fn note_token_use(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for token in tables.tokens.values_mut().filter(|token| token.id == id) {
            token.last_used_at = token.last_used_at.max(Some(at));
        }
        Ok(())
    }

    async fn purge_tokens(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let over = tables.tokens.iter().filter(|(_, token)| tables.is_over(token, expired_before));
        let over: Vec<_> = over.map(|(hash, _)| *hash).take(limit).collect();
        for hash in &over {
            tables.tokens.remove(hash);
        }
        Ok(over.len() as u64)
    }
}

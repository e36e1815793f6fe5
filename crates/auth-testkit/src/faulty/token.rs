//! Personal access tokens of a store that fails on demand.

use async_trait::async_trait;
use auth_core::store::{
    Epoch, LoadedToken, NewTokenRecord, StoreError, Swap, TokenCreated, TokenHash, TokenRecord, TokenStore,
};
use auth_core::{Timestamp, TokenId, UserId};

use super::{FaultyStore, Operation};

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl TokenStore for FaultyStore {
    async fn create_token(&self, token: &NewTokenRecord, most: u64) -> Result<TokenCreated, StoreError> {
        self.run(Operation::CreateToken, self.inner.create_token(token, most)).await
    }

    async fn find_token(&self, hash: &TokenHash) -> Result<Option<LoadedToken>, StoreError> {
        self.run(Operation::FindToken, self.inner.find_token(hash)).await
    }

    async fn list_tokens(&self, user: &UserId, epoch: Epoch) -> Result<Vec<TokenRecord>, StoreError> {
        self.run(Operation::ListTokens, self.inner.list_tokens(user, epoch)).await
    }

    async fn revoke_token(&self, user: &UserId, id: TokenId) -> Result<Swap, StoreError> {
        self.run(Operation::RevokeToken, self.inner.revoke_token(user, id)).await
    }

    async fn note_token_use(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        self.run(Operation::NoteTokenUse, self.inner.note_token_use(id, at)).await
    }

    async fn purge_tokens(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.run(Operation::PurgeTokens, self.inner.purge_tokens(expired_before, limit)).await
    }
}

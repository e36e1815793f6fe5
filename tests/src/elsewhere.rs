//! Users who are not in our store, without a table of an app: one in memory stands for it.

use async_trait::async_trait;
use auth_core::store::memory::MemoryStore;
use auth_core::store::{NewUserRecord, StoreError, UserRecord, UserStore};
use auth_core::{Email, PasswordHash, UserId};

/// Users in a table of the app: only `UserStore` is theirs, sessions and epochs are in our store.
#[derive(Debug, Clone)]
pub struct Elsewhere(pub MemoryStore);

#[async_trait]
impl UserStore for Elsewhere {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        Ok(self.0.find_by_email(email).await?.map(|user| UserRecord { epoch: None, ..user }))
    }
    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        Ok(self.0.find_by_id(id).await?.map(|user| UserRecord { epoch: None, ..user }))
    }
    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        self.0.create(user).await
    }
    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        self.0.rehash(id, old, new).await
    }
}

//! Lists and changes of users in memory.

use std::cmp::Ordering;

use async_trait::async_trait;

use super::{MemoryStore, Tables, User};
use crate::clock::Timestamp;
use crate::id::UserId;
use crate::store::{
    LastAdmin, StoreError, StoreErrorKind, UpdateTerms, Updated, UserChange, UserDirectory, UserFilter, UserPage,
    UserStatus, UserSummary,
};

impl Tables {
    fn is_last_admin(&self, id: &UserId) -> bool {
        let is_admin = |user: &&User| user.record.admin_access && user.record.status == UserStatus::Active;
        let mut admins = self.users.values().filter(is_admin).map(|user| user.record.id);
        admins.next() == Some(*id) && admins.next().is_none()
    }

    fn summary(&self, user: &User) -> UserSummary {
        let record = &user.record;
        UserSummary {
            id: record.id,
            email: record.email.clone(),
            status: record.status,
            role: record.role,
            app_access: record.app_access,
            admin_access: record.admin_access,
            has_factor: self.factors.get(&record.id).is_some_and(|factor| factor.active.is_some()),
            created_at: user.created_at,
        }
    }
}

impl UserFilter {
    fn includes(&self, user: &User) -> bool {
        let record = &user.record;
        self.id.is_none_or(|id| record.id == id)
            && self.status.is_none_or(|status| record.status == status)
            && self.role.is_none_or(|role| record.role == Some(role))
            && self.admin_access.is_none_or(|access| record.admin_access == access)
            && self.email.as_ref().is_none_or(|email| user.canonical_email.starts_with(email.as_str()))
    }

    fn order(&self, a: &User, b: &User) -> Ordering {
        match self.email {
            Some(_) => a.canonical_email.cmp(&b.canonical_email),
            None => b.record.id.as_str().cmp(a.record.id.as_str()),
        }
    }
}

#[async_trait]
impl UserDirectory for MemoryStore {
    async fn update(
        &self,
        id: &UserId,
        change: &UserChange,
        terms: UpdateTerms,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        let mut tables = self.tables();
        if !tables.users.contains_key(id) {
            return Ok(Updated::NoSuchUser);
        }
        if terms.expected.is_some_and(|expected| expected != tables.epoch(id)) {
            return Ok(Updated::Stale);
        }
        if terms.last_admin == LastAdmin::Stays && change.ends_admin() && tables.is_last_admin(id) {
            return Ok(Updated::LastAdmin);
        }
        if let Some(email) = &change.email
            && tables.owner_of(email.canonical()).is_some_and(|owner| owner != *id)
        {
            return Err(StoreErrorKind::Conflict.into());
        }
        let Some(user) = tables.users.get_mut(id) else { return Ok(Updated::NoSuchUser) };
        if let Some(email) = &change.email {
            user.record.email = email.as_typed().to_owned();
            user.canonical_email = email.canonical().to_owned();
        }
        if let Some(password) = &change.password {
            user.record.password = Some(password.clone());
        }
        user.record.status = change.status.unwrap_or(user.record.status);
        user.record.role = change.role.unwrap_or(user.record.role);
        user.record.app_access = change.app_access.unwrap_or(user.record.app_access);
        user.record.admin_access = change.admin_access.unwrap_or(user.record.admin_access);
        tables.end_sessions(id, terms.keep, now);
        Ok(Updated::Done)
    }

    async fn delete(&self, id: &UserId, last_admin: LastAdmin, now: Timestamp) -> Result<Updated, StoreError> {
        let mut tables = self.tables();
        if last_admin == LastAdmin::Stays && tables.is_last_admin(id) {
            return Ok(Updated::LastAdmin);
        }
        if tables.users.remove(id).is_none() {
            return Ok(Updated::NoSuchUser);
        }
        tables.factors.remove(id);
        tables.tokens.retain(|_, token| token.user != *id);
        tables.end_sessions(id, None, now);
        Ok(Updated::Done)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Ok(self.tables().users.len() as u64)
    }

    async fn users(&self, page: &UserPage) -> Result<Vec<UserSummary>, StoreError> {
        let tables = self.tables();
        let last = page.after.map(|after| (after, tables.users.get(&after)));
        let is_after = |user: &User| match &last {
            None => true,
            Some((_, Some(last))) => page.filter.order(last, user) == Ordering::Less,
            Some((after, None)) => page.filter.email.is_none() && user.record.id.as_str() < after.as_str(),
        };
        let mut users: Vec<_> =
            tables.users.values().filter(|user| page.filter.includes(user) && is_after(user)).collect();
        users.sort_by(|a, b| page.filter.order(a, b));
        let (skip, limit) = (number(page.skip), number(page.limit));
        Ok(users.into_iter().skip(skip).take(limit).map(|user| tables.summary(user)).collect())
    }

    async fn count_users(&self, filter: &UserFilter, most: u64) -> Result<u64, StoreError> {
        let tables = self.tables();
        Ok(tables.users.values().filter(|user| filter.includes(user)).take(number(most)).count() as u64)
    }
}

fn number(of: u64) -> usize {
    usize::try_from(of).unwrap_or(usize::MAX)
}

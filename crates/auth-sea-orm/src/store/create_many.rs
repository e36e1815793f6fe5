//! Users who come by the thousand: one transaction and two statements for each batch.

use std::collections::HashSet;

use auth_core::store::{NewUserRecord, StoreError, StoreErrorKind};
use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use super::SeaOrmStore;
use super::user::{COLUMNS, values};
use crate::entity::user::Column;
use crate::retry::{Attempt, Resend, retrying};

/// Somebody else may make one of the users between the look and the INSERT: then all is looked at again.
const ATTEMPTS: u32 = 3;

/// What became of a batch of users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NewUsers {
    /// How many were made.
    pub created: usize,
    /// The places, in the batch, of those whose id or address was there already. They were left as they are.
    pub existing: Vec<usize>,
}

impl SeaOrmStore {
    /// Makes those of `users` whose id and address nobody has yet: all of them, or none when this fails. Doing it again
    /// makes nobody twice. Up to 1,000 at once, so that no database has too many values to bind.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer, `Corrupt` when it refuses a statement.
    pub async fn create_many(&self, users: &[NewUserRecord]) -> Result<NewUsers, StoreError> {
        let mut attempts = 1;
        loop {
            let made = retrying(Resend::Safe, || self.try_create_many(users)).await;
            match made {
                Err(error) if error.kind() == StoreErrorKind::Conflict && attempts < ATTEMPTS => attempts += 1,
                made => return made,
            }
        }
    }

    async fn try_create_many(&self, users: &[NewUserRecord]) -> Result<NewUsers, Attempt> {
        if users.is_empty() {
            return Ok(NewUsers::default());
        }
        let transaction = self.begin().await?;
        let select = Query::select()
            .columns([Column::Id, Column::EmailKey])
            .from(self.tables.user.clone())
            .and_where(
                Expr::col(Column::Id)
                    .is_in(users.iter().map(|user| user.id.as_str()))
                    .or(Expr::col(Column::EmailKey).is_in(users.iter().map(|user| user.email.canonical().as_bytes()))),
            )
            .take();
        let (mut ids, mut emails) = (HashSet::new(), HashSet::new());
        for row in transaction.query_all(&select).await? {
            ids.insert(row.try_get::<String>("", "id")?);
            emails.insert(row.try_get::<Vec<u8>>("", "email_key")?);
        }
        let mut insert = Query::insert();
        insert.into_table(self.tables.user.clone()).columns(COLUMNS);
        let mut made = NewUsers::default();
        for (place, user) in users.iter().enumerate() {
            let is_known = ids.contains(user.id.as_str()) || emails.contains(user.email.canonical().as_bytes());
            if is_known {
                made.existing.push(place);
                continue;
            }
            // Twice in one batch is as well as there already.
            ids.insert(user.id.as_str().to_owned());
            emails.insert(user.email.canonical().as_bytes().to_vec());
            insert.values_panic(values(user));
            made.created += 1;
        }
        if made.created > 0 {
            transaction.execute(&insert).await?;
        }
        transaction.commit().await?;
        Ok(made)
    }
}

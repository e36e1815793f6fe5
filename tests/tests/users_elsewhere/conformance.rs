//! What `auth-testkit` asks of a `UserStore`, of the app's table on every database; and it asks something: tables that
//! do what tables usually do fail.

use async_trait::async_trait;
use auth_core::store::{NewUserRecord, StoreError, UserRecord, UserStore};
use auth_core::{Email, PasswordHash, UserId};
use auth_testkit::users::Property;
use auth_tests::customers::WithCustomers;
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectionTrait as _;

mod sqlite {
    use super::*;

    async fn check(property: Property) {
        check_on(Kind::Sqlite, property).await;
    }
    auth_testkit::user_store_conformance!(check);
}

mod postgres {
    use super::*;

    async fn check(property: Property) {
        check_on(Kind::Postgres, property).await;
    }
    auth_testkit::user_store_conformance!(check);
}

mod mysql {
    use super::*;

    async fn check(property: Property) {
        check_on(Kind::MySql, property).await;
    }
    auth_testkit::user_store_conformance!(check);
}

async fn check_on(kind: Kind, property: Property) {
    let Some(database) = Database::fresh(kind).await else { return };
    property.check(WithCustomers::open(database.url()).await.customers).await;
}

/// The collation that MariaDB gives a table whose maker did not think of it.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_collation_that_folds_is_found_out() {
    let Some(database) = Database::fresh(Kind::MySql).await else { return };
    for name in ["e1_addresses_are_compared_by_their_bytes", "rehash_replaces_only_the_expected_hash"] {
        let both = WithCustomers::open(database.url()).await;
        let folds = "ALTER TABLE customer CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
        both.db().execute_unprepared(folds).await.expect("alter table");
        let check = tokio::spawn(Property::named(name).check(both.customers));
        assert!(check.await.is_err_and(|error| error.is_panic()), "{name} holds");
        let db = database.connection().await;
        db.execute_unprepared("DELETE FROM customer").await.expect("delete");
    }
}

/// A table that takes `042` for another name of 42.
#[tokio::test(flavor = "multi_thread")]
async fn e1_ids_with_two_spellings_are_found_out() {
    let database = Database::fresh(Kind::Sqlite).await.expect("always there");
    let lenient = Lenient(WithCustomers::open(database.url()).await);
    let check = tokio::spawn(Property::named("e1_an_id_in_another_spelling_is_nobody").check(lenient));
    assert!(check.await.is_err_and(|error| error.is_panic()), "it holds");
}

#[derive(Debug)]
struct Lenient(WithCustomers);

#[async_trait]
impl UserStore for Lenient {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        self.0.find_by_email(email).await
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        let Ok(number) = id.as_str().trim().parse::<i64>() else { return Ok(None) };
        self.0.find_by_id(&UserId::new(&number.to_string()).expect("an id")).await
    }

    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        self.0.create(user).await
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        self.0.rehash(id, expected, new).await
    }
}

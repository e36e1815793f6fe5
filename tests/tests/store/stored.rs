//! What SQL stores say of themselves, of damaged rows and of databases that are not there.

use std::error::Error as _;

use auth_core::store::{
    LastAdmin, NewUserRecord, StoreErrorKind, Updated, UserDirectory as _, UserStatus, UserStore as _,
};
use auth_core::{Email, PasswordHash, Timestamp, UserId};
use auth_sea_orm::{ConnectError, SeaOrmStore};
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectionTrait as _;

fn user(id: &str, address: &str) -> NewUserRecord {
    NewUserRecord {
        id: UserId::new(id).expect("an id"),
        email: Email::parse(address).expect("an address"),
        password: Some(PasswordHash::from_phc("$argon2id$SECRETHASH")),
        status: UserStatus::Active,
        role: None,
        app_access: true,
        admin_access: false,
        created_at: Timestamp::default(),
    }
}

/// Everything an error says, in a log that prints all it can.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    text
}

#[tokio::test]
async fn b7_errors_and_debug_output_show_no_address_hash_or_password() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let store = database.store().await;
        let first = user("u1", "canary@example.com");
        store.create(&first).await.expect("create");
        let error = store.create(&user("u2", "canary@example.com")).await.expect_err("a conflict");
        let text = told(&error);
        assert!(!text.contains("canary") && !text.contains("SECRETHASH"), "{kind:?}: {text}");
        assert!(!format!("{store:?}").contains(database.url()), "{store:?}");
    }
}

#[tokio::test]
async fn f2_a_server_that_is_not_there_is_unavailable_and_its_password_is_not_told() {
    // Both at once, since each waits for a free connection as long as it may.
    let (postgres, mysql) = tokio::join!(
        SeaOrmStore::connect("postgres://u:CANARY@127.0.0.1:1/x"),
        SeaOrmStore::connect("mysql://u:CANARY@127.0.0.1:1/x")
    );
    for outcome in [postgres, mysql] {
        let error = outcome.expect_err("nobody listens there");
        let ConnectError::Store(ref store_error) = error else { panic!("{error:?}") };
        assert_eq!(store_error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(!told(&error).contains("CANARY"), "{error:?}");
    }
    for url in ["", "oracle://x", "CANARY"] {
        let error = SeaOrmStore::connect(url).await.expect_err("no such database");
        assert!(matches!(error, ConnectError::Unsupported), "{error:?}");
        assert!(error.source().is_none() && !told(&error).contains("CANARY"));
    }
}

/// A server that restarts cuts every connection. What may be repeated is; the caller sees nothing of it.
#[tokio::test]
async fn f2_a_connection_that_was_cut_is_replaced() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let Some(database) = Database::fresh(kind).await else { continue };
        let store = database.store().await;
        let user = user("u1", "u1@example.com");
        store.create(&user).await.expect("create");
        let cut = || database.cut_connections();
        cut().await;
        assert!(store.find_by_id(&user.id).await.expect("a read").is_some(), "{kind:?}");
        cut().await;
        let deleted = store.delete(&user.id, LastAdmin::MayGo, Timestamp::default()).await;
        assert_eq!(deleted.expect("a transaction"), Updated::Done, "{kind:?}");
        // An INSERT that is sent twice could be told from one: this one may fail, and then the next does not.
        cut().await;
        let mut outcome = store.create(&user).await;
        while let Err(error) = outcome {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{kind:?}: {error:?}");
            outcome = store.create(&user).await;
        }
    }
}

#[tokio::test]
async fn damaged_rows_are_an_error_and_never_an_absent_user() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let store = database.store().await;
        let user = user("u1", "u1@example.com");
        store.create(&user).await.expect("create");
        let db = database.connection().await;
        db.execute_unprepared("UPDATE auth_user SET status = 'nonsense'").await.expect("update");
        let error = store.find_by_id(&user.id).await.expect_err("a damaged row");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{kind:?}");
        db.execute_unprepared("DROP TABLE auth_user").await.expect("drop");
        let error = store.count().await.expect_err("no table");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{kind:?}");
    }
}

//! Somebody's own database server on the standard port, with a password that we do not know, is no reason to fail: it
//! counts as none, by name and with the reason, unless we were told to use it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::net::TcpListener;

use auth_tests::databases::{Database, Kind, Offer};
use auth_tests::private_server::{Entry, PrivateServer};

#[tokio::test]
async fn a_postgres_with_a_password_counts_as_none() {
    with_a_password(Kind::Postgres, "password").await;
}

#[tokio::test]
async fn a_mysql_with_a_password_counts_as_none() {
    with_a_password(Kind::MySql, "denied").await;
}

async fn with_a_password(kind: Kind, reason: &str) {
    let Some(server) = PrivateServer::start(kind, Entry::Password).await else { return };
    let known = Offer { url: server.url(), is_named: true, is_required: true };
    let database = offered(kind, &known).await.expect("does not fail");
    database.expect("with the password it is a server like any other");
    refuses(kind, &server.url_without_password(), reason).await;
}

/// Something listens and answers, and is no database.
#[tokio::test]
async fn a_server_of_another_kind_counts_as_none() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Hangs up on everybody.
                drop(stream);
            }
        });
        let scheme = if kind == Kind::Postgres { "postgres" } else { "mysql" };
        refuses(kind, &format!("{scheme}://root@{addr}/x"), "").await;
    }
}

/// A server at `url` that does not let us in, for this reason.
async fn refuses(kind: Kind, url: &str, reason: &str) {
    let offer = |is_named, is_required| Offer { url: url.to_owned(), is_named, is_required };
    let why = offered(kind, &offer(false, false)).await.expect("does not fail").expect_err("counts as none");
    let required = offered(kind, &offer(false, true)).await.expect_err("it is required");
    assert!(required.contains(&format!("TEST_REQUIRE names {}", kind.name())), "{required}");
    let named = offered(kind, &offer(true, false)).await.expect_err("a variable names it");
    assert!(named.contains("_URL names does not let us in"), "{named}");
    for message in [why, required, named] {
        assert!(message.contains(reason), "{message}");
    }
}

/// The database or why there is none, or why the test would fail.
async fn offered(kind: Kind, offer: &Offer) -> Result<Result<Database, String>, String> {
    let offer = offer.clone();
    let outcome = tokio::spawn(async move { Database::offered(kind, &offer).await }).await;
    outcome.map_err(|error| {
        let panic = error.into_panic();
        panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panicked".to_owned())
    })
}

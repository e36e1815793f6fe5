//! The HTTP contract: every case on both frameworks over memory, SQLite and a table of an app, and every answer equal byte for byte.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::sync::Arc;

use auth_core::store::Store;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthBuilder, Clock as _};
use auth_testkit::ManualClock;
use auth_testkit::contract::{ALL, Case, Subject, seed};
use auth_tests::customers::WithCustomers;
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;

/// Runs a case against a server of its own, and gives what it saw, or why it failed.
async fn run(
    case: Case,
    framework: Framework,
    prefix: &str,
    store: impl Store,
    auth: AuthBuilder,
) -> Result<String, String> {
    let clock = ManualClock::stopped();
    let accounts = seed(&store, clock.now()).await;
    let auth = auth.config(case.variant.config()).clock(clock.clone()).build();
    let server = framework.serve(&auth.expect("a configuration"), prefix).await;
    let subject = Subject::new(server.addr, prefix, clock, Arc::new(store), accounts);
    // A case fails by panicking: collect all of them before the test does.
    let outcome = tokio::spawn(async move {
        (case.run)(&subject).await;
        subject.transcript()
    });
    outcome.await.map_err(|error| {
        let panic = error.into_panic();
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("{framework:?}: {}", message.unwrap_or_else(|| "panicked".to_owned()))
    })
}

/// Runs every case on both frameworks, and compares what they saw.
async fn run_all<S: Store>(prefix: &str, world: impl AsyncFn() -> (S, AuthBuilder, Option<Database>)) {
    let only = std::env::var("CONTRACT_CASE").unwrap_or_default();
    let mut failures = Vec::new();
    let mut executed = 0;
    for case in ALL.iter().filter(|case| case.name.contains(&only)) {
        let mut transcripts = Vec::new();
        for framework in Framework::ALL {
            let (store, auth, _database) = world().await;
            match run(*case, framework, prefix, store, auth).await {
                Ok(transcript) => transcripts.push(transcript),
                Err(failure) => failures.push(format!("{case:?} on {failure}")),
            }
        }
        executed += 1;
        if let [axum, actix_web] = transcripts.as_slice()
            && axum != actix_web
        {
            failures.push(format!("{case:?}: the answers differ\n{}", difference(axum, actix_web)));
        }
    }
    eprintln!("{executed} cases on {} frameworks", Framework::ALL.len());
    assert!(executed > 0, "no case was executed");
    assert!(failures.is_empty(), "{} failures\n\n{}", failures.len(), failures.join("\n\n"));
}

fn difference(axum: &str, actix_web: &str) -> String {
    let lines = axum.lines().zip(actix_web.lines()).filter(|(axum, actix_web)| axum != actix_web);
    let lines: Vec<_> = lines.take(5).map(|(axum, actix_web)| format!("  axum  {axum}\n  actix {actix_web}")).collect();
    format!("{}\n  ({} and {} lines)", lines.join("\n"), axum.lines().count(), actix_web.lines().count())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_over_memory() {
    run_all("", async || {
        let store = MemoryStore::new();
        (store.clone(), Auth::builder(store), None)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_over_sqlite_and_under_a_prefix() {
    run_all("/api/v1", async || {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        let store = database.store().await;
        (store.clone(), Auth::builder(store), Some(database))
    })
    .await;
}

/// Users in a table of the app, with integers as ids: nobody who speaks HTTP can tell.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_over_customers_of_an_app() {
    run_all("", async || {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        let store = WithCustomers::open(database.url()).await;
        (store.clone(), store.builder(), Some(database))
    })
    .await;
}

//! Every case of the contract, on axum over memory and on actix-web over SQLite, with an audit trail: whatever secret went
//! over the wire is searched in all that was logged meanwhile, in the events, and in the metrics.

use std::collections::BTreeSet;

use auth_core::Auth;
use auth_core::store::memory::MemoryStore;
use auth_testkit::contract::{ALL, Case};
use auth_tests::cases::{Run, Seen};
use auth_tests::databases::{Database, Kind};
use auth_tests::log::Log;
use auth_tests::servers::Framework;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::JoinSet;

use super::line_with;

/// How many cases run at once: a case waits as often as it computes.
const AT_ONCE: usize = 8;

pub(super) async fn run(log: &Log, metrics: &PrometheusHandle) {
    let (mut secrets, mut lines) = (BTreeSet::new(), 0);
    for framework in Framework::ALL {
        for cases in ALL.chunks(AT_ONCE) {
            let mut running = JoinSet::new();
            for case in cases {
                running.spawn(one(*case, framework));
            }
            let seen = running.join_all().await;
            let log = log.take();
            lines += log.lines().count();
            let events = format!("{:?}", seen.iter().map(|(_, seen)| &seen.events).collect::<Vec<_>>());
            for (case, secret) in seen.iter().flat_map(|(case, seen)| seen.secrets.iter().map(move |one| (case, one))) {
                if let Some(line) = line_with(&log, secret) {
                    panic!("{}: {secret:?} is in the log: {line}", case.name);
                }
                assert!(!events.contains(secret.as_str()), "{}: {secret:?} is in the events: {events}", case.name);
            }
            assert!(!log.contains("$argon2"), "a hash is in the log of {cases:?}");
            secrets.extend(seen.into_iter().flat_map(|(_, seen)| seen.secrets));
        }
    }
    let metrics = metrics.render();
    for secret in &secrets {
        assert!(!metrics.contains(secret.as_str()), "{secret:?} is in the metrics");
    }
    println!("the contract: {} secrets in none of {lines} lines of the log, no event, no metric", secrets.len());
    assert!(secrets.len() > ALL.len() && lines > 100 * ALL.len(), "that proves nothing");
}

async fn one(case: Case, framework: Framework) -> (Case, Seen) {
    let run = Run::of(case, framework).keeping_events();
    let seen = match framework {
        Framework::Axum => {
            let store = MemoryStore::new();
            run.over(store.clone(), Auth::builder(store)).await
        }
        Framework::ActixWeb => {
            let database = Database::fresh(Kind::Sqlite).await.expect("always there");
            let store = database.store().await;
            run.over(store.clone(), Auth::builder(store)).await
        }
    };
    (case, seen.unwrap_or_else(|failure| panic!("{}: {failure}", case.name)))
}

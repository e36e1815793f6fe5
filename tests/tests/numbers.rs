//! What the feature `metrics` tells of the store: each call once, under a name that stays, with how it ended.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use auth_core::store::StoreErrorKind;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, ClientInfo, Email, ErrorKind, Grant, LoginRequest, NewUser, Password, UserId};
use auth_testkit::{Fault, FaultyStore, Gate, Moment, Operation};
use auth_tests::databases::{Database, Kind};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

const PASSWORD: &str = "correct horse battery staple";

/// How often each operation was recorded since, with its outcome.
fn counts(numbers: &PrometheusHandle) -> Vec<(String, u64)> {
    let text = numbers.render();
    let lines = text.lines().filter_map(|line| line.strip_prefix("auth_store_seconds_count{operation=\""));
    let mut counts: Vec<_> = lines
        .map(|line| {
            let (operation, rest) = line.split_once("\",outcome=\"").expect("an outcome");
            let (outcome, count) = rest.split_once("\"} ").expect("a number");
            (format!("{operation} {outcome}"), count.parse().expect("a number"))
        })
        .collect();
    counts.sort();
    counts
}

fn said(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn login() -> LoginRequest {
    LoginRequest::new(Email::parse("ada@example.com").expect("an address"), Password::new(PASSWORD))
}

/// A login takes a place before it asks the store, and gives it back when it needs none.
#[tokio::test]
async fn a_place_that_was_not_needed_is_free_again() {
    let store = FaultyStore::new(MemoryStore::new());
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    (config.hash_threads, config.hash_queue) = (1, 8);
    let auth = Auth::builder(store.clone()).config(config).build().expect("a configuration");
    let recorder = PrometheusBuilder::new().build_recorder();
    let numbers = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    store.fail(Operation::FindByEmail, Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork));
    let error = auth.login(login(), &ClientInfo::default()).await.map(drop).expect_err("the store is away");
    assert_eq!((error.kind(), store.calls(Operation::FindByEmail)), (ErrorKind::Unavailable, 1));
    let text = numbers.render();
    assert!(text.lines().any(|line| line == "auth_hash_places_free 9"), "{text}");
}

/// The recorder is that of this thread, on which everything but the hashing runs.
#[tokio::test]
async fn each_call_of_the_store_is_timed() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let store = FaultyStore::new(database.store().await);
        let auth = Auth::builder(store.clone()).config(AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7"));
        let auth = auth.build().expect("a configuration");
        let email = Email::parse("ada@example.com").expect("an address");
        auth.create_user(NewUser::new(email, Password::new(PASSWORD))).await.expect("a user");
        let client = ClientInfo::default();

        let recorder = PrometheusBuilder::new().build_recorder();
        let numbers = recorder.handle();
        let _here = metrics::set_default_local_recorder(&recorder);
        let tokens = auth.login(login(), &client).await.expect("signs in");
        let Grant::Pair { refresh, .. } = tokens.grant else { panic!("a pair") };
        let of_login = [
            ("factor_load done", 1),
            ("session_open done", 1),
            ("throttle_clear done", 1),
            ("throttle_reserve done", 1),
            ("user_find_by_email done", 1),
        ];
        let after_login = counts(&numbers);
        for one in said(&of_login) {
            assert!(after_login.contains(&one), "{kind:?}: {one:?} is not among {after_login:?}");
        }
        auth.refresh(&refresh, &client).await.expect("refreshes");
        let of_refresh: Vec<_> = counts(&numbers).into_iter().filter(|one| !after_login.contains(one)).collect();
        assert_eq!(of_refresh, said(&[("session_load done", 1), ("session_rotate done", 1)]), "{kind:?}");

        // One that fails, and one that nobody waits for any more.
        let fault = Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork).with_marker("MARKER-of-the-store");
        store.fail(Operation::Rotate, fault);
        let Grant::Pair { refresh, .. } = auth.login(login(), &client).await.expect("signs in").grant else {
            panic!("a pair")
        };
        let error = auth.refresh(&refresh, &client).await.map(drop).expect_err("the store is away");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{kind:?}");
        store.fail(Operation::FindById, Fault::waiting(Moment::BeforeWork, Gate::new()));
        let nobody = UserId::new("0").expect("an id");
        {
            let call = pin!(auth.find_user(&nobody));
            assert!(matches!(call.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending), "{kind:?}");
        }
        let all = counts(&numbers);
        for one in said(&[("session_rotate unavailable", 1), ("user_find_by_id dropped", 1)]) {
            assert!(all.contains(&one), "{kind:?}: {one:?} is not among {all:?}");
        }
        let sums = numbers.render();
        let spent = sums.lines().find_map(|line| {
            line.strip_prefix("auth_store_seconds_sum{operation=\"session_open\",outcome=\"done\"} ")?.parse().ok()
        });
        assert!(spent.is_some_and(|seconds: f64| seconds > 0.0), "{kind:?}: no time was spent\n{sums}");
        assert!(!sums.contains("MARKER") && !sums.contains("ada@"), "{kind:?}: {sums}");
    }
}

//! A store that is down, as clients see it (requirement F2): 503, nothing issued, no cookie cleared, nothing told.

use std::sync::Arc;

use auth_core::http::Endpoint;
use auth_core::store::StoreErrorKind;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, Clock as _};
use auth_testkit::contract::{REFRESH_COOKIE, Request, Response, Subject, Variant, seed};
use auth_testkit::{Fault, FaultyStore, Gate, ManualClock, Moment, Operation};
use auth_tests::servers::Framework;
use serde_json::json;

const MARKER: &str = "postgres://root:hunter2@db.internal/auth";

async fn world(framework: Framework) -> (Subject, FaultyStore, impl Sized) {
    let (store, clock) = (FaultyStore::new(MemoryStore::new()), ManualClock::stopped());
    let accounts = seed(&store, clock.now()).await;
    let auth = Auth::builder(store.clone()).config(Variant::Default.config()).clock(clock.clone());
    let auth = auth.with(&[Endpoint::Health]).build();
    let server = framework.serve(&auth.expect("a configuration"), "").await;
    (Subject::new(server.addr, "", clock, Arc::new(store.clone()), accounts), store, server)
}

fn assert_outage(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{response}");
    assert!(response.set_cookies().is_empty(), "a cookie was touched\n{response}");
    let body = response.json();
    assert_eq!(body["errors"][0]["extensions"], json!({ "code": code }), "{response}");
    let whole = format!("{:?} {body}", response.headers);
    for part in ["hunter2", "postgres", "db.internal"] {
        assert!(!whole.contains(part), "the answer tells\n{response}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_an_outage_is_503_and_loses_nothing() {
    for framework in Framework::ALL {
        let (subject, store, _server) = world(framework).await;
        let user = subject.user().clone();
        let tokens = subject.login(&user).await;
        let cookie = subject.login_cookie(&user).await.refresh;
        let session = subject.login_session(&user).await;

        store.fail_all(Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork).with_marker(MARKER));
        let logout = subject.logout_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, &cookie);
        for response in [
            subject.send(subject.login_request(&Subject::credentials(&user, "cookie"))).await,
            subject.refresh(&tokens.refresh).await,
            subject.refresh_by_cookie(&cookie).await,
            subject.refresh_session(&session).await,
            subject.send(logout).await,
            subject.guarded_by_session(&session).await,
            subject.send(Request::get("/users/me").bearer(&tokens.access)).await,
        ] {
            assert_outage(&response, 503, "SERVICE_UNAVAILABLE");
            assert_eq!(response.header("retry-after").as_deref(), Some("1"), "{response}");
        }
        // A stateless token needs no store.
        subject.guarded(&tokens.access).await.expect_status(200);

        store.heal();
        subject.assert_alive(&tokens.refresh).await;
        subject.refresh_by_cookie(&cookie).await.expect_status(200);
        subject.guarded_by_session(&session).await.expect_status(200);
    }
}

/// A probe learns that the store is away, also when it says nothing at all, and that it is there again; it needs no token
/// and gets no reason.
#[tokio::test(flavor = "multi_thread")]
async fn f2_the_probe_tells_whether_the_store_answers() {
    for framework in Framework::ALL {
        let (subject, store, _server) = world(framework).await;
        let health = async || subject.send(Request::get("/auth/health")).await;
        let up = health().await;
        up.expect_status(200);
        store.fail_all(Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork).with_marker(MARKER));
        assert_outage(&health().await, 503, "SERVICE_UNAVAILABLE");
        store.heal();
        store.fail(Operation::Load, Fault::waiting(Moment::BeforeWork, Gate::new()));
        assert_outage(&health().await, 503, "SERVICE_UNAVAILABLE");
        store.heal();
        store.fail_all(Fault::new(StoreErrorKind::Corrupt, Moment::BeforeWork).with_marker(MARKER));
        assert_outage(&health().await, 500, "INTERNAL_SERVER_ERROR");
        store.heal();
        assert_eq!(health().await.body, up.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_damaged_data_is_a_bug_and_tells_nothing() {
    for framework in Framework::ALL {
        let (subject, store, _server) = world(framework).await;
        let user = subject.user().clone();
        let tokens = subject.login(&user).await;
        store.fail_all(Fault::new(StoreErrorKind::Corrupt, Moment::BeforeWork).with_marker(MARKER));
        for response in [
            subject.send(subject.login_request(&Subject::credentials(&user, "json"))).await,
            subject.refresh(&tokens.refresh).await,
        ] {
            assert_outage(&response, 500, "INTERNAL_SERVER_ERROR");
            assert_eq!(response.json()["errors"][0]["message"], "An unexpected error occurred.");
        }
        store.heal();
        subject.assert_alive(&tokens.refresh).await;
    }
}

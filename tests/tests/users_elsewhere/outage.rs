//! The database of the customers is down, that of the sessions is not (requirement F2).

use std::sync::Arc;

use auth_core::Clock as _;
use auth_testkit::ManualClock;
use auth_testkit::contract::{REFRESH_COOKIE, Request, Subject, Variant, seed};
use auth_tests::customers::WithCustomers;
use auth_tests::databases::{Database, Kind};
use auth_tests::gate::Gate;
use auth_tests::servers::Framework;
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait as _};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn f2_the_apps_table_is_down_and_ours_is_not() {
    for kind in Kind::SHARED {
        for framework in Framework::ALL {
            let (Some(theirs), Some(ours)) = (Database::fresh(kind).await, Database::fresh(kind).await) else {
                continue;
            };
            let gate = if kind == Kind::Sqlite { None } else { Some(Gate::before(theirs.url()).await) };
            let url = gate.as_ref().map_or(theirs.url(), Gate::url);
            let db = byo_users::migration::open(url).await.expect("opens");
            let both = WithCustomers::over(db.clone(), ours.store().await);
            check(&format!("{kind:?}, {framework:?}"), framework, both, Outage { gate, db }).await;
        }
    }
}

async fn check(on: &str, framework: Framework, both: WithCustomers, outage: Outage) {
    let clock = ManualClock::stopped();
    let accounts = seed(&both, clock.now()).await;
    let auth = both.builder().config(Variant::Default.config()).clock(clock.clone()).build().expect("a configuration");
    let server = framework.serve(&auth, "").await;
    let subject = Subject::new(server.addr, "", clock, Arc::new(both), accounts);
    let user = subject.user().clone();
    let tokens = subject.login(&user).await;
    let cookie = subject.login_cookie(&user).await.refresh;
    let session = subject.login_session(&user).await;

    let held = outage.begin().await;
    let logout = subject.logout_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, &cookie);
    // All at once: each waits for a connection as long as it may.
    let answers = tokio::join!(
        subject.send(subject.login_request(&Subject::credentials(&user, "cookie"))),
        subject.refresh(&tokens.refresh),
        subject.refresh_by_cookie(&cookie),
        subject.refresh_session(&session),
        subject.send(logout),
        subject.guarded_by_session(&session),
        subject.send(Request::get("/users/me").bearer(&tokens.access)),
    );
    for answer in [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5, answers.6] {
        assert_eq!(answer.status, 503, "{on}: {answer}");
        assert_eq!(answer.json()["errors"][0]["extensions"], json!({"code": "SERVICE_UNAVAILABLE"}), "{on}: {answer}");
        assert_eq!(answer.header("retry-after").as_deref(), Some("1"), "{on}: {answer}");
        assert!(answer.set_cookies().is_empty(), "{on}: a cookie was touched: {answer}");
    }
    subject.guarded(&tokens.access).await.expect_status(200);
    subject.send(Request::get("/auth/sessions").bearer(&tokens.access)).await.expect_status(200);
    // A user can be shut out all the same.
    assert_eq!(auth.end_sessions_of(&subject.accounts.admin.id).await.expect("ends"), 0, "{on}");

    outage.end(held).await;
    subject.assert_alive(&tokens.refresh).await;
    subject.refresh_by_cookie(&cookie).await.expect_status(200);
    subject.guarded_by_session(&session).await.expect_status(200);
    subject.login(&user).await;
}

/// How the app's database is made to fail: a server by cutting it off; SQLite, which has none, by taking its one
/// connection.
struct Outage {
    gate: Option<Gate>,
    db: DatabaseConnection,
}

impl Outage {
    async fn begin(&self) -> Option<DatabaseTransaction> {
        match &self.gate {
            Some(gate) => {
                gate.shut();
                None
            }
            None => Some(self.db.begin().await.expect("the one connection")),
        }
    }

    async fn end(&self, held: Option<DatabaseTransaction>) {
        if let Some(gate) = &self.gate {
            gate.open();
        }
        if let Some(held) = held {
            held.rollback().await.expect("rolls back");
        }
    }
}

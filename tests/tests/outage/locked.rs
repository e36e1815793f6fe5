//! A SQLite file that another process holds on to, or takes away for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::{Auth, Clock as _};
use auth_sea_orm::SeaOrmStore;
use auth_testkit::ManualClock;
use auth_testkit::contract::{Response, Subject, Variant, seed};
use auth_tests::databases::{Database, Kind};
use auth_tests::holder::Mode;
use auth_tests::servers::{Framework, Server};
use sea_orm::ConnectionTrait as _;

/// The deadline of the store, and what a busy machine adds to it.
const LONGEST: Duration = Duration::from_secs(7);
/// How soon after its return the database is of use (requirement F2).
const RECOVERY: Duration = Duration::from_secs(2);

async fn world(framework: Framework, database: &Database) -> (Subject, Server, SeaOrmStore) {
    let store = database.store().await;
    let clock = ManualClock::stopped();
    let accounts = seed(&store, clock.now()).await;
    let auth = Auth::builder(store.clone()).config(Variant::Default.config()).clock(clock.clone()).build();
    let server = framework.serve(&auth.expect("a configuration"), "").await;
    (Subject::new(server.addr, "", clock, Arc::new(store.clone()), accounts), server, store)
}

fn expect_unavailable(response: &Response) {
    response.expect_error(503, "SERVICE_UNAVAILABLE", "The service is unavailable, try again later.");
    assert!(response.set_cookies().is_empty(), "a cookie was touched\n{response}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_sqlite_file_that_another_process_locks_is_503_until_it_lets_go() {
    let mut tasks = tokio::task::JoinSet::new();
    for framework in Framework::ALL {
        tasks.spawn(async move {
            let database = Database::fresh(Kind::Sqlite).await.expect("always there");
            let (subject, _server, _store) = world(framework, &database).await;
            let user = subject.user().clone();
            let cookie = subject.login_cookie(&user).await.refresh;
            let json = subject.login(&user).await.refresh;
            let session = subject.login_session(&user).await;
            // A connection of its own is to SQLite what another process is.
            let other = database.connection().await;
            other.execute_unprepared("BEGIN EXCLUSIVE").await.expect("locks");
            let begun = Instant::now();
            let (by_cookie, by_json, login, guarded) = tokio::join!(
                subject.send(Mode::Cookie.refresh(&subject, &cookie)),
                subject.send(Mode::Json.refresh(&subject, &json)),
                subject.send(Mode::Json.login(&subject, &user)),
                subject.guarded_by_session(&session),
            );
            assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
            for response in [by_cookie, by_json, login] {
                expect_unavailable(&response);
            }
            // Reading goes on beside a writer, whoever that is.
            guarded.expect_status(200);

            other.execute_unprepared("ROLLBACK").await.expect("lets go");
            let free = Instant::now();
            let next = Mode::Cookie.token(&subject.send(Mode::Cookie.refresh(&subject, &cookie)).await);
            assert!(free.elapsed() < RECOVERY, "{:?}", free.elapsed());
            assert_eq!(Mode::Cookie.parts(&next).generation, 1);
            subject.assert_alive(&json).await;
            subject.send(Mode::Json.login(&subject, &user)).await.expect_status(200);
        });
    }
    tasks.join_all().await;
}

/// Moved away for a while, as a clumsy restore does. Connections keep what they have open, more of them cannot be opened:
/// that is an outage, and not a reason to sign anybody out.
#[tokio::test(flavor = "multi_thread")]
async fn f2_a_sqlite_file_that_is_moved_away_signs_nobody_out() {
    for framework in Framework::ALL {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        let (subject, _server, _store) = world(framework, &database).await;
        let session = subject.login_session(subject.user()).await;
        let file = database.file().expect("a file");
        let away = file.with_extension("away");
        std::fs::rename(&file, &away).expect("moves");
        let mut refused = 0;
        for _ in 0..20 {
            let visit = || subject.guarded_by_session(&session);
            let (a, b, c, d) = tokio::join!(visit(), visit(), visit(), visit());
            for response in [a, b, c, d].into_iter().filter(|response| response.status != 200) {
                expect_unavailable(&response);
                refused += 1;
            }
        }
        assert!(refused > 0, "{framework:?}: no connection was missing");

        std::fs::rename(&away, &file).expect("moves back");
        let visit = || subject.guarded_by_session(&session);
        let (a, b, c, d) = tokio::join!(visit(), visit(), visit(), visit());
        [a, b, c, d].iter().for_each(|response| response.expect_status(200));
        subject.refresh_session(&session).await.expect_status(200);
    }
}

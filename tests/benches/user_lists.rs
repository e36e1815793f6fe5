//! What `GET /users` takes when there are a million users, over a socket: `cargo bench -p auth-tests --bench user_lists`
//! prints the median and the worst of each kind of page, and fails when a median is above the limit.
//!
//! `USERS`, `SAMPLES`: how many of each. An argument names one database: `-- postgres`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use auth_core::http::Endpoint;
use auth_core::store::SessionMode;
use auth_core::{Auth, AuthConfig, ClientInfo, Email, Grant, NewUser, Password};
use auth_tests::bulk::Crowd;
use auth_tests::connection::Connection;
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;
use sea_orm::ConnectionTrait as _;
use serde_json::Value;

const LIMIT: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let setting = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect(name));
    let (users, samples) = (setting("USERS", 1_000_000), setting("SAMPLES", 40));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("\n| database | {users} users | rows | median, ms | worst, ms |\n|---|---|---|---|---|");
    let mut is_good = true;
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for kind in Kind::SHARED.into_iter().filter(|kind| named.is_empty() || named.iter().any(|name| name == kind.name()))
    {
        is_good &= runtime.block_on(measure(kind, users, samples)).unwrap_or(true);
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure(kind: Kind, users: u32, samples: u32) -> Option<bool> {
    let database = Database::fresh(kind).await?;
    let store = database.store().await;
    let db = database.connection().await;
    let auth = Auth::builder(store.clone()).config(AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7"));
    let auth = auth.with(&[Endpoint::Users]).build().expect("a configuration");
    Crowd::store(&auth, &db, users).await;
    let email = Email::parse("admin@example.com").expect("an address");
    let admin =
        auth.create_user(NewUser::admin(email, Password::new("the password of the admin"))).await.expect("a user");
    let opened = auth.open_session(&admin, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
    let Grant::Pair { access, .. } = opened.grant else { panic!("not in this mode") };
    let server = Framework::Axum.serve(&auth, "").await;
    let mut connection = Connection::open(server.addr).await;
    // One in a thousand is suspended, and an editor; nobody is invited.
    let some = "UPDATE auth_user SET status = 'suspended', role = 'editor' WHERE id LIKE 'user-%777'";
    db.execute_unprepared(some).await.expect("updates");
    db.execute_unprepared(match kind {
        Kind::MySql => "ANALYZE TABLE auth_user",
        _ => "ANALYZE",
    })
    .await
    .expect("analyses");

    let mut is_good = true;
    for (name, query) in [
        ("first page", ""),
        ("last page by number", "page=100"),
        ("deep page by `after`", "after=user-500000"),
        ("search that finds all", "search=user-"),
        ("search that finds some", "search=user-99999"),
        ("search that finds nobody", "search=zoe"),
        ("the rest of a search", "search=user-&after=user-500000"),
        ("status of most", "filter[status][_eq]=active"),
        ("status of some", "filter[status][_eq]=suspended"),
        ("status of nobody", "filter[status][_eq]=invited"),
        ("role of some", "filter[role][_eq]=editor"),
        ("admins", "filter[admin_access][_eq]=true"),
        ("role, status and search", "filter[role][_eq]=editor&filter[status][_eq]=active&search=user-"),
    ] {
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..samples {
            let begun = Instant::now();
            let answer = connection.get_with(access.expose_secret(), &format!("/users?{query}")).await;
            times.push(begun.elapsed());
            assert_eq!(answer.status, 200, "{}", answer.body);
            let page: Value = serde_json::from_str(answer.body).expect("JSON");
            rows = page["data"].as_array().expect("rows").len();
        }
        times.sort_unstable();
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        is_good &= median <= LIMIT;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!("| {} | {name} | {rows} | {:.2} | {:.2} |", kind.name(), ms(median), ms(worst));
    }
    Some(is_good)
}

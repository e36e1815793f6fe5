//! What a page of a list costs when there are a million users: `cargo bench -p auth-tests --bench user_lists` prints the
//! median and the worst of each kind of page, with its count, and fails when a median is above the limit.
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

use auth_core::store::{UserDirectory as _, UserFilter, UserPage, UserStatus};
use auth_core::{Auth, AuthConfig, EmailPrefix, Role, UserId};
use auth_tests::bulk::Crowd;
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectionTrait as _;

/// As the routes count: no further.
const REACH: u64 = 10_001;
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
    let auth = Auth::builder(store.clone()).config(AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7")).build();
    Crowd::store(&auth.expect("a configuration"), &db, users).await;
    // One in a thousand is suspended, and an editor; nobody is invited.
    let some = "UPDATE auth_user SET status = 'suspended', role = 'editor' WHERE id LIKE 'user-%777'";
    db.execute_unprepared(some).await.expect("updates");
    db.execute_unprepared(match kind {
        Kind::MySql => "ANALYZE TABLE auth_user",
        _ => "ANALYZE",
    })
    .await
    .expect("analyses");

    let all = UserFilter::default;
    let begins = |text: &str| UserFilter { email: Some(EmailPrefix::new(text).expect("a prefix")), ..all() };
    let page = |filter| UserPage { filter, after: None, skip: 0, limit: 100 };
    let mut is_good = true;
    for (name, page) in [
        ("first page", page(all())),
        ("last page by number", UserPage { skip: 9_900, ..page(all()) }),
        ("deep page by `after`", UserPage { after: UserId::new("user-500000").ok(), ..page(all()) }),
        ("search that finds all", page(begins("user-"))),
        ("search that finds some", page(begins("user-99999"))),
        ("search that finds nobody", page(begins("zoe"))),
        ("the rest of a search", UserPage { after: UserId::new("user-500000").ok(), ..page(begins("user-")) }),
        ("status of most", page(UserFilter { status: Some(UserStatus::Active), ..all() })),
        ("status of some", page(UserFilter { status: Some(UserStatus::Suspended), ..all() })),
        ("status of nobody", page(UserFilter { status: Some(UserStatus::Invited), ..all() })),
        ("role of some", page(UserFilter { role: Role::new("editor").ok(), ..all() })),
        ("admins", page(UserFilter { admin_access: Some(true), ..all() })),
        (
            "role, status and search",
            page(UserFilter { role: Role::new("editor").ok(), status: Some(UserStatus::Active), ..begins("user-") }),
        ),
    ] {
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..samples {
            let begun = Instant::now();
            rows = store.users(&page).await.expect("users").len();
            store.count_users(&page.filter, REACH).await.expect("count_users");
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        is_good &= median <= LIMIT;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!("| {} | {name} | {rows} | {:.2} | {:.2} |", kind.name(), ms(median), ms(worst));
    }
    Some(is_good)
}

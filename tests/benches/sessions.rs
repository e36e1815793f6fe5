//! What a refresh costs when there are a million sessions, beside what it costs when there are ten thousand: on each
//! database, through the whole service, both tables by turns in one run. `cargo bench -p auth-tests --bench sessions`
//! prints the ratios, and fails when the median grows by more than half.
//!
//! `SESSIONS`, `SAMPLES`: how many of each. `PostgreSQL` does not wait for its disk here, which would hide the
//! difference: that wait is as long for both.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use auth_core::{Auth, AuthConfig, ClientInfo, Grant, RefreshToken};
use auth_testkit::ManualClock;
use auth_tests::bulk::Crowd;
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectionTrait as _;

const SMALL: u32 = 10_000;
const LIMIT: f64 = 1.5;

fn main() -> ExitCode {
    let large = setting("SESSIONS", 1_000_000);
    let samples = setting("SAMPLES", 4_000) as usize;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("\n| database | sessions | median, us | p99, us | median ratio | p99 ratio |\n|---|---|---|---|---|---|");
    let mut is_good = true;
    for kind in Kind::SHARED {
        let ratio = runtime.block_on(compare(kind, large, samples));
        is_good &= ratio.is_none_or(|ratio| ratio <= LIMIT);
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect(name))
}

/// The ratio of the medians.
async fn compare(kind: Kind, large: u32, samples: usize) -> Option<f64> {
    let mut small = Table::filled(kind, SMALL).await?;
    let mut large = Table::filled(kind, large).await?;
    for table in [&mut small, &mut large] {
        table.sample(samples / 10).await;
        table.times.clear();
    }
    // By turns, in pieces too small for anything else on the machine to hit one of them alone.
    for _ in 0..samples / 20 {
        small.sample(20).await;
        large.sample(20).await;
    }
    for table in [&mut small, &mut large] {
        table.times.sort();
    }
    let micros =
        |table: &Table, share: f64| table.times[((table.times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    let ratio = |share| micros(&large, share) / micros(&small, share);
    for table in [&small, &large] {
        let (median, p99) = (micros(table, 0.5), micros(table, 0.99));
        let ratios = if std::ptr::eq(table, &raw const small) {
            "1 | 1".to_owned()
        } else {
            format!("{:.2} | {:.2}", ratio(0.5), ratio(0.99))
        };
        println!("| {} | {} | {median:.0} | {p99:.0} | {ratios} |", kind.name(), table.sessions);
    }
    Some(ratio(0.5))
}

struct Table {
    auth: Auth,
    clock: ManualClock,
    crowd: Crowd,
    sessions: u32,
    /// Those that were refreshed before.
    tokens: HashMap<u32, RefreshToken>,
    random: u64,
    times: Vec<Duration>,
    _database: Database,
}

impl Table {
    async fn filled(kind: Kind, sessions: u32) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let db = database.connection().await;
        if kind == Kind::Postgres {
            let no_wait = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit TO off', \
                           current_database()); END $$";
            db.execute_unprepared(no_wait).await.expect("alter database");
        }
        let clock = ManualClock::stopped();
        let config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        let auth = Auth::builder(database.store().await).config(config).clock(clock.clone()).build();
        let auth = auth.expect("a configuration");
        let started = Instant::now();
        let crowd = Crowd::store(&auth, &db, sessions).await;
        for table in ["auth_session", "auth_user", "auth_user_state"] {
            let settle = match kind {
                Kind::Postgres => format!("VACUUM (ANALYZE) {table}"),
                Kind::MySql => format!("ANALYZE TABLE {table}"),
                Kind::Sqlite | Kind::SqliteMemory => format!("ANALYZE {table}"),
            };
            db.execute_unprepared(&settle).await.expect("settles");
        }
        eprintln!("{}: {sessions} sessions stored in {:.0} s", kind.name(), started.elapsed().as_secs_f64());
        let (tokens, times) = (HashMap::new(), Vec::new());
        Some(Self { auth, clock, crowd, sessions, tokens, random: 1, times, _database: database })
    }

    /// Refreshes sessions from all over the table. Every one rotates: the grace of the last is over each time.
    async fn sample(&mut self, count: usize) {
        for _ in 0..count {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let n = (((self.random >> 32) * u64::from(self.sessions)) >> 32) as u32;
            let token = self.tokens.remove(&n).unwrap_or_else(|| self.crowd.token(n));
            self.clock.advance(Duration::from_secs(10));
            let started = Instant::now();
            let tokens = self.auth.refresh(&token, &ClientInfo::default()).await.expect("refreshes");
            self.times.push(started.elapsed());
            let Grant::Pair { refresh, .. } = tokens.grant else { panic!("a pair") };
            assert_ne!(refresh.expose_secret(), token.expose_secret(), "not rotated");
            self.tokens.insert(n, refresh);
        }
    }
}

//! Refreshes a second, each with statements of its own and with statements that callers share: through the whole
//! service, on each database, by turns in one run. `cargo bench -p auth-tests --bench group_commit` prints the medians and
//! the ratio with its quartiles, and fails when sharing costs a lone caller more than a twentieth, or gives 64 callers of
//! PostgreSQL less than three times as much.
//!
//! `ROUNDS`: how many windows of half a second each.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::{Auth, AuthConfig, ClientInfo, Grant, RefreshToken};
use auth_sea_orm::GroupCommit;
use auth_testkit::ManualClock;
use auth_tests::bulk::Crowd;
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectionTrait as _;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const CALLERS: [u32; 3] = [1, 8, 64];
/// Each caller has so many sessions, in turn.
const SESSIONS: u32 = 150;
const WINDOW: Duration = Duration::from_millis(500);
const LEAST_ALONE: f64 = 0.95;
const LEAST_OF_MANY: f64 = 3.0;

fn main() -> ExitCode {
    let rounds = std::env::var("ROUNDS").map_or(15, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("\n| database | callers | alone, 1/s | shared, 1/s | ratio | quartiles |\n|---|---|---|---|---|---|");
    let mut is_good = true;
    for kind in Kind::SHARED {
        is_good &= runtime.block_on(compare(kind, rounds));
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn compare(kind: Kind, rounds: usize) -> bool {
    let Some(database) = Database::fresh(kind).await else { return true };
    let world = World::filled(&database).await;
    let mut is_good = true;
    for callers in CALLERS {
        let mut rates = [const { Vec::new() }; 2];
        for round in 0..=rounds {
            // Who goes first changes each time; the first round only warms up.
            for way in [round % 2, (round + 1) % 2] {
                let rate = world.refreshes_a_second(way, callers).await;
                if round > 0 {
                    rates[way].push(rate);
                }
            }
        }
        let ratios: Vec<f64> = rates[1].iter().zip(&rates[0]).map(|(shared, alone)| shared / alone).collect();
        let [alone, shared] = rates.map(|rates| quartiles(rates)[1]);
        let [low, ratio, high] = quartiles(ratios);
        println!("| {} | {callers} | {alone:.0} | {shared:.0} | {ratio:.2} | {low:.2}-{high:.2} |", kind.name());
        is_good &= match (callers, kind) {
            (1, _) => ratio >= LEAST_ALONE,
            (64, Kind::Postgres) => ratio >= LEAST_OF_MANY,
            _ => true,
        };
    }
    is_good
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| values[((values.len() - 1) as f64 * share) as usize])
}

struct World {
    /// Without and with.
    ways: [Auth; 2],
    /// What each caller holds.
    tokens: Vec<Arc<Mutex<Vec<RefreshToken>>>>,
}

impl World {
    async fn filled(database: &Database) -> Self {
        let store = database.store().await;
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        // Every refresh rotates.
        config.refresh_grace = Duration::ZERO;
        let ways = [GroupCommit::Off, GroupCommit::On].map(|group_commit| {
            let builder = Auth::builder(store.clone().with_group_commit(group_commit)).config(config.clone());
            builder.clock(ManualClock::stopped()).build().expect("a configuration")
        });
        let db = database.connection().await;
        let most = CALLERS.into_iter().max().unwrap_or_default();
        let crowd = Crowd::store(&ways[0], &db, most * SESSIONS).await;
        for table in ["auth_session", "auth_user", "auth_user_state"] {
            let table = if db.get_database_backend() == sea_orm::DbBackend::MySql {
                format!("TABLE {table}")
            } else {
                table.to_owned()
            };
            db.execute_unprepared(&format!("ANALYZE {table}")).await.expect("settles");
        }
        let held = |caller| (caller * SESSIONS..(caller + 1) * SESSIONS).map(|n| crowd.token(n)).collect();
        let tokens = (0..most).map(|caller| Arc::new(Mutex::new(held(caller)))).collect();
        Self { ways, tokens }
    }

    async fn refreshes_a_second(&self, way: usize, callers: u32) -> f64 {
        let (mut tasks, started) = (JoinSet::new(), Instant::now());
        for tokens in self.tokens.iter().take(callers as usize) {
            let (auth, tokens) = (self.ways[way].clone(), tokens.clone());
            tasks.spawn(async move {
                let (mut tokens, mut done) = (tokens.lock().await, 0);
                for n in (0..tokens.len()).cycle() {
                    if started.elapsed() >= WINDOW {
                        break;
                    }
                    let refreshed = auth.refresh(&tokens[n], &ClientInfo::default()).await.expect("refreshes");
                    let Grant::Pair { refresh, .. } = refreshed.grant else { panic!("a pair") };
                    assert_ne!(refresh.expose_secret(), tokens[n].expose_secret(), "not rotated");
                    tokens[n] = refresh;
                    done += 1;
                }
                f64::from(done)
            });
        }
        let done: f64 = tasks.join_all().await.into_iter().sum();
        done / started.elapsed().as_secs_f64()
    }
}

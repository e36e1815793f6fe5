//! What a login costs beside its Argon2 hash alone, and how long everybody else waits while 64 people sign in at once:
//! on each framework, over real sockets, the server in a process of its own. `cargo bench -p auth-tests --bench login`.
//! Linux only: `/proc`.
//!
//! `ROUNDS`: logins and hashes in turn (300). `SECONDS`: of load (10).
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use auth_core::AuthConfig;
use auth_tests::connection::Connection;
use auth_tests::load::{EMAIL, LoadServer, PASSWORD, Throttle, login_body};
use auth_tests::servers::Framework;

const SERVER: &str = env!("CARGO_BIN_EXE_load-server");
const PARALLEL: usize = 64;
const MIB: u64 = 1 << 20;

fn main() {
    let rounds = setting("ROUNDS", 300);
    let load = Duration::from_secs(setting("SECONDS", 10));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("\n| framework | login over its hash, medians | quartiles |\n|---|---|---|");
    for framework in Framework::ALL {
        let mut ratios = runtime.block_on(beside_hash(framework, rounds));
        ratios.sort_by(f64::total_cmp);
        let [low, middle, high] = [1, 2, 3].map(|quarter| ratios[ratios.len() * quarter / 4]);
        println!("| {} | {middle:.3} | {low:.3} to {high:.3} |", framework.name());
    }
    println!(
        "\n| framework | another route alone, p50 and p99, ms | beside {PARALLEL} logins | logins/s | MiB over the pool's |"
    );
    println!("|---|---|---|---|---|");
    for framework in Framework::ALL {
        runtime.block_on(beside_load(framework, load));
    }
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().map_or(default, |text| text.parse().ok().unwrap_or_else(|| panic!("{name}={text}")))
}

/// The time of a login over that of the hash right after it, for each round.
async fn beside_hash(framework: Framework, rounds: usize) -> Vec<f64> {
    let server = LoadServer::start(SERVER, framework, Throttle::Off);
    let mut connection = Connection::open(server.addr).await;
    let cost = AuthConfig::new("").hash;
    let params = Params::new(cost.memory_kib(), cost.passes(), cost.lanes(), Some(32)).expect("good parameters");
    let mut blocks = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let body = login_body(EMAIL, PASSWORD);
    let mut ratios = Vec::with_capacity(rounds);
    for round in 0..rounds + 10 {
        let started = Instant::now();
        let status = connection.post("/auth/login", &body).await.status;
        let login = started.elapsed();
        assert_eq!(status, 200);
        let started = Instant::now();
        let mut hash = [0; 32];
        argon2
            .hash_password_into_with_memory(PASSWORD.as_bytes(), b"a salt of 16 bytes", &mut hash, &mut blocks)
            .expect("hashes");
        // The first few touch their memory for the first time.
        if round >= 10 {
            ratios.push(login.as_secs_f64() / started.elapsed().as_secs_f64());
        }
    }
    ratios
}

async fn beside_load(framework: Framework, time: Duration) {
    let server = LoadServer::start(SERVER, framework, Throttle::Off);
    let base = server.resident();
    let mut other = Connection::open(server.addr).await;
    let alone = latencies(&mut other, time / 4).await;

    let done = Arc::new(AtomicU64::new(0));
    let logins: Vec<_> = (0..PARALLEL)
        .map(|_| {
            let (addr, done) = (server.addr, done.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(addr).await;
                let body = login_body(EMAIL, PASSWORD);
                loop {
                    let answer = connection.post("/auth/login", &body).await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (before, started) = (done.load(Ordering::Relaxed), Instant::now());
    let beside = latencies(&mut other, time).await;
    let logged_in = done.load(Ordering::Relaxed) - before;
    let rate = Duration::from_secs(1).as_secs_f64() * f64::from(u32::try_from(logged_in).expect("few"))
        / started.elapsed().as_secs_f64();
    for login in logins {
        login.abort();
        assert!(login.await.is_err_and(|error| error.is_cancelled()), "a login failed");
    }
    let config = AuthConfig::new("");
    let pool = u64::try_from(config.hash_threads).expect("few") * u64::from(config.hash.memory_kib()) * 1024;
    let over = server.peak().saturating_sub(base + pool) / MIB;
    println!("| {} | {} | {} | {rate:.0} | {over} |", framework.name(), percentiles(alone), percentiles(beside));
}

/// How long the answers of a cheap route take, one a millisecond at most.
async fn latencies(connection: &mut Connection, time: Duration) -> Vec<Duration> {
    let until = Instant::now() + time;
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        let status = connection.get("/auth").await.status;
        latencies.push(started.elapsed());
        assert_eq!(status, 200);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    latencies
}

fn percentiles(mut latencies: Vec<Duration>) -> String {
    latencies.sort();
    let [middle, late] = [50, 99].map(|percent| latencies[latencies.len() * percent / 100].as_secs_f64() * 1e3);
    format!("{middle:.2}, {late:.2}")
}

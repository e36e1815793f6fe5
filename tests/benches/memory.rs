//! The memory of a server is flat: a million refreshes over real sockets, on each framework over memory, and a part of
//! that over SQLite. The resident set is read after a tenth, a half and all of them; `cargo bench -p auth-tests --bench
//! memory` prints it, and fails when it grew by more than [`BOUND`] after the first tenth. Linux only: `/proc`.
//!
//! `REFRESHES`: how many. The clients are in the same process, and hold one connection and one token each.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use auth_core::store::memory::MemoryStore;
use auth_core::store::{SessionMode, Store};
use auth_core::{Auth, AuthConfig, ClientInfo, Email, Grant, NewUser, Password};
use auth_tests::connection::Connection;
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;
use tokio::runtime::Runtime;

/// Five bytes for each of the 900,000 refreshes after the first tenth would be more than this.
const BOUND: u64 = 4 << 20;
const CLIENTS: u64 = 8;

fn main() -> ExitCode {
    let refreshes = std::env::var("REFRESHES").map_or(1_000_000, |text| text.parse().expect("REFRESHES"));
    println!("\n| server | refreshes | seconds | 10 %, KiB | 50 % | 100 % | growth |\n|---|---|---|---|---|---|---|");
    let mut is_good = true;
    for framework in Framework::ALL {
        let name = format!("{} over memory", framework.name());
        is_good &= soak(&name, framework, refreshes, async || (MemoryStore::new(), None));
    }
    let sqlite = async || {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        (database.store().await, Some(database))
    };
    is_good &= soak("axum over sqlite", Framework::Axum, refreshes / 20, sqlite);
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the memory stays within the bound.
fn soak<S: Store>(
    name: &str,
    framework: Framework,
    refreshes: u64,
    store: impl AsyncFnOnce() -> (S, Option<Database>),
) -> bool {
    // A runtime of its own, so that nothing of one server is counted for the next.
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (store, _database) = store().await;
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        // Every refresh rotates.
        config.refresh_grace = Duration::ZERO;
        let auth = Auth::builder(store).config(config).build().expect("a configuration");
        let server = framework.serve(&auth, "").await;
        let email = Email::parse("ada@example.com").expect("an address");
        let user = auth.create_user(NewUser::new(email, Password::new("correct horse"))).await.expect("a user");
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let tokens = auth.open_session(&user, SessionMode::Json, &ClientInfo::default()).await;
            let Grant::Pair { refresh, .. } = tokens.expect("a session").grant else { panic!("a pair") };
            let token = refresh.expose_secret().to_owned();
            clients.push(Client { connection: Connection::open(server.addr).await, token });
        }
        let started = Instant::now();
        let mut resident = Vec::new();
        for share in [10, 40, 50] {
            let each = refreshes * share / 100 / CLIENTS;
            let work = clients.drain(..).map(|client| tokio::spawn(client.refresh(each)));
            let mut done = Vec::new();
            for client in work.collect::<Vec<_>>() {
                done.push(client.await.expect("refreshes"));
            }
            clients = done;
            resident.push(resident_bytes());
        }
        let growth = resident[1..].iter().max().expect("two").saturating_sub(resident[0]);
        let [first, half, all] = [resident[0], resident[1], resident[2]].map(|bytes| bytes / 1024);
        let (seconds, growth_kib) = (started.elapsed().as_secs_f64(), growth / 1024);
        println!("| {name} | {refreshes} | {seconds:.0} | {first} | {half} | {all} | {growth_kib} |");
        growth <= BOUND
    })
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = statm.split(' ').nth(1).expect("a second field").parse().expect("a number");
    pages * 4096
}

/// The token of one session, and the connection it is refreshed over.
struct Client {
    connection: Connection,
    token: String,
}

impl Client {
    async fn refresh(mut self, times: u64) -> Self {
        for _ in 0..times {
            let body = format!(r#"{{"refresh_token":"{}"}}"#, self.token);
            let answer = self.connection.post("/auth/refresh", &body).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let (_, token) = answer.body.split_once(r#""refresh_token":""#).expect("a token");
            self.token = token.split('"').next().expect("a token").to_owned();
        }
        self
    }
}

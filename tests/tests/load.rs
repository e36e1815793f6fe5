//! A thousand people at the door at once (requirement G9). How long others wait meanwhile is measured by
//! `benches/login.rs`.
#![allow(clippy::expect_used, clippy::panic, reason = "test code: a failed expectation is its result")]

use std::collections::BTreeMap;

use auth_core::AuthConfig;
use auth_tests::connection::Connection;
use auth_tests::load::{EMAIL, LoadServer, PASSWORD, Throttle, login_body};
use auth_tests::servers::Framework;
use tokio::sync::Barrier;

const LOGINS: usize = 1000;
const MIB: u64 = 1 << 20;

/// Logins of known and unknown people with right and wrong passwords: `LOGINS` answers by status, all asked at once.
async fn crowd(server: &LoadServer) -> BTreeMap<u16, usize> {
    let ready = std::sync::Arc::new(Barrier::new(LOGINS));
    let logins: Vec<_> = (0..LOGINS)
        .map(|at| {
            let (addr, ready) = (server.addr, ready.clone());
            let body = match at % 4 {
                0 | 1 => login_body(EMAIL, PASSWORD),
                2 => login_body(EMAIL, "wrong"),
                _ => login_body(&format!("nobody-{at}@example.com"), PASSWORD),
            };
            tokio::spawn(async move {
                // A server closes connections on which nobody says anything: they come with what they say.
                ready.wait().await;
                Connection::open(addr).await.post("/auth/login", &body).await.status
            })
        })
        .collect();
    let mut statuses = BTreeMap::new();
    for login in logins {
        *statuses.entry(login.await.expect("an answer")).or_insert(0) += 1;
    }
    statuses
}

async fn g9(framework: Framework, throttle: Throttle) {
    let server = LoadServer::start(env!("CARGO_BIN_EXE_load-server"), framework, throttle);
    let before = server.resident();
    let statuses = crowd(&server).await;
    let grown = server.peak().saturating_sub(before);
    println!("{}, throttle {throttle:?}: {statuses:?}, {} MiB more at the peak", framework.name(), grown / MIB);

    // 401 is for those with a wrong password or none.
    let expected: &[u16] = if throttle == Throttle::On { &[200, 401, 429, 503] } else { &[200, 401, 503] };
    assert!(statuses.keys().all(|status| expected.contains(status)), "{statuses:?}");
    assert!(statuses.contains_key(&200), "nobody got in: {statuses:?}");
    let refused = if throttle == Throttle::On { 429 } else { 503 };
    assert!(statuses.contains_key(&refused), "the door was never crowded: {statuses:?}");
    let config = AuthConfig::new("");
    let blocks = u64::try_from(config.hash_threads).expect("a few") * u64::from(config.hash.memory_kib()) * 1024;
    assert!(grown <= blocks + 32 * MIB, "{grown} bytes more, and {blocks} for the hashes");

    let after = Connection::open(server.addr).await.get("/auth").await.status;
    assert_eq!(after, 200, "it goes on");
}

#[tokio::test]
async fn g9_a_thousand_logins_at_once_keep_to_the_memory_of_the_pool() {
    for framework in Framework::ALL {
        g9(framework, Throttle::Off).await;
    }
}

#[tokio::test]
async fn g9_a_thousand_logins_at_once_behind_the_throttle() {
    for framework in Framework::ALL {
        g9(framework, Throttle::On).await;
    }
}

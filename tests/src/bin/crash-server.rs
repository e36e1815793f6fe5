//! A server to be killed: `crash-server <axum|actix-web> <port> <now, ms since 1970> <database url>`.
//!
//! Its clock stands still, and the test moves it. It obeys lines on its standard input, and ends with it:
//!
//! | line | what happens | what it says |
//! |---|---|---|
//! | `advance <ms>` | the clock moves | `done` |
//! | `hang <open\|rotate\|revoke> <before\|after>` | these operations never answer, and do their work or not | `done` |
//!
//! It says `listening` once it does, and `hung` when an operation hangs: from then on a `kill -9` falls between the
//! commit and the reply, or between the request and the commit.
#![allow(clippy::expect_used, clippy::panic, reason = "test code: a failed expectation is its result")]

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use auth_core::{Auth, Timestamp};
use auth_sea_orm::SeaOrmStore;
use auth_testkit::contract::Variant;
use auth_testkit::{Fault, FaultyStore, Gate, ManualClock, Moment, Operation};
use auth_tests::servers::Framework;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [framework, port, now, url] = arguments.as_slice() else { panic!("four arguments: {arguments:?}") };
    let framework = Framework::ALL.into_iter().find(|known| known.name() == framework).expect("a framework");
    let clock = ManualClock::at(Timestamp::from_millis(now.parse().expect("a time")));
    let port = port.parse().expect("a port");

    // Its worker threads serve; this one obeys.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let store = FaultyStore::new(runtime.block_on(SeaOrmStore::connect(url)).expect("the database"));
    let auth = Auth::builder(store.clone()).config(Variant::Default.config()).clock(clock.clone()).build();
    let _server = runtime.block_on(framework.serve_at(&auth.expect("a configuration"), "", port));
    say("listening");

    // Nobody ever opens it.
    let gate = Gate::new();
    let reached = gate.clone();
    runtime.spawn(async move {
        loop {
            reached.reached().await;
            say("hung");
        }
    });
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["advance", ms] => clock.advance(Duration::from_millis(ms.parse().expect("a number"))),
            ["hang", operation, moment] => {
                let moment = if *moment == "before" { Moment::BeforeWork } else { Moment::AfterWork };
                store.fail(named(operation), Fault::waiting(moment, gate.clone()));
            }
            other => panic!("unknown: {other:?}"),
        }
        say("done");
    }
}

fn named(operation: &str) -> Operation {
    match operation {
        "open" => Operation::Open,
        "rotate" => Operation::Rotate,
        "revoke" => Operation::Revoke,
        other => panic!("unknown: {other}"),
    }
}

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("the test reads");
}

//! The real `Auth` over every store, driven by long random scripts beside a small reference that knows no hashes.
//!
//! The exhaustive model in `auth-core/src/session/model` visits every interleaving of a few requests; these scripts go
//! far instead: all modes, several users and sessions, every change of a user, a store that fails before or after its
//! work. `PROPTEST_CASES` (256 unless set) is the number of scripts in memory; SQL stores get a share of it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod act;
mod damage;
mod dump;
mod promises;
mod race;
mod reference;
mod script;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use auth_core::EventKind;
use auth_core::store::Store;
use auth_core::store::memory::MemoryStore;
use auth_tests::databases::{Database, Kind};
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use script::Script;
use tokio::runtime::Runtime;
use world::{Secrets, run};

/// Scripts that failed once are kept beside this file and tried first.
const REGRESSIONS: &str = "tests/machine/regressions.txt";

/// Runs `check` on scripts: `cases` of them when `PROPTEST_CASES` has its default of 256, else in proportion.
fn scripts(cases: u32, mut check: impl FnMut(&Script, u64)) {
    // Each run of a script has users of its own, so that a database may serve all of them.
    static SEED: AtomicU64 = AtomicU64::new(0);
    let config = Config::default();
    let config = Config {
        cases: (config.cases * cases / 256).max(1),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(REGRESSIONS))),
        max_shrink_iters: 4_000,
        ..config
    };
    let check = std::cell::RefCell::new(&mut check);
    let outcome = TestRunner::new(config).run(&script::scripts(), |script| {
        (check.borrow_mut())(&script, SEED.fetch_add(1, Ordering::Relaxed));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

#[test]
fn i2_to_i9_hold_for_every_script_in_memory() {
    let runtime = runtime();
    let mut seen = BTreeMap::new();
    scripts(256, |script, seed| {
        let store = MemoryStore::new();
        let told = runtime.block_on(run(store.clone(), seed, script));
        told.secrets.are_not_in_text(&format!("{store:?}"));
        for (kind, count) in told.events {
            *seen.entry(kind.name()).or_insert(0_u32) += count;
        }
    });
    println!("{seen:?}");
    // What never happens proves nothing.
    for kind in [EventKind::SessionRotated, EventKind::SessionReplayed, EventKind::ReuseDetected] {
        assert!(seen.contains_key(kind.name()), "{kind:?} never happened");
    }
}

/// The same script has the same answers, down to the tokens, and leaves the same rows.
fn agrees_with_memory(runtime: &Runtime, cases: u32, store: &(impl Store + Clone)) -> Secrets {
    let mut secrets = Secrets::default();
    scripts(cases, |script, seed| {
        let expected = runtime.block_on(run(MemoryStore::new(), seed, script));
        let told = runtime.block_on(run(store.clone(), seed, script));
        for (at, (told, expected)) in told.steps.iter().zip(&expected.steps).enumerate() {
            assert_eq!(told, expected, "step {at}: {:?}", script.steps[at]);
        }
        assert_eq!(told.rows, expected.rows);
        secrets.extend(told.secrets);
    });
    secrets
}

fn i10(kind: Kind, cases: u32) {
    let runtime = runtime();
    let Some(database) = runtime.block_on(Database::fresh(kind)) else { return };
    let store = runtime.block_on(database.store());
    let secrets = agrees_with_memory(&runtime, cases, &store);
    if let Some(file) = database.file() {
        secrets.are_not_in_file(&file);
    }
}

#[test]
fn i10_sqlite_in_a_file_answers_as_memory_and_i8_the_file_holds_no_secret() {
    i10(Kind::Sqlite, 48);
}

#[test]
fn i10_sqlite_in_memory_answers_as_memory() {
    i10(Kind::SqliteMemory, 48);
}

#[test]
fn i10_postgres_answers_as_memory() {
    i10(Kind::Postgres, 16);
}

#[test]
fn i10_mysql_answers_as_memory() {
    i10(Kind::MySql, 16);
}

//! What is asked of SQLite alone.

use std::sync::Arc;

use auth_core::store::{
    Epoch, FactorStore as _, NewSession, Opened, RevokeReason, Rotation, SessionMode, SessionStore as _, Swap,
};
use auth_core::{ClientInfo, SessionId, Timestamp, UserId};
use auth_sea_orm::SeaOrmStore;
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectionTrait as _;
use sea_orm::{DbBackend, Statement};

fn session(writer: u8, n: u8) -> NewSession {
    let mut id = [writer; 16];
    id[0] = n;
    NewSession {
        id: SessionId::from_bytes(id),
        user: UserId::new(&format!("user-{writer}")).expect("an id"),
        epoch: Epoch(0),
        aal: 1,
        family_hash: [writer; 32],
        current_hash: [n; 32],
        mode: SessionMode::Json,
        created_at: Timestamp::from_secs(1_800_000_000),
        idle_expires_at: Timestamp::from_secs(1_800_001_000),
        absolute_expires_at: Timestamp::from_secs(1_800_002_000),
        client: ClientInfo::default(),
    }
}

fn rotation_of(session: &NewSession) -> Rotation {
    Rotation {
        id: session.id,
        expected: session.current_hash,
        successor: [200; 32],
        salt: [1; 16],
        key_id: 0,
        now: session.created_at,
        idle_expires_at: session.idle_expires_at,
    }
}

async fn log_in_and_refresh(store: &SeaOrmStore, writer: u8, n: u8) {
    let new = session(writer, n);
    assert_eq!(store.open(&new).await.expect("open"), Opened::Stored);
    assert_eq!(store.rotate(&rotation_of(&new)).await.expect("rotate"), Swap::Won);
    assert!(store.load(new.id).await.expect("load").is_some());
    assert_eq!(store.revoke(new.id, RevokeReason::Logout, new.created_at).await.expect("revoke"), Swap::Won);
}

/// 50 writers, over five pools as five processes would have: none of them is ever told that the database is locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_50_writers_on_one_file_see_no_error() {
    let database = Database::fresh(Kind::Sqlite).await.expect("a file");
    let mut stores = vec![database.store().await];
    for _ in 1..5 {
        stores.push(SeaOrmStore::connect(database.url()).await.expect("connect"));
    }
    let stores = Arc::new(stores);
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..50_u8 {
        let stores = stores.clone();
        tasks.spawn(async move {
            let store = &stores[usize::from(writer) % stores.len()];
            for n in 0..10 {
                log_in_and_refresh(store, writer, n).await;
            }
        });
    }
    tasks.join_all().await;
    for writer in 0..50 {
        assert_eq!(stores[0].epoch(&session(writer, 0).user).await.expect("epoch"), Epoch(0));
    }
}

#[tokio::test]
async fn f3_files_are_in_wal_mode() {
    let database = Database::fresh(Kind::Sqlite).await.expect("a file");
    let _store = database.store().await;
    let db = database.connection().await;
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA journal_mode")).await;
    let mode: String = row.expect("a row").expect("a mode").try_get_by(0).expect("text");
    assert_eq!(mode, "wal");
}

/// The dump of a database in use, its log included: hashes are there, and of what was hashed nothing.
#[tokio::test]
async fn r6_the_file_holds_hashes_and_no_secret() {
    let database = Database::fresh(Kind::Sqlite).await.expect("a file");
    let store = database.store().await;
    let secrets =
        [b"the secret of this whole family.", b"the very first secret, 32 bytes.", b"the second one, also of 32 byte."];
    let [family_hash, first, second] = secrets.map(|secret| sha256(secret));
    let new = NewSession { family_hash, current_hash: first, ..session(1, 1) };
    assert_eq!(store.open(&new).await.expect("open"), Opened::Stored);
    let rotation = Rotation { expected: first, successor: second, ..rotation_of(&new) };
    assert_eq!(store.rotate(&rotation).await.expect("rotate"), Swap::Won);

    let file = database.file().expect("a file");
    let mut dump = std::fs::read(&file).expect("the file");
    dump.extend(std::fs::read(file.with_extension("db-wal")).expect("the log"));
    let holds = |bytes: &[u8]| dump.windows(bytes.len()).any(|window| window == bytes);
    for hash in [family_hash, first, second] {
        assert!(holds(&hash), "the dump is of the right database");
    }
    for secret in secrets {
        assert!(secret.chunks(8).all(|part| !holds(part)));
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

#[tokio::test]
async fn the_largest_generation_is_read_and_written() {
    let database = Database::fresh(Kind::Sqlite).await.expect("a file");
    let store = database.store().await;
    let new = session(1, 1);
    assert_eq!(store.open(&new).await.expect("open"), Opened::Stored);
    let db = database.connection().await;
    let almost = i64::MAX - 1;
    db.execute_unprepared(&format!("UPDATE auth_session SET generation = {almost}")).await.expect("update");
    assert_eq!(store.rotate(&rotation_of(&new)).await.expect("rotate"), Swap::Won);
    let loaded = store.load(new.id).await.expect("load").expect("a session");
    assert_eq!(loaded.session.generation, i64::MAX.unsigned_abs());
}

/// Every node asks for revocations each second: two indexes, no scan.
#[tokio::test]
async fn r8_revocations_are_found_by_index() {
    let database = Database::fresh(Kind::Sqlite).await.expect("always there");
    let _store = database.store().await;
    let db = database.connection().await;
    for (table, column, index) in [
        ("auth_session", "revoked_at", "auth_session_revoked"),
        ("auth_user_state", "all_ended_at", "auth_user_state_ended"),
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} >= 1");
        let plan = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.expect("a plan");
        let plan: String = plan.expect("a row").try_get("", "detail").expect("text");
        assert!(plan.contains(&format!("USING INDEX {index} ")), "{plan}");
    }
}

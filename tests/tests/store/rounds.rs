//! What callers share, counted where sea-orm sends it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::store::{
    Attempt, BucketKey, Epoch, Forgetting, Limit, NewSession, Opened, Reserved, Rotation, SessionMode,
    SessionStore as _, Swap, ThrottleStore as _,
};
use auth_core::{ClientInfo, SessionId, Timestamp, UserId};
use auth_sea_orm::{GroupCommit, SeaOrmStore};
use auth_testkit::store::Property;
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectOptions;
use tokio::task::JoinSet;

const CALLERS: u8 = 64;
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A store, and the SQL that it sends.
async fn logged(database: &Database, group_commit: GroupCommit) -> (SeaOrmStore, Arc<Mutex<Vec<String>>>) {
    database.store().await;
    let mut options = ConnectOptions::new(database.url());
    options.sqlx_logging(false).max_connections(if database.file().is_some() { 1 } else { 10 });
    let mut db = sea_orm::Database::connect(options).await.expect("connects");
    let statements = Arc::new(Mutex::new(Vec::new()));
    let log = statements.clone();
    db.set_metric_callback(move |info| log.lock().expect("whole").push(info.statement.sql.clone()));
    (SeaOrmStore::new(db).with_group_commit(group_commit), statements)
}

fn new_session(n: u8) -> NewSession {
    NewSession {
        id: SessionId::from_bytes([n; 16]),
        user: UserId::new(&format!("user-{n}")).expect("an id"),
        epoch: Epoch(0),
        aal: 1,
        family_hash: [n; 32],
        current_hash: [n; 32],
        mode: SessionMode::Json,
        created_at: NOW,
        idle_expires_at: NOW.after(Duration::from_secs(600)),
        absolute_expires_at: NOW.after(Duration::from_secs(6000)),
        client: ClientInfo::default(),
    }
}

/// What a refresh asks of the store.
async fn refresh(store: &SeaOrmStore, n: u8) {
    let session = store.load(SessionId::from_bytes([n; 16])).await.expect("loads").expect("a session").session;
    let mut successor = session.current_hash;
    successor[0] = successor[0].wrapping_add(1);
    let rotation = Rotation {
        id: session.id,
        expected: session.current_hash,
        successor,
        salt: [n.wrapping_add(1); 16],
        key_id: 7,
        now: NOW.after(Duration::from_secs(5)),
        idle_expires_at: NOW.after(Duration::from_secs(605)),
    };
    assert_eq!(store.rotate(&rotation).await.expect("rotates"), Swap::Won);
}

/// Everybody at once.
async fn all<F>(store: &SeaOrmStore, ask: impl Fn(SeaOrmStore, u8) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for n in 0..CALLERS {
        tasks.spawn(ask(store.clone(), n));
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_refresh_is_two_statements_and_those_of_many_are_shared() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let (store, statements) = logged(&database, GroupCommit::On).await;
        let sent = || std::mem::take(&mut *statements.lock().expect("whole"));
        all(&store, |store, n| async move {
            assert_eq!(store.open(&new_session(n)).await.expect("opens"), Opened::Stored);
        })
        .await;
        sent();
        refresh(&store, 1).await;
        let lone = sent();
        assert_eq!(lone.len(), 2, "{kind:?}: {lone:#?}");
        assert!(lone[0].starts_with("SELECT") && lone[1].starts_with("UPDATE"), "{kind:?}: {lone:#?}");

        all(&store, |store, n| async move { refresh(&store, n).await }).await;
        let shared = sent();
        assert!(shared.len() < usize::from(CALLERS), "{kind:?}: {} statements", shared.len());
        for n in 0..CALLERS {
            let session = store.load(SessionId::from_bytes([n; 16])).await.expect("loads").expect("a session").session;
            let mut current = [n; 32];
            current[0] = n + if n == 1 { 2 } else { 1 };
            let expected = (current, [n + 1; 16], 7, Some(NOW.after(Duration::from_secs(5))));
            let stored = (session.current_hash, session.salt, session.key_id, session.rotated_at);
            assert_eq!(stored, expected, "{kind:?}: session {n}");
            assert_eq!(session.idle_expires_at, NOW.after(Duration::from_secs(605)), "{kind:?}: session {n}");
            assert_eq!(session.generation, if n == 1 { 2 } else { 1 }, "{kind:?}: session {n}");
        }
    }
}

/// MySQL and MariaDB store each session by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_sessions_of_many_users_are_shared() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(database) = Database::fresh(kind).await else { continue };
        let (store, statements) = logged(&database, GroupCommit::On).await;
        let open = |store: SeaOrmStore, n: u8, first: u8| async move {
            let new = NewSession { id: SessionId::from_bytes([n + first; 16]), ..new_session(n) };
            assert_eq!(store.open(&new).await.expect("opens"), Opened::Stored);
        };
        // The first time, nobody has a row to lock: everybody goes alone.
        all(&store, |store, n| open(store, n, 0)).await;
        statements.lock().expect("whole").clear();
        all(&store, |store, n| open(store, n, 100)).await;
        let inserts = statements.lock().expect("whole").iter().filter(|sql| sql.contains("auth_session")).count();
        assert!(inserts < usize::from(CALLERS), "{kind:?}: {inserts} statements");
        for n in 0..CALLERS {
            let session = store.load(SessionId::from_bytes([n + 100; 16])).await.expect("loads").expect("a session");
            let new = new_session(n);
            assert_eq!((session.session.user, session.session.current_hash), (new.user, new.current_hash), "{kind:?}");
        }
    }
}

/// Of two counters each, one is everybody's: no more are granted than it has free, and each of these counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g1_reservations_that_are_shared_count_one_by_one() {
    const FREE: u32 = 40;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(database) = Database::fresh(kind).await else { continue };
        let (store, statements) = logged(&database, GroupCommit::On).await;
        let limit = Limit {
            free: FREE,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(900),
            lock_after: None,
            forgetting: Forgetting::AllAfter(Duration::from_secs(86_400)),
        };
        let attempt = move |key: u8| Attempt { bucket: BucketKey::from_bytes([key; 16]), limit };
        let granted = Arc::new(Mutex::new(0));
        let reserve = |store: SeaOrmStore, n: u8, shared: u8| {
            let granted = granted.clone();
            async move {
                let reserved = store.reserve(&[attempt(n), attempt(shared)], NOW).await.expect("is answered");
                if let Reserved::Granted(reservations) = reserved {
                    assert_eq!(reservations.len(), 2);
                    *granted.lock().expect("whole") += 1;
                }
            }
        };
        // Rows to lock, on PostgreSQL.
        all(&store, |store, n| reserve(store, n, 200)).await;
        assert_eq!(std::mem::take(&mut *granted.lock().expect("whole")), FREE, "{kind:?}");
        store.clear(BucketKey::from_bytes([200; 16])).await.expect("clears");
        statements.lock().expect("whole").clear();
        all(&store, |store, n| reserve(store, n, 200)).await;
        assert_eq!(*granted.lock().expect("whole"), FREE, "{kind:?}");
        let written = statements.lock().expect("whole").iter().filter(|sql| !sql.starts_with("SELECT")).count();
        // A server works on a few side by side, and each passes over the counter of everybody while another holds it: how
        // many are left to go alone is chance.
        assert!(kind != Kind::Sqlite || written < 2 * FREE as usize, "{kind:?}: {written} statements");
    }
}

/// The same promises where everybody goes alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_group_commit_every_operation_is_by_itself() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let (store, statements) = logged(&database, GroupCommit::Off).await;
        all(&store, |store, n| async move {
            assert_eq!(store.open(&new_session(n)).await.expect("opens"), Opened::Stored);
        })
        .await;
        statements.lock().expect("whole").clear();
        all(&store, |store, n| async move { refresh(&store, n).await }).await;
        assert_eq!(statements.lock().expect("whole").len(), 2 * usize::from(CALLERS), "{kind:?}");
        for name in [
            "r3_of_64_concurrent_rotations_one_wins",
            "r9_open_beside_end_sessions_leaves_no_live_session_of_the_old_epoch",
            "r9_a_rotation_beside_revoke_ends_revoked",
            "f4_concurrent_work_on_many_users_fails_nowhere",
        ] {
            let Some(database) = Database::fresh(kind).await else { continue };
            Property::named(name).check(database.store().await.with_group_commit(GroupCommit::Off)).await;
        }
    }
}

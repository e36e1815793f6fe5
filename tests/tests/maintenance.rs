//! What expired is removed beside the requests, in bounded batches, and never in one of them (requirement F6).
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::time::Duration;

use auth_core::store::{EventFilter, EventPage, SessionMode, SessionStore as _, UserDirectory as _};
use auth_core::{
    AuditTrail, Auth, AuthConfig, ClientInfo, Clock as _, Email, Grant, LoginRequest, LoginThrottle, NewUser, Password,
    RefreshToken,
};
use auth_testkit::{FaultyStore, ManualClock, Operation};
use auth_tests::bulk::Crowd;
use auth_tests::databases::{Database, Kind};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

const EXPIRED: u32 = 1201;
const ALIVE: u32 = 10;

/// A store with sessions that are long over and some that are not.
struct World {
    auth: Auth,
    store: FaultyStore,
    clock: ManualClock,
    crowd: Crowd,
    tables: DatabaseConnection,
    _database: Database,
}

impl World {
    async fn on(kind: Kind) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let store = FaultyStore::new(database.store().await);
        let clock = ManualClock::stopped();
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        // What the door costs is counted by its own tests.
        config.login_throttle = LoginThrottle::Off;
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).build().expect("a configuration");
        let tables = database.connection().await;
        let crowd = Crowd::store(&auth, &tables, EXPIRED + ALIVE).await;
        let world = Self { auth, store, clock, crowd, tables, _database: database };
        world.expire().await;
        Some(world)
    }

    /// All but the last few expired two days ago, by either of the two ways.
    async fn expire(&self) {
        let long_ago = self.clock.now().before(Duration::from_secs(2 * 86_400)).as_millis();
        for (column, remainder) in [("idle_expires_at", 0), ("absolute_expires_at", 1)] {
            let ids: Vec<_> =
                (0..EXPIRED).filter(|n| n % 2 == remainder).map(|n| format!("'{}'", Crowd::user(n))).collect();
            let update = format!("UPDATE auth_session SET {column} = {long_ago} WHERE user_id IN ({})", ids.join(", "));
            self.tables.execute_unprepared(&update).await.expect("updates");
        }
    }

    async fn sessions(&self) -> i64 {
        let count =
            Statement::from_string(self.tables.get_database_backend(), "SELECT COUNT(*) AS n FROM auth_session");
        let row = self.tables.query_one_raw(count).await.expect("counts").expect("a row");
        row.try_get("", "n").expect("a number")
    }

    async fn refresh(&self, token: &RefreshToken) -> RefreshToken {
        let tokens = self.auth.refresh(token, &ClientInfo::default()).await.expect("refreshes");
        let Grant::Pair { refresh, .. } = tokens.grant else { panic!("a pair") };
        refresh
    }
}

/// Logins, refreshes, logouts, lists: none of them looks for what expired, and each takes the statements it always takes.
#[tokio::test(flavor = "multi_thread")]
async fn f6_no_request_removes_anything() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind).await else { continue };
        let before = world.sessions().await;
        assert_eq!(before, i64::from(EXPIRED + ALIVE) + 1);
        let operations = |world: &World| {
            use Operation::{EndBeyond, FindByEmail, Load, Open, Revoke, Rotate, SecondFactor};
            let calls = [FindByEmail, SecondFactor, Open, EndBeyond, Load, Rotate, Revoke];
            let calls = calls.map(|operation| world.store.calls(operation));
            assert_eq!(calls.iter().sum::<u64>(), world.store.total_calls(), "{kind:?}: something else was called");
            world.store.reset_calls();
            calls
        };
        world.store.reset_calls();

        let email = Email::parse("model@example.com").expect("an address");
        let login = LoginRequest::new(email, Password::new("the password of all"));
        let client = ClientInfo::default();
        let tokens = world.auth.login(login.mode(SessionMode::Json), &client).await.expect("signs in");
        assert_eq!(operations(&world), [1, 1, 1, 1, 0, 0, 0], "{kind:?}: a login");
        let Grant::Pair { refresh, .. } = tokens.grant else { panic!("a pair") };
        let refresh = world.refresh(&refresh).await;
        assert_eq!(operations(&world), [0, 0, 0, 0, 1, 1, 0], "{kind:?}: a refresh");
        world.auth.refresh(&world.crowd.token(0), &client).await.expect_err("expired");
        assert_eq!(operations(&world), [0, 0, 0, 0, 1, 0, 0], "{kind:?}: a refresh of what expired");
        world.auth.logout(&refresh, &client).await.expect("signs out");
        assert_eq!(operations(&world), [0, 0, 0, 0, 1, 0, 1], "{kind:?}: a logout");
        assert_eq!(world.sessions().await, before + 1, "{kind:?}: a request removed a session");
    }
}

/// In the background they go, 500 at a time, while clients refresh; what is alive stays, and the users do.
#[tokio::test]
async fn f6_maintenance_removes_in_batches_beside_requests() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind).await else { continue };
        let (before, users) = (world.sessions().await, world.store.count().await.expect("counts"));
        let alive = world.crowd.token(EXPIRED);
        let auth = world.auth.clone();
        let maintenance = tokio::spawn(async move { auth.maintain().await });
        tokio::task::yield_now().await;
        world.store.reset_calls();

        // Ten minutes in a moment. While the clock stands, nothing else is under way that could time out.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(9 * 60)).await;
        assert_eq!(world.store.calls(Operation::PurgeExpired), 0, "{kind:?}: before its time");
        tokio::time::advance(Duration::from_secs(61)).await;
        tokio::time::resume();
        let mut token = alive;
        let mut refreshes = 0;
        let removed = async || before - world.sessions().await;
        while removed().await < i64::from(EXPIRED) {
            token = world.refresh(&token).await;
            world.clock.advance(Duration::from_secs(10));
            refreshes += 1;
            assert!(!maintenance.is_finished(), "{kind:?}: maintenance ended");
        }
        maintenance.abort();
        assert_eq!(world.store.calls(Operation::PurgeExpired), 3, "{kind:?}: 500, 500 and 201");
        assert!(refreshes >= 2, "{kind:?}: the requests had to wait");
        assert_eq!(removed().await, i64::from(EXPIRED), "{kind:?}");
        assert_eq!(world.store.count().await.expect("counts"), users, "{kind:?}");
        world.refresh(&token).await;
        for n in EXPIRED..EXPIRED + ALIVE {
            assert!(world.store.load(Crowd::session(n)).await.expect("loads").is_some(), "{kind:?}: session {n}");
        }
    }
}

/// Events that are older than the trail keeps them go the same way, and no younger one with them.
#[tokio::test]
async fn f6_old_events_go_and_young_ones_stay() {
    const OLD: usize = 501;
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let (store, clock) = (FaultyStore::new(database.store().await), ManualClock::stopped());
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        let trail = AuditTrail::default();
        let retention = trail.retention;
        config.audit_trail = Some(trail);
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).build().expect("a configuration");
        let email = Email::parse("ada@example.com").expect("an address");
        let ada = auth.create_user(NewUser::new(email, Password::new("a password of ada"))).await.expect("a user");
        let page = EventPage { filter: EventFilter::default(), after: None, skip: 0, limit: 1000 };
        // `user_created` is the first.
        for _ in 1..OLD {
            auth.end_sessions_of(&ada).await.expect("ends");
        }
        assert_eq!(auth.events(&page).await.expect("reads").len(), OLD, "{kind:?}");
        clock.advance(retention);
        auth.end_sessions_of(&ada).await.expect("ends");
        auth.flush_events().await.expect("stores");

        let events = async || auth.events(&page).await.expect("reads").len();
        let maintain = async |by: Duration, expected: usize| {
            clock.advance(by);
            store.reset_calls();
            let maintenance = auth.spawn_maintenance();
            tokio::task::yield_now().await;
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(10 * 60 + 1)).await;
            tokio::time::resume();
            // It has looked once, and has done what there was to do: a batch, and another one after a pause.
            let done = async {
                while store.calls(Operation::PurgeEvents) == 0 || events().await != expected {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let done = tokio::time::timeout(Duration::from_secs(20), done).await;
            maintenance.abort();
            assert!(done.is_ok(), "{kind:?}: {} events after {by:?}", events().await);
        };
        // Just not old enough.
        maintain(Duration::ZERO, OLD + 1).await;
        // The young one stays.
        maintain(Duration::from_millis(1), 1).await;
    }
}

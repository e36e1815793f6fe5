//! The typed operations over real stores, with faults and with real concurrency.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod claims;

use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::store::{
    SessionMode, SessionStore as _, StoreErrorKind, UpdateTerms, UserChange, UserDirectory as _, UserStatus,
};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, ErrorKind, Grant, HashParams, LoginRequest, NewUser, Password,
    RandomError, RefreshToken, ReuseResponse, SecureRandom, UserId, UserUpdate,
};
use auth_testkit::{Fault, FaultyStore, Gate, ManualClock, Moment, Operation};
use auth_tests::databases::{Database, Kind};
use auth_tests::elsewhere::Elsewhere;

const PASSWORD: &str = "correct horse battery staple";

/// An `Auth` over a store that can fail, with one user.
struct World {
    auth: Auth,
    store: FaultyStore,
    clock: ManualClock,
    user: UserId,
    client: ClientInfo,
    /// Removed with this value.
    _database: Option<Database>,
}

impl World {
    async fn memory() -> Self {
        Self::over(FaultyStore::new(MemoryStore::new()), None, config()).await
    }

    async fn sqlite() -> Self {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        Self::over(FaultyStore::new(database.store().await), Some(database), config()).await
    }

    async fn over(store: FaultyStore, database: Option<Database>, config: AuthConfig) -> Self {
        let clock = ManualClock::stopped();
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).build().expect("a configuration");
        let user = auth.create_user(NewUser::new(email(), Password::new(PASSWORD))).await.expect("a user");
        store.reset_calls();
        Self { auth, store, clock, user, client: ClientInfo::default(), _database: database }
    }

    async fn login(&self) -> RefreshToken {
        let tokens = self.auth.open_session(&self.user, SessionMode::Json, &self.client).await.expect("a session");
        self.store.reset_calls();
        refresh_of(tokens.grant)
    }

    async fn refresh(&self, token: &RefreshToken) -> Result<RefreshToken, ErrorKind> {
        let result = self.auth.refresh(token, &self.client).await;
        result.map(|tokens| refresh_of(tokens.grant)).map_err(|error| error.kind())
    }

    fn fail(&self, operation: Operation, moment: Moment) {
        self.store.fail(operation, Fault::new(StoreErrorKind::Unavailable, moment).times(1));
    }
}

fn config() -> AuthConfig {
    AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7")
}

fn email() -> Email {
    Email::parse("ada@example.com").expect("an address")
}

fn refresh_of(grant: Grant) -> RefreshToken {
    match grant {
        Grant::Pair { refresh, .. } => refresh,
        Grant::Session(_) => panic!("not in this mode"),
    }
}

/// One test for each store.
macro_rules! on_every_store {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::World::memory().await).await; })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::World::sqlite().await).await; })*
        }
        $($(#[$meta])* async fn $name($world: World) $body)*
    };
}

on_every_store! {
    async fn r3_64_tasks_that_refresh_one_token_get_one_successor(world: World) {
        let token = world.login().await;
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let (auth, token, client) = (world.auth.clone(), token.clone(), world.client.clone());
                tokio::spawn(async move { auth.refresh(&token, &client).await.map(|tokens| refresh_of(tokens.grant)) })
            })
            .collect();
        let mut successors = std::collections::BTreeSet::new();
        for task in tasks {
            let successor = task.await.expect("ends").expect("is answered");
            successors.insert(successor.expose_secret().to_owned());
        }
        assert_eq!(successors.len(), 1);
        assert!(!successors.contains(token.expose_secret()));
        world.clock.advance(Duration::from_secs(60));
        let successor = RefreshToken::new(successors.pop_first().expect("one"));
        world.refresh(&successor).await.expect("the successor counts");
    }

    async fn r4_a_lost_answer_of_the_store_costs_nothing(world: World) {
        let token = world.login().await;
        world.fail(Operation::Rotate, Moment::AfterWork);
        assert_eq!(world.refresh(&token).await.map(drop), Err(ErrorKind::Unavailable));
        let retried = world.refresh(&token).await.expect("the retry is answered");
        let again = world.refresh(&token).await.expect("and so is the next");
        assert_eq!(retried.expose_secret(), again.expose_secret());
        world.clock.advance(Duration::from_secs(60));
        world.refresh(&retried).await.expect("the successor counts");
    }

    async fn r1_a_rotation_is_two_statements_and_a_replay_is_one(world: World) {
        let token = world.login().await;
        world.refresh(&token).await.expect("rotates");
        assert_eq!((world.store.calls(Operation::Load), world.store.calls(Operation::Rotate)), (1, 1));
        assert_eq!(world.store.total_calls(), 2);
        world.refresh(&token).await.expect("is replayed");
        assert_eq!((world.store.calls(Operation::Load), world.store.total_calls()), (2, 3));
    }

    /// The grace counts from the rotation to the arrival of the retry: how slow the store is meanwhile is not the
    /// client's fault.
    async fn r4_a_slow_store_does_not_use_up_the_grace(world: World) {
        let seconds = |seconds| world.clock.advance(Duration::from_secs(seconds));
        let refresh = |token: &RefreshToken| {
            let (auth, token) = (world.auth.clone(), RefreshToken::new(token.expose_secret().to_owned()));
            tokio::spawn(async move { auth.refresh(&token, &ClientInfo::default()).await })
        };
        // Read slowly, rotated, and the answer is lost: that rotation is as young as it can be.
        let first = world.login().await;
        let gate = Gate::new();
        world.store.fail(Operation::Load, Fault::waiting(Moment::AfterWork, gate.clone()).times(1));
        world.fail(Operation::Rotate, Moment::AfterWork);
        let lost = refresh(&first);
        gate.reached().await;
        seconds(8);
        gate.open();
        assert_eq!(lost.await.expect("a task").expect_err("lost").kind(), ErrorKind::Unavailable);
        seconds(8);
        let second = world.refresh(&first).await.expect("within the grace");

        // Beaten to it by another tab, and looked at again only much later: it had asked in time.
        seconds(10);
        world.store.fail(Operation::Rotate, Fault::waiting(Moment::BeforeWork, gate.clone()).times(1));
        let beaten = refresh(&second);
        gate.reached().await;
        let third = world.refresh(&second).await.expect("rotates");
        seconds(12);
        gate.open();
        let tokens = beaten.await.expect("a task").expect("it came in time");
        assert_eq!(refresh_of(tokens.grant).expose_secret(), third.expose_secret());
    }

    async fn r5_no_token_outlives_the_session(world: World) {
        let token = world.login().await;
        let day = Duration::from_secs(86_400);
        let mut token = token;
        for _ in 0..17 {
            world.clock.advance(5 * day);
            token = world.refresh(&token).await.expect("within the idle time");
        }
        // Day 85 of 90: the idle time of seven days is cut off at the absolute end.
        world.clock.advance(5 * day - Duration::from_secs(60));
        let tokens = world.auth.refresh(&token, &world.client).await.expect("a minute before the end");
        assert_eq!(tokens.expires_in, Duration::from_secs(60));
        let Grant::Pair { refresh, refresh_expires_in, .. } = tokens.grant else { panic!("a pair") };
        assert_eq!(refresh_expires_in, Duration::from_secs(60));
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(world.refresh(&refresh).await.map(drop), Err(ErrorKind::SessionOver));
    }

    async fn r8_every_change_of_a_user_ends_the_sessions(world: World) {
        let changes: [fn(&mut UserUpdate); 5] = [
            |change| change.password = Some(Password::new("another password")),
            |change| change.status = Some(UserStatus::Suspended),
            |change| change.status = Some(UserStatus::Active),
            |change| change.admin_access = Some(true),
            |change| change.email = Some(Email::parse("b@example.com").expect("an address")),
        ];
        let mut dead = Vec::new();
        for set in changes {
            let mut change = UserUpdate::default();
            set(&mut change);
            if change.status != Some(UserStatus::Active) {
                dead.push(world.login().await);
            }
            assert!(world.auth.update_user(&world.user, change).await.expect("changes"));
            for token in &dead {
                assert_eq!(world.refresh(token).await.map(drop), Err(ErrorKind::SessionOver));
            }
        }
        dead.push(world.login().await);
        assert!(world.auth.delete_user(&world.user).await.expect("deletes"));
        for token in &dead {
            assert_eq!(world.refresh(token).await.map(drop), Err(ErrorKind::SessionOver));
        }
    }

    async fn f2_an_outage_at_any_step_issues_nothing_and_loses_nothing(world: World) {
        let token = world.login().await;
        for operation in [Operation::Load, Operation::Rotate] {
            world.fail(operation, Moment::BeforeWork);
            assert_eq!(world.refresh(&token).await.map(drop), Err(ErrorKind::Unavailable), "{operation:?}");
        }
        let login = || world.auth.login(LoginRequest::new(email(), Password::new(PASSWORD)), &world.client);
        for (operation, moment) in [
            (Operation::FindByEmail, Moment::BeforeWork),
            (Operation::Open, Moment::BeforeWork),
            (Operation::Open, Moment::AfterWork),
        ] {
            world.fail(operation, moment);
            let error = login().await.expect_err("the store is down");
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{operation:?} {moment:?}");
        }
        world.refresh(&token).await.expect("the session lives on");
        login().await.expect("and logins work again");
    }

    async fn r2_the_answer_to_theft_survives_a_failing_store(world: World) {
        let mut config = config();
        config.on_reuse = ReuseResponse::EndAllSessions;
        let auth = Auth::builder(world.store.clone()).config(config).clock(world.clock.clone()).build();
        let auth = auth.expect("a configuration");
        for moment in [Moment::BeforeWork, Moment::AfterWork] {
            let (stolen, other) = (world.login().await, world.login().await);
            world.refresh(&stolen).await.expect("rotates");
            world.clock.advance(Duration::from_secs(60));
            world.fail(Operation::EndSessions, moment);
            let reuse = auth.refresh(&stolen, &world.client).await.expect_err("the store fails");
            assert_eq!(reuse.kind(), ErrorKind::Unavailable);
            let reuse = auth.refresh(&stolen, &world.client).await.expect_err("it is reuse");
            assert_eq!(reuse.kind(), ErrorKind::SessionOver);
            assert_eq!(world.refresh(&other).await.map(drop), Err(ErrorKind::SessionOver), "{moment:?}");
        }
    }

    async fn p6_a_password_beyond_the_cap_is_refused_without_a_hash(world: World) {
        let long = Password::new("x".repeat(1025));
        let error = world.auth.login(LoginRequest::new(email(), long.clone()), &world.client).await.expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::InvalidCredentials);
        assert_eq!(world.store.total_calls(), 0);
        let other = Email::parse("other@example.com").expect("an address");
        let error = world.auth.create_user(NewUser::new(other, long)).await.expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::WeakPassword);
    }

    async fn p1_a_login_strengthens_a_hash_with_older_parameters(world: World) {
        let mut stronger = config();
        stronger.hash = HashParams::new(19_456, 3, 1).expect("in range");
        stronger.max_hash = stronger.hash;
        let auth = Auth::builder(world.store.clone()).config(stronger).build().expect("a configuration");
        let login = || auth.login(LoginRequest::new(email(), Password::new(PASSWORD)), &world.client);
        let stored = async || {
            let user = auth.find_user(&world.user).await.expect("finds").expect("is there");
            user.password.expect("has one").as_phc().to_owned()
        };
        assert!(stored().await.contains("m=19456,t=2,p=1"));
        let session = world.login().await;
        login().await.expect("the old hash still counts");
        assert!(stored().await.contains("m=19456,t=3,p=1"));
        login().await.expect("and so does the new one");
        world.refresh(&session).await.expect("no session ended: the password is the same");
    }
}

#[tokio::test]
async fn r6_every_session_and_every_rotation_has_secrets_of_its_own() {
    let world = World::memory().await;
    let stored = async || world.store.list(&world.user, world.clock.now()).await.expect("lists");
    let (first, _) = (world.login().await, world.login().await);
    let before = stored().await;
    assert_ne!(before[0].family_hash, before[1].family_hash);
    assert_ne!(before[0].current_hash, before[1].current_hash);
    let second = world.refresh(&first).await.expect("rotates");
    world.clock.advance(Duration::from_secs(60));
    let salt_of = async || stored().await.into_iter().find(|session| session.generation > 0).expect("rotated").salt;
    let salt = salt_of().await;
    world.refresh(&second).await.expect("rotates");
    assert_ne!(salt_of().await, salt);

    #[derive(Debug)]
    struct Dry;
    impl SecureRandom for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    let auth = Auth::builder(world.store.clone()).config(config()).random(Dry).build().expect("a configuration");
    let error = auth.open_session(&world.user, SessionMode::Json, &world.client).await.expect_err("no random bytes");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn users_may_live_in_a_table_of_the_app() {
    let users = Elsewhere(MemoryStore::new());
    let sessions = FaultyStore::new(MemoryStore::new());
    let auth = Auth::builder(sessions.clone()).config(config()).users(users.clone()).build().expect("a configuration");
    let user = auth.create_user(NewUser::new(email(), Password::new(PASSWORD))).await.expect("a user");
    let client = ClientInfo::default();
    let login = async || {
        let request = LoginRequest::new(email(), Password::new(PASSWORD));
        auth.login(request, &client).await.map(|tokens| refresh_of(tokens.grant)).map_err(|error| error.kind())
    };
    let refresh = async |token: &RefreshToken| {
        auth.refresh(token, &client).await.map(|tokens| refresh_of(tokens.grant)).map_err(|error| error.kind())
    };
    let first = login().await.expect("signs in");
    refresh(&first).await.expect("refreshes");

    let error = auth.update_user(&user, UserUpdate::default()).await.expect_err("the app changes its users itself");
    assert_eq!(error.kind(), ErrorKind::UsersElsewhere);
    let second = login().await.expect("signs in");
    assert_eq!(auth.end_sessions_of(&user).await.expect("ends"), 2);
    assert_eq!(refresh(&second).await.map(drop), Err(ErrorKind::SessionOver));
    let third = login().await.expect("signs in under the new epoch");

    let suspended = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    users.0.update(&user, &suspended, UpdateTerms::default(), auth_core::Timestamp::default()).await.expect("suspends");
    assert_eq!(refresh(&third).await.map(drop), Err(ErrorKind::SessionOver), "the app's status counts at once");
    assert_eq!(login().await.map(drop), Err(ErrorKind::InvalidCredentials));
}

#[tokio::test(start_paused = true)]
async fn f6_maintenance_removes_what_expired_in_batches_and_nothing_else() {
    let world = World::memory().await;
    for _ in 0..1201 {
        world.login().await;
    }
    world.clock.advance(Duration::from_secs(7 * 86_400));
    let young = world.login().await;
    let maintenance = world.auth.spawn_maintenance();
    let minutes = |minutes: u64| tokio::time::sleep(Duration::from_secs(minutes * 60));

    // It looks every ten minutes.
    minutes(15).await;
    assert_eq!(world.store.calls(Operation::PurgeExpired), 1, "expired just now: kept for a day");
    world.clock.advance(Duration::from_secs(86_401));
    world.fail(Operation::PurgeExpired, Moment::BeforeWork);
    minutes(10).await;
    world.store.reset_calls();
    minutes(10).await;
    assert_eq!(world.store.calls(Operation::PurgeExpired), 3, "500, 500 and 201, after a failure too");
    maintenance.abort();
    let removed = world.store.purge_expired(world.clock.now(), u64::MAX).await.expect("purges");
    assert_eq!(removed, 0);
    world.refresh(&young).await.expect("lives on");
}

#[tokio::test]
async fn r6_the_database_file_holds_no_secret() {
    use base64::Engine as _;

    let database = Database::fresh(Kind::Sqlite).await.expect("always there");
    let file = database.file().expect("a file");
    let world = World::over(FaultyStore::new(database.store().await), Some(database), config()).await;
    let mut secrets = vec![PASSWORD.as_bytes().to_vec()];
    for mode in [SessionMode::Json, SessionMode::Session] {
        let tokens = world.auth.open_session(&world.user, mode, &world.client).await.expect("a session");
        let texts = match tokens.grant {
            Grant::Pair { access, refresh, .. } => {
                let next = world.refresh(&refresh).await.expect("rotates");
                [access.expose_secret(), refresh.expose_secret(), next.expose_secret()].map(str::to_owned).to_vec()
            }
            Grant::Session(token) => vec![token.expose_secret().to_owned()],
        };
        for text in texts {
            if let Ok(bytes) = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&text) {
                // Family and secret, as bytes and as text.
                secrets.extend([bytes[25..41].to_vec(), bytes[41..73].to_vec()]);
                secrets.extend([&bytes[25..41], &bytes[41..73]].map(hex));
            }
            secrets.push(text.into_bytes());
        }
    }
    let mut dump = std::fs::read(&file).expect("the file");
    dump.extend(std::fs::read(file.with_extension("db-wal")).expect("the log"));
    assert!(contains(&dump, world.user.as_str().as_bytes()), "the dump has the rows");
    for secret in secrets {
        assert!(secret.len() >= 16 && !contains(&dump, &secret), "a secret of {} bytes is in the dump", secret.len());
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// Whoever signs in all day keeps the newest sessions; a store that fails there keeps nobody from signing in.
#[tokio::test]
async fn no_more_sessions_of_a_user_go_on_than_may() {
    let mut config = config();
    config.max_sessions_per_user = 2;
    let world = World::over(FaultyStore::new(MemoryStore::new()), None, config).await;
    let first = world.login().await;
    world.clock.advance(Duration::from_secs(1));
    let second = world.login().await;
    world.clock.advance(Duration::from_secs(1));
    world.fail(Operation::EndBeyond, Moment::BeforeWork);
    world.login().await;
    let first = world.refresh(&first).await.expect("goes on, since nobody could end it");
    world.clock.advance(Duration::from_secs(1));
    let last = world.login().await;
    for token in [&first, &second] {
        assert_eq!(world.refresh(token).await.err(), Some(ErrorKind::SessionOver));
    }
    world.refresh(&last).await.expect("the newest");
}

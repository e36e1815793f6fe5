//! Personal access tokens beyond HTTP: what a use costs, what an outage and a dump of the database mean, and what is told.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::store::{SessionMode, Store, StoreErrorKind, UserChange, UserStatus};
use auth_core::{
    Auth, AuthConfig, AuthEvent, ClientInfo, Email, ErrorKind, EventKind, EventSink, Grant, Identity, NewPersonalToken,
    NewUser, OpaqueToken, Password, PersonalToken, PersonalTokens, TokenName, UserId,
};
use auth_testkit::{Fault, FaultyStore, ManualClock, Moment, Operation};
use auth_tests::customers::WithCustomers;
use auth_tests::databases::{Database, Kind};

#[derive(Debug, Clone, Default)]
struct Events(Arc<Mutex<Vec<EventKind>>>);

impl EventSink for Events {
    fn record(&self, event: &AuthEvent<'_>) {
        self.0.lock().expect("no panic").push(event.kind);
    }
}

/// A user who just signed in, and a store that counts and fails.
struct World {
    auth: Auth,
    store: FaultyStore,
    clock: ManualClock,
    events: Events,
    user: UserId,
    login: Identity,
}

impl World {
    async fn over(store: impl Store) -> Self {
        let (store, clock, events) = (FaultyStore::new(store), ManualClock::stopped(), Events::default());
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.personal_tokens = Some(PersonalTokens::default());
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).events(events.clone()).build();
        let auth = auth.expect("a configuration");
        let email = Email::parse("ada@example.com").expect("an address");
        let user = auth.create_user(NewUser::new(email, Password::new("correct horse"))).await.expect("a user");
        let tokens = auth.open_session(&user, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
        let Grant::Pair { access, .. } = tokens.grant else { panic!("a pair") };
        let login = auth.verify(access.expose_secret()).expect("good");
        Self { auth, store, clock, events, user, login }
    }

    async fn create(&self) -> (PersonalToken, OpaqueToken) {
        let request = NewPersonalToken::new(TokenName::new("CI").expect("a name"));
        self.auth.create_personal_token(&self.login, request, &ClientInfo::default()).await.expect("is made")
    }

    async fn verify(&self, token: &OpaqueToken) -> Result<Identity, ErrorKind> {
        self.auth.verify_opaque(token, &ClientInfo::default()).await.map_err(|error| error.kind())
    }

    /// Until the use that was just seen is written: that happens beside the request.
    async fn use_is_noted(&self, uses: u64) {
        let noted = async {
            while self.store.calls(Operation::NoteTokenUse) < uses {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), noted).await.expect("the use is noted");
    }
}

/// One statement a use, and a second one a minute; a token that was mistyped costs none.
#[tokio::test]
async fn a_use_is_one_statement_and_a_mistyped_token_none() {
    let world = World::over(MemoryStore::new()).await;
    let (_, token) = world.create().await;
    world.store.reset_calls();
    world.verify(&token).await.expect("good");
    world.use_is_noted(1).await;
    for _ in 0..10 {
        world.verify(&token).await.expect("good");
    }
    assert_eq!(world.store.calls(Operation::FindToken), 11);
    assert_eq!(world.store.total_calls(), 12, "and one use was noted");
    world.clock.advance(Duration::from_secs(60));
    world.verify(&token).await.expect("good");
    world.use_is_noted(2).await;

    world.store.reset_calls();
    let mistyped = format!("{}x", &token.expose_secret()[..43]);
    for text in [mistyped.as_str(), "pat_", "static", "a.b.c", ""] {
        assert_eq!(world.verify(&OpaqueToken::new(text)).await.err(), Some(ErrorKind::InvalidToken), "{text}");
    }
    assert_eq!(world.store.total_calls(), 0);
}

/// A store that is down lets nobody in; one that cannot note a use keeps nobody out.
#[tokio::test]
async fn f2_an_outage_is_unavailable_and_a_use_that_is_not_noted_is_none_of_the_users_business() {
    let world = World::over(MemoryStore::new()).await;
    let (_, token) = world.create().await;
    let down = || Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork);
    world.store.fail(Operation::NoteTokenUse, down());
    world.verify(&token).await.expect("good");
    world.use_is_noted(1).await;
    world.store.fail(Operation::FindToken, down());
    assert_eq!(world.verify(&token).await.err(), Some(ErrorKind::Unavailable));
    world.store.heal();
    world.verify(&token).await.expect("good");
    world.use_is_noted(2).await;
}

/// What happens to tokens is told, and a refusal says whose the token was.
#[tokio::test]
async fn what_happens_to_a_token_is_told() {
    let world = World::over(MemoryStore::new()).await;
    let (made, token) = world.create().await;
    world.events.0.lock().expect("no panic").retain(|kind| matches!(kind, EventKind::PersonalTokenCreated { .. }));
    world.verify(&token).await.expect("good");
    world.clock.advance(Duration::from_secs(366 * 86_400));
    assert_eq!(world.verify(&token).await.err(), Some(ErrorKind::TokenExpired));
    let change = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    let terms = auth_core::store::UpdateTerms::default();
    let _ = auth_core::store::UserDirectory::update(&world.store, &world.user, &change, terms, made.created_at)
        .await
        .expect("suspends");
    assert_eq!(world.verify(&token).await.err(), Some(ErrorKind::InvalidToken));
    let id = made.id;
    let told = world.events.0.lock().expect("no panic").clone();
    assert_eq!(told, [EventKind::PersonalTokenCreated { id }, EventKind::TokenRefused, EventKind::TokenRefused]);
}

#[tokio::test]
async fn a_revoked_token_is_told() {
    let world = World::over(MemoryStore::new()).await;
    let (made, token) = world.create().await;
    world.auth.revoke_personal_token(&world.login, made.id, &ClientInfo::default()).await.expect("is revoked");
    assert_eq!(world.verify(&token).await.err(), Some(ErrorKind::InvalidToken));
    let told = world.events.0.lock().expect("no panic").clone();
    assert!(told.ends_with(&[EventKind::PersonalTokenRevoked { id: made.id }, EventKind::TokenRefused]), "{told:?}");
}

/// Without the setting nobody makes tokens, and those that were made are not known.
#[tokio::test]
async fn they_are_off_until_turned_on() {
    let world = World::over(MemoryStore::new()).await;
    let (_, token) = world.create().await;
    let config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    let auth = Auth::builder(world.store.clone()).config(config).clock(world.clock.clone()).build();
    let off = auth.expect("a configuration");
    world.store.reset_calls();
    let refused = off.verify_opaque(&token, &ClientInfo::default()).await.expect_err("is not known");
    assert_eq!(refused.kind(), ErrorKind::InvalidToken);
    let refused = off.personal_tokens(&world.login).await.expect_err("is off");
    assert_eq!(refused.kind(), ErrorKind::NoPersonalTokens);
    assert_eq!(world.store.total_calls(), 0);
    assert!(off.routes().iter().all(|route| !route.path().starts_with("/auth/tokens")));
}

/// Users in a table of the app have tokens too, which end with `end_sessions_of`.
#[tokio::test(flavor = "multi_thread")]
async fn r8_the_end_of_all_sessions_ends_the_tokens_of_users_elsewhere() {
    let database = Database::fresh(Kind::Sqlite).await.expect("always there");
    let store = WithCustomers::open(database.url()).await;
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.personal_tokens = Some(PersonalTokens::default());
    let auth = store.builder().config(config).build().expect("a configuration");
    let email = Email::parse("ada@example.com").expect("an address");
    let user = auth.create_user(NewUser::new(email, Password::new("correct horse"))).await.expect("a user");
    let client = ClientInfo::default();
    let tokens = auth.open_session(&user, SessionMode::Json, &client).await.expect("a session");
    let Grant::Pair { access, .. } = tokens.grant else { panic!("a pair") };
    let login = auth.verify(access.expose_secret()).expect("good");
    let request = NewPersonalToken::new(TokenName::new("CI").expect("a name"));
    let (_, token) = auth.create_personal_token(&login, request, &client).await.expect("is made");
    assert_eq!(auth.verify_opaque(&token, &client).await.expect("good").user(), &user);
    auth.end_sessions_of(&user).await.expect("ends");
    let refused = auth.verify_opaque(&token, &client).await.expect_err("has ended");
    assert_eq!(refused.kind(), ErrorKind::InvalidToken);
}

/// The dump of a database in use, its log included, has the hash of the token, and no part of the token.
#[tokio::test(flavor = "multi_thread")]
async fn r6_a_dump_holds_no_token() {
    let database = Database::fresh(Kind::Sqlite).await.expect("a file");
    let world = World::over(database.store().await).await;
    let (_, token) = world.create().await;
    world.verify(&token).await.expect("good");
    world.use_is_noted(1).await;
    let file = database.file().expect("a file");
    let mut dump = std::fs::read(&file).expect("the file");
    dump.extend(std::fs::read(file.with_extension("db-wal")).expect("the log"));
    let holds = |bytes: &[u8]| dump.windows(bytes.len()).any(|window| window == bytes);
    let hash = ring::digest::digest(&ring::digest::SHA256, token.expose_secret().as_bytes());
    assert!(holds(hash.as_ref()), "the dump is of the right database");
    for part in token.expose_secret().as_bytes()[4..].chunks(8) {
        assert!(!holds(part));
    }
}

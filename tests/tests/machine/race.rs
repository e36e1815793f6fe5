//! R3 when the store is slow: whoever loses the race for a rotation gets the winner's token, however long both waited.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::store::{NewUserRecord, SessionMode, UserStatus, UserStore as _};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, ErrorKind, Grant, RandomError, RefreshToken, SecureRandom,
    SystemRandom, UserId,
};
use auth_testkit::ManualClock;

/// A random source that lets a rival act first. It is asked for a salt between the look at the row and the UPDATE:
/// exactly where a rival is worst.
#[derive(Clone, Default)]
struct RivalFirst(Arc<Mutex<Option<Rival>>>);

type Rival = Box<dyn FnOnce() + Send>;

impl std::fmt::Debug for RivalFirst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RivalFirst")
    }
}

impl SecureRandom for RivalFirst {
    fn fill(&self, dest: &mut [u8]) -> Result<(), RandomError> {
        let rival = self.0.lock().expect("no panic").take();
        if let Some(rival) = rival {
            rival();
        }
        SystemRandom::new().fill(dest)
    }
}

/// Two servers over one store, and a session.
struct World {
    ours: Auth,
    rival: Auth,
    between: RivalFirst,
    clock: ManualClock,
    token: RefreshToken,
}

impl World {
    fn new(grace: Duration) -> Self {
        let (store, clock, between) = (MemoryStore::new(), ManualClock::stopped(), RivalFirst::default());
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.refresh_grace = grace;
        let server = || Auth::builder(store.clone()).config(config.clone()).clock(clock.clone());
        let ours = server().random(between.clone()).build().expect("a configuration");
        let rival = server().build().expect("a configuration");
        let user = NewUserRecord {
            id: UserId::new("ada").expect("short"),
            email: Email::parse("ada@example.com").expect("an address"),
            password: None,
            status: UserStatus::Active,
            role: None,
            app_access: true,
            admin_access: false,
            created_at: clock.now(),
        };
        now(store.create(&user)).expect("creates");
        let opened = now(rival.open_session(&user.id, SessionMode::Json, &ClientInfo::default()));
        let token = refresh_of(opened.expect("a session").grant);
        Self { ours, rival, between, clock, token }
    }

    /// Refreshes at our server, and `rival` happens just before its UPDATE.
    fn refresh_after(&self, rival: impl FnOnce() + Send + 'static) -> Result<RefreshToken, ErrorKind> {
        *self.between.0.lock().expect("no panic") = Some(Box::new(rival));
        let answer = refresh(&self.ours, &self.token);
        assert!(self.between.0.lock().expect("no panic").is_none(), "the rival was there");
        answer
    }
}

#[test]
fn r3_who_loses_the_race_gets_the_winners_token_however_long_the_store_took() {
    for wait in [0, 9, 10, 11, 600] {
        let world = World::new(Duration::from_secs(10));
        let (rival, token, clock) = (world.rival.clone(), world.token.clone(), world.clock.clone());
        let winner = Arc::new(Mutex::new(None));
        let won = winner.clone();
        let answer = world.refresh_after(move || {
            *won.lock().expect("no panic") = Some(refresh(&rival, &token).expect("wins"));
            clock.advance(Duration::from_secs(wait));
        });
        let winner = winner.lock().expect("no panic").take().expect("it won");
        let answer = answer.unwrap_or_else(|error| panic!("after {wait} s: {error:?}"));
        assert_eq!(answer.expose_secret(), winner.expose_secret(), "after {wait} s");
        world.clock.advance(Duration::from_secs(60));
        refresh(&world.ours, &answer).expect("the session lives on");
    }
}

#[test]
fn r3_who_is_overtaken_twice_is_refused_and_ends_nothing() {
    let world = World::new(Duration::from_secs(10));
    let (rival, token, clock) = (world.rival.clone(), world.token.clone(), world.clock.clone());
    let head = Arc::new(Mutex::new(None));
    let latest = head.clone();
    let answer = world.refresh_after(move || {
        let second = refresh(&rival, &token).expect("rotates");
        clock.advance(Duration::from_secs(10));
        *latest.lock().expect("no panic") = Some(refresh(&rival, &second).expect("rotates again"));
    });
    assert_eq!(answer.map(drop), Err(ErrorKind::InvalidCredentials));
    let head = head.lock().expect("no panic").take().expect("it rotated");
    refresh(&world.ours, &head).expect("the session lives on");
    // Presented anew, it is what it looks like.
    assert_eq!(refresh(&world.ours, &world.token).map(drop), Err(ErrorKind::SessionOver));
    assert_eq!(refresh(&world.ours, &head).map(drop), Err(ErrorKind::SessionOver));
}

#[test]
fn r1_without_a_grace_the_loser_of_a_race_ends_the_session() {
    let world = World::new(Duration::ZERO);
    let (rival, token) = (world.rival.clone(), world.token.clone());
    let answer = world.refresh_after(move || drop(refresh(&rival, &token).expect("wins")));
    assert_eq!(answer.map(drop), Err(ErrorKind::SessionOver));
}

fn refresh(auth: &Auth, token: &RefreshToken) -> Result<RefreshToken, ErrorKind> {
    let tokens = now(auth.refresh(token, &ClientInfo::default()));
    tokens.map(|tokens| refresh_of(tokens.grant)).map_err(|error| error.kind())
}

fn refresh_of(grant: Grant) -> RefreshToken {
    match grant {
        Grant::Pair { refresh, .. } => refresh,
        Grant::Session(_) => panic!("not in this mode"),
    }
}

/// The outcome of work that waits for nothing, as in memory nothing does.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("a store in memory waits for nothing"),
    }
}

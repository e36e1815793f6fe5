//! The door before a login, with real concurrency, real databases and faults: how often a password is really checked.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::store::{Store, StoreErrorKind, ThrottleStore as _, UserStatus};
use auth_core::{
    Auth, AuthConfig, ClientInfo, DeviceToken, Email, ErrorKind, LoginRequest, LoginThrottle, NewUser, Password,
    Timestamp, Tokens, UserId, UserUpdate,
};
use auth_testkit::mail::MemoryMailer;
use auth_testkit::{Fault, FaultyStore, Gate, ManualClock, Moment, Operation};
use auth_tests::databases::{Database, Kind};
use tokio::time::Instant;

const PASSWORD: &str = "correct horse battery staple";
const WRONG: &str = "wrong horse battery staple";

/// One server: several of them may share a database and a clock.
struct Node {
    auth: Auth,
    store: FaultyStore,
}

impl Node {
    fn over(store: impl Store, clock: &ManualClock) -> Self {
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        // Nobody is to be sent away by the queue, which is not the subject here.
        config.hash_queue = 1000;
        let store = FaultyStore::new(store);
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).build().expect("a configuration");
        Self { auth, store }
    }

    fn memory() -> (Self, ManualClock) {
        let clock = ManualClock::stopped();
        (Self::over(MemoryStore::new(), &clock), clock)
    }

    async fn user(&self, name: &str) -> UserId {
        let user = self.auth.create_user(NewUser::new(email(name), Password::new(PASSWORD))).await.expect("a user");
        self.store.reset_calls();
        user
    }

    async fn login(&self, name: &str, password: &str, client: &ClientInfo) -> Result<Tokens, ErrorKind> {
        let request = LoginRequest::new(email(name), Password::new(password));
        self.auth.login(request, client).await.map_err(|error| error.kind())
    }

    async fn login_from(&self, device: &DeviceToken, password: &str) -> Result<Tokens, ErrorKind> {
        let request = LoginRequest::new(email("ada"), Password::new(password)).device(device.clone());
        self.auth.login(request, &at(1)).await.map_err(|error| error.kind())
    }

    /// How many wrong passwords are checked before there is a wait.
    async fn room(&self, name: &str) -> usize {
        let mut checked = 0;
        loop {
            match self.login(name, WRONG, &ClientInfo::default()).await {
                Err(ErrorKind::InvalidCredentials) => checked += 1,
                Err(ErrorKind::TooManyRequests) => return checked,
                other => panic!("neither refused nor throttled: {other:?}"),
            }
            assert!(checked <= 100, "there is no end to it");
        }
    }

    fn fail(&self, operation: Operation, moment: Moment, calls: u64) {
        self.store.fail(operation, Fault::new(StoreErrorKind::Unavailable, moment).times(calls));
    }

    fn calls(&self, operations: &[Operation]) -> Vec<u64> {
        operations.iter().map(|operation| self.store.calls(*operation)).collect()
    }
}

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).expect("an address")
}

fn at(host: u8) -> ClientInfo {
    ClientInfo::new(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host))), None)
}

/// 200 guesses at once, one half at each node: how many passwords were checked.
async fn crowd(nodes: &[Node; 2], guess: impl Fn(u8) -> (String, ClientInfo)) -> usize {
    nodes.iter().for_each(|node| node.store.reset_calls());
    let tasks: Vec<_> = (0..200_u8)
        .map(|n| {
            let auth = nodes[usize::from(n % 2)].auth.clone();
            let (name, client) = guess(n);
            let request = LoginRequest::new(email(&name), Password::new(WRONG));
            tokio::spawn(async move { auth.login(request, &client).await.map(drop).map_err(|error| error.kind()) })
        })
        .collect();
    let mut checked = 0;
    for task in tasks {
        match task.await.expect("ends") {
            Err(ErrorKind::InvalidCredentials) => checked += 1,
            Err(ErrorKind::TooManyRequests) => {}
            other => panic!("neither refused nor throttled: {other:?}"),
        }
    }
    // Whoever was let through has had the user looked up, which is what a check begins with, and nobody else has.
    let looked_up: u64 = nodes.iter().map(|node| node.store.calls(Operation::FindByEmail)).sum();
    assert_eq!(looked_up, checked as u64, "one look-up for each check");
    checked
}

/// G1: at two nodes over one database, 200 guesses at once are no more checks than one after the other would be.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn g1_200_parallel_guesses_at_two_nodes_are_five_checks() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let clock = ManualClock::stopped();
        let nodes = [Node::over(database.store().await, &clock), Node::over(database.store().await, &clock)];
        nodes[0].user("ada").await;
        // From 200 addresses, at one account: known or not.
        for name in ["ada", "nobody"] {
            assert_eq!(crowd(&nodes, |n| (name.to_owned(), at(n))).await, 5, "{kind:?}");
            assert_eq!(crowd(&nodes, |n| (name.to_owned(), at(n))).await, 0, "{kind:?}");
            clock.advance(Duration::from_secs(1));
            assert_eq!(crowd(&nodes, |n| (name.to_owned(), at(n))).await, 1, "{kind:?}: the wait was one second");
        }
        // From one address, at 200 accounts.
        assert_eq!(crowd(&nodes, |n| (format!("u{n}"), at(250))).await, 50, "{kind:?}");
        assert_eq!(crowd(&nodes, |n| (format!("u{n}"), at(250))).await, 0, "{kind:?}");
        // And the owner gets in at either node when the wait is over.
        clock.advance(Duration::from_secs(2));
        nodes[1].login("ada", PASSWORD, &at(1)).await.expect("signs in");
        nodes[0].login("ada", PASSWORD, &at(1)).await.expect("signs in");
    }
}

/// G2: right passwords at once are held up by no more than each other, and leave nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn g2_parallel_logins_leave_no_failures() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let clock = ManualClock::stopped();
        let node = Node::over(database.store().await, &clock);
        for n in 0..20 {
            node.user(&format!("u{n}")).await;
        }
        // Twice each, from one address.
        for _ in 0..2 {
            let tasks: Vec<_> = (0..20)
                .map(|n| {
                    let auth = node.auth.clone();
                    let request = LoginRequest::new(email(&format!("u{n}")), Password::new(PASSWORD));
                    tokio::spawn(async move { auth.login(request, &at(1)).await.map(drop) })
                })
                .collect();
            for task in tasks {
                task.await.expect("ends").expect("signs in");
            }
        }
        assert_eq!(node.room("u0").await, 5, "{kind:?}");
        let nodes = [node, Node::over(database.store().await, &clock)];
        assert_eq!(crowd(&nodes, |n| (format!("other{n}"), at(1))).await, 50, "{kind:?}");
    }
}

/// G2: a request that its client gives up stays counted: before the hash, and while it is computed.
#[tokio::test]
async fn g2_a_dropped_request_stays_counted() {
    let (node, _) = Node::memory();
    node.user("ada").await;
    for n in 0..5 {
        if n % 2 == 0 {
            node.store.fail(Operation::FindByEmail, Fault::waiting(Moment::BeforeWork, Gate::new()).times(1));
        }
        let client = ClientInfo::default();
        let mut login = pin!(node.login("ada", PASSWORD, &client));
        // The memory answers at once, so at the first await that waits the attempt is counted.
        let pending = poll_fn(|context| Poll::Ready(login.as_mut().poll(context).is_pending())).await;
        assert!(pending, "attempt {n} has come to an end");
    }
    assert_eq!(node.store.calls(Operation::FindByEmail), 5);
    let refused = node.login("ada", PASSWORD, &ClientInfo::default()).await;
    assert_eq!(refused.map(drop), Err(ErrorKind::TooManyRequests));
}

/// G2: an outage is nobody's failure: not before the hash, and not after a right password.
#[tokio::test]
async fn g2_a_503_is_refunded() {
    let (node, _) = Node::memory();
    node.user("ada").await;
    for operation in [Operation::FindByEmail, Operation::Open] {
        for _ in 0..12 {
            node.fail(operation, Moment::BeforeWork, 1);
            let refused = node.login("ada", PASSWORD, &at(1)).await;
            assert_eq!(refused.map(drop), Err(ErrorKind::Unavailable), "{operation:?}");
        }
    }
    assert_eq!(node.room("ada").await, 5);
}

/// F2: without the counters nobody gets in, and what was counted stays counted.
#[tokio::test]
async fn f2_without_the_counters_nobody_gets_in() {
    let (node, clock) = Node::memory();
    node.user("ada").await;
    node.fail(Operation::Reserve, Moment::BeforeWork, 20);
    for _ in 0..20 {
        assert_eq!(node.login("ada", PASSWORD, &at(1)).await.map(drop), Err(ErrorKind::Unavailable));
    }
    assert_eq!(node.calls(&[Operation::FindByEmail, Operation::Open]), [0, 0]);
    // Counted, and the answer lost: as good as a failure.
    node.fail(Operation::Reserve, Moment::AfterWork, 3);
    for _ in 0..3 {
        assert_eq!(node.login("ada", PASSWORD, &at(1)).await.map(drop), Err(ErrorKind::Unavailable));
    }
    assert_eq!(node.room("ada").await, 2, "three are counted");

    // A login that cannot be settled is a login all the same; its counters are as if it had failed.
    clock.advance(Duration::from_secs(1));
    for operation in [Operation::Clear, Operation::Refund] {
        node.fail(operation, Moment::BeforeWork, 1);
    }
    node.login("ada", PASSWORD, &at(1)).await.expect("signs in");
    assert_eq!(node.room("ada").await, 0);
    clock.advance(Duration::from_secs(2));
    node.login("ada", PASSWORD, &at(1)).await.expect("signs in");
    assert_eq!(node.room("ada").await, 5);
}

/// G3: what an attempt costs the store, and that whoever waits costs it one look and nobody's user.
#[tokio::test]
async fn g3_a_refusal_is_one_look_at_the_counters() {
    use Operation::{Clear, FindByEmail, Open, Refund, Reserve};
    let (node, _) = Node::memory();
    node.user("ada").await;
    let tokens = node.login("ada", PASSWORD, &at(1)).await.expect("signs in");
    let device = tokens.device.expect("to be known by");
    let all = [Reserve, FindByEmail, Open, Clear, Refund];
    assert_eq!(node.calls(&all), [1, 1, 1, 1, 1], "the account is cleared, the address refunded");
    node.store.reset_calls();
    node.login_from(&device, PASSWORD).await.expect("signs in");
    assert_eq!(node.calls(&all), [1, 1, 1, 1, 0], "the device is cleared");
    node.store.reset_calls();
    assert_eq!(node.room("ada").await, 5);
    assert_eq!(node.calls(&all), [6, 5, 0, 0, 0], "a failure costs no more than its reservation");
    for name in ["ada", "nobody"] {
        node.room(name).await;
        node.store.reset_calls();
        assert_eq!(node.login(name, PASSWORD, &at(1)).await.map(drop), Err(ErrorKind::TooManyRequests));
        assert_eq!((node.calls(&all), node.store.total_calls()), (vec![1, 0, 0, 0, 0], 1), "{name}");
    }
}

/// G1: a new password forgives what was guessed at the old one, and forgets the devices that were known.
#[tokio::test]
async fn g1_a_new_password_opens_a_locked_account() {
    let (node, clock) = Node::memory();
    let ada = node.user("ada").await;
    let device = node.login("ada", PASSWORD, &at(1)).await.expect("signs in").device.expect("to be known by");
    for _ in 0..100 {
        assert_eq!(
            node.login("ada", WRONG, &ClientInfo::default()).await.map(drop),
            Err(ErrorKind::InvalidCredentials)
        );
        clock.advance(Duration::from_secs(900));
    }
    clock.advance(Duration::from_secs(86_400));
    assert_eq!(node.login("ada", PASSWORD, &at(1)).await.map(drop), Err(ErrorKind::TooManyRequests));
    node.login_from(&device, PASSWORD).await.expect("is known");

    // Another change opens nothing.
    let mut other = UserUpdate::default();
    other.status = Some(UserStatus::Active);
    assert!(node.auth.update_user(&ada, other).await.expect("changes"));
    assert_eq!(node.login("ada", PASSWORD, &at(1)).await.map(drop), Err(ErrorKind::TooManyRequests));
    assert_eq!(node.login_from(&device, PASSWORD).await.map(drop), Err(ErrorKind::TooManyRequests), "unknown again");
    let new = "another horse battery staple";
    let mut change = UserUpdate::default();
    change.password = Some(Password::new(new));
    assert!(node.auth.update_user(&ada, change).await.expect("changes"));
    node.login("ada", new, &at(1)).await.expect("signs in");
}

/// G11: what is forgotten goes beside the requests.
#[tokio::test(start_paused = true)]
async fn g11_maintenance_removes_what_is_forgotten() {
    let clock = ManualClock::stopped();
    let memory = MemoryStore::new();
    let node = Node::over(memory.clone(), &clock);
    // While a hash is computed, the paused time runs on: so maintenance runs only in between.
    let maintained = async |minutes: u64| {
        let maintenance = node.auth.spawn_maintenance();
        tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
        maintenance.abort();
    };
    assert_eq!(node.login("ada", WRONG, &at(1)).await.map(drop), Err(ErrorKind::InvalidCredentials));
    maintained(15).await;
    assert_eq!(node.store.calls(Operation::Prune), 1);
    assert_eq!(node.room("ada").await, 4, "what counts stays");
    clock.advance(Duration::from_secs(31 * 86_400));
    node.fail(Operation::Prune, Moment::BeforeWork, 1);
    maintained(25).await;
    assert_eq!(node.store.calls(Operation::Prune), 3);
    let left = memory.prune(Timestamp::from_millis(i64::MAX), 10).await.expect("prunes");
    assert_eq!(left, 0, "the account and the address are gone, after a failure too");
}

/// G5: with a floor (`LOGIN_STALL_TIME`), no refusal comes before it, whatever it is for, and no answer to whoever forgot
/// a password; a login that succeeds does not wait for it.
#[tokio::test(start_paused = true)]
async fn g5_with_a_floor_no_refusal_comes_before_it() {
    const FLOOR: Duration = Duration::from_millis(500);
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.login_stall = FLOOR;
    config.public_url = Some("https://auth.example.com".to_owned());
    let builder = Auth::builder(MemoryStore::new()).config(config).clock(ManualClock::stopped());
    let auth = builder.mailer(MemoryMailer::new()).build().expect("a configuration");
    auth.create_user(NewUser::new(email("ada"), Password::new(PASSWORD))).await.expect("a user");
    let login = async |name: &str, password: &str| {
        let start = Instant::now();
        let request = LoginRequest::new(email(name), Password::new(password));
        let refused = auth.login(request, &ClientInfo::default()).await.err().map(|error| error.kind());
        (refused, start.elapsed())
    };
    // The paused time moves for nothing but a timer, and the floor is the only one.
    assert_eq!(login("ada", PASSWORD).await, (None, Duration::ZERO));
    let (wrong, throttled) = (ErrorKind::InvalidCredentials, ErrorKind::TooManyRequests);
    let long = "x".repeat(2000);
    for (name, password, expected) in [
        ("nobody", WRONG, wrong),
        ("ada", long.as_str(), wrong),
        ("ada", WRONG, wrong),
        ("ada", WRONG, wrong),
        ("ada", WRONG, wrong),
        ("ada", WRONG, wrong),
        ("ada", WRONG, wrong),
        ("ada", WRONG, throttled),
        ("ada", PASSWORD, throttled),
    ] {
        let (refused, after) = login(name, password).await;
        assert_eq!(refused, Some(expected), "{name}");
        assert!(after >= FLOOR, "{name}, {expected:?}: after {after:?}");
    }
    for name in ["ada", "nobody"] {
        let start = Instant::now();
        auth.request_password_reset(email(name), None).await.expect("is taken");
        assert!(start.elapsed() >= FLOOR, "{name}: after {:?}", start.elapsed());
    }
}

/// Off: as many as they like, and no counter is touched.
#[tokio::test]
async fn off_touches_no_counter() {
    let store = FaultyStore::new(MemoryStore::new());
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.login_throttle = LoginThrottle::Off;
    let auth = Auth::builder(store.clone()).config(config).build().expect("a configuration");
    for _ in 0..8 {
        let request = LoginRequest::new(email("ada"), Password::new(WRONG));
        let error = auth.login(request, &at(1)).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidCredentials);
    }
    assert_eq!(store.total_calls(), store.calls(Operation::FindByEmail));
}

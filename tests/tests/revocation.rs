//! The revocation feed: guards of every node refuse a revoked session's access token, without asking the store for each
//! request, and say what the app chose when they cannot know.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::store::{SessionMode, StoreErrorKind};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, ErrorKind, Grant, NewUser, Password, RefreshToken, RevocationFeed,
    Role, SystemClock, Timestamp, UserId, UserUpdate, WhenStale,
};
use auth_testkit::contract::{Refusal, Request, Response, Subject, seed};
use auth_testkit::{Fault, FaultyStore, Gate, ManualClock, Moment, Operation};
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;

fn config(feed: Option<RevocationFeed>) -> AuthConfig {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.revocation_feed = feed;
    config
}

fn feed(when_stale: WhenStale) -> RevocationFeed {
    let mut feed = RevocationFeed::default();
    feed.when_stale = when_stale;
    feed
}

/// A signed-in client.
struct Client {
    access: String,
    refresh: RefreshToken,
}

async fn sign_in(auth: &Auth, user: &UserId) -> Client {
    let tokens = auth.open_session(user, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
    let Grant::Pair { access, refresh, .. } = tokens.grant else { panic!("a pair") };
    Client { access: access.expose_secret().to_owned(), refresh }
}

async fn user(auth: &Auth, name: &str) -> UserId {
    let email = Email::parse(&format!("{name}@example.com")).expect("an address");
    auth.create_user(NewUser::new(email, Password::new("correct horse"))).await.expect("a user")
}

fn verdict(auth: &Auth, client: &Client) -> Result<(), ErrorKind> {
    auth.verify(&client.access).map(drop).map_err(|error| error.kind())
}

/// Every way to end a session, seen from another node of the same database.
#[tokio::test]
async fn r8_another_node_refuses_what_was_revoked_here() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let clock = ManualClock::stopped();
        // The other node's clock lags by almost a minute.
        let late = ManualClock::at(clock.now().before(Duration::from_secs(55)));
        let node = async |clock: &ManualClock| {
            let store = database.store().await;
            let feed = Some(RevocationFeed::default());
            Auth::builder(store).config(config(feed)).clock(clock.clone()).build().expect("a configuration")
        };
        let (here, there) = (node(&clock).await, node(&late).await);
        here.poll_revocations().await.expect("polls");
        there.poll_revocations().await.expect("polls");
        let nobody = ClientInfo::default();

        let bystander = sign_in(&here, &user(&here, "bystander").await).await;
        for (ended_by, n) in
            ["logout", "end_session", "end_sessions_of", "role", "delete", "reuse"].into_iter().zip(0..)
        {
            let owner = user(&here, &format!("owner{n}")).await;
            let client = sign_in(&here, &owner).await;
            assert_eq!(verdict(&there, &client), Ok(()), "{kind:?}: {ended_by}");
            match ended_by {
                "logout" => here.logout(&client.refresh, &nobody).await.expect("ends"),
                "end_session" => {
                    let asks = here.verify(&client.access).expect("good");
                    here.end_session(&asks, asks.session().expect("ours"), &nobody).await.expect("ends");
                }
                "end_sessions_of" => {
                    here.end_sessions_of(&owner).await.expect("ends");
                }
                "role" => {
                    let mut change = UserUpdate::default();
                    change.role = Some(Some(Role::new("reader").expect("a role")));
                    assert!(here.update_user(&owner, change).await.expect("changes"));
                }
                "delete" => assert!(here.delete_user(&owner).await.expect("removes")),
                _ => {
                    let next = here.refresh(&client.refresh, &nobody).await.expect("rotates");
                    drop(next);
                    clock.advance(Duration::from_secs(11));
                    late.advance(Duration::from_secs(11));
                    here.refresh(&client.refresh, &nobody).await.expect_err("reuse");
                }
            }
            for auth in [&here, &there] {
                auth.poll_revocations().await.expect("polls");
                assert_eq!(verdict(auth, &client), Err(ErrorKind::InvalidToken), "{kind:?}: {ended_by}");
                assert_eq!(verdict(auth, &bystander), Ok(()), "{kind:?}: {ended_by}");
            }
            if !matches!(ended_by, "delete") {
                let again = sign_in(&here, &owner).await;
                assert_eq!(verdict(&there, &again), Ok(()), "{kind:?}: a later login counts, after {ended_by}");
            }
        }
    }
}

/// Whoever ends the other sessions keeps the own access token.
#[tokio::test]
async fn r12_ending_all_others_keeps_the_token_that_asks() {
    let auth = Auth::builder(MemoryStore::new()).config(config(Some(RevocationFeed::default()))).build();
    let auth = auth.expect("a configuration");
    auth.poll_revocations().await.expect("polls");
    let owner = user(&auth, "ada").await;
    let (own, other) = (sign_in(&auth, &owner).await, sign_in(&auth, &owner).await);
    let asks = auth.verify(&own.access).expect("good");
    auth.end_other_sessions(&asks, &ClientInfo::default()).await.expect("ends");
    auth.poll_revocations().await.expect("polls");
    assert_eq!(verdict(&auth, &own), Ok(()));
    assert_eq!(verdict(&auth, &other), Err(ErrorKind::InvalidToken));
}

/// What was revoked is remembered until the last of its tokens has expired, and not longer.
#[tokio::test]
async fn r8_the_window_covers_the_lifetime_of_every_token() {
    let store = FaultyStore::new(MemoryStore::new());
    let clock = ManualClock::stopped();
    let mut config = config(Some(RevocationFeed::default()));
    config.leeway = Duration::from_secs(30);
    let auth = Auth::builder(store).config(config).clock(clock.clone()).build().expect("a configuration");
    let client = sign_in(&auth, &user(&auth, "ada").await).await;
    auth.logout(&client.refresh, &ClientInfo::default()).await.expect("ends");
    // The last second of its life, with the leeway.
    for seconds in [0, 899, 1, 29] {
        clock.advance(Duration::from_secs(seconds));
        auth.poll_revocations().await.expect("polls");
        assert_eq!(verdict(&auth, &client), Err(ErrorKind::InvalidToken), "after {seconds} more");
    }
    clock.advance(Duration::from_secs(2));
    auth.poll_revocations().await.expect("polls");
    assert_eq!(verdict(&auth, &client), Err(ErrorKind::TokenExpired));
}

/// A node whose clock lags revokes with a time that seems long ago to the others.
#[tokio::test]
async fn r8_a_revocation_by_a_node_that_lags_is_not_missed() {
    // On a full second: `exp` is one, and a token made in the middle of a second expires a little early.
    let (store, clock) = (MemoryStore::new(), ManualClock::at(Timestamp::from_secs(SystemClock.now().as_secs())));
    let lagging = ManualClock::at(clock.now().before(Duration::from_secs(55)));
    let node = |clock: ManualClock| {
        let config = config(Some(RevocationFeed::default()));
        Auth::builder(store.clone()).config(config).clock(clock).build().expect("a configuration")
    };
    let (here, lags) = (node(clock.clone()), node(lagging));
    let client = sign_in(&here, &user(&here, "ada").await).await;
    lags.logout(&client.refresh, &ClientInfo::default()).await.expect("ends");
    clock.advance(Duration::from_secs(899));
    here.poll_revocations().await.expect("polls");
    assert_eq!(verdict(&here, &client), Err(ErrorKind::InvalidToken), "in the last second of its life");
}

/// Over HTTP, with nobody but the background task to tell the guards; and no statement for a request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r8_guards_refuse_a_revoked_token_without_asking_the_store() {
    for framework in Framework::ALL {
        let store = FaultyStore::new(MemoryStore::new());
        let clock = ManualClock::stopped();
        let accounts = seed(&store, clock.now()).await;
        let mut feed = RevocationFeed::default();
        feed.poll_every = Duration::from_millis(10);
        let auth = Auth::builder(store.clone()).config(config(Some(feed))).clock(clock.clone()).build();
        let auth = auth.expect("a configuration");
        let server = framework.serve(&auth, "").await;
        let s = Subject::new(server.addr, "", clock, std::sync::Arc::new(store.clone()), accounts);

        let tokens = s.login(s.user()).await;
        let early = s.guarded(&tokens.access).await;
        assert_unavailable(&early);
        let maintenance = auth.spawn_maintenance();
        until(async || s.guarded(&tokens.access).await.status == 200).await;

        let asked = || store.total_calls() - store.calls(Operation::RevokedSince);
        let before = asked();
        for _ in 0..10 {
            s.guarded(&tokens.access).await.expect_status(200);
        }
        assert_eq!(asked(), before, "{framework:?}: a guarded request asked the store");

        let logout = s.logout_request(&serde_json::json!({ "refresh_token": tokens.refresh }));
        s.send(logout).await.expect_status(204);
        until(async || s.guarded(&tokens.access).await.status == 401).await;
        let refused = s.guarded(&tokens.access).await;
        refused.expect_refused(Refusal::Invalid);
        let me = s.send(Request::get("/users/me").bearer(&tokens.access)).await;
        me.expect_status(401);
        maintenance.abort();
    }
}

fn assert_unavailable(response: &Response) {
    response.expect_status(503);
    assert_eq!(response.header("retry-after"), Some("1".to_owned()), "{response}");
    assert_eq!(response.json()["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE");
}

/// Waits for the background task; a minute is what a very busy machine may need.
async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..6000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the guards never learned of it");
}

/// An `Auth` whose store can go away, with two clients of whom one is revoked, and its poll running.
struct Node {
    auth: Auth,
    store: FaultyStore,
    alive: Client,
    revoked: Client,
}

impl Node {
    async fn new(when_stale: WhenStale) -> Self {
        let store = FaultyStore::new(MemoryStore::new());
        let auth = Auth::builder(store.clone()).config(config(Some(feed(when_stale)))).build().expect("valid");
        let owner = user(&auth, "ada").await;
        let (alive, revoked) = (sign_in(&auth, &owner).await, sign_in(&auth, &owner).await);
        auth.logout(&revoked.refresh, &ClientInfo::default()).await.expect("ends");
        Self { auth, store, alive, revoked }
    }

    fn verdicts(&self) -> [Result<(), ErrorKind>; 2] {
        [verdict(&self.auth, &self.alive), verdict(&self.auth, &self.revoked)]
    }

    fn go_down(&self) {
        self.store.fail(Operation::RevokedSince, Fault::new(StoreErrorKind::Unavailable, Moment::BeforeWork));
    }
}

const DOWN: Result<(), ErrorKind> = Err(ErrorKind::Unavailable);
const REVOKED: Result<(), ErrorKind> = Err(ErrorKind::InvalidToken);

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn f2_a_feed_that_fails_closed_says_503_until_the_store_is_back() {
    let node = Node::new(WhenStale::FailClosed).await;
    assert_eq!(node.verdicts(), [DOWN, DOWN], "nothing is known yet");
    node.auth.spawn_maintenance();
    seconds(1).await;
    assert_eq!(node.verdicts(), [Ok(()), REVOKED]);
    node.go_down();
    seconds(58).await;
    assert_eq!(node.verdicts(), [Ok(()), REVOKED], "within the bound");
    seconds(4).await;
    assert_eq!(node.verdicts(), [DOWN, REVOKED], "what is known is known");
    seconds(4000).await;
    assert_eq!(node.verdicts(), [DOWN, REVOKED]);
    node.store.heal();
    seconds(2).await;
    assert_eq!(node.verdicts(), [Ok(()), REVOKED]);
}

#[tokio::test(start_paused = true)]
async fn f2_a_feed_that_fails_open_lets_tokens_live_and_forgets_nothing() {
    let node = Node::new(WhenStale::FailOpen).await;
    assert_eq!(node.verdicts(), [DOWN, DOWN], "nothing is known yet");
    node.auth.spawn_maintenance();
    seconds(1).await;
    node.go_down();
    seconds(4000).await;
    assert_eq!(node.verdicts(), [Ok(()), REVOKED]);
}

#[tokio::test(start_paused = true)]
async fn f2_a_store_that_is_down_at_the_start_follows_the_choice_too() {
    for (when_stale, later) in [(WhenStale::FailOpen, Ok(())), (WhenStale::FailClosed, DOWN)] {
        let node = Node::new(when_stale).await;
        node.go_down();
        node.auth.spawn_maintenance();
        seconds(59).await;
        assert_eq!(node.verdicts(), [DOWN, DOWN]);
        seconds(2).await;
        assert_eq!(node.verdicts(), [later, later]);
        node.store.heal();
        seconds(2).await;
        assert_eq!(node.verdicts(), [Ok(()), REVOKED]);
    }
}

/// A store that takes a call and never answers must not keep the feed waiting for ever.
#[tokio::test(start_paused = true)]
async fn f2_a_store_that_hangs_is_asked_again() {
    let node = Node::new(WhenStale::FailClosed).await;
    node.auth.spawn_maintenance();
    seconds(1).await;
    let hangs = Fault::waiting(Moment::BeforeWork, Gate::new()).times(1);
    node.store.fail(Operation::RevokedSince, hangs);
    seconds(63).await;
    assert_eq!(node.verdicts(), [Ok(()), REVOKED], "the next call answered");
}

#[test]
fn a_feed_out_of_range_is_refused_by_name() {
    let check = |every: u64, stale: u64| {
        let mut feed = RevocationFeed::default();
        (feed.poll_every, feed.stale_after) = (Duration::from_millis(every), Duration::from_millis(stale));
        Auth::builder(MemoryStore::new())
            .config(config(Some(feed)))
            .build()
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(check(10, 20), Ok(()));
    assert_eq!(check(60_000, 86_400_000), Ok(()));
    for (every, stale, field) in [
        (9, 1000, "poll_every"),
        (60_001, 200_000, "poll_every"),
        (1000, 1999, "stale_after"),
        (1000, 86_400_001, "stale_after"),
    ] {
        let error = check(every, stale).expect_err("out of range");
        assert!(error.contains(&format!("revocation_feed.{field}")), "{error}");
    }
}

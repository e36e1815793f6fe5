use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::event::AdminRefusal;
use crate::rng::SystemRandom;
use crate::store::memory::MemoryStore;

/// Fails as it is told, and then keeps what comes.
#[derive(Debug)]
struct Shaky {
    inner: MemoryStore,
    failing: Mutex<Option<Failure>>,
    calls: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
enum Failure {
    Of(StoreErrorKind),
    /// It refuses whatever has such an event among it.
    With(EventKind),
    /// It never answers.
    Mute,
}

#[async_trait]
impl EventStore for Shaky {
    async fn append_events(&self, events: &[EventRecord]) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let failing = *self.failing.lock().expect("whole");
        match failing {
            Some(Failure::Of(kind)) => Err(kind.into()),
            Some(Failure::With(kind)) if events.iter().any(|event| event.kind.as_str() == kind.name()) => {
                Err(StoreErrorKind::Corrupt.into())
            }
            Some(Failure::Mute) => std::future::pending().await,
            Some(Failure::With(_)) | None => self.inner.append_events(events).await,
        }
    }
    async fn events(&self, page: &EventPage) -> Result<Vec<EventRecord>, StoreError> {
        self.inner.events(page).await
    }
    async fn count_events(&self, filter: &EventFilter, most: u64) -> Result<u64, StoreError> {
        self.inner.count_events(filter, most).await
    }
    async fn purge_events(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.inner.purge_events(before, limit).await
    }
}

struct World {
    store: Arc<Shaky>,
    trail: Trail,
}

impl World {
    fn new() -> Self {
        let store =
            Arc::new(Shaky { inner: MemoryStore::new(), failing: Mutex::default(), calls: AtomicUsize::default() });
        Self { trail: Trail::new(store.clone()), store }
    }

    fn record(&self, kind: EventKind) {
        self.record_of(None, kind, 0);
    }

    /// After so many seconds.
    fn record_of(&self, user: Option<&str>, kind: EventKind, secs: i64) {
        let client = ClientInfo::default();
        let at = Timestamp::from_secs(1_800_000_000 + secs);
        let user = user.map(|user| UserId::new(user).expect("an id"));
        let event = AuthEvent { at, kind, user, actor: None, session: None, client: &client };
        self.trail.record(&event, &SystemRandom::new());
    }

    fn fail(&self, failure: impl Into<Option<Failure>>) {
        *self.store.failing.lock().expect("whole") = failure.into();
    }

    fn waiting_and_lost(&self) -> (usize, u64) {
        let queue = self.trail.queue();
        (queue.events.len(), queue.lost)
    }

    async fn stored(&self) -> u64 {
        self.store.count_events(&EventFilter::default(), u64::MAX).await.expect("counts")
    }
}

#[tokio::test]
async fn f2_events_wait_for_a_store_that_is_away_and_none_is_lost() {
    let world = World::new();
    world.fail(Failure::Of(StoreErrorKind::Unavailable));
    for _ in 0..BATCH + 10 {
        world.record(EventKind::LoginFailed);
    }
    world.trail.flush().await.expect_err("it is away");
    assert_eq!(world.stored().await, 0);
    world.fail(None);
    world.trail.flush().await.expect("it is back");
    assert_eq!(world.stored().await, BATCH as u64 + 10);
    assert_eq!(world.waiting_and_lost(), (0, 0));
}

#[tokio::test]
async fn g10_the_queue_has_an_end_and_what_is_beyond_is_counted() {
    let world = World::new();
    for _ in 0..QUEUE + 5 {
        world.record(EventKind::LoginFailed);
    }
    assert_eq!(world.waiting_and_lost(), (QUEUE, 5));
    world.trail.flush().await.expect("stores");
    assert_eq!(world.stored().await, QUEUE as u64);
}

/// Nobody looks for the fault in a store that was not even asked.
#[test]
fn what_gets_no_id_is_lost_by_that_and_not_by_the_store() {
    #[derive(Debug)]
    struct Dry;
    impl SecureRandom for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    let (world, client) = (World::new(), ClientInfo::default());
    let (at, kind) = (Timestamp::from_secs(1_800_000_000), EventKind::LoginFailed);
    let event = AuthEvent { at, kind, user: None, actor: None, session: None, client: &client };
    let lost = record_of(&event, 1, &Dry).expect_err("there is no id");
    assert!(matches!(lost, Loss::NoRandom), "{lost:?}");
    world.trail.record(&event, &Dry);
    assert_eq!(world.waiting_and_lost(), (0, 1));
    world.record(kind);
    assert_eq!(world.waiting_and_lost(), (1, 1));
}

#[tokio::test]
async fn a_batch_that_no_store_takes_holds_up_nobody() {
    let world = World::new();
    world.record(EventKind::LoginFailed);
    world.fail(Failure::Of(StoreErrorKind::Corrupt));
    world.trail.flush().await.expect("goes on");
    assert_eq!(world.waiting_and_lost(), (0, 1));
    world.fail(None);
    world.record(EventKind::LoginSucceeded);
    world.trail.flush().await.expect("stores");
    assert_eq!(world.stored().await, 1);
}

#[tokio::test]
async fn only_what_is_refused_is_lost() {
    for place in [0, 1, 100, BATCH - 1, BATCH, BATCH + 9] {
        let world = World::new();
        world.fail(Failure::With(EventKind::MfaReset));
        for n in 0..BATCH + 10 {
            world.record(if n == place { EventKind::MfaReset } else { EventKind::LoginFailed });
        }
        world.trail.flush().await.expect("goes on");
        assert_eq!(world.waiting_and_lost(), (0, 1), "{place}");
        assert_eq!(world.stored().await, BATCH as u64 + 9, "{place}");
        let calls = world.store.calls.load(Ordering::Relaxed);
        assert!(calls < 50, "{calls} calls for one that is refused, at {place}");
    }
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_asked_once_for_each() {
    let world = World::new();
    world.fail(Failure::Of(StoreErrorKind::Corrupt));
    for _ in 0..BATCH {
        world.record(EventKind::LoginFailed);
    }
    world.trail.flush().await.expect("goes on");
    assert_eq!(world.waiting_and_lost(), (0, BATCH as u64));
    let calls = world.store.calls.load(Ordering::Relaxed);
    assert!(calls < BATCH + 10, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn f2_a_reader_does_not_wait_for_a_store_that_takes_nothing() {
    let world = World::new();
    world.fail(Failure::Mute);
    world.record(EventKind::LoginFailed);
    // One reader holds the place, another waits for it: both are let go.
    let readers = async { tokio::join!(world.trail.catch_up(), world.trail.catch_up()) };
    tokio::time::timeout(2 * READER_WAITS, readers).await.expect("is over");
    assert_eq!(world.waiting_and_lost(), (1, 0), "and nothing is lost by it");
    world.fail(None);
    world.trail.catch_up().await;
    assert_eq!(world.stored().await, 1);
}

#[tokio::test(start_paused = true)]
async fn events_are_stored_in_the_background() {
    let world = World::new();
    world.fail(Failure::Of(StoreErrorKind::Unavailable));
    world.record(EventKind::LoginFailed);
    let follow = world.trail.follow();
    tokio::pin!(follow);
    let later = async |secs| tokio::time::sleep(Duration::from_secs(secs)).await;
    tokio::select! { _ = &mut follow => {}, () = later(10) => {} }
    world.fail(None);
    tokio::select! { _ = &mut follow => {}, () = later(2) => {} }
    assert_eq!(world.stored().await, 1);
}

#[tokio::test]
async fn what_anybody_could_send_without_end_is_counted() {
    const KINDS: [EventKind; 5] = [
        EventKind::SessionRotated,
        EventKind::SessionReplayed,
        EventKind::LoginThrottled,
        EventKind::RefreshRefused,
        EventKind::TokenRefused,
    ];
    let world = World::new();
    for kind in [KINDS, KINDS, KINDS].as_flattened() {
        world.record(*kind);
    }
    assert_eq!(world.waiting_and_lost(), (0, 0));
    let random = SystemRandom::new();
    world.trail.keep_counts(EventKind::LoginThrottled.event_name(), &random);
    assert_eq!(world.waiting_and_lost(), (1, 0));
    world.trail.keep_counts(None, &random);
    world.trail.keep_counts(None, &random);
    world.trail.flush().await.expect("stores");
    let page = EventPage { filter: EventFilter::default(), after: None, skip: 0, limit: 10 };
    let stored = world.store.events(&page).await.expect("events");
    assert_eq!(stored.iter().map(|event| event.times).collect::<Vec<_>>(), [3; 5]);
    let kinds: std::collections::HashSet<_> = stored.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, KINDS.iter().filter_map(|kind| kind.event_name()).collect());
}

#[tokio::test]
async fn g10_what_costs_the_asker_nothing_is_kept_a_few_times_a_minute() {
    let world = World::new();
    let kept = |kind, user: &str, secs| {
        let before = world.waiting_and_lost().0;
        for _ in 0..100 {
            world.record_of(Some(user), kind, secs);
        }
        world.waiting_and_lost().0 - before
    };
    let few = usize::try_from(A_MINUTE).expect("a few");
    let (token, step_up) = (EventKind::TokenRefused, EventKind::StepUpRefused);
    assert_eq!([kept(token, "u1", 0), kept(token, "u1", 59)], [few, 0]);
    assert_eq!([kept(token, "u2", 0), kept(step_up, "u1", 0)], [few, few], "each user, and each kind");
    assert_eq!([kept(token, "u1", 60), kept(token, "u1", 61)], [few, 0]);
    let by_somebody_else = EventKind::AdminRefused { action: None, reason: AdminRefusal::NotAdmin };
    assert_eq!(kept(by_somebody_else, "u1", 61), few);
    assert_eq!(kept(EventKind::LoginFailed, "u1", 61), 100, "the door counts these");
    for n in 0..2 * ASKERS {
        world.record_of(Some(&n.to_string()), token, 120);
    }
    assert_eq!(world.trail.queue().refusals.counts.len(), ASKERS, "and the memory has an end");
}

//! The audit trail: events go into a queue on the request path, and from there to the store in the background.
//!
//! ```text
//!   record ──► queue (bounded) ──► flush: append a batch ──► drop it from the queue
//!              full: counted and logged     the store is away: it stays, and is sent again
//!                                           refused: half of it is sent, down to the one that is refused, which is lost
//! ```
//!
//! A batch leaves the queue when the store has it, and not before: whoever is dropped meanwhile loses nothing, and what is
//! sent twice is stored once, by its id.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::tally::{Counted, Tally};
use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::error::{AuthError, ErrorKind};
use crate::event::{AdminAction, AuthEvent, EventKind, EventName};
use crate::id::{EventId, UserId};
use crate::measure;
use crate::rng::SecureRandom;
use crate::store::{EventFilter, EventPage, EventRecord, EventStore, StoreError, StoreErrorKind};
use crate::token::Identity;

/// How many events wait for the store, some megabytes at most: a minute of a thousand events a second is lost beyond.
const QUEUE: usize = 10_000;
/// How many go at once.
const BATCH: usize = 256;
/// How long events gather before they are stored together.
const GATHER: Duration = Duration::from_millis(200);
/// How long the store is left alone when it fails.
const PAUSE: Duration = Duration::from_secs(1);
/// So many of one kind and one user are kept in a minute, of those that cost the asker nothing.
const A_MINUTE: u32 = 10;
/// So many users are told apart in that minute.
const ASKERS: usize = 10_000;
/// How long whoever reads the trail waits for what is not stored yet.
const READER_WAITS: Duration = Duration::from_secs(2);

/// Events on their way to the store.
#[derive(Debug)]
pub(crate) struct Trail {
    store: Arc<dyn EventStore>,
    queue: Mutex<Queue>,
    /// What is not kept one by one.
    tally: Tally,
    filled: Notify,
    /// Whoever stores a batch holds it.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<EventRecord>,
    refusals: Refusals,
    /// The moment of the latest event, and how many there were of that: so that they sort as they came.
    latest: (Timestamp, u16),
    lost: u64,
    /// How many of the lost ones the log knows of.
    told: u64,
}

impl Auth {
    /// Events of the audit trail that `page` asks for, newest first; those of this node first of all stored, unless that
    /// takes more than two seconds.
    ///
    /// # Errors
    /// `NoAuditTrail` without [`AuthConfig::audit_trail`](crate::AuthConfig::audit_trail); `Unavailable`.
    #[tracing::instrument(name = "auth.event_list", skip_all)]
    pub async fn events(&self, page: &EventPage) -> Result<Vec<EventRecord>, AuthError> {
        let trail = self.inner.trail()?;
        // Whoever asks for a stretch of time wants all of it; whoever looks every few seconds would make an event each time.
        if page.filter.kind.is_some() && page.filter.since.is_some() {
            trail.keep_counts(page.filter.kind, &*self.inner.random);
        }
        trail.catch_up().await;
        Ok(trail.store.events(page).await?)
    }

    /// How many events there are of this kind, up to `most`.
    ///
    /// # Errors
    /// As [`events`](Self::events).
    #[tracing::instrument(name = "auth.event_count", skip_all)]
    pub async fn count_events(&self, filter: &EventFilter, most: u64) -> Result<u64, AuthError> {
        Ok(self.inner.trail()?.store.count_events(filter, most).await?)
    }

    /// Stores the events that wait: call it when the server stops, after the last request. Without an audit trail there is
    /// nothing to do.
    ///
    /// # Errors
    /// `Unavailable`: what waits goes on waiting.
    pub async fn flush_events(&self) -> Result<(), AuthError> {
        match &self.inner.trail {
            Some(trail) => {
                trail.keep_counts(None, &*self.inner.random);
                Ok(trail.flush().await?)
            }
            None => Ok(()),
        }
    }

    /// How many events of this node never came to the audit trail, since the store did not keep up.
    #[must_use]
    pub fn lost_events(&self) -> u64 {
        self.inner.trail.as_ref().map_or(0, |trail| trail.queue().lost)
    }

    pub(crate) async fn require_admin(
        &self,
        action: AdminAction,
        identity: &Identity,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        self.inner.asking_admin(Some(action), identity, client).await.map(drop)
    }

    /// Stores events as they come, for ever.
    pub(super) async fn store_events(&self) -> Infallible {
        match &self.inner.trail {
            Some(trail) => trail.follow().await,
            None => std::future::pending().await,
        }
    }
}

impl Inner {
    pub(super) fn trail(&self) -> Result<&Trail, AuthError> {
        self.trail.as_ref().ok_or_else(|| ErrorKind::NoAuditTrail.into())
    }
}

impl Trail {
    pub(crate) fn new(store: Arc<dyn EventStore>) -> Self {
        Self {
            store,
            queue: Mutex::default(),
            tally: Tally::default(),
            filled: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// Takes an event, and waits for nothing.
    pub(super) fn record(&self, event: &AuthEvent<'_>, random: &dyn SecureRandom) {
        if !is_kept(event) {
            return self.tally.add(event.kind, event.at);
        }
        if self.queue().refusals.are_too_many(event) {
            return;
        }
        match record_of(event, random) {
            Some(record) => self.push(record),
            None => self.queue().lose(1, &Loss::NoPlace),
        }
    }

    /// Takes what was counted, of one kind or of all, as one event each.
    pub(super) fn keep_counts(&self, of: Option<EventName>, random: &dyn SecureRandom) {
        let client = ClientInfo::default();
        for Counted { kind, times, at } in self.tally.take(of) {
            let event = AuthEvent { at, kind, user: None, actor: None, session: None, client: &client };
            match record_of(&event, random) {
                Some(record) => self.push(EventRecord { times, ..record }),
                None => self.queue().lose(times, &Loss::NoPlace),
            }
        }
    }

    fn push(&self, record: EventRecord) {
        let mut queue = self.queue();
        if queue.events.len() < QUEUE {
            queue.push(record);
        } else {
            queue.lose(1, &Loss::NoPlace);
        }
        drop(queue);
        self.filled.notify_one();
    }

    async fn follow(&self) -> Infallible {
        loop {
            self.filled.notified().await;
            tokio::time::sleep(GATHER).await;
            while let Err(error) = self.flush().await {
                tracing::warn!(target: "auth::audit", %error, "events wait for the store");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Stores what waits, as far as a reader has the time for it.
    async fn catch_up(&self) {
        let (error, late) = match tokio::time::timeout(READER_WAITS, self.flush()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => (Some(error), None),
            Err(late) => (None, Some(late)),
        };
        let (error, late) = (error.map(tracing::field::display), late.map(tracing::field::display));
        tracing::warn!(target: "auth::audit", error, late, "the latest events are not stored yet");
    }

    #[tracing::instrument(name = "auth.event_flush", level = "debug", skip_all)]
    async fn flush(&self) -> Result<(), StoreError> {
        let _alone = self.writing.lock().await;
        let mut at_once = BATCH;
        loop {
            // Others only push: the front is what it was when the answer comes.
            let batch: Vec<_> = self.queue().events.iter().take(at_once).cloned().collect();
            let Some(first) = batch.first() else { return Ok(()) };
            match self.store.append_events(&batch).await {
                Ok(()) => {
                    drop(self.queue().events.drain(..batch.len()));
                    at_once = at_once.saturating_mul(2).min(BATCH);
                }
                Err(error) if error.kind() == StoreErrorKind::Unavailable => return Err(error),
                // Something among them is refused: whatever else there is must not be lost with it.
                Err(_) if batch.len() > 1 => at_once = batch.len() / 2,
                Err(error) => {
                    // It will not get better, and would hold up all that follow.
                    let mut queue = self.queue();
                    queue.events.pop_front();
                    queue.lose(1, &Loss::Refused { event: first, error: &error });
                }
            }
        }
    }

    pub(super) async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.store.purge_events(before, limit).await
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, event: EventRecord) {
        let (at, number) = self.latest;
        self.latest = (event.at, if at == event.at { number.wrapping_add(1) } else { 0 });
        self.events.push_back(EventRecord { id: event.id.numbered(self.latest.1), ..event });
    }

    /// The log is told of the first, and then at each doubling: it may be what is in the way.
    fn lose(&mut self, events: u64, loss: &Loss<'_>) {
        self.lost += events;
        measure::events_lost(events);
        if self.lost < self.told.saturating_mul(2) {
            return;
        }
        self.told = self.lost;
        let lost = self.lost;
        match loss {
            Loss::NoPlace => {
                tracing::error!(target: "auth::audit", lost, "events are lost: the store does not keep up");
            }
            // What the database says of it may quote what the client sent.
            Loss::Refused { event: EventRecord { id, kind, .. }, error } => {
                tracing::error!(target: "auth::audit", lost, event = %kind, %id, %error, "an event is lost: the store refuses it");
            }
        }
    }
}

/// What somebody who was refused may repeat as fast as the wire goes: with a token that is over, or as a user who is no
/// admin. A few of them tell as much as all, and all would fill the table.
#[derive(Debug, Default)]
struct Refusals {
    minute: i64,
    counts: HashMap<(&'static str, UserId), u32>,
}

impl Refusals {
    fn are_too_many(&mut self, event: &AuthEvent<'_>) -> bool {
        let is_free = matches!(
            event.kind,
            EventKind::TokenRefused
                | EventKind::RefreshRefused
                | EventKind::StepUpRefused
                | EventKind::AdminRefused { .. }
        );
        let Some(asker) = event.actor.or(event.user).filter(|_| is_free) else { return false };
        let minute = event.at.as_secs().div_euclid(60);
        if minute != self.minute {
            *self = Self { minute, ..Self::default() };
        }
        let key = (event.kind.name(), asker);
        if self.counts.len() >= ASKERS && !self.counts.contains_key(&key) {
            return true;
        }
        let count = self.counts.entry(key).or_default();
        *count = count.saturating_add(1);
        *count > A_MINUTE
    }
}

/// Why an event never comes to the store.
enum Loss<'a> {
    NoPlace,
    Refused { event: &'a EventRecord, error: &'a StoreError },
}

/// What anybody could send without end, and what happens every few minutes as it should, would bury the rest: it is
/// counted.
fn is_kept(event: &AuthEvent<'_>) -> bool {
    match event.kind {
        EventKind::SessionRotated | EventKind::SessionReplayed | EventKind::LoginThrottled => false,
        EventKind::RefreshRefused | EventKind::TokenRefused => event.user.is_some(),
        _ => true,
    }
}

fn record_of(event: &AuthEvent<'_>, random: &dyn SecureRandom) -> Option<EventRecord> {
    let token = match event.kind {
        EventKind::PersonalTokenCreated { id } | EventKind::PersonalTokenRevoked { id } => Some(id),
        _ => None,
    };
    Some(EventRecord {
        id: EventId::generate(event.at, random).ok()?,
        at: event.at,
        kind: event.kind.event_name()?,
        times: 1,
        outcome: event.kind.outcome(),
        user: event.user,
        actor: event.actor,
        session: event.session,
        token,
        details: event.kind.details(),
        ip: event.client.ip,
        user_agent: event.client.user_agent.clone(),
    })
}

#[cfg(test)]
mod tests {
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
}

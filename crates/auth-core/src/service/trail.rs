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
use crate::rng::{RandomError, SecureRandom};
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
        // Counts are stored as events once in a while. A question for a stretch of time stores what was counted up to now; a
        // page that asks every few seconds for the newest events must not, or each question would leave an event.
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

    /// How many events of this node never came to the audit trail: the store did not keep up, or refused them, or there
    /// were no random bytes for their ids.
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
        self.keep(event, 1, random);
    }

    /// Takes what was counted, of one kind or of all, as one event each.
    pub(super) fn keep_counts(&self, of: Option<EventName>, random: &dyn SecureRandom) {
        let client = ClientInfo::default();
        for Counted { kind, times, at } in self.tally.take(of) {
            let event = AuthEvent { at, kind, user: None, actor: None, session: None, client: &client };
            self.keep(&event, times, random);
        }
    }

    fn keep(&self, event: &AuthEvent<'_>, times: u64, random: &dyn SecureRandom) {
        let record = record_of(event, times, random);
        let mut queue = self.queue();
        match record {
            Ok(record) if queue.events.len() < QUEUE => queue.push(record),
            Ok(_) => queue.lose(times, &Loss::NoPlace),
            Err(loss) => queue.lose(times, &loss),
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
            Loss::NoRandom => {
                tracing::error!(target: "auth::audit", lost, "events are lost: there are no random bytes for their ids");
            }
            Loss::NoName { kind } => {
                tracing::error!(target: "auth::audit", lost, event = kind, "events are lost: a store keeps no such name");
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
#[derive(Debug)]
enum Loss<'a> {
    NoPlace,
    NoRandom,
    NoName { kind: &'static str },
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

fn record_of(event: &AuthEvent<'_>, times: u64, random: &dyn SecureRandom) -> Result<EventRecord, Loss<'static>> {
    let token = match event.kind {
        EventKind::PersonalTokenCreated { id } | EventKind::PersonalTokenRevoked { id } => Some(id),
        _ => None,
    };
    Ok(EventRecord {
        id: EventId::generate(event.at, random).map_err(|RandomError| Loss::NoRandom)?,
        at: event.at,
        kind: event.kind.event_name().ok_or(Loss::NoName { kind: event.kind.name() })?,
        times,
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
mod tests;

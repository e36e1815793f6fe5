//! A script played on the real `Auth`, with the reference beside it and every promise checked after every step.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::store::{SessionMode, SessionRecord, Store, StoreErrorKind};
use auth_core::{
    Auth, AuthConfig, AuthEvent, ClientInfo, ErrorKind, EventKind, EventSink, Identity, RandomError, ReuseResponse,
    SecureRandom, SessionId, SessionToken, Timestamp, UserId,
};
use auth_testkit::{Fault, FaultyStore, ManualClock, Operation};

pub(crate) use crate::dump::Secrets;
use crate::promises::{self, Observed};
use crate::reference::{ABSOLUTE, Expected, Reference, User};
use crate::script::{Op, Script, Step};

/// What came of a step: equal on every store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was no token or session to do it with.
    Nothing,
    Tokens(Given),
    Refused(ErrorKind),
    Done,
    Changed(bool),
    Ended(u64),
    Is(UserId),
}

/// Tokens as a client gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) session: SessionId,
    pub(crate) mode: SessionMode,
    /// The access token, or the session cookie.
    pub(crate) jwt: String,
    /// Also when it is inside the cookie.
    pub(crate) refresh: String,
    pub(crate) expires_in: Duration,
    pub(crate) refresh_expires_in: Option<Duration>,
}

/// A token that somebody holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) session: usize,
    pub(crate) generation: usize,
    pub(crate) refresh: String,
    /// The session cookie around it, and when that ends by itself.
    pub(crate) cookie: Option<(String, i64)>,
}

/// Everything that was seen.
pub(crate) struct Told {
    pub(crate) steps: Vec<Outcome>,
    /// Every session's row at the end.
    pub(crate) rows: Vec<SessionRecord>,
    pub(crate) events: HashMap<EventKind, u32>,
    pub(crate) secrets: Secrets,
}

/// Plays `script` with users of its own, on a store that others may have used before.
pub(crate) async fn run(store: impl Store + Clone, seed: u64, script: &Script) -> Told {
    let mut world = World::new(store, seed, script).await;
    let mut steps = Vec::new();
    for step in &script.steps {
        steps.push(world.take(step).await);
    }
    let mut rows = Vec::new();
    for session in &world.reference.sessions {
        rows.extend(world.row(session.id).await);
    }
    let events = world.events.0.lock().expect("no panic").clone();
    Told { steps, rows, events, secrets: world.secrets }
}

const START: i64 = 1_800_000_000;

pub(crate) struct World<S> {
    pub(crate) auth: Auth,
    /// What `auth` uses, which may fail and counts; and the store below it, which does not.
    faulty: FaultyStore,
    pub(crate) store: S,
    pub(crate) clock: ManualClock,
    pub(crate) seed: u64,
    pub(crate) users: [UserId; 2],
    pub(crate) client: ClientInfo,
    pub(crate) reference: Reference,
    pub(crate) held: Vec<Held>,
    /// Who asks for each session; `None` while nobody was given its first token.
    pub(crate) identities: Vec<Option<Identity>>,
    /// Every session's row, as it was after the last write.
    rows: Vec<Option<SessionRecord>>,
    events: Counted,
    secrets: Secrets,
}

impl<S: Store + Clone> World<S> {
    async fn new(store: S, seed: u64, script: &Script) -> Self {
        let clock = ManualClock::at(Timestamp::from_secs(START));
        let faulty = FaultyStore::new(store.clone());
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.refresh_grace = Duration::from_secs(script.grace.unsigned_abs());
        config.on_reuse = if script.ends_all { ReuseResponse::EndAllSessions } else { ReuseResponse::EndSession };
        config.absolute_ttl = Duration::from_secs(ABSOLUTE.unsigned_abs());
        config.hash_threads = 1;
        let events = Counted::default();
        let random = Stream { seed, next: AtomicU64::new(0) };
        let auth = Auth::builder(faulty.clone()).config(config).clock(clock.clone()).random(random);
        let auth = auth.events(events.clone()).build().expect("a configuration");
        let users = [0, 1].map(|user| UserId::new(&format!("u{seed}-{user}")).expect("short"));
        let reference = Reference {
            now: START,
            grace: script.grace,
            ends_all: script.ends_all,
            users: [User::default(), User::default()],
            sessions: Vec::new(),
            fault: None,
        };
        let (held, identities, secrets) = (Vec::new(), Vec::new(), Secrets::default());
        let client = ClientInfo::default();
        let rows = Vec::new();
        let mut world = Self {
            auth,
            faulty,
            store,
            clock,
            seed,
            users,
            client,
            reference,
            held,
            identities,
            rows,
            events,
            secrets,
        };
        for user in 0..2 {
            assert_eq!(world.create(user).await, Outcome::Changed(true));
            world.reference.create(user);
        }
        world
    }

    async fn take(&mut self, step: &Step) -> Outcome {
        self.faulty.heal();
        self.faulty.reset_calls();
        if let Some((operation, moment)) = step.fault {
            self.faulty.fail(operation, Fault::new(StoreErrorKind::Unavailable, moment).times(1));
        }
        self.reference.fault = step.fault;
        let before = self.reference.sessions.clone();
        let Some((expected, outcome)) = self.act(&step.op).await else { return Outcome::Nothing };
        self.faulty.heal();
        self.learn(&step.op, &expected, &outcome).await;
        let rows = if self.writes() > 0 { self.rows().await } else { self.rows.clone() };
        promises::all_are_kept(&Observed {
            op: &step.op,
            expected: &expected,
            outcome: &outcome,
            users: &self.users,
            calls: self.faulty.total_calls(),
            writes: self.writes(),
            before: &before,
            after: &self.reference,
            rows_before: &self.rows,
            rows: &rows,
        });
        self.rows = rows;
        outcome
    }

    /// What a client keeps of an answer, and what nobody was told but the database.
    async fn learn(&mut self, op: &Op, expected: &Expected, outcome: &Outcome) {
        if self.identities.len() < self.reference.sessions.len() {
            self.identities.push(None);
            if !matches!(outcome, Outcome::Tokens(_)) {
                self.find_lost_session().await;
            }
        }
        let (Expected::Tokens { session, generation }, Outcome::Tokens(given)) = (expected, outcome) else { return };
        let known = &mut self.reference.sessions[*session];
        known.id.get_or_insert(given.session);
        known.heads[*generation].get_or_insert_with(|| given.refresh.clone());
        self.secrets.add(&given.refresh);
        if self.identities[*session].is_none() {
            self.identities[*session] = Some(self.identity(given).await);
        }
        if !matches!(op, Op::Refresh { lost: true, .. }) {
            let until = self.reference.now + i64::try_from(given.expires_in.as_secs()).expect("fits");
            let cookie = (given.mode == SessionMode::Session).then(|| (given.jwt.clone(), until));
            let (session, generation, refresh) = (*session, *generation, given.refresh.clone());
            self.held.push(Held { session, generation, refresh, cookie });
        }
    }

    async fn identity(&self, given: &Given) -> Identity {
        if given.mode == SessionMode::Session {
            return self.auth.verify_session(&SessionToken::new(given.jwt.clone())).await.expect("a good cookie");
        }
        self.auth.verify(&given.jwt).expect("a good access token")
    }

    /// A session was stored, and its opener heard of a failure.
    async fn find_lost_session(&mut self) {
        let lost = self.reference.sessions.last().expect("the one just stored");
        let now = Timestamp::from_secs(self.reference.now);
        let stored = self.store.list(&self.users[lost.user], now).await.expect("lists");
        let is_known = |id| self.reference.sessions.iter().any(|session| session.id == Some(id));
        let found = stored.iter().map(|row| row.id).find(|id| !is_known(*id)).expect("it was stored");
        self.reference.sessions.last_mut().expect("the same").id = Some(found);
    }

    /// Calls that change something, or would.
    fn writes(&self) -> u64 {
        use Operation::{Create, Delete, EndSessions, Open, PurgeExpired, Rehash, Revoke, Rotate, Update};
        let writes = [Create, Delete, EndSessions, Open, PurgeExpired, Rehash, Revoke, Rotate, Update];
        writes.map(|operation| self.faulty.calls(operation)).iter().sum()
    }

    async fn rows(&self) -> Vec<Option<SessionRecord>> {
        let mut rows = Vec::new();
        for session in &self.reference.sessions {
            rows.push(self.row(session.id).await);
        }
        rows
    }

    async fn row(&self, id: Option<SessionId>) -> Option<SessionRecord> {
        Some(self.store.load(id?).await.expect("loads")?.session)
    }
}

/// Random bytes that are the same in every run of a script: equal scripts, equal tokens.
#[derive(Debug)]
struct Stream {
    seed: u64,
    next: AtomicU64,
}

impl SecureRandom for Stream {
    fn fill(&self, dest: &mut [u8]) -> Result<(), RandomError> {
        for chunk in dest.chunks_mut(32) {
            let block = [self.seed.to_be_bytes(), self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes()].concat();
            let digest = ring::digest::digest(&ring::digest::SHA256, &block);
            chunk.copy_from_slice(&digest.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Counts, and says nothing: thousands of warnings about theft are nothing to read.
#[derive(Debug, Clone, Default)]
struct Counted(Arc<Mutex<HashMap<EventKind, u32>>>);

impl EventSink for Counted {
    fn record(&self, event: &AuthEvent<'_>) {
        *self.0.lock().expect("no panic").entry(event.kind).or_default() += 1;
    }
}

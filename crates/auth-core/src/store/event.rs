//! The audit trail: what happened, for those who look into it later.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;

use super::StoreError;
use crate::clock::Timestamp;
use crate::event::{EventDetails, EventName, Outcome};
use crate::id::{EventId, SessionId, TokenId, UserId};

/// Keeps events.
#[async_trait]
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// Stores these, in one statement. One whose id is there already is passed over: whoever does not know whether an
    /// earlier call was done calls again.
    async fn append_events(&self, events: &[EventRecord]) -> Result<(), StoreError>;

    /// Some events that `page` asks for, newest first.
    async fn events(&self, page: &EventPage) -> Result<Vec<EventRecord>, StoreError>;

    /// How many events there are of this kind, but no more than `most`: what is beyond is not looked at.
    async fn count_events(&self, filter: &EventFilter, most: u64) -> Result<u64, StoreError>;

    /// Removes at most `limit` events from before `before`, the oldest first, and says how many.
    async fn purge_events(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}

/// An event as it is kept: who did what to whom, when, from where, and whether it was let happen. No secret, no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its id, which sorts by [`at`](Self::at).
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What: the [name](crate::EventKind::name) of a kind, perhaps of a later version.
    pub kind: EventName,
    /// How often: 1, and more for what is counted, not kept one by one. That has no user, and [`at`](Self::at) is its last.
    pub times: u64,
    /// Whether it was let happen.
    pub outcome: Outcome,
    /// Whose account, when that is known.
    pub user: Option<UserId>,
    /// By whom, when it was not the user.
    pub actor: Option<UserId>,
    /// In which session, when there is one.
    pub session: Option<SessionId>,
    /// Which personal access token it is about.
    pub token: Option<TokenId>,
    /// What else there is to say, in [names](EventDetails::names).
    pub details: Option<EventDetails>,
    /// From which address.
    pub ip: Option<IpAddr>,
    /// With which user agent.
    pub user_agent: Option<String>,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Those of this account.
    pub user: Option<UserId>,
    /// Those that this admin caused, on the accounts of others.
    pub actor: Option<UserId>,
    /// Those of this name.
    pub kind: Option<EventName>,
    /// Those of this moment and later ones.
    pub since: Option<Timestamp>,
}

/// A part of the trail.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// Of which events.
    pub filter: EventFilter,
    /// Only those that are older than this one.
    pub after: Option<EventId>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at most.
    pub limit: u64,
}

//! The audit trail of a store that fails on demand.

use async_trait::async_trait;
use auth_core::Timestamp;
use auth_core::store::{EventFilter, EventPage, EventRecord, EventStore, StoreError};

use super::{FaultyStore, Operation};

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl EventStore for FaultyStore {
    async fn append_events(&self, events: &[EventRecord]) -> Result<(), StoreError> {
        self.run(Operation::AppendEvents, self.inner.append_events(events)).await
    }

    async fn events(&self, page: &EventPage) -> Result<Vec<EventRecord>, StoreError> {
        self.run(Operation::Events, self.inner.events(page)).await
    }

    async fn count_events(&self, filter: &EventFilter, most: u64) -> Result<u64, StoreError> {
        self.run(Operation::CountEvents, self.inner.count_events(filter, most)).await
    }

    async fn purge_events(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.run(Operation::PurgeEvents, self.inner.purge_events(before, limit)).await
    }
}

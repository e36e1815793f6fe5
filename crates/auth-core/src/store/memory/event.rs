//! The audit trail in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::clock::Timestamp;
use crate::id::EventId;
use crate::store::{EventFilter, EventPage, EventRecord, EventStore, StoreError};

impl EventFilter {
    fn includes(&self, event: &EventRecord) -> bool {
        self.user.is_none_or(|user| event.user == Some(user))
            && self.actor.is_none_or(|actor| event.actor == Some(actor))
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.since.is_none_or(|since| event.id >= EventId::lowest(since))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append_events(&self, events: &[EventRecord]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for event in events {
            tables.events.entry(event.id).or_insert_with(|| event.clone());
        }
        Ok(())
    }

    async fn events(&self, page: &EventPage) -> Result<Vec<EventRecord>, StoreError> {
        let tables = self.tables();
        let wanted = tables
            .events
            .values()
            .rev()
            .filter(|event| page.filter.includes(event) && page.after.is_none_or(|after| event.id < after));
        let number = |of| usize::try_from(of).unwrap_or(usize::MAX);
        Ok(wanted.skip(number(page.skip)).take(number(page.limit)).cloned().collect())
    }

    async fn count_events(&self, filter: &EventFilter, most: u64) -> Result<u64, StoreError> {
        let tables = self.tables();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(tables.events.values().filter(|event| filter.includes(event)).take(most).count() as u64)
    }

    async fn purge_events(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut removed = 0;
        while removed < limit
            && let Some(oldest) = tables.events.first_entry()
            && *oldest.key() < EventId::lowest(before)
        {
            oldest.remove();
            removed += 1;
        }
        Ok(removed)
    }
}

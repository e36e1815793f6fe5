//! Counters of failures in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::clock::Timestamp;
use crate::store::{Attempt, BucketKey, Judgement, Reservation, Reserved, StoreError, ThrottleStore};

#[async_trait]
impl ThrottleStore for MemoryStore {
    async fn reserve(&self, attempts: &[Attempt], now: Timestamp) -> Result<Reserved, StoreError> {
        let mut tables = self.tables();
        let (mut counted, mut refusals) = (Vec::new(), Vec::new());
        for attempt in attempts {
            let old = tables.counts.get(&attempt.bucket);
            match (attempt.limit.judge(old, now), old) {
                (Judgement::Replace(new), _) => counted.push((attempt, old.copied(), new)),
                (Judgement::Add, Some(old)) => counted.push((attempt, Some(*old), attempt.limit.add_to(old, now))),
                // Nothing to add to: `judge` says so of counts alone.
                (Judgement::Add, None) => {}
                (Judgement::Refused { until }, _) => refusals.push((until, attempt.limit)),
            }
        }
        if let Some((until, limit)) = refusals.into_iter().max_by_key(|(until, _)| *until) {
            return Ok(Reserved::Refused { until, limit });
        }
        let reservations = counted.iter().map(|(attempt, old, new)| {
            Reservation::new(attempt, new.series, old.map_or(now, |old| old.reserved_at), now)
        });
        let reservations = reservations.collect();
        tables.counts.extend(counted.into_iter().map(|(attempt, _, new)| (attempt.bucket, new)));
        Ok(Reserved::Granted(reservations))
    }

    async fn refund(&self, reservation: &Reservation) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let count = tables.counts.get_mut(&reservation.bucket).filter(|count| count.series == reservation.series);
        if let Some(count) = count.filter(|count| count.failures > 0) {
            count.failures -= 1;
            count.forget_at = count.forget_at.before(reservation.prolonged);
            if count.reserved_at == reservation.reserved_at {
                count.reserved_at = reservation.previous_at;
            }
        }
        Ok(())
    }

    async fn clear(&self, bucket: BucketKey) -> Result<(), StoreError> {
        // It stays until it is pruned, so that reservations of this series are known to be of the past.
        if let Some(count) = self.tables().counts.get_mut(&bucket) {
            count.failures = 0;
            count.series = count.series.saturating_add(1);
            count.forget_at = count.reserved_at;
        }
        Ok(())
    }

    async fn prune(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let stale = tables.counts.iter().filter(|(_, count)| count.forget_at < now);
        let stale: Vec<_> = stale.map(|(bucket, _)| *bucket).take(limit).collect();
        for bucket in &stale {
            tables.counts.remove(bucket);
        }
        Ok(stale.len() as u64)
    }
}

//! Reserving failures in advance: each bucket by compare-and-set for one caller, all of them in one transaction for many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use auth_core::Timestamp;
use auth_core::store::{
    Attempt as Try, BucketKey, Count, Judgement, Limit, Reservation, Reserved, StoreError, ThrottleStore as _,
};
use sea_orm::sea_query::{ArrayType, Expr, LockBehavior, LockType, OnConflict, Query};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};

use super::throttle::{COLUMNS, count, values_of};
use super::{SeaOrmStore, Transaction, several};
use crate::entity::throttle::Column;
use crate::retry::{Attempt, Resend};
use crate::round::Round;

/// One caller wants failures counted.
pub(super) struct Reserve;

/// What it wants, after a look that did not refuse it.
#[derive(Clone)]
pub(super) struct Wanted {
    /// No two are twins: each counts by itself, in the order they came.
    place: u64,
    attempts: Vec<Try>,
    counts: Vec<Option<Count>>,
    now: Timestamp,
}

impl Wanted {
    pub(super) fn new(attempts: &[Try], counts: Vec<Option<Count>>, now: Timestamp) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { place: NEXT.fetch_add(1, Ordering::Relaxed), attempts: attempts.to_vec(), counts, now }
    }
}

impl Round for Reserve {
    type Worker = SeaOrmStore;
    type Job = Wanted;
    type Key = u64;
    type Answer = Reserved;
    /// A failure that counts twice is better than one that does not.
    const RESEND: Resend = Resend::Safe;

    fn key(wanted: &Wanted) -> u64 {
        wanted.place
    }

    fn twin(_: &Reserved) -> Option<Reserved> {
        None
    }

    async fn alone(store: &SeaOrmStore, wanted: &Wanted) -> Result<Reserved, StoreError> {
        let mut reservations = Vec::with_capacity(wanted.attempts.len());
        for (attempt, count) in wanted.attempts.iter().zip(&wanted.counts) {
            match store.reserve_one(attempt, *count, wanted.now).await? {
                Ok(reservation) => reservations.push(reservation),
                Err(until) => {
                    for reservation in &reservations {
                        store.refund(reservation).await?;
                    }
                    return Ok(Reserved::Refused { until, limit: attempt.limit });
                }
            }
        }
        Ok(Reserved::Granted(reservations))
    }

    /// The buckets are locked, each caller is judged by what those before it left, and what is left in the end is
    /// written.
    async fn together(store: &SeaOrmStore, all: &[Wanted]) -> Result<Vec<Option<Reserved>>, Attempt> {
        let transaction = store.begin().await?;
        let mut buckets = store.free_buckets(&transaction, all).await?;
        let mut changed = BTreeMap::new();
        let mut answers = Vec::with_capacity(all.len());
        for wanted in all {
            let is_free = |attempt: &Try| buckets.contains_key(&attempt.bucket);
            if !wanted.attempts.iter().all(is_free) {
                answers.push(None);
                continue;
            }
            let outcome = reserve(&wanted.attempts, &buckets, wanted.now);
            answers.push(Some(outcome.map_or_else(
                |(until, limit)| Reserved::Refused { until, limit },
                |granted| {
                    let (reservations, counts): (Vec<_>, Vec<_>) = granted.into_iter().unzip();
                    for (attempt, count) in wanted.attempts.iter().zip(counts) {
                        buckets.insert(attempt.bucket, Some(count));
                        changed.insert(attempt.bucket, count);
                    }
                    Reserved::Granted(reservations)
                },
            )));
        }
        if !changed.is_empty() {
            store.write_counts(&transaction, &changed).await?;
            transaction.commit().await?;
        }
        Ok(answers)
    }
}

/// Until when the attempts are refused, or what each leaves.
fn reserve(
    attempts: &[Try],
    buckets: &BTreeMap<BucketKey, Option<Count>>,
    now: Timestamp,
) -> Result<Vec<(Reservation, Count)>, (Timestamp, Limit)> {
    let mut granted = Vec::with_capacity(attempts.len());
    let mut refused: Option<(Timestamp, Limit)> = None;
    for attempt in attempts {
        let old = buckets.get(&attempt.bucket).copied().flatten();
        let new = match (attempt.limit.judge(old.as_ref(), now), &old) {
            (Judgement::Refused { until }, _) => {
                refused = refused.filter(|(longest, _)| *longest >= until).or(Some((until, attempt.limit)));
                continue;
            }
            (Judgement::Replace(new), _) => new,
            (Judgement::Add, Some(old)) => attempt.limit.add_to(old, now),
            // Nothing to add to: `judge` says so of counts alone.
            (Judgement::Add, None) => continue,
        };
        let previous_at = old.map_or(now, |old| old.reserved_at);
        granted.push((Reservation::new(attempt, new.series, previous_at, now), new));
    }
    refused.map_or(Ok(granted), Err)
}

impl SeaOrmStore {
    /// The buckets that nobody else has locked, which nobody changes before `transaction` ends. Where there are several
    /// writers, one without a row cannot be locked, and is left out.
    async fn free_buckets(
        &self,
        transaction: &Transaction,
        all: &[Wanted],
    ) -> Result<BTreeMap<BucketKey, Option<Count>>, DbErr> {
        let backend = self.db.write.get_database_backend();
        let buckets = all.iter().flat_map(|wanted| wanted.attempts.iter().map(|attempt| attempt.bucket));
        let mut buckets: BTreeMap<BucketKey, Option<Count>> = buckets.map(|bucket| (bucket, None)).collect();
        let keys: Vec<_> = buckets.keys().map(|bucket| bucket.as_bytes().to_vec()).collect();
        let mut select = Query::select();
        select
            .columns(COLUMNS)
            .from(self.tables.throttle.clone())
            .and_where(several::is_one_of(backend, Expr::col(Column::Bucket), ArrayType::Bytes, keys))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let rows = transaction.query_all(&select).await?;
        if backend != DbBackend::Sqlite {
            buckets.clear();
        }
        for row in &rows {
            let (bucket, found) = count(row)?;
            buckets.insert(bucket, Some(found));
        }
        Ok(buckets)
    }

    async fn write_counts(&self, transaction: &Transaction, counts: &BTreeMap<BucketKey, Count>) -> Result<(), DbErr> {
        let replace = OnConflict::column(Column::Bucket)
            .update_columns([Column::Failures, Column::Series, Column::ReservedAt, Column::ForgetAt])
            .to_owned();
        let mut upsert = Query::insert();
        upsert.into_table(self.tables.throttle.clone()).columns(COLUMNS).on_conflict(replace);
        for (bucket, count) in counts {
            upsert.values_panic(values_of(*bucket, count));
        }
        transaction.execute(&upsert).await.map(drop)
    }
}

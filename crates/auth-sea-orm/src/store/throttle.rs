//! Counters of failed attempts: one row a bucket, changed by compare-and-set.

use async_trait::async_trait;
use auth_core::Timestamp;
use auth_core::store::{
    Attempt as Try, BucketKey, Count, Forgetting, Judgement, Limit, Reservation, Reserved, StoreError, ThrottleStore,
};
use sea_orm::sea_query::{CaseStatement, Condition, Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult};

use super::SeaOrmStore;
use super::batches::in_batches;
use super::reserve::{Reserve, Wanted};
use crate::entity::throttle::Column;
use crate::error::{Failure, damaged};
use crate::retry::{Attempt, Resend, retrying};

/// How often a count that changed under our hands is judged again. Below the free number nothing is ever judged twice;
/// above it the winner makes the others wait, so the second look refuses them.
const MOST_LOOKS: u32 = 32;

#[async_trait]
impl ThrottleStore for SeaOrmStore {
    async fn reserve(&self, attempts: &[Try], now: Timestamp) -> Result<Reserved, StoreError> {
        // All of them are looked at first: to refuse, which is what happens under attack, nothing is written.
        let counts = self.counts(attempts.iter().map(|attempt| attempt.bucket)).await?;
        let refusals = attempts.iter().zip(&counts).filter_map(|(attempt, count)| {
            let judgement = attempt.limit.judge(count.as_ref(), now);
            if let Judgement::Refused { until } = judgement { Some((until, attempt.limit)) } else { None }
        });
        if let Some((until, limit)) = refusals.max_by_key(|(until, _)| *until) {
            return Ok(Reserved::Refused { until, limit });
        }
        self.rounds.call::<Reserve>(self, &Wanted::new(attempts, counts, now)).await
    }

    async fn refund(&self, reservation: &Reservation) -> Result<(), StoreError> {
        let column = Expr::col;
        let at = reservation.reserved_at.as_millis();
        let is_last = column(Column::ReservedAt).eq(at);
        let reserved_at: Expr = CaseStatement::new()
            .case(is_last, reservation.previous_at.as_millis())
            .finally(column(Column::ReservedAt))
            .into();
        let update = Query::update()
            .table(self.tables.throttle.clone())
            .value(Column::Failures, column(Column::Failures).sub(1))
            .value(Column::ForgetAt, column(Column::ForgetAt).sub(millis(reservation.prolonged)))
            .value(Column::ReservedAt, reserved_at)
            .and_where(column(Column::Bucket).eq(reservation.bucket.as_bytes().as_slice()))
            .and_where(column(Column::Series).eq(reservation.series))
            .and_where(column(Column::Failures).gt(0))
            .take();
        // Never sent again: twice would take back somebody else's failure. Lost, it stays counted.
        retrying(Resend::Never, async || {
            self.db.write.execute(&update).await?;
            Ok(())
        })
        .await
    }

    async fn clear(&self, bucket: BucketKey) -> Result<(), StoreError> {
        let update = Query::update()
            .table(self.tables.throttle.clone())
            .value(Column::Failures, 0)
            .value(Column::Series, Expr::col(Column::Series).add(1))
            .value(Column::ForgetAt, Expr::col(Column::ReservedAt))
            .and_where(Expr::col(Column::Bucket).eq(bucket.as_bytes().as_slice()))
            .take();
        retrying(Resend::Safe, async || {
            self.db.write.execute(&update).await?;
            Ok(())
        })
        .await
    }

    async fn prune(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        in_batches(limit, |batch| self.prune_batch(now, batch)).await
    }
}

impl SeaOrmStore {
    /// The reservation, or until when there is none.
    pub(super) async fn reserve_one(
        &self,
        attempt: &Try,
        mut count: Option<Count>,
        now: Timestamp,
    ) -> Result<Result<Reservation, Timestamp>, StoreError> {
        for _ in 0..MOST_LOOKS {
            let previous_at = count.map_or(now, |count| count.reserved_at);
            let (series, won) = match (attempt.limit.judge(count.as_ref(), now), &count) {
                (Judgement::Refused { until }, _) => return Ok(Err(until)),
                (Judgement::Replace(new), None) => (new.series, self.insert_count(attempt.bucket, &new).await?),
                (Judgement::Replace(new), Some(old)) => {
                    (new.series, self.replace_count(attempt.bucket, old, &new).await?)
                }
                (Judgement::Add, Some(old)) => (old.series, self.add_failure(attempt, old.series, now).await?),
                // Nothing to add to: `judge` says so of counts alone.
                (Judgement::Add, None) => (0, false),
            };
            if won {
                return Ok(Ok(Reservation::new(attempt, series, previous_at, now)));
            }
            count = self.counts([attempt.bucket]).await?.pop().flatten();
        }
        Err(StoreError::new(auth_core::store::StoreErrorKind::Unavailable, Contended))
    }

    /// The counts of these buckets, in their order. From the primary, and never from a snapshot that is older than what
    /// this caller wrote.
    async fn counts(
        &self,
        buckets: impl IntoIterator<Item = BucketKey> + Send,
    ) -> Result<Vec<Option<Count>>, StoreError> {
        let buckets: Vec<BucketKey> = buckets.into_iter().collect();
        let keys = buckets.iter().map(|bucket| bucket.as_bytes().to_vec());
        let select = Query::select()
            .columns(COLUMNS)
            .from(self.tables.throttle.clone())
            .and_where(Expr::col(Column::Bucket).is_in(keys))
            .take();
        let rows = retrying(Resend::Safe, async || Ok(self.db.read.query_all(&select).await?)).await?;
        let rows = rows.iter().map(count).collect::<Result<Vec<_>, _>>().map_err(crate::error::store_error)?;
        let find = |bucket: &BucketKey| rows.iter().find(|(found, _)| found == bucket).map(|(_, count)| *count);
        Ok(buckets.iter().map(find).collect())
    }

    /// `false` when there is a row already.
    async fn insert_count(&self, bucket: BucketKey, new: &Count) -> Result<bool, StoreError> {
        let insert = Query::insert()
            .into_table(self.tables.throttle.clone())
            .columns(COLUMNS)
            .values_panic(values_of(bucket, new))
            .take();
        // A plain INSERT: what DO NOTHING reports on MySQL depends on a flag of the connection. Sent twice, the failure
        // is counted twice at most.
        retrying(Resend::Safe, async || match self.db.write.execute(&insert).await {
            Ok(_) => Ok(true),
            Err(error) if Failure::of(&error) == Failure::Conflict => Ok(false),
            Err(error) => Err(error.into()),
        })
        .await
    }

    /// `false` when the row is not `old` any more. Sent twice, the second one loses, and the failure counts twice at
    /// most: rather that than not at all.
    async fn replace_count(&self, bucket: BucketKey, old: &Count, new: &Count) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(self.tables.throttle.clone())
            .value(Column::Failures, failures(new))
            .value(Column::Series, new.series)
            .value(Column::ReservedAt, new.reserved_at.as_millis())
            .value(Column::ForgetAt, new.forget_at.as_millis())
            .and_where(Expr::col(Column::Bucket).eq(bucket.as_bytes().as_slice()))
            .and_where(Expr::col(Column::Failures).eq(failures(old)))
            .and_where(Expr::col(Column::Series).eq(old.series))
            .and_where(Expr::col(Column::ReservedAt).eq(old.reserved_at.as_millis()))
            .take();
        self.changed(&update).await
    }

    /// One failure more, whoever else adds one. `false` when the row is not below the free number any more.
    async fn add_failure(&self, attempt: &Try, series: i64, now: Timestamp) -> Result<bool, StoreError> {
        let Limit { free, forgetting, .. } = attempt.limit;
        let forget_at = match forgetting {
            Forgetting::AllAfter(span) => Expr::val(now.after(span).as_millis()),
            Forgetting::OneEvery(span) => Expr::col(Column::ForgetAt).add(millis(span)),
        };
        let update = Query::update()
            .table(self.tables.throttle.clone())
            .value(Column::Failures, Expr::col(Column::Failures).add(1))
            .value(Column::ReservedAt, now.as_millis())
            .value(Column::ForgetAt, forget_at)
            .and_where(Expr::col(Column::Bucket).eq(attempt.bucket.as_bytes().as_slice()))
            .and_where(Expr::col(Column::Series).eq(series))
            .and_where(Expr::col(Column::Failures).lt(i64::from(free)))
            .and_where(Expr::col(Column::ForgetAt).gt(now.as_millis()))
            .take();
        self.changed(&update).await
    }

    async fn changed(&self, update: &sea_orm::sea_query::UpdateStatement) -> Result<bool, StoreError> {
        retrying(Resend::Safe, async || Ok(self.db.write.execute(update).await?.rows_affected() > 0)).await
    }

    /// Removes up to `batch` rows; how many were found, and how many of these were removed.
    async fn prune_batch(&self, now: Timestamp, batch: u64) -> Result<(u64, u64), Attempt> {
        let is_stale = Expr::col(Column::ForgetAt).lt(now.as_millis());
        let select = Query::select()
            .column(Column::Bucket)
            .from(self.tables.throttle.clone())
            .and_where(is_stale.clone())
            .limit(batch)
            .take();
        // Asked again: a row may count again meanwhile.
        let still = Condition::all().add(is_stale);
        self.remove_found(&self.tables.throttle, Column::Bucket, &select, Some(still)).await
    }
}

/// What [`count`] reads, and [`values_of`] writes.
pub(super) const COLUMNS: [Column; 5] =
    [Column::Bucket, Column::Failures, Column::Series, Column::ReservedAt, Column::ForgetAt];

pub(super) fn values_of(bucket: BucketKey, count: &Count) -> [Expr; 5] {
    [
        bucket.as_bytes().as_slice().into(),
        failures(count).into(),
        count.series.into(),
        count.reserved_at.as_millis().into(),
        count.forget_at.as_millis().into(),
    ]
}

pub(super) fn count(row: &QueryResult) -> Result<(BucketKey, Count), DbErr> {
    let bucket: Vec<u8> = row.try_get("", "bucket")?;
    let bucket = bucket.try_into().map_err(|_| damaged("bucket"))?;
    let failures: i32 = row.try_get("", "failures")?;
    let count = Count {
        failures: u32::try_from(failures).map_err(|_| damaged("failures"))?,
        series: row.try_get("", "series")?,
        reserved_at: Timestamp::from_millis(row.try_get("", "reserved_at")?),
        forget_at: Timestamp::from_millis(row.try_get("", "forget_at")?),
    };
    Ok((BucketKey::from_bytes(bucket), count))
}

fn failures(count: &Count) -> i32 {
    i32::try_from(count.failures).unwrap_or(i32::MAX)
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[derive(Debug, thiserror::Error)]
#[error("a counter of failures changed too often")]
struct Contended;

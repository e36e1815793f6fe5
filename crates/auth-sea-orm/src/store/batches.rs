//! Removing what is over, a little at a time.

use auth_core::store::StoreError;
use sea_orm::sea_query::{Condition, DynIden, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, Iden};

use super::SeaOrmStore;
use crate::retry::{Attempt, Resend, retrying};

/// How many rows one DELETE removes: short enough to hold up nobody, and below every limit on bound values.
const BATCH: u64 = 500;

/// Removes up to `limit` rows and says how many. `remove` is told how many to look for, and says how many it found and
/// how many of these it removed.
pub(super) async fn in_batches<F>(limit: u64, remove: impl Fn(u64) -> F + Sync) -> Result<u64, StoreError>
where
    F: Future<Output = Result<(u64, u64), Attempt>> + Send,
{
    let mut removed = 0;
    while removed < limit {
        let batch = Ord::min(BATCH, limit - removed);
        let (found, deleted) = retrying(Resend::Safe, || remove(batch)).await?;
        removed += deleted;
        // Fewer than asked for: these were the last. None removed: somebody else is at it.
        if found < batch || deleted == 0 {
            break;
        }
    }
    Ok(removed)
}

impl SeaOrmStore {
    /// Removes the rows of `table` whose `key` is among what `found` selects, as far as they are `still` to go; how many
    /// were found, and how many of these were removed. Two statements: MySQL has no LIMIT in a subquery of IN.
    pub(super) async fn remove_found(
        &self,
        table: &DynIden,
        key: impl Iden,
        found: &SelectStatement,
        still: Option<Condition>,
    ) -> Result<(u64, u64), Attempt> {
        let rows = self.db.read.query_all(found).await?;
        if rows.is_empty() {
            return Ok((0, 0));
        }
        let name = key.unquoted().to_owned();
        let keys = rows.iter().map(|row| row.try_get::<Vec<u8>>("", &name)).collect::<Result<Vec<_>, _>>()?;
        let mut delete = Query::delete();
        delete.from_table(table.clone()).and_where(Expr::col(key).is_in(keys));
        if let Some(still) = still {
            delete.cond_where(still);
        }
        let done = self.db.write.execute(&delete).await?;
        Ok((rows.len() as u64, done.rows_affected()))
    }
}

//! Removing what is over, a little at a time.

use auth_core::store::StoreError;

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

//! How many rows there are.

use auth_core::store::StoreError;
use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Alias, Asterisk, Expr, Func, Query, SelectStatement};

use super::{SeaOrmStore, row};
use crate::retry::{Resend, retrying};

/// What the count is called in the answer.
const COUNTED: &str = "counted";

/// The largest number that every database takes for a limit.
const MOST: u64 = i64::MAX as u64;

impl SeaOrmStore {
    /// How many rows `rows` finds, which selects nothing yet: no more than `most` are looked at.
    pub(super) async fn count_up_to(&self, most: u64, mut rows: SelectStatement) -> Result<u64, StoreError> {
        rows.expr_as(Expr::val(1), Alias::new("one")).limit(most.min(MOST));
        self.count_all(Query::select().from_subquery(rows, Alias::new("some"))).await
    }

    /// How many rows `rows` finds, which selects nothing yet.
    pub(super) async fn count_all(&self, rows: &mut SelectStatement) -> Result<u64, StoreError> {
        let select = rows.expr_as(Func::count(Expr::col(Asterisk)), Alias::new(COUNTED));
        retrying(Resend::Safe, async || {
            let row = self.db.read.query_one(&*select).await?;
            let counted = row.map(|row| row.try_get::<i64>("", COUNTED)).transpose()?.unwrap_or_default();
            Ok(row::counter(counted, "count")?)
        })
        .await
    }
}

//! Counters of failed attempts.

use sea_orm::entity::prelude::*;

/// A counter. It holds no address: the bucket is a keyed hash, cut down to a fixed number of buckets.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_throttle")]
pub struct Model {
    /// 16 bytes, an `auth_core::store::BucketKey`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub bucket: Vec<u8>,
    /// Failures, and attempts that are not decided yet.
    pub failures: i32,
    /// Tells one series of failures from the next.
    pub series: i64,
    /// When the last attempt was let through, in milliseconds since 1970.
    pub reserved_at: i64,
    /// From then on the row counts for nothing.
    pub forget_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

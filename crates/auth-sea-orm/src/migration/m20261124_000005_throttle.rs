//! The counters of failed attempts.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::Table;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{column, create_table, drop_table, migration};
use crate::entity::throttle::Column;

migration!("m20261124_000005_throttle");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No index on `forget_at`: it changes at every login, which PostgreSQL then could not do in place. The pruning
        // scans instead.
        create_table(
            manager,
            Table::create()
                .table(self.tables.throttle.clone())
                .col(column(Column::Bucket).binary_len(16).not_null().primary_key())
                .col(column(Column::Failures).integer().not_null())
                .col(column(Column::Series).big_integer().not_null())
                .col(column(Column::ReservedAt).big_integer().not_null())
                .col(column(Column::ForgetAt).big_integer().not_null()),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, &self.tables.throttle).await
    }
}

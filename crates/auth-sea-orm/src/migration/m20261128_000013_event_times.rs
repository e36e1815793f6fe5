//! How often something happened that is counted, not kept one by one.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{add_column, column, drop_column, migration};
use crate::entity::event::Column;

migration!("m20261128_000013_event_times");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let times = column(Column::Times).big_integer().not_null().default(1).take();
        add_column(manager, &self.tables.events, times).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, &self.tables.events, Column::Times).await
    }
}

//! What events say beside their name, and what admins did.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{add_column, column, create_index, drop_column, drop_index, index, migration};
use crate::entity::event::Column;

migration!("m20261128_000012_event_details");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.events;
        add_column(manager, table, column(Column::Details).string_len(64).null().take()).await?;
        // Ends with the id, by which the trail is sorted and cut.
        create_index(manager, table, "actor", index().col(Column::ActorId).col(Column::Id)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.events;
        drop_index(manager, table, "actor").await?;
        drop_column(manager, table, Column::Details).await
    }
}

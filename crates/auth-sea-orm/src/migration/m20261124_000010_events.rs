//! The audit trail.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::Table;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{column, create_index, create_table, drop_table, index, migration};
use crate::entity::event::Column;

migration!("m20261124_000010_events");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.events;
        create_table(
            manager,
            Table::create()
                .table(table.clone())
                .col(column(Column::Id).binary_len(16).not_null().primary_key())
                .col(column(Column::At).big_integer().not_null())
                .col(column(Column::Kind).string_len(64).not_null())
                .col(column(Column::Outcome).string_len(16).not_null())
                .col(column(Column::UserId).string_len(64).null())
                .col(column(Column::ActorId).string_len(64).null())
                .col(column(Column::SessionId).binary_len(16).null())
                .col(column(Column::TokenId).binary_len(16).null())
                .col(column(Column::Ip).string_len(45).null())
                .col(column(Column::UserAgent).string_len(255).null()),
        )
        .await?;
        // Each ends with the id, by which the trail is sorted and cut.
        for (suffix, column) in [("user", Column::UserId), ("kind", Column::Kind)] {
            create_index(manager, table, suffix, index().col(column).col(Column::Id)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, &self.tables.events).await
    }
}

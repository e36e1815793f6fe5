//! Personal access tokens.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::Table;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{column, create_index, create_table, drop_table, index, migration};
use crate::entity::token::Column;

migration!("m20261124_000007_token");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.token;
        create_table(
            manager,
            Table::create()
                .table(table.clone())
                .col(column(Column::Id).binary_len(16).not_null().primary_key())
                .col(column(Column::Hash).binary_len(32).not_null())
                .col(column(Column::UserId).string_len(64).not_null())
                .col(column(Column::CredEpoch).big_integer().not_null())
                .col(column(Column::Name).string_len(100).not_null())
                .col(column(Column::Scopes).string_len(1000).null())
                .col(column(Column::CreatedAt).big_integer().not_null())
                .col(column(Column::ExpiresAt).big_integer().not_null())
                .col(column(Column::LastUsedAt).big_integer().null()),
        )
        .await?;
        create_index(manager, table, "hash", index().unique().col(Column::Hash)).await?;
        create_index(manager, table, "user", index().col(Column::UserId)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, &self.tables.token).await
    }
}

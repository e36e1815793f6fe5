//! The users.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::Table;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{column, create_index, create_table, drop_table, index, migration};
use crate::entity::user::Column;

migration!("m20260101_000001_user");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.user;
        create_table(
            manager,
            Table::create()
                .table(table.clone())
                .col(column(Column::Id).string_len(64).not_null().primary_key())
                .col(column(Column::Email).string_len(254).not_null())
                .col(column(Column::EmailKey).var_binary(254).not_null())
                .col(column(Column::PasswordHash).string_len(255).null())
                .col(column(Column::Status).string_len(16).not_null())
                .col(column(Column::Role).string_len(64).null())
                .col(column(Column::AppAccess).boolean().not_null())
                .col(column(Column::AdminAccess).boolean().not_null())
                .col(column(Column::CreatedAt).big_integer().not_null()),
        )
        .await?;
        create_index(manager, table, "email_key", index().unique().col(Column::EmailKey)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, &self.tables.user).await
    }
}

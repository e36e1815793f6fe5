//! What the credentials of users are worth.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::Table;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{column, create_table, drop_table, migration};
use crate::entity::user_state::Column;

migration!("m20260101_000002_user_state");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(
            manager,
            Table::create()
                .table(self.tables.user_state.clone())
                .col(column(Column::UserId).string_len(64).not_null().primary_key())
                .col(column(Column::CredEpoch).big_integer().not_null()),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, &self.tables.user_state).await
    }
}

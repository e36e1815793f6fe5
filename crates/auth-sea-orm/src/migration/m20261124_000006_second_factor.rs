//! The second factor of a user, active and pending, and the recovery codes.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::{Index, Table};
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{add_column, column, create_table, drop_column, drop_table, migration};
use crate::entity::recovery_code;
use crate::entity::user_state::Column;

migration!("m20261124_000006_second_factor");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.user_state;
        for column in [
            column(Column::FactorSecret).var_binary(255).null().take(),
            column(Column::FactorStep).big_integer().null().take(),
            column(Column::PendingSecret).var_binary(255).null().take(),
            column(Column::PendingSession).binary_len(16).null().take(),
            column(Column::PendingAt).big_integer().null().take(),
        ] {
            add_column(manager, table, column).await?;
        }
        let (user_id, hash) = (recovery_code::Column::UserId, recovery_code::Column::Hash);
        create_table(
            manager,
            Table::create()
                .table(self.tables.recovery_code.clone())
                .col(column(user_id).string_len(64).not_null())
                .col(column(hash).binary_len(32).not_null())
                .col(column(recovery_code::Column::UsedAt).big_integer().null())
                .primary_key(Index::create().col(user_id).col(hash)),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, &self.tables.recovery_code).await?;
        for column in
            [Column::PendingAt, Column::PendingSession, Column::PendingSecret, Column::FactorStep, Column::FactorSecret]
        {
            drop_column(manager, &self.tables.user_state, column).await?;
        }
        Ok(())
    }
}

//! Since when, and from which epoch on, the access tokens of a user count: guards are fed with it.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{add_column, column, create_index, drop_column, drop_index, index, migration};
use crate::entity::user_state::Column;

migration!("m20261124_000004_all_ended");

const INDEX: &str = "ended";

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.user_state;
        add_column(manager, table, column(Column::LowestEpoch).big_integer().not_null().default(0).take()).await?;
        add_column(manager, table, column(Column::AllEndedAt).big_integer().null().take()).await?;
        create_index(manager, table, INDEX, index().col(Column::AllEndedAt)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.user_state;
        drop_index(manager, table, INDEX).await?;
        drop_column(manager, table, Column::AllEndedAt).await?;
        drop_column(manager, table, Column::LowestEpoch).await
    }
}

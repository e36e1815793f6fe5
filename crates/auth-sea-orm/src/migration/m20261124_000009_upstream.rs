//! What users who live elsewhere looked like when they were last seen.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{add_column, column, drop_column, migration};
use crate::entity::user_state::Column;

migration!("m20261124_000009_upstream");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, &self.tables.user_state, column(Column::Upstream).binary_len(32).null().take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, &self.tables.user_state, Column::Upstream).await
    }
}

//! A user's live sessions without a look at those that ended: whoever signs in all day leaves many.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{create_index, drop_index, index, migration};
use crate::entity::session::Column;

migration!("m20261128_000015_session_alive");

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.session;
        create_index(manager, table, "alive", index().col(Column::UserId).col(Column::RevokedAt)).await?;
        drop_index(manager, table, "user").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = &self.tables.session;
        create_index(manager, table, "user", index().col(Column::UserId)).await?;
        drop_index(manager, table, "alive").await
    }
}

//! What lists of users are read from.

use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::{create_index, drop_index, index, migration};
use crate::entity::user::Column;

migration!("m20261124_000011_user_lists");

/// Each ends with the id, by which lists are sorted. A login changes none of these columns.
const INDEXES: [(&str, Column); 3] =
    [("status", Column::Status), ("role", Column::Role), ("admin_access", Column::AdminAccess)];

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (suffix, column) in INDEXES {
            create_index(manager, &self.tables.user, suffix, index().col(column).col(Column::Id)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (suffix, _) in INDEXES {
            drop_index(manager, &self.tables.user, suffix).await?;
        }
        Ok(())
    }
}

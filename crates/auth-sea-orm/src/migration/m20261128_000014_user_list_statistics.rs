//! What PostgreSQL needs to know for lists of users by several columns: status, role and access are not independent, and a
//! planner that takes them for it reads a million users in order to find none.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, IdenStatic as _};
use sea_orm_migration::{MigrationTrait, SchemaManager};

use super::migration;
use crate::entity::user::Column;

migration!("m20261128_000014_user_list_statistics");

impl Migration {
    fn name_of_statistics(&self) -> String {
        format!("{}_lists", self.tables.user)
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let (name, table) = (self.name_of_statistics(), &self.tables.user);
        let columns = [Column::Status, Column::Role, Column::AdminAccess].map(|column| column.as_str()).join(", ");
        let create = format!("CREATE STATISTICS IF NOT EXISTS \"{name}\" (mcv) ON {columns} FROM \"{table}\"");
        manager.get_connection().execute_unprepared(&create).await?;
        // From then on the server does so by itself.
        manager.get_connection().execute_unprepared(&format!("ANALYZE \"{table}\"")).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let drop_statistics = format!("DROP STATISTICS IF EXISTS \"{}\"", self.name_of_statistics());
        manager.get_connection().execute_unprepared(&drop_statistics).await.map(drop)
    }
}

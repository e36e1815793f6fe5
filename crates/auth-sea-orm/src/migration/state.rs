//! Which migrations ran, found out without writing anything.

use sea_orm::sea_query::{Alias, Expr, Order, Query};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr};
use sea_orm_migration::{MigratorTraitSelf as _, SchemaManager};

use super::Migrations;

/// A migration, and whether it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationState {
    /// Its name, which begins with the prefix of the tables.
    pub name: String,
    /// Whether it ran.
    pub status: MigrationStatus,
}

/// Whether a migration ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationStatus {
    /// It did.
    Applied,
    /// Not yet: [`SeaOrmStore::migrate`](crate::SeaOrmStore::migrate) runs it.
    Pending,
    /// It did, and this version does not know it: the tables are those of a newer one.
    Unknown,
}

impl Migrations {
    pub(crate) async fn states(&self, db: &DatabaseConnection) -> Result<Vec<MigrationState>, DbErr> {
        let applied = self.applied(db).await?;
        let known: Vec<_> = self.all().iter().map(|migration| migration.name().to_owned()).collect();
        let unknown = applied.iter().filter(|name| !known.contains(name)).cloned();
        let unknown: Vec<_> = unknown.map(|name| MigrationState { name, status: MigrationStatus::Unknown }).collect();
        let state = |name: String| {
            let status = if applied.contains(&name) { MigrationStatus::Applied } else { MigrationStatus::Pending };
            MigrationState { name, status }
        };
        Ok(known.into_iter().map(state).chain(unknown).collect())
    }

    async fn applied(&self, db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
        let table = self.migration_table_name();
        if !SchemaManager::new(db).has_table(table.to_string()).await? {
            return Ok(Vec::new());
        }
        let version = || Alias::new("version");
        let select = Query::select().expr(Expr::col(version())).from(table).order_by(version(), Order::Asc).take();
        db.query_all(&select).await?.iter().map(|row| row.try_get("", "version")).collect()
    }
}

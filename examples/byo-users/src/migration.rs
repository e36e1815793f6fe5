//! The tables: the app's own, and those of auth among them.
#![allow(
    elided_lifetimes_in_paths,
    reason = "sea-orm's trait elides them, and async_trait makes another signature of `<'_>`"
)]

use std::time::Duration;

use async_trait::async_trait;
use auth_sea_orm::{Migrations, TablePrefix};
use sea_orm::sea_query::Table;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, string_len, string_len_null, string_len_uniq,
};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

use crate::customer::{Column, Entity};

/// Opens the database and brings its tables up to date.
///
/// # Errors
/// When the database does not answer, or refuses.
pub async fn open(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    // Statements carry addresses and hashes, which are for no log.
    options.sqlx_logging(false).record_stmt_in_spans(false).acquire_timeout(Duration::from_secs(5));
    options.map_sqlx_sqlite_opts(|sqlite| {
        // A session that was ended stays ended, also after a power cut.
        sqlite.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    });
    let db = Database::connect(options).await?;
    Migrator::up(&db, None).await?;
    Ok(db)
}

/// All migrations of the app.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = Migrations::new(&TablePrefix::default()).all();
        all.push(Box::new(CreateCustomer));
        all
    }
}

struct CreateCustomer;

impl MigrationName for CreateCustomer {
    fn name(&self) -> &str {
        "m20260101_000001_customer"
    }
}

#[async_trait]
impl MigrationTrait for CreateCustomer {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table(Entity)
            .col(big_pk_auto(Column::Id))
            .col(string_len(Column::Email, 254))
            .col(string_len_uniq(Column::EmailKey, 254))
            .col(string_len_null(Column::PasswordHash, 255))
            .col(string_len_null(Column::Role, 64))
            .col(boolean(Column::IsAdmin))
            .col(string_len(Column::DisplayName, 254))
            .col(boolean(Column::Newsletter))
            .col(big_integer(Column::CreatedAt))
            .col(big_integer_null(Column::DeletedAt));
        if manager.get_database_backend() == DbBackend::MySql {
            // Its usual collations take jose@ for josé@, and one hash for another.
            table.character_set("utf8mb4").collate("utf8mb4_bin");
        }
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Entity).take()).await
    }
}

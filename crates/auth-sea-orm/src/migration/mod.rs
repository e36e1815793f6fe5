//! Our migrations, with a table of their own that says which of them ran.
#![allow(
    elided_lifetimes_in_paths,
    reason = "sea-orm's trait elides them, and async_trait makes another signature of `<'_>`"
)]

mod m20260101_000001_user;
mod m20260101_000002_user_state;
mod m20260101_000003_session;
mod m20261124_000004_all_ended;
mod m20261124_000005_throttle;
mod m20261124_000006_second_factor;
mod m20261124_000007_token;
mod m20261124_000009_upstream;
mod m20261124_000010_events;
mod m20261124_000011_user_lists;
mod m20261128_000012_event_details;
mod m20261128_000013_event_times;
mod m20261128_000014_user_list_statistics;
mod m20261128_000015_session_alive;
mod state;

pub use state::{MigrationState, MigrationStatus};

use std::panic::resume_unwind;
use std::sync::Arc;

use sea_orm::sea_query::{ColumnDef, DynIden, Index, IndexCreateStatement, IntoIden, Table, TableCreateStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IdenStatic, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf, SchemaManager};

use crate::tables::{TablePrefix, Tables};

/// Our migrations under one table prefix.
///
/// [`SeaOrmStore::migrate`](crate::SeaOrmStore::migrate) runs them. An app that has migrations of its own may list ours
/// among them instead; their names start with the prefix, and never change.
///
/// ```
/// use auth_sea_orm::{Migrations, TablePrefix};
/// use sea_orm_migration::{MigrationName as _, MigrationTrait, MigratorTrait};
///
/// struct Migrator;
///
/// impl MigratorTrait for Migrator {
///     fn migrations() -> Vec<Box<dyn MigrationTrait>> {
///         let mut all = Migrations::new(&TablePrefix::default()).all();
///         all.extend([/* the app's own */]);
///         all
///     }
/// }
/// assert!(Migrator::migrations().iter().all(|migration| migration.name().starts_with("auth_")));
/// ```
#[derive(Debug, Clone)]
pub struct Migrations {
    prefix: TablePrefix,
    tables: Arc<Tables>,
}

impl Migrations {
    /// The migrations of the tables with this prefix.
    #[must_use]
    pub fn new(prefix: &TablePrefix) -> Self {
        Self { prefix: prefix.clone(), tables: Arc::new(Tables::new(prefix)) }
    }

    /// All of them, in order.
    #[must_use]
    pub fn all(&self) -> Vec<Box<dyn MigrationTrait>> {
        let (prefix, tables) = (&self.prefix, &self.tables);
        vec![
            Box::new(m20260101_000001_user::Migration::new(prefix, tables)),
            Box::new(m20260101_000002_user_state::Migration::new(prefix, tables)),
            Box::new(m20260101_000003_session::Migration::new(prefix, tables)),
            Box::new(m20261124_000004_all_ended::Migration::new(prefix, tables)),
            Box::new(m20261124_000005_throttle::Migration::new(prefix, tables)),
            Box::new(m20261124_000006_second_factor::Migration::new(prefix, tables)),
            Box::new(m20261124_000007_token::Migration::new(prefix, tables)),
            Box::new(m20261124_000009_upstream::Migration::new(prefix, tables)),
            Box::new(m20261124_000010_events::Migration::new(prefix, tables)),
            Box::new(m20261124_000011_user_lists::Migration::new(prefix, tables)),
            Box::new(m20261128_000012_event_details::Migration::new(prefix, tables)),
            Box::new(m20261128_000013_event_times::Migration::new(prefix, tables)),
            Box::new(m20261128_000014_user_list_statistics::Migration::new(prefix, tables)),
            Box::new(m20261128_000015_session_alive::Migration::new(prefix, tables)),
        ]
    }

    /// Applies what is pending. Of several processes that start at once, one does it and the others wait.
    pub(crate) async fn run(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        self.change(db, Way::Up).await
    }

    /// Takes back the last `steps` of them, with all that is in their tables and columns.
    pub(crate) async fn roll_back(&self, db: &DatabaseConnection, steps: u32) -> Result<(), DbErr> {
        self.change(db, Way::Down(steps)).await
    }

    /// In a task of its own, which goes on when nobody waits for it any more: MySQL would keep what was done so far, and
    /// the connection would go back to its pool with the lock, for which the next one waits in vain.
    async fn change(&self, db: &DatabaseConnection, way: Way) -> Result<(), DbErr> {
        let (migrations, db) = (self.clone(), db.clone());
        let done = tokio::spawn(async move { migrations.change_locked(&db, way).await }).await;
        done.unwrap_or_else(|gone| match gone.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(DbErr::Conn(RuntimeErr::Internal("the runtime stopped during a migration".to_owned()))),
        })
    }

    async fn change_locked(&self, db: &DatabaseConnection, way: Way) -> Result<(), DbErr> {
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let transaction = db.begin_with_options(immediate).await?;
        lock(&transaction).await?;
        let changed = match way {
            Way::Up => self.up(&transaction, None).await,
            Way::Down(steps) => self.down(&transaction, Some(steps)).await,
        };
        let unlocked = unlock(&transaction).await;
        // What went wrong first says why.
        changed?;
        unlocked?;
        transaction.commit().await
    }
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down(u32),
}

impl MigratorTraitSelf for Migrations {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.all()
    }

    fn migration_table_name(&self) -> DynIden {
        self.prefix.iden("migrations")
    }
}

/// SQLite needs no more than the transaction, which began as a writer. PostgreSQL's lock ends with the transaction.
/// MySQL commits at every DDL statement, so there the lock belongs to the connection, which the transaction holds.
async fn lock(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    let sql = match transaction.get_database_backend() {
        DbBackend::Postgres => "SELECT CAST(pg_advisory_xact_lock(7022369437839550323) AS TEXT)",
        DbBackend::MySql => "SELECT GET_LOCK(CONCAT('auth_migrations.', MD5(DATABASE())), 60) AS locked",
        _ => return Ok(()),
    };
    let row = transaction.query_one_raw(Statement::from_string(transaction.get_database_backend(), sql)).await?;
    match (transaction.get_database_backend(), row) {
        (DbBackend::MySql, Some(row)) if row.try_get::<Option<i64>>("", "locked")? != Some(1) => {
            Err(DbErr::Conn(RuntimeErr::Internal("another migration takes too long".to_owned())))
        }
        _ => Ok(()),
    }
}

async fn unlock(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::MySql {
        let sql = "DO RELEASE_LOCK(CONCAT('auth_migrations.', MD5(DATABASE())))";
        transaction.execute_unprepared(sql).await?;
    }
    Ok(())
}

/// Creates `table` in a way that can be repeated: MySQL keeps the first half of a migration whose second half failed.
///
/// Text must compare bytewise, also by its trailing spaces: two ids that differ are two users. SQLite and PostgreSQL do
/// that anyway, MySQL and MariaDB have a collation each for it.
async fn create_table(manager: &SchemaManager<'_>, table: &mut TableCreateStatement) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::MySql {
        let version = Statement::from_string(DbBackend::MySql, "SELECT VERSION() AS version");
        let version = manager.get_connection().query_one_raw(version).await?;
        let version = version.map(|row| row.try_get::<String>("", "version")).transpose()?.unwrap_or_default();
        let collation = if version.contains("MariaDB") { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
        table.engine("InnoDB").character_set("utf8mb4").collate(collation);
    }
    manager.create_table(table.if_not_exists().to_owned()).await
}

async fn create_index(
    manager: &SchemaManager<'_>,
    table: &DynIden,
    suffix: &str,
    index: &mut IndexCreateStatement,
) -> Result<(), DbErr> {
    let name = format!("{table}_{suffix}");
    if manager.has_index(table.to_string(), &name).await? {
        return Ok(());
    }
    manager.create_index(index.name(name).table(table.clone()).to_owned()).await
}

async fn drop_index(manager: &SchemaManager<'_>, table: &DynIden, suffix: &str) -> Result<(), DbErr> {
    let name = format!("{table}_{suffix}");
    if !manager.has_index(table.to_string(), &name).await? {
        return Ok(());
    }
    manager.drop_index(Index::drop().name(name).table(table.clone()).to_owned()).await
}

/// Adds a column to a table that may have rows: it must be nullable or have a default.
async fn add_column(manager: &SchemaManager<'_>, table: &DynIden, column: ColumnDef) -> Result<(), DbErr> {
    if manager.has_column(table.to_string(), column.get_column_name()).await? {
        return Ok(());
    }
    manager.alter_table(Table::alter().table(table.clone()).add_column(column).to_owned()).await
}

async fn drop_column(manager: &SchemaManager<'_>, table: &DynIden, column: impl IdenStatic) -> Result<(), DbErr> {
    if !manager.has_column(table.to_string(), column.as_str()).await? {
        return Ok(());
    }
    manager.alter_table(Table::alter().table(table.clone()).drop_column(column).to_owned()).await
}

async fn drop_table(manager: &SchemaManager<'_>, table: &DynIden) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(table.clone()).if_exists().to_owned()).await
}

fn column(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name)
}

fn index() -> IndexCreateStatement {
    Index::create()
}

/// The struct of one migration: its name, and the names of the tables it works on.
macro_rules! migration {
    ($version:literal) => {
        pub(super) struct Migration {
            name: String,
            tables: std::sync::Arc<crate::tables::Tables>,
        }

        impl Migration {
            pub(super) fn new(
                prefix: &crate::tables::TablePrefix,
                tables: &std::sync::Arc<crate::tables::Tables>,
            ) -> Self {
                Self { name: prefix.name($version), tables: tables.clone() }
            }
        }

        impl sea_orm_migration::MigrationName for Migration {
            fn name(&self) -> &str {
                &self.name
            }
        }
    };
}
use migration;

//! Opens a database the way this store wants it.

use std::time::Duration;

use auth_core::store::StoreError;
use sea_orm::{ConnectOptions, DatabaseConnection, DbErr};

use crate::error::store_error;

/// After this long without a free connection the database counts as not available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection in steady use is not tested before each statement: that would be another round trip. One that rested
/// longer than this is, since firewalls forget and servers restart.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const TEST_AFTER_REST: Duration = Duration::from_secs(10);
/// How long SQLite waits for another process to finish writing (requirement F3).
#[cfg(feature = "sqlite")]
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
#[cfg(feature = "sqlite")]
const SQLITE_READERS: u32 = 4;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No database of this kind, or its Cargo feature is off.
    #[error("not a database URL for this build: expected sqlite:, postgres: or mysql:, each with its Cargo feature")]
    Unsupported,
    /// The URL has a mistake.
    #[error("the database URL cannot be read")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database did not answer, or refused.
    #[error("the database could not be opened")]
    Store(#[source] StoreError),
}

/// Where statements go. Both are the same pool, except for SQLite files.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) write: DatabaseConnection,
    pub(crate) read: DatabaseConnection,
}

impl From<DatabaseConnection> for Connections {
    fn from(db: DatabaseConnection) -> Self {
        Self { write: db.clone(), read: db }
    }
}

pub(crate) async fn connect(url: &str) -> Result<Connections, ConnectError> {
    match url.split(':').next() {
        #[cfg(feature = "sqlite")]
        Some("sqlite") => sqlite(url).await,
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => postgres(url).await,
        #[cfg(feature = "mysql")]
        Some("mysql" | "mariadb") => mysql(url).await,
        _ => Err(ConnectError::Unsupported),
    }
}

/// One connection writes, so that writers queue in order instead of fighting for SQLite's lock; a few others read
/// beside it, which WAL allows. A database in memory belongs to one connection and is gone with it.
#[cfg(feature = "sqlite")]
async fn sqlite(url: &str) -> Result<Connections, ConnectError> {
    use sea_orm::sqlx::ConnectOptions as _;
    use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let driver: SqliteConnectOptions = parse(url)?;
    let driver = driver.busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    let open = async |driver: SqliteConnectOptions, connections: u32| {
        let mut options = pool("sqlite::memory:");
        options
            .min_connections(u32::from(in_memory))
            .max_connections(connections)
            .idle_timeout(None::<Duration>)
            .max_lifetime(None::<Duration>)
            .map_sqlx_sqlite_opts(move |_| driver.clone());
        sea_orm::SqlxSqliteConnector::connect(options).await.map_err(refused)
    };

    if in_memory {
        return Ok(open(driver, 1).await?.into());
    }
    // FULL: a session that was ended stays ended, also after a power cut.
    let writer = driver.clone().journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let write = open(writer, 1).await?;
    let read = open(driver.create_if_missing(false).pragma("query_only", "ON"), SQLITE_READERS).await?;
    Ok(Connections { write, read })
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Connections, ConnectError> {
    use sea_orm::sqlx::ConnectOptions as _;
    use sea_orm::sqlx::postgres::PgConnectOptions;

    let driver = parse::<PgConnectOptions>(url)?.disable_statement_logging();
    let mut options = pool("postgres://localhost");
    options.test_before_acquire_if_idle_for(TEST_AFTER_REST).map_sqlx_postgres_opts(move |_| driver.clone());
    Ok(sea_orm::SqlxPostgresConnector::connect(options).await.map_err(refused)?.into())
}

#[cfg(feature = "mysql")]
async fn mysql(url: &str) -> Result<Connections, ConnectError> {
    use sea_orm::sqlx::ConnectOptions as _;
    use sea_orm::sqlx::mysql::MySqlConnectOptions;

    let driver = parse::<MySqlConnectOptions>(url)?.disable_statement_logging();
    let mut options = pool("mysql://localhost");
    options.test_before_acquire_if_idle_for(TEST_AFTER_REST).map_sqlx_mysql_opts(move |_| driver.clone());
    Ok(sea_orm::SqlxMySqlConnector::connect(options).await.map_err(refused)?.into())
}

/// Pool settings behind a URL that stands in for the real one: sea-orm records its options, URL and password included,
/// in a tracing span.
fn pool(stand_in: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(stand_in);
    options.acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false).sqlx_logging(false).record_stmt_in_spans(false);
    options
}

fn parse<O: std::str::FromStr<Err = sea_orm::sqlx::Error>>(url: &str) -> Result<O, ConnectError> {
    url.parse().map_err(|error| ConnectError::Url(Box::new(error)))
}

fn refused(error: DbErr) -> ConnectError {
    ConnectError::Store(store_error(error))
}

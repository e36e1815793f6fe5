//! Opens a database the way this store wants it.

use std::time::Duration;

use auth_core::store::StoreError;
use sea_orm::{ConnectOptions, DatabaseConnection, DbErr};

use crate::error::store_error;

/// How long to wait for a free connection to a server, and for a new one to be made. Short, so that a network that is
/// there again is of use at once: whoever knocked while it swallowed everything waits in vain. The deadline of an
/// operation is longer, and the next try joins the queue again.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const SERVER_ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long a connection that is given back may take to say that it is sound.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// A file is there or not: waiting for its one writer is waiting in line.
#[cfg(feature = "sqlite")]
const SQLITE_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
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

/// Whose database it is. What belongs to others is opened without leaving a trace: an SQLite file is neither made nor
/// switched to another journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Us,
    #[cfg(feature = "directus")]
    Others,
}

#[cfg_attr(not(feature = "sqlite"), allow(unused_variables, reason = "only files are opened in two ways"))]
pub(crate) async fn connect(url: &str, owner: Owner) -> Result<Connections, ConnectError> {
    match url.split(':').next() {
        #[cfg(feature = "sqlite")]
        Some("sqlite") => sqlite(url, owner).await,
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
async fn sqlite(url: &str, owner: Owner) -> Result<Connections, ConnectError> {
    use sea_orm::sqlx::ConnectOptions as _;
    use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let driver: SqliteConnectOptions = parse(url)?;
    let driver = driver.busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    let open = async |driver: SqliteConnectOptions, connections: u32| {
        let mut options = pool("sqlite::memory:", SQLITE_ACQUIRE_TIMEOUT);
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
    if owner == Owner::Us && url.contains("mode=rwc") {
        make_private(driver.get_filename());
    }
    // FULL: a session that was ended stays ended, also after a power cut.
    let writer = driver.clone().synchronous(SqliteSynchronous::Full);
    let writer = match owner {
        Owner::Us => writer.journal_mode(SqliteJournalMode::Wal),
        #[cfg(feature = "directus")]
        Owner::Others => writer.create_if_missing(false),
    };
    let write = open(writer, 1).await?;
    let read = open(driver.create_if_missing(false).pragma("query_only", "ON"), SQLITE_READERS).await?;
    Ok(Connections { write, read })
}

/// A database has addresses and password hashes: SQLite would make a file that whoever has an account on the machine may
/// read, as may what it makes beside it, which gets the same mode. One that is there stays as it is, and when this fails,
/// SQLite says why.
#[cfg(all(feature = "sqlite", unix))]
fn make_private(path: &std::path::Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
}

#[cfg(all(feature = "sqlite", not(unix)))]
fn make_private(_: &std::path::Path) {}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Connections, ConnectError> {
    use sea_orm::sqlx::postgres::PgConnectOptions;
    use sea_orm::sqlx::{ConnectOptions as _, Executor as _};

    let driver = parse::<PgConnectOptions>(url)?.disable_statement_logging();
    let mut options = pool("postgres://localhost", SERVER_ACQUIRE_TIMEOUT);
    options
        .test_before_acquire_if_idle_for(TEST_AFTER_REST)
        .map_sqlx_postgres_opts(move |_| driver.clone())
        .map_sqlx_postgres_pool_opts(|pool| {
            let pool = pool.after_release(|connection, _| Box::pin(is_sound(connection)));
            pool.after_connect(|connection, _| Box::pin(async { connection.execute(PREPARE_POSTGRES).await.map(drop) }))
        });
    Ok(sea_orm::SqlxPostgresConnector::connect(options).await.map_err(refused)?.into())
}

#[cfg(feature = "mysql")]
async fn mysql(url: &str) -> Result<Connections, ConnectError> {
    use sea_orm::sqlx::mysql::MySqlConnectOptions;
    use sea_orm::sqlx::{ConnectOptions as _, Executor as _};

    let driver = parse::<MySqlConnectOptions>(url)?.disable_statement_logging();
    let mut options = pool("mysql://localhost", SERVER_ACQUIRE_TIMEOUT);
    options
        .test_before_acquire_if_idle_for(TEST_AFTER_REST)
        .map_sqlx_mysql_opts(move |_| driver.clone())
        .map_sqlx_mysql_pool_opts(|pool| {
            let pool = pool.after_release(|connection, _| Box::pin(is_sound(connection)));
            pool.after_connect(|connection, _| Box::pin(async { connection.execute(PREPARE_MYSQL).await.map(drop) }))
        });
    Ok(sea_orm::SqlxMySqlConnector::connect(options).await.map_err(refused)?.into())
}

/// A transaction whose client is behind a network that swallows everything goes on holding its locks, which would keep
/// one user from signing in for as long as the server takes to notice: hours, by default.
#[cfg(feature = "postgres")]
const PREPARE_POSTGRES: &str = "SET idle_in_transaction_session_timeout = '10s'";
/// The same; MySQL itself has no such setting, and waits for `wait_timeout`. A statement that nobody waits for any more
/// does not wait for a lock either.
#[cfg(feature = "mysql")]
const PREPARE_MYSQL: &str =
    "SET SESSION innodb_lock_wait_timeout = 5 /*M!100300 , SESSION idle_transaction_timeout = 10 */";

/// The driver asks the same of every connection that comes back, and waits for ever: whoever gave up on a statement in
/// a network that swallows everything would leave the pool one connection short, until none is left. Here a mute
/// connection is closed.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn is_sound(connection: &mut impl sea_orm::sqlx::Connection) -> Result<bool, sea_orm::sqlx::Error> {
    match tokio::time::timeout(RELEASE_TIMEOUT, connection.ping()).await {
        Ok(pong) => pong.map(|()| true),
        Err(_) => Err(sea_orm::sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Pool settings behind a URL that stands in for the real one: sea-orm records its options, URL and password included,
/// in a tracing span.
fn pool(stand_in: &str, acquire_timeout: Duration) -> ConnectOptions {
    let mut options = ConnectOptions::new(stand_in);
    options.acquire_timeout(acquire_timeout).test_before_acquire(false).sqlx_logging(false).record_stmt_in_spans(false);
    options
}

fn parse<O: std::str::FromStr<Err = sea_orm::sqlx::Error>>(url: &str) -> Result<O, ConnectError> {
    url.parse().map_err(|error| ConnectError::Url(Box::new(error)))
}

fn refused(error: DbErr) -> ConnectError {
    ConnectError::Store(store_error(error))
}

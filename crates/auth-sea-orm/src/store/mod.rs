//! The store: one file for each trait, and what they share here.

mod batches;
mod counting;
mod create_many;
mod directory;
mod event;
mod factor;
#[cfg(feature = "directus")]
mod import;
mod load;
mod open;
mod reserve;
mod revocation;
mod rotate;
mod rounds;
mod row;
mod second_factor;
mod session;
mod several;
mod throttle;
mod token;
#[cfg(feature = "directus")]
pub(crate) mod upstream;
mod user;
mod users;

use std::fmt;
use std::sync::Arc;

use auth_core::Timestamp;
use auth_core::store::StoreError;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};

pub use self::create_many::NewUsers;
pub use self::rounds::GroupCommit;
use self::rounds::Rounds;
use crate::connect::{ConnectError, Connections, Owner, connect};
use crate::error::store_error;
use crate::migration::{MigrationState, Migrations};
use crate::retry::Attempt;
use crate::tables::{TablePrefix, Tables};

/// Users and sessions in a SQL database. Clones share the connections.
#[derive(Clone)]
pub struct SeaOrmStore {
    db: Connections,
    prefix: TablePrefix,
    tables: Arc<Tables>,
    rounds: Arc<Rounds>,
}

impl SeaOrmStore {
    /// Opens the database behind `url`: `sqlite://path?mode=rwc`, `sqlite::memory:`, `postgres://…` or `mysql://…`.
    ///
    /// SQLite files are set to WAL, written durably (`synchronous=FULL`) and by one connection; others read.
    ///
    /// # Errors
    /// [`ConnectError`] when the URL is of no use or the database does not answer.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Ok(Self::over(connect(url, Owner::Us).await?))
    }

    /// Uses a connection that the app has already, with the app's settings. For SQLite these should be WAL and a busy
    /// timeout of at least five seconds; a database in memory must have a pool of one connection. For servers, see
    /// [when the database is away](crate#when-the-database-is-away).
    #[must_use]
    pub fn new(db: DatabaseConnection) -> Self {
        Self::over(db.into())
    }

    fn over(db: Connections) -> Self {
        let prefix = TablePrefix::default();
        let rounds = Rounds::new(GroupCommit::default(), db.write.get_database_backend());
        Self { db, tables: Arc::new(Tables::new(&prefix)), rounds: Arc::new(rounds), prefix }
    }

    /// The same database, with tables of another prefix.
    #[must_use]
    pub fn with_prefix(mut self, prefix: TablePrefix) -> Self {
        self.tables = Arc::new(Tables::new(&prefix));
        self.prefix = prefix;
        let group_commit = self.rounds.setting();
        self.with_group_commit(group_commit)
    }

    /// Whether callers share statements: they do, unless this turns it off.
    #[must_use]
    pub fn with_group_commit(mut self, group_commit: GroupCommit) -> Self {
        // Nobody of before is met there: clones may have other tables.
        self.rounds = Arc::new(Rounds::new(group_commit, self.db.write.get_database_backend()));
        self
    }

    /// Creates our tables, or brings them up to date. Several processes may do it at once.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer, `Corrupt` when it refuses a statement.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrator().run(&self.db.write).await.map_err(store_error)
    }

    /// Which of our migrations ran. Nothing is written, not even into a database without tables.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer, `Corrupt` when it refuses a statement.
    pub async fn migrations(&self) -> Result<Vec<MigrationState>, StoreError> {
        self.migrator().states(&self.db.read).await.map_err(store_error)
    }

    /// Takes back our last `steps` migrations, with everything in the tables and columns that they made.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer, `Corrupt` when it refuses a statement.
    pub async fn roll_back(&self, steps: u32) -> Result<(), StoreError> {
        self.migrator().roll_back(&self.db.write, steps).await.map_err(store_error)
    }

    /// What time it is for the server of the database, to compare it with ours, which is the one that counts; `None` for
    /// SQLite, which has no clock of its own.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer, `Corrupt` when it refuses a statement.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        let backend = self.db.read.get_database_backend();
        let sql = match backend {
            DbBackend::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS millis",
            DbBackend::MySql => "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS millis",
            _ => return Ok(None),
        };
        let row = self.db.read.query_one_raw(Statement::from_string(backend, sql)).await.map_err(store_error)?;
        let millis = row.map(|row| row.try_get::<i64>("", "millis")).transpose().map_err(store_error)?;
        Ok(millis.map(Timestamp::from_millis))
    }

    /// Our migrations under this store's prefix.
    #[must_use]
    pub fn migrator(&self) -> Migrations {
        Migrations::new(&self.prefix)
    }

    /// A transaction that writes. On PostgreSQL it reads what others committed meanwhile, whatever the server's default
    /// is: a snapshot would hide a session from the statement that ends it. The locking reads and the UPDATEs of InnoDB
    /// see that anyway.
    async fn begin(&self) -> Result<Transaction, DbErr> {
        let isolation_level =
            (self.db.write.get_database_backend() == DbBackend::Postgres).then_some(IsolationLevel::ReadCommitted);
        let options = TransactionOptions {
            isolation_level,
            access_mode: None,
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        };
        self.db.write.begin_with_options(options).await.map(Transaction)
    }
}

impl fmt::Debug for SeaOrmStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeaOrmStore")
            .field("database", &self.db.write.get_database_backend())
            .field("prefix", &self.prefix.as_str())
            .finish_non_exhaustive()
    }
}

/// Rolled back unless committed.
struct Transaction(DatabaseTransaction);

impl Transaction {
    /// A commit that fails is told apart: whether it happened is not known.
    async fn commit(self) -> Result<(), Attempt> {
        self.0.commit().await.map_err(Attempt::Commit)
    }
}

impl std::ops::Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

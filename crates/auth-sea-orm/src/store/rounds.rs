//! What is done for several callers at once.

use auth_core::store::StoreError;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::sync::OnceCell;

use super::SeaOrmStore;
use super::load::Load;
use super::open::Open;
use super::reserve::Reserve;
use super::rotate::Rotate;
use crate::round::{Combiner, Round};

/// Whether callers that come while the database is at work for others share a statement, and so a commit.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use auth_sea_orm::{GroupCommit, SeaOrmStore};
///
/// let store = SeaOrmStore::connect("sqlite://app.db?mode=rwc").await?.with_group_commit(GroupCommit::Off);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupCommit {
    /// They do. Nobody waits for company: whoever finds the database idle goes at once, with the same statement as ever.
    #[default]
    On,
    /// Each operation has a statement of its own.
    Off,
}

/// How many statements run side by side before callers share. Measured with PostgreSQL and MariaDB: with one, 2 to 8
/// callers are up to half as fast as alone, since each waits for a commit that is not theirs; with all ten connections
/// of a pool, 64 callers share too little. SQLite has as many readers.
const SIDE_BY_SIDE: usize = 4;

/// Where the callers of each operation meet, unless each goes alone.
pub(super) struct Rounds {
    combiners: Option<Combiners>,
    /// Whether the server is MariaDB, once somebody asked it.
    is_mariadb: OnceCell<bool>,
}

pub(super) struct Combiners {
    load: Combiner<Load>,
    rotate: Combiner<Rotate>,
    open: Combiner<Open>,
    reserve: Combiner<Reserve>,
}

impl Rounds {
    pub(super) fn new(group_commit: GroupCommit, backend: DbBackend) -> Self {
        if group_commit == GroupCommit::Off {
            return Self { combiners: None, is_mariadb: OnceCell::new() };
        }
        let writers = if backend == DbBackend::Sqlite { 1 } else { SIDE_BY_SIDE };
        // MySQL and MariaDB have no words in common for passing over a locked row, and a round must not wait for one.
        let lockers = if backend == DbBackend::MySql { usize::MAX } else { writers };
        let combiners = Combiners {
            load: Combiner::busy_at(SIDE_BY_SIDE),
            rotate: Combiner::busy_at(writers),
            open: Combiner::busy_at(lockers),
            reserve: Combiner::busy_at(lockers),
        };
        Self { combiners: Some(combiners), is_mariadb: OnceCell::new() }
    }

    /// Does `job`, with others if there are any.
    pub(super) async fn call<R: Shared>(&self, store: &SeaOrmStore, job: &R::Job) -> Result<R::Answer, StoreError> {
        match &self.combiners {
            Some(combiners) => R::combiner(combiners).call(store, job).await,
            None => R::alone(store, job).await,
        }
    }

    /// Whether `db` is MariaDB, and not the MySQL whose protocol it speaks: only the former can be told not to wait for
    /// a lock within a statement that writes.
    pub(super) async fn is_mariadb(&self, db: &DatabaseConnection) -> Result<bool, DbErr> {
        let ask = async || {
            let version = db.query_one_raw(Statement::from_string(DbBackend::MySql, "SELECT VERSION() AS version"));
            let version = version.await?.map(|row| row.try_get::<String>("", "version")).transpose()?;
            Ok(version.is_some_and(|version| version.contains("MariaDB")))
        };
        self.is_mariadb.get_or_try_init(ask).await.copied()
    }

    /// Off, when each goes alone.
    pub(super) const fn setting(&self) -> GroupCommit {
        if self.combiners.is_some() { GroupCommit::On } else { GroupCommit::Off }
    }
}

/// An operation that callers may share.
pub(super) trait Shared: Round<Worker = SeaOrmStore> + Sized {
    /// Where its callers meet.
    fn combiner(rounds: &Combiners) -> &Combiner<Self>;
}

impl Shared for Load {
    fn combiner(rounds: &Combiners) -> &Combiner<Self> {
        &rounds.load
    }
}

impl Shared for Rotate {
    fn combiner(rounds: &Combiners) -> &Combiner<Self> {
        &rounds.rotate
    }
}

impl Shared for Open {
    fn combiner(rounds: &Combiners) -> &Combiner<Self> {
        &rounds.open
    }
}

impl Shared for Reserve {
    fn combiner(rounds: &Combiners) -> &Combiner<Self> {
        &rounds.reserve
    }
}

//! A fresh database for each test, on every kind that is at hand.
//!
//! | kind | where | when it is not there |
//! |---|---|---|
//! | SQLite | a file in a directory of its own, or memory | never |
//! | PostgreSQL | `TEST_POSTGRES_URL`, else port 5432 of this machine | the test says so and does nothing |
//! | MySQL, MariaDB | `TEST_MYSQL_URL`, else port 3306 of this machine | the same |
//!
//! On the standard port may be somebody's own server, which does not let us in: that counts as none, and the test says
//! why. A suite that passes by skipping is a failure: `TEST_REQUIRE=sqlite,postgres,mysql` names those that must be
//! there, and a server that a variable names must let us in.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_sea_orm::SeaOrmStore;
use sea_orm::{ConnectOptions, ConnectionTrait, Database as SeaOrm, DatabaseConnection, DbBackend, DbErr, Statement};
use tempfile::TempDir;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite in a file.
    Sqlite,
    /// SQLite in memory.
    SqliteMemory,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl Kind {
    /// All kinds that several connections can share.
    pub const SHARED: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    /// The name that `TEST_REQUIRE` has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite | Self::SqliteMemory => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// The variable that says where the server is, its usual port, and where it is else.
    const fn place(self) -> Option<(&'static str, u16, &'static str)> {
        match self {
            Self::Sqlite | Self::SqliteMemory => None,
            Self::Postgres => Some(("TEST_POSTGRES_URL", 5432, "postgres://postgres@127.0.0.1:5432/postgres")),
            Self::MySql => Some(("TEST_MYSQL_URL", 3306, "mysql://root@127.0.0.1:3306/mysql")),
        }
    }

    /// Says that a test of this kind of database does nothing, and why.
    ///
    /// # Panics
    /// When `TEST_REQUIRE` names it.
    pub fn not_run(self, why: &str) {
        self.may_be_absent(self.is_required(), why);
        self.say_not_run(why);
    }

    fn is_required(self) -> bool {
        let required = std::env::var("TEST_REQUIRE").unwrap_or_default();
        required.split(',').any(|name| name.trim() == self.name())
    }

    fn may_be_absent(self, is_required: bool, why: &str) {
        assert!(!is_required, "TEST_REQUIRE names {}: {why}", self.name());
    }

    fn say_not_run(self, why: &str) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Not by `eprintln!`, which the test harness swallows when a test passes. Nowhere to say it is no reason to fail.
        let _ = writeln!(std::io::stderr(), "NOT RUN on {}, {why}: {test}", self.name());
    }
}

/// A server to have databases on, and what it means when there is none to be had.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Where it is.
    pub url: String,
    /// Whether a variable names it: then it must let us in.
    pub is_named: bool,
    /// Whether `TEST_REQUIRE` names its kind: then it must be there.
    pub is_required: bool,
}

/// Where somebody listens at the host of `url`.
fn listener(url: &str, standard_port: u16) -> Option<SocketAddr> {
    let host = host(url)?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { host.to_owned() } else { format!("{host}:{standard_port}") };
    let mut addresses = host.to_socket_addrs().ok()?;
    addresses.find(|address| TcpStream::connect_timeout(address, Duration::from_secs(1)).is_ok())
}

/// The host and the port of a URL.
fn host(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?']).next()?.rsplit('@').next()
}

/// A database of one test, removed with this value, also when the test panics.
#[derive(Debug)]
pub struct Database {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory,
    Directory(TempDir),
    Server { url: String, name: String },
}

impl Database {
    /// A new, empty database; `None` when there is none of this kind, which is said on stderr.
    ///
    /// # Panics
    /// When there is none although `TEST_REQUIRE` names it, or when a variable names one that does not let us in.
    pub async fn fresh(kind: Kind) -> Option<Self> {
        match kind {
            Kind::SqliteMemory => return Some(Self { url: "sqlite::memory:".to_owned(), place: Place::Memory }),
            Kind::Sqlite => {
                let directory = TempDir::new().expect("a temporary directory");
                let url = format!("sqlite://{}?mode=rwc", directory.path().join("test.db").display());
                return Some(Self { url, place: Place::Directory(directory) });
            }
            Kind::Postgres | Kind::MySql => {}
        }
        let (variable, _, standard) = kind.place()?;
        let named = std::env::var(variable);
        let is_named = named.is_ok();
        let url = named.unwrap_or_else(|_| standard.to_owned());
        let offer = Offer { url, is_named, is_required: kind.is_required() };
        Self::offered(kind, &offer).await.map_err(|why| kind.say_not_run(&why)).ok()
    }

    /// As [`fresh`](Self::fresh), on this server.
    ///
    /// # Errors
    /// Why the server counts as none.
    ///
    /// # Panics
    /// As [`fresh`](Self::fresh).
    pub async fn offered(kind: Kind, offer: &Offer) -> Result<Self, String> {
        let (variable, port, _) = kind.place().ok_or("it has no server")?;
        if listener(&offer.url, port).is_none() {
            kind.may_be_absent(offer.is_required, "no server answers");
            return Err("no server answers".to_owned());
        }
        match Self::on(&offer.url).await {
            Ok(database) => Ok(database),
            Err(refusal) if offer.is_named => panic!("the server that {variable} names does not let us in: {refusal}"),
            Err(refusal) => {
                let why =
                    format!("the server on the standard port does not let us in (name another: {variable}): {refusal}");
                kind.may_be_absent(offer.is_required, &why);
                Err(why)
            }
        }
    }

    /// A new, empty database on the server behind `url`.
    ///
    /// # Errors
    /// Why the server does not let us have one.
    pub async fn on(url: &str) -> Result<Self, DbErr> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("auth_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        administer(url, &format!("CREATE DATABASE {name}")).await?;
        Ok(Self { url: with_database(url, &name), place: Place::Server { url: url.to_owned(), name } })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its server listens; `None` for SQLite, which has none.
    #[must_use]
    pub fn server(&self) -> Option<SocketAddr> {
        let port = if self.url.starts_with("postgres") { 5432 } else { 3306 };
        matches!(self.place, Place::Server { .. }).then(|| listener(&self.url, port)).flatten()
    }

    /// Its URL, by another way than the straight one.
    ///
    /// # Panics
    /// For SQLite, which no network leads to.
    #[must_use]
    pub fn url_through(&self, proxy: SocketAddr) -> String {
        let host = host(&self.url).expect("a host");
        self.url.replacen(host, &proxy.to_string(), 1)
    }

    /// The file of a SQLite database.
    #[must_use]
    pub fn file(&self) -> Option<std::path::PathBuf> {
        match &self.place {
            Place::Directory(directory) => Some(directory.path().join("test.db")),
            Place::Memory | Place::Server { .. } => None,
        }
    }

    /// A store over it, with its tables made.
    ///
    /// # Panics
    /// When the database cannot be used.
    pub async fn store(&self) -> SeaOrmStore {
        let store = SeaOrmStore::connect(&self.url).await.expect("connect");
        store.migrate().await.expect("migrate");
        store
    }

    /// Cuts every connection to it, as a server does that restarts. Does nothing for SQLite, which has none.
    ///
    /// # Panics
    /// When the database cannot be used.
    pub async fn cut_connections(&self) {
        let Place::Server { url, name } = &self.place else { return };
        let (backend, sql) = if url.starts_with("postgres") {
            let pids = format!("SELECT pid AS id FROM pg_stat_activity WHERE datname = '{name}'");
            (DbBackend::Postgres, pids)
        } else {
            (
                DbBackend::MySql,
                format!("SELECT CAST(id AS SIGNED) AS id FROM information_schema.processlist WHERE db = '{name}'"),
            )
        };
        let server = connection(url).await.expect("the test database answers");
        for row in server.query_all_raw(Statement::from_string(backend, sql)).await.expect("the connections") {
            let cut = match backend {
                DbBackend::Postgres => {
                    let id: i32 = row.try_get("", "id").expect("an id");
                    format!("SELECT pg_terminate_backend({id}, 5000)")
                }
                _ => {
                    let id: i64 = row.try_get("", "id").expect("an id");
                    format!("KILL {id}")
                }
            };
            server.execute_unprepared(&cut).await.expect("cut");
        }
    }

    /// A plain connection of one, for a test that looks at tables itself.
    ///
    /// # Panics
    /// When the database cannot be used.
    pub async fn connection(&self) -> DatabaseConnection {
        connection(&self.url).await.expect("the test database answers")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Place::Server { url, name } = &self.place else { return };
        let force = if url.starts_with("postgres") { " WITH (FORCE)" } else { "" };
        let (url, sql) = (url.clone(), format!("DROP DATABASE IF EXISTS {name}{force}"));
        // A runtime of its own: the one of the test may be unwinding.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(administer(&url, &sql)).expect("the test database answers");
        })
        .join();
        if dropped.is_err() {
            eprintln!("could not remove the test database {name}");
        }
    }
}

async fn administer(server: &str, sql: &str) -> Result<(), DbErr> {
    let db = connection(server).await?;
    db.execute_unprepared(sql).await?;
    db.close().await
}

async fn connection(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    // Whoever listens there may be no database at all, and never say a word.
    options.max_connections(1).acquire_timeout(Duration::from_secs(10)).sqlx_logging(false);
    SeaOrm::connect(options).await
}

/// `url` with the name of another database in its path.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, String::new()), |(a, p)| (a, format!("?{p}")));
    let host_starts = address.find("://").map_or(0, |at| at + 3);
    let path_starts = address.get(host_starts..).and_then(|rest| rest.find('/')).map(|at| host_starts + at);
    let server = path_starts.and_then(|end| address.get(..end)).unwrap_or(address);
    format!("{server}/{name}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_name_of_the_database_is_replaced() {
        for (url, expected) in [
            ("postgres://u:p@h:1/db", "postgres://u:p@h:1/new"),
            ("mysql://root@h/db?ssl-mode=disabled", "mysql://root@h/new?ssl-mode=disabled"),
            ("mysql://root@h", "mysql://root@h/new"),
        ] {
            assert_eq!(with_database(url, "new"), expected);
        }
    }
}

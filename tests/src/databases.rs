//! A fresh database for each test, on every kind that is at hand.
//!
//! | kind | where | when it is not there |
//! |---|---|---|
//! | SQLite | a file in a directory of its own, or memory | never |
//! | PostgreSQL | `TEST_POSTGRES_URL`, else port 5432 of this machine | the test says so and does nothing |
//! | MySQL, MariaDB | `TEST_MYSQL_URL`, else port 3306 of this machine | the same |
//!
//! A suite that passes by skipping is a failure: `TEST_REQUIRE=sqlite,postgres,mysql` names those that must be there.

use std::io::Write as _;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_sea_orm::SeaOrmStore;
use sea_orm::{ConnectOptions, ConnectionTrait, Database as SeaOrm, DatabaseConnection, DbBackend, Statement};
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

    /// Where the server is, if it answers.
    fn server(self) -> Option<String> {
        let (variable, port, standard) = match self {
            Self::Sqlite | Self::SqliteMemory => return None,
            Self::Postgres => ("TEST_POSTGRES_URL", 5432, "postgres://postgres@127.0.0.1:5432/postgres"),
            Self::MySql => ("TEST_MYSQL_URL", 3306, "mysql://root@127.0.0.1:3306/mysql"),
        };
        let url = std::env::var(variable).unwrap_or_else(|_| standard.to_owned());
        answers(&url, port).then_some(url)
    }
}

/// Names the test that did nothing. Not by `eprintln!`, which the test harness swallows when a test passes.
fn say_not_run(kind: Kind) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    // Nowhere to say it is no reason to fail.
    let _ = writeln!(std::io::stderr(), "NOT RUN on {}, no server answers: {test}", kind.name());
}

/// Whether somebody listens at the address of `url`.
fn answers(url: &str, standard_port: u16) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let address = authority.rsplit('@').next().unwrap_or_default();
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { address.to_owned() } else { format!("{address}:{standard_port}") };
    let Ok(mut addresses) = address.to_socket_addrs() else { return false };
    addresses.any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
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
    /// When there is none although `TEST_REQUIRE` names it, or when it is there and cannot be used.
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
        let Some(server) = kind.server() else {
            let required = std::env::var("TEST_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|name| name.trim() == kind.name()), "{} is required", kind.name());
            say_not_run(kind);
            return None;
        };
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("auth_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        administer(&server, &format!("CREATE DATABASE {name}")).await;
        Some(Self { url: with_database(&server, &name), place: Place::Server { url: server, name } })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
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
        let server = connection(url).await;
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
        connection(&self.url).await
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
            runtime.block_on(administer(&url, &sql));
        })
        .join();
        if dropped.is_err() {
            eprintln!("could not remove the test database {name}");
        }
    }
}

async fn administer(server: &str, sql: &str) {
    let db = connection(server).await;
    db.execute_unprepared(sql).await.expect(sql);
    db.close().await.expect("close");
}

async fn connection(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    SeaOrm::connect(options).await.expect("the test database answers")
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

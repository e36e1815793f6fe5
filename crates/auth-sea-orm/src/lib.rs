//! Stores the users and sessions of `auth-core` in SQLite, PostgreSQL, MySQL or MariaDB, through sea-orm.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use auth_sea_orm::SeaOrmStore;
//!
//! let store = SeaOrmStore::connect("sqlite://app.db?mode=rwc").await?;
//! store.migrate().await?;
//! # Ok(()) }
//! ```
//!
//! An app that has a connection already hands it over with [`SeaOrmStore::new`], and may run our [`Migrations`] among
//! its own. Users may live in a table of the app: no foreign key ties a session to [`entity::user`].
//!
//! # How operations meet
//!
//! ```text
//!                 rotate, revoke,         open                        end_sessions, update, delete,
//!                 accept_step                                         enable_factor, disable_factor
//!                 ───────────────         ────                        ─────────────────────────────
//!   transaction   none: one UPDATE        BEGIN                       BEGIN
//!   user_state    WHERE factor_step       share lock, epoch equal?    epoch + 1        (exclusive lock)
//!                 is smaller
//!   user                                  active?                     change or remove
//!   session       WHERE it is as          INSERT                      end those that are alive
//!                 expected
//! ```
//!
//! The row in `user_state` is always locked first, so either `open` comes first and the session that it stored is
//! ended, or the epoch is raised first and `open` answers `Stale`. SQLite has one writer, and these transactions start
//! as writers (`BEGIN IMMEDIATE`).
//!
//! # When many come at once
//!
//! `load`, `rotate`, `open` and `reserve` are done for many callers in one statement or one transaction, when they come
//! while the database is busy with others ([`GroupCommit`]). What holds for one holds for each of many: a round waits for
//! no lock, so it is in nobody's way and cannot deadlock, and whoever it leaves out goes alone. When one job spoils a
//! round, each goes alone.
//!
//! # When the database is away
//!
//! Statements that a database took back (serialization failure, deadlock, lock timeout) are sent again a few times, and
//! so are those whose connection broke, when doing them twice is as good as once. A database that stays away is
//! `Unavailable`:
//!
//! | | PostgreSQL, MySQL, MariaDB | SQLite |
//! |---|---|---|
//! | an operation ends within | 5 s, half of the usual grace of a refresh | 5 s |
//! | one try to get a connection, or to make one | 1.5 s | 5 s |
//! | a connection is tested | after 10 s of rest, and for 1 s when it is given back | |
//! | the server gives up a transaction whose client is silent | after 10 s (not MySQL: `wait_timeout`) | |
//! | a statement waits for locks of others | MySQL, MariaDB: 5 s | 5 s |
//!
//! [`SeaOrmStore::connect`] sets all of this. With a connection of the app's own, the first line holds, and the rest is
//! the app's: set `acquire_timeout`, and give `after_release` a ping with a timeout, or a network that swallows packets
//! takes the pool's connections one by one and never gives them back.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("auth-sea-orm needs a database: turn on its feature `sqlite`, `postgres` or `mysql`");

mod connect;
#[cfg(feature = "directus")]
pub mod directus;
pub mod entity;
mod error;
mod migration;
mod retry;
mod round;
mod store;
mod tables;

pub use connect::ConnectError;
pub use error::store_error;
pub use migration::{MigrationState, MigrationStatus, Migrations};
pub use store::{GroupCommit, NewUsers, SeaOrmStore};
pub use tables::{InvalidPrefix, TablePrefix};

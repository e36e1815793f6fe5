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
//! Statements that a database took back (serialization failure, deadlock, lock timeout) are sent again a few times;
//! every operation ends within ten seconds, and a database that is down is `Unavailable`.

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("auth-sea-orm needs a database: turn on its feature `sqlite`, `postgres` or `mysql`");

mod connect;
pub mod entity;
mod error;
mod migration;
mod retry;
mod store;
mod tables;

pub use connect::ConnectError;
pub use migration::Migrations;
pub use store::SeaOrmStore;
pub use tables::{InvalidPrefix, TablePrefix};

//! A connection to the database of Directus, for reading.

use auth_core::UserId;
use sea_orm::{DatabaseConnection, DbBackend};

use super::corrupt;
use super::schema::{self, NotDirectus};
use super::users::NOBODY;
use crate::connect::{ConnectError, Connections, Owner, connect};

/// The database of a Directus 11. Clones share the connections.
#[derive(Clone)]
pub struct DirectusDatabase {
    pub(super) db: Connections,
}

impl DirectusDatabase {
    /// Opens the database behind `url`, as [`SeaOrmStore::connect`](crate::SeaOrmStore::connect) opens ours; an SQLite
    /// file keeps its journal mode, and is not made when it is not there.
    ///
    /// # Errors
    /// [`ConnectError`] when the URL is of no use or the database does not answer.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Ok(Self { db: connect(url, Owner::Others).await? })
    }

    /// Uses a connection that the app has already.
    #[must_use]
    pub fn new(db: DatabaseConnection) -> Self {
        Self { db: db.into() }
    }

    /// Looks whether the tables of Directus 11 are there, with the columns that are read.
    ///
    /// # Errors
    /// [`NotDirectus`] names what is missing.
    pub async fn check(&self) -> Result<(), NotDirectus> {
        schema::check(&self.db.read).await
    }

    /// Deletes the sessions of nobody: a login of the database that may not would be found out by a user otherwise, whose
    /// password has just been changed.
    pub(super) async fn check_sessions(&self) -> Result<(), NotDirectus> {
        let nobody = UserId::new(NOBODY).map_err(corrupt);
        let ended = async { self.end_sessions(&nobody?).await };
        ended.await.map_err(NotDirectus::sessions)
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.db.read.get_database_backend()
    }
}

impl std::fmt::Debug for DirectusDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectusDatabase").field("database", &self.backend()).finish_non_exhaustive()
    }
}

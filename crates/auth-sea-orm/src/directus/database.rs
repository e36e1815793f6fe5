//! A connection to the database of Directus, for reading.

use sea_orm::{DatabaseConnection, DbBackend};

use super::schema::{self, NotDirectus};
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

    pub(super) fn backend(&self) -> DbBackend {
        self.db.read.get_database_backend()
    }
}

impl std::fmt::Debug for DirectusDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectusDatabase").field("database", &self.backend()).finish_non_exhaustive()
    }
}

//! From the database's errors to what the core can act on.

use auth_core::store::{StoreError, StoreErrorKind};
use sea_orm::sqlx::error::{DatabaseError, Error as SqlxError, ErrorKind as SqlxErrorKind};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

/// What a failed statement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The database took it back, because of others at work: send it again.
    TakenBack,
    /// No connection was free or could be made in time: nothing was sent.
    NotConnected,
    /// The connection is gone; whether the statement was done is not known.
    ConnectionLost,
    /// The database is down, too busy, or refuses writes.
    Unavailable,
    /// Something that must be unique exists already.
    Conflict,
    /// The data, or the schema, is not what this program wrote.
    Corrupt,
}

impl Failure {
    pub(crate) fn of(error: &DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_driver(error),
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::NotConnected,
            DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => Self::Unavailable,
            _ => Self::Corrupt,
        }
    }

    fn of_driver(error: &SqlxError) -> Self {
        match error {
            SqlxError::Database(error) => Self::of_database(&**error),
            SqlxError::Io(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed => Self::ConnectionLost,
            SqlxError::PoolTimedOut => Self::NotConnected,
            SqlxError::PoolClosed | SqlxError::Tls(_) => Self::Unavailable,
            _ => Self::Corrupt,
        }
    }

    fn of_database(error: &dyn DatabaseError) -> Self {
        if error.kind() == SqlxErrorKind::UniqueViolation {
            return Self::Conflict;
        }
        #[cfg(feature = "mysql")]
        if let Some(error) = error.try_downcast_ref::<sea_orm::SqlxMySqlError>() {
            return Self::of_mysql(error.number());
        }
        let code = error.code().unwrap_or_default();
        #[cfg(feature = "sqlite")]
        if error.try_downcast_ref::<sea_orm::SqlxSqliteError>().is_some() {
            return Self::of_sqlite(code.parse().unwrap_or_default());
        }
        Self::of_sqlstate(&code)
    }

    /// PostgreSQL, appendix A of its manual.
    fn of_sqlstate(code: &str) -> Self {
        match code {
            // serialization_failure, deadlock_detected, lock_not_available
            "40001" | "40P01" | "55P03" => Self::TakenBack,
            // admin_shutdown, crash_shutdown, idle_session_timeout, idle_in_transaction_session_timeout: the connection
            // is closed by them
            "57P01" | "57P02" | "57P05" | "25P03" => Self::ConnectionLost,
            // read_only_sql_transaction: a primary that became a standby
            "25006" => Self::Unavailable,
            // connection exception, insufficient resources, operator intervention, system error
            _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Self::Unavailable,
            _ => Self::Corrupt,
        }
    }

    #[cfg(feature = "mysql")]
    const fn of_mysql(number: u16) -> Self {
        match number {
            // lock wait timeout, deadlock; record changed since the snapshot (MariaDB)
            1205 | 1213 | 1020 => Self::TakenBack,
            // shutdown in progress, connection killed, closed for inactivity
            1053 | 1927 | 4031 => Self::ConnectionLost,
            // too many connections, disk full, read-only server, statement timeout, interrupted
            1021 | 1040 | 1114 | 1203 | 1226 | 1290 | 1317 | 1836 | 1969 | 3024 => Self::Unavailable,
            _ => Self::Corrupt,
        }
    }

    /// SQLite, by the primary part of its result code.
    #[cfg(feature = "sqlite")]
    const fn of_sqlite(code: u32) -> Self {
        match code & 0xff {
            // SQLITE_BUSY, SQLITE_LOCKED
            5 | 6 => Self::TakenBack,
            // no memory, read-only, interrupted, I/O error, disk full, cannot open, protocol
            7 | 8 | 9 | 10 | 13 | 14 | 15 => Self::Unavailable,
            _ => Self::Corrupt,
        }
    }
}

/// What an error of sea-orm means to `auth-core`: for an app that implements
/// [`UserStore`](auth_core::store::UserStore) over a table of its own. A database that is down must be told from data
/// that is damaged: the first is 503 and may be tried again.
///
/// ```
/// use auth_core::store::{StoreErrorKind, UserRecord, StoreError};
/// use sea_orm::DbErr;
///
/// # fn find() -> Result<Option<UserRecord>, DbErr> { Ok(None) }
/// fn find_by_id() -> Result<Option<UserRecord>, StoreError> {
///     find().map_err(auth_sea_orm::store_error)
/// }
/// let gone = DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
/// assert_eq!(auth_sea_orm::store_error(gone).kind(), StoreErrorKind::Unavailable);
/// ```
#[must_use]
pub fn store_error(error: DbErr) -> StoreError {
    match Failure::of(&error) {
        Failure::TakenBack | Failure::NotConnected | Failure::ConnectionLost | Failure::Unavailable => {
            StoreError::new(StoreErrorKind::Unavailable, error)
        }
        // The database's own text quotes the value: an address, in most cases. It has no place in a log.
        Failure::Conflict => StoreError::new(StoreErrorKind::Conflict, UniqueViolation),
        Failure::Corrupt => StoreError::new(StoreErrorKind::Corrupt, error),
    }
}

/// A row that this program cannot have written.
pub(crate) fn damaged(column: &str) -> DbErr {
    DbErr::Type(format!("column {column} holds what was never written to it"))
}

#[derive(Debug, thiserror::Error)]
#[error("a unique constraint was violated")]
struct UniqueViolation;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f4_what_was_taken_back_is_told_from_what_is_down() {
        for (code, expected) in [
            ("40001", Failure::TakenBack),
            ("40P01", Failure::TakenBack),
            ("57P01", Failure::ConnectionLost),
            ("25P03", Failure::ConnectionLost),
            ("57P03", Failure::Unavailable),
            ("53300", Failure::Unavailable),
            ("25006", Failure::Unavailable),
            ("42P01", Failure::Corrupt),
        ] {
            assert_eq!(Failure::of_sqlstate(code), expected, "{code}");
        }
        assert_eq!(Failure::of(&DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)), Failure::NotConnected);
        assert_eq!(Failure::of(&DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)), Failure::Unavailable);
        assert_eq!(Failure::of(&damaged("salt")), Failure::Corrupt);
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn f4_sqlite_extended_codes_count_by_their_primary_part() {
        // SQLITE_BUSY_SNAPSHOT, SQLITE_LOCKED_SHAREDCACHE, SQLITE_IOERR_FSYNC, SQLITE_CORRUPT, SQLITE_ERROR
        for (code, expected) in [
            (517, Failure::TakenBack),
            (262, Failure::TakenBack),
            (1034, Failure::Unavailable),
            (11, Failure::Corrupt),
            (1, Failure::Corrupt),
        ] {
            assert_eq!(Failure::of_sqlite(code), expected, "{code}");
        }
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn f4_mysql_deadlocks_are_taken_back() {
        assert_eq!(Failure::of_mysql(1205), Failure::TakenBack);
        assert_eq!(Failure::of_mysql(1213), Failure::TakenBack);
        assert_eq!(Failure::of_mysql(1040), Failure::Unavailable);
        assert_eq!(Failure::of_mysql(1146), Failure::Corrupt);
    }
}

//! SQLite without the store: one connection with the store's settings, one UPDATE after another. It has one writer, so
//! more callers could only wait.

use std::time::Instant;

use auth_core::{Clock as _, SystemClock};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement, Value};

use super::statement::{HASH, Rows, Values, update};
use crate::failure::Failure;
use crate::size::Refreshes;

pub(super) struct Plain(DatabaseConnection);

impl Plain {
    pub(super) async fn open(url: &str) -> Result<Self, Failure> {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|driver: SqliteConnectOptions| {
            driver.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
        });
        Ok(Self(sea_orm::Database::connect(options).await?))
    }

    /// How many a second.
    pub(super) async fn rate(&self, size: Refreshes) -> Result<f64, Failure> {
        let sql = update(Values {
            expected: "?1",
            successor: "?2",
            salt: "?3",
            key_id: "?4",
            now: "?5",
            idle_expires_at: "?6",
            id: "?7",
        });
        let (started, mut done) = (Instant::now(), 0_u32);
        while started.elapsed() < size.time {
            let now = SystemClock.now().as_millis();
            let values: [Value; 7] = [
                HASH.as_slice().into(),
                HASH.as_slice().into(),
                [7_u8; 16].as_slice().into(),
                1_i32.into(),
                now.into(),
                (now + 604_800_000).into(),
                Rows::Alone.id(done % size.sessions).as_bytes().as_slice().into(),
            ];
            let statement = Statement::from_sql_and_values(DbBackend::Sqlite, &sql, values);
            let changed = self.0.execute_raw(statement).await.map_err(|error: DbErr| Failure::from(error))?;
            if changed.rows_affected() != 1 {
                return Err(Failure::NotRotated);
            }
            done += 1;
        }
        Ok(f64::from(done) / started.elapsed().as_secs_f64())
    }
}

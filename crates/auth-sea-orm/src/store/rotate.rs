//! Rotating sessions: one conditional UPDATE, for one or for many.

use std::collections::BTreeSet;

use auth_core::store::{Rotation, StoreError, Swap};
use sea_orm::sea_query::{ArrayType, Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement, Value};

use super::{SeaOrmStore, row, several};
use crate::entity::session::Column;
use crate::retry::{Attempt, Resend};
use crate::round::Round;

/// One caller wants a session rotated.
pub(super) struct Rotate;

impl Round for Rotate {
    type Worker = SeaOrmStore;
    type Job = Rotation;
    /// The session and the hash it must have: of those who present the same token, one at most may win.
    type Key = ([u8; 16], [u8; 32]);
    type Answer = Swap;
    /// Its condition fails once it is done.
    const RESEND: Resend = Resend::Safe;

    fn key(rotation: &Rotation) -> Self::Key {
        (*rotation.id.as_bytes(), rotation.expected)
    }

    /// Whoever won took the hash away that the others expect; where it lost, they lose as well.
    fn twin(_: &Swap) -> Option<Swap> {
        Some(Swap::Lost)
    }

    async fn alone(store: &SeaOrmStore, rotation: &Rotation) -> Result<Swap, StoreError> {
        let expected = rotation.expected.as_slice();
        let now = rotation.now.as_millis();
        // The previous hash is bound, not copied from `current_hash`: MySQL evaluates SET from left to right.
        let update = Query::update()
            .table(store.tables.session.clone())
            .value(Column::PreviousHash, expected)
            .value(Column::CurrentHash, rotation.successor.as_slice())
            .value(Column::Salt, rotation.salt.as_slice())
            .value(Column::KeyId, i32::from(rotation.key_id))
            .value(Column::Generation, Expr::col(Column::Generation).add(1))
            .value(Column::RotatedAt, now)
            .value(Column::LastUsedAt, now)
            .value(Column::IdleExpiresAt, rotation.idle_expires_at.as_millis())
            .and_where(Expr::col(Column::Id).eq(rotation.id.as_bytes().as_slice()))
            .and_where(Expr::col(Column::CurrentHash).eq(expected))
            .and_where(Expr::col(Column::RevokedAt).is_null())
            .take();
        store.swap(&update).await
    }

    /// Says only who won. The others ask alone, for what happened to them happens seldom.
    async fn together(store: &SeaOrmStore, rotations: &[Rotation]) -> Result<Vec<Option<Swap>>, Attempt> {
        let won = match store.db.write.get_database_backend() {
            DbBackend::Postgres => store.rotate_unnested(rotations).await?,
            DbBackend::MySql => store.rotate_joined(rotations).await?,
            _ => store.rotate_from_values(rotations).await?,
        };
        let has_won = |rotation: &Rotation| won.contains(&Self::key(rotation));
        Ok(rotations.iter().map(|rotation| has_won(rotation).then_some(Swap::Won)).collect())
    }
}

/// Who won.
type Keys = BTreeSet<<Rotate as Round>::Key>;

/// The columns of `job` have names of their own: MySQL takes what could be either for a mistake.
const JOB: &str = "job (session, expected, successor, new_salt, new_key_id, rotated, idle_until)";
const SET: &str = "previous_hash = job.expected, current_hash = job.successor, salt = job.new_salt, \
                   key_id = job.new_key_id, generation = s.generation + 1, rotated_at = job.rotated, \
                   last_used_at = job.rotated, idle_expires_at = job.idle_until";

impl SeaOrmStore {
    /// Rows that somebody else has locked are left out, so that a round waits for nobody: neither are all held up by
    /// one, nor can two rounds, or a round and the end of all sessions of a user, wait for each other.
    async fn rotate_unnested(&self, rotations: &[Rotation]) -> Result<Keys, DbErr> {
        let sessions = self.prefix.name("session");
        let sql = format!(
            "WITH free AS MATERIALIZED (SELECT id, current_hash, revoked_at FROM {sessions} \
             WHERE id = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) \
             UPDATE {sessions} s SET {SET} FROM unnest($1, $2, $3, $4, $5, $6, $7) \
             AS {JOB} JOIN free ON free.id = job.session \
             WHERE s.id = free.id AND free.current_hash = job.expected AND free.revoked_at IS NULL \
             RETURNING s.id, s.previous_hash"
        );
        let bytes = |of: fn(&Rotation) -> &[u8]| several::array(ArrayType::Bytes, rotations.iter().map(of));
        let values = [
            bytes(|rotation| rotation.id.as_bytes()),
            bytes(|rotation| &rotation.expected),
            bytes(|rotation| &rotation.successor),
            bytes(|rotation| &rotation.salt),
            several::array(ArrayType::Int, rotations.iter().map(|rotation| i32::from(rotation.key_id))),
            several::array(ArrayType::BigInt, rotations.iter().map(|rotation| rotation.now.as_millis())),
            several::array(ArrayType::BigInt, rotations.iter().map(|rotation| rotation.idle_expires_at.as_millis())),
        ];
        self.returned(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await
    }

    async fn rotate_from_values(&self, rotations: &[Rotation]) -> Result<Keys, DbErr> {
        let sessions = self.prefix.name("session");
        let (rows, values) = rows(rotations, "(?, ?, ?, ?, ?, ?, ?)", ", ");
        let sql = format!(
            "WITH {JOB} AS (VALUES {rows}) \
             UPDATE {sessions} AS s SET {SET} FROM job \
             WHERE s.id = job.session AND s.current_hash = job.expected AND s.revoked_at IS NULL \
             RETURNING id, previous_hash"
        );
        self.returned(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await
    }

    /// MySQL returns no rows, so who won is only known when everybody did; else it is read. MariaDB does not wait for
    /// locks here: when a row is locked the round fails, and each goes alone. So they do with MySQL itself, which would
    /// wait.
    async fn rotate_joined(&self, rotations: &[Rotation]) -> Result<Keys, DbErr> {
        if !self.rounds.is_mariadb(&self.db.write).await? {
            return Ok(Keys::new());
        }
        const ROW: &str = "SELECT CAST(? AS BINARY(16)) AS session, CAST(? AS BINARY(32)) AS expected, \
                           CAST(? AS BINARY(32)) AS successor, CAST(? AS BINARY(16)) AS new_salt, \
                           CAST(? AS SIGNED) AS new_key_id, CAST(? AS SIGNED) AS rotated, \
                           CAST(? AS SIGNED) AS idle_until";
        let sessions = self.prefix.name("session");
        let (jobs, values) = rows(rotations, ROW, " UNION ALL ");
        let sql = format!(
            "SET STATEMENT innodb_lock_wait_timeout = 0 FOR \
             UPDATE ({jobs}) job STRAIGHT_JOIN {sessions} s FORCE INDEX (PRIMARY) ON s.id = job.session SET {SET} \
             WHERE s.current_hash = job.expected AND s.revoked_at IS NULL"
        );
        let done = self.db.write.execute_raw(Statement::from_sql_and_values(DbBackend::MySql, sql, values)).await?;
        if done.rows_affected() == rotations.len() as u64 {
            return Ok(rotations.iter().map(Rotate::key).collect());
        }
        self.find_rotated(rotations).await
    }

    /// Those whose successor is in the table. It is nobody's but theirs, and nobody was told of it yet.
    async fn find_rotated(&self, rotations: &[Rotation]) -> Result<Keys, DbErr> {
        let ids = rotations.iter().map(|rotation| rotation.id.as_bytes().as_slice()).collect();
        let backend = self.db.write.get_database_backend();
        let select = Query::select()
            .columns([Column::Id, Column::CurrentHash, Column::PreviousHash])
            .from(self.tables.session.clone())
            .and_where(several::is_one_of(backend, Expr::col(Column::Id), ArrayType::Bytes, ids))
            .take();
        let mut rotated = BTreeSet::new();
        for row in self.db.write.query_all(&select).await? {
            let id: [u8; 16] = row::bytes(row.try_get("", "id")?, "id")?;
            for column in ["current_hash", "previous_hash"] {
                if let Some(hash) = row.try_get::<Option<Vec<u8>>>("", column)? {
                    rotated.insert((id, row::bytes::<32>(hash, column)?));
                }
            }
        }
        let is_done = |rotation: &&Rotation| rotated.contains(&(*rotation.id.as_bytes(), rotation.successor));
        Ok(rotations.iter().filter(is_done).map(Rotate::key).collect())
    }

    async fn returned(&self, statement: Statement) -> Result<Keys, DbErr> {
        let rows = self.db.write.query_all_raw(statement).await?;
        let key = |row: &sea_orm::QueryResult| {
            let id = row::bytes(row.try_get("", "id")?, "id")?;
            Ok::<_, DbErr>((id, row::bytes(row.try_get("", "previous_hash")?, "previous_hash")?))
        };
        rows.iter().map(key).collect()
    }
}

/// The rows of `rotations` and what they bind.
fn rows(rotations: &[Rotation], row: &str, between: &str) -> (String, Vec<Value>) {
    let mut rotations: Vec<&Rotation> = rotations.iter().collect();
    several::pad(&mut rotations);
    let values = rotations.iter().flat_map(|rotation| {
        [
            rotation.id.as_bytes().as_slice().into(),
            rotation.expected.as_slice().into(),
            rotation.successor.as_slice().into(),
            rotation.salt.as_slice().into(),
            i32::from(rotation.key_id).into(),
            rotation.now.as_millis().into(),
            rotation.idle_expires_at.as_millis().into(),
        ]
    });
    (vec![row; rotations.len()].join(between), values.collect())
}

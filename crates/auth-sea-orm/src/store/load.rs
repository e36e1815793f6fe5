//! Reading sessions with their users.

use auth_core::SessionId;
use auth_core::store::{LoadedSession, StoreError};
use sea_orm::sea_query::{ArrayType, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult};

use super::{SeaOrmStore, row, several};
use crate::entity::session::Column;
use crate::entity::{user, user_state};
use crate::retry::{Attempt, Resend, retrying};
use crate::round::Round;

/// One caller wants a session.
pub(super) struct Load;

impl Round for Load {
    type Worker = SeaOrmStore;
    type Job = SessionId;
    type Key = [u8; 16];
    type Answer = Option<LoadedSession>;
    const RESEND: Resend = Resend::Safe;

    fn key(id: &SessionId) -> Self::Key {
        *id.as_bytes()
    }

    fn twin(loaded: &Self::Answer) -> Option<Self::Answer> {
        Some(loaded.clone())
    }

    async fn alone(store: &SeaOrmStore, id: &SessionId) -> Result<Self::Answer, StoreError> {
        let is_wanted = Expr::col((store.tables.session.clone(), Column::Id)).eq(id.as_bytes().as_slice());
        let select = store.select_loaded(is_wanted);
        retrying(Resend::Safe, async || {
            let row = store.db.read.query_one(&select).await?;
            Ok(row.as_ref().map(loaded).transpose()?)
        })
        .await
    }

    /// Each reads what was committed before it was asked for: the statement is sent when all of them are here.
    async fn together(store: &SeaOrmStore, ids: &[SessionId]) -> Result<Vec<Option<Self::Answer>>, Attempt> {
        let keys = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
        let column = Expr::col((store.tables.session.clone(), Column::Id));
        let backend = store.db.read.get_database_backend();
        let select = store.select_loaded(several::is_one_of(backend, column, ArrayType::Bytes, keys));
        let rows = store.db.read.query_all(&select).await?;
        let mut answers: Vec<_> = ids.iter().map(|_| Some(None)).collect();
        for row in &rows {
            let id = row::session_id(row)?;
            if let Ok(at) = ids.binary_search_by_key(&id.as_bytes(), SessionId::as_bytes)
                && let Some(answer) = answers.get_mut(at)
            {
                // A damaged row is the concern of whoever asked for it.
                *answer = loaded(row).ok().map(Some);
            }
        }
        Ok(answers)
    }
}

impl SeaOrmStore {
    fn select_loaded(&self, is_wanted: Expr) -> SelectStatement {
        let tables = &*self.tables;
        let mut select = Query::select();
        row::select_session(&mut select, tables);
        row::select_user(&mut select, tables);
        row::select_factor(&mut select, tables);
        let owner = || Expr::col((tables.session.clone(), Column::UserId));
        select
            .from(tables.session.clone())
            .left_join(
                tables.user_state.clone(),
                Expr::col((tables.user_state.clone(), user_state::Column::UserId)).eq(owner()),
            )
            .left_join(tables.user.clone(), Expr::col((tables.user.clone(), user::Column::Id)).eq(owner()))
            .and_where(is_wanted)
            .take()
    }
}

fn loaded(row: &QueryResult) -> Result<LoadedSession, DbErr> {
    Ok(LoadedSession {
        session: row::session_record(row)?,
        epoch: row::epoch(row)?,
        has_factor: row::has_factor(row)?,
        user: row::user_record(row)?,
    })
}

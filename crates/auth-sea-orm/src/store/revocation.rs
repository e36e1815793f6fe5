//! What was revoked lately, in one statement over two indexes: every node asks for it each second.

use auth_core::store::{Epoch, Revoked};
use auth_core::{SessionId, Timestamp, UserId};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement, UnionType};
use sea_orm::{DbErr, QueryResult, Value};

use super::row;
use crate::entity::{session, user_state};
use crate::error::damaged;
use crate::tables::Tables;

const SESSION: &str = "session";
const USER: &str = "user_id";
const LOWEST_EPOCH: &str = "lowest_epoch";

/// Each row is a session or a user.
pub(super) fn select_since(tables: &Tables, since: Timestamp) -> SelectStatement {
    let since = since.as_millis();
    let nothing = |value: Value| Expr::val(value);
    let users = Query::select()
        .expr_as(nothing(Value::Bytes(None)), Alias::new(SESSION))
        .expr_as(Expr::col(user_state::Column::UserId), Alias::new(USER))
        .expr_as(Expr::col(user_state::Column::LowestEpoch), Alias::new(LOWEST_EPOCH))
        .from(tables.user_state.clone())
        .and_where(Expr::col(user_state::Column::AllEndedAt).gte(since))
        .take();
    Query::select()
        .expr_as(Expr::col(session::Column::Id), Alias::new(SESSION))
        .expr_as(nothing(Value::String(None)), Alias::new(USER))
        .expr_as(nothing(Value::BigInt(None)), Alias::new(LOWEST_EPOCH))
        .from(tables.session.clone())
        .and_where(Expr::col(session::Column::RevokedAt).gte(since))
        .union(UnionType::All, users)
        .take()
}

pub(super) fn revoked(row: &QueryResult) -> Result<Revoked, DbErr> {
    if let Some(id) = row.try_get::<Option<Vec<u8>>>("", SESSION)? {
        return Ok(Revoked::Session(SessionId::from_bytes(row::bytes(id, "id")?)));
    }
    let user: String = row.try_get("", USER)?;
    let lowest_epoch: i64 = row.try_get("", LOWEST_EPOCH)?;
    Ok(Revoked::User {
        user: UserId::new(&user).map_err(|_| damaged("user_id"))?,
        lowest_epoch: Epoch(row::counter(lowest_epoch, "lowest_epoch")?),
    })
}

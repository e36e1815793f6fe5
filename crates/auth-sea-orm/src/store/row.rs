//! From rows to records. A row that this program cannot have written is an error, never a guess.

use auth_core::store::{Epoch, SessionMode, SessionRecord, TokenRecord, UserRecord, UserStatus};
use auth_core::{ClientInfo, PasswordHash, Role, SessionId, Timestamp, TokenId, TokenName, TokenScopes, UserId};
use sea_orm::sea_query::{Alias, Expr, SelectStatement};
use sea_orm::{DbErr, DynIden, FromQueryResult as _, IdenStatic, Iterable, QueryResult};

use crate::entity::{session, token, user, user_state};
use crate::error::damaged;
use crate::tables::Tables;

const SESSION: &str = "s_";
const TOKEN: &str = "t_";
const USER: &str = "u_";
const EPOCH: &str = "epoch";
const FACTOR_STEP: &str = "factor_step";

/// Adds the columns that [`session_record`] reads.
pub(super) fn select_session(select: &mut SelectStatement, tables: &Tables) {
    select_all::<session::Column>(select, &tables.session, SESSION);
}

/// Adds the column that [`session_id`] reads.
pub(super) fn select_session_id(select: &mut SelectStatement, tables: &Tables) {
    let id = Expr::col((tables.session.clone(), session::Column::Id));
    select.expr_as(id, Alias::new(format!("{SESSION}id")));
}

/// Adds the columns that [`token_record`] reads.
pub(super) fn select_token(select: &mut SelectStatement, tables: &Tables) {
    select_all::<token::Column>(select, &tables.token, TOKEN);
}

/// Adds the column that [`has_factor`] reads, from the joined user state.
pub(super) fn select_factor(select: &mut SelectStatement, tables: &Tables) {
    let step = Expr::col((tables.user_state.clone(), user_state::Column::FactorStep));
    select.expr_as(step, Alias::new(FACTOR_STEP));
}

/// Adds the columns that [`user_record`] and [`epoch`] read, from tables joined by `user_id`.
pub(super) fn select_user(select: &mut SelectStatement, tables: &Tables) {
    select_all::<user::Column>(select, &tables.user, USER);
    select.expr_as(Expr::col((tables.user_state.clone(), user_state::Column::CredEpoch)), Alias::new(EPOCH));
}

fn select_all<C: Iterable + IdenStatic>(select: &mut SelectStatement, table: &DynIden, prefix: &str) {
    for column in C::iter() {
        let name = Alias::new(format!("{prefix}{}", column.as_str()));
        select.expr_as(Expr::col((table.clone(), column)), name);
    }
}

/// The epoch of the joined user state: 0 when there is none.
pub(super) fn epoch(row: &QueryResult) -> Result<Epoch, DbErr> {
    let epoch: Option<i64> = row.try_get("", EPOCH)?;
    counter(epoch.unwrap_or_default(), "cred_epoch").map(Epoch)
}

/// Whether there is a second factor: each has a last step.
pub(super) fn has_factor(row: &QueryResult) -> Result<bool, DbErr> {
    Ok(row.try_get::<Option<i64>>("", FACTOR_STEP)?.is_some())
}

/// The joined user, if there is one.
pub(super) fn user_record(row: &QueryResult) -> Result<Option<UserRecord>, DbErr> {
    // Not `Option<Model>`: that takes a damaged user for an absent one.
    if row.try_get::<Option<String>>(USER, "id")?.is_none() {
        return Ok(None);
    }
    let user = user::Model::from_query_result(row, USER)?;
    let role = user.role.as_deref().map(Role::new).transpose();
    Ok(Some(UserRecord {
        id: UserId::new(&user.id).map_err(|_| damaged("id"))?,
        email: user.email,
        password: user.password_hash.map(|hash| PasswordHash::from_phc(hash.0)),
        status: UserStatus::from_name(&user.status).ok_or_else(|| damaged("status"))?,
        role: role.map_err(|_| damaged("role"))?,
        app_access: user.app_access,
        admin_access: user.admin_access,
        epoch: Some(epoch(row)?),
    }))
}

/// The id of the session in `row`.
pub(super) fn session_id(row: &QueryResult) -> Result<SessionId, DbErr> {
    Ok(SessionId::from_bytes(bytes(row.try_get(SESSION, "id")?, "id")?))
}

pub(super) fn session_record(row: &QueryResult) -> Result<SessionRecord, DbErr> {
    let session = session::Model::from_query_result(row, SESSION)?;
    // As it is: `ClientInfo::new` is for what a request says.
    let mut client = ClientInfo::default();
    client.ip = session.ip.map(|ip| ip.parse()).transpose().map_err(|_| damaged("ip"))?;
    client.user_agent = session.user_agent;
    Ok(SessionRecord {
        id: SessionId::from_bytes(bytes(session.id, "id")?),
        user: UserId::new(&session.user_id).map_err(|_| damaged("user_id"))?,
        epoch: Epoch(counter(session.cred_epoch, "cred_epoch")?),
        aal: u8::try_from(session.aal).map_err(|_| damaged("aal"))?,
        family_hash: bytes(session.family_hash, "family_hash")?,
        generation: counter(session.generation, "generation")?,
        current_hash: bytes(session.current_hash, "current_hash")?,
        previous_hash: session.previous_hash.map(|hash| bytes(hash, "previous_hash")).transpose()?,
        salt: bytes(session.salt, "salt")?,
        key_id: u16::try_from(session.key_id).map_err(|_| damaged("key_id"))?,
        mode: SessionMode::from_i16(session.mode).ok_or_else(|| damaged("mode"))?,
        auth_time: Timestamp::from_millis(session.auth_time),
        created_at: Timestamp::from_millis(session.created_at),
        rotated_at: session.rotated_at.map(Timestamp::from_millis),
        idle_expires_at: Timestamp::from_millis(session.idle_expires_at),
        absolute_expires_at: Timestamp::from_millis(session.absolute_expires_at),
        revoked_at: session.revoked_at.map(Timestamp::from_millis),
        client,
    })
}

pub(super) fn token_record(row: &QueryResult) -> Result<TokenRecord, DbErr> {
    let token = token::Model::from_query_result(row, TOKEN)?;
    let scopes = token.scopes.as_deref().map(TokenScopes::parse).transpose();
    Ok(TokenRecord {
        id: TokenId::from_bytes(bytes(token.id, "id")?),
        user: UserId::new(&token.user_id).map_err(|_| damaged("user_id"))?,
        epoch: Epoch(counter(token.cred_epoch, "cred_epoch")?),
        name: TokenName::new(token.name).map_err(|_| damaged("name"))?,
        scopes: scopes.map_err(|_| damaged("scopes"))?,
        created_at: Timestamp::from_millis(token.created_at),
        expires_at: Timestamp::from_millis(token.expires_at),
        last_used_at: token.last_used_at.map(Timestamp::from_millis),
    })
}

pub(super) fn bytes<const N: usize>(stored: Vec<u8>, column: &str) -> Result<[u8; N], DbErr> {
    stored.try_into().map_err(|_| damaged(column))
}

pub(super) fn counter(stored: i64, column: &str) -> Result<u64, DbErr> {
    u64::try_from(stored).map_err(|_| damaged(column))
}

//! The tables of Directus 11, as far as we read them: <https://github.com/directus/directus>, its migrations.

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Func, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, DeriveIden, QueryResult, Value};
use zeroize::Zeroizing;

use crate::error::store_error;

#[derive(DeriveIden, Clone, Copy)]
pub(super) enum Users {
    #[sea_orm(iden = "directus_users")]
    Table,
    Id,
    Email,
    Password,
    TfaSecret,
    Status,
    Role,
    Token,
    Provider,
}

#[derive(DeriveIden, Clone, Copy)]
pub(super) enum Roles {
    #[sea_orm(iden = "directus_roles")]
    Table,
    Id,
    Parent,
}

#[derive(DeriveIden, Clone, Copy)]
pub(super) enum Access {
    #[sea_orm(iden = "directus_access")]
    Table,
    Role,
    User,
    Policy,
}

#[derive(DeriveIden, Clone, Copy)]
pub(super) enum Policies {
    #[sea_orm(iden = "directus_policies")]
    Table,
    Id,
    IpAccess,
    AdminAccess,
    AppAccess,
}

#[derive(DeriveIden, Clone, Copy)]
pub(super) enum Sessions {
    #[sea_orm(iden = "directus_sessions")]
    Table,
    User,
}

/// The database of Directus has not what we read, or does not let us write what we have to.
#[derive(Debug, thiserror::Error)]
#[error("the database has no table `{table}` of Directus 11 {problem}")]
pub struct NotDirectus {
    table: &'static str,
    problem: &'static str,
    source: auth_core::store::StoreError,
}

impl NotDirectus {
    /// The sessions of a user who gets a new password cannot be ended.
    pub(super) const fn sessions(source: auth_core::store::StoreError) -> Self {
        Self { table: "directus_sessions", problem: UNDELETABLE, source }
    }

    /// The first table that could not be used.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        self.table
    }

    /// What the database said.
    #[must_use]
    pub fn into_store_error(self) -> auth_core::store::StoreError {
        self.source
    }
}

const UNREADABLE: &str = "with the columns that are read: is this the database of Directus, and does the login see its \
                          tables? Older versions have to be upgraded to 11 first";
const UNDELETABLE: &str = "whose rows may be deleted, as a store that is writable must, to end the sessions of who gets \
                           a new password: give the login of the database DELETE on it";

/// Reads nothing from every table, with all the columns.
pub(super) async fn check(db: &DatabaseConnection) -> Result<(), NotDirectus> {
    let backend = db.get_database_backend();
    let mut users = select_user(backend);
    users.column(Users::Token);
    for (table, mut select) in [
        ("directus_users", users),
        ("directus_roles", select_roles(backend)),
        ("directus_policies", select_policies()),
        (
            "directus_access",
            Query::select().columns([Access::Role, Access::User, Access::Policy]).from(Access::Table).take(),
        ),
    ] {
        let read = db.query_one(select.limit(1)).await;
        read.map_err(|error| NotDirectus { table, problem: UNREADABLE, source: store_error(error) })?;
    }
    Ok(())
}

/// A row of `directus_users`.
#[derive(Clone)]
pub(super) struct UserRow {
    pub(super) id: String,
    /// None is allowed there, for users who never sign in.
    pub(super) email: Option<String>,
    pub(super) password: Option<String>,
    pub(super) tfa_secret: Option<Zeroizing<String>>,
    pub(super) status: String,
    pub(super) role: Option<String>,
    pub(super) provider: String,
}

impl UserRow {
    /// Whether Directus itself checks who this is: single sign-on does it for others.
    pub(super) fn is_of_directus(&self) -> bool {
        self.provider == "default"
    }

    pub(super) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let text = |name| row.try_get::<Option<String>>("", name);
        // Directus takes an empty text for none.
        let secret = text("tfa_secret")?.filter(|secret| !secret.is_empty()).map(Zeroizing::new);
        Ok(Self {
            id: row.try_get("", "id")?,
            email: text("email")?,
            password: text("password")?.filter(|hash| !hash.is_empty()),
            tfa_secret: secret,
            status: row.try_get("", "status")?,
            role: text("role")?,
            provider: row.try_get("", "provider")?,
        })
    }
}

/// The columns that [`UserRow::read`] reads.
pub(super) fn select_user(backend: DbBackend) -> SelectStatement {
    Query::select()
        .expr_as(id_text(backend, Users::Id), Alias::new("id"))
        .columns([Users::Email, Users::Password, Users::TfaSecret, Users::Status, Users::Provider])
        .expr_as(id_text(backend, Users::Role), Alias::new("role"))
        .from(Users::Table)
        .take()
}

/// Id and parent of every role.
pub(super) fn select_roles(backend: DbBackend) -> SelectStatement {
    Query::select()
        .expr_as(id_text(backend, Roles::Id), Alias::new("id"))
        .expr_as(id_text(backend, Roles::Parent), Alias::new("parent"))
        .from(Roles::Table)
        .take()
}

/// What policies grant.
pub(super) fn select_policies() -> SelectStatement {
    Query::select()
        .columns([
            (Policies::Table, Policies::IpAccess),
            (Policies::Table, Policies::AdminAccess),
            (Policies::Table, Policies::AppAccess),
        ])
        .from(Policies::Table)
        .take()
}

/// An id as text: PostgreSQL has a type of its own for it.
pub(super) fn id_text(backend: DbBackend, column: impl sea_orm::sea_query::IntoColumnRef) -> Expr {
    let column = Expr::col(column);
    if backend == DbBackend::Postgres { column.cast_as("text") } else { column }
}

/// The id `text` as a value to compare with.
pub(super) fn id_value(backend: DbBackend, text: &str) -> Expr {
    let value = Expr::val(Value::from(text));
    if backend == DbBackend::Postgres { value.cast_as("uuid") } else { value }
}

/// What PostgreSQL takes for a UUID and would refuse with an error otherwise.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `LOWER(email)`, by which Directus finds users.
pub(super) fn lower_email() -> Expr {
    Expr::from(Func::lower(Expr::col(Users::Email)))
}

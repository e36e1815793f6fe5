//! Tables with many rows, filled by the database itself: a million logins would take an afternoon.

use auth_core::store::SessionMode;
use auth_core::{Auth, ClientInfo, Email, Grant, NewUser, Password, RefreshToken, SessionId, UserId};
use auth_sea_orm::entity::{session, user, user_state};
use auth_testkit::contract::forge;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, IdenStatic, Iterable};

/// Many sessions, each of a user of its own. They are copies of one that was opened in earnest, and so have its secrets.
#[derive(Debug)]
pub struct Crowd {
    model: RefreshToken,
}

impl Crowd {
    /// Stores `count` users with a session each, numbered from 0.
    ///
    /// # Panics
    /// When the database refuses, or the users are there already.
    pub async fn store(auth: &Auth, db: &DatabaseConnection, count: u32) -> Self {
        let email = Email::parse("model@example.com").expect("an address");
        let model = auth.create_user(NewUser::new(email, Password::new("the password of all"))).await.expect("a user");
        let tokens = auth.open_session(&model, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
        let Grant::Pair { refresh, .. } = tokens.grant else { panic!("not in this mode") };

        let backend = db.get_database_backend();
        let user_id = text(backend, "'user-'", "n");
        let email = text(backend, "'user-'", &text(backend, "n", "'@example.com'"));
        for insert in [
            copy::<user::Column>("auth_user", count, |column| match column {
                user::Column::Id => Some(user_id.clone()),
                user::Column::Email => Some(email.clone()),
                user::Column::EmailKey => Some(bytes(backend, &email)),
                _ => None,
            }),
            copy::<user_state::Column>("auth_user_state", count, |column| match column {
                user_state::Column::UserId => Some(user_id.clone()),
                _ => None,
            }),
            copy::<session::Column>("auth_session", count, |column| match column {
                session::Column::Id => Some(id(backend)),
                session::Column::UserId => Some(user_id.clone()),
                _ => None,
            }),
        ] {
            db.execute_unprepared(&insert).await.expect("inserts");
        }
        Self { model: refresh }
    }

    /// The first refresh token of session `n`.
    #[must_use]
    pub fn token(&self, n: u32) -> RefreshToken {
        RefreshToken::new(forge::of_session(self.model.expose_secret(), Self::session(n)))
    }

    /// The id of session `n`. They lie all over the index.
    #[must_use]
    pub fn session(n: u32) -> SessionId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.wrapping_mul(SCATTER).to_be_bytes());
        id[12..].copy_from_slice(&n.to_be_bytes());
        SessionId::from_bytes(id)
    }

    /// The user of session `n`.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn user(n: u32) -> UserId {
        UserId::new(&format!("user-{n}")).expect("is short")
    }
}

/// Knuth's multiplicative hash: neighbours come to lie far apart.
const SCATTER: u32 = 2_654_435_761;

/// One INSERT: the only row of `table` again and again, with some columns computed from `n`.
fn copy<C: Iterable + IdenStatic + Copy>(table: &str, count: u32, computed: impl Fn(C) -> Option<String>) -> String {
    let names: Vec<_> = C::iter().map(|column| column.as_str().to_owned()).collect();
    let values = C::iter().map(|column| computed(column).unwrap_or_else(|| format!("model.{}", column.as_str())));
    let values: Vec<_> = values.collect();
    // Numbers without a function that only one database has: the digits, combined.
    let digits = count.max(2).ilog10() + 1;
    let tables: Vec<_> = (0..digits).map(|place| format!("digit d{place}")).collect();
    let sum: Vec<_> = (0..digits).map(|place| format!("{} * d{place}.v", 10_u64.pow(place))).collect();
    let all: Vec<_> = (0..10).map(|v| format!("SELECT {v} AS v")).collect();
    format!(
        "INSERT INTO {table} ({}) WITH digit AS ({}), number AS (SELECT {} AS n FROM {}) \
         SELECT {} FROM {table} model, number WHERE n < {count}",
        names.join(", "),
        all.join(" UNION ALL "),
        sum.join(" + "),
        tables.join(", "),
        values.join(", ")
    )
}

fn text(backend: DbBackend, first: &str, second: &str) -> String {
    match backend {
        DbBackend::MySql => format!("CONCAT({first}, {second})"),
        _ => format!("({first} || {second})"),
    }
}

fn bytes(backend: DbBackend, text: &str) -> String {
    match backend {
        DbBackend::Postgres => format!("convert_to({text}, 'UTF8')"),
        DbBackend::MySql => text.to_owned(),
        _ => format!("CAST({text} AS BLOB)"),
    }
}

/// [`Crowd::session`] in SQL.
fn id(backend: DbBackend) -> String {
    let scattered = format!(
        "((n * CAST({SCATTER} AS {})) % 4294967296)",
        match backend {
            DbBackend::MySql => "SIGNED",
            _ => "BIGINT",
        }
    );
    match backend {
        DbBackend::Postgres => {
            format!("decode(lpad(to_hex({scattered}), 8, '0') || '0000000000000000' || lpad(to_hex(n), 8, '0'), 'hex')")
        }
        DbBackend::MySql => {
            format!("UNHEX(CONCAT(LPAD(HEX({scattered}), 8, '0'), '0000000000000000', LPAD(HEX(n), 8, '0')))")
        }
        _ => format!("unhex(printf('%08x0000000000000000%08x', {scattered}, n))"),
    }
}

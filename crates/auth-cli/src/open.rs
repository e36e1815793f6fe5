//! The database and the configuration of the server, as commands need them.

use std::error::Error as StdError;

use auth_core::store::{StoreError, StoreErrorKind};
use auth_core::store::{UserRecord, UserStore as _};
use auth_core::{Auth, AuthConfig, AuthError, Email, ErrorKind, UserId};
use auth_sea_orm::{ConnectError, MigrationStatus, SeaOrmStore};
use clap::Args;

use crate::exit::{Exit, Failure};
use crate::shell::{Preset, Shell};

#[derive(Debug, Args)]
pub(crate) struct Database {
    /// The database with our tables: sqlite://file, postgres://…, mysql://…. Others on the machine can see command
    /// lines: with a password in it, use the variable [env: DATABASE_URL]
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
}

impl Database {
    /// The database, whose tables must be up to date.
    pub(crate) async fn open(&self, shell: &Shell<'_>) -> Result<SeaOrmStore, Failure> {
        let store = self.connect(shell).await?;
        require_tables(&store).await?;
        Ok(store)
    }

    /// The database, whatever is in it.
    pub(crate) async fn connect(&self, shell: &Shell<'_>) -> Result<SeaOrmStore, Failure> {
        let url = self.database.clone().or_else(|| shell.var("DATABASE_URL"));
        let url =
            url.ok_or_else(|| not_started("there is no database: set DATABASE_URL, or name it with --database"))?;
        SeaOrmStore::connect(&url).await.map_err(|error| refused_by_database(&url, &error))
    }
}

/// Says what to do unless the tables are those of this version.
pub(crate) async fn require_tables(store: &SeaOrmStore) -> Result<(), Failure> {
    let states = store.migrations().await.map_err(Failure::from)?;
    let count = |status| states.iter().filter(|state| state.status == status).count();
    match (count(MigrationStatus::Applied), count(MigrationStatus::Pending), count(MigrationStatus::Unknown)) {
        (_, _, 1..) => Err(not_started(
            "the tables are those of a newer version, and this one might damage them: use the authctl of the server",
        )),
        (0, _, _) => Err(not_started("the database has none of our tables: run `authctl migrate`")),
        (_, 0, _) => Ok(()),
        (_, pending, _) => Err(not_started(format!(
            "the tables are not up to date ({pending} migrations are pending): run `authctl migrate`"
        ))),
    }
}

fn refused_by_database(url: &str, error: &ConnectError) -> Failure {
    let what = match error {
        ConnectError::Unsupported => "this is no database URL: write sqlite://file, postgres://… or mysql://…",
        ConnectError::Url(_) => {
            "the database URL cannot be read: write postgres://user:password@host:port/name, with %40 for @ in a password"
        }
        _ if url.starts_with("sqlite") => {
            "the SQLite file cannot be opened: see that it is there and may be written; `authctl migrate` makes a new one \
             when its URL ends with ?mode=rwc"
        }
        _ => "the database cannot be opened: see that it runs, and that host, user, password and name are right",
    };
    not_started(what).because(innermost(error))
}

/// What the driver says: a database that does not let us in is not damaged, as the store would have it.
fn innermost(error: &dyn StdError) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The configuration of the server, from the same variables.
pub(crate) fn config(shell: &Shell<'_>) -> Result<AuthConfig, Failure> {
    let config = match shell.preset {
        Preset::Ours => AuthConfig::from_vars(|name| shell.var(name)),
        Preset::Directus => AuthConfig::directus_from_vars(|name| shell.var(name)),
    };
    config.map_err(|error| not_started(error.to_string()))
}

/// The operations of the server over this database.
pub(crate) fn auth(store: &SeaOrmStore, config: AuthConfig) -> Result<Auth, Failure> {
    Auth::builder(store.clone()).config(config).build().map_err(|error| not_started(error.to_string()))
}

/// What was done is in the audit trail before the program ends, if there is one.
pub(crate) async fn keep_trail(auth: &Auth, shell: &mut Shell<'_>) {
    if auth.flush_events().await.is_err() || auth.lost_events() > 0 {
        shell.note("note: it was done, and the audit trail does not tell of it: the database did not take it");
    }
}

/// A user, as it is named on a command line.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// An address or an id
    #[arg(value_name = "USER")]
    pub(crate) who: String,
}

/// The user with this address, or with this id.
pub(crate) async fn user(store: &SeaOrmStore, who: &str) -> Result<UserRecord, Failure> {
    let found = match (Email::parse(who), UserId::new(who)) {
        (Ok(email), _) => store.find_by_email(&email).await?,
        (Err(_), Ok(id)) => store.find_by_id(&id).await?,
        (Err(_), Err(_)) => None,
    };
    found.ok_or_else(no_such_user)
}

pub(crate) fn no_such_user() -> Failure {
    not_started("there is no such user: name an address or an id, as `authctl user list` shows them")
}

pub(crate) fn not_started(what: impl Into<String>) -> Failure {
    Failure::new(Exit::NotStarted, what)
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        not_started(match error.kind() {
            StoreErrorKind::Unavailable => {
                "the database does not answer, or another program keeps it locked: see to that, and run it again"
            }
            StoreErrorKind::Conflict => "somebody else was faster with the same: run it again",
            _ => "the database refused it: see whether the tables are whole (`authctl migrate --status`)",
        })
        .because(error)
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let what = match (error.kind(), error.password_problem()) {
            (_, Some(problem)) => return not_started(format!("{problem}: choose another")),
            (ErrorKind::EmailTaken, _) => return not_started("there is a user with this address already"),
            (ErrorKind::Unavailable, _) => {
                "the database does not answer, or another program keeps it locked: see to that, and run it again"
                    .to_owned()
            }
            _ => error.to_string(),
        };
        not_started(what).because(error)
    }
}

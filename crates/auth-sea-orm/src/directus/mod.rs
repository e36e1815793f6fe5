//! Users who stay where they are: in the tables of Directus 11. They sign in with the passwords, one-time codes and roles
//! that they have there; our sessions, counters and recovery codes lie in our own tables, in the same database or in
//! another one.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use auth_core::AuthConfig;
//! use auth_sea_orm::{SeaOrmStore, directus::DirectusStore};
//!
//! let config = AuthConfig::directus_from_env()?;
//! let ours = SeaOrmStore::connect("postgres://localhost/auth").await?;
//! ours.migrate().await?;
//! let users = DirectusStore::connect("postgres://localhost/directus", ours, &config).await?;
//! users.check().await?; // says what is missing, if these are no tables of Directus 11
//! let auth = users.builder().config(config).build()?;
//! # Ok(()) }
//! ```
//!
//! # What is read, and what it means
//!
//! | there | here |
//! |---|---|
//! | `status` | only `active` may sign in |
//! | `provider` | only `default` may use a password or a static token |
//! | `email` | compared in its canonical form, byte for byte, whatever the collation of the database folds |
//! | `password` | Argon2id hashes; others (before Directus 10) verify nothing: their users need a new password |
//! | `tfa_secret` | a login asks for its code, once for each |
//! | `role` | the role, by its id, as in the tokens of Directus |
//! | policies of the user, of the role and its parents | `admin_access`, `app_access`. A policy with `ip_access` grants neither: Directus ties it to addresses |
//! | `enforce_tfa` | not looked at, as by the API of Directus. [`AuthConfig::mfa_required`](auth_core::AuthConfig) demands a factor of roles |
//!
//! # Changes in Directus
//!
//! Directus does not tell us of them. Each time a user signs in, refreshes or comes with a session cookie, the row is
//! read, and when password, second factor, address, status, provider or role are not what they were, all sessions of the
//! user end (requirement R9). Access tokens that are out live until they expire.
//!
//! With a [`revocation_feed`](auth_core::AuthConfig::revocation_feed), the end of all sessions of a user also voids the
//! access tokens that Directus signed for that user, for as long as one lives: they do not say which login they are from.
//!
//! # Nothing is written there
//!
//! Unless [`DirectusStore::writable`] asks for it, no statement of ours changes a row of Directus, and the routes that
//! would (passwords, setting up or removing a second factor) are not mounted.

mod access;
mod database;
mod factors;
mod import;
mod lookup;
mod schema;
mod static_token;
mod users;

use std::sync::Arc;

use crate::connect::ConnectError;
use crate::store::SeaOrmStore;
use auth_core::http::Endpoint;
use auth_core::store::{StoreError, StoreErrorKind, UserStatus};
use auth_core::{Auth, AuthBuilder, AuthConfig, Clock, ConfigError, FactorSealer, SystemClock};

pub use database::DirectusDatabase;
pub use import::{Applied, Difference, DirectusUser, ImportError, ImportMode, Problem};
pub use schema::NotDirectus;

/// The users of a Directus database, with our sessions in `ours`. Clones share the connections.
#[derive(Debug, Clone)]
pub struct DirectusStore {
    inner: Arc<Inner>,
    writing: Writing,
    static_tokens: StaticTokens,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StaticTokens {
    Refused,
    Accepted,
}

#[derive(Debug)]
struct Inner {
    database: DirectusDatabase,
    ours: SeaOrmStore,
    sealer: FactorSealer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Never,
    PasswordsAndFactors,
}

/// Why a [`DirectusStore`] could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl DirectusStore {
    /// Opens the database of Directus behind `url`, as [`SeaOrmStore::connect`] opens ours.
    ///
    /// # Errors
    /// [`OpenError`] when the URL is of no use, the database does not answer, or `config` cannot work.
    pub async fn connect(url: &str, ours: SeaOrmStore, config: &AuthConfig) -> Result<Self, OpenError> {
        Ok(Self::new(DirectusDatabase::connect(url).await?, ours, config)?)
    }

    /// The users of this database. `config` is the one that [`builder`](Self::builder) is given too.
    ///
    /// # Errors
    /// [`ConfigError`] when `config` cannot work.
    pub fn new(database: DirectusDatabase, ours: SeaOrmStore, config: &AuthConfig) -> Result<Self, ConfigError> {
        let inner = Arc::new(Inner { database, ours, sealer: FactorSealer::new(config)? });
        let (writing, static_tokens) = (Writing::Never, StaticTokens::Refused);
        Ok(Self { inner, writing, static_tokens, clock: Arc::new(SystemClock) })
    }

    /// Lets users change their password and set up or remove their second factor here, which then counts in Directus
    /// too: of `directus_users`, `password` and `tfa_secret` are written, and nothing else. A secret is stored
    /// there in plain text, as Directus wants it. A hash with a pepper ([`AuthConfig::password_peppers`]) is never
    /// written there: it would lock its user out of Directus.
    ///
    /// A new password also ends the user's sessions in Directus, as one that is set there does: the rows of the user are
    /// deleted from `directus_sessions`, right after the password is written and in a statement of its own. If the
    /// database fails between the two, the change is reported as failed, and those sessions live on until they expire or
    /// [`Auth::end_sessions_of`] is called, which ends them too. A stronger hash of the same password, which a login may
    /// write, ends none. The login of the database needs `UPDATE` on `directus_users` and `DELETE` on
    /// `directus_sessions`.
    #[must_use]
    pub fn writable(mut self) -> Self {
        self.writing = Writing::PasswordsAndFactors;
        self
    }

    /// Lets guards accept static tokens: `directus_users.token`, which Directus keeps in plain text and which never expire.
    /// Each use takes a few statements. Nobody signed in with one, so it meets no demand for a recent login or a second
    /// factor.
    #[must_use]
    pub fn static_tokens(mut self) -> Self {
        self.static_tokens = StaticTokens::Accepted;
        self
    }

    /// Another clock, for tests: of the times at which sessions are found to be over.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A builder with these users, and everything else in our store. The routes that would write into the tables of
    /// Directus are mounted only when this store is [`writable`](Self::writable).
    pub fn builder(&self) -> AuthBuilder {
        let builder = Auth::builder(self.inner.ours.clone()).users(self.clone());
        let builder = match self.static_tokens {
            StaticTokens::Accepted => builder.opaque_tokens(static_token::StaticTokens(self.clone())),
            StaticTokens::Refused => builder,
        };
        match self.writing {
            Writing::PasswordsAndFactors => builder.factors(factors::Factors(self.clone())),
            Writing::Never => builder.without(&[
                Endpoint::ChangePassword,
                Endpoint::RequestReset,
                Endpoint::ResetPassword,
                Endpoint::TfaGenerate,
                Endpoint::TfaEnable,
                Endpoint::TfaDisable,
            ]),
        }
    }

    /// Looks whether the tables of Directus 11 are there, with the columns that are read; of a
    /// [`writable`](Self::writable) store, also whether rows of `directus_sessions` may be deleted.
    ///
    /// # Errors
    /// [`NotDirectus`] names what is missing.
    pub async fn check(&self) -> Result<(), NotDirectus> {
        let database = &self.inner.database;
        database.check().await?;
        match self.writing {
            Writing::PasswordsAndFactors => database.check_sessions().await,
            Writing::Never => Ok(()),
        }
    }
}

/// What a status of Directus means here. A name that we do not know lets nobody in.
fn status(name: &str) -> UserStatus {
    match name {
        "active" => UserStatus::Active,
        "invited" => UserStatus::Invited,
        "unverified" => UserStatus::Unverified,
        "suspended" => UserStatus::Suspended,
        _ => UserStatus::Inactive,
    }
}

fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, error)
}

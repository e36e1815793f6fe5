//! Why there are no figures.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use auth_core::store::StoreError;
use auth_core::{AuthError, ConfigError};
use auth_sea_orm::ConnectError;
use sea_orm::DbErr;

/// Why there are no figures. A server that answers wrongly is among these: its speed is nobody's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{what}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{server} did not say where it listens; started by hand, it says why")]
    Start { server: String },
    #[error("{server} answered {status} {when}; {expected} was expected, so there is nothing to measure")]
    Status { server: String, when: &'static str, status: u16, expected: u16 },
    #[error("{server} answered no HTTP with a Content-Length")]
    Http { server: String },
    #[error("{server} took longer than {} s for one answer", .after.as_secs())]
    Slow { server: String, after: Duration },
    #[error("the processor time of {server} cannot be read: this bench needs the /proc of Linux")]
    ProcessorTime { server: String },
    #[error("the peers could not be built; --no-peers leaves them out")]
    Peers,
    #[error("Argon2")]
    Hash(#[from] argon2::Error),
    #[error("our own settings")]
    Config(#[from] ConfigError),
    #[error("the address of our own user")]
    Email(#[from] auth_core::InvalidEmail),
    #[error("the role of our own user")]
    Role(#[from] auth_core::InvalidText),
    #[error("our own service")]
    Auth(#[from] AuthError),
    #[error("our own store")]
    Store(#[from] StoreError),
    #[error("our own store")]
    Connect(#[from] ConnectError),
    #[error("the database")]
    Database(#[from] DbErr),
    #[error("a rotation changed no row")]
    NotRotated,
    #[error("a task ended before its time")]
    Task(#[from] tokio::task::JoinError),
    #[error("the results as JSON")]
    Json(#[source] serde_json::Error),
}

impl Failure {
    pub(crate) fn io(what: impl Display, source: std::io::Error) -> Self {
        Self::Io { what: what.to_string(), source }
    }

    /// What is wrong, and why, and why that.
    pub(crate) fn with_sources(&self) -> String {
        let sources = std::iter::successors(self.source(), |error| (*error).source());
        sources.fold(self.to_string(), |text, source| format!("{text}: {source}"))
    }
}

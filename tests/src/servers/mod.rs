//! Real servers on both frameworks, with the routes that the contract of `auth-testkit` wants.

mod actix;
mod axum;
mod graphql;

use std::net::SocketAddr;

use auth_core::http::Guard;
use auth_core::{Auth, Identity};
use serde_json::{Value, json};

/// How recent a login some of the contract's guards demand.
const FIVE_MINUTES: std::time::Duration = std::time::Duration::from_secs(300);

/// The frameworks. Every suite over HTTP runs on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// `auth-axum`.
    Axum,
    /// `auth-actix-web`.
    ActixWeb,
}

impl Framework {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Axum, Self::ActixWeb];

    /// Its name in those of tests, and on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::ActixWeb => "actix_web",
        }
    }

    /// Starts a server on a free port, with the auth routes under `prefix`.
    pub async fn serve(self, auth: &Auth, prefix: &str) -> Server {
        self.serve_at(auth, prefix, 0).await
    }

    /// Starts a service that has nothing but a guarded route at `/`: it says whose request it was.
    pub async fn serve_guarded(self, guard: Guard) -> Server {
        match self {
            Self::Axum => axum::serve_guarded(guard).await,
            Self::ActixWeb => actix::serve_guarded(guard).await,
        }
    }

    /// Starts a server on this port, with the auth routes under `prefix`.
    pub async fn serve_at(self, auth: &Auth, prefix: &str, port: u16) -> Server {
        match self {
            Self::Axum => axum::serve(auth, prefix, port).await,
            Self::ActixWeb => actix::serve(auth, prefix, port).await,
        }
    }
}

/// A running server; dropping it stops it.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    _stop: Box<dyn std::any::Any + Send + Sync>,
}

/// What the guarded routes of the contract answer.
fn answer(identity: Option<&Identity>, uri: &str) -> Value {
    json!({
        "user": identity.map(Identity::user),
        "role": identity.and_then(Identity::role),
        "admin": identity.is_some_and(Identity::is_admin),
        "session": identity.and_then(Identity::session),
        "uri": uri,
    })
}

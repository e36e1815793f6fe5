//! Users in a table of the app (`examples/byo-users`): integers as ids, soft delete, and our sessions beside them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod app;
mod conformance;
mod http;
mod outage;
mod races;
mod statements;
mod trail;

use auth_core::store::{SessionMode, UserStore as _};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, ErrorKind, Grant, HashParams, LoginRequest, LoginThrottle,
    NewUser, Password, PasswordHash, RefreshToken, UserId,
};
use auth_testkit::ManualClock;
use auth_tests::customers::{Statements, WithCustomers};
use auth_tests::databases::{Database, Kind};

const PASSWORD: &str = "correct horse battery staple";

/// An app with one customer, and the statements it sends.
struct World {
    auth: Auth,
    both: WithCustomers,
    customer: UserId,
    clock: ManualClock,
    statements: Statements,
    /// Removed with this value.
    _database: Database,
}

impl World {
    /// `None` when there is no database of this kind.
    async fn on(kind: Kind) -> Option<Self> {
        Self::with(kind, config()).await
    }

    async fn with(kind: Kind, config: AuthConfig) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let (both, statements) = WithCustomers::logged(database.url()).await;
        let clock = ManualClock::stopped();
        let auth = both.builder().config(config).clock(clock.clone()).build().expect("a configuration");
        let customer = auth.create_user(NewUser::new(email(), Password::new(PASSWORD))).await.expect("a customer");
        let _ = statements.take();
        Some(Self { auth, both, customer, clock, statements, _database: database })
    }

    async fn login(&self, password: &str) -> Result<RefreshToken, ErrorKind> {
        let request = LoginRequest::new(email(), Password::new(password));
        refresh_of(self.auth.login(request, &ClientInfo::default()).await)
    }

    /// A session without the work of a login.
    async fn session(&self) -> RefreshToken {
        let opened = self.auth.open_session(&self.customer, SessionMode::Json, &ClientInfo::default()).await;
        refresh_of(opened).expect("a session")
    }

    async fn refresh(&self, token: &RefreshToken) -> Result<RefreshToken, ErrorKind> {
        refresh_of(self.auth.refresh(token, &ClientInfo::default()).await)
    }

    /// What the app's table has for the customer's password.
    async fn hash(&self) -> PasswordHash {
        let customer = self.both.customers.find_by_id(&self.customer).await.expect("finds").expect("a customer");
        customer.password.expect("a hash")
    }

    /// What the app does when a customer leaves.
    async fn leave(&self) {
        assert!(self.both.customers.soft_delete(&self.customer, self.clock.now()).await.expect("marks the row"));
        self.auth.end_sessions_of(&self.customer).await.expect("ends");
    }
}

/// One cost for all hashes, so that a wrong password costs no more than a right one; and no door before them, which has
/// tests of its own.
fn config() -> AuthConfig {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash = HashParams::RECOMMENDED;
    config.max_hash = HashParams::RECOMMENDED;
    config.login_throttle = LoginThrottle::Off;
    config
}

fn email() -> Email {
    Email::parse("ada@example.com").expect("an address")
}

fn refresh_of(tokens: Result<auth_core::Tokens, auth_core::AuthError>) -> Result<RefreshToken, ErrorKind> {
    match tokens.map_err(|error| error.kind())?.grant {
        Grant::Pair { refresh, .. } => Ok(refresh),
        Grant::Session(_) => panic!("not in this mode"),
    }
}

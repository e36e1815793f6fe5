//! Directus beside us, before us and behind us: its users in its tables, its tokens at our guards and ours at its, and
//! the users who leave it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod changes;
mod first_look;
mod import;
mod peer;
mod sign_in;
mod tokens;
mod writing;

use auth_core::{
    Auth, AuthConfig, AuthError, ClientInfo, Clock as _, Email, ErrorKind, Grant, LoginRequest, LoginThrottle,
    OneTimePassword, Password, RefreshToken, Tokens, UserId,
};
use auth_sea_orm::SeaOrmStore;
use auth_sea_orm::directus::{DirectusDatabase, DirectusStore};
use auth_testkit::ManualClock;
use auth_tests::databases::Kind;
use auth_tests::directus::DirectusFixture;

const SECRET: &str = "peer-secret-0123456789abcdef0123456789abcdef";
const ADMIN: &str = "f7f1435f-809e-4e00-af37-1b8a1697caae";
const USER: &str = "b0abf074-48ee-4e21-a402-61bcc11da55c";
const TFA: &str = "5149342f-f125-4e11-b2bd-6a0ba2277d26";
const PW: &str = "28ec5c76-7353-4af6-8088-1b5e6e4f9ffc";
const ADMINISTRATOR: &str = "e45e7e8d-9012-4199-8eaf-ad184fc8f519";

/// A Directus, and an `Auth` over its users; our tables are in the same database.
struct World {
    fixture: DirectusFixture,
    store: DirectusStore,
    ours: SeaOrmStore,
    auth: Auth,
    clock: ManualClock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    ReadOnly,
    Writable,
}

impl World {
    /// `None` when there is no database of this kind.
    async fn on(kind: Kind, mode: Mode) -> Option<Self> {
        let fixture = DirectusFixture::on(kind).await?;
        let ours = fixture.database.store().await;
        let clock = ManualClock::stopped();
        let directus = DirectusDatabase::connect(fixture.database.url()).await.expect("connects");
        let store =
            DirectusStore::new(directus, ours.clone(), &config()).expect("a configuration").clock(clock.clone());
        let store = if mode == Mode::Writable { store.writable() } else { store };
        let auth = store.builder().config(config()).clock(clock.clone()).build().expect("a configuration");
        Some(Self { fixture, store, ours, auth, clock })
    }

    async fn login(&self, email: &str, password: &str) -> Result<Tokens, ErrorKind> {
        kind(self.auth.login(request(email, password), &ClientInfo::default()).await)
    }

    async fn login_with(&self, email: &str, password: &str, otp: &str) -> Result<Tokens, ErrorKind> {
        let request = request(email, password).otp(OneTimePassword::new(otp));
        kind(self.auth.login(request, &ClientInfo::default()).await)
    }

    async fn refresh(&self, token: &RefreshToken) -> Result<Tokens, ErrorKind> {
        kind(self.auth.refresh(token, &ClientInfo::default()).await)
    }
}

/// No door before the logins, which has tests of its own.
fn config() -> AuthConfig {
    let mut config = AuthConfig::directus(SECRET);
    config.login_throttle = LoginThrottle::Off;
    config
}

fn request(email: &str, password: &str) -> LoginRequest {
    LoginRequest::new(Email::parse(email).expect("an address"), Password::new(password))
}

fn kind<T>(result: Result<T, AuthError>) -> Result<T, ErrorKind> {
    result.map_err(|error| error.kind())
}

fn pair(tokens: Tokens) -> (auth_core::AccessToken, RefreshToken) {
    match tokens.grant {
        Grant::Pair { access, refresh, .. } => (access, refresh),
        Grant::Session(_) => panic!("not in this mode"),
    }
}

fn id(text: &str) -> UserId {
    UserId::new(text).expect("is short")
}

//! An `Auth` for the tests of an app, and a token for a user in one line.

use std::time::Duration;

use auth_core::store::memory::MemoryStore;
use auth_core::store::{NewUserRecord, SessionMode, UserStatus, UserStore as _};
use auth_core::{Auth, AuthConfig, ClientInfo, Clock as _, Email, Grant, Role, UserId};

use crate::ManualClock;

/// An [`Auth`] over a store in memory and a clock that stands still.
///
/// ```
/// use auth_testkit::{TestAuth, TestUser};
///
/// # async fn example() {
/// let test = TestAuth::new();
/// let token = test.token(TestUser::new("ada").role("editor")).await;
/// // Give `test.auth()` to the app under test, and the token to its client:
/// let header = format!("Bearer {token}");
/// assert_eq!(test.auth().verify(&token).unwrap().user().as_str(), "ada");
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(example());
/// ```
#[derive(Debug, Clone)]
pub struct TestAuth {
    auth: Auth,
    store: MemoryStore,
    clock: ManualClock,
}

/// A user of a test: active, without a role and without a password.
#[derive(Debug, Clone)]
#[must_use]
pub struct TestUser {
    id: String,
    role: Option<String>,
    admin: bool,
}

impl TestUser {
    /// With this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), role: None, admin: false }
    }

    /// With this role.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// With `admin_access`.
    pub const fn admin(mut self) -> Self {
        self.admin = true;
        self
    }
}

impl TestAuth {
    /// With every default of [`AuthConfig`].
    ///
    /// # Panics
    /// Never: the configuration is fixed.
    #[must_use]
    pub fn new() -> Self {
        Self::with(AuthConfig::new("7hQx2vN9-for-tests-alone-Lk4bT8wR"))
    }

    /// With this configuration.
    ///
    /// # Panics
    /// When the configuration is refused.
    #[must_use]
    pub fn with(config: AuthConfig) -> Self {
        let (store, clock) = (MemoryStore::new(), ManualClock::stopped());
        let auth = Auth::builder(store.clone()).config(config).clock(clock.clone()).build().expect("a configuration");
        Self { auth, store, clock }
    }

    /// What the app under test takes.
    #[must_use]
    pub const fn auth(&self) -> &Auth {
        &self.auth
    }

    /// An access token for `user`, who is made if need be.
    ///
    /// # Panics
    /// When the id or the role is empty or longer than 64 bytes.
    pub async fn token(&self, user: TestUser) -> String {
        let id = UserId::new(&user.id).expect("an id of 1 to 64 bytes");
        let record = NewUserRecord {
            id,
            email: Email::parse(&format!("{}@example.com", user.id.replace(|c: char| !c.is_ascii_alphanumeric(), "-")))
                .expect("an address"),
            password: None,
            status: UserStatus::Active,
            role: user.role.map(|role| Role::new(&role).expect("a role of 1 to 64 bytes")),
            app_access: true,
            admin_access: user.admin,
            created_at: self.clock.now(),
        };
        if self.auth.find_user(&id).await.expect("memory does not fail").is_none() {
            self.store.create(&record).await.expect("an address of its own");
        }
        let tokens =
            self.auth.open_session(&id, SessionMode::Json, &ClientInfo::default()).await.expect("an active user");
        match tokens.grant {
            Grant::Pair { access, .. } => access.expose_secret().to_owned(),
            Grant::Session(token) => token.expose_secret().to_owned(),
        }
    }

    /// Lets time pass: tokens expire.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Default for TestAuth {
    fn default() -> Self {
        Self::new()
    }
}

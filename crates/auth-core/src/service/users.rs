//! Users: made, found, changed, removed.

use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::event::{EventKind, UserFields};
use crate::id::{Role, UserId};
#[cfg(feature = "zxcvbn")]
use crate::password::score;
use crate::password::{PasswordHash, policy};
use crate::secret::Password;
use crate::store::{
    LastAdmin, NewUserRecord, RevokeReason, StoreError, StoreErrorKind, UpdateTerms, Updated, UserChange,
    UserDirectory, UserRecord, UserStatus,
};

/// A user to be made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The password, which must meet the policy.
    pub password: Password,
    /// The role. Default none.
    pub role: Option<Role>,
    /// Default active.
    pub status: UserStatus,
    /// Claim `app_access`. Default yes.
    pub app_access: bool,
    /// Claim `admin_access`. Default no.
    pub admin_access: bool,
}

impl NewUser {
    /// An active user without a role, who may use the app.
    #[must_use]
    pub const fn new(email: Email, password: Password) -> Self {
        Self { email, password, role: None, status: UserStatus::Active, app_access: true, admin_access: false }
    }

    /// An active user who may do everything.
    #[must_use]
    pub fn admin(email: Email, password: Password) -> Self {
        Self { admin_access: true, ..Self::new(email, password) }
    }
}

/// Changes to a user; what is `None` stays.
///
/// ```
/// use auth_core::UserUpdate;
/// use auth_core::store::UserStatus;
///
/// let mut update = UserUpdate::default();
/// update.status = Some(UserStatus::Suspended);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct UserUpdate {
    /// A new address.
    pub email: Option<Email>,
    /// A new password, which must meet the policy.
    pub password: Option<Password>,
    /// A new status.
    pub status: Option<UserStatus>,
    /// A new role, or none.
    pub role: Option<Option<Role>>,
    /// Claim `app_access`.
    pub app_access: Option<bool>,
    /// Claim `admin_access`.
    pub admin_access: Option<bool>,
}

impl Auth {
    /// Makes a user.
    ///
    /// # Errors
    /// `WeakPassword`, of which [`AuthError::password_problem`] says why; `EmailTaken`, `Unavailable`.
    #[tracing::instrument(name = "auth.user_create", skip_all)]
    pub async fn create_user(&self, user: NewUser) -> Result<UserId, AuthError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let record = NewUserRecord {
            id: UserId::generate(now, &*inner.random)?,
            password: Some(self.hash_new(user.password, &[user.email.as_typed()]).await?),
            email: user.email,
            status: user.status,
            role: user.role,
            app_access: user.app_access,
            admin_access: user.admin_access,
            created_at: now,
        };
        let id = inner.users.create(&record).await.map_err(taken)?;
        self.record_event(EventKind::UserCreated, &id);
        Ok(id)
    }

    /// The user with this id.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(name = "auth.user_read", skip_all, fields(user = %id))]
    pub async fn find_user(&self, id: &UserId) -> Result<Option<UserRecord>, AuthError> {
        Ok(self.inner.users.find_by_id(id).await?)
    }

    /// How many users there are.
    ///
    /// # Errors
    /// `UsersElsewhere` when users live in a table of the app; `Unavailable`.
    #[tracing::instrument(name = "auth.user_count", skip_all)]
    pub async fn count_users(&self) -> Result<u64, AuthError> {
        Ok(self.directory()?.count().await?)
    }

    /// Changes a user and ends all of the user's sessions. `false` when there is no such user.
    ///
    /// # Errors
    /// `WeakPassword`, `EmailTaken`, `UsersElsewhere`, `Unavailable`; nothing is changed then.
    #[tracing::instrument(name = "auth.user_update", skip_all, fields(user = %id))]
    pub async fn update_user(&self, id: &UserId, update: UserUpdate) -> Result<bool, AuthError> {
        let directory = self.directory()?;
        let is_new_password = update.password.is_some();
        let password = match update.password {
            Some(password) => {
                // The address that the user will have, and the one up to now: neither is a password.
                let Some(user) = self.find_user(id).await? else { return Ok(false) };
                let mut emails = vec![user.email.as_str()];
                emails.extend(update.email.as_ref().map(Email::as_typed));
                Some(self.hash_new(password, &emails).await?)
            }
            None => None,
        };
        let change = UserChange {
            email: update.email,
            password,
            status: update.status,
            role: update.role,
            app_access: update.app_access,
            admin_access: update.admin_access,
        };
        let now = self.inner.clock.now();
        let updated = directory.update(id, &change, UpdateTerms::default(), now).await.map_err(taken)?;
        let changed = updated == Updated::Done;
        if changed {
            self.record_event(EventKind::UserChanged { fields: UserFields::from(&change) }, id);
        }
        if changed && is_new_password {
            self.inner.forgive(id).await;
        }
        Ok(changed)
    }

    /// Removes a user and ends all of the user's sessions. `false` when there is no such user.
    ///
    /// # Errors
    /// `UsersElsewhere`, `Unavailable`.
    #[tracing::instrument(name = "auth.user_delete", skip_all, fields(user = %id))]
    pub async fn delete_user(&self, id: &UserId) -> Result<bool, AuthError> {
        let now = self.inner.clock.now();
        let deleted = self.directory()?.delete(id, LastAdmin::MayGo, now).await? == Updated::Done;
        if deleted {
            self.record_event(EventKind::UserDeleted, id);
        }
        Ok(deleted)
    }

    /// Ends all sessions of a user, and makes sure that none is opened with credentials checked before; says how many
    /// ended. An app with a user table of its own calls this after each change of password, status, role or address has
    /// been committed.
    ///
    /// # Errors
    /// `Unavailable`: what is changed is changed, and the sessions live on until this is called again.
    #[tracing::instrument(name = "auth.session_end_all", skip_all, fields(user = %id))]
    pub async fn end_sessions_of(&self, id: &UserId) -> Result<u64, AuthError> {
        let now = self.inner.clock.now();
        let ended = self.inner.factors.end_sessions(id, None, RevokeReason::CredentialsChanged, now).await?;
        self.record_event(EventKind::AllSessionsEnded, id);
        Ok(ended)
    }

    /// Tells the event sink and the audit trail what the app did to a user, at no client's request. These operations do so
    /// themselves: it is for what goes past them, such as an import that writes into the store. The trail has places for
    /// 10,000 events: with more, [`flush_events`](Self::flush_events) in between.
    pub fn record_event(&self, kind: EventKind, user: &UserId) {
        self.inner.record(kind, Some(*user), None, &ClientInfo::default());
    }

    pub(super) fn directory(&self) -> Result<&dyn UserDirectory, AuthError> {
        self.inner.directory.as_deref().ok_or_else(|| ErrorKind::UsersElsewhere.into())
    }

    /// The hash of a new password, if it meets the policy for a user with these addresses.
    pub(super) async fn hash_new(&self, password: Password, emails: &[&str]) -> Result<PasswordHash, AuthError> {
        let config = &self.inner.config;
        policy::check(&password, emails, config)?;
        #[cfg(feature = "zxcvbn")]
        if let Some(wanted) = config.password_min_score {
            let known: Vec<_> =
                emails.iter().copied().chain([&*config.issuer, &*config.realm]).map(str::to_owned).collect();
            let password = password.clone();
            let scored = self.inner.pool.reserve()?.run(move |_| score::check(&password, &known, wanted));
            scored.await??;
        }
        self.inner.pool.reserve()?.hash(password, &*self.inner.random).await
    }
}

impl Inner {
    /// Failures with the old password say nothing of the new one: its owner must get in (requirement G1). The counter of
    /// the second factor stays. The password is set by now, so a store that fails here changes nothing about that.
    pub(super) async fn forgive(&self, id: &UserId) {
        self.throttle.forgive_step_up(id).await;
        match self.users.find_by_id(id).await {
            Ok(Some(user)) => {
                if let Ok(email) = Email::parse(&user.email) {
                    self.throttle.forgive(&email).await;
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(target: "auth::throttle", user = %id, %error, "failures stay counted"),
        }
    }
}

pub(super) fn taken(error: StoreError) -> AuthError {
    match error.kind() {
        StoreErrorKind::Conflict => AuthError::new(ErrorKind::EmailTaken, error),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::{AuthConfig, LoginRequest, PasswordProblem, SecretKey};

    fn auth(store: &MemoryStore, change: impl FnOnce(&mut AuthConfig)) -> Auth {
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.hash_threads = 1;
        change(&mut config);
        Auth::builder(store.clone()).config(config).build().expect("a configuration")
    }

    fn email(text: &str) -> Email {
        Email::parse(text).expect("an address")
    }

    #[tokio::test]
    async fn p5_the_policy_knows_the_addresses_of_the_user_and_says_what_is_wrong() {
        let auth = auth(&MemoryStore::new(), |_| ());
        let refused = |result: Result<(), AuthError>| {
            let error = result.expect_err("is refused");
            assert_eq!(error.kind(), ErrorKind::WeakPassword);
            error.password_problem()
        };
        let create = |password: &str| {
            let user = NewUser::new(email("ada.lovelace@example.com"), Password::new(password));
            let auth = &auth;
            async move { auth.create_user(user).await }
        };
        assert_eq!(refused(create("short").await.map(drop)), Some(PasswordProblem::TooShort { min: 8 }));
        assert_eq!(refused(create("password1").await.map(drop)), Some(PasswordProblem::Common));
        assert_eq!(refused(create("Ada.Lovelace1815").await.map(drop)), Some(PasswordProblem::LikeEmail));
        let user = create("correct horse").await.expect("is good enough");

        let update = |password: &str, email: Option<Email>| {
            let update = UserUpdate { password: Some(Password::new(password)), email, ..UserUpdate::default() };
            let auth = &auth;
            async move { auth.update_user(&user, update).await }
        };
        let like_email = Some(PasswordProblem::LikeEmail);
        assert_eq!(refused(update("ada.lovelace1", None).await.map(drop)), like_email);
        let next = || Some(email("ada.king.noel@example.com"));
        assert_eq!(refused(update("ada.lovelace1", next()).await.map(drop)), like_email, "the old one");
        assert_eq!(refused(update("ada.king.noel1", next()).await.map(drop)), like_email, "the new one");
        assert!(update("battery staple", next()).await.expect("is good enough"));
        assert_eq!(AuthError::from(ErrorKind::WeakPassword).password_problem(), None);
    }

    #[cfg(feature = "zxcvbn")]
    #[tokio::test]
    async fn p5_a_score_that_is_asked_for_is_demanded() {
        let create = async |auth: &Auth| {
            auth.create_user(NewUser::new(email("ada@example.com"), Password::new("zxcvbnm,./"))).await
        };
        let auth_3 = auth(&MemoryStore::new(), |c| c.password_min_score = Some(3));
        let error = create(&auth_3).await.expect_err("is guessed quickly");
        assert_eq!(error.password_problem(), Some(PasswordProblem::Guessable));
        create(&auth(&MemoryStore::new(), |_| ())).await.expect("no score is asked for");
    }

    #[tokio::test]
    async fn p1_a_login_brings_a_hash_under_the_current_pepper() {
        const PEPPERS: [&str; 2] = ["pP3mN6bV9cX2zL5kJ8hG1fD4sA7oI0uY", "tR5eW8qZ1xC4vB7nM0lK3jH6gF9dS2aP"];
        let store = MemoryStore::new();
        let peppered = |peppers: &[&str]| {
            auth(&store, |c| c.password_peppers = peppers.iter().map(|p| SecretKey::from(*p)).collect())
        };
        let login = async |auth: &Auth| {
            let request = LoginRequest::new(email("ada@example.com"), Password::new("correct horse"));
            auth.login(request, &ClientInfo::default()).await.map(drop)
        };
        let keyid = async |auth: &Auth, user: &UserId| {
            let user = auth.find_user(user).await.expect("finds").expect("is there");
            let phc = user.password.expect("has one").as_phc().to_owned();
            phc.split_once("keyid=").map(|(_, rest)| rest.split('$').next().unwrap_or_default().to_owned())
        };

        let without = peppered(&[]);
        let ada = NewUser::new(email("ada@example.com"), Password::new("correct horse"));
        let ada = without.create_user(ada).await.expect("is made");
        assert_eq!(keyid(&without, &ada).await, None);

        let (first, second) = (peppered(&[PEPPERS[0]]), peppered(&[PEPPERS[1], PEPPERS[0]]));
        login(&first).await.expect("a hash without a pepper counts");
        let one = keyid(&first, &ada).await.expect("and is made again with it");
        login(&second).await.expect("the pepper before counts");
        let two = keyid(&second, &ada).await.expect("and the hash is made again");
        assert_ne!(one, two);
        login(&second).await.expect("the current pepper counts");
        for auth in [&first, &without] {
            assert_eq!(login(auth).await.expect_err("its pepper is not here").kind(), ErrorKind::InvalidCredentials);
        }
    }
}

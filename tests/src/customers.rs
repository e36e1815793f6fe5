//! Users in the table of an app, that of `examples/byo-users`, with our sessions beside them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use auth_core::store::{
    Attempt, BucketKey, Enabling, Epoch, EventFilter, EventPage, EventRecord, EventStore, FactorStore, LastAdmin,
    LoadedSession, LoadedToken, NewSession, NewTokenRecord, NewUserRecord, Opened, PendingFactor, RecoveryHash,
    Reservation, Reserved, RevokeReason, Revoked, Rotation, Sealed, SecondFactor, SessionRecord, SessionStore, Step,
    StoreError, StoreErrorKind, Swap, ThrottleStore, TokenCreated, TokenHash, TokenRecord, TokenStore, UpdateTerms,
    Updated, UserChange, UserDirectory, UserFilter, UserPage, UserRecord, UserStatus, UserStore, UserSummary,
};
use auth_core::{Auth, AuthBuilder, Email, PasswordHash, SessionId, Timestamp, TokenId, UserId};
use auth_sea_orm::entity::user::PasswordHashText;
use auth_sea_orm::{SeaOrmStore, store_error};
use byo_users::customer::{ActiveModel, Entity};
use byo_users::users::Customers;
use sea_orm::{ActiveModelTrait as _, DatabaseConnection, EntityTrait as _, PaginatorTrait as _, Set};

/// An app's customers and our sessions, over one connection or over two.
///
/// As a store it changes customers as the app would: the row first, then the end of the sessions. The cases of the
/// contract do that. [`builder`](Self::builder) is what an app has: `Auth` gets no more than the two halves.
#[derive(Debug, Clone)]
pub struct WithCustomers {
    /// The app's half.
    pub customers: Customers,
    /// Our half.
    pub ours: SeaOrmStore,
    db: DatabaseConnection,
}

impl WithCustomers {
    /// Both halves in the database at `url`, over one connection.
    ///
    /// # Panics
    /// When the database cannot be used.
    pub async fn open(url: &str) -> Self {
        let db = byo_users::migration::open(url).await.expect("opens");
        Self::over(db.clone(), SeaOrmStore::new(db))
    }

    /// Like [`open`](Self::open), with every statement in the log that comes with it.
    ///
    /// # Panics
    /// When the database cannot be used.
    pub async fn logged(url: &str) -> (Self, Statements) {
        let mut db = byo_users::migration::open(url).await.expect("opens");
        let statements = Statements::default();
        let log = statements.clone();
        db.set_metric_callback(move |info| log.0.lock().expect("whole").push(info.statement.sql.clone()));
        (Self::over(db.clone(), SeaOrmStore::new(db)), statements)
    }

    /// Customers in one database, sessions in another.
    #[must_use]
    pub fn over(db: DatabaseConnection, ours: SeaOrmStore) -> Self {
        Self { customers: Customers::new(db.clone()), ours, db }
    }

    /// An `Auth` as an app makes it.
    pub fn builder(&self) -> AuthBuilder {
        Auth::builder(self.ours.clone()).users(self.customers.clone())
    }

    /// The connection to the customers.
    #[must_use]
    pub const fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// The customer's row, to be changed.
    async fn row(&self, id: &UserId) -> Result<Option<ActiveModel>, StoreError> {
        let Ok(id) = id.as_str().parse::<i64>() else { return Ok(None) };
        let row = Entity::find_by_id(id).one(&self.db).await.map_err(store_error)?;
        Ok(row.map(Into::into))
    }
}

/// The SQL that went to the database.
#[derive(Debug, Clone, Default)]
pub struct Statements(Arc<Mutex<Vec<String>>>);

impl Statements {
    /// What went there since the last call.
    ///
    /// # Panics
    /// When a test panicked meanwhile.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("whole"))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl UserStore for WithCustomers {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        self.customers.find_by_email(email).await
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.customers.find_by_id(id).await
    }

    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        self.customers.create(user).await
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        self.customers.rehash(id, expected, new).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl UserDirectory for WithCustomers {
    async fn update(
        &self,
        id: &UserId,
        change: &UserChange,
        terms: UpdateTerms,
        now: Timestamp,
    ) -> Result<Updated, StoreError> {
        let Some(mut row) = self.row(id).await? else { return Ok(Updated::NoSuchUser) };
        // Good enough for the contract, of which no case races here: two databases have no transaction in common.
        let epoch = self.ours.epoch(id).await?;
        if terms.expected.is_some_and(|expected| expected != epoch) {
            return Ok(Updated::Stale);
        }
        if let Some(email) = &change.email {
            row.email = Set(email.as_typed().to_owned());
            row.email_key = Set(email.canonical().to_owned());
        }
        if let Some(password) = &change.password {
            row.password_hash = Set(Some(PasswordHashText(password.as_phc().to_owned())));
        }
        if let Some(status) = change.status {
            row.deleted_at = Set((status != UserStatus::Active).then_some(now.as_millis()));
        }
        if let Some(role) = change.role {
            row.role = Set(role.map(|role| role.to_string()));
        }
        if let Some(admin_access) = change.admin_access {
            row.is_admin = Set(admin_access);
        }
        if row.is_changed() {
            row.update(&self.db).await.map_err(store_error)?;
        }
        self.ours.end_sessions(id, terms.keep, RevokeReason::CredentialsChanged, now).await?;
        Ok(Updated::Done)
    }

    async fn delete(&self, id: &UserId, _: LastAdmin, now: Timestamp) -> Result<Updated, StoreError> {
        let Some(row) = self.row(id).await? else { return Ok(Updated::NoSuchUser) };
        row.delete(&self.db).await.map_err(store_error)?;
        self.ours.end_sessions(id, None, RevokeReason::CredentialsChanged, now).await?;
        Ok(Updated::Done)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Entity::find().count(&self.db).await.map_err(store_error)
    }

    // The routes that list users are for those in our own store: no case asks for these.
    async fn users(&self, _: &UserPage) -> Result<Vec<UserSummary>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Corrupt, "customers are listed by their app"))
    }

    async fn count_users(&self, _: &UserFilter, _: u64) -> Result<u64, StoreError> {
        Err(StoreError::new(StoreErrorKind::Corrupt, "customers are listed by their app"))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl SessionStore for WithCustomers {
    async fn open(&self, session: &NewSession) -> Result<Opened, StoreError> {
        self.ours.open(session).await
    }

    async fn load(&self, id: SessionId) -> Result<Option<LoadedSession>, StoreError> {
        self.ours.load(id).await
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Swap, StoreError> {
        self.ours.rotate(rotation).await
    }

    async fn revoke(&self, id: SessionId, reason: RevokeReason, now: Timestamp) -> Result<Swap, StoreError> {
        self.ours.revoke(id, reason, now).await
    }

    async fn list(&self, user: &UserId, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        self.ours.list(user, now).await
    }

    async fn end_beyond(&self, user: &UserId, keep: u64, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.ours.end_beyond(user, keep, now).await
    }

    async fn revoked_since(&self, since: Timestamp) -> Result<Vec<Revoked>, StoreError> {
        self.ours.revoked_since(since).await
    }

    async fn purge_expired(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.ours.purge_expired(expired_before, limit).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl FactorStore for WithCustomers {
    async fn epoch(&self, user: &UserId) -> Result<Epoch, StoreError> {
        self.ours.epoch(user).await
    }

    async fn end_sessions(
        &self,
        user: &UserId,
        keep: Option<SessionId>,
        reason: RevokeReason,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.ours.end_sessions(user, keep, reason, now).await
    }

    async fn second_factor(&self, user: &UserId) -> Result<SecondFactor, StoreError> {
        self.ours.second_factor(user).await
    }

    async fn keep_pending(&self, user: &UserId, pending: &PendingFactor) -> Result<Swap, StoreError> {
        self.ours.keep_pending(user, pending).await
    }

    async fn enable_factor(&self, user: &UserId, enabling: &Enabling, now: Timestamp) -> Result<Swap, StoreError> {
        self.ours.enable_factor(user, enabling, now).await
    }

    async fn accept_step(&self, user: &UserId, step: Step) -> Result<Swap, StoreError> {
        self.ours.accept_step(user, step).await
    }

    async fn disable_factor(
        &self,
        user: &UserId,
        expected: Epoch,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Swap, StoreError> {
        self.ours.disable_factor(user, expected, keep, now).await
    }

    async fn replace_recovery_codes(
        &self,
        user: &UserId,
        expected: Epoch,
        hashes: &[RecoveryHash],
    ) -> Result<Swap, StoreError> {
        self.ours.replace_recovery_codes(user, expected, hashes).await
    }

    async fn use_recovery_code(&self, user: &UserId, hash: &RecoveryHash, now: Timestamp) -> Result<Swap, StoreError> {
        self.ours.use_recovery_code(user, hash, now).await
    }

    async fn reseal(&self, user: &UserId, expected: &Sealed, new: &Sealed) -> Result<Swap, StoreError> {
        self.ours.reseal(user, expected, new).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ThrottleStore for WithCustomers {
    async fn reserve(&self, attempts: &[Attempt], now: Timestamp) -> Result<Reserved, StoreError> {
        self.ours.reserve(attempts, now).await
    }

    async fn refund(&self, reservation: &Reservation) -> Result<(), StoreError> {
        self.ours.refund(reservation).await
    }

    async fn clear(&self, bucket: BucketKey) -> Result<(), StoreError> {
        self.ours.clear(bucket).await
    }

    async fn prune(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.ours.prune(now, limit).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl EventStore for WithCustomers {
    async fn append_events(&self, events: &[EventRecord]) -> Result<(), StoreError> {
        self.ours.append_events(events).await
    }

    async fn events(&self, page: &EventPage) -> Result<Vec<EventRecord>, StoreError> {
        self.ours.events(page).await
    }

    async fn count_events(&self, filter: &EventFilter, most: u64) -> Result<u64, StoreError> {
        self.ours.count_events(filter, most).await
    }

    async fn purge_events(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.ours.purge_events(before, limit).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl TokenStore for WithCustomers {
    async fn create_token(&self, token: &NewTokenRecord, most: u64) -> Result<TokenCreated, StoreError> {
        self.ours.create_token(token, most).await
    }

    async fn find_token(&self, hash: &TokenHash) -> Result<Option<LoadedToken>, StoreError> {
        self.ours.find_token(hash).await
    }

    async fn list_tokens(&self, user: &UserId, epoch: Epoch) -> Result<Vec<TokenRecord>, StoreError> {
        self.ours.list_tokens(user, epoch).await
    }

    async fn revoke_token(&self, user: &UserId, id: TokenId) -> Result<Swap, StoreError> {
        self.ours.revoke_token(user, id).await
    }

    async fn note_token_use(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        self.ours.note_token_use(id, at).await
    }

    async fn purge_tokens(&self, expired_before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.ours.purge_tokens(expired_before, limit).await
    }
}

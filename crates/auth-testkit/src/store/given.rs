//! Users and sessions for the properties to work on.

use std::sync::Arc;

use auth_core::store::{
    Epoch, NewSession, NewUserRecord, Opened, Rotation, SessionMode, SessionRecord, Store, UserStatus,
};
use auth_core::{ClientInfo, Email, PasswordHash, Role, SessionId, Timestamp, UserId};

pub(crate) type AnyStore = Arc<dyn Store>;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(crate) const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zmlyc3RoYXNo";

pub(crate) fn seconds(after_now: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + after_now * 1000)
}

pub(crate) fn user_id(text: &str) -> UserId {
    UserId::new(text).expect("1 to 64 bytes")
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

pub(crate) fn session_id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub(crate) fn new_user(id: &str, address: &str) -> NewUserRecord {
    NewUserRecord {
        id: user_id(id),
        email: email(address),
        password: Some(PasswordHash::from_phc(HASH)),
        status: UserStatus::Active,
        role: Some(Role::new("editor").expect("a role")),
        app_access: true,
        admin_access: false,
        created_at: NOW,
    }
}

/// A user whose address comes from the id.
pub(crate) async fn stored_user(store: &AnyStore, id: &str) -> UserId {
    let user = new_user(id, &format!("{id}@example.com"));
    store.create(&user).await.expect("create");
    user.id
}

pub(crate) fn new_session(n: u8, user: UserId, epoch: Epoch) -> NewSession {
    NewSession {
        id: session_id(n),
        user,
        epoch,
        aal: 1,
        family_hash: [n; 32],
        current_hash: secret_hash(n, 0),
        mode: SessionMode::Json,
        created_at: NOW,
        idle_expires_at: seconds(600),
        absolute_expires_at: seconds(6000),
        client: ClientInfo::default(),
    }
}

/// Opens session `n` under the user's epoch of now.
pub(crate) async fn opened(store: &AnyStore, n: u8, user: UserId) -> SessionId {
    let epoch = store.epoch(&user).await.expect("epoch");
    let session = new_session(n, user, epoch);
    assert_eq!(store.open(&session).await.expect("open"), Opened::Stored);
    session.id
}

pub(crate) async fn loaded(store: &AnyStore, id: SessionId) -> SessionRecord {
    store.load(id).await.expect("load").expect("a stored session").session
}

/// Whether the session still counts: what the core checks at each use.
pub(crate) async fn is_alive(store: &AnyStore, id: SessionId) -> bool {
    let Some(loaded) = store.load(id).await.expect("load") else { return false };
    let active = loaded.user.is_none_or(|user| user.status == UserStatus::Active);
    loaded.session.revoked_at.is_none() && loaded.session.epoch == loaded.epoch && active
}

/// A made-up hash for generation `generation` of session `n`.
pub(crate) fn secret_hash(n: u8, generation: u8) -> [u8; 32] {
    let mut hash = [n; 32];
    hash[0] = generation;
    hash[31] = 0xff;
    hash
}

/// The rotation of session `n` from `generation` to the next.
pub(crate) fn rotation(n: u8, generation: u8) -> Rotation {
    Rotation {
        id: session_id(n),
        expected: secret_hash(n, generation),
        successor: secret_hash(n, generation + 1),
        salt: [generation + 1; 16],
        key_id: u16::MAX,
        now: seconds(60),
        idle_expires_at: seconds(660),
    }
}

//! Users in a table of the app: the app changes the password itself, and then ends the sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::store::memory::MemoryStore;
use auth_core::store::{
    NewUserRecord, StoreError, UpdateTerms, Updated, UserChange, UserDirectory as _, UserRecord, UserStore,
};
use auth_core::{Email, NewUser, Password, PasswordHash, Timestamp, UserId};

use crate::chain::{Chain, Ended, refresh_until_refused};
use crate::nodes::{Nodes, Setting, Work, stagger, strict, together};

const ROUNDS: u64 = 8;
const SOON: Duration = Duration::from_millis(60);

/// The app's table, which both nodes see. An answer is on its way for a while, as over a network: it may be old when it
/// arrives.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere(MemoryStore, Arc<AtomicU64>);

impl Elsewhere {
    pub(crate) fn new(users: MemoryStore) -> Self {
        Self(users, Arc::default())
    }

    async fn on_its_way(&self) {
        stagger(self.1.fetch_add(1, Ordering::Relaxed), 0, SOON / 2).await;
    }
}

#[async_trait]
impl UserStore for Elsewhere {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        let user = self.0.find_by_email(email).await?;
        self.on_its_way().await;
        Ok(user.map(|user| UserRecord { epoch: None, ..user }))
    }
    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        let user = self.0.find_by_id(id).await?;
        self.on_its_way().await;
        Ok(user.map(|user| UserRecord { epoch: None, ..user }))
    }
    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        self.0.create(user).await
    }
    async fn rehash(&self, id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        self.0.rehash(id, old, new).await
    }
}

/// Whoever signed in with the old password is out once `end_sessions_of` has returned.
pub(crate) async fn r9_logins_beside_a_change_in_a_table_of_the_app_leave_no_session(setting: Setting) {
    let users = MemoryStore::new();
    let elsewhere = Elsewhere::new(users.clone());
    let nodes = Nodes::with(setting, strict(), |builder| builder.users(elsewhere.clone())).await;
    let Some(nodes) = nodes else { return };
    let person = nodes.user("ada").await;
    let other = NewUser::new(Email::parse("other@example.com").expect("an address"), Password::new("another password"));
    let other = nodes.node(0).create_user(other).await.expect("a user");
    let hash_of = async |id: &UserId| {
        let user = users.find_by_id(id).await.expect("finds").expect("a user");
        user.password.expect("a hash")
    };
    // Hashed beforehand: hashing is not what races here.
    let (old, new) = (hash_of(&person.id).await, hash_of(&other).await);
    for round in 0..ROUNDS {
        let ended = Ended::default();
        let mut work: Vec<Work<Option<Chain>>> = Vec::new();
        for n in 0..4 {
            let (both, ended, person) = (nodes.both(n), ended.clone(), person.clone());
            work.push(Box::pin(async move {
                stagger(round, n as u64, SOON).await;
                let held = person.login(&both[0]).await.ok()?;
                Some(refresh_until_refused(both, held, ended).await)
            }));
        }
        let (auth, users_of_app, id) = (nodes.node(1), users.clone(), person.id);
        let change = UserChange { password: Some(new.clone()), ..UserChange::default() };
        work.push(Box::pin(async move {
            stagger(round, 99, SOON).await;
            assert_eq!(
                users_of_app.update(&id, &change, UpdateTerms::default(), Timestamp::default()).await.expect("changes"),
                Updated::Done
            );
            auth.end_sessions_of(&id).await.expect("ends");
            ended.raise();
            None
        }));
        for chain in together(work).await.into_iter().flatten() {
            assert!(chain.survivor.is_none(), "round {round}: a session of the old password survived");
            nodes.assert_dead(&chain.tokens, "after a change elsewhere").await;
        }
        nodes.assert_nothing_alive(&person.id, "after a change elsewhere").await;
        let back = UserChange { password: Some(old.clone()), ..UserChange::default() };
        assert_eq!(
            users.update(&person.id, &back, UpdateTerms::default(), Timestamp::default()).await.expect("changes"),
            Updated::Done
        );
    }
}

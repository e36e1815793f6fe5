//! Changes that the app makes, beside logins and refreshes (requirement R9).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::store::{FactorStore as _, NewUserRecord, RevokeReason, StoreError, UserRecord, UserStore};
use auth_core::{Auth, ClientInfo, Clock as _, Email, ErrorKind, LoginRequest, Password, PasswordHash, UserId};
use auth_tests::customers::WithCustomers;
use auth_tests::databases::Kind;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{PASSWORD, World, config, email, refresh_of};

const NEW_PASSWORD: &str = "another horse, another staple";

/// 32 tasks rotate as fast as they can while all sessions are ended. Each is told that it is over, and neither the
/// last token that anybody got nor the one before it is worth anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_end_sessions_of_beside_32_refreshing_tasks_leaves_nothing_that_refreshes() {
    for kind in Kind::SHARED {
        let mut config = config();
        // Every refresh writes.
        config.refresh_grace = Duration::ZERO;
        let Some(world) = World::with(kind, config).await else { continue };
        let world = Arc::new(world);
        let rotations = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..32 {
            let (world, rotations, mut token) = (world.clone(), rotations.clone(), world.session().await);
            tasks.spawn(async move {
                let mut held = Vec::new();
                loop {
                    held.push(token.clone());
                    match world.refresh(&token).await {
                        Ok(next) => token = next,
                        Err(error) => {
                            assert_eq!(error, ErrorKind::SessionOver);
                            return held;
                        }
                    }
                    rotations.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while rotations.load(Ordering::Relaxed) < 64 {
            assert!(tasks.try_join_next().is_none(), "{kind:?}: a task ended before its session did");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world.auth.end_sessions_of(&world.customer).await.expect("ends");
        let held: Vec<_> = tokio::time::timeout(Duration::from_secs(30), tasks.join_all()).await.expect("all end");

        for token in held.iter().flat_map(|tokens| tokens.iter().rev().take(2)) {
            assert_eq!(world.refresh(token).await.map(drop), Err(ErrorKind::SessionOver), "{kind:?}");
        }
        let fresh = world.login(PASSWORD).await.expect("signs in again");
        world.refresh(&fresh).await.expect("under the new epoch");
    }
}

/// Logins with the old password while the app changes it: whichever of them got in is out again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_a_password_change_beside_logins_leaves_none_with_the_old_password() {
    for kind in Kind::SHARED {
        let Some(world) = World::on(kind).await else { continue };
        let world = Arc::new(world);
        let (mut old, mut new) = (PASSWORD, NEW_PASSWORD);
        for round in 0..6 {
            let start = Arc::new(Barrier::new(7));
            let mut logins = JoinSet::new();
            for _ in 0..6 {
                let (world, start) = (world.clone(), start.clone());
                logins.spawn(async move {
                    start.wait().await;
                    world.login(old).await
                });
            }
            let hash = world.auth.hash_password(&world.customer, Password::new(new)).await.expect("a hash");
            start.wait().await;
            // A hash takes about this long: the change falls before, into and after the logins.
            tokio::time::sleep(Duration::from_millis(8 * round)).await;
            assert!(
                world.both.customers.set_password(&world.customer, &world.hash().await, &hash).await.expect("changes")
            );
            world.auth.end_sessions_of(&world.customer).await.expect("ends");
            for login in logins.join_all().await {
                match login {
                    Ok(token) => {
                        assert_eq!(world.refresh(&token).await.map(drop), Err(ErrorKind::SessionOver), "{kind:?}");
                    }
                    Err(error) => assert_eq!(error, ErrorKind::InvalidCredentials, "{kind:?}"),
                }
            }
            assert_eq!(world.login(old).await.map(drop), Err(ErrorKind::InvalidCredentials), "{kind:?}");
            let fresh = world.login(new).await.expect("the new one counts");
            world.refresh(&fresh).await.expect("and its session lives");
            (old, new) = (new, old);
        }
    }
}

/// The same, with the change at each point of the login where something else can run, one by one.
#[tokio::test(flavor = "multi_thread")]
async fn r9_a_change_at_any_point_of_a_login_keeps_the_old_password_out() {
    for kind in Kind::SHARED {
        for change in [Change::Password, Change::Left] {
            let mut points = 0;
            for point in 0.. {
                let Some(world) = World::on(kind).await else { break };
                let hash =
                    world.auth.hash_password(&world.customer, Password::new(NEW_PASSWORD)).await.expect("a hash");
                let interrupted = Interrupted {
                    both: world.both.clone(),
                    change,
                    hash,
                    customer: world.customer,
                    point,
                    passed: Arc::default(),
                };
                let passed = interrupted.passed.clone();
                let auth = Auth::builder(world.both.ours.clone()).users(interrupted);
                let auth = auth.config(config()).clock(world.clock.clone()).build().expect("a configuration");
                let request = LoginRequest::new(email(), Password::new(PASSWORD));
                let login = refresh_of(auth.login(request, &ClientInfo::default()).await);
                if passed.load(Ordering::Relaxed) <= point {
                    // There was no such point: nothing changed.
                    login.expect("signs in");
                    break;
                }
                points += 1;
                // The change came before the session was opened: not even an access token is given.
                let refused = Err(ErrorKind::InvalidCredentials);
                assert_eq!(login.map(drop), refused, "{kind:?}, {change:?} at {point}");
            }
            assert!(points == 0 || points == 4, "{kind:?}: {points} points");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Password,
    Left,
}

/// The app's users, and a change of one of them at one point: before or after one of the reads.
#[derive(Debug)]
struct Interrupted {
    both: WithCustomers,
    change: Change,
    hash: PasswordHash,
    customer: UserId,
    point: usize,
    passed: Arc<AtomicUsize>,
}

impl Interrupted {
    async fn pass(&self) {
        if self.passed.fetch_add(1, Ordering::Relaxed) != self.point {
            return;
        }
        let now = auth_core::SystemClock.now();
        let done = match self.change {
            Change::Password => {
                let customer =
                    self.both.customers.find_by_id(&self.customer).await.expect("finds").expect("a customer");
                let old = customer.password.expect("a hash");
                self.both.customers.set_password(&self.customer, &old, &self.hash).await
            }
            Change::Left => self.both.customers.soft_delete(&self.customer, now).await,
        };
        assert!(done.expect("changes"));
        let ended = self.both.ours.end_sessions(&self.customer, None, RevokeReason::CredentialsChanged, now).await;
        ended.expect("ends");
    }
}

#[async_trait]
impl UserStore for Interrupted {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        self.pass().await;
        let found = self.both.find_by_email(email).await;
        self.pass().await;
        found
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.pass().await;
        let found = self.both.find_by_id(id).await;
        self.pass().await;
        found
    }

    async fn create(&self, user: &NewUserRecord) -> Result<UserId, StoreError> {
        self.both.create(user).await
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        self.both.rehash(id, expected, new).await
    }
}

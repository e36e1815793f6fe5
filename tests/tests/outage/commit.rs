//! Commits whose answer never came: the network breaks after the database has done the work, and whoever asked for it
//! does not know that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_core::store::{FactorStore as _, RevokeReason, SessionRecord, SessionStore as _};
use auth_core::{Auth, AuthConfig, Clock as _, SessionId};
use auth_sea_orm::SeaOrmStore;
use auth_testkit::ManualClock;
use auth_testkit::contract::{Response, Subject, Variant, seed};
use auth_tests::databases::{Database, Kind};
use auth_tests::holder::{Mode, Parts};
use auth_tests::proxy::{Accident, Link, Proxy};
use auth_tests::servers::{Framework, Server};

/// A server whose database is behind a proxy, and the test's own straight way to that database.
struct World {
    subject: Subject,
    /// How the statement that commits looks on the wire.
    commit: &'static [u8],
    proxy: Proxy,
    straight: SeaOrmStore,
    through: SeaOrmStore,
    _server: Server,
    _database: Database,
}

impl World {
    async fn new(framework: Framework, kind: Kind) -> Option<Self> {
        Self::with(framework, kind, Variant::Unthrottled.config()).await
    }

    async fn with(framework: Framework, kind: Kind, config: AuthConfig) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let straight = database.store().await;
        let clock = ManualClock::stopped();
        let accounts = seed(&straight, clock.now()).await;
        let proxy = Proxy::before(database.server().expect("a server")).await;
        let through = SeaOrmStore::connect(&database.url_through(proxy.addr)).await.expect("connects");
        let auth = Auth::builder(through.clone()).config(config).clock(clock.clone()).build();
        let server = framework.serve(&auth.expect("a configuration"), "").await;
        let subject = Subject::new(server.addr, "", clock, Arc::new(straight.clone()), accounts);
        // With what ends it: transactions also begin by naming READ COMMITTED.
        let commit: &[u8] = if kind == Kind::Postgres { b"COMMIT\0" } else { b"COMMIT" };
        Some(Self { subject, commit, proxy, straight, through, _server: server, _database: database })
    }

    /// Every framework on every database that a network leads to.
    async fn all() -> Vec<Self> {
        let mut worlds = Vec::new();
        for kind in [Kind::Postgres, Kind::MySql] {
            for framework in Framework::ALL {
                worlds.extend(Self::new(framework, kind).await);
            }
        }
        worlds
    }

    async fn login(&self, mode: Mode) -> String {
        mode.token(&self.subject.send(mode.login(&self.subject, self.subject.user())).await)
    }

    async fn refresh(&self, mode: Mode, token: &str) -> Response {
        self.subject.send(mode.refresh(&self.subject, token)).await
    }

    async fn row(&self, id: SessionId) -> SessionRecord {
        self.straight.load(id).await.expect("the store").expect("the session").session
    }

    async fn expect_head(&self, parts: Parts) {
        let row = self.row(parts.session).await;
        assert_eq!((row.revoked_at, row.generation), (None, parts.generation));
        assert_eq!(row.current_hash, parts.hash, "another token is the head");
    }
}

fn expect_unavailable(response: &Response) {
    response.expect_error(503, "SERVICE_UNAVAILABLE", "The service is unavailable, try again later.");
    assert!(response.set_cookies().is_empty(), "a cookie was touched\n{response}");
    assert_eq!(response.header("retry-after").as_deref(), Some("1"));
}

/// Sent again, the UPDATE changes nothing: the row says that it is done, and the client is told of it.
#[tokio::test(flavor = "multi_thread")]
async fn f2_a_rotation_whose_answer_is_cut_off_is_found_done() {
    for world in World::all().await {
        for mode in Mode::ALL {
            let token = world.login(mode).await;
            let held = mode.parts(&token);
            world.proxy.after(&held.hash, Accident::Cut);
            let successor = mode.parts(&mode.token(&world.refresh(mode, &token).await));
            assert!(!world.proxy.is_armed(), "nothing was cut");
            assert_eq!(successor.generation, 1);
            world.expect_head(successor).await;
        }
    }
}

/// Without a grace, whoever presents a token twice has stolen it; a store that asks its database twice has not.
#[tokio::test(flavor = "multi_thread")]
async fn f2_a_rotation_whose_answer_is_cut_off_is_nobodys_copy_without_a_grace() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let mut config = Variant::Unthrottled.config();
        config.refresh_grace = Duration::ZERO;
        let Some(world) = World::with(Framework::Axum, kind, config).await else { continue };
        for mode in Mode::ALL {
            let token = world.login(mode).await;
            let held = mode.parts(&token);
            world.proxy.after(&held.hash, Accident::Cut);
            let renewed = mode.token(&world.refresh(mode, &token).await);
            assert!(!world.proxy.is_armed(), "nothing was cut");
            world.expect_head(mode.parts(&renewed)).await;
            let again = mode.parts(&mode.token(&world.refresh(mode, &renewed).await));
            assert_eq!(again.generation, 2);

            world.refresh(mode, &token).await.expect_status(401);
            assert!(world.row(held.session).await.revoked_at.is_some(), "the copy was not caught");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_rotation_whose_answer_is_swallowed_is_503_and_the_retry_gets_its_token() {
    let (mut tasks, worlds) = (tokio::task::JoinSet::new(), World::all().await);
    for (world, mode) in worlds.into_iter().zip(Mode::ALL.into_iter().cycle()) {
        tasks.spawn(async move {
            let token = world.login(mode).await;
            let held = mode.parts(&token);
            world.proxy.after(&held.hash, Accident::Swallow);
            expect_unavailable(&world.refresh(mode, &token).await);
            let committed = world.row(held.session).await;
            assert_eq!(committed.generation, 1, "it was not committed");

            world.proxy.set(Link::Passes);
            let healed = Instant::now();
            let retried = mode.parts(&mode.token(&world.refresh(mode, &token).await));
            assert!(healed.elapsed() < Duration::from_secs(2), "{:?}", healed.elapsed());
            assert_eq!(retried.hash, committed.current_hash);
            world.expect_head(retried).await;
        });
    }
    tasks.join_all().await;
}

/// A login is not sent again: nobody may have two sessions of one. The one that was stored is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn f2_a_login_whose_commit_is_cut_off_is_503() {
    for world in World::all().await {
        let user = world.subject.user().clone();
        let sessions = async || world.straight.list(&user.id, world.subject.clock.now()).await.expect("lists").len();
        world.login(Mode::Cookie).await;
        world.proxy.after(world.commit, Accident::Cut);
        expect_unavailable(&world.subject.send(Mode::Cookie.login(&world.subject, &user)).await);
        assert_eq!(sessions().await, 2, "it was not committed");
        let token = world.login(Mode::Cookie).await;
        assert_eq!(sessions().await, 3);
        world.expect_head(Mode::Cookie.parts(&token)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_logout_whose_answer_is_cut_off_is_done() {
    for world in World::all().await {
        for mode in Mode::ALL {
            let token = world.login(mode).await;
            world.proxy.after(RevokeReason::Logout.as_str().as_bytes(), Accident::Cut);
            world.subject.send(mode.logout(&world.subject, &token)).await.expect_status(204);
            assert!(!world.proxy.is_armed(), "nothing was cut");
            assert!(world.row(mode.parts(&token).session).await.revoked_at.is_some());
        }
    }
}

/// The server holds the locks of a transaction whose client it cannot hear any more, and lets go by itself.
#[tokio::test(flavor = "multi_thread")]
async fn f2_a_transaction_in_a_black_hole_does_not_lock_its_user_out() {
    let mut tasks = tokio::task::JoinSet::new();
    for kind in [Kind::Postgres, Kind::MySql] {
        let Some(world) = World::new(Framework::Axum, kind).await else { continue };
        tasks.spawn(async move {
            let (user, now) = (world.subject.user().id, world.subject.clock.now());
            world.login(Mode::Json).await;
            // The first that names the user raises the epoch and locks it; what should follow never comes.
            world.proxy.after(user.as_str().as_bytes(), Accident::Swallow);
            let end = || world.through.end_sessions(&user, None, RevokeReason::Ended, now);
            end().await.expect_err("swallowed");
            assert!(!world.proxy.is_armed(), "nothing was swallowed");
            world.proxy.set(Link::Passes);

            let healed = Instant::now();
            while let Err(error) = end().await {
                assert!(healed.elapsed() < Duration::from_secs(20), "{kind:?}: still locked: {error:?}");
            }
            world.login(Mode::Json).await;
            let epoch = world.straight.epoch(&user).await.expect("the epoch");
            assert_eq!(epoch.0, 1, "{kind:?}: the swallowed one was rolled back");
        });
    }
    tasks.join_all().await;
}

//! A server process over a real database, and the test's own view of that database.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use auth_core::store::SessionRecord;
use auth_core::store::SessionStore as _;
use auth_core::{Clock as _, SessionId};
use auth_sea_orm::SeaOrmStore;
use auth_testkit::ManualClock;
use auth_testkit::contract::{Request, Response, Subject, seed};
use auth_tests::crash_server::CrashServer;
use auth_tests::databases::{Database, Kind};
use auth_tests::holder::{Mode, Parts};
use auth_tests::port::free_port;
use auth_tests::servers::Framework;

/// What passes between a kill and the retry: just within the grace of ten seconds.
const RESTART: Duration = Duration::from_secs(9);
/// After this a token that was replaced no longer counts.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) framework: Framework,
    pub(crate) kind: Kind,
    pub(crate) subject: Arc<Subject>,
    pub(crate) store: SeaOrmStore,
    pub(crate) kills: u32,
    server: Option<CrashServer>,
    database: Database,
}

impl World {
    /// `None` when there is no such database here.
    pub(crate) async fn new(framework: Framework, kind: Kind) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let store = database.store().await;
        let clock = ManualClock::stopped();
        let accounts = seed(&store, clock.now()).await;
        let addr = ([127, 0, 0, 1], free_port()).into();
        let subject = Arc::new(Subject::new(addr, "", clock, Arc::new(store.clone()), accounts));
        let mut world = Self { framework, kind, subject, store, kills: 0, server: None, database };
        world.start().await;
        Some(world)
    }

    pub(crate) fn server(&mut self) -> &mut CrashServer {
        self.server.as_mut().expect("a server runs")
    }

    pub(crate) async fn kill(&mut self) {
        self.server.take().expect("a server runs").kill().await;
        self.kills += 1;
    }

    /// The same server again, nine seconds later by its clock.
    pub(crate) async fn restart(&mut self) {
        self.subject.clock.advance(RESTART);
        self.start().await;
    }

    async fn start(&mut self) {
        let program = env!("CARGO_BIN_EXE_crash-server");
        let (port, now) = (self.subject.addr.port(), self.subject.clock.now());
        self.server = Some(CrashServer::start(program, self.framework, port, now, self.database.url()).await);
    }

    /// Lets the grace of every rotation so far pass.
    pub(crate) async fn pass_grace(&mut self) {
        self.subject.clock.advance(GRACE);
        self.server().advance(GRACE).await;
    }

    /// Sends a request that must be answered.
    pub(crate) async fn send(&self, request: Request) -> Response {
        let answer = self.subject.send_at_all(request).await;
        answer.unwrap_or_else(|| panic!("{:?} on {:?} does not answer", self.framework, self.kind))
    }

    /// Signs in.
    pub(crate) async fn login(&self, mode: Mode) -> String {
        mode.token(&self.send(mode.login(&self.subject, self.subject.user())).await)
    }

    /// Sends `request`, which must hang in `operation`, and kills the server there; nobody is answered.
    pub(crate) async fn kill_during(&mut self, request: Request, operation: &str, moment: auth_testkit::Moment) {
        self.server().hang(operation, moment).await;
        let subject = self.subject.clone();
        let lost = tokio::spawn(async move { subject.send_at_all(request).await });
        self.server().hung().await;
        self.kill().await;
        let answer = lost.await.expect("a client");
        assert_eq!(answer, None, "an answer from beyond the grave");
    }

    pub(crate) async fn row(&self, id: SessionId) -> SessionRecord {
        self.store.load(id).await.expect("the store").expect("the session is there").session
    }

    /// Fails unless the row says that `parts` is the one current token, of a session that is alive.
    pub(crate) async fn expect_head(&self, parts: Parts) {
        let row = self.row(parts.session).await;
        assert_eq!(row.revoked_at, None, "the session is over");
        assert_eq!((row.generation, row.current_hash), (parts.generation, parts.hash), "another token is the head");
    }

    /// Says how often the server was killed; not by `eprintln!`, which the harness swallows.
    pub(crate) fn say(&self, more: &str) {
        let (kills, framework, kind) = (self.kills, self.framework.name(), self.kind.name());
        let _ = writeln!(std::io::stderr(), "{kills} kills of {framework} on {kind}{more}");
    }
}

/// How often to do what is done `usual` times: `CRASH_ROUNDS` multiplies it.
pub(crate) fn rounds(usual: u32) -> u32 {
    let factor = std::env::var("CRASH_ROUNDS").map_or(1, |factor| factor.parse().expect("CRASH_ROUNDS is a number"));
    usual * factor
}

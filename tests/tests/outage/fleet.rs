//! Clients of every mode on both frameworks that never rest, and what they were answered meanwhile.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use auth_core::Auth;
use auth_core::store::SessionStore as _;
use auth_sea_orm::SeaOrmStore;
use auth_testkit::ManualClock;
use auth_testkit::contract::{Accounts, Request, Response, SESSION_COOKIE, Subject, Variant};
use auth_tests::holder::Mode;
use auth_tests::servers::{Framework, Server};
use tokio::task::JoinHandle;

/// More than the grace: the next refresh is a rotation.
const BETWEEN_ROTATIONS: Duration = Duration::from_secs(11);
/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(20);
/// The deadline of the store, and what a busy machine adds to it.
const LONGEST: Duration = Duration::from_secs(7);
/// How soon after its return the database is of use (requirement F2).
const RECOVERY: Duration = Duration::from_secs(2);

/// All clients.
pub(crate) struct Fleet {
    clients: Vec<Arc<Client>>,
    tasks: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
    store: SeaOrmStore,
    _servers: Vec<Server>,
}

/// One client. Its server has a clock of its own, which stands still while a request is not answered: every retry is
/// within the grace, so no session may be lost, however long the outage is.
struct Client {
    name: String,
    work: Work,
    subject: Subject,
    token: Mutex<String>,
    answers: Mutex<Vec<Answer>>,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Refresh(Mode),
    /// A guarded route, by session cookie.
    Visit,
}

struct Answer {
    sent: Instant,
    answered: Instant,
    response: Response,
}

impl Fleet {
    /// Signs them in and sets them going, all over `store`: six on each framework, which is more than the store has
    /// connections.
    pub(crate) async fn start(store: &SeaOrmStore, accounts: &Accounts) -> Self {
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for framework in Framework::ALL {
            let visits = [Work::Visit; 3];
            for work in Mode::ALL.into_iter().map(Work::Refresh).chain(visits) {
                let clock = ManualClock::stopped();
                let auth = Auth::builder(store.clone()).config(Variant::Default.config()).clock(clock.clone()).build();
                let server = framework.serve(&auth.expect("a configuration"), "").await;
                let subject = Subject::new(server.addr, "", clock, Arc::new(store.clone()), accounts.clone());
                let answer = subject.send(work.mode().login(&subject, subject.user())).await;
                let token = Mutex::new(work.mode().token(&answer));
                let name = format!("{work:?} on {}", framework.name());
                clients.push(Arc::new(Client { name, work, subject, token, answers: Mutex::default() }));
                servers.push(server);
            }
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let running = clients.iter().map(|client| tokio::spawn(client.clone().run(is_over.clone())));
        let tasks = running.collect();
        let fleet = Self { clients, tasks, is_over, store: store.clone(), _servers: servers };
        fleet.succeeds_after(Instant::now()).await;
        fleet
    }

    /// Waits until every client has had a request answered well that was sent after `moment`.
    ///
    /// # Panics
    /// When one of them does not within the time that a request may take.
    pub(crate) async fn succeeds_after(&self, moment: Instant) {
        let deadline = Instant::now() + LONGEST + RECOVERY;
        for client in &self.clients {
            while !client.answers().iter().any(|answer| answer.sent >= moment && answer.response.status == 200) {
                let failed = self.tasks.iter().find(|task| task.is_finished());
                assert!(failed.is_none(), "a client gave up");
                assert!(Instant::now() < deadline, "{} does not recover", client.name);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// While it was `down` nobody could be served, and everybody was told so; at `up` the database was there again.
    ///
    /// # Panics
    /// When an answer meanwhile was anything but 503, or the first success comes late.
    pub(crate) fn expect_outage(&self, down: Range<Instant>, up: Instant, what: &str) {
        let mut first_success = Vec::new();
        for client in &self.clients {
            let answers = client.answers();
            let meanwhile = answers.iter().filter(|answer| answer.answered > down.start && answer.answered < down.end);
            let mut refused = 0;
            for Answer { sent, response, .. } in meanwhile {
                // What was under way may have been done just before.
                let is_late = *sent < down.start && response.status == 200;
                assert!(response.status == 503 || is_late, "{what}: {}\n{response}", client.name);
                refused += usize::from(response.status == 503);
            }
            assert!(refused > 0, "{what}: {} was not told", client.name);
            let later = answers.iter().filter(|answer| answer.answered >= up && answer.response.status == 200);
            first_success.push(later.map(|answer| answer.answered - up).min().expect("a success"));
        }
        let (first, last) =
            (first_success.iter().min().expect("clients"), first_success.iter().max().expect("clients"));
        eprintln!("{what}: successes again after {first:?} (the last client: {last:?})");
        assert!(*first < RECOVERY, "{what}: the first success came {first:?} after the database was there");
    }

    /// Stops them, and looks at every answer of all the time. Every session must be alive, with exactly the token that
    /// its client holds.
    ///
    /// # Panics
    /// When one was lost.
    pub(crate) async fn expect_no_loss(self) {
        self.is_over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.expect("a client");
        }
        for client in &self.clients {
            let mut rotations = 0;
            for Answer { sent, answered, response } in client.answers().iter() {
                let took = *answered - *sent;
                assert!(took < LONGEST, "{} waited for {took:?}\n{response}", client.name);
                match response.status {
                    200 => rotations += 1,
                    503 => {
                        assert!(response.set_cookies().is_empty(), "{}: a cookie was touched\n{response}", client.name);
                        assert_eq!(response.header("retry-after").as_deref(), Some("1"), "{response}");
                    }
                    _ => panic!("{}: neither served nor told to wait\n{response}", client.name),
                }
            }
            let head = client.work.mode().parts(&client.token.lock().unwrap_or_else(PoisonError::into_inner));
            let row = self.store.load(head.session).await.expect("the store").expect("the session").session;
            assert_eq!(
                (row.revoked_at, row.current_hash),
                (None, head.hash),
                "{}: another token is the head",
                client.name
            );
            if matches!(client.work, Work::Refresh(_)) {
                assert_eq!(row.generation, rotations, "{}: one rotation for each success", client.name);
            }
        }
    }
}

impl Client {
    async fn run(self: Arc<Self>, is_over: Arc<AtomicBool>) {
        while !is_over.load(Ordering::SeqCst) {
            let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let request = match self.work {
                Work::Refresh(mode) => mode.refresh(&self.subject, &token),
                Work::Visit => Request::get("/guarded").cookie(SESSION_COOKIE, &token).unrecorded(),
            };
            let sent = Instant::now();
            let response = self.subject.send(request).await;
            let answered = Instant::now();
            if let (Work::Refresh(mode), 200) = (self.work, response.status) {
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = mode.token(&response);
                self.subject.clock.advance(BETWEEN_ROTATIONS);
            }
            self.answers().push(Answer { sent, answered, response });
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, Vec<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    const fn mode(self) -> Mode {
        match self {
            Self::Refresh(mode) => mode,
            Self::Visit => Mode::Session,
        }
    }
}

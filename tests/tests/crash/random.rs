//! Kills at any moment, while several clients refresh.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auth_core::SessionId;
use auth_testkit::contract::Subject;
use auth_tests::databases::Kind;
use auth_tests::holder::{Mode, Parts};
use auth_tests::servers::Framework;
use tokio::task::JoinSet;

use crate::world::{World, rounds};

/// With a kill in each.
const ROUNDS: u32 = 25;
/// A round's requests are under way until about then.
const LATEST_KILL: Duration = Duration::from_millis(40);
/// Before a client knocks again at a server that is down.
const PAUSE: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread")]
async fn f1_killed_at_any_moment_on_sqlite() {
    on(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_killed_at_any_moment_on_postgres() {
    on(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_killed_at_any_moment_on_mysql() {
    on(Kind::MySql).await;
}

async fn on(kind: Kind) {
    for framework in Framework::ALL {
        let Some(mut world) = World::new(framework, kind).await else { continue };
        let mut clients = Vec::new();
        for mode in Mode::ALL {
            clients.push(Client { mode, token: world.login(mode).await });
        }
        // A second tab of the first two.
        clients.extend_from_within(0..2);
        let mut seen = Seen::default();
        clients.iter().for_each(|client| seen.note(client.mode.parts(&client.token)));

        let (rounds, mut unanswered) = (rounds(ROUNDS), 0);
        for _ in 0..rounds {
            unanswered += round(&mut world, &mut clients, &mut seen).await;
        }
        for client in &clients {
            let head = client.mode.parts(&client.token);
            world.expect_head(head).await;
            // One rotation a round, however often it was asked for, killed and retried.
            assert_eq!(head.generation, u64::from(rounds), "{:?}", client.mode);
        }
        world.say(&format!(" at any moment, {unanswered} rotations committed and not answered"));
    }
}

/// One rotation of every session, with a kill in it. How many of them were committed by the server that was killed,
/// without anybody being told.
async fn round(world: &mut World, clients: &mut Vec<Client>, seen: &mut Seen) -> usize {
    world.pass_grace().await;
    let is_restarted = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    for client in clients.drain(..) {
        running.spawn(client.refresh(world.subject.clone(), is_restarted.clone()));
    }
    tokio::time::sleep(any_moment()).await;
    world.kill().await;
    let mut committed = HashMap::new();
    for id in seen.sessions() {
        committed.insert(id, world.row(id).await.generation);
    }
    is_restarted.store(true, Ordering::SeqCst);
    world.restart().await;

    let mut told_by_the_dead = HashMap::new();
    for (client, answers) in running.join_all().await {
        for answer in answers {
            seen.note(answer.parts);
            if !answer.after_restart {
                told_by_the_dead.insert(answer.parts.session, answer.parts.generation);
            }
        }
        clients.push(client);
    }
    let was_told = |(id, generation): &(&SessionId, &u64)| told_by_the_dead.get(*id) >= Some(*generation);
    let before = seen.rotations_before_this_round;
    seen.rotations_before_this_round += 1;
    committed.iter().filter(|(_, generation)| **generation > before).filter(|row| !was_told(row)).count()
}

fn any_moment() -> Duration {
    let random = RandomState::new().hash_one(());
    Duration::from_micros(random % u64::try_from(LATEST_KILL.as_micros()).expect("is short"))
}

/// Keeps what it was given last.
#[derive(Clone)]
struct Client {
    mode: Mode,
    token: String,
}

struct Answer {
    parts: Parts,
    after_restart: bool,
}

impl Client {
    /// Refreshes until the server that came back has answered; a request without an answer is sent again.
    async fn refresh(mut self, subject: Arc<Subject>, is_restarted: Arc<AtomicBool>) -> (Self, Vec<Answer>) {
        let mut answers = Vec::new();
        loop {
            let after_restart = is_restarted.load(Ordering::SeqCst);
            match subject.send_at_all(self.mode.refresh(&subject, &self.token)).await {
                Some(response) => {
                    self.token = self.mode.token(&response);
                    answers.push(Answer { parts: self.mode.parts(&self.token), after_restart });
                    if after_restart {
                        return (self, answers);
                    }
                }
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// Every token that anybody was given: one for each generation of a session.
#[derive(Default)]
struct Seen {
    tokens: HashMap<(SessionId, u64), [u8; 32]>,
    rotations_before_this_round: u64,
}

impl Seen {
    fn note(&mut self, parts: Parts) {
        let first = *self.tokens.entry((parts.session, parts.generation)).or_insert(parts.hash);
        assert_eq!(first, parts.hash, "two tokens of generation {} of one session", parts.generation);
    }

    fn sessions(&self) -> Vec<SessionId> {
        self.tokens.keys().filter(|(_, generation)| *generation == 0).map(|(id, _)| *id).collect()
    }
}

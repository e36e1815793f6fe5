use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};

use super::*;

/// A database that writes down what it is asked, and works only when it is let.
#[derive(Clone)]
struct Database(Arc<Inner>);

struct Inner {
    rounds: Mutex<Vec<Vec<Job>>>,
    /// One permit for each statement.
    may_work: Semaphore,
    at_work: AtomicU32,
    most_at_work: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    key: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sound,
    /// No statement with it succeeds.
    Poison,
    /// Nobody knows what became of its round.
    Lost,
    /// A round leaves it undone.
    Locked,
    Panics,
}

fn job(key: u32) -> Job {
    Job { key, kind: Kind::Sound }
}

impl Database {
    fn stopped() -> Self {
        Self(Arc::new(Inner {
            rounds: Mutex::default(),
            may_work: Semaphore::new(0),
            at_work: AtomicU32::new(0),
            most_at_work: AtomicU32::new(0),
        }))
    }

    fn running() -> Self {
        let database = Self::stopped();
        database.runs();
        database
    }

    fn works(&self, statements: usize) {
        self.0.may_work.add_permits(statements);
    }

    fn runs(&self) {
        self.works(1_000_000);
    }

    /// The keys of each statement.
    fn rounds(&self) -> Vec<Vec<u32>> {
        let rounds = self.0.rounds.lock().expect("no panic");
        rounds.iter().map(|jobs| jobs.iter().map(|job| job.key).collect()).collect()
    }

    async fn work(&self, jobs: &[Job]) {
        self.0.rounds.lock().expect("no panic").push(jobs.to_vec());
        let at_work = self.0.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_at_work.fetch_max(at_work, Ordering::SeqCst);
        self.0.may_work.acquire().await.expect("open").forget();
        self.0.at_work.fetch_sub(1, Ordering::SeqCst);
        assert!(jobs.iter().all(|job| job.kind != Kind::Panics), "as asked for");
    }
}

/// May be done again.
struct Safe;
/// May not.
struct Once;

macro_rules! round {
    ($round:ty, $resend:expr) => {
        impl Round for $round {
            type Worker = Database;
            type Job = Job;
            type Key = u32;
            type Answer = String;
            const RESEND: Resend = $resend;

            fn key(job: &Job) -> u32 {
                job.key
            }

            fn twin(first: &String) -> Option<String> {
                Some(format!("twin of {first}"))
            }

            async fn alone(database: &Database, job: &Job) -> Result<String, StoreError> {
                database.work(&[*job]).await;
                if job.kind == Kind::Poison {
                    return Err(StoreError::new(StoreErrorKind::Conflict, Unknown));
                }
                Ok(format!("{} alone", job.key))
            }

            async fn together(database: &Database, jobs: &[Job]) -> Result<Vec<Option<String>>, Attempt> {
                database.work(jobs).await;
                if jobs.iter().any(|job| job.kind == Kind::Poison) {
                    return Err(DbErr::Custom("poison".to_owned()).into());
                }
                if jobs.iter().any(|job| job.kind == Kind::Lost) {
                    return Err(Attempt::Commit(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)));
                }
                let answer = |job: &Job| (job.kind != Kind::Locked).then(|| format!("{} together", job.key));
                Ok(jobs.iter().map(answer).collect())
            }
        }
    };
}

round!(Safe, Resend::Safe);
round!(Once, Resend::Never);

type Calls = JoinSet<(u32, Result<String, StoreErrorKind>)>;

/// Whoever calls stands in line, or is at work, when this returns: there is one thread, and they go as far as they can.
async fn call<R: Round<Worker = Database, Job = Job, Answer = String>>(
    calls: &mut Calls,
    combiner: &Combiner<R>,
    database: &Database,
    jobs: impl IntoIterator<Item = Job>,
) {
    for job in jobs {
        let (combiner, database) = (Combiner { queue: combiner.queue.clone() }, database.clone());
        calls.spawn(async move {
            let answer = combiner.call(&database, &job).await;
            (job.key, answer.map_err(|error| error.kind()))
        });
    }
    settle().await;
}

async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

async fn answers(calls: Calls) -> Vec<(u32, Result<String, StoreErrorKind>)> {
    let mut answers = calls.join_all().await;
    answers.sort_by_key(|(key, _)| *key);
    answers
}

fn ok(key: u32, how: &str) -> (u32, Result<String, StoreErrorKind>) {
    (key, Ok(format!("{key} {how}")))
}

#[tokio::test]
async fn whoever_finds_it_free_goes_at_once_and_alone() {
    let (combiner, database) = (Combiner::<Safe>::busy_at(1), Database::running());
    for key in 0..3 {
        assert_eq!(combiner.call(&database, &job(key)).await.expect("works"), format!("{key} alone"));
    }
    assert_eq!(database.rounds(), [[0], [1], [2]]);
}

#[tokio::test]
async fn those_who_come_meanwhile_share_the_next_round_in_the_order_of_their_keys() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(1), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, [9, 3, 7, 5].map(job)).await;
    assert_eq!(database.rounds(), [[9]]);
    database.works(1);
    settle().await;
    call(&mut calls, &combiner, &database, [2, 1].map(job)).await;
    database.runs();
    let expected = [1, 2, 3, 5, 7].map(|key| ok(key, "together"));
    assert_eq!(answers(calls).await, [&expected[..], &[ok(9, "alone")]].concat());
    assert_eq!(database.rounds(), [vec![9], vec![3, 5, 7], vec![1, 2]]);
    assert_eq!(combiner.call(&database, &job(4)).await.expect("works"), "4 alone", "it is free again");
}

#[tokio::test]
async fn as_many_as_are_let_work_side_by_side_and_a_round_is_bounded() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(4), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, (0..4 + 300).map(job)).await;
    assert_eq!(database.rounds(), [[0], [1], [2], [3]]);
    for _ in 0..7 {
        database.works(1);
        settle().await;
    }
    assert_eq!(answers(calls).await.len(), 304);
    let lengths: Vec<_> = database.rounds().iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 1, 1, 1, MOST_JOBS, MOST_JOBS, 300 - 2 * MOST_JOBS]);
    assert_eq!(database.0.most_at_work.load(Ordering::SeqCst), 4);
    // First come, first served.
    assert_eq!(database.rounds()[4], (4..4 + 128).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_twins_one_is_done() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(1), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, [1, 2, 2, 2, 3].map(job)).await;
    database.runs();
    let answers = answers(calls).await;
    assert_eq!(database.rounds(), [vec![1], vec![2, 3]]);
    let of_two: Vec<_> = answers.iter().filter(|(key, _)| *key == 2).map(|(_, answer)| answer.clone()).collect();
    assert_eq!(of_two.iter().filter(|answer| **answer == Ok("2 together".to_owned())).count(), 1);
    assert_eq!(of_two.iter().filter(|answer| **answer == Ok("twin of 2 together".to_owned())).count(), 2);
}

#[tokio::test]
async fn a_job_that_spoils_its_round_spoils_nobody_elses() {
    for resend in [Resend::Safe, Resend::Never] {
        let (database, mut calls) = (Database::stopped(), Calls::new());
        let poison = Job { key: 3, kind: Kind::Poison };
        let jobs = [job(1), job(2), poison, job(4)];
        match resend {
            Resend::Safe => call(&mut calls, &Combiner::<Safe>::busy_at(1), &database, jobs).await,
            Resend::Never => call(&mut calls, &Combiner::<Once>::busy_at(1), &database, jobs).await,
        }
        database.runs();
        let expected = [ok(1, "alone"), ok(2, "alone"), (3, Err(StoreErrorKind::Conflict)), ok(4, "alone")];
        assert_eq!(answers(calls).await, expected);
        assert_eq!(database.rounds()[1], [2, 3, 4]);
        assert_eq!(database.rounds().len(), 5);
    }
}

#[tokio::test]
async fn what_a_round_leaves_undone_is_done_alone() {
    let (combiner, database, mut calls) = (Combiner::<Once>::busy_at(1), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, [job(1), job(2), Job { key: 3, kind: Kind::Locked }]).await;
    database.runs();
    assert_eq!(answers(calls).await, [ok(1, "alone"), ok(2, "together"), ok(3, "alone")]);
}

#[tokio::test]
async fn f2_what_became_of_a_lost_round_is_asked_again_only_where_that_is_safe() {
    let jobs = [job(1), job(2), Job { key: 3, kind: Kind::Lost }];
    let (database, mut calls) = (Database::stopped(), Calls::new());
    call(&mut calls, &Combiner::<Safe>::busy_at(1), &database, jobs).await;
    database.runs();
    assert_eq!(answers(calls).await, [ok(1, "alone"), ok(2, "alone"), ok(3, "alone")]);

    let (database, mut calls) = (Database::stopped(), Calls::new());
    call(&mut calls, &Combiner::<Once>::busy_at(1), &database, jobs).await;
    database.runs();
    let unavailable = Err(StoreErrorKind::Unavailable);
    assert_eq!(answers(calls).await, [ok(1, "alone"), (2, unavailable.clone()), (3, unavailable)]);
}

#[tokio::test]
async fn a_caller_that_hangs_up_abandons_nobody() {
    let (combiner, database) = (Combiner::<Safe>::busy_at(1), Database::stopped());
    let (mut at_work, mut hung_up, mut calls) = (Calls::new(), Calls::new(), Calls::new());
    call(&mut at_work, &combiner, &database, [job(1)]).await;
    call(&mut hung_up, &combiner, &database, [job(2)]).await;
    call(&mut calls, &combiner, &database, [3, 4].map(job)).await;
    hung_up.shutdown().await;
    at_work.shutdown().await;
    database.runs();
    assert_eq!(answers(calls).await, [ok(3, "together"), ok(4, "together")]);
    assert_eq!(database.rounds(), [vec![1], vec![3, 4]], "what nobody waits for is not done");
    assert_eq!(combiner.call(&database, &job(5)).await.expect("works"), "5 alone");
}

#[tokio::test]
async fn a_panic_in_a_round_holds_nobody_up() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(1), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, [job(1), job(2)]).await;
    let mut panics = Calls::new();
    call(&mut panics, &combiner, &database, [Job { key: 3, kind: Kind::Panics }]).await;
    database.works(1);
    settle().await;
    call(&mut calls, &combiner, &database, [4, 5].map(job)).await;
    database.runs();
    assert_eq!(answers(calls).await, [1, 2, 4, 5].map(|key| ok(key, "alone")));
    assert!(panics.join_next().await.expect("one").is_err(), "it panics alone as well");
    assert_eq!(combiner.call(&database, &job(6)).await.expect("works"), "6 alone");
}

/// As when a worker of actix-web stops, whose runtime is its own.
#[test]
fn those_in_line_behind_a_runtime_that_ends_go_alone() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (combiner, database) = (Combiner::<Once>::busy_at(1), Database::stopped());
    let (ends, goes_on) = (runtime(), runtime());
    let mut calls = Calls::new();
    ends.block_on(call(&mut Calls::new(), &combiner, &database, []));
    let mut at_work = Calls::new();
    ends.block_on(call(&mut at_work, &combiner, &database, [job(1)]));
    goes_on.block_on(call(&mut calls, &combiner, &database, [2, 3].map(job)));
    ends.shutdown_background();
    database.runs();
    goes_on.block_on(async {
        let answers = tokio::time::timeout(Duration::from_secs(4), answers(calls)).await.expect("nobody waits");
        assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn f2_a_round_that_hangs_holds_up_nobody_else() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(1), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, [job(1)]).await;
    let mut later = Calls::new();
    call(&mut later, &combiner, &database, [2, 3].map(job)).await;
    tokio::time::sleep(PATIENCE + Duration::from_millis(50)).await;
    settle().await;
    assert_eq!(database.rounds(), [[1], [2], [3]]);
    database.runs();
    assert_eq!(answers(later).await, [ok(2, "alone"), ok(3, "alone")]);
    assert_eq!(answers(calls).await, [ok(1, "alone")]);
}

#[tokio::test(start_paused = true)]
async fn f2_after_a_stall_callers_still_share() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(1), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, (0..500).map(job)).await;
    tokio::time::sleep(PATIENCE * 2).await;
    settle().await;
    let in_stall = database.rounds().len();
    call(&mut calls, &combiner, &database, (500..600).map(job)).await;
    database.runs();
    assert!(answers(calls).await.iter().all(|(_, answer)| answer.is_ok()));
    let later = database.rounds().len() - in_stall;
    assert!(later <= 3, "{later} statements for 100 callers");
    assert_eq!(combiner.call(&database, &job(0)).await.expect("works"), "0 alone", "it is free again");
}

/// As when an app blocks on each call in a runtime of the calling thread.
#[test]
fn a_runtime_that_nobody_drives_any_more_delays_one_call_and_not_all() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (combiner, database) = (Combiner::<Safe>::busy_at(1), Database::stopped());
    let (kept, driven, mut calls) = (runtime(), runtime(), Calls::new());
    let one = job(1);
    let mut first = std::pin::pin!(combiner.call(&database, &one));
    kept.block_on(std::future::poll_fn(|context| {
        assert!(first.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    }));
    driven.block_on(call(&mut calls, &combiner, &database, [job(2)]));
    database.runs();
    kept.block_on(first).expect("works");
    assert_eq!(driven.block_on(answers(calls)), [ok(2, "alone")]);
    let begun = Instant::now();
    for key in 3..13 {
        assert_eq!(driven.block_on(combiner.call(&database, &job(key))).expect("works"), format!("{key} alone"));
    }
    assert!(begun.elapsed() < PATIENCE * 5, "{:?} for ten calls", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn f2_nobody_waits_longer_than_an_operation_may_take() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(1), Database::stopped(), Calls::new());
    let mut first = Calls::new();
    call(&mut first, &combiner, &database, [job(1)]).await;
    let begun = Instant::now();
    call(&mut calls, &combiner, &database, [2, 3].map(job)).await;
    let unavailable = || Err(StoreErrorKind::Unavailable);
    assert_eq!(answers(calls).await, [(2, unavailable()), (3, unavailable())]);
    assert!(begun.elapsed() < Duration::from_millis(5100), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_long_because_many_do_is_not_sent_away() {
    let (combiner, database, mut calls) = (Combiner::<Safe>::busy_at(1), Database::stopped(), Calls::new());
    call(&mut calls, &combiner, &database, (0..5 * MOST_JOBS as u32).map(job)).await;
    for _ in 0..5 {
        tokio::time::sleep(PATIENCE.mul_f64(0.8)).await;
        database.works(1);
        settle().await;
    }
    assert_eq!(database.rounds().len(), 6);
    database.runs();
    assert_eq!(answers(calls).await.len(), 5 * MOST_JOBS);
    assert_eq!(database.rounds().len(), 6);
}

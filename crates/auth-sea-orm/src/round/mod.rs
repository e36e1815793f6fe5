//! One statement for many callers: those who come while the database is busy with others are served together, as soon
//! as one of the others is done.
//!
//! ```text
//!   free      A ──────── alone ────────▶ A             nothing is waited for, and nothing is added
//!   busy           B, C, D wait          │
//!                                        └─▶ together ──▶ B, C, D          in a task of its own: whoever hangs up
//!                           E, F wait        │                             abandons nobody else
//!                                            └─▶ together ──▶ E, F
//! ```
//!
//! Busy is where statements side by side stop to pay: at one for the single writer of SQLite, at a few for a server,
//! whose answers take longer than its work.
//!
//! Results stay individual. Whatever a round does not decide for a job (its row was locked, or another job spoiled the
//! statement) that job's caller does alone, as if there were no rounds. No timer makes anybody wait for company.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::store::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::retry::{Attempt, Resend, within_deadline};

/// How many jobs one round takes: what comes after them waits for the next, so that nobody waits for a statement without
/// end. Small enough for every limit on bound values (SQLite: 32766).
const MOST_JOBS: usize = 128;
/// When nothing was finished for so long, those in line go alone, and those at work are written off: a connection that
/// went mute must hold up nobody but those who are on it, and whoever comes later shares again.
const PATIENCE: Duration = Duration::from_millis(250);

/// Something that many callers ask for, and that can be done for all of them at once.
pub(crate) trait Round: Send + Sync + 'static {
    /// Who does it.
    type Worker: Clone + Send + Sync + 'static;
    /// What one caller asks for.
    type Job: Clone + Send + Sync + 'static;
    /// What a job is about. Rounds are ordered by it, and jobs with the same key are twins: one is done for all of them.
    type Key: Ord + Send;
    /// What one caller is told.
    type Answer: Send + 'static;
    /// Whether a job may be done again when nobody knows what became of its round.
    const RESEND: Resend;

    /// What `job` is about.
    fn key(job: &Self::Job) -> Self::Key;

    /// What the twin of a job is told that was answered like this; `None` when it has to ask by itself.
    fn twin(first: &Self::Answer) -> Option<Self::Answer>;

    /// Does one job, with every care: retries included.
    fn alone(worker: &Self::Worker, job: &Self::Job) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;

    /// Does several jobs in one transaction, ordered by their keys, which differ. One answer each, in this order; `None`
    /// for a job that was left undone. An error means all of them.
    fn together(
        worker: &Self::Worker,
        jobs: &[Self::Job],
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, Attempt>> + Send;
}

/// Where callers meet. Clones are the same place.
pub(crate) struct Combiner<R: Round> {
    queue: Arc<Mutex<Queue<R>>>,
}

struct Queue<R: Round> {
    waiting: VecDeque<Waiting<R>>,
    /// When somebody was last done, or began after nobody was.
    progress: Instant,
    /// How many are at work, in rounds or at once, apart from those who were written off.
    at_work: usize,
    /// How often those at work were written off.
    shift: u64,
    /// From so many on it is busy.
    busy_at: usize,
}

struct Waiting<R: Round> {
    job: R::Job,
    since: Instant,
    caller: oneshot::Sender<Told<R::Answer>>,
}

enum Told<A> {
    Answer(Result<A, StoreError>),
    /// Nothing was done: do it alone.
    Undone,
}

enum Place<'a, R: Round> {
    AtOnce(AtOnce<'a, R>),
    InLine(oneshot::Receiver<Told<R::Answer>>),
}

impl<R: Round> Queue<R> {
    /// Lets one begin.
    fn begin(&mut self) -> u64 {
        self.at_work += 1;
        self.shift
    }

    /// Whether nobody who is at work was done for long.
    fn is_stalled(&self) -> bool {
        self.progress.elapsed() >= PATIENCE
    }

    /// Whoever is at work, perhaps in a runtime that nobody drives any more, is not counted on. One begins afresh: of
    /// those who come while nothing moves, each would take itself for the first otherwise.
    fn write_off(&mut self) {
        self.progress = Instant::now();
        self.at_work = 0;
        self.shift += 1;
    }

    /// One who began in `shift` is done.
    fn end(&mut self, shift: u64) {
        if shift == self.shift {
            self.at_work -= 1;
        }
    }
}

impl<R: Round> Combiner<R> {
    /// Where so many are served side by side before others have to share.
    pub(crate) fn busy_at(busy_at: usize) -> Self {
        let queue = Queue { waiting: VecDeque::new(), progress: Instant::now(), at_work: 0, shift: 0, busy_at };
        Self { queue: Arc::new(Mutex::new(queue)) }
    }

    /// Does `job`: at once unless others keep the database busy, else with all that wait.
    pub(crate) async fn call(&self, worker: &R::Worker, job: &R::Job) -> Result<R::Answer, StoreError> {
        match self.enter(worker, job) {
            Place::AtOnce(place) => {
                let answer = R::alone(worker, job).await;
                drop(place);
                answer
            }
            Place::InLine(told) => within_deadline(self.in_line(worker, job, told)).await,
        }
    }

    fn enter<'a>(&'a self, worker: &'a R::Worker, job: &R::Job) -> Place<'a, R> {
        let mut queue = lock(&self.queue);
        if queue.at_work >= queue.busy_at && queue.is_stalled() {
            queue.write_off();
        }
        if queue.at_work < queue.busy_at && queue.waiting.is_empty() {
            if queue.at_work == 0 {
                queue.progress = Instant::now();
            }
            let shift = queue.begin();
            return Place::AtOnce(AtOnce { combiner: self, worker, shift });
        }
        let (caller, told) = oneshot::channel();
        queue.waiting.push_back(Waiting { job: job.clone(), since: Instant::now(), caller });
        Place::InLine(told)
    }

    async fn in_line(
        &self,
        worker: &R::Worker,
        job: &R::Job,
        mut told: oneshot::Receiver<Told<R::Answer>>,
    ) -> Result<R::Answer, StoreError> {
        let told = loop {
            match timeout(PATIENCE, &mut told).await {
                Ok(told) => break told,
                Err(_) => self.lose_patience(),
            }
        };
        match told {
            Ok(Told::Answer(answer)) => answer,
            Ok(Told::Undone) => R::alone(worker, job).await,
            Err(_) if R::RESEND == Resend::Safe => R::alone(worker, job).await,
            Err(_) => Err(StoreError::new(StoreErrorKind::Unavailable, Unknown)),
        }
    }

    /// Sends everybody in line away when nothing moves.
    fn lose_patience(&self) {
        let mut queue = lock(&self.queue);
        let has_waited = queue.waiting.front().is_some_and(|first| first.since.elapsed() >= PATIENCE);
        if has_waited && queue.is_stalled() {
            queue.write_off();
            let waiting = std::mem::take(&mut queue.waiting);
            drop(queue);
            dismiss(waiting);
        }
    }
}

/// Whoever it is does it alone.
fn dismiss<R: Round>(waiting: VecDeque<Waiting<R>>) {
    for Waiting { caller, .. } in waiting {
        tell(caller, Told::Undone);
    }
}

/// Held by whoever did not have to wait. Dropped, also by a caller that hangs up, it gives way to those in line.
struct AtOnce<'a, R: Round> {
    combiner: &'a Combiner<R>,
    worker: &'a R::Worker,
    shift: u64,
}

impl<R: Round> Drop for AtOnce<'_, R> {
    fn drop(&mut self) {
        let mut queue = lock(&self.combiner.queue);
        queue.progress = Instant::now();
        queue.end(self.shift);
        if !queue.waiting.is_empty() && queue.at_work < queue.busy_at {
            let shift = queue.begin();
            drop(queue);
            Rounds::spawn(self.combiner.queue.clone(), self.worker.clone(), shift);
        }
    }
}

/// Rounds, one after the other, until nobody is in line.
struct Rounds<R: Round> {
    queue: Arc<Mutex<Queue<R>>>,
    worker: R::Worker,
    shift: u64,
    is_over: bool,
}

impl<R: Round> Rounds<R> {
    /// It counts as being at work already.
    fn spawn(queue: Arc<Mutex<Queue<R>>>, worker: R::Worker, shift: u64) {
        let mut rounds = Self { queue, worker, shift, is_over: false };
        // Without a runtime they are dropped, and those in line go alone.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                while let Some(jobs) = rounds.next() {
                    run::<R>(&rounds.worker, jobs).await;
                }
            });
        }
    }

    fn next(&mut self) -> Option<Vec<Waiting<R>>> {
        let mut queue = lock(&self.queue);
        queue.progress = Instant::now();
        queue.end(self.shift);
        let most = queue.waiting.len().min(MOST_JOBS);
        // Where it is busy without this one, it was written off, and others went on in its place.
        if most == 0 || queue.at_work >= queue.busy_at {
            self.is_over = true;
            return None;
        }
        self.shift = queue.begin();
        Some(queue.waiting.drain(..most).collect())
    }
}

/// A panic in a round, or the end of the runtime: nobody is to wait for what never comes.
impl<R: Round> Drop for Rounds<R> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut queue = lock(&self.queue);
        if self.shift != queue.shift {
            return;
        }
        queue.end(self.shift);
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        dismiss(waiting);
    }
}

type Callers<A> = Vec<oneshot::Sender<Told<A>>>;

async fn run<R: Round>(worker: &R::Worker, waiting: Vec<Waiting<R>>) {
    let mut twins = BTreeMap::<_, (_, Callers<_>)>::new();
    // Whoever hung up meanwhile wants nothing done.
    for Waiting { job, caller, .. } in waiting.into_iter().filter(|waiting| !waiting.caller.is_closed()) {
        twins.entry(R::key(&job)).or_insert_with(|| (job, Vec::new())).1.push(caller);
    }
    if twins.is_empty() {
        return;
    }
    let (jobs, callers): (Vec<R::Job>, Vec<Callers<R::Answer>>) = twins.into_values().unzip();
    if let ([job], [_]) = (jobs.as_slice(), callers.as_slice()) {
        let told = Told::Answer(R::alone(worker, job).await);
        return answer_all::<R>(callers.into_iter().flatten().collect(), told);
    }
    match within_deadline(async { Ok(R::together(worker, &jobs).await) }).await {
        Ok(Ok(answers)) => {
            let mut answers = answers.into_iter();
            for callers in callers {
                let answer = answers.next().flatten();
                answer_all::<R>(callers, answer.map_or(Told::Undone, |answer| Told::Answer(Ok(answer))));
            }
        }
        Ok(Err(failed)) if failed.left_no_trace() => {
            for caller in callers.into_iter().flatten() {
                tell(caller, Told::Undone);
            }
        }
        // Nobody knows: the callers find their end of the channel alone, and decide.
        Ok(Err(_)) | Err(_) => {}
    }
}

/// Tells the first caller, and its twins what follows from that.
fn answer_all<R: Round>(callers: Callers<R::Answer>, told: Told<R::Answer>) {
    let mut callers = callers.into_iter();
    let first = callers.next();
    for twin in callers {
        let follows = match &told {
            Told::Answer(Ok(answer)) => R::twin(answer),
            Told::Answer(Err(_)) | Told::Undone => None,
        };
        tell(twin, follows.map_or(Told::Undone, |answer| Told::Answer(Ok(answer))));
    }
    if let Some(first) = first {
        tell(first, told);
    }
}

/// Whoever hung up does not hear it.
fn tell<A>(caller: oneshot::Sender<Told<A>>, told: Told<A>) {
    drop(caller.send(told));
}

fn lock<R: Round>(queue: &Mutex<Queue<R>>) -> MutexGuard<'_, Queue<R>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, thiserror::Error)]
#[error("the database was lost while it worked for several callers at once; what became of this one is not known")]
struct Unknown;

//! The hashing pool (requirement G8): a fixed number of threads with a memory block each, and a bounded queue.
//!
//! Hashing on an async worker stalls every other request on it for tens of milliseconds; unbounded `spawn_blocking`
//! lets 1,000 parallel logins take 19 GiB. Here the thread belongs to the work: a request that goes away does not
//! free it for the next one, and work that nobody waits for any more is not begun.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use super::hash::{self, HashError, HashMemory, HashParams, PasswordHash, Verification};
use super::pepper::Peppers;
use crate::error::{AuthError, ErrorKind};
use crate::measure::{self, Stopwatch};
use crate::rng::{self, SecureRandom};
use crate::secret::Password;

/// Hands passwords to the hashing threads.
#[derive(Debug)]
pub(crate) struct HashPool {
    jobs: Sender<Job>,
    /// One for each thread and each place in the queue: it bounds what is in `jobs`.
    places: Arc<Semaphore>,
    wanted: HashParams,
    ceiling: HashParams,
    peppers: Arc<Peppers>,
}

/// A place in the pool. It is taken before anything else is done for a login, so that what is too much is refused before
/// it costs the store anything, alike for known and unknown users.
#[derive(Debug)]
#[must_use]
pub(crate) struct Place<'a> {
    pool: &'a HashPool,
    permit: Permit,
}

type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

impl HashPool {
    /// Starts `threads` threads, with room for `queue` waiting passwords.
    pub(crate) fn start(
        threads: usize,
        queue: usize,
        wanted: HashParams,
        ceiling: HashParams,
        peppers: Peppers,
    ) -> std::io::Result<Self> {
        let (jobs, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for i in 0..threads {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new().name(format!("auth-hash-{i}")).spawn(move || work(&receiver))?;
        }
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(threads + queue)),
            wanted,
            ceiling,
            peppers: Arc::new(peppers),
        })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `Unavailable` when every thread is busy and the queue is full.
    pub(crate) fn reserve(&self) -> Result<Place<'_>, AuthError> {
        let permit = Permit::of(&self.places).ok_or_else(|| {
            measure::hash_turned_away();
            AuthError::new(ErrorKind::Unavailable, "the hashing pool is full")
        })?;
        Ok(Place { pool: self, permit })
    }
}

impl Place<'_> {
    /// A new hash of `password`.
    pub(crate) async fn hash(self, password: Password, random: &dyn SecureRandom) -> Result<PasswordHash, AuthError> {
        let salt = rng::bytes(random)?;
        let (wanted, peppers) = (self.pool.wanted, Arc::clone(&self.pool.peppers));
        self.run(move |memory| hash::hash(&password, salt, wanted, &peppers, memory)).await?.map_err(internal)
    }

    /// Whether `password` belongs to `stored`. A mismatch costs as much as the most expensive hash accepted, whether
    /// there is a hash or not and whatever its cost is (requirement G5). A stored hash that cannot be verified is a
    /// mismatch too, with an error in the log.
    pub(crate) async fn verify(
        self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Verification, AuthError> {
        let (wanted, ceiling, peppers) = (self.pool.wanted, self.pool.ceiling, Arc::clone(&self.pool.peppers));
        self.run(move |memory| {
            let verified = stored.map(|stored| hash::verify(&password, &stored, wanted, ceiling, &peppers, memory));
            let missing = match verified {
                Some(Ok((Verification::Mismatch, cost))) => cost.missing_to(ceiling),
                Some(Ok((verification, _))) => return Ok(verification),
                Some(Err(error)) => {
                    tracing::error!(target: "auth::password", %error, "a user cannot sign in");
                    Some(ceiling)
                }
                None => Some(ceiling),
            };
            if let Some(missing) = missing {
                hash::verify_nothing(&password, missing, &peppers, memory)?;
            }
            Ok(Verification::Mismatch)
        })
        .await?
        .map_err(internal)
    }

    /// Any work that costs about as much as a hash.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let (reply, result) = oneshot::channel();
        let permit = self.permit;
        let waiting = Stopwatch::start();
        let job = Box::new(move |memory: &mut HashMemory| {
            waiting.stop(measure::Duration::HashWait);
            if !reply.is_closed() {
                let working = Stopwatch::start();
                let done = work(memory);
                working.stop(measure::Duration::Hash);
                // The receiver may have gone away meanwhile: then the result is nobody's.
                let _ = reply.send(done);
            }
            // The place belongs to the work, not to the request that may be dropped.
            drop(permit);
        });
        let gone = |what: &'static str| AuthError::new(ErrorKind::Internal, what);
        self.pool.jobs.send(job).map_err(|_| gone("the hashing threads are gone"))?;
        result.await.map_err(|_| gone("a hashing thread gave up"))
    }
}

/// One of the places, until this is dropped, used or not.
#[derive(Debug)]
struct Permit(Arc<Semaphore>);

impl Permit {
    /// `None` when all are taken.
    fn of(places: &Arc<Semaphore>) -> Option<Self> {
        places.try_acquire().ok()?.forget();
        let permit = Self(Arc::clone(places));
        measure::hash_places(places.available_permits());
        Some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.add_permits(1);
        let free = self.0.available_permits();
        // The recorder is the app's. If it panics, perhaps for the second time, it must not end the process.
        let _ = catch_unwind(|| measure::hash_places(free));
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut memory = HashMemory::default();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // The pool was dropped: nobody can hand in more.
        let Ok(job) = job else { return };
        // Not all of it is ours: an estimator reads what users choose, the app listens to the log and the numbers. A
        // thread that dies of it would be missing until the next start.
        if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
            memory = HashMemory::default();
            // Without that message, which may quote a password; and whoever listens may be what panicked.
            let _ = catch_unwind(|| {
                tracing::error!(target: "auth::password", "a hashing thread panicked: see the message of the panic");
            });
        }
    }
}

fn internal(error: HashError) -> AuthError {
    AuthError::new(ErrorKind::Internal, error)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::mpsc;

    use super::*;

    fn pool(threads: usize, queue: usize) -> HashPool {
        let cost = HashParams::RECOMMENDED;
        HashPool::start(threads, queue, cost, cost, Peppers::default()).expect("starts")
    }

    /// A job that has begun and goes on until it is released.
    async fn blocked(pool: &HashPool) -> (mpsc::Sender<()>, Pin<Box<impl Future<Output = Result<(), AuthError>>>>) {
        let (release, released) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let mut job = Box::pin(pool.reserve().expect("a place").run(move |_| {
            started.send(()).expect("the test waits");
            released.recv().expect("the test releases");
        }));
        tokio::select! { biased; _ = &mut job => unreachable!("it is blocked"), _ = running => {} }
        (release, job)
    }

    /// Hands the job in without waiting for it.
    async fn hand_in<T>(job: &mut (impl Future<Output = Result<T, AuthError>> + Unpin)) {
        tokio::select! { biased; _ = job => unreachable!("the thread is taken"), () = std::future::ready(()) => {} }
    }

    #[tokio::test]
    async fn g8_beyond_the_queue_the_answer_is_unavailable_at_once() {
        let pool = pool(1, 1);
        let (release, first) = blocked(&pool).await;
        let mut second = Box::pin(pool.reserve().expect("a place").run(|_| ()));
        hand_in(&mut second).await;

        let error = pool.reserve().expect_err("one runs, one waits");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.retry_after().is_some());

        release.send(()).expect("the first job waits");
        first.await.expect("ends well");
        second.await.expect("ends well");
        pool.reserve().expect("there is room again").verify(Password::new("x"), None).await.expect("works");
    }

    #[tokio::test]
    async fn g8_abandoned_work_keeps_its_thread_and_abandoned_waiting_is_not_begun() {
        let pool = pool(1, 4);
        let (release, abandoned) = blocked(&pool).await;
        drop(abandoned);

        let (ran, never) = mpsc::channel::<()>();
        let mut waiting = Box::pin(pool.reserve().expect("a place").run(move |_| ran.send(())));
        hand_in(&mut waiting).await;
        drop(waiting);

        // The thread still belongs to the abandoned work, so this one has to wait for it.
        let mut next = Box::pin(pool.reserve().expect("a place").run(|_| ()));
        hand_in(&mut next).await;
        release.send(()).expect("the abandoned work still runs");
        next.await.expect("runs after it");
        assert!(never.recv().is_err(), "work that nobody waited for was begun");
    }

    #[tokio::test]
    async fn a_panic_costs_its_caller_the_answer_and_the_pool_no_thread() {
        let pool = pool(1, 8);
        for _ in 0..3 {
            let panicked = pool.reserve().expect("a place").run::<()>(|_| panic!("as an estimator may"));
            assert_eq!(panicked.await.expect_err("there is no answer").kind(), ErrorKind::Internal);
        }
        let verified = pool.reserve().expect("a place").verify(Password::new("x"), None).await;
        assert_eq!(verified.expect("the thread goes on"), Verification::Mismatch);
        assert!(pool.places.available_permits() >= 8, "a place went with a panic");
    }

    /// A log of the app, and numbers of the app, that panic themselves.
    struct Broken;

    impl tracing::Subscriber for Broken {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, _: &tracing::Event<'_>) {
            panic!("as a layer may")
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[cfg(feature = "metrics")]
    impl metrics::Recorder for Broken {
        fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
        fn register_counter(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
            metrics::Counter::noop()
        }
        fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
            panic!("as a recorder may")
        }
        fn register_histogram(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
            metrics::Histogram::noop()
        }
    }

    #[tokio::test]
    async fn nor_does_a_panic_of_whoever_hears_of_it() {
        let pool = pool(1, 8);
        let panicked = pool.reserve().expect("a place").run::<()>(|_| {
            // Those of this thread, as long as it lives.
            std::mem::forget(tracing::subscriber::set_default(Broken));
            #[cfg(feature = "metrics")]
            std::mem::forget(metrics::set_default_local_recorder(&Broken));
            panic!("as an estimator may")
        });
        assert_eq!(panicked.await.expect_err("there is no answer").kind(), ErrorKind::Internal);
        for _ in 0..3 {
            pool.reserve().expect("a place").run(|_| ()).await.expect("the thread goes on");
        }
    }

    #[tokio::test]
    async fn a_hash_made_here_verifies_here() {
        let pool = pool(2, 8);
        let random = crate::rng::SystemRandom::new();
        let stored =
            pool.reserve().expect("a place").hash(Password::new("correct horse"), &random).await.expect("hashes");
        assert!(stored.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.as_phc());
        let verdict =
            |password: &str| pool.reserve().expect("a place").verify(Password::new(password), Some(stored.clone()));
        assert_eq!(verdict("correct horse").await.expect("verifies"), Verification::Match { outdated: false });
        assert_eq!(verdict("wrong horse").await.expect("verifies"), Verification::Mismatch);
        let nobody = pool.reserve().expect("a place").verify(Password::new("correct horse"), None).await;
        assert_eq!(nobody.expect("does the work"), Verification::Mismatch);
    }
}

//! The HTTP contract: every case over every store on both frameworks, each a test of its own name
//! (`postgres::axum::rotation::r1_a_refresh_rotates`), and every answer equal byte for byte to that of axum over memory, and as the OpenAPI
//! document of the routes describes it.
//!
//! `cargo test --test contract -- r4_` runs those with `r4_` in their names.
#![recursion_limit = "256"]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth_core::Auth;
use auth_core::store::memory::MemoryStore;
use auth_sea_orm::SeaOrmStore;
use auth_testkit::contract::{ALL, Case, Variant};
use auth_tests::cases::Run;
use auth_tests::customers::WithCustomers;
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;
use libtest_mimic::{Arguments, Failed, Trial};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // More than there are cores: a case waits as often as it computes.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let _inside = runtime.enter();
    let trials = trials(&runtime);
    // It consumes the tests, and with them the databases.
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// One test for each store, framework and case.
fn trials(runtime: &Arc<Runtime>) -> Vec<Trial> {
    let references: Vec<_> = ALL.iter().map(|case| Arc::new(Reference::of(*case))).collect();
    let mut trials = Vec::new();
    for place in Place::all(runtime) {
        for framework in Framework::ALL {
            for reference in &references {
                if !place.takes(reference.case.variant) {
                    continue;
                }
                let name = format!("{}::{}::{}", place.name(), framework.name(), reference.case.name);
                let is_there = place.is_there();
                let (runtime, place, reference) = (runtime.clone(), place.clone(), reference.clone());
                let test = move || runtime.block_on(check(&place, framework, &reference));
                trials.push(Trial::test(name, test).with_ignored_flag(!is_there));
            }
        }
    }
    trials
}

async fn check(place: &Place, framework: Framework, reference: &Reference) -> Result<(), Failed> {
    let expected = reference.transcript(place).await?;
    let seen = match (place, framework) {
        (Place::Memory | Place::Customers, Framework::Axum) => return Ok(()),
        (Place::Memory, _) => run_in_memory(reference.case, framework).await?,
        (Place::Customers, _) => run_over_customers(reference.case, framework).await?,
        (Place::Sql(databases), _) => databases.run(reference.case, framework).await?,
    };
    if seen == expected { Ok(()) } else { Err(difference(&expected, &seen).into()) }
}

/// What axum over memory answers to a case: run once, for whichever test asks first. Customers have ids of another
/// form, so what they see is compared among themselves.
struct Reference {
    case: Case,
    in_memory: OnceCell<Result<String, String>>,
    over_customers: OnceCell<Result<String, String>>,
}

impl Reference {
    fn of(case: Case) -> Self {
        Self { case, in_memory: OnceCell::new(), over_customers: OnceCell::new() }
    }

    async fn transcript(&self, place: &Place) -> Result<String, String> {
        let transcript = match place {
            Place::Customers => {
                self.over_customers.get_or_init(|| run_over_customers(self.case, Framework::Axum)).await
            }
            Place::Memory | Place::Sql(_) => {
                self.in_memory.get_or_init(|| run_in_memory(self.case, Framework::Axum)).await
            }
        };
        transcript.clone()
    }
}

async fn run_in_memory(case: Case, framework: Framework) -> Result<String, String> {
    let store = MemoryStore::new();
    Run::of(case, framework).over(store.clone(), Auth::builder(store)).await.map(|seen| seen.transcript)
}

/// Users in a table of the app, with integers as ids: nobody who speaks HTTP can tell.
async fn run_over_customers(case: Case, framework: Framework) -> Result<String, String> {
    let database = Database::fresh(Kind::Sqlite).await.expect("always there");
    let store = WithCustomers::open(database.url()).await;
    let auth = store.builder();
    Run::of(case, framework).over(store, auth).await.map(|seen| seen.transcript)
}

fn difference(expected: &str, seen: &str) -> String {
    let lines = expected.lines().zip(seen.lines()).filter(|(expected, seen)| expected != seen);
    let lines: Vec<_> = lines.take(5).map(|(expected, seen)| format!("  axum  {expected}\n  here  {seen}")).collect();
    let (expected, seen) = (expected.lines().count(), seen.lines().count());
    format!("the answers differ\n{}\n  ({expected} and {seen} lines)", lines.join("\n"))
}

/// Where a case runs.
#[derive(Clone)]
enum Place {
    Memory,
    /// SQLite, with users in a table of the app.
    Customers,
    Sql(Arc<Databases>),
}

impl Place {
    fn all(runtime: &Arc<Runtime>) -> Vec<Self> {
        let sql = |(kind, prefix)| Self::Sql(Arc::new(Databases::of(kind, prefix, runtime)));
        // The routes are mounted under a prefix in one of them, which no answer may show.
        let kinds = [(Kind::Sqlite, "/api/v1"), (Kind::Postgres, ""), (Kind::MySql, "")];
        [Self::Memory, Self::Customers].into_iter().chain(kinds.map(sql)).collect()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Customers => "customers",
            Self::Sql(databases) => databases.kind.name(),
        }
    }

    /// Users in a table of the app are made by the app: those routes cannot be mounted, which `service` tries.
    fn takes(&self, variant: Variant) -> bool {
        !matches!((self, variant), (Self::Customers, Variant::Registering | Variant::Administering))
    }

    fn is_there(&self) -> bool {
        match self {
            Self::Memory | Self::Customers => true,
            Self::Sql(databases) => databases.is_there,
        }
    }
}

/// Databases of one kind that no case uses at the moment: emptying one takes milliseconds, making one many more.
struct Databases {
    kind: Kind,
    /// Where the auth routes are mounted.
    prefix: &'static str,
    is_there: bool,
    idle: Mutex<Vec<Used>>,
}

/// A database that may hold what the last case left.
struct Used {
    tables: DatabaseConnection,
    // Last, so that it is removed when nobody is connected any more.
    database: Database,
}

impl Databases {
    fn of(kind: Kind, prefix: &'static str, runtime: &Arc<Runtime>) -> Self {
        // Whoever is not there is named beside the name of the thread.
        let runtime = runtime.clone();
        let first = std::thread::Builder::new().name("the contract".to_owned());
        let first = first.spawn(move || runtime.block_on(Used::fresh(kind))).expect("a thread");
        let first = first.join().expect("a database, or none");
        Self { kind, prefix, is_there: first.is_some(), idle: Mutex::new(first.into_iter().collect()) }
    }

    async fn run(&self, case: Case, framework: Framework) -> Result<String, String> {
        let idle = self.idle().pop();
        let used = match idle {
            Some(used) => used,
            None => Used::fresh(self.kind).await.expect("was there a moment ago"),
        };
        used.empty().await;
        // A pool of its own for each case: connections that actix-web's threads opened end with those threads.
        let store = SeaOrmStore::connect(used.database.url()).await.expect("connects");
        let run = Run::of(case, framework).under(self.prefix);
        let transcript = run.over(store.clone(), Auth::builder(store)).await?.transcript;
        // Not after a failure: the case may be at work there still.
        self.idle().push(used);
        Ok(if self.prefix.is_empty() { transcript } else { transcript.replace(self.prefix, "") })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Used>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    async fn fresh(kind: Kind) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        database.store().await;
        Some(Self { tables: database.connection().await, database })
    }

    async fn empty(&self) {
        for table in [
            "auth_session", "auth_user_state", "auth_user", "auth_throttle", "auth_recovery_code", "auth_token",
            "auth_events",
        ] {
            self.tables.execute_unprepared(&format!("DELETE FROM {table}")).await.expect("empties");
        }
    }
}

//! Two nodes over one database: no lock inside a process can help them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_core::store::SessionMode;
use auth_core::{
    AccessToken, Auth, AuthBuilder, AuthConfig, AuthEvent, ClientInfo, Clock as _, Email, ErrorKind, EventKind,
    EventSink, Grant, LoginRequest, LoginThrottle, NewUser, Password, RefreshToken, Tokens, UserId,
};
use auth_sea_orm::SeaOrmStore;
use auth_testkit::ManualClock;
use auth_tests::databases::{Database, Kind};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// A database, and the isolation that its sessions have unless they ask for another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Setting {
    Sqlite,
    Postgres(&'static str),
    MySql(&'static str),
}

/// Two `Auth`s, each with connections of its own to one database.
pub(crate) struct Nodes {
    auths: [Auth; 2],
    pub(crate) stores: [SeaOrmStore; 2],
    pub(crate) clock: ManualClock,
    pub(crate) rotations: Arc<Count>,
    db: DatabaseConnection,
    // Last, so that it is removed when nobody is connected any more.
    _database: Database,
}

impl Nodes {
    /// `None` when there is no such database here, which is said on stderr.
    pub(crate) async fn new(setting: Setting, config: AuthConfig) -> Option<Self> {
        Self::with(setting, config, |builder| builder).await
    }

    pub(crate) async fn with(
        setting: Setting,
        config: AuthConfig,
        also: impl Fn(AuthBuilder) -> AuthBuilder,
    ) -> Option<Self> {
        let kind = match setting {
            Setting::Sqlite => Kind::Sqlite,
            Setting::Postgres(_) => Kind::Postgres,
            Setting::MySql(_) => Kind::MySql,
        };
        let database = Database::fresh(kind).await?;
        let db = database.connection().await;
        if let Setting::Postgres(isolation) = setting {
            let set = format!(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation TO ''{isolation}''', \
                 current_database()); END $$"
            );
            db.execute_unprepared(&set).await.expect("alter database");
        }
        let stores = [connect(setting, &database).await, connect(setting, &database).await];
        stores[0].migrate().await.expect("migrate");
        let (clock, rotations) = (ManualClock::stopped(), Arc::new(Count::default()));
        let auths = stores.clone().map(|store| {
            let builder = Auth::builder(store).config(config.clone()).clock(clock.clone());
            also(builder.events(Counting(rotations.clone()))).build().expect("a configuration")
        });
        Some(Self { auths, stores, clock, rotations, db, _database: database })
    }

    /// One node or the other.
    pub(crate) fn node(&self, n: usize) -> Auth {
        self.auths[n % 2].clone()
    }

    /// Both, the `n`th first.
    pub(crate) fn both(&self, n: usize) -> [Auth; 2] {
        [self.node(n), self.node(n + 1)]
    }

    pub(crate) async fn user(&self, name: &str) -> Person {
        let email = Email::parse(&format!("{name}@example.com")).expect("an address");
        let new = NewUser::new(email.clone(), Password::new("the first password"));
        let id = self.auths[0].create_user(new).await.expect("a user");
        Person { id, email, password: Password::new("the first password") }
    }

    pub(crate) async fn open(&self, n: usize, user: &UserId) -> Held {
        let opened = self.node(n).open_session(user, SessionMode::Json, &ClientInfo::default()).await;
        Held::of(opened.expect("a session"))
    }

    /// Rows of the user that are neither ended nor expired, whatever their epoch.
    pub(crate) async fn alive_rows(&self, user: &UserId) -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM auth_session WHERE user_id = '{user}' AND revoked_at IS NULL");
        let row = self.db.query_one_raw(Statement::from_string(self.db.get_database_backend(), sql)).await;
        row.expect("a query").expect("a row").try_get("", "n").expect("a number")
    }

    /// Neither node knows a session of the user, and no row is left that only the epoch keeps out.
    pub(crate) async fn assert_nothing_alive(&self, user: &UserId, place: &str) {
        use auth_core::store::SessionStore as _;
        assert_eq!(self.alive_rows(user).await, 0, "{place}: a session slipped through");
        for store in &self.stores {
            assert_eq!(store.list(user, self.clock.now()).await.expect("lists"), [], "{place}");
        }
    }

    /// PostgreSQL takes a second to find one, and counts them. InnoDB finds them at once, and does not.
    pub(crate) async fn assert_no_deadlock(&self) {
        if self.db.get_database_backend() == DbBackend::Postgres {
            let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
            let row = self.db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
            let deadlocks: i64 = row.expect("a query").expect("a row").try_get("", "deadlocks").expect("a number");
            assert_eq!(deadlocks, 0);
        }
    }

    /// Every token of the chain is dead, on both nodes: the newest first, since an older one would end the session.
    pub(crate) async fn assert_dead(&self, tokens: &[RefreshToken], place: &str) {
        for (n, token) in tokens.iter().rev().take(3).enumerate() {
            for node in [n, n + 1] {
                let outcome = refresh(&self.node(node), token).await.map(drop);
                assert_eq!(
                    outcome,
                    Err(ErrorKind::SessionOver),
                    "{place}: token {n} from the last of {}",
                    tokens.len()
                );
            }
        }
    }
}

async fn connect(setting: Setting, database: &Database) -> SeaOrmStore {
    let Setting::MySql(isolation) = setting else {
        let store = SeaOrmStore::connect(database.url()).await.expect("connect");
        if let Setting::Postgres(isolation) = setting {
            assert_isolation(&database.connection().await, "SHOW default_transaction_isolation", isolation).await;
        }
        return store;
    };
    let mut options = ConnectOptions::new(database.url());
    options.sqlx_logging(false).map_sqlx_mysql_pool_opts(move |options| {
        options.after_connect(move |connection, _| {
            Box::pin(async move {
                use sea_orm::sqlx::Executor as _;
                let set = match isolation {
                    "read committed" => "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                    _ => "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                };
                connection.execute(set).await.map(drop)
            })
        })
    });
    let db = sea_orm::Database::connect(options).await.expect("connect");
    assert_isolation(&db, "SELECT LOWER(REPLACE(@@SESSION.tx_isolation, '-', ' '))", isolation).await;
    SeaOrmStore::new(db)
}

/// What a race shows under an isolation that nobody set, it does not show.
async fn assert_isolation(db: &DatabaseConnection, ask: &str, expected: &str) {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), ask)).await;
    let set: String = row.expect("a query").expect("a row").try_get_by(0).expect("text");
    assert_eq!(set, expected);
}

/// Somebody who signs in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) email: Email,
    pub(crate) password: Password,
}

impl Person {
    pub(crate) async fn login(&self, auth: &Auth) -> Result<Held, ErrorKind> {
        let request = LoginRequest::new(self.email.clone(), self.password.clone());
        auth.login(request, &ClientInfo::default()).await.map(Held::of).map_err(|error| error.kind())
    }
}

/// What a client holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) access: AccessToken,
    pub(crate) refresh: RefreshToken,
}

impl Held {
    pub(crate) fn of(tokens: Tokens) -> Self {
        match tokens.grant {
            Grant::Pair { access, refresh, .. } => Self { access, refresh },
            Grant::Session(_) => panic!("not in this mode"),
        }
    }
}

pub(crate) async fn refresh(auth: &Auth, token: &RefreshToken) -> Result<Held, ErrorKind> {
    auth.refresh(token, &ClientInfo::default()).await.map(Held::of).map_err(|error| error.kind())
}

/// How often each token was replaced.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Since it was last taken.
    pub(crate) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Counting(Arc<Count>);

impl EventSink for Counting {
    fn record(&self, event: &AuthEvent<'_>) {
        if event.kind == EventKind::SessionRotated {
            self.0.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

pub(crate) fn config() -> AuthConfig {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    // They sign in as fast as they can.
    config.login_throttle = LoginThrottle::Off;
    config
}

/// Every refresh rotates, also at the same moment.
pub(crate) fn strict() -> AuthConfig {
    let mut config = config();
    config.refresh_grace = Duration::ZERO;
    config
}

/// One of those who race.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Runs everything as tasks that start at the same moment.
pub(crate) async fn together<T: Send + 'static>(work: impl IntoIterator<Item = Work<T>>) -> Vec<T> {
    let work: Vec<_> = work.into_iter().collect();
    let start = Arc::new(Barrier::new(work.len()));
    let mut tasks = JoinSet::new();
    for one in work {
        let start = start.clone();
        tasks.spawn(async move {
            start.wait().await;
            one.await
        });
    }
    tasks.join_all().await
}

/// Lets others go ahead: by up to `most`, another time in each round and for each task, and often not at all.
pub(crate) async fn stagger(round: u64, task: u64, most: Duration) {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (round, task).hash(&mut hasher);
    let chance = hasher.finish();
    match chance % 4 {
        0 => {}
        1 => {
            for _ in 0..chance % 64 {
                tokio::task::yield_now().await;
            }
        }
        _ => tokio::time::sleep(most.mul_f64((chance % 1000) as f64 / 1000.0)).await,
    }
}

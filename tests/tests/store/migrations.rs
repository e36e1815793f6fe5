//! Our migrations: up, down, side by side, under a prefix, and among those of an app.

use async_trait::async_trait;
use auth_core::store::UserDirectory as _;
use auth_sea_orm::{Migrations, SeaOrmStore, TablePrefix};
use auth_tests::databases::{Database, Kind};
use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, MigratorTraitSelf as _, SchemaManager};

fn prefix(text: &str) -> TablePrefix {
    text.parse().expect("a prefix")
}

#[tokio::test]
async fn they_go_up_and_down_and_up_again() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let store = SeaOrmStore::connect(database.url()).await.expect("connect");
        let db = database.connection().await;
        for _ in 0..2 {
            store.migrate().await.expect("migrate");
            store.migrate().await.expect("nothing is pending");
            assert_eq!(store.count().await.expect("count"), 0, "{kind:?}");
            store.migrator().down(&db, None).await.expect("down");
            assert!(store.count().await.is_err(), "{kind:?}: the table is gone");
        }
        let manager = SchemaManager::new(&db);
        for table in [
            "auth_user", "auth_user_state", "auth_session", "auth_throttle", "auth_recovery_code", "auth_token",
            "auth_events",
        ] {
            assert!(!manager.has_table(table).await.expect("has_table"), "{kind:?}: {table}");
        }
        assert!(manager.has_table("auth_migrations").await.expect("has_table"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_migrate_at_once() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..6 {
            // A pool each, as processes have.
            let store = SeaOrmStore::connect(database.url()).await.expect("connect");
            tasks.spawn(async move {
                store.migrate().await.expect("migrate");
                store.count().await.expect("count")
            });
        }
        assert_eq!(tasks.join_all().await, [0; 6], "{kind:?}");
        let applied = Migrations::new(&TablePrefix::default());
        let applied = applied.get_applied_migrations(&database.connection().await).await.expect("applied");
        assert_eq!(applied.len(), Migrations::new(&TablePrefix::default()).all().len(), "{kind:?}");
    }
}

/// Of MySQL alone: elsewhere the lock ends with the transaction.
#[tokio::test]
async fn whoever_gives_up_on_them_leaves_no_lock_to_wait_for() {
    const LOCK: &str = "CONCAT('auth_migrations.', MD5(DATABASE()))";
    let Some(database) = Database::fresh(Kind::MySql).await else { return };
    let db = database.connection().await;
    db.execute_unprepared(&format!("DO GET_LOCK({LOCK}, 10)")).await.expect("locks");
    let hopeless = SeaOrmStore::connect(database.url()).await.expect("connect");
    let somebody_waits = async || {
        let sql = "SELECT CAST(COUNT(*) AS SIGNED) AS waiting FROM information_schema.processlist \
                   WHERE db = DATABASE() AND state = 'User lock'";
        let row = db.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await.expect("the connections");
        row.expect("a row").try_get::<i64>("", "waiting").expect("a number") > 0
    };
    let until_it_waits = async { while !somebody_waits().await {} };
    tokio::select! { _ = hopeless.migrate() => panic!("it did not wait"), () = until_it_waits => {} }
    db.execute_unprepared(&format!("DO RELEASE_LOCK({LOCK})")).await.expect("lets go");

    let store = SeaOrmStore::connect(database.url()).await.expect("connect");
    store.migrate().await.expect("nobody holds the lock for ever");
    assert_eq!(store.count().await.expect("count"), 0);
}

#[tokio::test]
async fn a_migration_that_stopped_half_way_can_be_repeated() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let store = database.store().await;
        let db = database.connection().await;
        // As MySQL leaves it when the process is killed between two statements: done, and not recorded.
        db.execute_unprepared("DELETE FROM auth_migrations").await.expect("delete");
        db.execute_unprepared(match kind {
            Kind::MySql => "DROP INDEX auth_session_revoked ON auth_session",
            _ => "DROP INDEX auth_session_revoked",
        })
        .await
        .expect("drop index");
        store.migrate().await.expect("migrate");
        let manager = SchemaManager::new(&db);
        // And a later one has replaced what an earlier one makes again.
        for (index, is_there) in [("revoked", true), ("alive", true), ("user", false)] {
            let has = manager.has_index("auth_session", format!("auth_session_{index}")).await.expect("has_index");
            assert_eq!(has, is_there, "{kind:?}: {index}");
        }
    }
}

#[tokio::test]
async fn prefixes_keep_two_stores_apart_in_one_database() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let first = database.store().await;
        let second = first.clone().with_prefix(prefix("tenant_2_"));
        second.migrate().await.expect("migrate");
        auth_testkit::store::Property::named("count_follows_create_and_delete").check(second).await;
        assert_eq!(first.count().await.expect("count"), 0, "{kind:?}");
        let manager_db = database.connection().await;
        let manager = SchemaManager::new(&manager_db);
        for table in
            ["tenant_2_user", "tenant_2_user_state", "tenant_2_session", "tenant_2_throttle", "tenant_2_migrations"]
        {
            assert!(manager.has_table(table).await.expect("has_table"), "{kind:?}: {table}");
        }
    }
}

#[test]
fn a_prefix_is_plain_text_of_a_fair_length() {
    for good in ["auth_", "a", "_x9", &"a".repeat(32)] {
        assert_eq!(prefix(good).as_str(), good);
    }
    for bad in ["", "9a", "Auth_", "a-b", "a b", "a\"b", "a`b", "a;", "\u{e9}", &"a".repeat(33)] {
        assert!(bad.parse::<TablePrefix>().is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn an_app_runs_them_among_its_own() {
    for kind in Kind::SHARED {
        let Some(database) = Database::fresh(kind).await else { continue };
        let db = database.connection().await;
        <AppMigrator as MigratorTrait>::up(&db, None).await.expect("up");
        let store = SeaOrmStore::new(db.clone());
        assert_eq!(store.count().await.expect("count"), 0, "{kind:?}");
        let manager = SchemaManager::new(&db);
        assert!(manager.has_table("note").await.expect("has_table"));
        assert!(manager.has_table("seaql_migrations").await.expect("has_table"));
        assert!(!manager.has_table("auth_migrations").await.expect("has_table"));
        <AppMigrator as MigratorTrait>::down(&db, None).await.expect("down");
        assert!(!manager.has_table("auth_user").await.expect("has_table"));
    }
}

struct AppMigrator;

impl MigratorTrait for AppMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = Migrations::new(&TablePrefix::default()).all();
        all.push(Box::new(CreateNote));
        all
    }
}

struct CreateNote;

impl MigrationName for CreateNote {
    fn name(&self) -> &str {
        "m20260201_000001_note"
    }
}

#[async_trait]
#[allow(elided_lifetimes_in_paths, reason = "the trait elides them")]
impl MigrationTrait for CreateNote {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let id = ColumnDef::new(Alias::new("id")).integer().not_null().primary_key().to_owned();
        manager.create_table(Table::create().table(Alias::new("note")).col(id).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("note")).to_owned()).await
    }
}

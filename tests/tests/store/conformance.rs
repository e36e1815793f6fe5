//! One suite, every backend.

use auth_core::store::memory::MemoryStore;
use auth_testkit::store::Property;
use auth_tests::databases::{Database, Kind};
use sea_orm::ConnectionTrait as _;

mod memory {
    use super::*;

    async fn check(property: Property) {
        property.check(MemoryStore::new()).await;
    }
    auth_testkit::store_conformance!(check);
}

mod sqlite_file {
    use super::*;

    async fn check(property: Property) {
        check_on(Kind::Sqlite, property).await;
    }
    auth_testkit::store_conformance!(check);
}

mod sqlite_memory {
    use super::*;

    async fn check(property: Property) {
        check_on(Kind::SqliteMemory, property).await;
    }
    auth_testkit::store_conformance!(check);
}

mod postgres {
    use super::*;

    async fn check(property: Property) {
        check_on(Kind::Postgres, property).await;
    }
    auth_testkit::store_conformance!(check);
}

mod mysql {
    use super::*;

    async fn check(property: Property) {
        check_on(Kind::MySql, property).await;
    }
    auth_testkit::store_conformance!(check);
}

async fn check_on(kind: Kind, property: Property) {
    let Some(database) = Database::fresh(kind).await else { return };
    property.check(database.store().await).await;
}

/// Servers may be set to stricter isolation than they come with. More is taken back then, and sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_stricter_default_isolation_changes_nothing() {
    for isolation in ["repeatable read", "serializable"] {
        for name in [
            "r3_of_64_concurrent_rotations_one_wins",
            "r9_open_beside_end_sessions_leaves_no_live_session_of_the_old_epoch",
            "r9_open_beside_a_suspension_leaves_no_live_session",
            "r9_a_rotation_beside_revoke_ends_revoked",
            "f4_concurrent_work_on_many_users_fails_nowhere",
            "m1_of_64_concurrent_submissions_one_is_accepted",
            "m4_of_concurrent_enablings_one_wins",
            "m7_concurrent_sets_of_recovery_codes_never_mix",
            "r9_open_beside_a_change_of_the_factor_leaves_no_other_live_session",
            "of_many_concurrent_tokens_no_more_are_stored_than_one_may_have",
            "r9_a_token_beside_a_change_of_credentials_is_dead",
            "of_two_admins_who_end_each_other_one_stays",
        ] {
            let Some(database) = Database::fresh(Kind::Postgres).await else { return };
            let set = format!(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation TO ''{isolation}''', \
                 current_database()); END $$"
            );
            database.connection().await.execute_unprepared(&set).await.expect("alter database");
            Property::named(name).check(database.store().await).await;
        }
    }
}

//! One suite, every backend.

use auth_core::store::memory::MemoryStore;
use auth_testkit::store::Property;
use auth_tests::databases::{Database, Kind};

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

//! A database server that is stopped and started.

use std::time::{Duration, Instant};

use auth_core::{Clock as _, SystemClock};
use auth_testkit::contract::seed;
use auth_tests::databases::{Database, Kind};
use auth_tests::private_server::{Entry, PrivateServer, Stop};

use crate::fleet::Fleet;

/// Longer than any request may wait.
const OUTAGE: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread")]
async fn f2_postgres_is_stopped_killed_and_comes_back() {
    on(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_mysql_is_stopped_killed_and_comes_back() {
    on(Kind::MySql).await;
}

async fn on(kind: Kind) {
    let Some(mut server) = PrivateServer::start(kind, Entry::Open).await else { return };
    let database = Database::on(&server.url()).await.expect("a database");
    let store = database.store().await;
    let accounts = seed(&store, SystemClock.now()).await;
    let fleet = Fleet::start(&store, &accounts).await;
    for how in [Stop::Immediate, Stop::Killed] {
        server.stop(how);
        let down = Instant::now();
        tokio::time::sleep(OUTAGE).await;
        // From here on it may serve somebody before we see that it does.
        let starts = Instant::now();
        let up = server.restart().await;
        fleet.succeeds_after(up).await;
        fleet.expect_outage(down..starts, up, &format!("{} {how:?}", kind.name()));
    }
    fleet.expect_no_loss().await;
}

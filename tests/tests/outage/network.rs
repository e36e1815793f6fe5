//! A network between us and the database that drops, holds, cuts and delays.

use std::time::{Duration, Instant};

use auth_core::{Clock as _, SystemClock};
use auth_sea_orm::SeaOrmStore;
use auth_testkit::contract::seed;
use auth_tests::databases::{Database, Kind};
use auth_tests::proxy::{Link, Proxy};

use crate::fleet::Fleet;

/// Longer than any request may wait.
const OUTAGE: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread")]
async fn f2_postgres_behind_a_bad_network() {
    on(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_mysql_behind_a_bad_network() {
    on(Kind::MySql).await;
}

async fn on(kind: Kind) {
    let Some(database) = Database::fresh(kind).await else { return };
    let accounts = seed(&database.store().await, SystemClock.now()).await;
    let proxy = Proxy::before(database.server().expect("a server")).await;
    let store = SeaOrmStore::connect(&database.url_through(proxy.addr)).await.expect("connects");
    let fleet = Fleet::start(&store, &accounts).await;
    // Twice the black hole: what it took of the pool the first time must be there again.
    for link in [Link::Swallows, Link::Cuts, Link::Swallows, Link::Stalls] {
        proxy.set(link);
        let down = Instant::now();
        tokio::time::sleep(OUTAGE).await;
        proxy.set(Link::Passes);
        let up = Instant::now();
        fleet.succeeds_after(up).await;
        fleet.expect_outage(down..up, up, &format!("{} {link:?}", kind.name()));
    }
    // Slow is not away.
    proxy.set(Link::Delays(Duration::from_millis(20)));
    fleet.succeeds_after(Instant::now()).await;
    fleet.expect_no_loss().await;
}

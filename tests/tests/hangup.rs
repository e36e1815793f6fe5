//! Clients that hang up as soon as they have sent their request: what it asked for is done all the same. Browsers do so
//! when a page signs out and goes elsewhere.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Auth, Clock as _};
use auth_testkit::ManualClock;
use auth_testkit::contract::{Subject, Variant, seed};
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_whose_client_hangs_up_ends_the_session() {
    for framework in Framework::ALL {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        let (store, clock) = (database.store().await, ManualClock::stopped());
        let accounts = seed(&store, clock.now()).await;
        let auth = Auth::builder(store.clone()).config(Variant::Default.config()).clock(clock.clone()).build();
        let server = framework.serve(&auth.expect("a configuration"), "").await;
        let subject = Subject::new(server.addr, "", clock, Arc::new(store), accounts);

        for round in 0..10 {
            let tokens = subject.login(subject.user()).await;
            let body = json!({ "refresh_token": tokens.refresh }).to_string();
            let head = "POST /auth/logout HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
            let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            let mut socket = TcpStream::connect(server.addr).expect("connects");
            socket.write_all(request.as_bytes()).expect("sends");
            drop(socket);

            // Nobody is told when it is done. A refresh would rotate, so the store is asked.
            let user = auth_core::UserId::new(&subject.user().id.to_string()).expect("an id");
            let mut alive = usize::MAX;
            for _ in 0..100 {
                alive = subject.store.list(&user, subject.clock.now()).await.expect("lists").len();
                if alive == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(alive, 0, "{framework:?}, round {round}: the session outlives its logout");
        }
    }
}

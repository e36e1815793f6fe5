//! Clients that hang up before they are answered: what has begun is done all the same. Browsers hang up when a page signs
//! out and goes elsewhere.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use auth_core::store::{SessionMode, SessionStore as _};
use auth_core::{Auth, ClientInfo, Clock as _, Grant, SystemClock, UserId};
use auth_testkit::contract::{self, Variant, seed};
use auth_testkit::{Fault, FaultyStore, Gate, Moment, Operation};
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;
use axum::Router;
use axum::body::Body;
use http::Request;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tower::ServiceExt as _;

/// hyper drops the future of a handler when its client is gone. That is what this does, at the first moment it can.
#[tokio::test(flavor = "multi_thread")]
async fn axum_a_logout_that_is_dropped_once_it_has_begun_ends_the_session() {
    let world = World::new().await;
    let routes: Router = auth_axum::routes(&world.auth);
    for round in 0..10 {
        let request = Request::post("/auth/logout").header("content-type", "application/json");
        let request = request.body(Body::from(world.logout().await)).expect("a request");
        let mut answer = Box::pin(routes.clone().oneshot(request));
        // Once: then it has begun, and waits for the store.
        poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_pending())).await;
        drop(answer);
        world.expect_over(&format!("round {round}")).await;
    }
}

/// A socket that is closed says that no more will come, and actix-web goes on with what came. A real client hangs up.
#[tokio::test(flavor = "multi_thread")]
async fn actix_a_logout_whose_client_hangs_up_ends_the_session() {
    let world = World::new().await;
    let server = Framework::ActixWeb.serve(&world.auth, "").await;
    for round in 0..10 {
        drop(world.sent_logout(server.addr).await);
        world.expect_over(&format!("round {round}")).await;
    }
}

/// A client may reset the connection instead, and then actix-http drops the handler, as hyper does.
#[tokio::test(flavor = "multi_thread")]
async fn actix_a_logout_whose_connection_is_reset_ends_the_session() {
    let world = World::new().await;
    let server = Framework::ActixWeb.serve(&world.auth, "").await;
    for round in 0..10 {
        let gate = Gate::new();
        world.store.fail(Operation::Revoke, Fault::waiting(Moment::BeforeWork, gate.clone()).times(1));
        let socket = world.sent_logout(server.addr).await;
        gate.reached().await;
        // It does not linger: what closes it is a reset.
        socket.set_zero_linger().expect("an open socket");
        drop(socket);
        // One thread serves all connections, in the order of what happens to them: whoever is answered now, is answered
        // after it has heard of the reset.
        contract::Request::get("/auth").send(server.addr).await.expect_status(200);
        gate.open();
        world.expect_over(&format!("round {round}")).await;
    }
}

/// A user over SQLite, whose statements take their time.
struct World {
    auth: Auth,
    store: FaultyStore,
    user: UserId,
    _database: Database,
}

impl World {
    async fn new() -> Self {
        let database = Database::fresh(Kind::Sqlite).await.expect("always there");
        let store = FaultyStore::new(database.store().await);
        let user = seed(&store, SystemClock.now()).await.user.id;
        let auth = Auth::builder(store.clone()).config(Variant::Default.config()).build().expect("a configuration");
        Self { auth, store, user, _database: database }
    }

    /// The body of a logout from a new session.
    async fn logout(&self) -> String {
        let tokens = self.auth.open_session(&self.user, SessionMode::Json, &ClientInfo::default()).await;
        let Grant::Pair { refresh, .. } = tokens.expect("a session").grant else { panic!("a pair") };
        json!({ "refresh_token": refresh.expose_secret() }).to_string()
    }

    /// A connection that a whole logout was sent over.
    async fn sent_logout(&self, addr: SocketAddr) -> TcpStream {
        let body = self.logout().await;
        let head = "POST /auth/logout HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut socket = TcpStream::connect(addr).await.expect("connects");
        socket.write_all(request.as_bytes()).await.expect("sends");
        socket
    }

    /// Nobody is told when it is done, so the store is asked.
    async fn expect_over(&self, what: &str) {
        for _ in 0..250 {
            if self.store.list(&self.user, SystemClock.now()).await.expect("lists").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: the session outlives its logout");
    }
}

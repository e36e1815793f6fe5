//! The routes of the example itself, over a real socket.

use std::sync::Arc;

use auth_testkit::contract::{Request, Response, Subject, seed};
use auth_tests::databases::Kind;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::{PASSWORD, World};

const NEW_PASSWORD: &str = "another horse, another staple";

/// The example, served.
struct App {
    world: World,
    subject: Subject,
    serving: tokio::task::AbortHandle,
}

impl App {
    async fn on(kind: Kind) -> Option<Self> {
        let world = World::on(kind).await?;
        let accounts = seed(&world.both, auth_core::Timestamp::default()).await;
        let router = byo_users::routes::router(&world.auth, &world.both.customers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await }).abort_handle();
        let subject = Subject::new(addr, "", world.clock.clone(), Arc::new(world.both.clone()), accounts);
        Some(Self { world, subject, serving })
    }

    async fn login(&self, password: &str) -> Response {
        let credentials = json!({"email": "ada@example.com", "password": password});
        self.subject.send(self.subject.login_request(&credentials)).await
    }

    async fn with_token(&self, method: &str, path: &str, access: &str, body: &Value) -> Response {
        self.subject.send(Request::new(method, path).bearer(access).json(body)).await
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_password_is_changed_with_the_current_one_and_every_session_ends() {
    for kind in Kind::SHARED {
        let Some(app) = App::on(kind).await else { continue };
        let here = app.login(PASSWORD).await.tokens();
        let there = app.login(PASSWORD).await.tokens();
        let me = app.subject.send(Request::get("/me").bearer(&here.access)).await;
        me.expect_status(200);
        let id: i64 = app.world.customer.as_str().parse().expect("a number");
        let expected = json!({"id": id, "email": "ada@example.com", "display_name": "ada", "newsletter": false});
        assert_eq!(me.json(), expected, "{kind:?}");
        app.subject.send(Request::get("/me")).await.expect_status(401);

        let change = async |current: &str, new: &str| {
            let body = json!({"current_password": current, "password": new});
            app.with_token("POST", "/me/password", &here.access, &body).await.status
        };
        assert_eq!(change("not her password", NEW_PASSWORD).await, 403, "{kind:?}");
        assert_eq!(change(&"x".repeat(1025), NEW_PASSWORD).await, 403, "{kind:?}");
        assert_eq!(change(PASSWORD, "short").await, 400, "{kind:?}");
        app.subject.assert_alive(&there.refresh).await;

        assert_eq!(change(PASSWORD, NEW_PASSWORD).await, 204, "{kind:?}");
        for session in [&here, &there] {
            app.subject.assert_dead(&session.refresh).await;
        }
        app.login(PASSWORD).await.expect_status(401);
        let fresh = app.login(NEW_PASSWORD).await.tokens();
        app.subject.assert_alive(&fresh.refresh).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_who_leaves_is_gone_at_once_and_the_address_stays_taken() {
    for kind in Kind::SHARED {
        let Some(app) = App::on(kind).await else { continue };
        let tokens = app.login(PASSWORD).await.tokens();
        let leave = async |password: &str| {
            let body = json!({"current_password": password});
            app.with_token("DELETE", "/me", &tokens.access, &body).await.status
        };
        assert_eq!(leave("not her password").await, 403, "{kind:?}");
        app.subject.assert_alive(&tokens.refresh).await;
        assert_eq!(leave(PASSWORD).await, 204, "{kind:?}");

        // The access token lives on for its 15 minutes; the customer does not.
        app.subject.send(Request::get("/me").bearer(&tokens.access)).await.expect_status(401);
        assert_eq!(leave(PASSWORD).await, 403, "{kind:?}");
        app.subject.assert_dead(&tokens.refresh).await;
        app.login(PASSWORD).await.expect_status(401);
        let again = auth_core::NewUser::new(super::email(), auth_core::Password::new(PASSWORD));
        let error = app.world.auth.create_user(again).await.expect_err("the row is there");
        assert_eq!(error.kind(), auth_core::ErrorKind::EmailTaken, "{kind:?}");

        // Who is taken back comes back to no session: the app ended them when the customer left.
        let back = "UPDATE customer SET deleted_at = NULL WHERE email_key = 'ada@example.com'";
        app.world.both.db().execute_unprepared(back).await.expect("update");
        app.subject.assert_dead(&tokens.refresh).await;
        let fresh = app.login(PASSWORD).await.tokens();
        app.subject.assert_alive(&fresh.refresh).await;
    }
}

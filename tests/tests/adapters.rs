//! What the adapters promise beyond the contract: whom they wrap, and that they leave the rest alone.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::dev::Service as _;
use actix_web::{App, HttpResponse, test, web};
use auth_core::store::SessionMode;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthEvent, ClientInfo, Clock as _, EventSink, Grant, UserId};
use auth_testkit::contract::{self, Subject, Variant, seed};
use auth_testkit::{ManualClock, TestAuth, TestUser};
use auth_tests::log::Log;
use auth_tests::servers::Framework;
use axum::Router;
use axum::body::Body;
use axum::extract::OriginalUri;
use axum::routing::get;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use tower::{Layer as _, Service, ServiceExt as _};
use tracing::Instrument as _;

/// A service of no framework, with a body of no framework, which panics when it is called before it was ready.
#[derive(Default)]
struct Plain {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Plain {
    fn clone(&self) -> Self {
        // As tower says: a clone is not ready because the original was.
        Self { ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<u32>> for Plain {
    type Response = Response<text_body::Text>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<u32>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called before it was ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(Response::new(text_body::Text(Some("plain".into())))))
    }
}

mod text_body {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http_body::Frame;

    pub(crate) struct Text(pub(crate) Option<Bytes>);

    impl http_body::Body for Text {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }
    }
}

async fn session_cookie(test: &TestAuth, id: &str) -> String {
    test.token(TestUser::new(id)).await;
    let user = UserId::new(id).expect("short");
    let tokens =
        test.auth().open_session(&user, SessionMode::Session, &ClientInfo::default()).await.expect("a session");
    let Grant::Session(token) = tokens.grant else { panic!("a session token") };
    format!("__Host-session_token={}", token.expose_secret())
}

#[tokio::test]
async fn the_layer_takes_any_tower_service() {
    let test = TestAuth::new();
    let bearer = format!("Bearer {}", test.token(TestUser::new("ada")).await);
    let cookie = session_cookie(&test, "bob").await;
    let inner = Plain::default();
    let calls = Arc::clone(&inner.calls);
    let mut service = auth_axum::RequireAuth::new(test.auth()).layer(inner);
    for (name, value, expected) in [
        ("authorization", bearer.as_str(), 200),
        ("cookie", cookie.as_str(), 200),
        ("authorization", "Bearer x", 401),
        ("cookie", "__Host-session_token=x", 401),
        ("x-nothing", "", 401),
    ] {
        let request = Request::get("/").header(name, value).body(7).expect("a request");
        let response = service.ready().await.expect("infallible").call(request).await.expect("infallible");
        assert_eq!(response.status().as_u16(), expected, "{name}");
        assert!(!response.body().is_end_stream());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2, "refused requests never reach the service");
}

#[tokio::test]
async fn axum_a_whole_app_a_nested_router_and_one_route_can_be_guarded() {
    let test = TestAuth::new();
    let guard = || auth_axum::RequireAuth::new(test.auth());
    let status = async |app: &Router, path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        app.clone().oneshot(request).await.expect("infallible").status()
    };
    let hello = || Router::new().route("/hello", get(async || "hello"));

    let one_route = hello().route_layer(guard()).route("/open", get(async || "open"));
    assert_eq!(status(&one_route, "/hello").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&one_route, "/open").await, StatusCode::OK);
    assert_eq!(status(&one_route, "/nowhere").await, StatusCode::NOT_FOUND, "an unknown path stays unknown");

    let nested = Router::new().nest("/inner", hello().layer(guard())).route("/open", get(async || "open"));
    assert_eq!(status(&nested, "/inner/hello").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&nested, "/open").await, StatusCode::OK);

    let whole = hello().layer(guard());
    assert_eq!(status(&whole, "/hello").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&whole, "/nowhere").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn actix_a_whole_app_a_scope_and_one_resource_can_be_guarded() {
    let test_auth = TestAuth::new();
    let guard = || auth_actix_web::RequireAuth::new(test_auth.auth());
    let hello = || web::resource("/hello").get(async || "hello");
    macro_rules! status {
        ($app:expr, $path:literal) => {
            $app.call(test::TestRequest::get().uri($path).to_request()).await.expect("an answer").status().as_u16()
        };
    }

    let resource =
        test::init_service(App::new().service(hello().wrap(guard())).route("/open", web::get().to(HttpResponse::Ok)))
            .await;
    assert_eq!((status!(resource, "/hello"), status!(resource, "/open")), (401, 200));
    assert_eq!(status!(resource, "/nowhere"), 404);

    let scope = web::scope("/inner").wrap(guard()).service(hello());
    let scope = test::init_service(App::new().service(scope).route("/open", web::get().to(HttpResponse::Ok))).await;
    assert_eq!((status!(scope, "/inner/hello"), status!(scope, "/open")), (401, 200));

    let whole = test::init_service(App::new().wrap(guard()).service(hello())).await;
    assert_eq!((status!(whole, "/hello"), status!(whole, "/nowhere")), (401, 401));
}

#[tokio::test]
async fn actix_middleware_outside_sees_refusals_as_answers() {
    let test_auth = TestAuth::new();
    let cors = actix_web::middleware::DefaultHeaders::new().add(("access-control-allow-origin", "*"));
    let app = App::new()
        .service(web::resource("/hello").wrap(auth_actix_web::RequireAuth::new(test_auth.auth())).get(async || "hello"))
        .wrap(cors);
    let app = test::init_service(app).await;
    let response = app.call(test::TestRequest::get().uri("/hello").to_request()).await.expect("no error");
    assert_eq!(response.status().as_u16(), 401);
    assert!(response.headers().contains_key("access-control-allow-origin"));
}

/// A guard that identifies around one that demands: the inner one finds the token that the outer one took out of the URI.
#[tokio::test]
async fn b4_guards_inside_guards_find_the_token_of_the_query() {
    let test_auth = TestAuth::new();
    let token = test_auth.token(TestUser::new("ada").role("editor")).await;
    let uri = format!("/hello?access_token={token}&x=1");
    let auth = test_auth.auth();

    let app = Router::new()
        .route("/hello", get(async |uri: http::Uri| uri.to_string()))
        .route_layer(auth_axum::RequireAuth::new(auth.guard().role("editor")))
        .layer(auth_axum::RequireAuth::new(auth.guard().optional()))
        .layer(auth_axum::StripQueryToken);
    let response = app.oneshot(Request::get(&uri).body(Body::empty()).expect("a request")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);
    let body = axum::body::to_bytes(response.into_body(), 1000).await.expect("a body");
    assert_eq!(&body[..], b"/hello?x=1");

    let hello = web::resource("/hello").wrap(auth_actix_web::RequireAuth::new(auth.guard().role("editor")));
    let app = App::new()
        .service(hello.get(async |request: actix_web::HttpRequest| request.uri().to_string()))
        .wrap(auth_actix_web::RequireAuth::new(auth.guard().optional()))
        .wrap(auth_actix_web::StripQueryToken);
    let app = test::init_service(app).await;
    let body = test::call_and_read_body(&app, test::TestRequest::get().uri(&uri).to_request()).await;
    assert_eq!(&body[..], b"/hello?x=1");
}

/// Without `StripQueryToken` the guard itself takes the token out, also of what axum calls the original URI.
#[tokio::test]
async fn b4_a_guard_alone_takes_the_token_out_of_the_uri() {
    let test_auth = TestAuth::new();
    let token = test_auth.token(TestUser::new("ada")).await;
    let uri = format!("/outer/hello?a=1&access_token={token}&b=%20");
    let auth = test_auth.auth();

    let show = async |uri: http::Uri, OriginalUri(original): OriginalUri| format!("{uri} {original}");
    let inner = Router::new().route("/hello", get(show)).route_layer(auth_axum::RequireAuth::new(auth));
    let app: Router = Router::new().nest("/outer", inner);
    let response = app.oneshot(Request::get(&uri).body(Body::empty()).expect("a request")).await.expect("infallible");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    let body = axum::body::to_bytes(response.into_body(), 1000).await.expect("a body");
    assert_eq!(String::from_utf8_lossy(&body), "/hello?a=1&b=%20 /outer/hello?a=1&b=%20");

    let show =
        async |request: actix_web::HttpRequest| format!("{} {}", request.uri(), request.match_info().get_ref().uri());
    let hello = web::resource("/hello").wrap(auth_actix_web::RequireAuth::new(auth)).get(show);
    let app = test::init_service(App::new().service(web::scope("/outer").service(hello))).await;
    let body = test::call_and_read_body(&app, test::TestRequest::get().uri(&uri).to_request()).await;
    assert_eq!(String::from_utf8_lossy(&body), "/outer/hello?a=1&b=%20 /outer/hello?a=1&b=%20");
}

#[tokio::test]
async fn a_handler_without_a_guard_is_a_bug_that_tells_nothing() {
    let show = async |user: auth_axum::CurrentUser| user.user().to_string();
    let app: Router = Router::new().route("/", get(show));
    let response = app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let show = async |user: auth_actix_web::CurrentUser| user.user().to_string();
    let app = test::init_service(App::new().route("/", web::get().to(show))).await;
    let response = app.call(test::TestRequest::get().uri("/").to_request()).await.expect("an answer");
    assert_eq!(response.status().as_u16(), 500);
}

/// In actix-web, `Option<T>` is `None` whenever `T` is refused, and no extractor can say otherwise.
#[tokio::test]
async fn an_optional_user_without_a_guard_is_that_bug_on_axum_and_nobody_on_actix_web() {
    let show = async |user: Option<auth_axum::CurrentUser>| user.is_some().to_string();
    let app: Router = Router::new().route("/", get(show));
    let response = app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let show = async |user: Option<auth_actix_web::CurrentUser>| user.is_some().to_string();
    let app = test::init_service(App::new().route("/", web::get().to(show))).await;
    let response = app.call(test::TestRequest::get().uri("/").to_request()).await.expect("an answer");
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(&test::read_body(response).await[..], b"false");
}

/// Has a bug, which shows once.
#[derive(Debug, Default)]
struct Panicking(AtomicBool);

impl EventSink for Panicking {
    fn record(&self, _: &AuthEvent<'_>) {
        assert!(self.0.swap(true, Ordering::SeqCst), "a bug of the app");
    }
}

#[tokio::test]
async fn a_panic_costs_one_answer_that_tells_nothing() {
    for framework in Framework::ALL {
        let (store, clock) = (MemoryStore::new(), ManualClock::stopped());
        let accounts = seed(&store, clock.now()).await;
        let builder = Auth::builder(store).config(Variant::Default.config()).clock(clock);
        let auth = builder.events(Panicking::default()).build().expect("a configuration");
        let server = framework.serve(&auth, "").await;
        let login = contract::Request::post("/auth/login").json(&Subject::credentials(&accounts.user, "cookie"));
        let response = login.send(server.addr).await;
        response.expect_error(500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred.");
        response.expect_cookies_left_alone();
        login.send(server.addr).await.expect_status(200);
    }
}

/// What is done for a request is done in a task of its own, and is told inside the span of that request all the same.
#[actix_web::test]
async fn the_span_of_a_request_is_around_what_is_done_for_it() {
    let (log, _guard) = Log::of_this_thread();
    let test_auth = TestAuth::new();
    let (json, body) = (("content-type", "application/json"), r#"{"email":"nobody@example.com","password":"wrong"}"#);

    let app: Router = auth_axum::routes(test_auth.auth());
    let request = Request::post("/auth/login").header(json.0, json.1).body(Body::from(body)).expect("a request");
    let response = app.oneshot(request).instrument(tracing::info_span!("on_axum")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);

    let app = test::init_service(App::new().configure(auth_actix_web::routes(test_auth.auth()))).await;
    let request = test::TestRequest::post().uri("/auth/login").insert_header(json).set_payload(body).to_request();
    let response = app.call(request).instrument(tracing::info_span!("on_actix_web")).await.expect("an answer");
    assert_eq!(response.status().as_u16(), 401);

    let text = log.text();
    for span in ["on_axum", "on_actix_web"] {
        let told = |line: &str| line.contains(&format!("{span}:auth.login")) && line.contains("login_failed");
        assert!(text.lines().any(told), "{span}\n{text}");
    }
}

#[tokio::test]
async fn endpoints_can_be_left_out() {
    use auth_core::AuthConfig;
    use auth_core::http::Endpoint;

    let config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    let auth = Auth::builder(MemoryStore::new()).config(config).without(&[Endpoint::Me, Endpoint::Providers]).build();
    let app: Router = auth_axum::routes(&auth.expect("a configuration"));
    for (path, expected) in [("/auth/login", 405), ("/users/me", 404), ("/auth", 404)] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let status = app.clone().oneshot(request).await.expect("infallible").status();
        assert_eq!(status.as_u16(), expected, "{path}");
    }
}

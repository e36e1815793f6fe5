//! A page of several files, as both frameworks serve it: at the root, and below a prefix.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use actix_web::{App, test, web};
use auth_console::Console;
use auth_testkit::TestAuth;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::Request;
use tower::ServiceExt as _;

/// Status, headers in order of their names, and body.
type Answer = (u16, Vec<(String, String)>, Vec<u8>);

/// What frameworks add by themselves.
fn is_ours(name: &str) -> bool {
    !matches!(name, "content-length" | "date")
}

async fn by_axum(test: &TestAuth, method: &str, path: &str, tag: &str) -> Answer {
    let page = || auth_axum::route::<()>(test.auth(), Console::new("/console"));
    let app: Router = Router::new().merge(page()).nest("/some/prefix", page());
    let request = Request::builder().method(method).uri(path).header("if-none-match", tag);
    let response = app.oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
    let mut headers: Vec<_> = headers.filter(|(name, _)| is_ours(name)).collect();
    headers.sort();
    (status, headers, to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec())
}

#[expect(clippy::future_not_send, reason = "everything in actix-web lives on one thread")]
async fn by_actix(test: &TestAuth, method: &str, path: &str, tag: &str) -> Answer {
    let page = || auth_actix_web::route(test.auth(), Console::new("/console"));
    let app = App::new().configure(page()).service(web::scope("/some/prefix").configure(page()));
    let app = test::init_service(app).await;
    let request = test::TestRequest::with_uri(path).method(method.parse().expect("a method"));
    let response = test::call_service(&app, request.insert_header(("if-none-match", tag)).to_request()).await;
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
    let mut headers: Vec<_> = headers.filter(|(name, _)| is_ours(name)).collect();
    headers.sort();
    (status, headers, test::read_body(response).await.to_vec())
}

#[actix_web::test]
async fn both_frameworks_serve_the_page_alike_at_any_prefix() {
    let test = TestAuth::new();
    for (method, path, status) in [
        ("GET", "/console", 200),
        ("GET", "/console/app.js", 200),
        ("GET", "/console/style.css", 200),
        ("GET", "/console/mark.svg", 200),
        ("GET", "/console/strings.js", 200),
        ("GET", "/admin/reset-password", 200),
        ("GET", "/some/prefix/console", 200),
        ("GET", "/some/prefix/console/app.js", 200),
        ("GET", "/some/prefix/admin/accept-invite", 200),
        ("POST", "/console", 405),
        ("DELETE", "/some/prefix/console/app.js", 405),
        ("GET", "/console/index.html", 404),
        ("GET", "/console/../console", 404),
    ] {
        let (axum, actix) =
            (by_axum(&test, method, path, "\"other\"").await, by_actix(&test, method, path, "\"other\"").await);
        assert_eq!(axum.0, status, "{method} {path}");
        assert_eq!(actix.0, status, "{method} {path}");
        if status == 404 {
            continue;
        }
        assert_eq!(axum, actix, "{method} {path}");
        let header = |name: &str| axum.1.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        if status == 405 {
            assert_eq!(header("allow"), Some("GET, HEAD"));
            continue;
        }
        assert!(header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'; ")));
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("cache-control"), Some("no-cache"));
        let tag = header("etag").expect("a tag").to_owned();
        let again = by_axum(&test, method, path, &tag).await;
        assert_eq!((again.0, again.2.len()), (304, 0), "{path}");
        assert_eq!(again, by_actix(&test, method, path, &tag).await, "{path}");
    }
}

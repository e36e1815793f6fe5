//! The contract's routes on axum.

use std::net::SocketAddr;

use auth_axum::{CurrentUser, RequireAuth, StripQueryToken};
use auth_core::Auth;
use auth_core::http::Guard;
use auth_graphql::GraphQl;
use axum::extract::{OriginalUri, Request};
use axum::http::Uri;
use axum::routing::any;
use axum::{Json, Router};
use serde_json::Value;
use tower_http::trace::TraceLayer;

use super::{FIVE_MINUTES, Server, answer, graphql};

pub(super) async fn serve(auth: &Auth, prefix: &str, port: u16) -> Server {
    listen(app(auth, prefix), port).await
}

pub(super) async fn serve_guarded(guard: Guard) -> Server {
    listen(Router::new().route("/", any(show)).route_layer(RequireAuth::new(guard)), 0).await
}

async fn listen(app: Router, port: u16) -> Server {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(async move { axum::serve(listener, service).await });
    Server { addr, _stop: Box::new(Abort(task.abort_handle())) }
}

struct Abort(tokio::task::AbortHandle);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn app(auth: &Auth, prefix: &str) -> Router {
    let guarded = |path: &str, guard: Guard| Router::new().route(path, any(show)).route_layer(RequireAuth::new(guard));
    let routes = auth_axum::routes(auth).merge(auth_axum::route(auth, GraphQl::system()));
    let app = Router::new()
        .route("/open", any(async || "open"))
        .merge(guarded("/guarded", auth.guard()))
        .merge(
            Router::new().route("/optional", any(show_optional)).route_layer(RequireAuth::new(auth.guard().optional())),
        )
        .merge(guarded("/admin", auth.guard().admin()))
        .merge(guarded("/editor", auth.guard().role("editor")))
        .merge(guarded("/header-only", auth.guard().headers_only()))
        .merge(guarded("/closure", auth.guard().check_that(|identity| !identity.is_admin())))
        .merge(guarded("/fresh", auth.guard().fresh(FIVE_MINUTES)))
        .merge(guarded("/mfa", auth.guard().mfa()))
        .merge(guarded("/scoped", auth.guard().scope("notes:read")))
        .merge(guarded("/login-only", auth.guard().any_scope().login_only()))
        .merge(guarded("/payments", auth.guard().fresh(FIVE_MINUTES).mfa().role("editor")))
        .merge(auth_axum::route(auth, graphql::app()))
        .route("/unguarded", any(show));
    let app = if prefix.is_empty() { app.merge(routes) } else { app.nest(prefix, routes) };
    // As the examples have it: a logger, and the strip outside of it.
    app.layer(TraceLayer::new_for_http()).layer(StripQueryToken)
}

async fn show(user: CurrentUser, uri: Uri, original: OriginalUri, request: Request) -> Json<Value> {
    assert_eq!(uri, original.0, "the token is gone from both");
    // With the token in a header this would be the app's own leak; from a query the guard has removed it.
    if !request.headers().contains_key("authorization") && !request.headers().contains_key("cookie") {
        tracing::trace!(?request, "a handler that logs what it gets");
    }
    Json(answer(Some(&user), &uri.to_string()))
}

async fn show_optional(user: Option<CurrentUser>, uri: Uri) -> Json<Value> {
    Json(answer(user.as_deref(), &uri.to_string()))
}

//! The contract's routes on actix-web.
#![expect(clippy::future_not_send, reason = "everything in actix-web lives on one thread")]

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::middleware::Logger;
use actix_web::web::{Json, ServiceConfig, resource, scope};
use actix_web::{App, HttpRequest, HttpServer};
use auth_actix_web::{CurrentUser, RequireAuth, StripQueryToken};
use auth_core::Auth;
use auth_core::http::Guard;
use auth_graphql::GraphQl;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{FIVE_MINUTES, Server, answer, graphql};

pub(super) async fn serve(auth: &Auth, prefix: &str, port: u16) -> Server {
    let (auth, prefix) = (auth.clone(), prefix.to_owned());
    let configure = move |config: &mut ServiceConfig| {
        routes(config, &auth);
        mount(config, &prefix, &auth);
    };
    listen(configure, port).await
}

pub(super) async fn serve_guarded(guard: Guard) -> Server {
    let configure = move |config: &mut ServiceConfig| {
        config.service(resource("/").wrap(RequireAuth::new(&guard)).to(show));
    };
    listen(configure, 0).await
}

async fn listen(configure: impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static, port: u16) -> Server {
    let (started, running) = oneshot::channel();
    // actix-web brings its own runtime, one a thread.
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                App::new().configure(configure.clone()).wrap(Logger::default()).wrap(StripQueryToken)
            })
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", port))
            .expect("a free port");
            let addr: SocketAddr = *server.addrs().first().expect("an address");
            let server = server.run();
            // The test may have given up meanwhile: then there is nobody to serve.
            let _ = started.send((addr, server.handle()));
            server.await
        })
    });
    let (addr, handle) = running.await.expect("the server starts");
    Server { addr, _stop: Box::new(Stop(handle)) }
}

struct Stop(ServerHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        // The message is sent when the future is made; nobody waits for the end of the threads.
        drop(self.0.stop(false));
    }
}

fn mount(config: &mut ServiceConfig, prefix: &str, auth: &Auth) {
    let routes = |config: &mut ServiceConfig| {
        config.configure(auth_actix_web::routes(auth)).configure(auth_actix_web::route(auth, GraphQl::system()));
    };
    if prefix.is_empty() {
        config.configure(routes);
    } else {
        config.service(scope(prefix).configure(routes));
    }
}

fn routes(config: &mut ServiceConfig, auth: &Auth) {
    let guarded = |path: &str, guard: Guard| resource(path).wrap(RequireAuth::new(guard)).to(show);
    config
        .service(resource("/open").to(async || "open"))
        .service(guarded("/guarded", auth.guard()))
        .service(resource("/optional").wrap(RequireAuth::new(auth.guard().optional())).to(show_optional))
        .service(guarded("/admin", auth.guard().admin()))
        .service(guarded("/editor", auth.guard().role("editor")))
        .service(guarded("/header-only", auth.guard().headers_only()))
        .service(guarded("/closure", auth.guard().check_that(|identity| !identity.is_admin())))
        .service(guarded("/fresh", auth.guard().fresh(FIVE_MINUTES)))
        .service(guarded("/mfa", auth.guard().mfa()))
        .service(guarded("/scoped", auth.guard().scope("notes:read")))
        .service(guarded("/login-only", auth.guard().any_scope().login_only()))
        .service(guarded("/payments", auth.guard().fresh(FIVE_MINUTES).mfa().role("editor")))
        .configure(auth_actix_web::route(auth, graphql::app()))
        .service(resource("/unguarded").to(show));
}

async fn show(user: CurrentUser, request: HttpRequest) -> Json<Value> {
    let uri = request.uri();
    let matched = request.match_info().get_ref().uri();
    assert_eq!(uri, matched, "the token is gone from both");
    // With the token in a header this would be the app's own leak; from a query the guard has removed it.
    if !request.headers().contains_key("authorization") && !request.headers().contains_key("cookie") {
        tracing::trace!(?request, "a handler that logs what it gets");
    }
    Json(answer(Some(&user), &uri.to_string()))
}

async fn show_optional(user: Option<CurrentUser>, request: HttpRequest) -> Json<Value> {
    Json(answer(user.as_deref(), &request.uri().to_string()))
}

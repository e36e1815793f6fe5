//! The prebuilt routes.

use actix_web::guard::fn_guard;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest};
use auth_core::Auth;
use auth_core::http::{QueryToken, Reply, Route};
use tracing::Instrument as _;

use crate::convert::{Lines, head, response};

/// Login, refresh, logout and every other endpoint that `auth` was built with. Give it to `configure` of an app, or of
/// a scope to have them under a path.
pub fn routes(auth: &Auth) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let auth = auth.clone();
    move |config| {
        for one in auth.routes() {
            config.configure(route(&auth, one.clone()));
        }
    }
}

/// One route, such as one that `auth-graphql` or `auth-console` makes. Give it to `configure` of an app, or of a scope.
pub fn route<R: Into<Route>>(auth: &Auth, route: R) -> impl FnOnce(&mut ServiceConfig) + use<R> {
    let (auth, route) = (auth.clone(), route.into());
    move |config| {
        let paths: Vec<_> = route.paths().map(str::to_owned).collect();
        let resource = web::resource(paths.clone());
        let handler = move |request: HttpRequest, body: Payload| {
            let (auth, route) = (auth.clone(), route.clone());
            let handled = async move {
                let stripped = request.extensions().get::<QueryToken>().cloned();
                let lines = Lines(request.headers());
                response(auth.handle(&route, &head(request.head(), stripped.as_ref(), &lines), body).await)
            };
            // A task of its own: actix-http drops a handler when its client resets the connection, and a logout that has
            // begun must end.
            let answer = actix_web::rt::spawn(handled.in_current_span());
            async move { answer.await.unwrap_or_else(|_| response(Reply::panicked())) }
        };
        let as_written = fn_guard(move |context| paths.iter().any(|path| is_written(path, context.head().uri.path())));
        config.service(resource.guard(as_written).to(handler));
    }
}

/// Whether `path` ends in this pattern as it is written. actix-web matches what it has decoded, and a rule of a proxy for
/// `/auth/login` is for that alone.
fn is_written(pattern: &str, path: &str) -> bool {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    pattern.rsplit('/').zip(path.rsplit('/')).all(|(segment, is)| segment.starts_with('{') || segment == is)
}

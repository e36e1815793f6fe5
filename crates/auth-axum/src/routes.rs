//! The prebuilt routes.

use auth_core::Auth;
use auth_core::http::{Reply, Route};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use tracing::Instrument as _;

use crate::convert::{Lines, head, response};

/// Login, refresh, logout and every other endpoint that `auth` was built with. Merge it, or nest it under a path.
pub fn routes<S: Clone + Send + Sync + 'static>(auth: &Auth) -> Router<S> {
    auth.routes().iter().fold(Router::new(), |router, one| router.merge(route(auth, one.clone())))
}

/// One route, such as one that `auth-graphql` or `auth-console` makes. Merge it, or nest it under a path.
pub fn route<S: Clone + Send + Sync + 'static>(auth: &Auth, route: impl Into<Route>) -> Router<S> {
    let (auth, route) = (auth.clone(), route.into());
    let paths: Vec<_> = route.paths().map(str::to_owned).collect();
    let handler = async move |request: Request| {
        let handled = async move {
            let (parts, body) = request.into_parts();
            let lines = Lines(&parts.headers);
            let head = head(&parts.method, &parts.uri, &parts.extensions, &lines);
            response::<Body>(auth.handle(&route, &head, body.into_data_stream()).await)
        };
        // A task of its own: hyper drops a handler when its client hangs up, and a logout that has begun must end.
        let answer = tokio::spawn(handled.in_current_span()).await;
        answer.unwrap_or_else(|_| response(Reply::panicked()))
    };
    paths.iter().fold(Router::new(), |router, path| router.route(path, any(handler.clone())))
}

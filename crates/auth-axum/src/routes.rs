//! The prebuilt routes.

use auth_core::Auth;
use axum::Router;
use axum::extract::Request;
use axum::routing::any;

use crate::convert::{Lines, head, response};

/// Login, refresh, logout and every other endpoint that `auth` was built with. Merge it, or nest it under a path.
pub fn routes<S: Clone + Send + Sync + 'static>(auth: &Auth) -> Router<S> {
    auth.routes().iter().fold(Router::new(), |router, route| {
        let (auth, path) = (auth.clone(), route.path());
        let route = route.clone();
        let handler = async move |request: Request| {
            let (parts, body) = request.into_parts();
            let lines = Lines(&parts.headers);
            let head = head(&parts.method, &parts.uri, &parts.extensions, &lines);
            response::<axum::body::Body>(auth.handle(&route, &head, body.into_data_stream()).await)
        };
        router.route(path, any(handler))
    })
}

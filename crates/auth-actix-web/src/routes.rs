//! The prebuilt routes.

use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest};
use auth_core::Auth;
use auth_core::http::{QueryToken, Route};

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
        let handler = move |request: HttpRequest, body: Payload| {
            let (auth, route) = (auth.clone(), route.clone());
            async move {
                let stripped = request.extensions().get::<QueryToken>().cloned();
                let lines = Lines(request.headers());
                response(auth.handle(&route, &head(request.head(), stripped.as_ref(), &lines), body).await)
            }
        };
        config.service(web::resource(paths).to(handler));
    }
}

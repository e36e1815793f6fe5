//! The prebuilt routes.

use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest};
use auth_core::Auth;
use auth_core::http::QueryToken;

use crate::convert::{Lines, head, response};

/// Login, refresh, logout and every other endpoint that `auth` was built with. Give it to `configure` of an app, or of
/// a scope to have them under a path.
pub fn routes(auth: &Auth) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let auth = auth.clone();
    move |config| {
        for route in auth.routes() {
            let (auth, path) = (auth.clone(), route.path());
            let route = route.clone();
            let handler = move |request: HttpRequest, body: Payload| {
                let (auth, route) = (auth.clone(), route.clone());
                async move {
                    let stripped = request.extensions().get::<QueryToken>().cloned();
                    let lines = Lines(request.headers());
                    response(auth.handle(&route, &head(request.head(), stripped.as_ref(), &lines), body).await)
                }
            };
            config.service(web::resource(path).to(handler));
        }
    }
}

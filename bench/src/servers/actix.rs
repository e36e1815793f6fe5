//! On actix-web.

use actix_web::dev::Service as _;
use actix_web::rt::System;
use actix_web::web::{ServiceConfig, resource};
use actix_web::{App, HttpServer};
use auth_actix_web::RequireAuth;
use auth_core::Auth;

use super::{ANSWER, say_where};
use crate::failure::Failure;

pub(super) fn bare(config: &mut ServiceConfig) {
    config.service(resource("/").get(async || ANSWER));
}

pub(super) fn wrapped(config: &mut ServiceConfig) {
    config.service(resource("/").wrap_fn(|request, next| next.call(request)).get(async || ANSWER));
}

pub(super) fn guarded(auth: Auth) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.service(resource("/").wrap(RequireAuth::new(&auth)).get(async || ANSWER));
    }
}

pub(super) fn routes(auth: Auth) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        config.configure(auth_actix_web::routes(&auth));
    }
}

pub(super) fn serve<F>(app: impl AsyncFnOnce() -> Result<F, Failure>) -> Result<(), Failure>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let failed = |source| Failure::io("the server", source);
    System::new().block_on(async {
        let app = app().await?;
        let server = HttpServer::new(move || App::new().configure(app.clone())).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).map_err(failed)?;
        for address in server.addrs() {
            say_where(address)?;
        }
        server.run().await.map_err(failed)
    })
}

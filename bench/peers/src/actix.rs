//! actix-web-httpauth with a validator that decodes the token: <https://docs.rs/actix-web-httpauth>, `middleware`.

use std::error::Error;

use actix_web::dev::{Server, ServiceRequest};
use actix_web::error::ErrorUnauthorized;
use actix_web::rt::System;
use actix_web::{App, HttpMessage as _, HttpServer, web};
use actix_web_httpauth::extractors::bearer::BearerAuth;
use actix_web_httpauth::middleware::HttpAuthentication;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

use crate::{ANSWER, Claims, say_where};

struct Keys {
    decoding: DecodingKey,
    validation: Validation,
}

async fn validator(
    request: ServiceRequest,
    credentials: BearerAuth,
) -> Result<ServiceRequest, (actix_web::Error, ServiceRequest)> {
    let Some(keys) = request.app_data::<web::Data<Keys>>() else {
        return Err((actix_web::error::ErrorInternalServerError("no keys"), request));
    };
    match decode::<Claims>(credentials.token(), &keys.decoding, &keys.validation) {
        Ok(token) => {
            request.extensions_mut().insert(token.claims);
            Ok(request)
        }
        Err(error) => Err((ErrorUnauthorized(error), request)),
    }
}

pub(crate) fn serve_guarded(secret: &str) -> Result<(), Box<dyn Error>> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["auth"]);
    let keys = web::Data::new(Keys { decoding: DecodingKey::from_secret(secret.as_bytes()), validation });
    run(move || {
        let server = HttpServer::new(move || {
            let auth = HttpAuthentication::bearer(validator);
            App::new().app_data(keys.clone()).service(web::resource("/").wrap(auth).get(async || ANSWER))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0))?;
        let address = server.addrs();
        Ok((server.run(), address))
    })
}

pub(crate) fn serve_bare() -> Result<(), Box<dyn Error>> {
    run(|| {
        let server = HttpServer::new(|| App::new().service(web::resource("/").get(async || ANSWER)));
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0))?;
        let address = server.addrs();
        Ok((server.run(), address))
    })
}

fn run(server: impl FnOnce() -> std::io::Result<(Server, Vec<std::net::SocketAddr>)>) -> Result<(), Box<dyn Error>> {
    System::new().block_on(async {
        let (server, addresses) = server()?;
        say_where(*addresses.first().ok_or("no address")?, "")?;
        Ok(server.await?)
    })
}

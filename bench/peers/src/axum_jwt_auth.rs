//! axum-jwt-auth with a local key: <https://docs.rs/axum-jwt-auth>, "Quick Start".

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use axum_jwt_auth::{Decoder, LocalDecoder};
use jsonwebtoken_10::{Algorithm, DecodingKey, Validation};

use crate::{ANSWER, Claims};

#[derive(Clone, FromRef)]
struct AppState {
    decoder: Decoder<Claims>,
}

pub(crate) fn router(secret: &str) -> Result<Router, Box<dyn Error>> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["auth"]);
    // It wants one. A token that says nothing of an audience passes.
    validation.set_audience(&["auth"]);
    let keys = vec![DecodingKey::from_secret(secret.as_bytes())];
    let decoder = LocalDecoder::builder().keys(keys).validation(validation).build()?;
    let state = AppState { decoder: Arc::new(decoder) };
    Ok(Router::new().route("/", get(hello)).with_state(state))
}

async fn hello(_user: axum_jwt_auth::Claims<Claims>) -> &'static str {
    ANSWER
}

//! On axum.

use std::convert::identity;

use auth_axum::RequireAuth;
use auth_core::Auth;
use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use tower::util::MapRequestLayer;

use super::{ANSWER, say_where};
use crate::failure::Failure;

pub(super) fn bare() -> Router {
    Router::new().route("/", get(async || ANSWER))
}

pub(super) fn layered() -> Router {
    bare().route_layer(MapRequestLayer::new(identity::<Request>))
}

pub(super) fn guarded(auth: &Auth) -> Router {
    bare().route_layer(RequireAuth::new(auth))
}

pub(super) fn serve(workers: usize, app: impl AsyncFnOnce() -> Result<Router, Failure>) -> Result<(), Failure> {
    let failed = |source| Failure::io("the server", source);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    runtime.map_err(failed)?.block_on(async {
        let app = app().await?;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        say_where(listener.local_addr().map_err(failed)?)?;
        axum::serve(listener, app).await.map_err(failed)
    })
}

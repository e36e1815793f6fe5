//! Keeping tokens in query strings out of logs.

use std::task::{Context, Poll};

use auth_core::http::strip_query_token;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::convert::strip;

/// Moves an access token from the query into a redacted extension, where guards further in find it. Make it the
/// outermost layer: what lies inside of it, tracing included, never sees the token.
#[derive(Debug, Clone, Copy, Default)]
pub struct StripQueryToken;

impl<S> Layer<S> for StripQueryToken {
    type Service = StripQueryTokenService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StripQueryTokenService { inner }
    }
}

/// A service that never sees a token in a query.
#[derive(Debug, Clone)]
pub struct StripQueryTokenService<S> {
    inner: S,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for StripQueryTokenService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(stripped) = request.uri().query().and_then(strip_query_token) {
            strip(&mut request, stripped);
        }
        self.inner.call(request)
    }
}

//! Keeping tokens in query strings out of logs.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::dev::{Service, ServiceRequest, Transform};
use auth_core::http::strip_query_token;

use crate::convert::strip;

/// Moves an access token from the query into a redacted extension, where guards further in find it. Make it the
/// outermost middleware, which is the last `wrap`: what lies inside of it, loggers included, never sees the token.
#[derive(Debug, Clone, Copy, Default)]
pub struct StripQueryToken;

impl<S: Service<ServiceRequest>> Transform<S, ServiceRequest> for StripQueryToken {
    type Response = S::Response;
    type Error = S::Error;
    type InitError = ();
    type Transform = StripQueryTokenService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(StripQueryTokenService { inner }))
    }
}

/// A service that never sees a token in a query.
#[derive(Debug)]
pub struct StripQueryTokenService<S> {
    inner: S,
}

impl<S: Service<ServiceRequest>> Service<ServiceRequest> for StripQueryTokenService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        if let Some(stripped) = request.uri().query().and_then(strip_query_token) {
            strip(&mut request, stripped);
        }
        self.inner.call(request)
    }
}

//! The guard as a tower layer. Nothing here is axum's: any `Service<http::Request<B>>` can be wrapped.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use auth_core::http::{Guard, Lookup, Passage, Reply, Verdict};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::convert::{Lines, head, replace_headers, response, strip};

/// Guards the services it wraps: `RequireAuth::new(&auth)`, or with demands: `RequireAuth::new(auth.guard().admin())`.
#[derive(Debug, Clone)]
pub struct RequireAuth {
    guard: Guard,
}

impl RequireAuth {
    /// A layer for this guard.
    pub fn new(guard: impl Into<Guard>) -> Self {
        Self { guard: guard.into() }
    }
}

impl<S> Layer<S> for RequireAuth {
    type Service = RequireAuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireAuthService { guard: self.guard.clone(), inner }
    }
}

/// A guarded service.
#[derive(Debug, Clone)]
pub struct RequireAuthService<S> {
    guard: Guard,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for RequireAuthService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body<Data: From<Bytes>>,
{
    type Response = Response<GuardedBody<R>>;
    type Error = S::Error;
    type Future = RequireAuthFuture<S, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let lines = Lines(request.headers());
        let verdict = self.guard.check(&head(request.method(), request.uri(), request.extensions(), &lines));
        let state = match verdict {
            Verdict::Allowed(passage) => {
                let headers = enter(&mut request, passage);
                State::Passing { future: self.inner.call(request), headers }
            }
            Verdict::Refused(reply) => State::Refusing { reply: Some(reply) },
            Verdict::Ask(lookup) => {
                // The service that was polled ready is the one to call: leave a clone in its place.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                State::Asking { check: Box::pin(Lookup::resolve(lookup)), inner, request: Some(request) }
            }
        };
        RequireAuthFuture { state }
    }
}

pin_project! {
    /// The answer of a guarded service.
    pub struct RequireAuthFuture<S: Service<Request<B>>, B> {
        #[pin]
        state: State<S, B>,
    }
}

type Checking = dyn Future<Output = Result<Passage, Reply>> + Send;

pin_project! {
    #[project = StateProjection]
    enum State<S: Service<Request<B>>, B> {
        Asking { check: Pin<Box<Checking>>, inner: S, request: Option<Request<B>> },
        Passing { #[pin] future: S::Future, headers: &'static [(&'static str, &'static str)] },
        Refusing { reply: Option<Reply> },
    }
}

impl<S, B, R> Future for RequireAuthFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data: From<Bytes>>,
{
    type Output = Result<Response<GuardedBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Asking { check, inner, request } => {
                    match (ready!(check.as_mut().poll(context)), request.take()) {
                        (Ok(passage), Some(mut request)) => {
                            let headers = enter(&mut request, passage);
                            State::Passing { future: inner.call(request), headers }
                        }
                        (Err(reply), _) => State::Refusing { reply: Some(reply) },
                        // The request is taken once.
                        (Ok(_), None) => return Poll::Pending,
                    }
                }
                StateProjection::Passing { future, headers } => {
                    let mut response = ready!(future.poll(context))?;
                    replace_headers(response.headers_mut(), headers);
                    return Poll::Ready(Ok(response.map(|inner| GuardedBody { body: Either::Inner { inner } })));
                }
                StateProjection::Refusing { reply } => {
                    return reply.take().map_or(Poll::Pending, |reply| Poll::Ready(Ok(response(reply))));
                }
            };
            state.set(next);
        }
    }
}

/// Lets the request in: leaves the identity for the extractors, and takes the token out of the URI.
fn enter<B>(request: &mut Request<B>, passage: Passage) -> &'static [(&'static str, &'static str)] {
    if let Some(stripped) = passage.stripped {
        strip(request, stripped);
    }
    request.extensions_mut().insert(passage.checked);
    passage.response_headers
}

pin_project! {
    /// The body of a guarded service, or that of a refusal.
    #[derive(Debug)]
    pub struct GuardedBody<R> {
        #[pin]
        body: Either<R>,
    }
}

pin_project! {
    #[project = EitherProjection]
    #[derive(Debug)]
    enum Either<R> {
        Inner { #[pin] inner: R },
        Ours { bytes: Option<Bytes> },
    }
}

impl<R> From<Vec<u8>> for GuardedBody<R> {
    fn from(bytes: Vec<u8>) -> Self {
        Self { body: Either::Ours { bytes: Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()) } }
    }
}

impl<R: Body<Data: From<Bytes>>> Body for GuardedBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project().body.project() {
            EitherProjection::Inner { inner } => inner.poll_frame(context),
            EitherProjection::Ours { bytes } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes.into())))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Inner { inner } => inner.is_end_stream(),
            Either::Ours { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Inner { inner } => inner.size_hint(),
            Either::Ours { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len().try_into().unwrap_or(u64::MAX)))
            }
        }
    }
}

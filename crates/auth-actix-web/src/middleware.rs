//! The guard as an actix-web middleware.

use std::future::{Ready, ready as ready_future};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage as _;
use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use auth_core::http::{Guard, Lookup, Passage, QueryToken, Reply, Verdict};
use pin_project_lite::pin_project;

use crate::convert::{Lines, head, replace_headers, response, strip};

/// Guards the services it wraps: `RequireAuth::new(&auth)`, or with demands: `RequireAuth::new(auth.guard().admin())`.
///
/// It takes a token out of the URI, and actix-web panics when a request is changed of which somebody holds a clone. So
/// either put [`StripQueryToken`](crate::StripQueryToken) outermost, which changes it before anybody can, or keep no
/// clone of the `HttpRequest` in middleware between the two.
#[derive(Debug, Clone)]
pub struct RequireAuth {
    guard: Guard,
}

impl RequireAuth {
    /// A middleware for this guard.
    pub fn new(guard: impl Into<Guard>) -> Self {
        Self { guard: guard.into() }
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequireAuth
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = S::Error;
    type InitError = ();
    type Transform = RequireAuthService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready_future(Ok(RequireAuthService { guard: self.guard.clone(), inner: Rc::new(inner) }))
    }
}

/// A guarded service.
#[derive(Debug)]
pub struct RequireAuthService<S> {
    guard: Guard,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for RequireAuthService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = S::Error;
    type Future = RequireAuthFuture<S>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let verdict = {
            let extensions = request.extensions();
            let lines = Lines(request.headers());
            self.guard.check(&head(request.head(), extensions.get::<QueryToken>(), &lines))
        };
        let state = match verdict {
            Verdict::Allowed(passage) => {
                let headers = enter(&mut request, passage);
                State::Passing { future: self.inner.call(request), headers }
            }
            Verdict::Refused(reply) => State::Refusing { refused: Some((request, reply)) },
            Verdict::Ask(lookup) => {
                let inner = Rc::clone(&self.inner);
                State::Asking { check: Box::pin(Lookup::resolve(lookup)), inner, request: Some(request) }
            }
        };
        RequireAuthFuture { state }
    }
}

pin_project! {
    /// The answer of a guarded service. A refusal is an `Ok` response: an `Err` would pass by the middleware outside,
    /// CORS among them.
    pub struct RequireAuthFuture<S: Service<ServiceRequest>> {
        #[pin]
        state: State<S>,
    }
}

type Checking = dyn Future<Output = Result<Passage, Reply>>;

pin_project! {
    #[project = StateProjection]
    enum State<S: Service<ServiceRequest>> {
        Asking { check: Pin<Box<Checking>>, inner: Rc<S>, request: Option<ServiceRequest> },
        Passing { #[pin] future: S::Future, headers: &'static [(&'static str, &'static str)] },
        Refusing { refused: Option<(ServiceRequest, Reply)> },
    }
}

impl<S, B> Future for RequireAuthFuture<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, S::Error>;

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
                        (Err(reply), Some(request)) => State::Refusing { refused: Some((request, reply)) },
                        // The request is taken once.
                        (_, None) => return Poll::Pending,
                    }
                }
                StateProjection::Passing { future, headers } => {
                    let mut response = ready!(future.poll(context))?;
                    replace_headers(response.headers_mut(), headers);
                    return Poll::Ready(Ok(response.map_into_left_body()));
                }
                StateProjection::Refusing { refused } => {
                    return refused.take().map_or(Poll::Pending, |(request, reply)| {
                        Poll::Ready(Ok(request.into_response(response(reply)).map_into_right_body()))
                    });
                }
            };
            state.set(next);
        }
    }
}

/// Lets the request in: leaves the identity for the extractors, and takes the token out of the URI.
fn enter(request: &mut ServiceRequest, passage: Passage) -> &'static [(&'static str, &'static str)] {
    if let Some(stripped) = passage.stripped {
        strip(request, stripped);
    }
    request.extensions_mut().insert(passage.checked);
    passage.response_headers
}

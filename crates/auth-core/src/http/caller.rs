//! Whoever sent a request, for languages other than REST: the same operations by the same rules, without their form.
//!
//! ```text
//!   REST       Fields of the body ──► exchange, account, own, tfa ──► Reply
//!   GraphQL    Fields of arguments ─► the same                    ──► Given | Refusal, cookies in the one Reply
//! ```

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::OnceCell;

use super::account;
use super::body::Fields;
use super::endpoint::Endpoint;
use super::exchange::{Exchanged, Given, Refused};
use super::guard::Guard;
use super::handle::NO_STORE;
use super::head::{KeptHead, RequestHead};
use super::own::{self, Own};
use super::problem::{Problem, Reason};
use super::render::{self, Refusal};
use super::reply::Reply;
use super::requirement::Requirement;
use super::tfa::{self, Tfa};
use crate::auth::Auth;
use crate::client::ClientInfo;
use crate::error::ErrorKind;
use crate::service::NewFactor;
use crate::store::UserRecord;
use crate::token::Identity;

/// Links lead into some of these answers, and they are for one reader.
const NO_REFERRER: (&str, &str) = ("referrer-policy", "no-referrer");

/// Whoever sent a request, and what its answer will set. Cheap to clone; all clones are one request.
///
/// The token is looked at when an operation first asks for it: a bad one does not keep anybody from signing in.
#[derive(Clone)]
pub struct Caller {
    inner: Arc<Inner>,
}

struct Inner {
    auth: Auth,
    head: KeptHead,
    identity: OnceCell<Result<Option<Identity>, Refusal>>,
    has_signed_in: AtomicBool,
    set_cookies: Mutex<Vec<String>>,
}

impl Auth {
    /// The sender of this request, for what outlives its head.
    #[must_use]
    pub fn caller(&self, head: &RequestHead<'_>) -> Caller {
        Caller {
            inner: Arc::new(Inner {
                auth: self.clone(),
                head: KeptHead::of(head),
                identity: OnceCell::new(),
                has_signed_in: AtomicBool::new(false),
                set_cookies: Mutex::default(),
            }),
        }
    }
}

/// Who it is.
impl Caller {
    /// The authentication that this request came to.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    /// Whose request it is, if it brings a token.
    ///
    /// # Errors
    /// The token is bad, or not good for this; or a page of another origin used the session cookie.
    pub async fn optional(&self) -> Result<Option<Identity>, Refusal> {
        let guard = Guard::new(self.auth()).optional();
        let checked = guard.admit(self.identity().await?).map_err(|problem| refusal(&problem))?;
        Ok(checked.identity().cloned())
    }

    async fn identity(&self) -> Result<Option<Identity>, Refusal> {
        let identify =
            async || Guard::new(self.auth()).identify(&self.head()).await.map_err(|problem| refusal(&problem));
        self.inner.identity.get_or_init(identify).await.clone()
    }

    /// Whose request it is, and that they fulfil this.
    ///
    /// # Errors
    /// There is no good token, or it is not enough.
    pub async fn require(&self, requirement: &Requirement) -> Result<Identity, Refusal> {
        self.pass(&Guard::new(self.auth()).require(requirement)).await
    }

    /// What a resolver answers when nobody told it who is asking. The log says what to do: it is a bug of the app.
    #[must_use]
    pub fn missing() -> Refusal {
        tracing::error!(
            target: "auth::http",
            "a resolver wants the caller, and there is none in its context: put `Auth::caller` into the data of each request"
        );
        refusal(&ErrorKind::Internal.into())
    }

    async fn pass(&self, guard: &Guard) -> Result<Identity, Refusal> {
        let checked = guard.admit(self.identity().await?).map_err(|problem| refusal(&problem))?;
        checked.identity().cloned().ok_or_else(|| refusal(&ErrorKind::MissingToken.into()))
    }

    async fn own(&self, endpoint: Endpoint, own: Own) -> Result<Identity, Refusal> {
        self.offer(endpoint)?;
        self.pass(&own.guard(self.auth())).await
    }

    /// Refuses what the app does not offer: see [`AuthBuilder::only`](crate::AuthBuilder::only).
    fn offer(&self, endpoint: Endpoint) -> Result<(), Refusal> {
        let is_offered = self.auth().routes().iter().any(|route| route.endpoints().contains(&endpoint));
        if is_offered { Ok(()) } else { Err(refusal(&ErrorKind::Forbidden.into())) }
    }

    fn head(&self) -> RequestHead<'_> {
        self.inner.head.head()
    }

    fn client(&self) -> ClientInfo {
        self.auth().inner.wire.clients.of(&self.head())
    }
}

/// The operations. Each takes the members that the body of its route has, and what is wrong with them is said in the same
/// words; cookies are kept for the one answer.
impl Caller {
    /// `POST /auth/login`: `email`, `password`, `otp`, `mode`. Once a request, or one of them would be as good as many
    /// (requirement G1).
    ///
    /// # Errors
    /// As the route, but that an address which is none is that of nobody.
    pub async fn login(&self, fields: &Fields) -> Result<Given, Refusal> {
        self.offer(Endpoint::Login)?;
        if self.inner.has_signed_in.swap(true, Ordering::Relaxed) {
            return Err(refusal(&Problem::payload(Reason::SeveralLogins)));
        }
        let mut result = self.auth().handle_login(&self.head(), fields).await;
        if let Err(Refused {
            problem: problem @ Problem::Payload(Reason::NotAnEmail | Reason::Empty("email")), ..
        }) = &mut result
        {
            *problem = ErrorKind::InvalidCredentials.into();
        }
        self.settle(result)
    }

    /// `POST /auth/refresh`: `refresh_token`, `mode`.
    ///
    /// # Errors
    /// As the route.
    pub async fn refresh(&self, fields: &Fields) -> Result<Given, Refusal> {
        self.offer(Endpoint::Refresh)?;
        self.settle(self.auth().handle_refresh(&self.head(), fields).await)
    }

    /// `POST /auth/logout`: `refresh_token`, `mode`.
    ///
    /// # Errors
    /// As the route.
    pub async fn logout(&self, fields: &Fields) -> Result<(), Refusal> {
        self.offer(Endpoint::Logout)?;
        let set_cookies = self.auth().handle_logout(&self.head(), fields).await;
        self.set_cookies(set_cookies.map_err(|problem| refusal(&problem))?);
        Ok(())
    }

    /// `POST /auth/password/request`: `email`, `reset_url`.
    ///
    /// # Errors
    /// As the route.
    pub async fn request_password_reset(&self, fields: &Fields) -> Result<(), Refusal> {
        self.offer(Endpoint::RequestReset)?;
        account::request_reset(self.auth(), fields).await.map_err(|problem| refusal(&problem))
    }

    /// `POST /auth/password/reset`: `token`, `password`.
    ///
    /// # Errors
    /// As the route.
    pub async fn reset_password(&self, fields: &Fields) -> Result<(), Refusal> {
        self.offer(Endpoint::ResetPassword)?;
        account::reset(self.auth(), &self.head(), fields).await.map_err(|problem| refusal(&problem))
    }

    /// `GET /users/me`.
    ///
    /// # Errors
    /// As the route.
    pub async fn user(&self) -> Result<UserRecord, Refusal> {
        let identity = self.own(Endpoint::Me, Own::User).await?;
        own::user(self.auth(), &identity).await.map_err(|problem| refusal(&problem))
    }

    /// `POST /users/me/tfa/generate`: `password`.
    ///
    /// # Errors
    /// As the route.
    pub async fn generate_second_factor(&self, fields: &Fields) -> Result<NewFactor, Refusal> {
        let identity = self.own(Endpoint::TfaGenerate, Own::Tfa(Tfa::Generate)).await?;
        tfa::generate(self.auth(), &identity, fields, &self.client()).await.map_err(|problem| refusal(&problem))
    }

    /// `POST /users/me/tfa/enable`: `secret`, `otp`.
    ///
    /// # Errors
    /// As the route.
    pub async fn enable_second_factor(&self, fields: &Fields) -> Result<(), Refusal> {
        let identity = self.own(Endpoint::TfaEnable, Own::Tfa(Tfa::Enable)).await?;
        let enabled = tfa::enable(self.auth(), &identity, fields, &self.client()).await;
        enabled.map(drop).map_err(|problem| refusal(&problem))
    }

    /// `POST /users/me/tfa/disable`: `otp`.
    ///
    /// # Errors
    /// As the route.
    pub async fn disable_second_factor(&self, fields: &Fields) -> Result<(), Refusal> {
        let identity = self.own(Endpoint::TfaDisable, Own::Tfa(Tfa::Disable)).await?;
        tfa::disable(self.auth(), &identity, fields, &self.client()).await.map_err(|problem| refusal(&problem))
    }

    fn settle(&self, result: Result<Exchanged, Refused>) -> Result<Given, Refusal> {
        match result {
            Ok(exchanged) => {
                self.set_cookies(exchanged.set_cookies);
                Ok(exchanged.given)
            }
            Err(refused) => {
                self.set_cookies(refused.set_cookies);
                Err(refusal(&refused.problem))
            }
        }
    }

    /// Of two with one name the later one counts: nobody may send both (RFC 6265 4.1.1).
    fn set_cookies(&self, lines: Vec<String>) {
        let mut all = self.inner.set_cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines {
            all.retain(|other| name(other) != name(&line));
            all.push(line);
        }
    }
}

/// The answer.
impl Caller {
    /// What was asked for, operation by operation, with the cookies of all of them.
    pub fn answer(&self, body: &impl Serialize) -> Reply {
        let set_cookies = self.inner.set_cookies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Reply::json(200, body).with_all(&[NO_STORE, NO_REFERRER]).with_cookies(set_cookies)
    }

    /// The request is none in the language of GraphQL, or too much of one, and nothing was done: these are the reasons.
    pub fn invalid_graphql(&self, reasons: &impl Serialize) -> Reply {
        render::invalid_graphql(reasons).with_all(&[NO_STORE, NO_REFERRER])
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("head", &self.head()).finish_non_exhaustive()
    }
}

fn refusal(problem: &Problem) -> Refusal {
    Refusal::of(problem)
}

/// The name of the cookie that a `Set-Cookie` line is about.
fn name(line: &str) -> Option<&str> {
    line.split('=').next()
}

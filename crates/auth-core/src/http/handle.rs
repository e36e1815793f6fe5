//! The routes: from a request to a reply. Total: there is no request without an answer.

use futures_core::Stream;
use serde::Serialize;

use super::account;
use super::body::{self, Fields, Json};
use super::client::Clients;
use super::cookie::Cookie;
use super::endpoint::{Endpoint, Method, Route, Target};
use super::exchange::{Cookies, Exchanged, Given, Mode, Refused};
use super::head::RequestHead;
use super::origin::OriginPolicy;
use super::own;
use super::problem::{Problem, Reason};
use super::render::{Place, refusal};
use super::reply::{Data, Reply};
use super::task::{Public, Task};
use crate::auth::Auth;
use crate::config::AuthConfig;
use crate::email::Email;
use crate::error::ErrorKind;
use crate::secret::{OneTimePassword, Password, RefreshToken};
use crate::service::LoginRequest;

/// Token answers must not be kept by anybody (requirement B6).
pub(super) const NO_STORE: (&str, &str) = ("cache-control", "no-store");

/// Keys change rarely, and the next one is published before it signs.
const KEYS_MAY_BE_KEPT: (&str, &str) = ("cache-control", "public, max-age=300, stale-while-revalidate=86400");

/// What the wire needs of the configuration, prepared.
#[derive(Debug)]
pub(crate) struct Wire {
    routes: Vec<Route>,
    pub(super) cookies: Cookies,
    pub(super) origins: OriginPolicy,
    pub(super) clients: Clients,
    /// What describes the routes, once somebody asked.
    #[cfg(feature = "openapi")]
    pub(super) description: std::sync::OnceLock<Vec<u8>>,
}

impl Wire {
    pub(crate) fn new(config: &AuthConfig, endpoints: &[Endpoint]) -> Self {
        Self {
            routes: Route::table(endpoints),
            cookies: Cookies {
                refresh: Cookie::new(&config.refresh_cookie),
                session: Cookie::new(&config.session_cookie),
                device: Cookie::new(&config.device_cookie),
            },
            origins: OriginPolicy::new(config),
            clients: Clients::new(&config.trusted_proxies),
            #[cfg(feature = "openapi")]
            description: std::sync::OnceLock::new(),
        }
    }
}

impl Auth {
    /// The routes to mount, each for every method.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.inner.wire.routes
    }

    /// Answers a request to one of [`routes`](Self::routes). The body is read here, within
    /// [`Route::BODY_LIMIT`] and [`AuthConfig::body_timeout`].
    pub async fn handle<C, E>(
        &self,
        route: &Route,
        head: &RequestHead<'_>,
        body: impl Stream<Item = Result<C, E>>,
    ) -> Reply
    where
        C: AsRef<[u8]>,
    {
        let endpoint = match route.target(head) {
            Some(Target::Endpoint(endpoint)) => endpoint,
            Some(Target::Dialect(dialect)) => {
                return match body::read_both(body, head, self.inner.config.body_timeout, dialect.body_limit()).await {
                    Ok((text, _)) => dialect.answer(self.caller(head), &text).await,
                    Err(problem) => open(&problem),
                };
            }
            Some(Target::File(file)) => return file.map_or_else(|| Reply::new(404), |file| file.answer(head)),
            None => return open(&Problem::Method(route.allow())),
        };
        let fields = async move {
            match endpoint.method() {
                Method::Get | Method::Delete => Ok(Fields::none()),
                Method::Post | Method::Patch => body::read(body, head, self.inner.config.body_timeout).await,
            }
        };
        match Task::of(endpoint) {
            Task::Own(own) => own::handle(self, own, head, fields).await,
            Task::Public(task) => match fields.await {
                Ok(fields) => self.answer(task, head, &fields).await,
                Err(problem) => open(&problem),
            },
        }
    }

    async fn answer(&self, task: Public, head: &RequestHead<'_>, fields: &Fields) -> Reply {
        match task {
            Public::Login => exchange_reply(self.handle_login(head, fields).await),
            Public::Refresh => exchange_reply(self.handle_refresh(head, fields).await),
            Public::Logout => match self.handle_logout(head, fields).await {
                Ok(set_cookies) => Reply::new(204).with_all(&[NO_STORE]).with_cookies(set_cookies),
                Err(problem) => open(&problem),
            },
            Public::Providers => Reply::json(200, &Providers { data: [], disable_default: false }),
            Public::Jwks => Reply::written(200, self.inner.keys.jwks()).with_all(&[KEYS_MAY_BE_KEPT]),
            Public::Account(account) => {
                account::handle(self, account, head, fields).await.unwrap_or_else(|problem| open(&problem))
            }
            Public::Health => match self.health().await {
                Ok(()) => Reply::json(200, &Data { data: Health { status: "ok" } }).with_all(&[NO_STORE]),
                Err(error) => open(&error.into()).with_all(&[NO_STORE]),
            },
            #[cfg(feature = "openapi")]
            Public::OpenApi => self.handle_openapi(),
        }
    }

    pub(super) async fn handle_login(&self, head: &RequestHead<'_>, fields: &Fields) -> Result<Exchanged, Refused> {
        let (request, mode) = login_fields(fields).map_err(Problem::payload)?;
        self.exchange_login(head, request, mode.unwrap_or(Mode::Json)).await
    }

    pub(super) async fn handle_refresh(&self, head: &RequestHead<'_>, fields: &Fields) -> Result<Exchanged, Refused> {
        let (token, mode) = token_fields(fields).map_err(Problem::payload)?;
        self.exchange_refresh(head, token, mode).await
    }

    /// Gives the cookies to clear.
    pub(super) async fn handle_logout(&self, head: &RequestHead<'_>, fields: &Fields) -> Result<Vec<String>, Problem> {
        let (token, mode) = token_fields(fields).map_err(Problem::payload)?;
        self.exchange_logout(head, token, mode).await
    }
}

fn login_fields(fields: &Fields) -> Result<(LoginRequest, Option<Mode>), Reason> {
    let email = Email::parse(fields.required("email")?).map_err(|_| Reason::NotAnEmail)?;
    let password = Password::new(fields.required("password")?);
    let mode = mode_field(fields)?;
    let request = LoginRequest::new(email, password);
    Ok(match fields.optional("otp")? {
        Some(otp) => (request.otp(OneTimePassword::new(otp)), mode),
        None => (request, mode),
    })
}

fn token_fields(fields: &Fields) -> Result<(Option<RefreshToken>, Option<Mode>), Reason> {
    let token = fields.optional("refresh_token")?.map(RefreshToken::new);
    Ok((token, mode_field(fields)?))
}

fn mode_field(fields: &Fields) -> Result<Option<Mode>, Reason> {
    match fields.value("mode") {
        None => Ok(None),
        Some(Json::Text(name)) => Mode::from_name(name).map(Some).ok_or(Reason::UnknownMode),
        Some(_) => Err(Reason::UnknownMode),
    }
}

fn exchange_reply(result: Result<Exchanged, Refused>) -> Reply {
    match result {
        Ok(exchanged) => {
            let reply = Reply::json(200, &Data { data: TokenData::of(&exchanged.given) });
            reply.with_all(&[NO_STORE]).with_cookies(exchanged.set_cookies)
        }
        Err(refused) => open(&refused.problem).with_cookies(refused.set_cookies),
    }
}

impl Reply {
    /// The answer when [`Auth::handle`] panicked, by a hook of the app or by a bug of ours.
    pub fn panicked() -> Self {
        tracing::error!(target: "auth::http", "a request panicked while it was handled: see the message of the panic");
        open(&ErrorKind::Internal.into())
    }
}

/// What a token answer has in its body: as much as the mode allows.
#[derive(Serialize)]
struct TokenData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    /// Milliseconds.
    expires: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

impl<'a> TokenData<'a> {
    fn of(given: &'a Given) -> Self {
        let (access_token, refresh_token) = (given.access_token(), given.refresh_token());
        Self { access_token, expires: given.expires(), refresh_token }
    }
}

/// `GET /auth`: there are no single sign-on providers.
#[derive(Serialize)]
struct Providers {
    data: [(); 0],
    #[serde(rename = "disableDefault")]
    disable_default: bool,
}

/// `GET /auth/health`, when all is well.
#[derive(Serialize)]
struct Health {
    status: &'static str,
}

pub(super) fn open(problem: &Problem) -> Reply {
    refusal(problem, Place::Open)
}

//! Tokens for credentials: mode, token source, origin check and cookies, for REST and everything else that speaks HTTP.

use super::cookie::Cookie;
use super::head::RequestHead;
use super::problem::{Problem, Reason};
use crate::auth::Auth;
use crate::config::CookieToJson;
use crate::secret::{DeviceToken, RefreshToken, SessionToken};
use crate::service::{Grant, LoginRequest, Tokens};
use crate::store::SessionMode;
use crate::throttle::DEVICE_TTL;

/// How the client wants its tokens: field `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Json,
    Cookie,
    Session,
}

/// An exchange that was made: what is given, and the cookies to set.
#[derive(Debug)]
pub(super) struct Exchanged {
    pub(super) given: Given,
    pub(super) set_cookies: Vec<String>,
}

/// The tokens of a login or a refresh, as far as the mode puts them into the answer; the rest is in its cookies.
#[derive(Debug)]
pub struct Given {
    tokens: Tokens,
    mode: Mode,
}

impl Given {
    /// The access token; not in session mode.
    #[must_use]
    pub fn access_token(&self) -> Option<&str> {
        match &self.tokens.grant {
            Grant::Pair { access, .. } => Some(access.expose_secret()),
            Grant::Session(_) => None,
        }
    }

    /// How long the access token or the session is good, in milliseconds.
    #[must_use]
    pub fn expires(&self) -> u64 {
        u64::try_from(self.tokens.expires_in.as_millis()).unwrap_or(u64::MAX)
    }

    /// The refresh token; in JSON mode alone.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&str> {
        match &self.tokens.grant {
            Grant::Pair { refresh, .. } if self.mode == Mode::Json => Some(refresh.expose_secret()),
            _ => None,
        }
    }
}

/// An exchange that was refused, and the cookies to clear.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) problem: Problem,
    pub(super) set_cookies: Vec<String>,
}

impl<P: Into<Problem>> From<P> for Refused {
    fn from(problem: P) -> Self {
        Self { problem: problem.into(), set_cookies: Vec::new() }
    }
}

impl Mode {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "cookie" => Some(Self::Cookie),
            "session" => Some(Self::Session),
            _ => None,
        }
    }

    const fn of_session(self) -> SessionMode {
        match self {
            Self::Json => SessionMode::Json,
            Self::Cookie => SessionMode::Cookie,
            Self::Session => SessionMode::Session,
        }
    }
}

/// A refresh token, and where it was.
enum Source {
    Body(RefreshToken),
    RefreshCookie(RefreshToken),
    SessionCookie(SessionToken),
}

impl Auth {
    /// A login: a new session, its tokens in the form that `mode` asks for.
    pub(super) async fn exchange_login(
        &self,
        head: &RequestHead<'_>,
        request: LoginRequest,
        mode: Mode,
    ) -> Result<Exchanged, Refused> {
        let cookies = self.cookies();
        // A login that sets a cookie ends the sessions of both cookies it came with (requirement R10).
        let (refresh, session) = match mode {
            Mode::Json => (None, None),
            Mode::Cookie | Mode::Session => {
                self.inner.wire.origins.check(head)?;
                (cookies.refresh.read(head)?.map(RefreshToken::new), cookies.session.read(head)?.map(SessionToken::new))
            }
        };
        let client = self.inner.wire.clients.of(head);
        // One that was planted beside it, or damaged, makes the device unknown, and nothing worse.
        let device = cookies.device.read(head).ok().flatten().map(DeviceToken::new);
        let request = request.mode(mode.of_session());
        let request = if let Some(device) = device { request.device(device) } else { request };
        let tokens = self.login(request, &client).await.map_err(Problem::from)?;
        if let Some(token) = &refresh {
            self.replace(token, &client).await.map_err(Problem::from)?;
        }
        if let Some(token) = &session {
            self.replace_session(token, &client).await.map_err(Problem::from)?;
        }
        // In JSON mode no cookie is set: that is what its clients ask for.
        let device = tokens.device.as_ref().filter(|_| mode != Mode::Json);
        let device = device.map(|token| cookies.device.set(token.expose_secret(), DEVICE_TTL)).transpose()?;
        let mut exchanged = cookies.give(tokens, mode)?;
        exchanged.set_cookies.extend(device);
        // The one that is not set anew goes.
        let left = match mode {
            Mode::Cookie => session.is_some().then_some(&cookies.session),
            Mode::Session => refresh.is_some().then_some(&cookies.refresh),
            Mode::Json => None,
        };
        exchanged.set_cookies.extend(left.map(Cookie::clear));
        Ok(exchanged)
    }

    /// A refresh: the token from the body or from the cookie that `mode` names.
    pub(super) async fn exchange_refresh(
        &self,
        head: &RequestHead<'_>,
        body: Option<RefreshToken>,
        mode: Option<Mode>,
    ) -> Result<Exchanged, Refused> {
        let (source, mode) = self.source(head, body, mode)?;
        let leaves_cookie = mode == Mode::Json && matches!(source, Source::RefreshCookie(_));
        if leaves_cookie && self.inner.config.cookie_to_json == CookieToJson::Refused {
            return Err(Problem::payload(Reason::CookieToJson).into());
        }
        let client = self.inner.wire.clients.of(head);
        let (result, cookie) = match &source {
            Source::Body(token) => (self.refresh(token, &client).await, None),
            Source::RefreshCookie(token) => (self.refresh(token, &client).await, Some(&self.cookies().refresh)),
            Source::SessionCookie(token) => (self.refresh_session(token, &client).await, Some(&self.cookies().session)),
        };
        match result {
            Ok(tokens) => {
                let mut exchanged = self.cookies().give(tokens, mode)?;
                if leaves_cookie {
                    exchanged.set_cookies.push(self.cookies().refresh.clear());
                }
                Ok(exchanged)
            }
            Err(error) => {
                let problem = Problem::from(error);
                let dead = cookie.filter(|_| problem.ends_cookie());
                Err(Refused { problem, set_cookies: dead.map(Cookie::clear).into_iter().collect() })
            }
        }
    }

    /// A logout: ends the session of the token, and clears the cookie that was sent.
    pub(super) async fn exchange_logout(
        &self,
        head: &RequestHead<'_>,
        body: Option<RefreshToken>,
        mode: Option<Mode>,
    ) -> Result<Vec<String>, Problem> {
        let (source, mode) = self.source(head, body, mode)?;
        let client = self.inner.wire.clients.of(head);
        let cookies = self.cookies();
        Ok(match source {
            Source::Body(token) => {
                // In `json` another page may have sent it, which changes no cookies.
                let sent = if mode == Mode::Cookie { cookies.refresh.read(head)? } else { None };
                self.logout(&token, &client).await?;
                let is_dead = sent.is_some_and(|value| value == token.expose_secret());
                is_dead.then(|| cookies.refresh.clear()).into_iter().collect()
            }
            Source::RefreshCookie(token) => {
                self.logout(&token, &client).await?;
                vec![cookies.refresh.clear()]
            }
            Source::SessionCookie(token) => {
                self.logout_session(&token, &client).await?;
                vec![cookies.session.clear()]
            }
        })
    }

    /// Which token is meant, and in which mode the answer goes: `mode`, else `json` with a token in the body, else
    /// `cookie`.
    fn source(
        &self,
        head: &RequestHead<'_>,
        body: Option<RefreshToken>,
        mode: Option<Mode>,
    ) -> Result<(Source, Mode), Problem> {
        let mode = mode.unwrap_or(if body.is_some() { Mode::Json } else { Mode::Cookie });
        let source = match (mode, body) {
            (Mode::Json, Some(token)) => Source::Body(token),
            (Mode::Cookie, Some(token)) => {
                // The answer sets a cookie, so the request must be allowed to (requirement C5).
                self.inner.wire.origins.check(head)?;
                Source::Body(token)
            }
            (Mode::Session, _) | (Mode::Json | Mode::Cookie, None) => {
                let cookie = self.cookies().read(head, mode)?.ok_or(Problem::payload(Reason::NoRefreshToken))?;
                self.inner.wire.origins.check(head)?;
                cookie
            }
        };
        Ok((source, mode))
    }

    fn cookies(&self) -> &Cookies {
        &self.inner.wire.cookies
    }
}

/// Our cookies.
#[derive(Debug)]
pub(super) struct Cookies {
    pub(super) refresh: Cookie,
    pub(super) session: Cookie,
    pub(super) device: Cookie,
}

impl Cookies {
    /// The token in the cookie of this mode; that of `json` is the refresh cookie.
    fn read(&self, head: &RequestHead<'_>, mode: Mode) -> Result<Option<Source>, Problem> {
        Ok(match mode {
            Mode::Json | Mode::Cookie => {
                self.refresh.read(head)?.map(|value| Source::RefreshCookie(RefreshToken::new(value)))
            }
            Mode::Session => self.session.read(head)?.map(|value| Source::SessionCookie(SessionToken::new(value))),
        })
    }

    /// Puts the long-lived token where `mode` wants it.
    fn give(&self, tokens: Tokens, mode: Mode) -> Result<Exchanged, Problem> {
        let set_cookies = match (&tokens.grant, mode) {
            (Grant::Pair { refresh, refresh_expires_in, .. }, Mode::Cookie) => {
                vec![self.refresh.set(refresh.expose_secret(), *refresh_expires_in)?]
            }
            (Grant::Session(token), _) => vec![self.session.set(token.expose_secret(), tokens.expires_in)?],
            (Grant::Pair { .. }, _) => Vec::new(),
        };
        Ok(Exchanged { given: Given { tokens, mode }, set_cookies })
    }
}

//! The server under test, and the few things every case does with it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::Clock as _;
use auth_core::UserId;
use auth_core::store::{LastAdmin, Store, UpdateTerms, Updated, UserChange};
use serde_json::{Map, Value, json};

use super::client::Request;
use super::forge;
use super::response::Response;
use super::secrets::Secrets;
use super::{Account, Accounts, Authenticator, ISSUER, PERIOD, REFRESH_COOKIE, SECRET, SESSION_COOKIE, transcript};
use crate::ManualClock;
use crate::mail::MemoryMailer;

/// Longer than it takes until a mail was sent, or never will be.
const MAIL_AFTER: Duration = Duration::from_millis(250);

/// A running server. Every case gets one of its own, with a store that nobody else uses.
#[derive(Debug)]
pub struct Subject {
    /// Where it listens, in plain HTTP.
    pub addr: SocketAddr,
    /// Where the auth routes are mounted: `""` or `"/api"`.
    pub prefix: String,
    /// The clock that the server reads.
    pub clock: ManualClock,
    /// The store behind the server.
    pub store: Arc<dyn Store>,
    /// The mailer of the server.
    pub mailer: MemoryMailer,
    /// What [`seed`](super::seed) created.
    pub accounts: Accounts,
    seen: Mutex<Seen>,
}

/// What a case saw.
#[derive(Debug, Default)]
struct Seen {
    transcript: String,
    exchanges: Vec<Exchange>,
    secrets: Secrets,
}

/// A request, and what came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// Path and query, as they went over the wire.
    pub target: String,
    /// The answer.
    pub response: Response,
}

/// What a login in JSON or cookie mode gave, wherever it came in.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

/// A second factor, as its user has it.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The user's phone.
    pub app: Authenticator,
    /// What the user wrote down.
    pub recovery_codes: Vec<String>,
}

impl Subject {
    /// A server at `addr` whose auth routes are at `prefix`.
    #[must_use]
    pub fn new(addr: SocketAddr, prefix: &str, clock: ManualClock, store: Arc<dyn Store>, accounts: Accounts) -> Self {
        let mailer = MemoryMailer::new();
        Self { addr, prefix: prefix.to_owned(), clock, store, mailer, accounts, seen: Mutex::default() }
    }

    /// With the mailer that the server was built with.
    #[must_use]
    pub fn with_mailer(self, mailer: MemoryMailer) -> Self {
        Self { mailer, ..self }
    }

    /// What the case saw, without what chance decides: equal for two servers that keep the contract.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.seen().transcript.clone()
    }

    /// The same, as it was.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.seen().exchanges.clone()
    }

    /// Every secret that was sent or answered, also in what is not part of the transcript, and those of the mails: for
    /// whoever looks where they must not be.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<String> {
        self.seen().secrets.with(&self.mailer.sent())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path of an auth route.
    #[must_use]
    pub fn path(&self, route: &str) -> String {
        format!("{}{route}", self.prefix)
    }

    /// The account that most cases use.
    #[must_use]
    pub fn user(&self) -> &Account {
        &self.accounts.user
    }

    /// Now, in whole seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    /// Sends a request and notes the exchange.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn send(&self, request: Request) -> Response {
        let response = request.send(self.addr).await;
        self.seen().secrets.collect(&request, Some(&response));
        if request.is_recorded() {
            let entry = transcript::entry(&request, &response, self.addr, &self.accounts);
            let (method, target) = request.line();
            let exchange = Exchange { method, target, response: response.clone() };
            let mut seen = self.seen();
            seen.transcript.push_str(&entry);
            seen.exchanges.push(exchange);
        }
        response
    }

    /// Sends a request that the server may cut off; only silence is a failure.
    ///
    /// # Panics
    /// When the server neither answers nor closes.
    pub async fn send_at_all(&self, request: Request) -> Option<Response> {
        let response = request.send_at_all(self.addr).await;
        self.seen().secrets.collect(&request, response.as_ref());
        response
    }
}

/// What happens behind the server's back.
impl Subject {
    /// Removes a user.
    ///
    /// # Panics
    /// When that fails.
    pub async fn delete(&self, user: &UserId) {
        let deleted = self.store.delete(user, LastAdmin::MayGo, self.clock.now()).await;
        assert_eq!(deleted.expect("deletes"), Updated::Done);
    }

    /// Changes a user.
    ///
    /// # Panics
    /// When that fails.
    pub async fn update(&self, user: &UserId, change: &UserChange) {
        let updated = self.store.update(user, change, UpdateTerms::default(), self.clock.now()).await;
        assert_eq!(updated.expect("updates"), Updated::Done);
    }
}

/// Mails.
impl Subject {
    /// How many mails there were, once all that were asked for are sent: work for one begins a moment after the answer.
    pub async fn mails(&self) -> usize {
        tokio::time::sleep(MAIL_AFTER).await;
        self.mailer.sent().len()
    }
}

/// Requests for the auth routes.
impl Subject {
    /// `POST /auth/login`.
    #[must_use]
    pub fn login_request(&self, body: &Value) -> Request {
        Request::post(self.path("/auth/login")).json(body)
    }

    /// `POST /auth/refresh`.
    #[must_use]
    pub fn refresh_request(&self, body: &Value) -> Request {
        Request::post(self.path("/auth/refresh")).json(body)
    }

    /// `POST /auth/logout`.
    #[must_use]
    pub fn logout_request(&self, body: &Value) -> Request {
        Request::post(self.path("/auth/logout")).json(body)
    }

    /// The right credentials, in this mode.
    #[must_use]
    pub fn credentials(account: &Account, mode: &str) -> Value {
        json!({"email": account.email, "password": account.password, "mode": mode})
    }

    /// Signs in, in JSON mode.
    ///
    /// # Panics
    /// When that fails.
    pub async fn login(&self, account: &Account) -> Tokens {
        let response = self.send(self.login_request(&Self::credentials(account, "json"))).await;
        response.expect_status(200);
        response.tokens()
    }

    /// Signs in, in cookie mode.
    ///
    /// # Panics
    /// When that fails.
    pub async fn login_cookie(&self, account: &Account) -> Tokens {
        let response = self.send(self.login_request(&Self::credentials(account, "cookie"))).await;
        response.expect_status(200);
        Tokens { access: response.data("access_token"), refresh: response.set_cookie(REFRESH_COOKIE).value }
    }

    /// Signs in, in session mode, and gives the value of the session cookie.
    ///
    /// # Panics
    /// When that fails.
    pub async fn login_session(&self, account: &Account) -> String {
        let response = self.send(self.login_request(&Self::credentials(account, "session"))).await;
        response.expect_status(200);
        response.set_cookie(SESSION_COOKIE).value
    }

    /// Signs in, in this mode, with a one-time password or without one.
    pub async fn login_with(&self, account: &Account, mode: &str, otp: Option<&str>) -> Response {
        let mut credentials = Self::credentials(account, mode);
        if let Some(otp) = otp {
            credentials["otp"] = json!(otp);
        }
        self.send(self.login_request(&credentials)).await
    }

    /// `POST /users/me/tfa/<what>` with a bearer token. The answer has secrets, which two servers make differently: it is
    /// not part of the transcript.
    pub async fn tfa(&self, what: &str, token: &str, body: &Value) -> Response {
        self.send(self.tfa_request(what, body).bearer(token).unrecorded()).await
    }

    /// `POST /users/me/tfa/<what>` without credentials.
    #[must_use]
    pub fn tfa_request(&self, what: &str, body: &Value) -> Request {
        Request::post(self.path(&format!("/users/me/tfa/{what}"))).json(body)
    }

    /// Gives the account a second factor, in the session of this access token. Time goes on by a step, so that the app
    /// shows a code that was not used yet.
    ///
    /// # Panics
    /// When that fails.
    pub async fn enrol(&self, account: &Account, token: &str) -> Enrolled {
        let generated = self.tfa("generate", token, &json!({"password": account.password})).await;
        generated.expect_status(200);
        let secret = generated.data("secret");
        let app = Authenticator::new(&secret);
        let body = json!({"secret": secret, "otp": app.code(self.clock.now()), "recovery_codes": true});
        let enabled = self.tfa("enable", token, &body).await;
        enabled.expect_status(200);
        let codes = enabled.json()["data"]["recovery_codes"].as_array().cloned().expect("recovery codes");
        let recovery_codes = codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect();
        self.next_step();
        Enrolled { app, recovery_codes }
    }

    /// Lets time pass until the app shows the next code.
    pub fn next_step(&self) {
        self.clock.advance(std::time::Duration::from_secs(PERIOD.unsigned_abs()));
    }

    /// Refreshes with a token in the body.
    pub async fn refresh(&self, token: &str) -> Response {
        self.send(self.refresh_request(&json!({"refresh_token": token}))).await
    }

    /// Refreshes with the refresh cookie.
    pub async fn refresh_by_cookie(&self, token: &str) -> Response {
        self.send(self.refresh_request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, token)).await
    }

    /// Refreshes with the session cookie.
    pub async fn refresh_session(&self, cookie: &str) -> Response {
        self.send(self.refresh_request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, cookie)).await
    }

    /// `GET /guarded` with a bearer token.
    pub async fn guarded(&self, token: &str) -> Response {
        self.send(Request::get("/guarded").bearer(token)).await
    }

    /// `GET /guarded` with the session cookie.
    pub async fn guarded_by_session(&self, cookie: &str) -> Response {
        self.send(Request::get("/guarded").cookie(SESSION_COOKIE, cookie)).await
    }

    /// Fails unless the session of `refresh` is alive; gives the next refresh token.
    ///
    /// # Panics
    /// When the session is not alive.
    pub async fn assert_alive(&self, refresh: &str) -> String {
        let response = self.refresh(refresh).await;
        assert_eq!(response.status, 200, "the session should be alive\n{response}");
        response.tokens().refresh
    }

    /// Fails unless `refresh` is refused.
    ///
    /// # Panics
    /// When it is accepted.
    pub async fn assert_dead(&self, refresh: &str) {
        self.refresh(refresh).await.expect_credentials_refused();
    }
}

/// Forged access tokens.
impl Subject {
    /// The claims of a good access token for `account`, which expires in a minute.
    #[must_use]
    pub fn claims(&self, account: &Account) -> Map<String, Value> {
        let claims = json!({
            "id": account.id.as_str(), "role": account.role, "app_access": true, "admin_access": false,
            "iat": self.now(), "exp": self.now() + 60, "iss": ISSUER,
        });
        claims.as_object().expect("is an object").clone()
    }

    /// A good access token with `changes` to its claims; `null` takes a claim out.
    ///
    /// # Panics
    /// When `changes` is no object.
    #[must_use]
    pub fn forged(&self, changes: &Value) -> String {
        let mut claims = self.claims(self.user());
        for (name, value) in changes.as_object().expect("is an object") {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        forge::hs256(SECRET.as_bytes(), forge::ACCESS_HEADER, &Value::Object(claims).to_string())
    }
}

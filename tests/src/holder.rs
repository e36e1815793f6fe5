//! A client and the one long-lived token that it holds, in each of the three modes.

use auth_core::SessionId;
use auth_testkit::contract::{Account, REFRESH_COOKIE, Request, Response, SESSION_COOKIE, Subject};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// How a client holds its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In its own storage.
    Json,
    /// In the refresh cookie.
    Cookie,
    /// In the session cookie.
    Session,
}

impl Mode {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Json, Self::Cookie, Self::Session];

    /// Its name in a body.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Cookie => "cookie",
            Self::Session => "session",
        }
    }

    /// The request that signs in.
    #[must_use]
    pub fn login(self, subject: &Subject, account: &Account) -> Request {
        subject.login_request(&Subject::credentials(account, self.name())).unrecorded()
    }

    /// The request that exchanges `token`.
    #[must_use]
    pub fn refresh(self, subject: &Subject, token: &str) -> Request {
        self.with_token(token, |body| subject.refresh_request(body))
    }

    /// The request that ends the session of `token`.
    #[must_use]
    pub fn logout(self, subject: &Subject, token: &str) -> Request {
        self.with_token(token, |body| subject.logout_request(body))
    }

    fn with_token(self, token: &str, request: impl Fn(&Value) -> Request) -> Request {
        let request = match self {
            Self::Json => request(&json!({ "refresh_token": token })),
            Self::Cookie => request(&json!({"mode": "cookie"})).cookie(REFRESH_COOKIE, token),
            Self::Session => request(&json!({"mode": "session"})).cookie(SESSION_COOKIE, token),
        };
        request.unrecorded()
    }

    /// The token in a successful answer.
    ///
    /// # Panics
    /// When the answer is none.
    #[must_use]
    #[track_caller]
    pub fn token(self, response: &Response) -> String {
        response.expect_status(200);
        match self {
            Self::Json => response.data("refresh_token"),
            Self::Cookie => response.set_cookie(REFRESH_COOKIE).value,
            Self::Session => response.set_cookie(SESSION_COOKIE).value,
        }
    }

    /// What is in a token: in session mode, in the refresh token inside of it.
    ///
    /// # Panics
    /// When it is no token.
    #[must_use]
    pub fn parts(self, token: &str) -> Parts {
        if self != Self::Session {
            return Parts::of(token);
        }
        let payload = token.split('.').nth(1).expect("a JWT");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64");
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        Parts::of(payload["session"].as_str().expect("a refresh token"))
    }
}

/// The parts of a refresh token that a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// The session.
    pub session: SessionId,
    /// How often it had been rotated.
    pub generation: u64,
    /// SHA-256 of the secret: what the store keeps as `current_hash`.
    pub hash: [u8; 32],
}

impl Parts {
    fn of(token: &str) -> Self {
        let bytes = URL_SAFE_NO_PAD.decode(token).expect("base64");
        let (session, rest) = bytes[1..].split_first_chunk::<16>().expect("a session");
        let (generation, rest) = rest.split_first_chunk::<8>().expect("a generation");
        let secret = &rest[16..48];
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, secret).as_ref());
        Self { session: SessionId::from_bytes(*session), generation: u64::from_be_bytes(*generation), hash }
    }
}

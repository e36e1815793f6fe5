//! What cases demand of an answer. Every one shows the answer when it fails.

use serde_json::{Map, Value};

use super::response::Response;
use super::{REALM, Tokens};

impl Response {
    /// # Panics
    /// Unless the status is this one.
    #[track_caller]
    pub fn expect_status(&self, status: u16) {
        assert_eq!(self.status, status, "wrong status\n{self}");
    }

    /// One error in the shape of wire.md 3, with this message and nothing in its extensions but the code, and the reason
    /// when there is one (requirement B7).
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str, message: &str) {
        self.expect_status(status);
        let error = self.error();
        assert_eq!(error["extensions"]["code"], code, "wrong code\n{self}");
        assert_eq!(error["message"], message, "wrong message\n{self}");
    }

    /// 400 INVALID_PAYLOAD for this reason.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_invalid(&self, reason: &str) {
        self.expect_error(400, "INVALID_PAYLOAD", &format!("Invalid payload. {reason}."));
        assert_eq!(self.error()["extensions"]["reason"], reason, "wrong reason\n{self}");
    }

    /// 401 INVALID_CREDENTIALS, the one answer to every refused login and refresh.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_credentials_refused(&self) {
        self.expect_error(401, "INVALID_CREDENTIALS", "Invalid user credentials.");
    }

    /// 429 REQUESTS_EXCEEDED: nothing was checked, and there is so long to wait, in whole seconds.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_throttled(&self, limit: u32, wait: u64) {
        self.expect_error(429, "REQUESTS_EXCEEDED", &format!("Too many requests, retry after {wait}s."));
        assert_eq!(self.error()["extensions"]["limit"], limit, "wrong limit\n{self}");
        assert_eq!(self.header("retry-after"), Some(wait.to_string()), "{self}");
        self.expect_cookies_left_alone();
    }

    /// 403 FORBIDDEN.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_forbidden(&self) {
        self.expect_error(403, "FORBIDDEN", "You don't have permission to access this.");
        assert_eq!(self.error()["extensions"].get("reason"), None, "nothing would help, so no reason\n{self}");
    }

    /// 401 INVALID_OTP: the password was right.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_otp_refused(&self) {
        self.expect_error(401, "INVALID_OTP", "Invalid user OTP.");
        self.expect_cookies_left_alone();
    }

    /// The answer of a guard, with its challenge (requirement B2).
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_refused(&self, refusal: Refusal) {
        let (error, challenge) = match refusal {
            Refusal::NoToken => {
                self.expect_credentials_refused();
                (None, "no token was sent, so no error")
            }
            Refusal::Invalid => {
                self.expect_error(401, "INVALID_TOKEN", "Invalid token.");
                (Some("invalid_token"), "the token is bad")
            }
            Refusal::Expired => {
                self.expect_error(401, "TOKEN_EXPIRED", "Token expired.");
                (Some("invalid_token"), "the token has expired")
            }
            Refusal::Forbidden => {
                self.expect_forbidden();
                (Some("insufficient_scope"), "the user may not")
            }
            Refusal::Lacking(reason) => {
                self.expect_error(403, "FORBIDDEN", "You don't have permission to access this.");
                assert_eq!(self.error()["extensions"]["reason"], reason, "wrong reason\n{self}");
                (Some("insufficient_scope"), "the user may not yet")
            }
            Refusal::TwoTokens => {
                self.expect_invalid("The request uses more than one method for including an access token");
                (Some("invalid_request"), "the request is ambiguous")
            }
            Refusal::TwoCookies => {
                self.expect_invalid("The request carries a cookie more than once");
                (Some("invalid_request"), "the request is ambiguous")
            }
        };
        let expected = match error {
            None => format!(r#"Bearer realm="{REALM}""#),
            Some(error) => format!(r#"Bearer realm="{REALM}", error="{error}""#),
        };
        assert_eq!(self.header("www-authenticate").as_deref(), Some(expected.as_str()), "{challenge}\n{self}");
    }

    /// No `Set-Cookie` at all.
    ///
    /// # Panics
    /// When there is one.
    #[track_caller]
    pub fn expect_cookies_left_alone(&self) {
        assert!(self.all("set-cookie").is_empty(), "no cookie should be touched\n{self}");
    }

    /// `name` is cleared with the attributes it was set with, and no other cookie is touched.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_cleared(&self, name: &str, same_site: &str) {
        let expected = format!("{name}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite={same_site}");
        assert_eq!(self.all("set-cookie"), [expected], "the cookie should be cleared\n{self}");
    }

    /// A token answer: JSON that no cache keeps (requirement B6), `data` with exactly these keys.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_token_answer(&self, keys: &[&str]) {
        self.expect_status(200);
        assert_eq!(self.header("content-type").as_deref(), Some("application/json"), "{self}");
        assert_eq!(self.header("cache-control").as_deref(), Some("no-store"), "{self}");
        let mut found: Vec<String> = self.data_object().keys().cloned().collect();
        found.sort();
        assert_eq!(found, keys, "wrong keys in `data`\n{self}");
    }

    /// 204 without a body.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_empty(&self) {
        self.expect_status(204);
        assert!(self.body.is_empty(), "204 has no body\n{self}");
        assert_eq!(self.header("content-type"), None, "there is nothing to have a type\n{self}");
    }

    /// A member of `data` that is text.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    #[track_caller]
    pub fn data(&self, key: &str) -> String {
        let data = self.data_object();
        let text = data.get(key).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no `data.{key}`\n{self}")).to_owned()
    }

    /// The pair of a JSON answer.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    #[track_caller]
    pub fn tokens(&self) -> Tokens {
        Tokens { access: self.data("access_token"), refresh: self.data("refresh_token") }
    }

    #[track_caller]
    fn data_object(&self) -> Map<String, Value> {
        let mut body = self.json();
        let members = body.as_object().map(Map::len);
        assert_eq!(members, Some(1), "the body should be an object with `data` alone\n{self}");
        match body["data"].take() {
            Value::Object(data) => data,
            _ => panic!("`data` should be an object\n{self}"),
        }
    }

    /// The one error, its shape checked.
    ///
    /// # Panics
    /// When the body is not of the shape of wire.md 3.
    #[must_use]
    #[track_caller]
    pub fn error(&self) -> Value {
        assert_eq!(self.header("content-type").as_deref(), Some("application/json"), "{self}");
        let body = self.json();
        assert_eq!(body.as_object().map(Map::len), Some(1), "the body should have `errors` alone\n{self}");
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        assert_eq!(errors.len(), 1, "there should be one error\n{self}");
        let error = errors[0].as_object().unwrap_or_else(|| panic!("an error is an object\n{self}"));
        let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["extensions", "message"], "{self}");
        let extensions = error["extensions"].as_object().unwrap_or_else(|| panic!("no extensions\n{self}"));
        let mut keys: Vec<&str> = extensions.keys().map(String::as_str).collect();
        keys.sort_unstable();
        let expected = match extensions.get("code").and_then(Value::as_str) {
            Some("INVALID_PAYLOAD") => vec!["code", "reason"],
            Some("REQUESTS_EXCEEDED") => vec!["code", "limit", "reset"],
            // With what would help, when something would.
            Some("FORBIDDEN") if extensions.contains_key("reason") => vec!["code", "reason"],
            _ => vec!["code"],
        };
        assert_eq!(keys, expected, "{self}");
        errors[0].clone()
    }
}

/// Why a guard refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 401, no token was sent.
    NoToken,
    /// 401, the token is bad.
    Invalid,
    /// 401, the token has expired.
    Expired,
    /// 403.
    Forbidden,
    /// 403, with what would help.
    Lacking(&'static str),
    /// 400, more than one token.
    TwoTokens,
    /// 400, one cookie twice.
    TwoCookies,
}

//! The operations in GraphQL, and what both forms of one answer have in common.

use serde_json::{Value, json};

use super::client::Request;
use super::response::{Response, SetCookie};
use super::subject::Subject;

/// The operations that both forms have: path in REST, field in GraphQL, and what is asked of it.
const OPERATIONS: [(&str, &str, &str); 9] = [
    ("/auth/login", "auth_login", "{access_token expires refresh_token}"),
    ("/auth/refresh", "auth_refresh", "{access_token expires refresh_token}"),
    ("/auth/logout", "auth_logout", ""),
    ("/auth/password/request", "auth_password_request", ""),
    ("/auth/password/reset", "auth_password_reset", ""),
    ("/users/me/tfa/generate", "users_me_tfa_generate", "{secret otpauth_url}"),
    ("/users/me/tfa/enable", "users_me_tfa_enable", ""),
    ("/users/me/tfa/disable", "users_me_tfa_disable", ""),
    ("/users/me", "users_me", "{id email role status}"),
];

/// One form of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A path of its own.
    Rest,
    /// A field of `/graphql/system`.
    GraphQl,
}

impl Form {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Rest, Self::GraphQl];
}

/// What an answer says, in whichever form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `message` and `extensions` of the refusal, without the date in it.
    pub refusal: Option<Value>,
    /// The members of the answer that are there.
    pub given: Vec<String>,
    /// How long tokens are good, in milliseconds.
    pub expires: Option<String>,
    /// Name, whether it is set or cleared, and attributes of every cookie.
    pub cookies: Vec<(String, bool, Vec<String>)>,
}

impl Verdict {
    /// The code of the refusal.
    ///
    /// # Panics
    /// When nothing was refused.
    #[must_use]
    #[track_caller]
    pub fn code(&self) -> &str {
        let refusal = self.refusal.as_ref().unwrap_or_else(|| panic!("nothing was refused: {self:?}"));
        refusal["extensions"]["code"].as_str().unwrap_or_default()
    }
}

impl Subject {
    /// A request in this form for the operation that REST has at `path`; `body` is an object of texts.
    ///
    /// # Panics
    /// When there is no such operation.
    #[must_use]
    pub fn ask(&self, form: Form, path: &str, body: &Value) -> Request {
        match form {
            Form::Rest if path == "/users/me" => Request::get(self.path(path)),
            Form::Rest => Request::post(self.path(path)).json(body),
            Form::GraphQl => self.graphql(&operation(path, body)),
        }
    }

    /// A document for `/graphql/system`.
    #[must_use]
    pub fn graphql(&self, document: &str) -> Request {
        self.graphql_body(&json!({"query": document}))
    }

    /// A body for `/graphql/system`.
    #[must_use]
    pub fn graphql_body(&self, body: &Value) -> Request {
        Request::post(self.path("/graphql/system")).json(body)
    }
}

/// The one-field document for the operation that REST has at `path`.
///
/// # Panics
/// When there is no such operation.
#[must_use]
pub fn operation(path: &str, body: &Value) -> String {
    let (_, field, selection) = OPERATIONS.iter().find(|(other, ..)| *other == path).expect("an operation");
    let arguments = body.as_object().into_iter().flatten().map(|(name, value)| match (name.as_str(), value) {
        // The one enum.
        ("mode", Value::String(mode)) => format!("mode: {mode}"),
        (name, value) => format!("{name}: {value}"),
    });
    let arguments: Vec<String> = arguments.collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    let kind = if *field == "users_me" { "query" } else { "mutation" };
    format!("{kind} {{ {field}{arguments} {selection} }}")
}

impl Response {
    /// What the field of the one operation gave; `null` when it was refused.
    ///
    /// # Panics
    /// When the answer is none of GraphQL.
    #[must_use]
    #[track_caller]
    pub fn field(&self, name: &str) -> Value {
        self.expect_status(200);
        assert_eq!(self.header("content-type").as_deref(), Some("application/json"), "{self}");
        assert_eq!(self.header("cache-control").as_deref(), Some("no-store"), "{self}");
        let data = self.json()["data"].clone();
        data.get(name).unwrap_or_else(|| panic!("no field `{name}`\n{self}")).clone()
    }

    /// What the answer says, if it is of this form.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    #[track_caller]
    pub fn verdict(&self, form: Form, path: &str) -> Verdict {
        let (refusal, data) = match form {
            Form::Rest if self.status >= 400 => (Some(self.error()), Value::Null),
            Form::Rest if self.body.is_empty() => (None, json!(true)),
            Form::Rest => (None, self.json()["data"].clone()),
            Form::GraphQl => {
                let (_, field, _) = OPERATIONS.iter().find(|(other, ..)| *other == path).expect("an operation");
                (self.graphql_refusal(field), self.field(field))
            }
        };
        let refusal = refusal.map(|mut refusal| {
            if let Some(extensions) = refusal["extensions"].as_object_mut() {
                extensions.remove("reset");
            }
            refusal
        });
        let members = data.as_object().into_iter().flatten();
        let mut given: Vec<String> =
            members.filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect();
        // What only REST has.
        given.retain(|name| name != "qr_svg");
        given.sort();
        let expires = match &data["expires"] {
            Value::Number(number) if form == Form::Rest => Some(number.to_string()),
            Value::String(text) if form == Form::GraphQl => Some(text.clone()),
            Value::Null => None,
            other => panic!("`expires` is {other} in {form:?}\n{self}"),
        };
        let cookie = |cookie: &SetCookie| (cookie.name.clone(), cookie.is_clearing(), cookie.attributes.clone());
        let all = self.set_cookies().into_iter().chain(self.device_cookie());
        Verdict { refusal, given, expires, cookies: all.map(|each| cookie(&each)).collect() }
    }

    /// Message and extensions of the one error, its place checked.
    #[track_caller]
    fn graphql_refusal(&self, field: &str) -> Option<Value> {
        let body = self.json();
        let errors = body.get("errors")?.as_array().cloned().expect("a list");
        assert_eq!(errors.len(), 1, "there should be one error\n{self}");
        assert_eq!(body["data"], json!({field: null}), "{self}");
        let error = errors[0].as_object().expect("an object");
        let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["extensions", "locations", "message", "path"], "{self}");
        assert_eq!(error["path"], json!([field]), "{self}");
        Some(json!({"message": error["message"], "extensions": error["extensions"]}))
    }

    /// 400 GRAPHQL_VALIDATION: nothing was done. Gives the reasons.
    ///
    /// # Panics
    /// Unless it is.
    #[track_caller]
    pub fn expect_graphql_invalid(&self) -> Vec<Value> {
        self.expect_status(400);
        let body = self.json();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        assert_eq!((body.as_object().map(serde_json::Map::len), errors.len()), (Some(1), 1), "{self}");
        assert_eq!(errors[0]["message"], "GraphQL validation error.", "{self}");
        assert_eq!(errors[0]["extensions"]["code"], "GRAPHQL_VALIDATION", "{self}");
        let reasons = errors[0]["extensions"]["errors"].as_array().cloned().unwrap_or_default();
        assert!(reasons.iter().all(|reason| reason["message"].is_string()) && !reasons.is_empty(), "{self}");
        self.expect_cookies_left_alone();
        reasons
    }
}

//! Why an endpoint may refuse, as answers: rendered by the code that renders them for clients, so that statuses, codes,
//! headers and bodies are those of the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, Response, ResponseBuilder};

use super::schemas;
use crate::clock::Timestamp;
use crate::error::{AuthError, ErrorKind, Throttled};
use crate::http::problem::{Problem, Reason};
use crate::http::render::{Place, answer};
use crate::password::PasswordProblem;

/// The answers to these problems, by status.
pub(super) fn responses(problems: &[Problem], place: Place<'_>) -> BTreeMap<u16, Response> {
    let mut by_status: BTreeMap<u16, Answers> = BTreeMap::new();
    for problem in problems {
        let reply = answer(problem, place);
        let answers = by_status.entry(reply.status()).or_default();
        answers.headers.extend(reply.headers().map(|(name, _)| name));
        if problem.ends_cookie() {
            answers.headers.push("set-cookie");
        }
        answers.bodies.extend(serde_json::from_slice::<Value>(reply.body()));
    }
    by_status.into_iter().map(|(status, answers)| (status, answers.build())).collect()
}

/// Those of one status.
#[derive(Default)]
struct Answers {
    headers: Vec<&'static str>,
    bodies: Vec<Value>,
}

impl Answers {
    fn build(self) -> Response {
        let mut codes: Vec<&str> = self.bodies.iter().filter_map(schemas::code_of).collect();
        codes.dedup();
        let description = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        let examples = self.bodies.iter().enumerate().map(|(at, body)| {
            let message = body.pointer("/errors/0/message").and_then(Value::as_str).unwrap_or_default();
            (format!("{}-{}", schemas::code_of(body).unwrap_or_default(), at + 1), message.to_owned(), body.clone())
        });
        let examples = examples
            .map(|(name, message, body)| (name, ExampleBuilder::new().summary(message).value(Some(body)).build()));
        let content = ContentBuilder::new().schema(Some(schemas::named(schemas::ERROR))).examples_from_iter(examples);
        let response = ResponseBuilder::new().description(description).content("application/json", content.build());
        with_headers(response, &self.headers).build()
    }
}

/// Adds what is known of these headers.
pub(super) fn with_headers(response: ResponseBuilder, names: &[&'static str]) -> ResponseBuilder {
    names.iter().fold(response, |response, name| match described(name) {
        Some((title, header)) => response.header(title, header),
        None => response,
    })
}

/// `Content-Type` is no header in OpenAPI: the key of the content says it.
fn described(name: &str) -> Option<(&'static str, Header)> {
    let (title, description, kind) = match name {
        "allow" => ("Allow", "The methods that there are.", Type::String),
        "cache-control" => ("Cache-Control", "Nobody keeps this answer.", Type::String),
        "location" => ("Location", "Where the browser goes.", Type::String),
        "referrer-policy" => ("Referrer-Policy", "No link tells the address, which holds a token.", Type::String),
        "retry-after" => ("Retry-After", "Seconds.", Type::Integer),
        "set-cookie" => ("Set-Cookie", "Sets a cookie of a login, or clears one that is over.", Type::String),
        "www-authenticate" => ("WWW-Authenticate", "How to authenticate (RFC 6750 3).", Type::String),
        _ => return None,
    };
    let schema = ObjectBuilder::new().schema_type(kind);
    Some((title, HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()))
}

/// What every body can be refused for.
pub(super) fn of_bodies() -> Vec<Problem> {
    vec![
        Problem::payload(Reason::Malformed { line: 1, column: 2 }),
        Problem::payload(Reason::NotAnObject),
        Problem::TooSlow,
        Problem::TooLarge,
        Problem::MediaType,
    ]
}

/// What every guard refuses for.
pub(super) fn of_guards() -> Vec<Problem> {
    vec![
        Problem::payload(Reason::SeveralTokens),
        Problem::payload(Reason::CookieTwice),
        ErrorKind::MissingToken.into(),
        ErrorKind::InvalidToken.into(),
        ErrorKind::TokenExpired.into(),
    ]
}

/// What happens when the store, the hashing pool or a program fails.
pub(super) fn of_failures() -> [Problem; 2] {
    [ErrorKind::Internal.into(), ErrorKind::Unavailable.into()]
}

pub(super) fn of_forms(reasons: &[Reason]) -> Vec<Problem> {
    reasons.iter().copied().map(Problem::payload).collect()
}

pub(super) fn throttled() -> Problem {
    let (now, wait) = (Timestamp::from_millis(1_800_000_000_000), Duration::from_secs(8));
    let reset = Timestamp::from_millis(now.as_millis() + 8000);
    debug_assert_eq!(Throttled::new(5, now, reset).wait, wait, "what the example says");
    AuthError::from(Throttled::new(5, now, reset)).into()
}

pub(super) fn weak_password(min: usize) -> [Problem; 2] {
    [PasswordProblem::TooShort { min }, PasswordProblem::Common].map(|problem| AuthError::from(problem).into())
}

//! The one place that knows which error has which status, headers and body.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use super::listing::{MOST, REACH};
use super::problem::{Problem, Reason};
use super::reply::Reply;
use crate::date;
use crate::error::ErrorKind;
use crate::password::PasswordProblem;
use crate::store::UserStatus;

/// Where an error happens: answers of guarded routes tell the client how to authenticate (RFC 6750 3).
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// A route that hands out tokens.
    Open,
    /// A route behind a guard, in this realm.
    Guarded { realm: &'a str },
}

/// The answer to a refused request.
pub(super) fn refusal(problem: &Problem, place: Place<'_>) -> Reply {
    log(problem);
    answer(problem, place)
}

/// What the answer says to programs.
pub(super) fn code(problem: &Problem) -> &'static str {
    Look::of(problem).code
}

/// The answer alone, also for whoever only describes it.
pub(super) fn answer(problem: &Problem, place: Place<'_>) -> Reply {
    let look = Look::of(problem);
    let error = look.refusal(problem);
    let mut reply = Reply::json(look.status, &Errors { errors: [error] });
    if let Problem::Method(allow) = problem {
        reply = reply.with("allow", allow.clone());
    }
    if let Some(after) = look.retry_after {
        reply = reply.with("retry-after", after.as_secs().max(1).to_string());
    }
    match (place, look.challenge) {
        (Place::Guarded { realm }, Some("")) => reply.with("www-authenticate", format!("Bearer realm=\"{realm}\"")),
        (Place::Guarded { realm }, Some(error)) => {
            reply.with("www-authenticate", format!("Bearer realm=\"{realm}\", error=\"{error}\""))
        }
        _ => reply,
    }
}

/// The answer to what is no request in the language of GraphQL, with what is wrong with it.
pub(super) fn invalid_graphql(reasons: &impl Serialize) -> Reply {
    #[derive(Serialize)]
    struct Invalid<'a, R> {
        errors: [Envelope<'a, R>; 1],
    }
    #[derive(Serialize)]
    struct Envelope<'a, R> {
        message: &'static str,
        extensions: Reasons<'a, R>,
    }
    #[derive(Serialize)]
    struct Reasons<'a, R> {
        errors: &'a R,
        code: &'static str,
    }
    let extensions = Reasons { errors: reasons, code: "GRAPHQL_VALIDATION" };
    Reply::json(400, &Invalid { errors: [Envelope { message: "GraphQL validation error.", extensions }] })
}

/// The error envelope of Directus. Structs, so that the order of the members does not hang on a feature of
/// `serde_json`.
#[derive(Serialize)]
struct Errors {
    errors: [Refusal; 1],
}

/// An error as clients see it: message, code, and what the code may bring along.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    message: Cow<'static, str>,
    extensions: Extensions,
}

impl Refusal {
    pub(super) fn of(problem: &Problem) -> Self {
        log(problem);
        Look::of(problem).refusal(problem)
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What went wrong, for programs: `INVALID_CREDENTIALS` and the like.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.extensions.code
    }

    /// The code with what it brings along, an object.
    #[must_use]
    pub const fn extensions(&self) -> &(impl Serialize + use<>) {
        &self.extensions
    }
}

#[derive(Debug, Clone, Serialize)]
struct Extensions {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<String>,
    code: &'static str,
}

struct Look {
    status: u16,
    code: &'static str,
    /// Empty for an invalid payload: that message is made from the reason.
    message: &'static str,
    reason: Option<Cow<'static, str>>,
    /// The `error` of `WWW-Authenticate`: none at all, without an error code (""), or with this one.
    challenge: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Look {
    fn refusal(&self, problem: &Problem) -> Refusal {
        let throttled = match problem {
            Problem::Operation(error) => error.throttled(),
            _ => None,
        };
        let message = match (&self.reason, throttled) {
            (Some(reason), _) if self.message.is_empty() => format!("Invalid payload. {reason}.").into(),
            (_, Some(throttled)) => format!("Too many requests, retry after {}s.", throttled.wait.as_secs()).into(),
            (_, None) => self.message.into(),
        };
        let extensions = Extensions {
            reason: self.reason.clone(),
            limit: throttled.map(|throttled| throttled.limit),
            reset: throttled.map(|throttled| date::iso8601(throttled.reset)),
            code: self.code,
        };
        Refusal { message, extensions }
    }

    fn of(problem: &Problem) -> Self {
        let invalid_request = Some("invalid_request");
        let payload = |status, reason: String, challenge| Self {
            status,
            code: "INVALID_PAYLOAD",
            message: "",
            reason: Some(reason.into()),
            challenge,
            retry_after: None,
        };
        let plain = |status, code, message, challenge| Self {
            status,
            code,
            message,
            reason: None,
            challenge,
            retry_after: None,
        };
        match problem {
            Problem::Payload(reason) => payload(400, reason.to_string(), invalid_request),
            Problem::TooLarge => payload(413, "request entity too large".to_owned(), None),
            Problem::TooSlow => payload(408, "the body did not arrive in time".to_owned(), None),
            Problem::MediaType => {
                plain(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type, send application/json.", None)
            }
            Problem::Method(_) => plain(405, "METHOD_NOT_ALLOWED", "Method not allowed.", None),
            Problem::CrossSite => Self::of_operation(ErrorKind::Forbidden),
            Problem::Operation(error) if error.kind() == ErrorKind::WeakPassword => {
                payload(400, weak(error.password_problem()), invalid_request)
            }
            Problem::Operation(error) if error.kind() == ErrorKind::UrlNotAllowed => {
                let reason = std::error::Error::source(error).map(ToString::to_string);
                payload(400, reason.unwrap_or_default(), invalid_request)
            }
            Problem::Operation(error) if error.kind() == ErrorKind::EmailTaken => {
                payload(400, "\"email\" is taken".to_owned(), invalid_request)
            }
            Problem::Operation(error) => Self { retry_after: error.retry_after(), ..Self::of_operation(error.kind()) },
        }
    }

    const fn of_operation(kind: ErrorKind) -> Self {
        let invalid_token = Some("invalid_token");
        let reason = match kind {
            ErrorKind::EnrolmentRequired => Some("mfa enrolment required"),
            ErrorKind::RecentLoginRequired => Some("recent login required"),
            ErrorKind::SecondFactorRequired => Some("second factor required"),
            ErrorKind::LoginRequired => Some("login required"),
            ErrorKind::InsufficientScope => Some("insufficient scope"),
            ErrorKind::FactorActive => Some("TFA Secret is already set for this user"),
            ErrorKind::FactorInactive => Some("TFA Secret is not set for this user"),
            ErrorKind::InvalidExpiry => Some("\"expires_at\" must be in the future, and no later than is allowed"),
            ErrorKind::TooManyTokens => Some("There are too many tokens, revoke one first"),
            ErrorKind::OwnAccount => {
                Some("Admins cannot suspend, demote or remove themselves, nor reset their own second factor")
            }
            ErrorKind::LastAdmin => Some("There would be no admin any more, make another one first"),
            ErrorKind::NotInvited => Some("The user is not invited, or has accepted already"),
            ErrorKind::InvalidFactorSecret => Some("\"secret\" is invalid"),
            _ => None,
        };
        let (status, code, message, challenge) = match kind {
            ErrorKind::InvalidCredentials | ErrorKind::SessionOver | ErrorKind::MissingToken => {
                (401, "INVALID_CREDENTIALS", "Invalid user credentials.", Some(""))
            }
            ErrorKind::InvalidOtp => (401, "INVALID_OTP", "Invalid user OTP.", Some("")),
            ErrorKind::InvalidToken => (401, "INVALID_TOKEN", "Invalid token.", invalid_token),
            ErrorKind::InvalidLink => (403, "INVALID_TOKEN", "Invalid token.", None),
            ErrorKind::TokenExpired | ErrorKind::LinkExpired => (401, "TOKEN_EXPIRED", "Token expired.", invalid_token),
            // RFC 9470 would have some of these as 401 `insufficient_user_authentication`. The contract has one answer for
            // whoever is known and may not, and says in the reason what would help.
            ErrorKind::Forbidden
            | ErrorKind::LinkUsed
            | ErrorKind::EnrolmentRequired
            | ErrorKind::RecentLoginRequired
            | ErrorKind::SecondFactorRequired
            | ErrorKind::LoginRequired
            | ErrorKind::InsufficientScope => {
                (403, "FORBIDDEN", "You don't have permission to access this.", Some("insufficient_scope"))
            }
            ErrorKind::TooManyRequests => (429, "REQUESTS_EXCEEDED", "Too many requests.", None),
            ErrorKind::Unavailable => {
                (503, "SERVICE_UNAVAILABLE", "The service is unavailable, try again later.", None)
            }
            ErrorKind::FactorActive
            | ErrorKind::FactorInactive
            | ErrorKind::InvalidFactorSecret
            | ErrorKind::InvalidExpiry
            | ErrorKind::OwnAccount
            | ErrorKind::LastAdmin
            | ErrorKind::NotInvited
            | ErrorKind::TooManyTokens => (400, "INVALID_PAYLOAD", "", Some("invalid_request")),
            // The first three have a reason, and are answered above; the routes of the others are not mounted.
            ErrorKind::WeakPassword
            | ErrorKind::UrlNotAllowed
            | ErrorKind::EmailTaken
            | ErrorKind::NoMailer
            | ErrorKind::NoPersonalTokens
            | ErrorKind::NoAuditTrail
            | ErrorKind::UsersElsewhere
            | ErrorKind::Internal => (500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred.", None),
        };
        let reason = match reason {
            Some(reason) => Some(Cow::Borrowed(reason)),
            None => None,
        };
        Self { status, code, message, reason, challenge, retry_after: None }
    }
}

/// Why a password is refused, in the words of the other reasons.
fn weak(problem: Option<PasswordProblem>) -> String {
    match problem {
        Some(PasswordProblem::TooShort { min }) => format!("\"password\" must have at least {min} characters"),
        Some(PasswordProblem::TooLong { max_bytes }) => format!("\"password\" must have at most {max_bytes} bytes"),
        Some(PasswordProblem::Common) => "\"password\" is one of the most common passwords".to_owned(),
        Some(PasswordProblem::LikeEmail) => "\"password\" must not be the email".to_owned(),
        Some(PasswordProblem::LikeService) => "\"password\" must not be the name of the service".to_owned(),
        Some(PasswordProblem::Guessable) | None => "\"password\" is easy to guess".to_owned(),
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Required(field) => write!(f, "\"{field}\" is required"),
            Self::Empty(field) => write!(f, "\"{field}\" is not allowed to be empty"),
            Self::NotAString(field) => write!(f, "\"{field}\" must be a string"),
            Self::NotAnEmail => f.write_str("\"email\" must be a valid email"),
            Self::NotARole => f.write_str("\"role\" must have 1 to 64 characters"),
            Self::NotANumber("limit") => write!(f, "\"limit\" must be a number from 1 to {MOST}"),
            Self::NotANumber(field) => write!(f, "\"{field}\" must be a number from 1"),
            Self::NotAnId(field) => write!(f, "\"{field}\" must be an id"),
            Self::NotASearch => f.write_str("\"search\" must be what an email begins with"),
            Self::NotAFilter => {
                f.write_str("\"filter\" must compare status, role or admin_access by _eq, each at most once")
            }
            Self::Repeated => f.write_str("A parameter of the query is given more than once"),
            Self::TooFar => write!(f, "\"page\" ends at {REACH} rows, go on with \"after\""),
            Self::UnknownStatus => {
                let names: Vec<_> = UserStatus::ALL.iter().map(|status| status.as_str()).collect();
                write!(f, "\"status\" must be one of [{}]", names.join(", "))
            }
            Self::PasswordOfAnother => f.write_str("\"password\" is chosen by the user, by the link of a mail"),
            Self::UnknownMode => f.write_str("\"mode\" must be one of [cookie, json, session]"),
            Self::NotAnObject => f.write_str("\"value\" must be of type object"),
            Self::Malformed { line, column } => write!(f, "malformed JSON at line {line} column {column}"),
            Self::DuplicateKey { line, column } => write!(f, "duplicate key at line {line} column {column}"),
            Self::Broken => f.write_str("the body ended before it was complete"),
            Self::NoRefreshToken => f.write_str("The refresh token is required in either the payload or cookie"),
            Self::CookieToJson => f.write_str("The refresh token of a cookie is not given out in JSON"),
            Self::NotAList(field) => write!(f, "\"{field}\" must be an array"),
            Self::NotATime(field) => write!(f, "\"{field}\" must be a number of milliseconds"),
            Self::NotAName => f.write_str("\"name\" must have 1 to 100 characters"),
            Self::NotScopes => f.write_str("\"scopes\" must be one or more names without spaces"),
            Self::NotABoolean(field) => write!(f, "\"{field}\" must be a boolean"),
            Self::InvalidOtp => f.write_str("\"otp\" is invalid"),
            Self::SeveralTokens => f.write_str("The request uses more than one method for including an access token"),
            Self::SeveralLogins => f.write_str("The request signs in more than once"),
            Self::CookieTwice => f.write_str("The request carries a cookie more than once"),
        }
    }
}

/// What clients are not told.
fn log(problem: &Problem) {
    let Problem::Operation(error) = problem else {
        tracing::debug!(target: "auth::http", ?problem, "refused");
        return;
    };
    let error_with_causes = Chain(error);
    match error.kind() {
        ErrorKind::Internal => tracing::error!(target: "auth::http", error = %error_with_causes, "failed"),
        ErrorKind::Unavailable => tracing::warn!(target: "auth::http", error = %error_with_causes, "failed"),
        _ => tracing::debug!(target: "auth::http", error = %error_with_causes, "refused"),
    }
}

/// An error and everything that caused it.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut error = self.0;
        write!(f, "{error}")?;
        while let Some(cause) = error.source() {
            write!(f, ": {cause}")?;
            error = cause;
        }
        Ok(())
    }
}

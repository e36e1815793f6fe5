//! Everything that a request can be refused for, before it becomes an answer. `render.rs` says how each looks.

use crate::error::{AuthError, ErrorKind};

/// Why a request is refused.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The request does not say what it must.
    Payload(Reason),
    /// The body is longer than the endpoint takes.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The body is no JSON by its content type.
    MediaType,
    /// The path has other methods: the value of `Allow`.
    Method(String),
    /// A page of another origin sent the request.
    CrossSite,
    /// The operation was refused.
    Operation(AuthError),
}

/// What a request must say and does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Required(&'static str),
    Empty(&'static str),
    NotAString(&'static str),
    NotABoolean(&'static str),
    NotAList(&'static str),
    NotATime(&'static str),
    NotAName,
    NotScopes,
    InvalidOtp,
    NotAnEmail,
    NotARole,
    NotANumber(&'static str),
    NotAnId(&'static str),
    NotASearch,
    NotAFilter,
    Repeated,
    TooFar,
    UnknownStatus,
    PasswordOfAnother,
    UnknownMode,
    NotAnObject,
    Malformed { line: usize, column: usize },
    DuplicateKey { line: usize, column: usize },
    Broken,
    NoRefreshToken,
    CookieToJson,
    SeveralTokens,
    CookieTwice,
    SeveralLogins,
}

impl Problem {
    pub(super) const fn payload(reason: Reason) -> Self {
        Self::Payload(reason)
    }

    /// Whether the token in a cookie will never count again, so that the cookie should go (requirement C7).
    pub(super) const fn ends_cookie(&self) -> bool {
        matches!(self, Self::Operation(error) if matches!(error.kind(), ErrorKind::SessionOver))
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        Self::Operation(error)
    }
}

impl From<ErrorKind> for Problem {
    fn from(kind: ErrorKind) -> Self {
        Self::Operation(kind.into())
    }
}

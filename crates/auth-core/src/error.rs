//! What can go wrong in an operation. Opaque: a kind for code, a source for the log, no text for clients. What a
//! client is told is decided in `http/render.rs` alone.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::password::PasswordProblem;
use crate::rng::RandomError;
use crate::store::{StoreError, StoreErrorKind};

/// Why an operation was refused or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Wrong password, unknown address, a user who may not sign in; a refresh token that does not count here and now.
    InvalidCredentials,
    /// The password was right, and a second factor is in use: its one-time password is missing, wrong, or was used
    /// before.
    InvalidOtp,
    /// A refresh token that will never count again: its session has ended, or there never was one.
    SessionOver,
    /// A token was needed and none was sent.
    MissingToken,
    /// The access token is damaged, forged, of another kind, or from another issuer.
    InvalidToken,
    /// The access token was good, and its time is over.
    TokenExpired,
    /// The user is known and may not do this.
    Forbidden,
    /// The user must set up a second factor before anything else.
    EnrolmentRequired,
    /// The user authenticated too long ago for this.
    RecentLoginRequired,
    /// The user authenticated without a second factor, and this demands one.
    SecondFactorRequired,
    /// This is for users who sign in, and the token was not made by a login.
    LoginRequired,
    /// The token is limited to scopes, and this needs another one.
    InsufficientScope,
    /// A second factor is in use already.
    FactorActive,
    /// No second factor is in use.
    FactorInactive,
    /// The secret is not the one that was generated for this session, or that was too long ago.
    InvalidFactorSecret,
    /// The password does not meet the policy: [`AuthError::password_problem`] says why.
    WeakPassword,
    /// The token of a link in a mail is damaged, forged, or for something else.
    InvalidLink,
    /// The link was good, and its time is over.
    LinkExpired,
    /// The link was used, or what it is about changed after it was sent.
    LinkUsed,
    /// A mail may not lead to this URL: it is not on the list in the configuration.
    UrlNotAllowed,
    /// This operation sends mail, and there is no [`Mailer`](crate::mail::Mailer).
    NoMailer,
    /// Personal access tokens are not turned on: [`AuthConfig::personal_tokens`](crate::AuthConfig::personal_tokens).
    NoPersonalTokens,
    /// No audit trail is kept: [`AuthConfig::audit_trail`](crate::AuthConfig::audit_trail).
    NoAuditTrail,
    /// A token cannot expire then: it is over already, or would live longer than is allowed.
    InvalidExpiry,
    /// The user has as many tokens as one may have.
    TooManyTokens,
    /// There is a user with this address already.
    EmailTaken,
    /// Admins cannot suspend, demote or remove themselves, nor reset their own second factor.
    OwnAccount,
    /// Nobody would be an admin any more.
    LastAdmin,
    /// An invitation is for users who are invited, and this one is not, or not any more.
    NotInvited,
    /// This operation needs the user table of our own store, and the app brought another.
    UsersElsewhere,
    /// Too many tries for this account or from this address; nothing was checked.
    TooManyRequests,
    /// The store or the hashing pool is overloaded or down; trying again later can succeed.
    Unavailable,
    /// A bug, or data that should not exist.
    Internal,
}

/// The error of every operation in `auth-core`.
pub struct AuthError {
    kind: ErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
    throttled: Option<Throttled>,
}

/// What a refusal to try tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Throttled {
    /// How many failures are free.
    pub(crate) limit: u32,
    /// When to try again.
    pub(crate) reset: Timestamp,
    /// How long that is from now, in whole seconds, at least one.
    pub(crate) wait: Duration,
}

impl Throttled {
    pub(crate) fn new(limit: u32, now: Timestamp, reset: Timestamp) -> Self {
        let millis = u64::try_from(reset.millis_since(now)).unwrap_or_default();
        Self { limit, reset, wait: Duration::from_secs(millis.div_ceil(1000).max(1)) }
    }
}

impl AuthError {
    pub(crate) fn new(kind: ErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()), throttled: None }
    }

    /// What happened, for code that decides.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong with a new password, for [`ErrorKind::WeakPassword`].
    #[must_use]
    pub fn password_problem(&self) -> Option<PasswordProblem> {
        self.source.as_ref()?.downcast_ref().copied()
    }

    /// How long to wait before trying again, for errors that time can mend.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match (self.kind, &self.throttled) {
            (ErrorKind::TooManyRequests, Some(throttled)) => Some(throttled.wait),
            (ErrorKind::Unavailable, _) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    pub(crate) const fn throttled(&self) -> Option<Throttled> {
        self.throttled
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ErrorKind::InvalidCredentials => "the credentials are not valid",
            ErrorKind::InvalidOtp => "the one-time password is not valid",
            ErrorKind::SessionOver => "the session is over",
            ErrorKind::MissingToken => "no token was sent",
            ErrorKind::InvalidToken => "the token is not valid",
            ErrorKind::TokenExpired => "the token has expired",
            ErrorKind::Forbidden => "the user may not do this",
            ErrorKind::EnrolmentRequired => "the user must set up a second factor first",
            ErrorKind::RecentLoginRequired => "the user authenticated too long ago",
            ErrorKind::SecondFactorRequired => "the user authenticated without a second factor",
            ErrorKind::LoginRequired => "the token was not made by a login",
            ErrorKind::InsufficientScope => "the token is limited to other scopes",
            ErrorKind::FactorActive => "a second factor is in use already",
            ErrorKind::FactorInactive => "no second factor is in use",
            ErrorKind::InvalidFactorSecret => "the secret is not the one that was generated for this session",
            ErrorKind::WeakPassword => "the password does not meet the policy",
            ErrorKind::InvalidLink => "the link is not valid",
            ErrorKind::LinkExpired => "the link has expired",
            ErrorKind::LinkUsed => "the link does not count any more",
            ErrorKind::UrlNotAllowed => "a mail may not lead to this URL",
            ErrorKind::NoMailer => "there is no mailer",
            ErrorKind::NoPersonalTokens => "personal access tokens are not turned on",
            ErrorKind::NoAuditTrail => "no audit trail is kept",
            ErrorKind::InvalidExpiry => "the token cannot expire then",
            ErrorKind::TooManyTokens => "the user has too many tokens",
            ErrorKind::EmailTaken => "a user with this e-mail address exists",
            ErrorKind::OwnAccount => "admins cannot do this to themselves",
            ErrorKind::LastAdmin => "nobody would be an admin any more",
            ErrorKind::NotInvited => "the user is not invited",
            ErrorKind::UsersElsewhere => {
                "users live in a table of the app: change them there, then call `Auth::end_sessions_of`"
            }
            ErrorKind::TooManyRequests => "too many tries",
            ErrorKind::Unavailable => "the store or the hashing pool is not available",
            ErrorKind::Internal => "an internal error",
        })
    }
}

impl StdError for AuthError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<ErrorKind> for AuthError {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, source: None, throttled: None }
    }
}

impl From<Throttled> for AuthError {
    fn from(throttled: Throttled) -> Self {
        Self { throttled: Some(throttled), ..ErrorKind::TooManyRequests.into() }
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Unavailable => ErrorKind::Unavailable,
            StoreErrorKind::Conflict | StoreErrorKind::Corrupt => ErrorKind::Internal,
        };
        Self::new(kind, error)
    }
}

impl From<PasswordProblem> for AuthError {
    fn from(problem: PasswordProblem) -> Self {
        Self::new(ErrorKind::WeakPassword, problem)
    }
}

impl From<RandomError> for AuthError {
    fn from(error: RandomError) -> Self {
        Self::new(ErrorKind::Unavailable, error)
    }
}

//! What happened, for audit and metrics.

use std::fmt;

use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::id::{SessionId, UserId};

/// One thing that happened. It holds no secret and no e-mail address.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthEvent<'a> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Whose account, when that is known.
    pub user: Option<UserId>,
    /// Which session, when there is one.
    pub session: Option<SessionId>,
    /// From where.
    pub client: &'a ClientInfo,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A user signed in.
    LoginSucceeded,
    /// Somebody tried to sign in and was refused.
    LoginFailed,
    /// A refresh token was exchanged for its successor.
    SessionRotated,
    /// A refresh within the grace got the tokens that an earlier one made.
    SessionReplayed,
    /// A refresh token was refused; the session lives on or was dead already.
    RefreshRefused,
    /// A refresh token was used again after the grace: somebody holds a copy. The session was ended.
    ReuseDetected,
    /// A session was ended by its owner, or replaced by a new login.
    SessionEnded,
    /// All sessions of a user were ended.
    AllSessionsEnded,
    /// A user set another password: with a link, or with the old one.
    PasswordChanged,
    /// A user who registered followed the link in the mail.
    EmailVerified,
    /// A user who was invited chose a password.
    InvitationAccepted,
}

impl EventKind {
    /// The stable name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginSucceeded => "login_succeeded",
            Self::LoginFailed => "login_failed",
            Self::SessionRotated => "session_rotated",
            Self::SessionReplayed => "session_replayed",
            Self::RefreshRefused => "refresh_refused",
            Self::ReuseDetected => "reuse_detected",
            Self::SessionEnded => "session_ended",
            Self::AllSessionsEnded => "all_sessions_ended",
            Self::PasswordChanged => "password_changed",
            Self::EmailVerified => "email_verified",
            Self::InvitationAccepted => "invitation_accepted",
        }
    }
}

/// Takes events. Called on the request path: hand over and return.
pub trait EventSink: fmt::Debug + Send + Sync + 'static {
    /// Takes one event.
    fn record(&self, event: &AuthEvent<'_>);
}

/// Writes each event to `tracing`, target `auth::event`: theft as a warning, the rest as information.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingEvents;

impl EventSink for TracingEvents {
    fn record(&self, event: &AuthEvent<'_>) {
        let name = event.kind.name();
        let user = event.user.as_ref().map(tracing::field::display);
        let session = event.session.as_ref().map(tracing::field::display);
        let ip = event.client.ip.as_ref().map(tracing::field::display);
        if event.kind == EventKind::ReuseDetected {
            tracing::warn!(target: "auth::event", event = name, user, session, ip, "a refresh token was used twice");
        } else {
            tracing::info!(target: "auth::event", event = name, user, session, ip);
        }
    }
}

//! What happened, for audit and metrics.

use std::fmt;

use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::id::{SessionId, TokenId, UserId};
use crate::store::UserChange;

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
    /// By whom, when it was not the user: the admin who did it.
    pub actor: Option<UserId>,
    /// Which session, when there is one.
    pub session: Option<SessionId>,
    /// From where.
    pub client: &'a ClientInfo,
}

crate::text::short_text! {
    /// The [name](EventKind::name) of an event: opaque text of 1 to 64 bytes, since a store may hold those of later
    /// versions.
    EventName
}

crate::text::short_text! {
    /// What an event says beside its name: [names](Self::names) of fields, actions and reasons, never a value.
    EventDetails
}

impl EventDetails {
    /// One after the other.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.as_str().split(',')
    }

    fn of(names: &[&str]) -> Option<Self> {
        Self::new(&names.join(",")).ok()
    }
}

/// Whether something was let happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// It was refused.
    Refused,
}

impl Outcome {
    /// The stable name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
        }
    }

    /// The outcome with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Succeeded, Self::Refused].into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A user signed in.
    LoginSucceeded,
    /// Somebody tried to sign in and was refused.
    LoginFailed,
    /// Somebody tried to sign in too often, and nothing was checked.
    LoginThrottled,
    /// A password was right, and the user was asked for a one-time password.
    OtpAsked,
    /// A password was right, or a session was there already, and the one-time password was wrong or used before.
    OtpRefused,
    /// A recovery code took the place of a one-time password.
    RecoveryCodeUsed {
        /// How many the user has left.
        left: u64,
    },
    /// A user got a new set of recovery codes; the old ones are void.
    RecoveryCodesReplaced,
    /// A user set up a second factor. The user's other sessions were ended.
    MfaEnabled,
    /// A user removed the second factor. The user's other sessions were ended.
    MfaDisabled,
    /// A second factor was removed by somebody who vouches for the user. All sessions of the user were ended.
    MfaReset,
    /// A user ended all sessions but the one that asked.
    OtherSessionsEnded,
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
    /// Somebody who is new registered, or did so again before the address was confirmed.
    UserRegistered,
    /// An admin invited a user, perhaps once more.
    UserInvited,
    /// A user who registered followed the link in the mail.
    EmailVerified,
    /// A user who was invited chose a password.
    InvitationAccepted,
    /// A user made a personal access token.
    PersonalTokenCreated {
        /// Which one.
        id: TokenId,
    },
    /// A user revoked a personal access token.
    PersonalTokenRevoked {
        /// Which one.
        id: TokenId,
    },
    /// An admin, or without an actor the app, made a user.
    UserCreated,
    /// An admin, or without an actor the app, changed a user, whose sessions were ended.
    UserChanged {
        /// What was changed.
        fields: UserFields,
    },
    /// An admin, or without an actor the app, removed a user.
    UserDeleted,
    /// A token that had to be looked up was refused: unknown, revoked, expired, or of a user who is not active.
    TokenRefused,
    /// A user who is signed in gave a wrong password again, or signed in too long ago for what was asked.
    StepUpRefused,
    /// Somebody asked for what admins do, and was refused.
    AdminRefused {
        /// What for, when that is known.
        action: Option<AdminAction>,
        /// Why.
        reason: AdminRefusal,
    },
}

/// Fields of a user that somebody changed: which ones, and not to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct UserFields([bool; 6]);

impl UserFields {
    const NAMES: [&'static str; 6] = ["email", "password", "status", "role", "app_access", "admin_access"];

    /// The names, as the wire has them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES.into_iter().zip(self.0).filter_map(|(name, is_changed)| is_changed.then_some(name)).collect()
    }
}

impl From<&UserChange> for UserFields {
    fn from(change: &UserChange) -> Self {
        let UserChange { email, password, status, role, app_access, admin_access } = change;
        Self([
            email.is_some(),
            password.is_some(),
            status.is_some(),
            role.is_some(),
            app_access.is_some(),
            admin_access.is_some(),
        ])
    }
}

/// What only admins may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdminAction {
    /// See a list of users.
    ListUsers,
    /// See a user.
    ReadUser,
    /// Make a user.
    CreateUser,
    /// Change a user.
    UpdateUser,
    /// Remove a user.
    DeleteUser,
    /// Remove the second factor of a user.
    ResetFactor,
    /// Invite a user.
    Invite,
    /// Read the audit trail.
    ReadEvents,
}

impl AdminAction {
    /// The stable name in [`EventDetails`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListUsers => "list_users",
            Self::ReadUser => "read_user",
            Self::CreateUser => "create_user",
            Self::UpdateUser => "update_user",
            Self::DeleteUser => "delete_user",
            Self::ResetFactor => "reset_factor",
            Self::Invite => "invite",
            Self::ReadEvents => "read_events",
        }
    }
}

/// Why an admin's action was refused, as far as that tells of anybody's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdminRefusal {
    /// Whoever asked is no admin now.
    NotAdmin,
    /// The session that asked is over.
    SessionOver,
    /// The token was made for a program.
    LoginRequired,
    /// The admin signed in too long ago.
    RecentLoginRequired,
    /// It would have ended the admin who asked.
    OwnAccount,
    /// Nobody would have been an admin any more.
    LastAdmin,
}

impl AdminRefusal {
    /// The stable name in [`EventDetails`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAdmin => "not_admin",
            Self::SessionOver => "session_over",
            Self::LoginRequired => "login_required",
            Self::RecentLoginRequired => "recent_login_required",
            Self::OwnAccount => "own_account",
            Self::LastAdmin => "last_admin",
        }
    }

    pub(crate) const fn of(kind: ErrorKind) -> Option<Self> {
        Some(match kind {
            ErrorKind::Forbidden => Self::NotAdmin,
            ErrorKind::InvalidToken => Self::SessionOver,
            ErrorKind::LoginRequired => Self::LoginRequired,
            ErrorKind::RecentLoginRequired => Self::RecentLoginRequired,
            ErrorKind::OwnAccount => Self::OwnAccount,
            ErrorKind::LastAdmin => Self::LastAdmin,
            _ => return None,
        })
    }
}

impl EventKind {
    /// Whether it was let happen.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::LoginFailed
            | Self::LoginThrottled
            | Self::OtpAsked
            | Self::OtpRefused
            | Self::RefreshRefused
            | Self::ReuseDetected
            | Self::TokenRefused
            | Self::StepUpRefused
            | Self::AdminRefused { .. } => Outcome::Refused,
            _ => Outcome::Succeeded,
        }
    }

    pub(crate) fn event_name(self) -> Option<EventName> {
        EventName::new(self.name()).ok()
    }

    /// The stable name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginSucceeded => "login_succeeded",
            Self::LoginFailed => "login_failed",
            Self::LoginThrottled => "login_throttled",
            Self::OtpAsked => "otp_asked",
            Self::OtpRefused => "otp_refused",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::RecoveryCodesReplaced => "recovery_codes_replaced",
            Self::MfaEnabled => "mfa_enabled",
            Self::MfaDisabled => "mfa_disabled",
            Self::MfaReset => "mfa_reset",
            Self::OtherSessionsEnded => "other_sessions_ended",
            Self::SessionRotated => "session_rotated",
            Self::SessionReplayed => "session_replayed",
            Self::RefreshRefused => "refresh_refused",
            Self::ReuseDetected => "reuse_detected",
            Self::SessionEnded => "session_ended",
            Self::AllSessionsEnded => "all_sessions_ended",
            Self::PasswordChanged => "password_changed",
            Self::UserRegistered => "user_registered",
            Self::UserInvited => "user_invited",
            Self::EmailVerified => "email_verified",
            Self::InvitationAccepted => "invitation_accepted",
            Self::PersonalTokenCreated { .. } => "personal_token_created",
            Self::PersonalTokenRevoked { .. } => "personal_token_revoked",
            Self::UserCreated => "user_created",
            Self::UserChanged { .. } => "user_changed",
            Self::UserDeleted => "user_deleted",
            Self::TokenRefused => "token_refused",
            Self::StepUpRefused => "step_up_refused",
            Self::AdminRefused { .. } => "admin_refused",
        }
    }

    /// What it says beside its name: of a change the fields; of a refused action what it was, when that is known, and why.
    #[must_use]
    pub fn details(self) -> Option<EventDetails> {
        match self {
            Self::UserChanged { fields } => EventDetails::of(&fields.names()),
            Self::AdminRefused { action: Some(action), reason } => EventDetails::of(&[action.name(), reason.name()]),
            Self::AdminRefused { action: None, reason } => EventDetails::of(&[reason.name()]),
            _ => None,
        }
    }
}

/// Takes events. Called on the request path: hand over and return.
pub trait EventSink: fmt::Debug + Send + Sync + 'static {
    /// Takes one event.
    fn record(&self, event: &AuthEvent<'_>);
}

/// Writes each event to `tracing`, target `auth::event`: theft and used recovery codes as warnings, the rest as
/// information.
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
        } else if let EventKind::RecoveryCodeUsed { left } = event.kind {
            tracing::warn!(target: "auth::event", event = name, user, session, ip, left, "a recovery code was used");
        } else if let EventKind::PersonalTokenCreated { id } | EventKind::PersonalTokenRevoked { id } = event.kind {
            tracing::info!(target: "auth::event", event = name, user, session, ip, token = %id);
        } else {
            let actor = event.actor.as_ref().map(tracing::field::display);
            let details = event.kind.details();
            let details = details.as_ref().map(tracing::field::display);
            tracing::info!(target: "auth::event", event = name, user, actor, session, ip, details);
        }
    }
}

//! Making the tokens of a session: the last step of a login and of a refresh.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::auth::Inner;
use crate::clock::Timestamp;
use crate::error::{AuthError, ErrorKind};
use crate::id::{SessionId, UserId};
use crate::secret::{AccessToken, DeviceToken, RefreshToken, SessionToken};
use crate::session::codec::TokenParts;
use crate::store::{Epoch, SessionMode, UserRecord};
use crate::token::{NewToken, Rights, TokenKind, is_reserved};

/// What a login or a refresh yields.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tokens {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The tokens, by the mode of the session.
    pub grant: Grant,
    /// How long the access token or the session token is good.
    pub expires_in: Duration,
    /// After a login: what the device keeps, and brings along at its next login, to be known by.
    pub device: Option<DeviceToken>,
}

/// The tokens themselves.
#[derive(Debug)]
pub enum Grant {
    /// An access token and the refresh token that gets the next one.
    Pair {
        /// Opens guarded routes.
        access: AccessToken,
        /// Is exchanged for the next pair.
        refresh: RefreshToken,
        /// How long the refresh token is good, unless it is used.
        refresh_expires_in: Duration,
    },
    /// One token for both, to be kept in the session cookie alone.
    Session(SessionToken),
}

/// What of a session goes into its tokens.
pub(super) struct Issue<'a> {
    pub(super) user: &'a UserRecord,
    pub(super) parts: &'a TokenParts,
    pub(super) epoch: Epoch,
    pub(super) aal: u8,
    pub(super) has_factor: bool,
    pub(super) mode: SessionMode,
    pub(super) auth_time: Timestamp,
    pub(super) idle_expires_at: Timestamp,
    pub(super) absolute_expires_at: Timestamp,
    pub(super) now: Timestamp,
}

impl Inner {
    /// How long a session of this mode lives without a refresh.
    pub(super) const fn idle_ttl(&self, mode: SessionMode) -> Duration {
        match mode {
            SessionMode::Session => self.config.session_cookie_ttl,
            SessionMode::Json | SessionMode::Cookie => self.config.refresh_token_ttl,
        }
    }

    /// Whether a second factor is demanded of the user, who has none: such a user may do no more than set one up.
    pub(super) fn must_enrol(&self, user: &UserRecord, has_factor: bool) -> bool {
        !has_factor && self.config.mfa_required.includes(user.role.as_ref())
    }

    /// Signs the tokens. None of them outlives the session (requirement R5).
    pub(super) fn issue(&self, issue: &Issue<'_>) -> Result<Tokens, AuthError> {
        let refresh = issue.parts.encode();
        let must_enrol = self.must_enrol(issue.user, issue.has_factor);
        // Whatever the mode: a hook that is wrong fails the login, and not every request after it.
        let claims = if must_enrol { Map::new() } else { self.claims_of(issue.user)? };
        let (grant, expires_in) = if issue.mode == SessionMode::Session {
            let expires_in = remaining(issue.now, issue.idle_expires_at);
            let token = self.sign(TokenKind::Session, issue, Some(&refresh), &Map::new(), expires_in)?;
            (Grant::Session(SessionToken::new(token)), expires_in)
        } else {
            let expires_in = self.config.access_token_ttl.min(remaining(issue.now, issue.absolute_expires_at));
            let kind = if must_enrol { TokenKind::Enrol } else { TokenKind::Access };
            let access = AccessToken::new(self.sign(kind, issue, None, &claims, expires_in)?);
            let refresh_expires_in = remaining(issue.now, issue.idle_expires_at);
            (Grant::Pair { access, refresh, refresh_expires_in }, expires_in)
        };
        Ok(Tokens { session: issue.parts.session, user: issue.user.id, grant, expires_in, device: None })
    }

    /// The app's claims for this user, the same whatever kind of token they go with (requirement J7).
    pub(super) fn claims_of(&self, user: &UserRecord) -> Result<Map<String, Value>, AuthError> {
        let claims = self.claims.as_ref().map(|hook| hook.claims(user)).unwrap_or_default();
        if let Some(claim) = claims.keys().find(|claim| is_reserved(claim)) {
            let problem = format!("the claims hook sets `{claim}`, which has a meaning of its own: use another name");
            return Err(AuthError::new(ErrorKind::Internal, problem));
        }
        Ok(claims)
    }

    fn sign(
        &self,
        kind: TokenKind,
        issue: &Issue<'_>,
        refresh: Option<&RefreshToken>,
        extra: &Map<String, Value>,
        expires_in: Duration,
    ) -> Result<String, AuthError> {
        let token = NewToken {
            id: &issue.user.id,
            rights: (kind != TokenKind::Enrol).then_some(Rights {
                role: issue.user.role.as_ref(),
                app_access: issue.user.app_access,
                admin_access: issue.user.admin_access,
            }),
            sid: issue.parts.session,
            ep: issue.epoch.0,
            auth_time: issue.auth_time.as_secs(),
            aal: issue.aal,
            session: refresh.map(RefreshToken::expose_secret),
            iat: issue.now.as_secs(),
            exp: issue.now.after(expires_in).as_secs(),
            extra,
        };
        self.keys.sign(kind, &token).map_err(|error| AuthError::new(ErrorKind::Internal, error))
    }
}

fn remaining(now: Timestamp, until: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(until.millis_since(now)).unwrap_or_default())
}

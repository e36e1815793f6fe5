//! A user's own sessions: listed, and ended from another one (requirement R12).

use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::id::{SessionId, UserId};
use crate::store::{LoadedSession, RevokeReason, SessionRecord, Swap};
use crate::token::Identity;

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnSession {
    /// Its id.
    pub id: SessionId,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed, or opened.
    pub last_used_at: Timestamp,
    /// From where it was opened.
    pub client: ClientInfo,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

impl Auth {
    /// The sessions of this user that are alive, newest first.
    ///
    /// # Errors
    /// `InvalidToken` when the session that asks is over: its access token may outlive it, and is worth nothing here.
    /// `Unavailable`.
    #[tracing::instrument(name = "auth.session_list", skip_all, fields(user = %identity.user()))]
    pub async fn sessions(&self, identity: &Identity) -> Result<Vec<OwnSession>, AuthError> {
        let sessions = self.inner.own_sessions(identity).await?;
        Ok(sessions.into_iter().map(|session| OwnSession::of(session, identity)).collect())
    }

    /// Ends one of this user's sessions, the one that asks included.
    ///
    /// # Errors
    /// `Forbidden` when the user has no such session; `InvalidToken` and `Unavailable` as [`sessions`](Self::sessions).
    #[tracing::instrument(name = "auth.session_end", skip_all, fields(user = %identity.user(), session = %id))]
    pub async fn end_session(&self, identity: &Identity, id: SessionId, client: &ClientInfo) -> Result<(), AuthError> {
        let sessions = self.inner.own_sessions(identity).await?;
        let session = sessions.iter().find(|session| session.id == id).ok_or(ErrorKind::Forbidden)?;
        self.inner.end_own(session, client).await?;
        Ok(())
    }

    /// Ends a session, whoever's it is: for an operator who has its id. `false` when it is over, or there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end_any_session(&self, id: SessionId) -> Result<bool, AuthError> {
        match self.inner.sessions.load(id).await? {
            Some(LoadedSession { session, epoch, .. }) if session.epoch == epoch => {
                self.inner.end_own(&session, &ClientInfo::default()).await
            }
            _ => Ok(false),
        }
    }

    /// Ends this user's sessions except the one that asks: all of them or, when the store fails, none. A login that is
    /// under way comes to nothing too.
    ///
    /// # Errors
    /// As [`sessions`](Self::sessions).
    #[tracing::instrument(name = "auth.session_end_others", skip_all, fields(user = %identity.user()))]
    pub async fn end_other_sessions(&self, identity: &Identity, client: &ClientInfo) -> Result<(), AuthError> {
        let inner = &*self.inner;
        inner.own_sessions(identity).await?;
        let (user, own) = (identity.user(), identity.session());
        let ended = inner.factors.end_sessions(user, own, RevokeReason::Ended, inner.clock.now()).await?;
        // Whoever has no others may ask all day, and nothing happened.
        if ended > 0 {
            inner.record(EventKind::OtherSessionsEnded, Some(*user), own, client);
        }
        Ok(())
    }
}

impl Inner {
    async fn own_sessions(&self, identity: &Identity) -> Result<Vec<SessionRecord>, AuthError> {
        identity.require_login()?;
        let epoch = self.factors.epoch(identity.user()).await?;
        let mut sessions = self.sessions.list(identity.user(), self.clock.now()).await?;
        // Of an older epoch: dead, though nobody has said so in its row.
        sessions.retain(|session| session.epoch == epoch);
        let asks = |session: &SessionRecord| Some(session.id) == identity.session();
        if sessions.iter().any(asks) { Ok(sessions) } else { Err(ErrorKind::InvalidToken.into()) }
    }

    /// The session that asks, if it is alive.
    pub(super) async fn own_living_session(&self, identity: &Identity) -> Result<SessionId, AuthError> {
        let sessions = self.own_sessions(identity).await?;
        let own = sessions.into_iter().find(|session| Some(session.id) == identity.session());
        Ok(own.ok_or(ErrorKind::InvalidToken)?.id)
    }

    /// Ends the oldest sessions of a user who has too many. What fails here the next login makes good.
    pub(super) async fn end_surplus(&self, user: &UserId, client: &ClientInfo) {
        match self.sessions.end_beyond(user, self.config.max_sessions_per_user, self.clock.now()).await {
            Ok(ended) => {
                for id in ended {
                    self.record(EventKind::SessionEnded, Some(*user), Some(id), client);
                }
            }
            Err(error) => tracing::warn!(target: "auth::session", %user, %error, "the oldest sessions go on"),
        }
    }

    async fn end_own(&self, session: &SessionRecord, client: &ClientInfo) -> Result<bool, AuthError> {
        let ended = self.sessions.revoke(session.id, RevokeReason::Ended, self.clock.now()).await? == Swap::Won;
        if ended {
            self.record(EventKind::SessionEnded, Some(session.user), Some(session.id), client);
        }
        Ok(ended)
    }
}

impl OwnSession {
    fn of(session: SessionRecord, identity: &Identity) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.rotated_at.unwrap_or(session.created_at),
            is_current: Some(session.id) == identity.session(),
            client: session.client,
        }
    }
}

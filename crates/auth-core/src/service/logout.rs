//! Signing out.

use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::secret::{RefreshToken, SessionToken};
use crate::session::codec::TokenParts;
use crate::session::machine::{self, Standing};
use crate::store::{RevokeReason, SessionMode, Swap};

impl Auth {
    /// Ends the session of a refresh token. A token that counts for nothing is no error: there is nothing to end.
    ///
    /// # Errors
    /// `Unavailable` when the store is down: the session lives on.
    #[tracing::instrument(name = "auth.logout", skip_all)]
    pub async fn logout(&self, token: &RefreshToken, client: &ClientInfo) -> Result<(), AuthError> {
        self.inner.end(token, RevokeReason::Logout, client, |mode| mode != SessionMode::Session).await
    }

    /// Ends the session of a session cookie.
    ///
    /// # Errors
    /// `Unavailable` when the store is down: the session lives on.
    #[tracing::instrument(name = "auth.logout", skip_all)]
    pub async fn logout_session(&self, token: &SessionToken, client: &ClientInfo) -> Result<(), AuthError> {
        self.inner.end_session(token, RevokeReason::Logout, client).await
    }

    /// Ends the session that a new login takes the place of (requirement R10).
    pub(crate) async fn replace(&self, token: &RefreshToken, client: &ClientInfo) -> Result<(), AuthError> {
        self.inner.end(token, RevokeReason::Replaced, client, |mode| mode != SessionMode::Session).await
    }

    /// Like [`replace`](Self::replace), for the session cookie.
    pub(crate) async fn replace_session(&self, token: &SessionToken, client: &ClientInfo) -> Result<(), AuthError> {
        self.inner.end_session(token, RevokeReason::Replaced, client).await
    }
}

impl Inner {
    async fn end_session(
        &self,
        token: &SessionToken,
        reason: RevokeReason,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        match self.open_session_token(token) {
            Ok(refresh) => self.end(&refresh, reason, client, |mode| mode == SessionMode::Session).await,
            Err(error) if matches!(error.kind(), ErrorKind::InvalidCredentials | ErrorKind::SessionOver) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn end(
        &self,
        token: &RefreshToken,
        reason: RevokeReason,
        client: &ClientInfo,
        fits: impl Fn(SessionMode) -> bool,
    ) -> Result<(), AuthError> {
        let Some(parts) = TokenParts::decode(token) else { return Ok(()) };
        let Some(mut loaded) = self.sessions.load(parts.session).await? else { return Ok(()) };
        let now = self.clock.now();
        let (_, circumstances) = self.circumstances(&mut loaded, now).await?;
        let row = loaded.session;
        let theirs = match machine::judge(&row, &parts, circumstances) {
            Standing::Unknown | Standing::Mismatch | Standing::Dead => false,
            // Whoever knows the family secret held a token of this session: old ones may end it too.
            Standing::CurrentOld
            | Standing::CurrentYoung
            | Standing::PreviousYoung
            | Standing::Reused
            | Standing::Ahead
            | Standing::ClockFault
            | Standing::Overtaken => fits(row.mode),
        };
        if theirs && self.sessions.revoke(row.id, reason, now).await? == Swap::Won {
            self.record(EventKind::SessionEnded, Some(row.user), Some(row.id), client);
        }
        Ok(())
    }
}

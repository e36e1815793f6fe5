//! Exchanging a refresh token: two statements for a rotation, one for a replay (three and two when users live in a
//! table of the app).

use super::Tokens;
use super::issue::Issue;
use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::config::ReuseResponse;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::measure::{self, Stopwatch};
use crate::rng;
use crate::secret::{RefreshToken, SessionToken};
use crate::session::codec::{self, TokenParts};
use crate::session::machine::{self, Circumstances, Standing};
use crate::store::{LoadedSession, RevokeReason, Rotation, SessionMode, SessionRecord, Swap, UserRecord, UserStatus};
use crate::token::TokenProblem;

/// How often a lost race is judged again. Whoever wins it makes the loser's token the previous one, so one more look
/// settles it; more than that is a store that cannot be trusted now.
const ATTEMPTS: usize = 4;

impl Auth {
    /// Exchanges a refresh token for a new pair.
    ///
    /// Within the grace, the current token and the previous one both get the same successor, whoever asks first. After
    /// it, a token that was replaced ends its session.
    ///
    /// # Where this leaves RFC 9700
    ///
    /// Its section 4.14.2 has a new refresh token come with every answer. Here, a second refresh within the grace of a
    /// rotation ([`AuthConfig::refresh_grace`](crate::AuthConfig::refresh_grace), 10 s unless set) gets a new access
    /// token beside the current refresh token, unchanged: all answers of such a window carry one and the same token, so
    /// tabs that refresh at once, retries after a lost answer and cookies that arrive out of order converge. Would each
    /// of them rotate, a tab that is two rotations behind would look like a thief and sign everybody out. A copy of a
    /// token is found out as before, once the grace is over. `refresh_grace = 0` turns this off: then every refresh
    /// rotates, and every second use of a token ends its session.
    ///
    /// # Errors
    /// `SessionOver` when the token will never count again, `InvalidCredentials` when it does not count now,
    /// `Unavailable` when the store is down: the same token may be tried again then.
    #[tracing::instrument(name = "auth.refresh", skip_all)]
    pub async fn refresh(&self, token: &RefreshToken, client: &ClientInfo) -> Result<Tokens, AuthError> {
        let stopwatch = Stopwatch::start();
        let result = self.inner.refresh(token, client, |mode| mode != SessionMode::Session).await;
        stopwatch.stop(measure::Duration::Refresh);
        self.inner.record_refusal(result, client)
    }

    /// Exchanges the token of a session cookie for the next one.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    #[tracing::instrument(name = "auth.refresh", skip_all)]
    pub async fn refresh_session(&self, token: &SessionToken, client: &ClientInfo) -> Result<Tokens, AuthError> {
        let stopwatch = Stopwatch::start();
        let result = match self.inner.open_session_token(token) {
            Ok(refresh) => self.inner.refresh(&refresh, client, |mode| mode == SessionMode::Session).await,
            Err(error) => Err(error),
        };
        stopwatch.stop(measure::Duration::Refresh);
        self.inner.record_refusal(result, client)
    }
}

impl Inner {
    /// The refresh token inside a session token.
    pub(super) fn open_session_token(&self, token: &SessionToken) -> Result<RefreshToken, AuthError> {
        match self.keys.verify_session(token.expose_secret(), self.clock.now()) {
            Ok(grant) => Ok(grant.refresh),
            Err(TokenProblem::Expired) => Err(ErrorKind::SessionOver.into()),
            Err(TokenProblem::Invalid) => Err(ErrorKind::InvalidCredentials.into()),
        }
    }

    /// The session's owner, and what else decides about it.
    pub(super) async fn circumstances(
        &self,
        loaded: &mut LoadedSession,
        now: Timestamp,
    ) -> Result<(Option<UserRecord>, Circumstances), AuthError> {
        let user = match self.directory {
            Some(_) => loaded.user.take(),
            None => {
                let user = self.users.find_by_id(&loaded.session.user).await?;
                if user.as_ref().and_then(|user| user.epoch).is_some_and(|epoch| epoch != loaded.epoch) {
                    // Looking at the user ended the sessions, or something else did meanwhile: look again at this one.
                    if let Some(again) = self.sessions.load(loaded.session.id).await? {
                        *loaded = again;
                    }
                }
                user
            }
        };
        let grace_millis = i64::try_from(self.config.refresh_grace.as_millis()).unwrap_or_default();
        let user_active = user.as_ref().is_some_and(|user| user.status == UserStatus::Active);
        Ok((user, Circumstances { now, grace_millis, epoch: loaded.epoch, user_active, lost_race: false }))
    }

    async fn refresh(
        &self,
        token: &RefreshToken,
        client: &ClientInfo,
        fits: impl Fn(SessionMode) -> bool,
    ) -> Result<Tokens, AuthError> {
        let presented = TokenParts::decode(token).ok_or(ErrorKind::InvalidCredentials)?;
        // The grace is a promise to the client: it counts from the rotation to the arrival of the retry. What the store
        // takes in between is nobody's theft.
        let arrived = self.clock.now();
        let mut attempted: Option<(Rotation, TokenParts)> = None;
        for attempt in 0..ATTEMPTS {
            let mut loaded = self.sessions.load(presented.session).await?.ok_or(ErrorKind::SessionOver)?;
            let (user, circumstances) = self.circumstances(&mut loaded, arrived).await?;
            let (row, has_factor) = (loaded.session, loaded.has_factor);
            // Only a lost race comes round again.
            let circumstances = Circumstances { lost_race: attempt > 0, ..circumstances };
            let now = self.clock.now();
            let standing = machine::judge(&row, &presented, circumstances);
            if standing != Standing::Unknown && !fits(row.mode) {
                return Err(ErrorKind::InvalidCredentials.into());
            }
            let user = user.ok_or(ErrorKind::SessionOver)?;
            let answer = |parts: &TokenParts, idle_expires_at| {
                self.issue(&Issue {
                    user: &user,
                    parts,
                    epoch: row.epoch,
                    aal: row.aal,
                    has_factor,
                    mode: row.mode,
                    auth_time: row.auth_time,
                    idle_expires_at,
                    absolute_expires_at: row.absolute_expires_at,
                    now,
                })
            };
            let replay = |parts: &TokenParts| {
                self.record(EventKind::SessionReplayed, Some(row.user), Some(row.id), client);
                answer(parts, row.idle_expires_at)
            };
            let rotated = |rotation: &Rotation, successor: &TokenParts| {
                self.record(EventKind::SessionRotated, Some(row.user), Some(row.id), client);
                answer(successor, rotation.idle_expires_at)
            };
            // Lost to itself: the store did it, did not hear the answer of its database, and asked again. The salt is
            // drawn for each rotation, so nobody else made this successor.
            if let Some((rotation, successor)) = attempted.take()
                && rotation.successor == row.current_hash
                && machine::judge(&row, &successor, circumstances).is_current()
            {
                return rotated(&rotation, &successor);
            }
            match standing {
                Standing::CurrentOld => {
                    let (rotation, successor) = self.plan_rotation(&row, &presented, now)?;
                    if self.sessions.rotate(&rotation).await? == Swap::Won {
                        return rotated(&rotation, &successor);
                    }
                    attempted = Some((rotation, successor));
                }
                Standing::CurrentYoung => return replay(&presented),
                Standing::PreviousYoung => {
                    let successor = self.ratchet.successor(&presented, &row.salt);
                    // Another key derived it, or the row was restored: we cannot tell the successor, and nobody stole it.
                    if row.key_id != self.ratchet.id() || codec::hash(&*successor.secret) != row.current_hash {
                        return Err(ErrorKind::InvalidCredentials.into());
                    }
                    return replay(&successor);
                }
                Standing::Reused => return Err(self.end_reused(&row, now, client).await?),
                Standing::Dead | Standing::Unknown => return Err(ErrorKind::SessionOver.into()),
                Standing::Mismatch | Standing::Ahead | Standing::ClockFault | Standing::Overtaken => {
                    return Err(ErrorKind::InvalidCredentials.into());
                }
            }
        }
        Err(AuthError::new(ErrorKind::Unavailable, "the session changes faster than it can be read"))
    }

    fn plan_rotation(
        &self,
        row: &SessionRecord,
        presented: &TokenParts,
        now: Timestamp,
    ) -> Result<(Rotation, TokenParts), AuthError> {
        let salt = rng::bytes(&*self.random)?;
        let successor = self.ratchet.successor(presented, &salt);
        let rotation = Rotation {
            id: row.id,
            expected: row.current_hash,
            successor: codec::hash(&*successor.secret),
            salt,
            key_id: self.ratchet.id(),
            now,
            idle_expires_at: now.after(self.idle_ttl(row.mode)).min(row.absolute_expires_at),
        };
        Ok((rotation, successor))
    }

    /// Somebody holds a copy of a token: whoever presented it, thief or victim, nobody keeps the session. One operation
    /// of the store, whichever of the two it is: when it fails, the next use of the token tries again.
    async fn end_reused(
        &self,
        row: &SessionRecord,
        now: Timestamp,
        client: &ClientInfo,
    ) -> Result<AuthError, AuthError> {
        match self.config.on_reuse {
            ReuseResponse::EndSession => {
                // Lost to another use of the same token: ended all the same.
                let (Swap::Won | Swap::Lost) = self.sessions.revoke(row.id, RevokeReason::Reuse, now).await?;
            }
            ReuseResponse::EndAllSessions => {
                self.factors.end_sessions(&row.user, None, RevokeReason::Reuse, now).await?;
                self.record(EventKind::AllSessionsEnded, Some(row.user), None, client);
            }
        }
        self.record(EventKind::ReuseDetected, Some(row.user), Some(row.id), client);
        Ok(ErrorKind::SessionOver.into())
    }

    fn record_refusal(&self, result: Result<Tokens, AuthError>, client: &ClientInfo) -> Result<Tokens, AuthError> {
        result.inspect_err(|error| {
            if error.kind() != ErrorKind::Unavailable {
                self.record(EventKind::RefreshRefused, None, None, client);
            }
        })
    }
}

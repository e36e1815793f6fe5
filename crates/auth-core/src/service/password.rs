//! A password's life: forgotten and set anew by a link, or changed by whoever knows it.

use std::sync::Arc;

use super::links::{LinkBase, allowed};
use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::id::{SessionId, UserId};
use crate::password::PasswordHash;
use crate::secret::{OneTimePassword, Password};
use crate::store::{Epoch, RevokeReason, UpdateTerms, Updated, UserChange, UserRecord, UserStatus};
use crate::token::{Identity, Purpose, Ticket, TokenProblem};

/// Somebody who is signed in wants another password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    current: Password,
    new: Password,
    otp: Option<OneTimePassword>,
}

impl PasswordChange {
    /// From the password up to now to a new one.
    #[must_use]
    pub const fn new(current: Password, new: Password) -> Self {
        Self { current, new, otp: None }
    }

    /// With a one-time password, or a recovery code: for users with a second factor, ignored for others.
    #[must_use]
    pub fn otp(mut self, otp: OneTimePassword) -> Self {
        self.otp = Some(otp);
        self
    }
}

impl Auth {
    /// Sends a link to choose a new password to the user with this address, if there is one who may sign in with a
    /// password. Nothing tells whether there is: the user is looked for after this has returned (requirement S1). A
    /// user gets at most one such mail a minute (requirement S6).
    ///
    /// The link leads to `url`, which must be on [`AuthConfig::password_reset_urls`](crate::AuthConfig), or without it
    /// to `/admin/reset-password` below [`AuthConfig::public_url`](crate::AuthConfig), with the token behind a `#`.
    ///
    /// # Errors
    /// `UrlNotAllowed`; `NoMailer`; `Unavailable` when too many ask at once.
    #[tracing::instrument(name = "auth.password_request", skip_all)]
    pub async fn request_password_reset(&self, email: Email, url: Option<&str>) -> Result<(), AuthError> {
        let not_before = tokio::time::Instant::now() + self.inner.config.login_stall;
        let url = match url {
            Some(url) => allowed(url, &self.inner.config.password_reset_urls, "reset passwords")?.to_owned(),
            None => self.inner.landing_page("/admin/reset-password")?,
        };
        let place = self.inner.place_for_mail()?;
        let auth = self.clone();
        self.afterwards(async move {
            let sent = auth.inner.mail_reset(&email, LinkBase { url, then: None }).await;
            drop(place);
            sent
        });
        // Without a floor there is no pause at all: the answer should be on its way before the work begins.
        if !self.inner.config.login_stall.is_zero() {
            tokio::time::sleep_until(not_before).await;
        }
        Ok(())
    }

    /// Sets the password that the holder of a link chose, and ends all sessions. It signs nobody in, and a second factor
    /// stays as it is (requirement S5).
    ///
    /// # Errors
    /// `InvalidLink`, `LinkExpired`; `LinkUsed` when this link or another one was used, or the user's password, address or
    /// status changed after it was sent; `WeakPassword`, and then the link can be used again; `Unavailable`.
    #[tracing::instrument(name = "auth.password_reset", skip_all)]
    pub async fn reset_password(&self, token: &str, password: Password, client: &ClientInfo) -> Result<(), AuthError> {
        let ticket = self.inner.open_ticket(Purpose::Reset, token)?;
        let user = self.inner.holder(&ticket, UserStatus::Active).await?;
        if self.inner.directory.is_none() {
            let fingerprint = user.password.as_ref().map(|hash| self.inner.keys.fingerprint(hash));
            if fingerprint != ticket.fingerprint {
                // The password was changed, and somebody did not live to end the sessions: an earlier use of this link.
                self.end_sessions_of(&user.id).await?;
                return Err(ErrorKind::LinkUsed.into());
            }
        }
        let hash = self.hash_new(password, &[user.email.as_str()]).await?;
        if !self.inner.set_password(&user, hash, ticket.epoch, None).await? {
            return Err(ErrorKind::LinkUsed.into());
        }
        self.password_changed(user, client).await;
        Ok(())
    }

    /// Changes the password of a user who is signed in and knows it (requirement P8), with a one-time password or a
    /// recovery code where there is a second factor (requirement M5). All other sessions end; the one that asks goes on
    /// (requirement R9).
    ///
    /// # Errors
    /// `InvalidToken` when the session that asks is over; `InvalidCredentials` when the current password is wrong, also
    /// because it was changed meanwhile; `WeakPassword`; `InvalidOtp` when the user has a second factor and the code is
    /// missing, wrong or was taken before; `TooManyRequests` after too many wrong ones; `Unavailable`.
    #[tracing::instrument(name = "auth.password_change", skip_all)]
    pub async fn change_password(
        &self,
        identity: &Identity,
        change: PasswordChange,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let session = self.inner.own_living_session(identity).await?;
        let found = self.inner.user_and_epoch(identity.user()).await?;
        let (user, epoch) =
            found.filter(|(user, _)| user.status == UserStatus::Active).ok_or(ErrorKind::InvalidToken)?;
        self.inner.check_password(&user, Some(session), change.current, client).await?;
        // Before the code is taken: whoever has to think of a better password need not wait for the next one.
        let hash = self.hash_new(change.new, &[user.email.as_str()]).await?;
        let factor = self.inner.factors.second_factor(&user.id).await?;
        if factor.active.is_some() {
            self.inner.accept_otp(&user.id, &factor, change.otp.as_ref(), client).await?;
        }
        if !self.inner.set_password(&user, hash, epoch, Some(session)).await? {
            return Err(ErrorKind::InvalidCredentials.into());
        }
        self.password_changed(user, client).await;
        Ok(())
    }

    async fn password_changed(&self, user: UserRecord, client: &ClientInfo) {
        self.inner.record(EventKind::PasswordChanged, Some(user.id), None, client);
        // Whoever guessed at the old one does not hold up its owner any more (requirement G3).
        self.inner.forgive(&user.id).await;
        self.notify_of_change(user);
    }
}

impl Inner {
    async fn mail_reset(&self, email: &Email, link: LinkBase) -> Result<(), AuthError> {
        let Some((user, epoch)) = self.candidate(email).await? else { return Ok(()) };
        // Whoever has no password signs in otherwise, and should not get a second way by mail.
        if user.status != UserStatus::Active || user.password.is_none() {
            return Ok(());
        }
        if self.throttle.admit_mail(Purpose::Reset, &user.id, self.clock.now()).await?.is_some() {
            return Ok(());
        }
        self.mail_link(Purpose::Reset, &user, epoch, link).await
    }

    pub(super) fn open_ticket(&self, purpose: Purpose, token: &str) -> Result<Ticket, AuthError> {
        self.keys.verify_ticket(purpose, token, self.clock.now()).map_err(|problem| match problem {
            TokenProblem::Expired => ErrorKind::LinkExpired.into(),
            TokenProblem::Invalid => ErrorKind::InvalidLink.into(),
        })
    }

    /// The user whose link this is, if it is still good for somebody of this status.
    pub(super) async fn holder(&self, ticket: &Ticket, status: UserStatus) -> Result<UserRecord, AuthError> {
        let found = self.user_and_epoch(&ticket.user).await?;
        let good = found.filter(|(user, epoch)| *epoch == ticket.epoch && user.status == status);
        Ok(good.ok_or(ErrorKind::LinkUsed)?.0)
    }

    /// The epoch first, unless both are read at once: what is older than the user makes a change fail, not succeed.
    pub(super) async fn user_and_epoch(&self, id: &UserId) -> Result<Option<(UserRecord, Epoch)>, AuthError> {
        if self.directory.is_some()
            && let Some(user) = self.users.find_by_id(id).await?
            && let Some(epoch) = user.epoch
        {
            return Ok(Some((user, epoch)));
        }
        let epoch = self.factors.epoch(id).await?;
        // A store that watches another system raises the epoch when it finds a change there, while it reads the user.
        Ok(self.users.find_by_id(id).await?.map(|user| {
            let epoch = user.epoch.unwrap_or(epoch);
            (user, epoch)
        }))
    }

    /// Replaces the password and ends the sessions but `keep`, unless the credentials changed since they were read.
    async fn set_password(
        self: &Arc<Self>,
        user: &UserRecord,
        hash: PasswordHash,
        expected: Epoch,
        keep: Option<SessionId>,
    ) -> Result<bool, AuthError> {
        let now = self.clock.now();
        if let Some(directory) = &self.directory {
            let change = UserChange { password: Some(hash), ..UserChange::default() };
            let terms = UpdateTerms { expected: Some(expected), keep, ..UpdateTerms::default() };
            return Ok(directory.update(&user.id, &change, terms, now).await? == Updated::Done);
        }
        let Some(old) = user.password.clone() else { return Ok(false) };
        let (inner, id) = (Arc::clone(self), user.id);
        // Two statements, and a client that hangs up between them must not leave the sessions of a thief alive.
        let both = tokio::spawn(async move {
            if !inner.users.rehash(&id, &old, &hash).await? {
                return Ok(false);
            }
            inner.factors.end_sessions(&id, keep, RevokeReason::CredentialsChanged, now).await?;
            Ok(true)
        });
        both.await.map_err(|error| AuthError::new(ErrorKind::Internal, error))?
    }
}

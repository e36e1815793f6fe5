//! Invitations by admins: a mail with a link to choose a password, and another one when the first is lost.

use tokio::sync::OwnedSemaphorePermit;

use super::admin::Admin;
use super::links::{LinkBase, allowed};
use crate::auth::Inner;
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::event::{AdminAction, EventKind, UserFields};
use crate::id::{Role, UserId};
use crate::store::{Epoch, StoreErrorKind, UserChange, UserRecord, UserStatus};
use crate::token::Purpose;

impl Admin<'_> {
    /// Invites somebody to be a user with this role, by a mail with a link to choose a password. Whoever was invited
    /// before and has not accepted gets another mail, and the role given now.
    ///
    /// The link leads to `url`, which must be on [`AuthConfig::invitation_urls`](crate::AuthConfig), or without it to
    /// `/admin/accept-invite` below [`AuthConfig::public_url`](crate::AuthConfig), with the token behind a `#`.
    ///
    /// # Errors
    /// `RecentLoginRequired`; `EmailTaken`, `UrlNotAllowed`, `NoMailer`; `Unavailable`.
    #[tracing::instrument(name = "auth.invite", skip_all, fields(actor = %self.id()))]
    pub async fn invite(&self, email: Email, role: Role, url: Option<&str>) -> Result<UserId, AuthError> {
        self.noted(AdminAction::Invite, None, async {
            self.step_up()?;
            let invitation = self.invitation(url)?;
            let (user, epoch, given) = self.auth.inner.store_invitation(email, role).await?;
            let id = user.id;
            if let Given::AnotherRole(change) = given {
                self.record(EventKind::UserChanged { fields: UserFields::from(&change) }, &id);
            }
            self.record(EventKind::UserInvited, &id);
            self.mail_invitation(invitation, user, epoch);
            Ok(id)
        })
        .await
    }

    /// Mails somebody who is invited another link: the first may be lost or expired, or void since the user was changed.
    /// It leads where that of [`create_user`](Self::create_user) does, and those sent before go on to count. `false` when
    /// there is no such user.
    ///
    /// # Errors
    /// `RecentLoginRequired`; `NotInvited` for a user of another status; `UrlNotAllowed`; `NoMailer`; `Unavailable`.
    #[tracing::instrument(name = "auth.invite_again", skip_all, fields(actor = %self.id(), user = %id))]
    pub async fn invite_again(&self, id: &UserId, url: Option<&str>) -> Result<bool, AuthError> {
        self.noted(AdminAction::Invite, Some(id), async {
            self.step_up()?;
            let invitation = self.invitation(url)?;
            let Some((user, epoch)) = self.auth.inner.user_and_epoch(id).await? else { return Ok(false) };
            if user.status != UserStatus::Invited {
                return Err(ErrorKind::NotInvited.into());
            }
            self.record(EventKind::UserInvited, id);
            self.mail_invitation(invitation, user, epoch);
            Ok(true)
        })
        .await
    }

    /// Where an invitation is to lead, and a place for its mail.
    pub(super) fn invitation(&self, url: Option<&str>) -> Result<Invitation, AuthError> {
        let inner = &self.auth.inner;
        let url = match url {
            Some(url) => allowed(url, &inner.config.invitation_urls, "invite users")?.to_owned(),
            None => inner.landing_page("/admin/accept-invite")?,
        };
        Ok(Invitation { url, place: inner.place_for_mail()? })
    }

    /// Nobody waits for it.
    pub(super) fn mail_invitation(&self, invitation: Invitation, user: UserRecord, epoch: Epoch) {
        let auth = self.auth.clone();
        self.auth.afterwards(async move {
            let link = LinkBase { url: invitation.url, then: None };
            let sent = auth.inner.mail_link(Purpose::Invite, &user, epoch, link).await;
            drop(invitation.place);
            sent
        });
    }
}

impl Inner {
    async fn store_invitation(&self, email: Email, role: Role) -> Result<(UserRecord, Epoch, Given), AuthError> {
        let new = self.new_user(email.clone(), UserStatus::Invited, None, Some(role))?;
        match self.users.create(&new).await {
            Ok(_) => {}
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
        let taken = || AuthError::from(ErrorKind::EmailTaken);
        let (user, epoch) = self.candidate(&email).await?.ok_or_else(taken)?;
        if user.status != UserStatus::Invited {
            return Err(taken());
        }
        if user.role == Some(role) {
            return Ok((user, epoch, Given::Nothing));
        }
        let change = UserChange { role: Some(Some(role)), ..UserChange::default() };
        let epoch = self.change_pending(&user, epoch, change.clone()).await?.ok_or_else(taken)?;
        Ok((user, epoch, Given::AnotherRole(change)))
    }
}

/// What somebody got who was invited before.
enum Given {
    Nothing,
    AnotherRole(UserChange),
}

/// The mail of an invitation, before it is known to whom.
pub(super) struct Invitation {
    url: String,
    place: OwnedSemaphorePermit,
}

//! New users: who register by themselves and confirm their address, and who are invited by an admin.

use tokio::sync::OwnedSemaphorePermit;

use super::links::{LinkBase, allowed};
use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::event::{AdminAction, EventKind};
use crate::id::{Role, UserId};
use crate::mail::Mail;
use crate::password::PasswordHash;
use crate::secret::Password;
use crate::store::{Epoch, NewUserRecord, StoreErrorKind, UpdateTerms, Updated, UserChange, UserRecord, UserStatus};
use crate::token::{Identity, Purpose};

impl Auth {
    /// Makes a user who cannot sign in before a link in a mail to `email` was followed. Nothing tells whether the address
    /// has an account: its owner gets a mail that says so.
    ///
    /// The link leads to `GET /users/register/verify-email` below [`AuthConfig::public_url`](crate::AuthConfig), and from
    /// there to `then`, which must be on [`AuthConfig::verification_urls`](crate::AuthConfig). Whoever registers the same
    /// address again before that replaces the password, and with it the link: a link confirms the password of its own
    /// registration and no other.
    ///
    /// # Errors
    /// `WeakPassword`, `UrlNotAllowed`, `UsersElsewhere`, `NoMailer`; `TooManyRequests` when so many came from one client
    /// address as [`AuthConfig::login_throttle`](crate::AuthConfig) lets fail there; `Unavailable`.
    #[tracing::instrument(name = "auth.register", skip_all)]
    pub async fn register(
        &self,
        email: Email,
        password: Password,
        then: Option<&str>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        self.directory()?;
        let then = then.map(|url| allowed(url, &self.inner.config.verification_urls, "verify users"));
        let then = then.transpose()?.map(str::to_owned);
        let link = LinkBase { url: self.inner.page("/users/register/verify-email")?, then };
        let place = self.inner.place_for_mail()?;
        // A crowd is turned away uncounted.
        drop(self.inner.pool.reserve()?);
        self.inner.throttle.admit_registration(client, self.inner.clock.now()).await?;
        // Before anybody is looked for: the same work for all.
        let hash = self.hash_new(password, &[email.as_typed()]).await?;
        let (auth, client) = (self.clone(), client.clone());
        self.afterwards(async move { auth.inner.store_registration(email, hash, link, &client, place).await });
        Ok(())
    }

    /// Confirms the address of a user who registered, and says where the browser should go.
    ///
    /// # Errors
    /// `InvalidLink`, `LinkExpired`, `LinkUsed`; `Unavailable`.
    #[tracing::instrument(name = "auth.email_verify", skip_all)]
    pub async fn verify_email(&self, token: &str, client: &ClientInfo) -> Result<Option<String>, AuthError> {
        let ticket = self.inner.open_ticket(Purpose::Verify, token)?;
        let user = self.inner.holder(&ticket, UserStatus::Unverified).await?;
        let change = UserChange { status: Some(UserStatus::Active), ..UserChange::default() };
        self.redeem(&user, &change, ticket.epoch).await?;
        self.inner.record(EventKind::EmailVerified, Some(user.id), None, client);
        // The list may have changed since the mail was sent.
        Ok(ticket.then.filter(|url| self.inner.config.verification_urls.contains(url)))
    }

    /// Invites somebody: see [`Admin::invite`](crate::Admin::invite).
    ///
    /// # Errors
    /// Those of [`admin`](Self::admin) and of [`Admin::invite`](crate::Admin::invite).
    pub async fn invite(
        &self,
        identity: &Identity,
        email: Email,
        role: Role,
        url: Option<&str>,
        client: &ClientInfo,
    ) -> Result<UserId, AuthError> {
        self.admin_to(Some(AdminAction::Invite), identity, client).await?.invite(email, role, url).await
    }

    /// Sets the first password of a user who was invited, who can sign in from now on. It signs nobody in.
    ///
    /// # Errors
    /// `InvalidLink`, `LinkExpired`, `LinkUsed`; `WeakPassword`, and then the link can be used again; `Unavailable`.
    #[tracing::instrument(name = "auth.invitation_accept", skip_all)]
    pub async fn accept_invitation(
        &self,
        token: &str,
        password: Password,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let ticket = self.inner.open_ticket(Purpose::Invite, token)?;
        let user = self.inner.holder(&ticket, UserStatus::Invited).await?;
        let password = Some(self.hash_new(password, &[user.email.as_str()]).await?);
        let change = UserChange { password, status: Some(UserStatus::Active), ..UserChange::default() };
        self.redeem(&user, &change, ticket.epoch).await?;
        self.inner.record(EventKind::InvitationAccepted, Some(user.id), None, client);
        Ok(())
    }

    /// Changes the user as the holder of a link may, once.
    async fn redeem(&self, user: &UserRecord, change: &UserChange, epoch: Epoch) -> Result<(), AuthError> {
        let terms = UpdateTerms { expected: Some(epoch), ..UpdateTerms::default() };
        match self.directory()?.update(&user.id, change, terms, self.inner.clock.now()).await? {
            Updated::Done => Ok(()),
            Updated::Stale | Updated::NoSuchUser | Updated::LastAdmin => Err(ErrorKind::LinkUsed.into()),
        }
    }
}

impl Inner {
    async fn store_registration(
        &self,
        email: Email,
        hash: PasswordHash,
        link: LinkBase,
        client: &ClientInfo,
        place: OwnedSemaphorePermit,
    ) -> Result<(), AuthError> {
        let new = self.new_user(email.clone(), UserStatus::Unverified, Some(hash.clone()), None)?;
        match self.users.create(&new).await {
            Ok(id) => self.record(EventKind::UserRegistered, Some(id), None, client),
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
        let Some((user, mut epoch)) = self.candidate(&email).await? else { return Ok(()) };
        if user.status != UserStatus::Unverified {
            let mail = Mail::AccountExists { service: &self.config.issuer };
            let may_be_told = user.status == UserStatus::Active
                && self.throttle.admit_mail(Purpose::Verify, &user.id, self.clock.now()).await?.is_none();
            return if may_be_told { self.mail(&user, &mail).await } else { Ok(()) };
        }
        // Before a mail may have to wait: the link of whoever registered before must not confirm this password, nor theirs.
        if user.password.as_ref().map(PasswordHash::as_phc) != Some(hash.as_phc()) {
            let Some(raised) =
                self.change_pending(&user, epoch, UserChange { password: Some(hash), ..UserChange::default() }).await?
            else {
                return Ok(());
            };
            self.record(EventKind::UserRegistered, Some(user.id), None, client);
            epoch = raised;
        }
        if let Some(wait) = self.throttle.admit_mail(Purpose::Verify, &user.id, self.clock.now()).await? {
            drop(place);
            let Ok(_waiting) = self.outbox()?.waiting.try_acquire() else { return Ok(()) };
            tokio::time::sleep(wait).await;
            // Whoever registered last gets the mail.
            let found = self.user_and_epoch(&user.id).await?;
            let is_last = found.is_some_and(|(user, now)| now == epoch && user.status == UserStatus::Unverified);
            if !is_last || self.throttle.admit_mail(Purpose::Verify, &user.id, self.clock.now()).await?.is_some() {
                return Ok(());
            }
        }
        self.mail_link(Purpose::Verify, &user, epoch, link).await
    }

    /// Changes a user who is not there yet, and gives the epoch of links from now on; `None` when somebody else was
    /// quicker.
    pub(super) async fn change_pending(
        &self,
        user: &UserRecord,
        epoch: Epoch,
        change: UserChange,
    ) -> Result<Option<Epoch>, AuthError> {
        let directory = self.directory.as_ref().ok_or(ErrorKind::UsersElsewhere)?;
        let terms = UpdateTerms { expected: Some(epoch), ..UpdateTerms::default() };
        let updated = directory.update(&user.id, &change, terms, self.clock.now()).await?;
        Ok((updated == Updated::Done).then_some(Epoch(epoch.0.saturating_add(1))))
    }

    pub(super) fn new_user(
        &self,
        email: Email,
        status: UserStatus,
        password: Option<PasswordHash>,
        role: Option<Role>,
    ) -> Result<NewUserRecord, AuthError> {
        let now = self.clock.now();
        Ok(NewUserRecord {
            id: UserId::generate(now, &*self.random)?,
            email,
            password,
            status,
            role,
            app_access: true,
            admin_access: false,
            created_at: now,
        })
    }
}

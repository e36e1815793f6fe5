//! What admins do with users. None of it sets or shows a password (requirement P9).

use super::links::allowed;
use super::second_factor::Asking;
use super::users::taken;
use crate::auth::{Auth, Inner};
use crate::client::ClientInfo;
use crate::email::Email;
use crate::error::{AuthError, ErrorKind};
use crate::event::{AdminAction, AdminRefusal, EventKind, UserFields};
use crate::id::{Role, UserId};
use crate::store::{
    Epoch, LastAdmin, NewUserRecord, UpdateTerms, Updated, UserChange, UserDirectory, UserFilter, UserPage, UserRecord,
    UserStatus, UserSummary,
};
use crate::token::Identity;

/// A user that an admin makes. The user chooses the password.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewAccount {
    /// The address.
    pub email: Email,
    /// The role. Default none.
    pub role: Option<Role>,
    /// Default invited: with a [`Mailer`](crate::mail::Mailer), the user gets a link to choose a password then.
    pub status: UserStatus,
    /// Claim `app_access`. Default yes.
    pub app_access: bool,
    /// Claim `admin_access`. Default no.
    pub admin_access: bool,
}

impl NewAccount {
    /// An invited user without a role, who may use the app.
    #[must_use]
    pub const fn new(email: Email) -> Self {
        Self { email, role: None, status: UserStatus::Invited, app_access: true, admin_access: false }
    }
}

/// What an admin changes of a user; what is `None` stays. Begin with `AccountChange::default()`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AccountChange {
    /// A new address.
    pub email: Option<Email>,
    /// A new status.
    pub status: Option<UserStatus>,
    /// A new role, or none.
    pub role: Option<Option<Role>>,
    /// Claim `app_access`.
    pub app_access: Option<bool>,
    /// Claim `admin_access`.
    pub admin_access: Option<bool>,
}

impl From<AccountChange> for UserChange {
    fn from(change: AccountChange) -> Self {
        let AccountChange { email, status, role, app_access, admin_access } = change;
        Self { email, password: None, status, role, app_access, admin_access }
    }
}

/// An admin who is signed in: what one may do with users. From [`Auth::admin`].
#[derive(Debug)]
pub struct Admin<'a> {
    pub(super) auth: &'a Auth,
    directory: &'a dyn UserDirectory,
    asking: Asking,
    client: ClientInfo,
}

impl Auth {
    /// Whoever this is, as an admin.
    ///
    /// # Errors
    /// `LoginRequired` for a token that was made for a program, `InvalidToken` when the session is over, `Forbidden` for
    /// a user who is no admin now; `UsersElsewhere` when users live in a table of the app; `Unavailable`.
    pub async fn admin(&self, identity: &Identity, client: &ClientInfo) -> Result<Admin<'_>, AuthError> {
        self.admin_to(None, identity, client).await
    }

    /// The same, for whoever knows already what will be asked for: the trail names it when it is refused.
    pub(crate) async fn admin_to(
        &self,
        action: Option<AdminAction>,
        identity: &Identity,
        client: &ClientInfo,
    ) -> Result<Admin<'_>, AuthError> {
        let directory = self.directory()?;
        let asking = self.inner.asking_admin(action, identity, client).await?;
        Ok(Admin { auth: self, directory, asking, client: client.clone() })
    }

    /// The users that `page` asks for: see [`UserDirectory::users`]. For command lines; requests of admins come by
    /// [`Auth::admin`].
    ///
    /// # Errors
    /// `UsersElsewhere` when users live in a table of the app; `Unavailable`.
    #[tracing::instrument(name = "auth.user_list", skip_all)]
    pub async fn users(&self, page: &UserPage) -> Result<Vec<UserSummary>, AuthError> {
        Ok(self.directory()?.users(page).await?)
    }
}

impl Admin<'_> {
    /// The users that `page` asks for.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(name = "auth.user_list", skip_all, fields(actor = %self.id()))]
    pub async fn users(&self, page: &UserPage) -> Result<Vec<UserSummary>, AuthError> {
        Ok(self.directory.users(page).await?)
    }

    /// How many users there are of this kind, up to `most`.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(name = "auth.user_count", skip_all, fields(actor = %self.id()))]
    pub async fn count_users(&self, filter: &UserFilter, most: u64) -> Result<u64, AuthError> {
        Ok(self.directory.count_users(filter, most).await?)
    }

    /// The user with this id.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(name = "auth.user_read", skip_all, fields(actor = %self.id(), user = %id))]
    pub async fn user(&self, id: &UserId) -> Result<Option<UserSummary>, AuthError> {
        Ok(self.directory.users(&UserPage::of_one(*id)).await?.pop())
    }

    /// Makes a user without a password. One who is invited gets a mail with a link to choose one, when there is a mailer;
    /// it leads to `url`, or to the default of [`Auth::invite`].
    ///
    /// # Errors
    /// `RecentLoginRequired`; `EmailTaken`; `UrlNotAllowed`, also when there is no mailer; `Unavailable`.
    #[tracing::instrument(name = "auth.user_create", skip_all, fields(actor = %self.id()))]
    pub async fn create_user(&self, account: NewAccount, url: Option<&str>) -> Result<UserSummary, AuthError> {
        self.noted(AdminAction::CreateUser, None, self.create(account, url)).await
    }

    async fn create(&self, account: NewAccount, url: Option<&str>) -> Result<UserSummary, AuthError> {
        self.step_up()?;
        let inner = &self.auth.inner;
        let now = inner.clock.now();
        let record = NewUserRecord {
            id: UserId::generate(now, &*inner.random)?,
            email: account.email,
            password: None,
            status: account.status,
            role: account.role,
            app_access: account.app_access,
            admin_access: account.admin_access,
            created_at: now,
        };
        if let Some(url) = url {
            // Without a mailer no link leads anywhere.
            let list = if inner.outbox.is_some() { &*inner.config.invitation_urls } else { &[] };
            allowed(url, list, "invite users")?;
        }
        let is_invited = record.status == UserStatus::Invited && inner.outbox.is_some();
        let invitation = is_invited.then(|| self.invitation(url)).transpose()?;
        let id = inner.users.create(&record).await.map_err(taken)?;
        self.record(EventKind::UserCreated, &id);
        let user = UserSummary {
            id,
            email: record.email.as_typed().to_owned(),
            status: record.status,
            role: record.role,
            app_access: record.app_access,
            admin_access: record.admin_access,
            has_factor: false,
            created_at: now,
        };
        if let Some(invitation) = invitation {
            self.mail_invitation(invitation, invited(&user), Epoch::default());
        }
        Ok(user)
    }

    /// Changes a user and ends the user's sessions; of the admin's own, the one that asks goes on. A change of nothing is
    /// none. The link of an invitation is void then: [`invite_again`](Self::invite_again) sends another. `false` when there
    /// is no such user.
    ///
    /// # Errors
    /// `RecentLoginRequired`; `OwnAccount` for admins who would end themselves, and `LastAdmin` when nobody would be an
    /// admin any more, however many changes meet; `EmailTaken`; `Unavailable`. Nothing is changed then.
    #[tracing::instrument(name = "auth.user_update", skip_all, fields(actor = %self.id(), user = %id))]
    pub async fn update_user(&self, id: &UserId, change: AccountChange) -> Result<bool, AuthError> {
        self.noted(AdminAction::UpdateUser, Some(id), self.update(id, change)).await
    }

    async fn update(&self, id: &UserId, change: AccountChange) -> Result<bool, AuthError> {
        let change = UserChange::from(change);
        let is_own = id == self.id();
        if is_own && change.ends_admin() {
            return Err(ErrorKind::OwnAccount.into());
        }
        if change.is_empty() {
            return Ok(self.user(id).await?.is_some());
        }
        self.step_up()?;
        let terms = UpdateTerms {
            keep: is_own.then_some(self.asking.session.id),
            last_admin: LastAdmin::Stays,
            ..Default::default()
        };
        let now = self.auth.inner.clock.now();
        let updated = self.directory.update(id, &change, terms, now).await.map_err(taken)?;
        self.done(updated, EventKind::UserChanged { fields: UserFields::from(&change) }, id)
    }

    /// Removes a user and ends the user's sessions. `false` when there is no such user.
    ///
    /// # Errors
    /// `RecentLoginRequired`; `OwnAccount` for the admin who asks; `LastAdmin`; `Unavailable`.
    #[tracing::instrument(name = "auth.user_delete", skip_all, fields(actor = %self.id(), user = %id))]
    pub async fn delete_user(&self, id: &UserId) -> Result<bool, AuthError> {
        self.noted(AdminAction::DeleteUser, Some(id), self.delete(id)).await
    }

    async fn delete(&self, id: &UserId) -> Result<bool, AuthError> {
        if id == self.id() {
            return Err(ErrorKind::OwnAccount.into());
        }
        self.step_up()?;
        let deleted = self.directory.delete(id, LastAdmin::Stays, self.auth.inner.clock.now()).await?;
        self.done(deleted, EventKind::UserDeleted, id)
    }

    /// Removes the second factor of a user who lost it, and ends the user's sessions. `false` when there is no such user.
    ///
    /// # Errors
    /// `RecentLoginRequired`; `FactorInactive` when there is none; `OwnAccount` for the admin who asks, whose own factor
    /// protects this too; `Unavailable`.
    #[tracing::instrument(name = "auth.user_tfa_disable", skip_all, fields(actor = %self.id(), user = %id))]
    pub async fn reset_second_factor(&self, id: &UserId) -> Result<bool, AuthError> {
        self.noted(AdminAction::ResetFactor, Some(id), self.reset_factor(id)).await
    }

    async fn reset_factor(&self, id: &UserId) -> Result<bool, AuthError> {
        if id == self.id() {
            return Err(ErrorKind::OwnAccount.into());
        }
        self.step_up()?;
        if self.user(id).await?.is_none() {
            return Ok(false);
        }
        if !self.auth.inner.reset_factor(id).await? {
            return Err(ErrorKind::FactorInactive.into());
        }
        self.record(EventKind::MfaReset, id);
        Ok(true)
    }

    /// The login must be recent. Whoever finds the open session of an admin could otherwise invite their own address as an
    /// admin, and be one after the session has ended.
    pub(super) fn step_up(&self) -> Result<(), AuthError> {
        self.auth.inner.recent_login(&self.asking)
    }

    /// Leaves an event when it is refused.
    pub(super) async fn noted<T>(
        &self,
        action: AdminAction,
        user: Option<&UserId>,
        work: impl Future<Output = Result<T, AuthError>>,
    ) -> Result<T, AuthError> {
        work.await.inspect_err(|error| {
            if let Some(reason) = AdminRefusal::of(error.kind()) {
                let kind = EventKind::AdminRefused { action: Some(action), reason };
                let session = Some(self.asking.session.id);
                self.auth.inner.record_by(Some(*self.id()), kind, user.copied(), session, &self.client);
            }
        })
    }

    pub(super) const fn id(&self) -> &UserId {
        &self.asking.user.id
    }

    fn done(&self, updated: Updated, kind: EventKind, id: &UserId) -> Result<bool, AuthError> {
        match updated {
            Updated::Done => {
                self.record(kind, id);
                Ok(true)
            }
            Updated::NoSuchUser => Ok(false),
            Updated::LastAdmin => Err(ErrorKind::LastAdmin.into()),
            Updated::Stale => Err(AuthError::new(ErrorKind::Internal, "stale without an expected epoch")),
        }
    }

    pub(super) fn record(&self, kind: EventKind, user: &UserId) {
        let Asking { user: admin, session, .. } = &self.asking;
        self.auth.inner.record_by(Some(admin.id), kind, Some(*user), Some(session.id), &self.client);
    }
}

impl Inner {
    /// An access token may outlive its session, and the rights that it tells of: what is stored counts.
    pub(super) async fn asking_admin(
        &self,
        action: Option<AdminAction>,
        identity: &Identity,
        client: &ClientInfo,
    ) -> Result<Asking, AuthError> {
        let asking = match self.asking(identity).await {
            Ok(asking) if asking.user.admin_access => return Ok(asking),
            Ok(_) => Err(ErrorKind::Forbidden.into()),
            Err(error) => Err(error),
        };
        asking.inspect_err(|error: &AuthError| {
            if let Some(reason) = AdminRefusal::of(error.kind()) {
                let kind = EventKind::AdminRefused { action, reason };
                self.record_by(Some(*identity.user()), kind, None, identity.session(), client);
            }
        })
    }
}

fn invited(user: &UserSummary) -> UserRecord {
    UserRecord {
        id: user.id,
        email: user.email.clone(),
        password: None,
        status: user.status,
        role: user.role,
        app_access: user.app_access,
        admin_access: user.admin_access,
        epoch: Some(Epoch::default()),
    }
}

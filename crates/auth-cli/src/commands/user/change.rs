//! Users as they are to be. Each change ends the sessions of the user.

use auth_core::store::{FactorStore as _, UserDirectory as _, UserFilter, UserRecord, UserStatus};
use auth_core::{FactorSealer, Password, Role, UserUpdate};
use auth_sea_orm::SeaOrmStore;
use clap::{ArgGroup, Args, ValueEnum};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::open::{self, Who, no_such_user, not_started};
use crate::secrets::{Agreed, PasswordFrom};
use crate::shell::Shell;
use crate::table::{GREEN, YELLOW, printable};

#[derive(Debug, Args)]
pub(crate) struct SetPassword {
    #[command(flatten)]
    user: Who,
    #[command(flatten)]
    password: PasswordFrom,
}

#[derive(Debug, Args)]
#[command(override_usage = "authctl user set-role <USER> [ROLE] [--none] [--admin yes|no] [--app-access yes|no]")]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["role", "none", "admin", "app_access"]))]
pub(crate) struct SetRole {
    #[command(flatten)]
    user: Who,
    /// The new role
    role: Option<Role>,
    /// No role
    #[arg(long, conflicts_with = "role")]
    none: bool,
    /// Whether the user may do everything
    #[arg(long)]
    admin: Option<Answer>,
    /// Whether the user may use the app
    #[arg(long)]
    app_access: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Answer {
    Yes,
    No,
}

#[derive(Debug, Args)]
pub(crate) struct ResetMfa {
    #[command(flatten)]
    user: Who,
    /// Also when SECRET and MFA_KEYS do not open the factor, so that it may be the wrong database
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    user: Who,
    #[command(flatten)]
    agreed: Agreed,
}

impl Who {
    pub(crate) async fn set_status(
        self,
        status: UserStatus,
        store: &SeaOrmStore,
        shell: &mut Shell<'_>,
    ) -> Result<Exit, Failure> {
        let mut update = UserUpdate::default();
        update.status = Some(status);
        self.change(update, status.as_str(), store, shell).await
    }

    async fn change(
        self,
        update: UserUpdate,
        done: &str,
        store: &SeaOrmStore,
        shell: &mut Shell<'_>,
    ) -> Result<Exit, Failure> {
        let auth = open::auth(store, open::config(shell)?)?;
        let user = open::user(store, &self.who).await?;
        if !auth.update_user(&user.id, update).await? {
            return Err(no_such_user());
        }
        open::keep_trail(&auth, shell).await;
        answer(&user, done, "all sessions have ended", shell)?;
        warn_without_admins(&user, store, shell).await;
        Ok(Exit::Done)
    }
}

impl SetPassword {
    pub(crate) async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        // Before somebody types for nothing.
        open::auth(store, open::config(shell)?)?;
        let user = open::user(store, &self.user.who).await?;
        let password = self.password.read_new()?;
        let mut update = UserUpdate::default();
        update.password = Some(Password::new(password.as_str()));
        let exit = self.user.change(update, "new password", store, shell).await?;
        if user.status != UserStatus::Active {
            let status = user.status.as_str();
            shell.note(&format!(
                "{YELLOW}note:{YELLOW:#} the user is {status}: the password counts after `authctl user activate`"
            ));
        }
        Ok(exit)
    }
}

impl SetRole {
    pub(crate) async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let role = if self.none { Some(None) } else { self.role.map(Some) };
        let is = |answer: Answer| answer == Answer::Yes;
        let mut update = UserUpdate::default();
        update.role = role;
        update.admin_access = self.admin.map(is);
        update.app_access = self.app_access.map(is);
        self.user.change(update, "changed", store, shell).await
    }
}

impl ResetMfa {
    pub(crate) async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let config = open::config(shell)?;
        let sealer = FactorSealer::new(&config).map_err(|error| not_started(error.to_string()))?;
        let auth = open::auth(store, config)?;
        let user = open::user(store, &self.user.who).await?;
        let active = store.second_factor(&user.id).await?.active;
        let active = active.ok_or_else(|| not_started("the user has no second factor: there is nothing to remove"))?;
        if let Err(error) = sealer.open(&user.id, &active.secret)
            && !self.force
        {
            let what = "SECRET and MFA_KEYS do not open the factor of this user, so this may be the database of another \
                        server: set both as the server has them, or remove the factor all the same with --force";
            return Err(not_started(what).because(error));
        }
        if !auth.reset_second_factor(&user.id).await? {
            return Err(not_started("somebody else removed it meanwhile"));
        }
        open::keep_trail(&auth, shell).await;
        answer(&user, "second factor removed", "all sessions have ended", shell)?;
        Ok(Exit::Done)
    }
}

impl Delete {
    pub(crate) async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let auth = open::auth(store, open::config(shell)?)?;
        let user = open::user(store, &self.user.who).await?;
        self.agreed.or_ask(&format!("{} will be removed for good. Go on?", printable(&user.email)))?;
        if !auth.delete_user(&user.id).await? {
            return Err(no_such_user());
        }
        open::keep_trail(&auth, shell).await;
        answer(&user, "deleted", "all sessions have ended", shell)?;
        warn_without_admins(&user, store, shell).await;
        Ok(Exit::Done)
    }
}

fn answer(user: &UserRecord, done: &str, and: &str, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let text = format!("{GREEN}{done}{GREEN:#}  {} ({}): {and}", printable(&user.email), printable(user.id.as_str()));
    shell.answer(&json!({ "id": user.id, "email": user.email, "done": done }), &text)
}

/// Whoever has a shell may remove the last admin, and should know.
async fn warn_without_admins(user: &UserRecord, store: &SeaOrmStore, shell: &mut Shell<'_>) {
    let filter = UserFilter { admin_access: Some(true), status: Some(UserStatus::Active), ..UserFilter::default() };
    // It is done: a database that goes away now makes it no failure.
    if user.admin_access && store.count_users(&filter, 1).await.is_ok_and(|admins| admins == 0) {
        shell.note(&format!("{YELLOW}note:{YELLOW:#} nobody is an admin now: `authctl user add --admin` makes one"));
    }
}

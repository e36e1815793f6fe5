//! New users.

use std::path::PathBuf;

use auth_core::store::UserStatus;
use auth_core::{Email, NewUser, Password, Role};
use auth_sea_orm::SeaOrmStore;
use clap::Args;
use serde_json::json;

use super::{csv, statuses};
use crate::exit::{Exit, Failure};
use crate::open::{self, not_started};
use crate::secrets::PasswordFrom;
use crate::shell::Shell;
use crate::table::GREEN;

#[derive(Debug, Args)]
#[command(after_help = csv::HELP)]
pub(crate) struct Add {
    /// The address
    #[arg(required_unless_present = "from")]
    email: Option<String>,
    /// The role
    #[arg(long)]
    role: Option<Role>,
    /// May do everything
    #[arg(long)]
    admin: bool,
    /// May not use the app
    #[arg(long)]
    no_app_access: bool,
    /// Whether the user may sign in
    #[arg(long, default_value = "active", value_parser = statuses())]
    status: String,
    #[command(flatten)]
    password: PasswordFrom,

    /// Makes the users of a CSV file, with the hashes of their passwords
    #[arg(long, value_name = "FILE", conflicts_with_all = ["email", "role", "admin", "no_app_access", "status", "stdin"])]
    from: Option<PathBuf>,
    /// Leaves out the lines of the file that cannot be used, in place of making nobody
    #[arg(long, requires = "from")]
    skip_bad: bool,
    /// Only says what is wrong with the file
    #[arg(long, requires = "from")]
    dry_run: bool,
}

impl Add {
    pub(crate) async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let config = open::config(shell)?;
        if let Some(file) = self.from {
            let import = csv::Import { file, skip_bad: self.skip_bad, dry_run: self.dry_run, config };
            return import.run(store, shell).await;
        }
        let email = Email::parse(self.email.as_deref().unwrap_or_default());
        let email = email.map_err(|error| not_started(format!("the address: {error}")))?;
        let auth = open::auth(store, config)?;
        let password = self.password.read_new()?;
        let mut user = NewUser::new(email, Password::new(password.as_str()));
        user.role = self.role;
        user.admin_access = self.admin;
        user.app_access = !self.no_app_access;
        user.status = UserStatus::from_name(&self.status).unwrap_or(user.status);
        let id = auth.create_user(user).await?;
        open::keep_trail(&auth, shell).await;
        shell.answer(&json!({ "id": id }), &format!("{GREEN}made{GREEN:#}  {id}"))?;
        Ok(Exit::Done)
    }
}

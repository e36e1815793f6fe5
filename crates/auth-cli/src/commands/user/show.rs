//! Users as they are.

use auth_core::store::{
    FactorStore as _, SessionStore as _, UserDirectory as _, UserFilter, UserPage, UserStatus, UserSummary,
};
use auth_core::{Clock as _, EmailPrefix, Role, SystemClock, UserId};
use auth_sea_orm::SeaOrmStore;
use clap::Args;
use serde_json::{Value, json};

use super::statuses;
use crate::exit::{Exit, Failure};
use crate::open::{self, no_such_user, not_started};
use crate::shell::Shell;
use crate::table::{DIM, Table, YELLOW, pairs, yes_no};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this status
    #[arg(long, value_parser = statuses())]
    status: Option<String>,
    /// Only those with this role
    #[arg(long)]
    role: Option<Role>,
    /// Only those who may do everything
    #[arg(long)]
    admins: bool,
    /// Only those whose address begins like this; by address then
    #[arg(long, value_name = "PREFIX")]
    email: Option<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    limit: u64,
    /// Those after this one: the `next` of the page before
    #[arg(long, value_name = "ID")]
    after: Option<UserId>,
}

impl List {
    pub(crate) async fn run(self, store: &SeaOrmStore, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let email = self.email.as_deref().map(EmailPrefix::new).transpose();
        let filter = UserFilter {
            id: None,
            status: self.status.as_deref().and_then(UserStatus::from_name),
            role: self.role,
            admin_access: self.admins.then_some(true),
            email: email.map_err(|_| not_started("no address begins like that: give --email the start of one"))?,
        };
        // One more than asked for says whether there are others.
        let page = UserPage { filter, after: self.after, skip: 0, limit: self.limit + 1 };
        let mut users = store.users(&page).await?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = users.len() > limit;
        users.truncate(limit);
        let next = users.last().filter(|_| has_more).map(|user| user.id.to_string());
        let mut table = Table::new(["id", "address", "status", "role", "access", "2nd factor", "made"]);
        for user in &users {
            let style = match user.status {
                UserStatus::Active => anstyle::Style::new(),
                UserStatus::Suspended => YELLOW,
                _ => DIM,
            };
            table.row(
                style,
                [
                    user.id.to_string(),
                    user.email.clone(),
                    user.status.as_str().to_owned(),
                    role(user),
                    access(user).to_owned(),
                    yes_no(user.has_factor).to_owned(),
                    user.created_at.to_string(),
                ],
            );
        }
        let mut text = if users.is_empty() { "nobody".to_owned() } else { table.text() };
        if let Some(next) = &next {
            text += &format!("{DIM}there are more: --after {next}{DIM:#}\n");
        }
        let users: Vec<_> = users.iter().map(summary).collect();
        shell.answer(&json!({ "users": users, "next": next }), &text)?;
        Ok(Exit::Done)
    }
}

pub(crate) async fn show(store: &SeaOrmStore, who: &str, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let record = open::user(store, who).await?;
    let user = store.users(&UserPage::of_one(record.id)).await?.pop().ok_or_else(no_such_user)?;
    let factor = store.second_factor(&user.id).await?;
    let sessions = store.list(&user.id, SystemClock.now()).await?.len();
    let factor_text = match factor.active {
        Some(_) => format!("yes, {} recovery codes left", factor.recovery_codes_left),
        None => "no".to_owned(),
    };
    let text = pairs(&[
        ("id", user.id.to_string()),
        ("address", user.email.clone()),
        ("status", user.status.as_str().to_owned()),
        ("role", role(&user)),
        ("access", access(&user).to_owned()),
        ("password", yes_no(record.password.is_some()).to_owned()),
        ("second factor", factor_text),
        ("sessions", sessions.to_string()),
        ("made", user.created_at.to_string()),
    ]);
    let mut json = summary(&user);
    if let Value::Object(members) = &mut json {
        members.insert("has_password".to_owned(), record.password.is_some().into());
        members.insert("recovery_codes_left".to_owned(), factor.recovery_codes_left.into());
        members.insert("sessions".to_owned(), sessions.into());
    }
    shell.answer(&json, &text)?;
    Ok(Exit::Done)
}

fn role(user: &UserSummary) -> String {
    user.role.map_or_else(|| "-".to_owned(), |role| role.to_string())
}

const fn access(user: &UserSummary) -> &'static str {
    match (user.admin_access, user.app_access) {
        (true, _) => "admin",
        (false, true) => "app",
        (false, false) => "-",
    }
}

fn summary(user: &UserSummary) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "status": user.status.as_str(),
        "role": user.role,
        "app_access": user.app_access,
        "admin_access": user.admin_access,
        "has_second_factor": user.has_factor,
        "created_at": user.created_at.to_string(),
    })
}

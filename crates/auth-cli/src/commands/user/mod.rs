//! `authctl user`: who may sign in.

mod add;
mod change;
mod csv;
mod lines;
mod show;

use auth_core::store::UserStatus;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use crate::exit::{Exit, Failure};
use crate::open::{Database, Who};
use crate::shell::Shell;

#[derive(Debug, Args)]
pub(crate) struct Users {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a user, or with --from those of a file
    Add(add::Add),
    /// Users, the newest first
    List(show::List),
    /// One user, with second factor and sessions
    Show(Who),
    /// Sets a new password, and ends all sessions of the user
    SetPassword(change::SetPassword),
    /// Shuts a user out, and ends all sessions
    Suspend(Who),
    /// Lets a user sign in
    Activate(Who),
    /// Changes role and access, and ends all sessions of the user
    SetRole(change::SetRole),
    /// Removes the second factor of a user who lost it, and ends all sessions
    ResetMfa(change::ResetMfa),
    /// Removes a user with all sessions
    Delete(change::Delete),
}

impl Users {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let store = self.database.open(shell).await?;
        match self.command {
            Command::Add(add) => add.run(&store, shell).await,
            Command::List(list) => list.run(&store, shell).await,
            Command::Show(who) => show::show(&store, &who.who, shell).await,
            Command::SetPassword(set) => set.run(&store, shell).await,
            Command::Suspend(who) => who.set_status(UserStatus::Suspended, &store, shell).await,
            Command::Activate(who) => who.set_status(UserStatus::Active, &store, shell).await,
            Command::SetRole(set) => set.run(&store, shell).await,
            Command::ResetMfa(reset) => reset.run(&store, shell).await,
            Command::Delete(delete) => delete.run(&store, shell).await,
        }
    }
}

fn statuses() -> PossibleValuesParser {
    PossibleValuesParser::new(UserStatus::ALL.iter().map(|status| status.as_str()))
}

//! `authctl token`: access tokens.

mod inspect;
mod issue;
mod verify;

use clap::{Args, Subcommand};

use crate::exit::{Exit, Failure};
use crate::shell::Shell;

#[derive(Debug, Args)]
pub(crate) struct Tokens {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a short-lived access token for a user, to try something out
    Issue(issue::Issue),
    /// Shows what is in a token, WITHOUT verifying anything; the token is read from standard input
    Inspect(inspect::Inspect),
    /// Says whether an access token is good, and if not why; the token is read from standard input
    Verify(verify::Verify),
}

impl Tokens {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        match self.command {
            Command::Issue(issue) => issue.run(shell).await,
            Command::Inspect(inspect) => inspect.run(shell),
            Command::Verify(verify) => verify.run(shell).await,
        }
    }
}

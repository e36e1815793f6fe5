//! `authctl completions`: for bash, zsh, fish, elvish and PowerShell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell as Kind;

use super::Cli;
use crate::exit::{Exit, Failure};
use crate::shell::{Shell, unread};

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    kind: Kind,
}

impl Completions {
    pub(crate) fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.kind, &mut Cli::command(), "authctl", &mut script);
        shell.out.write_all(&script).or_else(unread)?;
        Ok(Exit::Done)
    }
}

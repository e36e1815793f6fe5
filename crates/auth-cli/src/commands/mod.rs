//! The subcommands, one file each.

mod import_directus;

use std::io::Write;

use clap::{Parser, Subcommand};

use crate::Vars;
use crate::exit::{Exit, Failure};

/// Takes care of the users of `auth`.
#[derive(Debug, Parser)]
#[command(name = "authctl", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  everything is as it was asked for
  1  some rows could not be taken over; the report says which, and why
  2  the command line is wrong
  3  some rows differ and were left alone (--update was not given)
  4  nothing was done: a database, a table, a setting or a key is missing
  5  stopped half way by a database that went away: run it again";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Brings users from elsewhere into our tables.
    #[command(subcommand)]
    Import(Import),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Users, password hashes, roles and second factors of Directus 11.
    Directus(import_directus::ImportDirectus),
}

impl Command {
    pub(crate) async fn run(self, vars: Vars<'_>, out: &mut (dyn Write + Send)) -> Result<Exit, Failure> {
        match self {
            Self::Import(Import::Directus(import)) => import.run(vars, out).await,
        }
    }
}

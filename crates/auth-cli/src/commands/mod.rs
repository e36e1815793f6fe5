//! The subcommands, one file or folder each.

mod audit;
mod bench;
mod completions;
mod doctor;
mod import_directus;
mod init;
mod key;
mod migrate;
mod session;
mod token;
mod user;

use clap::{Parser, Subcommand};

use crate::exit::{Exit, Failure};
use crate::shell::Shell;

/// Takes care of the users, sessions, keys and tokens of `auth`.
#[derive(Debug, Parser)]
#[command(name = "authctl", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Answers in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Reads the settings as a server does that uses `AuthConfig::directus_from_env`
    #[arg(long, global = true)]
    pub(crate) directus: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  everything is as it was asked for
  1  some of it is not: rows that could not be taken over, a token that is not valid, problems that the doctor found
  2  the command line is wrong
  3  some rows are there already or differ, and were left alone; some migrations are pending
  4  nothing was done: a database, a table, a setting, a key or a user is missing, or it was refused
  5  stopped half way, by a database that went away or by ctrl-c: run it again";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes a commented configuration, with fresh keys
    Init(init::Init),
    /// Makes our tables, or brings them up to date
    Migrate(migrate::Migrate),
    /// Users: made, found, changed, removed
    User(user::Users),
    /// Sessions: seen, ended, removed
    Session(session::Sessions),
    /// The file with the keys that sign access tokens
    Key(key::Keys),
    /// Access tokens: made, read, checked
    Token(token::Tokens),
    /// What happened, from the audit trail
    Audit(audit::Audit),
    /// Looks whether configuration, database and machine fit each other, and says what to do
    Doctor(doctor::Doctor),
    /// Measures on this machine
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Brings users from elsewhere into our tables
    #[command(subcommand)]
    Import(Import),
    /// Prints the completions for a shell
    Completions(completions::Completions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Users, password hashes, roles and second factors of Directus 11
    Directus(import_directus::ImportDirectus),
}

impl Command {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Init(init) => init.run(shell),
            Self::Migrate(migrate) => migrate.run(shell).await,
            Self::User(users) => users.run(shell).await,
            Self::Session(sessions) => sessions.run(shell).await,
            Self::Key(keys) => keys.run(shell),
            Self::Token(tokens) => tokens.run(shell).await,
            Self::Audit(audit) => audit.run(shell).await,
            Self::Doctor(doctor) => doctor.run(shell).await,
            Self::Bench(bench) => bench.run(shell).await,
            Self::Import(Import::Directus(import)) => import.run(shell).await,
            Self::Completions(completions) => completions.run(shell),
        }
    }
}

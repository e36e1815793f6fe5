//! The command line of `auth`, as a library so that it can be tested: [`run`] is all of `authctl`.
//!
//! ```text
//!   authctl import directus <URL>      users of Directus 11 become users of ours
//! ```
//!
//! Each subcommand is a file in `commands`. [`Exit`] says what its exit codes mean. A database URL holds a password, and
//! command lines can be seen by others on the machine: each can be given in the environment instead.

mod commands;
mod exit;
mod report;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser as _;

pub use exit::Exit;

/// Where settings come from: the environment, by name.
pub type Vars<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Runs one command line. Results go to `out`, what is wrong goes to `err`.
pub async fn run(
    args: impl IntoIterator<Item = OsString>,
    vars: Vars<'_>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> Exit {
    let args: Vec<_> = args.into_iter().collect();
    let cli = match commands::Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(problem) => {
            // Help was asked for, or the command line is wrong: clap says which.
            let is_help = !problem.use_stderr();
            let text = without_passwords(problem.to_string(), &args);
            // Nobody is left to tell when the terminal is gone.
            let _ = if is_help { write!(out, "{text}") } else { write!(err, "{text}") };
            return if is_help { Exit::Done } else { Exit::Usage };
        }
    };
    match cli.command.run(vars, out).await {
        Ok(exit) => exit,
        Err(failure) => {
            let _ = writeln!(err, "authctl: {failure}");
            failure.exit()
        }
    }
}

/// Clap repeats what it does not understand, and that may be the URL of a database in the wrong place: `text` without
/// what stands between `://` and the last `@` of an argument.
fn without_passwords(text: String, args: &[OsString]) -> String {
    args.iter().fold(text, |text, arg| {
        let arg = arg.to_string_lossy();
        let rest = arg.split_once("://").map(|(_, rest)| rest);
        match rest.and_then(|rest| rest.rsplit_once('@')) {
            Some((login, _)) => text.replace(&format!("://{login}@"), "://***@"),
            None => text,
        }
    })
}

//! The command line of `auth`, as a library so that it can be tested: [`run`] is all of `authctl`.
//!
//! ```text
//!   authctl init                        a configuration and keys to begin with
//!   authctl migrate                     our tables
//!   authctl user | session              who may sign in, and who has
//!   authctl key | token                 what signs, and what was signed
//!   authctl audit tail                  what happened
//!   authctl doctor | bench hash         whether it all fits this machine
//!   authctl import directus <URL>       users of Directus 11 become users of ours
//! ```
//!
//! Each group of subcommands is a file or a folder in `commands`. [`Exit`] says what the exit codes mean. A database URL
//! holds a password, and command lines can be seen by others on the machine: each can be given in the environment
//! instead. Passwords and tokens never stand on a command line: they are asked for, or read from standard input.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod commands;
mod exit;
mod open;
mod report;
mod secrets;
mod shell;
mod table;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use anstream::{AutoStream, StripStream};
use clap::Parser as _;

pub use exit::Exit;
use shell::{Format, Preset, Shell};

/// Where settings come from: the environment, by name.
pub type Vars<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The program: arguments and settings of this process, colours where the terminal shows some and `NO_COLOR` is not set.
#[must_use]
pub fn main() -> ExitCode {
    let vars = |name: &str| std::env::var(name).ok();
    let (mut out, mut err) = (AutoStream::auto(std::io::stdout()), AutoStream::auto(std::io::stderr()));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(err, "authctl: the operating system refuses what every program needs: {error}");
            return ExitCode::from(Exit::NotStarted.code());
        }
    };
    let exit = runtime.block_on(run_styled(std::env::args_os().collect(), &vars, &mut out, &mut err));
    ExitCode::from(exit.code())
}

/// Runs one command line. Results go to `out`, what is wrong goes to `err`, neither with colours.
pub async fn run(
    args: impl IntoIterator<Item = OsString>,
    vars: Vars<'_>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> Exit {
    let (mut plain_out, mut plain_err) = (StripStream::new(Vec::new()), StripStream::new(Vec::new()));
    let exit = run_styled(args.into_iter().collect(), vars, &mut plain_out, &mut plain_err).await;
    // Nobody is left to tell when the terminal is gone.
    let _ = out.write_all(&plain_out.into_inner());
    let _ = err.write_all(&plain_err.into_inner());
    exit
}

async fn run_styled(
    args: Vec<OsString>,
    vars: Vars<'_>,
    out: &mut (dyn Write + Send + Sync),
    err: &mut (dyn Write + Send + Sync),
) -> Exit {
    let cli = match commands::Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(problem) => {
            // Help was asked for, or the command line is wrong: clap says which.
            let is_help = !problem.use_stderr();
            let text = without_passwords(problem.render().ansi().to_string(), &args);
            // Nobody is left to tell when the terminal is gone.
            let _ = if is_help { write!(out, "{text}") } else { write!(err, "{text}") };
            return if is_help { Exit::Done } else { Exit::Usage };
        }
    };
    let format = if cli.json { Format::Json } else { Format::Human };
    let preset = if cli.directus { Preset::Directus } else { Preset::Ours };
    let mut shell = Shell { vars, out, err, format, preset };
    match cli.command.run(&mut shell).await {
        Ok(exit) => exit,
        Err(failure) => {
            shell.note(&format!("{}authctl:{0:#} {failure}", table::RED));
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

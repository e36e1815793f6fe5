//! Secrets are typed without being shown, or come by standard input: never from the command line, which others on the
//! machine can see.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use clap::Args;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

/// The longest line that is read: no password and no token of ours has so many bytes.
const LONGEST: u64 = 64 * 1024;

/// Where a password comes from.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PasswordFrom {
    /// Reads the password from standard input: the first line of it
    #[arg(long)]
    stdin: bool,
}

impl PasswordFrom {
    /// A new password: asked for twice at a terminal.
    pub(crate) fn read_new(self) -> Result<Zeroizing<String>, Failure> {
        if self.stdin {
            return first_line("the password");
        }
        require_terminal("the password")?;
        let first = ask("Password: ")?;
        if *first != *ask("The same again: ")? {
            return Err(refused("the two passwords differ: nothing was done"));
        }
        Ok(first)
    }
}

/// A token: the first line of standard input, which is asked for when that is a terminal.
pub(crate) fn read_token() -> Result<Zeroizing<String>, Failure> {
    let token = if std::io::stdin().is_terminal() { ask("Token: ")? } else { first_line("the token")? };
    let token = token.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    if token.is_empty() {
        return Err(refused("there is no token on standard input"));
    }
    Ok(Zeroizing::new(token.to_owned()))
}

/// Whether somebody wants what cannot be undone.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Agreed {
    /// Does not ask before something is lost
    #[arg(long)]
    yes: bool,
}

impl Agreed {
    /// Asks, unless it was said before.
    pub(crate) fn or_ask(self, question: &str) -> Result<(), Failure> {
        if self.yes { Ok(()) } else { confirm(question) }
    }
}

fn confirm(question: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(refused(format!("{question} There is no terminal to ask at: say --yes. Nothing was done")));
    }
    eprint!("{question} [y/N] ");
    let mut line = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_line(&mut line);
    read.map_err(|error| refused("the answer cannot be read").because(error))?;
    if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(refused("nothing was done"))
}

fn first_line(what: &str) -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().take(LONGEST).read_line(&mut line);
    read.map_err(|error| refused(format!("{what} cannot be read from standard input")).because(error))?;
    let kept = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(kept);
    if line.is_empty() {
        return Err(refused(format!("{what} is missing: standard input is empty")));
    }
    Ok(line)
}

fn require_terminal(what: &str) -> Result<(), Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(refused(format!("there is no terminal to ask for {what} at: give it on standard input, with --stdin")))
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(prompt);
    typed.map(Zeroizing::new).map_err(|error| refused("what was typed cannot be read").because(error))
}

fn refused(what: impl Into<String>) -> Failure {
    Failure::new(Exit::NotStarted, what)
}

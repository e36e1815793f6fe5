//! Where a command reads its settings and writes its answers.

use std::io::{self, Write};

use serde_json::Value;

use crate::Vars;
use crate::exit::{Exit, Failure};
use crate::table::printable_json;

/// What surrounds a command.
pub(crate) struct Shell<'a> {
    pub(crate) vars: Vars<'a>,
    pub(crate) out: &'a mut (dyn Write + Send + Sync),
    pub(crate) err: &'a mut (dyn Write + Send + Sync),
    pub(crate) format: Format,
    pub(crate) preset: Preset,
}

/// For whom answers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Human,
    Json,
}

/// Over which defaults the environment is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preset {
    /// `AuthConfig::from_env`.
    Ours,
    /// `AuthConfig::directus_from_env`.
    Directus,
}

impl Shell<'_> {
    /// A setting; one that is empty is not set.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        (self.vars)(name).filter(|value| !value.is_empty())
    }

    /// The answer of a command, in the form that was asked for.
    pub(crate) fn answer(&mut self, json: &Value, text: &str) -> Result<(), Failure> {
        let written = match self.format {
            Format::Json => writeln!(self.out, "{}", printable_json(&format!("{json:#}"))),
            Format::Human => writeln!(self.out, "{}", text.trim_end()),
        };
        written.and_then(|()| self.out.flush()).or_else(unread)
    }

    /// What is no answer: it goes where it disturbs no script.
    pub(crate) fn note(&mut self, text: &str) {
        // Nobody is left to tell when the terminal is gone.
        let _ = writeln!(self.err, "{text}");
    }
}

/// Whoever closes a pipe has read enough.
pub(crate) fn unread(error: io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::new(Exit::NotStarted, "the answer cannot be written").because(error)),
    }
}

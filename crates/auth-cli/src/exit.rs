//! What the exit codes mean, and what stops a command.

use std::error::Error as StdError;
use std::fmt;

/// The exit code of `authctl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything is as it was asked for.
    Done,
    /// 1: some of it is not as it should be, and the answer says what: rows that could not be taken over, a token that is
    /// not valid, findings of the doctor.
    SomeFailed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: some rows are there already or differ, and were left alone.
    Differences,
    /// 4: nothing was done: a database, a table, a setting, a key or a user is missing, or it was refused.
    NotStarted,
    /// 5: stopped half way, by a database that went away or by ctrl-c. Each row was taken over whole or not at all: run it
    /// again.
    Interrupted,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::Usage => 2,
            Self::Differences => 3,
            Self::NotStarted => 4,
            Self::Interrupted => 5,
        }
    }
}

/// What stopped a command: a sentence that says what is wrong and what to do, and what was underneath.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), source: None }
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Of several things, it was this one.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.what = format!("{subject}: {}", self.what);
        self
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut source = self.source.as_deref().map(|source| source as &dyn StdError);
        // Wrappers often say what is in them: each sentence once.
        let mut said = self.what.clone();
        while let Some(error) = source {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, "\n  because: {text}")?;
                said = text;
            }
            source = error.source();
        }
        Ok(())
    }
}

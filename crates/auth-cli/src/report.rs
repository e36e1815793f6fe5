//! What became of each user, for people and for programs.

use std::io::{self, Write};

use auth_core::store::StoreError;
use auth_sea_orm::directus::Applied;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::shell::Format;
use crate::table::{printable, printable_json};

pub(crate) struct Report {
    is_dry_run: bool,
    entries: Vec<Entry>,
    interrupted: Option<String>,
}

pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) outcome: Outcome,
    /// Who checks the identity, when Directus itself does not.
    pub(crate) provider: Option<String>,
}

pub(crate) enum Outcome {
    Applied(Applied),
    /// Nothing of this user was written.
    Problem(String),
}

impl Outcome {
    const fn name(&self) -> &'static str {
        match self {
            Self::Applied(Applied::Created) => "created",
            Self::Applied(Applied::Unchanged) => "unchanged",
            Self::Applied(Applied::Differs(_)) => "differs",
            Self::Applied(Applied::Updated(_)) => "updated",
            Self::Problem(_) => "problem",
        }
    }

    fn differences(&self) -> Vec<&'static str> {
        match self {
            Self::Applied(Applied::Differs(differences) | Applied::Updated(differences)) => {
                differences.iter().map(|difference| difference.as_str()).collect()
            }
            Self::Applied(_) | Self::Problem(_) => Vec::new(),
        }
    }
}

const NAMES: [&str; 5] = ["created", "unchanged", "differs", "updated", "problem"];

impl Report {
    pub(crate) const fn new(is_dry_run: bool) -> Self {
        Self { is_dry_run, entries: Vec::new(), interrupted: None }
    }

    pub(crate) fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub(crate) fn interrupted(&mut self, error: &StoreError) {
        self.interrupted = Some(error.to_string());
    }

    pub(crate) fn exit(&self) -> Exit {
        let has = |name: &str| self.count(name) > 0;
        match (self.interrupted.is_some(), has("problem"), has("differs")) {
            (true, _, _) => Exit::Interrupted,
            (false, true, _) => Exit::SomeFailed,
            (false, false, true) => Exit::Differences,
            (false, false, false) => Exit::Done,
        }
    }

    pub(crate) fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Json => writeln!(out, "{}", printable_json(&format!("{:#}", self.json()))),
            Format::Human => self.table(out),
        }
    }

    fn count(&self, name: &str) -> usize {
        self.entries.iter().filter(|entry| entry.outcome.name() == name).count()
    }

    fn json(&self) -> Value {
        let user = |entry: &Entry| {
            json!({
                "id": entry.id,
                "email": entry.email,
                "outcome": entry.outcome.name(),
                "differences": entry.outcome.differences(),
                "problem": if let Outcome::Problem(problem) = &entry.outcome { Some(problem) } else { None },
                "provider": entry.provider,
            })
        };
        let summary: serde_json::Map<_, _> =
            NAMES.iter().map(|name| ((*name).to_owned(), json!(self.count(name)))).collect();
        json!({
            "dry_run": self.is_dry_run,
            "users": self.entries.iter().map(user).collect::<Vec<_>>(),
            "summary": summary,
            "interrupted": self.interrupted,
        })
    }

    /// Whoever is as before is counted and not listed.
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let listed: Vec<_> = self.entries.iter().filter(|entry| entry.outcome.name() != "unchanged").collect();
        let width = listed.iter().map(|entry| entry.email.chars().count()).max().unwrap_or_default();
        for entry in &listed {
            let detail = match &entry.outcome {
                Outcome::Problem(problem) => printable(problem),
                outcome => outcome.differences().join(", "),
            };
            let provider = entry.provider.as_ref();
            let provider = provider.map(|provider| format!("(signs in through {provider}: no password) "));
            let line = format!(
                "{:<9}  {:<width$}  {}  {}{detail}",
                entry.outcome.name(),
                printable(&entry.email),
                printable(&entry.id),
                provider.map(|text| printable(&text)).unwrap_or_default(),
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        let summary: Vec<_> = NAMES.iter().map(|name| format!("{} {name}", self.count(name))).collect();
        writeln!(
            out,
            "{}{}",
            if self.is_dry_run { "nothing was written; would be: " } else { "" },
            summary.join(", ")
        )?;
        if self.count("differs") > 0 {
            writeln!(out, "who differs was left as is: --update takes what Directus has")?;
        }
        if let Some(error) = &self.interrupted {
            writeln!(out, "stopped: {error}; everybody above is whole: run it again for the others")?;
        }
        Ok(())
    }
}

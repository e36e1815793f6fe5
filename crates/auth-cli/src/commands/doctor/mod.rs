//! `authctl doctor`: whether configuration, database and machine fit each other.

mod data;
mod settings;

use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig};
use clap::Args;
use serde_json::{Value, json};

use super::bench::hash_time;
use crate::exit::{Exit, Failure};
use crate::open::{self, Database};
use crate::shell::Shell;
use crate::table::{DIM, GREEN, RED, YELLOW, printable};

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    database: Database,
}

/// What was found, and what to do about it.
struct Finding {
    level: Level,
    subject: &'static str,
    what: String,
    remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Warning,
    Problem,
}

impl Finding {
    fn good(subject: &'static str, what: impl Into<String>) -> Self {
        Self { level: Level::Good, subject, what: what.into(), remedy: None }
    }

    fn warning(subject: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, subject, what: what.into(), remedy: Some(remedy.into()) }
    }

    fn problem(subject: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Problem, subject, what: what.into(), remedy: Some(remedy.into()) }
    }
}

impl Doctor {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let mut findings = Vec::new();
        let config = configuration(shell, &mut findings);
        if let Some(config) = &config {
            settings::look(config, shell, &mut findings);
            findings.push(hashing(config).await?);
        }
        match self.database.open(shell).await {
            Ok(store) => {
                findings.push(Finding::good("database", "it answers, and its tables are up to date"));
                data::look(&store, config.as_ref(), &mut findings).await?;
            }
            // The sentence says what to do too.
            Err(failure) => findings.push(Finding {
                level: Level::Problem,
                subject: "database",
                what: failure.to_string(),
                remedy: None,
            }),
        }
        answer(&findings, shell)?;
        let is_ill = findings.iter().any(|finding| finding.level == Level::Problem);
        Ok(if is_ill { Exit::SomeFailed } else { Exit::Done })
    }
}

fn configuration(shell: &Shell<'_>, findings: &mut Vec<Finding>) -> Option<AuthConfig> {
    let checked = open::config(shell).map_err(|failure| failure.to_string()).and_then(|config| {
        let auth = Auth::builder(MemoryStore::new()).config(config.clone()).build();
        auth.map(|_| config).map_err(|error| error.to_string())
    });
    match checked {
        Ok(config) => {
            findings.push(Finding::good("configuration", "a server can start with it"));
            Some(config)
        }
        Err(what) => {
            findings.push(Finding { level: Level::Problem, subject: "configuration", what, remedy: None });
            None
        }
    }
}

/// Attackers are as patient as they were; users wait.
async fn hashing(config: &AuthConfig) -> Result<Finding, Failure> {
    const SUBJECT: &str = "hash cost";
    let millis = hash_time(config.hash).await?.as_millis();
    let threads = config.hash_threads;
    let memory = u64::from(config.max_hash.memory_kib()) * threads as u64 / 1024;
    let what = format!(
        "a password takes {millis} ms here: {} logins in a second on {threads} threads, which keep up to {memory} MiB",
        1000 * threads as u128 / millis.max(1)
    );
    Ok(match millis {
        0..=9 => Finding::warning(SUBJECT, what, "this machine can do more: `authctl bench hash` finds higher values"),
        10..=1000 => Finding::good(SUBJECT, what),
        _ => Finding::warning(SUBJECT, what, "lower HASH_MEMORY or HASH_TIME: `authctl bench hash` finds values"),
    })
}

fn answer(findings: &[Finding], shell: &mut Shell<'_>) -> Result<(), Failure> {
    let mut text = String::new();
    for finding in findings {
        let (style, word) = match finding.level {
            Level::Good => (GREEN, "good   "),
            Level::Warning => (YELLOW, "warning"),
            Level::Problem => (RED, "problem"),
        };
        // A failure may have lines of its own.
        let what: Vec<_> = finding.what.lines().map(printable).collect();
        text +=
            &format!("{style}{word}{style:#}  {:<13}  {}\n", finding.subject, what.join("\n                        "));
        if let Some(remedy) = &finding.remedy {
            text += &format!("                        {DIM}→ {}{DIM:#}\n", printable(remedy));
        }
    }
    let json: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let level = match finding.level {
                Level::Good => "good",
                Level::Warning => "warning",
                Level::Problem => "problem",
            };
            json!({ "level": level, "subject": finding.subject, "what": finding.what, "remedy": finding.remedy })
        })
        .collect();
    shell.answer(&json!({ "findings": json }), &text)
}

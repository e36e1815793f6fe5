//! The command line.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::report::{Report, markdown, svg};
use crate::servers::Server;
use crate::size::Size;

/// What a guard, a login and a refresh cost, beside bare servers, peers, the hash alone and the UPDATE alone.
///
/// PostgreSQL is the one on port 5432 of this machine, or that of TEST_POSTGRES_URL; a database is made there and
/// removed again.
#[derive(Debug, Parser)]
#[command(name = "auth-bench", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// About a minute, with wider spreads
    #[arg(long)]
    quick: bool,
    /// A few requests each, only to see that everything answers as it should: its figures mean nothing
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// Leave the peers out, which are built first
    #[arg(long)]
    no_peers: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Whether the peers run too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    Run,
    Skip,
}

/// Where the results go, beside the standard output.
#[derive(Debug, clap::Args)]
pub(crate) struct Outputs {
    /// The results with everything about the run
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The table
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// The chart
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What the binary does for itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One of the servers under load
    #[command(hide = true)]
    Serve { server: Server },
}

impl Arguments {
    pub(crate) const fn size(&self) -> Size {
        match (self.quick, self.smoke) {
            (true, _) => Size::Quick,
            (false, true) => Size::Smoke,
            (false, false) => Size::Full,
        }
    }

    pub(crate) const fn peers(&self) -> Peers {
        if self.no_peers { Peers::Skip } else { Peers::Run }
    }
}

impl Outputs {
    pub(crate) fn write(&self, report: &Report) -> Result<(), Failure> {
        let table = markdown::table(report);
        println!("{table}");
        write(self.markdown.as_deref(), || Ok(table.clone()))?;
        write(self.svg.as_deref(), || Ok(svg::chart(report)))?;
        write(self.json.as_deref(), || serde_json::to_string_pretty(report).map_err(Failure::Json))
    }
}

fn write(file: Option<&Path>, text: impl Fn() -> Result<String, Failure>) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, text()?).map_err(|source| Failure::io(file.display(), source))
}

#[cfg(test)]
mod tests;

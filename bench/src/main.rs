//! `auth-bench`: servers with our guards, bare ones and peers under load in one run, logins beside their hash, refreshes
//! beside their UPDATE. One table of ratios, and a chart of it.
//!
//! Every server is a process of its own with one worker, and what counts is the processor time of that process: on a
//! machine that others use too, the time on the wall says little. Samples of all servers take turns, so that whatever
//! else happens meets all of them. Linux only: `/proc`.

mod arguments;
mod client;
mod conditions;
mod failure;
mod guards;
mod load;
mod logins;
mod peers;
mod process;
mod refreshes;
mod report;
mod servers;
mod size;
mod spread;
mod versions;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command, Outputs};
use conditions::Conditions;
use failure::Failure;
use report::Report;
use size::Size;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Serve { server }) => server.serve(),
        None => bench(arguments.size(), arguments.peers(), &arguments.outputs),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("auth-bench: {}", failure.with_sources());
            ExitCode::FAILURE
        }
    }
}

fn bench(size: Size, peers: arguments::Peers, outputs: &Outputs) -> Result<(), Failure> {
    // Built before anything is measured.
    let peers = match peers {
        arguments::Peers::Run => Some(peers::build()?),
        arguments::Peers::Skip => None,
    };
    let conditions = Conditions::now(size);
    // The load leaves the other core to the server; the store has what pgbench has.
    let mut rows = runtime(1)?.block_on(async {
        let guards = guards::measure(size, peers.as_deref()).await?;
        Ok::<_, Failure>([guards, logins::measure(size).await?].concat())
    })?;
    rows.extend(runtime(conditions.cores)?.block_on(refreshes::measure(size))?);
    let report = Report { conditions: conditions.at_the_end(), rows };
    outputs.write(&report)
}

fn runtime(workers: usize) -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    runtime.map_err(|source| Failure::io("the runtime of the load", source))
}

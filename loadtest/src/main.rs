//! Load on a Rowcast hub: figures for people and scripts, and whether every stream was right.
//!
//! Each scenario is a folder: [`connect`], [`fanout`], [`edits`], [`record`], [`hostile`]; [`compare`]
//! runs them on two builds. They stand on
//! [`target`] (the hub, people, channels), [`wire`] (sockets that cost little) and [`report`]. One
//! thread does everything, so that what this program costs is one number beside the hub's; only a
//! hostile client has a thread of its own.

mod cli;
mod compare;
mod connect;
mod crowd;
mod edits;
mod error;
mod fanout;
mod findings;
mod hostile;
mod latency;
mod machine;
mod process;
mod record;
mod report;
mod rows;
mod target;
mod wire;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
use tokio::task::LocalSet;

use cli::{CommandLine, Scenario};
use error::LoadError;
use machine::Cores;

fn main() -> ExitCode {
    match perform(CommandLine::parse().scenario) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where even this cannot be said, the exit code says it.
            let _unheard = writeln!(std::io::stderr(), "rowcast-loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a scenario. `true`: nothing was wrong.
fn perform(scenario: Scenario) -> Result<bool, LoadError> {
    if let Some(cores) = scenario.cores() {
        cores.pin()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::io("cannot begin"))?;
    let local = LocalSet::new();
    runtime.block_on(local.run_until(run(scenario)))
}

async fn run(scenario: Scenario) -> Result<bool, LoadError> {
    match scenario {
        Scenario::Connect(args) => connect::run(args).await,
        Scenario::Fanout(args) => fanout::run(args).await,
        Scenario::Edits(args) if args.beside_pgbench => edits::beside_pgbench(args).await,
        Scenario::Edits(args) => edits::run(args).await,
        Scenario::Record(args) => record::run(args).await,
        Scenario::Hostile(args) => hostile::run(args).await,
        Scenario::Compare(args) => compare::run(args).await,
        Scenario::Worker => connect::worker().await,
    }
}

impl Scenario {
    /// The cores that this program stays on.
    fn cores(&self) -> Option<&Cores> {
        match self {
            Self::Connect(args) => args.hub.client_cpus.as_ref(),
            Self::Fanout(args) => args.hub.client_cpus.as_ref(),
            Self::Edits(args) => args.hub.client_cpus.as_ref(),
            Self::Hostile(args) => args.hub.client_cpus.as_ref(),
            Self::Compare(args) => args.hub.client_cpus.as_ref(),
            Self::Record(_) | Self::Worker => None,
        }
    }
}

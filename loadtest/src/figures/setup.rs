//! What every measurement is told on the command line: which programs, on which cores, where their files go; and how it ends
//! when it is interrupted.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::problem::Problem;
use crate::process::{self, Cores};
use crate::report::Form;

/// Arguments of `figures` and `scale` alike.
#[derive(Debug, Args)]
pub struct SetupArguments {
    /// The `holdfast` to measure; if not said, the one beside this program.
    #[arg(long, value_name = "PATH")]
    holdfast: Option<PathBuf>,
    /// The program that serves the floor; if not said, this one.
    #[arg(long, value_name = "PATH")]
    floor_binary: Option<PathBuf>,
    /// How many times the contenders take turns.
    #[arg(long, default_value = "3")]
    rounds: NonZeroU32,
    /// How long each turn takes.
    #[arg(long, default_value = "5")]
    seconds: NonZeroU32,
    /// How many keep-alive connections.
    #[arg(long, default_value = "64")]
    connections: NonZeroUsize,
    /// The core of the servers.
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    server_core: usize,
    /// The core of the load.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    load_core: usize,
    /// Where to make the directory for configuration, ledgers and logs; if not said, beside this program. It should be on the
    /// disk whose syncs are to be measured, not in memory.
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Leaves that directory behind.
    #[arg(long)]
    pub keep: bool,
    /// Prints one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What all parts of a measurement need to know.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What is measured.
    pub holdfast: PathBuf,
    /// What serves the floor.
    pub floor: PathBuf,
    /// How many turns.
    pub rounds: NonZeroU32,
    /// How long each.
    pub seconds: NonZeroU32,
    /// Over how many connections.
    pub connections: NonZeroUsize,
    /// Where everybody runs.
    pub cores: Cores,
    /// Why somebody is not where they should be.
    pub not_pinned: Option<String>,
    /// How many of a thousand callbacks are to be approved.
    pub approve_per_mille: u16,
    /// How long a server may take to get ready.
    pub ready_max: Duration,
}

impl SetupArguments {
    /// How to print.
    pub const fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Table }
    }

    /// Where the measurement's directory is made.
    ///
    /// # Errors
    /// This program cannot be found.
    pub fn work_dir(&self) -> Result<PathBuf, Problem> {
        self.work_dir.clone().map_or_else(|| beside_this_program(""), Ok)
    }

    /// The setting; from here on the load is on its core.
    ///
    /// # Errors
    /// There is no `holdfast` to measure.
    pub fn setting(&self, approve_per_mille: u16, ready_max: Duration) -> Result<Setting, Problem> {
        let holdfast = self.holdfast.clone().map_or_else(|| beside_this_program("holdfast"), Ok)?;
        if !holdfast.is_file() {
            let path = holdfast.display();
            return Err(Problem::new(format!(
                "{path} is not there: build it (cargo build --profile dist) or say --holdfast PATH"
            )));
        }
        let floor = self.floor_binary.clone().map_or_else(this_program, Ok)?;
        let (cores, not_pinned) = self.cores();
        let (rounds, seconds, connections) = (self.rounds, self.seconds, self.connections);
        Ok(Setting { holdfast, floor, rounds, seconds, connections, cores, not_pinned, approve_per_mille, ready_max })
    }

    /// Pins the load to its core, after trying the servers' one. Where that is not possible nobody is pinned.
    fn cores(&self) -> (Cores, Option<String>) {
        if self.server_core == self.load_core {
            return (Cores { server: None, load: None }, Some("servers and load were given the same core".to_owned()));
        }
        match process::pin(self.server_core).and_then(|()| process::pin(self.load_core)) {
            Ok(()) => (Cores { server: Some(self.server_core), load: Some(self.load_core) }, None),
            Err(problem) => (Cores { server: None, load: None }, Some(problem.to_string())),
        }
    }
}

impl Setting {
    /// Where servers and load ran, as a line of a report.
    pub fn cores_line(&self) -> String {
        match (&self.not_pinned, self.cores.server, self.cores.load) {
            (None, Some(server), Some(load)) => format!("servers on core {server}, load on core {load}"),
            (why, _, _) => {
                format!("NOT PINNED: {}; the figures are of servers and load together", why.as_deref().unwrap_or("no cores"))
            }
        }
    }
}

/// Lets a measurement run until it is done, or somebody ends it. Its servers are dropped then, and so killed.
///
/// # Errors
/// As the measurement, or that it was ended.
pub async fn unless_interrupted(measurement: impl Future<Output = Result<(), Problem>>) -> Result<(), Problem> {
    let mut terminated = signal(SignalKind::terminate()).map_err(Problem::doing("waiting for SIGTERM"))?;
    tokio::select! {
        done = measurement => done,
        _ = tokio::signal::ctrl_c() => Err(Problem::new("interrupted")),
        _ = terminated.recv() => Err(Problem::new("terminated")),
    }
}

fn this_program() -> Result<PathBuf, Problem> {
    std::env::current_exe().map_err(Problem::doing("finding this program"))
}

/// A file beside this program.
///
/// # Errors
/// This program cannot be found.
pub fn beside_this_program(name: &str) -> Result<PathBuf, Problem> {
    let program = this_program()?;
    Ok(program.parent().unwrap_or(Path::new(".")).join(name))
}

//! Why a server, or a command on its ledger, does not start: each cause with what to do about it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Errors;
use crate::control::OperationError;
use crate::control::server::BindError;
use crate::journal::JournalError;
use crate::ledger::postgres::trouble::Trouble;
use crate::metrics::MetricsError;
use crate::profiles::StoreError as ProfilesError;
use crate::server::RouteError;
use crate::spool::SpoolError;

/// Why the server did not start.
#[derive(Debug)]
pub enum StartError {
    /// Something is wrong with the configuration.
    Config(Errors),
    /// An address cannot be taken.
    Listen(SocketAddr, std::io::Error),
    /// The ledger's log cannot be opened or read.
    Journal(JournalError),
    /// The shared database.
    Database(Trouble),
    /// The spool cannot be opened or read.
    Spool(SpoolError),
    /// Merchants and instruments cannot be opened or read.
    Profiles(ProfilesError),
    /// Two mounts want one path.
    Routes(Vec<RouteError>),
    /// The operators' socket.
    Control(BindError),
    /// The rules, or the import of an empty ledger.
    Operation(OperationError),
    /// Metrics; a bug.
    Metrics(MetricsError),
    /// The telemetry's file.
    Telemetry(PathBuf, std::io::Error),
    /// Agent spend: its store, or its key.
    Spend(String),
    /// The operating system.
    System(std::io::Error),
    /// The ledger's thread ended; it has said why.
    LedgerGone,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(errors) => errors.fmt(f),
            StartError::Listen(address, error) => {
                write!(
                    f,
                    "cannot listen on {address}: {error}; is another server running? `--listen 127.0.0.1:0` takes a free port"
                )
            }
            StartError::Journal(error) => error.fmt(f),
            StartError::Database(trouble) => trouble.fmt(f),
            StartError::Profiles(error) => error.fmt(f),
            StartError::Spool(error) => error.fmt(f),
            StartError::Routes(errors) => {
                let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            StartError::Control(error) => error.fmt(f),
            StartError::Operation(OperationError::Refused(problems)) => f.write_str(&problems.join("\n")),
            StartError::Operation(OperationError::Rows(problems)) => {
                let lines: Vec<_> = problems
                    .iter()
                    .map(|row| format!("{:?} file, line {}, {}: {}", row.file, row.line, row.column, row.problem))
                    .collect();
                f.write_str(&lines.join("\n"))
            }
            StartError::Operation(OperationError::Unavailable(problem)) => f.write_str(problem),
            StartError::Metrics(error) => error.fmt(f),
            StartError::Telemetry(file, error) => {
                write!(f, "telemetry.file: {} cannot be opened: {error}; leave [telemetry] out to start without", file.display())
            }
            StartError::Spend(problem) => f.write_str(problem),
            StartError::System(error) => write!(f, "the operating system refuses: {error}"),
            StartError::LedgerGone => f.write_str("the ledger's thread ended while it was starting"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        StartError::System(error)
    }
}

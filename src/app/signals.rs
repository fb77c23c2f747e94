//! The signals that a server hears: taken before anything slow, so that none of them ends a process that is starting.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::runtime;

/// Signals, and the runtime on which they are heard.
#[derive(Debug)]
pub struct Signals {
    pub(super) runtime: Runtime,
    pub(super) heard: Heard,
    /// A file that may not grow any more fails its write, as on a full disk; by default it would end the process.
    _file_limit: Signal,
}

/// Those that say something to a server.
#[derive(Debug)]
pub(super) struct Heard {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a server is told by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Stop,
    ReadAgain,
}

impl Heard {
    /// The next one.
    pub async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::Stop,
            _ = self.interrupt.recv() => Word::Stop,
            _ = self.hang_up.recv() => Word::ReadAgain,
        }
    }
}

impl Signals {
    /// From here on they are heard.
    ///
    /// # Errors
    /// The system does not let them be.
    pub fn install() -> io::Result<Self> {
        let runtime = runtime()?;
        let (terminate, interrupt, hang_up, file_limit) = {
            let _within = runtime.enter();
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
            )
        };
        Ok(Signals { runtime, heard: Heard { terminate, interrupt, hang_up }, _file_limit: file_limit })
    }
}

//! How far the start has come, and who waits for it. Nothing here reads what a start reads.

use std::time::Duration;

use holdfast_adapters::Inbound;
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};

use super::Responder;
use super::deadline::Deadline;
use super::mount::Mount;
use super::notification::acknowledged_by;
use crate::clock::Instant;
use crate::server::Call;

/// How long operators and callers of the APIs wait for what a start reads, which mostly takes less.
const SOON: Duration = Duration::from_secs(1);

/// How far the start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What earlier processes told without the ledger is not known yet: whoever asks waits for that.
    Recalling,
    /// The ledger's state, the rules in force or the first accounts are not there yet: stand-in declines.
    Starting,
    /// The ledger is not there yet. What stand-in needs is: caps are counted, the rules and tables in force are known, and memory can be
    /// looked at.
    Foreseen,
    /// Everything is.
    Open,
}

/// Tells those who are no platforms whether it is known what earlier processes told without the ledger, and were told: before, they would go
/// by less than was acknowledged.
#[derive(Debug, Clone)]
pub struct Recalled(watch::Receiver<Stage>);

impl Recalled {
    /// As the start says.
    #[must_use]
    pub const fn new(stage: watch::Receiver<Stage>) -> Self {
        Recalled(stage)
    }

    /// Waits until it is; no longer than anybody is there who could say so.
    pub async fn until(&self) {
        // Whoever starts the process and gave up ends it, too.
        let _ = self.0.clone().wait_for(|stage| *stage != Stage::Recalling).await;
    }

    /// Whether it is, or is in a moment.
    pub async fn soon(&self) -> bool {
        // Too late or not, what counts is what is so now.
        let _ = timeout(SOON, self.until()).await;
        *self.0.borrow() != Stage::Recalling
    }
}

impl Responder {
    pub(super) fn is_open(&self) -> bool {
        *self.stage.borrow() == Stage::Open
    }

    /// Whether it is known which rules and tables are in force, and what caps have counted.
    pub(super) fn may_stand_in(&self) -> bool {
        match *self.stage.borrow() {
            Stage::Recalling | Stage::Starting => false,
            Stage::Foreseen | Stage::Open => true,
        }
    }

    /// Whether it is known what earlier processes told without the ledger, and were told.
    pub(super) fn has_recalled(&self) -> bool {
        *self.stage.borrow() != Stage::Recalling
    }

    /// Whether it is as long as whoever sends something else than an authorization waits.
    pub(super) async fn recalls_for(&self, call: &Call<'_>, mount: &Mount, inbound: &Inbound<'_>) -> bool {
        let by = match inbound {
            Inbound::Payment(_) | Inbound::Authenticated(_) | Inbound::Authorization(_) => {
                Deadline::new(&call.received, None, &mount.patience).decide_by
            }
            Inbound::Balance(_)
            | Inbound::Notification { .. }
            | Inbound::Handshake { .. }
            | Inbound::Order(_)
            | Inbound::Look(_)
            | Inbound::Check(_)
            | Inbound::List(_)
            | Inbound::Fetch(_) => acknowledged_by(&call.received),
        };
        self.recalls_by(by).await
    }

    /// Whether it is by then.
    pub(super) async fn recalls_by(&self, by: Instant) -> bool {
        matches!(timeout_at(by, self.recalled.by(by)).await, Ok(Ok(())))
    }

    /// Lets those go on that wait for the start, as far as it has come.
    pub(super) async fn open_with_the_start(&self) {
        let mut stage = self.stage.clone();
        // Whoever starts the process and gave up ends it, too.
        if stage.wait_for(|stage| *stage != Stage::Recalling).await.is_ok() {
            self.recalled.open();
        }
        if stage.wait_for(|stage| matches!(stage, Stage::Foreseen | Stage::Open)).await.is_ok() {
            self.foreseen.open();
        }
        if stage.wait_for(|stage| *stage == Stage::Open).await.is_ok() {
            self.opened.open();
        }
    }

    /// Waits until the start is over; costs a look once it is.
    pub(super) async fn until_open(&self) {
        if !self.is_open() {
            // Whoever starts the process and gave up ends it, too.
            let _ = self.stage.clone().wait_for(|stage| *stage == Stage::Open).await;
        }
    }
}

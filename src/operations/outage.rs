//! What operators do about an outage: switch stand-in by hand, and bring back what the ledger refused.

use std::sync::Arc;

use super::{Desk, other_answer};
use crate::clock;
use crate::control::OperationError;
use crate::control::protocol::{BringBack, Switch, SwitchReport};
use crate::ledger::Erase;
use crate::responder::Publications;
use crate::spool::{self, Observer, Scope, Settings, Spool, SpoolError, Switched, Turn};
use crate::switchboard::{Reach, Switchboard};

/// What stand-in is switched with, and where what the ledger has not heard is.
#[derive(Clone)]
pub struct Outage {
    /// The switches.
    pub switchboard: Arc<Switchboard>,
    /// The spool.
    pub spool: SpoolOf,
    /// Which stand-in tables wait for the ledger.
    pub publications: Arc<Publications>,
}

/// A spool.
#[derive(Clone)]
pub enum SpoolOf {
    /// The one of this process.
    Running(Arc<Spool>),
    /// One that nobody has open.
    Closed(Settings),
}

impl SpoolOf {
    fn open(&self) -> Result<Arc<Spool>, SpoolError> {
        match self {
            SpoolOf::Running(spool) => Ok(Arc::clone(spool)),
            SpoolOf::Closed(settings) => Spool::open(settings.clone(), Arc::new(Silent)).map(Arc::new),
        }
    }
}

/// A command tells of its own errors.
struct Silent;

impl Observer for Silent {}

impl Desk {
    /// The same, for a ledger that can be stood in for.
    #[must_use]
    pub fn with_outage(self, outage: Outage) -> Self {
        Desk { outage: Some(outage), ..self }
    }

    fn outage(&self) -> Result<&Outage, OperationError> {
        self.outage.as_ref().ok_or_else(other_answer)
    }

    pub(super) async fn turn_switch(&self, switch: Switch) -> Result<SwitchReport, OperationError> {
        let switchboard = Arc::clone(&self.outage()?.switchboard);
        let Switch { program, platform, on_until, by, why } = switch;
        let turn = Turn { scope: Scope { program, platform }, on_until, by, why, key: None };
        let turned = tokio::task::spawn_blocking(move || switchboard.turn(&turn, clock::utc()));
        let (switched, reach) = turned.await.map_err(|_| other_answer())??;
        Ok(report(&switched, reach))
    }

    pub(super) async fn bring_entry_back(&self, back: BringBack) -> Result<i64, OperationError> {
        let of = self.outage()?.spool.clone();
        let opened = tokio::task::spawn_blocking(move || of.open()).await.map_err(|_| other_answer())?;
        let spool = opened.map_err(|error| OperationError::Unavailable(error.to_string()))?;
        let BringBack { number, by, why } = back;
        let waits = spool.bring_back(number, clock::utc(), by, why).await;
        waits.ok_or_else(|| {
            let problem = format!("entry {number} of the spool is not set aside; `holdfast spool` lists those that are");
            OperationError::Refused(vec![problem])
        })
    }
}

impl Desk {
    /// Erases what callers wrote in what the ledger has not heard; how many texts that were.
    pub(super) async fn erase_unheard(&self, which: Erase) -> Result<u64, OperationError> {
        let Some(Outage { spool, .. }) = &self.outage else { return Ok(0) };
        let of = spool.clone();
        let opened = tokio::task::spawn_blocking(move || of.open()).await.map_err(|_| other_answer())?;
        let spool = opened.map_err(|error| OperationError::Unavailable(error.to_string()))?;
        spool.erase(which).await.ok_or_else(other_answer)
    }
}

fn report(switched: &Switched, reach: Reach) -> SwitchReport {
    let Scope { program, platform } = switched.scope;
    let off_at = switched.off.as_ref().map(|spool::Off { at, .. }| *at);
    SwitchReport { program, platform, since: switched.since, until: switched.until, off_at, reach }
}

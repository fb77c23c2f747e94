//! Stand-in tables while the ledger is away, which is when they are needed: put in force here, durable in the spool before anybody
//! hears so, and brought to the ledger with who, why and when. Rulesets need the ledger: it decides by them.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::ProgramId;
use tokio::time::timeout;

use super::{Desk, Outage, SpoolOf};
use crate::clock;
use crate::control::OperationError;
use crate::ledger::{self, Act, KeptKind, KeptRuleset, LedgerError};
use crate::responder::Publications;
use crate::spool::{Entry, Kept, Spool};

/// How long the ledger is waited for: what it has not begun by then, it leaves undone, and what it does all the same, it does once.
const LEDGER_WITHIN: Duration = Duration::from_secs(1);

/// How long the spool's disk may take.
const DURABLE_WITHIN: Duration = Duration::from_secs(2);

/// Where a version is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Ledger,
    /// The ledger hears of it when it is back.
    Spool,
}

/// What the ledger may do with a version that it has not said it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Untold {
    /// Nothing: it was not asked, or not in time.
    Nothing,
    /// It was asked, and is silent or in doubt: the version may be on the way to its disk, and nobody can call it back from there.
    MayKeep,
}

impl Desk {
    /// The spool of this process, and what waits in it; nothing for a command that has the ledger to itself.
    fn running(&self) -> Option<(&Arc<Spool>, &Publications)> {
        match self.outage.as_ref()? {
            Outage { spool: SpoolOf::Running(spool), publications, .. } => Some((spool, publications)),
            Outage { spool: SpoolOf::Closed(_), .. } => None,
        }
    }

    /// The tables that wait for the ledger, in the order in which they came into force.
    pub(super) fn waiting(&self, program: ProgramId, kind: KeptKind) -> Vec<KeptRuleset> {
        self.running().map(|(_, publications)| publications.waiting(program, kind)).unwrap_or_default()
    }

    /// Remembers what the ledger has, for when it is away.
    pub(super) fn see_versions(&self, program: ProgramId, versions: &[KeptRuleset]) {
        if let Some((_, publications)) = self.running() {
            publications.seen(program, versions);
        }
    }

    /// Every version, the oldest first, with those that wait for the ledger; of stand-in tables, while it is away, those that it was
    /// last seen to have.
    ///
    /// # Errors
    /// It is away, and was not seen yet.
    pub(super) async fn versions_so_far(&self, program: ProgramId, kind: KeptKind) -> Result<Vec<KeptRuleset>, OperationError> {
        let running = self.running().filter(|_| kind != KeptKind::Rules);
        let Some((_, publications)) = running else { return self.versions(program, kind).await };
        let mut versions = match timeout(LEDGER_WITHIN, self.versions(program, kind)).await {
            Ok(Err(OperationError::Unavailable(problem))) => known(publications, program, kind, problem)?,
            Ok(told) => told?,
            Err(_) => known(publications, program, kind, "the ledger is silent".to_owned())?,
        };
        let waiting = publications.waiting(program, kind);
        versions.extend(waiting.into_iter().filter(|waits| !versions.contains(waits)).collect::<Vec<_>>());
        Ok(versions)
    }

    /// Makes a table durable: with the ledger, or while that is away, or has yet to hear of an earlier one, in the spool.
    ///
    /// # Errors
    /// Neither takes it.
    pub(super) async fn keep_table(&self, program: ProgramId, kept: &KeptRuleset) -> Result<Where, OperationError> {
        let publish = |not_after| Act::Publish(Box::new(kept.clone()), not_after);
        let Some((spool, publications)) = self.running() else {
            return self.ask(publish(None)).await.map(|_| Where::Ledger);
        };
        let mut untold = Untold::Nothing;
        // None overtakes one that waits.
        if publications.waiting(program, kept.kind).is_empty() {
            // What still waits in its queue when nobody waits for it must not come into force behind everybody's back.
            let not_after = clock::instant().checked_add(LEDGER_WITHIN);
            match timeout(LEDGER_WITHIN, ledger::ask(self.ledger.as_ref(), publish(not_after))).await {
                Ok(Ok(_)) => {
                    publications.heard(kept);
                    return Ok(Where::Ledger);
                }
                Ok(Err(LedgerError::Late | LedgerError::Starting)) => {}
                // Whether a commit that failed counts after all is not always known.
                Ok(Err(LedgerError::Unavailable | LedgerError::Panicked)) | Err(_) => untold = Untold::MayKeep,
                Ok(Err(refused @ (LedgerError::Refused | LedgerError::BeyondCounting))) => {
                    return Err(OperationError::Refused(vec![refused.to_string()]));
                }
            }
        }
        // The ledger may hear of it before this goes on.
        publications.waits(kept.clone());
        let put = spool.put(Entry::published(program, kept.clone()), clock::utc());
        let by = clock::instant().checked_add(DURABLE_WITHIN).unwrap_or_else(clock::instant);
        put.durable_by(by).await;
        match put.give_up() {
            Kept::Durable => Ok(Where::Spool),
            Kept::NotDurable => {
                publications.forget(kept);
                Err(OperationError::Unavailable(not_kept(untold).to_owned()))
            }
        }
    }
}

/// Why a version was not kept, and what comes of that.
const fn not_kept(untold: Untold) -> &'static str {
    match untold {
        Untold::Nothing => "the ledger is away, and the spool takes nothing: the version in force stays",
        Untold::MayKeep => {
            "the ledger is silent, and the spool takes nothing: this version may yet come into force; look at `holdfast stand-in \
             history` when the ledger is back"
        }
    }
}

fn known(
    publications: &Publications,
    program: ProgramId,
    kind: KeptKind,
    problem: String,
) -> Result<Vec<KeptRuleset>, OperationError> {
    let known = publications.known(program, kind);
    if known.is_empty() && publications.waiting(program, kind).is_empty() {
        return Err(OperationError::Unavailable(problem));
    }
    Ok(known)
}

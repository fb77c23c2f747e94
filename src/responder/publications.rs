//! Stand-in tables that were put in force while the ledger was away, and wait for it; and which versions it was last seen to have, so
//! that one of them can be gone back to. Nothing here reads a table.

use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_core::ProgramId;
use tokio::sync::Notify;

use crate::ledger::{KeptKind, KeptRuleset};

/// What waits, and what is known.
#[derive(Debug, Default)]
pub struct Publications {
    inner: Mutex<Inner>,
    /// Rung when the ledger refused a table for good: another version is to be in force.
    pub refused: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order in which they came into force.
    waiting: Vec<KeptRuleset>,
    /// As the ledger told them, the oldest first.
    known: Vec<KeptRuleset>,
}

impl Publications {
    /// A table is in force, and waits.
    pub fn waits(&self, kept: KeptRuleset) {
        self.lock().waiting.push(kept);
    }

    /// The ledger has it.
    pub fn heard(&self, kept: &KeptRuleset) {
        let mut inner = self.lock();
        inner.waiting.retain(|waits| waits != kept);
        if !inner.known.contains(kept) {
            inner.known.push(kept.clone());
        }
    }

    /// It waits no more, and the ledger has not got it.
    pub fn forget(&self, kept: &KeptRuleset) {
        self.lock().waiting.retain(|waits| waits != kept);
        self.refused.notify_one();
    }

    /// These are all that the ledger has of a program.
    pub fn seen(&self, program: ProgramId, versions: &[KeptRuleset]) {
        let mut inner = self.lock();
        inner.known.retain(|known| known.program != program.as_str());
        inner.known.extend(versions.iter().filter(|version| version.kind != KeptKind::Rules).cloned());
    }

    /// Those that wait, in the order in which they came into force.
    #[must_use]
    pub fn waiting(&self, program: ProgramId, kind: KeptKind) -> Vec<KeptRuleset> {
        of(&self.lock().waiting, program, kind)
    }

    /// Those that the ledger was last seen to have, the oldest first.
    #[must_use]
    pub fn known(&self, program: ProgramId, kind: KeptKind) -> Vec<KeptRuleset> {
        of(&self.lock().known, program, kind)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of(versions: &[KeptRuleset], program: ProgramId, kind: KeptKind) -> Vec<KeptRuleset> {
    let its = |version: &&KeptRuleset| version.program == program.as_str() && version.kind == kind;
    versions.iter().filter(its).cloned().collect()
}

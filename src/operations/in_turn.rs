//! Publications in their turn: what is published last is in force last.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ledger::KeptKind;

/// Whose turn it is, as long as it is held.
pub(super) type Turn<'a> = tokio::sync::MutexGuard<'a, ()>;

/// Nobody keeps a version while another one is kept and put in force. Tables have a turn of their own, which waits for no ledger that is
/// away.
#[derive(Debug, Default)]
pub(super) struct InTurn {
    pub rules: tokio::sync::Mutex<()>,
    tables: tokio::sync::Mutex<()>,
    tables_published: Mutex<u64>,
}

impl InTurn {
    /// Waits for the turn of what is published of a kind.
    pub async fn of(&self, kind: KeptKind) -> Turn<'_> {
        match kind {
            KeptKind::Rules => self.rules.lock().await,
            KeptKind::StandIn | KeptKind::StandInOf(_) => self.tables.lock().await,
        }
    }

    /// How many tables were published here. Held, none is put in force.
    pub fn tables_published(&self) -> MutexGuard<'_, u64> {
        self.tables_published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Operators' requests that are done here and wait for the ledger, by their keys: sent again while they wait, they are done once, and
//! the same key means the same request.

use dashmap::DashMap;

use crate::ledger::Operation;

/// Those that wait.
#[derive(Debug, Default)]
pub struct Orders {
    /// What was asked, by the operation's id.
    waiting: DashMap<[u8; 16], [u8; 32], foldhash::fast::RandomState>,
}

impl Orders {
    /// One waits from now on.
    pub fn waits(&self, operation: &Operation) {
        self.waiting.insert(operation.id(), operation.request);
    }

    /// One waits no more: the ledger has heard it, has refused it for good, or nobody was promised it after all.
    pub fn heard(&self, operation: &Operation) {
        self.waiting.remove(&operation.id());
    }

    /// What was asked under the key of one that waits.
    #[must_use]
    pub fn request(&self, id: &[u8; 16]) -> Option<[u8; 32]> {
        self.waiting.get(id).map(|request| *request)
    }
}

//! What can be seen before the ledger is ready: memory as the projection has it and the journal's end goes on, read beside
//! whoever opens them. A disk that hangs when it is written to, or a long end, then keeps stand-in from nothing.
//!
//! Nothing here writes, and nothing is shown before all of the journal was read: a freeze may be its last record. Once the ledger has
//! opened what it writes to, it goes on with the memory that was read here, if it was read from just that.

use std::path::PathBuf;
use std::sync::Arc;

use holdfast_core::{Decision, Timestamp};

use super::cold::{Cold as _, Left, Reading};
use super::projection::{self, Finder};
use super::rebuild::Rebuilding;
use super::state::State;
use super::undo::UndoLog;
use super::window::{AsOf, Span, Window};
use crate::journal::store::FILE;
use crate::journal::{Body, Joint, JournalError, KeptRuleset, Reader, Record, Sync, Tail};

/// Records that are read at a time.
const PORTION_RECORDS: i64 = 8_192;

/// A ledger that is yet to be ready, to be looked at.
pub struct Early {
    pub(super) data: PathBuf,
    pub(super) sync: Sync,
    pub(super) window: Arc<Window>,
}

impl Drop for Early {
    /// Whoever waits for it reads memory itself.
    fn drop(&mut self) {
        self.window.expect_no_more();
    }
}

/// Whether there is something to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlySight {
    /// Memory can be looked at.
    Shown,
    /// There is no projection of the journal: the ledger has to read everything.
    NothingThere,
}

impl Early {
    /// The rulesets and tables that were published, oldest first. Blocks.
    ///
    /// # Errors
    /// The disk, or what is there.
    pub fn rulesets(&self) -> Result<Vec<KeptRuleset>, JournalError> {
        Reader::open(&self.data)?.rulesets()
    }

    /// Shows memory until the ledger shows its own, and then reads the names of what memory had let go of: until it has, a key that
    /// memory does not know may be one of them. Blocks; `shown` is called as soon as there is something to be seen.
    ///
    /// # Errors
    /// The disk, or what is there: nothing is shown.
    pub fn show(&self, shown: impl FnOnce()) -> Result<EarlySight, JournalError> {
        // Before anything of the journal is read: it may grow meanwhile, and never shrink.
        let journal = Reader::open(&self.data)?;
        journal.must_reach_mark()?;
        let Some((mut state, mark)) = projection::peek(&self.data)? else { return Ok(EarlySight::NothingThere) };
        let finder = Finder::open(&self.data, Arc::default())?;
        let synced = match self.sync {
            Sync::Full => journal.synced(),
            Sync::None => i64::MAX,
        };
        let (as_of, end) = self.read_end(&journal, &mut state, mark.end, synced, &finder)?;
        self.window.show_early(Box::new(state), as_of, Span { mark, end });
        shown();
        let mut reading = Reading::default();
        while reading.left == Left::Some {
            finder.read_names(&mut reading)?;
        }
        self.window.early_names(reading.names);
        Ok(EarlySight::Shown)
    }

    /// Writes what the journal says behind the projection.
    fn read_end(
        &self,
        journal: &Reader,
        state: &mut State,
        from: Joint,
        synced: i64,
        finder: &Finder,
    ) -> Result<(AsOf, Joint), JournalError> {
        let tail = Tail::open(&self.data)?;
        if !tail.passes(&from)? {
            return Err(JournalError::Broken(self.data.join(FILE), from.next));
        }
        let (end, mut joint, mut undo) = (tail.end()?, from, UndoLog::new());
        let last = end.next.saturating_sub(1);
        let mut approvals_until: Option<Timestamp> = None;
        let projected = Some(from.next.saturating_sub(1));
        let mut rebuilding = Rebuilding { state, undo: &mut undo, cold: finder, projected, next: from.next };
        while joint.next < end.next {
            joint = tail.read(joint, last, PORTION_RECORDS, &mut |first, bytes| {
                let unreadable = |first, error| tail.unreadable(first, error);
                rebuilding.write_group(first, bytes, unreadable, |number, record| {
                    // Nobody has heard an answer whose group was not acknowledged.
                    if let Some(received_at) = approved(record).filter(|_| number > synced) {
                        approvals_until = Some(approvals_until.map_or(received_at, |earliest| earliest.min(received_at)));
                    }
                })
            })?;
        }
        let at = journal.record(last)?.map_or(Timestamp::EPOCH, |record| record.at);
        Ok((AsOf { at, approvals_until }, joint))
    }
}

/// When the callback came that a record approves.
fn approved(record: &Record) -> Option<Timestamp> {
    let Body::Decided { received_at, outcome, .. } = &record.body else { return None };
    matches!(outcome.decision, Some((Decision::Approve { .. }, _))).then_some(*received_at)
}

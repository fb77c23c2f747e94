//! The seam under the ledger: what its writer needs of a log, whoever keeps it.
//!
//! Two keep one: [`Journal`](super::Journal), a directory on a disk, and [`MemoryLog`](super::MemoryLog), a simulated disk
//! that fails when it is told to. A log knows counters, bytes and hashes; it understands no record, decides nothing, and
//! reads no clock. The writer holds it boxed: one indirect call a commit group.

use std::path::Path;
use std::sync::Arc;

use holdfast_core::Timestamp;

use super::error::JournalError;
use super::group::RecordError;
use super::operations::{Noted, Operation};
use super::retention::Checkpoint;
use super::rulesets::KeptRuleset;
use super::slips::{Erase, Slip, SlipsFound, SlipsWanted};

/// Takes one group that is read: the counter of its first record, and its bytes.
pub type EachGroup<'a> = dyn FnMut(i64, &[u8]) -> Result<(), JournalError> + 'a;

/// An ordered log of groups, each tied to the one before it by a hash.
pub trait Log: Send {
    /// What errors call it: the file.
    fn place(&self) -> &Path;

    /// The counter that the next record gets; the first record is 1.
    fn next(&self) -> i64;

    /// The hash of the last group; zeros before the first one.
    fn chain(&self) -> &[u8; 32];

    /// Appends a group of so many records; when this returns, it is durable.
    ///
    /// # Errors
    /// The group is not acknowledged, and nothing may be appended before [`Log::reopen`]: only that tells whether the group is
    /// there all the same.
    fn append(&mut self, records: u32, bytes: &[u8]) -> Result<(), JournalError>;

    /// Does what is to be done between two groups, when nobody waits for one.
    fn tidy(&mut self);

    /// What an operator should read, since the last time this was asked.
    fn remarks(&mut self) -> Vec<String>;

    /// Reads every group from the one that holds record `from` on, in order, checking the chain.
    ///
    /// # Errors
    /// The disk, a broken chain, or what `each` says of a group's bytes.
    fn read(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError>;

    /// Opens the log afresh after a failure, and finds where it really ends.
    ///
    /// # Errors
    /// It still fails; the log is as it was, and may be reopened again.
    fn reopen(&mut self) -> Result<(), JournalError>;

    /// Keeps the source of a ruleset, by its hash, with the group that is appended next: both are there or neither, so that a
    /// record never names an unknown one, and none is listed whose publication failed.
    fn keep_ruleset(&mut self, ruleset: KeptRuleset);

    /// Keeps what a caller wrote with the group that is appended next: both are there or neither.
    fn keep_slip(&mut self, slip: Arc<Slip>);

    /// Keeps what waits for the next group now, in a transaction of its own: where nothing was decided there may be no next group.
    ///
    /// # Errors
    /// The disk; it waits on.
    fn keep_slips_now(&mut self) -> Result<(), JournalError>;

    /// Keeps what a caller wrote about a payment that is to be decided later, unless the payment has something: durable at once. Finds
    /// what it has.
    ///
    /// # Errors
    /// The disk.
    fn begin_slip(&mut self, slip: &Arc<Slip>) -> Result<SlipsFound, JournalError>;

    /// Notes, durably, some of the payments that were asked for until then and that nobody decided: they have waited in vain. How many.
    ///
    /// # Errors
    /// The disk.
    fn end_waits(&mut self, asked_until: Timestamp) -> Result<u64, JournalError>;

    /// What callers wrote, as far as it is wanted; of a page, as far as it is looked at once.
    ///
    /// # Errors
    /// The disk.
    fn slips(&self, wanted: &SlipsWanted) -> Result<SlipsFound, JournalError>;

    /// Erases what callers wrote; how many texts that were.
    ///
    /// # Errors
    /// The disk.
    fn erase_slips(&mut self, which: &Erase) -> Result<u64, JournalError>;

    /// Every publication of a program's rulesets, oldest first.
    ///
    /// # Errors
    /// The disk.
    fn rulesets(&self, program: &str) -> Result<Vec<KeptRuleset>, JournalError>;

    /// Notes what an operator is about to do, unless its key came before.
    ///
    /// # Errors
    /// The disk.
    fn note(&mut self, operation: &Operation) -> Result<Noted, JournalError>;

    /// When the operation of that id was noted, if it was.
    ///
    /// # Errors
    /// The disk.
    fn noted(&self, id: &[u8; 16]) -> Result<Option<Timestamp>, JournalError>;

    /// From now on, durably, the log begins at this checkpoint. What lies before it is taken away afterwards.
    ///
    /// # Errors
    /// No group ends right before it, or the disk: the log begins where it began.
    fn begin_at(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalError>;

    /// Takes away a piece of what lies before the beginning; how many groups that were, 0 once nothing is left.
    ///
    /// # Errors
    /// The disk.
    fn take_away(&mut self) -> Result<u64, JournalError>;

    /// Whether there may be room that could be given back to the disk.
    fn has_room(&self) -> bool;

    /// Gives a small piece of the room back that records took which were taken away. Only while nobody waits.
    fn give_room_back(&mut self);

    /// An error of this log's chain.
    fn broken(&self, first: i64) -> JournalError {
        JournalError::Broken(self.place().to_owned(), first)
    }

    /// An error of this log's records.
    fn unreadable(&self, first: i64, error: RecordError) -> JournalError {
        JournalError::Unreadable(self.place().to_owned(), first, error)
    }
}

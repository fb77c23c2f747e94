//! Reads a journal's records, and what is kept beside them, while whoever writes it goes on. Nothing here understands one.

use super::error::JournalError;
use super::group::Group;
use super::operations::{self, Operation};
use super::reader::{Progress, Reader, Stage};
use super::record::Record;
use super::retention::{Begins, Checkpoint};
use super::rulesets::{self, KeptRuleset};

/// The schema since which operations are kept.
const WITH_OPERATIONS: i32 = 3;

/// A short journal is read before anybody could wonder.
const TELL_EVERY: i64 = 65_536;

/// A record in its journal.
#[derive(Debug)]
pub struct Numbered<'a> {
    /// Its counter.
    pub number: i64,
    /// What it says.
    pub record: &'a Record,
    /// The version of the program that wrote it.
    pub engine: &'a str,
    /// Its place in its commit group, from 0.
    pub in_group: usize,
}

/// Takes one record that is read.
pub type EachRecord<'a> = dyn FnMut(Numbered<'_>) -> Result<(), JournalError> + 'a;

impl Reader {
    /// Reads every record up to `to`, in order, checking the chain. Of a long way, progress is told.
    ///
    /// # Errors
    /// The disk, damage, or what `each` says.
    pub fn records(&self, to: i64, progress: &mut Progress<'_>, each: &mut EachRecord<'_>) -> Result<(), JournalError> {
        self.must_reach_mark()?;
        let (start, next) = (self.start().next, self.end()?.next);
        let all = next.min(to.saturating_add(1)).saturating_sub(start);
        // A record is large: each is read to where the one before it was.
        let mut room = None;
        self.groups().walk_from(self.start(), &mut |first, bytes| {
            if first > to {
                return Ok(());
            }
            let unreadable = |error| JournalError::Unreadable(self.path().to_owned(), first, error);
            let mut group = Group::open(bytes).map_err(unreadable)?;
            let engine = group.engine;
            for (number, in_group) in (first..=to).zip(0..) {
                let Some(record) = group.read(&mut room) else { break };
                each(Numbered { number, record: record.map_err(unreadable)?, engine, in_group })?;
                let done = number.saturating_sub(start).saturating_add(1);
                if all > TELL_EVERY && (done.checked_rem(TELL_EVERY) == Some(0) || done == all) {
                    progress(Stage::Reading, u64::try_from(done).unwrap_or(0), u64::try_from(all).unwrap_or(0));
                }
            }
            Ok(())
        })
    }

    /// The counter of the first record that is kept, and the one that the next record gets.
    ///
    /// # Errors
    /// The disk, or damage.
    pub fn bounds(&self) -> Result<(i64, i64), JournalError> {
        Ok((self.groups().start()?.next, self.end()?.next))
    }

    /// What stands for the groups that were dropped, if any were.
    ///
    /// # Errors
    /// The disk, or a checkpoint that is damaged.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        self.groups().checkpoint()
    }

    /// From which record on it tells; nothing if it tells everything.
    ///
    /// # Errors
    /// As [`Reader::checkpoint`].
    pub fn begins(&self) -> Result<Option<Begins>, JournalError> {
        let Some(checkpoint) = self.checkpoint()? else { return Ok(None) };
        Ok(Some(Begins { record: checkpoint.record, at: checkpoint.state_of(self.path())?.at }))
    }

    /// Every ruleset and stand-in table that was ever published, oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn rulesets(&self) -> Result<Vec<KeptRuleset>, JournalError> {
        rulesets::all(&self.connection, self.schema()).map_err(JournalError::disk(self.path()))
    }

    /// Makes sure that every one of them has the text that its hash is of: nothing else proves it.
    ///
    /// # Errors
    /// The disk, or the first that has not.
    pub fn prove_rulesets(&self) -> Result<(), JournalError> {
        match self.rulesets()?.iter().find(|ruleset| !ruleset.is_whole()) {
            Some(changed) => Err(JournalError::RulesetChanged { path: self.path().to_owned(), ruleset: changed.named() }),
            None => Ok(()),
        }
    }

    /// One record; `None` if it is not there any more, or not yet.
    ///
    /// # Errors
    /// The disk, or damage.
    pub fn record(&self, number: i64) -> Result<Option<Record>, JournalError> {
        let groups = self.groups();
        let (before, mut found, mut room) = (groups.before_group_of(number)?, None, None);
        groups.portion(before, number, 1, &mut |first, bytes| {
            let unreadable = |error| JournalError::Unreadable(self.path().to_owned(), first, error);
            let mut group = Group::open(bytes).map_err(unreadable)?;
            // The others of its group are read where they stay.
            for at in first..=number {
                match group.read(&mut room) {
                    Some(read) => drop(read.map_err(unreadable)?),
                    None => return Ok(()),
                }
                if at == number {
                    found = room.take();
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Who is behind a record and why, where an operator is and their words are still kept.
    ///
    /// # Errors
    /// The disk, or damage.
    pub fn operation_behind(&self, number: i64) -> Result<Option<Operation>, JournalError> {
        let id = self.record(number)?.and_then(|record| record.operator);
        Ok(id.map(|id| self.operation(&id)).transpose()?.flatten())
    }

    /// What an operator did, by the id that a record names it by.
    ///
    /// # Errors
    /// The disk.
    pub fn operation(&self, id: &[u8; 16]) -> Result<Option<Operation>, JournalError> {
        if self.schema() < WITH_OPERATIONS {
            return Ok(None);
        }
        operations::find(&self.connection, id).map_err(JournalError::disk(self.path()))
    }
}

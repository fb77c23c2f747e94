//! A log on a simulated disk, for the deterministic simulation: it fails exactly when and how it is told to.
//!
//! The simulation keeps the [`MemoryDisk`], which outlives a crash as a real one does, and hands [`MemoryLog`]s on it to the
//! ledger. There is no clock and no randomness in here, and no other way in which it could fail.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_core::Timestamp;

use super::chain::link;
use super::error::JournalError;
use super::log::{EachGroup, Log};
use super::operations::{Noted, Operation};
use super::retention::Checkpoint;
use super::rulesets::KeptRuleset;
use super::slips::{Erase, Slip, SlipsFound, SlipsWanted, Which};
use super::store::Sync;
use super::torn::{Tear, Written};

/// What errors call a log in memory.
const PLACE: &str = "(memory)";

/// How one append goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// As it should.
    None,
    /// Nothing is written, and that is said: a full disk.
    NotWritten,
    /// The group is written, but not synced, and a failure is said: the acknowledgement is lost.
    InDoubt,
    /// A part of the group is written, and a failure is said.
    Torn(Tear),
}

/// What a crash takes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process only: the disk keeps all that was written.
    KeepsAll,
    /// The power: what was written since the last sync is gone.
    LosesUnsynced,
    /// The power, while that was on its way to the disk: a part of it is there.
    Tears(Tear),
    /// The last group, even if it was synced: the disk lied. A log that was acknowledged and is gone is refused when it is
    /// opened.
    LosesLastGroup,
}

/// A simulated disk, shared by the simulation and by the logs on it.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Disk>>);

/// Whether both are of one payment.
fn is_of_same(one: &Slip, other: &Slip) -> bool {
    (one.program, one.platform, one.payment) == (other.program, other.platform, other.payment)
}

#[derive(Debug, Default)]
struct Disk {
    groups: Vec<Kept>,
    /// What comes after them, and was not read yet: perhaps no more than a part of a group.
    written: Written,
    /// What was written about payments that are to be decided later.
    begun: Vec<Arc<Slip>>,
    /// What was written without a group.
    alone: Vec<Arc<Slip>>,
    /// Which of those that began have waited in vain.
    ended: Vec<Arc<Slip>>,
    operations: Vec<Operation>,
    /// So many of the groups are synced.
    synced: usize,
    /// The last record that was acknowledged as synced, which a real journal keeps outside its write-ahead log.
    mark: i64,
    appends: VecDeque<Fault>,
    reopens_to_fail: u32,
    /// Which opening of the disk may write: an earlier one is of a process that is gone.
    opening: u64,
}

/// A group on the disk.
#[derive(Debug)]
pub(super) struct Kept {
    pub first: i64,
    pub records: u32,
    pub chain: [u8; 32],
    pub body: Box<[u8]>,
    pub rulesets: Vec<KeptRuleset>,
    pub slips: Vec<Arc<Slip>>,
}

impl Kept {
    /// The record after it.
    pub fn next(&self) -> i64 {
        self.first.saturating_add(i64::from(self.records))
    }
}

impl Disk {
    fn end(&self) -> (i64, [u8; 32]) {
        self.groups.last().map_or((1, [0; 32]), |last| (last.next(), last.chain))
    }

    /// Tears what is not synced; how many groups of it are whole.
    fn tear(&mut self, tear: Tear) -> usize {
        let before = std::mem::take(&mut self.written);
        let mut ends = Vec::new();
        for kept in self.groups.split_off(self.synced.min(self.groups.len())) {
            self.written.write(kept);
            ends.push(self.written.length());
        }
        self.written.follow_with(before);
        let after = self.written.tear(tear);
        ends.iter().filter(|end| **end <= after).count()
    }

    /// Takes in what is whole of what was written last, and cuts off the rest; a word on that.
    fn recover(&mut self) -> Option<String> {
        let end = self.end();
        let (groups, torn) = std::mem::take(&mut self.written).read(end);
        self.groups.extend(groups);
        (torn > 0).then(|| format!("{PLACE}: {torn} bytes at the end are not whole and were cut off"))
    }

    /// Where the log ends, if it is whole.
    fn checked_end(&self) -> Result<(i64, [u8; 32]), JournalError> {
        let (next, chain) = self.end();
        let last = next.saturating_sub(1);
        if last < self.mark {
            return Err(JournalError::EndsEarly { path: PLACE.into(), last, synced: self.mark, torn: None });
        }
        Ok((next, chain))
    }
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        MemoryDisk::default()
    }

    /// Opens the log on it, as a process does that starts: whoever had it open before can write no more. What it finds is
    /// synced, as nobody can tell whether it was.
    ///
    /// # Errors
    /// The log ends before what was acknowledged.
    pub fn open(&self, sync: Sync) -> Result<MemoryLog, JournalError> {
        let mut disk = self.lock();
        let remark = disk.recover();
        let (next, chain) = disk.checked_end()?;
        disk.opening = disk.opening.saturating_add(1);
        let opening = disk.opening;
        if sync == Sync::Full {
            disk.synced = disk.groups.len();
            disk.mark = next.saturating_sub(1);
        }
        drop(disk);
        Ok(MemoryLog {
            disk: self.clone(),
            sync,
            opening,
            next,
            chain,
            brought: Vec::new(),
            slips: Vec::new(),
            remarks: remark.into_iter().collect(),
        })
    }

    /// The next appends go like this, in this order, after those that were planned before.
    pub fn plan(&self, appends: impl IntoIterator<Item = Fault>) {
        self.lock().appends.extend(appends);
    }

    /// So many reopenings fail from now on.
    pub fn fail_reopens(&self, reopens: u32) {
        self.lock().reopens_to_fail = reopens;
    }

    /// Syncs what was written without one.
    pub fn sync(&self) {
        let mut disk = self.lock();
        disk.synced = disk.groups.len();
        disk.mark = disk.end().0.saturating_sub(1);
    }

    /// The process that has the log open is gone, and what the crash takes; what was planned is forgotten. How many groups
    /// that were not synced are whole all the same.
    pub fn crash(&self, crash: Crash) -> usize {
        let mut disk = self.lock();
        let synced = disk.synced;
        let whole = match crash {
            Crash::KeepsAll => disk.groups.len().saturating_sub(synced),
            Crash::LosesUnsynced => {
                disk.groups.truncate(synced);
                disk.written = Written::default();
                0
            }
            Crash::Tears(tear) => disk.tear(tear),
            Crash::LosesLastGroup => {
                disk.groups.pop();
                disk.synced = synced.min(disk.groups.len());
                disk.groups.len().saturating_sub(synced)
            }
        };
        disk.opening = disk.opening.saturating_add(1);
        disk.appends.clear();
        disk.reopens_to_fail = 0;
        whole
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        // Nothing in here panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryLog {
    disk: MemoryDisk,
    sync: Sync,
    opening: u64,
    next: i64,
    chain: [u8; 32],
    /// Rulesets that the next group brings.
    brought: Vec<KeptRuleset>,
    /// What callers wrote about what the next group decides.
    slips: Vec<Arc<Slip>>,
    /// What somebody should know of an opening.
    remarks: Vec<String>,
}

impl MemoryLog {
    /// The disk, if it is still this log's.
    fn disk(&self) -> Result<MutexGuard<'_, Disk>, JournalError> {
        let disk = self.disk.lock();
        if disk.opening == self.opening { Ok(disk) } else { Err(JournalError::Simulated("the process is gone")) }
    }
}

impl Log for MemoryLog {
    fn place(&self) -> &Path {
        Path::new(PLACE)
    }

    fn next(&self) -> i64 {
        self.next
    }

    fn chain(&self) -> &[u8; 32] {
        &self.chain
    }

    fn append(&mut self, records: u32, bytes: &[u8]) -> Result<(), JournalError> {
        let (first, rulesets) = (self.next, std::mem::take(&mut self.brought));
        let (chain, slips) = (link(&self.chain, first, records.into(), bytes), self.slips.clone());
        let kept = Kept { first, records, chain, body: bytes.into(), rulesets, slips };
        let (next, chain) = (kept.next(), kept.chain);
        let mut disk = self.disk()?;
        let fault = disk.appends.pop_front().unwrap_or(Fault::None);
        if fault == Fault::NotWritten {
            return Err(JournalError::Simulated("nothing was written"));
        }
        if disk.end().0 != kept.first || !disk.written.is_empty() {
            return Err(JournalError::Simulated("there is something in this place; reopen the log"));
        }
        if let Fault::Torn(tear) = fault {
            disk.written.write(kept);
            disk.written.tear(tear);
            return Err(JournalError::Simulated("a part of it was written"));
        }
        disk.groups.push(kept);
        if fault == Fault::InDoubt {
            return Err(JournalError::Simulated("the acknowledgement was lost"));
        }
        if self.sync == Sync::Full {
            disk.synced = disk.groups.len();
            disk.mark = next.saturating_sub(1);
        }
        drop(disk);
        (self.next, self.chain) = (next, chain);
        self.slips.clear();
        Ok(())
    }

    fn tidy(&mut self) {}

    fn remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    fn read(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        let disk = self.disk()?;
        // As the journal does: from where somebody reads on, not from the beginning.
        let (before, groups) = disk.groups.split_at(disk.groups.partition_point(|kept| kept.next() <= from));
        let mut expected = before.last().map_or(1, Kept::next);
        for kept in groups {
            // What is linked to it was looked at when it was taken in: this disk changes nothing behind anybody's back.
            if kept.first != expected {
                return Err(self.broken(kept.first));
            }
            expected = kept.next();
            each(kept.first, &kept.body)?;
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        let mut disk = self.disk()?;
        if disk.reopens_to_fail > 0 {
            disk.reopens_to_fail = disk.reopens_to_fail.saturating_sub(1);
            return Err(JournalError::Simulated("it cannot be opened"));
        }
        let remark = disk.recover();
        let end = disk.checked_end()?;
        drop(disk);
        self.remarks.extend(remark);
        (self.next, self.chain) = end;
        Ok(())
    }

    fn keep_ruleset(&mut self, ruleset: KeptRuleset) {
        self.brought.push(ruleset);
    }

    fn keep_slip(&mut self, slip: Arc<Slip>) {
        self.slips.push(slip);
    }

    fn keep_slips_now(&mut self) -> Result<(), JournalError> {
        let slips = self.slips.clone();
        self.disk()?.alone.extend(slips);
        self.slips.clear();
        Ok(())
    }

    fn begin_slip(&mut self, slip: &Arc<Slip>) -> Result<SlipsFound, JournalError> {
        let wanted = SlipsWanted { program: slip.program, platform: slip.platform, which: Which::Named(slip.payment) };
        let found = self.slips(&wanted)?;
        if !found.slips.is_empty() {
            return Ok(found);
        }
        self.disk()?.begun.push(Arc::clone(slip));
        self.slips(&wanted)
    }

    /// Nobody is told anything from here.
    fn end_waits(&mut self, asked_until: Timestamp) -> Result<u64, JournalError> {
        let mut disk = self.disk()?;
        let Disk { begun, groups, ended, .. } = &mut *disk;
        let over = |slip: &&Arc<Slip>| {
            let mut decided = groups.iter().flat_map(|kept| &kept.slips).chain(&self.slips);
            slip.at <= asked_until
                && !decided.any(|other| is_of_same(slip, other))
                && !ended.iter().any(|other| is_of_same(slip, other))
        };
        let over: Vec<_> = begun.iter().filter(over).cloned().collect();
        let waits = u64::try_from(over.len()).unwrap_or(u64::MAX);
        ended.extend(over);
        Ok(waits)
    }

    fn slips(&self, wanted: &SlipsWanted) -> Result<SlipsFound, JournalError> {
        let disk = self.disk()?;
        let kept = disk.groups.iter().flat_map(|kept| &kept.slips).chain(&disk.alone);
        let waits = |slip: &Slip| !disk.ended.iter().any(|ended| is_of_same(slip, ended));
        let begun = disk.begun.iter().map(|slip| (slip, waits(slip)));
        let all = begun.chain(kept.chain(&self.slips).map(|slip| (slip, false)));
        let found = (1..).zip(all).filter(|(number, (slip, _))| wanted.has(*number, slip));
        let mut found: Vec<_> = found.map(|(number, (slip, waits))| (number, Slip { waits, ..Slip::clone(slip) })).collect();
        found.reverse();
        let most = match wanted.which {
            Which::Page(page) => page.most,
            // A payment that waited was written about twice.
            Which::Named(_) => 1,
        };
        found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(SlipsFound { slips: found, looked_to: None })
    }

    fn erase_slips(&mut self, which: &Erase) -> Result<u64, JournalError> {
        let mut disk = self.disk()?;
        let mut erased: u64 = 0;
        let Disk { begun, groups, alone, .. } = &mut *disk;
        let all = begun.iter_mut().chain(groups.iter_mut().flat_map(|kept| &mut kept.slips)).chain(alone);
        for slip in all.filter(|slip| slip.body.is_some() && which.has(slip)) {
            *slip = Arc::new(Slip { body: None, ..Slip::clone(slip) });
            erased = erased.saturating_add(1);
        }
        Ok(erased)
    }

    fn rulesets(&self, program: &str) -> Result<Vec<KeptRuleset>, JournalError> {
        let disk = self.disk()?;
        let kept = disk.groups.iter().flat_map(|group| &group.rulesets);
        Ok(kept.filter(|ruleset| ruleset.program == program).cloned().collect())
    }

    fn note(&mut self, operation: &Operation) -> Result<Noted, JournalError> {
        let mut disk = self.disk()?;
        let same_key = |known: &&Operation| known.id() == operation.id();
        match disk.operations.iter().find(same_key) {
            Some(known) if known.request == operation.request => Ok(Noted::Again(known.at)),
            Some(_) => Ok(Noted::Conflict),
            None => {
                disk.operations.push(operation.clone());
                Ok(Noted::New)
            }
        }
    }

    fn noted(&self, id: &[u8; 16]) -> Result<Option<Timestamp>, JournalError> {
        Ok(self.disk()?.operations.iter().find(|known| known.id() == *id).map(|known| known.at))
    }

    fn begin_at(&mut self, _checkpoint: &Checkpoint) -> Result<(), JournalError> {
        Err(JournalError::Simulated("it keeps everything"))
    }

    fn take_away(&mut self) -> Result<u64, JournalError> {
        Ok(0)
    }

    fn has_room(&self) -> bool {
        false
    }

    fn give_room_back(&mut self) {}
}

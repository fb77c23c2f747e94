//! The embedded ledger before the laws of all ledgers: on a disk, followed by its projection; and in memory, alone.

use std::sync::atomic::AtomicBool;

use holdfast_core::Timestamp;

use super::*;
use crate::fixture::once_free;
use crate::journal::{Checkpoint, EachGroup, Erase, MemoryDisk, Noted, Operation, Slip, SlipsFound, SlipsWanted};
use crate::ledger::conformance::{Engine, conforms};

mod on_a_disk {
    super::conforms!(crate::ledger::embedded::tests::conforming::OnADisk);
}

mod in_memory {
    super::conforms!(crate::ledger::embedded::tests::conforming::InMemory);
}

/// A journal and a projection in a directory.
struct OnADisk;

impl Engine for OnADisk {
    fn premises(&self) -> Box<dyn Premises> {
        let directory = tempfile::tempdir().unwrap();
        Process::begin(move |plug| {
            let log = Plugged { log: once_free(|| Journal::open(directory.path(), Sync::Full)), plug };
            let (follower, thrown_away) = Follower::open(directory.path()).unwrap();
            assert_eq!(thrown_away, None);
            Embedded::spawn(move |_| Ok((Box::new(log), Some(follower))), 256, Box::new(Nobody)).unwrap()
        })
    }
}

/// A log on a simulated disk, and no projection.
struct InMemory;

impl Engine for InMemory {
    fn premises(&self) -> Box<dyn Premises> {
        let disk = MemoryDisk::new();
        Process::begin(move |plug| {
            let log = Plugged { log: disk.open(Sync::Full).unwrap(), plug };
            Embedded::start_on(Box::new(log), 256, Box::new(Nobody)).unwrap()
        })
    }
}

/// Whether the disk can still be reached.
#[derive(Debug, Clone, Default)]
struct Plug {
    pulled: Arc<AtomicBool>,
}

impl Plug {
    fn set(&self, pulled: bool) {
        self.pulled.store(pulled, Ordering::Release);
    }

    fn check(&self) -> Result<(), JournalError> {
        if self.pulled.load(Ordering::Acquire) { Err(JournalError::Simulated("the plug is pulled")) } else { Ok(()) }
    }
}

/// A running ledger, and how to start the next one where it is kept.
struct Process<Start> {
    start: Start,
    plug: Plug,
    ledger: Option<Embedded>,
    /// How far the clock is ahead.
    ahead: Duration,
}

impl<Start: Fn(Plug) -> (Embedded, Opening) + 'static> Process<Start> {
    fn begin(start: Start) -> Box<dyn Premises> {
        let mut process = Process { start, plug: Plug::default(), ledger: None, ahead: Duration::ZERO };
        process.open();
        Box::new(process)
    }

    fn open(&mut self) {
        self.plug = Plug::default();
        let (ledger, opening) = (self.start)(self.plug.clone());
        opening.blocking_recv().unwrap().unwrap();
        ledger.set_ahead(self.ahead);
        self.ledger = Some(ledger);
    }

    fn until(&self, readiness: Readiness) {
        while self.ledger().readiness() != readiness {
            std::thread::yield_now();
        }
    }
}

impl<Start: Fn(Plug) -> (Embedded, Opening) + 'static> Premises for Process<Start> {
    fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn restart(&mut self) {
        self.ledger = None;
        self.open();
    }

    /// What is not on the disk by now does not get there: the writer ends like one that is gone.
    fn crash(&mut self) {
        self.plug.set(true);
        self.restart();
    }

    fn obstruct(&mut self) {
        self.plug.set(true);
        // A writer notices when it has something to write.
        let noticed = wait(submit(self.ledger(), Act::Keep(origin(), not_understood("something to write"))));
        assert_eq!(noticed, Err(LedgerError::Unavailable));
        self.until(Readiness::Unavailable);
    }

    fn clear(&mut self) {
        self.plug.set(false);
        self.until(Readiness::Ready);
    }

    /// What is old is what the clock has left behind. The projection has everything when a process ends; the next one lets go
    /// of what is old after its first acts.
    fn age(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
        self.restart();
        for _ in 0..2 {
            self.let_time_work();
        }
    }

    fn hold_number(&self, place: u64) -> u64 {
        place
    }

    /// The writer looks for them whenever it has been woken, before it answers.
    fn let_time_work(&self) {
        wait(submit(self.ledger(), Act::Rest)).unwrap();
    }
}

/// A log whose disk may go away.
struct Plugged<L> {
    log: L,
    plug: Plug,
}

impl<L: Log> Log for Plugged<L> {
    fn place(&self) -> &Path {
        self.log.place()
    }

    fn next(&self) -> i64 {
        self.log.next()
    }

    fn chain(&self) -> &[u8; 32] {
        self.log.chain()
    }

    fn append(&mut self, records: u32, bytes: &[u8]) -> Result<(), JournalError> {
        self.plug.check()?;
        self.log.append(records, bytes)
    }

    fn tidy(&mut self) {
        self.log.tidy();
    }

    fn remarks(&mut self) -> Vec<String> {
        self.log.remarks()
    }

    fn read(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        self.plug.check()?;
        self.log.read(from, each)
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        self.plug.check()?;
        self.log.reopen()
    }

    fn keep_ruleset(&mut self, ruleset: KeptRuleset) {
        self.log.keep_ruleset(ruleset);
    }

    fn keep_slip(&mut self, slip: Arc<Slip>) {
        self.log.keep_slip(slip);
    }

    fn keep_slips_now(&mut self) -> Result<(), JournalError> {
        self.plug.check()?;
        self.log.keep_slips_now()
    }

    fn begin_slip(&mut self, slip: &Arc<Slip>) -> Result<SlipsFound, JournalError> {
        self.plug.check()?;
        self.log.begin_slip(slip)
    }

    fn end_waits(&mut self, asked_until: Timestamp) -> Result<u64, JournalError> {
        self.plug.check()?;
        self.log.end_waits(asked_until)
    }

    fn slips(&self, wanted: &SlipsWanted) -> Result<SlipsFound, JournalError> {
        self.plug.check()?;
        self.log.slips(wanted)
    }

    fn erase_slips(&mut self, which: &Erase) -> Result<u64, JournalError> {
        self.plug.check()?;
        self.log.erase_slips(which)
    }

    fn rulesets(&self, program: &str) -> Result<Vec<KeptRuleset>, JournalError> {
        self.plug.check()?;
        self.log.rulesets(program)
    }

    fn note(&mut self, operation: &Operation) -> Result<Noted, JournalError> {
        self.plug.check()?;
        self.log.note(operation)
    }

    fn noted(&self, id: &[u8; 16]) -> Result<Option<Timestamp>, JournalError> {
        self.plug.check()?;
        self.log.noted(id)
    }

    fn begin_at(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        self.plug.check()?;
        self.log.begin_at(checkpoint)
    }

    fn take_away(&mut self) -> Result<u64, JournalError> {
        self.plug.check()?;
        self.log.take_away()
    }

    fn has_room(&self) -> bool {
        self.log.has_room()
    }

    fn give_room_back(&mut self) {
        self.log.give_room_back();
    }
}

/// Nobody is told.
struct Nobody;

impl Observer for Nobody {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn readiness(&self, _readiness: Readiness) {}
    fn expired(&self, _holds: usize) {}
    fn say(&self, _message: &str) {}
}

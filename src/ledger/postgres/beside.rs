//! What an engine for a few rows has for a log: nothing is appended to it, and what is kept beside records passes through. It
//! answers from what was read before, and collects what is to be written.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_core::Timestamp;

use crate::journal::{
    Checkpoint, EachGroup, Erase, JournalError, KeptRuleset, Log, Noted, Operation, Slip, SlipsFound, SlipsWanted,
};

/// What is kept beside records, as far as some acts need it.
#[derive(Debug, Clone, Default)]
pub struct Beside(Arc<Mutex<Kept>>);

/// What was read, and what is new.
#[derive(Debug, Default)]
pub struct Kept {
    /// Rulesets of one program, oldest first.
    pub rulesets: Vec<KeptRuleset>,
    /// Operations by the ids that were asked for.
    pub operations: Vec<Operation>,
    /// To be kept.
    pub new_rulesets: Vec<KeptRuleset>,
    /// To be noted.
    pub new_operations: Vec<Operation>,
    /// What callers wrote, to be kept.
    pub new_slips: Vec<Arc<Slip>>,
}

impl Beside {
    /// What is there now.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Beside {
    fn place(&self) -> &Path {
        Path::new("(the database)")
    }

    fn next(&self) -> i64 {
        1
    }

    fn chain(&self) -> &[u8; 32] {
        &[0; 32]
    }

    fn append(&mut self, _records: u32, _bytes: &[u8]) -> Result<(), JournalError> {
        Ok(())
    }

    fn tidy(&mut self) {}

    fn remarks(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn read(&self, _from: i64, _each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    fn keep_ruleset(&mut self, ruleset: KeptRuleset) {
        self.kept().new_rulesets.push(ruleset);
    }

    fn keep_slip(&mut self, slip: Arc<Slip>) {
        self.kept().new_slips.push(slip);
    }

    // With the transaction that it comes with.
    fn keep_slips_now(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    // They are kept by and asked of the database itself: no engine is needed for that.
    fn begin_slip(&mut self, _slip: &Arc<Slip>) -> Result<SlipsFound, JournalError> {
        Ok(SlipsFound::default())
    }

    fn end_waits(&mut self, _asked_until: Timestamp) -> Result<u64, JournalError> {
        Ok(0)
    }

    fn slips(&self, _wanted: &SlipsWanted) -> Result<SlipsFound, JournalError> {
        Ok(SlipsFound::default())
    }

    fn erase_slips(&mut self, _which: &Erase) -> Result<u64, JournalError> {
        Ok(0)
    }

    fn rulesets(&self, _program: &str) -> Result<Vec<KeptRuleset>, JournalError> {
        Ok(self.kept().rulesets.clone())
    }

    fn note(&mut self, operation: &Operation) -> Result<Noted, JournalError> {
        let mut kept = self.kept();
        let same_key = |known: &&Operation| known.id() == operation.id();
        let noted = match kept.operations.iter().chain(&kept.new_operations).find(same_key) {
            Some(known) if known.request == operation.request => Noted::Again(known.at),
            Some(_) => Noted::Conflict,
            None => Noted::New,
        };
        if noted == Noted::New {
            kept.new_operations.push(operation.clone());
        }
        Ok(noted)
    }

    fn begin_at(&mut self, _checkpoint: &Checkpoint) -> Result<(), JournalError> {
        Ok(())
    }

    fn take_away(&mut self) -> Result<u64, JournalError> {
        Ok(0)
    }

    fn has_room(&self) -> bool {
        false
    }

    fn give_room_back(&mut self) {}

    fn noted(&self, id: &[u8; 16]) -> Result<Option<Timestamp>, JournalError> {
        Ok(self.kept().operations.iter().find(|known| known.id() == *id).map(|known| known.at))
    }
}

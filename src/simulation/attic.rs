//! What the engine's memory lets go of, kept as a projection keeps it: by following what is durable, some way behind.
//!
//! It is a memory of its own that forgets nothing. What it says is compared with the model like the engine's own word.

use holdfast_core::Timestamp;

use crate::journal::{Group, JournalError, Record};
use crate::ledger::embedded::cold::{Cold, Found, Left, Need, Nowhere, Reading};
use crate::ledger::embedded::engine::Engine;
use crate::ledger::embedded::rebuild;
use crate::ledger::embedded::state::{HoldRow, State};
use crate::ledger::embedded::undo::UndoLog;

/// Follows an engine's log.
pub struct Attic {
    state: State,
    undo: UndoLog,
    /// Up to which record.
    followed: i64,
    /// Where a record is read to.
    room: Option<Record>,
}

impl Attic {
    /// One that has followed nothing yet; `secret` keys the fingerprints.
    pub fn new(secret: (u64, u64)) -> Self {
        Attic { state: State::small(secret), undo: UndoLog::new(), followed: 0, room: None }
    }

    /// Follows everything that is durable.
    pub fn follow(&mut self, engine: &Engine) -> Result<i64, JournalError> {
        let Attic { state, undo, followed, room } = self;
        engine.read(followed.saturating_add(1), &mut |first, bytes| {
            let unreadable = |_| JournalError::Simulated("a record cannot be read");
            let mut group = Group::open(bytes).map_err(unreadable)?;
            for number in first.. {
                let Some(record) = group.read(room) else { break };
                let record = record.map_err(unreadable)?;
                if number > *followed {
                    rebuild::write_record(state, record, number, &Nowhere, undo)?;
                    undo.clear();
                    *followed = number;
                }
            }
            Ok(())
        })?;
        Ok(self.followed)
    }

    /// Up to which record it follows.
    pub fn followed(&self) -> i64 {
        self.followed
    }

    /// What it remembers.
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl Cold for Attic {
    fn find(&self, need: &Need) -> Result<Found, JournalError> {
        let named = need.payment.iter().find_map(|name| self.state.hold_by(name));
        let row = |row: &HoldRow| (row.clone(), Timestamp::EPOCH, self.followed);
        let hold = named.and_then(|index| self.state.hold(index));
        let numbered = need.number.and_then(|number| self.state.hold_numbered(number));
        let others = need.others.iter().filter_map(|name| self.state.hold_by(name)).chain(numbered);
        Ok(Found {
            hold: hold.map(row),
            asked: need.asked.and_then(|name| Some((name, self.state.answered(name)?))),
            others: others.filter_map(|index| self.state.hold(index)).map(row).collect(),
            told: need.told.filter(|name| self.state.was_told(*name)).map(|name| (name, self.state.told_content(name))),
        })
    }

    fn read_names(&self, reading: &mut Reading) -> Result<(), JournalError> {
        reading.left = Left::Nothing;
        Ok(())
    }
}

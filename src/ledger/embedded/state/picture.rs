//! All of memory as one value that tests compare: places that only memory knows are replaced by numbers that last.

use std::collections::BTreeMap;

use holdfast_core::hold::{Answered, HoldStatus};
use holdfast_core::rules::CounterKey;
use holdfast_core::{ProgramId, Timestamp};

use super::{
    AccountIndex, AccountRow, CardIndex, CardRow, CardholderIndex, CardholderRow, Counting, Fingerprint, HoldRow, State,
};
use crate::ledger::embedded::counters::Counter;

/// Memory, in an order of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub programs: Vec<ProgramId>,
    pub accounts: Vec<AccountRow>,
    pub accounts_by_name: BTreeMap<Fingerprint, AccountIndex>,
    pub cards: Vec<CardRow>,
    pub cards_by_name: BTreeMap<Fingerprint, CardIndex>,
    pub cardholders: Vec<CardholderRow>,
    pub cardholders_by_name: Vec<(Fingerprint, CardholderIndex)>,
    /// By number.
    pub holds: BTreeMap<u64, HoldRow>,
    pub holds_by_name: BTreeMap<Fingerprint, u64>,
    pub next_hold: u64,
    /// Holds that wait for their time, by the minute.
    pub due: BTreeMap<i64, Vec<u64>>,
    pub counters: BTreeMap<(CounterKey, Counting), Counter>,
    pub asked: BTreeMap<Fingerprint, Answered>,
    pub asked_by_age: Vec<(Timestamp, Fingerprint)>,
    pub told: Vec<Fingerprint>,
    pub told_by_age: Vec<(Timestamp, Fingerprint)>,
}

impl Picture {
    /// Without holds that ended: when memory lets go of them is a matter of chance.
    pub fn without_ended(mut self) -> Self {
        self.holds.retain(|_, row| row.hold.status == HoldStatus::Open);
        self.holds_by_name.retain(|_, number| self.holds.contains_key(number));
        self
    }
}

impl State {
    /// Memory as it is now.
    pub fn picture(&self) -> Picture {
        let number = |index| self.hold(index).map_or(0, |row| row.number.0);
        let mut cardholders_by_name: Vec<_> = self.cardholders_by_name.iter().map(|(name, index)| (*name, *index)).collect();
        cardholders_by_name.sort_unstable_by_key(|(name, _)| *name);
        let mut told: Vec<_> = self.told.iter().map(|(name, ())| *name).collect();
        told.sort_unstable();
        Picture {
            programs: self.programs.clone(),
            accounts: self.accounts.iter().cloned().collect(),
            accounts_by_name: self.accounts_by_name.iter().map(|(name, index)| (*name, *index)).collect(),
            cards: self.cards.iter().copied().collect(),
            cards_by_name: self.cards_by_name.iter().map(|(name, index)| (*name, *index)).collect(),
            cardholders: self.cardholders.iter().cloned().collect(),
            cardholders_by_name,
            holds: self.holds.iter().map(|row| (row.number.0, row.clone())).collect(),
            holds_by_name: self.holds_by_name.iter().map(|(name, index)| (*name, number(*index))).collect(),
            next_hold: self.next_hold,
            due: self.holds.waiting(),
            counters: self.counters.iter().map(|(key, counter)| (*key, counter.clone())).collect(),
            asked: self.asked.iter().map(|(name, answered)| (*name, *answered)).collect(),
            asked_by_age: self.asked_by_age.iter().copied().collect(),
            told,
            told_by_age: self.told_by_age.iter().copied().collect(),
        }
    }
}

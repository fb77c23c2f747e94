//! Taking back what was written, the latest first: a group that was given up leaves no trace.

use holdfast_core::hold::HoldStatus;

use super::State;
use crate::ledger::embedded::undo::{Undo, UndoLog};

impl State {
    /// Takes back everything in the log, the latest first.
    pub fn undo(&mut self, log: &mut UndoLog) {
        self.undo_to(log, 0);
    }

    /// Takes back what came after the log had that many entries.
    pub fn undo_to(&mut self, log: &mut UndoLog, length: usize) {
        while log.len() > length {
            let Some(undo) = log.pop() else { return };
            self.undo_one(undo);
        }
    }

    fn undo_one(&mut self, undo: Undo) {
        match undo {
            Undo::Account(index, account, told) => {
                if let Some(row) = self.accounts.get_mut(index.0) {
                    row.account = account;
                    row.told = told;
                }
            }
            Undo::AccountEntered(name) => {
                self.accounts.pop();
                self.accounts_by_name.remove(&name);
            }
            Undo::Card(index, before) => {
                if let Some(row) = self.cards.get_mut(index.0) {
                    *row = before;
                }
            }
            Undo::CardEntered(name) => {
                self.cards.pop();
                self.cards_by_name.remove(&name);
            }
            Undo::Cardholder(index, before) => {
                if let Some(row) = self.cardholders.get_mut(index.0) {
                    *row = *before;
                }
            }
            Undo::CardholderEntered(name) => {
                self.cardholders.pop();
                self.cardholders_by_name.remove(&name);
            }
            Undo::Hold(index, before) => {
                if let Some(undone) = self.hold(index).map(|row| row.hold.status) {
                    self.count_open(before.account, undone, before.hold.status);
                    self.holds.change(index, |row| *row = *before);
                }
            }
            Undo::HoldPlaced(index) => {
                if let Some(row) = self.holds.remove(index) {
                    self.count_open(row.account, row.hold.status, HoldStatus::Released);
                }
            }
            Undo::HoldName(name, Some(before)) => {
                self.holds_by_name.insert(name, before);
            }
            Undo::HoldName(name, None) => {
                self.holds_by_name.remove(&name);
            }
            Undo::Counter(key, Some(before)) => {
                if let Some(counter) = self.counters.get_mut(&key) {
                    counter.take_back(before);
                }
            }
            Undo::Counter(key, None) => {
                self.counters.remove(&key);
                self.counters_watched.pop_back();
            }
            Undo::Asked(key, Some(before)) => {
                // Which record corrected it stays: at worst it is kept until the one that takes its number is safe.
                self.asked.insert(key, before);
            }
            Undo::Asked(key, None) => {
                self.asked.remove(&key);
                self.asked_by_age.pop_back();
                self.corrected_by.remove(&key);
            }
            Undo::Told(key) => {
                self.told.remove(&key);
                self.told_by_age.pop_back();
            }
        }
    }
}

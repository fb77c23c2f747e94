//! Writing that two payments turned out to be one, live or read from the journal. Leaves its undo.

use holdfast_core::Timestamp;
use holdfast_core::hold::{Hold, HoldStatus, Outcome, life::put};
use smallvec::SmallVec;

use super::{HoldIndex, Located, State};
use crate::journal::Place;
use crate::ledger::embedded::undo::{Undo, UndoLog};

impl State {
    /// One hold takes over steps and names of another, of which nothing is left; which rows that is about. `outcome` is what becomes of
    /// the first one, applied at that time by that record.
    pub fn join(
        &mut self,
        takes: HoldIndex,
        gives: HoldIndex,
        (at, record): (Timestamp, i64),
        outcome: &Outcome,
        undo: &mut UndoLog,
    ) -> Place {
        let Some((into, from)) = self.hold(takes).cloned().zip(self.hold(gives).cloned()) else { return Place::default() };
        let (account, card) = (into.account, into.card.or(from.card));
        let known = into.counted.clone();
        self.move_money(account, outcome, undo);
        let after = outcome.hold.unwrap_or(into.hold);
        self.count_open(account, into.hold.status, after.status);
        self.count_open(account, from.hold.status, HoldStatus::Unplaced);
        undo.push(Undo::Hold(takes, Box::new(into)));
        undo.push(Undo::Hold(gives, Box::new(from.clone())));
        self.holds.change(takes, |row| {
            row.card = card;
            row.take(after, None, &outcome.counted);
            from.steps.iter().for_each(|step| put(&mut row.steps, *step));
            row.names.extend(from.names.iter().copied());
        });
        self.holds.change(gives, |row| {
            (row.hold, row.steps, row.names) = (Hold::NONE, SmallVec::new(), SmallVec::new());
        });
        for name in from.names {
            self.holds_by_name.insert(name, takes);
            undo.push(Undo::HoldName(name, Some(gives)));
        }
        if after.status != HoldStatus::Open {
            self.holds.ended(at, record, takes);
        }
        self.holds.ended(at, record, gives);
        let located = Located { account: Some(account), card, ..Located::default() };
        for counted in &outcome.counted {
            self.count(&located, counted, &known, at, undo);
        }
        let hold = self.hold(takes).map(|row| row.number.0);
        let cardholder = card.and_then(|card| self.card(card)).and_then(|row| row.cardholder).map(|owner| owner.0);
        Place { account: Some(account.0), card: card.map(|card| card.0), cardholder, hold, ..Place::default() }
    }
}

//! Writing that what was told of an increment went from one payment to another, live or read from the journal. Leaves its undo.

use holdfast_core::Timestamp;
use holdfast_core::hold::{HoldStatus, Outcome, Step, life::put};

use super::{Fingerprint, HoldIndex, HoldNumber, Located, Names, State};
use crate::journal::Place;
use crate::ledger::embedded::undo::{Undo, UndoLog};

impl State {
    /// A payment stands without these words, and is not called by these names of the increment any more; which rows that is about.
    /// `outcome` is what becomes of it, applied at that time by that record.
    pub fn give_words(
        &mut self,
        gives: HoldIndex,
        words: &[Step],
        names: impl IntoIterator<Item = Fingerprint>,
        (at, record): (Timestamp, i64),
        outcome: &Outcome,
        undo: &mut UndoLog,
    ) -> Place {
        let Some(before) = self.hold(gives).cloned() else { return Place::default() };
        let (account, card, known) = (before.account, before.card, before.counted.clone());
        let after = outcome.hold.unwrap_or(before.hold);
        self.move_money(account, outcome, undo);
        self.count_open(account, before.hold.status, after.status);
        undo.push(Undo::Hold(gives, Box::new(before)));
        self.holds.change(gives, |row| {
            row.take(after, None, &outcome.counted);
            row.steps.retain(|step| !words.iter().any(|word| word.id == step.id));
        });
        for name in names {
            if self.holds_by_name.get(&name) == Some(&gives) {
                self.holds_by_name.remove(&name);
                self.holds.change(gives, |row| row.names.retain(|other| *other != name));
                undo.push(Undo::HoldName(name, Some(gives)));
            }
        }
        if after.status != HoldStatus::Open {
            self.holds.ended(at, record, gives);
        }
        let located = Located { account: Some(account), card, ..Located::default() };
        for counted in &outcome.counted {
            self.count(&located, counted, &known, at, undo);
        }
        let hold = self.hold(gives).map(|row| row.number.0);
        let cardholder = card.and_then(|card| self.card(card)).and_then(|row| row.cardholder).map(|owner| owner.0);
        Place { account: Some(account.0), card: card.map(|card| card.0), cardholder, hold, ..Place::default() }
    }

    /// A payment, or a new one, takes these words, and is called by the names of the increment from now on; which rows that is about.
    pub fn take_words(
        &mut self,
        located: &Located,
        words: &[Step],
        names: &Names<'_>,
        outcome: &Outcome,
        undo: &mut UndoLog,
    ) -> Place {
        let place = self.write(located, names, outcome, undo);
        // A new one is found by its names, which were free.
        let named = Located { hold: located.payment.and_then(|names| self.hold_named(&names)), ..*located };
        let placed = || self.of_number(HoldNumber(place.hold?), named).hold;
        if let Some(takes) = located.hold.or_else(placed) {
            self.holds.change(takes, |row| words.iter().for_each(|word| put(&mut row.steps, *word)));
        }
        place
    }
}

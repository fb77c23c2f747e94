//! From the records of what went from one payment to another to rows. Nothing is decided.

use holdfast_core::hold::life::put;
use holdfast_core::hold::{HoldStatus, Outcome, Step};
use holdfast_core::{Expiry, PaymentRef};

use super::apply::{About, Applying, missing};
use crate::journal::Side;
use crate::ledger::embedded::state::HoldNumber;

impl Applying<'_, '_> {
    /// Writes that a payment stands without what was told of an increment, or with it, and who is called by its names.
    pub(super) fn reassigned(
        &mut self,
        (payment, increment): (&PaymentRef, &PaymentRef),
        words: &[Step],
        side: Side,
        outcome: &Outcome,
    ) -> rusqlite::Result<()> {
        match side {
            Side::Gives => self.gave(increment, words, outcome),
            Side::Takes => {
                let (payment, increment) = (Some(payment), Some(increment));
                self.outcome(&About { payment, increment, expiry: Expiry::Told, asked: None, merchant: None }, outcome)?;
                let number = self.record.place.hold.map(HoldNumber).ok_or_else(missing)?;
                let kept = self.batch.hold(number)?.ok_or_else(missing)?;
                words.iter().for_each(|word| put(&mut kept.row.steps, *word));
                Ok(())
            }
        }
    }

    fn gave(&mut self, increment: &PaymentRef, words: &[Step], outcome: &Outcome) -> rusqlite::Result<()> {
        let number = self.record.place.hold.map(HoldNumber).ok_or_else(missing)?;
        let own = self.key.payment(self.program, self.record.platform.as_ref(), increment);
        let kept = self.batch.hold(number)?.ok_or_else(missing)?;
        let known = kept.row.counted.clone();
        kept.row.take(outcome.hold.unwrap_or(kept.row.hold), None, &outcome.counted);
        kept.row.steps.retain(|step| !words.iter().any(|word| word.id == step.id));
        kept.row.names.retain(|name| own.iter().all(|given| given != *name));
        (kept.changed_at, kept.changed_by) = (self.record.at, self.number);
        if kept.row.hold.status != HoldStatus::Open {
            self.ended(number)?;
        }
        self.heard_of(number)?;
        if let Some(account) = self.record.place.account.filter(|_| (outcome.posted, outcome.held) != (0, 0)) {
            self.movement(outcome, account)?;
        }
        outcome.counted.iter().try_for_each(|counted| self.batch.count(&self.record.place, counted, &known, self.record.at))
    }
}

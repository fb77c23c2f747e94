//! Payments that turn out to be one: a message names a payment by one name and calls it by another under which something else was told
//! before. They are joined before the message is applied, by a record of their own. What a join does, and whether there is one, is
//! core's ([`join`]); nothing here decides an answer.

use holdfast_core::hold::{Outcome, Part, are_two, join, knows_added};
use holdfast_core::{IdempotencyKey, PaymentRef, Timestamp};

use super::engine::Engine;
use super::state::{HoldIndex, HoldRow, Located, State};
use crate::journal::BodyRef;
use crate::ledger::{LedgerError, Origin};

impl Engine {
    /// Joins what an event's names lead to, if that is more than one payment; what the event is about then. `added` is the question of what
    /// adds to the payment, where that is what the event calls by a name of its own.
    pub(super) fn join_what_is_one(
        &mut self,
        origin: &Origin,
        located: Located,
        (payment, own): (Option<&PaymentRef>, Option<&PaymentRef>),
        added: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Located, LedgerError> {
        let (Some(mut meant), Some(payment)) = (located.hold, payment) else { return Ok(located) };
        let own = own.map(|own| (own, self.state.payment_names(&origin.program, origin.platform.as_ref(), own), added));
        let its = located.payment.map(|names| (payment, names, None));
        for (other, names, added) in its.into_iter().chain(own) {
            for name in names.iter() {
                let Some(found) = self.state.hold_by(&name).filter(|found| *found != meant) else { continue };
                // What adds to a payment may be said of two.
                let stays = added
                    .is_some_and(|added| self.adds_to(found, other, added) && are_opened_apart(&self.state, found, meant, added));
                if stays || self.state.share_a_question(found, meant, &names) {
                    continue;
                }
                // What was told under the other name goes to the payment that is meant; or that was only told of, and goes to the other.
                let one = match self.join(origin, (meant, payment), (found, other), now)? {
                    Some(one) => Some(one),
                    None => self.join(origin, (found, other), (meant, payment), now)?,
                };
                meant = one.unwrap_or(meant);
            }
        }
        Ok(Located { hold: Some(meant), ..located })
    }

    /// Whether what is called so is known of a payment, or we approved something else of it under that name; else that payment is what it opened
    /// itself.
    fn adds_to(&self, payment: HoldIndex, own: &PaymentRef, asked: &IdempotencyKey) -> bool {
        self.state.hold(payment).is_some_and(|row| knows_added(&row.steps, asked, own) || !part(row).is_told_only())
    }

    /// Has one payment take over another, each with a name that leads to it; which one it is then, if they are one.
    fn join(
        &mut self,
        origin: &Origin,
        (takes, payment): (HoldIndex, &PaymentRef),
        (gives, other): (HoldIndex, &PaymentRef),
        now: Timestamp,
    ) -> Result<Option<HoldIndex>, LedgerError> {
        let Some((outcome, number)) = joined(&self.state, takes, gives).zip(self.state.hold(gives).map(|row| row.number.0))
        else {
            return Ok(None);
        };
        let record = self.next_record();
        let place = self.state.join(takes, gives, (now, record), &outcome, &mut self.undo);
        let body = BodyRef::Joined { payment, other, gives: number, outcome: &outcome };
        self.record(origin, now, None, None, place, body).map(|()| Some(takes))
    }
}

/// Whether what adds to one payment, and is said of another, makes one of them: they were not opened by two questions.
pub fn makes_one(state: &State, one: HoldIndex, other: HoldIndex, added: &IdempotencyKey) -> bool {
    let is_joined = || joined(state, one, other).or_else(|| joined(state, other, one)).is_some();
    !are_opened_apart(state, one, other, added) && is_joined()
}

fn are_opened_apart(state: &State, one: HoldIndex, other: HoldIndex, added: &IdempotencyKey) -> bool {
    state.hold(one).zip(state.hold(other)).is_some_and(|(one, other)| are_two(&one.steps, &other.steps, added))
}

/// What becomes of a payment that takes over what is known of another of its account.
pub fn joined(state: &State, takes: HoldIndex, gives: HoldIndex) -> Option<Outcome> {
    let (takes, gives) = state.hold(takes).zip(state.hold(gives)).filter(|(takes, gives)| takes.account == gives.account)?;
    join(&state.account(takes.account)?.account, &part(takes), &part(gives))
}

/// What core has to know of a payment.
pub fn part(row: &HoldRow) -> Part<'_> {
    Part { hold: row.hold, steps: &row.steps, counted: &row.counted }
}

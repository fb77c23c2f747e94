//! Payments that turn out to be one: a message names a payment by one name and calls it by another under which something else was told
//! before. They are joined before the message is applied, by a record of their own. What a join does is core's
//! ([`join`]); nothing here decides an answer.

use holdfast_core::hold::{Joining, Outcome, Part, join, joining};
use holdfast_core::{PaymentRef, Timestamp};

use super::engine::Engine;
use super::state::{HoldIndex, HoldRow, Located, State};
use crate::journal::BodyRef;
use crate::ledger::{LedgerError, Origin};

/// Two holds of one account that are one payment.
#[derive(Debug, Clone, Copy)]
struct Pair {
    takes: HoldIndex,
    gives: HoldIndex,
}

impl Engine {
    /// Joins what an event's names lead to, if that is more than one payment; what the event is about then.
    pub(super) fn join_what_is_one(
        &mut self,
        origin: &Origin,
        located: Located,
        (payment, own): (Option<&PaymentRef>, Option<&PaymentRef>),
        now: Timestamp,
    ) -> Result<Located, LedgerError> {
        let (Some(mut meant), Some(payment)) = (located.hold, payment) else { return Ok(located) };
        let own = own.map(|own| (own, self.state.payment_names(&origin.program, origin.platform.as_ref(), own)));
        for (other, names) in located.payment.map(|names| (payment, names)).into_iter().chain(own) {
            for name in names.iter() {
                let Some(found) = self.state.hold_by(&name).filter(|found| *found != meant) else { continue };
                match way(&self.state, meant, found) {
                    None => {}
                    Some(Joining::Takes) => self.join(origin, Pair { takes: meant, gives: found }, (payment, other), now)?,
                    Some(Joining::Gives) => {
                        self.join(origin, Pair { takes: found, gives: meant }, (other, payment), now)?;
                        meant = found;
                    }
                }
            }
        }
        Ok(Located { hold: Some(meant), ..located })
    }

    fn join(
        &mut self,
        origin: &Origin,
        Pair { takes, gives }: Pair,
        (payment, other): (&PaymentRef, &PaymentRef),
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Some(outcome) = joined(&self.state, takes, gives) else { return Ok(()) };
        let Some(number) = self.state.hold(gives).map(|row| row.number.0) else { return Ok(()) };
        let record = self.next_record();
        let place = self.state.join(takes, gives, (now, record), &outcome, &mut self.undo);
        let body = BodyRef::Joined { payment, other, gives: number, outcome: &outcome };
        self.record(origin, now, None, None, place, body)
    }
}

/// Which way two payments are joined, if they are one account's.
fn way(state: &State, meant: HoldIndex, other: HoldIndex) -> Option<Joining> {
    let (meant, other) = state.hold(meant).zip(state.hold(other)).filter(|(meant, other)| meant.account == other.account)?;
    joining(&part(meant), &part(other))
}

/// What becomes of a payment that takes over what is known of another.
pub fn joined(state: &State, takes: HoldIndex, gives: HoldIndex) -> Option<Outcome> {
    let (takes, gives) = state.hold(takes).zip(state.hold(gives))?;
    join(&state.account(takes.account)?.account, &part(takes), &part(gives))
}

fn part(row: &HoldRow) -> Part<'_> {
    Part { hold: row.hold, steps: &row.steps, counted: &row.counted }
}

//! What is told of a payment of ours by whoever may be refused: looked at and booked in one act, so that of two that come at once the second
//! one is judged by what the first one left.

use holdfast_core::hold::{StepId, ToldEvent, objection};
use holdfast_core::{Basis, Decision, DeclineReason};

use super::engine::{Engine, Performed, Warmth};
use super::state::Located;
use crate::clock::Moment;
use crate::ledger::{Answer, Origin};

impl Engine {
    /// Books a fact, unless its payment does not allow it. One that was heard before is what it was.
    pub(super) fn tell_ours(&mut self, origin: &Origin, event: &ToldEvent, now: &Moment, warmth: Warmth<'_>) -> Performed {
        let Origin { program, platform, .. } = origin;
        let told = self.state.told_name(program, platform.as_ref(), &event.key);
        if self.state.was_told(told) {
            return self.tell(origin, event, now.utc, warmth);
        }
        let located = match self.find_told(origin, event, now.utc, warmth) {
            (located, None) => located,
            (_, Some(need)) => return Performed::Cold(need),
        };
        match self.objects(&located, event) {
            None => self.told(origin, event, &located, now.utc),
            Some(reason) => {
                let answer =
                    Answer::Decided { decision: Decision::Decline { reason }, basis: Basis::Ledger, balance: None, intent: None };
                // Whoever is refused hears nothing that is not durable.
                Performed::OnceDurable(answer)
            }
        }
    }

    fn objects(&self, located: &Located, event: &ToldEvent) -> Option<DeclineReason> {
        let row = located.hold.and_then(|index| self.state.hold(index));
        let id = StepId::of_message(&event.key);
        if row.is_some_and(|row| row.steps.iter().any(|step| step.id == id)) {
            return None;
        }
        let account = row.and_then(|row| self.state.account(row.account)).map(|row| row.account);
        let Some((row, account)) = row.zip(account) else { return Some(DeclineReason::AuthorizationUnknown) };
        objection(&row.hold, &row.steps, account.currency, &event.fact)
    }
}

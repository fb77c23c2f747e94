//! What programs order of their own payments, and what they see of them. What an order does is core's; nothing here decides.

use holdfast_adapters::payment::KeyIs;
use holdfast_core::hold::{Event, Ordered, Outcome, Step, Subject, What};
use holdfast_core::{Basis, Decision, Expiry, IdempotencyKey, PaymentRef, Timestamp};

use super::acts::once_durable;
use super::engine::{Engine, Performed, Warmth};
use super::state::{HoldNumber, Names};
use super::weigh;
use crate::journal::{BodyRef, Uses};
use crate::ledger::{Answer, LedgerError, Looked, Ordering, Origin};

impl Engine {
    /// Does what a program orders, or says why not.
    pub(super) fn order(&mut self, origin: &Origin, ordering: &Ordering, now: Timestamp, warmth: Warmth<'_>) -> Performed {
        let Origin { program, platform, .. } = origin;
        let Ordering { key, key_is, digest, payment, hold, order } = ordering;
        let asked = self.state.asked_name(program, platform.as_ref(), key);
        let mut located = self.state.locate(program, platform.as_ref(), &Subject::default(), Some(payment));
        if let Some(number) = hold.map(HoldNumber) {
            located = self.state.of_number(number, located);
        }
        if let Some(need) = self.need(&located, None, (Some(asked), None), warmth) {
            return Performed::Cold(need);
        }
        let ordered = Ordered { key, digest: *digest, payment, order };
        let outcome = weigh::apply(&self.state, &located, Some(asked), &Uses::new(), None, &Event::Ordered(ordered), now);
        let Some((decision, basis)) = outcome.decision else {
            return Performed::Now(Err(LedgerError::Panicked));
        };
        let answer = Answer::Decided { decision, basis, balance: None, intent: None };
        if basis == Basis::Replay {
            return Performed::OnceDurable(answer);
        }
        // The same words may be allowed later: what was refused is recorded, and not remembered under them. What nothing is known of is nobody's.
        let is_forgotten = *key_is == KeyIs::OfContent && matches!(decision, Decision::Decline { .. });
        if is_forgotten && located.hold.is_none() {
            return Performed::OnceDurable(answer);
        }
        let answered = outcome.answered.filter(|_| !is_forgotten);
        let outcome = Outcome { answered, ..outcome };
        let names = Names { asked: Some(asked), ..self.names(origin, now, Some(payment), Expiry::Ours) };
        let place = self.state.write(&located, &names, &outcome, &mut self.undo);
        let body = BodyRef::Ordered { key, payment, order, outcome: &outcome };
        once_durable(self.record(origin, now, None, None, place, body), answer)
    }

    /// What stands of a payment. Whoever looks hears nothing that is not durable.
    pub(super) fn look_at(
        &mut self,
        origin: &Origin,
        payment: &PaymentRef,
        key: &IdempotencyKey,
        warmth: Warmth<'_>,
    ) -> Performed {
        let Origin { program, platform, .. } = origin;
        let asked = self.state.asked_name(program, platform.as_ref(), key);
        let located = self.state.locate(program, platform.as_ref(), &Subject::default(), Some(payment));
        if let Some(need) = self.need(&located, None, (Some(asked), None), warmth) {
            return Performed::Cold(need);
        }
        let row = located.hold.and_then(|index| self.state.hold(index));
        let currency = row.and_then(|row| self.state.account(row.account)).map(|row| row.account.currency);
        let changed_at = row.and_then(|row| row.steps.iter().map(|step| step.at).max());
        let released = |step: &&Step| matches!(step.what, What::Released { .. });
        let released_by = row.and_then(|row| row.steps.iter().filter(released).max_by_key(|step| step.at)).map(|step| step.id);
        let (answered, hold) = (self.state.answered(asked), row.map(|row| row.hold));
        let looked = Looked { answered, hold, changed_at, currency, released_by };
        Performed::OnceDurable(Answer::Looked(looked))
    }
}

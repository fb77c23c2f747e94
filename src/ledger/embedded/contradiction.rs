//! What is kept of a message that says something else under a key that is booked already: enough for somebody to look, and to
//! ask the platform.

use std::num::NonZeroU64;

use holdfast_adapters::Unrecognized;
use holdfast_core::card_number::{stands_in, stands_in_text};
use holdfast_core::hold::{Fact, RecordedOutcome, ToldEvent, contradicts};
use holdfast_core::hold::{Step, StepId};
use holdfast_core::{Money, PaymentRef};
use sha2::{Digest as _, Sha256};

use super::state::{Located, State, ToldContent};
use crate::ledger::Origin;

/// In what a message differs from the one that was booked under its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// Another amount, or another meaning.
    InWhatItSays,
    /// That, or it is of another payment.
    InItsPaymentToo,
}

/// In what a message differs from the one that was booked under its key, if it does.
pub fn difference(state: &State, origin: &Origin, event: &ToldEvent, located: &Located) -> Option<Differs> {
    let steps = located.hold.and_then(|index| state.hold(index)).map(|row| row.steps.as_slice());
    let currency = located.account.and_then(|index| state.account(index)).map(|row| row.account.currency);
    let is_step = |steps: &&[Step]| steps.iter().any(|step| step.id == StepId::of_message(&event.key));
    if let Some((steps, currency)) = steps.filter(is_step).zip(currency) {
        return contradicts(steps, currency, event).then_some(Differs::InWhatItSays);
    }
    let told = state.told_name(&origin.program, Some(origin.platform.as_ref()?), &event.key);
    let is_linked = event.fact.payments().0.is_some();
    match state.told_content(told) {
        // What became no step of this payment is known by what it said. One that was linked to no payment may be by now: it is the same
        // money.
        Some(said) if said == content(event) || said == content_of(event, None) => None,
        Some(_) => Some(if is_linked { Differs::InItsPaymentToo } else { Differs::InWhatItSays }),
        // What it said is not kept where it became a step: of another payment, then.
        None => (is_linked && state.was_told(told)).then_some(Differs::InItsPaymentToo),
    }
}

/// A message whose key is that of another one, as it is listed.
pub fn contradiction(event: &ToldEvent, differs: Differs) -> Unrecognized {
    let (says, amount) = says(&event.fact);
    let payment = event.fact.payments().0.map(|payment| format!(", payment {}", payment.authorization)).unwrap_or_default();
    let amount = amount.map(|amount| format!(" {}", readable(amount))).unwrap_or_default();
    let redacted = format!("key {}{payment}: {says}{amount}", event.key);
    let problem = match differs {
        Differs::InWhatItSays => "was booked before under this key, with another amount or meaning; the first one counts",
        Differs::InItsPaymentToo => {
            "was booked before under this key, of another payment or with another amount or meaning; the first one counts"
        }
    };
    Unrecognized::new(problem.to_owned(), redacted)
}

/// An amount, unless its digits are a card's number: then somebody wrote one where the amount belongs.
fn readable(amount: Money) -> String {
    let text = amount.to_string();
    if stands_in(&amount.minor().unsigned_abs().to_string()) || stands_in_text(&text) {
        return "an amount that reads like a card's number, and is not kept".to_owned();
    }
    text
}

/// What a message says, as far as it must be the same when it is sent again. Whose money it is may be told better by then.
pub fn content(event: &ToldEvent) -> ToldContent {
    content_of(event, event.fact.payments().0)
}

/// The same, linked to this payment. What was kept before payments were part of it is as if it were linked to none.
fn content_of(event: &ToldEvent, payment: Option<&PaymentRef>) -> ToldContent {
    let (says, amount) = says(&event.fact);
    let mut digest = Sha256::new();
    digest.update(says);
    let mut part = |text: &str| {
        // No part of it has a zero byte, so that they cannot run into each other.
        digest.update([0]);
        digest.update(text);
    };
    if let Some(amount) = amount {
        part(&amount.to_string());
    }
    if let Some(payment) = payment {
        part("of");
        part(payment.authorization.as_str());
    }
    match event.fact {
        Fact::Card { card, status } => [card.as_str(), status.name()].into_iter().for_each(part),
        Fact::Cardholder { cardholder, status } => [cardholder.as_str(), status.name()].into_iter().for_each(part),
        Fact::Account { account, status } => [account.as_str(), status.name()].into_iter().for_each(part),
        Fact::Recorded { .. }
        | Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::SettlementAnnounced { .. } => {}
    }
    let half: [u8; 32] = digest.finalize().into();
    let first = half.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    ToldContent(NonZeroU64::new(first).unwrap_or(NonZeroU64::MIN))
}

/// What a fact is called, and its amount.
const fn says(fact: &Fact) -> (&'static str, Option<Money>) {
    match fact {
        Fact::Recorded {
            outcome: RecordedOutcome::Approved { amount } | RecordedOutcome::ApprovedByStandIn { amount, .. },
            ..
        } => ("recorded as approved", Some(*amount)),
        Fact::Recorded { outcome: RecordedOutcome::Declined, .. } => ("recorded as declined", None),
        Fact::Reduced { by, .. } => ("reversed in part", Some(*by)),
        Fact::Replaced { total, .. } => ("authorized in total", Some(*total)),
        Fact::Released { .. } => ("released", None),
        Fact::Captured { amount, .. } => ("captured", Some(*amount)),
        Fact::Completed { amount, .. } => ("completed", Some(*amount)),
        Fact::Credited { amount, .. } => ("credited", Some(*amount)),
        Fact::Debited { amount, .. } => ("debited", Some(*amount)),
        Fact::SettlementAnnounced { total } => ("settlement announced", Some(*total)),
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } => ("a standing", None),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::MovementCause;

    use super::*;
    use crate::fixture::{told, usd};

    #[test]
    fn an_amount_that_reads_like_a_cards_number_is_not_repeated() {
        let credited = |minor| {
            let fact = Fact::Credited { payment: None, amount: usd(minor), cause: MovementCause::Funding };
            contradiction(&told("k", fact), Differs::InWhatItSays).redacted
        };
        assert_eq!(credited(4_111), "key k: credited 41.11 USD");
        let not_kept = "key k: credited an amount that reads like a card's number, and is not kept";
        assert_eq!(credited(4_111_111_111_111_111), not_kept);
        assert_eq!(credited(411_111_111_111_111_100), not_kept);
    }
}

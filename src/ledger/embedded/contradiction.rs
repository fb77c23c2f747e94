//! What is kept of a message that says something else under a key that is booked already: enough for somebody to look, and to
//! ask the platform. Nothing here decides whether it does.

use std::num::NonZeroU64;

use holdfast_adapters::Unrecognized;
use holdfast_core::Money;
use holdfast_core::card_number::{stands_in, stands_in_text};
use holdfast_core::hold::{Fact, RecordedOutcome, ToldEvent};
use sha2::{Digest as _, Sha256};

use super::state::ToldContent;

/// A message whose key is that of another one, as it is listed.
pub fn contradiction(event: &ToldEvent) -> Unrecognized {
    let (says, amount) = says(&event.fact);
    let payment = event.fact.payments().0.map(|payment| format!(", payment {}", payment.authorization)).unwrap_or_default();
    let amount = amount.map(|amount| format!(" {}", readable(amount))).unwrap_or_default();
    let redacted = format!("key {}{payment}: {says}{amount}", event.key);
    Unrecognized {
        digest: Sha256::digest(&redacted).into(),
        problem: "was booked before under this key, with another amount or meaning; the first one counts".to_owned(),
        redacted,
    }
}

/// An amount, unless its digits are a card's number: then somebody wrote one where the amount belongs.
fn readable(amount: Money) -> String {
    let text = amount.to_string();
    if stands_in(&amount.minor().unsigned_abs().to_string()) || stands_in_text(&text) {
        return "an amount that reads like a card's number, and is not kept".to_owned();
    }
    text
}

/// What a message says, as far as it must be the same when it is sent again. Whose money it is and which payment it is linked to may
/// be told better by then.
pub fn content(event: &ToldEvent) -> ToldContent {
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
            contradiction(&told("k", Fact::Credited { payment: None, amount: usd(minor), cause: MovementCause::Funding }))
                .redacted
        };
        assert_eq!(credited(4_111), "key k: credited 41.11 USD");
        let not_kept = "key k: credited an amount that reads like a card's number, and is not kept";
        assert_eq!(credited(4_111_111_111_111_111), not_kept);
        assert_eq!(credited(411_111_111_111_111_100), not_kept);
    }
}

//! What is kept of a message that says something else under a key that is booked already: enough for somebody to look, and to
//! ask the platform. Nothing here decides whether it does.

use holdfast_adapters::Unrecognized;
use holdfast_core::Money;
use holdfast_core::hold::{Fact, RecordedOutcome, ToldEvent};
use sha2::{Digest as _, Sha256};

/// A message whose key is that of another one, as it is listed.
pub fn contradiction(event: &ToldEvent) -> Unrecognized {
    let (says, amount) = says(&event.fact);
    let payment = event.fact.payments().0.map(|payment| format!(", payment {}", payment.authorization)).unwrap_or_default();
    let amount = amount.map(|amount| format!(" {amount}")).unwrap_or_default();
    let redacted = format!("key {}{payment}: {says}{amount}", event.key);
    Unrecognized {
        digest: Sha256::digest(&redacted).into(),
        problem: "was booked before under this key, with another amount or meaning; the first one counts".to_owned(),
        redacted,
    }
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

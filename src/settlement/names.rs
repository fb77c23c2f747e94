//! What a movement is called: by which names platforms know it, and in a word. Knows no amounts.

use holdfast_core::hold::{Fact, Order};
use holdfast_core::{AuthorizationRequest, PaymentRef};

use crate::journal::{Body, Record};

/// What a single message's decision did.
pub(super) const DEBITED_AT_ONCE: &str = "debited at once";

/// What came back because two payments turned out to be one: it was debited at once, and captured under another name.
pub(super) const JOINED: &str = "captured under another name";

pub(super) fn names_of_payment(payment: &PaymentRef) -> Vec<String> {
    payment.names().map(|name| name.to_string()).collect()
}

pub(super) fn names_of_request(request: &AuthorizationRequest) -> Vec<String> {
    let mut names = names_of_payment(&request.payment);
    names.push(request.key.to_string());
    names
}

/// What the platform's own file calls a told message; nothing for what operators told, and for platforms of other versions.
#[must_use]
pub fn message_name(record: &Record) -> Option<&str> {
    let Body::Told { event, .. } = &record.body else { return None };
    let platform = holdfast_adapters::platform(record.platform?.as_str())?;
    Some((platform.message_name)(event.key.as_str()))
}

pub(super) fn names_of_fact(fact: &Fact) -> Vec<String> {
    match fact {
        Fact::Recorded { payment, .. }
        | Fact::Reduced { payment, .. }
        | Fact::Replaced { payment, .. }
        | Fact::Released { payment, .. }
        | Fact::Completed { payment, .. } => names_of_payment(payment),
        Fact::Captured { payment, .. } | Fact::Credited { payment, .. } | Fact::Debited { payment, .. } => {
            payment.as_ref().map(names_of_payment).unwrap_or_default()
        }
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => Vec::new(),
    }
}

pub(super) fn what(fact: &Fact) -> &'static str {
    match fact {
        Fact::Recorded { .. } => "recorded",
        Fact::Reduced { .. } => "reversed",
        Fact::Replaced { .. } => "advised",
        Fact::Released { .. } => "released",
        Fact::Captured { .. } => "cleared",
        Fact::Completed { .. } => "completed",
        Fact::Credited { .. } => "credited",
        Fact::Debited { .. } => "debited",
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } => "standing",
        Fact::SettlementAnnounced { .. } => "announced",
    }
}

pub(super) const fn ordered(order: &Order) -> &'static str {
    match order {
        Order::Capture { .. } => "captured",
        Order::Release => "released",
        Order::Refund { .. } => "refunded",
    }
}

//! What a movement is called: by which names platforms know it, and in a word. Knows no amounts.

use holdfast_core::PaymentRef;
use holdfast_core::hold::{Fact, Order};

use crate::journal::{Body, Record};

/// What a single message's decision did.
pub(super) const DEBITED_AT_ONCE: &str = "debited at once";

/// What came back because two payments turned out to be one: it was debited at once, and captured under another name.
pub(super) const JOINED: &str = "captured under another name";

/// As [`JOINED`]: an increment that was debited at once belongs to another payment.
pub(super) const REASSIGNED: &str = "debited with another payment";

/// What a record calls its payment, and what it is called itself.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// The payment's first name first.
    pub payment: Vec<String>,
    /// Its key, and what the platform's own file calls it.
    pub own: Vec<String>,
    /// By what else a question asked about the payment: its key, and the payment that it adds to. None of what is no question.
    pub asked: Vec<String>,
}

/// The names that a record has; none of one that is about no payment.
pub(super) fn named(record: &Record) -> Named {
    match &record.body {
        Body::Decided { request, .. } | Body::Adopted { request, .. } => {
            let (key, adds_to) = (request.key.to_string(), request.increments.iter().flat_map(names_of_payment));
            let asked = [key.clone()].into_iter().chain(adds_to).collect();
            Named { payment: names_of_payment(&request.payment), own: vec![key], asked }
        }
        Body::Told { event, .. } => {
            let key = event.key.as_str();
            let shorter = message_name(record).filter(|name| *name != key);
            let own = [key].into_iter().chain(shorter).map(ToOwned::to_owned).collect();
            Named { payment: names_of_fact(&event.fact), own, asked: Vec::new() }
        }
        Body::Ordered { payment, key, .. } => {
            Named { payment: names_of_payment(payment), own: vec![key.to_string()], asked: Vec::new() }
        }
        Body::Joined { payment, other, .. } | Body::Reassigned { payment, increment: other, .. } => {
            Named { payment: [payment, other].into_iter().flat_map(names_of_payment).collect(), ..Named::default() }
        }
        Body::AccountEntered { .. }
        | Body::Kept { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. } => Named::default(),
    }
}

fn names_of_payment(payment: &PaymentRef) -> Vec<String> {
    payment.names().map(|name| name.to_string()).collect()
}

/// What the platform's own file calls a told message; nothing for what operators told, and for platforms of other versions.
#[must_use]
pub fn message_name(record: &Record) -> Option<&str> {
    let Body::Told { event, .. } = &record.body else { return None };
    let platform = holdfast_adapters::platform(record.platform?.as_str())?;
    Some((platform.message_name)(event.key.as_str()))
}

fn names_of_fact(fact: &Fact) -> Vec<String> {
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

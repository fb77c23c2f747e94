//! `POST …/capture`, `…/void` and `…/refund`, and `GET …/{id}`: what may be done with a payment, named by its `id`.

use holdfast_core::{AuthorizationId, Currency, IdempotencyKey, Money};
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::{CAPTURE, Kind, VOID, amount, names};
use crate::answer::Echo;
use crate::inbound::{Inbound, Malformed};
use crate::payment::{LookCall, OrderCall, Ordered};
use crate::proof::hex;
use crate::strict::{Fields, document};

/// Dialects of answers to orders begin here: the route's number is added.
const ORDERED: u8 = 10;

/// Understands an order: `id`, and for captures and refunds `amount`.
///
/// Amounts are read in US dollars' decimals: what is meant is in the payment's currency, of which the interface has no other.
pub(super) fn decode<'a>(body: &[u8], headers: &HeaderMap, route: u8) -> Result<Inbound<'a>, Malformed> {
    let members = document(body)?;
    let fields = Fields::of(&members, "");
    let id = fields.required("id", |fields, name| fields.text(name, 64))?;
    fields.text("reason", 255)?;
    let minor = |fields: &Fields<'_>| {
        let amount = fields.required("amount", |fields, name| amount(fields, name, Currency::USD))?;
        if amount.is_zero() { Err(fields.wrong("amount", "is nothing")) } else { Ok(amount) }
    };
    let order = match route {
        CAPTURE => Ordered::Capture { minor: minor(&fields)?.minor() },
        VOID => Ordered::Void,
        _ => Ordered::Refund { minor: minor(&fields)?.minor() },
    };
    let payment = payment(id)?;
    let (word, minor) = match order {
        Ordered::Capture { minor } => ("capture", minor),
        Ordered::Void => ("void", 0),
        Ordered::Refund { minor } => ("refund", minor),
    };
    // A caller's key is one order, whatever it says of what: with other content it is a conflict. Without one, the same order of the
    // same payment is made once: a refund that is to be made twice brings a key of its own each time.
    let (word, digest) = match names::key_of(headers)? {
        Some(key) => ("order", Sha256::digest(key)),
        None => {
            let content = Sha256::new().chain_update(payment.as_str()).chain_update([0]).chain_update(minor.to_le_bytes());
            (word, content.finalize())
        }
    };
    let key = format!("{word}-{}", hex(digest.get(..16).unwrap_or_default()));
    let key = IdempotencyKey::new(&key).map_err(|error| Malformed::identifier("id", error))?;
    Ok(Inbound::Order(OrderCall { payment, key, order, echo: echo_of_order(route) }))
}

/// What answers to an order repeat.
pub(super) fn echo_of_order<'a>(route: u8) -> Echo<'a> {
    echo(ORDERED.saturating_add(route))
}

/// Understands a path that names a payment.
pub(super) fn decode_one<'a>(segment: &str) -> Result<Inbound<'a>, Malformed> {
    Ok(Inbound::Look(LookCall { payment: payment(segment)?, echo: echo(ORDERED) }))
}

/// What cannot be the name of a payment is none that is known.
pub(super) fn payment(id: &str) -> Result<AuthorizationId, Malformed> {
    let name = if names::is_name(id) { id } else { "payment-of-nobody" };
    AuthorizationId::new(name).map_err(|error| Malformed::identifier("id", error))
}

fn echo<'a>(dialect: u8) -> Echo<'a> {
    Echo { dialect, ..Echo::default() }
}

/// Which transaction an answer is about.
pub(super) const fn transaction(dialect: u8) -> &'static str {
    match dialect.saturating_sub(ORDERED) {
        _ if dialect == Kind::Sale.number() => "SALE",
        CAPTURE if dialect >= ORDERED => "CAPTURE",
        VOID if dialect >= ORDERED => "VOID",
        super::REFUND if dialect >= ORDERED => "REFUND",
        _ => "AUTH",
    }
}

/// What of a payment an answer tells as its amount.
pub(super) fn processed(dialect: u8, approved: Money, captured: i64, refunded: i64) -> i64 {
    match transaction(dialect) {
        "CAPTURE" => captured,
        "REFUND" => refunded,
        _ => approved.minor(),
    }
}

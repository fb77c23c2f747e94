//! `POST …/capture`, `…/void` and `…/refund`, and `GET …/{id}`: what may be done with a payment, named by its `id`.

use arrayvec::ArrayString;
use holdfast_core::{AuthorizationId, Currency, IdempotencyKey, MerchantId, Money};
use http::HeaderMap;
use sha2::digest::Output;
use sha2::{Digest, Sha256};

use super::fields::decimal_text;
use super::{CAPTURE, Kind, VOID, names};
use crate::answer::Echo;
use crate::idempotency::NamesAre;
use crate::inbound::{Inbound, Malformed};
use crate::payment::{KeyIs, LookCall, OrderAmount, OrderCall, Ordered};
use crate::proof::hex;
use crate::strict::{Fields, document};

/// Dialects of answers to orders begin here: the route's number is added.
const ORDERED: u8 = 10;
/// The one of an answer that only shows.
pub(super) const SHOWN: u8 = ORDERED;

/// Understands an order: `id`, and for captures and refunds `amount`, a decimal number in the currency of the payment.
pub(super) fn decode<'a>(body: &[u8], headers: &HeaderMap, route: u8) -> Result<Inbound<'a>, Malformed> {
    let members = document(body)?;
    let fields = Fields::of(&members, "");
    let id = fields.required("id", |fields, name| fields.text(name, 64))?;
    let reason = fields.text("reason", 255)?;
    let (word, order) = match route {
        CAPTURE => ("capture", Ordered::Capture(OrderAmount::Decimal(amount(&fields)?))),
        VOID => ("void", Ordered::Void),
        _ => ("refund", Ordered::Refund(OrderAmount::Decimal(amount(&fields)?))),
    };
    let payment = payment(id)?;
    // A caller's key is one order, whatever it says of what: with other content it is a conflict. Without one, the same order of the
    // same payment is made once: a refund that is to be made twice brings a key of its own each time, or another reason.
    let (word, digest, key_is) = match names::key_of(headers)? {
        Some(key) => ("order", Sha256::digest(key), KeyIs::Callers),
        None => (word, digest_of(&payment, order, reason), KeyIs::OfContent),
    };
    let key = format!("{word}-{}", hex(digest.get(..16).unwrap_or_default()));
    let key = IdempotencyKey::new(&key).map_err(|error| Malformed::identifier("id", error))?;
    Ok(Inbound::Order(OrderCall { payment, key, key_is, order, echo: echo_of_order(route) }))
}

/// The key of an order, whose merchant its payment says: orders name none.
pub(super) fn key_of(asked: &OrderCall<'_>, names: NamesAre, merchant: &MerchantId) -> IdempotencyKey {
    match (asked.key_is, names) {
        (KeyIs::OfContent, _) | (KeyIs::Callers, NamesAre::OfMount) => asked.key,
        (KeyIs::Callers, NamesAre::OfMerchant) => {
            let digest = Sha256::digest(names.named(merchant, asked.key.as_str()));
            IdempotencyKey::new(&format!("order-{}", hex(digest.get(..16).unwrap_or_default()))).unwrap_or(asked.key)
        }
    }
}

fn amount(fields: &Fields<'_>) -> Result<ArrayString<16>, Malformed> {
    let text = fields.required(Ordered::AMOUNT, decimal_text)?;
    let is_something = text.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    if is_something { Ok(text) } else { Err(fields.wrong(Ordered::AMOUNT, "is nothing")) }
}

/// What makes an order this order: `1.50` is `1.5`, and another reason is another one.
fn digest_of(payment: &AuthorizationId, order: Ordered, reason: Option<&str>) -> Output<Sha256> {
    let content = Sha256::new().chain_update(payment.as_str()).chain_update([0]);
    // In hundredths where it is no more precise: so these keys have been for as long as there are any.
    let content = match order {
        Ordered::Void => content.chain_update(0_i64.to_le_bytes()),
        Ordered::Capture(amount) | Ordered::Refund(amount) => match (amount.in_currency(Currency::USD), amount) {
            (Ok(hundredths), _) => content.chain_update(hundredths.minor().to_le_bytes()),
            (Err(_), OrderAmount::Decimal(text)) => content.chain_update(text.trim_end_matches('0')),
            (Err(_), OrderAmount::Minor(minor)) => content.chain_update(minor.to_le_bytes()),
        },
    };
    match reason {
        Some(reason) => content.chain_update([0]).chain_update(reason).finalize(),
        None => content.finalize(),
    }
}

/// What answers to an order repeat.
pub(super) fn echo_of_order<'a>(route: u8) -> Echo<'a> {
    echo(dialect_of(route))
}

/// The dialect of answers to an order, or to a result of authentication.
pub(super) const fn dialect_of(route: u8) -> u8 {
    ORDERED.saturating_add(route)
}

/// Understands a path that names a payment.
pub(super) fn decode_one<'a>(segment: &str) -> Result<Inbound<'a>, Malformed> {
    Ok(Inbound::Look(LookCall { payment: payment(segment)?, or: None, echo: echo(SHOWN) }))
}

/// What cannot be the name of a payment is none that is known.
pub(super) fn payment(id: &str) -> Result<AuthorizationId, Malformed> {
    let name = if names::is_name(id) { id } else { "payment-of-nobody" };
    AuthorizationId::new(name).map_err(|error| Malformed::identifier("id", error))
}

fn echo<'a>(dialect: u8) -> Echo<'a> {
    Echo { dialect, ..Echo::default() }
}

/// Whether an answer is to an order, or to who looks.
pub(super) const fn is_order(dialect: u8) -> bool {
    dialect >= ORDERED
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

//! `PUT /authorizations/{id}`: capture it, once, or void it.

use holdfast_core::{AuthorizationId, IdempotencyKey};

use super::{Asked, Kind, dialect, names};
use crate::answer::Echo;
use crate::inbound::{Inbound, Malformed};
use crate::payment::{KeyIs, OrderAmount, OrderCall, Ordered};
use crate::strict::{Fields, document};

/// Understands an order: exactly one of `capture_amount` and `void_me`.
pub(super) fn decode<'a>(segment: &str, body: &[u8]) -> Result<Inbound<'a>, Malformed> {
    let members = document(body)?;
    let fields = Fields::of(&members, "");
    let capture = fields.whole("capture_amount", 1)?;
    let void = fields.switch("void_me")?.unwrap_or(false);
    let order = match (capture, void) {
        (Some(minor), false) => Ordered::Capture(OrderAmount::Minor(minor)),
        (None, true) => Ordered::Void,
        (Some(_), true) => return Err(Malformed::field("void_me", "is there beside `capture_amount`")),
        (None, false) => return Err(Malformed::field("capture_amount", "is missing, and so is `void_me`")),
    };
    let payment = payment(segment, Kind::Authorization)?;
    let letters = payment.as_str();
    // Another amount is another order: what was refused of one says nothing of the other.
    let key = capture.map_or_else(|| names::key_of_void(&payment), |minor| format!("capture-{letters}-{minor}"));
    let key = IdempotencyKey::new(&key).map_err(|error| Malformed::identifier("id", error))?;
    let echo = Echo { dialect: dialect(Kind::Authorization, Asked::Later), ..Echo::default() };
    Ok(Inbound::Order(OrderCall { payment, key, key_is: KeyIs::OfContent, order, echo }))
}

/// The payment that a path names. What cannot be the name of one is none that is known.
pub(super) fn payment(segment: &str, kind: Kind) -> Result<AuthorizationId, Malformed> {
    let is_name = names::is_name(segment, kind);
    let name = if is_name { segment } else { "AU-of-nobody" };
    AuthorizationId::new(name).map_err(|error| Malformed::identifier("id", error))
}

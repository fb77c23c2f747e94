//! The platform's JSON, and how it is read: simd-json into borrowed values, in a buffer that each thread uses again.
//!
//! Amounts are integers of minor units, so nothing here can lose a digit. Nothing here interprets a value.

use std::cell::RefCell;

use serde::Deserialize;

use super::scalar;
use crate::inbound::Malformed;
use crate::json::category::Category;
use crate::json::{self, Lenient, Text};

/// Any of the platform's bodies: which of its parts must be there depends on where it came.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    /// The event's type.
    #[serde(borrow, default, rename = "type", deserialize_with = "scalar::lenient_text")]
    pub(super) kind: Lenient<Text<'a>>,
    /// When it was sent, RFC 3339: the budget counts from here.
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) sent_at: Lenient<Text<'a>>,
    /// The decision that a thin event asks for.
    #[serde(borrow, default, deserialize_with = "scalar::optional_text")]
    pub(super) decision: Option<Text<'a>>,
    /// The decision that was fetched.
    #[serde(borrow, default, deserialize_with = "scalar::optional_text")]
    pub(super) id: Option<Text<'a>>,
    /// The question.
    #[serde(borrow, default)]
    pub(super) authorization: Option<Authorization<'a>>,
    /// The payment that a notification is about.
    #[serde(borrow, default)]
    pub(super) payment: Option<Payment<'a>>,
}

/// A question.
#[derive(Debug, Deserialize)]
pub(super) struct Authorization<'a> {
    #[serde(borrow, deserialize_with = "scalar::text")]
    pub(super) payment: Text<'a>,
    /// The payment that an increment adds to.
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) increments: Lenient<Text<'a>>,
    #[serde(borrow, deserialize_with = "scalar::text")]
    pub(super) card: Text<'a>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) cardholder: Lenient<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) kind: Lenient<Text<'a>>,
    /// Minor units.
    pub(super) amount: i64,
    #[serde(borrow, deserialize_with = "scalar::text")]
    pub(super) currency: Text<'a>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) merchant_id: Lenient<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) merchant_name: Lenient<Text<'a>>,
    #[serde(default, deserialize_with = "scalar::category")]
    pub(super) mcc: Category,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) country: Lenient<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) entry_mode: Lenient<Text<'a>>,
    #[serde(default, deserialize_with = "scalar::lenient_switch")]
    pub(super) wallet: Lenient<bool>,
    #[serde(default, deserialize_with = "scalar::lenient_switch")]
    pub(super) partial_approval: Lenient<bool>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) network: Lenient<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) occurred_at: Lenient<Text<'a>>,
}

/// What a notification says of a payment.
#[derive(Debug, Deserialize)]
pub(super) struct Payment<'a> {
    #[serde(borrow, deserialize_with = "scalar::text")]
    pub(super) id: Text<'a>,
    /// Minor units, where the event has an amount.
    #[serde(default)]
    pub(super) amount: Option<i64>,
    #[serde(borrow, default, deserialize_with = "scalar::optional_text")]
    pub(super) currency: Option<Text<'a>>,
    /// Whether more may be captured.
    #[serde(default, rename = "final", deserialize_with = "scalar::lenient_switch")]
    pub(super) is_final: Lenient<bool>,
    #[serde(borrow, default, deserialize_with = "scalar::lenient_text")]
    pub(super) occurred_at: Lenient<Text<'a>>,
}

/// Deeper than any body of this platform; without a bound, the parser's recursion could use up the stack.
const DEPTH_MAX: usize = 32;

/// The most that a thread's buffer keeps from one callback to the next, in bytes.
const BUFFER_KEPT_MAX: usize = 64 * 1024;

#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    buffers: simd_json::Buffers,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Parses a body and hands the message to `understand`; the message is gone afterwards.
///
/// # Errors
/// The path of the first field that is missing or wrong, or what `understand` finds.
pub(super) fn read<R>(
    body: &[u8],
    understand: impl for<'b> FnOnce(&Message<'b>) -> Result<R, Malformed>,
) -> Result<R, Malformed> {
    if depth(body) > DEPTH_MAX {
        return Err(Malformed::field("", "is nested too deeply"));
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.bytes.clear();
        scratch.bytes.extend_from_slice(body);
        let message = simd_json::serde::from_slice_with_buffers(&mut scratch.bytes, &mut scratch.buffers);
        let outcome = match message {
            Ok(message) => understand(&message),
            // The slower parser knows where it is wrong.
            Err(_) => Err(json::parse::<Message<'_>>(body).err().unwrap_or_else(|| Malformed::field("", "is not JSON"))),
        };
        if scratch.bytes.capacity() > BUFFER_KEPT_MAX {
            *scratch = Scratch::default();
        }
        outcome
    })
}

/// How deeply arrays and objects are nested, brackets in texts aside.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The raw JSON of a text that was read from `body`: with its quotes, as an echo repeats it. `None` if it was written with an
/// escape; identifiers never are.
pub(super) fn raw_text<'a>(body: &'a [u8], text: &str) -> Option<&'a str> {
    let body = std::str::from_utf8(body).ok()?;
    body.match_indices(text).find_map(|(start, _)| {
        let end = start.checked_add(text.len())?.checked_add(1)?;
        let raw = body.get(start.checked_sub(1)?..end)?;
        (raw.starts_with('"') && raw.ends_with('"')).then_some(raw)
    })
}

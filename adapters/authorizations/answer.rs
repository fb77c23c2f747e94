//! What callers are shown: an authorization or a transfer, a page of them, errors in the interface's own shape.

use std::io::Write;

use holdfast_core::hold::{HoldStatus, StepId};
use holdfast_core::{Decision, DeclineReason, IdempotencyKey, Money, Timestamp};
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use super::reasons::{self, Refusal};
use super::{AS_WRITTEN, Asked, Kind, Options, names, of_dialect, query};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::exact;
use crate::inbound::Malformed;
use crate::payment::{AddressVerification, NotDone, Page, Payment, SecurityCodeVerification, Standing};
use crate::strict;

/// Writes an answer.
pub(super) fn encode(echo: &Echo<'_>, answer: &Answer<'_>, options: &Options, body: &mut Vec<u8>) -> Reply {
    let (kind, asked) = of_dialect(echo.dialect);
    match answer {
        // An authorization that was asked for as the transfer that its capture is, and has none.
        Answer::Payment(payment) if kind == Kind::Transfer && is_authorization(payment) && captured(payment) == 0 => {
            let Refusal { status, code, message } = reasons::UNKNOWN;
            append(&error(code, message, None), body);
            Reply::json(status)
        }
        Answer::Payment(payment) => {
            body.extend_from_slice(object(payment, kind, options).as_bytes());
            Reply::json(match (asked, payment.standing) {
                (Asked::New, Standing::Decided(Decision::Approve { .. })) => 201,
                (Asked::New, Standing::Decided(Decision::Decline { .. }) | Standing::Unauthenticated) => 402,
                (Asked::New, Standing::Awaiting { .. }) => 202,
                (Asked::Later, _) => 200,
            })
        }
        Answer::Payments(page) => {
            let query = echo.fields.iter().find(|(name, _)| *name == query::QUERY).map_or("", |(_, query)| query);
            body.extend_from_slice(list(page, kind, options, query).as_bytes());
            Reply::json(200)
        }
        Answer::NotDone(not_done) => {
            let Refusal { status, code, message } = refusal(not_done);
            append(&error(code, message, None), body);
            Reply::json(status)
        }
        // Nothing here asks for one of these.
        Answer::Decided { .. } | Answer::Balances(_) | Answer::Acknowledged | Answer::Checked(_) => {
            append(&error("UNAVAILABLE", "This cannot be answered", None), body);
            Reply::json(500)
        }
    }
}

/// One payment, every field of the interface.
fn object(payment: &Payment, kind: Kind, options: &Options) -> String {
    let text = payment.written.as_ref().and_then(|written| serde_json::from_str::<Map<String, Value>>(&written.text).ok());
    let text = text.unwrap_or_default();
    let seen = payment.written.as_ref().map(|written| &written.seen);
    let asked_for = asked_for(&text);
    let approved = payment.approved().map_or(0, Money::minor);
    let status = payment.hold.map(|hold| hold.status);
    let is_void = status == Some(HoldStatus::Released) && was_voided(payment);
    let is_capture = kind == Kind::Transfer && is_authorization(payment);
    let (id, amount) =
        if is_capture { (names::transfer_of(&payment.id), captured(payment)) } else { (payment.id.to_string(), approved) };
    let mut shown = json!({
        "id": id,
        "created_at": moment(payment.asked_at),
        "updated_at": moment(payment.changed_at),
        "amount": amount,
        "amount_requested": asked_for.unwrap_or(approved),
        "application": seen.and_then(|seen| seen.application.as_deref()),
        "currency": text.get("currency"),
        "state": state(payment),
        "merchant": payment.merchant.as_str(),
        "source": payment.source.as_str(),
        "address_verification": seen.map_or(AddressVerification::Unavailable, |seen| seen.address_verification).name(),
        "security_code_verification":
            seen.map_or(SecurityCodeVerification::Unavailable, |seen| seen.security_code_verification).name(),
        "tags": text.get("tags").filter(|tags| !tags.is_null()).cloned().unwrap_or_else(|| json!({})),
        "trace_id": payment.reference.to_string(),
        "_links": { "self": { "href": format!("{}/{}/{}", options.links, path(kind), id) } },
    });
    let Value::Object(members) = &mut shown else { return strict::written(&shown) };
    match kind {
        Kind::Authorization => {
            let captured = captured(payment);
            members.insert("expires_at".to_owned(), json!(payment.expires_at.map(moment)));
            members.insert("is_void".to_owned(), json!(is_void));
            members.insert("void_state".to_owned(), json!(if is_void { "SUCCEEDED" } else { "UNATTEMPTED" }));
            members.insert("transfer".to_owned(), json!((captured > 0).then(|| names::transfer_of(&payment.id))));
            members.insert("captured_amount".to_owned(), json!(captured));
        }
        Kind::Transfer => {
            members.insert("type".to_owned(), json!("DEBIT"));
            if is_capture {
                members.insert("authorization".to_owned(), json!(payment.id.as_str()));
            }
        }
    }
    for name in ["idempotency_id", "additional_buyer_charges", "additional_purchase_data", "3d_secure_authentication"] {
        if let Some(value) = text.get(name).filter(|value| !value.is_null()) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    if let Standing::Decided(Decision::Decline { reason }) = payment.standing {
        let (code, message) = reasons::failure(reason);
        members.insert("failure_code".to_owned(), json!(code));
        members.insert("failure_message".to_owned(), json!(message));
    }
    let written = AS_WRITTEN.map(|(name, as_written)| (name, text.get(as_written).and_then(Value::as_str)));
    for (name, _) in written.iter().filter(|(_, written)| written.is_some()) {
        members.remove(*name);
    }
    exact::text_of(&shown, &written)
}

/// Whether it was voided, of one that was let go of: what an operator released nobody voided.
fn was_voided(payment: &Payment) -> bool {
    let void = IdempotencyKey::new(&names::key_of_void(&payment.id)).ok().map(|key| StepId::of(&key));
    payment.released_by.is_none() || payment.released_by == void
}

/// What was captured of it.
fn captured(payment: &Payment) -> i64 {
    payment.hold.map_or(0, |hold| hold.captured)
}

/// Whether it was asked for as an authorization.
fn is_authorization(payment: &Payment) -> bool {
    names::is_name(payment.id.as_str(), Kind::Authorization)
}

/// What was asked for in all: the amount, and the surcharge on top of it.
fn asked_for(text: &Map<String, Value>) -> Option<i64> {
    let amount = text.get("amount")?.as_i64()?;
    let surcharge = text.get("additional_buyer_charges").and_then(|charges| charges.get("cc_surcharge_amount"));
    amount.checked_add(surcharge.and_then(Value::as_i64).unwrap_or(0))
}

/// Every question has its answer at once here: nothing is ever `PENDING`.
const fn state(payment: &Payment) -> &'static str {
    match payment.standing {
        Standing::Decided(Decision::Approve { .. }) => "SUCCEEDED",
        Standing::Decided(Decision::Decline { .. }) | Standing::Unauthenticated => "FAILED",
        Standing::Awaiting { .. } => "PENDING",
    }
}

const fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Authorization => "authorizations",
        Kind::Transfer => "transfers",
    }
}

fn list(page: &Page, kind: Kind, options: &Options, query: &str) -> String {
    let shown: Vec<String> = page.payments.iter().map(|payment| object(payment, kind, options)).collect();
    let next = page.next.map(query::cursor);
    let mark = if query.is_empty() { "" } else { "?" };
    let around = json!({
        "page": { "next_cursor": next },
        "_links": { "self": { "href": format!("{}/{}{mark}{query}", options.links, path(kind)) } },
    });
    let around = strict::written(&around);
    format!("{{\"_embedded\":{{\"{}\":[{}]}},{}", path(kind), shown.join(","), around.strip_prefix('{').unwrap_or_default())
}

/// Why an order is not obeyed: what stands of the payment says more than the ledger's reason.
fn refusal(not_done: &NotDone<'_>) -> Refusal {
    match (not_done.reason, not_done.payment) {
        (DeclineReason::ConflictingDuplicate, _) => reasons::CONFLICT,
        (DeclineReason::CaptureAboveAuthorized, _) => reasons::TOO_MUCH,
        (_, None) => reasons::UNKNOWN,
        (_, Some(payment)) if payment.approved().is_none() => reasons::NOT_SUCCEEDED,
        (_, Some(payment)) => match payment.hold.map(|hold| hold.status) {
            Some(HoldStatus::Captured) => reasons::CAPTURED,
            Some(HoldStatus::Released) if was_voided(payment) => reasons::VOIDED,
            Some(HoldStatus::Released) => reasons::RELEASED,
            Some(HoldStatus::Expired) => reasons::EXPIRED,
            Some(HoldStatus::Open | HoldStatus::Unplaced) | None => reasons::REFUSED,
        },
    }
}

/// Writes an error in the shape of the interface's own, with the field that is wrong.
pub(super) fn refuse(refused: &Refused, body: &mut Vec<u8>) -> Reply {
    let mut reply = Reply::json(refused.status());
    let (code, message, field) = match refused {
        Refused::NotAuthentic | Refused::Token(_) => {
            reply.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"payments\"")));
            ("UNAUTHORIZED", "The login is missing or wrong".to_owned(), None)
        }
        Refused::Malformed(malformed) => ("INVALID_FIELD", malformed.to_string(), Some(malformed)),
        Refused::Forbidden(permission) => {
            ("FORBIDDEN", format!("The credential has no permission to {}", permission.name()), None)
        }
        Refused::NoRoute => ("NOT_FOUND", "There is nothing at this path".to_owned(), None),
        Refused::NotThisWay => ("METHOD_NOT_ALLOWED", "This path is not called with this method".to_owned(), None),
        Refused::TooSlow => ("INVALID_REQUEST", "The body did not arrive in time".to_owned(), None),
        Refused::TooLarge => ("INVALID_REQUEST", "The body is too large".to_owned(), None),
        Refused::TooEarly => ("IN_PROGRESS", "The same request is being decided".to_owned(), None),
        Refused::NotDurable | Refused::Unavailable => ("UNAVAILABLE", "This cannot be answered now; ask again".to_owned(), None),
    };
    append(&error(code, &message, field), body);
    reply
}

fn error(code: &str, message: &str, field: Option<&Malformed>) -> Value {
    let mut shown = json!({ "state": "FAILED", "failure_code": code, "failure_message": message });
    let named = field.filter(|malformed| !malformed.path.is_empty());
    if let (Value::Object(members), Some(malformed)) = (&mut shown, named) {
        members.insert("field".to_owned(), json!(malformed.path));
    }
    shown
}

/// As the interface writes moments: to the millisecond.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    // The last three digits of the microseconds go.
    text.strip_suffix('Z')
        .and_then(|text| text.get(..text.len().saturating_sub(3)))
        .map_or_else(|| at.to_string(), |text| format!("{text}Z"))
}

fn append(value: &Value, body: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = write!(body, "{value}");
}

//! What callers are shown: an authorization or a transfer, a page of them, errors in the interface's own shape.

use std::io::Write;

use holdfast_core::hold::{HoldStatus, StepId};
use holdfast_core::{Decision, DeclineReason, IdempotencyKey};
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::reasons::{self, Refusal};
use super::{Asked, Kind, Options, names, of_dialect, query, shown};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::Malformed;
use crate::payment::{NotDone, Page, Payment, Standing};
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
            shown::write(payment, kind, options, body);
            Reply::json(match (asked, payment.standing) {
                (Asked::New, Standing::Decided(Decision::Approve { .. })) => 201,
                (Asked::New, Standing::Decided(Decision::Decline { .. }) | Standing::Unauthenticated) => 402,
                (Asked::New, Standing::Awaiting { .. }) => 202,
                (Asked::Later, _) => 200,
            })
        }
        Answer::Payments(page) => {
            let query = echo.fields.iter().find(|(name, _)| *name == query::QUERY).map_or("", |(_, query)| query);
            list(page, kind, options, query, body);
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

/// Whether it was voided, of one that was let go of: what an operator released nobody voided.
pub(super) fn was_voided(payment: &Payment) -> bool {
    let void = IdempotencyKey::new(&names::key_of_void(&payment.id)).ok().map(|key| StepId::of(&key));
    payment.released_by.is_none() || payment.released_by == void
}

/// What was captured of it.
pub(super) fn captured(payment: &Payment) -> i64 {
    payment.hold.map_or(0, |hold| hold.captured)
}

/// Whether it was asked for as an authorization.
pub(super) fn is_authorization(payment: &Payment) -> bool {
    names::is_name(payment.id.as_str(), Kind::Authorization)
}

/// Every question has its answer at once here: nothing is ever `PENDING`.
pub(super) const fn state(payment: &Payment) -> &'static str {
    match payment.standing {
        Standing::Decided(Decision::Approve { .. }) => "SUCCEEDED",
        Standing::Decided(Decision::Decline { .. }) | Standing::Unauthenticated => "FAILED",
        Standing::Awaiting { .. } => "PENDING",
    }
}

pub(super) const fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Authorization => "authorizations",
        Kind::Transfer => "transfers",
    }
}

fn list(page: &Page, kind: Kind, options: &Options, query: &str, body: &mut Vec<u8>) {
    let next = page.next.map(query::cursor);
    let mark = if query.is_empty() { "" } else { "?" };
    let around = json!({
        "page": { "next_cursor": next },
        "_links": { "self": { "href": format!("{}/{}{mark}{query}", options.links, path(kind)) } },
    });
    body.extend_from_slice(format!("{{\"_embedded\":{{\"{}\":[", path(kind)).as_bytes());
    for (place, payment) in page.payments.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        shown::write(payment, kind, options, body);
    }
    body.extend_from_slice(b"]},");
    body.extend_from_slice(strict::written(&around).strip_prefix('{').unwrap_or_default().as_bytes());
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

fn append(value: &Value, body: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = write!(body, "{value}");
}

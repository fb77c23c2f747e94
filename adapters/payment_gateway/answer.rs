//! What callers are shown: the payment with its `auth_response` and receipts, and errors by their field.

use std::io::Write;

use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::not_done::Refusal;
use super::shown::{Shown, shown};
use super::told::Told;
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::exact;
use crate::inbound::Malformed;
use crate::payment::Payment;

/// Writes an answer. A decline is an answer like any other: 200, and `FAIL`.
pub(super) fn encode(echo: &Echo<'_>, answer: &Answer<'_>, body: &mut Vec<u8>) -> Reply {
    match answer {
        Answer::Payment(payment) => {
            let told = Told::of(payment);
            exact::write(&shown(payment, &told, echo.dialect), &[("metadata", told.metadata.as_deref())], body);
            Reply::json(200)
        }
        Answer::NotDone(not_done) => {
            let refusal = Refusal::of(not_done, echo.dialect);
            let mut shown = error(refusal.code(), refusal.message, None);
            if let Value::Object(members) = &mut shown {
                members.insert("reason".to_owned(), json!(refusal.reason));
            }
            append(&shown, body);
            Reply::json(refusal.status)
        }
        // Nothing here asks for one of these.
        Answer::Decided { .. } | Answer::Balances(_) | Answer::Acknowledged | Answer::Payments(_) | Answer::Checked(_) => {
            append(&error("E0500", "This cannot be answered", None), body);
            Reply::json(500)
        }
    }
}

/// The event that tells a decision: the payment as its answer shows it, under the event's names, with who it is for.
pub(super) fn event(uid: &str, kind: u8, payment: &Payment) -> Vec<u8> {
    let told = Told::of(payment);
    let shown = shown(payment, &told, kind);
    let data = Shown {
        account_id: Some(payment.written.as_ref().and_then(|written| written.seen.application.as_deref())),
        gateway_id: told.data.gateway_id,
        id: None,
        payment_id: shown.id,
        sales_tax: told.data.sales_tax,
        // The interface's own event has none of it: what stands of a payment is told by others.
        standing: None,
        ..shown
    };
    let mut body = format!("{{\"event_uid\":{},\"event\":\"PAYMENT_AUTH\",\"data\":", json!(uid)).into_bytes();
    exact::write(&data, &[("metadata", told.metadata.as_deref())], &mut body);
    body.push(b'}');
    body
}

/// Writes an error, with the field that is wrong.
pub(super) fn refuse(refused: &Refused, body: &mut Vec<u8>) -> Reply {
    let mut reply = Reply::json(refused.status());
    let (code, message, field) = match refused {
        Refused::NotAuthentic | Refused::Token(_) => {
            reply.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"payments\"")));
            ("E0401", "The login is missing or wrong".to_owned(), None)
        }
        Refused::Malformed(malformed) => ("E0400", malformed.to_string(), Some(malformed)),
        Refused::Forbidden(permission) => ("E0403", format!("The credential has no permission to {}", permission.name()), None),
        Refused::NoRoute => ("E0404", "There is nothing at this path".to_owned(), None),
        Refused::NotThisWay => ("E0405", "This path is not called with this method".to_owned(), None),
        Refused::TooSlow => ("E0408", "The body did not arrive in time".to_owned(), None),
        Refused::TooLarge => ("E0413", "The body is too large".to_owned(), None),
        Refused::TooEarly => ("E0425", "The same request is being decided".to_owned(), None),
        Refused::NotDurable | Refused::Unavailable => ("E0503", "This cannot be answered now; ask again".to_owned(), None),
    };
    append(&error(code, &message, field), body);
    reply
}

fn error(code: &str, message: &str, field: Option<&Malformed>) -> Value {
    let mut shown = json!({ "status": "FAIL", "response_code": code, "response_message": message });
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

//! What callers are shown: the payment with its `auth_response` and receipts, and errors by their field.

use std::io::Write;

use holdfast_core::DeclineReason;
use holdfast_core::hold::HoldStatus;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::order;
use super::shown::{Shown, shown};
use super::told::Told;
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::exact;
use crate::inbound::Malformed;
use crate::payment::{NotDone, Payment};

/// Writes an answer. A decline is an answer like any other: 200, and `FAIL`.
pub(super) fn encode(echo: &Echo<'_>, answer: &Answer<'_>, body: &mut Vec<u8>) -> Reply {
    match answer {
        Answer::Payment(payment) => {
            let told = Told::of(payment);
            exact::write(&shown(payment, &told, echo.dialect), &[("metadata", told.metadata.as_deref())], body);
            Reply::json(200)
        }
        Answer::NotDone(NotDone { reason, payment }) => {
            let (status, code, message) = match (reason, payment) {
                // It waited, and nobody can decide what nobody knows any more.
                (DeclineReason::AuthorizationUnknown, None) if !order::is_order(echo.dialect) => GONE,
                (DeclineReason::AuthorizationOver, Some(payment)) if is_let_go_of(payment) => LET_GO_OF,
                (reason, payment) => refusal(*reason, payment.is_some()),
            };
            append(&error(code, message, None), body);
            Reply::json(status)
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

/// What is answered to a payment that is asked for again, and of which nothing is left.
const GONE: (u16, &str, &str) =
    (404, "E0404", "What was asked for under this key was erased while it waited: there is no such payment");

/// What is asked of a payment and not done: status, code and message.
/// The merchant's side voided it, or an operator released it.
const LET_GO_OF: (u16, &str, &str) = (422, "E0422", "The payment was voided, or released by an operator");

fn is_let_go_of(payment: &Payment) -> bool {
    payment.hold.is_some_and(|hold| hold.status == HoldStatus::Released)
}

const fn refusal(reason: DeclineReason, is_known: bool) -> (u16, &'static str, &'static str) {
    match reason {
        DeclineReason::ConflictingDuplicate => {
            (409, "E0409", "It came before with other content: the Idempotency-Key, or the result of the payer's authentication")
        }
        DeclineReason::CaptureAboveAuthorized => (422, "E0422", "The amount is more than was authorized"),
        DeclineReason::RefundAboveCaptured => (422, "E0422", "More would be given back than was taken"),
        DeclineReason::AuthorizationUnknown if !is_known => (404, "E0404", "There is no payment of this id"),
        DeclineReason::AuthorizationOver => (422, "E0422", "The payment is captured, voided or expired"),
        DeclineReason::InsufficientFunds
        | DeclineReason::AmountAboveMaximum
        | DeclineReason::AmountBelowMinimum
        | DeclineReason::AmountLimitReached
        | DeclineReason::CountLimitReached
        | DeclineReason::MerchantCategoryNotAllowed
        | DeclineReason::MerchantNotAllowed
        | DeclineReason::MerchantCountryNotAllowed
        | DeclineReason::CrossBorderNotAllowed
        | DeclineReason::EntryModeNotAllowed
        | DeclineReason::CashNotAllowed
        | DeclineReason::QuasiCashNotAllowed
        | DeclineReason::WalletNotAllowed
        | DeclineReason::OutsideAllowedHours
        | DeclineReason::CurrencyNotAllowed
        | DeclineReason::TransactionNotPermitted
        | DeclineReason::CardUnknown
        | DeclineReason::CardNotActive
        | DeclineReason::CardFrozen
        | DeclineReason::CardLost
        | DeclineReason::CardStolen
        | DeclineReason::CardExpired
        | DeclineReason::CardClosed
        | DeclineReason::CardholderNotActive
        | DeclineReason::AccountUnknown
        | DeclineReason::AccountFrozen
        | DeclineReason::AccountClosed
        | DeclineReason::AuthorizationUnknown
        | DeclineReason::AmountTooLarge
        | DeclineReason::PolicyAmount
        | DeclineReason::PolicyMerchantCategory
        | DeclineReason::PolicyMerchant
        | DeclineReason::PolicyLimitReached
        | DeclineReason::PolicyOther
        | DeclineReason::PolicyMissing
        | DeclineReason::AuthoritySuspended
        | DeclineReason::BindingUnknown
        | DeclineReason::IntentUnknown
        | DeclineReason::IntentExpired
        | DeclineReason::IntentUsed
        | DeclineReason::IntentMismatched
        | DeclineReason::IntentRequired
        | DeclineReason::ReviewRequired
        | DeclineReason::SuspectedFraud
        | DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered
        | DeclineReason::AnswerUnknown => (422, "E0422", "The payment does not allow this"),
    }
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

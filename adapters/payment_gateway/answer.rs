//! What callers are shown: the payment with its `auth_response` and receipts, and errors by their field.

use std::io::Write;

use holdfast_core::hold::HoldStatus;
use holdfast_core::{Currency, Decision, DeclineReason};
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use super::fields::decimal;
use super::receipt::{self, Copy};
use super::{METADATA_AS_WRITTEN, authenticated, bill, names, order, reasons, standing};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::exact;
use crate::inbound::Malformed;
use crate::payment::{NotDone, Payment, ROC, Standing};

/// Writes an answer. A decline is an answer like any other: 200, and `FAIL`.
pub(super) fn encode(echo: &Echo<'_>, answer: &Answer<'_>, body: &mut Vec<u8>) -> Reply {
    match answer {
        Answer::Payment(payment) => {
            let told = Told::of(payment);
            let text = exact::text_of(&object(payment, &told, echo.dialect), &[("metadata", told.metadata.as_deref())]);
            body.extend_from_slice(text.as_bytes());
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
    let mut data = object(payment, &told, kind);
    if let Value::Object(members) = &mut data {
        let id = members.remove("id");
        members.insert("payment_id".to_owned(), json!(id));
        // The interface's own event has none of it: what stands of a payment is told by others.
        members.remove(standing::STANDING);
        let account = payment.written.as_ref().and_then(|written| written.seen.application.as_deref());
        members.insert("account_id".to_owned(), json!(account));
        for name in ["gateway_id", "sales_tax"] {
            if let Some(value) = told.data.get(name) {
                members.insert(name.to_owned(), value.clone());
            }
        }
    }
    let data = exact::text_of(&data, &[("metadata", told.metadata.as_deref())]);
    format!("{{\"event_uid\":{},\"event\":\"PAYMENT_AUTH\",\"data\":{data}}}", json!(uid)).into_bytes()
}

/// The slip's text, as far as it is there.
pub(super) struct Told {
    data: Map<String, Value>,
    /// What became of authenticating the payer.
    secured: Option<Value>,
    /// The payment's currency.
    pub currency: Currency,
    currency_was_sent: bool,
    /// What was asked for.
    pub amount: i64,
    /// The metadata as it was written, where its value does not say all of it.
    metadata: Option<String>,
}

impl Told {
    fn of(payment: &Payment) -> Self {
        let text = payment.written.as_ref().and_then(|written| serde_json::from_str::<Map<String, Value>>(&written.text).ok());
        let mut text = text.unwrap_or_default();
        let approved = payment.approved();
        let currency = text.get("currency").and_then(Value::as_str).and_then(Currency::from_alpha);
        let currency = currency.or(approved.map(|amount| amount.currency())).unwrap_or(Currency::USD);
        let amount = text.get("amount").and_then(Value::as_i64).or(approved.map(|amount| amount.minor())).unwrap_or(0);
        let currency_was_sent = text.get("currency_was_sent").and_then(Value::as_bool).unwrap_or(false);
        let secured = text.remove(authenticated::RESULT);
        let data = match text.remove("data") {
            Some(Value::Object(data)) => data,
            Some(_) | None => Map::new(),
        };
        let metadata = text.get(METADATA_AS_WRITTEN).and_then(Value::as_str).map(str::to_owned);
        Told { data, secured, currency, currency_was_sent, amount, metadata }
    }

    /// A text of `data`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name).and_then(Value::as_str)
    }

    /// Further taxes by their names.
    pub fn other_taxes(&self) -> Vec<(&str, i64)> {
        let taxes = self.data.get("other_tax").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let read = |tax: &'_ Value| {
            let amount = tax.get("amount").and_then(Value::as_str)?;
            holdfast_core::Money::from_decimal(amount, self.currency).ok().map(|amount| amount.minor())
        };
        taxes.iter().filter_map(|tax| Some((tax.get("name")?.as_str()?, read(tax)?))).collect()
    }

    /// An amount of `data`; nothing is 0.
    pub fn minor(&self, name: &str) -> i64 {
        let amount = self.text(name).and_then(|text| holdfast_core::Money::from_decimal(text, self.currency).ok());
        amount.map_or(0, |amount| amount.minor())
    }
}

fn object(payment: &Payment, told: &Told, dialect: u8) -> Value {
    let mut shown = json!({
        "id": payment.id.as_str(),
        "transaction_id": names::uuid(&payment.id, "transaction"),
        "merchant_id": payment.merchant.as_str(),
        "token": payment.source.as_str(),
        standing::STANDING: standing::shown(payment, told.currency),
        "auth_response": auth_response(payment, told, dialect),
    });
    let Value::Object(members) = &mut shown else { return shown };
    if told.currency_was_sent {
        members.insert("currency_code".to_owned(), json!(told.currency.code()));
    }
    let secured = match payment.standing {
        Standing::Awaiting { until } => Some(json!({ "expires_at": until.to_string() })),
        Standing::Decided(_) | Standing::Unauthenticated => told.secured.clone(),
    };
    if let Some(secured) = secured {
        members.insert(authenticated::RESULT.to_owned(), secured);
    }
    for name in ["description", "internal_transaction_id", "order_number", "customer_name", ROC, "metadata"] {
        if let Some(value) = told.data.get(name).filter(|_| name != "metadata" || told.metadata.is_none()) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    shown
}

fn auth_response(payment: &Payment, told: &Told, dialect: u8) -> Value {
    let approved = payment.approved();
    let (status, (code, message, host_code)) = match payment.standing {
        Standing::Decided(Decision::Approve { .. }) => ("PASS", reasons::SUCCESS),
        Standing::Decided(Decision::Decline { reason }) => ("FAIL", reasons::declined(reason)),
        Standing::Awaiting { .. } => ("PENDING_3DSAUTH", reasons::AWAITING),
        Standing::Unauthenticated => ("FAIL", reasons::UNAUTHENTICATED),
    };
    let (captured, refunded) = payment.hold.map_or((0, 0), |hold| (standing::taken(&hold), hold.refunded));
    let processed = approved.map_or(0, |approved| order::processed(dialect, approved, captured, refunded));
    let zone = payment.written.as_ref().map_or("UTC", |written| written.seen.time_zone.as_str());
    let (at, printed_at) = receipt::local(payment.changed_at, zone);
    let seen = payment.written.as_ref().map(|written| &written.seen);
    let number = names::digits(&payment.id, "transaction", 8);
    let print = |copy| bill::print(payment, told, &bill::Line { number: &number, at: &printed_at, dialect }, copy);
    let decimals = |minor| decimal(minor, told.currency);
    let mut response = json!({
        "status": status,
        "response_code": code,
        "response_message": message,
        "host_reference_number": names::digits(&payment.id, "host", 12),
        "host_response_code": host_code,
        "task_id": names::digits(&payment.id, "task", 8),
        "transaction_id": number,
        "transaction_timestamp": at,
        "transaction_amount": decimals(told.amount),
        "processed_amount": decimals(processed),
        "total_amount": decimals(told.amount),
        "address_verification_code": seen.map_or("U", |seen| reasons::address_code(seen.address_verification)),
        "card_holder_verification_code": seen.map_or("U", |seen| reasons::security_code(seen.security_code_verification)),
        "card_type": seen.and_then(|seen| seen.brand).map(crate::payment::CardBrand::name),
        "masked_card_number": seen.and_then(|seen| seen.last_four.as_deref()),
        "customer_receipt": print(Copy::Customer),
        "merchant_receipt": print(Copy::Merchant),
        "partial_payment": false,
    });
    let Value::Object(members) = &mut response else { return response };
    if host_code.is_empty() {
        // Nobody was asked.
        members.remove("host_response_code");
    }
    if approved.is_some() {
        members.insert("auth_code".to_owned(), json!(names::digits(&payment.id, "authorization", 6)));
    }
    if let Some(items) = told.data.get("items") {
        members.insert("items".to_owned(), items.clone());
    }
    if let Some((settled, paid_out)) = net(payment, told, dialect) {
        members.insert("net_settlement_amount".to_owned(), json!(decimals(settled)));
        members.insert("net_payout_amount".to_owned(), json!(decimals(paid_out)));
    }
    response
}

/// What the merchant is to be paid where there are fees: settled less the first one, paid out less both. The customer pays all of it.
/// Fees are amounts and no rates: a capture of less pays them whole, as far as it reaches. A refund gives none of them back.
fn net(payment: &Payment, told: &Told, dialect: u8) -> Option<(i64, i64)> {
    let (before, after) = (told.minor("pre_settlement_fee_charge"), told.minor("post_settlement_fee_charge"));
    if (before == 0 && after == 0) || matches!(order::transaction(dialect), "VOID" | "REFUND") {
        return None;
    }
    let approved = payment.approved().map_or(0, |approved| approved.minor());
    let gross = match payment.hold {
        None => approved,
        Some(hold) if standing::taken(&hold) > 0 => standing::taken(&hold),
        Some(hold) => standing::open(&hold, approved),
    };
    let settled = gross.saturating_sub(before).max(0);
    Some((settled, settled.saturating_sub(after).max(0)))
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

//! Callbacks in our words. Nothing here answers.

use arrayvec::ArrayVec;
use holdfast_core::hold::{Fact, Finality, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, CardholderToken, Country, CrossBorder, Currency,
    EntryMode, Expiry, IdError, IdempotencyKey, Merchant, MerchantId, MerchantName, Money, NetworkName, Padding, PartialApproval,
    PaymentRef, Posting, Timestamp, Wallet, card_number,
};

use super::answer::Dialect;
use super::wire::{Authorization, Message, Payment, raw_text, read};
use crate::answer::Echo;
use crate::inbound::{AuthorizationCall, BalanceCall, Callback, Fetch, Inbound, Malformed, Notice, Unrecognized};
use crate::json::{self, Lenient, Text};
use crate::proof::standard_webhooks;

const UNKNOWN_CURRENCY: &str = "is not a currency of ISO 4217";

/// A whole question.
pub(super) fn authorize<'a>(callback: &Callback<'a>) -> Result<Inbound<'a>, Malformed> {
    let key = message_key(callback)?;
    read(callback.body, |message| {
        let authorization = required(message.authorization.as_ref(), "authorization")?;
        let request = request(key, authorization)?;
        let echo = Echo { dialect: Dialect::Response.number(), ..Echo::default() };
        Ok(Inbound::Authorization(AuthorizationCall { request, echo, sent_at: moment(&message.sent_at), lookup: None }))
    })
}

/// An event: a question to fetch, a notification, or a ping.
pub(super) fn event<'a>(callback: &Callback<'a>) -> Result<Inbound<'a>, Malformed> {
    let key = message_key(callback)?;
    let understood = read(callback.body, |message| match message.kind.text() {
        Some("decision.requested") => {
            let path = decision_path(required(message.decision.as_ref(), "decision")?, "decision")?;
            Ok(Inbound::Fetch(Fetch { path }))
        }
        Some("ping") => Ok(Inbound::Handshake { echo: acknowledged() }),
        Some("payment.captured") => Ok(notification(notice(message, key, captured))),
        Some("payment.released") => Ok(notification(notice(message, key, released))),
        Some("cardholder.moved") => Ok(notification(Notice::Nothing)),
        Some(_) => Ok(notification(unrecognized(Some(message), &Malformed::field("type", "is unknown")))),
        None => Ok(notification(unrecognized(Some(message), &Malformed::field("type", "is missing")))),
    });
    match understood {
        // Not to be read at all: whether it asked for a decision cannot be known, and it is not lost.
        Err(malformed) if malformed.path.is_empty() => Ok(notification(unrecognized(None, &malformed))),
        Err(malformed) if malformed.path.starts_with("payment") => Ok(notification(unrecognized(None, &malformed))),
        other => other,
    }
}

/// The question that a thin event was about.
pub(super) fn fetched<'a>(thin: &Callback<'a>, body: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
    let key = message_key(thin)?;
    let (sent_at, asked) = read(thin.body, |message| {
        let decision = required(message.decision.as_ref(), "decision")?;
        Ok((moment(&message.sent_at), decision_path(decision, "decision")?))
    })?;
    read(body, |message| {
        let id = required(message.id.as_ref(), "id")?;
        if decision_path(id, "id")? != asked {
            return Err(Malformed::field("id", "is another decision's"));
        }
        let authorization = required(message.authorization.as_ref(), "authorization")?;
        let request = request(key, authorization)?;
        let mut echo = Echo { dialect: Dialect::CallBack.number(), ..Echo::default() };
        let raw = raw_text(body, &id.0).ok_or_else(|| Malformed::field("id", "has an escape"))?;
        echo.fields.push(("id", raw));
        Ok(Inbound::Authorization(AuthorizationCall { request, echo, sent_at, lookup: None }))
    })
}

/// A balance read: who is asked for stands in the path.
pub(super) fn balance_read<'a>(callback: &Callback<'a>) -> Result<Inbound<'a>, Malformed> {
    let cardholder = identifier(callback.segment, "cardholder", CardholderToken::new)?;
    let echo = Echo { dialect: Dialect::Response.number(), ..Echo::default() };
    Ok(Inbound::Balance(BalanceCall { card: None, cardholder: Some(cardholder), echo }))
}

/// The message's id is the key: the same on every retry.
fn message_key(callback: &Callback<'_>) -> Result<IdempotencyKey, Malformed> {
    let id = callback.headers.get(standard_webhooks::ID).and_then(|id| id.to_str().ok());
    identifier(required(id, standard_webhooks::ID)?, standard_webhooks::ID, IdempotencyKey::new)
}

fn required<T>(value: Option<T>, path: &str) -> Result<T, Malformed> {
    value.ok_or_else(|| Malformed::field(path, "is missing"))
}

fn identifier<T>(text: &str, path: &str, new: fn(&str) -> Result<T, IdError>) -> Result<T, Malformed> {
    new(text).map_err(|error| Malformed::identifier(path, error))
}

/// Where a decision is fetched and answered. Its id becomes part of a path, so it has nothing that would change the path.
fn decision_path(id: &Text<'_>, field: &str) -> Result<String, Malformed> {
    let plain =
        id.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') && !card_number::stands_in(&id.0);
    match id.0.len() {
        1..=64 if plain => Ok(format!("/decisions/{}", id.0)),
        _ => Err(Malformed::field(field, "is not a decision's id")),
    }
}

fn moment(text: &Lenient<Text<'_>>) -> Option<Timestamp> {
    text.text().and_then(json::moment)
}

/// The question, and whether its kind is one that this program does not know.
fn request(key: IdempotencyKey, asked: &Authorization<'_>) -> Result<AuthorizationRequest, Malformed> {
    const AUTHORIZATION: &str = "authorization";
    let currency = Currency::from_alpha(asked.currency.trimmed())
        .ok_or_else(|| Malformed::field(format!("{AUTHORIZATION}.currency"), UNKNOWN_CURRENCY))?;
    if asked.amount < 0 {
        return Err(Malformed::field(format!("{AUTHORIZATION}.amount"), "is negative"));
    }
    let told = asked.kind.text().unwrap_or(AuthorizationKind::Purchase.name());
    let known = AuthorizationKind::ALL.into_iter().find(|kind| kind.name() == told);
    let kind = known.unwrap_or(AuthorizationKind::Unknown);
    let increments = match (kind, asked.increments.text()) {
        (AuthorizationKind::Incremental, None) => return Err(Malformed::field("authorization.increments", "is missing")),
        (_, None) => None,
        (_, Some(text)) => Some(PaymentRef::of(identifier(text, "authorization.increments", AuthorizationId::new)?)),
    };
    let request = AuthorizationRequest {
        key,
        payment: PaymentRef::of(identifier(asked.payment.trimmed(), "authorization.payment", AuthorizationId::new)?),
        increments,
        kind,
        posting: Posting::Hold,
        card: Some(identifier(asked.card.trimmed(), "authorization.card", CardToken::new)?),
        cardholder: asked.cardholder.text().and_then(|text| CardholderToken::new(text).ok()),
        amount: Money::from_minor(asked.amount, currency),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant {
            id: asked.merchant_id.text().and_then(|text| MerchantId::new(text).ok()),
            name: asked.merchant_name.text().and_then(MerchantName::presented),
            mcc: asked.mcc.of_question("authorization.mcc")?,
            country: asked.country.text().and_then(Country::new),
        },
        entry_mode: EntryMode::ALL
            .into_iter()
            .find(|mode| Some(mode.name()) == asked.entry_mode.text())
            .unwrap_or(EntryMode::Unknown),
        wallet: if asked.wallet.0 == Some(true) { Wallet::Token } else { Wallet::None },
        cross_border: CrossBorder::NotTold,
        partial_approval: match asked.partial_approval.0 {
            Some(true) => PartialApproval::Supported,
            Some(false) | None => PartialApproval::NotSupported,
        },
        network: asked.network.text().and_then(|text| NetworkName::new(text).ok()),
        occurred_at: moment(&asked.occurred_at),
        checkout: None,
    };
    Ok(request)
}

fn acknowledged<'a>() -> Echo<'a> {
    Echo { dialect: Dialect::Response.number(), ..Echo::default() }
}

fn notification<'a>(notice: Notice) -> Inbound<'a> {
    Inbound::Notification { notices: vec![notice], echo: acknowledged() }
}

/// A fact about a payment. What is not understood is kept: a notification is never refused.
fn notice(message: &Message<'_>, key: IdempotencyKey, fact: fn(&Payment<'_>, PaymentRef) -> Result<Fact, Malformed>) -> Notice {
    let told = required(message.payment.as_ref(), "payment").and_then(|payment| {
        let id = PaymentRef::of(identifier(payment.id.trimmed(), "payment.id", AuthorizationId::new)?);
        Ok(ToldEvent {
            key,
            occurred_at: moment(&payment.occurred_at),
            network: None,
            settlement_day: None,
            subject: Subject::default(),
            fact: fact(payment, id)?,
        })
    });
    match told {
        Ok(event) => Notice::Told(ArrayVec::from_iter([event])),
        Err(malformed) => unrecognized(Some(message), &malformed),
    }
}

fn captured(payment: &Payment<'_>, id: PaymentRef) -> Result<Fact, Malformed> {
    let amount = required(payment.amount, "payment.amount")?;
    let code = required(payment.currency.as_ref(), "payment.currency")?;
    let currency = Currency::from_alpha(code.trimmed()).ok_or_else(|| Malformed::field("payment.currency", UNKNOWN_CURRENCY))?;
    if amount < 0 {
        return Err(Malformed::field("payment.amount", "is negative"));
    }
    let finality = if payment.is_final.0 == Some(true) { Finality::Final } else { Finality::More };
    Ok(Fact::Captured { payment: Some(id), amount: Money::from_minor(amount, currency), finality })
}

fn released(_: &Payment<'_>, id: PaymentRef) -> Result<Fact, Malformed> {
    Ok(Fact::Released { payment: id, cause: ReleaseCause::Reversed })
}

fn unrecognized(message: Option<&Message<'_>>, malformed: &Malformed) -> Notice {
    let payment = message.and_then(|message| message.payment.as_ref());
    let harmless = payment.filter(|payment| !card_number::stands_in(payment.id.trimmed()));
    let redacted = harmless.map(|payment| serde_json::json!({ "payment": { "id": payment.id.trimmed() } }).to_string());
    Notice::Unrecognized(Unrecognized::new(malformed.to_string(), redacted.unwrap_or_default()))
}

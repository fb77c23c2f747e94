//! Webhooks in both envelopes, as notices. They are never refused: what is not understood is kept redacted.
//!
//! Names, e-mail addresses and telephone numbers, which Apto sends along, are never read.

use holdfast_core::hold::{CardStatus, CardholderStatus, Fact, Subject, ToldEvent};
use holdfast_core::{CardToken, CardholderToken, IdError, IdempotencyKey, Timestamp};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::wire::{Card, Cardholder, Envelope, Event, Settlement};
use super::{Dialect, Options, transaction};
use crate::answer::Echo;
use crate::inbound::{Inbound, Malformed, Notice};
use crate::json::{self, Lenient, Text, parse};
use crate::proof::hex;
use crate::redact::{self, Kept};

/// Understands a webhook, whatever its bytes.
pub(super) fn decode<'a>(body: &[u8], options: &Options) -> Inbound<'a> {
    let echo = Echo { dialect: Dialect::Webhook.number(), ..Echo::default() };
    let mended = json::mended(body);
    let readable = mended.as_deref().map_or(body, str::as_bytes);
    let notices = notices(readable, options).unwrap_or_else(|Odd(problem)| vec![unrecognized(readable, problem)]);
    Inbound::Notification { notices, echo }
}

fn notices(body: &[u8], options: &Options) -> Result<Vec<Notice>, Odd> {
    let outer: Envelope<'_> = parse(body).map_err(|malformed| Odd(malformed.to_string()))?;
    let Some(raw) = outer.event else {
        return told(&outer, &Announced::default(), options);
    };
    let event: Event<'_> = parse(raw.get().as_bytes()).map_err(|malformed| Odd::within("event", &malformed))?;
    let data = event.data.ok_or_else(|| Odd("event.data is missing".to_owned()))?;
    let inner: Envelope<'_> = parse(data.get().as_bytes()).map_err(|malformed| Odd::within("event.data", &malformed))?;
    told(&inner, &Announced { id: event.id.text(), at: moment(&event.created_at) }, options)
}

/// What the second envelope says of an event; the first says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Announced<'a> {
    /// The event's id: a redelivery has the same.
    pub(super) id: Option<&'a str>,
    /// When it happened.
    pub(super) at: Option<Timestamp>,
}

/// The data, by its wrapper's key: `data_type` says the same once more, and `event_type` changes nothing of the data's
/// meaning.
fn told(envelope: &Envelope<'_>, announced: &Announced<'_>, options: &Options) -> Result<Vec<Notice>, Odd> {
    let mut notices = Vec::new();
    if let Some(raw) = envelope.transaction {
        notices.extend(transaction::notices(raw.get(), announced, options));
    }
    let others = [
        envelope.cardholder.map(|raw| (raw, cardholder(raw, announced))),
        envelope.card.map(|raw| (raw, card(raw, announced))),
        envelope.settlement.map(|raw| (raw, settlement(raw, options))),
    ];
    for (raw, event) in others.into_iter().flatten() {
        notices.push(match event {
            Ok(Some(event)) => Notice::Told([event].into_iter().collect()),
            Ok(None) => Notice::Nothing,
            Err(Odd(problem)) => unrecognized(raw.get().as_bytes(), problem),
        });
    }
    if notices.is_empty() {
        return Err(Odd("the body has none of transaction, cardholder, card, settlement".to_owned()));
    }
    Ok(notices)
}

/// Every card event carries the card's status.
fn card(raw: &RawValue, announced: &Announced<'_>) -> Result<Option<ToldEvent>, Odd> {
    let card: Card<'_> = parse(raw.get().as_bytes()).map_err(|malformed| Odd::within("card", &malformed))?;
    let token = CardToken::new(card.id.trimmed()).map_err(|error| Odd(format!("card.id {error}")))?;
    let Some(status) = card.status.text().or(card.state.text()) else {
        return Ok(None);
    };
    let status = card_status(status).ok_or_else(|| Odd("card.status is unknown".to_owned()))?;
    let cardholder = card.cardholder_id.text().and_then(|token| CardholderToken::new(token).ok());
    let subject = Subject { account: None, card: Some(token), cardholder };
    standing("card", raw, announced, subject, Fact::Card { card: token, status }).map(Some)
}

/// A card's status in webhooks: a partner's source lists the upper-case ones, the mobile SDKs the others.
pub(super) fn card_status(text: &str) -> Option<CardStatus> {
    Some(match text.to_ascii_lowercase().as_str() {
        "created" => CardStatus::Unactivated,
        // `needspin` is an old name of an active card.
        "activated" | "active" | "needspin" => CardStatus::Active,
        "deactivated" | "inactive" | "userfrozen" | "adminfrozen" => CardStatus::Frozen,
        "closed" | "cancelled" => CardStatus::Closed,
        _ => return None,
    })
}

fn cardholder(raw: &RawValue, announced: &Announced<'_>) -> Result<Option<ToldEvent>, Odd> {
    let cardholder: Cardholder<'_> = parse(raw.get().as_bytes()).map_err(|malformed| Odd::within("cardholder", &malformed))?;
    let token = CardholderToken::new(cardholder.id.trimmed()).map_err(|error| Odd(format!("cardholder.id {error}")))?;
    let Some(text) = cardholder.kyc_status.text() else {
        return Ok(None);
    };
    let status = match kyc_status(text).ok_or_else(|| Odd("cardholder.kyc_status is unknown".to_owned()))? {
        Kyc::Standing(status) => status,
        Kyc::SaysNothing => return Ok(None),
    };
    let subject = Subject { account: None, card: None, cardholder: Some(token) };
    standing("cardholder", raw, announced, subject, Fact::Cardholder { cardholder: token, status }).map(Some)
}

/// What the result of an identity check says of a cardholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kyc {
    Standing(CardholderStatus),
    SaysNothing,
}

/// Who has not passed is not verified yet, and who was rejected is suspended; only what is no result at all changes nothing.
pub(super) fn kyc_status(text: &str) -> Option<Kyc> {
    Some(match text.to_ascii_lowercase().as_str() {
        "passed" => Kyc::Standing(CardholderStatus::Active),
        "not_checked" | "upload_file" | "under_review" | "resubmit_details" => Kyc::Standing(CardholderStatus::Unverified),
        "rejected" => Kyc::Standing(CardholderStatus::Suspended),
        "not_applicable" | "temporary_error" => Kyc::SaysNothing,
        _ => return None,
    })
}

/// A change of standing. Without an event's id the bytes themselves are the only name it has.
fn standing(
    purpose: &'static str,
    raw: &RawValue,
    announced: &Announced<'_>,
    subject: Subject,
    fact: Fact,
) -> Result<ToldEvent, Odd> {
    let key = match announced.id {
        Some(id) => made_key(purpose, &[id])?,
        None => content_key(purpose, raw)?,
    };
    Ok(ToldEvent { key, occurred_at: announced.at, network: None, settlement_day: None, subject, fact })
}

/// The daily announcement. Its amounts have no currency of their own: they are the program's.
fn settlement(raw: &RawValue, options: &Options) -> Result<Option<ToldEvent>, Odd> {
    let settlement: Settlement<'_> = parse(raw.get().as_bytes()).map_err(|malformed| Odd::within("settlement", &malformed))?;
    let key = IdempotencyKey::new(settlement.id.trimmed()).map_err(|error| Odd(format!("settlement.id {error}")))?;
    let total = settlement
        .total_balance_due
        .money(options.currency)
        .map_err(|error| Odd(format!("settlement.total_balance_due {error}")))?;
    Ok(Some(ToldEvent {
        key,
        occurred_at: moment(&settlement.date),
        network: None,
        settlement_day: settlement.date.text().and_then(json::day),
        subject: Subject::default(),
        fact: Fact::SettlementAnnounced { total },
    }))
}

/// What was not understood of a notification: a path and a problem, never a value.
#[derive(Debug)]
pub(super) struct Odd(pub(super) String);

impl Odd {
    /// A problem inside the value at `path`.
    pub(super) fn within(path: &str, malformed: &Malformed) -> Self {
        match malformed.path.as_str() {
            "" => Odd(format!("{path} {}", malformed.problem)),
            inner => Odd(format!("{path}.{inner} {}", malformed.problem)),
        }
    }
}

/// The fields of which the values may be kept. Identifiers one by one: identity documents have numbers too.
const KEPT: Kept = Kept {
    amount: |name| name == "amount" || name.ends_with("_amount") || name.ends_with("_due"),
    id: |name| {
        matches!(
            name,
            "id" | "authorization_id"
                | "card_id"
                | "cardholder_id"
                | "dispute_id"
                | "external_authorization_id"
                | "funding_source_transaction_id"
                | "idempotency_key"
                | "program_id"
                | "transaction_id"
        )
    },
    time: |name| name == "date" || name.ends_with("_at"),
    word: |name| {
        matches!(
            name,
            "currency"
                | "currency_code"
                | "local_currency_code"
                | "data_type"
                | "event_type"
                | "decline_code"
                | "network"
                | "state"
                | "status"
                | "kyc_status"
                | "type"
        )
    },
    parts: PARTS,
};

/// What the names of types, states, events and networks are made of. Sources: this folder's README.
const PARTS: &[&str] = &[
    "activated",
    "active",
    "admin",
    "adminfrozen",
    "adjustment",
    "authorization",
    "balance",
    "cancelled",
    "capture",
    "card",
    "cardholder",
    "checked",
    "closed",
    "complete",
    "completed",
    "created",
    "credit",
    "deactivated",
    "debit",
    "decline",
    "declined",
    "details",
    "discover",
    "dispute",
    "error",
    "expired",
    "file",
    "financial",
    "frozen",
    "hold",
    "inactive",
    "inquiry",
    "kyc",
    "mastercard",
    "non",
    "not",
    "applicable",
    "other",
    "passed",
    "pending",
    "pin",
    "process",
    "processing",
    "processed",
    "purchase",
    "received",
    "refund",
    "rejected",
    "release",
    "resubmit",
    "reversal",
    "reversed",
    "review",
    "reward",
    "settlement",
    "status",
    "temporary",
    "transaction",
    "under",
    "unsupported",
    "update",
    "updated",
    "upload",
    "userfrozen",
    "visa",
    "withdrawal",
];

/// Keeps what is harmless of an element.
pub(super) fn unrecognized(raw: &[u8], problem: String) -> Notice {
    redact::unrecognized(raw, problem, KEPT)
}

/// A key for an event that has none of its own, made of what identifies it.
pub(super) fn made_key(purpose: &'static str, parts: &[&str]) -> Result<IdempotencyKey, Odd> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    let digest = hex(&digest.finalize());
    let half = digest.get(..32).unwrap_or(&digest);
    IdempotencyKey::new(&format!("{purpose}-{half}")).map_err(|error: IdError| Odd(format!("its key {error}")))
}

/// By what content is known that has no name of its own.
pub(super) fn digest_of(raw: &str) -> String {
    hex(&Sha256::digest(redact::without_card_numbers(raw).as_deref().unwrap_or(raw)))
}

/// A key for a status that has no name: the same bytes come again when the card is blocked once more.
fn content_key(purpose: &'static str, raw: &RawValue) -> Result<IdempotencyKey, Odd> {
    let digest = digest_of(raw.get());
    let half = digest.get(..32).unwrap_or(&digest);
    let key = format!("{}{purpose}-{half}", IdempotencyKey::OF_CONTENT);
    IdempotencyKey::new(&key).map_err(|error: IdError| Odd(format!("its key {error}")))
}

/// A time as Apto writes it: ISO 8601 with an offset.
pub(super) fn moment(text: &Lenient<Text<'_>>) -> Option<Timestamp> {
    text.text().and_then(json::moment)
}

//! Notifications: groups of events in one body, each element a notice of its own. One that is not understood is kept
//! redacted and never blocks the others.

use std::borrow::Cow;

use arrayvec::ArrayVec;
use holdfast_core::hold::{CardStatus, CardholderStatus, Fact, Subject, ToldEvent};
use holdfast_core::{AuthorizationId, CardToken, CardholderToken, Currency, IdempotencyKey, NetworkName, PaymentRef};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::answer::Dialect;
use super::effect;
use super::wire::{CardTransition, Transaction, UserTransition, object};
use crate::answer::Echo;
use crate::inbound::{Inbound, Malformed, Notice};
use crate::json::{self, Members, Nested};
use crate::proof::hex;
use crate::redact::{self, Kept, is_word};

/// Understands a body that came to the webhook. Nothing in it is an error.
pub(super) fn decode(body: &[u8], program: Currency) -> Inbound<'_> {
    let mut echo = Echo { dialect: Dialect::Flat.number(), ..Echo::default() };
    if let Some(mended) = json::mended(body) {
        // What is mended is not repeated: an answer can only borrow.
        return Inbound::Notification { notices: Batch::of(mended.as_bytes(), program).notices, echo };
    }
    let Batch { notices, lists } = Batch::of(body, program);
    if let [(name, pings)] = lists.as_slice()
        && name == "pings"
        && notices.iter().all(|notice| *notice == Notice::Nothing)
    {
        echo.fields.push(("pings", pings));
        return Inbound::Handshake { echo };
    }
    Inbound::Notification { notices, echo }
}

/// What a body holds.
struct Batch<'a> {
    notices: Vec<Notice>,
    /// Each group's list, as it came.
    lists: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Batch<'a> {
    fn of(body: &'a [u8], program: Currency) -> Self {
        let mut batch = Batch { notices: Vec::new(), lists: Vec::new() };
        let Members(groups) = match json::parse::<Members<'_>>(body) {
            Ok(groups) => groups,
            Err(malformed) => return Batch { notices: vec![unrecognized(body, &malformed)], ..batch },
        };
        for (name, group) in groups {
            match serde_json::from_str::<Vec<&RawValue>>(group.get()) {
                Ok(elements) => {
                    batch.notices.extend(elements.into_iter().map(|element| element_notice(&name, element, program)));
                    batch.lists.push((name, group.get()));
                }
                Err(_) if GROUPS.contains(&name.as_ref()) => {
                    let problem = Malformed::field(name.as_ref(), "is not a list");
                    batch.notices.push(unrecognized(group.get().as_bytes(), &problem));
                }
                // Something beside the groups of events: ignored, unless it is all there is.
                Err(_) => {}
            }
        }
        if batch.notices.is_empty() && batch.lists.is_empty() {
            batch.notices.push(unrecognized(body, &Malformed::field("", "has no events")));
        }
        batch
    }
}

/// Keeps an element, or a whole body, that is not understood.
pub(super) fn unrecognized(bytes: &[u8], why: &Malformed) -> Notice {
    redact::unrecognized(bytes, why.to_string(), KEPT)
}

/// The fields of which the values may be kept.
const KEPT: Kept = Kept {
    amount: |name| name == "amount" || name.ends_with("_amount") || name.ends_with("_balance"),
    id: |name| name == "token" || name.ends_with("_token") || name.ends_with("_tokens"),
    time: |_| false,
    word: |name| {
        matches!(
            name,
            "type"
                | "state"
                | "status"
                | "method"
                | "code"
                | "reason_code"
                | "currency_code"
                | "network"
                | "subnetwork"
                | "channel"
        )
    },
    parts: PARTS,
};

/// What the names of types, methods, states, networks and channels are made of. Sources: Marqeta OpenAPI, CoreAPI 3.0.40,
/// `jit_funding_api.method`, `transaction_model`, `card_transition_response`; "Event Types".
const PARTS: &[&str] = &[
    "account",
    "activated",
    "active",
    "address",
    "adjustment",
    "admin",
    "advice",
    "api",
    "atm",
    "auth",
    "authorization",
    "balanceinquiry",
    "billpayment",
    "capture",
    "card",
    "cardholder",
    "cashback",
    "change",
    "chargeback",
    "cleared",
    "clearing",
    "closed",
    "completion",
    "credit",
    "debit",
    "declined",
    "digital",
    "directdeposit",
    "discover",
    "dispute",
    "error",
    "expiration",
    "fee",
    "force",
    "fraud",
    "fulfillment",
    "funding",
    "gpa",
    "incremental",
    "initiated",
    "inquiry",
    "issuerexpiration",
    "ivr",
    "limited",
    "load",
    "lost",
    "maestro",
    "mastercard",
    "network",
    "offer",
    "original",
    "pending",
    "pgfs",
    "pin",
    "pindebit",
    "plus",
    "product",
    "program",
    "programgateway",
    "pulse",
    "push",
    "quasi",
    "cash",
    "refund",
    "reinstated",
    "requested",
    "returned",
    "reversal",
    "shipped",
    "standin",
    "state",
    "stolen",
    "suspended",
    "system",
    "terminated",
    "threeds",
    "token",
    "transaction",
    "transfer",
    "transit",
    "unactivated",
    "unload",
    "unsupported",
    "unverified",
    "user",
    "verification",
    "visa",
    "visanet",
    "withdrawal",
];

/// The groups of events that are understood. Source: Marqeta, "Event Types".
const GROUPS: &[&str] =
    &["transactions", "cardtransitions", "cards", "usertransitions", "digitalwallettokentransitions", "pings"];

fn element_notice(group: &str, element: &RawValue, program: Currency) -> Notice {
    let bytes = element.get().as_bytes();
    let told = match group {
        "transactions" => object(bytes, &mut Nested::default()).map(|told| transaction_notice(told, bytes, program)),
        "cardtransitions" | "cards" => object(bytes, &mut Nested::default()).and_then(card_told),
        "usertransitions" => object(bytes, &mut Nested::default()).and_then(user_told),
        "pings" | "digitalwallettokentransitions" => Ok(Notice::Nothing),
        _ => {
            let name = if is_word(group, 48) { group } else { "" };
            Err(Malformed::field(name, "is an unknown group of events"))
        }
    };
    told.unwrap_or_else(|why| unrecognized(bytes, &why))
}

/// What a transaction, already parsed from `bytes`, tells.
pub(super) fn transaction_notice(transaction: &Transaction<'_>, bytes: &[u8], program: Currency) -> Notice {
    match transaction_told(transaction, program) {
        Ok(notice) => notice,
        Err(why) => unrecognized(bytes, &why),
    }
}

fn transaction_told(transaction: &Transaction<'_>, program: Currency) -> Result<Notice, Malformed> {
    let facts = effect::facts(transaction, program)?;
    if facts.is_empty() {
        return Ok(Notice::Nothing);
    }
    let (Some(token), Some(kind), Some(state)) = (transaction.token.text(), transaction.kind.text(), transaction.state.text())
    else {
        let missing = if transaction.token.text().is_none() { "token" } else { "type" };
        return Err(Malformed::field(missing, "is missing"));
    };
    // What a notification says cannot be refused: its money is found by the payment, or by the owner.
    let card = transaction.card().ok().flatten();
    let owner = transaction.acting_user_token.text().filter(|_| card.is_some()).or_else(|| transaction.user_token.text());
    let times = [&transaction.created_time, &transaction.user_transaction_time];
    let subject = Subject { account: None, card, cardholder: owner.and_then(|token| CardholderToken::new(token).ok()) };
    let network = transaction.network.text().and_then(|name| NetworkName::new(name).ok());
    let settlement_day = transaction.settlement_date.text().and_then(json::day);
    let occurred_at = times.into_iter().find_map(|time| time.text().and_then(json::moment));
    let state = match effect::later_part(transaction) {
        Some(number) => Cow::Owned(format!("{state}#{number}")),
        None => Cow::Borrowed(state),
    };
    let mut events = ArrayVec::new();
    for (index, fact) in facts.into_iter().enumerate() {
        let key = match index {
            0 => key(token, kind, &state)?,
            _ => key(token, kind, &format!("{state}/{index}"))?,
        };
        events.push(ToldEvent { key, occurred_at, network, settlement_day, subject, fact });
    }
    Ok(Notice::Told(events))
}

/// Cards come to life and change their standing by these. Sources: Marqeta OpenAPI, `card_transition_response`; the
/// reason codes for lost (10), expired (16) and stolen (23): "Card Transitions".
fn card_told(transition: &CardTransition<'_>) -> Result<Notice, Malformed> {
    let token = required("token", transition.token.text())?;
    let state = required("state", transition.state.text())?;
    let card_token = required("card_token", transition.card_token.text())?;
    let card = CardToken::new(card_token).map_err(|error| Malformed::identifier("card_token", error))?;
    let status = match (state, transition.reason_code.text()) {
        ("ACTIVE", _) => CardStatus::Active,
        ("UNACTIVATED", _) => CardStatus::Unactivated,
        ("SUSPENDED" | "TERMINATED", Some("10")) => CardStatus::Lost,
        ("SUSPENDED" | "TERMINATED", Some("23")) => CardStatus::Stolen,
        ("SUSPENDED" | "TERMINATED", Some("16")) => CardStatus::Expired,
        ("SUSPENDED", _) => CardStatus::Frozen,
        ("TERMINATED", _) => CardStatus::Closed,
        _ => return Err(Malformed::field("state", "is not known")),
    };
    let cardholder = transition.user_token.text().and_then(|token| CardholderToken::new(token).ok());
    Ok(told(ToldEvent {
        key: key(token, "card", state)?,
        occurred_at: transition.created_time.text().and_then(json::moment),
        network: None,
        settlement_day: None,
        subject: Subject { account: None, card: Some(card), cardholder },
        fact: Fact::Card { card, status },
    }))
}

/// Sources: Marqeta OpenAPI, `user_transition_response`; which statuses may transact: "Create user transition". A LIMITED
/// user may, within limits that Marqeta itself keeps.
fn user_told(transition: &UserTransition<'_>) -> Result<Notice, Malformed> {
    let token = required("token", transition.token.text())?;
    let state = required("status", transition.status.text())?;
    let user_token = required("user_token", transition.user_token.text())?;
    let cardholder = CardholderToken::new(user_token).map_err(|error| Malformed::identifier("user_token", error))?;
    let status = match state {
        "ACTIVE" | "LIMITED" => CardholderStatus::Active,
        "UNVERIFIED" => CardholderStatus::Unverified,
        "SUSPENDED" => CardholderStatus::Suspended,
        "CLOSED" | "TERMINATED" => CardholderStatus::Closed,
        _ => return Err(Malformed::field("status", "is not known")),
    };
    Ok(told(ToldEvent {
        key: key(token, "user", state)?,
        occurred_at: transition.created_time.text().and_then(json::moment),
        network: None,
        settlement_day: None,
        subject: Subject { account: None, card: None, cardholder: Some(cardholder) },
        fact: Fact::Cardholder { cardholder, status },
    }))
}

fn told(event: ToldEvent) -> Notice {
    let mut events = ArrayVec::new();
    events.push(event);
    Notice::Told(events)
}

fn required<'t>(path: &str, text: Option<&'t str>) -> Result<&'t str, Malformed> {
    text.ok_or_else(|| Malformed::field(path, "is missing"))
}

/// Marqeta's events have no id of their own: one is known by what it is about, what it is, and how that stands.
fn key(token: &str, kind: &str, state: &str) -> Result<IdempotencyKey, Malformed> {
    let whole = format!("{token}/{kind}/{state}");
    let key = if whole.len() <= IdempotencyKey::BYTES_MAX {
        whole
    } else {
        let short = format!("{token}/{}", short_digest(&format!("{kind}/{state}")));
        if short.len() <= IdempotencyKey::BYTES_MAX { short } else { short_digest(&whole) }
    };
    IdempotencyKey::new(&key).map_err(|error| Malformed::identifier("token", error))
}

/// The transaction's token in a key that [`key`] made; a key that was given by Marqeta is its own.
pub(super) fn transaction_token(key: &str) -> &str {
    key.split_once('/').map_or(key, |(token, _)| token)
}

/// What later messages may call the payment of the one with this key: by its token, as by any other of the payment's.
pub(super) fn payment_of_message(key: &str) -> Option<PaymentRef> {
    let (token, _) = key.split_once('/')?;
    AuthorizationId::new(token).ok().map(PaymentRef::by_alias)
}

/// A short digest of a text, for keys that would be too long.
fn short_digest(text: &str) -> String {
    let mut digest = hex(&Sha256::digest(text));
    digest.truncate(16);
    digest
}

//! Bodies to questions and facts.

use std::borrow::Cow;

use holdfast_core::agent::{BindingId, InstrumentId, IntentReference};
use holdfast_core::hold::{Fact, Finality, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{
    AmountError, AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, Country, CrossBorder, Currency,
    DeclineReason, EntryMode, Expiry, IdError, IdempotencyKey, Merchant, MerchantCategoryCode, MerchantId, MerchantName, Money,
    NetworkName, Padding, PartialApproval, PaymentRef, PlatformName, Posting, Timestamp, Wallet,
};
use http::HeaderMap;
use serde_json::value::RawValue;

use super::faults::{Faults, Need};
use super::names::{correlation_of, digest_of, key_of, payment_of};
use super::wire::{Authorize, Event, Sent, Text};
use crate::answer::Echo;
use crate::inbound::{AuthorizationCall, Inbound, Lookup, Malformed, Named, Notice, Stranger};
use crate::json;
use crate::proof::Authentic;
use crate::token::{Caller, SKEW_MAX};

/// The header with which a caller names its question.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header with which a caller follows its request through systems.
pub(super) const CORRELATION_ID: &str = "x-correlation-id";
/// The longest text of either, and of what names an event, in characters.
const NAME_CHARACTERS_MAX: usize = 128;
/// The most that a question or an event may be about, in minor units: twelve digits, as much as a card network's message can say.
pub const AMOUNT_MAX: i64 = 999_999_999_999;
/// The longest merchant's name, in characters: as many letters, in whatever script.
const MERCHANT_CHARACTERS_MAX: usize = 128;

pub(super) fn authorize<'a>(authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
    let caller = caller_of(authentic)?;
    let callback = authentic.callback();
    let body: Authorize<'a> = json::parse(callback.body)?;
    let mut faults = Faults::default();
    let asked = question(caller, callback.headers, &body, &mut faults);
    let (echo, correlation) = echo(callback.headers, body.correlation_id, &mut faults);
    let (request, lookup) = faults.ended(asked)?;
    let lookup = Lookup { correlation: correlation.as_deref().and_then(correlation_of), ..lookup };
    Ok(Inbound::Authorization(AuthorizationCall { request, echo, sent_at: None, lookup: Some(lookup) }))
}

fn question(
    caller: Caller,
    headers: &HeaderMap,
    body: &Authorize<'_>,
    faults: &mut Faults,
) -> Option<(AuthorizationRequest, Lookup)> {
    let named = question_key(&caller, headers, body, faults);
    let platform = faults.value("issuing_platform", &body.issuing_platform, Need::Required);
    let platform = platform.and_then(|text| faults.taken(platform_of("issuing_platform", text)));
    let amount = money(&body.amount, &body.currency, Need::Required, faults);
    let mut stranger = None;
    let mut ours = |path: &'static str, reason, sent, faults: &mut Faults| named_here(path, reason, sent, &mut stranger, faults);
    let intent = ours("intent_reference", DeclineReason::IntentUnknown, &body.intent_reference, faults);
    let binding = ours("binding_id", DeclineReason::BindingUnknown, &body.binding_id, faults);
    let instrument = ours("instrument_id", DeclineReason::BindingUnknown, &body.instrument_id, faults);
    let (intent, binding, instrument) = (read(intent), read(binding), read::<InstrumentId>(instrument));
    let transaction = identified("platform_transaction_token", &body.platform_transaction_token, AuthorizationId::new, faults);
    let merchant = merchant(body, faults);
    let network = identified("network", &body.network, NetworkName::new, faults);
    let occurred_at = moment(&body.occurred_at, faults);
    let nothing =
        [&body.intent_reference, &body.binding_id, &body.instrument_id].iter().all(|sent| matches!(sent, Sent::Nothing));
    if nothing {
        faults.wrong("", "has no `intent_reference`, `binding_id` or `instrument_id`: at least one must be there");
    }
    let ((named, key), platform, amount) = (named?, platform?, amount?);
    let payment = transaction.or_else(|| AuthorizationId::try_from(key.as_str()).ok())?;
    let request = AuthorizationRequest {
        key,
        payment: PaymentRef::of(payment),
        increments: None,
        kind: if amount.is_zero() { AuthorizationKind::AccountVerification } else { AuthorizationKind::Purchase },
        posting: Posting::Hold,
        card: instrument.and_then(|instrument| CardToken::try_from(instrument.as_str()).ok()),
        cardholder: None,
        amount,
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant,
        entry_mode: EntryMode::Unknown,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network,
        occurred_at,
        checkout: None,
    };
    Some((request, Lookup { caller, platform, intent, binding, instrument, transaction, stranger, named, correlation: None }))
}

pub(super) fn event<'a>(authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
    let caller = caller_of(authentic)?;
    let callback = authentic.callback();
    let body: Event<'a> = json::parse(callback.body)?;
    let mut faults = Faults::default();
    let told = told((&caller, authentic.verified_at()), callback.segment, &body, &mut faults);
    let (echo, _) = echo(callback.headers, body.correlation_id, &mut faults);
    Ok(Inbound::Notification { notices: vec![Notice::OfOurs(faults.ended(told)?)], echo })
}

/// What a caller, verified at that moment, tells of a payment.
fn told(
    (caller, now): (&Caller, Option<Timestamp>),
    request_id: &str,
    body: &Event<'_>,
    faults: &mut Faults,
) -> Option<ToldEvent> {
    let name = faults.value("event_id", &body.event_id, Need::Required).map(Text::trimmed);
    let name = name.filter(|name| {
        let fits = !name.is_empty() && is_within(name, NAME_CHARACTERS_MAX);
        if !fits {
            faults.wrong("event_id", "must be a text of 1 to 128 characters");
        }
        fits
    });
    let payment = payment_of(&caller.organization, request_id).map(PaymentRef::of);
    let fact = payment.and_then(|payment| fact(payment, body, faults));
    let occurred_at = moment(&body.occurred_at, faults);
    must_be_past(occurred_at, now, faults);
    let key = key_of(&["event", caller.organization.as_str(), request_id, name?])?;
    Some(ToldEvent { key, occurred_at, network: None, settlement_day: None, subject: Subject::default(), fact: fact? })
}

fn fact(payment: PaymentRef, body: &Event<'_>, faults: &mut Faults) -> Option<Fact> {
    let is_final = faults.value("final", &body.is_final, Need::Optional).copied().unwrap_or(true);
    let kind = faults.value("type", &body.kind, Need::Required).map(Text::trimmed);
    let need = match (kind, &body.amount) {
        (Some("clearing"), _) | (Some("reversal"), Sent::Wrong | Sent::Value(_)) => Need::Required,
        (_, _) => Need::Optional,
    };
    let amount = told_amount(body, need, faults);
    match kind? {
        "reversal" => match body.amount {
            Sent::Nothing => Some(Fact::Released { payment, cause: ReleaseCause::Reversed }),
            Sent::Wrong | Sent::Value(_) => Some(Fact::Reduced { payment, by: amount?, original: None }),
        },
        "clearing" => {
            let finality = if is_final { Finality::Final } else { Finality::More };
            Some(Fact::Captured { payment: Some(payment), amount: amount?, finality })
        }
        "expiry" if matches!(body.amount, Sent::Nothing) => Some(Fact::Released { payment, cause: ReleaseCause::Expired }),
        "expiry" => {
            faults.wrong("amount", "is of no expiry: all that is left of the payment expires");
            None
        }
        _ => {
            faults.wrong("type", "must be `reversal`, `clearing` or `expiry`");
            None
        }
    }
}

fn caller_of(authentic: &Authentic<'_>) -> Result<Caller, Malformed> {
    // Proof without a caller is not this adapter's.
    authentic.caller().copied().ok_or_else(|| Malformed::field("", "is from nobody"))
}

/// The caller's own name for its question; or one that is made of what it says, for whoever asks to give it another.
fn question_key(
    caller: &Caller,
    headers: &HeaderMap,
    body: &Authorize<'_>,
    faults: &mut Faults,
) -> Option<(Named, IdempotencyKey)> {
    let organization = caller.organization.as_str();
    match faults.taken(header(headers, IDEMPOTENCY_KEY))? {
        Some(name) => key_of(&["asked", organization, name]).map(|key| (Named::ByCaller, key)),
        None => unnamed_key(organization, body).map(|key| (Named::ByNobody, key)),
    }
}

fn unnamed_key(organization: &str, body: &Authorize<'_>) -> Option<IdempotencyKey> {
    let told = |text: &Sent<Text<'_>>| text.value().map_or_else(String::new, |text| text.0.to_string());
    let correlation = body.correlation_id.map(RawValue::get).filter(|raw| *raw != "null").unwrap_or_default();
    key_of(&[
        "unnamed",
        organization,
        &told(&body.issuing_platform),
        &body.amount.value().map_or_else(String::new, i64::to_string),
        &told(&body.currency),
        &told(&body.intent_reference),
        &told(&body.binding_id),
        &told(&body.instrument_id),
        &told(&body.platform_transaction_token),
        correlation,
    ])
}

/// A name of ours, as a text that can be one. A card's number is an error; what else cannot be a name here is nobody's.
fn named_here<'b>(
    path: &'static str,
    reason: DeclineReason,
    sent: &'b Sent<Text<'_>>,
    stranger: &mut Option<Stranger>,
    faults: &mut Faults,
) -> Option<&'b str> {
    let text = faults.value(path, sent, Need::Optional)?.trimmed();
    let checked = match path {
        "intent_reference" => IntentReference::new(text).map(drop),
        "binding_id" => BindingId::new(text).map(drop),
        _ => InstrumentId::new(text).map(drop),
    };
    match checked {
        Ok(()) => Some(text),
        Err(error @ (IdError::CardNumber | IdError::Empty)) => {
            faults.taken::<()>(Err(Malformed::identifier(path, error)));
            None
        }
        Err(IdError::TooLong(_) | IdError::Unprintable) => {
            let before = stranger.map_or([0; 16], |stranger| stranger.digest);
            let reason = stranger.map_or(reason, |stranger| stranger.reason);
            *stranger = Some(Stranger { reason, digest: digest_of(&before, path, text) });
            None
        }
    }
}

/// A text that was found to be such a name.
fn read<T: for<'t> TryFrom<&'t str>>(text: Option<&str>) -> Option<T> {
    T::try_from(text?).ok()
}

fn identified<T>(
    path: &'static str,
    sent: &Sent<Text<'_>>,
    make: fn(&str) -> Result<T, IdError>,
    faults: &mut Faults,
) -> Option<T> {
    let text = faults.value(path, sent, Need::Optional)?.trimmed();
    faults.taken(make(text).map_err(|error| Malformed::identifier(path, error)))
}

/// A header that may be there, once.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok().map(str::trim),
        (Some(_), Some(_)) => None,
    };
    let fits = value.filter(|text| !text.is_empty() && is_within(text, NAME_CHARACTERS_MAX));
    fits.map(Some).ok_or_else(|| Malformed::field(name, "must be there once, with 1 to 128 letters, digits and signs"))
}

/// What the answer repeats: the body's own correlation id, or the header's; and that as a text.
fn echo<'a>(headers: &'a HeaderMap, told: Option<&'a RawValue>, faults: &mut Faults) -> (Echo<'a>, Option<Cow<'a, str>>) {
    let (mut echo, mut correlation) = (Echo::default(), None);
    if let Some(raw) = told.map(RawValue::get).filter(|raw| *raw != "null") {
        // It is written as it came: it must be a text that can be read.
        match serde_json::from_str::<String>(raw) {
            Ok(text) if is_within(&text, NAME_CHARACTERS_MAX) => correlation = Some(Cow::Owned(text)),
            Ok(_) | Err(_) => faults.wrong("correlation_id", "must be a text of at most 128 characters"),
        }
        echo.fields.push(("correlation_id", raw));
    } else if let Some(text) = faults.taken(header(headers, CORRELATION_ID)).flatten() {
        echo.fields.push((CORRELATION_ID, text));
        correlation = Some(Cow::Borrowed(text));
    }
    (echo, correlation)
}

/// An amount in its currency.
fn money(amount: &Sent<i64>, currency: &Sent<Text<'_>>, need: Need, faults: &mut Faults) -> Option<Money> {
    let minor = faults.value("amount", amount, need).copied();
    let minor = minor.and_then(|minor| {
        let wrong = if minor < 0 { Some(AmountError::Negative) } else { (minor > AMOUNT_MAX).then_some(AmountError::TooLarge) };
        faults.taken(wrong.map_or(Ok(minor), |error| Err(Malformed::amount("amount", error))))
    });
    let code = faults.value("currency", currency, need);
    let currency = code.and_then(|code| {
        let known = Currency::from_alpha(code.trimmed());
        faults.taken(known.ok_or_else(|| Malformed::amount("currency", AmountError::UnknownCurrency)))
    });
    Some(Money::from_minor(minor?, currency?))
}

/// The amount of an event: more than nothing. Where none is needed, what is there must still be one.
fn told_amount(body: &Event<'_>, need: Need, faults: &mut Faults) -> Option<Money> {
    let amount = money(&body.amount, &body.currency, need, faults);
    if body.amount.value() == Some(&0) {
        faults.wrong("amount", "must be more than zero");
        return None;
    }
    amount
}

fn merchant(body: &Authorize<'_>, faults: &mut Faults) -> Merchant {
    let id = identified("merchant_id", &body.merchant_id, MerchantId::new, faults);
    let name = faults.value("merchant", &body.merchant, Need::Optional).and_then(|name| {
        if !is_within(&name.0, MERCHANT_CHARACTERS_MAX) {
            faults.wrong("merchant", "is longer than 128 characters");
        }
        let presented = MerchantName::presented(&name.0);
        if presented.is_none() && MerchantName::of(&name.0).is_some() {
            faults.wrong("merchant", "has a card number in it");
        }
        presented
    });
    let mcc = faults.value("mcc", &body.mcc, Need::Optional).and_then(|raw| {
        // A number lost its zeros, and what has fewer digits, or more, may be another category than was meant.
        let digits = serde_json::from_str::<String>(raw.get()).ok().filter(|digits| digits.len() == 4);
        let mcc = digits.as_deref().and_then(MerchantCategoryCode::new);
        faults.taken(mcc.ok_or_else(|| Malformed::field("mcc", "must be a text of four digits")))
    });
    let country = faults.value("merchant_country", &body.merchant_country, Need::Optional).and_then(|text| {
        let country = Country::new(text.trimmed());
        faults.taken(country.ok_or_else(|| Malformed::field("merchant_country", "is not a country of ISO 3166-1")))
    });
    Merchant { id, name, mcc, country }
}

/// Whether a text has no more characters than that, as JSON Schema counts them.
fn is_within(text: &str, characters_max: usize) -> bool {
    text.len() <= characters_max || text.chars().nth(characters_max).is_none()
}

fn moment(sent: &Sent<Text<'_>>, faults: &mut Faults) -> Option<Timestamp> {
    let text = faults.value("occurred_at", sent, Need::Optional)?;
    faults.taken(json::moment(text.trimmed()).ok_or_else(|| Malformed::field("occurred_at", "is not a moment of RFC 3339")))
}

/// Nobody tells of what has not happened yet. A caller's clock may be as far ahead as it may be for its tokens.
fn must_be_past(occurred_at: Option<Timestamp>, now: Option<Timestamp>, faults: &mut Faults) {
    if occurred_at.zip(now).is_some_and(|(stamp, now)| stamp > now.saturating_add(SKEW_MAX)) {
        faults.wrong("occurred_at", "is in the future");
    }
}

/// Platforms' names are the same in any case.
fn platform_of(path: &'static str, text: &Text<'_>) -> Result<PlatformName, Malformed> {
    PlatformName::new(&text.trimmed().to_ascii_lowercase()).map_err(|error| Malformed::identifier(path, error))
}

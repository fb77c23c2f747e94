//! Bodies to questions and facts.

use holdfast_core::agent::{BindingId, InstrumentId, IntentReference};
use holdfast_core::hold::{Fact, Finality, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{
    AmountError, AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, Country, CrossBorder, Currency, EntryMode,
    Expiry, IdError, IdempotencyKey, Merchant, MerchantCategoryCode, MerchantId, MerchantName, Money, NetworkName, Padding,
    PartialApproval, PaymentRef, PlatformName, Posting, Timestamp, Wallet,
};
use http::HeaderMap;
use serde_json::value::RawValue;

use super::names::{key_of, payment_of};
use super::wire::{Authorize, Event};
use crate::answer::Echo;
use crate::inbound::{AuthorizationCall, Inbound, Lookup, Malformed, Named, Notice};
use crate::json::{self, Text};
use crate::proof::Authentic;
use crate::token::Caller;

/// The header with which a caller names its question.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header with which a caller follows its request through systems.
pub(super) const CORRELATION_ID: &str = "x-correlation-id";
/// The longest text of either, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 128;
/// The longest merchant's name, in bytes.
pub(super) const MERCHANT_BYTES_MAX: usize = 128;

pub(super) fn authorize<'a>(authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
    let caller = caller_of(authentic)?;
    let callback = authentic.callback();
    let body: Authorize<'a> = json::parse(callback.body)?;
    let (named, key) = question_key(&caller, callback.headers, &body)?;
    let amount = money("amount", body.amount, "currency", &body.currency)?;
    let instrument = body.instrument_id.as_ref().map(|text| identifier("instrument_id", text, InstrumentId::new)).transpose()?;
    let lookup = Lookup {
        caller,
        platform: platform_of("issuing_platform", &body.issuing_platform)?,
        intent: body
            .intent_reference
            .as_ref()
            .map(|text| identifier("intent_reference", text, IntentReference::new))
            .transpose()?,
        binding: body.binding_id.as_ref().map(|text| identifier("binding_id", text, BindingId::new)).transpose()?,
        instrument,
        transaction: body
            .platform_transaction_token
            .as_ref()
            .map(|text| identifier("platform_transaction_token", text, AuthorizationId::new))
            .transpose()?,
        named,
    };
    if lookup.intent.is_none() && lookup.binding.is_none() && instrument.is_none() {
        return Err(Malformed::field(
            "",
            "has no `intent_reference`, `binding_id` or `instrument_id`: at least one must be there",
        ));
    }
    let payment = lookup.transaction.or_else(|| AuthorizationId::try_from(key.as_str()).ok());
    let payment = payment.ok_or_else(|| Malformed::field("", "has no name"))?;
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
        merchant: merchant(&body)?,
        entry_mode: EntryMode::Unknown,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: body.network.as_ref().map(|text| identifier("network", text, NetworkName::new)).transpose()?,
        occurred_at: moment(body.occurred_at.as_ref())?,
        checkout: None,
    };
    let echo = echo(callback.headers, body.correlation_id)?;
    Ok(Inbound::Authorization(AuthorizationCall { request, echo, sent_at: None, lookup: Some(lookup) }))
}

pub(super) fn event<'a>(authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
    let caller = caller_of(authentic)?;
    let callback = authentic.callback();
    let body: Event<'a> = json::parse(callback.body)?;
    let name = body.event_id.trimmed();
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Malformed::field("event_id", "must be a text of 1 to 128 bytes"));
    }
    let unnamed = || Malformed::field("", "has no name");
    let key = key_of(&["event", caller.organization.as_str(), callback.segment, name]).ok_or_else(unnamed)?;
    let payment = PaymentRef::of(payment_of(&caller.organization, callback.segment).ok_or_else(unnamed)?);
    let fact = match body.kind.trimmed() {
        "reversal" => match body.amount {
            None => Fact::Released { payment, cause: ReleaseCause::Reversed },
            Some(_) => Fact::Reduced { payment, by: told_amount(&body)?, original: None },
        },
        "clearing" => {
            let finality = if body.is_final.unwrap_or(true) { Finality::Final } else { Finality::More };
            Fact::Captured { payment: Some(payment), amount: told_amount(&body)?, finality }
        }
        "expiry" => Fact::Released { payment, cause: ReleaseCause::Expired },
        _ => return Err(Malformed::field("type", "must be `reversal`, `clearing` or `expiry`")),
    };
    let occurred_at = moment(body.occurred_at.as_ref())?;
    let told = ToldEvent { key, occurred_at, network: None, settlement_day: None, subject: Subject::default(), fact };
    let echo = echo(callback.headers, body.correlation_id)?;
    Ok(Inbound::Notification { notices: vec![Notice::OfOurs(told)], echo })
}

fn caller_of(authentic: &Authentic<'_>) -> Result<Caller, Malformed> {
    // Proof without a caller is not this adapter's.
    authentic.caller().copied().ok_or_else(|| Malformed::field("", "is from nobody"))
}

/// The caller's own name for its question; or one that is made of what it says, for whoever asks to give it another.
fn question_key(caller: &Caller, headers: &HeaderMap, body: &Authorize<'_>) -> Result<(Named, IdempotencyKey), Malformed> {
    let organization = caller.organization.as_str();
    let (named, key) = match header(headers, IDEMPOTENCY_KEY)? {
        Some(name) => (Named::ByCaller, key_of(&["asked", organization, name])),
        None => (Named::ByNobody, unnamed_key(organization, body)),
    };
    key.map(|key| (named, key)).ok_or_else(|| Malformed::field(IDEMPOTENCY_KEY, "is no key"))
}

fn unnamed_key(organization: &str, body: &Authorize<'_>) -> Option<IdempotencyKey> {
    let told = |text: &Option<Text<'_>>| text.as_ref().map_or_else(String::new, |text| text.0.to_string());
    let correlation = body.correlation_id.map(RawValue::get).filter(|raw| *raw != "null").unwrap_or_default();
    key_of(&[
        "unnamed",
        organization,
        &body.issuing_platform.0,
        &body.amount.to_string(),
        &body.currency.0,
        &told(&body.intent_reference),
        &told(&body.binding_id),
        &told(&body.instrument_id),
        &told(&body.platform_transaction_token),
        correlation,
    ])
}

/// A header that may be there, once.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok().map(str::trim),
        (Some(_), Some(_)) => None,
    };
    let fits = value.filter(|text| (1..=NAME_BYTES_MAX).contains(&text.len()));
    fits.map(Some).ok_or_else(|| Malformed::field(name, "must be there once, with 1 to 128 letters, digits and signs"))
}

/// What the answer repeats: the body's own correlation id, or the header's.
fn echo<'a>(headers: &'a HeaderMap, told: Option<&'a RawValue>) -> Result<Echo<'a>, Malformed> {
    let mut echo = Echo::default();
    if let Some(raw) = told.map(RawValue::get).filter(|raw| *raw != "null") {
        let fits = raw.starts_with('"') && raw.len() <= NAME_BYTES_MAX.saturating_add(2);
        // It is written as it came: it must be a text that can be read.
        if !fits || serde_json::from_str::<String>(raw).is_err() {
            return Err(Malformed::field("correlation_id", "must be a text of at most 128 bytes"));
        }
        echo.fields.push(("correlation_id", raw));
    } else if let Some(text) = header(headers, CORRELATION_ID)? {
        echo.fields.push((CORRELATION_ID, text));
    }
    Ok(echo)
}

fn money(path: &'static str, minor: i64, currency_path: &'static str, code: &Text<'_>) -> Result<Money, Malformed> {
    let currency = Currency::from_alpha(code.trimmed());
    let currency = currency.ok_or_else(|| Malformed::amount(currency_path, AmountError::UnknownCurrency))?;
    if minor < 0 {
        return Err(Malformed::amount(path, AmountError::Negative));
    }
    Ok(Money::from_minor(minor, currency))
}

/// The amount of an event that has one: more than nothing.
fn told_amount(body: &Event<'_>) -> Result<Money, Malformed> {
    let minor = body.amount.ok_or_else(|| Malformed::field("amount", "is missing"))?;
    let currency = body.currency.as_ref().ok_or_else(|| Malformed::field("currency", "is missing"))?;
    let amount = money("amount", minor, "currency", currency)?;
    if amount.is_zero() { Err(Malformed::field("amount", "must be more than zero")) } else { Ok(amount) }
}

fn merchant(body: &Authorize<'_>) -> Result<Merchant, Malformed> {
    let id = body.merchant_id.as_ref().map(|text| identifier("merchant_id", text, MerchantId::new)).transpose()?;
    let name = match &body.merchant {
        Some(name) if name.0.len() > MERCHANT_BYTES_MAX => return Err(Malformed::field("merchant", "is longer than 128 bytes")),
        Some(name) => MerchantName::of(&name.0),
        None => None,
    };
    let mcc = body.mcc.as_ref().map(|text| {
        MerchantCategoryCode::new(text.trimmed())
            .ok_or_else(|| Malformed::field("mcc", "is not a merchant category of four digits"))
    });
    let country = body.merchant_country.as_ref().map(|text| {
        Country::new(text.trimmed()).ok_or_else(|| Malformed::field("merchant_country", "is not a country of ISO 3166-1"))
    });
    Ok(Merchant { id, name, mcc: mcc.transpose()?, country: country.transpose()? })
}

pub(super) fn moment(told: Option<&Text<'_>>) -> Result<Option<Timestamp>, Malformed> {
    let read = |text: &Text<'_>| {
        json::moment(text.trimmed()).ok_or_else(|| Malformed::field("occurred_at", "is not a moment of RFC 3339"))
    };
    told.map(read).transpose()
}

pub(super) fn identifier<T>(path: &'static str, text: &Text<'_>, make: fn(&str) -> Result<T, IdError>) -> Result<T, Malformed> {
    make(text.trimmed()).map_err(|error| Malformed::identifier(path, error))
}

/// Platforms' names are the same in any case.
pub(super) fn platform_of(path: &'static str, text: &Text<'_>) -> Result<PlatformName, Malformed> {
    PlatformName::new(&text.trimmed().to_ascii_lowercase()).map_err(|error| Malformed::identifier(path, error))
}

//! The authorize request of all three generations, as one question; and the query of a balance read.
//!
//! Which field means what, and who says so, stands in this folder's README. Nothing here answers.

use holdfast_core::{
    AmountError, AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, CardholderToken, Country, CrossBorder,
    Currency, EntryMode, Expiry, IdError, IdempotencyKey, Merchant, MerchantCategoryCode, MerchantName, NetworkName, Padding,
    PartialApproval, PaymentRef, Posting, Wallet,
};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::wire::{Generation, Legacy, Present, V3, V3Authorization, V3Merchant, V3Transaction, original};
use super::{Dialect, Options};
use crate::answer::Echo;
use crate::inbound::{AuthorizationCall, BalanceCall, Inbound, Malformed};
use crate::json::object::Member;
use crate::json::{Lenient, Nested, Text, Told, parse, parse_into};
use crate::parameters::parameter;

/// Understands an authorize request by its body, whatever route it came to: V3 if it has `authorization`, else V2 or V1. A body
/// that has nothing of either is what its route is for.
///
/// `segment` is the `{custodian_uid}` of the older routes, empty on the current one.
pub(super) fn decode<'a>(body: &'a [u8], segment: &str, options: &Options) -> Result<Inbound<'a>, Malformed> {
    let call = match parse::<V3<'a>>(body) {
        Ok(V3 { authorization }) => from_v3(authorization, options)?,
        Err(_) if options.legacy_routes && is_legacy(body, segment) => from_legacy(&parse(body)?, segment, options)?,
        Err(not_v3) => return Err(not_v3),
    };
    Ok(Inbound::Authorization(call))
}

#[cold]
fn is_legacy(body: &[u8], segment: &str) -> bool {
    let Ok(seen) = parse::<Generation>(body) else { return false };
    seen.authorization == Present::No && (seen.has_legacy_fields() || !segment.is_empty())
}

/// Understands `?cardholder_id=…`.
pub(super) fn decode_balance_read(query: &str) -> Result<Inbound<'_>, Malformed> {
    const FIELD: &str = "cardholder_id";
    let raw = parameter(query, FIELD)?.ok_or_else(|| Malformed::field(FIELD, "is missing"))?;
    let cardholder = percent_decoded(raw, FIELD)?;
    let mut echo = Echo { dialect: Dialect::Balances.number(), ..Echo::default() };
    // As it stands in the query: the answer undoes the encoding again, for an echo can only borrow.
    echo.fields.push((FIELD, raw));
    Ok(Inbound::Balance(BalanceCall { card: None, cardholder: Some(cardholder), echo }))
}

fn from_v3<'a>(asked: V3Authorization<'_>, options: &Options) -> Result<AuthorizationCall<'a>, Malformed> {
    const AMOUNT: &str = "authorization.billing_amount";
    let signed = asked.billing_amount.money().map_err(|(field, error)| Malformed::amount(format!("{AMOUNT}.{field}"), error))?;
    let merchant: Told<V3Merchant<'_>> = part("merchant_data", asked.merchant_data)?;
    let untold = V3Merchant::default();
    let merchant = merchant.of_question("authorization.merchant_data")?.unwrap_or(&untold);
    let Nested(transaction) = part("transaction_data", asked.transaction_data)?;
    let transaction: V3Transaction<'_> = transaction.unwrap_or_default();
    let mcc = merchant.mcc.of_question("authorization.merchant_data.mcc")?;
    let kind = if signed.is_negative() {
        debit_kind(mcc)
    } else if signed.is_zero() {
        AuthorizationKind::AccountVerification
    } else {
        AuthorizationKind::Credit
    };
    let amount = signed.checked_abs().map_err(|error| Malformed::amount(format!("{AMOUNT}.amount"), error))?;
    let request = AuthorizationRequest {
        key: identifier(asked.id.trimmed(), "authorization.id", IdempotencyKey::new)?,
        payment: PaymentRef::of(identifier(
            asked.transaction_id.trimmed(),
            "authorization.transaction_id",
            AuthorizationId::new,
        )?),
        card: Some(identifier(asked.card_id.trimmed(), "authorization.card_id", CardToken::new)?),
        cardholder: Some(identifier(asked.cardholder_id.trimmed(), "authorization.cardholder_id", CardholderToken::new)?),
        merchant: Merchant {
            id: None,
            name: merchant.merchant_name.text().and_then(MerchantName::presented),
            mcc,
            country: merchant.merchant_country.text().and_then(Country::new),
        },
        entry_mode: entry_mode(transaction.card_present.0, transaction.ecommerce.0, transaction.emv.0),
        cross_border: cross_border(transaction.international.0),
        network: network(&transaction.network),
        increments: None,
        kind,
        posting: posting(kind, options),
        amount,
        original: original(asked.local_amount, signed.currency()),
        padding: Padding::None,
        expiry: Expiry::Told,
        wallet: Wallet::None,
        partial_approval: PartialApproval::NotSupported,
        occurred_at: None,
        checkout: None,
    };
    let echo = Echo { dialect: Dialect::V3.number(), ..Echo::default() };
    Ok(AuthorizationCall { request, echo, sent_at: None, lookup: None })
}

fn from_legacy<'a>(asked: &Legacy<'a>, segment: &str, options: &Options) -> Result<AuthorizationCall<'a>, Malformed> {
    let currency = Currency::from_alpha(asked.currency.trimmed())
        .ok_or_else(|| Malformed::amount("currency", AmountError::UnknownCurrency))?;
    let amount = asked.amount.money(currency).map_err(|error| Malformed::amount("amount", error))?;
    if amount.is_negative() {
        return Err(Malformed::amount("amount", AmountError::Negative));
    }
    let mcc = asked.mcc.of_question("mcc")?;
    let direction = asked.direction.trimmed();
    let kind = if amount.is_zero() {
        AuthorizationKind::AccountVerification
    } else if direction.eq_ignore_ascii_case("debit") {
        debit_kind(mcc)
    } else if direction.eq_ignore_ascii_case("credit") {
        AuthorizationKind::Credit
    } else {
        return Err(Malformed::field("type", "is neither debit nor credit"));
    };
    let cardholder = if segment.is_empty() { None } else { Some(percent_decoded(segment, "custodian_uid")?) };
    let presented = [asked.card_present.0, asked.ecommerce.0, asked.emv.0];
    let request = AuthorizationRequest {
        key: identifier(asked.idempotency_key.trimmed(), "idempotency_key", IdempotencyKey::new)?,
        payment: PaymentRef::of(identifier(asked.transaction_id.trimmed(), "transaction_id", AuthorizationId::new)?),
        card: None,
        cardholder,
        merchant: Merchant {
            id: None,
            name: asked.merchant_name.text().or(asked.merchant.text()).and_then(MerchantName::presented),
            mcc,
            country: asked.merchant_country.text().and_then(Country::new),
        },
        // V1 never tells how the card was presented; a V2 that tells nothing of it says as little.
        entry_mode: if presented == [None; 3] {
            EntryMode::Unknown
        } else {
            entry_mode(asked.card_present.0, asked.ecommerce.0, asked.emv.0)
        },
        cross_border: cross_border(asked.international.0),
        network: network(&asked.network),
        increments: None,
        kind,
        posting: posting(kind, options),
        amount,
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        wallet: Wallet::None,
        partial_approval: PartialApproval::NotSupported,
        occurred_at: None,
        checkout: None,
    };
    let mut echo = Echo { dialect: Dialect::Legacy.number(), ..Echo::default() };
    echo.fields.push(("transaction_id", asked.transaction_id.raw));
    echo.fields.push(("idempotency_key", asked.idempotency_key.raw));
    Ok(AuthorizationCall { request, echo, sent_at: None, lookup: None })
}

/// A part of an authorization, whose every member is optional.
fn part<'a, T: Member<'a>>(name: &'static str, raw: Option<&'a RawValue>) -> Result<T, Malformed> {
    let Some(raw) = raw else { return Ok(T::default()) };
    let mut place = T::default();
    parse_into(raw.get().as_bytes(), &mut place)
        .map_err(|malformed| Malformed { path: format!("authorization.{name}.{}", malformed.path), ..malformed })?;
    Ok(place)
}

/// Debits leave the account as the program says; nothing else leaves it.
fn posting(kind: AuthorizationKind, options: &Options) -> Posting {
    match kind {
        AuthorizationKind::AccountVerification
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => Posting::Hold,
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::Incremental => options.posting_of_debits,
    }
}

/// Apto tells no kind of debit. The network's own category does: 6010 and 6011 are cash, 6050 and 6051 quasi-cash (ISO 18245).
fn debit_kind(mcc: Option<MerchantCategoryCode>) -> AuthorizationKind {
    match mcc.map(MerchantCategoryCode::number) {
        Some(6010 | 6011) => AuthorizationKind::CashWithdrawal,
        Some(6050 | 6051) => AuthorizationKind::QuasiCash,
        Some(_) | None => AuthorizationKind::Purchase,
    }
}

/// Null is false for a present card and a chip, and true for e-commerce, as a partner of Apto's reads it.
fn entry_mode(card_present: Option<bool>, ecommerce: Option<bool>, emv: Option<bool>) -> EntryMode {
    match (card_present.unwrap_or(false), emv.unwrap_or(false), ecommerce.unwrap_or(true)) {
        (true, true, _) => EntryMode::Chip,
        (true, false, _) => EntryMode::MagneticStripe,
        (false, _, true) => EntryMode::Ecommerce,
        (false, _, false) => EntryMode::Keyed,
    }
}

/// A null tells nothing, so that the rules compare the merchant's country instead of trusting a silence.
fn cross_border(international: Option<bool>) -> CrossBorder {
    match international {
        Some(true) => CrossBorder::Yes,
        Some(false) => CrossBorder::No,
        None => CrossBorder::NotTold,
    }
}

/// The network as Apto writes it.
pub(super) fn network(network: &Lenient<Text<'_>>) -> Option<NetworkName> {
    network.text().and_then(|name| NetworkName::new(name).ok())
}

fn percent_decoded(raw: &str, field: &'static str) -> Result<CardholderToken, Malformed> {
    let decoded = percent_decode_str(raw).decode_utf8().map_err(|_| Malformed::field(field, "is not UTF-8"))?;
    identifier(&decoded, field, CardholderToken::new)
}

fn identifier<T>(text: &str, path: &'static str, new: fn(&str) -> Result<T, IdError>) -> Result<T, Malformed> {
    new(text.trim()).map_err(|error| Malformed::identifier(path, error))
}

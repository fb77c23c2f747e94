//! `POST …/auth` and `POST …/sale`: a payment to decide, each field held to what the interface says of it.

use std::borrow::Cow;

use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, Checkout, CrossBorder, Currency, EntryMode, Expiry,
    IdempotencyKey, Merchant, MerchantId, Money, Monitoring, Padding, PartialApproval, PaymentRef, Posting, Wallet,
};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::fields::{amount, ip_address, number, part, switch};
use super::options::{Options, ThreeDSecureIs};
use super::{Kind, METADATA_AS_WRITTEN, lasting, names};
use crate::answer::Echo;
use crate::exact;
use crate::inbound::{AuthorizationCall, Inbound, Malformed};
use crate::payment::{Authentication, NamedBy, PaymentCall, PaymentTurn, ROC, Slip, is_roc};
use crate::proof::RuleBypass;
use crate::strict::{self, Fields, document};

const FIELDS: NamedBy = NamedBy { merchant: "merchant_id", source: "data.card_token" };
/// The member of a slip that says that the rules were not asked: its caller was allowed that when it asked.
const BYPASSED: &str = "rules_bypassed";
const SURCHARGE: &str = "data.surcharge_amount";
/// The most items, and the most further taxes.
const LINES_MAX: usize = 200;

/// Texts of `data` that are kept as they came: name, and longest in characters.
const TEXTS: [(&str, usize); 6] = [
    ("internal_transaction_id", 100),
    ("customer_name", 100),
    ("description", 255),
    ("gateway_id", 100),
    ("fraud_monitor_session_id", 255),
    ("ip_address", 45),
];

/// Understands a new payment.
pub(super) fn decode<'a>(
    body: &[u8],
    headers: &HeaderMap,
    (kind, allowed): (Kind, RuleBypass),
    options: Options,
) -> Result<Inbound<'a>, Malformed> {
    let mut members = document(body)?;
    let top = Fields::of(&members, "");
    let merchant = top.required("merchant_id", |fields, name| fields.identifier(name, MerchantId::new))?;
    let bypass = top.switch("transaction_monitoring_bypass")?;
    let secure = top.switch("attempt_3d_secure")?;
    let data = Fields::of(top.required("data", Fields::object)?, "data");
    let currency = data.currency("currency_code")?;
    let total = data.required("transaction_amount", |fields, name| amount(fields, name, currency.unwrap_or(Currency::USD)))?;
    let source = data.required("card_token", |fields, name| fields.identifier(name, CardToken::new))?;
    let surcharge = part(&data, "surcharge_amount", total)?.filter(|surcharge| !surcharge.is_zero());
    hold_to_constraints(&data, total)?;
    let ((key, payment), unnamed) = match names::key_of(headers)? {
        // One key is one payment, at whichever of the two routes it comes: at the other one it is a conflict.
        Some(text) => (names::of(Kind::Auth, b"key", &options.names.named(&merchant, text))?, None),
        None => (names::of(kind, b"", b"")?, Some(names::of_nothing(kind))),
    };
    // A credential that may not is not told so: its rules are asked. That it wanted it is recorded.
    let monitoring = match (bypass, allowed) {
        (Some(true), RuleBypass::Allowed) => Monitoring::Bypassed,
        (Some(true), RuleBypass::Refused) => Monitoring::BypassRefused,
        (Some(false) | None, _) => Monitoring::Asked,
    };
    let request = request((key, payment), kind, (merchant, source), total, Checkout { monitoring, ..checkout(&data, total)? });
    let metadata = exact::as_written(body, &["data", "metadata"], data.value("metadata"))?;
    // What a caller gets back, in one order whatever order it came in.
    let text = [
        ("kind", json!(kind.number())),
        ("amount", json!(total.minor())),
        ("currency", json!(total.currency().code())),
        ("currency_was_sent", json!(currency.is_some())),
        ("transaction_monitoring_bypass", json!(bypass)),
        ("attempt_3d_secure", json!(secure)),
        ("data", Value::Object(kept(members.remove("data")))),
    ];
    let mut text: Map<String, Value> = text.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if monitoring == Monitoring::Bypassed {
        text.insert(BYPASSED.to_owned(), json!(true));
    }
    text.extend(metadata.map(|written| (METADATA_AS_WRITTEN.to_owned(), Value::String(written))));
    let lasting = lasting::of(&text);
    let slip = Slip { kind: kind.number(), merchant, source, text: strict::written(&text), lasting };
    let echo = Echo { dialect: kind.number(), ..Echo::default() };
    let call = AuthorizationCall { request, echo, lookup: None, sent_at: None };
    let surcharge = surcharge.map(|surcharge| (surcharge, SURCHARGE));
    let turn = match (secure, options.three_d_secure, unnamed) {
        (Some(true), ThreeDSecureIs::Awaited, _) => PaymentTurn::OnceAuthenticated,
        (_, ThreeDSecureIs::Awaited, None) => PaymentTurn::AtOnceUnlessBegun,
        (_, ThreeDSecureIs::Awaited, Some(_)) | (_, ThreeDSecureIs::Ignored, _) => PaymentTurn::AtOnce,
    };
    Ok(Inbound::Payment(PaymentCall { call, slip, surcharge, fields: FIELDS, unnamed, formerly: None, turn }))
}

/// The payment that was written about earlier, with what became of authenticating its payer. What was refused of it was refused then.
pub(super) fn resume(
    payment: AuthorizationId,
    slip: &Slip,
    authentication: &Authentication,
) -> Result<PaymentCall<'static>, Malformed> {
    let wrong = || Malformed::field("id", "is of a payment that nothing is known of any more");
    let mut text: Map<String, Value> = serde_json::from_str(&slip.text).map_err(|_| wrong())?;
    let kind = Kind::of_number(slip.kind).ok_or_else(wrong)?;
    let currency = text.get("currency").and_then(Value::as_str).and_then(Currency::from_alpha).ok_or_else(wrong)?;
    let total = text.get("amount").and_then(Value::as_i64).map(|minor| Money::from_minor(minor, currency)).ok_or_else(wrong)?;
    let data = text.get("data").and_then(Value::as_object).ok_or_else(wrong)?;
    let told = checkout(&Fields::of(data, "data"), total)?;
    let key = IdempotencyKey::new(payment.as_str()).map_err(|error| Malformed::identifier("id", error))?;
    let names = (key, PaymentRef::of(payment));
    let said = |name: &str| text.get(name).and_then(Value::as_bool) == Some(true);
    let monitoring = match (said(BYPASSED), said("transaction_monitoring_bypass")) {
        (true, _) => Monitoring::Bypassed,
        (false, true) => Monitoring::BypassRefused,
        (false, false) => Monitoring::Asked,
    };
    let told = Checkout { three_d_secure: authentication.outcome, monitoring, ..told };
    let request = request(names, kind, (slip.merchant, slip.source), total, told);
    let shown =
        json!({ "electronic_commerce_indicator": authentication.outcome.name(), "transaction_id": authentication.transaction });
    text.insert(super::authenticated::RESULT.to_owned(), shown);
    let slip = Slip { lasting: lasting::of(&text), text: strict::written(&text), ..slip.clone() };
    let call =
        AuthorizationCall { request, echo: Echo { dialect: kind.number(), ..Echo::default() }, lookup: None, sent_at: None };
    Ok(PaymentCall { call, slip, surcharge: None, fields: FIELDS, unnamed: None, formerly: None, turn: PaymentTurn::AtOnce })
}

fn request(
    (key, payment): (IdempotencyKey, PaymentRef),
    kind: Kind,
    (merchant, source): (MerchantId, CardToken),
    total: Money,
    told: Checkout,
) -> AuthorizationRequest {
    AuthorizationRequest {
        key,
        payment,
        increments: None,
        kind: if total.is_zero() { AuthorizationKind::AccountVerification } else { AuthorizationKind::Purchase },
        posting: match kind {
            Kind::Auth => Posting::Hold,
            Kind::Sale => Posting::Immediate,
        },
        card: Some(source),
        cardholder: None,
        amount: total,
        original: None,
        padding: Padding::None,
        expiry: Expiry::Ours,
        merchant: Merchant { id: Some(merchant), ..Merchant::default() },
        entry_mode: EntryMode::Ecommerce,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: Some(told),
    }
}

/// Holds every optional field to its constraint.
pub(crate) fn hold_to_constraints(data: &Fields<'_>, total: Money) -> Result<(), Malformed> {
    for (name, most) in TEXTS {
        data.text(name, most)?;
    }
    ip_address(data, "ip_address")?;
    if let Some(order) = data.text("order_number", 20)?
        && !order.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(data.wrong("order_number", "is not made of letters and digits"));
    }
    if let Some(roc) = data.text(ROC, 12)?
        && !is_roc(roc)
    {
        return Err(data.wrong(ROC, "is not the twelve digits with which a check was answered"));
    }
    let mut included = 0_i64;
    for name in ["sales_tax", "gratuity", "service_charge", "surcharge_amount"] {
        included = included.saturating_add(part(data, name, total)?.map_or(0, Money::minor));
    }
    for fee in ["pre_settlement_fee_charge", "post_settlement_fee_charge"] {
        part(data, fee, total)?;
    }
    data.object("metadata")?;
    data.object("additional_data")?;
    for (index, tax) in data.list("other_tax", LINES_MAX)?.iter().enumerate() {
        let tax = Fields::of_item(tax, "data.other_tax", index)?;
        tax.required("name", |fields, name| fields.text(name, 100))?;
        let amount = tax.required("amount", |fields, name| part(fields, name, total))?;
        included = included.saturating_add(amount.minor());
    }
    if included > total.minor() {
        return Err(data.wrong("transaction_amount", "is less than taxes, gratuity, charge and surcharge, which it includes"));
    }
    for (index, item) in data.list("items", LINES_MAX)?.iter().enumerate() {
        self::item(&Fields::of_item(item, "data.items", index)?, total.currency())?;
    }
    Ok(())
}

/// Optional fields that are given back, printed or reported.
fn kept(data: Option<Value>) -> Map<String, Value> {
    let Some(Value::Object(mut data)) = data else { return Map::new() };
    let named = ["order_number", "sales_tax", "gratuity", "service_charge", "surcharge_amount", "pre_settlement_fee_charge"];
    let further = [ROC, "post_settlement_fee_charge", "metadata", "additional_data", "other_tax", "items"];
    let all = TEXTS.iter().map(|(name, _)| *name).chain(named).chain(further);
    all.filter_map(|name| data.remove_entry(name).filter(|(_, value)| !value.is_null())).collect()
}

/// What rules may ask for, of a payment or of one that is only checked.
pub(crate) fn checkout(data: &Fields<'_>, total: Money) -> Result<Checkout, Malformed> {
    let of = |name| part(data, name, total).map(|part| part.map_or(0, Money::minor));
    let items = data.list("items", LINES_MAX)?.len();
    Ok(Checkout {
        surcharge: of("surcharge_amount")?,
        gratuity: of("gratuity")?,
        fees: of("pre_settlement_fee_charge")?.saturating_add(of("post_settlement_fee_charge")?),
        items: u16::try_from(items).unwrap_or(u16::MAX),
        ip_address: ip_address(data, "ip_address")?,
        ..Checkout::NOTHING_TOLD
    })
}

fn item(item: &Fields<'_>, currency: Currency) -> Result<(), Malformed> {
    item.text("name", 100)?;
    item.text("description", 255)?;
    number(item, "quantity")?;
    switch(item, "is_service")?;
    for name in ["unit_cost", "tax_amount", "total_amount"] {
        amount(item, name, currency)?;
    }
    let rate = match item.value("tax_rate") {
        Some(Value::Number(number)) => Cow::Owned(number.to_string()),
        Some(_) | None => Cow::Borrowed(item.text("tax_rate", 12)?.unwrap_or_default()),
    };
    let is_rate = rate.len() <= 18 && (rate.is_empty() || is_decimal(rate.strip_suffix('%').unwrap_or(&rate)));
    if is_rate { Ok(()) } else { Err(item.wrong("tax_rate", "is not a rate, such as 8.25")) }
}

/// Digits, some of them behind a dot.
fn is_decimal(text: &str) -> bool {
    let (whole, behind) = text.split_once('.').unwrap_or((text, "0"));
    [whole, behind].into_iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

//! `POST /authorizations` and `POST /transfers`: a payment to decide, each field held to what the interface says of it.

use holdfast_core::{
    AuthorizationKind, AuthorizationRequest, CardToken, Checkout, CrossBorder, Currency, EntryMode, Expiry, Merchant, MerchantId,
    Money, Padding, PartialApproval, Posting, ThreeDSecure, Wallet,
};
use serde_json::{Value, json};

use super::{AS_WRITTEN, Asked, Kind, PURCHASE, TAGS, dialect, names};
use crate::answer::Echo;
use crate::exact;
use crate::idempotency::NamesAre;
use crate::inbound::{AuthorizationCall, Inbound, Malformed};
use crate::payment::{NamedBy, PaymentCall, PaymentTurn, Slip};
use crate::strict::{self, Fields, document};

/// The longest `idempotency_id`, in characters.
const IDEMPOTENCY_ID_MAX: usize = 255;
/// Tags: how many, and how long names and values may be.
const TAGS_MAX: (usize, usize, usize) = (50, 40, 500);
/// The most items of level 3 data.
const ITEMS_MAX: usize = 99;

const FIELDS: NamedBy = NamedBy { merchant: "merchant", source: "source" };
const CHARGES: &str = "additional_buyer_charges";
const SURCHARGE: &str = "additional_buyer_charges.cc_surcharge_amount";
const THREE_DS: &str = "3d_secure_authentication";
const INDICATOR: &str = "electronic_commerce_indicator";

/// Understands a new payment.
pub(super) fn decode<'a>(body: &[u8], kind: Kind, ids: NamesAre) -> Result<Inbound<'a>, Malformed> {
    let mut members = document(body)?;
    let fields = Fields::of(&members, "");
    let currency = fields.required("currency", Fields::currency)?;
    let amount = fields.required("amount", |fields, name| fields.minor(name, currency))?;
    let merchant = fields.required("merchant", |fields, name| fields.identifier(name, MerchantId::new))?;
    let source = fields.required("source", |fields, name| fields.identifier(name, CardToken::new))?;
    fields.tags(TAGS, TAGS_MAX.0, TAGS_MAX.1, TAGS_MAX.2)?;
    let surcharge = surcharge(&fields, currency)?;
    let secure = three_d_secure(&fields)?;
    purchase(&fields)?;
    let idempotency_id = fields.text("idempotency_id", IDEMPOTENCY_ID_MAX)?;
    if idempotency_id.is_none() && fields.value("idempotency_id").is_some() {
        // Whoever sends one wants to be safe from paying twice.
        return Err(fields.wrong("idempotency_id", "is empty"));
    }
    let total = match surcharge {
        None => amount,
        Some(surcharge) => amount.checked_add(surcharge).map_err(|error| Malformed::amount(SURCHARGE, error))?,
    };
    // One id is one payment, at whichever of the two routes it comes: at the other one it is a conflict.
    let ((key, payment), unnamed, formerly) = match idempotency_id {
        Some(id) => {
            let id = ids.named(&merchant, id);
            (names::of_id(kind, &id)?, None, names::of_id_formerly(kind, &id)?)
        }
        None => (names::of(kind, b"", b"")?, Some(names::of_nothing(kind)), None),
    };
    let request = AuthorizationRequest {
        key,
        payment,
        increments: None,
        kind: if total.is_zero() { AuthorizationKind::AccountVerification } else { AuthorizationKind::Purchase },
        posting: match kind {
            Kind::Authorization => Posting::Hold,
            Kind::Transfer => Posting::Immediate,
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
        checkout: Some(checkout(surcharge, secure.as_ref(), &fields)),
    };
    let as_written = as_written(body, &fields)?;
    // What a caller gets back, in one order whatever order it came in; of the authentication value nothing is kept.
    let mut text = json!({
        "amount": amount.minor(),
        "currency": currency.code(),
        "idempotency_id": idempotency_id,
        CHARGES: surcharge.map(|surcharge| json!({ "cc_surcharge_amount": surcharge.minor() })),
        THREE_DS: secure,
    });
    let lasting = strict::written(&lasting(&text));
    let tags = members.remove(TAGS).filter(|tags| tags.as_object().is_some_and(|tags| !tags.is_empty()));
    if let Value::Object(text) = &mut text {
        for (name, came) in [(TAGS, tags), (PURCHASE, members.remove(PURCHASE))] {
            text.insert(name.to_owned(), came.unwrap_or_default());
        }
        text.extend(as_written);
    }
    let slip = Slip { kind: kind.number(), merchant, source, text: strict::written(&text), lasting };
    let echo = Echo { dialect: dialect(kind, Asked::New), ..Echo::default() };
    let call = AuthorizationCall { request, echo, sent_at: None, lookup: None };
    let surcharge = surcharge.filter(|surcharge| !surcharge.is_zero()).map(|surcharge| (surcharge, SURCHARGE));
    Ok(Inbound::Payment(PaymentCall { call, slip, surcharge, fields: FIELDS, unnamed, formerly, turn: PaymentTurn::AtOnce }))
}

/// What numbers would lose on their way through a float is kept beside them.
fn as_written(body: &[u8], fields: &Fields<'_>) -> Result<Vec<(String, Value)>, Malformed> {
    let mut all = Vec::new();
    for (name, as_written) in AS_WRITTEN {
        let written = exact::as_written(body, &[name], fields.value(name))?;
        all.extend(written.map(|written| (as_written.to_owned(), Value::String(written))));
    }
    Ok(all)
}

/// What of it is kept when the text is erased: amounts, and nothing that anybody worded.
fn lasting(text: &Value) -> Value {
    let outcome = text.get(THREE_DS).and_then(|secure| secure.get(INDICATOR));
    json!({
        "amount": text.get("amount"),
        "currency": text.get("currency"),
        CHARGES: text.get(CHARGES),
        THREE_DS: outcome.map(|outcome| json!({ INDICATOR: outcome })),
    })
}

fn surcharge(fields: &Fields<'_>, currency: Currency) -> Result<Option<Money>, Malformed> {
    match fields.object(CHARGES)? {
        None => Ok(None),
        Some(members) => Fields::of(members, CHARGES).minor("cc_surcharge_amount", currency),
    }
}

/// What rules may ask for.
fn checkout(surcharge: Option<Money>, secure: Option<&Value>, fields: &Fields<'_>) -> Checkout {
    let outcome = secure.and_then(|secure| secure.get(INDICATOR)).and_then(Value::as_str);
    let purchase = fields.value(PURCHASE).and_then(|purchase| purchase.get("item_data")).and_then(Value::as_array);
    Checkout {
        surcharge: surcharge.map_or(0, Money::minor),
        items: purchase.map_or(0, |items| u16::try_from(items.len()).unwrap_or(u16::MAX)),
        three_d_secure: outcome.and_then(ThreeDSecure::from_name).unwrap_or(ThreeDSecure::NotTold),
        ..Checkout::NOTHING_TOLD
    }
}

/// What is kept of 3-D Secure data: the outcome, and the transaction's id.
fn three_d_secure(fields: &Fields<'_>) -> Result<Option<Value>, Malformed> {
    let Some(members) = fields.object(THREE_DS)? else { return Ok(None) };
    let fields = Fields::of(members, THREE_DS);
    fields.required("cardholder_authentication", Fields::authentication_value)?;
    let indicator = fields.required(INDICATOR, |fields, name| fields.text(name, 32))?;
    if !["AUTHENTICATED", "ATTEMPTED", "NOT_AUTHENTICATED"].contains(&indicator) {
        return Err(fields.wrong(INDICATOR, "is none of AUTHENTICATED, ATTEMPTED and NOT_AUTHENTICATED"));
    }
    let transaction = fields.required("transaction_id", |fields, name| fields.text(name, 64))?;
    Ok(Some(json!({ INDICATOR: indicator, "transaction_id": transaction })))
}

/// Level 2 and 3 data, kept as it came. Its sums are not compared: the interface's own example has other ones.
fn purchase(fields: &Fields<'_>) -> Result<(), Malformed> {
    let Some(members) = fields.object(PURCHASE)? else { return Ok(()) };
    let fields = Fields::of(members, PURCHASE);
    fields.text("customer_reference_number", 100)?;
    fields.whole("sales_tax", 0)?;
    for (index, item) in fields.list("item_data", ITEMS_MAX)?.iter().enumerate() {
        let item = Fields::of_item(item, "additional_purchase_data.item_data", index)?;
        for amount in ["amount_excluding_sales_tax", "amount_including_sales_tax"] {
            item.whole(amount, 0)?;
        }
        quantity(&item)?;
        for (text, most) in [("commodity_code", 30), ("description", 255), ("unit_of_measure", 12)] {
            item.text(text, most)?;
        }
    }
    Ok(())
}

/// How many of an item: some are sold by weight.
fn quantity(item: &Fields<'_>) -> Result<(), Malformed> {
    let Some(value) = item.value("quantity") else { return Ok(()) };
    let digits = value.as_number().map(ToString::to_string).unwrap_or_default();
    let is_more_than_nothing = digits.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    let is_plain = !digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_plain && is_more_than_nothing { Ok(()) } else { Err(item.wrong("quantity", "is not a number above nothing")) }
}

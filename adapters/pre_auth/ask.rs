//! `POST …/pre-auth`: what is to be checked, each field held to what the interface says of it.

use holdfast_core::card_number::CardNumber;
use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, CrossBorder, Currency, EntryMode, Expiry,
    IdempotencyKey, Merchant, MerchantId, Padding, PartialApproval, PaymentRef, Posting, Wallet,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::answer::{DecisionReference, Echo};
use crate::inbound::{Inbound, Malformed};
use crate::payment::{CheckCall, LimitsAre};
use crate::payment_gateway::{amount, checkout};
use crate::strict::Fields;

/// Understands a check, with the card's number if it came by that.
pub(super) fn decode<'a>(
    members: Map<String, Value>,
    number: Option<CardNumber>,
    limits: LimitsAre,
) -> Result<Inbound<'a>, Malformed> {
    let top = Fields::of(&members, "");
    let word = top.required("transaction_type", |fields, name| fields.text(name, 16))?;
    let kind = match word {
        "sale" | "auth" | "capture" => AuthorizationKind::Purchase,
        "refund" => AuthorizationKind::Credit,
        _ => return Err(top.wrong("transaction_type", "is none of sale, auth, capture and refund")),
    };
    let id = top.text("id", 64)?;
    top.text("reason", 255)?;
    let data = top.object("data")?;
    // A refund names the payment that it is of, and has its amount at the top; nothing else is told of it.
    let (fields, amount_name) = match data {
        Some(members) => (Fields::of(members, "data"), "transaction_amount"),
        None if kind == AuthorizationKind::Credit => (top, "amount"),
        None => return Err(top.wrong("data", "is missing")),
    };
    let merchant = top.identifier("merchant_id", MerchantId::new)?;
    if merchant.is_none() && (kind != AuthorizationKind::Credit || id.is_none()) {
        return Err(top.wrong("merchant_id", "is missing"));
    }
    // Both names are seen in the interface's own examples, and neither.
    let currency = match fields.currency("currency")? {
        Some(currency) => Some(currency),
        None => fields.currency("currency_code")?,
    };
    let amount = fields.required(amount_name, |fields, name| amount(fields, name, currency.unwrap_or(Currency::USD)))?;
    let card = fields.identifier("card_token", CardToken::new)?;
    let (name, expiry) = (fields.text("cardholder_name", 100)?, expiry(&fields)?);
    match (&number, card) {
        (Some(_), Some(_)) => return Err(fields.wrong("card_number", "is there beside card_token: one of the two is meant")),
        // Whoever has no token tells whose card it is.
        (Some(_), None) if name.is_none() => return Err(fields.wrong("cardholder_name", "is missing")),
        (Some(_), None) if expiry.is_none() => return Err(fields.wrong("card_exp", "is missing")),
        (None, None) if data.is_some() => {
            return Err(
                fields.wrong("card_token", "is missing; card numbers are taken only where they have a listener of their own")
            );
        }
        (Some(_) | None, None) | (None, Some(_)) => {}
    }
    // The body is like that of the door at which the payment would be asked for.
    let checkout = checkout(&fields, amount)?;
    let (key, payment) = names(b"", b"")?;
    let request = AuthorizationRequest {
        key,
        payment,
        increments: None,
        kind,
        posting: Posting::Hold,
        card,
        cardholder: None,
        amount,
        original: None,
        padding: Padding::None,
        expiry: Expiry::Ours,
        merchant: Merchant { id: merchant, ..Merchant::default() },
        entry_mode: EntryMode::Ecommerce,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: Some(checkout),
    };
    let text = json!({
        "transaction_type": word,
        "id": id,
        "amount": amount.minor(),
        "currency": amount.currency().code(),
        "ip_address": checkout.ip_address.map(|address| address.to_string()),
    });
    let make: crate::payment::MakeNames = |unique| names(b"unique", unique);
    Ok(Inbound::Check(CheckCall {
        request,
        number,
        limits,
        text: text.to_string(),
        field: "merchant_id",
        make,
        echo: Echo::default(),
    }))
}

/// `MM/YY`.
fn expiry(fields: &Fields<'_>) -> Result<Option<()>, Malformed> {
    let Some(text) = fields.text("card_exp", 5)? else { return Ok(None) };
    let is_month = |month: &str| month.len() == 2 && month.parse().is_ok_and(|month: u8| (1..=12).contains(&month));
    let is_year = |year: &str| year.len() == 2 && year.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('/') {
        Some((month, year)) if is_month(month) && is_year(year) => Ok(Some(())),
        Some(_) | None => Err(fields.wrong("card_exp", "is not a month and a year as MM/YY")),
    }
}

/// A check's name: a UUID of our own making.
fn names(what: &[u8], of: &[u8]) -> Result<(IdempotencyKey, PaymentRef), Malformed> {
    let digest = Sha256::new().chain_update("check").chain_update(what).chain_update([0]).chain_update(of).finalize();
    let name = DecisionReference::from_digest(digest.first_chunk().copied().unwrap_or_default()).to_string();
    let wrong = |_| Malformed::field("", "has no name that could be given");
    let payment = AuthorizationId::new(&name).map_err(wrong)?;
    Ok((IdempotencyKey::new(&name).map_err(wrong)?, PaymentRef::of(payment)))
}

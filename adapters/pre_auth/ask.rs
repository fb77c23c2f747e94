//! `POST …/pre-auth`: what is to be checked, each field held to what the interface says of it.

use holdfast_core::card_number::CardNumber;
use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, Checkout, CrossBorder, Currency, EntryMode, Expiry,
    IdempotencyKey, Merchant, MerchantId, Money, Padding, PartialApproval, PaymentRef, Posting, Wallet,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::answer::{DecisionReference, Echo};
use crate::inbound::{Inbound, Malformed};
use crate::payment::{CardExpiry, CheckCall, CurrencyIs, LimitsAre};
use crate::payment_gateway::{amount, checkout, hold_to_constraints};
use crate::strict::{self, Fields};

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
    let currency = currency(&fields)?.unwrap_or(Currency::USD);
    let amount = fields.required(amount_name, |fields, name| amount(fields, name, currency))?;
    if kind == AuthorizationKind::Credit && amount.is_zero() {
        // A refund's own door refuses it, too.
        return Err(fields.wrong(amount_name, "is nothing"));
    }
    no_number_left(&top)?;
    no_number_left(&fields)?;
    let (card, expiry) = card(&fields, number.as_ref(), data.is_some())?;
    // The body is like that of the door at which the payment would be asked for, and what that refuses is refused here. Captures and
    // refunds are asked for without any of it.
    let is_asked_for = matches!(word, "sale" | "auth");
    if is_asked_for {
        for name in ["transaction_monitoring_bypass", "attempt_3d_secure"] {
            top.switch(name)?;
        }
        hold_to_constraints(&fields, amount)?;
    }
    let checkout = checkout(&fields, amount)?;
    let text = json!({
        "transaction_type": word,
        "id": id,
        "amount": amount.minor(),
        "currency": amount.currency().code(),
        "ip_address": checkout.ip_address.map(|address| address.to_string()),
    });
    Ok(Inbound::Check(CheckCall {
        request: request(kind, (merchant, card), amount, checkout)?,
        number,
        expiry,
        limits,
        currency: if is_asked_for { CurrencyIs::LookedAt } else { CurrencyIs::OfItsPayment },
        text: strict::written(&text),
        field: "merchant_id",
        make: |unique| names(b"unique", unique),
        echo: Echo::default(),
    }))
}

/// Both names are seen in the interface's own examples, and neither. Two currencies are none.
fn currency(fields: &Fields<'_>) -> Result<Option<Currency>, Malformed> {
    let (one, other) = (fields.currency("currency")?, fields.currency("currency_code")?);
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(fields.wrong("currency_code", "is another one than currency")),
        (one, other) => Ok(one.or(other)),
    }
}

/// Where a number is taken it was taken out of there before. What is no number of a known brand is meant as one all the same.
fn no_number_left(fields: &Fields<'_>) -> Result<(), Malformed> {
    match fields.value("card_number") {
        None => Ok(()),
        Some(_) => Err(fields.wrong("card_number", "is taken only within data, where card numbers have a listener of their own")),
    }
}

/// The card, by its token or by its number, and until when it can be used.
fn card(
    fields: &Fields<'_>,
    number: Option<&CardNumber>,
    is_needed: bool,
) -> Result<(Option<CardToken>, Option<CardExpiry>), Malformed> {
    let card = fields.identifier("card_token", CardToken::new)?;
    let (name, expiry) = (fields.text("cardholder_name", 100)?, expiry(fields)?);
    match (number, card) {
        (Some(_), Some(_)) => return Err(fields.wrong("card_number", "is there beside card_token: one of the two is meant")),
        // Whoever has no token tells whose card it is.
        (Some(_), None) if name.is_none() => return Err(fields.wrong("cardholder_name", "is missing")),
        (Some(_), None) if expiry.is_none() => return Err(fields.wrong("card_exp", "is missing")),
        (None, None) if is_needed => {
            return Err(
                fields.wrong("card_token", "is missing; card numbers are taken only where they have a listener of their own")
            );
        }
        (Some(_) | None, None) | (None, Some(_)) => {}
    }
    Ok((card, expiry))
}

fn request(
    kind: AuthorizationKind,
    (merchant, card): (Option<MerchantId>, Option<CardToken>),
    amount: Money,
    checkout: Checkout,
) -> Result<AuthorizationRequest, Malformed> {
    let (key, payment) = names(b"", b"")?;
    Ok(AuthorizationRequest {
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
    })
}

/// `MM/YY`.
fn expiry(fields: &Fields<'_>) -> Result<Option<CardExpiry>, Malformed> {
    let Some(text) = fields.text("card_exp", 5)? else { return Ok(None) };
    let two = |digits: &str| {
        digits.parse::<i8>().ok().filter(|_| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let read = text.split_once('/').and_then(|(month, year)| {
        let month = two(month).filter(|month| (1..=12).contains(month))?;
        Some(CardExpiry { year: i16::from(two(year)?).saturating_add(2000), month })
    });
    read.map(Some).ok_or_else(|| fields.wrong("card_exp", "is not a month and a year as MM/YY"))
}

/// A check's name: a UUID of our own making.
fn names(what: &[u8], of: &[u8]) -> Result<(IdempotencyKey, PaymentRef), Malformed> {
    let digest = Sha256::new().chain_update("check").chain_update(what).chain_update([0]).chain_update(of).finalize();
    let name = DecisionReference::from_digest(digest.first_chunk().copied().unwrap_or_default()).to_string();
    let wrong = |_| Malformed::field("", "has no name that could be given");
    let payment = AuthorizationId::new(&name).map_err(wrong)?;
    Ok((IdempotencyKey::new(&name).map_err(wrong)?, PaymentRef::of(payment)))
}

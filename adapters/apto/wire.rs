//! Apto's JSON, as it comes: borrowed, private to this adapter, without any meaning yet.
//!
//! Required here is only what nothing can be understood without; everything else is lenient and absent if it is of another
//! type than the contract says. Amounts stay raw text.

use holdfast_core::{AmountError, Currency, Money};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::value::RawValue;

use crate::json::category::Category;
use crate::json::object::members;
use crate::json::{Amount, Lenient, Text, parse};

/// The current authorize request.
#[derive(Debug, Deserialize)]
pub(super) struct V3<'a> {
    #[serde(borrow)]
    pub(super) authorization: V3Authorization<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct V3Authorization<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) transaction_id: Text<'a>,
    #[serde(borrow)]
    pub(super) cardholder_id: Text<'a>,
    #[serde(borrow)]
    pub(super) card_id: Text<'a>,
    #[serde(borrow)]
    pub(super) billing_amount: SignedAmount<'a>,
    #[serde(borrow, default)]
    pub(super) local_amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) merchant_data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) transaction_data: Option<&'a RawValue>,
}

members! {
    struct V3Merchant<'a> {
        "merchant_name" => merchant_name: Lenient<Text<'a>>,
        "merchant_country" => merchant_country: Lenient<Text<'a>>,
        "mcc" => mcc: Category,
    }

    struct V3Transaction<'a> {
        "card_present" => card_present: Lenient<bool>,
        "ecommerce" => ecommerce: Lenient<bool>,
        "international" => international: Lenient<bool>,
        "emv" => emv: Lenient<bool>,
        "network" => network: Lenient<Text<'a>>,
    }
}

/// The two older authorize requests: V1 has the first six fields, V2 all.
#[derive(Debug, Deserialize)]
pub(super) struct Legacy<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) direction: Text<'a>,
    #[serde(borrow)]
    pub(super) amount: Amount<'a>,
    #[serde(borrow)]
    pub(super) currency: Text<'a>,
    #[serde(borrow)]
    pub(super) transaction_id: Echoed<'a>,
    #[serde(borrow)]
    pub(super) idempotency_key: Echoed<'a>,
    #[serde(borrow, default)]
    pub(super) merchant: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) merchant_name: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) merchant_country: Lenient<Text<'a>>,
    #[serde(default)]
    pub(super) mcc: Category,
    #[serde(default)]
    pub(super) card_present: Lenient<bool>,
    #[serde(default)]
    pub(super) ecommerce: Lenient<bool>,
    #[serde(default)]
    pub(super) international: Lenient<bool>,
    #[serde(default)]
    pub(super) emv: Lenient<bool>,
    #[serde(borrow, default)]
    pub(super) network: Lenient<Text<'a>>,
}

/// Which generation a body is of, by the fields that only one has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Generation {
    pub(super) authorization: Present,
    #[serde(rename = "type")]
    direction: Present,
    amount: Present,
    currency: Present,
    transaction_id: Present,
    idempotency_key: Present,
}

impl Generation {
    /// Whether it has any of what V1 requires at the top: there V3 has its wrapper, and nothing else.
    pub(super) fn has_legacy_fields(&self) -> bool {
        let Generation { authorization: _, direction, amount, currency, transaction_id, idempotency_key } = self;
        [direction, amount, currency, transaction_id, idempotency_key].contains(&&Present::Yes)
    }
}

/// Both envelopes of a webhook, and what is inside `event.data`. Everything stays raw: one odd part never blocks another.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, default)]
    pub(super) event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) transaction: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) cardholder: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) card: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) settlement: Option<&'a RawValue>,
}

/// The second envelope's own fields.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, default)]
    pub(super) id: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) created_at: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
}

/// A transaction's snapshot. The cardholder's name and address are in it too; they are never read.
#[derive(Debug, Deserialize)]
pub(super) struct Transaction<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) idempotency_key: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub(super) state: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cardholder_id: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) card_id: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) billing_amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) network: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) adjustments: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    pub(super) shift_stand_in: Lenient<bool>,
    #[serde(default)]
    pub(super) apto_stand_in: Lenient<bool>,
}

/// An adjustment inside its wrapper.
#[derive(Debug, Deserialize)]
pub(super) struct WrappedAdjustment<'a> {
    #[serde(borrow)]
    pub(super) adjustment: Adjustment<'a>,
}

/// One move of a transaction's money, known by its own id.
#[derive(Debug, Deserialize)]
pub(super) struct Adjustment<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) created_at: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) billing_amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) local_amount: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Card<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cardholder_id: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) status: Lenient<Text<'a>>,
    /// What the mobile SDKs call the status.
    #[serde(borrow, default)]
    pub(super) state: Lenient<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cardholder<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) kyc_status: Lenient<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Settlement<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) date: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub(super) total_balance_due: Amount<'a>,
}

/// `{currency, amount}` in major units; the sign carries the direction.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SignedAmount<'a> {
    #[serde(borrow, default)]
    currency: Option<Text<'a>>,
    #[serde(borrow)]
    amount: Amount<'a>,
}

impl SignedAmount<'_> {
    /// The amount with its sign. A null currency is US dollars, as a partner of Apto's reads it.
    ///
    /// # Errors
    /// The field that is wrong (`currency` or `amount`), and why.
    pub(super) fn money(&self) -> Result<Money, (&'static str, AmountError)> {
        let currency = match &self.currency {
            None => Currency::USD,
            Some(code) => Currency::from_alpha(code.trimmed()).ok_or(("currency", AmountError::UnknownCurrency))?,
        };
        self.amount.money(currency).map_err(|error| ("amount", error))
    }
}

/// How much it is in the merchant's currency, where that is told and another one than the billing's; without its sign. Neither
/// a null currency (which one would it be?) nor a zero tells anything, and what is not understood counts as absent.
pub(super) fn original(local_amount: Option<&RawValue>, billing: Currency) -> Option<Money> {
    let local: SignedAmount<'_> = parse(local_amount?.get().as_bytes()).ok()?;
    local.currency.as_ref()?;
    let original = local.money().ok()?.checked_abs().ok()?;
    (original.currency() != billing && !original.is_zero()).then_some(original)
}

/// A text that the answer repeats as it came: its raw JSON, and what it says.
#[derive(Debug, Clone)]
pub(super) struct Echoed<'a> {
    /// The raw JSON, quotes included.
    pub(super) raw: &'a str,
    text: Text<'a>,
}

impl Echoed<'_> {
    pub(super) fn trimmed(&self) -> &str {
        self.text.trimmed()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Echoed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text = serde_json::from_str(raw).map_err(|_| serde::de::Error::custom("not a text"))?;
        Ok(Echoed { raw, text })
    }
}

/// Whether a field is there at all, whatever it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Present {
    #[default]
    No,
    Yes,
}

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Present::Yes)
    }
}

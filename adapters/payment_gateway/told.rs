//! A slip's text as answers tell it. What is shown again is borrowed from it as it stands there: no answer takes it apart.

use std::borrow::Cow;

use holdfast_core::{Currency, Money};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Kind;
use crate::json::text_in;
use crate::payment::Payment;

/// A value of the text, as it stands there.
pub(super) type Raw<'t> = Option<&'t RawValue>;

/// The text, as far as answers tell of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Text<'t> {
    kind: Option<u8>,
    amount: Option<i64>,
    currency: Option<&'t str>,
    currency_was_sent: bool,
    #[serde(borrow)]
    data: Data<'t>,
    #[serde(borrow)]
    three_d_secure: Raw<'t>,
    metadata_as_written: Option<String>,
}

/// Its `data`.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Data<'t> {
    #[serde(borrow)]
    pub customer_name: Raw<'t>,
    #[serde(borrow)]
    pub description: Raw<'t>,
    #[serde(borrow)]
    pub gateway_id: Raw<'t>,
    #[serde(borrow)]
    pub gratuity: Raw<'t>,
    #[serde(borrow)]
    pub internal_transaction_id: Raw<'t>,
    #[serde(borrow)]
    pub items: Raw<'t>,
    #[serde(borrow)]
    pub metadata: Raw<'t>,
    #[serde(borrow)]
    pub order_number: Raw<'t>,
    #[serde(borrow)]
    pub other_tax: Raw<'t>,
    #[serde(borrow)]
    pub post_settlement_fee_charge: Raw<'t>,
    #[serde(borrow)]
    pub pre_settlement_fee_charge: Raw<'t>,
    #[serde(borrow)]
    pub roc_text_data: Raw<'t>,
    #[serde(borrow)]
    pub sales_tax: Raw<'t>,
    #[serde(borrow)]
    pub service_charge: Raw<'t>,
    #[serde(borrow)]
    pub surcharge_amount: Raw<'t>,
}

/// A further tax.
#[derive(Deserialize)]
struct Tax<'t> {
    #[serde(borrow)]
    name: Raw<'t>,
    #[serde(borrow)]
    amount: Raw<'t>,
}

/// What a payment's slip says, as far as it is there.
pub(super) struct Told<'t> {
    /// The payment's currency.
    pub currency: Currency,
    /// Whether its caller named it.
    pub currency_was_sent: bool,
    /// What was asked for.
    pub amount: i64,
    /// Whether it was to be debited at once.
    pub was_sale: bool,
    /// The rest.
    pub data: Data<'t>,
    /// What became of authenticating the payer.
    pub secured: Raw<'t>,
    /// The metadata as it was written, where its value does not say all of it.
    pub metadata: Option<String>,
}

impl<'t> Told<'t> {
    pub fn of(payment: &'t Payment) -> Self {
        let text = payment.written.as_ref().and_then(|written| serde_json::from_str::<Text<'t>>(&written.text).ok());
        let text = text.unwrap_or_default();
        let approved = payment.approved();
        let currency = text.currency.and_then(Currency::from_alpha);
        Told {
            currency: currency.or(approved.map(Money::currency)).unwrap_or(Currency::USD),
            currency_was_sent: text.currency_was_sent,
            amount: text.amount.or(approved.map(Money::minor)).unwrap_or(0),
            was_sale: text.kind == Some(Kind::Sale.number()),
            data: text.data,
            secured: text.three_d_secure,
            metadata: text.metadata_as_written,
        }
    }

    /// Further taxes by their names.
    pub fn other_taxes(&self) -> Vec<(Cow<'t, str>, i64)> {
        let taxes = self.data.other_tax.and_then(|taxes| serde_json::from_str::<Vec<Tax<'t>>>(taxes.get()).ok());
        let taxes = taxes.unwrap_or_default().into_iter();
        taxes.filter_map(|tax| Some((text(tax.name)?, self.read(tax.amount)?))).collect()
    }

    /// An amount; nothing is 0.
    pub fn minor(&self, amount: Raw<'_>) -> i64 {
        self.read(amount).unwrap_or(0)
    }

    fn read(&self, amount: Raw<'_>) -> Option<i64> {
        Money::from_decimal(&text(amount)?, self.currency).ok().map(Money::minor)
    }
}

/// The text that a value is.
pub(super) fn text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    text_in(raw?.get())
}

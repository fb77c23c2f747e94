//! What a receipt says of a payment: what it is, and which amounts it prints.

use std::borrow::Cow;

use holdfast_core::{Currency, Decision};

use super::fields::decimal;
use super::receipt::{self, Receipts};
use super::told::{Told, text};
use super::{order, standing};
use crate::payment::{CardBrand, Payment, Standing};

/// What an answer knows already.
pub(super) struct Line<'a> {
    /// The payment's number.
    pub number: &'a str,
    /// When, by the merchant's clock.
    pub at: &'a str,
    /// What is answered.
    pub dialect: u8,
}

/// Prints its receipts.
pub(super) fn print(payment: &Payment, told: &Told<'_>, line: &Line<'_>) -> Receipts {
    let seen = payment.written.as_ref().map(|written| &written.seen);
    let brand = |brand: CardBrand| brand.name().to_uppercase();
    let card = seen.and_then(|seen| Some(format!("{} {}", brand(seen.brand?), seen.last_four.as_deref()?)));
    let transaction = title(payment, told, line.dialect);
    let (order, description) = (text(told.data.order_number), text(told.data.description));
    let slip = receipt::Slip {
        merchant: seen.map_or("", |seen| seen.merchant_name.as_str()),
        address: seen.map_or(&[], |seen| seen.address.as_slice()),
        phone: seen.and_then(|seen| seen.phone.as_deref()),
        at: line.at,
        transaction,
        number: line.number,
        order: order.as_deref(),
        description: description.as_deref(),
        card,
        bill: &bill(payment, told, transaction),
        result: match payment.standing {
            Standing::Decided(Decision::Approve { .. }) => "APPROVED",
            Standing::Decided(Decision::Decline { .. }) | Standing::Unauthenticated => "DECLINED",
            Standing::Awaiting { .. } => "PENDING",
        },
    };
    receipt::print(&slip)
}

/// What a receipt is of: what was just done, or what the payment is by now.
fn title(payment: &Payment, told: &Told<'_>, dialect: u8) -> &'static str {
    match order::transaction(dialect) {
        "AUTH" if standing::is_sale(payment, told) => "SALE",
        "AUTH" if dialect == order::SHOWN => match standing::state(payment, told) {
            "captured" | "refunded" | "partially_refunded" => "CAPTURE",
            "voided" => "VOID",
            "expired" => "AUTH EXPIRED",
            _ => "AUTH",
        },
        transaction => transaction,
    }
}

/// The lines with amounts. A capture of less has no taxes of its own: nobody said how they are shared.
fn bill<'t>(payment: &Payment, told: &Told<'t>, transaction: &str) -> Vec<(Cow<'t, str>, String)> {
    let hold = payment.hold;
    let so_far = |transaction| match transaction {
        "CAPTURE" => hold.map(|hold| standing::taken(&hold)),
        "REFUND" => payment.ordered.map(|ordered| ordered.minor()).or(hold.map(|hold| hold.refunded)),
        _ => None,
    };
    let total = so_far(transaction).unwrap_or(told.amount);
    let mut bill = Vec::new();
    let mut line = |name, minor| bill.push((name, printed(minor, told.currency)));
    if total == told.amount && transaction != "REFUND" {
        let parts = parts(told);
        let on_top = parts.iter().fold(0_i64, |sum, (_, minor)| sum.saturating_add(*minor));
        line(Cow::Borrowed("SUBTOTAL"), told.amount.saturating_sub(on_top).max(0));
        parts.into_iter().for_each(|(name, minor)| line(name, minor));
    } else {
        line(Cow::Borrowed("AUTHORIZED"), told.amount);
    }
    line(Cow::Borrowed("TOTAL"), total);
    match hold {
        Some(hold) if hold.refunded > 0 && transaction != "REFUND" => line(Cow::Borrowed("REFUNDED"), hold.refunded),
        Some(_) | None => {}
    }
    bill
}

/// What the amount includes, as far as it was told.
fn parts<'t>(told: &Told<'t>) -> Vec<(Cow<'t, str>, i64)> {
    let parts = [
        ("SALES TAX", told.data.sales_tax),
        ("GRATUITY", told.data.gratuity),
        ("SERVICE CHARGE", told.data.service_charge),
        ("SURCHARGE", told.data.surcharge_amount),
    ];
    let parts = parts.map(|(name, amount)| (Cow::Borrowed(name), told.minor(amount))).into_iter().filter(|(_, minor)| *minor > 0);
    parts.chain(told.other_taxes()).collect()
}

/// An amount: with the dollar's sign where it is in dollars of the United States, as the interface's own example has it.
fn printed(minor: i64, currency: Currency) -> String {
    let sign = if currency == Currency::USD { "$" } else { "" };
    format!("{} {sign}{}", currency.code(), decimal(minor, currency))
}

//! What a receipt says of a payment: what it is, and which amounts it prints.

use holdfast_core::{Currency, Decision};

use super::answer::Told;
use super::fields::decimal;
use super::receipt::{self, Copy};
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

/// Prints a receipt.
pub(super) fn print(payment: &Payment, told: &Told, line: &Line<'_>, copy: Copy) -> String {
    let seen = payment.written.as_ref().map(|written| &written.seen);
    let brand = |brand: CardBrand| brand.name().to_uppercase();
    let card = seen.and_then(|seen| Some(format!("{} {}", brand(seen.brand?), seen.last_four.as_deref()?)));
    let transaction = title(payment, line.dialect);
    let slip = receipt::Slip {
        merchant: seen.map_or("", |seen| seen.merchant_name.as_str()),
        address: seen.map_or(&[], |seen| seen.address.as_slice()),
        phone: seen.and_then(|seen| seen.phone.as_deref()),
        at: line.at,
        transaction,
        number: line.number,
        order: told.text("order_number"),
        description: told.text("description"),
        card,
        bill: &bill(payment, told, transaction),
        result: match payment.standing {
            Standing::Decided(Decision::Approve { .. }) => "APPROVED",
            Standing::Decided(Decision::Decline { .. }) | Standing::Unauthenticated => "DECLINED",
            Standing::Awaiting { .. } => "PENDING",
        },
    };
    receipt::print(&slip, copy)
}

/// What a receipt is of: what was just done, or what the payment is by now.
fn title(payment: &Payment, dialect: u8) -> &'static str {
    match order::transaction(dialect) {
        "AUTH" if standing::is_sale(payment) => "SALE",
        "AUTH" if dialect == order::SHOWN => match standing::state(payment) {
            "captured" | "refunded" | "partially_refunded" => "CAPTURE",
            "voided" => "VOID",
            "expired" => "AUTH EXPIRED",
            _ => "AUTH",
        },
        transaction => transaction,
    }
}

/// The lines with amounts. A capture of less has no taxes of its own: nobody said how they are shared.
fn bill<'t>(payment: &Payment, told: &'t Told, transaction: &str) -> Vec<(&'t str, String)> {
    let money = |minor| printed(minor, told.currency);
    let hold = payment.hold;
    let so_far = |transaction| match transaction {
        "CAPTURE" => hold.map(|hold| standing::taken(&hold)),
        "REFUND" => payment.ordered.map(|ordered| ordered.minor()).or(hold.map(|hold| hold.refunded)),
        _ => None,
    };
    let total = so_far(transaction).unwrap_or(told.amount);
    let mut bill = Vec::new();
    if total == told.amount && transaction != "REFUND" {
        let parts = parts(told);
        let on_top = parts.iter().fold(0_i64, |sum, (_, minor)| sum.saturating_add(*minor));
        bill.push(("SUBTOTAL", money(told.amount.saturating_sub(on_top).max(0))));
        bill.extend(parts.iter().map(|(name, minor)| (*name, money(*minor))));
    } else {
        bill.push(("AUTHORIZED", money(told.amount)));
    }
    bill.push(("TOTAL", money(total)));
    match hold {
        Some(hold) if hold.refunded > 0 && transaction != "REFUND" => bill.push(("REFUNDED", money(hold.refunded))),
        Some(_) | None => {}
    }
    bill
}

/// What the amount includes, as far as it was told.
fn parts(told: &Told) -> Vec<(&str, i64)> {
    let parts = [
        ("SALES TAX", "sales_tax"),
        ("GRATUITY", "gratuity"),
        ("SERVICE CHARGE", "service_charge"),
        ("SURCHARGE", "surcharge_amount"),
    ];
    let parts = parts.iter().map(|(name, field)| (*name, told.minor(field))).filter(|(_, minor)| *minor > 0);
    parts.chain(told.other_taxes()).collect()
}

/// An amount: with the dollar's sign where it is in dollars of the United States, as the interface's own example has it.
fn printed(minor: i64, currency: Currency) -> String {
    let sign = if currency == Currency::USD { "$" } else { "" };
    format!("{} {sign}{}", currency.code(), decimal(minor, currency))
}

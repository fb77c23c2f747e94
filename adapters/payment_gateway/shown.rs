//! A payment as answers and events show it. Members stand in the order of their names.

use holdfast_core::Decision;
use serde::Serialize;
use serde_json::value::RawValue;

use super::fields::decimal;
use super::told::{Raw, Told};
use super::{bill, names, order, reasons, receipt, standing};
use crate::payment::{CardBrand, Payment, Standing};

/// A payment.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    /// Whose it is, if anybody's; only events say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Option<&'a str>>,
    pub auth_response: AuthResponse<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_id: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_transaction_id: Raw<'a>,
    pub merchant_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_number: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roc_text_data: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales_tax: Raw<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<standing::Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub three_d_secure: Option<Secured<'a>>,
    pub token: &'a str,
    pub transaction_id: String,
}

/// How far authenticating the payer has come.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Secured<'a> {
    /// It is waited for.
    Awaited { expires_at: String },
    /// What became of it.
    Result(&'a RawValue),
}

/// What was answered.
#[derive(Serialize)]
pub(super) struct AuthResponse<'a> {
    address_verification_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_code: Option<String>,
    card_holder_verification_code: &'static str,
    card_type: Option<&'static str>,
    customer_receipt: String,
    host_reference_number: String,
    /// None where nobody was asked.
    #[serde(skip_serializing_if = "str::is_empty")]
    host_response_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Raw<'a>,
    masked_card_number: Option<&'a str>,
    merchant_receipt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_payout_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_settlement_amount: Option<String>,
    partial_payment: bool,
    processed_amount: String,
    response_code: &'static str,
    response_message: &'static str,
    status: &'static str,
    task_id: String,
    total_amount: String,
    transaction_amount: String,
    transaction_id: String,
    transaction_timestamp: String,
}

/// A payment as an answer shows it.
pub(super) fn shown<'a>(payment: &'a Payment, told: &Told<'a>, dialect: u8) -> Shown<'a> {
    let Told { data, secured, .. } = told;
    Shown {
        account_id: None,
        auth_response: auth_response(payment, told, dialect),
        currency_code: told.currency_was_sent.then(|| told.currency.code()),
        customer_name: data.customer_name,
        description: data.description,
        gateway_id: None,
        id: Some(payment.id.as_str()),
        internal_transaction_id: data.internal_transaction_id,
        merchant_id: payment.merchant.as_str(),
        // As it was written it stands behind everything else.
        metadata: data.metadata.filter(|_| told.metadata.is_none()),
        order_number: data.order_number,
        payment_id: None,
        roc_text_data: data.roc_text_data,
        sales_tax: None,
        standing: Some(standing::shown(payment, told)),
        three_d_secure: match payment.standing {
            Standing::Awaiting { until } => Some(Secured::Awaited { expires_at: until.to_string() }),
            Standing::Decided(_) | Standing::Unauthenticated => secured.map(Secured::Result),
        },
        token: payment.source.as_str(),
        transaction_id: names::uuid(&payment.id, "transaction"),
    }
}

fn auth_response<'a>(payment: &'a Payment, told: &Told<'a>, dialect: u8) -> AuthResponse<'a> {
    let approved = payment.approved();
    let (status, (code, message, host_code)) = match payment.standing {
        Standing::Decided(Decision::Approve { .. }) => ("PASS", reasons::SUCCESS),
        Standing::Decided(Decision::Decline { reason }) => ("FAIL", reasons::declined(reason)),
        Standing::Awaiting { .. } => ("PENDING_3DSAUTH", reasons::AWAITING),
        Standing::Unauthenticated => ("FAIL", reasons::UNAUTHENTICATED),
    };
    let (captured, refunded) = payment.hold.map_or((0, 0), |hold| (standing::taken(&hold), hold.refunded));
    let processed = approved.map_or(0, |approved| order::processed(dialect, approved, captured, refunded));
    let seen = payment.written.as_ref().map(|written| &written.seen);
    let (at, printed_at) = receipt::local(payment.changed_at, seen.map_or("UTC", |seen| seen.time_zone.as_str()));
    let number = names::digits(&payment.id, "transaction", 8);
    let receipts = bill::print(payment, told, &bill::Line { number: &number, at: &printed_at, dialect });
    let decimals = |minor| decimal(minor, told.currency);
    let net = net(payment, told, dialect);
    AuthResponse {
        address_verification_code: seen.map_or("U", |seen| reasons::address_code(seen.address_verification)),
        auth_code: approved.map(|_| names::digits(&payment.id, "authorization", 6)),
        card_holder_verification_code: seen.map_or("U", |seen| reasons::security_code(seen.security_code_verification)),
        card_type: seen.and_then(|seen| seen.brand).map(CardBrand::name),
        customer_receipt: receipts.customer,
        host_reference_number: names::digits(&payment.id, "host", 12),
        host_response_code: host_code,
        items: told.data.items,
        masked_card_number: seen.and_then(|seen| seen.last_four.as_deref()),
        merchant_receipt: receipts.merchant,
        net_payout_amount: net.map(|(_, paid_out)| decimals(paid_out)),
        net_settlement_amount: net.map(|(settled, _)| decimals(settled)),
        partial_payment: false,
        processed_amount: decimals(processed),
        response_code: code,
        response_message: message,
        status,
        task_id: names::digits(&payment.id, "task", 8),
        total_amount: decimals(told.amount),
        transaction_amount: decimals(told.amount),
        transaction_id: number,
        transaction_timestamp: at,
    }
}

/// What the merchant is to be paid where there are fees: settled less the first one, paid out less both. The customer pays all of it.
/// Fees are amounts and no rates: a capture of less pays them whole, as far as it reaches. A refund gives none of them back; once there is
/// one nothing is told: it is a settlement of its own, and what was paid before it is not what is to be paid.
fn net(payment: &Payment, told: &Told<'_>, dialect: u8) -> Option<(i64, i64)> {
    let (before, after) = (told.minor(told.data.pre_settlement_fee_charge), told.minor(told.data.post_settlement_fee_charge));
    let is_refunded = payment.hold.is_some_and(|hold| hold.refunded > 0);
    if (before == 0 && after == 0) || is_refunded || matches!(order::transaction(dialect), "VOID" | "REFUND") {
        return None;
    }
    let approved = payment.approved().map_or(0, |approved| approved.minor());
    let gross = match payment.hold {
        None => approved,
        Some(hold) if standing::taken(&hold) > 0 => standing::taken(&hold),
        Some(hold) => standing::open(&hold, approved),
    };
    let settled = gross.saturating_sub(before).max(0);
    Some((settled, settled.saturating_sub(after).max(0)))
}

//! What a transaction is, as far as money is concerned: its `type`, and where that is new, its method.
//!
//! Sources: Marqeta OpenAPI, CoreAPI 3.0.40, schemas `transaction_model` and `jit_funding_api`; "Event Types".

use holdfast_core::hold::MovementCause;
use holdfast_core::{AuthorizationKind, Posting};

use super::method::Method;
use super::wire::{JitFunding, Transaction, text_of};

/// What a transaction is, as far as money is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// We were asked, or somebody who stood in for us; PENDING is an approval.
    Asked(Posting),
    /// We were asked whether money may come; only a decline is news.
    AskedToCredit,
    /// Money that came with the message that asked.
    CreditedAtOnce,
    Advice,
    Reversal,
    Expiry,
    Clearing,
    /// Refunds and cleared credits.
    Refund,
    /// Neither a clearing nor a refund; the sign tells the direction, and where there is none, this does.
    /// Which way, where its name says so: a signed amount says it better.
    Movement(MovementCause, Option<Direction>),
    /// Moves nothing.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
}

/// By type; by method where a bill is paid (its types are not told reliably) and where the type is new.
pub(super) fn of(transaction: &Transaction<'_>, jit: Option<&JitFunding<'_>>) -> Option<Family> {
    let method = jit.and_then(|jit| jit.method).and_then(text_of);
    let method = method.as_deref().unwrap_or_default();
    let by_method = || family_of_method(method);
    if method.starts_with("pgfs.billpayment") {
        return by_method();
    }
    let by_type = transaction.kind.text().and_then(family_of_type);
    match (by_type, Method::of(method)) {
        // The method knows better whether the money is held or debited.
        (Some(Family::Asked(_)), Method::Decide { posting, .. }) => Some(Family::Asked(posting)),
        (Some(family), _) => Some(family),
        (None, _) => by_method(),
    }
}

fn family_of_type(name: &str) -> Option<Family> {
    Some(match name {
        "authorization"
        | "authorization.atm.withdrawal"
        | "authorization.cashback"
        | "authorization.incremental"
        | "authorization.quasi.cash"
        | "authorization.standin"
        | "pindebit.authorization" => Family::Asked(Posting::Hold),
        "pindebit" | "pindebit.atm.withdrawal" | "pindebit.cashback" | "pindebit.quasi.cash" => Family::Asked(Posting::Immediate),
        "authorization.advice" => Family::Advice,
        "authorization.reversal" | "pindebit.authorization.reversal" => Family::Reversal,
        "authorization.reversal.issuerexpiration" | "pindebit.authorization.reversal.issuerexpiration" => Family::Expiry,
        "authorization.clearing"
        | "authorization.clearing.atm.withdrawal"
        | "authorization.clearing.cashback"
        | "authorization.clearing.quasi.cash"
        | "pindebit.authorization.clearing" => Family::Clearing,
        "refund" | "refund.authorization.clearing" | "pindebit.refund" | "original.credit.authorization.clearing" => {
            Family::Refund
        }
        "original.credit.auth_plus_capture" => Family::CreditedAtOnce,
        "original.credit.authorization" => Family::AskedToCredit,
        "refund.authorization"
        | "refund.authorization.reversal"
        | "original.credit.authorization.reversal"
        | "balanceinquiry"
        | "pindebit.balanceinquiry"
        | "transit.offer" => Family::Nothing,
        // With an amount it was held.
        "product.inquiry" => Family::Asked(Posting::Hold),
        _ => return family_of_prefix(name),
    })
}

/// Not here: `gpa.credit` and `gpa.debit`. They move Marqeta's own account, also for each funding that we approve; ours moves only
/// where their method says so.
fn family_of_prefix(name: &str) -> Option<Family> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if begins(&["authorization.clearing.chargeback", "pindebit.chargeback", "dispute."]) {
        Some(Family::Movement(MovementCause::Dispute, direction_of(name)))
    } else if begins(&["directdeposit.", "adjustment"]) {
        Some(Family::Movement(MovementCause::Funding, direction_of(name)))
    } else if begins(&["fee."]) {
        Some(Family::Movement(MovementCause::Fee, direction_of(name)))
    } else if begins(&["authorization.pin.", "pin.change.", "token."]) {
        Some(Family::Nothing)
    } else {
        None
    }
}

/// What a name says where there is no signed amount. There are more names than are documented, of which nothing is guessed.
fn direction_of(name: &str) -> Option<Direction> {
    match name {
        "authorization.clearing.chargeback"
        | "authorization.capture.chargeback"
        | "pindebit.chargeback"
        | "dispute.credit"
        | "directdeposit.credit"
        | "directdeposit.debit.reversal"
        | "adjustment.credit"
        | "fee.charge.reversal" => Some(Direction::In),
        "authorization.clearing.chargeback.reversal"
        | "authorization.capture.chargeback.reversal"
        | "pindebit.chargeback.reversal"
        | "dispute.debit"
        | "directdeposit.debit"
        | "directdeposit.credit.reversal"
        | "adjustment.debit"
        | "fee.charge" => Some(Direction::Out),
        _ => None,
    }
}

fn family_of_method(method: &str) -> Option<Family> {
    let bare = method.strip_prefix("pgfs.").unwrap_or(method);
    Some(match bare {
        "authorization.capture"
        | "authorization.clearing"
        | "authorization.clearing.quasi.cash"
        | "atm.clearing.withdrawal"
        | "force_capture"
        | "pindebit.authorization.clearing" => Family::Clearing,
        "authorization.advice" => Family::Advice,
        "authorization.reversal" | "pindebit.authorization.reversal" | "billpayment.reversal" => Family::Reversal,
        "authorization.standin" => Family::Asked(Posting::Hold),
        "auth_plus_capture.standin" => Family::Asked(Posting::Immediate),
        "refund" | "refund.authorization.clearing" | "pindebit.refund" | "original.credit.authorization.clearing" => {
            Family::Refund
        }
        "refund.authorization" | "refund.authorization.reversal" | "original.credit.authorization.reversal" => Family::Nothing,
        "authorization.capture.chargeback"
        | "pindebit.chargeback"
        | "dispute.credit"
        | "authorization.capture.chargeback.reversal"
        | "pindebit.chargeback.reversal"
        | "dispute.debit" => Family::Movement(MovementCause::Dispute, direction_of(bare)),
        "directdeposit.credit"
        | "directdeposit.debit"
        | "directdeposit.credit.reversal"
        | "directdeposit.debit.reversal"
        | "adjustment.credit"
        | "adjustment.debit" => Family::Movement(MovementCause::Funding, direction_of(bare)),
        "original.credit.auth_plus_capture" => Family::CreditedAtOnce,
        _ => match Method::of(method) {
            Method::Decide { kind: AuthorizationKind::Credit, .. } => Family::AskedToCredit,
            Method::Decide { kind: AuthorizationKind::BalanceInquiry, .. } => Family::Nothing,
            Method::Decide { posting, .. } => Family::Asked(posting),
            Method::Answered | Method::Informative | Method::Unknown => return None,
        },
    })
}

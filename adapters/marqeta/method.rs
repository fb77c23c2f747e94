//! `jit_funding.method`: which messages are decided, which are only noted.
//!
//! Source: Marqeta OpenAPI, CoreAPI 3.0.40, schema `jit_funding_api.method` (the complete list). Which are actionable:
//! Marqeta, "Transaction Data for JIT Funding Decisions"; the finer-grained twins of those are taken to be so too.

use holdfast_core::{AuthorizationKind, Posting};

/// What a method asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Approve or deny.
    Decide {
        /// As the method says it; what else is in the message may say it more precisely ([`super::jit`]).
        kind: AuthorizationKind,
        /// How an approved amount leaves the account.
        posting: Posting,
    },
    /// Marqeta's list does not say whether `pgfs.refund.authorization` waits for an answer: it is answered, and moves nothing.
    Answered,
    /// It happened; answered with 200 and treated as a notification.
    Informative,
    /// Not in the list.
    Unknown,
}

impl Method {
    /// By the name on the wire.
    pub fn of(name: &str) -> Self {
        use AuthorizationKind as Kind;
        let held = |kind| Method::Decide { kind, posting: Posting::Hold };
        let debited = |kind| Method::Decide { kind, posting: Posting::Immediate };
        match name {
            "pgfs.authorization" | "pgfs.pindebit.authorization" => held(Kind::Purchase),
            "pgfs.authorization.incremental" => held(Kind::Incremental),
            "pgfs.authorization.account_verification" | "pgfs.product.inquiry" => held(Kind::AccountVerification),
            "pgfs.authorization.cashback" => held(Kind::PurchaseWithCashback),
            "pgfs.authorization.quasi.cash" => held(Kind::QuasiCash),
            "pgfs.atm.withdrawal" => held(Kind::CashWithdrawal),
            "pgfs.billpayment" => held(Kind::BillPayment),

            "pgfs.auth_plus_capture" | "pgfs.pindebit" => debited(Kind::Purchase),
            "pgfs.pindebit.cashback" => debited(Kind::PurchaseWithCashback),
            "pgfs.pindebit.atm.withdrawal" => debited(Kind::CashWithdrawal),
            "pgfs.pindebit.quasi.cash" => debited(Kind::QuasiCash),
            "pgfs.billpayment.capture" => debited(Kind::BillPayment),

            "pgfs.balanceinquiry" | "pgfs.pindebit.balanceinquiry" => held(Kind::BalanceInquiry),

            // Money that comes leaves no account, now or later: the decision moves nothing, the notification credits.
            "pgfs.original.credit.authorization" | "pgfs.original.credit.auth_plus_capture" | "pgfs.network.load" => {
                held(Kind::Credit)
            }

            "pgfs.refund.authorization" => Method::Answered,
            name if INFORMATIVE.contains(&name) => Method::Informative,
            _ => Method::Unknown,
        }
    }
}

/// What only tells us.
pub(super) const INFORMATIVE: &[&str] = &[
    "pgfs.adjustment.credit",
    "pgfs.adjustment.debit",
    "pgfs.atm.clearing.withdrawal",
    "pgfs.auth_plus_capture.standin",
    "pgfs.authorization.advice",
    "pgfs.authorization.capture",
    "pgfs.authorization.capture.chargeback",
    "pgfs.authorization.capture.chargeback.reversal",
    "pgfs.authorization.clearing",
    "pgfs.authorization.clearing.quasi.cash",
    "pgfs.authorization.reversal",
    "pgfs.authorization.standin",
    "pgfs.billpayment.reversal",
    "pgfs.directdeposit.credit",
    "pgfs.directdeposit.credit.reversal",
    "pgfs.directdeposit.debit",
    "pgfs.directdeposit.debit.reversal",
    "pgfs.dispute.credit",
    "pgfs.dispute.debit",
    "pgfs.force_capture",
    "pgfs.original.credit.authorization.clearing",
    "pgfs.original.credit.authorization.reversal",
    "pgfs.pindebit.authorization.clearing",
    "pgfs.pindebit.authorization.reversal",
    "pgfs.pindebit.chargeback",
    "pgfs.pindebit.chargeback.reversal",
    "pgfs.pindebit.refund",
    "pgfs.refund",
    "pgfs.refund.authorization.clearing",
    "pgfs.refund.authorization.reversal",
];

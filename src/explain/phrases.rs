//! What was asked, answered and told, each as one plain sentence.

use holdfast_core::agent::{Governed, Weight};
use holdfast_core::hold::{Fact, Finality, Finding, MovementCause, Order, RecordedOutcome, ReleaseCause, ToldAnswer};
use holdfast_core::rules::Ways;
use holdfast_core::stand_in::Silence;
use holdfast_core::{
    AuthorizationKind, AuthorizationRequest, Basis, Checkout, CrossBorder, Currency, Decision, EntryMode, Money, Monitoring,
    Posting, StandInBasis, StandInBy, StandInCause, ThreeDSecure, Wallet,
};

use crate::journal::Side;

/// `a purchase of 27.35 USD with card card-demo-1 of user-demo-1 at a merchant of category 5411 in USA (mid 123), by chip`.
pub fn question(request: &AuthorizationRequest) -> String {
    let mut text = format!("{} of {}", kind(request.kind), request.amount);
    if let Some(original) = request.original {
        text.push_str(&format!(" ({original} to the merchant)"));
    }
    if let Some(card) = &request.card {
        text.push_str(&format!(" with card {card}"));
    }
    if let Some(cardholder) = &request.cardholder {
        text.push_str(&format!(" of cardholder {cardholder}"));
    }
    let merchant = &request.merchant;
    text.push_str(", at a merchant");
    if let Some(mcc) = merchant.mcc {
        text.push_str(&format!(" of category {mcc}"));
    }
    if let Some(country) = merchant.country {
        text.push_str(&format!(" in {country}"));
    }
    if let Some(id) = &merchant.id {
        text.push_str(&format!(" (acceptor {id})"));
    }
    text.push_str(entered(request.entry_mode));
    match request.wallet {
        Wallet::Token => text.push_str(", from a wallet"),
        Wallet::None => {}
    }
    match request.cross_border {
        CrossBorder::Yes => text.push_str(", across a border"),
        CrossBorder::No | CrossBorder::NotTold => {}
    }
    match request.posting {
        Posting::Immediate => text.push_str(", to be debited at once"),
        Posting::Hold => {}
    }
    if let Some(network) = &request.network {
        text.push_str(&format!(", over {network}"));
    }
    text
}

fn kind(kind: AuthorizationKind) -> &'static str {
    match kind {
        AuthorizationKind::Purchase => "a purchase",
        AuthorizationKind::PurchaseWithCashback => "a purchase with cashback",
        AuthorizationKind::CashWithdrawal => "a cash withdrawal",
        AuthorizationKind::QuasiCash => "a quasi-cash purchase",
        AuthorizationKind::BillPayment => "a bill payment",
        AuthorizationKind::AccountVerification => "an account verification",
        AuthorizationKind::Incremental => "an addition to the payment",
        AuthorizationKind::Credit => "a credit to the card",
        AuthorizationKind::BalanceInquiry => "a balance inquiry",
        AuthorizationKind::Unknown => "something that this version does not know",
    }
}

fn entered(mode: EntryMode) -> &'static str {
    match mode {
        EntryMode::Chip => ", by chip",
        EntryMode::Contactless => ", contactless",
        EntryMode::MagneticStripe => ", by magnetic stripe",
        EntryMode::Keyed => ", keyed in",
        EntryMode::Ecommerce => ", online",
        EntryMode::CardOnFile => ", by a card on file",
        EntryMode::Recurring => ", as a recurring payment",
        EntryMode::Unknown => ", presented in a way that was not told",
    }
}

/// `approved for 27.35 USD`, `declined: insufficient funds`.
pub fn answer(decision: &Decision) -> String {
    match decision {
        Decision::Approve { amount } => format!("approved for {amount}"),
        Decision::Decline { reason } => format!("declined: {}", reason.name().replace('_', " ")),
    }
}

/// `The platform had heard: approved for 10.00 USD`, of an answer that was told without the ledger; or that it heard nothing.
pub fn heard(told: &ToldAnswer) -> String {
    let decision = told.decision();
    match Silence::of(&decision) {
        None => format!("The platform had heard: {}", answer(&decision)),
        Some(Silence::Unavailable) => "The platform had heard nothing: it was left to it, with the status 503".to_owned(),
        Some(Silence::NoAnswer) => "The platform had heard nothing: it was left to it, and the connection closed".to_owned(),
    }
}

/// Under whose authority it was asked.
pub fn governed(governed: &Governed) -> String {
    let mut text = match &governed.authority {
        Some(authority) => format!("It was asked under spending authority {authority} ({})", governed.mode.name()),
        None => "Nothing led to a spending authority".to_owned(),
    };
    if let Some(binding) = &governed.binding {
        text.push_str(&format!(", by binding {binding}"));
    }
    if let Some(version) = &governed.policy {
        text.push_str(&format!(", with policy {} (version {:.12})", version.policy, version.hash));
    }
    if let Some(intent) = &governed.intent {
        text.push_str(&format!(", for intent {intent}"));
    }
    if let Some(processor) = &governed.asked_by {
        text.push_str(&format!(", by processor {processor}"));
    }
    if let Some(would) = governed.would {
        text.push_str(&format!("; in enforce it would have been declined: {}", would.name().replace('_', " ")));
    }
    match governed.weight {
        Weight::Moves | Weight::Joins => {}
        Weight::Preview => text.push_str("; its money moves at another door, so that nothing moved here"),
    }
    text
}

/// On what grounds.
pub fn basis(basis: &Basis) -> String {
    match basis {
        Basis::Rule(rule) => format!("by rule {rule}"),
        Basis::Limit(limit) => format!("by limit {limit}"),
        Basis::Ledger => "by the ledger, on standing and funds".to_owned(),
        Basis::Replay => "as before".to_owned(),
        Basis::StandIn(cause) => format!("by stand-in, because {}", stand_in(*cause)),
        Basis::StandInTable(StandInBasis { cause, by, table }) => {
            format!("by stand-in ({}, table {table:.12}), because {}", stood_in_by(by), stand_in(*cause))
        }
    }
}

/// What in a stand-in table decided.
fn stood_in_by(by: &StandInBy) -> String {
    match by {
        StandInBy::Standing => "before its rows: standing as last known".to_owned(),
        StandInBy::Rule(rule) => format!("before its rows: rule {rule}"),
        StandInBy::NoVerdict => "before its rows: no word of the rules".to_owned(),
        StandInBy::Row(row) => format!("row {row}"),
        StandInBy::NoRow => "no row applies".to_owned(),
        StandInBy::Cap(cap) => format!("cap {cap}"),
        StandInBy::Full => "as many approvals are counted as there is room for".to_owned(),
        StandInBy::ModeDecline => "mode decline".to_owned(),
        StandInBy::ModeApprove => "mode approve".to_owned(),
        StandInBy::ModeDrop => "mode drop".to_owned(),
    }
}

fn stand_in(cause: StandInCause) -> &'static str {
    match cause {
        StandInCause::Starting => "the ledger was still starting",
        StandInCause::DeadlinePassed => "the ledger had not answered in time",
        StandInCause::LedgerUnavailable => "the ledger could not answer",
        StandInCause::Overloaded => "more was in flight than is taken on",
        StandInCause::Panicked => "of a bug that was caught",
        StandInCause::Switched => "an operator had switched to it",
    }
}

/// What was told.
pub fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Recorded { outcome, increments, .. } => {
            let what = if increments.is_some() { "the addition" } else { "the authorization" };
            format!("recorded {what} {}", recorded(outcome))
        }
        Fact::Reduced { by, original: Some(original), .. } => format!("reversed {by} of it ({original} to the merchant)"),
        Fact::Reduced { by, original: None, .. } => format!("reversed {by} of it"),
        Fact::Replaced { total, .. } => format!("advised that it is {total} in total"),
        Fact::Released { cause, .. } => released(*cause).to_owned(),
        Fact::Captured { amount, finality, .. } => format!("cleared {amount}{}", last(*finality)),
        Fact::Completed { amount, .. } => format!("completed it at {amount}"),
        Fact::Credited { amount, cause: MovementCause::NetworkSettlement, .. } => format!("refunded {amount}"),
        Fact::Credited { amount, cause, .. } => format!("credited {amount} ({})", self::cause(*cause)),
        Fact::Debited { amount, cause, .. } => format!("debited {amount} ({})", self::cause(*cause)),
        Fact::Card { status, .. } => format!("set the card {}", status.name()),
        Fact::Cardholder { status, .. } => format!("set the cardholder {}", status.name()),
        Fact::Account { status, .. } => format!("set the account {}", status.name()),
        Fact::SettlementAnnounced { total } => format!("announced a settlement of {total}"),
    }
}

fn recorded(outcome: &RecordedOutcome) -> String {
    match outcome {
        RecordedOutcome::Approved { amount } => format!("as approved, for {amount}"),
        RecordedOutcome::ApprovedByStandIn { amount, .. } => format!("as approved in our stead, for {amount}"),
        RecordedOutcome::Declined => "as declined".to_owned(),
    }
}

fn released(cause: ReleaseCause) -> &'static str {
    match cause {
        ReleaseCause::Reversed => "reversed all of it",
        ReleaseCause::Expired => "let it expire",
        ReleaseCause::Operator => "released it",
        ReleaseCause::Declined => "declined it after all",
        ReleaseCause::SafetyTimer => "never told how it ended: released after the longest time",
    }
}

fn last(finality: Finality) -> &'static str {
    match finality {
        Finality::Final => ", the last time",
        Finality::More => ", more may come",
    }
}

/// What a movement is balanced against.
pub fn cause(cause: MovementCause) -> &'static str {
    match cause {
        MovementCause::NetworkSettlement => "network settlement",
        MovementCause::Funding => "funding",
        MovementCause::Fee => "fee",
        MovementCause::Dispute => "dispute",
        MovementCause::StandInLoss => "stand-in loss",
    }
}

/// What was ordered.
pub fn order(order: &Order) -> String {
    match order {
        Order::Capture { amount, finality } => format!("a capture of {amount}{}", last(*finality)),
        Order::Release => "the release of what is held".to_owned(),
        Order::Refund { amount } => format!("a refund of {amount}"),
    }
}

/// What became of what was told of an increment.
pub const fn reassigned(side: Side) -> &'static str {
    match side {
        Side::Gives => "does not count here any more: the platform says it, or asks it, of another payment",
        Side::Takes => "counts here from now on: the platform says it, or asks it, of this payment",
    }
}

/// What somebody should know.
pub fn finding(finding: Finding) -> &'static str {
    match finding {
        Finding::HeardBefore => "It had come before: nothing was done.",
        Finding::Conflict => "The same key had come before with something else: nothing was done.",
        Finding::PaymentUnknown => "Nothing was known to be held for the payment that could be let go.",
        Finding::ForcePosted => "It was debited without an authorization of ours.",
        Finding::CapturedAboveAuthorized => "It is more than was authorized and tolerated; it posts in full all the same.",
        Finding::CapturedAfterEnd => "Its hold was over; it posts in full all the same.",
        Finding::AdoptedOverOurs => "The platform's word differs from ours, and counts.",
        Finding::AccountUnknown => "It led to no account: kept, and moved nothing.",
        Finding::CurrencyMismatch => "It is in another currency than the account: kept, and moved nothing.",
        Finding::AmountTooLarge => "It is beyond what can be counted: kept, and moved nothing.",
        Finding::ApprovedBefore => "The question had been told yes before, and that stays.",
        Finding::Superseded => {
            "A newer message, or one that this cannot undo, told of this standing before: nothing was changed."
        }
        Finding::NeverEnded => "What it held was let go because the platform never told how it ended.",
    }
}

/// `surcharge 4.00 USD, 2 items, 3-D Secure AUTHENTICATED, address X`: whatever was told.
#[must_use]
pub fn checkout(told: &Checkout, currency: Currency) -> String {
    let part = |name: &str, minor: i64| (minor != 0).then(|| format!("{name} {}", Money::from_minor(minor, currency)));
    let parts = [
        part("surcharge", told.surcharge),
        part("gratuity", told.gratuity),
        part("fees", told.fees),
        (told.items > 0).then(|| format!("{} items", told.items)),
        (told.three_d_secure != ThreeDSecure::NotTold).then(|| format!("3-D Secure {}", told.three_d_secure.name())),
        Some(format!("address {}", told.address_verification.name())),
        Some(format!("security code {}", told.security_code.name())),
        told.ip_address.map(|address| format!("from {address}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Whether the caller of a question wanted the program's rules skipped, and may not.
#[must_use]
pub fn was_bypass_refused(request: &AuthorizationRequest) -> bool {
    request.checkout.is_some_and(|checkout| checkout.monitoring == Monitoring::BypassRefused)
}

/// Whether a question was asked past the program's rules.
#[must_use]
pub fn are_rules_bypassed(request: &AuthorizationRequest) -> bool {
    request.checkout.is_some_and(|checkout| checkout.monitoring == Monitoring::Bypassed)
}

/// `way 2`, `ways 1 and 3`, `ways 1, 2 and 3`.
#[must_use]
pub fn ways(ways: Ways) -> String {
    let numbers: Vec<String> = ways.iter().map(|way| way.number().to_string()).collect();
    match numbers.split_last() {
        None => "no way".to_owned(),
        Some((only, [])) => format!("way {only}"),
        Some((last, rest)) => format!("ways {} and {last}", rest.join(", ")),
    }
}

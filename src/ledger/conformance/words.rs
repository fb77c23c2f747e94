//! The words in which laws are written: short names for acts, and for what becomes of them.

use std::sync::LazyLock;
use std::time::Duration;

use holdfast_adapters::payment::KeyIs;
use holdfast_adapters::{AccountBalance, Unrecognized};
use holdfast_core::hold::*;
use holdfast_core::rules::*;
use holdfast_core::*;

use super::house::{Became, Said};
use crate::clock;
use crate::ledger::{Adopt, Answer, Decide, Entry, Ordering, Origin};

/// Far beyond any test.
pub const LONG: Duration = Duration::from_secs(3600);

pub const NO_FUNDS: DeclineReason = DeclineReason::InsufficientFunds;

pub fn id<T: for<'a> TryFrom<&'a str, Error = IdError>>(text: &str) -> T {
    T::try_from(text).unwrap()
}

pub fn program() -> ProgramId {
    id("demo")
}

pub fn origin() -> Origin {
    Origin { program: program(), platform: Some(id("marqeta")), operator: None }
}

pub fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

pub fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_alpha("EUR").unwrap())
}

/// When every callback arrives, unless a law says otherwise: lately, so that no hold's time has come.
pub fn now() -> Timestamp {
    static ONCE: LazyLock<Timestamp> = LazyLock::new(clock::utc);
    *ONCE
}

/// So many seconds before that.
pub fn ago(seconds: u64) -> Timestamp {
    now().saturating_sub(Duration::from_secs(seconds))
}

/// So many seconds after that.
pub fn later(seconds: u64) -> Timestamp {
    now().saturating_add(Duration::from_secs(seconds))
}

pub fn account(name: &str, balance: i64) -> Entry {
    Entry::Account { account: id(name), balance: usd(balance), credit_line: 0, status: AccountStatus::Active }
}

pub fn card(name: &str, account: &str, cardholder: Option<&str>) -> Entry {
    Entry::Card { card: id(name), account: id(account), cardholder: cardholder.map(id), status: CardStatus::Active }
}

pub fn payment(name: &str) -> PaymentRef {
    PaymentRef::of(id(name))
}

/// A purchase under a key, of a payment of the same name, with the card `c`.
pub fn purchase(key: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: id(key),
        payment: payment(key),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(id("c")),
        cardholder: None,
        amount: usd(minor),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant::default(),
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::No,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

/// The same of another kind.
pub fn of_kind(kind: AuthorizationKind, key: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { kind, ..purchase(key, minor) }
}

/// The same with another card.
pub fn with_card(name: &str, request: AuthorizationRequest) -> AuthorizationRequest {
    AuthorizationRequest { card: Some(id(name)), ..request }
}

/// More on top of a payment.
pub fn increment(key: &str, of: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { increments: Some(payment(of)), ..of_kind(AuthorizationKind::Incremental, key, minor) }
}

/// Nothing against a request, if these limits have room.
pub fn proceed(request: &AuthorizationRequest, limits: &[LimitCheck], hold: HoldPolicy) -> Verdict {
    Verdict::Proceed(Proceed { ceiling: request.amount, limits: limits.iter().copied().collect(), hold, ways: None })
}

/// The question, in time, with nothing against it and nothing that counts it.
pub fn asked(request: AuthorizationRequest) -> Decide {
    limited(request, &[])
}

/// The question, in time, counted by these limits.
pub fn limited(request: AuthorizationRequest, limits: &[LimitCheck]) -> Decide {
    Decide {
        origin: origin(),
        request,
        digest: request.content_digest(),
        verdict: proceed(&request, limits, HoldPolicy::PLAIN),
        ruleset: [0; 32],
        governed: None,
        received_at: now(),
        not_after: clock::instant() + LONG,
        choice: None,
        slip: None,
    }
}

/// An answer that the question's own callback was told without the ledger, and that no limit counts.
pub fn adoption(request: AuthorizationRequest, answer: ToldAnswer) -> Adopt {
    Adopt {
        origin: origin(),
        request,
        digest: request.content_digest(),
        verdict: None,
        told: answer,
        basis: Basis::StandIn(StandInCause::DeadlinePassed),
        governed: None,
        received_at: now(),
        slip: None,
    }
}

pub fn yes(minor: i64) -> ToldAnswer {
    ToldAnswer::Approved { amount: usd(minor) }
}

pub const NO: ToldAnswer = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };

/// At most 100, and any number of transactions, of one card.
pub fn limit(window: Window) -> LimitCheck {
    LimitCheck {
        limit: id("limit"),
        counter: CounterKey(7),
        scope: LimitScope::Card,
        window,
        amount_max: Some(100),
        count_max: None,
        enforcement: Enforcement::Enforce,
        still: StillOpen::default(),
        ways: None,
    }
}

/// About the card `c`, of no time of its own.
pub fn told(key: &str, fact: Fact) -> ToldEvent {
    told_of(Subject { card: Some(id("c")), ..Subject::default() }, key, fact)
}

pub fn told_of(subject: Subject, key: &str, fact: Fact) -> ToldEvent {
    ToldEvent { key: id(key), occurred_at: None, network: None, settlement_day: None, subject, fact }
}

pub fn captured(name: &str, minor: i64, finality: Finality) -> Fact {
    Fact::Captured { payment: Some(payment(name)), amount: usd(minor), finality }
}

pub fn released(name: &str) -> Fact {
    Fact::Released { payment: payment(name), cause: ReleaseCause::Reversed }
}

pub fn reduced(name: &str, minor: i64) -> Fact {
    Fact::Reduced { payment: payment(name), by: usd(minor), original: None }
}

/// How the platform recorded the question of that payment.
pub fn recorded(name: &str, outcome: RecordedOutcome) -> Fact {
    Fact::Recorded { payment: payment(name), asked: id(name), increments: None, outcome }
}

pub fn load(minor: i64) -> Fact {
    Fact::Credited { payment: None, amount: usd(minor), cause: MovementCause::Funding }
}

pub fn card_is(name: &str, status: CardStatus) -> Fact {
    Fact::Card { card: id(name), status }
}

pub fn ordered(key: &str, name: &str, order: Order) -> Ordering {
    let digest = ContentDigest::from_bytes(digest_of(&format!("{name} {order:?}")));
    Ordering { key: id(key), key_is: KeyIs::Callers, digest, payment: payment(name), hold: None, order }
}

/// Different for different texts, as far as laws have some.
fn digest_of(text: &str) -> [u8; 16] {
    use sha2::Digest as _;
    *sha2::Sha256::digest(text).first_chunk().unwrap()
}

pub fn capture(minor: i64, finality: Finality) -> Order {
    Order::Capture { amount: usd(minor), finality }
}

pub fn refund(minor: i64) -> Order {
    Order::Refund { amount: usd(minor) }
}

pub fn not_understood(problem: &str) -> Unrecognized {
    Unrecognized { digest: [1; 32], problem: problem.to_owned(), redacted: String::new() }
}

pub fn approved(minor: i64) -> Said {
    (Decision::Approve { amount: usd(minor) }, Basis::Ledger)
}

pub fn declined(reason: DeclineReason) -> Said {
    (Decision::Decline { reason }, Basis::Ledger)
}

/// The same answer, because it was given before.
pub fn again(answer: Said) -> Said {
    (answer.0, Basis::Replay)
}

/// Declined by the limit.
pub fn limit_reached(reason: DeclineReason) -> Said {
    (Decision::Decline { reason }, Basis::Limit(id("limit")))
}

pub fn said(became: Became) -> Said {
    match became {
        Ok(Answer::Decided { decision, basis, .. }) => (decision, basis),
        other => panic!("{other:?}"),
    }
}

pub fn found(became: Became) -> Option<Finding> {
    match became {
        Ok(Answer::Recorded(finding)) => finding,
        other => panic!("{other:?}"),
    }
}

pub fn figures(balance: &AccountBalance) -> (String, i64, i64) {
    (balance.account.to_string(), balance.posted.minor(), balance.held.minor())
}

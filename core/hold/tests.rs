//! The hold engine against tables: what is asked, by descending precedence; what is told, fact by fact and state by state;
//! the field's known bugs; and random histories that must balance.
//!
//! A [`Book`] is the smallest engine there is: it loads a slice, applies, writes the outcome, and checks after every
//! event that the books balance.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use std::collections::{BTreeMap, HashMap};

use arrayvec::ArrayVec;
use proptest::prelude::*;

use super::*;
use crate::authorization::{AuthorizationKind, AuthorizationRequest, ContentDigest, PaymentRef, Posting};
use crate::authorization::{CrossBorder, EntryMode, PartialApproval, Wallet};
use crate::decision::{Basis, Decision, DeclineReason};
use crate::ids::{AccountId, AuthorizationId, CardToken, CardholderToken, IdempotencyKey, RuleId};
use crate::merchant::Merchant;
use crate::money::{Currency, Money};
use crate::rules::{CounterKey, Enforcement, LimitCheck, LimitScope, Proceed, Verdict, Window};
use crate::time::Timestamp;

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_alpha("EUR").unwrap())
}

fn payment(name: &str) -> PaymentRef {
    PaymentRef::of(AuthorizationId::new(name).unwrap())
}

fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey::new(name).unwrap()
}

fn rule(name: &str) -> RuleId {
    RuleId::new(name).unwrap()
}

/// A purchase of the payment `p` under the key `k`.
fn purchase(minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: key("k"),
        payment: payment("p"),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(CardToken::new("card").unwrap()),
        cardholder: None,
        amount: usd(minor),
        merchant: Merchant::default(),
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::No,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
    }
}

fn increment(minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: key("k-more"),
        payment: payment("p-more"),
        increments: Some(payment("p")),
        kind: AuthorizationKind::Incremental,
        ..purchase(minor)
    }
}

fn proceed(limits: impl IntoIterator<Item = LimitCheck>) -> Verdict {
    Verdict::Proceed(Proceed { ceiling: usd(i64::MAX), limits: limits.into_iter().collect() })
}

fn limit(number: u64, amount_max: Option<i64>, count_max: Option<u32>) -> LimitCheck {
    LimitCheck {
        limit: rule(&format!("limit-{number}")),
        counter: CounterKey(number),
        scope: LimitScope::Card,
        window: DAY,
        amount_max,
        count_max,
        enforcement: Enforcement::Enforce,
    }
}

const DAY: Window = Window::Since(Timestamp::EPOCH);
const NEXT_DAY: Window = Window::Since(Timestamp::from_unix_seconds(86_400));

const GOOD_CARD: Card = Card { status: CardStatus::Active, cardholder: CardholderStatus::Active };

fn account(posted: i64) -> Account {
    Account { currency: Currency::USD, posted, held: 0, credit_line: 0, status: AccountStatus::Active }
}

fn told(fact: Fact) -> ToldEvent {
    ToldEvent { key: key("told"), occurred_at: None, network: None, settlement_day: None, subject: Subject::default(), fact }
}

type Counters = HashMap<(CounterKey, LimitScope, Window), (i64, i64)>;

/// One account, one card, and any number of payments.
struct Book {
    account: Option<Account>,
    card: Option<Card>,
    payments: BTreeMap<AuthorizationId, (Hold, Vec<Counted>)>,
    answered: BTreeMap<IdempotencyKey, Answered>,
    counters: Counters,
    /// What was counted by payments that hold nothing.
    counted_without_hold: Counters,
    /// What the account had, and every posted change since.
    expected_posted: i128,
}

impl Book {
    fn with(posted: i64) -> Self {
        Book {
            account: Some(account(posted)),
            card: Some(GOOD_CARD),
            payments: BTreeMap::new(),
            answered: BTreeMap::new(),
            counters: Counters::new(),
            counted_without_hold: Counters::new(),
            expected_posted: posted.into(),
        }
    }

    fn hold(&self, name: &str) -> Hold {
        self.payments[&AuthorizationId::new(name).unwrap()].0
    }

    fn available(&self) -> i64 {
        self.account.unwrap().available()
    }

    fn counted(&self, number: u64, window: Window) -> (i64, i64) {
        self.counters.get(&(CounterKey(number), LimitScope::Card, window)).copied().unwrap_or_default()
    }

    fn ask(&mut self, request: &AuthorizationRequest) -> Outcome {
        self.ask_with(request, &proceed([]))
    }

    fn ask_with(&mut self, request: &AuthorizationRequest, verdict: &Verdict) -> Outcome {
        let asked = Asked { request, digest: request.content_digest(), asked_at: Timestamp::EPOCH, verdict };
        let uses = match verdict {
            Verdict::Decline { .. } => Vec::new(),
            Verdict::Proceed(proceed) => proceed.limits.iter().map(|check| self.used(check)).collect(),
        };
        self.write(&Event::Asked(asked), request.increments.unwrap_or(request.payment), Some(request.key), &uses)
    }

    fn used(&self, check: &LimitCheck) -> LimitUse {
        let (amount, count) = self.counters.get(&(check.counter, check.scope, check.window)).copied().unwrap_or_default();
        LimitUse { amount, count: count.try_into().unwrap() }
    }

    fn adopt(&mut self, request: &AuthorizationRequest, told: ToldAnswer) -> Outcome {
        let adoption = Adoption { request, digest: request.content_digest(), asked_at: Timestamp::EPOCH, told };
        self.write(&Event::Adopt(adoption), request.increments.unwrap_or(request.payment), Some(request.key), &[])
    }

    fn tell(&mut self, fact: Fact) -> Outcome {
        let (name, asked) = match fact {
            Fact::Recorded { payment, asked, .. } => (Some(payment), Some(asked)),
            Fact::Reduced { payment, .. }
            | Fact::Replaced { payment, .. }
            | Fact::Released { payment, .. }
            | Fact::Completed { payment, .. } => (Some(payment), None),
            Fact::Captured { payment, .. } | Fact::Credited { payment, .. } | Fact::Debited { payment, .. } => (payment, None),
            Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => (None, None),
        };
        let nameless = payment("nobody's");
        self.write(&Event::Told(&told(fact)), name.unwrap_or(nameless), asked, &[])
    }

    fn write(&mut self, event: &Event<'_>, name: PaymentRef, asked: Option<IdempotencyKey>, uses: &[LimitUse]) -> Outcome {
        let known = self.payments.get(&name.authorization);
        let slice = Slice {
            account: self.account,
            card: self.card,
            hold: known.map(|(hold, _)| *hold),
            counted: known.map_or(&[], |(_, counted)| counted),
            answered: asked.and_then(|key| self.answered.get(&key)).copied(),
            heard: Heard::First,
            uses,
        };
        let outcome = apply(&slice, event);
        let held_before = slice.hold.map_or(0, |hold| hold.held);
        assert_eq!(outcome.hold.map_or(held_before, |hold| hold.held) - held_before, outcome.held, "{outcome:?}");
        assert_eq!(outcome.cause.is_some(), outcome.posted != 0, "{outcome:?}");
        if let Some(account) = &mut self.account {
            account.posted = account.posted.checked_add(outcome.posted).expect("posted fits");
            account.held = account.held.checked_add(outcome.held).expect("held fits");
        }
        self.expected_posted += i128::from(outcome.posted);
        let counted = match outcome.hold {
            Some(hold) => {
                let row = self.payments.entry(name.authorization).or_insert((hold, Vec::new()));
                row.0 = hold;
                Some(&mut row.1)
            }
            None => None,
        };
        if let Some(counted) = counted {
            counted.extend(&outcome.counted);
            merge(counted);
        } else {
            outcome.counted.iter().for_each(|counted| count(&mut self.counted_without_hold, counted));
        }
        outcome.counted.iter().for_each(|counted| count(&mut self.counters, counted));
        if let (Some(key), Some(answered)) = (asked, outcome.answered) {
            self.answered.insert(key, answered);
        }
        self.balances();
        outcome
    }

    /// The books balance.
    fn balances(&self) {
        let mut counted = self.counted_without_hold.clone();
        let mut held = 0_i128;
        for (hold, of_hold) in self.payments.values() {
            held += i128::from(hold.held);
            for amount in [hold.held, hold.ahead, hold.captured, hold.authorized] {
                assert!(amount >= 0, "{hold:?}");
            }
            of_hold.iter().for_each(|change| count(&mut counted, change));
        }
        if let Some(account) = self.account {
            assert_eq!(i128::from(account.held), held);
            assert_eq!(i128::from(account.posted), self.expected_posted);
        }
        counted.retain(|_, used| *used != (0, 0));
        let mut counters = self.counters.clone();
        counters.retain(|_, used| *used != (0, 0));
        assert_eq!(counters, counted);
        assert!(counters.values().all(|(amount, count)| *amount >= 0 && *count >= 0), "{counters:?}");
    }
}

fn count(counters: &mut Counters, change: &Counted) {
    let used = counters.entry((change.counter, change.scope, change.window)).or_default();
    *used = (used.0.saturating_add(change.amount), used.1 + i64::from(change.count));
}

fn merge(counted: &mut Vec<Counted>) {
    let mut merged: Vec<Counted> = Vec::new();
    for change in counted.drain(..) {
        let same =
            |known: &&mut Counted| (known.counter, known.scope, known.window) == (change.counter, change.scope, change.window);
        match merged.iter_mut().find(same) {
            Some(known) => (known.amount, known.count) = (known.amount.saturating_add(change.amount), known.count + change.count),
            None => merged.push(change),
        }
    }
    merged.retain(|known| known.amount != 0 || known.count != 0);
    *counted = merged;
}

fn approves(minor: i64) -> Option<(Decision, Basis)> {
    Some((Decision::Approve { amount: usd(minor) }, Basis::Ledger))
}

fn declines(reason: DeclineReason, basis: Basis) -> Option<(Decision, Basis)> {
    Some((Decision::Decline { reason }, basis))
}

const YES: fn(i64) -> ToldAnswer = |minor| ToldAnswer::Approved { amount: usd(minor) };
const NO: ToldAnswer = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };

// --- asked: precedence -----------------------------------------------------------------------------------------------

/// A question with everything that can be wrong with it.
struct Question {
    request: AuthorizationRequest,
    verdict: Verdict,
    answered: Option<Answered>,
    card: Option<Card>,
    account: Option<Account>,
    hold: Option<Hold>,
    uses: Vec<LimitUse>,
}

impl Question {
    fn wrong_in_every_way() -> Self {
        let other = ContentDigest::from_bytes([7; 16]);
        let decision = Decision::Approve { amount: usd(1) };
        Question {
            request: AuthorizationRequest { amount: usd(-1), ..increment(0) },
            verdict: Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") },
            answered: Some(Answered { digest: other, asked_at: Timestamp::EPOCH, decision, placed: 1 }),
            card: None,
            account: None,
            hold: None,
            uses: vec![LimitUse { amount: 950, count: 0 }, LimitUse { amount: 0, count: 3 }],
        }
    }

    fn ask(&self) -> Outcome {
        let slice = Slice {
            account: self.account,
            card: self.card,
            hold: self.hold,
            counted: &[],
            answered: self.answered,
            heard: Heard::First,
            uses: &self.uses,
        };
        let digest = self.request.content_digest();
        apply(&slice, &Event::Asked(Asked { request: &self.request, digest, asked_at: Timestamp::EPOCH, verdict: &self.verdict }))
    }
}

#[test]
fn the_first_to_object_is_the_reason() {
    use DeclineReason::*;
    type Mend = fn(&mut Question);
    let mut question = Question::wrong_in_every_way();
    let steps: Vec<(&str, Mend, Decline)> = vec![
        ("nothing", |_| {}, (ConflictingDuplicate, Basis::Ledger)),
        ("the key", |q| q.answered = None, (CardUnknown, Basis::Ledger)),
        (
            "the card is known",
            |q| q.card = Some(Card { status: CardStatus::Closed, cardholder: CardholderStatus::Closed }),
            (CardClosed, Basis::Ledger),
        ),
        ("its status", |q| q.card.as_mut().unwrap().status = CardStatus::Active, (CardholderNotActive, Basis::Ledger)),
        ("its cardholder", |q| q.card = Some(GOOD_CARD), (AccountUnknown, Basis::Ledger)),
        (
            "the account is known",
            |q| q.account = Some(Account { status: AccountStatus::Closed, currency: eur(0).currency(), ..account(99) }),
            (AccountClosed, Basis::Ledger),
        ),
        ("its status", |q| q.account.as_mut().unwrap().status = AccountStatus::Active, (CurrencyNotAllowed, Basis::Ledger)),
        ("its currency", |q| q.account = Some(account(99)), (AmountTooLarge, Basis::Ledger)),
        ("the sign", |q| q.request.amount = usd(100), (MerchantNotAllowed, Basis::Rule(rule("r")))),
        (
            "the rule",
            |q| q.verdict = proceed([limit(1, Some(1_000), None), limit(2, None, Some(3))]),
            (AuthorizationUnknown, Basis::Ledger),
        ),
        ("the hold is known", |q| q.hold = Some(RELEASED), (AuthorizationUnknown, Basis::Ledger)),
        (
            "the hold is open",
            |q| q.hold.as_mut().unwrap().status = HoldStatus::Open,
            (AmountLimitReached, Basis::Limit(rule("limit-1"))),
        ),
        (
            "the amount limit, and it is no increment",
            |q| (q.uses[0].amount, q.hold, q.request.kind) = (900, None, AuthorizationKind::Purchase),
            (CountLimitReached, Basis::Limit(rule("limit-2"))),
        ),
        ("the count limit", |q| q.uses[1].count = 2, (InsufficientFunds, Basis::Ledger)),
    ];
    for (mended, mend, (reason, basis)) in steps {
        mend(&mut question);
        let outcome = question.ask();
        assert_eq!(outcome.decision, declines(reason, basis), "mended: {mended}");
        assert_eq!((outcome.posted, outcome.held, outcome.hold), (0, 0, None), "mended: {mended}");
        assert!(outcome.counted.is_empty(), "mended: {mended}");
    }
    question.account = Some(account(100));
    let outcome = question.ask();
    assert_eq!(outcome.decision, approves(100));
    assert_eq!(outcome.held, 100);
}

type Decline = (DeclineReason, Basis);

const RELEASED: Hold = Hold {
    posting: Posting::Hold,
    origin: HoldOrigin::Asked,
    status: HoldStatus::Released,
    authorized: 0,
    held: 0,
    ahead: 0,
    captured: 0,
};

#[test]
fn every_standing_bars_as_documented() {
    for status in CardStatus::ALL {
        let expected = match status {
            CardStatus::Active => None,
            CardStatus::Unactivated => Some(DeclineReason::CardNotActive),
            CardStatus::Frozen => Some(DeclineReason::CardFrozen),
            CardStatus::Lost => Some(DeclineReason::CardLost),
            CardStatus::Stolen => Some(DeclineReason::CardStolen),
            CardStatus::Expired => Some(DeclineReason::CardExpired),
            CardStatus::Closed => Some(DeclineReason::CardClosed),
        };
        bars(|book| book.card = Some(Card { status: *status, ..GOOD_CARD }), expected);
    }
    for status in CardholderStatus::ALL {
        let expected = match status {
            CardholderStatus::Active => None,
            CardholderStatus::Suspended | CardholderStatus::Closed => Some(DeclineReason::CardholderNotActive),
        };
        bars(|book| book.card = Some(Card { cardholder: *status, ..GOOD_CARD }), expected);
    }
    for status in AccountStatus::ALL {
        let expected = match status {
            AccountStatus::Active => None,
            AccountStatus::Frozen => Some(DeclineReason::AccountFrozen),
            AccountStatus::Closed => Some(DeclineReason::AccountClosed),
        };
        bars(|book| book.account.as_mut().unwrap().status = *status, expected);
    }
}

/// Every kind is barred, and none is barred without a reason.
fn bars(set: impl Fn(&mut Book), expected: Option<DeclineReason>) {
    for kind in AuthorizationKind::ALL.into_iter().filter(|kind| *kind != AuthorizationKind::Incremental) {
        let mut book = Book::with(500);
        set(&mut book);
        let decided = book.ask(&AuthorizationRequest { kind, ..purchase(100) }).decision;
        match expected {
            Some(reason) => assert_eq!(decided, declines(reason, Basis::Ledger), "{kind:?}"),
            None => assert_eq!(decided, approves(100), "{kind:?}"),
        }
    }
}

#[test]
fn status_names_read_back() {
    for status in CardStatus::ALL {
        assert_eq!(CardStatus::from_name(status.name()), Some(*status));
    }
    assert_eq!(CardStatus::from_name("Active"), None);
}

// --- asked: replays --------------------------------------------------------------------------------------------------

#[test]
fn a_retry_hears_the_same_answer_whatever_changed() {
    let mut book = Book::with(100);
    assert_eq!(book.ask(&purchase(100)).decision, approves(100));
    let refused = AuthorizationRequest { key: key("k2"), payment: payment("p2"), ..purchase(1) };
    assert_eq!(book.ask(&refused).decision, declines(DeclineReason::InsufficientFunds, Basis::Ledger));

    book.card = Some(Card { status: CardStatus::Frozen, ..GOOD_CARD });
    let denied = Verdict::Decline { reason: DeclineReason::CashNotAllowed, rule: rule("r") };
    let again = book.ask_with(&purchase(100), &denied);
    assert_eq!(again, Outcome { decision: Some((Decision::Approve { amount: usd(100) }, Basis::Replay)), ..Outcome::default() });

    book.card = Some(GOOD_CARD);
    book.tell(Fact::Credited { payment: None, amount: usd(1_000), cause: MovementCause::Funding });
    let again = book.ask(&refused);
    assert_eq!(again.decision, declines(DeclineReason::InsufficientFunds, Basis::Replay));
    assert_eq!(again.held, 0);
}

#[test]
fn another_question_under_the_same_key_is_refused() {
    for other in [
        purchase(101),
        AuthorizationRequest { amount: eur(100), ..purchase(100) },
        AuthorizationRequest { kind: AuthorizationKind::CashWithdrawal, ..purchase(100) },
        AuthorizationRequest { card: Some(CardToken::new("other").unwrap()), ..purchase(100) },
        AuthorizationRequest { payment: payment("other"), ..purchase(100) },
    ] {
        let mut book = Book::with(1_000);
        book.ask(&purchase(100));
        let outcome = book.ask(&other);
        assert_eq!(outcome.decision, declines(DeclineReason::ConflictingDuplicate, Basis::Ledger), "{other:?}");
        assert_eq!((outcome.finding, outcome.answered), (Some(Finding::Conflict), None));
        assert_eq!(book.ask(&purchase(100)).decision, Some((Decision::Approve { amount: usd(100) }, Basis::Replay)));
    }
}

// --- asked: kinds ----------------------------------------------------------------------------------------------------

#[test]
fn each_kind_does_to_money_and_limits_what_it_is() {
    use AuthorizationKind::*;
    // kind, then: held, amount counted, transactions counted; and whether funds are looked at.
    let table = [
        (Purchase, 100, 100, 1, Funds::LookedAt),
        (PurchaseWithCashback, 100, 100, 1, Funds::LookedAt),
        (CashWithdrawal, 100, 100, 1, Funds::LookedAt),
        (QuasiCash, 100, 100, 1, Funds::LookedAt),
        (BillPayment, 100, 100, 1, Funds::LookedAt),
        (AccountVerification, 0, 0, 1, Funds::Ignored),
        (Incremental, 100, 100, 0, Funds::LookedAt),
        (Credit, 0, 0, 0, Funds::Ignored),
        (BalanceInquiry, 0, 0, 0, Funds::Ignored),
    ];
    assert_eq!(table.map(|row| row.0), AuthorizationKind::ALL);
    for (kind, held, amount, transactions, funds) in table {
        let request = match kind {
            Incremental => increment(100),
            Purchase | PurchaseWithCashback | CashWithdrawal | QuasiCash | BillPayment | AccountVerification | Credit
            | BalanceInquiry => AuthorizationRequest { kind, ..purchase(100) },
        };
        let mut book = Book::with(1_000);
        if kind == Incremental {
            book.ask(&purchase(10));
        }
        let outcome = book.ask_with(&request, &proceed([limit(1, None, None)]));
        assert_eq!(outcome.decision, approves(100), "{kind:?}");
        assert_eq!((outcome.held, outcome.posted), (held, 0), "{kind:?}");
        assert_eq!(book.counted(1, DAY), (amount, transactions), "{kind:?}");

        book.tell(Fact::Debited { payment: None, amount: usd(5_000), cause: MovementCause::Fee });
        let poor = AuthorizationRequest { key: key("again"), ..request };
        let expected = match funds {
            Funds::LookedAt => declines(DeclineReason::InsufficientFunds, Basis::Ledger),
            Funds::Ignored => approves(100),
        };
        assert_eq!(book.ask(&poor).decision, expected, "{kind:?}");
    }
}

#[derive(Clone, Copy)]
enum Funds {
    LookedAt,
    Ignored,
}

#[test]
fn funds_are_enough_to_the_last_minor_unit() {
    for (posted, held, credit_line, asked, enough) in [
        (100, 0, 0, 100, true),
        (100, 0, 0, 101, false),
        (100, 60, 0, 40, true),
        (100, 60, 0, 41, false),
        (0, 0, 50, 50, true),
        (-20, 0, 50, 31, false),
        (i64::MIN, 0, 0, 1, false),
        (i64::MAX, 0, i64::MAX, i64::MAX, true),
        (i64::MIN, i64::MAX, i64::MIN, 1, false),
    ] {
        let mut question = Question::wrong_in_every_way();
        (question.answered, question.card, question.verdict) = (None, Some(GOOD_CARD), proceed([]));
        question.request = purchase(asked);
        question.account = Some(Account { held, credit_line, ..account(posted) });
        let decided = question.ask().decision;
        let expected = if enough { approves(asked) } else { declines(DeclineReason::InsufficientFunds, Basis::Ledger) };
        assert_eq!(decided, expected, "{posted} {held} {credit_line} {asked}");
    }
}

#[test]
fn what_cannot_be_counted_is_declined() {
    let mut book = Book::with(i64::MAX);
    book.account.as_mut().unwrap().credit_line = i64::MAX;
    assert_eq!(book.ask(&purchase(i64::MAX)).decision, approves(i64::MAX));
    let more = AuthorizationRequest { key: key("k2"), payment: payment("p2"), ..purchase(1) };
    assert_eq!(book.ask(&more).decision, declines(DeclineReason::AmountTooLarge, Basis::Ledger));
}

#[test]
fn a_single_message_is_debited_at_the_decision() {
    let mut book = Book::with(1_000);
    let outcome = book.ask(&AuthorizationRequest { posting: Posting::Immediate, ..purchase(300) });
    assert_eq!((outcome.posted, outcome.held), (-300, 0));
    assert_eq!(outcome.cause, Some(MovementCause::NetworkSettlement));
    assert_eq!(outcome.answered.unwrap().placed, 300);
    assert_eq!((book.available(), book.hold("p").ahead), (700, 300));
}

#[test]
fn an_increment_adds_to_an_open_hold_only() {
    let mut book = Book::with(1_000);
    assert_eq!(book.ask(&increment(50)).decision, declines(DeclineReason::AuthorizationUnknown, Basis::Ledger));
    book.ask(&purchase(100));
    let more = AuthorizationRequest { key: key("k-2"), ..increment(50) };
    assert_eq!(book.ask(&more).held, 50);
    assert_eq!((book.hold("p").held, book.hold("p").authorized), (150, 150));
    for (number, end) in [
        Fact::Released { payment: payment("p"), cause: ReleaseCause::Expired },
        Fact::Captured { payment: Some(payment("p")), amount: usd(1), finality: Finality::Final },
    ]
    .into_iter()
    .enumerate()
    {
        book.tell(end);
        let late = AuthorizationRequest { key: key(&format!("late-{number}")), ..increment(50) };
        assert_eq!(book.ask(&late).decision, declines(DeclineReason::AuthorizationUnknown, Basis::Ledger));
    }
}

// --- asked: limits ---------------------------------------------------------------------------------------------------

#[test]
fn a_limit_is_reached_to_the_last_unit_and_the_first_one_speaks() {
    let limits = [limit(1, Some(500), Some(2)), limit(2, Some(400), None)];
    let mut book = Book::with(10_000);
    let mut ask = |name: &str, minor| {
        let request = AuthorizationRequest { key: key(name), payment: payment(name), ..purchase(minor) };
        book.ask_with(&request, &proceed(limits)).decision
    };
    assert_eq!(ask("a", 501), declines(DeclineReason::AmountLimitReached, Basis::Limit(rule("limit-1"))));
    assert_eq!(ask("b", 401), declines(DeclineReason::AmountLimitReached, Basis::Limit(rule("limit-2"))));
    assert_eq!(ask("c", 400), approves(400));
    assert_eq!(ask("d", 1), declines(DeclineReason::AmountLimitReached, Basis::Limit(rule("limit-2"))));
    assert_eq!(ask("e", 0), approves(0));
    assert_eq!(ask("f", 0), declines(DeclineReason::CountLimitReached, Basis::Limit(rule("limit-1"))));
}

#[test]
fn an_observed_limit_counts_and_never_declines() {
    let observed = LimitCheck { enforcement: Enforcement::Observe, ..limit(1, Some(10), Some(0)) };
    let mut book = Book::with(1_000);
    assert_eq!(book.ask_with(&purchase(100), &proceed([observed])).decision, approves(100));
    assert_eq!(book.counted(1, DAY), (100, 1));
}

#[test]
fn a_limit_that_is_passed_already_refuses_only_what_adds_to_it() {
    let mut book = Book::with(10_000);
    book.ask_with(&purchase(900), &proceed([limit(1, None, None)]));
    let lowered = proceed([limit(1, Some(500), Some(0))]);
    let amount_only = proceed([limit(1, Some(500), None)]);
    for (kind, verdict, expected) in [
        (AuthorizationKind::AccountVerification, &amount_only, approves(0)),
        (
            AuthorizationKind::AccountVerification,
            &lowered,
            declines(DeclineReason::CountLimitReached, Basis::Limit(rule("limit-1"))),
        ),
        (AuthorizationKind::Credit, &lowered, approves(0)),
        (AuthorizationKind::BalanceInquiry, &lowered, approves(0)),
    ] {
        let request = AuthorizationRequest { kind, key: key("k2"), payment: payment("p2"), ..purchase(0) };
        let decided = book.ask_with(&request, verdict).decision;
        assert_eq!(decided, expected, "{kind:?}");
        book.answered.remove(&key("k2"));
    }
    let count_only = proceed([limit(1, None, Some(0))]);
    assert_eq!(book.ask_with(&increment(10), &count_only).decision, approves(10), "an increment is no new transaction");
}

#[test]
fn money_returned_goes_to_the_window_it_was_counted_in() {
    let tomorrow = LimitCheck { window: NEXT_DAY, ..limit(1, None, None) };
    let mut book = Book::with(10_000);
    book.ask_with(&purchase(100), &proceed([limit(1, None, None)]));
    book.ask_with(&increment(50), &proceed([tomorrow]));
    assert_eq!((book.counted(1, DAY), book.counted(1, NEXT_DAY)), ((100, 1), (50, 0)));
    // The increment's money is the first to come back.
    book.tell(Fact::Reduced { payment: payment("p"), by: usd(70) });
    assert_eq!((book.counted(1, DAY), book.counted(1, NEXT_DAY)), ((80, 1), (0, 0)));
    book.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    assert_eq!((book.counted(1, DAY), book.counted(1, NEXT_DAY)), ((0, 0), (0, 0)));
    // Twice is not more.
    book.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    assert_eq!(book.counted(1, DAY), (0, 0));
}

#[test]
fn what_a_final_capture_leaves_over_is_returned_to_limits() {
    for (posting, captured, finality, counted) in [
        (Posting::Hold, 60, Finality::Final, (60, 1)),
        (Posting::Hold, 60, Finality::More, (100, 1)),
        (Posting::Hold, 0, Finality::Final, (0, 0)),
        (Posting::Hold, 130, Finality::Final, (100, 1)),
        (Posting::Immediate, 60, Finality::Final, (60, 1)),
        (Posting::Immediate, 60, Finality::More, (100, 1)),
    ] {
        let mut book = Book::with(1_000);
        book.ask_with(&AuthorizationRequest { posting, ..purchase(100) }, &proceed([limit(1, None, None)]));
        book.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(captured), finality });
        assert_eq!(book.counted(1, DAY), counted, "{posting:?} {captured} {finality:?}");
    }
}

// --- told: each fact in each state -----------------------------------------------------------------------------------

/// What an event does: posted, held, the hold's status afterwards (if the event touches it), and what is found.
type Effect = (i64, i64, Option<HoldStatus>, Option<Finding>);

/// A book with 1,000.00, and in it the payment `p` of 100: unknown, open, captured in full, or released.
fn books() -> [Book; 4] {
    let book = || Book::with(1_000);
    let (mut open, mut captured, mut released) = (book(), book(), book());
    for book in [&mut open, &mut captured, &mut released] {
        assert_eq!(book.ask(&purchase(100)).decision, approves(100));
    }
    captured.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(100), finality: Finality::Final });
    released.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    [book(), open, captured, released]
}

#[test]
fn each_fact_does_in_each_state_what_it_says() {
    use Finding::*;
    use HoldStatus::{Captured, Expired, Open, Released};
    let p = payment("p");
    let recorded = |outcome| Fact::Recorded { payment: p, asked: key("k"), outcome };
    let capture = |payment, minor, finality| Fact::Captured { payment, amount: usd(minor), finality };
    let nothing: Effect = (0, 0, None, None);
    // The columns: no hold; open; captured; released.
    let table: Vec<(Fact, [Effect; 4])> = vec![
        (
            recorded(RecordedOutcome::Approved { amount: usd(100) }),
            [(0, 100, Some(Open), Some(AdoptedOverOurs)), nothing, nothing, nothing],
        ),
        (
            recorded(RecordedOutcome::ApprovedByStandIn { amount: usd(100), posting: Posting::Hold }),
            [(0, 100, Some(Open), Some(AdoptedOverOurs)), nothing, nothing, nothing],
        ),
        (
            recorded(RecordedOutcome::ApprovedByStandIn { amount: usd(100), posting: Posting::Immediate }),
            [(-100, 0, Some(Open), Some(AdoptedOverOurs)), nothing, nothing, nothing],
        ),
        (
            recorded(RecordedOutcome::Declined),
            [
                nothing,
                (0, -100, Some(Released), Some(AdoptedOverOurs)),
                (0, 0, Some(Captured), Some(AdoptedOverOurs)),
                (0, 0, Some(Released), Some(AdoptedOverOurs)),
            ],
        ),
        (
            Fact::Reduced { payment: p, by: usd(40) },
            [
                (0, 0, None, Some(PaymentUnknown)),
                (0, -40, Some(Open), None),
                (0, 0, Some(Captured), None),
                (0, 0, Some(Released), None),
            ],
        ),
        (
            Fact::Reduced { payment: p, by: usd(140) },
            [
                (0, 0, None, Some(PaymentUnknown)),
                (0, -100, Some(Released), None),
                (0, 0, Some(Captured), None),
                (0, 0, Some(Released), None),
            ],
        ),
        (
            Fact::Replaced { payment: p, total: usd(150) },
            [
                (0, 0, None, Some(PaymentUnknown)),
                (0, 50, Some(Open), None),
                (0, 50, Some(Open), None),
                (0, 150, Some(Open), None),
            ],
        ),
        (
            Fact::Replaced { payment: p, total: usd(60) },
            [(0, 0, None, Some(PaymentUnknown)), (0, -40, Some(Open), None), nothing, (0, 60, Some(Open), None)],
        ),
        (
            Fact::Replaced { payment: p, total: usd(0) },
            [(0, 0, None, Some(PaymentUnknown)), (0, -100, Some(Released), None), nothing, nothing],
        ),
        (
            Fact::Released { payment: p, cause: ReleaseCause::Reversed },
            [(0, 0, None, Some(PaymentUnknown)), (0, -100, Some(Released), None), nothing, nothing],
        ),
        (
            Fact::Released { payment: p, cause: ReleaseCause::Operator },
            [(0, 0, None, Some(PaymentUnknown)), (0, -100, Some(Released), None), nothing, nothing],
        ),
        (
            Fact::Released { payment: p, cause: ReleaseCause::Expired },
            [(0, 0, None, Some(PaymentUnknown)), (0, -100, Some(Expired), None), nothing, nothing],
        ),
        (
            capture(Some(p), 60, Finality::Final),
            [
                (-60, 0, Some(Captured), Some(ForcePosted)),
                (-60, -100, Some(Captured), None),
                (-60, 0, Some(Captured), Some(CapturedAfterEnd)),
                (-60, 0, Some(Captured), Some(CapturedAfterEnd)),
            ],
        ),
        (
            capture(Some(p), 60, Finality::More),
            [
                (-60, 0, Some(Captured), Some(ForcePosted)),
                (-60, -60, Some(Open), None),
                (-60, 0, Some(Captured), Some(CapturedAfterEnd)),
                (-60, 0, Some(Captured), Some(CapturedAfterEnd)),
            ],
        ),
        (
            capture(Some(p), 120, Finality::More),
            [
                (-120, 0, Some(Captured), Some(ForcePosted)),
                (-120, -100, Some(Captured), Some(CapturedAboveAuthorized)),
                (-120, 0, Some(Captured), Some(CapturedAfterEnd)),
                (-120, 0, Some(Captured), Some(CapturedAfterEnd)),
            ],
        ),
        (capture(None, 5_000, Finality::Final), [(-5_000, 0, None, Some(ForcePosted)); 4]),
        (
            Fact::Completed { payment: p, amount: usd(100) },
            [
                (-100, 0, Some(Captured), Some(ForcePosted)),
                (-100, -100, Some(Captured), None),
                (-100, 0, Some(Captured), Some(CapturedAfterEnd)),
                (-100, 0, Some(Captured), Some(CapturedAfterEnd)),
            ],
        ),
        (Fact::Credited { payment: Some(p), amount: usd(25), cause: MovementCause::NetworkSettlement }, [(25, 0, None, None); 4]),
        (Fact::Credited { payment: None, amount: usd(25), cause: MovementCause::NetworkSettlement }, [(25, 0, None, None); 4]),
        (Fact::Debited { payment: Some(p), amount: usd(25), cause: MovementCause::Fee }, [(-25, 0, None, None); 4]),
        (Fact::SettlementAnnounced { total: usd(-25) }, [nothing; 4]),
    ];
    for (fact, effects) in table {
        for (mut book, (state, expected)) in
            books().into_iter().zip(["no hold", "open", "captured", "released"].iter().zip(effects))
        {
            let outcome = book.tell(fact);
            let effect = (outcome.posted, outcome.held, outcome.hold.map(|hold| hold.status), outcome.finding);
            // Writing a hold as it was says as much as not writing it.
            let untouched = |effect: Effect| effect.0 == 0 && effect.1 == 0 && effect.3.is_none() && expected == nothing;
            assert!(effect == expected || untouched(effect), "{fact:?}, {state}: {effect:?}, expected {expected:?}");
            assert_eq!(outcome.decision, None);
        }
    }
}

#[test]
fn standing_is_told() {
    let (card, holder) = (CardToken::new("c").unwrap(), CardholderToken::new("h").unwrap());
    let account = AccountId::new("a").unwrap();
    for (fact, standing) in [
        (Fact::Card { card, status: CardStatus::Lost }, Standing::Card(CardStatus::Lost)),
        (
            Fact::Cardholder { cardholder: holder, status: CardholderStatus::Closed },
            Standing::Cardholder(CardholderStatus::Closed),
        ),
        (Fact::Account { account, status: AccountStatus::Frozen }, Standing::Account(AccountStatus::Frozen)),
    ] {
        let outcome = Book::with(0).tell(fact);
        assert_eq!(outcome, Outcome { standing: Some(standing), ..Outcome::default() });
    }
    let mut book = Book::with(0);
    book.account = None;
    let outcome = book.tell(Fact::Account { account, status: AccountStatus::Frozen });
    assert_eq!(outcome, Outcome::nothing(Finding::AccountUnknown));
}

#[test]
fn what_cannot_be_booked_is_found_and_moves_nothing() {
    let p = payment("p");
    let with = |amount: Money| {
        [
            Fact::Recorded { payment: p, asked: key("other"), outcome: RecordedOutcome::Approved { amount } },
            Fact::Reduced { payment: p, by: amount },
            Fact::Replaced { payment: p, total: amount },
            Fact::Captured { payment: Some(p), amount, finality: Finality::More },
            Fact::Captured { payment: None, amount, finality: Finality::Final },
            Fact::Completed { payment: p, amount },
            Fact::Credited { payment: None, amount, cause: MovementCause::Funding },
            Fact::Debited { payment: None, amount, cause: MovementCause::Fee },
        ]
    };
    for (amount, finding) in
        [(eur(10), Finding::CurrencyMismatch), (usd(-10), Finding::AmountTooLarge), (usd(i64::MIN), Finding::AmountTooLarge)]
    {
        for fact in with(amount) {
            let [_, mut open, ..] = books();
            assert_eq!(open.tell(fact), Outcome::nothing(finding), "{fact:?}");
        }
    }
    for fact in with(usd(10)) {
        let mut book = Book::with(0);
        book.account = None;
        assert_eq!(book.tell(fact), Outcome::nothing(Finding::AccountUnknown), "{fact:?}");
    }
}

#[test]
fn the_same_message_twice_does_nothing() {
    let slice = Slice {
        account: Some(account(100)),
        card: None,
        hold: None,
        counted: &[],
        answered: None,
        heard: Heard::Again,
        uses: &[],
    };
    let event = told(Fact::Credited { payment: None, amount: usd(10), cause: MovementCause::Funding });
    assert_eq!(apply(&slice, &Event::Told(&event)), Outcome::nothing(Finding::HeardBefore));
}

// --- the field's known bugs ------------------------------------------------------------------------------------------

#[test]
fn a_double_void_frees_once() {
    let [_, mut open, ..] = books();
    open.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    open.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    open.tell(Fact::Reduced { payment: payment("p"), by: usd(100) });
    assert_eq!(open.available(), 1_000);
}

#[test]
fn a_commit_after_a_reject_posts_and_is_found() {
    let mut book = Book::with(50);
    assert_eq!(book.ask(&purchase(100)).decision, declines(DeclineReason::InsufficientFunds, Basis::Ledger));
    let outcome = book.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(100), finality: Finality::Final });
    assert_eq!((outcome.posted, outcome.finding), (-100, Some(Finding::ForcePosted)));
    assert_eq!(book.available(), -50);
}

#[test]
fn an_over_capture_is_honoured() {
    let [_, mut open, ..] = books();
    let outcome = open.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(120), finality: Finality::Final });
    assert_eq!(outcome.finding, Some(Finding::CapturedAboveAuthorized));
    assert_eq!((open.account.unwrap().posted, open.account.unwrap().held), (880, 0));
}

#[test]
fn several_clearings_and_a_final_one_free_the_rest() {
    let [_, mut open, ..] = books();
    for (minor, finality, held) in [(30, Finality::More, 70), (30, Finality::More, 40), (10, Finality::Final, 0)] {
        assert_eq!(open.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(minor), finality }).finding, None);
        assert_eq!(open.hold("p").held, held);
    }
    assert_eq!((open.hold("p").status, open.hold("p").captured, open.available()), (HoldStatus::Captured, 70, 930));
}

#[test]
fn a_clearing_after_expiry_posts_in_full() {
    let [_, mut open, ..] = books();
    open.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Expired });
    let outcome = open.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(100), finality: Finality::Final });
    assert_eq!((outcome.posted, outcome.finding), (-100, Some(Finding::CapturedAfterEnd)));
    // The expiry that raced it and came second frees nothing that is not held.
    open.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Expired });
    assert_eq!(open.available(), 900);
}

#[test]
fn a_clearing_before_the_authorizations_own_record_holds_nothing_more() {
    let mut book = Book::with(1_000);
    book.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(100), finality: Finality::Final });
    let outcome = RecordedOutcome::Approved { amount: usd(100) };
    assert_eq!(book.tell(Fact::Recorded { payment: payment("p"), asked: key("k"), outcome }), Outcome::default());
    assert_eq!(book.available(), 900);
}

#[test]
fn a_reversal_of_more_than_is_held_frees_what_is_held() {
    let [_, mut open, ..] = books();
    open.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(60), finality: Finality::More });
    let outcome = open.tell(Fact::Reduced { payment: payment("p"), by: usd(100) });
    assert_eq!((outcome.held, outcome.posted, open.available()), (-40, 0, 940));
}

#[test]
fn a_single_messages_completion_moves_nothing_and_its_release_pays_back() {
    let single = AuthorizationRequest { posting: Posting::Immediate, ..purchase(100) };
    let p = payment("p");
    for (fact, posted, available) in [
        (Fact::Completed { payment: p, amount: usd(100) }, 0, 900),
        (Fact::Completed { payment: p, amount: usd(90) }, 10, 910),
        (Fact::Completed { payment: p, amount: usd(110) }, -10, 890),
        (Fact::Reduced { payment: p, by: usd(30) }, 30, 930),
        (Fact::Released { payment: p, cause: ReleaseCause::Reversed }, 100, 1_000),
    ] {
        let mut book = Book::with(1_000);
        book.ask(&single);
        assert_eq!(book.tell(fact).posted, posted, "{fact:?}");
        assert_eq!(book.available(), available, "{fact:?}");
        if let Fact::Completed { .. } = fact {
            book.tell(Fact::Released { payment: p, cause: ReleaseCause::Reversed });
            assert_eq!(book.available(), available, "what is complete is not paid back");
        }
    }
}

#[test]
fn a_clearing_uses_what_was_debited_ahead_before_what_is_held() {
    let mut book = Book::with(1_000);
    book.ask(&AuthorizationRequest { posting: Posting::Immediate, ..purchase(50) });
    book.ask(&increment(50));
    let outcome = book.tell(Fact::Captured { payment: Some(payment("p")), amount: usd(50), finality: Finality::More });
    assert_eq!((outcome.posted, outcome.held), (0, 0), "the increment is still held");
    assert_eq!((book.hold("p").ahead, book.hold("p").held, book.available()), (0, 50, 900));
}

#[test]
fn a_late_record_of_what_we_approved_changes_nothing() {
    let [_, mut open, mut captured, mut released] = books();
    let outcome = RecordedOutcome::Approved { amount: usd(100) };
    for book in [&mut open, &mut captured, &mut released] {
        // Also under a key that was forgotten in the meantime.
        for asked in [key("k"), key("forgotten")] {
            assert_eq!(book.tell(Fact::Recorded { payment: payment("p"), asked, outcome }), Outcome::default());
        }
    }
}

#[test]
fn a_question_whose_record_came_first_confirms_it() {
    let mut book = Book::with(100);
    let outcome = RecordedOutcome::Approved { amount: usd(100) };
    book.tell(Fact::Recorded { payment: payment("p"), asked: key("k"), outcome });
    assert_eq!(book.ask(&purchase(100)).decision, approves(100));
    assert_eq!((book.hold("p").held, book.available()), (100, 0));
    // From now on it is ours: a decline that was told frees it.
    book.adopt(&purchase(100), NO);
    assert_eq!(book.available(), 100);
}

// --- adoption --------------------------------------------------------------------------------------------------------

#[test]
fn an_overtaken_approval_is_undone() {
    for posting in [Posting::Hold, Posting::Immediate] {
        let request = AuthorizationRequest { posting, ..purchase(100) };
        let mut book = Book::with(100);
        book.ask_with(&request, &proceed([limit(1, Some(100), None)]));
        assert_eq!(book.available(), 0);
        assert_eq!(book.adopt(&request, NO).finding, Some(Finding::AdoptedOverOurs));
        assert_eq!((book.available(), book.counted(1, DAY)), (100, (0, 0)));
        let again = book.ask(&request).decision;
        assert_eq!(again, declines(DeclineReason::LedgerUnavailable, Basis::Replay));
        assert_eq!(book.adopt(&request, NO).finding, Some(Finding::HeardBefore));
    }
}

#[test]
fn an_overtaken_increment_leaves_what_was_there() {
    let mut book = Book::with(1_000);
    book.ask(&purchase(100));
    book.ask(&increment(50));
    book.adopt(&increment(50), NO);
    assert_eq!((book.hold("p").held, book.hold("p").status), (100, HoldStatus::Open));
}

#[test]
fn a_decide_that_arrives_after_the_told_decline_hears_it() {
    let mut book = Book::with(1_000);
    assert_eq!(book.adopt(&purchase(100), NO).finding, None);
    let outcome = book.ask(&purchase(100));
    assert_eq!(outcome.decision, declines(DeclineReason::LedgerUnavailable, Basis::Replay));
    assert_eq!(book.available(), 1_000);
}

#[test]
fn a_told_approval_is_placed_unconditionally() {
    for told_before in [false, true] {
        let mut book = Book::with(10);
        book.card = Some(Card { status: CardStatus::Frozen, ..GOOD_CARD });
        if told_before {
            assert_eq!(book.ask(&purchase(100)).decision, declines(DeclineReason::CardFrozen, Basis::Ledger));
        }
        let outcome = book.adopt(&purchase(100), YES(100));
        assert_eq!(outcome.held, 100);
        assert_eq!(outcome.finding, told_before.then_some(Finding::AdoptedOverOurs));
        assert_eq!(book.available(), -90);
        assert_eq!(book.ask(&purchase(100)).decision, Some((Decision::Approve { amount: usd(100) }, Basis::Replay)));
    }
}

#[test]
fn what_was_told_is_what_is_held() {
    // Asked for 100; what the ledger had answered; what was told; what is held then.
    for (asked_first, told, held) in [(false, 80, 80), (true, 80, 80), (true, 130, 130), (true, 0, 0), (false, 0, 0)] {
        let mut book = Book::with(1_000);
        if asked_first {
            book.ask(&purchase(100));
        }
        book.adopt(&purchase(100), YES(told));
        assert_eq!(book.account.unwrap().held, held, "asked first: {asked_first}, told {told}");
        book.adopt(&purchase(100), NO);
        assert_eq!(book.account.unwrap().held, 0, "asked first: {asked_first}, told {told}");
    }
}

#[test]
fn an_adoption_after_the_platforms_own_record_holds_once() {
    let mut book = Book::with(1_000);
    let outcome = RecordedOutcome::Approved { amount: usd(100) };
    book.tell(Fact::Recorded { payment: payment("p"), asked: key("k"), outcome });
    book.adopt(&purchase(100), YES(100));
    assert_eq!(book.account.unwrap().held, 100);
}

#[test]
fn an_adoption_of_what_cannot_be_booked_moves_nothing() {
    let euros = AuthorizationRequest { amount: eur(100), ..purchase(100) };
    let outcome = Book::with(1_000).adopt(&euros, ToldAnswer::Approved { amount: eur(100) });
    assert_eq!((outcome.held, outcome.finding), (0, Some(Finding::CurrencyMismatch)));

    let outcome = Book::with(1_000).adopt(&purchase(100), YES(-100));
    assert_eq!((outcome.held, outcome.finding), (0, Some(Finding::AmountTooLarge)));

    let mut nowhere = Book::with(0);
    nowhere.account = None;
    let outcome = nowhere.adopt(&purchase(100), YES(100));
    assert_eq!((outcome.held, outcome.finding), (0, Some(Finding::AccountUnknown)));
    let again = nowhere.ask(&purchase(100)).decision;
    assert_eq!(again, Some((Decision::Approve { amount: usd(100) }, Basis::Replay)), "it was told all the same");

    let mut book = Book::with(1_000);
    book.ask(&purchase(100));
    let outcome = book.adopt(&purchase(101), NO);
    assert_eq!(outcome, Outcome::nothing(Finding::Conflict));
    assert_eq!(book.available(), 900);
}

#[test]
fn the_platforms_recorded_decline_overrides_ours_and_is_heard() {
    let [_, mut open, ..] = books();
    open.tell(Fact::Recorded { payment: payment("p"), asked: key("k"), outcome: RecordedOutcome::Declined });
    let again = open.ask(&purchase(100)).decision;
    assert_eq!(again, declines(DeclineReason::TransactionNotPermitted, Basis::Replay));
    // And back again, by its next word.
    let outcome = RecordedOutcome::Approved { amount: usd(100) };
    open.tell(Fact::Recorded { payment: payment("p"), asked: key("k"), outcome });
    assert_eq!(open.available(), 900);
    assert_eq!(open.ask(&purchase(100)).decision, Some((Decision::Approve { amount: usd(100) }, Basis::Replay)));
}

// --- random histories ------------------------------------------------------------------------------------------------

#[derive(Debug, Clone)]
enum Step {
    Ask(AuthorizationRequest, Box<Verdict>),
    Adopt(AuthorizationRequest, ToldAnswer),
    Tell(Fact),
}

/// Small amounts, so that histories meet; and the edges.
fn amount() -> impl Strategy<Value = Money> {
    prop_oneof![
        8 => (0_i64..200).prop_map(usd),
        1 => prop::sample::select(vec![0, 1, -1, i64::MAX, i64::MAX - 1, i64::MIN, i64::MIN + 1]).prop_map(usd),
        1 => (0_i64..200).prop_map(eur),
    ]
}

fn name() -> impl Strategy<Value = PaymentRef> {
    (0_u8..3).prop_map(|number| payment(&format!("p{number}")))
}

fn question() -> impl Strategy<Value = AuthorizationRequest> {
    let kind = prop_oneof![
        6 => Just(AuthorizationKind::Purchase),
        2 => Just(AuthorizationKind::Incremental),
        1 => prop::sample::select(AuthorizationKind::ALL.to_vec()),
    ];
    let posting = prop_oneof![3 => Just(Posting::Hold), 1 => Just(Posting::Immediate)];
    (0_u8..6, name(), kind, posting, amount()).prop_map(|(number, payment, kind, posting, amount)| AuthorizationRequest {
        key: key(&format!("k{number}")),
        payment,
        kind,
        posting,
        ..AuthorizationRequest { amount, ..purchase(0) }
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let window = prop_oneof![Just(DAY), Just(NEXT_DAY), Just(Window::Lifetime)];
    let check = (0_u64..3, window, prop::option::of(0_i64..500), prop::option::of(0_u32..5))
        .prop_map(|(number, window, amount_max, count_max)| LimitCheck { window, ..limit(number, amount_max, count_max) });
    prop_oneof![
        1 => Just(Verdict::Decline { reason: DeclineReason::CashNotAllowed, rule: rule("r") }),
        9 => prop::collection::vec(check, 0..3).prop_map(proceed),
    ]
}

fn fact() -> impl Strategy<Value = Fact> {
    let cause = prop::sample::select(vec![MovementCause::NetworkSettlement, MovementCause::Funding, MovementCause::Fee]);
    let finality = prop::sample::select(vec![Finality::Final, Finality::More]);
    let posting = prop::sample::select(vec![Posting::Hold, Posting::Immediate]);
    let release = prop::sample::select(vec![ReleaseCause::Reversed, ReleaseCause::Expired, ReleaseCause::Operator]);
    let recorded = prop_oneof![
        amount().prop_map(|amount| RecordedOutcome::Approved { amount }),
        (amount(), posting).prop_map(|(amount, posting)| RecordedOutcome::ApprovedByStandIn { amount, posting }),
        Just(RecordedOutcome::Declined),
    ];
    prop_oneof![
        (name(), 0_u8..6, recorded).prop_map(|(payment, number, outcome)| Fact::Recorded {
            payment,
            asked: key(&format!("k{number}")),
            outcome
        }),
        (name(), amount()).prop_map(|(payment, by)| Fact::Reduced { payment, by }),
        (name(), amount()).prop_map(|(payment, total)| Fact::Replaced { payment, total }),
        (name(), release).prop_map(|(payment, cause)| Fact::Released { payment, cause }),
        (prop::option::of(name()), amount(), finality).prop_map(|(payment, amount, finality)| Fact::Captured {
            payment,
            amount,
            finality
        }),
        (name(), amount()).prop_map(|(payment, amount)| Fact::Completed { payment, amount }),
        (prop::option::of(name()), amount(), cause.clone()).prop_map(|(payment, amount, cause)| Fact::Credited {
            payment,
            amount,
            cause
        }),
        (prop::option::of(name()), amount(), cause).prop_map(|(payment, amount, cause)| Fact::Debited { payment, amount, cause }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![amount().prop_map(|amount| ToldAnswer::Approved { amount }), Just(NO)];
    prop_oneof![
        4 => (question(), verdict()).prop_map(|(request, verdict)| Step::Ask(request, Box::new(verdict))),
        2 => (question(), answer).prop_map(|(request, told)| Step::Adopt(request, told)),
        4 => fact().prop_map(Step::Tell),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// [`Book::write`] and [`Book::balances`] check the books after every step.
    #[test]
    fn every_history_balances(
        posted in prop_oneof![5 => 0_i64..1_000, 1 => prop::sample::select(vec![i64::MAX, i64::MIN])],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut book = Book::with(posted);
        for step in &steps {
            match step {
                Step::Ask(request, verdict) => {
                    let available = book.available();
                    let outcome = book.ask_with(request, verdict);
                    let taken = i128::from(outcome.held) - i128::from(outcome.posted);
                    prop_assert!(taken == 0 || taken <= i128::from(available), "{taken} of {available}");
                    let (decision, basis) = outcome.decision.unwrap();
                    let answered = book.answered[&request.key];
                    prop_assert!(basis != Basis::Replay || answered.decision == decision);
                }
                Step::Adopt(request, told) => {
                    let outcome = book.adopt(request, *told);
                    if outcome.finding != Some(Finding::Conflict) {
                        let heard = book.ask(request).decision.unwrap();
                        let expected = match *told {
                            ToldAnswer::Approved { amount } => Decision::Approve { amount },
                            ToldAnswer::Declined { reason } => Decision::Decline { reason },
                        };
                        prop_assert_eq!(heard, (expected, Basis::Replay));
                    }
                }
                Step::Tell(fact) => {
                    book.tell(*fact);
                }
            }
        }
    }

    /// Whatever happened, releasing every payment leaves nothing held and nothing debited ahead.
    #[test]
    fn released_payments_hold_nothing(steps in prop::collection::vec(step(), 1..40)) {
        let mut book = Book::with(1_000);
        for step in steps {
            match step {
                Step::Ask(request, verdict) => drop(book.ask_with(&request, &verdict)),
                Step::Adopt(request, told) => drop(book.adopt(&request, told)),
                Step::Tell(fact) => drop(book.tell(fact)),
            }
        }
        let names: Vec<_> = book.payments.keys().copied().collect();
        for name in names {
            let released = Fact::Released { payment: PaymentRef::of(name), cause: ReleaseCause::Operator };
            if book.tell(released).finding.is_none() {
                let (hold, _) = &book.payments[&name];
                prop_assert!(hold.held == 0 && hold.ahead == 0 && hold.status != HoldStatus::Open, "{hold:?}");
            }
        }
    }
}

#[test]
fn limits_of_one_request_fit_an_outcome() {
    let limits: ArrayVec<LimitCheck, { crate::rules::LIMITS_MAX }> = (0..16).map(|number| limit(number, None, None)).collect();
    let mut book = Book::with(1_000);
    book.ask_with(&purchase(100), &proceed(limits));
    assert_eq!(book.counters.len(), 16);
    book.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    assert!(book.counters.values().all(|used| *used == (0, 0)));
}

#[test]
fn what_a_platform_approved_in_our_place_is_held_whatever_we_knew() {
    let stood_in = |minor| Fact::Recorded {
        payment: payment("p"),
        asked: key("never asked"),
        outcome: RecordedOutcome::ApprovedByStandIn { amount: usd(minor), posting: Posting::Hold },
    };
    let told = |hold: Option<Hold>, fact: Fact| {
        let slice = Slice {
            account: Some(Account {
                currency: Currency::USD,
                posted: 1_000,
                held: 0,
                credit_line: 0,
                status: AccountStatus::Active,
            }),
            card: None,
            hold,
            counted: &[],
            answered: None,
            heard: Heard::First,
            uses: &[],
        };
        let event = ToldEvent {
            key: key("k"),
            occurred_at: None,
            network: None,
            settlement_day: None,
            subject: Subject::default(),
            fact,
        };
        apply(&slice, &Event::Told(&event)).held
    };
    let hold = |status, authorized, captured| {
        let held = if status == HoldStatus::Open { authorized } else { 0 };
        Some(Hold { posting: Posting::Hold, origin: HoldOrigin::Asked, status, authorized, held, ahead: 0, captured })
    };
    assert_eq!(told(None, stood_in(5_000)), 5_000);
    assert_eq!(told(hold(HoldStatus::Open, 100, 0), stood_in(5_000)), 4_900, "a fuel pump's one dollar, then its real amount");
    assert_eq!(told(hold(HoldStatus::Open, 5_000, 0), stood_in(5_000)), 0);
    assert_eq!(told(hold(HoldStatus::Released, 0, 0), stood_in(5_000)), 5_000, "reversed, then approved anew");
}

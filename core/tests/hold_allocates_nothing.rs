//! Applying an event to money allocates nothing: neither an approval with its limits, nor a decline, nor what is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may fail loudly"
)]

use arrayvec::ArrayVec;
use holdfast_core::agent::Weight;
use holdfast_core::authorization::CrossBorder;
use holdfast_core::hold::life::put;
use holdfast_core::hold::{
    Account, AccountStatus, Asked, Card, CardStatus, CardholderStatus, Counted, Event, Fact, Finality, FoundBy, Heard, LimitUse,
    Outcome, Slice, Step, Subject, ToldEvent, apply,
};
use holdfast_core::rules::{
    CounterKey, Enforcement, HoldPolicy, LIMITS_MAX, LimitCheck, LimitScope, Proceed, StillOpen, Verdict, WAYS_MAX, Way, Ways,
    Window,
};
use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, Currency, Decision, EntryMode, Expiry, IdempotencyKey, Merchant,
    Money, Padding, PartialApproval, PaymentRef, Posting, RuleId, Timestamp, Wallet,
};
use smallvec::SmallVec;

fn request(minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key-1").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment-1").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: None,
        cardholder: None,
        amount: Money::from_minor(minor, Currency::USD),
        original: Some(Money::from_minor(minor, Currency::from_alpha("EUR").unwrap())),
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant::default(),
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

fn increment(number: i64, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new(&format!("increment-{number}")).unwrap(),
        kind: AuthorizationKind::Incremental,
        increments: Some(request(minor).payment),
        occurred_at: Some(Timestamp::from_unix_seconds(number)),
        ..request(minor)
    }
}

/// An account, and the one payment on it.
struct Book {
    account: Account,
    kept: Outcome,
    steps: SmallVec<[Step; 16]>,
    counted: Vec<Counted>,
}

impl Book {
    fn new() -> Self {
        let account =
            Account { currency: Currency::USD, posted: 100_000, held: 0, credit_line: 0, status: AccountStatus::Active };
        Book { account, kept: Outcome::default(), steps: SmallVec::new(), counted: Vec::new() }
    }

    /// Applies, counting what is allocated; then keeps what came of it.
    fn apply(&mut self, event: &Event<'_>) -> (Outcome, u64) {
        let uses = [LimitUse::default(); LIMITS_MAX];
        let slice = Slice {
            account: Some(self.account),
            card: Some(Card { status: CardStatus::Active, cardholder: CardholderStatus::Active }),
            hold: self.kept.hold,
            found_by: FoundBy::ItsNames,
            steps: &self.steps,
            counted: &self.counted,
            answered: None,
            heard: Heard::First,
            uses: &uses,
            standing: None,
        };
        let mut outcome = None;
        let counted = allocation_counter::measure(|| outcome = Some(apply(&slice, event, Timestamp::EPOCH)));
        let outcome = outcome.unwrap();
        self.account.posted += outcome.posted;
        self.account.held += outcome.held;
        if let Some(step) = outcome.step {
            put(&mut self.steps, step);
            self.kept = outcome.clone();
        }
        for change in &outcome.counted {
            match self.counted.iter_mut().find(|known| known.same_place(change)) {
                Some(known) => (known.amount, known.count) = (known.amount + change.amount, known.count + change.count),
                None => self.counted.push(*change),
            }
        }
        (outcome, counted.count_total)
    }

    fn ask(&mut self, request: &AuthorizationRequest) -> (Outcome, u64) {
        self.ask_of(request, (1..=LIMITS_MAX as u64).map(check).collect(), None)
    }

    fn ask_of(
        &mut self,
        request: &AuthorizationRequest,
        limits: ArrayVec<LimitCheck, LIMITS_MAX>,
        ways: Option<Ways>,
    ) -> (Outcome, u64) {
        let hold = HoldPolicy { extra: 500, partial_min: Some(1), ..HoldPolicy::PLAIN };
        let verdict = Verdict::Proceed(Proceed { ceiling: request.amount, limits, hold, ways });
        let digest = request.content_digest();
        self.apply(&Event::Asked(Asked { request, digest, asked_at: Timestamp::EPOCH, verdict: &verdict, weight: Weight::Moves }))
    }

    fn tell(&mut self, name: &str, seconds: i64, fact: Fact) -> (Outcome, u64) {
        let event = ToldEvent {
            key: IdempotencyKey::new(name).unwrap(),
            occurred_at: Some(Timestamp::from_unix_seconds(seconds)),
            network: None,
            settlement_day: None,
            subject: Subject::default(),
            fact,
        };
        self.apply(&Event::Told(&event))
    }
}

fn check(counter: u64) -> LimitCheck {
    LimitCheck {
        limit: RuleId::new("limit").unwrap(),
        counter: CounterKey(counter),
        scope: LimitScope::Account,
        window: Window::Since(Timestamp::EPOCH),
        amount_max: Some(50_000),
        count_max: Some(10),
        enforcement: Enforcement::Enforce,
        still: StillOpen::default(),
        ways: None,
    }
}

fn approved(outcome: &Outcome) -> bool {
    matches!(outcome.decision, Some((Decision::Approve { .. }, _)))
}

#[test]
fn neither_an_approval_nor_a_decline_allocates() {
    for (minor, approves) in [(10_000, true), (60_000, false)] {
        let (outcome, allocations) = Book::new().ask(&request(minor));
        assert_eq!((approved(&outcome), allocations), (approves, 0));
        assert_eq!(outcome.counted.len(), if approves { LIMITS_MAX } else { 0 });
    }
}

#[test]
fn no_choice_among_several_ways_allocates() {
    let all = Ways::first_of(usize::from(WAYS_MAX));
    // Two limits a way; only those of the last one have room.
    let on = |(number, way): (u64, Way)| {
        let room = if Some(way) == all.iter().last() { 50_000 } else { 1 };
        [number, number + 8].map(|counter| LimitCheck { ways: Some(way.into()), amount_max: Some(room), ..check(counter) })
    };
    let limits: ArrayVec<_, LIMITS_MAX> = (1..).zip(all.iter()).flat_map(on).collect();
    for (minor, taken) in [(10_000, all.iter().last()), (60_000, None)] {
        let (outcome, allocations) = Book::new().ask_of(&request(minor), limits.clone(), Some(all));
        assert_eq!((outcome.way, allocations, outcome.counted.len()), (taken, 0, if taken.is_some() { 2 } else { 0 }));
    }
}

#[test]
fn no_increment_allocates_however_many_there_are() {
    let mut book = Book::new();
    book.ask(&request(10_000));
    for number in 1..=12 {
        let (outcome, allocations) = book.ask(&increment(number, 1_000));
        assert_eq!((approved(&outcome), allocations, outcome.counted.len()), (true, 0, LIMITS_MAX), "{number}");
        // What is taken back in between makes no work for the next one.
        let by = Money::from_minor(500, Currency::USD);
        book.tell(&format!("reversal-{number}"), number, Fact::Reduced { payment: request(0).payment, by, original: None });
    }
    let (outcome, allocations) = book.ask(&increment(13, 60_000));
    assert_eq!((approved(&outcome), allocations), (false, 0));
}

#[test]
fn nothing_that_is_told_of_one_placement_allocates() {
    let amount = Money::from_minor(500, Currency::USD);
    let mut book = Book::new();
    book.ask(&request(10_000));
    let payment = Some(request(0).payment);
    for (name, payment, finality) in
        [("force post", None, Finality::Final), ("part", payment, Finality::More), ("last", payment, Finality::Final)]
    {
        let (outcome, allocations) = book.tell(name, 20, Fact::Captured { payment, amount, finality });
        assert_eq!((outcome.posted, allocations), (-500, 0), "{name}");
    }
}

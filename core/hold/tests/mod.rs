//! The hold engine against tables, the field's known bugs, and random histories that must balance.
//!
//! A [`Book`] is the smallest engine there is: it loads a slice, applies, writes the outcome, and checks after every
//! event that the books balance ([`Book::balances`]).
#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

mod answers;
mod asked;
mod bugs;
mod joining;
mod keys;
mod limits;
mod order_of_arrival;
mod orders;
mod precedence;
mod standing;
mod told;
mod unheard;
mod ways;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use smallvec::SmallVec;

use super::life::{Steps, fold, put};
use super::*;
use crate::agent::Weight;
use crate::authorization::{
    AuthorizationKind, AuthorizationRequest, CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef, Posting,
    Wallet,
};
use crate::decision::{Basis, Decision, DeclineReason};
use crate::ids::{AccountId, AuthorizationId, CardToken, CardholderToken, IdempotencyKey, RuleId};
use crate::merchant::{Country, Merchant, MerchantName};
use crate::money::{Currency, Money};
use crate::question_digest::ContentDigest;
use crate::rules::{CounterKey, Enforcement, HoldPolicy, LimitCheck, LimitScope, Proceed, StillOpen, Verdict, Window};

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

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// When every callback arrives, unless a test says otherwise; what is told comes later.
const ASKED: Timestamp = Timestamp::from_unix_seconds(1_000);
const DAY: Window = Window::Since(Timestamp::EPOCH);
const NEXT_DAY: Window = Window::Since(Timestamp::from_unix_seconds(86_400));
const GOOD_CARD: Card = Card { status: CardStatus::Active, cardholder: CardholderStatus::Active };
const NO: ToldAnswer = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };

fn yes(minor: i64) -> ToldAnswer {
    ToldAnswer::Approved { amount: usd(minor) }
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

/// A purchase of another payment, which has its key's name.
fn another(name: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { key: key(name), payment: payment(name), ..purchase(minor) }
}

/// An increment of the payment `p` under this key.
fn increment(name: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        increments: Some(payment("p")),
        kind: AuthorizationKind::Incremental,
        occurred_at: Some(at(1_001)),
        ..another(name, minor)
    }
}

fn single_message(minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { posting: Posting::Immediate, ..purchase(minor) }
}

fn proceed(limits: impl IntoIterator<Item = LimitCheck>) -> Verdict {
    held_by(HoldPolicy::PLAIN, limits)
}

fn held_by(hold: HoldPolicy, limits: impl IntoIterator<Item = LimitCheck>) -> Verdict {
    Verdict::Proceed(Proceed { ceiling: usd(i64::MAX), limits: limits.into_iter().collect(), hold, ways: None })
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
        still: StillOpen::default(),
        ways: None,
    }
}

fn account(posted: i64) -> Account {
    Account { currency: Currency::USD, posted, held: 0, credit_line: 0, status: AccountStatus::Active }
}

fn recorded(asked: &str, outcome: RecordedOutcome) -> Fact {
    Fact::Recorded { payment: payment("p"), asked: key(asked), increments: None, outcome }
}

fn approved(minor: i64) -> RecordedOutcome {
    RecordedOutcome::Approved { amount: usd(minor) }
}

fn stood_in(minor: i64, posting: Posting) -> RecordedOutcome {
    RecordedOutcome::ApprovedByStandIn { amount: usd(minor), posting }
}

fn captured(minor: i64, finality: Finality) -> Fact {
    Fact::Captured { payment: Some(payment("p")), amount: usd(minor), finality }
}

fn reduced(minor: i64) -> Fact {
    Fact::Reduced { payment: payment("p"), by: usd(minor), original: None }
}

fn totalled(minor: i64) -> Fact {
    Fact::Replaced { payment: payment("p"), total: usd(minor) }
}

fn released(cause: ReleaseCause) -> Fact {
    Fact::Released { payment: payment("p"), cause }
}

fn message(name: &str, fact: Fact) -> ToldEvent {
    ToldEvent { key: key(name), occurred_at: None, network: None, settlement_day: None, subject: Subject::default(), fact }
}

/// The payment that a fact is about, and the question whose answer it may change.
fn named(fact: &Fact) -> (Option<PaymentRef>, Option<IdempotencyKey>) {
    match *fact {
        Fact::Recorded { payment, asked, increments, .. } => (Some(increments.unwrap_or(payment)), Some(asked)),
        Fact::Reduced { payment, .. }
        | Fact::Replaced { payment, .. }
        | Fact::Released { payment, .. }
        | Fact::Completed { payment, .. } => (Some(payment), None),
        Fact::Captured { payment, .. } | Fact::Credited { payment, .. } | Fact::Debited { payment, .. } => (payment, None),
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => (None, None),
    }
}

fn approves(minor: i64) -> Option<(Decision, Basis)> {
    Some((Decision::Approve { amount: usd(minor) }, Basis::Ledger))
}

fn approved_before(minor: i64) -> Option<(Decision, Basis)> {
    Some((Decision::Approve { amount: usd(minor) }, Basis::Replay))
}

fn declines(reason: DeclineReason) -> Option<(Decision, Basis)> {
    Some((Decision::Decline { reason }, Basis::Ledger))
}

/// Wide: what is counted is exact here, however much it is.
type Counters = HashMap<(CounterKey, Window), (i128, i64)>;

/// One payment as an engine keeps it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Kept {
    hold: Option<Hold>,
    steps: SmallVec<[Step; 4]>,
    counted: Vec<Counted>,
}

/// One account, one card, and any number of payments.
#[derive(Clone)]
struct Book {
    account: Option<Account>,
    card: Option<Card>,
    payments: BTreeMap<AuthorizationId, Kept>,
    answered: BTreeMap<IdempotencyKey, Answered>,
    heard: BTreeSet<IdempotencyKey>,
    standing: HashMap<&'static str, Mark>,
    counters: Counters,
    /// What the account had, and what every cause has done to it since.
    start: i64,
    moved: HashMap<MovementCause, i128>,
    /// A second passes with every event.
    now: Timestamp,
    told: usize,
}

impl Book {
    fn with(posted: i64) -> Self {
        Book {
            account: Some(account(posted)),
            card: Some(GOOD_CARD),
            payments: BTreeMap::new(),
            answered: BTreeMap::new(),
            heard: BTreeSet::new(),
            standing: HashMap::new(),
            counters: Counters::new(),
            start: posted,
            moved: HashMap::new(),
            now: at(2_000),
            told: 0,
        }
    }

    /// A book with 1,000, and in it the payment `p` of 100.
    fn open() -> Self {
        let mut book = Book::with(1_000);
        assert_eq!(book.ask(&purchase(100)).decision, approves(100));
        book
    }

    fn hold(&self) -> Hold {
        self.payments[&payment("p").authorization].hold.unwrap()
    }

    fn held(&self) -> i64 {
        self.account.unwrap().held
    }

    fn posted(&self) -> i64 {
        self.account.unwrap().posted
    }

    fn available(&self) -> i64 {
        self.account.unwrap().available()
    }

    fn counted(&self, number: u64, window: Window) -> (i128, i64) {
        self.counters.get(&(CounterKey(number), window)).copied().unwrap_or_default()
    }

    /// What a restart forgets if nothing keeps it.
    fn forget_keys(&mut self) {
        self.answered.clear();
        self.heard.clear();
    }

    fn ask(&mut self, request: &AuthorizationRequest) -> Outcome {
        self.ask_with(request, &proceed([]))
    }

    fn ask_with(&mut self, request: &AuthorizationRequest, verdict: &Verdict) -> Outcome {
        let asked = Asked { request, digest: request.content_digest(), asked_at: ASKED, verdict, weight: Weight::Moves };
        let limits = match verdict {
            Verdict::Decline { .. } => &[],
            Verdict::Proceed(proceed) => proceed.limits.as_slice(),
        };
        let uses: Vec<LimitUse> = limits.iter().map(|check| self.used(check)).collect();
        self.write(&Event::Asked(asked), Some(request.increments.unwrap_or(request.payment)), Some(request.key), &uses)
    }

    fn used(&self, check: &LimitCheck) -> LimitUse {
        let (amount, count) = self.counted(check.counter.0, check.window);
        LimitUse { amount: amount.try_into().unwrap_or(i64::MAX), count: count.try_into().unwrap() }
    }

    fn adopt(&mut self, request: &AuthorizationRequest, told: ToldAnswer) -> Outcome {
        self.adopt_with(request, told, ASKED, None)
    }

    fn adopt_with(
        &mut self,
        request: &AuthorizationRequest,
        told: ToldAnswer,
        asked_at: Timestamp,
        verdict: Option<&Verdict>,
    ) -> Outcome {
        let adoption = Adoption { request, digest: request.content_digest(), asked_at, told, verdict, weight: Weight::Moves };
        self.write(&Event::Adopt(adoption), Some(request.increments.unwrap_or(request.payment)), Some(request.key), &[])
    }

    fn order(&mut self, name: &str, order: Order) -> Outcome {
        let digest = digest_of(&order);
        self.order_digested(name, order, digest)
    }

    fn order_digested(&mut self, name: &str, order: Order, digest: ContentDigest) -> Outcome {
        let ordered = Ordered { key: &key(name), digest, payment: &payment("p"), order: &order };
        self.write(&Event::Ordered(ordered), Some(payment("p")), Some(key(name)), &[])
    }

    /// Something new is told, of now.
    fn tell(&mut self, fact: Fact) -> Outcome {
        self.told += 1;
        self.hear(&message(&format!("message-{}", self.told), fact))
    }

    /// Something new is told, of then.
    fn tell_at(&mut self, seconds: i64, fact: Fact) -> Outcome {
        self.told += 1;
        self.hear(&ToldEvent { occurred_at: Some(at(seconds)), ..message(&format!("message-{}", self.told), fact) })
    }

    fn hear(&mut self, event: &ToldEvent) -> Outcome {
        let (payment, asked) = named(&event.fact);
        let outcome = self.write(&Event::Told(event), payment, asked, &[]);
        self.heard.insert(event.key);
        outcome
    }

    fn write(
        &mut self,
        event: &Event<'_>,
        name: Option<PaymentRef>,
        asked: Option<IdempotencyKey>,
        uses: &[LimitUse],
    ) -> Outcome {
        self.now = self.now.saturating_add(Duration::from_secs(1));
        let before = name.and_then(|name| self.payments.get(&name.authorization)).cloned().unwrap_or_default();
        let (heard, standing) = match event {
            Event::Told(told) => (self.heard.contains(&told.key), kind_of_standing(&told.fact)),
            Event::Asked(_) | Event::Ordered(_) | Event::Adopt(_) => (false, None),
        };
        let slice = Slice {
            account: self.account,
            card: self.card,
            hold: before.hold,
            found_by: FoundBy::ItsNames,
            steps: &before.steps,
            counted: &before.counted,
            answered: asked.and_then(|key| self.answered.get(&key)).copied(),
            heard: if heard { Heard::Again } else { Heard::First },
            uses,
            standing: standing.and_then(|kind| self.standing.get(kind)).copied(),
        };
        let outcome = apply(&slice, event, self.now);
        let held_before = before.hold.map_or(0, |hold| hold.held);
        assert_eq!(outcome.hold.map_or(held_before, |hold| hold.held) - held_before, outcome.held, "{outcome:?}");
        assert_eq!(outcome.cause.is_some(), outcome.posted != 0, "{outcome:?}");
        match outcome.step {
            Some(_) => assert!(outcome.hold.is_some(), "{outcome:?}"),
            // It is known by one more name: nothing else of it is another.
            None => assert!(outcome.hold.is_none() || outcome.hold == before.hold, "{outcome:?}"),
        }
        self.keep(name, before, &outcome);
        if let (Some(key), Some(answered)) = (asked, outcome.answered) {
            self.answered.insert(key, answered);
        }
        if let (Some(kind), Some((standing, mark))) = (standing, outcome.standing) {
            self.standing.insert(kind, mark);
            match (standing, &mut self.card, &mut self.account) {
                (Standing::Card(status), Some(card), _) => card.status = status,
                (Standing::Cardholder(status), Some(card), _) => card.cardholder = status,
                (Standing::Account(status), _, Some(account)) => account.status = status,
                (_, _, _) => {}
            }
        }
        self.balances();
        outcome
    }

    fn keep(&mut self, name: Option<PaymentRef>, mut kept: Kept, outcome: &Outcome) {
        if let Some(account) = &mut self.account {
            account.posted = account.posted.checked_add(outcome.posted).expect("posted fits");
            account.held = account.held.checked_add(outcome.held).expect("held fits");
        }
        if let Some(cause) = outcome.cause {
            *self.moved.entry(cause).or_default() += i128::from(outcome.posted);
        }
        for change in &outcome.counted {
            count(&mut self.counters, change);
            match kept.counted.iter_mut().find(|known| known.same_place(change)) {
                Some(known) => (known.amount, known.count) = (known.amount + change.amount, known.count + change.count),
                None => kept.counted.push(*change),
            }
        }
        kept.hold = outcome.hold.or(kept.hold);
        if let Some(step) = outcome.step {
            put(&mut kept.steps, step);
        }
        if let Some(name) = name {
            self.payments.insert(name.authorization, kept);
        }
    }

    /// The books balance.
    fn balances(&self) {
        let mut counters = Counters::new();
        let mut held = 0_i128;
        for kept in self.payments.values() {
            kept.counted.iter().for_each(|counted| count(&mut counters, counted));
            let Some(hold) = kept.hold else { continue };
            held += i128::from(hold.held);
            assert_eq!(Ok(hold), fold(&Steps::of(&kept.steps)), "{:?}", kept.steps);
            for amount in [hold.held, hold.ahead, hold.captured, hold.authorized, hold.refunded] {
                assert!(amount >= 0, "{hold:?}");
            }
            assert!(hold.held == 0 || hold.expires_at.is_some(), "held for ever: {hold:?}");
            assert!((hold.status == HoldStatus::Open) == (hold.held > 0), "{hold:?}");
        }
        if let Some(account) = self.account {
            assert_eq!(i128::from(account.held), held);
            assert_eq!(i128::from(account.posted), i128::from(self.start) + self.moved.values().sum::<i128>());
        }
        assert_eq!(nonzero(&self.counters), nonzero(&counters));
        assert!(counters.values().all(|(amount, count)| *amount >= 0 && *count >= 0), "{counters:?}");
    }
}

fn count(counters: &mut Counters, change: &Counted) {
    let used = counters.entry((change.counter, change.window)).or_default();
    *used = (used.0 + i128::from(change.amount), used.1 + i64::from(change.count));
}

fn nonzero(counters: &Counters) -> Counters {
    counters.iter().filter(|(_, used)| **used != (0, 0)).map(|(place, used)| (*place, *used)).collect()
}

fn kind_of_standing(fact: &Fact) -> Option<&'static str> {
    match fact {
        Fact::Card { .. } => Some("card"),
        Fact::Cardholder { .. } => Some("cardholder"),
        Fact::Account { .. } => Some("account"),
        Fact::Recorded { .. }
        | Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::SettlementAnnounced { .. } => None,
    }
}

/// Tells orders apart, as an API would.
fn digest_of(order: &Order) -> ContentDigest {
    let (kind, minor) = match order {
        Order::Capture { amount, finality: Finality::Final } => (0, amount.minor()),
        Order::Capture { amount, finality: Finality::More } => (1, amount.minor()),
        Order::Release => (2, 0),
        Order::Refund { amount } => (3, amount.minor()),
    };
    ContentDigest::from_bytes(((i128::from(minor) << 8) + kind).to_le_bytes())
}

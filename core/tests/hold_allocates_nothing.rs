//! Applying an event to money allocates nothing: neither an approval with its limits, nor a decline, nor what is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may fail loudly"
)]

use arrayvec::ArrayVec;
use holdfast_core::authorization::CrossBorder;
use holdfast_core::hold::{
    Account, AccountStatus, Asked, Card, CardStatus, CardholderStatus, Event, Fact, Finality, Heard, LimitUse, Slice, Subject,
    ToldEvent, apply,
};
use holdfast_core::rules::{CounterKey, Enforcement, HoldPolicy, LimitCheck, LimitScope, Proceed, Verdict, Window};
use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, Currency, Decision, EntryMode, Expiry, IdempotencyKey, Merchant,
    Money, Padding, PartialApproval, PaymentRef, Posting, RuleId, Timestamp, Wallet,
};

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
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant::default(),
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
    }
}

fn slice(uses: &[LimitUse]) -> Slice<'_> {
    Slice {
        account: Some(Account {
            currency: Currency::USD,
            posted: 100_000,
            held: 0,
            credit_line: 0,
            status: AccountStatus::Active,
        }),
        card: Some(Card { status: CardStatus::Active, cardholder: CardholderStatus::Active }),
        hold: None,
        steps: &[],
        counted: &[],
        answered: None,
        heard: Heard::First,
        uses,
        standing: None,
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
    }
}

#[test]
fn neither_an_approval_nor_a_decline_allocates() {
    let limits: ArrayVec<_, 16> = (1..=3).map(check).collect();
    let uses = [LimitUse::default(); 3];
    for (minor, approved) in [(10_000, true), (60_000, false)] {
        let request = request(minor);
        let verdict = Verdict::Proceed(Proceed { ceiling: request.amount, limits: limits.clone(), hold: HoldPolicy::PLAIN });
        let asked = Asked { request: &request, digest: request.content_digest(), asked_at: Timestamp::EPOCH, verdict: &verdict };
        let mut outcome = None;
        let counted =
            allocation_counter::measure(|| outcome = Some(apply(&slice(&uses), &Event::Asked(asked), Timestamp::EPOCH)));
        let outcome = outcome.unwrap();
        assert_eq!(matches!(outcome.decision, Some((Decision::Approve { .. }, _))), approved);
        assert_eq!(outcome.counted.len(), if approved { 3 } else { 0 });
        assert_eq!(counted.count_total, 0);
    }
}

#[test]
fn nothing_that_is_told_allocates() {
    let event = ToldEvent {
        key: IdempotencyKey::new("clearing-1").unwrap(),
        occurred_at: None,
        network: None,
        settlement_day: None,
        subject: Subject::default(),
        fact: Fact::Captured { payment: None, amount: Money::from_minor(500, Currency::USD), finality: Finality::Final },
    };
    let mut posted = 0;
    let counted = allocation_counter::measure(|| posted = apply(&slice(&[]), &Event::Told(&event), Timestamp::EPOCH).posted);
    assert_eq!((posted, counted.count_total), (-500, 0));
}

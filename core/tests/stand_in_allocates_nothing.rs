//! Stand-in with its caps allocates nothing: a binary of its own, because it counts in the allocator.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus};
use holdfast_core::rules::{
    AmountRange, LimitScope, MccEntry, MccSet, NoTrace, Ruleset, RulesetHash, RulesetParts, When, evaluate,
};
use holdfast_core::stand_in::{
    AccountSight, Acquaintance, AddsTo, Cap, CapCounters, CapWindow, Caps, CardSight, Conditions, Mode, Row, RowAnswer, Share,
    Sight, Snapshot, StandInAnswer, StandInParts, StandInPolicy, StoodIn, stand_in,
};
use holdfast_core::{
    AccountId, AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, Country, CrossBorder, Currency,
    DeclineReason, EntryMode, Expiry, IdempotencyKey, Merchant, MerchantCategoryCode, Money, Padding, PartialApproval,
    PaymentRef, PlatformName, Posting, ProgramId, RuleId, StandInCause, Timestamp, Wallet,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn id(name: &str) -> RuleId {
    RuleId::new(name).unwrap()
}

/// Fifty rows of which only the last approves, and four caps.
fn policy() -> StandInPolicy {
    let elsewhere = Conditions {
        when: When { mcc: Some(MccSet::new(vec![MccEntry::parse("gambling").unwrap()]).unwrap()), ..When::default() },
        amount: Some(AmountRange::new(None, Some(usd(10_000))).unwrap()),
        ..Conditions::default()
    };
    let covered = Conditions { balance_age_seconds_max: Some(3600), card_used: Some(true), ..Conditions::default() };
    let decline = RowAnswer::Decline(DeclineReason::SuspectedFraud);
    let row = |number: usize| Row::new(id(&format!("row-{number}")), elsewhere.clone(), decline);
    let rows = (0..49).map(row).chain([Row::new(id("last"), covered, RowAnswer::Approve)]).collect();
    let cap = |name: &str, scope, window| {
        let (amount_max, count_max) = (Some(usd(1_000_000)), Some(900));
        Cap { id: id(name), description: None, scope, window, amount_max, count_max }
    };
    let caps = vec![
        cap("card", LimitScope::Card, CapWindow::Last(60)),
        cap("account", LimitScope::Account, CapWindow::Last(86_400)),
        cap("open", LimitScope::Card, CapWindow::Unconfirmed),
    ];
    let caps = Caps { exposure_max: Some(usd(100_000_000)), caps };
    let (hash, country) = (RulesetHash::of(""), Country::new("USA"));
    StandInPolicy::new(StandInParts { hash, currency: Currency::USD, country, mode: Mode::Rules, rows, caps }).unwrap()
}

fn request(number: u64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new(&format!("key-{number}")).unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(CardToken::new(&format!("card-{number}")).unwrap()),
        cardholder: None,
        amount: usd(2000),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant { mcc: MerchantCategoryCode::new("5411"), country: Country::new("USA"), ..Merchant::default() },
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

fn snapshot(number: u64, now: Timestamp) -> Snapshot {
    let (status, cardholder, used) = (CardStatus::Active, CardholderStatus::Active, Acquaintance::Known);
    let card = CardSight { status, cardholder, as_of: now, since: None, used };
    let account = AccountId::new(&format!("account-{number}")).unwrap();
    let account =
        AccountSight { id: account, status: AccountStatus::Active, available: usd(1_000_000), as_of: now, let_go: None };
    Snapshot { card: Sight::Seen(card), account: Sight::Seen(account), merchant: Acquaintance::Known, adds_to: AddsTo::Open }
}

fn ruleset() -> Ruleset {
    let (hash, program) = (RulesetHash::of(""), ProgramId::new("demo").unwrap());
    let (currency, country, partial_approval) = (Currency::USD, Country::new("USA"), None);
    let (rules, limits, holds) = (vec![], vec![], vec![]);
    Ruleset::new(RulesetParts { hash, program, currency, country, rules, limits, holds, partial_approval }).unwrap()
}

/// Thousands of cards, far more than are remembered at a time: counters are filled, emptied by time, and filled again.
#[test]
fn neither_deciding_nor_counting_allocates() {
    const TOLD_MAX: usize = 1000;
    let (policy, rules, platform) = (policy(), ruleset(), PlatformName::new("marqeta").unwrap());
    let mut counters = CapCounters::new(&[policy.caps()], Share::WHOLE, TOLD_MAX);
    let (mut approved, mut declined, mut allocations) = (0, 0, 0);
    for number in 0..6000 {
        let request = request(number);
        // Confirmed at once, one every 40 s; the longest window is a day, which is more than are remembered.
        let now = NOW.saturating_add(std::time::Duration::from_secs(number * 40));
        let snapshot = snapshot(number, now);
        let verdict = evaluate(&rules, &request, now, &mut NoTrace);
        let mut said: Option<StoodIn> = None;
        let counted = allocation_counter::measure(|| {
            let cause = StandInCause::LedgerUnavailable;
            let proposal = stand_in(&policy, &platform, &request, Some(&verdict), &snapshot, cause, now);
            said = Some(counters.try_take(0, &proposal));
            if let Some(name) = proposal.name() {
                counters.settle(&name);
            }
        });
        allocations += counted.count_total;
        match said.unwrap().answer {
            StandInAnswer::Approve { .. } => approved += 1,
            StandInAnswer::Decline { .. } | StandInAnswer::Abstain(_) => declined += 1,
        }
    }
    assert_eq!(allocations, 0);
    assert!(approved > 2 * TOLD_MAX && declined > TOLD_MAX, "{approved} approved, {declined} declined");
}

/// The program is one subject, however many approvals are remembered.
#[test]
fn a_cap_on_the_program_costs_no_room_for_cards() {
    let caps = |scope| Caps {
        exposure_max: None,
        caps: vec![Cap {
            id: RuleId::new("cap").unwrap(),
            description: None,
            scope,
            window: CapWindow::Unconfirmed,
            amount_max: None,
            count_max: Some(1),
        }],
    };
    let bytes = |caps: &[&Caps]| {
        let counted = allocation_counter::measure(|| drop(CapCounters::new(caps, Share::WHOLE, 10_000)));
        counted.bytes_total
    };
    let none = bytes(&[]);
    assert!(bytes(&[&caps(LimitScope::Program)]) < none + 10_000);
    assert!(bytes(&[&caps(LimitScope::Card)]) > none + 10_000);
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(CapCounters::new(&[policy().caps()], Share::WHOLE, 10)));
    assert!(counted.count_total > 0);
}

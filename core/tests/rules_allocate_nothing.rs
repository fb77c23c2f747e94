//! Evaluating a ruleset allocates nothing: a binary of its own, because it counts in the allocator.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use holdfast_core::rules::{
    AmountRange, Check, HoldRow, HoldTerms, Hours, Limit, LimitScope, LimitWindow, Listed, Margin, MatchList, MccEntry, MccSet,
    NetworkSet, NoTrace, PartialRule, Percent, Requirement, Rolling, Rule, Ruleset, RulesetHash, RulesetParts, SortedSet, Span,
    TimeOfDay, Trace, Verdict, Weekday, When, Zone, evaluate,
};
use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, Country, CrossBorder, Currency, EntryMode, Expiry, IdempotencyKey,
    Merchant, MerchantCategoryCode, MerchantId, MerchantName, Money, NetworkName, Padding, PartialApproval, PaymentRef, Posting,
    ProgramId, RuleId, Timestamp, Wallet,
};

fn ruleset() -> Ruleset {
    let zone = Arc::new(Zone::new("America/New_York", -18_000, &[(1_772_953_200, -14_400), (1_793_512_800, -18_000)]).unwrap());
    let usd = |minor| Money::from_minor(minor, Currency::USD);
    let id = |name: &str| RuleId::new(name).unwrap();
    let office =
        Span::new(Weekday::ALL.to_vec(), TimeOfDay::parse("06:00").unwrap(), TimeOfDay::parse("23:00").unwrap()).unwrap();
    let ids = SortedSet::new((0..500).map(|n| MerchantId::new(&format!("mid-{n}")).unwrap()).collect()).unwrap();
    let names = SortedSet::new((0..500).filter_map(|n| MerchantName::of(&format!("store {n}"))).collect()).unwrap();
    let gambling = MccSet::new(vec![MccEntry::parse("gambling").unwrap()]).unwrap();
    let home = SortedSet::new(vec![Country::new("USA").unwrap()]).unwrap();
    let checks = [
        Check::Amount(AmountRange::new(Some(usd(1)), Some(usd(75_000))).unwrap()),
        Check::Mcc(Listed::Deny(gambling)),
        Check::MerchantId(Listed::Deny(ids)),
        Check::MerchantName(Listed::Deny(names)),
        Check::MerchantCountry(Listed::Allow(home)),
        Check::CrossBorder(Requirement::Deny),
        Check::Cash,
        Check::QuasiCash,
        Check::Hours(Hours::new(Listed::Allow(vec![office]), zone.clone()).unwrap()),
    ];
    let rules = checks.into_iter().enumerate().map(|(index, check)| Rule::new(id(&format!("rule-{index}")), check)).collect();
    let limit = |name: &str, window| Limit::new(id(name), LimitScope::Card, window).amount_max(usd(100_000)).count_max(9);
    let limits = vec![
        limit("day", LimitWindow::Day(zone.clone())),
        limit("month", LimitWindow::Month(zone)),
        limit("rolling", LimitWindow::Rolling(Rolling::new(86_400, 24).unwrap())),
    ];
    let (hash, program) = (RulesetHash::of(""), ProgramId::new("demo").unwrap());
    let partial_approval = Some(PartialRule::of_purchases(usd(500)));
    let (currency, country, holds) = (Currency::USD, Country::new("USA"), holds());
    let parts = RulesetParts { hash, program, currency, country, rules, limits, holds, partial_approval };
    Ruleset::new(parts).unwrap()
}

/// As many rows as there can be, of which only the last applies.
fn holds() -> Vec<HoldRow> {
    let percent = Percent::parse("2.5").unwrap();
    let margin = Some(Margin { percent: Some(percent), amount: Some(Money::from_minor(100, Currency::USD)), up_to: None });
    let elsewhere = When {
        mcc: Some(MccSet::new(vec![MccEntry::parse("fuel").unwrap()]).unwrap()),
        networks: Some(NetworkSet::new(vec![NetworkName::new("visa").unwrap()]).unwrap()),
        ..When::default()
    };
    let terms = HoldTerms { extra: margin, tolerance: margin, cross_currency: Some(percent), ..HoldTerms::default() };
    let row = |n: usize| HoldRow::new(RuleId::new(&format!("hold-{n}")).unwrap(), terms);
    (0..99).map(|n| row(n).when(elsewhere.clone())).chain([row(99)]).collect()
}

fn request(mcc: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: None,
        cardholder: None,
        amount: Money::from_minor(2000, Currency::USD),
        original: Some(Money::from_minor(1800, Currency::from_alpha("EUR").unwrap())),
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant {
            id: Some(MerchantId::new("elsewhere").unwrap()),
            name: MerchantName::of("Corner Store"),
            mcc: MerchantCategoryCode::new(mcc),
            country: Country::new("USA"),
        },
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: Some(NetworkName::new("VISA").unwrap()),
        occurred_at: None,
        checkout: None,
    }
}

fn allocations(ruleset: &Ruleset, request: &AuthorizationRequest, trace: &mut impl Trace) -> (u64, Verdict) {
    let now = Timestamp::from_unix_seconds(1_773_500_966);
    let mut verdict = None;
    let counted = allocation_counter::measure(|| verdict = Some(evaluate(ruleset, request, now, trace)));
    (counted.count_total, verdict.unwrap())
}

#[test]
fn neither_a_pass_nor_a_decline_allocates() {
    let ruleset = ruleset();
    let (count, verdict) = allocations(&ruleset, &request("5411"), &mut NoTrace);
    let Verdict::Proceed(proceed) = verdict else { panic!("{verdict:?}") };
    assert_eq!((count, proceed.limits.len()), (0, 3));
    assert_eq!((proceed.hold.extra, proceed.hold.tolerance, proceed.hold.partial_min), (150, 100, Some(500)));

    let (count, verdict) = allocations(&ruleset, &request("7995"), &mut NoTrace);
    assert!(matches!(verdict, Verdict::Decline { .. }));
    assert_eq!(count, 0);
}

#[test]
fn neither_does_the_digest_of_a_merchants_name() {
    for name in ["CORNER GROCERY #12", "Straße", "Cafe\u{301} Zoe\u{308}", "ΣΊΣΥΦΟΣ", "東京コーヒー"] {
        let counted = allocation_counter::measure(|| assert!(MerchantName::of(name).is_some()));
        assert_eq!(counted.count_total, 0, "{name}");
    }
}

#[test]
fn the_counter_counts() {
    let (count, _) = allocations(&ruleset(), &request("7995"), &mut MatchList::default());
    assert!(count > 0, "the listing trace allocates, and that is seen");
}

//! What does not load, what a ruleset is called, and how its parts are listed.

use std::sync::Arc;

use super::*;

#[test]
fn every_error_at_once() {
    use RulesetProblem as P;
    let mut parts = parts(
        vec![
            rule("twice", Check::Cash),
            rule("twice", Check::Cash).declining_with(DeclineReason::InsufficientFunds),
            rule("abroad", Check::CrossBorder(Requirement::Deny)),
            rule("euro", Check::Amount(AmountRange::new(None, Some(euro("1.00"))).unwrap())),
            rule("zero", Check::Amount(AmountRange::new(Some(usd("1.00")), None).unwrap())).when(When {
                kinds: Some(KindSet::new(&[AuthorizationKind::AccountVerification]).unwrap()),
                border: Some(CrossBorder::Yes),
                ..When::default()
            }),
            rule("none", Check::Currency(Listed::Deny(Box::new([])))),
        ],
        vec![
            Limit::new(id("twice"), LimitScope::Card, LimitWindow::Lifetime),
            Limit::new(id("credit"), LimitScope::Card, LimitWindow::Lifetime)
                .amount_max(usd("0"))
                .when(When { kinds: Some(KindSet::new(&[AuthorizationKind::Credit]).unwrap()), ..When::default() }),
            Limit::new(id("euros"), LimitScope::Card, LimitWindow::Lifetime).amount_max(euro("-1")).count_max(0),
        ],
    );
    parts.country = None;
    let errors = Ruleset::new(parts).unwrap_err();
    let found: Vec<(Place, P)> = errors.iter().map(|error| (error.place, error.problem)).collect();
    assert_eq!(
        found,
        [
            (Place::Rule(1), P::DuplicateId),
            (Place::Rule(1), P::ReasonNotForRules),
            (Place::Rule(2), P::CountryNotNamed),
            (Place::Rule(3), P::OtherCurrency),
            (Place::Rule(4), P::CountryNotNamed),
            (Place::Rule(4), P::KindWithoutAmount),
            (Place::Rule(5), P::EmptyList),
            (Place::Limit(0), P::DuplicateId),
            (Place::Limit(0), P::NoMaximum),
            (Place::Limit(1), P::ZeroMaximum),
            (Place::Limit(1), P::KindNotCounted),
            (Place::Limit(2), P::OtherCurrency),
            (Place::Limit(2), P::NegativeAmount),
            (Place::Limit(2), P::ZeroMaximum),
        ]
    );
    assert_eq!(errors[0].to_string(), "rule `twice` has the id of an earlier rule, limit or hold row");
}

#[test]
fn there_is_a_most_of_everything() {
    let limits = |count: usize| {
        let limit = |n| Limit::new(id(&format!("l{n}")), LimitScope::Card, LimitWindow::Lifetime).count_max(1);
        (0..count).map(limit).collect()
    };
    let rules = |count: usize| (0..count).map(|n| rule(&format!("r{n}"), Check::Cash)).collect();
    let full = ruleset(rules(RULES_MAX), limits(LIMITS_MAX));
    let Verdict::Proceed(proceed) = evaluate(&full, &request(), now(), &mut NoTrace) else { panic!("groceries are not cash") };
    assert_eq!(proceed.limits.len(), LIMITS_MAX);
    let errors = Ruleset::new(parts(rules(RULES_MAX + 1), limits(LIMITS_MAX + 1))).unwrap_err();
    let problems: Vec<RulesetProblem> = errors.iter().map(|error| error.problem).collect();
    assert_eq!(problems, [RulesetProblem::TooManyRules, RulesetProblem::TooManyLimits]);
}

#[test]
fn parts_that_make_no_sense_cannot_be_made() {
    use RulesetProblem as P;
    assert_eq!(AmountRange::new(None, None), Err(P::NoAmount));
    assert_eq!(AmountRange::new(Some(usd("2")), Some(usd("1"))), Err(P::MinAboveMax));
    assert_eq!(AmountRange::new(Some(usd("1")), Some(euro("2"))), Err(P::OtherCurrency));
    assert_eq!(AmountRange::new(Some(usd("-1")), None), Err(P::NegativeAmount));
    assert_eq!(MccSet::new(vec![]), Err(P::EmptyList));
    assert_eq!(KindSet::new(&[]), Err(P::EmptyList));
    assert_eq!(EntryModeSet::new(&[]), Err(P::EmptyList));
    assert_eq!(SortedSet::<Country>::new(vec![]), Err(P::EmptyList));
    assert_eq!(Hours::new(Listed::Allow(vec![]), Arc::new(Zone::utc())).unwrap_err(), P::EmptyList);
    let time = |text| TimeOfDay::parse(text).unwrap();
    assert_eq!(Span::new(vec![], time("08:00"), time("09:00")), Err(P::EmptyList));
    assert_eq!(Span::new(vec![Weekday::Monday], time("08:00"), time("08:00")), Err(P::EmptySpan));
    assert_eq!(Span::new(vec![Weekday::Monday], time("24:00"), time("08:00")), Err(P::EmptySpan));
    for (text, problem) in
        [("", P::UnknownCategory), ("742", P::UnknownCategory), ("Gambling", P::UnknownCategory), ("5499-5411", P::RangeReversed)]
    {
        assert_eq!(MccEntry::parse(text), Err(problem), "{text}");
    }
}

#[test]
fn ranges_include_both_ends() {
    let set = mccs(&["0742", "5811-5814", "9998 - 9999"]);
    let listed: Vec<u16> =
        (0..10_000).filter(|number| set.contains(MerchantCategoryCode::from_number(*number).unwrap())).collect();
    assert_eq!(listed, [742, 5811, 5812, 5813, 5814, 9998, 9999]);
}

#[test]
fn a_hash_is_written_as_long_as_asked() {
    let hash = RulesetHash::of("");
    let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hash.to_string(), text);
    assert_eq!(format!("{hash:.12}"), "e3b0c44298fc");
    assert_eq!(format!("{hash:.3}"), "e3b");
    assert_ne!(hash, RulesetHash::of(" "));
}

#[test]
fn one_line_each() {
    let time = |text| TimeOfDay::parse(text).unwrap();
    let zone = Arc::new(zones::new_york());
    let span = Span::new(vec![Weekday::Saturday, Weekday::Friday], time("22:00"), time("02:00")).unwrap();
    let names = SortedSet::new(vec![MerchantName::of("A Person").unwrap()]).unwrap();
    let when = When {
        kinds: Some(KindSet::new(&[AuthorizationKind::Purchase]).unwrap()),
        entry_modes: Some(EntryModeSet::new(&[EntryMode::Keyed]).unwrap()),
        border: Some(CrossBorder::Yes),
        ..When::default()
    };
    let rules = [
        (rule("max", Check::Amount(AmountRange::new(None, Some(usd("750"))).unwrap())), "max: declines amounts above 750.00 USD"),
        (
            rule("keyed", Check::Mcc(Listed::Deny(mccs(&["gambling", "5411", "5811-5814"]))))
                .when(when)
                .declining_with(DeclineReason::SuspectedFraud),
            "keyed: declines MCC gambling, 5411, 5811-5814, when kind purchase, incremental and entry mode keyed and across a \
             border, as suspected_fraud",
        ),
        (
            rule("lock", Check::MerchantName(Listed::Allow(names))).enforced(Enforcement::Observe),
            "lock: on trial, would decline all but merchant name one of 1 listed",
        ),
        (
            rule("nights", Check::Hours(Hours::new(Listed::Deny(vec![span]), zone.clone()).unwrap())),
            "nights: declines hours friday saturday 22:00-02:00 in America/New_York",
        ),
    ];
    for (rule, line) in rules {
        assert_eq!(rule.to_string(), line);
    }
    let limits = [
        (
            Limit::new(id("day"), LimitScope::Card, LimitWindow::Day(zone)).amount_max(usd("1000")).count_max(20),
            "day: at most 1000.00 USD and 20 transactions per card and day in America/New_York",
        ),
        (
            Limit::new(id("roll"), LimitScope::Account, LimitWindow::Rolling(Rolling::new(5400, 6).unwrap()))
                .count_max(5)
                .enforced(Enforcement::Observe),
            "roll: observes whether more than 5 transactions per account in the last 90m (6 buckets)",
        ),
    ];
    for (limit, line) in limits {
        assert_eq!(limit.to_string(), line);
    }
}

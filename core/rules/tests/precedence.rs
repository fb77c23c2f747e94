//! The order of rules: a request that is wrong in every way, then put right rule by rule, from the first to the last.

use std::sync::Arc;

use super::*;

fn every_kind_of_rule() -> Vec<Rule> {
    let ids = |id: &str| SortedSet::new(vec![MerchantId::new(id).unwrap()]).unwrap();
    let names = |name: &str| SortedSet::new(vec![MerchantName::of(name).unwrap()]).unwrap();
    let night = Span::new(Weekday::ALL.to_vec(), TimeOfDay::parse("22:00").unwrap(), TimeOfDay::parse("06:00").unwrap()).unwrap();
    let hours = Hours::new(Listed::Deny(vec![night]), Arc::new(zones::new_york())).unwrap();
    vec![
        rule("currency", Check::Currency(Listed::Allow(Box::new([Currency::USD])))),
        rule("max", Check::Amount(AmountRange::new(None, Some(usd("750.00"))).unwrap())),
        rule("kind", Check::Kind(Listed::Deny(KindSet::new(&[AuthorizationKind::BillPayment]).unwrap()))),
        rule("cash", Check::Cash),
        rule("quasi-cash", Check::QuasiCash),
        rule("mcc", Check::Mcc(Listed::Deny(mccs(&["gambling"])))),
        rule("mid", Check::MerchantId(Listed::Deny(ids("mid-bad")))),
        rule("name", Check::MerchantName(Listed::Deny(names("Bad Store")))),
        rule("country", Check::MerchantCountry(Listed::Deny(SortedSet::new(vec![country("PRK")]).unwrap()))),
        rule("border", Check::CrossBorder(Requirement::Deny)),
        rule("entry", Check::EntryMode(Listed::Deny(EntryModeSet::new(&[EntryMode::Keyed]).unwrap()))),
        rule("wallet", Check::Wallet(Requirement::Require)),
        rule("hours", Check::Hours(hours)),
        rule("min", Check::Amount(AmountRange::new(Some(usd("1.00")), None).unwrap())),
    ]
}

#[test]
fn the_first_rule_that_declines_decides() {
    type Correct = fn(&mut AuthorizationRequest);
    // Each row: the rule that decides, its reason, and what puts the request right for it. Every row is still wrong in all
    // later ways.
    let rows: &[(&str, DeclineReason, Correct)] = &[
        ("currency", DeclineReason::CurrencyNotAllowed, |r| r.amount = usd("751.00")),
        ("max", DeclineReason::AmountAboveMaximum, |r| r.amount = usd("0.99")),
        ("kind", DeclineReason::TransactionNotPermitted, |r| r.kind = AuthorizationKind::CashWithdrawal),
        ("cash", DeclineReason::CashNotAllowed, |r| r.kind = AuthorizationKind::QuasiCash),
        ("quasi-cash", DeclineReason::QuasiCashNotAllowed, |r| r.kind = AuthorizationKind::Purchase),
        ("mcc", DeclineReason::MerchantCategoryNotAllowed, |r| r.merchant.mcc = Some(mcc("5411"))),
        ("mid", DeclineReason::MerchantNotAllowed, |r| r.merchant.id = None),
        ("name", DeclineReason::MerchantNotAllowed, |r| r.merchant.name = None),
        ("country", DeclineReason::MerchantCountryNotAllowed, |r| r.merchant.country = Some(country("CAN"))),
        ("border", DeclineReason::CrossBorderNotAllowed, |r| r.merchant.country = Some(country("USA"))),
        ("entry", DeclineReason::EntryModeNotAllowed, |r| r.entry_mode = EntryMode::Unknown),
        ("wallet", DeclineReason::WalletNotAllowed, |r| r.wallet = Wallet::Token),
    ];
    let ruleset = ruleset(every_kind_of_rule(), vec![]);
    let night = at("2026-03-14 04:00:00");
    let mut request = AuthorizationRequest {
        kind: AuthorizationKind::BillPayment,
        amount: euro("751.00"),
        entry_mode: EntryMode::Keyed,
        merchant: Merchant {
            id: Some(MerchantId::new("mid-bad").unwrap()),
            name: MerchantName::of("BAD*STORE"),
            mcc: Some(mcc("7995")),
            country: Some(country("PRK")),
        },
        ..request()
    };
    for (name, reason, correct) in rows {
        let mut trace = MatchList::default();
        let verdict = evaluate(&ruleset, &request, night, &mut trace);
        assert_eq!(verdict, Verdict::Decline { reason: *reason, rule: id(name) }, "{name}");
        assert_eq!(evaluate(&ruleset, &request, night, &mut NoTrace), verdict, "{name}: the trace changes nothing");
        assert_eq!(trace.matches[0].rule, id(name));
        correct(&mut request);
    }
    let by_hours = Verdict::Decline { reason: DeclineReason::OutsideAllowedHours, rule: id("hours") };
    assert_eq!(evaluate(&ruleset, &request, night, &mut NoTrace), by_hours);
    let by_min = Verdict::Decline { reason: DeclineReason::AmountBelowMinimum, rule: id("min") };
    assert_eq!(evaluate(&ruleset, &request, now(), &mut NoTrace), by_min);
    request.amount = usd("1.00");
    let Verdict::Proceed(proceed) = evaluate(&ruleset, &request, now(), &mut NoTrace) else { panic!("nothing is wrong left") };
    assert_eq!(proceed.ceiling, usd("1.00"));
}

#[test]
fn a_trace_lists_every_rule_that_matched_and_those_on_trial() {
    let deny = |name: &str, code: &str| rule(name, Check::Mcc(Listed::Deny(mccs(&[code]))));
    let ruleset = ruleset(
        vec![
            deny("on-trial", "5411").enforced(Enforcement::Observe),
            deny("other", "7995"),
            deny("first", "5411-5499").declining_with(DeclineReason::SuspectedFraud),
            deny("second", "groceries"),
        ],
        vec![],
    );
    let mut trace = MatchList::default();
    let verdict = evaluate(&ruleset, &request(), now(), &mut trace);
    assert_eq!(verdict, Verdict::Decline { reason: DeclineReason::SuspectedFraud, rule: id("first") });
    let listed = |name, reason, enforcement| Match { rule: id(name), reason, enforcement };
    assert_eq!(
        trace.matches,
        [
            listed("on-trial", DeclineReason::MerchantCategoryNotAllowed, Enforcement::Observe),
            listed("first", DeclineReason::SuspectedFraud, Enforcement::Enforce),
            listed("second", DeclineReason::MerchantCategoryNotAllowed, Enforcement::Enforce),
        ]
    );
}

#[test]
fn a_rule_on_trial_declines_nothing() {
    let on_trial = rule("on-trial", Check::Mcc(Listed::Deny(mccs(&["5411"])))).enforced(Enforcement::Observe);
    let ruleset = ruleset(vec![on_trial], vec![]);
    for verdict in
        [evaluate(&ruleset, &request(), now(), &mut NoTrace), evaluate(&ruleset, &request(), now(), &mut MatchList::default())]
    {
        assert!(matches!(verdict, Verdict::Proceed(_)));
    }
}

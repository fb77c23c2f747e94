//! What holds for any request.

use proptest::prelude::*;

use super::*;

fn any_request() -> impl Strategy<Value = AuthorizationRequest> {
    let merchant = (
        prop::option::of("[a-z0-9]{1,4}"),
        prop::option::of("[a-zA-Z *]{1,4}"),
        prop::option::of(0_u16..10_000),
        prop::option::of(prop::sample::select(vec!["USA", "CAN", "MEX", "DEU"])),
    );
    let presented = (
        prop::sample::select(EntryMode::ALL.to_vec()),
        prop::sample::select(vec![Wallet::None, Wallet::Token]),
        prop::sample::select(vec![CrossBorder::No, CrossBorder::Yes, CrossBorder::NotTold]),
    );
    let asked = (
        prop::sample::select(AuthorizationKind::ALL.to_vec()),
        any::<i64>(),
        prop::sample::select(vec!["USD", "EUR", "JPY"]),
        prop::sample::select(vec![Posting::Hold, Posting::Immediate]),
    );
    (merchant, presented, asked).prop_map(|(merchant, (entry_mode, wallet, cross_border), (kind, minor, currency, posting))| {
        AuthorizationRequest {
            kind,
            posting,
            amount: Money::from_minor(minor, Currency::from_alpha(currency).unwrap()),
            merchant: Merchant {
                id: merchant.0.map(|id| MerchantId::new(&id).unwrap()),
                name: merchant.1.and_then(|name| MerchantName::of(&name)),
                mcc: merchant.2.and_then(MerchantCategoryCode::from_number),
                country: merchant.3.map(country),
            },
            entry_mode,
            wallet,
            cross_border,
            ..request()
        }
    })
}

fn any_mcc_entries() -> impl Strategy<Value = Vec<MccEntry>> {
    let code = |number| MerchantCategoryCode::from_number(number).unwrap();
    let entry = prop_oneof![
        (0_u16..10_000).prop_map(move |number| MccEntry::Code(code(number))),
        (0_u16..10_000, 0_u16..10_000).prop_map(move |(one, other)| MccEntry::Range(code(one.min(other)), code(one.max(other)))),
        prop::sample::select(MCC_GROUPS.iter().collect::<Vec<_>>()).prop_map(MccEntry::Group),
    ];
    prop::collection::vec(entry, 1..6)
}

fn declines(check: Check, request: &AuthorizationRequest) -> bool {
    reason(rule("rule", check), request).is_some()
}

proptest! {
    #[test]
    fn with_a_datum_deny_is_the_complement_of_allow(request in any_request(), entries in any_mcc_entries(), number in 0_u16..10_000) {
        let mut request = request;
        request.merchant.mcc = MerchantCategoryCode::from_number(number);
        let set = MccSet::new(entries.clone()).unwrap();
        let denied = declines(Check::Mcc(Listed::Deny(set.clone())), &request);
        let not_allowed = declines(Check::Mcc(Listed::Allow(set)), &request);
        if request.kind == AuthorizationKind::Credit {
            prop_assert!(!denied && !not_allowed);
        } else {
            prop_assert_ne!(denied, not_allowed);
            let listed = entries.iter().any(|entry| match entry {
                MccEntry::Code(code) => code.number() == number,
                MccEntry::Range(first, last) => first.number() <= number && number <= last.number(),
                MccEntry::Group(group) => group.ranges.iter().any(|(first, last)| *first <= number && number <= *last),
            });
            prop_assert_eq!(denied, listed);
        }
    }

    #[test]
    fn no_request_and_no_moment_panics_and_a_trace_changes_no_verdict(request in any_request(), micros: i64) {
        let now = Timestamp::from_unix_micros(micros);
        let zone = std::sync::Arc::new(zones::new_york());
        let office = Span::new(
            Weekday::ALL.to_vec(), TimeOfDay::parse("08:00").unwrap(), TimeOfDay::parse("18:00").unwrap(),
        ).unwrap();
        let rules = vec![
            rule("amount", Check::Amount(AmountRange::new(Some(usd("1")), Some(usd("750"))).unwrap())),
            rule("mcc", Check::Mcc(Listed::Deny(mccs(&["gambling"])))),
            rule("border", Check::CrossBorder(Requirement::Deny)).enforced(Enforcement::Observe),
            rule("cash", Check::Cash),
            rule("hours", Check::Hours(Hours::new(Listed::Allow(vec![office]), zone.clone()).unwrap())),
        ];
        let limits = vec![
            Limit::new(id("day"), LimitScope::Card, LimitWindow::Day(zone)).count_max(1),
            Limit::new(id("hour"), LimitScope::Card, LimitWindow::Rolling(Rolling::new(3600, 60).unwrap())).count_max(1),
        ];
        let ruleset = ruleset(rules, limits);
        let mut trace = MatchList::default();
        let verdict = evaluate(&ruleset, &request, now, &mut trace);
        prop_assert_eq!(&verdict, &evaluate(&ruleset, &request, now, &mut NoTrace));
        let first = trace.matches.iter().find(|found| found.enforcement == Enforcement::Enforce);
        match verdict {
            Verdict::Decline { reason, rule } => prop_assert_eq!(first.map(|found| (found.rule, found.reason)), Some((rule, reason))),
            Verdict::Proceed(proceed) => {
                prop_assert!(first.is_none());
                prop_assert_eq!(proceed.ceiling, request.amount);
            }
        }
    }
}

//! Limits: what counts, where it counts, and which counter it is.

use std::sync::Arc;
use std::time::Duration;

use super::*;

fn daily() -> Limit {
    Limit::new(id("daily"), LimitScope::Card, LimitWindow::Day(Arc::new(zones::new_york())))
}

fn checks(limits: Vec<Limit>, request: &AuthorizationRequest) -> Vec<LimitCheck> {
    match evaluate(&ruleset(vec![], limits), request, now(), &mut NoTrace) {
        Verdict::Proceed(proceed) => proceed.limits.to_vec(),
        Verdict::Decline { rule, .. } => panic!("{rule:?} declines"),
    }
}

#[test]
fn what_counts() {
    use AuthorizationKind as Kind;
    let cases = [
        (Kind::Purchase, Some((Some(100_000), Some(20)))),
        (Kind::PurchaseWithCashback, Some((Some(100_000), Some(20)))),
        (Kind::CashWithdrawal, Some((Some(100_000), Some(20)))),
        (Kind::QuasiCash, Some((Some(100_000), Some(20)))),
        (Kind::BillPayment, Some((Some(100_000), Some(20)))),
        (Kind::AccountVerification, Some((None, Some(20)))),
        (Kind::Incremental, Some((Some(100_000), None))),
        (Kind::Credit, None),
        (Kind::BalanceInquiry, None),
    ];
    for (kind, expected) in cases {
        let request = AuthorizationRequest { kind, ..request() };
        let found = checks(vec![daily().amount_max(usd("1000.00")).count_max(20)], &request);
        assert_eq!(found.first().map(|check| (check.amount_max, check.count_max)), expected, "{kind:?}");
    }
    let verification = AuthorizationRequest { kind: Kind::AccountVerification, ..request() };
    assert_eq!(checks(vec![daily().amount_max(usd("1000.00"))], &verification), [], "an amount limit counts no verification");
    let increment = AuthorizationRequest { kind: Kind::Incremental, ..request() };
    assert_eq!(checks(vec![daily().count_max(20)], &increment), [], "a count limit counts no increment");
}

#[test]
fn what_an_earlier_calendar_opened_counts_until_it_would_have_ended() {
    let new_york = || Arc::new(zones::new_york());
    let zone = |hours: i32| Arc::new(Zone::new("Elsewhere", hours * 3600, &[]).unwrap());
    // Moved to this calendar, with what began then: until which moment that is open, if it is open at all.
    let cases: &[(LimitWindow, &str, &str, Option<&str>)] = &[
        // An hour later: to the end of the month, though the day before it ends in New York.
        (LimitWindow::Month(zone(-6)), "2026-03-01 05:00:00", "2026-03-01 06:00:00", Some("2026-03-31 23:00:00")),
        // February, and the month before, where the new month begins five hours earlier: no longer than by its own calendar.
        (LimitWindow::Month(zone(0)), "2026-02-01 05:00:00", "2026-03-01 00:00:00", Some("2026-03-01 05:59:59")),
        (LimitWindow::Month(zone(0)), "2026-01-01 05:00:00", "2026-03-01 00:00:00", None),
        // The last day of a week that began on Monday is the first of one that begins on Sunday.
        (
            LimitWindow::Week(new_york(), Weekday::Sunday),
            "2026-01-12 05:00:00",
            "2026-01-18 05:00:00",
            Some("2026-01-19 05:59:59"),
        ),
        (LimitWindow::Day(zone(13)), "2026-01-12 05:00:00", "2026-01-12 11:00:00", Some("2026-01-13 10:59:59")),
        (LimitWindow::Day(zone(13)), "2026-01-11 05:00:00", "2026-01-12 11:00:00", None),
    ];
    for (window, counted, from, until) in cases {
        let is_open = |moment| window.still_open(window.at(moment), moment).has(at(counted));
        assert_eq!(window.at(at(from)), Window::Since(at(from)), "{window:?}");
        assert_eq!(is_open(at(from)), until.is_some(), "{window:?} {counted}");
        let Some(until) = until.map(at) else { continue };
        assert!(is_open(until), "{window:?} {counted}");
        let later = until.saturating_add(Duration::from_secs(2));
        assert!(!is_open(later) || window.at(later) == window.at(until), "{window:?} {counted}");
    }
}

#[test]
fn the_window_that_is_open_now() {
    let zone = Arc::new(zones::new_york());
    let since = |text| Window::Since(at(text));
    let hours_24 = Rolling::new(86_400, 24).unwrap();
    let cases = [
        (LimitWindow::Day(zone.clone()), since("2026-03-14 04:00:00")),
        (LimitWindow::Week(zone.clone(), Weekday::Monday), since("2026-03-09 04:00:00")),
        (LimitWindow::Week(zone.clone(), Weekday::Sunday), since("2026-03-08 05:00:00")),
        (LimitWindow::Month(zone), since("2026-03-01 05:00:00")),
        (LimitWindow::Rolling(hours_24), Window::Rolling { bucket: now().unix_seconds() / 3600, buckets: 25 }),
        (LimitWindow::Lifetime, Window::Lifetime),
    ];
    for (window, expected) in cases {
        let name = window.name();
        let limit = Limit::new(id("limit"), LimitScope::Program, window).count_max(1).enforced(Enforcement::Observe);
        let found = checks(vec![limit], &request());
        assert_eq!(found[0].window, expected, "{name}");
        assert_eq!((found[0].scope, found[0].enforcement), (LimitScope::Program, Enforcement::Observe));
    }
    let before_the_epoch = LimitWindow::Rolling(hours_24).at(Timestamp::from_unix_seconds(-1));
    assert_eq!(before_the_epoch, Window::Rolling { bucket: -1, buckets: 25 });
    let early = LimitWindow::Rolling(hours_24.forgetting_early()).at(Timestamp::from_unix_seconds(-1));
    assert_eq!(early, Window::Rolling { bucket: -1, buckets: 24 });
}

#[test]
fn a_rolling_window_counts_whatever_is_younger_than_it_is_long() {
    let day = Rolling::new(86_400, 24).unwrap();
    let open_at = |rolling, seconds| match LimitWindow::Rolling(rolling).at(Timestamp::from_unix_seconds(seconds)) {
        Window::Rolling { bucket, buckets } => (bucket, i64::from(buckets)),
        Window::Since(_) | Window::Lifetime => panic!("it rolls"),
    };
    let counts = |rolling, then, now| {
        let ((counted, _), (bucket, buckets)) = (open_at(rolling, then), open_at(rolling, now));
        counted > bucket - buckets
    };
    for then in [0, 1, 1_799, 3_599, 3_600, 86_399] {
        assert!(counts(day, then, then + 86_399), "{then}: younger by a second");
        assert!(!counts(day, then, then + 86_400 + 3_600), "{then}: a bucket older");
        assert!(!counts(day.forgetting_early(), then, then + 86_400), "{then}: as old as it is long");
        assert!(counts(day.forgetting_early(), then, then + 86_400 - 3_600), "{then}: a bucket younger");
    }
}

#[test]
fn conditions_select() {
    let only = |mcc: &str| daily().count_max(1).when(When { mcc: Some(mccs(&[mcc])), ..When::default() });
    assert_eq!(checks(vec![only("groceries")], &request()).len(), 1);
    assert_eq!(checks(vec![only("gambling")], &request()).len(), 0);
    let cash = When { kinds: Some(KindSet::new(&[AuthorizationKind::CashWithdrawal]).unwrap()), ..When::default() };
    assert_eq!(checks(vec![daily().count_max(1).when(cash)], &request()).len(), 0);
}

#[test]
fn a_counter_is_its_program_name_scope_and_kind_of_window() {
    let counter_in = |program: &str, limit: Limit| {
        let parts = RulesetParts { program: ProgramId::new(program).unwrap(), ..parts(vec![], vec![limit]) };
        Ruleset::new(parts).unwrap().limits()[0].counter()
    };
    let counter = |limit: Limit| counter_in("demo", limit);
    let base = counter(daily().count_max(1));
    assert_eq!(base, counter(daily().amount_max(usd("5.00")).enforced(Enforcement::Observe)), "maxima may change");
    let utc = LimitWindow::Day(Arc::new(Zone::utc()));
    assert_eq!(base, counter(Limit::new(id("daily"), LimitScope::Card, utc.clone()).count_max(1)), "the zone may change");

    let rolling = |seconds, buckets| LimitWindow::Rolling(Rolling::new(seconds, buckets).unwrap());
    let mut all = vec![base, counter_in("other", daily().count_max(1))];
    for (name, scope, window) in [
        ("weekly", LimitScope::Card, utc.clone()),
        ("daily", LimitScope::Account, utc.clone()),
        ("daily", LimitScope::Program, utc),
        ("daily", LimitScope::Card, LimitWindow::Lifetime),
        ("daily", LimitScope::Card, LimitWindow::Month(Arc::new(Zone::utc()))),
        ("daily", LimitScope::Card, rolling(86_400, 24)),
        ("daily", LimitScope::Card, rolling(86_400, 48)),
        ("daily", LimitScope::Card, rolling(43_200, 12)),
    ] {
        all.push(counter(Limit::new(id(name), scope, window).count_max(1)));
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "all of these are different counters");
}

/// The counter in which a request counts under a limit of a scope.
fn counter_of(scope: LimitScope, request: &AuthorizationRequest) -> CounterKey {
    let limit = Limit::new(id("daily"), scope, LimitWindow::Lifetime).count_max(1);
    checks(vec![limit], request).pop().unwrap().counter
}

#[test]
fn a_merchant_and_a_cardholder_have_counters_of_their_own() {
    let at = |merchant: Option<&str>, name: Option<&str>| {
        let id = merchant.map(|id| MerchantId::new(id).unwrap());
        let name = name.and_then(MerchantName::of);
        counter_of(
            LimitScope::Merchant,
            &AuthorizationRequest { merchant: Merchant { id, name, ..request().merchant }, ..request() },
        )
    };
    assert_eq!(at(Some("mid-1"), Some("Store")), at(Some("mid-1"), None), "the identifier counts before the name");
    assert_ne!(at(Some("mid-1"), None), at(Some("mid-2"), None));
    assert_eq!(at(None, Some("STORE 1")), at(None, Some("Store-1")));
    assert_eq!(at(None, None), at(None, None), "what names none counts together, and not nowhere");
    let of = |cardholder: Option<&str>, card: &str| {
        let cardholder = cardholder.map(|cardholder| CardholderToken::new(cardholder).unwrap());
        let card = Some(CardToken::new(card).unwrap());
        counter_of(LimitScope::Cardholder, &AuthorizationRequest { card, cardholder, ..request() })
    };
    assert_eq!(of(Some("h"), "card-1"), of(Some("h"), "card-2"));
    assert_ne!(of(Some("h"), "card-1"), of(Some("i"), "card-1"));
    assert_ne!(of(None, "card-1"), of(Some("h"), "card-1"));
    assert_ne!(of(None, "card-1"), of(None, "card-2"), "whose a card is that nobody told of counts by itself");
    assert_eq!(of(None, "card-1"), of(None, "card-1"));
}

#[test]
fn rolling_windows_divide_evenly() {
    assert!(Rolling::new(3600, 60).is_ok());
    assert!(Rolling::new(1, 1).is_ok());
    for (seconds, buckets) in [(3600, 0), (3660, 61), (3601, 60), (0, 1), (0, 0), (30, 60)] {
        assert_eq!(Rolling::new(seconds, buckets), Err(RulesetProblem::UnevenBuckets), "{seconds} {buckets}");
    }
}

#[test]
fn two_limits_never_share_a_counter() {
    let lifetime = |name: &str, scope| {
        let mut limit = Limit::new(id(name), scope, LimitWindow::Lifetime).count_max(1);
        limit.join(ProgramId::new("demo").unwrap());
        limit
    };
    // Two names with one digest are not to be found, so one name stands for both.
    let limits = [
        lifetime("one", LimitScope::Card),
        lifetime("one", LimitScope::Account),
        lifetime("other", LimitScope::Card),
        lifetime("one", LimitScope::Card),
    ];
    let found: Vec<(Place, RulesetProblem)> =
        ruleset::shared_counters(&limits).iter().map(|error| (error.place, error.problem)).collect();
    assert_eq!(found, [(Place::Limit(3), RulesetProblem::SharedCounter)]);
}

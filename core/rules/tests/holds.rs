//! The hold policy: percentages, which row decides what, what is built in, and what is approved in part.

use super::*;

const DAY: u32 = 86_400;

fn policy_of(parts: RulesetParts, request: &AuthorizationRequest) -> HoldPolicy {
    match evaluate(&Ruleset::new(parts).unwrap(), request, now(), &mut NoTrace) {
        Verdict::Proceed(proceed) => proceed.hold,
        Verdict::Decline { rule, .. } => panic!("{rule:?} declines"),
    }
}

fn policy(holds: Vec<HoldRow>, request: &AuthorizationRequest) -> HoldPolicy {
    policy_of(RulesetParts { holds, ..parts(vec![], vec![]) }, request)
}

fn row(name: &str, terms: HoldTerms) -> HoldRow {
    HoldRow::new(id(name), terms)
}

fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}

fn share(text: &str) -> Margin {
    Margin { percent: Some(percent(text)), ..Margin::default() }
}

fn fixed(decimal: &str) -> Margin {
    Margin { amount: Some(usd(decimal)), ..Margin::default() }
}

fn up_to(decimal: &str) -> Margin {
    Margin { up_to: Some(usd(decimal)), ..Margin::default() }
}

fn extra(extra: Margin) -> HoldTerms {
    HoldTerms { extra: Some(extra), ..HoldTerms::default() }
}

fn tolerance(tolerance: Margin) -> HoldTerms {
    HoldTerms { tolerance: Some(tolerance), ..HoldTerms::default() }
}

fn lifetime(days: u32) -> HoldTerms {
    HoldTerms { lifetime_seconds: Some(days * DAY), ..HoldTerms::default() }
}

fn at_a(code: &str, decimal: &str) -> AuthorizationRequest {
    let mut request = AuthorizationRequest { amount: usd(decimal), ..request() };
    request.merchant.mcc = Some(mcc(code));
    request
}

fn network(name: &str) -> Option<NetworkName> {
    Some(NetworkName::new(name).unwrap())
}

#[test]
fn percentages() {
    let read = [("0", 0), ("20", 2000), ("2.5", 250), ("2.50", 250), ("0.01", 1), ("015", 1500), ("1000", 100_000)];
    for (text, hundredths) in read {
        assert_eq!(Percent::parse(text).map(Percent::basis_points), Ok(hundredths), "{text}");
    }
    let wrong =
        ["", "%", "20%", "-1", "+1", "1.", ".5", "0.001", "1000.01", "1e1", "1 ", "1,5", "00001", "99999999999", "é", "1.é"];
    for text in wrong {
        assert_eq!(Percent::parse(text), Err(RulesetProblem::NotAPercentage), "{text}");
    }
    // Up to the next minor unit, and never beyond what can be counted.
    let of = [
        ("20", 0, 0),
        ("20", 1, 1),
        ("20", 5, 1),
        ("20", 6, 2),
        ("15", 2000, 300),
        ("2.5", 999, 25),
        ("0.01", 1, 1),
        ("0.01", 10_000, 1),
        ("0.01", 10_001, 2),
        ("0", i64::MAX, 0),
        ("100", i64::MAX, i64::MAX),
        ("1000", i64::MAX, i64::MAX),
        ("20", -5, 0),
    ];
    for (text, minor, expected) in of {
        assert_eq!(percent(text).of(minor), expected, "{text} of {minor}");
    }
    assert_eq!((percent("20").to_string(), percent("2.5").to_string()), ("20%".into(), "2.50%".into()));
}

#[test]
fn the_largest_of_a_margin_counts() {
    let all = Margin { percent: Some(percent("15")), amount: Some(usd("75")), up_to: Some(usd("125")) };
    let cases = [
        (share("15"), "1000.00", 15_000),
        (fixed("75"), "1000.00", 7500),
        (up_to("125"), "1.00", 12_400),
        (up_to("125"), "125.00", 0),
        (up_to("125"), "200.00", 0),
        (all, "1.00", 12_400),
        (all, "60.00", 7500),
        (all, "499.99", 7500),
        (all, "500.01", 7501),
        (Margin::default(), "1000.00", 0),
    ];
    for (margin, amount, expected) in cases {
        let request = AuthorizationRequest { amount: usd(amount), ..request() };
        assert_eq!(policy(vec![row("r", extra(margin))], &request).extra, expected, "{margin} on {amount}");
        assert_eq!(policy(vec![row("r", tolerance(margin))], &request).tolerance, expected, "{margin} over {amount}");
        let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..request };
        let found = policy(vec![row("r", extra(margin))], &increment).extra;
        let by_percent = margin.percent.map_or(0, |percent| percent.of(request.amount.minor()));
        assert_eq!(found, by_percent, "{margin}: an increment of {amount} gets no fixed amount again");
    }
}

/// Every field goes to the first row that applies and names it, whatever the others say.
#[test]
fn the_first_row_that_names_a_field_decides_it() {
    let fuel = When { mcc: Some(mccs(&["5542"])), ..When::default() };
    let visa = When { networks: Some(NetworkSet::new(vec![NetworkName::new("visa").unwrap()]).unwrap()), ..When::default() };
    let rows = || {
        vec![
            row("fuel", HoldTerms { extra: Some(up_to("125")), ..lifetime(2) }).when(fuel.clone()),
            row("visa", HoldTerms { safety_timer_seconds: Some(DAY), ..lifetime(4) }).when(visa.clone()),
            row("rest", HoldTerms { tolerance: Some(share("1")), extra: Some(share("10")), ..lifetime(3) }),
            row("too-late", HoldTerms { cross_currency: Some(percent("3")), tolerance: Some(share("50")), ..lifetime(1) }),
        ]
    };
    // MCC, network; then lifetime and safety timer in days, extra and tolerance of 20.00.
    let cases = [
        ("5542", Some("VISA"), 2, 1, 10_500, 20),
        ("5542", None, 2, 35, 10_500, 20),
        ("5411", Some("Visa"), 4, 1, 200, 20),
        ("5411", Some("MASTERCARD"), 3, 35, 200, 20),
        ("5411", None, 3, 35, 200, 20),
    ];
    for (code, name, lifetime, safety, extra, tolerance) in cases {
        let request = AuthorizationRequest { network: name.and_then(network), ..at_a(code, "20.00") };
        let expected = HoldPolicy {
            lifetime_seconds: lifetime * DAY,
            safety_timer_seconds: safety * DAY,
            extra,
            tolerance,
            partial_min: None,
            of_less: None,
        };
        assert_eq!(policy(rows(), &request), expected, "{code} {name:?}");
        let foreign = AuthorizationRequest { original: Some(euro("18.00")), ..request };
        assert_eq!(policy(rows(), &foreign).extra, extra + 60, "{code} {name:?}: the pad comes on top");
    }
    // The keys of a margin are one field, so that a row can take what is built in away.
    let none = vec![row("no-tips", tolerance(share("0")))];
    assert_eq!(policy(vec![], &at_a("5812", "20.00")).tolerance, 400);
    assert_eq!(policy(none, &at_a("5812", "20.00")).tolerance, 0);
    let fixed_only = vec![row("rental", tolerance(fixed("5")))];
    assert_eq!(policy(fixed_only, &at_a("7512", "1000.00")).tolerance, 500, "neither 15 % nor 75.00 is left");
}

#[test]
fn nothing_on_top_of_a_debit_or_of_what_the_platform_added() {
    let rows =
        || vec![row("pad", HoldTerms { cross_currency: Some(percent("3")), tolerance: Some(share("5")), ..extra(share("10")) })];
    let foreign = AuthorizationRequest { original: Some(euro("18.00")), ..request() };
    let cases = [
        (Posting::Hold, Padding::None, Some(euro("18.00")), 260),
        (Posting::Hold, Padding::None, Some(usd("20.00")), 200),
        (Posting::Hold, Padding::None, None, 200),
        (Posting::Hold, Padding::ByPlatform, Some(euro("18.00")), 0),
        (Posting::Immediate, Padding::None, Some(euro("18.00")), 0),
        (Posting::Immediate, Padding::ByPlatform, None, 0),
    ];
    for (posting, padding, original, expected) in cases {
        let found = policy(rows(), &AuthorizationRequest { posting, padding, original, ..foreign });
        assert_eq!((found.extra, found.tolerance), (expected, 100), "{posting:?} {padding:?} {original:?}");
    }
    for kind in [AuthorizationKind::AccountVerification, AuthorizationKind::Credit, AuthorizationKind::BalanceInquiry] {
        let asked = AuthorizationRequest { kind, network: network("VISA"), ..foreign };
        assert_eq!(policy(rows(), &asked), HoldPolicy::PLAIN, "{kind:?}: nothing is held");
    }
}

#[test]
fn what_a_payment_door_holds_ends_after_seven_days_and_tolerates_nothing() {
    let visa = Some(NetworkName::new("VISA").unwrap());
    let merchant = Merchant { mcc: Some(mcc("7011")), ..request().merchant };
    let request =
        AuthorizationRequest { expiry: Expiry::Ours, network: visa, entry_mode: EntryMode::Ecommerce, merchant, ..request() };
    let found = policy(vec![], &request);
    assert_eq!((found.lifetime_seconds, found.tolerance), (7 * DAY, 0));
    assert_eq!(policy(vec![row("short", lifetime(2))], &request).lifetime_seconds, 2 * DAY, "a program may say otherwise");
}

#[test]
fn no_row_lets_a_payment_door_capture_more_than_was_authorized() {
    let tolerant = || vec![row("tolerant", tolerance(share("20")))];
    let of = |expiry| policy(tolerant(), &AuthorizationRequest { expiry, ..request() });
    assert!(of(Expiry::Told).tolerance > 0, "a platform's clearing");
    assert_eq!(of(Expiry::Ours).tolerance, 0);
}

#[test]
fn lifetimes_that_are_built_in() {
    let cases = [
        ("4411", Some("VISA"), EntryMode::Chip, 30),
        ("7011", Some("MASTERCARD"), EntryMode::Ecommerce, 30),
        ("3501", None, EntryMode::Unknown, 30),
        ("7512", Some("VISA"), EntryMode::Recurring, 30),
        ("5411", Some("MASTERCARD"), EntryMode::Chip, 7),
        ("5411", Some("MASTERCARD"), EntryMode::Ecommerce, 7),
        ("5411", Some("VISA"), EntryMode::Recurring, 5),
        ("5411", Some("VISA"), EntryMode::Chip, 5),
        ("5411", Some("Visa"), EntryMode::Contactless, 5),
        ("5411", Some("VISA"), EntryMode::MagneticStripe, 5),
        ("5411", Some("VISA"), EntryMode::Keyed, 10),
        ("5411", Some("VISA"), EntryMode::Ecommerce, 10),
        ("5411", Some("VISA"), EntryMode::CardOnFile, 10),
        ("5411", Some("VISA"), EntryMode::Unknown, 10),
        ("5411", Some("DISCOVER"), EntryMode::Chip, 7),
        ("5411", None, EntryMode::Ecommerce, 7),
    ];
    for (code, name, entry_mode, days) in cases {
        let request = AuthorizationRequest { network: name.and_then(network), entry_mode, ..at_a(code, "20.00") };
        let found = policy(vec![], &request);
        assert_eq!(found.lifetime_seconds, days * DAY, "{code} {name:?} {entry_mode:?}");
        assert_eq!((found.safety_timer_seconds, found.extra, found.partial_min), (35 * DAY, 0, None));
    }
}

#[test]
fn tolerances_that_are_built_in() {
    use AuthorizationKind as Kind;
    // For 100.00 in dollars, and in euros.
    let cases = [
        (Kind::CashWithdrawal, "5812", EntryMode::Ecommerce, 0, 0),
        (Kind::QuasiCash, "7011", EntryMode::Ecommerce, 0, 0),
        (Kind::Purchase, "5542", EntryMode::Ecommerce, 7500, 0),
        (Kind::Purchase, "5541", EntryMode::Chip, 0, 0),
        (Kind::Purchase, "4121", EntryMode::Chip, 2000, 2000),
        (Kind::Purchase, "5811", EntryMode::Chip, 0, 0),
        (Kind::Purchase, "5812", EntryMode::Chip, 2000, 2000),
        (Kind::Purchase, "5813", EntryMode::Ecommerce, 2000, 2000),
        (Kind::Incremental, "5814", EntryMode::Chip, 2000, 2000),
        (Kind::PurchaseWithCashback, "7230", EntryMode::Chip, 2000, 2000),
        (Kind::Purchase, "7298", EntryMode::Recurring, 2000, 2000),
        (Kind::Purchase, "4411", EntryMode::Chip, 1500, 1500),
        (Kind::Purchase, "3999", EntryMode::Recurring, 1500, 1500),
        (Kind::Purchase, "7512", EntryMode::Chip, 7500, 1500),
        (Kind::Incremental, "7512", EntryMode::Chip, 1500, 1500),
        (Kind::Purchase, "5411", EntryMode::Ecommerce, 1500, 1500),
        (Kind::Purchase, "5411", EntryMode::Keyed, 1500, 1500),
        (Kind::BillPayment, "5411", EntryMode::CardOnFile, 1500, 1500),
        (Kind::Purchase, "5411", EntryMode::Recurring, 0, 0),
        (Kind::Purchase, "5411", EntryMode::Chip, 0, 0),
        (Kind::Purchase, "5411", EntryMode::Contactless, 0, 0),
        (Kind::Purchase, "5411", EntryMode::MagneticStripe, 0, 0),
        (Kind::Purchase, "5411", EntryMode::Unknown, 0, 0),
    ];
    for (kind, code, entry_mode, dollars, euros) in cases {
        let request = AuthorizationRequest { kind, entry_mode, ..at_a(code, "100.00") };
        assert_eq!(policy(vec![], &request).tolerance, dollars, "{kind:?} {code} {entry_mode:?}");
        let parts = RulesetParts { currency: euro("0").currency(), ..parts(vec![], vec![]) };
        let request = AuthorizationRequest { amount: euro("100.00"), ..request };
        assert_eq!(policy_of(parts, &request).tolerance, euros, "{kind:?} {code} {entry_mode:?} in euros");
    }
    assert_eq!(policy(vec![], &at_a("7512", "1000.00")).tolerance, 15_000, "15 % is the larger");
    assert_eq!(policy(vec![], &at_a("5542", "1.00")).tolerance, 17_400);
}

#[test]
fn the_margins_of_a_part_are_of_that_part() {
    let terms = HoldTerms {
        extra: Some(Margin { percent: Some(Percent::whole(20)), amount: Some(usd("1.50")), up_to: None }),
        tolerance: Some(Margin { up_to: Some(usd("100.00")), ..Margin::default() }),
        cross_currency: Some(Percent::whole(10)),
        ..HoldTerms::default()
    };
    let of = |partial_approval, original| {
        let purchases = Some(PartialRule::of_purchases(usd("1.00")));
        let rows = vec![HoldRow::new(id("row"), terms)];
        let parts = RulesetParts { partial_approval: purchases, holds: rows, ..parts(vec![], vec![]) };
        policy_of(parts, &AuthorizationRequest { amount: usd("50.00"), partial_approval, original, ..request() })
    };
    let margins = |policy: HoldPolicy| (policy.extra, policy.tolerance);
    let plain = of(PartialApproval::Supported, None);
    assert_eq!(margins(plain), (1_000, 5_000));
    for (approved, expected) in [(5_000, (1_000, 5_000)), (3_000, (600, 7_000)), (500, (150, 9_500))] {
        assert_eq!(margins(plain.for_approved(approved, 5_000)), expected, "{approved}");
    }
    let foreign = of(PartialApproval::Supported, Some(euro("45.00")));
    assert_eq!(margins(foreign.for_approved(3_000, 5_000)), (900, 7_000));
    let refused = of(PartialApproval::NotSupported, None);
    assert_eq!((refused.of_less, margins(refused.for_approved(3_000, 5_000))), (None, (1_000, 5_000)));
}

#[test]
fn what_may_be_approved_in_part() {
    use AuthorizationKind as Kind;
    let least = |rule: Option<PartialRule>, kind, entry_mode| {
        let parts = RulesetParts { partial_approval: rule, ..parts(vec![], vec![]) };
        policy_of(parts, &AuthorizationRequest { kind, entry_mode, ..request() }).partial_min
    };
    let purchases = PartialRule::of_purchases(usd("5.00"));
    for kind in Kind::ALL {
        for entry_mode in EntryMode::ALL {
            assert_eq!(least(None, kind, entry_mode), None, "off unless it is written");
            let purchase = matches!(kind, Kind::Purchase | Kind::Incremental) && entry_mode != EntryMode::Recurring;
            assert_eq!(least(Some(purchases), kind, entry_mode), purchase.then_some(500), "{kind:?} {entry_mode:?}");
        }
    }
    let cash = PartialRule { kinds: KindSet::new(&[Kind::CashWithdrawal]).unwrap(), ..purchases };
    assert_eq!(least(Some(cash), Kind::CashWithdrawal, EntryMode::Chip), Some(500), "cash that is named");
    let charged = PartialRule { entry_modes: EntryModeSet::ALL, ..purchases };
    assert_eq!(least(Some(charged), Kind::Purchase, EntryMode::Recurring), Some(500), "an agreement that is named");
}

#[test]
fn networks_are_compared_whatever_their_case_and_never_where_none_is_told() {
    let named = |names: &[&str]| NetworkSet::new(names.iter().map(|name| NetworkName::new(name).unwrap()).collect());
    assert_eq!(named(&[]), Err(RulesetProblem::EmptyList));
    let visa = When { networks: Some(named(&["PULSE", "Visa"]).unwrap()), ..When::default() };
    let deny = || rule("no-visa", Check::Mcc(Listed::Deny(mccs(&["5411"])))).when(visa.clone());
    for (name, declines) in [(Some("VISA"), true), (Some("pulse"), true), (Some("VISANET"), false), (None, false)] {
        let request = AuthorizationRequest { network: name.and_then(network), ..request() };
        assert_eq!(reason(deny(), &request).is_some(), declines, "{name:?}");
    }
}

#[test]
fn every_error_of_a_hold_policy() {
    use RulesetProblem as P;
    let only = |kinds: &[AuthorizationKind]| When { kinds: Some(KindSet::new(kinds).unwrap()), ..When::default() };
    let immediate = || When { posting: Some(Posting::Immediate), ..When::default() };
    let abroad = When { border: Some(CrossBorder::Yes), ..When::default() };
    let euros = |decimal| Margin { amount: Some(euro(decimal)), ..Margin::default() };
    let mut parts = parts(vec![rule("taken", Check::Cash)], vec![]);
    parts.holds = vec![
        row("taken", HoldTerms::default()),
        row("times", HoldTerms { safety_timer_seconds: Some(0), ..lifetime(0) }),
        row("euros", tolerance(euros("1"))),
        row("negative", extra(Margin { up_to: Some(usd("-1")), ..Margin::default() })),
        row("credits", lifetime(1)).when(only(&[AuthorizationKind::Purchase, AuthorizationKind::Credit])),
        row("debits", HoldTerms { cross_currency: Some(percent("1")), ..HoldTerms::default() }).when(immediate()),
        row("debits-tolerated", tolerance(share("1"))).when(immediate()),
        row("abroad", lifetime(1)).when(abroad),
    ];
    let verifications = KindSet::new(&[AuthorizationKind::AccountVerification]).unwrap();
    parts.partial_approval = Some(PartialRule { kinds: verifications, ..PartialRule::of_purchases(euro("0")) });
    parts.country = None;
    let errors = Ruleset::new(parts).unwrap_err();
    let found: Vec<(Place, P)> = errors.iter().map(|error| (error.place, error.problem)).collect();
    assert_eq!(
        found,
        [
            (Place::Hold(0), P::DuplicateId),
            (Place::Hold(0), P::NothingDecided),
            (Place::Hold(1), P::NoTime),
            (Place::Hold(2), P::OtherCurrency),
            (Place::Hold(3), P::NegativeAmount),
            (Place::Hold(4), P::KindNotHeld),
            (Place::Hold(5), P::DebitNotHeld),
            (Place::Hold(7), P::CountryNotNamed),
            (Place::PartialApproval, P::OtherCurrency),
            (Place::PartialApproval, P::ZeroMinimum),
            (Place::PartialApproval, P::KindNotHeld),
        ]
    );
    assert_eq!(errors[2].to_string(), "hold `times` must be more than no time");
    assert_eq!(errors[9].to_string(), "partial_approval must be more than zero: an approval of nothing is a decline");
}

#[test]
fn there_is_a_most_of_hold_rows() {
    let rows = |count: usize| (0..count).map(|n| row(&format!("h{n}"), lifetime(1))).collect();
    assert_eq!(policy(rows(HOLDS_MAX), &request()).lifetime_seconds, DAY);
    let errors = Ruleset::new(RulesetParts { holds: rows(HOLDS_MAX + 1), ..parts(vec![], vec![]) }).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.problem).collect::<Vec<_>>(), [RulesetProblem::TooManyHolds]);
}

#[test]
fn one_line_each() {
    let visa = When { networks: Some(NetworkSet::new(vec![NetworkName::new("VISA").unwrap()]).unwrap()), ..When::default() };
    let rental = Margin { percent: Some(percent("15")), amount: Some(usd("75")), ..Margin::default() };
    let everything = HoldTerms {
        safety_timer_seconds: Some(36 * 3600),
        tolerance: Some(Margin::default()),
        extra: Some(rental),
        cross_currency: Some(percent("2.5")),
        ..lifetime(7)
    };
    let rows = [
        (row("fuel", extra(up_to("125"))), "fuel: holds on top what is missing to 125.00 USD"),
        (row("short", lifetime(5)).when(visa), "short: ends holds of ours after 5d, when network VISA"),
        (
            row("all", everything),
            "all: ends holds of ours after 7d, gives the platform's holds up after 36h, tolerates nothing, holds on top the \
             larger of 15% and 75.00 USD, pads other currencies by 2.50%",
        ),
    ];
    for (row, line) in rows {
        assert_eq!(row.to_string(), line);
    }
    assert_eq!(
        PartialRule::of_purchases(usd("5")).to_string(),
        "approves from 5.00 USD on where not all is there, when kind purchase, incremental and entry mode chip, contactless, \
         magnetic_stripe, keyed, ecommerce, card_on_file, unknown"
    );
}

proptest::proptest! {
    /// A percentage is the least whole number that is no less than the exact share.
    #[test]
    fn a_percentage_is_rounded_up_by_less_than_one(minor in 0..=i64::MAX / 10, hundredths in 0_u32..=100_000) {
        let percent = percent(&format!("{}.{:02}", hundredths / 100, hundredths % 100));
        let short = i128::from(minor) * i128::from(hundredths) - i128::from(percent.of(minor)) * 10_000;
        proptest::prop_assert!((-9_999..=0).contains(&short), "{} of {}: {}", percent, minor, short);
    }

    #[test]
    fn no_margin_is_negative(asked: i64, hundredths in 0_u32..=100_000, fixed in 0..=i64::MAX, total in 0..=i64::MAX) {
        let money = |minor| Some(Money::from_minor(minor, Currency::USD));
        let percent = percent(&format!("{}.{:02}", hundredths / 100, hundredths % 100));
        let margin = Margin { percent: Some(percent), amount: money(fixed), up_to: money(total) };
        let terms = HoldTerms { tolerance: Some(margin), cross_currency: Some(percent), ..extra(margin) };
        let amount = Money::from_minor(asked, Currency::USD);
        let found = policy(vec![row("r", terms)], &AuthorizationRequest { amount, original: Some(euro("1")), ..request() });
        proptest::prop_assert!(found.extra >= found.tolerance && found.tolerance >= fixed);
    }
}

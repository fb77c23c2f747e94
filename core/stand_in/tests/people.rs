//! What people ask of a table: what is wrong with it, which rows come to nothing, which are looser than the rules, how it reads.

use super::*;
use crate::rules::{AmountRange, Check, EntryModeSet, LimitWindow, Listed, RulesetProblem, SortedSet};

fn approving(name: &str, conditions: Conditions) -> Row {
    Row::new(id(name), conditions, RowAnswer::Approve)
}

fn of_amounts(min: Option<i64>, max: Option<i64>) -> Conditions {
    Conditions { amount: Some(AmountRange::new(min.map(usd), max.map(usd)).unwrap()), ..Conditions::default() }
}

#[test]
fn every_problem_at_once_with_its_place() {
    let euro = Money::from_minor(5, Currency::from_alpha("EUR").unwrap());
    let border = when(When { border: Some(CrossBorder::Yes), ..When::default() });
    let aged = Conditions { card_age: Some(AgeRange { seconds_min: Some(2), seconds_max: Some(1) }), ..Conditions::default() };
    let ageless = Conditions { card_age: Some(AgeRange::default()), ..Conditions::default() };
    let rows = vec![
        Row::new(id("a"), border, RowAnswer::ApproveUpTo(usd(0))),
        Row::new(id("b"), aged, RowAnswer::Decline(DeclineReason::CardLost)),
        Row::new(id("b"), ageless, RowAnswer::ApproveUpTo(euro)),
    ];
    let endless = Cap { amount_max: Some(euro), ..cap("exposure", LimitScope::Card, CapWindow::Last(CAP_SECONDS_MAX + 1)) };
    let idle = cap("a", LimitScope::Card, CapWindow::Unconfirmed);
    let none = Cap { count_max: Some(0), ..cap("none", LimitScope::Card, CapWindow::Unconfirmed) };
    let caps = Caps { exposure_max: None, caps: vec![endless, idle, none] };
    let errors = StandInPolicy::new(StandInParts { country: None, caps, ..parts(rows) }).unwrap_err();
    let problems: Vec<_> = errors.iter().map(|error| (error.place, error.problem)).collect();
    let shared = StandInProblem::Shared;
    assert_eq!(
        problems,
        [
            (StandInPlace::Table, StandInProblem::NoExposureCap),
            (StandInPlace::Row(0), shared(RulesetProblem::CountryNotNamed)),
            (StandInPlace::Row(0), StandInProblem::NothingApproved),
            (StandInPlace::Row(1), StandInProblem::ReasonNotForRows),
            (StandInPlace::Row(1), StandInProblem::AgeReversed),
            (StandInPlace::Row(2), StandInProblem::DuplicateId),
            (StandInPlace::Row(2), shared(RulesetProblem::OtherCurrency)),
            (StandInPlace::Row(2), StandInProblem::NoAge),
            (StandInPlace::Cap(0), shared(RulesetProblem::OtherCurrency)),
            (StandInPlace::Cap(0), StandInProblem::NameOfExposure),
            (StandInPlace::Cap(0), StandInProblem::WindowTooLong),
            (StandInPlace::Cap(1), StandInProblem::DuplicateId),
            (StandInPlace::Cap(1), shared(RulesetProblem::NoMaximum)),
            (StandInPlace::Cap(2), StandInProblem::ZeroMaximum),
        ]
    );
}

#[test]
fn nothing_that_approves_is_without_an_exposure_cap() {
    let no_caps = |rows, mode| StandInPolicy::new(StandInParts { caps: Caps::default(), mode, ..parts(rows) });
    let declining = Row::new(id("no"), Conditions::default(), RowAnswer::Decline(DeclineReason::SuspectedFraud));
    assert!(no_caps(vec![approving("yes", Conditions::default())], Mode::Rules).is_err());
    assert!(no_caps(vec![], Mode::Approve { until: NOW }).is_err());
    assert!(no_caps(vec![declining], Mode::Rules).is_ok());
}

#[test]
fn a_row_behind_one_that_takes_all_of_it() {
    let food = || when(When { mcc: mcc(&["5300-5499"]), ..When::default() });
    let groceries = || when(When { mcc: mcc(&["groceries"]), ..When::default() });
    let declining = |name: &str, conditions| Row::new(id(name), conditions, RowAnswer::Decline(DeclineReason::SuspectedFraud));
    let behind = |rows: Vec<Row>| {
        let found = unreachable_rows(&policy(rows));
        let said = |found: &Unreachable| {
            assert!(found.example.is_some());
            let rows: Vec<_> = found.behind.iter().map(ToString::to_string).collect();
            format!("{} behind {}", found.row, rows.join(" and "))
        };
        found.iter().map(said).collect::<Vec<_>>().join(", ")
    };
    let small = || of_amounts(None, Some(1000));
    let entered = |modes: &[EntryMode]| when(When { entry_modes: EntryModeSet::new(modes).ok(), ..When::default() });
    let to_10 = || approving("a", of_amounts(None, Some(1000)));
    let above = |least| approving("b", of_amounts(Some(least), None));
    let of = |code: &str| when(When { mcc: mcc(&[code]), ..When::default() });
    let both = || when(When { mcc: mcc(&["5411", "5499"]), ..When::default() });
    let (purchase, credit) = (AuthorizationKind::Purchase, AuthorizationKind::Credit);
    let kind = |name: &str, kinds: &[AuthorizationKind]| {
        approving(name, when(When { kinds: KindSet::new(kinds).ok(), ..When::default() }))
    };
    let (told, any) = ([EntryMode::Chip], [EntryMode::Chip, EntryMode::Unknown]);
    let cases = [
        ("narrower", vec![approving("a", food()), approving("b", groceries())], "b behind a"),
        ("wider", vec![approving("a", groceries()), approving("b", food())], ""),
        ("everything", vec![approving("a", Conditions::default()), declining("b", food())], "b behind a"),
        ("other amounts", vec![approving("a", small()), approving("b", of_amounts(Some(500), None))], ""),
        ("amounts within", vec![declining("a", small()), approving("b", of_amounts(Some(5), Some(1000)))], "b behind a"),
        // Where the category is not known, the one that approves lets it pass, and the one that declines takes it.
        ("what is not known", vec![approving("a", food()), declining("b", groceries())], ""),
        ("entry mode that is not told", vec![approving("a", entered(&told)), declining("b", entered(&told))], ""),
        ("entry mode, told or not", vec![approving("a", entered(&any)), declining("b", entered(&told))], "b behind a"),
        ("what is not known, declined", vec![declining("a", food()), declining("b", groceries())], "b behind a"),
        (
            "two take it by amount",
            vec![to_10(), above(1001), approving("c", of_amounts(Some(500), Some(2000)))],
            "c behind a and b",
        ),
        ("an amount is left", vec![to_10(), above(1002), approving("c", of_amounts(Some(500), Some(2000)))], ""),
        (
            "two take it by category",
            vec![approving("a", of("5411")), approving("b", of("5499")), approving("c", both())],
            "c behind a and b",
        ),
        ("nobody knows the category", vec![declining("a", of("5411")), declining("b", of("5499")), declining("c", both())], ""),
        (
            "two take it by kind",
            vec![kind("a", &[purchase]), kind("b", &[credit]), kind("c", &[purchase, credit])],
            "c behind a and b",
        ),
        ("a kind is left", vec![kind("a", &[purchase]), kind("b", &[credit]), approving("c", Conditions::default())], ""),
        (
            "one of two asks for more",
            vec![
                to_10(),
                approving("b", Conditions { card_used: Some(true), ..of_amounts(Some(1001), None) }),
                kind("c", &[purchase]),
            ],
            "",
        ),
    ];
    for (name, rows, expected) in cases {
        assert_eq!(behind(rows), expected, "{name}");
    }
}

#[test]
fn rows_that_are_looser_than_the_rules_with_an_example_that_shows_it() {
    let rules = vec![
        Rule::new(id("amount-max"), Check::Amount(AmountRange::new(None, Some(usd(5000))).unwrap())),
        Rule::new(id("no-gambling"), Check::Mcc(Listed::Deny(mcc(&["7995"]).unwrap()))),
    ];
    let limit = Limit::new(id("card-ever"), LimitScope::Card, LimitWindow::Lifetime).amount_max(usd(6000));
    let rules = ruleset(rules, vec![limit]);
    let strict = Conditions { when: When { mcc: mcc(&["groceries"]), ..When::default() }, ..of_amounts(None, Some(5000)) };
    let loose = when(When { mcc: mcc(&["gambling"]), ..When::default() });
    let caps = |most| Caps { exposure_max: Some(usd(most)), caps: vec![] };
    let table = |most| {
        let rows = vec![approving("strict", strict.clone()), approving("loose", loose.clone())];
        StandInPolicy::new(StandInParts { caps: caps(most), ..parts(rows) }).unwrap()
    };
    let said = |policy: &StandInPolicy| {
        let found = looser_rows(policy, &rules, NOW);
        for looser in &found {
            // The example shows it: the row approves, and the rule declines or the limit has less room than the caps.
            let proposal = asked(policy, &looser.example, &snapshot());
            assert_eq!(proposal.uncapped().1, StandInBy::Row(looser.row));
            let verdict = evaluate(&rules, &looser.example, looser.at, &mut NoTrace);
            match looser.by {
                Than::Rule => assert!(matches!(verdict, Verdict::Decline { rule, .. } if rule == looser.than)),
                Than::Amount { limit, caps } => assert!(limit.minor() < caps.minor()),
                Than::Count { .. } => panic!("no limit counts"),
            }
        }
        found.iter().map(|found| format!("{} than {}", found.row, found.than)).collect::<Vec<_>>()
    };
    assert_eq!(said(&table(6000)), ["loose than amount-max", "loose than no-gambling"]);
    assert_eq!(
        said(&table(6001)),
        ["strict than card-ever", "loose than card-ever", "loose than amount-max", "loose than no-gambling"]
    );
}

/// A limit is held against what the caps let through of the same subject in the same time, in money and in number; also while the
/// mode keeps every row from being asked.
#[test]
fn rows_that_are_looser_than_limits_by_window_scope_and_number() {
    let day = || LimitWindow::Day(std::sync::Arc::new(crate::rules::Zone::utc()));
    let limit = |scope| Limit::new(id("limit"), scope, day()).amount_max(usd(5000)).count_max(3);
    let hour = |scope, amount, count| Cap {
        amount_max: Some(usd(amount)),
        count_max: Some(count),
        ..cap("hour", scope, CapWindow::Last(3600))
    };
    let found = |limit: Limit, cap: Cap, mode: Mode| {
        let caps = Caps { exposure_max: Some(usd(1_000_000)), caps: vec![cap] };
        let row = approving("row", when(When { kinds: KindSet::new(&[AuthorizationKind::Purchase]).ok(), ..When::default() }));
        let table = StandInPolicy::new(StandInParts { caps, mode, ..parts(vec![row]) }).unwrap();
        let found = looser_rows(&table, &ruleset(vec![], vec![limit]), NOW);
        found.into_iter().map(|found| found.by).collect::<Vec<_>>()
    };
    let (card, account) = (LimitScope::Card, LimitScope::Account);
    let amount = |caps| Than::Amount { limit: usd(5000), caps: usd(caps) };
    let count = |caps| Than::Count { limit: 3, caps };
    let few = |scope| Cap { window: CapWindow::Unconfirmed, ..hour(scope, 5000, 3) };
    for mode in [Mode::Rules, Mode::Decline] {
        assert_eq!(found(limit(card), hour(card, 1000, 1), mode), [amount(24_000), count(Some(24))], "every hour again");
        assert_eq!(found(limit(account), few(card), mode), [amount(1_000_000), count(None)], "an account has many cards");
        assert_eq!(found(limit(card), few(account), mode), []);
    }
}

/// A row without countries is held against every list of them; one with some, against its own.
#[test]
fn rows_that_are_looser_in_what_a_payment_door_tells() {
    use crate::checkout::{AddressVerification, ThreeDSecure};
    use crate::rules::{CheckoutCondition, CountRange, NetworkList, PartRange, Percent, WordSet};
    let outcomes = |all: &[ThreeDSecure]| CheckoutCondition::ThreeDSecure(WordSet::new(all.to_vec()).unwrap());
    let part = PartRange { min: None, max: None, percent_min: None, percent_max: Some(Percent::whole(4)) };
    let surcharge = CheckoutCondition::Surcharge(part.checked().unwrap());
    let fees = PartRange { max: Some(usd(10)), percent_max: None, ..part };
    let networks = NetworkList::new(vec![NetworkList::parse("203.0.113.0/24").unwrap()]).unwrap();
    let address = CheckoutCondition::AddressVerification(WordSet::new(vec![AddressVerification::NoMatch]).unwrap());
    let told = |conditions: Vec<CheckoutCondition>| when(When { checkout: conditions, ..When::default() });
    let allow = |condition| Check::Checkout(Listed::Allow(condition));
    let deny = |condition| Check::Checkout(Listed::Deny(condition));
    let authenticated = outcomes(&[ThreeDSecure::Authenticated]);
    let cases = [
        ("a surcharge", told(vec![]), allow(surcharge.clone()), true),
        ("a surcharge that the row lets not through", told(vec![surcharge.clone()]), allow(surcharge), false),
        ("fees", told(vec![]), allow(CheckoutCondition::Fees(fees.checked().unwrap())), true),
        ("items", told(vec![]), allow(CheckoutCondition::Items(CountRange::new(None, Some(3)).unwrap())), true),
        ("an outcome", told(vec![]), allow(authenticated.clone()), true),
        ("an outcome of the row's", told(vec![authenticated.clone()]), allow(authenticated.clone()), false),
        ("another one", told(vec![outcomes(&[ThreeDSecure::Attempted])]), allow(authenticated), true),
        ("an address", told(vec![]), deny(address), true),
        ("a network", told(vec![]), deny(CheckoutCondition::IpAddress(networks)), true),
    ];
    for (what, conditions, check, expected) in cases {
        let rules = ruleset(vec![Rule::new(id("rule"), check)], vec![]);
        let policy = StandInPolicy::new(parts(vec![approving("row", conditions)])).unwrap();
        let found = looser_rows(&policy, &rules, NOW);
        assert_eq!(found.iter().any(|found| found.than == id("rule")), expected, "{what}");
        assert!(found.iter().all(|found| found.example.checkout.is_some()), "{what}");
    }
}

/// Rules that ask for what an ordinary payment has not: each is found by the values that it names itself.
#[test]
fn rows_that_are_looser_in_what_rules_name_themselves() {
    use crate::ids::{MerchantId, NetworkName};
    use crate::merchant::MerchantName;
    use crate::rules::{NetworkSet, Requirement};
    let network = |names: &[&str]| NetworkSet::new(names.iter().filter_map(|name| NetworkName::new(name).ok()).collect()).ok();
    let of_network = |names: &[&str]| When { networks: network(names), ..When::default() };
    let merchants = || SortedSet::new(vec![MerchantId::new("mid-7").unwrap()]).unwrap();
    let names = || SortedSet::new(vec![MerchantName::of("Corner Casino").unwrap()]).unwrap();
    let nothing = || Check::Amount(AmountRange::new(None, Some(usd(0))).unwrap());
    let rule = |check| Rule::new(id("rule"), check);
    let immediate = || When { posting: Some(Posting::Immediate), ..When::default() };
    let both = When { wallet: Some(Wallet::Token), ..immediate() };
    let ways =
        Check::AnyOf([[Check::Wallet(Requirement::Deny)].into(), [Check::MerchantId(Listed::Allow(merchants()))].into()].into());
    let only = |when: When| Conditions { when, ..Conditions::default() };
    let any = Conditions::default;
    let no_wallet = || When { wallet: Some(Wallet::None), ..When::default() };
    let cases = [
        ("a wallet", any(), rule(Check::Wallet(Requirement::Deny)), true),
        ("a wallet that the row lets not through", only(no_wallet()), rule(Check::Wallet(Requirement::Deny)), false),
        ("no wallet", any(), rule(Check::Wallet(Requirement::Require)), true),
        ("a posting", any(), rule(nothing()).when(immediate()), true),
        ("posting and wallet", any(), rule(nothing()).when(both), true),
        ("a network", any(), rule(nothing()).when(of_network(&["PULSE"])), true),
        ("one of the row's networks", only(of_network(&["VISA", "PULSE"])), rule(nothing()).when(of_network(&["PULSE"])), true),
        ("another network", only(of_network(&["VISA"])), rule(nothing()).when(of_network(&["PULSE"])), false),
        ("a merchant", any(), rule(Check::MerchantId(Listed::Deny(merchants()))), true),
        ("a merchant by name", any(), rule(Check::MerchantName(Listed::Deny(names()))), true),
        ("ways", any(), rule(ways), true),
    ];
    for (what, conditions, rule, expected) in cases {
        let policy = policy(vec![approving("row", conditions)]);
        let found = looser_rows(&policy, &ruleset(vec![rule], vec![]), NOW);
        assert_eq!(found.iter().any(|found| found.than == id("rule")), expected, "{what}");
    }
    let limit = Limit::new(id("limit"), LimitScope::Card, LimitWindow::Lifetime).amount_max(usd(10)).when(of_network(&["PULSE"]));
    let found = looser_rows(&policy(vec![approving("row", any())]), &ruleset(vec![], vec![limit]), NOW);
    assert_eq!(found.iter().map(|found| found.than).collect::<Vec<_>>(), [id("limit")]);
}

/// A rule bound to hours is held against the row at those hours, however many authorizations there are to try.
#[test]
fn rows_that_are_looser_at_some_hours() {
    use crate::rules::{Hours, Span, TimeOfDay, Weekday, Zone};
    let hours = |days: &[Weekday], from: &str, to: &str| {
        let time = |text| TimeOfDay::parse(text).unwrap();
        let span = Span::new(days.to_vec(), time(from), time(to)).unwrap();
        Hours::new(Listed::Deny(vec![span]), std::sync::Arc::new(Zone::utc())).unwrap()
    };
    let modes = When { entry_modes: EntryModeSet::new(&[EntryMode::Recurring]).ok(), ..When::default() };
    let late = When { kinds: KindSet::new(&[AuthorizationKind::BillPayment]).ok(), mcc: mcc(&["7995"]), ..modes };
    // Ten minutes of a week, between two full hours of the clock.
    let rules = || {
        let short = hours(&[Weekday::Sunday], "03:10", "03:20");
        ruleset(vec![Rule::new(id("rule"), Check::Hours(short)).when(late.clone())], vec![])
    };
    let found = |hours| {
        let row = approving("row", Conditions { hours, ..Conditions::default() });
        looser_rows(&policy(vec![row]), &rules(), NOW).iter().map(|found| found.than).collect::<Vec<_>>()
    };
    assert_eq!(found(None), [id("rule")]);
    assert_eq!(found(Some(hours(&Weekday::ALL, "03:00", "03:15"))), [id("rule")]);
    assert_eq!(found(Some(hours(&Weekday::ALL, "03:10", "03:20"))), []);
}

#[test]
fn rows_that_are_looser_in_a_country() {
    let countries = |codes: &[&str]| SortedSet::new(codes.iter().filter_map(|code| Country::new(code)).collect()).unwrap();
    let checks = |listed| Rule::new(id("rule"), Check::MerchantCountry(listed));
    let only_there = |codes: &[&str]| When { countries: Some(countries(codes)), ..When::default() };
    let small = AmountRange::new(None, Some(usd(10))).unwrap();
    let lifetime = |codes: &[&str]| {
        vec![Limit::new(id("limit"), LimitScope::Card, LimitWindow::Lifetime).amount_max(usd(10)).when(only_there(codes))]
    };
    type Case<'a> = (&'a str, Vec<Rule>, Vec<Limit>, &'a [&'a str], &'a [&'a str]);
    let cases: [Case<'_>; 9] = [
        ("denied", vec![checks(Listed::Deny(countries(&["PRK", "SYR"])))], vec![], &[], &["rule PRK"]),
        ("denied and not let through", vec![checks(Listed::Deny(countries(&["PRK"])))], vec![], &["USA", "SYR"], &[]),
        ("one of them denied", vec![checks(Listed::Deny(countries(&["SYR"])))], vec![], &["PRK", "SYR"], &["rule SYR"]),
        ("allowed", vec![checks(Listed::Allow(countries(&["USA", "FRA"])))], vec![], &[], &["rule JPN"]),
        ("allowed and let through", vec![checks(Listed::Allow(countries(&["USA", "FRA"])))], vec![], &["FRA"], &[]),
        ("more than allowed", vec![checks(Listed::Allow(countries(&["USA"])))], vec![], &["DEU", "USA"], &["rule DEU"]),
        (
            "a rule there",
            vec![Rule::new(id("rule"), Check::Amount(small)).when(only_there(&["PRK"]))],
            vec![],
            &[],
            &["rule PRK"],
        ),
        ("a limit there", vec![], lifetime(&["PRK"]), &[], &["limit PRK"]),
        ("a limit elsewhere", vec![], lifetime(&["PRK"]), &["USA"], &[]),
    ];
    for (name, rules, limits, row, expected) in cases {
        let conditions = if row.is_empty() { Conditions::default() } else { when(only_there(row)) };
        let table = StandInPolicy::new(parts(vec![approving("row", conditions)])).unwrap();
        let found = looser_rows(&table, &ruleset(rules, limits), NOW);
        let found: Vec<String> =
            found.iter().map(|found| format!("{} {}", found.than, found.example.merchant.country.unwrap())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_table_reads_like_the_table_on_the_wall() {
    let conditions = Conditions {
        when: When { mcc: mcc(&["groceries", "transit"]), ..When::default() },
        balance_age_seconds_max: Some(3600),
        card_used: Some(true),
        ..of_amounts(None, Some(5000))
    };
    let row = Row::new(id("small"), conditions, RowAnswer::ApproveUpTo(usd(2500)));
    assert_eq!(
        row.to_string(),
        "small: approves up to 25.00 USD, when MCC groceries, transit and amount to 50.00 USD and covered by a balance of the \
         last 1h and card used before"
    );
    let first = Row::new(
        id("first"),
        Conditions { card_used: Some(false), ..Conditions::default() },
        RowAnswer::Decline(DeclineReason::SuspectedFraud),
    );
    assert_eq!(first.to_string(), "first: declines as suspected_fraud, when card never used");
    let why = "No first payment without the ledger";
    assert_eq!(first.described(why).to_string(), format!("first: declines as suspected_fraud, when card never used ({why})"));
    let day = Cap { amount_max: Some(usd(50_000)), count_max: Some(3), ..cap("day", LimitScope::Card, CapWindow::Last(86_400)) };
    let ever = Cap {
        description: Some("Ten, then no more".into()),
        count_max: Some(10),
        ..cap("ever", LimitScope::Account, CapWindow::Unconfirmed)
    };
    let caps = Caps { exposure_max: Some(usd(1_000_000)), caps: vec![day, ever] };
    assert_eq!(
        caps.to_string(),
        "exposure: at most 10000.00 USD at risk in the program\n\
         day: at most 500.00 USD and 3 transactions per card in the last 1d\n\
         ever: at most 10 transactions per account that the ledger has not confirmed (Ten, then no more)"
    );
}

//! Rulesets from files: those that are shipped, and every way to get one wrong.

use holdfast_core::rules::{MatchList, NoTrace, Verdict, Window, evaluate};
use holdfast_core::{
    AuthorizationId, AuthorizationKind, AuthorizationRequest, CrossBorder, DeclineReason, EntryMode, Expiry, IdempotencyKey,
    Merchant, MerchantCategoryCode, MerchantName, Money, Padding, PartialApproval, PaymentRef, Posting, Timestamp, Wallet,
};

use super::*;

const DEMO: &str = include_str!("../../../config/rules/demo.toml");
const REFERENCE: &str = include_str!("../../../config/rules/reference.toml");
const BENCHMARK: &str = include_str!("../../../config/rules/benchmark.toml");

fn home() -> Home {
    Home { program: ProgramId::new("demo").unwrap(), currency: Currency::USD, country: Country::new("USA").unwrap() }
}

fn load(source: &str) -> Ruleset {
    read("rules.toml", source, &home()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Groceries with a chip, at home, for so many cents.
fn purchase(cents: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: None,
        cardholder: None,
        amount: Money::from_minor(cents, Currency::USD),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant {
            id: None,
            name: MerchantName::of("Corner Store"),
            mcc: MerchantCategoryCode::new("5411"),
            country: Country::new("USA"),
        },
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

/// Saturday, 14 March 2026, 11:09:26 in New York.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);

fn declined(ruleset: &Ruleset, request: &AuthorizationRequest, now: Timestamp) -> Option<(String, DeclineReason)> {
    match evaluate(ruleset, request, now, &mut NoTrace) {
        Verdict::Decline { reason, rule } => Some((rule.to_string(), reason)),
        Verdict::Proceed(_) => None,
    }
}

#[test]
fn the_demo_denies_gambling_and_large_amounts_and_nothing_else() {
    let demo = load(DEMO);
    let gambling = |cents| {
        let mut request = purchase(cents);
        request.merchant.mcc = MerchantCategoryCode::new("7995");
        request
    };
    let by = |rule: &str, reason| Some((rule.to_owned(), reason));
    assert_eq!(declined(&demo, &purchase(75_000), NOW), None);
    assert_eq!(declined(&demo, &purchase(75_001), NOW), by("amount-max", DeclineReason::AmountAboveMaximum));
    let no_gambling = by("no-gambling", DeclineReason::MerchantCategoryNotAllowed);
    assert_eq!(declined(&demo, &gambling(2000), NOW), no_gambling);
    assert_eq!(declined(&demo, &gambling(80_000), NOW), no_gambling, "the first rule decides");
    for number in (0..10_000).filter(|number| *number != 7995) {
        let mut request = AuthorizationRequest { entry_mode: EntryMode::Keyed, ..purchase(75_000) };
        request.merchant.mcc = MerchantCategoryCode::from_number(number);
        request.merchant.country = Country::new("CAN");
        assert_eq!(declined(&demo, &request, NOW), None, "{number}");
    }
    for limit in demo.limits() {
        assert!(limit.to_string().contains("observes"), "{limit}");
    }
}

#[test]
fn the_reference_loads_and_has_every_check_and_window() {
    let reference = load(REFERENCE);
    let lines: Vec<String> = reference.rules().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "small-keyed-purchases-abroad: declines amounts above 5.00 USD, when kind purchase, incremental and posting hold \
             and entry mode keyed, ecommerce and without a wallet and across a border and MCC digital_goods and merchant \
             country CAN, MEX and network VISA, MASTERCARD, as suspected_fraud",
            "amount: declines amounts below 0.50 USD or above 2500.00 USD",
            "kind: declines kind bill_payment",
            "mcc-deny: declines MCC gambling, 5933, 7273-7297",
            "mcc-allow: declines all but MCC 0001-9999",
            "merchant-id-deny: declines merchant id 000000098765432, 1234567890",
            "merchant-name-deny: declines merchant name one of 1 listed",
            "merchant-name-lock: on trial, would decline all but merchant name one of 2 listed",
            "merchant-country: declines merchant country CUB, IRN, PRK",
            "cross-border: declines payments across a border, when entry mode magnetic_stripe",
            "entry-mode: declines all but entry mode chip, contactless, keyed, ecommerce, card_on_file, recurring",
            "cash: declines cash, when across a border",
            "quasi-cash: declines quasi-cash",
            "wallet: declines all but wallets, when entry mode contactless and MCC fuel",
            "hours-deny: declines hours friday saturday 23:00-05:00, every day 03:00-03:30 in America/New_York",
            "hours-allow: declines all but hours monday tuesday 08:00-18:00 in Europe/Berlin, when kind bill_payment",
            "currency: declines all but currency USD",
            "surcharge: declines all but surcharge up to 20.00 USD and up to 4%",
            "gratuity: declines all but gratuity up to 30%, when MCC restaurants",
            "fees: declines all but fees up to 12.50%",
            "items: declines all but items up to 50",
            "three-d-secure: declines all but 3-D Secure AUTHENTICATED, ATTEMPTED, when 3-D Secure AUTHENTICATED, ATTEMPTED, \
             NOT_AUTHENTICATED",
            "address-verification: declines address verification NO_MATCH",
            "security-code: declines security code NOT_MATCHED, when address verification NO_MATCH, UNAVAILABLE",
            "ip-address: declines IP address in one of 3 networks listed, as transaction_not_permitted",
        ]
    );
    let lines: Vec<String> = reference.limits().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "card-daily: at most 1000.00 USD and 20 transactions per card and day in America/New_York",
            "card-weekly: at most 100 transactions per card and week from sunday in America/Los_Angeles",
            "account-monthly: at most 20000.00 USD per account and month in America/New_York",
            "card-velocity: at most 5 transactions per card in the last 10m (20 buckets), when kind purchase, \
             account_verification, incremental and entry mode ecommerce",
            "card-lifetime: at most 250000.00 USD per card for ever",
            "program-gift-cards: observes whether more than 100000.00 USD per program and day in America/New_York, when MCC \
             5815-5818",
            "merchant-daily: observes whether more than 50000.00 USD per merchant and day in America/New_York",
            "cardholder-daily: observes whether more than 5000.00 USD per cardholder and day in America/New_York",
            "address-velocity: at most 30 transactions per ip_address in the last 10m (10 buckets)",
        ]
    );
    let lines: Vec<String> = reference.holds().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "fuel: tolerates what is missing to 175.00 USD, holds on top what is missing to 125.00 USD, when MCC 5542",
            "restaurant-tips: holds on top 20%, when entry mode chip, contactless, magnetic_stripe and MCC 5812, 5813",
            "rental: tolerates the larger of 17.50% and 100.00 USD, holds on top 50.00 USD, pads other currencies by 3%, when \
             kind purchase, incremental and MCC vehicle_rental",
            "visa-agreements: ends holds of ours after 12h, when entry mode recurring and network VISA",
            "everything: ends holds of ours after 7d, gives the platform's holds up after 40d, pads other currencies by 2.50%",
        ]
    );
    assert_eq!(
        reference.partial_approval().unwrap().to_string(),
        "approves from 5.00 USD on where not all is there, when kind purchase, purchase_with_cashback, incremental and entry mode \
         chip, contactless, magnetic_stripe, ecommerce"
    );
}

/// A pump's question for one dollar, one for a usual maximum, and one for more than is held anyway.
#[test]
fn the_fuel_of_the_reference_holds_what_it_says() {
    let fuel = REFERENCE.split("[[hold]]").nth(1).unwrap();
    let ruleset = load(&format!("currency = \"USD\"\n[[hold]]{fuel}"));
    for (cents, extra, tolerance) in [(100, 12_400, 17_400), (10_000, 2500, 7500), (15_000, 0, 2500), (20_000, 0, 0)] {
        let mut request = purchase(cents);
        request.merchant.mcc = MerchantCategoryCode::new("5542");
        let Verdict::Proceed(proceed) = evaluate(&ruleset, &request, NOW, &mut NoTrace) else { panic!("there are no rules") };
        assert_eq!((proceed.hold.extra, proceed.hold.tolerance), (extra, tolerance), "{cents}");
    }
}

#[test]
fn the_reference_names_every_group_and_every_check() {
    for group in holdfast_core::rules::MCC_GROUPS {
        let named = |end: &str| REFERENCE.contains(&format!(" {}{end}", group.name));
        assert!(named(",") || named("."), "{}", group.name);
    }
    for check in rule::CHECKS.map(|(key, _)| key) {
        assert!(REFERENCE.contains(&format!("\n{check} = ")), "{check}");
    }
}

#[test]
fn the_benchmark_lets_an_ordinary_purchase_meet_every_rule() {
    let benchmark = load(BENCHMARK);
    assert_eq!((benchmark.rules().len(), benchmark.limits().len()), (33, 3));
    for cents in [1000, 5550, 10_000] {
        for entry_mode in [EntryMode::Chip, EntryMode::Ecommerce, EntryMode::Contactless] {
            for hour in 0..168 {
                let now = Timestamp::from_unix_seconds(1_773_500_966 + hour * 3600);
                let request = AuthorizationRequest { entry_mode, ..purchase(cents) };
                let mut trace = MatchList::default();
                let Verdict::Proceed(proceed) = evaluate(&benchmark, &request, now, &mut trace) else { panic!("{trace:?}") };
                assert_eq!((proceed.limits.len(), trace.matches.len()), (3, 0));
            }
        }
    }
    assert!(declined(&benchmark, &purchase(75_001), NOW).is_some());
}

#[test]
fn a_ruleset_is_its_text() {
    let (one, again) = (load(DEMO), load(DEMO));
    assert_eq!(one, again);
    assert_eq!(one.hash(), RulesetHash::of(DEMO));
    assert_eq!(one.hash().to_string().len(), 64);
    let commented = format!("{DEMO}# one more comment\n");
    assert_ne!(load(&commented).hash(), one.hash());
    let held = |lifetime: &str| load(&format!("currency = 'USD'\n[[hold]]\nid = 'h'\nlifetime = '{lifetime}'\n"));
    assert_ne!(held("7d").hash(), held("8d").hash(), "the hold policy is part of the version");
    assert_ne!(held("7d"), held("8d"));
    assert_eq!(load("currency = 'USD'").hash().to_string(), "9466d98f05091be3bdbd3c3f80f3f406f1dded0a464520891d3bbb2a137a0d4e");
}

#[test]
fn zones_come_with_the_program_and_reach_to_2060() {
    let source =
        "currency = 'USD'\ntime_zone = 'America/New_York'\n[[limit]]\nid = 'd'\nscope = 'card'\nwindow = 'day'\ncount_max = 1\n";
    let day_start = |source: &str, now: i64| {
        let ruleset = load(source);
        match evaluate(&ruleset, &purchase(1000), Timestamp::from_unix_seconds(now), &mut NoTrace) {
            Verdict::Proceed(proceed) => proceed.limits[0].window,
            Verdict::Decline { .. } => panic!("there are no rules"),
        }
    };
    let since = |seconds| Window::Since(Timestamp::from_unix_seconds(seconds));
    // Noon on 1 July and on 15 January, 2026 and 2060: summer time is four hours behind UTC, winter time five.
    for (noon, start) in [
        (1_782_921_600, 1_782_878_400),
        (1_768_496_400, 1_768_453_200),
        (2_855_923_200, 2_855_880_000),
        (2_841_498_000, 2_841_454_800),
    ] {
        assert_eq!(day_start(source, noon), since(start), "{noon}");
    }
    // 8 September 2019 and later changes at midnight in Beirut: 27 March 2022 began at 01:00, 22:00 UTC the day before.
    let beirut = source.replace("America/New_York", "Asia/Beirut");
    assert_eq!(day_start(&beirut, 1_648_375_200), since(1_648_332_000));
}

/// What is wrong with a ruleset, without the file's name.
fn wrong(source: &str) -> Vec<String> {
    let errors = read("rules.toml", source, &home()).expect_err(source);
    errors.iter().map(|error| error.to_string().trim_start_matches("rules.toml:").to_owned()).collect()
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let empty = "is an empty list, which could mean all or nothing; leave the key out, or list something";
    let rule = |body: &str| format!("currency = \"USD\"\n[[rule]]\nid = \"r\"\n{body}\n");
    let cases: &[(&str, &[&str])] = &[
        ("mcc = { deny = [] }", &[&format!("4:16: rule.r.mcc.deny: {empty}")]),
        (
            "mcc = { deny = [\"7995\", \"games\"] }",
            &["4:25: rule.r.mcc.deny[1]: is neither a merchant category (\"5411\"), nor \
            a range (\"5811-5814\"), nor the name of a group (\"gambling\")"],
        ),
        ("mcc = { deny = [7995] }", &["4:17: rule.r.mcc.deny[0]: must be a text in quotes"]),
        ("mcc = { deny = [\"5814-5811\"] }", &["4:17: rule.r.mcc.deny[0]: is a range that ends before it begins"]),
        (
            "mcc = { allow = [\"5411\"], deny = [\"7995\"] }",
            &["4:34: rule.r.mcc.deny: stands beside `allow`: a rule has one of \
            the two, so write another rule"],
        ),
        ("mcc = {}", &["4:7: rule.r.mcc: needs `allow` or `deny`"]),
        ("mcc = [\"7995\"]", &["4:7: rule.r.mcc: must be a table"]),
        (
            "mcc = { forbid = [\"7995\"] }",
            &[
                "4:7: rule.r.mcc: needs `allow` or `deny`",
                "4:9: rule.r.mcc.forbid: is not a key of this table; its keys are allow, deny",
            ],
        ),
        ("amount = { max = 750.00 }", &["4:18: rule.r.amount.max: must be a text in quotes"]),
        (
            "amount = { max = \"750.001\" }",
            &["4:18: rule.r.amount.max: has more decimal places than its currency; amounts are in USD, \
            such as \"750.00\""],
        ),
        (
            "amount = { max = \"1e3\" }",
            &["4:18: rule.r.amount.max: is not a decimal number; amounts are in USD, such as \"750.00\""],
        ),
        ("amount = { min = \"2\", max = \"1\" }", &["4:10: rule.r.amount: has a `min` above its `max`"]),
        ("amount = {}", &["4:10: rule.r.amount: has neither `min` nor `max`"]),
        ("amount = { min = \"-1\" }", &["4:10: rule.r.amount: must not be negative"]),
        (
            "amount = { max = \"1\" }\nwhen = { kinds = [\"balance_inquiry\"] }",
            &["2:1: rule.r: checks the amount of \
            `account_verification` or `balance_inquiry`, which have none"],
        ),
        ("cash = \"allow\"", &["4:8: rule.r.cash: must be \"deny\""]),
        ("wallet = \"allow\"", &["4:10: rule.r.wallet: is none of deny, require"]),
        (
            "cross_border = \"deny\"",
            &["2:1: rule.r: looks for a border, which needs the program's country: write `country = \
            \"USA\"` at the top of the file"],
        ),
        (
            "merchant_country = { deny = [\"XYZ\"] }",
            &["4:30: rule.r.merchant_country.deny[0]: is not a country of ISO 3166-1; \
            write for example \"USA\""],
        ),
        ("merchant_name = { deny = [\"**\"] }", &["4:27: rule.r.merchant_name.deny[0]: has no letter or digit to compare"]),
        ("merchant_id = { deny = [\"\"] }", &["4:25: rule.r.merchant_id.deny[0]: is empty"]),
        (
            "entry_mode = { deny = [\"swipe\"] }",
            &["4:24: rule.r.entry_mode.deny[0]: is none of chip, contactless, \
            magnetic_stripe, keyed, ecommerce, card_on_file, recurring, unknown"],
        ),
        (
            "currency = { allow = [\"usd\", \"US\"] }",
            &["4:30: rule.r.currency.allow[1]: is not a currency of ISO 4217; write for \
            example \"USD\""],
        ),
        (
            "hours = { deny = [{ from = \"22:00\", to = \"25:00\" }] }",
            &[
                "4:9: rule.r.hours: needs a `time_zone`, here or at the top of the file",
                "4:42: rule.r.hours.deny[0].to: is not a time of day from \"00:00\" to \"24:00\"",
            ],
        ),
        (
            "hours = { deny = [{ from = \"22:00\", to = \"22:00\" }], time_zone = \"Europe/Berlin\" }",
            &["4:19: \
            rule.r.hours.deny[0]: has a `to` equal to its `from`: no time at all; the whole day is \"00:00\" to \"24:00\""],
        ),
        (
            "hours = { deny = [{ days = [], from = \"1:00\" }], time_zone = \"Mars\" }",
            &[
                "4:19: rule.r.hours.deny[0].to: is missing",
                &format!("4:28: rule.r.hours.deny[0].days: {empty}"),
                "4:39: rule.r.hours.deny[0].from: is not a time of day from \"00:00\" to \"24:00\"",
                "4:62: rule.r.hours.time_zone: is not a time zone of the IANA database; write for example \"America/New_York\"",
            ],
        ),
        ("surcharge = {}", &["4:13: rule.r.surcharge: has no end: neither a least nor a greatest"]),
        (
            "fees = { percent_max = \"5%\", min = \"0.001\", least = 1 }",
            &[
                "4:24: rule.r.fees.percent_max: is not a percentage from 0 to 1000; write for example \"20\" or \"2.5\"",
                "4:36: rule.r.fees.min: has more decimal places than its currency; amounts are in USD, such as \"750.00\"",
                "4:45: rule.r.fees.least: is not a key of this table; its keys are min, max, percent_min, percent_max",
            ],
        ),
        ("items = { min = 3, max = 2 }", &["4:9: rule.r.items: has a `min` above its `max`"]),
        ("items = { min = \"3\" }", &["4:17: rule.r.items.min: must be a whole number from 0 to 65535"]),
        (
            "three_d_secure = { allow = [\"authenticated\"] }",
            &["4:29: rule.r.three_d_secure.allow[0]: is none of AUTHENTICATED, ATTEMPTED, NOT_AUTHENTICATED, NOT_TOLD"],
        ),
        (
            "ip_address = { deny = [\"203.0.113.7/24\", \"::1\"] }",
            &["4:24: rule.r.ip_address.deny[0]: is neither an IP address (\"192.0.2.7\") nor a range of them \
               (\"192.0.2.0/24\"), with no bit set beyond its length"],
        ),
        ("cash = \"deny\"\nwhen = { ip_address = [] }", &[&format!("5:23: rule.r.when.ip_address: {empty}")]),
        (
            "cash = \"deny\"\nwhen = { security_code = [\"999\"] }",
            &["5:27: rule.r.when.security_code[0]: is none of MATCHED, NOT_MATCHED, UNAVAILABLE"],
        ),
        (
            "cash = \"deny\"\nquasi_cash = \"deny\"",
            &["5:14: rule.r.quasi_cash: is one check too many: a rule has one, so write \
            another rule"],
        ),
        (
            "description = \"nothing\"",
            &["2:1: rule.r: checks nothing; a rule has one of amount, kind, mcc, merchant_id, \
            merchant_name, merchant_country, cross_border, entry_mode, cash, quasi_cash, wallet, hours, currency, surcharge, \
            gratuity, fees, items, three_d_secure, address_verification, security_code, ip_address"],
        ),
        (
            "cash = \"deny\"\nreason = \"because\"",
            &["5:10: rule.r.reason: is none of \
            amount_above_maximum, amount_below_minimum, \
            merchant_category_not_allowed, merchant_not_allowed, merchant_country_not_allowed, cross_border_not_allowed, \
            entry_mode_not_allowed, cash_not_allowed, quasi_cash_not_allowed, wallet_not_allowed, outside_allowed_hours, \
            currency_not_allowed, transaction_not_permitted, suspected_fraud"],
        ),
        ("cash = \"deny\"\nreason = \"not_durable\"", &["2:1: rule.r: is not a reason that a rule can have"]),
        ("cash = \"deny\"\nenforcement = \"maybe\"", &["5:15: rule.r.enforcement: is none of enforce, observe"]),
        (
            "cash = \"deny\"\nwhen = { kinds = [], wallet = 1, since = 2 }",
            &[
                &format!("5:18: rule.r.when.kinds: {empty}"),
                "5:31: rule.r.when.wallet: must be true or false",
                "5:34: rule.r.when.since: is not a key of this table; its keys are kinds, posting, entry_modes, wallet, \
             cross_border, mcc, merchant_countries, networks, surcharge, gratuity, fees, items, three_d_secure, \
             address_verification, security_code, ip_address",
            ],
        ),
        (
            "cash = \"deny\"\n[[rule]]\nid = \"r\"\ncash = \"deny\"",
            &["5:1: rule.r: has the id of an earlier rule, limit or hold row"],
        ),
        (
            "cash = \"deny\"\n[[rule]]\nid = \"No Spaces\"\ncash = \"deny\"",
            &["6:6: rule[1].id: must be made of lower-case \
            letters, digits, - and _"],
        ),
        ("cash = \"deny\"\n[[rule]]\ncash = \"deny\"", &["5:1: rule[1].id: is missing"]),
        ("cash = ", &["4:8: is not TOML: string values must be quoted, expected literal string"]),
    ];
    for (body, expected) in cases {
        assert_eq!(wrong(&rule(body)), *expected, "{body}");
    }
}

#[test]
fn mistakes_in_limits_and_at_the_head() {
    let limit = |body: &str| format!("currency = \"USD\"\n[[limit]]\nid = \"l\"\n{body}\n");
    let cases: &[(&str, &[&str])] = &[
        ("scope = \"card\"\nwindow = \"lifetime\"", &["2:1: limit.l: has neither `amount_max` nor `count_max`"]),
        (
            "window = \"fortnight\"\ncount_max = 0",
            &[
                "2:1: limit.l.scope: is missing",
                "4:10: limit.l.window: is none of day, week, month, rolling, lifetime",
                "5:13: limit.l.count_max: must be a whole number from 1 to 4294967295",
            ],
        ),
        (
            "scope = \"card\"\nwindow = \"day\"\ncount_max = 1",
            &["2:1: limit.l: needs a `time_zone`, here or at the top of the \
            file"],
        ),
        (
            "scope = \"card\"\nwindow = \"rolling\"\nlength = \"1h\"\nbuckets = 61\ncount_max = 1",
            &["7:11: limit.l.buckets: must \
            be a whole number from 1 to 60"],
        ),
        (
            "scope = \"card\"\nwindow = \"rolling\"\nlength = \"61s\"\nbuckets = 60\ncount_max = 1",
            &["6:10: limit.l.length: must \
            divide into 1 to 60 buckets of whole seconds"],
        ),
        (
            "scope = \"card\"\nwindow = \"rolling\"\nlength = \"0h\"\ncount_max = 1",
            &[
                "2:1: limit.l.buckets: is missing",
                "6:10: limit.l.length: is not a length of time; write for example \"90m\", \"24h\" or \"7d\"",
            ],
        ),
        (
            "scope = \"card\"\nwindow = \"lifetime\"\namount_max = \"0.00\"",
            &["2:1: limit.l: must be more than zero; to allow \
            nothing at all, write a rule"],
        ),
        (
            "scope = \"card\"\nwindow = \"lifetime\"\namount_max = 5\nbuckets = 3",
            &[
                "6:14: limit.l.amount_max: must be a text in quotes",
                "7:1: limit.l.buckets: is not a key of this table; its keys are id, scope, window, amount_max, count_max, \
             description, enforcement, when",
            ],
        ),
        (
            "scope = \"card\"\nwindow = \"lifetime\"\ncount_max = 1\nwhen = { kinds = [\"credit\"] }",
            &["2:1: limit.l: is only \
            about `credit` or `balance_inquiry`, which no limit counts"],
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(wrong(&limit(body)), *expected, "{body}");
    }
    let heads: &[(&str, &[&str])] = &[
        ("", &["1:1: currency: is missing"]),
        ("currency = \"EUR\"", &["1:12: currency: must be the program's, USD"]),
        ("currency = \"US\"", &["1:12: currency: is not a currency of ISO 4217; write for example \"USD\""]),
        (
            "currency = \"USD\"\ncountry = \"DEU\"\nrules = 1",
            &[
                "2:11: country: must be the program's, USA",
                "3:1: rules: is not a key of this table; its keys are currency, country, time_zone, rule, limit, hold, \
                 partial_approval",
            ],
        ),
        (
            "currency = \"USD\"\ntime_zone = \"EST5\"\nrule = []",
            &[
                "2:13: time_zone: is not a time zone of the IANA database; write for example \"America/New_York\"",
                "3:8: rule: is an empty list, which could mean all or nothing; leave the key out, or list something",
            ],
        ),
    ];
    for (source, expected) in heads {
        assert_eq!(wrong(source), *expected, "{source}");
    }
}

#[test]
fn mistakes_in_the_hold_policy() {
    let empty = "is an empty list, which could mean all or nothing; leave the key out, or list something";
    let percentage = "is not a percentage from 0 to 1000; write for example \"20\" or \"2.5\"";
    let length = "is not a length of time; write for example \"90m\", \"24h\" or \"7d\"";
    let hold = |body: &str| format!("currency = \"USD\"\n[[hold]]\nid = \"h\"\n{body}\n");
    let cases: &[(&str, &[&str])] = &[
        ("", &["2:1: hold.h: decides nothing: neither a time nor a tolerance nor what is held on top"]),
        ("when = { networks = [] }\nlifetime = \"7d\"", &[&format!("4:21: hold.h.when.networks: {empty}")]),
        (
            "when = { networks = [\"\", \"A NETWORK'S LONG NAME\"] }\nlifetime = \"7d\"",
            &["4:22: hold.h.when.networks[0]: is empty", "4:26: hold.h.when.networks[1]: is longer than 16 bytes"],
        ),
        (
            "lifetime = \"0d\"\nsafety_timer = 35",
            &[&format!("4:12: hold.h.lifetime: {length}"), "5:16: hold.h.safety_timer: must be a text in quotes"],
        ),
        (
            "extra_percent = \"20%\"\ncross_currency_percent = 2.5\ntolerance_percent = \"0.125\"",
            &[
                &format!("4:17: hold.h.extra_percent: {percentage}"),
                "5:26: hold.h.cross_currency_percent: must be a text in quotes",
                &format!("6:21: hold.h.tolerance_percent: {percentage}"),
            ],
        ),
        (
            "extra_amount = \"1.001\"\ntolerance_up_to = \"ten\"",
            &[
                "4:16: hold.h.extra_amount: has more decimal places than its currency; amounts are in USD, such as \"750.00\"",
                "5:19: hold.h.tolerance_up_to: is not a decimal number; amounts are in USD, such as \"750.00\"",
            ],
        ),
        ("extra_amount = \"-1\"", &["2:1: hold.h: must not be negative"]),
        ("lifetime = \"7\"", &[&format!("4:12: hold.h.lifetime: {length}")]),
        (
            "lifetime = \"7d\"\nlife = 7",
            &["5:1: hold.h.life: is not a key of this table; its keys are id, lifetime, safety_timer, tolerance_percent, \
             tolerance_amount, tolerance_up_to, extra_percent, extra_amount, extra_up_to, cross_currency_percent, description, when"],
        ),
        (
            "extra_percent = \"1\"\nwhen = { posting = \"immediate\" }",
            &["2:1: hold.h: is about what is debited at once, which has no end and nothing on top: it can have a tolerance only"],
        ),
        (
            "lifetime = \"7d\"\nwhen = { kinds = [\"credit\"] }",
            &[
                "2:1: hold.h: is about `account_verification`, `credit` or `balance_inquiry`, which take no money: nothing of them is \
             held",
            ],
        ),
        (
            "lifetime = \"7d\"\n[[hold]]\nid = \"h\"\nlifetime = \"8d\"",
            &["5:1: hold.h: has the id of an earlier rule, limit or hold row"],
        ),
        (
            "lifetime = \"7d\"\n[partial_approval]\nkinds = []\nentry_modes = [\"slow\"]\nleast = 1",
            &[
                "5:1: partial_approval.minimum: is missing",
                &format!("6:9: partial_approval.kinds: {empty}"),
                "7:16: partial_approval.entry_modes[0]: is none of chip, contactless, magnetic_stripe, keyed, ecommerce, \
                 card_on_file, recurring, unknown",
                "8:1: partial_approval.least: is not a key of this table; its keys are minimum, kinds, entry_modes",
            ],
        ),
        (
            "lifetime = \"7d\"\n[partial_approval]\nminimum = \"0.00\"\nkinds = [\"credit\"]",
            &[
                "5:1: partial_approval: must be more than zero: an approval of nothing is a decline",
                "5:1: partial_approval: is about `account_verification`, `credit` or `balance_inquiry`, which take no money: nothing of \
             them is held",
            ],
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(wrong(&hold(body)), *expected, "{body}");
    }
}

#[test]
fn a_card_number_is_refused_and_one_that_was_kept_is_read() {
    let source = "currency = 'USD'\n[[rule]]\nid = 'a'\ndescription = 'not 4111 1111 1111 1111'\namount = { max = '5.00' }\n";
    let refused = ["4:15: has a card number in it, in a text that is kept for good: write it without"];
    assert_eq!(wrong(source), refused);
    let told = check("rules.toml", source, &HalfKnown::default()).to_string();
    assert_eq!(told, format!("rules.toml:{}", refused[0]));
    assert!(read_kept("kept", source, home().program).is_ok());
    assert!(read_in_force("kept", source, &home()).is_ok());
}

#[test]
fn a_limit_that_counts_nothing_is_refused_and_one_that_was_published_is_read() {
    let limit = |body: &str| format!("currency = 'USD'\n[[limit]]\nid = 'l'\nscope = 'card'\nwindow = 'lifetime'\n{body}\n");
    for nothing in [
        "amount_max = '0.01'\nwhen = { kinds = ['account_verification'] }",
        "amount_max = '0.01'\nwhen = { kinds = ['account_verification', 'credit'] }",
        "count_max = 1\nwhen = { kinds = ['incremental'] }",
    ] {
        let source = limit(nothing);
        let told = wrong(&source);
        assert!(told[0].starts_with("2:1: limit.l: counts nothing: ") && told.len() == 1, "{nothing}: {told:?}");
        assert_eq!(check("rules.toml", &source, &HalfKnown::default()).to_string(), format!("rules.toml:{}", told[0]));
        assert!(read_kept("kept", &source, home().program).is_ok());
        assert!(read_in_force("kept", &source, &home()).is_ok());
    }
    for something in [
        "count_max = 1\nwhen = { kinds = ['account_verification'] }",
        "amount_max = '1'\nwhen = { kinds = ['incremental'] }",
        "amount_max = '1'\ncount_max = 1\nwhen = { kinds = ['account_verification'] }",
        "count_max = 1\nwhen = { kinds = ['purchase'] }",
    ] {
        assert!(read("rules.toml", &limit(something), &home()).is_ok(), "{something}");
    }
}

#[test]
fn one_wrong_zone_is_told_once() {
    let source = "currency = 'USD'\ntime_zone = 'Nowhere'\n[[limit]]\nid = 'a'\nscope = 'card'\nwindow = 'day'\ncount_max = 1\n";
    assert_eq!(wrong(source).len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(currency = \"USD\"\n)?(\\[\\[(rule|limit|hold)\\]\\]\n)?(id = \"[a-z]\"\n)?(mcc|hours|amount|window|when|lifetime|extra_percent) = [\\[{\"0-9a-z \\]},=-]{0,20}") {
        let _ = read("rules.toml", &text, &home());
    }
}

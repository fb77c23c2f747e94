//! What templates compile to, asked by the ordinary evaluator.

use serde_json::{Value, json};

use super::*;
use crate::agent::template::tests::read;
use crate::authorization::{
    AuthorizationKind, AuthorizationRequest, CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef, Posting,
    Wallet,
};
use crate::decision::DeclineReason;
use crate::ids::{AuthorizationId, IdempotencyKey, MerchantId};
use crate::merchant::{Country, Merchant, MerchantCategoryCode, MerchantName};
use crate::rules::{LimitCheck, LimitScope, NoTrace, Verdict, Ways, evaluate};
use crate::time::Timestamp;

fn owner(authority: &str) -> Owner {
    Owner {
        authority: AuthorityId::new(authority).unwrap(),
        policy: PolicyId::new("pol_1").unwrap(),
        program: ProgramId::new("demo").unwrap(),
        currency: Currency::USD,
    }
}

fn compile(template: &str, parameters: Value) -> Result<CompiledPolicy, Vec<FieldError>> {
    CompiledPolicy::new(&read(&json!({ "template": template, "parameters": parameters })).unwrap(), &owner("sa_1"))
}

/// A purchase of 49.99 USD of software, on Thursday 2026-11-26 at noon UTC.
fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key-1").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment-1").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: None,
        cardholder: None,
        amount: Money::from_minor(4999, Currency::USD),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant {
            id: MerchantId::new("mid-1").ok(),
            name: MerchantName::of("Software Store"),
            mcc: MerchantCategoryCode::new("5734"),
            country: Country::new("USA"),
        },
        entry_mode: EntryMode::Ecommerce,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_795_694_400)
}

fn asked(policy: &CompiledPolicy, request: &AuthorizationRequest) -> Result<Vec<LimitCheck>, DeclineReason> {
    match evaluate(&policy.always.ruleset, request, noon(), &mut NoTrace) {
        Verdict::Decline { reason, .. } => Err(reason),
        Verdict::Proceed(proceed) => Ok(proceed.limits.to_vec()),
    }
}

fn says(template: &str, parameters: Value, request: &AuthorizationRequest) -> Option<DeclineReason> {
    asked(&compile(template, parameters).unwrap(), request).err()
}

#[test]
fn each_template_passes_what_it_should_and_declines_what_it_should() {
    use DeclineReason::{
        AmountAboveMaximum, AmountBelowMinimum, CurrencyNotAllowed, MerchantCategoryNotAllowed, MerchantCountryNotAllowed,
        MerchantNotAllowed, OutsideAllowedHours,
    };
    let recurring = |amount: i64| json!({ "merchants": ["software-store"], "amount": amount, "currency": "USD", "tolerance_percent": 10, "period_days": 28 });
    let cases = [
        ("max_amount", json!({ "amount": 4999, "currency": "USD" }), None),
        ("max_amount", json!({ "amount": 4998, "currency": "USD" }), Some(AmountAboveMaximum)),
        ("max_amount", json!({ "amount": 9999, "currency": "EUR" }), Some(CurrencyNotAllowed)),
        ("merchant_lock", json!({ "merchants": ["SOFTWARE*STORE"] }), None),
        ("merchant_lock", json!({ "merchants": ["Hardware Store"] }), Some(MerchantNotAllowed)),
        ("merchant_lock", json!({ "merchant_ids": ["mid-2"] }), Some(MerchantNotAllowed)),
        ("merchant_lock", json!({ "merchant_ids": ["mid-1"], "merchants": ["Hardware Store"] }), None),
        ("merchant_lock", json!({ "merchant_ids": ["mid-2"], "merchants": ["Hardware Store"] }), Some(MerchantNotAllowed)),
        ("mcc_allowlist", json!({ "mccs": ["5411", "5734"] }), None),
        ("mcc_allowlist", json!({ "mccs": ["5411"] }), Some(MerchantCategoryNotAllowed)),
        ("mcc_blocklist", json!({ "mccs": ["gambling"] }), None),
        ("mcc_blocklist", json!({ "mccs": ["5700-5799"] }), Some(MerchantCategoryNotAllowed)),
        ("country", json!({ "allow": ["US"] }), None),
        ("country", json!({ "deny": ["USA"] }), Some(MerchantCountryNotAllowed)),
        ("time_of_day", json!({ "allow": [{ "days": ["thursday"], "from": "11:00", "to": "13:00" }] }), None),
        ("time_of_day", json!({ "allow": [{ "from": "12:01", "to": "12:00" }] }), Some(OutsideAllowedHours)),
        ("recurring_merchant", recurring(4545), None),
        ("recurring_merchant", recurring(4543), Some(AmountAboveMaximum)),
        ("recurring_merchant", recurring(5554), None),
        ("recurring_merchant", recurring(5556), Some(AmountBelowMinimum)),
        // A tenth of these is 454.4 and 555.5: 4998 and 5000 are within it, 4999 is not.
        ("recurring_merchant", recurring(4544), Some(AmountAboveMaximum)),
        ("recurring_merchant", recurring(5555), Some(AmountBelowMinimum)),
        ("recurring_merchant", recurring(4999), None),
        ("budget", json!({ "amount": 1, "currency": "EUR", "window": "day" }), Some(CurrencyNotAllowed)),
    ];
    for (template, parameters, expected) in cases {
        let told = format!("{template} {parameters}");
        assert_eq!(says(template, parameters, &request()), expected, "{told}");
    }
}

/// Lists of what is denied pass what does not say what it is, lists of what is allowed do not.
#[test]
fn what_is_not_told_is_on_no_list() {
    use DeclineReason::{MerchantCategoryNotAllowed, MerchantCountryNotAllowed};
    let silent = AuthorizationRequest { merchant: Merchant { mcc: None, country: None, ..request().merchant }, ..request() };
    assert_eq!(says("mcc_blocklist", json!({ "mccs": ["gambling"] }), &silent), None);
    assert_eq!(says("country", json!({ "deny": ["USA"] }), &silent), None);
    assert_eq!(says("mcc_allowlist", json!({ "mccs": ["gambling"] }), &silent), Some(MerchantCategoryNotAllowed));
    assert_eq!(says("country", json!({ "allow": ["USA"] }), &silent), Some(MerchantCountryNotAllowed));
}

#[test]
fn what_counts_becomes_a_limit_of_the_authority_alone() {
    let day = json!({ "amount": 5000, "currency": "USD", "window": "day" });
    let limits = asked(&compile("budget", day.clone()).unwrap(), &request()).unwrap();
    let [limit] = limits.as_slice() else { panic!("{limits:?}") };
    assert_eq!((limit.limit.as_str(), limit.scope, limit.amount_max), ("budget-day", LimitScope::Authority, Some(5000)));

    let template = read(&json!({ "template": "budget", "parameters": day })).unwrap();
    let other = asked(&CompiledPolicy::new(&template, &owner("sa_2")).unwrap(), &request()).unwrap();
    assert_ne!(other[0].counter, limit.counter, "two authorities never share a budget");
    let raised = json!({ "amount": 9000, "currency": "USD", "window": "day" });
    assert_eq!(
        asked(&compile("budget", raised).unwrap(), &request()).unwrap()[0].counter,
        limit.counter,
        "a raised budget counts on"
    );

    let once = asked(&compile("one_time", json!({})).unwrap(), &request()).unwrap();
    assert_eq!((once[0].count_max, once[0].window), (Some(1), crate::rules::Window::Lifetime));
    let check =
        AuthorizationRequest { kind: AuthorizationKind::AccountVerification, amount: Money::zero(Currency::USD), ..request() };
    assert_eq!(asked(&compile("one_time", json!({})).unwrap(), &check), Ok(Vec::new()), "a check of the card uses nothing up");
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..request() };
    assert_eq!(asked(&compile("one_time", json!({})).unwrap(), &increment), Ok(Vec::new()), "its payment was counted");
}

/// What a policy's limits are called, in their order, and by what they count.
fn limits_of(policies: &Value) -> Vec<(String, crate::rules::CounterKey)> {
    let policy = compile("all_of", json!({ "policies": policies })).unwrap();
    asked(&policy, &request()).unwrap().iter().map(|check| (check.limit.to_string(), check.counter)).collect()
}

#[test]
fn a_limit_counts_on_wherever_it_stands() {
    let budget = |amount: i64, window: Value| {
        let mut parameters = json!({ "amount": amount, "currency": "USD" });
        parameters.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
        json!({ "template": "budget", "parameters": parameters })
    };
    let rolling = |amount, seconds: u32| budget(amount, json!({ "window": "rolling", "rolling_seconds": seconds }));
    let both = limits_of(&json!([rolling(500_000, 60), rolling(1000, 86_400)]));
    let names: Vec<_> = both.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["budget-rolling-60s", "budget-rolling-86400s"]);
    assert_eq!(limits_of(&json!([rolling(900, 86_400)])), both[1..], "the one before it is gone, and its maximum is another");

    let day = |zone: &str| budget(10_000, json!({ "window": "day", "time_zone": zone }));
    let hourly = json!({ "template": "count", "parameters": { "count": 3, "window": "rolling", "rolling_seconds": 3600 } });
    let daily = limits_of(&json!([day("UTC"), day("America/New_York")]));
    assert_eq!(limits_of(&json!([hourly, day("UTC")]))[1], daily[0], "another one before it changes nothing");
    let names: Vec<_> = daily.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["budget-day", "budget-day-america-new-york"]);
    let week = |day: &str| {
        let window = json!({ "window": "week", "time_zone": "America/New_York", "week_starts": day });
        limits_of(&json!([budget(1000, window)]))[0].0.clone()
    };
    assert_eq!(week("monday"), "budget-week-america-new-york");
    assert_eq!(week("sunday"), "budget-week-america-new-york-sunday");

    // What is the same twice is counted once, and the lower maximum holds, whichever comes first.
    for twice in [json!([rolling(1000, 60), rolling(500, 60)]), json!([rolling(500, 60), rolling(1000, 60)])] {
        assert_eq!(limits_of(&twice), both[..1]);
        let policy = compile("all_of", json!({ "policies": twice })).unwrap();
        assert_eq!(asked(&policy, &request()).unwrap()[0].amount_max, Some(500));
    }
    let day = |zone: &str| json!({ "template": "count", "parameters": { "count": 1, "window": "day", "time_zone": zone } });
    let names = limits_of(&json!([day("Etc/GMT+5"), day("Etc/GMT-5")]));
    assert_eq!([names[0].0.as_str(), names[1].0.as_str()], ["count-day-etc-gmt-plus-5", "count-day-etc-gmt-5"]);
    let count = |most: u32| json!({ "template": "count", "parameters": { "count": most, "window": "day" } });
    let policy = compile("all_of", json!({ "policies": [count(3), count(2), count(4)] })).unwrap();
    assert_eq!(asked(&policy, &request()).unwrap().iter().map(|check| check.count_max).collect::<Vec<_>>(), [Some(2)]);
    let euros = json!([{ "template": "budget", "parameters": { "amount": 1, "currency": "EUR", "window": "month" } }]);
    let of_euros = AuthorizationRequest { amount: Money::from_minor(1, Currency::from_alpha("EUR").unwrap()), ..request() };
    let policy = compile("all_of", json!({ "policies": euros })).unwrap();
    assert_eq!(asked(&policy, &of_euros).unwrap()[0].limit.as_str(), "budget-eur-month", "euros do not count as dollars");
}

#[test]
fn several_ways_are_one_rule_and_the_evaluator_stays_the_only_one() {
    let small = json!({ "template": "max_amount", "parameters": { "amount": 1000, "currency": "USD" } });
    let here = json!({ "template": "merchant_lock", "parameters": { "merchants": ["Software Store"] } });
    let there = json!({ "template": "merchant_lock", "parameters": { "merchants": ["Hardware Store"] } });
    let any = |policies: Vec<&Value>| json!({ "policies": policies });
    assert_eq!(says("any_of", any(vec![&small, &here]), &request()), None);
    let both = says("any_of", any(vec![&small, &there]), &request());
    assert_eq!(both, Some(DeclineReason::TransactionNotPermitted), "two reasons are none in particular");
    assert_eq!(says("any_of", any(vec![&there, &there]), &request()), Some(DeclineReason::MerchantNotAllowed));
    let whole_way = json!({ "template": "all_of", "parameters": { "policies": [here, small] } });
    assert_eq!(says("any_of", any(vec![&there, &whole_way]), &request()), Some(DeclineReason::TransactionNotPermitted));
    let check =
        AuthorizationRequest { kind: AuthorizationKind::AccountVerification, amount: Money::zero(Currency::USD), ..request() };
    assert_eq!(says("any_of", any(vec![&small, &there]), &check), None, "an amount has nothing to say of a check");
    let policy = compile("any_of", any(vec![&small, &there])).unwrap();
    assert_eq!(
        policy.always.ruleset.rules()[0].to_string(),
        "any-of: declines what each of these does: amounts above 10.00 USD; all but merchant name one of 1 listed"
    );
}

#[test]
fn what_cannot_be_expressed_is_refused_by_its_path() {
    let errors = |template: &str, parameters: Value| -> Vec<String> {
        compile(template, parameters).unwrap_err().iter().map(|error| error.path.clone()).collect()
    };
    let budget = json!({ "template": "budget", "parameters": { "amount": 1, "currency": "USD", "window": "day" } });
    let euros = json!({ "template": "max_amount", "parameters": { "amount": 1, "currency": "EUR" } });
    let nested = json!({ "template": "all_of", "parameters": { "policies": [budget] } });
    assert_eq!(
        errors("any_of", json!({ "policies": [euros, nested] })),
        ["parameters.policies[1].parameters.policies[0].parameters.currency"]
    );
    assert_eq!(errors("all_of", json!({ "policies": [euros, budget] })), ["parameters.policies[1].parameters.currency"]);
    let of_minutes = |minutes| json!({ "count": 1, "window": "rolling", "rolling_seconds": 60 * minutes });
    let many: Vec<_> =
        (1..=POLICY_LIMITS_MAX + 1).map(|minutes| json!({ "template": "count", "parameters": of_minutes(minutes) })).collect();
    assert_eq!(errors("all_of", json!({ "policies": many })), [format!("parameters.policies[{POLICY_LIMITS_MAX}].template")]);
}

#[test]
fn the_lowest_review_is_the_one_that_counts() {
    let review = |amount| json!({ "template": "human_review", "parameters": { "amount": amount, "currency": "USD" } });
    let policy = compile("all_of", json!({ "policies": [review(500), review(300), review(400)] })).unwrap();
    assert_eq!(policy.always.unreviewed.unwrap().max().unwrap().minor(), 300);
    assert_eq!(asked(&policy, &request()), Ok(Vec::new()), "the rules leave it to whoever knows of reviews");
}

#[test]
fn a_version_is_named_by_its_template_and_its_authority() {
    let template = read(&json!({ "template": "one_time" })).unwrap();
    let hash = |authority| CompiledPolicy::new(&template, &owner(authority)).unwrap().version.hash;
    assert_eq!(hash("sa_1"), hash("sa_1"));
    assert_ne!(hash("sa_1"), hash("sa_2"));
    assert_eq!(CompiledPolicy::new(&template, &owner("sa_1")).unwrap().always.ruleset.hash(), hash("sa_1"));
}

fn several(template: &str, policies: &[&Value]) -> Value {
    json!({ "template": template, "parameters": { "policies": policies } })
}

fn daily(amount: i64) -> Value {
    json!({ "template": "budget", "parameters": { "amount": amount, "currency": "USD", "window": "day" } })
}

fn at_most(template: &str, amount: i64) -> Value {
    json!({ "template": template, "parameters": { "amount": amount, "currency": "USD" } })
}

/// The limits of a policy's parts, with the ways that each is on.
fn on_ways(policy: &CompiledPolicy) -> Vec<(String, Vec<u8>)> {
    let numbers = |part: &Part| part.ways.map_or_else(Vec::new, |ways| ways.iter().map(crate::rules::Way::number).collect());
    let parts = std::iter::once(&policy.always).chain(&policy.by_way);
    parts.flat_map(|part| part.ruleset.limits().iter().map(move |limit| (limit.id().to_string(), numbers(part)))).collect()
}

#[test]
fn what_counts_on_one_of_several_ways_is_named_by_it_and_counts_there_alone() {
    let (small, once) = (daily(5_000), json!({ "template": "one_time" }));
    let any = |policies: &[&Value]| compile("any_of", json!({ "policies": policies })).unwrap();
    let plain = any(&[&at_most("max_amount", 1), &at_most("max_amount", 2)]);
    assert_eq!((plain.ways, plain.by_way.len()), (None, 0), "checks alone are one rule, as ever");
    let policy = any(&[&small, &once, &daily(9_000)]);
    let named = |name: &str, ways: &[u8]| (name.to_owned(), ways.to_vec());
    let limits = [named("budget-way-1-day", &[1]), named("one-time-way-2-lifetime", &[2]), named("budget-way-3-day", &[3])];
    assert_eq!(on_ways(&policy), limits);
    assert_eq!((policy.ways, policy.limits()), (Some(Ways::first_of(3)), 3));
    let counter = |policy: &CompiledPolicy, place: usize| {
        let Verdict::Proceed(proceed) = evaluate(&policy.by_way[place].ruleset, &request(), noon(), &mut NoTrace) else {
            panic!()
        };
        proceed.limits[0].counter
    };
    assert_ne!(counter(&policy, 0), counter(&policy, 2), "the same budget on two ways is two");
    assert_eq!(counter(&policy, 2), counter(&any(&[&once, &small, &daily(1)]), 2), "a way counts on while it keeps its place");

    // Beside each other they multiply, the first one slowest; what is on several of them counts together.
    let inner = several("any_of", &[&daily(70), &at_most("human_review", 8)]);
    let nested = several("any_of", &[&inner, &once]);
    let two = several("any_of", &[&small, &once]);
    let policy = compile("all_of", json!({ "policies": [two, nested, daily(90_000)] })).unwrap();
    assert_eq!(policy.ways, Some(Ways::first_of(6)));
    assert_eq!(
        on_ways(&policy),
        [
            named("budget-day", &[]),
            named("budget-way-1-day", &[1, 2, 3]),
            named("one-time-way-2-lifetime", &[4, 5, 6]),
            named("budget-way-1-of-2-1-day", &[1, 4]),
            named("one-time-way-2-of-2-lifetime", &[3, 6]),
        ]
    );
}

/// Each limit of a policy's parts, with its counter.
fn counters(policies: &[&Value]) -> Vec<(String, crate::rules::CounterKey)> {
    let policy = compile("all_of", json!({ "policies": policies })).unwrap();
    let parts = std::iter::once(&policy.always).chain(&policy.by_way);
    parts.flat_map(|part| part.ruleset.limits()).map(|limit| (limit.id().to_string(), limit.counter())).collect()
}

#[test]
fn what_is_put_at_the_end_of_an_any_of_changes_no_counter_of_another() {
    let (small, once, review) = (daily(5_000), json!({ "template": "one_time" }), at_most("human_review", 8));
    let second = several("any_of", &[&daily(70), &once]);
    let before = counters(&[&several("any_of", &[&small, &once]), &second]);
    let after = counters(&[&several("any_of", &[&small, &once, &review]), &second]);
    assert_eq!(before, after);
    let names: Vec<_> = after[2..].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["budget-way-1-of-2-day", "one-time-way-2-of-2-lifetime"]);
}

/// As deep as templates may lie in each other, a limit has a name yet: none is lost for want of one.
#[test]
fn ways_within_ways_of_several_any_ofs_have_names_of_their_own() {
    let monthly = json!({ "template": "recurring_merchant", "parameters": {
        "merchants": ["Software Store"], "amount": 1, "currency": "USD", "tolerance_percent": 0, "period_days": 366 } });
    let (review, other) = (at_most("human_review", 8), at_most("human_review", 9));
    let plain = several("any_of", &[&review, &other]);
    let limits = counters(&[&plain, &several("any_of", &[&several("any_of", &[&monthly, &monthly]), &review])]);
    let names: Vec<_> = limits.iter().map(|(name, _)| name.as_str()).collect();
    let of_inner = |number| format!("recurring-period-way-1-of-2-{number}-rolling-");
    assert!(names.len() == 2 && names[0].starts_with(&of_inner(1)) && names[1].starts_with(&of_inner(2)), "{names:?}");
}

/// What is added is no payment more, and its payment may have been counted on another way: whoever counts has to look.
#[test]
fn what_is_added_hears_of_the_counts_of_several_ways_and_of_no_others() {
    let (once, increment) =
        (json!({ "template": "one_time" }), AuthorizationRequest { kind: AuthorizationKind::Incremental, ..request() });
    let hourly = json!({ "template": "count", "parameters": { "count": 3, "window": "rolling", "rolling_seconds": 3600 } });
    let ways = several("any_of", &[&once, &daily(9_000)]);
    let policy = compile("all_of", json!({ "policies": [ways, hourly] })).unwrap();
    let heard = |part: &Part| match evaluate(&part.ruleset, &increment, noon(), &mut NoTrace) {
        Verdict::Proceed(proceed) => proceed.limits.iter().map(|check| (check.amount_max, check.count_max)).collect::<Vec<_>>(),
        Verdict::Decline { .. } => panic!(),
    };
    assert_eq!(heard(&policy.always), []);
    assert_eq!([heard(&policy.by_way[0]), heard(&policy.by_way[1])], [[(None, Some(1))], [(Some(9_000), None)]]);
}

#[test]
fn ways_and_what_they_count_have_their_bounds() {
    let errors = |template: &str, policies: &[&Value]| -> Vec<(String, String)> {
        let errors = compile(template, json!({ "policies": policies })).unwrap_err();
        errors.into_iter().map(|error| (error.path, error.problem)).collect()
    };
    let review = |amount| at_most("human_review", amount);
    let [one, two, three, four] = [1, 2, 3, 4].map(review);
    let three_ways = several("any_of", &[&one, &two, &three]);
    let found = errors("all_of", &[&three_ways, &three_ways]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "parameters.policies");
    assert!(found[0].1.starts_with("has 9 ways on which something counts or waits for a person, and a policy has at most 8:"));
    // Every way's maximum and review are limits of the payment: there is room for one of each anyhow.
    let way = |amount| several("all_of", &[&review(amount), &at_most("max_amount", amount)]);
    let ways = [1, 2, 3, 4].map(way);
    let template = read(&several("any_of", &ways.each_ref())).unwrap();
    assert_eq!(CompiledPolicy::within(&template, &owner("sa_1"), 6).unwrap().limits(), 6);
    let refused = CompiledPolicy::within(&template, &owner("sa_1"), 5).unwrap_err();
    assert_eq!(refused[0].path, "template");
    assert!(refused[0].problem.starts_with("needs 6 limits, and there is room for 5:"), "{}", refused[0].problem);
    // Budgets and counts of all ways together.
    let many = (1..=6).map(daily).collect::<Vec<_>>();
    assert_eq!(errors("any_of", &many.iter().collect::<Vec<_>>())[0].0, "parameters.policies[5].template");
    let euros = json!({ "template": "budget", "parameters": { "amount": 1, "currency": "EUR", "window": "day" } });
    assert_eq!(errors("any_of", &[&four, &euros])[0].0, "parameters.policies[1].parameters.currency");
}

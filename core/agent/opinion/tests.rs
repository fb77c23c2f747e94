//! Policies that leave several ways open: which are, why none is, and what the ledger has to look at.

use serde_json::{Value, json};

use crate::agent::govern::tests::{NOW, at_platform, authority, binding, intent, nothing_against, policy, purchase, usd};
use crate::agent::{Authority, Found, Intent, IntentStatus, Mode, Presented, govern};
use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::decision::DeclineReason;
use crate::merchant::{Merchant, MerchantCategoryCode, MerchantName};
use crate::rules::{Enforcement, Proceed, Verdict, Way};

fn of(template: &str, parameters: Value) -> Value {
    json!({ "template": template, "parameters": parameters })
}

fn money(template: &str, amount: i64) -> Value {
    of(template, json!({ "amount": amount, "currency": "USD" }))
}

fn daily(amount: i64) -> Value {
    of("budget", json!({ "amount": amount, "currency": "USD", "window": "day" }))
}

fn both(policies: Value) -> Value {
    of("all_of", json!({ "policies": policies }))
}

/// At the hardware store 50.00 a day, or what is sold at 5734 up to 100.00 a day, of which a person sees what is above 80.00.
fn two_ways() -> Authority {
    let hardware = of("merchant_lock", json!({ "merchants": ["Hardware Store"] }));
    let software = of("mcc_allowlist", json!({ "mccs": ["5734"] }));
    let ways = [
        both(json!([hardware, daily(5_000), money("max_amount", 9_000)])),
        both(json!([software, daily(10_000), money("human_review", 8_000)])),
    ];
    Authority { policy: policy(&of("any_of", json!({ "policies": ways }))), ..authority() }
}

fn thought(authority: &Authority, intent: Presented<'_>, request: &AuthorizationRequest) -> Verdict {
    let binding = binding();
    let found = Found::Authority { authority, binding: &binding, intent };
    govern(nothing_against(request), &found, request, at_platform(), NOW).0
}

fn refused(verdict: &Verdict) -> Option<DeclineReason> {
    match verdict {
        Verdict::Decline { reason, .. } => Some(*reason),
        Verdict::Proceed(_) => None,
    }
}

fn open(verdict: Verdict) -> Proceed {
    let Verdict::Proceed(proceed) = verdict else { panic!("{verdict:?}") };
    proceed
}

/// The ways that are open, and each limit with its own.
fn shown(proceed: &Proceed) -> (Vec<u8>, Vec<(&str, Vec<u8>)>) {
    let numbers = |ways: Option<crate::rules::Ways>| ways.map_or_else(Vec::new, |ways| ways.iter().map(Way::number).collect());
    (numbers(proceed.ways), proceed.limits.iter().map(|check| (check.limit.as_str(), numbers(check.ways))).collect())
}

fn at(name: &str, mcc: &str, minor: i64) -> AuthorizationRequest {
    let (name, mcc) = (MerchantName::of(name), MerchantCategoryCode::new(mcc));
    AuthorizationRequest { merchant: Merchant { name, mcc, ..Merchant::default() }, ..purchase(minor) }
}

#[test]
fn the_ledger_hears_of_the_limits_of_the_ways_that_are_open() {
    let authority = two_ways();
    let first = ("budget-way-1-day", vec![1]);
    let (most, second, review) = (("max-amount", vec![1]), ("budget-way-2-day", vec![2]), ("human-review", vec![2]));
    let asked = |request: &AuthorizationRequest| open(thought(&authority, Presented::None, request));
    let proceed = asked(&at("Hardware Store", "5734", 4_000));
    assert_eq!(shown(&proceed), (vec![1, 2], vec![most.clone(), first.clone(), review.clone(), second.clone()]));
    let proceed = asked(&at("Hardware Store", "5251", 4_000));
    assert_eq!(shown(&proceed), (vec![1], vec![most.clone(), first.clone()]));
    let proceed = asked(&at("Hardware Store", "5734", 8_500));
    assert_eq!(shown(&proceed), (vec![1], vec![most, first]), "the other one needs a person");
    let proceed = asked(&at("Software Store", "5734", 8_000));
    assert_eq!(shown(&proceed), (vec![2], vec![review.clone(), second.clone()]));
    // What is added to a payment, too, and whatever it comes to with it.
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..at("Software Store", "5734", 100) };
    assert_eq!(shown(&asked(&increment)), (vec![2], vec![review, second]));
}

#[test]
fn a_person_is_asked_where_that_opens_a_way_and_none_is_open() {
    let authority = two_ways();
    let says = |intent: Presented<'_>, request| refused(&thought(&authority, intent, &request));
    assert_eq!(says(Presented::None, at("Software Store", "5734", 8_001)), Some(DeclineReason::ReviewRequired));
    assert_eq!(says(Presented::None, at("Hardware Store", "5734", 8_001)), None, "the first way needs nobody");
    assert_eq!(says(Presented::None, at("Hardware Store", "5734", 9_001)), Some(DeclineReason::ReviewRequired));
    let approved = Intent { status: IntentStatus::Approved, amount: usd(9_500), merchant: Merchant::default(), ..intent() };
    let proceed = open(thought(&authority, Presented::Known(&approved), &at("Software Store", "5734", 9_500)));
    assert_eq!(shown(&proceed), (vec![2], vec![("intent", vec![]), ("budget-way-2-day", vec![2])]));
}

#[test]
fn why_no_way_is_open_is_what_all_of_them_say() {
    let says = |authority: &Authority, request| refused(&thought(authority, Presented::None, &request));
    let elsewhere = at("Bakery", "5462", 100);
    assert_eq!(says(&two_ways(), elsewhere), Some(DeclineReason::PolicyOther), "a merchant, and a category");
    let category = |mcc: &str, amount| both(json!([of("mcc_allowlist", json!({ "mccs": [mcc] })), daily(amount)]));
    let same = policy(&of("any_of", json!({ "policies": [category("5734", 1), category("5411", 2)] })));
    let same = Authority { policy: same, ..authority() };
    assert_eq!(says(&same, elsewhere), Some(DeclineReason::PolicyMerchantCategory));
    // What holds whatever way is taken speaks first.
    let ways = of("any_of", json!({ "policies": [category("5734", 1), category("5411", 2)] }));
    let beside = policy(&both(json!([ways, money("max_amount", 50)])));
    let beside = Authority { policy: beside, ..authority() };
    assert_eq!(says(&beside, elsewhere), Some(DeclineReason::PolicyAmount));
}

#[test]
fn in_observe_the_limits_of_ways_only_count() {
    let observe = Authority { mode: Mode::Observe, ..two_ways() };
    let proceed = open(thought(&observe, Presented::None, &at("Hardware Store", "5734", 4_000)));
    assert_eq!(shown(&proceed).0, [1, 2]);
    assert!(proceed.limits.iter().all(|check| check.enforcement == Enforcement::Observe));
    let proceed = open(thought(&observe, Presented::None, &at("Bakery", "5462", 4_000)));
    assert_eq!(shown(&proceed), (vec![], vec![]), "what no way lets pass counts on none");
}

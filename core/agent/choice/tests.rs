//! Which of an authority's intents a question is for.

use serde_json::{Value, json};

use super::*;
use crate::agent::govern::tests::{NOW, at_platform, authority, binding, intent, nothing_against, policy, purchase, usd};
use crate::agent::{IntentNeed, IntentStatus, Mode};
use crate::decision::DeclineReason;
use crate::hold::StepId;
use crate::ids::IdempotencyKey;
use crate::merchant::{Country, MerchantCategoryCode, MerchantName};
use crate::rules::{Way, Window};

fn named(reference: &str, status: IntentStatus) -> Arc<Intent> {
    Arc::new(Intent { reference: IntentReference::new(reference).unwrap(), status, ..intent() })
}

fn choice(intents: &[&str]) -> Choice {
    let authority = Authority { intent_need: IntentNeed::Required, ..authority() };
    Choice {
        authority: Arc::new(authority),
        binding: Arc::new(binding()),
        intents: intents.iter().map(|reference| named(reference, IntentStatus::Open)).collect(),
        asking: at_platform(),
        program: nothing_against(&purchase(4_999)),
        at: NOW,
    }
}

/// What comes of a payment where those are used.
fn chosen(choice: &Choice, used: &[&str]) -> Result<String, DeclineReason> {
    let is_used = |check: &LimitCheck| {
        let uses = used.iter().filter(|one| CounterKey::of(&["intent", one]) == check.counter).count();
        LimitUse { amount: 0, count: u32::try_from(uses).unwrap() }
    };
    said(choice.choose(&purchase(4_999), &[], is_used))
}

fn said(chosen: Chosen) -> Result<String, DeclineReason> {
    match chosen.verdict {
        Verdict::Decline { reason, .. } => Err(reason),
        Verdict::Proceed(_) => Ok(chosen.intent.map(|intent| intent.to_string()).unwrap_or_default()),
    }
}

#[test]
fn it_is_the_only_one_that_fits_and_is_free() {
    let required = Err(DeclineReason::IntentRequired);
    assert_eq!(chosen(&choice(&["intent_1"]), &[]).as_deref(), Ok("intent_1"));
    assert_eq!(chosen(&choice(&["intent_1"]), &["intent_1"]), required, "none is there, and none is used twice");
    assert_eq!(chosen(&choice(&["intent_1", "intent_2"]), &[]), required, "several are none");
    assert_eq!(chosen(&choice(&["intent_1", "intent_2"]), &["intent_1"]).as_deref(), Ok("intent_2"));
    let free = Choice { authority: Arc::new(authority()), ..choice(&["intent_1"]) };
    assert_eq!(chosen(&free, &["intent_1"]).as_deref(), Ok(""), "where none is needed, it is decided as if none had fitted");
}

#[test]
fn a_payment_that_is_there_stays_with_its_own() {
    let counted = |reference: &str| Counted {
        placement: StepId::of(&IdempotencyKey::new("opening").unwrap()),
        counter: CounterKey::of(&["intent", reference]),
        scope: LimitScope::Intent,
        window: Window::Lifetime,
        amount: 4_000,
        count: 1,
    };
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, amount: usd(100), ..purchase(100) };
    let choice = choice(&["intent_1", "intent_2"]);
    let of = |reference: &str| choice.choose(&increment, &[counted(reference)], |_| LimitUse { amount: 0, count: 1 });
    assert_eq!(said(of("intent_2")).as_deref(), Ok("intent_2"));
    assert_eq!(said(of("intent_9")), Err(DeclineReason::IntentUnknown), "it was taken back");
    assert_eq!(said(choice.choose(&increment, &[], |_| LimitUse::default())).as_deref(), Ok(""), "it was opened without one");
}

/// A processor named it: names differ between the doors, what is sold and where does not.
#[test]
fn one_that_is_named_is_for_its_category_and_country_at_the_other_door_too() {
    let told = |mcc: &str, country: &str| {
        let (mcc, country) = (MerchantCategoryCode::new(mcc), Country::new(country));
        Merchant { mcc, country, ..intent().merchant }
    };
    let intents = [Arc::new(Intent { merchant: told("5734", "USA"), ..intent() })];
    let choice = Choice { intents: Arc::new(intents), ..choice(&[]) };
    let named = LimitUse { amount: number_of("intent_1"), count: 1 };
    let used =
        |check: &LimitCheck| if check.amount_max.is_none() && check.count_max.is_none() { named } else { LimitUse::default() };
    let asked = |merchant: Merchant| {
        let merchant = Merchant { name: MerchantName::of("SQ *OTHER NAME"), ..merchant };
        said(choice.choose(&AuthorizationRequest { merchant, ..purchase(4_999) }, &[], used))
    };
    assert_eq!(asked(told("5734", "USA")).as_deref(), Ok("intent_1"));
    assert_eq!(asked(told("5734", "")).as_deref(), Ok("intent_1"), "what is not told contradicts nothing");
    assert_eq!(asked(told("5411", "USA")), Err(DeclineReason::IntentMismatched));
    assert_eq!(asked(told("5734", "FRA")), Err(DeclineReason::IntentMismatched));
}

/// Without the ledger nobody knows what a payment has by now.
#[test]
fn unheard_nothing_is_added_to_what_has_a_maximum() {
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..purchase(100) };
    let choice = choice(&["intent_1"]);
    assert_eq!(said(choice.unheard(&increment)), Err(DeclineReason::PolicyAmount));
    assert_eq!(said(choice.unheard(&purchase(4_999))).as_deref(), Ok("intent_1"));
}

/// What is there of the payment is not known, nor where it was counted: a way with a maximum, a review or a count is not taken, and one that
/// none of them bounds is.
#[test]
fn unheard_something_is_added_on_a_way_that_nothing_bounds() {
    let money = |template: &str| json!({ "template": template, "parameters": { "amount": 9_000, "currency": "USD" } });
    let both = |policies: Value| json!({ "template": "all_of", "parameters": { "policies": policies } });
    let daily = || json!({ "template": "budget", "parameters": { "amount": 9_000, "currency": "USD", "window": "day" } });
    let bounded = [both(json!([daily(), money("max_amount")])), money("human_review")];
    let asked = |ways: &[Value], mode| {
        let template = json!({ "template": "any_of", "parameters": { "policies": ways } });
        let authority = Authority { mode, policy: policy(&template), ..authority() };
        let choice = Choice { authority: Arc::new(authority), ..choice(&[]) };
        choice.unheard(&AuthorizationRequest { kind: AuthorizationKind::Incremental, ..purchase(100) }).verdict
    };
    let ways = |verdict: Verdict| match verdict {
        Verdict::Proceed(proceed) => Ok(proceed.ways.map(|ways| ways.iter().map(Way::number).collect::<Vec<_>>())),
        Verdict::Decline { reason, .. } => Err(reason),
    };
    assert_eq!(ways(asked(&bounded, Mode::Enforce)), Err(DeclineReason::PolicyAmount));
    let once = || json!({ "template": "one_time" });
    assert_eq!(ways(asked(&[once(), daily()], Mode::Enforce)), Ok(Some(vec![2])));
    assert_eq!(ways(asked(&[once(), both(json!([once(), daily()]))], Mode::Enforce)), Err(DeclineReason::PolicyLimitReached));
    assert_eq!(ways(asked(&[once(), daily()], Mode::Observe)), Ok(Some(vec![1, 2])));
    let [first, second] = bounded.clone();
    assert_eq!(ways(asked(&[first, daily(), second], Mode::Enforce)), Ok(Some(vec![2])));
    assert_eq!(ways(asked(&bounded, Mode::Observe)), Ok(Some(vec![1, 2])), "what only observes bounds nothing");
}

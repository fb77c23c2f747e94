//! Questions under an agent's authority: its limits, its intents, and doors at which nothing moves.

use holdfast_core::agent::{AuthorityId, BindingId, Governed, IntentReference, Mode, Weight};
use holdfast_core::hold::{Fact, ReleaseCause, ToldAnswer};
use holdfast_core::rules::{CounterKey, LimitCheck, LimitScope, Window};
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason};

use super::house::Said;
use super::*;
use crate::ledger::{Act, Adopt, Decide};

fn governed(weight: Weight) -> Governed {
    Governed {
        authority: AuthorityId::new("sa_1").ok(),
        policy: None,
        binding: BindingId::new("bind_1").ok(),
        intent: IntentReference::new("intent_1").ok(),
        asked_by: None,
        mode: Mode::Enforce,
        weight,
        would: None,
    }
}

fn ask(request: AuthorizationRequest, limits: &[LimitCheck], weight: Weight) -> Act {
    Act::Decide(Decide { governed: Some(governed(weight)), ..limited(request, limits) })
}

/// At most 100, of one authority, by its key.
fn budget(authority: &str) -> LimitCheck {
    LimitCheck { scope: LimitScope::Authority, counter: CounterKey::of(&["budget", authority]), ..limit(Window::Lifetime) }
}

/// One payment.
fn intent(reference: &str) -> LimitCheck {
    let counter = CounterKey::of(&["intent", reference]);
    LimitCheck { scope: LimitScope::Intent, counter, amount_max: None, count_max: Some(1), ..limit(Window::Lifetime) }
}

fn refused(reason: DeclineReason) -> Said {
    (Decision::Decline { reason }, Basis::Limit(id("limit")))
}

fn released(name: &str) -> Fact {
    Fact::Released { payment: payment(name), cause: ReleaseCause::Reversed }
}

pub fn an_authoritys_budget_is_its_own_whatever_card_pays(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![account("b", 1_000), card("d", "b", None)]).unwrap();
    let of = |house: &House, key: &str, minor, card: &str, authority: &str| {
        let request = AuthorizationRequest { card: Some(id(card)), ..purchase(key, minor) };
        said(house.act(ask(request, &[budget(authority)], Weight::Moves)))
    };
    assert_eq!(of(&house, "1", 60, "c", "sa_1"), approved(60));
    for (key, end) in ["2", "3"].into_iter().zip(End::BOTH) {
        assert_eq!(of(&house, key, 41, "d", "sa_1"), refused(DeclineReason::PolicyLimitReached));
        house.end(end);
    }
    assert_eq!(of(&house, "4", 40, "d", "sa_1"), approved(40));
    assert_eq!(of(&house, "5", 100, "d", "sa_2"), approved(100));
}

pub fn an_intent_is_used_once_and_a_full_reversal_gives_it_back(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let use_it = |house: &House, key: &str| said(house.act(ask(purchase(key, 100), &[intent("i")], Weight::Moves)));
    assert_eq!(use_it(&house, "first"), approved(100));
    assert_eq!(use_it(&house, "first"), (Decision::Approve { amount: usd(100) }, Basis::Replay), "a retry uses nothing");
    assert_eq!(use_it(&house, "second"), refused(DeclineReason::IntentUsed));
    house.restart();
    assert_eq!(use_it(&house, "third"), refused(DeclineReason::IntentUsed));
    house.tell("in part", Fact::Reduced { payment: payment("first"), by: usd(99), original: None });
    assert_eq!(use_it(&house, "fourth"), refused(DeclineReason::IntentUsed), "what is reversed in part is used");
    house.tell("all of it", released("first"));
    assert_eq!(use_it(&house, "fifth"), approved(100));
    assert_eq!(use_it(&house, "sixth"), refused(DeclineReason::IntentUsed));
}

pub fn of_payments_at_once_one_uses_an_intent(engine: &dyn Engine) {
    let house = House::with(engine, 10_000);
    let asked = (0..20).map(|number| ask(purchase(&number.to_string(), 10), &[intent("i")], Weight::Moves));
    let answers: Vec<_> = house.act_at_once(asked).into_iter().map(said).collect();
    let won = answers.iter().filter(|answer| **answer == approved(10)).count();
    let lost = answers.iter().filter(|answer| **answer == refused(DeclineReason::IntentUsed)).count();
    assert_eq!((won, lost), (1, 19));
    assert_eq!(house.balance(), (10_000, 10));
}

pub fn a_preview_says_the_same_and_moves_nothing(engine: &dyn Engine) {
    let mut house = House::with(engine, 150);
    let (limits, preview) = ([budget("sa_1"), intent("i")], |key: &str, minor| {
        ask(purchase(key, minor), &[budget("sa_1"), intent("i")], Weight::Preview)
    });
    assert_eq!(said(house.act(preview("1", 100))), approved(100));
    assert_eq!(said(house.act(preview("2", 100))), approved(100));
    assert_eq!(said(house.act(preview("3", 101))), refused(DeclineReason::PolicyLimitReached));
    assert_eq!(said(house.act(ask(purchase("4", 151), &[], Weight::Preview))), declined(DeclineReason::InsufficientFunds));
    house.always(|house| {
        assert_eq!(house.balance(), (150, 0));
        assert_eq!(said(house.act(preview("1", 100))), (Decision::Approve { amount: usd(100) }, Basis::Replay));
    });
    assert_eq!(said(house.act(ask(purchase("5", 100), &limits, Weight::Moves))), approved(100));
    assert_eq!(said(house.act(preview("6", 1))), refused(DeclineReason::PolicyLimitReached));
    let told = ToldAnswer::Approved { amount: usd(50) };
    let adopt = Adopt { governed: Some(governed(Weight::Preview)), ..adoption(purchase("7", 50), told) };
    assert_eq!(found(house.act(Act::Adopt(adopt))), None);
    assert_eq!(house.balance(), (150, 100), "what was told at the other door holds nothing either");
}

pub fn a_preview_of_a_payment_that_is_there_is_that_payment(engine: &dyn Engine) {
    let house = House::with(engine, 100);
    let same_payment = |key: &str, minor| AuthorizationRequest { payment: payment("p"), ..purchase(key, minor) };
    let limits = [budget("sa_1"), intent("i")];
    assert_eq!(said(house.act(ask(same_payment("moves", 100), &limits, Weight::Moves))), approved(100));
    assert_eq!(said(house.act(ask(same_payment("preview", 100), &limits, Weight::Preview))), approved(100));
    assert_eq!(
        said(house.act(ask(same_payment("more", 101), &limits, Weight::Preview))),
        refused(DeclineReason::PolicyLimitReached)
    );
    assert_eq!(house.balance(), (100, 100));
}

//! Questions under an agent's authority: its limits, its intents, and doors at which nothing moves.

use std::sync::Arc;

use holdfast_core::agent::{
    Asking, Authority, AuthorityId, Binding, BindingId, BindingStatus, Choice, Door, Environment, Governed, Instrument,
    InstrumentKind, Intent, IntentNeed, IntentReference, IntentStatus, Mode, Status, Weight, reservation_of,
};
use holdfast_core::hold::{CardStatus, Fact, ReleaseCause, ToldAnswer};
use holdfast_core::rules::{CounterKey, HoldPolicy, LimitCheck, LimitScope, Verdict, Window};
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason, Expiry, Merchant, MerchantId};

use super::house::Said;
use super::*;
use crate::ledger::{Act, Adopt, Answer, Decide, Origin};

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
        correlation: None,
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

/// What the intent of [`governed`] keeps for its payment, asked for so many seconds ago and for fifty minutes: longer than any run of the laws.
fn reserve(minor: i64, seconds_ago: u64) -> Act {
    let payment = reservation_of(&governed(Weight::Moves).intent.unwrap()).unwrap();
    let request = AuthorizationRequest { payment, expiry: Expiry::Ours, ..purchase("intent_1", minor) };
    let policy = HoldPolicy { lifetime_seconds: 3_000, ..HoldPolicy::PLAIN };
    Act::Decide(Decide {
        origin: Origin::of(program()),
        governed: Some(governed(Weight::Moves)),
        verdict: proceed(&request, &[budget("sa_1")], policy),
        received_at: ago(seconds_ago),
        ..limited(request, &[])
    })
}

/// A payment with that intent.
fn with_intent(key: &str, minor: i64, weight: Weight) -> Act {
    ask(purchase(key, minor), &[intent("intent_1"), budget("sa_1")], weight)
}

/// A payment of the same authority, and of no intent.
fn without(house: &House, key: &str, minor: i64) -> Said {
    let governed = Governed { intent: None, ..governed(Weight::Moves) };
    said(house.act(Act::Decide(Decide { governed: Some(governed), ..limited(purchase(key, minor), &[budget("sa_1")]) })))
}

pub fn what_an_intent_reserves_is_its_payments_alone(engine: &dyn Engine) {
    let mut house = House::with(engine, 100);
    assert_eq!(said(house.act(reserve(60, 0))), approved(60));
    assert_eq!(said(house.act(reserve(60, 0))), (Decision::Approve { amount: usd(60) }, Basis::Replay));
    assert_eq!(house.balance(), (100, 60));
    assert_eq!(without(&house, "others", 41), refused(DeclineReason::PolicyLimitReached));
    assert_eq!(house.decide(purchase("no limit", 41)), declined(DeclineReason::InsufficientFunds), "nor the money");
    house.restart();
    assert_eq!(said(house.act(with_intent("p", 50, Weight::Moves))), approved(50), "what is less is not more");
    house.always(|house| {
        assert_eq!(house.balance(), (100, 50), "what was kept is the payment's, and the rest is free");
        assert_eq!(said(house.act(with_intent("p", 50, Weight::Moves))), (Decision::Approve { amount: usd(50) }, Basis::Replay));
        let (decision, _) = said(house.act(with_intent("q", 1, Weight::Moves)));
        assert_eq!(decision, Decision::Decline { reason: DeclineReason::IntentUsed });
    });
    assert_eq!(without(&house, "the rest", 50), approved(50));
    assert_eq!(without(&house, "no more", 1), refused(DeclineReason::PolicyLimitReached));
}

pub fn of_payments_at_once_one_takes_a_reservation_over(engine: &dyn Engine) {
    let house = House::with(engine, 100);
    assert_eq!(said(house.act(reserve(100, 0))), approved(100));
    let asked = (0..20).map(|number| with_intent(&number.to_string(), 100, Weight::Moves));
    let answers: Vec<_> = house.act_at_once(asked).into_iter().map(said).collect();
    assert_eq!(answers.iter().filter(|answer| **answer == approved(100)).count(), 1, "{answers:?}");
    assert_eq!(house.balance(), (100, 100));
    // What a payment gave back is no reservation any more.
    let winner = answers.iter().position(|answer| *answer == approved(100)).unwrap();
    house.tell("reversal", released(&winner.to_string()));
    assert_eq!(house.balance(), (100, 0));
    assert_eq!(without(&house, "others", 100), approved(100));
    assert_eq!(said(house.act(with_intent("again", 100, Weight::Moves))), refused(DeclineReason::PolicyLimitReached));
}

pub fn a_reservation_stands_until_a_payment_uses_it(engine: &dyn Engine) {
    let mut house = House::with(engine, 100);
    assert_eq!(said(house.act(reserve(100, 0))), approved(100));
    assert_eq!(said(house.act(with_intent("preview", 100, Weight::Preview))), approved(100), "the other door knows whose it is");
    assert_eq!(said(house.act(with_intent("more", 101, Weight::Moves))), refused(DeclineReason::PolicyLimitReached));
    house.tell("freeze", Fact::Card { card: id("c"), status: CardStatus::Frozen });
    assert_eq!(said(house.act(with_intent("frozen", 100, Weight::Moves))), declined(DeclineReason::CardFrozen));
    let adopt = |key: &str, told| {
        let request = purchase(key, 100);
        let verdict = proceed(&request, &[intent("intent_1"), budget("sa_1")], HoldPolicy::PLAIN);
        let governed = Some(governed(Weight::Moves));
        Act::Adopt(Adopt { governed, verdict: Some((verdict, [0; 32])), ..adoption(request, told) })
    };
    let told = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };
    assert_eq!(found(house.act(adopt("told no", told))), None);
    house.always(|house| assert_eq!(house.balance(), (100, 100)));
    assert_eq!(found(house.act(adopt("told yes", ToldAnswer::Approved { amount: usd(100) }))), None);
    house.always(|house| assert_eq!(house.balance(), (100, 100), "it is held once"));
    house.tell("reversal", released("told yes"));
    assert_eq!(house.balance(), (100, 0));
}

pub fn a_reservation_that_nobody_uses_comes_back_in_time(engine: &dyn Engine) {
    let mut house = House::with(engine, 100);
    assert_eq!(said(house.act(reserve(100, 3_600))), approved(100));
    house.restart();
    while house.balance() != (100, 0) {
        std::thread::yield_now();
    }
    assert_eq!(without(&house, "others", 100), approved(100));
}

/// Of the payment alone.
fn total(scope: LimitScope, most: i64) -> LimitCheck {
    LimitCheck { scope, counter: CounterKey(0), amount_max: Some(most), ..limit(Window::Lifetime) }
}

pub fn a_payment_is_bounded_with_all_that_is_added_to_it(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let limits = [total(LimitScope::Payment, 100), total(LimitScope::Unreviewed, 90)];
    let add = |house: &House, key: &str, minor| said(house.act(ask(increment(key, "p", minor), &limits, Weight::Moves)));
    assert_eq!(said(house.act(ask(purchase("p", 50), &limits, Weight::Moves))), approved(50));
    assert_eq!(said(house.act(ask(purchase("q", 90), &limits, Weight::Moves))), approved(90), "others are none of its business");
    assert_eq!(add(&house, "1", 51), refused(DeclineReason::PolicyAmount));
    assert_eq!(add(&house, "2", 41), refused(DeclineReason::ReviewRequired));
    assert_eq!(add(&house, "3", 40), approved(40));
    house.restart();
    assert_eq!(add(&house, "4", 1), refused(DeclineReason::ReviewRequired));
    house.tell("less", Fact::Reduced { payment: payment("p"), by: usd(10), original: None });
    assert_eq!(add(&house, "5", 10), approved(10), "what came back may be added again");
    let asked = (0..20).map(|number| ask(increment(&format!("at once {number}"), "q", 10), &limits[..1], Weight::Moves));
    let won = house.act_at_once(asked).into_iter().map(said).filter(|answer| *answer == approved(10)).count();
    assert_eq!((won, house.balance()), (1, (1_000, 190)));
}

/// A question that names no intent, of an authority that observes and has these.
fn without_reference(request: AuthorizationRequest, references: &[&str]) -> Act {
    let request =
        AuthorizationRequest { merchant: Merchant { id: MerchantId::new("mid-1").ok(), ..request.merchant }, ..request };
    with_choice(request, references, Asking::AT_PLATFORM)
}

fn with_choice(request: AuthorizationRequest, references: &[&str], asking: Asking) -> Act {
    let platform = origin().platform.unwrap();
    let (organization, environment) = (id("ent_1"), Environment::Sandbox);
    let authority = Authority {
        id: id("sa_1"),
        organization,
        environment,
        agent: id("ag_1"),
        mode: Mode::Observe,
        status: Status::Active,
        intent_need: IntentNeed::NotRequired,
        policy: None,
    };
    let instrument = Instrument { platform, kind: InstrumentKind::Card, id: id("c") };
    let (door, status) = (Door::Platform, BindingStatus::Active);
    let (authority_id, made_at) = (authority.id, now());
    let binding =
        Binding { id: id("bind_1"), organization, environment, authority: authority_id, instrument, status, door, made_at };
    let intent = |reference: &&str| {
        Arc::new(Intent {
            reference: id(reference),
            organization,
            environment,
            authority: authority.id,
            binding: None,
            amount: usd(100),
            merchant: Merchant { id: MerchantId::new("mid-1").ok(), ..Merchant::default() },
            status: IntentStatus::Open,
            expires_at: now().saturating_add(LONG),
        })
    };
    let choice = Choice {
        intents: references.iter().map(intent).collect(),
        authority: Arc::new(authority),
        binding: Arc::new(binding),
        asking,
        program: proceed(&request, &[], HoldPolicy::PLAIN),
        at: now(),
    };
    Act::Decide(Decide { choice: Some(Box::new(choice)), ..asked(request) })
}

/// Nothing moves where the processor asks; and whoever decides the platform's question, of a merchant that the network calls something else,
/// knows for which intent it is.
pub fn for_which_intent_a_payment_was_named_is_known_to_whoever_decides_it(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let chosen = |house: &House, act: Act| match house.act(act) {
        Ok(Answer::Decided { decision: Decision::Approve { .. }, intent, .. }) => intent.map(|intent| intent.to_string()),
        other => panic!("{other:?}"),
    };
    let of_merchant = |key: &str, of: &str, mid: &str| {
        let merchant = Merchant { id: MerchantId::new(mid).ok(), ..Merchant::default() };
        AuthorizationRequest { payment: payment(of), merchant, ..purchase(key, 100) }
    };
    let named = |key: &str, of: &str, reference: &str| {
        let asking = Asking { door: Door::Authorize, payment: Some(id(of)), ..Asking::AT_PLATFORM };
        with_choice(of_merchant(key, of, "mid-1"), &[reference], asking)
    };
    let callback = |key: &str, of: &str| {
        let asking = Asking::AT_PLATFORM;
        with_choice(of_merchant(key, of, "mid-2"), &["intent_1", "intent_2"], asking)
    };
    assert_eq!(chosen(&house, named("named", "p", "intent_2")).as_deref(), Some("intent_2"));
    assert_eq!(chosen(&house, named("again", "p", "intent_1")), None, "it has its intent");
    house.always(|house| assert_eq!(house.balance(), (10_000, 0), "nothing moved"));
    assert_eq!(chosen(&house, callback("other", "q")), None, "another payment has none");
    house.restart();
    assert_eq!(chosen(&house, callback("own", "p")).as_deref(), Some("intent_2"), "the first one that was told");
    let used = |reference: &str| chosen(&house, named(&format!("{reference} later"), "r", reference));
    assert_eq!(used("intent_2"), None, "it is used");
    assert_eq!(used("intent_1").as_deref(), Some("intent_1"), "the other one is not");
}

pub fn which_intent_is_free_is_known_where_it_is_counted(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let chosen = |house: &House, act: Act| match house.act(act) {
        Ok(Answer::Decided { decision: Decision::Approve { .. }, intent, .. }) => intent.map(|intent| intent.to_string()),
        other => panic!("{other:?}"),
    };
    let pay = |key: &str, references: &[&str]| without_reference(purchase(key, 100), references);
    assert_eq!(chosen(&house, pay("1", &["intent_1", "intent_2"])), None, "either would do");
    assert_eq!(chosen(&house, pay("2", &["intent_1"])).as_deref(), Some("intent_1"));
    house.restart();
    assert_eq!(chosen(&house, pay("3", &["intent_1"])), None, "it is used");
    assert_eq!(chosen(&house, pay("4", &["intent_1", "intent_2"])).as_deref(), Some("intent_2"), "one of them is");
    let add = without_reference(increment("5", "4", 10), &["intent_1", "intent_2"]);
    assert_eq!(chosen(&house, add).as_deref(), Some("intent_2"), "it stays with its payment's");
    // In parts, or at once: a full reversal gives it back.
    house.tell("part", Fact::Reduced { payment: payment("2"), by: usd(40), original: None });
    assert_eq!(chosen(&house, pay("6", &["intent_1"])), None);
    // What expired may still be captured.
    house.tell("expiry", Fact::Released { payment: payment("2"), cause: ReleaseCause::Expired });
    assert_eq!(chosen(&house, pay("7", &["intent_1"])), None);
    house.tell("rest", Fact::Reduced { payment: payment("2"), by: usd(60), original: None });
    let at_once = house.act_at_once((0..20).map(|number| pay(&format!("at once {number}"), &["intent_1"])));
    let with: Vec<_> =
        at_once.into_iter().filter(|answer| matches!(answer, Ok(Answer::Decided { intent: Some(_), .. }))).collect();
    assert_eq!(with.len(), 1, "of payments at once one has it, and the others are decided as if none had fitted");
}

pub fn a_question_that_may_join_holds_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let same_payment = |key: &str, minor| AuthorizationRequest { payment: payment("p"), ..purchase(key, minor) };
    let limits = [budget("sa_1"), intent("i")];
    for key in ["one door", "the other", "and again"] {
        assert_eq!(said(house.act(ask(same_payment(key, 60), &limits, Weight::Joins))), approved(60));
    }
    house.always(|house| assert_eq!(house.balance(), (1_000, 60), "whoever asks first has it held, and it counts once"));
    let reason = DeclineReason::MerchantNotAllowed;
    let verdict = Verdict::Decline { reason, rule: id("no-casinos") };
    let denied = Act::Decide(Decide { verdict, governed: Some(governed(Weight::Joins)), ..asked(same_payment("denied", 60)) });
    let said_no = Decision::Decline { reason };
    assert!(matches!(said(house.act(denied)), (decision, Basis::Rule(_)) if decision == said_no), "each door's rules are asked");
    assert_eq!(said(house.act(ask(purchase("alone", 40), &limits[..1], Weight::Joins))), approved(40));
    assert_eq!(house.balance(), (1_000, 100), "a payment of its own is held, whatever door it came by");
    assert_eq!(
        said(house.act(ask(purchase("more", 1), &limits[..1], Weight::Joins))),
        refused(DeclineReason::PolicyLimitReached)
    );
}

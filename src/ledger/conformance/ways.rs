//! Questions to which an authority's policy leaves several ways open: the first that has room is taken, and counts alone.

use holdfast_core::agent::{AuthorityId, Governed, Mode, Weight};
use holdfast_core::hold::{Fact, ReleaseCause, ToldAnswer};
use holdfast_core::rules::{CounterKey, HoldPolicy, LimitCheck, LimitScope, Proceed, Verdict, Way, Ways, Window};
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason};

use super::house::Said;
use super::*;
use crate::ledger::{Act, Adopt, Answer, Decide};

const GOVERNED: Governed = Governed {
    authority: None,
    policy: None,
    binding: None,
    intent: None,
    asked_by: None,
    mode: Mode::Enforce,
    weight: Weight::Moves,
    would: None,
    correlation: None,
};

/// Two ways: at most 50 on the first, at most 100 on the second.
fn two_ways(request: &AuthorizationRequest) -> Verdict {
    ways_of(request, [(Some(50), None), (Some(100), None)])
}

/// Two ways: one payment on the first, at most 100 on the second.
fn once_or_little(request: &AuthorizationRequest) -> Verdict {
    ways_of(request, [(None, Some(1)), (Some(100), None)])
}

fn ways_of(request: &AuthorizationRequest, maxima: [(Option<i64>, Option<u32>); 2]) -> Verdict {
    let all = Ways::first_of(2);
    let on = |(way, (amount_max, count_max)): (Way, (Option<i64>, Option<u32>))| LimitCheck {
        scope: LimitScope::Authority,
        counter: CounterKey::of(&["budget on way", &way.number().to_string()]),
        amount_max,
        count_max,
        ways: Some(way.into()),
        ..limit(Window::Lifetime)
    };
    let limits: Vec<_> = all.iter().zip(maxima).map(on).collect();
    let Verdict::Proceed(proceed) = proceed(request, &limits, HoldPolicy::PLAIN) else { panic!("nothing is against it") };
    Verdict::Proceed(Proceed { ways: Some(all), ..proceed })
}

fn decide(request: AuthorizationRequest) -> Decide {
    let governed = Some(Governed { authority: AuthorityId::new("sa_1").ok(), ..GOVERNED });
    Decide { governed, verdict: two_ways(&request), ..limited(request, &[]) }
}

fn pay(house: &House, key: &str, minor: i64) -> Said {
    said(house.act(Act::Decide(decide(purchase(key, minor)))))
}

fn full() -> Said {
    (Decision::Decline { reason: DeclineReason::PolicyLimitReached }, Basis::Limit(id("limit")))
}

fn reversed(name: &str) -> Fact {
    Fact::Released { payment: payment(name), cause: ReleaseCause::Reversed }
}

pub fn the_first_way_with_room_is_taken_and_counts_alone(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(pay(&house, "first", 40), approved(40));
    assert_eq!(pay(&house, "second", 40), approved(40), "the first has no room for it, and the other one has");
    for (key, end) in ["1", "2"].into_iter().zip(End::BOTH) {
        assert_eq!(pay(&house, key, 61), full(), "the first has 10 left, and the second 60");
        house.end(end);
        assert_eq!(pay(&house, "second", 40), again(approved(40)), "a retry takes no way");
    }
    assert_eq!(pay(&house, "third", 60), approved(60));
    assert_eq!(pay(&house, "fourth", 10), approved(10));
    assert_eq!(pay(&house, "fifth", 1), full());
    assert_eq!(house.balance(), (1_000, 150));
}

pub fn what_is_reversed_comes_back_to_the_way_that_counted_it(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(pay(&house, "first", 50), approved(50));
    assert_eq!(pay(&house, "second", 50), approved(50));
    let add = |house: &House, key: &str, minor| said(house.act(Act::Decide(decide(increment(key, "first", minor)))));
    assert_eq!(add(&house, "more", 30), approved(30), "what is added is a question of its own");
    house.tell("in part", Fact::Reduced { payment: payment("first"), by: usd(40), original: None });
    house.restart();
    // Of the payment 40 are left, which the first way counted: the latest goes first.
    assert_eq!(pay(&house, "third", 51), full());
    assert_eq!(pay(&house, "fourth", 50), approved(50));
    assert_eq!(pay(&house, "fifth", 11), full());
    house.tell("all of it", reversed("first"));
    house.tell("of the second way", reversed("fourth"));
    assert_eq!(pay(&house, "sixth", 51), full());
    assert_eq!(pay(&house, "seventh", 50), approved(50));
    assert_eq!(pay(&house, "eighth", 50), approved(50));
    assert_eq!(pay(&house, "ninth", 1), full());
}

pub fn of_payments_at_once_one_takes_the_last_place_on_a_way_and_another_the_next_way(engine: &dyn Engine) {
    let house = House::with(engine, 10_000);
    let asked = (0..20).map(|number| Act::Decide(decide(purchase(&number.to_string(), 50))));
    let answers: Vec<_> = house.act_at_once(asked).into_iter().map(said).collect();
    let count = |said: &Said| answers.iter().filter(|answer| *answer == said).count();
    assert_eq!((count(&approved(50)), count(&full())), (3, 17), "one on the first way, and two on the second");
    assert_eq!(house.balance(), (10_000, 150));
}

pub fn an_answer_that_was_told_counts_on_the_way_that_it_took(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let adopt = |house: &House, key: &str, minor, taken: Option<Way>| {
        let request = purchase(key, minor);
        let Verdict::Proceed(proceed) = two_ways(&request) else { panic!("nothing is against it") };
        let verdict = Verdict::Proceed(if taken.is_some() { proceed.by(taken) } else { proceed });
        let governed = Some(Governed { authority: AuthorityId::new("sa_1").ok(), ..GOVERNED });
        let told = ToldAnswer::Approved { amount: usd(minor) };
        found(house.act(Act::Adopt(Adopt { governed, verdict: Some((verdict, [0; 32])), ..adoption(request, told) })))
    };
    assert_eq!(adopt(&house, "second", 70, Ways::first_of(2).iter().nth(1)), None);
    house.restart();
    assert_eq!(pay(&house, "1", 51), full(), "30 are left there");
    assert_eq!(pay(&house, "2", 50), approved(50), "and all on the first way");
    house.tell("reversal", reversed("2"));
    assert_eq!(adopt(&house, "first", 70, None), None, "where nobody chose it is the first that was open, over its limit");
    assert_eq!(pay(&house, "3", 30), approved(30));
    assert_eq!(pay(&house, "4", 1), full());
}

pub fn a_look_says_which_way_would_be_taken(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    let look = |minor| match house.act(Act::Preview(Box::new(decide(purchase("look", minor))))) {
        Ok(Answer::Previewed { decision, way, .. }) => (decision, way.map(Way::number)),
        other => panic!("{other:?}"),
    };
    assert_eq!(look(50), (Decision::Approve { amount: usd(50) }, Some(1)));
    assert_eq!(look(51), (Decision::Approve { amount: usd(51) }, Some(2)));
    assert_eq!(look(101), (full().0, None));
    assert_eq!(pay(&house, "taken", 50), approved(50));
    assert_eq!(look(1), (Decision::Approve { amount: usd(1) }, Some(2)));
}

pub fn what_is_added_takes_no_way_that_counts_payments_and_has_not_counted_its_own(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let ask = |house: &House, request: AuthorizationRequest| {
        said(house.act(Act::Decide(Decide { verdict: once_or_little(&request), ..decide(request) })))
    };
    assert_eq!(ask(&house, purchase("a", 200)), approved(200), "on the first way");
    assert_eq!(ask(&house, purchase("b", 10)), approved(10), "on the second");
    for (key, end) in ["1", "2"].into_iter().zip(End::BOTH) {
        assert_eq!(ask(&house, increment(&format!("much-{key}"), "b", 400)), full(), "nothing bounds it on the first way");
        assert_eq!(ask(&house, increment(&format!("more-{key}"), "b", 20)), approved(20));
        assert_eq!(ask(&house, increment(&format!("of-a-{key}"), "a", 300)), approved(300), "the first way counted it");
        house.end(end);
    }
    assert_eq!(ask(&house, increment("rest", "b", 51)), full());
    assert_eq!(ask(&house, increment("last", "b", 50)), approved(50));
    assert_eq!(house.balance(), (10_000, 900));
}

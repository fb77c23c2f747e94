//! Limits: what counts, for whom, in which window, and what comes back.

use std::sync::LazyLock;
use std::time::Duration;

use holdfast_core::hold::{Fact, Finality, RecordedOutcome, Subject, ToldAnswer};
use holdfast_core::rules::{
    CounterKey, Enforcement, HoldPolicy, LimitCheck, LimitScope, LimitWindow, Rolling, StillOpen, Window,
};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, DeclineReason, PartialApproval, Timestamp};

use super::beside::{adding, adds_to, said_of};
use super::house::Said;
use super::*;
use crate::ledger::{Act, Adopt, Decide};

const TOO_MUCH: DeclineReason = DeclineReason::AmountLimitReached;
const TOO_MANY: DeclineReason = DeclineReason::CountLimitReached;

fn ask(house: &House, request: AuthorizationRequest, check: LimitCheck) -> Said {
    said(house.act(Act::Decide(limited(request, &[check]))))
}

/// At most so many transactions, for ever.
fn at_most(count: u32) -> LimitCheck {
    LimitCheck { amount_max: None, count_max: Some(count), ..limit(Window::Lifetime) }
}

/// One of the days around that on which the test began: what is long over is dropped at any time.
fn day(number: i64) -> Window {
    static BEFORE: LazyLock<i64> = LazyLock::new(|| now().unix_seconds().div_euclid(86_400) - 2);
    Window::Since(Timestamp::from_unix_seconds((*BEFORE + number) * 86_400))
}

pub fn windows_roll_over_and_limits_go_on_counting(engine: &dyn Engine) {
    let rolling = |bucket| Window::Rolling { bucket, buckets: 3 };
    let windows = [
        (day(1), day(1), Some(day(2))),
        (rolling(10), rolling(12), Some(rolling(13))),
        (Window::Lifetime, Window::Lifetime, None),
    ];
    let mut house = House::with(engine, 1_000);
    for (number, (then, now, later)) in (0..).zip(windows) {
        let key = |name: &str| format!("{name}-{number}");
        let of = |window| LimitCheck { counter: CounterKey(number), ..limit(window) };
        assert_eq!(ask(&house, purchase(&key("first"), 60), of(then)), approved(60));
        for (name, end) in ["second", "third"].into_iter().zip(End::BOTH) {
            assert_eq!(ask(&house, purchase(&key(name), 41), of(now)), limit_reached(TOO_MUCH), "{now:?}");
            house.end(end);
        }
        assert_eq!(ask(&house, purchase(&key("fourth"), 40), of(now)), approved(40), "{now:?}");
        if let Some(later) = later {
            assert_eq!(ask(&house, purchase(&key("fifth"), 60), of(later)), approved(60), "{later:?}");
        }
    }
}

/// A limit's own windows, asked at the last moment of a bucket and when all but the last moment of it is too old.
pub fn a_rolling_window_forgets_nothing_that_is_younger_than_it_is_long(engine: &dyn Engine) {
    let window = LimitWindow::Rolling(Rolling::new(60, 6).unwrap());
    let at = |seconds| limit(window.at(Timestamp::from_unix_seconds(seconds)));
    let mut house = House::with(engine, 1_000);
    assert_eq!(ask(&house, purchase("first", 60), at(9)), approved(60));
    for (name, end) in ["second", "third"].into_iter().zip(End::BOTH) {
        assert_eq!(ask(&house, purchase(name, 41), at(68)), limit_reached(TOO_MUCH), "59 seconds later");
        house.end(end);
    }
    assert_eq!(ask(&house, purchase("fourth", 40), at(68)), approved(40), "what is left");
    assert_eq!(ask(&house, purchase("fifth", 60), at(70)), approved(60), "61 seconds later");
}

/// Its callback came before midnight and it is decided after it, or the calendar's zone was changed by a publication meanwhile.
pub fn a_question_from_before_a_window_ended_counts_in_the_one_that_is_open(engine: &dyn Engine) {
    let rolling = |bucket| Window::Rolling { bucket, buckets: 3 };
    let mut house = House::with(engine, 1_000);
    for (number, (before, open)) in (0..).zip([(day(1), day(2)), (rolling(10), rolling(11))]) {
        let key = |name: &str| format!("{name}-{number}");
        let of = |window| LimitCheck { counter: CounterKey(number), ..limit(window) };
        assert_eq!(ask(&house, purchase(&key("first"), 70), of(open)), approved(70));
        for (name, end) in ["second", "third"].into_iter().zip(End::BOTH) {
            assert_eq!(ask(&house, purchase(&key(name), 31), of(before)), limit_reached(TOO_MUCH), "{before:?}");
            house.end(end);
        }
        assert_eq!(ask(&house, purchase(&key("fourth"), 30), of(before)), approved(30), "{before:?}");
        assert_eq!(ask(&house, purchase(&key("fifth"), 1), of(open)), limit_reached(TOO_MUCH), "{open:?}");
        // And what comes back comes back there.
        house.tell(&key("reversed"), released(&key("fourth")));
        assert_eq!(ask(&house, purchase(&key("sixth"), 30), of(open)), approved(30), "{open:?}");
        house.restart();
        assert_eq!(ask(&house, purchase(&key("seventh"), 1), of(before)), limit_reached(TOO_MUCH), "{before:?}");
    }
}

/// The zone of its calendar was changed by a publication, so that the window that is open begins later than the one that counted.
pub fn a_limit_counts_on_when_its_calendar_is_moved(engine: &dyn Engine) {
    let hours_after = |window, hours: u64| match window {
        Window::Since(since) => since.saturating_add(Duration::from_secs(hours * 3_600)),
        Window::Rolling { .. } | Window::Lifetime => panic!("{window:?} is no day"),
    };
    // The day that begins six hours later, at a moment when any that began after the one before it is open.
    let moved = |number| {
        let (before, open) = (hours_after(day(number - 1), 6), hours_after(day(number), 6));
        LimitCheck { still: StillOpen::after(before), ..limit(Window::Since(open)) }
    };
    let mut house = House::with(engine, 1_000);
    assert_eq!(ask(&house, purchase("first", 70), limit(day(2))), approved(70));
    for (name, end) in ["second", "third"].into_iter().zip(End::BOTH) {
        assert_eq!(ask(&house, purchase(name, 31), moved(2)), limit_reached(TOO_MUCH));
        house.end(end);
    }
    assert_eq!(ask(&house, purchase("fourth", 30), moved(2)), approved(30), "what is left");
    house.restart();
    assert_eq!(ask(&house, purchase("fifth", 1), moved(2)), limit_reached(TOO_MUCH));
    // What comes back comes back there, from before and from after.
    house.tell("1", reduced("first", 10));
    house.tell("2", released("fourth"));
    assert_eq!(ask(&house, purchase("sixth", 41), moved(2)), limit_reached(TOO_MUCH));
    assert_eq!(ask(&house, purchase("seventh", 40), moved(2)), approved(40));
    // The next day begins with nothing.
    assert_eq!(ask(&house, purchase("eighth", 101), moved(3)), limit_reached(TOO_MUCH));
    assert_eq!(ask(&house, purchase("ninth", 100), moved(3)), approved(100));
    house.restart();
    assert_eq!(ask(&house, purchase("tenth", 1), moved(3)), limit_reached(TOO_MUCH));
}

pub fn each_scope_counts_its_own(engine: &dyn Engine) {
    // Of a card, its other card, and a card of another account: which ones share what is left?
    let mut house = House::with(engine, 1_000);
    house.enter(vec![card("d", "a", None), account("b", 1_000), card("e", "b", None)]).unwrap();
    let scopes = [
        (LimitScope::Card, [100, 100, 100]),
        (LimitScope::Account, [100, 0, 100]),
        (LimitScope::Program, [100, 0, 0]),
        // Whom these count for is in the counter's name, and so it is one counter for all who present cards there.
        (LimitScope::Merchant, [100, 0, 0]),
        (LimitScope::Cardholder, [100, 0, 0]),
    ];
    for (number, (scope, left)) in (0..).zip(scopes) {
        let check = LimitCheck { scope, counter: CounterKey(number), ..limit(Window::Lifetime) };
        for (name, left) in ["c", "d", "e"].into_iter().zip(left) {
            let request = |minor| with_card(name, purchase(&format!("{number}-{name}-{minor}"), minor));
            assert_eq!(ask(&house, request(left + 1), check), limit_reached(TOO_MUCH), "{scope:?} {name}");
            if left > 0 {
                assert_eq!(ask(&house, request(left), check), approved(left), "{scope:?} {name}");
            }
            house.restart();
        }
    }
}

pub fn a_count_limit_counts_transactions(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let verification = |key: &str| of_kind(AuthorizationKind::AccountVerification, key, 0);
    assert_eq!(ask(&house, purchase("p", 10), at_most(2)), approved(10));
    assert_eq!(ask(&house, increment("more", "p", 10), at_most(2)), approved(10), "part of the first one");
    assert_eq!(ask(&house, verification("v"), at_most(2)), approved(0), "counts, and costs nothing");
    house.restart();
    assert_eq!(ask(&house, purchase("q", 10), at_most(2)), limit_reached(TOO_MANY));
    assert_eq!(ask(&house, verification("w"), at_most(2)), limit_reached(TOO_MANY));
    house.tell("1", released("p"));
    house.restart();
    assert_eq!(ask(&house, purchase("r", 10), at_most(2)), approved(10), "what is over without a capture was none");
    assert_eq!(ask(&house, purchase("s", 10), at_most(2)), limit_reached(TOO_MANY));
}

pub fn an_observed_limit_counts_and_declines_nothing(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    let observed = LimitCheck { enforcement: Enforcement::Observe, ..limit(Window::Lifetime) };
    assert_eq!(ask(&house, purchase("1", 101), observed), approved(101));
    assert_eq!(ask(&house, purchase("2", 1), limit(Window::Lifetime)), limit_reached(TOO_MUCH));
}

pub fn a_limit_is_used_up_by_a_part(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    assert_eq!(ask(&house, purchase("1", 60), limit(Window::Lifetime)), approved(60));
    let request = AuthorizationRequest { partial_approval: PartialApproval::Supported, ..purchase("2", 60) };
    let policy = HoldPolicy { partial_min: Some(1), ..HoldPolicy::PLAIN };
    let verdict = proceed(&request, &[limit(Window::Lifetime)], policy);
    assert_eq!(said(house.act(Act::Decide(Decide { verdict, ..asked(request) }))), approved(40));
    assert_eq!(ask(&house, purchase("3", 1), limit(Window::Lifetime)), limit_reached(TOO_MUCH));
}

pub fn what_comes_back_returns_to_its_window(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(ask(&house, purchase("monday", 100), limit(day(1))), approved(100));
    assert_eq!(ask(&house, purchase("tuesday", 60), limit(day(2))), approved(60));
    house.tell("1", released("monday"));
    house.restart();
    assert_eq!(ask(&house, purchase("2", 41), limit(day(2))), limit_reached(TOO_MUCH), "tuesday is as it was");
    house.tell("2", reduced("tuesday", 20));
    house.restart();
    assert_eq!(ask(&house, purchase("3", 61), limit(day(2))), limit_reached(TOO_MUCH));
    assert_eq!(ask(&house, purchase("4", 60), limit(day(2))), approved(60), "what was reversed is there again");
}

pub fn what_comes_back_returns_to_the_card_that_counted_it(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    house.enter(vec![card("reissued", "a", Some("h"))]).unwrap();
    let lifetime = limit(Window::Lifetime);
    assert_eq!(ask(&house, purchase("p", 100), lifetime), approved(100));
    let reissued = Subject { card: Some(id("reissued")), ..Subject::default() };
    house.act(Act::Tell(origin(), told_of(reissued, "1", released("p")))).unwrap();
    assert_eq!(ask(&house, purchase("q", 100), lifetime), approved(100), "it was returned");
    let elsewhere = with_card("reissued", purchase("r", 101));
    assert_eq!(ask(&house, elsewhere, lifetime), limit_reached(TOO_MUCH), "and nowhere else");
}

pub fn what_is_captured_stays_counted(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(ask(&house, purchase("p", 100), limit(Window::Lifetime)), approved(100));
    house.tell("1", captured("p", 30, Finality::Final));
    house.restart();
    assert_eq!(ask(&house, purchase("q", 71), limit(Window::Lifetime)), limit_reached(TOO_MUCH));
    assert_eq!(ask(&house, purchase("r", 70), limit(Window::Lifetime)), approved(70));
}

/// An answer that was told without the ledger and that a limit counts.
fn adopt_counted(house: &House, request: AuthorizationRequest, answer: ToldAnswer, check: LimitCheck) {
    let verdict = Some((proceed(&request, &[check], HoldPolicy::PLAIN), [1; 32]));
    found(house.act(Act::Adopt(Adopt { verdict, ..adoption(request, answer) })));
}

pub fn an_adopted_answer_counts_over_the_limit_if_need_be(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let (much, many) = (limit(Window::Lifetime), LimitCheck { counter: CounterKey(1), ..at_most(1) });
    adopt_counted(&house, purchase("much", 150), yes(150), much);
    adopt_counted(&house, purchase("many", 1), yes(1), many);
    adopt_counted(&house, of_kind(AuthorizationKind::AccountVerification, "verified", 0), yes(0), many);
    house.restart();
    assert_eq!(ask(&house, purchase("1", 1), much), limit_reached(TOO_MUCH));
    assert_eq!(ask(&house, purchase("2", 1), many), limit_reached(TOO_MANY));
    // What comes back of it makes room again.
    house.tell("1", released("much"));
    house.tell("2", released("many"));
    house.restart();
    assert_eq!(ask(&house, purchase("3", 100), much), approved(100));
    assert_eq!(ask(&house, purchase("4", 1), many), limit_reached(TOO_MANY), "the verification still counts");
}

/// It is held by the platform's word, with another payment than its question names, and nobody knows that one.
pub fn what_was_told_elsewhere_counts_nowhere_when_it_is_adopted(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    said_of(&house, adds_to("u", RecordedOutcome::Approved { amount: usd(40) }));
    adopt_counted(&house, adding(), yes(40), limit(Window::Lifetime));
    assert_eq!(ask(&house, purchase("k", 100), limit(Window::Lifetime)), approved(100));
    house.always(|house| assert_eq!(house.balance(), (1_000, 140)));
}

pub fn an_adopted_answer_without_a_verdict_counts_nowhere(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    house.adopt(purchase("k", 150), yes(150));
    adopt_counted(&house, purchase("no", 150), NO, limit(Window::Lifetime));
    assert_eq!(ask(&house, purchase("1", 100), limit(Window::Lifetime)), approved(100));
}

/// Whichever card a question of it names.
pub fn a_payment_is_tried_against_the_limits_of_the_card_that_it_counts_for(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![card("other", "a", None)]).unwrap();
    let of = |key: &str, minor| increment(key, "first", minor);
    assert_eq!(ask(&house, purchase("first", 80), limit(Window::Lifetime)), approved(80));
    house.restart();
    assert_eq!(ask(&house, with_card("other", of("more", 30)), limit(Window::Lifetime)), limit_reached(TOO_MUCH));
    assert_eq!(ask(&house, with_card("other", of("less", 20)), limit(Window::Lifetime)), approved(20));
    assert_eq!(ask(&house, purchase("full", 1), limit(Window::Lifetime)), limit_reached(TOO_MUCH));
    // The other card's limit is its own.
    assert_eq!(ask(&house, with_card("other", purchase("theirs", 100)), limit(Window::Lifetime)), approved(100));
    house.tell("end", released("first"));
    house.restart();
    assert_eq!(ask(&house, purchase("again", 90), limit(Window::Lifetime)), approved(90));
}

pub fn what_is_undone_is_not_counted(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(ask(&house, purchase("overtaken", 100), limit(Window::Lifetime)), approved(100));
    house.adopt(purchase("overtaken", 100), NO);
    house.restart();
    assert_eq!(ask(&house, purchase("1", 50), limit(Window::Lifetime)), approved(50));
    adopt_counted(&house, purchase("told", 150), yes(150), limit(Window::Lifetime));
    house.tell("2", recorded("told", RecordedOutcome::Declined));
    house.restart();
    assert_eq!(ask(&house, purchase("2", 50), limit(Window::Lifetime)), approved(50));
}

pub fn a_verification_stays_counted_whatever_was_told(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let verification = |key: &str| of_kind(AuthorizationKind::AccountVerification, key, 0);
    assert_eq!(ask(&house, verification("overtaken"), at_most(1)), approved(0));
    house.adopt(verification("overtaken"), NO);
    house.always(|house| {
        assert_eq!(ask(house, verification("overtaken"), at_most(1)), again(declined(DeclineReason::LedgerUnavailable)));
    });
    assert_eq!(ask(&house, verification("next"), at_most(1)), limit_reached(TOO_MANY));
}

pub fn what_is_told_above_what_was_approved_counts(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let check = limit(Window::Lifetime);
    assert_eq!(ask(&house, purchase("pump", 1), check), approved(1));
    house.tell("1", Fact::Replaced { payment: payment("pump"), total: usd(60) });
    house.restart();
    assert_eq!(ask(&house, purchase("p", 41), check), limit_reached(TOO_MUCH));
    assert_eq!(ask(&house, purchase("q", 30), check), approved(30));
    house.tell("2", captured("q", 35, Finality::Final));
    house.restart();
    assert_eq!(ask(&house, purchase("r", 6), check), limit_reached(TOO_MUCH), "a tip is money, too");
    assert_eq!(ask(&house, purchase("s", 5), check), approved(5));
}

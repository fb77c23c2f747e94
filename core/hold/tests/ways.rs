//! Several ways: the first that has room is taken, and what counts on the others does not.

use super::*;
use crate::agent::Mode;
use crate::hold::{way_with_room, would_pass};
use crate::rules::{LimitScope, Way, Ways};

/// The ways from the first on, so many.
fn ways(count: usize) -> Ways {
    Ways::first_of(count)
}

/// One of them, by its number.
fn way(number: u8) -> Option<Way> {
    ways(8).iter().find(|way| way.number() == number)
}

/// An authority's, on some ways.
fn on(numbers: &[u8], check: LimitCheck) -> LimitCheck {
    let ways = numbers.iter().filter_map(|number| way(*number)).collect();
    LimitCheck { scope: LimitScope::Authority, ways: Some(ways), ..check }
}

fn open(count: usize, limits: impl IntoIterator<Item = LimitCheck>) -> Verdict {
    let Verdict::Proceed(proceed) = proceed(limits) else { panic!() };
    Verdict::Proceed(Proceed { ways: Some(ways(count)), ..proceed })
}

fn declines(reason: DeclineReason, limit: &str) -> Option<(Decision, Basis)> {
    Some((Decision::Decline { reason }, Basis::Limit(rule(limit))))
}

#[test]
fn the_first_way_with_room_is_taken_and_it_alone_counts() {
    let verdict = open(2, [limit(9, None, None), on(&[1], limit(1, Some(50), None)), on(&[2], limit(2, Some(100), None))]);
    let mut book = Book::with(1_000);
    for (name, minor, expected, taken) in [
        ("a", 40, approves(40), way(1)),
        ("b", 40, approves(40), way(2)),
        ("c", 10, approves(10), way(1)),
        ("d", 61, declines(DeclineReason::PolicyLimitReached, "limit-1"), None),
        ("e", 60, approves(60), way(2)),
    ] {
        let outcome = book.ask_with(&another(name, minor), &verdict);
        assert_eq!((outcome.decision, outcome.way), (expected, taken), "{name}");
    }
    assert_eq!([1, 2, 9].map(|number| book.counted(number, DAY)), [(50, 2), (100, 2), (150, 4)]);
}

#[test]
fn money_comes_back_to_the_way_that_counted_it() {
    let verdict = open(2, [on(&[1], limit(1, Some(50), None)), on(&[2], limit(2, Some(100), None))]);
    let mut book = Book::with(1_000);
    book.ask_with(&another("first", 50), &verdict);
    assert_eq!(book.ask_with(&purchase(30), &verdict).way, way(2));
    book.tell(Fact::Released { payment: payment("first"), cause: ReleaseCause::Reversed });
    assert_eq!([1, 2].map(|number| book.counted(number, DAY)), [(0, 0), (30, 1)]);
    // What is added to a payment is a question of its own.
    assert_eq!(book.ask_with(&increment("more", 20), &verdict).way, way(1));
    book.tell(Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    assert_eq!([1, 2].map(|number| book.counted(number, DAY)), [(0, 0), (0, 0)]);
}

#[test]
fn a_way_that_takes_all_goes_before_one_that_takes_a_part() {
    let limits = [on(&[1], limit(1, Some(50), None)), on(&[2], limit(2, Some(100), None))];
    let in_part = |limits: [LimitCheck; 2]| {
        let Verdict::Proceed(proceed) = open(2, limits) else { panic!() };
        Verdict::Proceed(Proceed { hold: HoldPolicy { partial_min: Some(1), ..HoldPolicy::PLAIN }, ..proceed })
    };
    let ask = |name: &str, minor| AuthorizationRequest { partial_approval: PartialApproval::Supported, ..another(name, minor) };
    let mut book = Book::with(1_000);
    let outcome = book.ask_with(&ask("all", 70), &in_part(limits));
    assert_eq!((outcome.decision, outcome.way), (approves(70), way(2)));
    let outcome = book.ask_with(&ask("part", 70), &in_part(limits));
    assert_eq!((outcome.decision, outcome.way), (approves(50), way(1)));
    assert_eq!([1, 2].map(|number| book.counted(number, DAY)), [(50, 1), (70, 1)]);
}

#[test]
fn why_no_way_has_room_is_what_all_of_them_say() {
    let full = on(&[1], limit(1, Some(0), None));
    let said = |verdict: &Verdict| Book::with(1_000).ask_with(&purchase(10), verdict).decision;
    let both = open(2, [full, on(&[2], limit(2, Some(0), None))]);
    assert_eq!(said(&both), declines(DeclineReason::PolicyLimitReached, "limit-1"));
    let total = LimitCheck { scope: LimitScope::Payment, ..on(&[2], limit(2, Some(0), None)) };
    let several = Some((Decision::Decline { reason: DeclineReason::PolicyOther }, Basis::Rule(rule("spending-authority"))));
    assert_eq!(said(&open(2, [full, LimitCheck { scope: LimitScope::Payment, ..total }])), several);
    // What counts whatever way is taken says so of each, and so do funds, which come last.
    let of_card = open(2, [limit(3, Some(0), None), full]);
    assert_eq!(said(&of_card), declines(DeclineReason::AmountLimitReached, "limit-3"));
    let poor = Book::with(5).ask_with(&purchase(10), &open(2, [full])).decision;
    assert_eq!(poor, Some((Decision::Decline { reason: DeclineReason::InsufficientFunds }, Basis::Ledger)));
}

#[test]
fn where_an_authority_observes_what_would_have_let_it_pass_counts() {
    let observed = |check: LimitCheck| LimitCheck { enforcement: Enforcement::Observe, ..check };
    let limits = [on(&[1], limit(1, Some(50), None)), on(&[2], limit(2, Some(100), None))].map(observed);
    let trial = observed(limit(9, Some(0), None));
    let verdict = open(2, limits.into_iter().chain([trial]));
    let mut book = Book::with(1_000);
    for (name, minor, taken) in [("a", 50, way(1)), ("b", 60, way(2)), ("c", 60, way(1))] {
        let outcome = book.ask_with(&another(name, minor), &verdict);
        assert_eq!((outcome.decision, outcome.way), (approves(minor), taken), "{name}, {:?}", Mode::Observe);
    }
    let would = |used: [i64; 2]| {
        let uses = used.map(|amount| LimitUse { amount, count: 1 });
        would_pass(&purchase(10), &open(2, limits), (&uses, &[]))
    };
    assert_eq!(would([50, 90]), None);
    assert_eq!(would([50, 91]), Some(DeclineReason::PolicyLimitReached));
}

#[test]
fn an_answer_that_was_told_counts_on_the_way_that_it_took() {
    let verdict = open(2, [on(&[1], limit(1, Some(50), None)), on(&[2], limit(2, Some(100), None))]);
    let Verdict::Proceed(proceed) = &verdict else { panic!() };
    let second = Verdict::Proceed(proceed.clone().by(way(2)));
    let mut book = Book::with(1_000);
    let outcome = book.adopt_with(&purchase(70), yes(70), ASKED, Some(&second));
    assert_eq!(outcome.way, way(2));
    assert_eq!([1, 2].map(|number| book.counted(number, DAY)), [(0, 0), (70, 1)]);
    // Where nobody chose, it is the first that was open, over its limit if need be.
    let outcome = book.adopt_with(&another("q", 70), yes(70), ASKED, Some(&verdict));
    assert_eq!((outcome.way, book.counted(1, DAY)), (way(1), (70, 1)));
}

#[test]
fn a_look_takes_the_way_that_a_question_would() {
    let verdict = open(2, [on(&[1], limit(1, Some(50), None)), on(&[2], limit(2, Some(100), None))]);
    let Verdict::Proceed(proceed) = &verdict else { panic!() };
    let look = |used: [i64; 2]| {
        let uses = used.map(|amount| LimitUse { amount, count: 0 });
        way_with_room(&purchase(10), proceed, &uses)
    };
    assert_eq!(look([40, 0]), Ok(way(1)));
    assert_eq!(look([41, 0]), Ok(way(2)));
    assert_eq!(look([41, 91]), Err(DeclineReason::PolicyLimitReached));
    let Verdict::Proceed(plain) = super::proceed([limit(1, Some(5), None)]) else { panic!() };
    assert_eq!(way_with_room(&purchase(5), &plain, &[]), Ok(None));
}

/// A way that counts payments has room for whatever is added to one: to one that it counted.
#[test]
fn what_is_added_takes_no_way_that_counts_payments_and_has_not_counted_its_own() {
    let verdict = open(2, [on(&[1], limit(1, None, Some(1))), on(&[2], limit(2, Some(30), None))]);
    let full = declines(DeclineReason::PolicyLimitReached, "limit-1");
    let more = |name: &str, minor, of| AuthorizationRequest { increments: Some(payment(of)), ..increment(name, minor) };
    let mut book = Book::with(10_000);
    for (request, expected, taken) in [
        (another("a", 100), approves(100), way(1)),
        (another("b", 1), approves(1), way(2)),
        (another("c", 31), full, None),
        (more("b-1", 400, "b"), full, None),
        (more("b-2", 29, "b"), approves(29), way(2)),
        (more("b-3", 1, "b"), full, None),
        (more("a-1", 400, "a"), approves(400), way(1)),
    ] {
        let outcome = book.ask_with(&request, &verdict);
        assert_eq!((outcome.decision, outcome.way), (expected, taken), "{}", request.key);
    }
    assert_eq!([1, 2].map(|number| book.counted(number, DAY)), [(500, 1), (30, 1)]);
}

#[test]
fn where_an_authority_observes_what_is_added_counts_where_it_would_have() {
    let observed = |check: LimitCheck| LimitCheck { enforcement: Enforcement::Observe, ..check };
    let limits = [on(&[1], limit(1, None, Some(1))), on(&[2], limit(2, Some(30), None))].map(observed);
    let verdict = open(2, limits);
    let mut book = Book::with(10_000);
    book.ask_with(&another("a", 100), &verdict);
    assert_eq!(book.ask_with(&purchase(1), &verdict).way, way(2));
    assert_eq!(book.ask_with(&increment("little", 9), &verdict).way, way(2));
    let counted = |number, count| Counted {
        placement: StepId::of(&key("opening")),
        counter: CounterKey(number),
        scope: LimitScope::Authority,
        window: DAY,
        amount: 1,
        count,
    };
    let uses = [LimitUse { amount: 100, count: 1 }, LimitUse { amount: 10, count: 1 }];
    let would = |counted: &[Counted]| would_pass(&increment("much", 400), &verdict, (&uses, counted));
    assert_eq!(would(&[counted(2, 1), counted(1, 0)]), Some(DeclineReason::PolicyLimitReached));
    assert_eq!(would(&[counted(1, 1)]), None);
}

//! Trouble: while nothing can be kept, nothing is applied; and a bug costs no more than its own act.

use holdfast_core::hold::Finality;
use holdfast_core::rules::Window;

use super::*;
use crate::ledger::{Act, Adopt, Answer, Decide, KeptRuleset, LedgerError, Origin, Readiness};

/// One act of each kind that would leave something behind.
fn acts(origin: Origin, key: &str) -> Vec<Act> {
    let (program, name) = (origin.program, origin.program.to_string());
    let published_at = now();
    let (source, published_by, why) = (String::new(), String::new(), String::new());
    let ruleset = KeptRuleset {
        kind: crate::journal::KeptKind::Rules,
        hash: [9; 32],
        program: name,
        source,
        published_at,
        published_by,
        why,
    };
    let request = purchase(key, 100);
    vec![
        Act::Decide(Decide { origin, ..limited(request, &[limit(Window::Lifetime)]) }),
        Act::Adopt(Adopt { origin, ..adoption(purchase(&format!("{key}-adopted"), 100), yes(100)) }),
        Act::Tell(origin, told(&format!("{key}-told"), load(100))),
        Act::Order(origin, ordered(&format!("{key}-ordered"), "p", capture(100, Finality::Final))),
        Act::Keep(origin, not_understood(key)),
        Act::Enter(Origin::of(program), vec![account("b", 5), card("d", "b", Some("h"))]),
        Act::Publish(Box::new(ruleset), None),
    ]
}

pub fn nothing_is_applied_while_nothing_can_be_kept(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("p", 300));
    house.premises().obstruct();
    assert_eq!(house.ledger().readiness(), Readiness::Unavailable);
    for act in acts(origin(), "meanwhile") {
        assert_eq!(house.act(act), Err(LedgerError::Unavailable));
    }
    // What was answered before is said again, if it can be read.
    let retry = house.act(Act::Decide(asked(purchase("p", 300))));
    assert!(retry == Err(LedgerError::Unavailable) || said(retry.clone()) == again(approved(300)), "{retry:?}");

    house.premises().clear();
    assert_eq!(house.ledger().readiness(), Readiness::Ready);
    house.always(|house| {
        assert_eq!(house.everyone(), [("a".to_owned(), 1_000, 300)], "as before");
        assert_eq!(house.act(Act::Rulesets(program())), Ok(Answer::Rulesets(vec![])));
        assert_eq!(house.decide(purchase("p", 300)), again(approved(300)));
    });
    for act in acts(origin(), "meanwhile") {
        let became = house.act(act);
        assert!(became.is_ok(), "it was never heard of: {became:?}");
    }
    house.always(|house| assert_eq!(house.balance(), (1_000, 200)));
}

pub fn a_process_that_ends_in_trouble_loses_nothing(engine: &dyn Engine) {
    for end in End::BOTH {
        let mut house = House::with(engine, 1_000);
        house.decide(purchase("p", 300));
        house.premises().obstruct();
        assert_eq!(house.act(Act::Decide(asked(purchase("q", 300)))), Err(LedgerError::Unavailable));
        house.end(end);
        assert_eq!(house.balance(), (1_000, 300));
        assert_eq!(house.decide(purchase("q", 300)), approved(300), "it was never answered");
    }
}

pub fn a_bug_costs_only_its_own_act(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let buggy = Origin { program: id(PROGRAM_THAT_PANICS), ..origin() };
    let (lone, next) = (asked(purchase("before", 100)), asked(purchase("after", 100)));
    let bugs = acts(buggy, "bug").into_iter();
    let became = house.act_at_once([Act::Decide(lone)].into_iter().chain(bugs).chain([Act::Decide(next)]));
    let [first, bugs @ .., last] = became.as_slice() else { panic!() };
    assert_eq!((said(first.clone()), said(last.clone())), (approved(100), approved(100)));
    for bug in bugs {
        assert_eq!(*bug, Err(LedgerError::Panicked));
    }
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 200));
        assert_eq!(house.all_of(buggy.program), [], "what it wrote is undone");
        assert_eq!(house.act(Act::Rulesets(buggy.program)), Ok(Answer::Rulesets(vec![])));
        assert_eq!(house.decide(purchase("before", 100)), again(approved(100)));
    });
}

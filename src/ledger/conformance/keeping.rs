//! What is kept beside money: rulesets, operators' doings, what was not understood.

use holdfast_core::Timestamp;

use super::*;
use crate::clock;
use crate::ledger::{Act, Answer, KeptKind, KeptRuleset, LedgerError, Noted, Operation};

fn ruleset(program: &str, number: u8) -> KeptRuleset {
    KeptRuleset {
        kind: if number == 3 { KeptKind::StandIn } else { KeptKind::Rules },
        hash: [number; 32],
        program: program.to_owned(),
        source: format!("# ruleset {number}"),
        published_at: Timestamp::from_unix_seconds(i64::from(number)),
        published_by: "operator".to_owned(),
        why: "it was time".to_owned(),
    }
}

pub fn rulesets_are_kept_and_told_oldest_first(engine: &dyn Engine) {
    let mut house = House::empty(engine);
    let rulesets = |house: &House, program: &str| house.act(Act::Rulesets(id(program)));
    assert_eq!(rulesets(&house, "demo"), Ok(Answer::Rulesets(vec![])));
    for (program, number) in [("demo", 3), ("demo", 1), ("other", 4), ("demo", 2)] {
        assert_eq!(house.act(Act::Publish(Box::new(ruleset(program, number)), None)), Ok(Answer::Recorded(None)));
    }
    house.always(|house| {
        let published = vec![ruleset("demo", 3), ruleset("demo", 1), ruleset("demo", 2)];
        assert_eq!(rulesets(house, "demo"), Ok(Answer::Rulesets(published)));
        assert_eq!(rulesets(house, "other"), Ok(Answer::Rulesets(vec![ruleset("other", 4)])));
        assert_eq!(rulesets(house, "nobody"), Ok(Answer::Rulesets(vec![])));
    });
}

pub fn only_the_first_publication_of_its_kind_is_kept_as_the_first(engine: &dyn Engine) {
    let mut house = House::empty(engine);
    let first = |house: &House, number| house.act(Act::PublishFirst(Box::new(ruleset("demo", number))));
    for number in [1, 2, 3] {
        assert_eq!(first(&house, number), Ok(Answer::Recorded(None)));
    }
    house.always(|house| {
        assert_eq!(first(house, 4), Ok(Answer::Recorded(None)));
        let published = vec![ruleset("demo", 1), ruleset("demo", 3)];
        assert_eq!(house.act(Act::Rulesets(id("demo"))), Ok(Answer::Rulesets(published)));
    });
}

/// Whoever did not hear that it is kept sends it again, and it may be on its way to the disk still.
pub fn what_is_published_again_is_kept_once(engine: &dyn Engine) {
    let mut house = House::empty(engine);
    let publish = |kept: &KeptRuleset| Act::Publish(Box::new(kept.clone()), None);
    let first = |kept: &KeptRuleset| Act::PublishFirst(Box::new(kept.clone()));
    let (rules, table, elsewhere) = (ruleset("demo", 1), ruleset("demo", 3), ruleset("other", 1));
    let at_once = house.act_at_once([publish(&rules), publish(&rules), first(&elsewhere), first(&elsewhere), publish(&rules)]);
    assert!(at_once.iter().all(|became| *became == Ok(Answer::Recorded(None))), "{at_once:?}");
    assert_eq!(house.act(publish(&table)), Ok(Answer::Recorded(None)));
    // By somebody else, at another time, or for another program, it is another publication.
    let others = [
        KeptRuleset { published_by: "another".to_owned(), ..rules.clone() },
        KeptRuleset { published_at: Timestamp::from_unix_seconds(9), ..rules.clone() },
    ];
    for other in &others {
        assert_eq!(house.act(publish(other)), Ok(Answer::Recorded(None)));
    }
    house.always(|house| {
        assert_eq!(house.act(publish(&rules)), Ok(Answer::Recorded(None)));
        let published = [vec![rules.clone(), table.clone()], others.to_vec()].concat();
        assert_eq!(house.act(Act::Rulesets(id("demo"))), Ok(Answer::Rulesets(published)));
        assert_eq!(house.act(Act::Rulesets(id("other"))), Ok(Answer::Rulesets(vec![elsewhere.clone()])));
    });
}

/// Whoever published it was told that it does not wait any more: it never comes into force.
pub fn what_is_published_too_late_is_not_kept(engine: &dyn Engine) {
    let mut house = House::empty(engine);
    let not_after = clock::instant();
    while clock::instant() <= not_after {
        std::hint::spin_loop();
    }
    let publish = |number, not_after| Act::Publish(Box::new(ruleset("demo", number)), Some(not_after));
    assert_eq!(house.act(publish(1, not_after)), Err(LedgerError::Late));
    assert_eq!(house.act(publish(2, clock::instant() + LONG)), Ok(Answer::Recorded(None)));
    house.always(|house| {
        assert_eq!(house.act(Act::Rulesets(id("demo"))), Ok(Answer::Rulesets(vec![ruleset("demo", 2)])));
    });
}

fn operation(program: &str, key: &str, request: u8) -> Act {
    let (who, why) = ("operator".to_owned(), "it was asked for".to_owned());
    let (program, key) = (program.to_owned(), key.to_owned());
    Act::Note(Box::new(Operation { program, key, request: [request; 32], who, why, at: Timestamp::EPOCH }))
}

pub fn an_operation_is_noted_once(engine: &dyn Engine) {
    let mut house = House::empty(engine);
    let note = |house: &House, program, key, request| match house.act(operation(program, key, request)) {
        Ok(Answer::Noted(noted)) => noted,
        other => panic!("{other:?}"),
    };
    assert_eq!(note(&house, "demo", "k", 1), Noted::New);
    assert_eq!(note(&house, "other", "k", 2), Noted::New, "another program's");
    house.always(|house| {
        assert_eq!(note(house, "demo", "k", 1), Noted::Again(Timestamp::EPOCH));
        assert_eq!(note(house, "demo", "k", 2), Noted::Conflict);
        assert_eq!(note(house, "other", "k", 2), Noted::Again(Timestamp::EPOCH));
    });
}

pub fn what_is_not_understood_is_recorded(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.act(Act::Keep(origin(), not_understood("`type` is unknown"))), Ok(Answer::Recorded(None)));
    house.always(|house| assert_eq!(house.balance(), (1_000, 0)));
}

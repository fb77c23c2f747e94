//! Commit groups: how large they are, and what becomes late while one is written.

use super::*;
use crate::clock;
use crate::journal::{Body, Group};
use crate::ledger::Decide;

#[test]
fn what_becomes_late_while_its_batch_is_written_is_not_applied() {
    let house = House::with_groups_of(1).furnished(1_000);
    let not_after = std::cell::Cell::new(clock::instant());
    let answers = house.batch(
        || {
            let moment = clock::instant() + Duration::from_millis(300);
            not_after.set(moment);
            *house.on_commit.lock().unwrap() = Some(Box::new(move || {
                while clock::instant() <= moment {
                    std::hint::spin_loop()
                }
            }));
        },
        || {
            vec![
                Act::Decide(asked(purchase("first", 100))),
                Act::Decide(Decide { not_after: not_after.get(), ..asked(purchase("second", 100)) }),
            ]
        },
    );
    assert_eq!(answers[1], Err(LedgerError::Late));
    assert_eq!(house.balance(), (1_000, 100));
}

#[test]
fn a_group_has_no_more_records_than_it_may() {
    let house = House::with_groups_of(4).furnished(1_000);
    let answers = house.batch(|| (), || (0..10).map(|number| Act::Decide(asked(purchase(&format!("k{number}"), 1)))).collect());
    assert!(answers.iter().all(|answer| said(answer.clone()) == approved(1)));
    assert_eq!(house.commits.try_iter().collect::<Vec<_>>(), [4, 4, 2]);
}

#[test]
fn what_is_not_understood_is_kept() {
    let mut house = House::with(1_000);
    assert_eq!(house.act(Act::Keep(origin(), not_understood("`type` is unknown"))), Ok(Answer::Recorded(None)));
    house.ledger = None;
    let mut problems = Vec::new();
    Journal::open(house.directory.path(), Sync::Full)
        .unwrap()
        .read(1, &mut |_, bytes| {
            for record in Group::open(bytes).unwrap() {
                if let Body::Kept { problem, .. } = record.unwrap().body {
                    problems.push(problem);
                }
            }
            Ok::<(), JournalError>(())
        })
        .unwrap();
    assert_eq!(problems, ["`type` is unknown"]);
}

/// What is gathered is in no log yet, and counts all the same.
#[test]
fn what_is_published_twice_in_a_group_leaves_one_record() {
    let house = House::with(1_000);
    let kept = |program: &str| KeptRuleset {
        kind: KeptKind::Rules,
        hash: [7; 32],
        program: program.to_owned(),
        source: "# rules".to_owned(),
        published_at: now(),
        published_by: "ann".to_owned(),
        why: "because".to_owned(),
    };
    let (demo, other) = (kept("demo"), kept("other"));
    let publish = || Act::Publish(Box::new(demo.clone()), None);
    let first = || Act::PublishFirst(Box::new(other.clone()));
    let answers = house.batch(|| (), || vec![publish(), publish(), first(), first()]);
    assert!(answers.iter().all(|answer| *answer == Ok(Answer::Recorded(None))), "{answers:?}");
    assert_eq!(house.commits.recv().unwrap(), 2);
    assert_eq!(house.act(Act::Rulesets(id("demo"))), Ok(Answer::Rulesets(vec![demo.clone()])));
    assert_eq!(house.act(Act::Rulesets(id("other"))), Ok(Answer::Rulesets(vec![other.clone()])));
}

//! Trouble: damage, bugs, and a journal that cannot be written.

use holdfast_core::hold::{CardStatus, Finding, ToldEvent};
use holdfast_core::rules::Window;
use holdfast_core::stand_in::Sight;

use super::*;
use crate::clock;
use crate::ledger::{Decide, Glimpse, Origin, Slip, Whose};

#[test]
fn a_directory_in_use_is_refused() {
    let mut house = House::with(1_000);
    let settings = house.settings();
    assert!(matches!(Embedded::start(settings), Err(JournalError::InUse(_))));
}

#[test]
fn a_damaged_log_is_nobodys_balance() {
    for damage in ["UPDATE journal SET body = x'01' WHERE first = 1", "UPDATE journal SET records = 5 WHERE first = 1"] {
        let mut house = House::with(1_000);
        house.decide(purchase("k", 100));
        house.ledger = None;
        assert_eq!(house.operator().execute(damage, []).unwrap(), 1);
        // With it, a start reads no further back than it has to.
        std::fs::remove_file(house.directory.path().join("projection.sqlite")).unwrap();
        assert!(matches!(house.start(), Err(JournalError::Broken(..))), "{damage}");
        assert_eq!(house.ledger().readiness(), Readiness::Unavailable);
        assert_eq!(house.act(Act::Balances(origin(), Whose::Account(id("a")))), Err(LedgerError::Unavailable));
        assert_eq!(house.act(Act::Decide(asked(purchase("k", 100)))), Err(LedgerError::Unavailable));
    }
}

/// Makes every write fail, as a full disk does.
const OBSTACLE: &str = "CREATE TRIGGER obstacle BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END";
const REMOVAL: &str = "DROP TRIGGER obstacle";

#[test]
fn a_failed_commit_undoes_its_group_and_the_ledger_comes_back() {
    let mut house = House::with(1_000);
    house.decide(purchase("kept", 300));
    let operator = house.operator();
    let lifetime = limit(Window::Lifetime);
    let before = clock::utc();
    let answers = house.batch(
        || operator.execute_batch(OBSTACLE).unwrap(),
        || {
            vec![
                Act::Decide(limited(purchase("yes", 100), &[lifetime])),
                Act::Decide(asked(purchase("no", 5_000))),
                Act::Tell(origin(), told("load", load(50))),
                Act::Tell(origin(), told("card", card_is("c", CardStatus::Frozen))),
                Act::Enter(Origin::of(program()), vec![account("b", 5), card("d", "b", Some("h"))]),
                Act::Decide(asked(purchase("no", 5_000))),
            ]
        },
    );
    let unavailable = Err(LedgerError::Unavailable);
    assert_eq!(answers[0], unavailable);
    // The card is frozen a moment later, in the same group that fails: the answers are those of their moment.
    assert_eq!(said(answers[1].clone()), declined(NO_FUNDS));
    assert_eq!(answers[2..5], [unavailable.clone(), unavailable.clone(), unavailable.clone()]);
    assert_eq!(said(answers[5].clone()), again(declined(NO_FUNDS)));
    house.becomes(Readiness::Unavailable);
    assert_eq!(house.ledger().readiness(), Readiness::Unavailable);
    let away_since = house.ledger().standing().since.unwrap();
    assert!(before < away_since && away_since <= clock::utc(), "{away_since}");
    assert_eq!(house.everyone(), [("a".to_owned(), 1_000, 300)], "as before");
    assert_eq!(house.act(Act::Decide(asked(purchase("meanwhile", 1)))), unavailable);
    // What was answered before is said again, though nothing can be written.
    assert_eq!(house.decide(purchase("kept", 300)), again(approved(300)));
    assert_eq!(house.act(Act::Decide(asked(purchase("kept", 301)))), unavailable);
    assert_eq!(house.act(Act::Tell(origin(), told("load", load(50)))), unavailable);

    operator.execute_batch(REMOVAL).unwrap();
    let removed = clock::utc();
    house.becomes(Readiness::Ready);
    assert_eq!(house.ledger().readiness(), Readiness::Ready);
    let back_since = house.ledger().standing().since.unwrap();
    assert!(removed < back_since && back_since <= clock::utc(), "{back_since}, and unavailable since {away_since}");
    let limited = |key: &str| Act::Decide(limited(purchase(key, 100), &[lifetime]));
    assert_eq!(said(house.act(limited("other"))), approved(100), "the limit has forgotten the undone one");
    assert_eq!(house.tell("load", load(10_000)), None, "it had not been heard");
    for _ in 0..2 {
        assert_eq!(house.everyone(), [("a".to_owned(), 11_000, 400)]);
        assert_eq!(house.decide(purchase("no", 5_000)), again(declined(NO_FUNDS)), "it was told");
        assert_eq!(house.decide(purchase("kept", 300)), again(approved(300)));
        house.restart();
    }
    assert_eq!(house.decide(purchase("yes", 100)), approved(100), "it was never answered");
}

#[test]
fn what_is_seen_of_a_ledger_that_cannot_write_is_as_old_as_what_it_could_not_write() {
    let house = House::with(1_000);
    let operator = house.operator();
    operator.execute_batch(OBSTACLE).unwrap();
    assert_eq!(house.act(Act::Decide(asked(purchase("in vain", 1)))), Err(LedgerError::Unavailable));
    house.becomes(Readiness::Unavailable);
    // What is asked takes memory away, and leaves it there again.
    let seen_at = |house: &House| {
        let _ = house.act(Act::Balances(origin(), Whose::Account(id("a"))));
        loop {
            match house.ledger.as_ref().unwrap().look(&origin(), &purchase("k", 1)) {
                Glimpse::Seen(seen) => match seen.snapshot.account {
                    Sight::Seen(account) => return account.as_of,
                    Sight::NotSeen | Sight::Absent => panic!("the account is there"),
                },
                Glimpse::Busy | Glimpse::Nothing => std::thread::yield_now(),
            }
        }
    };
    let later = clock::utc();
    assert!(seen_at(&house) < later);
    operator.execute_batch(REMOVAL).unwrap();
    house.becomes(Readiness::Ready);
    assert!(seen_at(&house) >= later);
}

/// Its caller looks for it under that name, also after a crash.
#[test]
fn a_decline_that_has_a_name_of_ours_is_told_once_it_is_durable() {
    let mut house = House::with(1_000);
    let operator = house.operator();
    let slip = Arc::new(Slip {
        program: program(),
        platform: id("marqeta"),
        payment: id("named"),
        kind: 0,
        merchant: id("m"),
        source: id("c"),
        at: clock::utc(),
        body: None,
        lasting: None,
        waits: false,
    });
    let named = || Act::Decide(Decide { slip: Some(Arc::clone(&slip)), ..asked(purchase("named", 5_000)) });
    let nameless = || Act::Decide(asked(purchase("nameless", 5_000)));
    let answers = house.batch(|| operator.execute_batch(OBSTACLE).unwrap(), || vec![named(), nameless(), named()]);
    assert_eq!((&answers[0], &answers[2]), (&Err(LedgerError::Unavailable), &Err(LedgerError::Unavailable)));
    assert_eq!(said(answers[1].clone()), declined(NO_FUNDS));
    house.becomes(Readiness::Unavailable);
    operator.execute_batch(REMOVAL).unwrap();
    house.becomes(Readiness::Ready);
    for _ in 0..2 {
        assert_eq!(said(house.act(named())), again(declined(NO_FUNDS)));
        house.restart();
    }
}

#[test]
fn a_group_in_doubt_that_is_durable_counts() {
    let mut house = House::with(1_000);
    let operator = house.operator();
    // FAIL keeps the row and reports a failure: what a disk does that syncs and loses the acknowledgement.
    let number = house.next() + 1;
    let once = format!(
        "CREATE TRIGGER doubt AFTER INSERT ON journal WHEN NEW.first = {number} BEGIN SELECT RAISE(FAIL, 'in doubt'); END"
    );
    let answers = house.batch(
        || operator.execute_batch(&once).unwrap(),
        || vec![Act::Decide(asked(purchase("yes", 100))), Act::Decide(asked(purchase("no", 5_000))), loaded()],
    );
    assert_eq!((&answers[0], &answers[2]), (&Err(LedgerError::Unavailable), &Err(LedgerError::Unavailable)));
    house.becomes(Readiness::Unavailable);
    house.becomes(Readiness::Ready);
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_050, 100));
        assert_eq!(house.decide(purchase("yes", 100)), again(approved(100)));
        assert_eq!(house.decide(purchase("no", 5_000)), again(declined(NO_FUNDS)));
        assert_eq!(house.act(loaded()), Ok(Answer::Recorded(Some(Finding::HeardBefore))));
        house.restart();
    }
}

/// Lately, so that nobody has to look for it outside memory: it joins the group of its batch.
fn loaded() -> Act {
    Act::Tell(origin(), ToldEvent { occurred_at: Some(now()), ..told("load", load(50)) })
}

#[test]
fn a_group_that_was_given_up_is_never_written_later() {
    let mut house = House::with_groups_of(1).furnished(1_000);
    let operator = house.operator();
    // The obstacle is gone by the time the rest of the batch is dealt with.
    let path = house.directory.path().join(FILE);
    *house.on_say.lock().unwrap() = Some(Box::new(move || remove_obstacle(&path)));
    let answers = house.batch(
        || operator.execute_batch(OBSTACLE).unwrap(),
        || vec![Act::Decide(asked(purchase("given up", 100))), Act::Decide(asked(purchase("refused", 100)))],
    );
    assert_eq!(answers, [Err(LedgerError::Unavailable), Err(LedgerError::Unavailable)]);
    house.becomes(Readiness::Unavailable);
    house.becomes(Readiness::Ready);
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_000, 0));
        house.restart();
    }
}

#[test]
fn a_publication_that_fails_is_listed_nowhere() {
    let ruleset = |number: u8| {
        let (program, source) = (program().to_string(), format!("# ruleset {number}"));
        let (published_by, why) = ("ann".to_owned(), "because".to_owned());
        KeptRuleset { kind: KeptKind::Rules, hash: [number; 32], program, source, published_at: now(), published_by, why }
    };
    let mut house = House::with(1_000);
    let operator = house.operator();
    let answers = house.batch(
        || operator.execute_batch(OBSTACLE).unwrap(),
        || vec![Act::Publish(Box::new(ruleset(1)), None), Act::Tell(origin(), told("load", load(50)))],
    );
    assert_eq!(answers, [Err(LedgerError::Unavailable), Err(LedgerError::Unavailable)]);
    house.becomes(Readiness::Unavailable);
    operator.execute_batch(REMOVAL).unwrap();
    house.becomes(Readiness::Ready);
    // What is written next does not bring it along.
    assert_eq!(house.tell("load", load(50)), None);
    let hashes = |house: &House| match house.act(Act::Rulesets(program())) {
        Ok(Answer::Rulesets(kept)) => kept.iter().map(|kept| kept.hash[0]).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        assert!(hashes(&house).is_empty());
        house.restart();
    }
    assert_eq!(house.act(Act::Publish(Box::new(ruleset(2)), None)), Ok(Answer::Recorded(None)));
    for _ in 0..2 {
        assert_eq!(hashes(&house), [2]);
        house.restart();
    }
}

fn remove_obstacle(path: &Path) {
    Connection::open(path).unwrap().execute_batch(REMOVAL).unwrap();
}

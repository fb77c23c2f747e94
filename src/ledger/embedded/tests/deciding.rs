//! Deciding: what is answered, held and said again.

use super::*;

#[test]
fn an_approval_holds_and_a_retry_hears_the_same_over_a_restart() {
    let mut house = House::with(1_000);
    assert_eq!(house.decide(purchase("yes", 600)), approved(600));
    assert_eq!(house.decide(purchase("no", 401)), declined(NO_FUNDS));
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_000, 600));
        assert_eq!(house.decide(purchase("yes", 600)), again(approved(600)));
        assert_eq!(house.decide(purchase("no", 401)), again(declined(NO_FUNDS)));
        assert_eq!(house.decide(purchase("yes", 601)), declined(DeclineReason::ConflictingDuplicate));
        house.restart();
    }
    assert_eq!(house.tell("load", load(1_000)), None);
    assert_eq!(house.decide(purchase("no", 401)), again(declined(NO_FUNDS)), "whatever came since");
}

#[test]
fn a_restart_agrees_about_everything() {
    let mut house = House::with(10_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("h"))]).unwrap();
    house.decide(AuthorizationRequest { posting: Posting::Immediate, ..purchase("single", 100) });
    for name in ["p", "q", "r", "s"] {
        house.decide(purchase(name, 1_000));
    }
    let amount = usd(400);
    house.tell("1", Fact::Captured { payment: Some(payment("p")), amount, finality: Finality::More });
    house.tell("2", Fact::Released { payment: payment("q"), cause: ReleaseCause::Reversed });
    house.tell("3", Fact::Reduced { payment: payment("r"), by: amount, original: None });
    house.tell("4", Fact::Captured { payment: None, amount, finality: Finality::Final });
    house.adopt(purchase("s", 1_000), ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable }).unwrap();
    house.adopt(purchase("t", 50), ToldAnswer::Approved { amount: usd(50) }).unwrap();
    let before = house.everyone();
    assert_eq!(before, [("a".to_owned(), 10_000 - 100 - 400 - 400, 600 + 600 + 50), ("b".to_owned(), 500, 0)]);
    house.restart();
    assert_eq!(house.everyone(), before);
    // And the holds are still found.
    house.tell("5", Fact::Captured { payment: Some(payment("p")), amount: usd(600), finality: Finality::Final });
    house.tell("6", Fact::Completed { payment: payment("single"), amount: usd(100) });
    assert_eq!(house.balance(), (10_000 - 100 - 400 - 400 - 600, 600 + 50));
}

#[test]
fn concurrent_authorizations_never_hold_more_than_is_there() {
    const THREADS: i64 = 8;
    const EACH: i64 = 60;
    let house = House::with(10_000);
    let approvals: i64 = std::thread::scope(|scope| {
        let ledger = house.ledger();
        let worker = move |thread: i64| {
            let requests = (0..EACH).map(move |number| purchase(&format!("{thread}-{number}"), 30 + thread));
            let tickets: Vec<_> = requests.map(|request| Ticket::new(decide(request))).collect();
            for ticket in &tickets {
                ledger.submit(Arc::clone(ticket));
                ledger.nudge();
            }
            let answers = tickets.into_iter().map(|ticket| decided(wait(ticket)).0);
            answers.filter(|decision| matches!(decision, Decision::Approve { .. })).map(|_| 30 + thread).sum::<i64>()
        };
        let workers: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || worker(thread))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert!(approvals <= 10_000, "{approvals}");
    assert!(approvals > 10_000 - 38, "nothing that fits was refused: {approvals}");
    assert_eq!(house.balance(), (10_000, approvals));
}

#[test]
fn what_comes_too_late_is_not_applied() {
    let house = House::with(1_000);
    let past = clock::instant();
    let answers = house.batch(
        || {
            while clock::instant() <= past {
                std::hint::spin_loop()
            }
        },
        || vec![decide_with(purchase("late", 100), &[], past)],
    );
    assert_eq!(answers, [Err(LedgerError::Late)]);
    assert_eq!(house.balance(), (1_000, 0));
    assert_eq!(house.decide(purchase("late", 100)), approved(100), "it was never answered");
}

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
        || vec![decide(purchase("first", 100)), decide_with(purchase("second", 100), &[], not_after.get())],
    );
    assert_eq!(answers[1], Err(LedgerError::Late));
    assert_eq!(house.balance(), (1_000, 100));
}

#[test]
fn a_group_has_no_more_records_than_it_may() {
    let house = House::with_groups_of(4).furnished(1_000);
    let answers = house.batch(|| (), || (0..10).map(|number| decide(purchase(&format!("k{number}"), 1))).collect());
    assert!(answers.iter().all(|answer| decided(answer.clone()) == approved(1)));
    assert_eq!(house.commits.try_iter().collect::<Vec<_>>(), [4, 4, 2]);
}

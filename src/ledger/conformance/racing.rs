//! Many at once: what the check and the hold being one act means.

use std::sync::Arc;

use futures_util::FutureExt as _;
use holdfast_core::hold::{Finality, Finding};
use holdfast_core::rules::{LimitCheck, Window};
use holdfast_core::{Basis, Decision, DeclineReason};

use super::house::{Became, submit, wait};
use super::*;
use crate::ledger::{Act, Answer, Wait};

/// How many workers ask at once.
const WORKERS: i64 = 8;

/// What becomes of acts that every worker submits at once, by the number of the worker and of the act.
fn at_once(house: &House, each: i64, act: impl Fn(i64, i64) -> Act + Sync) -> Vec<Became> {
    let (ledger, act) = (house.ledger(), &act);
    std::thread::scope(|scope| {
        let work = move |worker| {
            let tickets: Vec<_> = (0..each).map(|number| submit(ledger, act(worker, number))).collect();
            tickets.into_iter().map(wait).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// What was approved in total.
fn total(answers: impl IntoIterator<Item = Became>) -> i64 {
    let approved = |became| match said(became).0 {
        Decision::Approve { amount } => amount.minor(),
        Decision::Decline { .. } => 0,
    };
    answers.into_iter().map(approved).sum()
}

pub fn concurrent_authorizations_never_hold_more_than_is_there(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let ask = |worker, number| Act::Decide(asked(purchase(&format!("{worker}-{number}"), 30 + worker)));
    let approved = total(at_once(&house, 60, ask));
    assert!(approved <= 10_000, "{approved}");
    assert!(approved > 10_000 - 38, "nothing that fits was refused: {approved}");
    house.always(|house| assert_eq!(house.balance(), (10_000, approved)));
}

pub fn concurrent_retries_hold_once(engine: &dyn Engine) {
    let house = House::with(engine, 10_000);
    let answers = at_once(&house, 10, |_, number| Act::Decide(asked(purchase(&number.to_string(), 100))));
    let (first, retries): (Vec<_>, Vec<_>) = answers.into_iter().map(said).partition(|said| said.1 == Basis::Ledger);
    assert_eq!(first, vec![approved(100); 10]);
    assert_eq!(retries, vec![again(approved(100)); 70]);
    assert_eq!(house.balance(), (10_000, 1_000));
}

pub fn concurrent_messages_book_once(engine: &dyn Engine) {
    let house = House::with(engine, 0);
    let answers = at_once(&house, 10, |_, number| Act::Tell(origin(), told(&number.to_string(), load(7))));
    let heard_before = answers.into_iter().map(found).filter(|finding| *finding == Some(Finding::HeardBefore)).count();
    assert_eq!(heard_before, 70);
    assert_eq!(house.balance(), (70, 0));
}

/// Whoever may be refused is judged by what others have told by then, and leaves nothing where it is.
pub fn concurrent_messages_about_a_payment_of_ours_pass_no_bound(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("p", 100)), approved(100));
    assert_eq!(house.decide(purchase("q", 100)), approved(100));
    let clear = |worker: i64, number: i64| {
        let fact = captured("p", 30, Finality::More);
        Act::TellOurs(origin(), told(&format!("{worker}-{number}"), fact))
    };
    let refused = |became: &Became| matches!(became, Ok(Answer::Decided { decision: Decision::Decline { .. }, .. }));
    let answers = at_once(&house, 5, clear);
    assert_eq!(answers.iter().filter(|became| refused(became)).count(), 37, "three times 30 are in 100");
    house.always(|house| assert_eq!(house.balance(), (910, 10 + 100)));
    let again = |key: &str, minor| house.act(Act::TellOurs(origin(), told(key, captured("p", minor, Finality::More))));
    assert_eq!(found(again("less", 10)), None, "what is left");
    assert_eq!(found(again("less", 10)), Some(Finding::HeardBefore));
    assert_eq!(found(again("less", 11)), Some(Finding::Conflict));
    assert!(refused(&again("more", 1)));

    let give_back = |worker, number| Act::TellOurs(origin(), told(&format!("{worker}-{number}-back"), reduced("q", 30)));
    at_once(&house, 5, give_back);
    house.always(|house| assert_eq!(house.balance(), (900, 0), "no more than is held comes back"));
    assert_eq!(house.decide(purchase("r", 901)), declined(DeclineReason::InsufficientFunds));
    let nobodys = house.act(Act::TellOurs(origin(), told("nobodys", reduced("nobody", 1))));
    assert!(refused(&nobodys));
}

pub fn concurrent_authorizations_never_pass_a_limit(engine: &dyn Engine) {
    let house = House::with(engine, 1_000_000);
    let check = LimitCheck { amount_max: Some(1_000), count_max: Some(30), ..limit(Window::Lifetime) };
    let ask = |worker, number| Act::Decide(limited(purchase(&format!("{worker}-{number}"), 40), &[check]));
    assert_eq!(total(at_once(&house, 20, ask)), 1_000, "as many as fit");
}

pub fn what_was_acknowledged_outlives_a_crash(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let ask = |number: i64| Act::Decide(asked(purchase(&number.to_string(), 1)));
    // The crash comes when the first ones are answered, and others are on their way.
    let tickets: Vec<_> = (0..200).map(|number| submit(house.ledger(), ask(number))).collect();
    assert_eq!(said(wait(Arc::clone(&tickets[20]))), approved(1));
    house.end(End::Crash);
    for (number, ticket) in (0..).zip(tickets) {
        // A ticket is answered once: the one that was waited for counts as answered.
        let answered = number == 20 || matches!(Wait::on(ticket).now_or_never(), Some(Ok(_)));
        let now = said(house.act(ask(number)));
        assert_eq!(now.0, approved(1).0);
        assert!(!answered || now.1 == Basis::Replay, "{number} was acknowledged, and is gone");
    }
    assert_eq!(house.balance(), (10_000, 200), "each is held once");
}

//! Two payments that we approved by two questions, and messages that name both: what is said of the one changes nothing of the other.

use std::time::Duration;

use holdfast_core::hold::{Fact, Finality, Finding, RecordedOutcome, Subject, ToldEvent};
use holdfast_core::{AuthorizationRequest, DeclineReason, PaymentRef};

use super::*;
use crate::ledger::Act;

/// The payment of this transaction, as its question names it.
fn of(transaction: &str) -> PaymentRef {
    payment(&format!("jit-{transaction}")).with_alias(id(transaction))
}

fn asks(transaction: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { payment: of(transaction), ..purchase(&format!("jit-{transaction}"), minor) }
}

/// What the message of this token says, so many seconds after the questions.
fn message(token: &str, seconds: u64, fact: Fact) -> ToldEvent {
    let subject = Subject { card: Some(id("c")), ..Subject::default() };
    ToldEvent { occurred_at: Some(later(seconds)), ..told_of(subject, &format!("{token}/authorization/PENDING"), fact) }
}

/// The platform says that the transaction `s`, which was asked about without a word of another one, adds to `t`.
fn adds(seconds: u64, outcome: RecordedOutcome) -> ToldEvent {
    message("s", seconds, Fact::Recorded { payment: of("s"), asked: id("jit-s"), increments: Some(of("t")), outcome })
}

fn cleared(transaction: &str, minor: i64) -> ToldEvent {
    let fact = Fact::Captured { payment: Some(of(transaction)), amount: usd(minor), finality: Finality::Final };
    message(&format!("{transaction}-cleared"), 10, fact)
}

fn said_of(house: &House, event: ToldEvent) -> Option<Finding> {
    found(house.act(Act::Tell(origin(), event)))
}

/// An account of 1,000 of which 50 are held for the one transaction, and 40 for the other.
fn two_asked(engine: &dyn Engine) -> House {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(asks("t", 50)), approved(50));
    assert_eq!(house.decide(asks("s", 40)), approved(40));
    house
}

const APPROVED: fn(i64) -> RecordedOutcome = |minor| RecordedOutcome::Approved { amount: usd(minor) };

pub fn a_question_that_was_approved_is_held_once_whatever_it_is_said_to_add_to(engine: &dyn Engine) {
    let mut house = two_asked(engine);
    assert_eq!(said_of(&house, adds(1, APPROVED(40))), None);
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 90));
        assert_eq!(said_of(house, adds(1, APPROVED(40))), Some(Finding::HeardBefore));
        assert_eq!(house.decide(asks("s", 40)), again(approved(40)));
    });
    assert_eq!(said_of(&house, cleared("s", 40)), None);
    house.always(|house| assert_eq!(house.balance(), (960, 50)));
    // Also where it was captured first.
    let mut house = two_asked(engine);
    assert_eq!(said_of(&house, cleared("s", 40)), None);
    assert_eq!(said_of(&house, adds(1, APPROVED(40))), None);
    house.always(|house| assert_eq!(house.balance(), (960, 50)));
    assert_eq!(said_of(&house, cleared("t", 50)), None);
    house.always(|house| assert_eq!(house.balance(), (910, 0)));
}

pub fn a_question_of_long_ago_adds_to_no_other_payment(engine: &dyn Engine) {
    let mut house = two_asked(engine);
    assert_eq!(said_of(&house, cleared("s", 40)), None);
    assert_eq!(said_of(&house, cleared("t", 50)), None);
    house.premises().age(Duration::from_secs(40 * 86_400));
    assert_eq!(said_of(&house, adds(1, APPROVED(40))), None);
    house.always(|house| {
        assert_eq!(house.balance(), (910, 0));
        assert_eq!(said_of(house, adds(1, APPROVED(40))), Some(Finding::HeardBefore));
    });
}

pub fn what_is_declined_after_all_was_held_where_it_was_asked(engine: &dyn Engine) {
    let mut house = two_asked(engine);
    assert_eq!(said_of(&house, adds(1, RecordedOutcome::Declined)), Some(Finding::AdoptedOverOurs));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 50));
        assert_eq!(house.decide(asks("s", 40)), again(declined(DeclineReason::TransactionNotPermitted)));
    });
}

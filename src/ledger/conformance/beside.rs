//! Two payments that we approved by two questions, and messages that name both: what is said of the one changes nothing of the other.

use std::time::Duration;

use holdfast_core::hold::{Fact, Finality, Finding, RecordedOutcome, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{AuthorizationRequest, DeclineReason, PaymentRef};

use super::*;
use crate::ledger::Act;

/// The payment of this transaction, as its question names it.
pub(super) fn of(transaction: &str) -> PaymentRef {
    payment(&format!("jit-{transaction}")).with_alias(id(transaction))
}

pub(super) fn asks(transaction: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { payment: of(transaction), ..purchase(&format!("jit-{transaction}"), minor) }
}

/// What the message of this token says, so many seconds after the questions.
pub(super) fn message(token: &str, seconds: u64, fact: Fact) -> ToldEvent {
    let subject = Subject { card: Some(id("c")), ..Subject::default() };
    ToldEvent { occurred_at: Some(later(seconds)), ..told_of(subject, &format!("{token}/authorization/PENDING"), fact) }
}

/// The platform says that the transaction `s`, which was asked about without a word of another one, adds to `t`.
fn adds(seconds: u64, outcome: RecordedOutcome) -> ToldEvent {
    message("s", seconds, Fact::Recorded { payment: of("s"), asked: id("jit-s"), increments: Some(of("t")), outcome })
}

pub(super) fn cleared(transaction: &str, minor: i64) -> ToldEvent {
    let fact = Fact::Captured { payment: Some(of(transaction)), amount: usd(minor), finality: Finality::Final };
    message(&format!("{transaction}-cleared"), 10, fact)
}

pub(super) fn said_of(house: &House, event: ToldEvent) -> Option<Finding> {
    found(house.act(Act::Tell(origin(), event)))
}

/// An account of 1,000 of which 50 are held for the one transaction, and 40 for the other.
fn two_asked(engine: &dyn Engine) -> House {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(asks("t", 50)), approved(50));
    assert_eq!(house.decide(asks("s", 40)), approved(40));
    house
}

pub(super) const APPROVED: fn(i64) -> RecordedOutcome = |minor| RecordedOutcome::Approved { amount: usd(minor) };

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

/// Each message names the question of the one transaction, and the other one as that which came before it.
pub fn what_follows_on_one_payment_takes_no_name_of_another_that_ended(engine: &dyn Engine) {
    for is_old in [false, true] {
        let mut house = two_asked(engine);
        assert_eq!(said_of(&house, cleared("s", 40)), None);
        if is_old {
            house.premises().age(Duration::from_secs(20 * 86_400));
        }
        let both = payment("jit-t").with_alias(id("s"));
        assert_eq!(said_of(&house, message("less", 11, Fact::Reduced { payment: both, by: usd(10), original: None })), None);
        house.always(|house| assert_eq!(house.balance(), (960, 40), "{is_old}"));
        let own = Fact::Recorded { payment: of("s"), asked: id("jit-s"), increments: None, outcome: APPROVED(40) };
        assert_eq!(said_of(&house, message("s", 0, own)), None);
        house.always(|house| assert_eq!(house.balance(), (960, 40), "{is_old}"));
        // By its transaction alone it is still that payment.
        let ended = Fact::Released { payment: PaymentRef::by_alias(id("s")), cause: ReleaseCause::Reversed };
        assert_eq!(said_of(&house, message("reversed", 12, ended)), None);
        house.always(|house| assert_eq!(house.balance(), (960, 40), "{is_old}"));
        assert_eq!(said_of(&house, cleared("t", 40)), None);
        house.always(|house| assert_eq!(house.balance(), (920, 0), "{is_old}"));
    }
}

/// An account of 1,000 of which 50 are held for the transaction `t`, 40 that `s` added to it, and 70 for `u`.
fn one_added(engine: &dyn Engine) -> House {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(asks("t", 50)), approved(50));
    assert_eq!(house.decide(asks("u", 70)), approved(70));
    assert_eq!(house.decide(adding()), approved(40));
    assert_eq!(house.balance(), (1_000, 160));
    house
}

pub(super) fn adding() -> AuthorizationRequest {
    AuthorizationRequest { payment: of("s"), increments: Some(of("t")), ..increment("jit-s", "jit-t", 40) }
}

/// The platform says of what `s` added that it adds to this one.
pub(super) fn adds_to(transaction: &str, outcome: RecordedOutcome) -> ToldEvent {
    message("s", 1, Fact::Recorded { payment: of("s"), asked: id("jit-s"), increments: Some(of(transaction)), outcome })
}

pub fn what_we_approved_to_add_to_one_payment_is_held_on_no_other(engine: &dyn Engine) {
    for said in ["t", "u"] {
        let mut house = one_added(engine);
        assert_eq!(said_of(&house, adds_to(said, APPROVED(40))), None);
        house.always(|house| {
            assert_eq!(house.balance(), (1_000, 160), "{said}");
            assert_eq!(said_of(house, adds_to(said, APPROVED(40))), Some(Finding::HeardBefore));
            assert_eq!(house.decide(adding()), again(approved(40)), "{said}");
        });
        assert_eq!(said_of(&house, cleared("t", 90)), None);
        house.always(|house| assert_eq!(house.balance(), (910, 70), "{said}"));
        assert_eq!(said_of(&house, cleared("u", 70)), None);
        house.always(|house| assert_eq!(house.balance(), (840, 0), "{said}"));
    }
}

/// Whichever of its payments ended before it, and however long ago.
pub fn what_was_added_long_ago_is_held_on_no_other_payment(engine: &dyn Engine) {
    for is_old in [false, true] {
        let mut house = one_added(engine);
        assert_eq!(said_of(&house, cleared("t", 90)), None);
        if is_old {
            house.premises().age(Duration::from_secs(20 * 86_400));
        }
        assert_eq!(said_of(&house, adds_to("u", APPROVED(40))), None);
        house.always(|house| assert_eq!(house.balance(), (910, 70), "{is_old}"));
        // By its own transaction it is still the payment that it was added to.
        assert_eq!(said_of(&house, cleared("u", 70)), None);
        let back = Fact::Released { payment: PaymentRef::by_alias(id("s")), cause: ReleaseCause::Reversed };
        assert_eq!(said_of(&house, message("back", 12, back)), None);
        house.always(|house| assert_eq!(house.balance(), (840, 0), "{is_old}"));
    }
}

pub fn what_is_declined_after_all_was_held_where_it_was_added(engine: &dyn Engine) {
    let mut house = one_added(engine);
    assert_eq!(said_of(&house, adds_to("u", RecordedOutcome::Declined)), Some(Finding::AdoptedOverOurs));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 120));
        assert_eq!(house.decide(adding()), again(declined(DeclineReason::TransactionNotPermitted)));
    });
}

/// What was only told of the payment that it is said to add to is the payment that it was added to.
pub fn what_is_said_to_add_to_a_message_of_its_payment_joins_the_two(engine: &dyn Engine) {
    let mut house = one_added(engine);
    let advice = Fact::Replaced { payment: PaymentRef::by_alias(id("advice")), total: usd(60) };
    assert_ne!(said_of(&house, message("advice", 2, advice)), Some(Finding::HeardBefore));
    let adds = Fact::Recorded {
        payment: of("s"),
        asked: id("jit-s"),
        increments: Some(PaymentRef::by_alias(id("advice"))),
        outcome: APPROVED(40),
    };
    assert_eq!(said_of(&house, message("s", 1, adds)), None);
    let end = Fact::Released { payment: PaymentRef::by_alias(id("advice")), cause: ReleaseCause::Reversed };
    assert_eq!(said_of(&house, message("end", 20, end)), None);
    house.always(|house| assert_eq!(house.balance(), (1_000, 70)));
}

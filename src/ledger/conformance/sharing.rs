//! One key for two of a platform's transactions: the second one is refused, and whatever is told of it is of a payment of its own.

use std::time::Duration;

use holdfast_core::hold::{Fact, Finality, Finding, RecordedOutcome, ReleaseCause, Subject, ToldEvent};
use holdfast_core::{AuthorizationRequest, DeclineReason, PaymentRef, Posting};

use super::*;
use crate::ledger::Act;

/// The payment of this transaction, asked about under the key `k`.
fn of(transaction: &str) -> PaymentRef {
    payment("k").with_alias(id(transaction))
}

fn asks(transaction: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { payment: of(transaction), ..purchase("k", minor) }
}

/// What the platform says of a transaction's question.
fn word(transaction: &str, state: &str, outcome: RecordedOutcome) -> ToldEvent {
    let fact = Fact::Recorded { payment: of(transaction), asked: id("k"), increments: None, outcome };
    message(&format!("{transaction}/authorization/{state}"), fact)
}

fn message(key: &str, fact: Fact) -> ToldEvent {
    told_of(Subject { card: Some(id("c")), ..Subject::default() }, key, fact)
}

fn cleared(transaction: &str, minor: i64) -> ToldEvent {
    let fact = Fact::Captured { payment: Some(of(transaction)), amount: usd(minor), finality: Finality::Final };
    message(&format!("{transaction}-cleared/authorization.clearing/COMPLETION"), fact)
}

fn said_of(house: &House, event: ToldEvent) -> Option<Finding> {
    found(house.act(Act::Tell(origin(), event)))
}

const STOOD_IN: fn(i64) -> RecordedOutcome =
    |minor| RecordedOutcome::ApprovedByStandIn { amount: usd(minor), posting: Posting::Hold };

/// An account of 1,000 of which 700 are held for the one transaction; the other one was refused.
fn two_asked(engine: &dyn Engine) -> House {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(asks("one", 700)), approved(700));
    assert_eq!(house.decide(asks("other", 700)), declined(DeclineReason::ConflictingDuplicate));
    house
}

pub fn a_refused_transaction_undoes_nothing_of_the_one_that_was_approved_under_its_key(engine: &dyn Engine) {
    let mut house = two_asked(engine);
    for state in ["DECLINED", "ERROR"] {
        said_of(&house, word("other", state, RecordedOutcome::Declined));
        house.always(|house| {
            assert_eq!(house.balance(), (1_000, 700), "{state}");
            assert_eq!(house.decide(asks("one", 700)), again(approved(700)), "{state}");
        });
    }
    assert_eq!(said_of(&house, cleared("one", 700)), None);
    house.always(|house| assert_eq!(house.balance(), (300, 0)));
}

pub fn what_is_said_of_the_approved_transaction_counts_after_a_word_on_the_refused_one(engine: &dyn Engine) {
    let mut house = two_asked(engine);
    said_of(&house, word("other", "DECLINED", RecordedOutcome::Declined));
    said_of(&house, word("one", "DECLINED", RecordedOutcome::Declined));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 0));
        assert_eq!(house.decide(asks("one", 700)), again(declined(DeclineReason::TransactionNotPermitted)));
    });
}

pub fn what_stand_in_approved_under_anothers_key_is_a_payment_of_its_own(engine: &dyn Engine) {
    let mut house = two_asked(engine);
    said_of(&house, word("other", "PENDING", STOOD_IN(200)));
    house.always(|house| assert_eq!(house.balance(), (1_000, 900)));
    // Every later message has both names, and leaves them two.
    said_of(&house, word("one", "PENDING", RecordedOutcome::Approved { amount: usd(700) }));
    said_of(&house, word("other", "PENDING again", STOOD_IN(250)));
    house.always(|house| assert_eq!(house.balance(), (1_000, 950)));
    assert_eq!(said_of(&house, cleared("other", 250)), None);
    house.always(|house| assert_eq!(house.balance(), (750, 700)));
    assert_eq!(said_of(&house, cleared("one", 700)), None);
    house.always(|house| {
        assert_eq!(house.balance(), (50, 0));
        assert_eq!(house.decide(asks("one", 700)), again(approved(700)));
    });
}

pub fn a_transaction_that_is_over_is_not_what_is_told_of_another_under_its_key(engine: &dyn Engine) {
    for is_old in [false, true] {
        let mut house = two_asked(engine);
        let released = |transaction: &str| {
            let fact = Fact::Released { payment: of(transaction), cause: ReleaseCause::Reversed };
            message(&format!("{transaction}-reversed/authorization.reversal/PENDING"), fact)
        };
        assert_eq!(said_of(&house, released("one")), None);
        if is_old {
            house.premises().age(Duration::from_secs(40 * 86_400));
        }
        said_of(&house, word("other", "PENDING", STOOD_IN(200)));
        house.always(|house| assert_eq!(house.balance(), (1_000, 200), "{is_old}"));
        // The key may be the other one's by now: the first one is known by its transaction.
        assert_eq!(said_of(&house, cleared("one", 700)), Some(Finding::CapturedAfterEnd), "{is_old}");
        house.always(|house| assert_eq!(house.balance(), (300, 200), "{is_old}"));
        assert_eq!(said_of(&house, released("other")), None, "{is_old}");
        house.always(|house| assert_eq!(house.balance(), (300, 0), "{is_old}"));
    }
}

pub fn a_refused_transaction_leaves_the_answer_to_one_that_was_declined(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let refused = declined(DeclineReason::InsufficientFunds);
    assert_eq!(house.decide(asks("one", 1_001)), refused);
    said_of(&house, word("one", "DECLINED", RecordedOutcome::Declined));
    said_of(&house, word("other", "PENDING", STOOD_IN(200)));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 200));
        assert_eq!(house.decide(asks("one", 1_001)), again(refused));
    });
}

//! Names that meet late: what was told under several names of a payment is one payment as soon as a message says so, whichever came
//! first.

use std::time::Duration;

use holdfast_core::hold::{Fact, Finality, Finding, MovementCause, RecordedOutcome, ReleaseCause, Subject, ToldEvent};
use holdfast_core::rules::{HoldPolicy, Window};
use holdfast_core::{AuthorizationRequest, DeclineReason, PaymentRef, Posting, Timestamp};

use super::*;
use crate::ledger::{Act, Decide, Looked};

/// A question of the payment `p`, which its messages call `tx`.
fn opening(minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { payment: payment("p").with_alias(id("tx")), ..purchase("p", minor) }
}

/// What the message of this token says of the payment that another one is about, at so many seconds.
fn message(token: &str, seconds: u64, fact: Fact) -> ToldEvent {
    let subject = Subject { card: Some(id("c")), ..Subject::default() };
    let key = format!("{token}/authorization.advice/PENDING");
    ToldEvent { occurred_at: Some(later(seconds)), ..told_of(subject, &key, fact) }
}

/// Tells a message; what somebody should know about it.
fn said_of(house: &House, event: ToldEvent) -> Option<Finding> {
    found(house.act(Act::Tell(origin(), event)))
}

fn of(token: &str) -> PaymentRef {
    PaymentRef::by_alias(id(token))
}

fn total(token: &str, seconds: u64, before: &str, minor: i64) -> ToldEvent {
    message(token, seconds, Fact::Replaced { payment: of(before), total: usd(minor) })
}

fn clearing(token: &str, seconds: u64, before: &str, minor: i64, finality: Finality) -> ToldEvent {
    message(token, seconds, Fact::Captured { payment: Some(of(before)), amount: usd(minor), finality })
}

fn reversal(token: &str, seconds: u64, before: &str) -> ToldEvent {
    message(token, seconds, Fact::Released { payment: of(before), cause: ReleaseCause::Reversed })
}

/// Every order of so many things.
fn orders(of: usize) -> Vec<Vec<usize>> {
    let Some(last) = of.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| {
        (0..of).map(move |place| {
            let mut order = order.clone();
            order.insert(place, last);
            order
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

/// Has messages told in this order, each twice.
fn tell_in(house: &House, order: &[usize], messages: &[ToldEvent]) {
    for place in order {
        assert_ne!(said_of(house, messages[*place]), Some(Finding::HeardBefore));
        assert_eq!(said_of(house, messages[*place]), Some(Finding::HeardBefore));
    }
}

/// Each names the one before it only, as Marqeta's do.
pub fn messages_of_a_chain_end_the_same_in_every_order(engine: &dyn Engine) {
    let messages = [
        total("advice", 1, "tx", 300),
        total("second", 2, "advice", 250),
        clearing("clearing", 3, "second", 50, Finality::More),
        reversal("reversal", 4, "clearing"),
    ];
    for (number, order) in orders(messages.len()).into_iter().enumerate() {
        let mut house = House::with(engine, 1_000);
        assert_eq!(house.decide(opening(100)), approved(100));
        let (first, rest) = order.split_at(number % messages.len());
        tell_in(&house, first, &messages);
        if number % 2 == 0 {
            house.restart();
        } else {
            house.end(End::Crash);
        }
        tell_in(&house, rest, &messages);
        assert_eq!(house.balance(), (950, 0), "{order:?}");
        let refund = message(
            "refund",
            5,
            Fact::Credited { payment: Some(of("reversal")), amount: usd(20), cause: MovementCause::NetworkSettlement },
        );
        assert_eq!(said_of(&house, refund), None, "{order:?}");
        if number % 6 == 0 {
            house.always(|house| assert_eq!(house.balance(), (970, 0), "{order:?}"));
        }
    }
}

/// The whole of it may come before we are asked, where the platform stood in for us.
pub fn a_payment_that_nobody_asked_about_is_one_in_every_order(engine: &dyn Engine) {
    let outcome = RecordedOutcome::ApprovedByStandIn { amount: usd(100), posting: Posting::Hold };
    let recorded = Fact::Recorded { payment: payment("p").with_alias(id("tx")), asked: id("p"), increments: None, outcome };
    let more = RecordedOutcome::ApprovedByStandIn { amount: usd(40), posting: Posting::Hold };
    let increment = Fact::Recorded {
        payment: payment("more").with_alias(id("more-tx")),
        asked: id("more"),
        increments: Some(of("tx")),
        outcome: more,
    };
    let messages =
        [message("tx", 0, recorded), message("more-tx", 1, increment), clearing("clearing", 2, "more-tx", 120, Finality::Final)];
    for order in orders(messages.len()) {
        let mut house = House::with(engine, 1_000);
        tell_in(&house, &order, &messages);
        house.always(|house| assert_eq!(house.balance(), (880, 0), "{order:?}"));
    }
}

/// What stand-in approved to be added comes to the ledger whenever that is back: after what names only the increment, before anything
/// names the payment. Whatever ends the payment then ends it, too.
pub fn what_stand_in_added_is_one_with_its_payment_in_every_order(engine: &dyn Engine) {
    let own = payment("more").with_alias(id("more-tx"));
    let adds = AuthorizationRequest { payment: own, increments: Some(of("tx")), ..increment("more", "p", 40) };
    let outcome = RecordedOutcome::ApprovedByStandIn { amount: usd(100), posting: Posting::Hold };
    let recorded = Fact::Recorded { payment: payment("p").with_alias(id("tx")), asked: id("p"), increments: None, outcome };
    for order in orders(3) {
        let mut house = House::with(engine, 1_000);
        for which in &order {
            let found = match which {
                0 => said_of(&house, message("tx", 0, recorded)),
                1 => house.adopt(adds, yes(40)),
                _ => said_of(&house, clearing("clearing", 2, "more-tx", 30, Finality::More)),
            };
            assert_ne!(found, Some(Finding::Conflict), "{order:?}");
            house.restart();
        }
        house.always(|house| {
            assert_eq!(house.balance(), (970, 110), "{order:?}");
            assert_eq!(house.decide(adds), again(approved(40)), "{order:?}");
        });
        assert_eq!(said_of(&house, reversal("reversal", 3, "tx")), None, "{order:?}");
        house.always(|house| assert_eq!(house.balance(), (970, 0), "{order:?}"));
    }
}

/// The same, where memory has let go of what names only the increment.
pub fn what_stand_in_added_long_after_its_clearing_is_one_with_it(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(said_of(&house, clearing("clearing", 2, "more-tx", 30, Finality::More)), Some(Finding::ForcePosted));
    house.premises().age(Duration::from_secs(40 * 86_400));
    let own = payment("more").with_alias(id("more-tx"));
    let adds = AuthorizationRequest { payment: own, increments: Some(of("tx")), ..increment("more", "p", 40) };
    assert_eq!(house.adopt(adds, yes(40)), None);
    let Looked { hold, .. } = house.act(Act::Look(origin(), of("tx"), id("more"))).unwrap().into_looked().unwrap();
    assert_eq!(hold.map(|hold| hold.captured), Some(30), "one payment");
    house.always(|house| assert_eq!(house.balance().0, 970));
}

/// Another account's payment is none of what a card asked for, whatever it is called.
pub fn what_stand_in_added_goes_to_no_other_account(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![account("b", 500), card("d", "b", None)]).unwrap();
    let subject = Subject { card: Some(id("d")), ..Subject::default() };
    let force_post = Fact::Captured { payment: Some(of("more-tx")), amount: usd(120), finality: Finality::Final };
    assert_eq!(said_of(&house, told_of(subject, "theirs", force_post)), Some(Finding::ForcePosted));
    let own = payment("more").with_alias(id("more-tx"));
    let adds = AuthorizationRequest { payment: own, ..increment("more", "p", 40) };
    assert_eq!(house.adopt(adds, yes(40)), None);
    house.always(|house| {
        let everyone = house.everyone();
        assert_eq!(everyone, [("a".to_owned(), 1_000, 40), ("b".to_owned(), 380, 0)]);
    });
}

pub fn what_was_told_long_ago_under_another_name_is_joined(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(said_of(&house, clearing("clearing", 3, "more", 70, Finality::Final)), Some(Finding::ForcePosted));
    house.premises().age(Duration::from_secs(40 * 86_400));
    // A hold that waits for a month, whichever clock has run on.
    let policy = HoldPolicy { safety_timer_seconds: 400 * 86_400, ..HoldPolicy::PLAIN };
    let request = opening(100);
    let asked = Decide { verdict: proceed(&request, &[], policy), ..asked(request) };
    assert_eq!(said(house.act(Act::Decide(asked))), approved(100));
    assert_eq!(house.balance(), (930, 100));
    assert_eq!(said_of(&house, total("more", 2, "tx", 90)), None);
    house.always(|house| assert_eq!(house.balance(), (930, 0)));
    assert_eq!(said_of(&house, clearing("clearing", 3, "more", 70, Finality::Final)), Some(Finding::HeardBefore));
}

/// The payment that a message names is not known, and what came before under the message's own name is long ago: they are one.
pub fn what_was_told_long_ago_under_a_messages_own_name_is_its_payment(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let force_post = clearing("clearing", 3, "more", 70, Finality::Final);
    assert_eq!(said_of(&house, force_post), Some(Finding::ForcePosted));
    house.premises().age(Duration::from_secs(40 * 86_400));
    assert_eq!(said_of(&house, total("more", 2, "tx", 70)), None);
    house.always(|house| assert_eq!(house.balance(), (930, 0)));
    assert_eq!(house.decide(opening(70)), approved(70));
    house.always(|house| {
        assert_eq!(house.balance(), (930, 0), "it was captured");
        assert_eq!(said_of(house, force_post), Some(Finding::HeardBefore));
    });
}

/// What came under either name is long ago, when a message has both.
pub fn what_was_told_long_ago_under_both_names_is_joined(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(AuthorizationRequest { posting: Posting::Immediate, ..purchase("p", 100) }), approved(100));
    assert_eq!(said_of(&house, clearing("tx", 3, "tx", 100, Finality::Final)), Some(Finding::ForcePosted));
    assert_eq!(house.balance(), (800, 0));
    house.premises().age(Duration::from_secs(40 * 86_400));
    let outcome = RecordedOutcome::Approved { amount: usd(100) };
    let recorded = Fact::Recorded { payment: payment("p").with_alias(id("tx")), asked: id("p"), increments: None, outcome };
    assert_eq!(said_of(&house, message("recorded", 1, recorded)), None);
    house.always(|house| assert_eq!(house.balance(), (900, 0)));
}

/// What a limit counted comes back to it by what was told under another name.
pub fn a_join_gives_back_to_limits(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(said_of(&house, reversal("reversal", 2, "advice")), Some(Finding::PaymentUnknown));
    let window = Window::Since(Timestamp::EPOCH);
    assert_eq!(said(house.act(Act::Decide(limited(opening(100), &[limit(window)])))), approved(100));
    let reached = limit_reached(DeclineReason::AmountLimitReached);
    assert_eq!(said(house.act(Act::Decide(limited(purchase("q", 60), &[limit(window)])))), reached);
    assert_eq!(said_of(&house, total("advice", 1, "tx", 80)), None);
    house.always(|house| assert_eq!(house.balance(), (1_000, 0)));
    assert_eq!(said(house.act(Act::Decide(limited(purchase("r", 100), &[limit(window)])))), approved(100));
}

/// A single message that was debited at once, and whose completion came under another name, is debited once.
pub fn what_was_debited_at_once_is_captured_once_under_another_name(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(AuthorizationRequest { posting: Posting::Immediate, ..opening(100) }), approved(100));
    assert_eq!(said_of(&house, clearing("clearing", 3, "advice", 100, Finality::Final)), Some(Finding::ForcePosted));
    house.always(|house| assert_eq!(house.balance(), (800, 0)));
    assert_eq!(said_of(&house, total("advice", 2, "tx", 100)), None);
    house.always(|house| assert_eq!(house.balance(), (900, 0)));
}

/// A payment that was asked about under two keys is called by either, by whatever follows; one that was refused gives it no name.
pub fn a_payment_is_known_by_every_question_that_was_told_yes(engine: &dyn Engine) {
    let asked_by = |key: &str, minor| AuthorizationRequest { payment: payment(key).with_alias(id("tx")), ..purchase(key, minor) };
    let ends = [
        (captured("q", 150, Finality::Final), (850, 0)),
        (released("q"), (1_000, 0)),
        (Fact::Released { payment: payment("q"), cause: ReleaseCause::Expired }, (1_000, 0)),
    ];
    for (end, balance) in ends {
        for is_adopted in [false, true] {
            let mut house = House::with(engine, 1_000);
            assert_eq!(house.decide(opening(100)), approved(100));
            if is_adopted {
                house.adopt(asked_by("q", 100), yes(100));
            } else {
                assert_eq!(house.decide(asked_by("q", 100)), approved(100));
            }
            assert_eq!(house.decide(asked_by("r", 101)), declined(DeclineReason::ConflictingDuplicate));
            house.restart();
            assert_eq!(house.decide(increment("more", "q", 50)), approved(50));
            house.always(|house| assert_eq!(house.balance(), (1_000, 150)));
            assert_eq!(said_of(&house, told("end", end)), None, "{end:?}");
            house.always(|house| assert_eq!(house.balance(), balance, "{end:?}"));
            assert_eq!(said_of(&house, told("refused", captured("r", 10, Finality::Final))), Some(Finding::ForcePosted));
        }
    }
}

/// So is an increment.
pub fn a_payment_is_known_by_every_question_of_its_increments(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(opening(100)), approved(100));
    for key in ["1", "2"] {
        let more = AuthorizationRequest { payment: payment(key).with_alias(id("more-tx")), ..increment(key, "p", 50) };
        assert_eq!(house.decide(more), approved(50));
    }
    house.end(End::Crash);
    assert_eq!(said_of(&house, told("clearing", captured("2", 150, Finality::Final))), None);
    house.always(|house| assert_eq!(house.balance(), (850, 0)));
}

pub fn what_is_long_over_is_known_by_every_question_that_was_told_yes(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(opening(100)), approved(100));
    let second = AuthorizationRequest { payment: payment("q").with_alias(id("tx")), ..purchase("q", 100) };
    assert_eq!(house.decide(second), approved(100));
    assert_eq!(said_of(&house, told("end", released("p"))), None);
    house.premises().age(Duration::from_secs(40 * 86_400));
    assert_eq!(said_of(&house, told("late", captured("q", 30, Finality::Final))), Some(Finding::CapturedAfterEnd));
    house.always(|house| assert_eq!(house.balance(), (970, 0)));
}

/// What we approved twice was two payments to us, whatever a message calls them: neither takes the other's money.
pub fn two_payments_that_were_both_approved_stay_two(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(opening(100)), approved(100));
    let other = AuthorizationRequest { payment: payment("q").with_alias(id("other")), ..purchase("q", 50) };
    assert_eq!(house.decide(other), approved(50));
    assert_eq!(said_of(&house, total("other", 2, "tx", 120)), None);
    house.always(|house| assert_eq!(house.balance(), (1_000, 170)));
}

/// Another account's payment is another payment.
pub fn a_join_never_moves_money_between_accounts(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert!(house.enter(vec![account("b", 500), card("d", "b", Some("i"))]).is_ok());
    let of_b = |key: &str, fact| {
        let subject = Subject { card: Some(id("d")), ..Subject::default() };
        told_of(subject, &format!("{key}/authorization.clearing/COMPLETION"), fact)
    };
    let captured = Fact::Captured { payment: Some(of("advice")), amount: usd(30), finality: Finality::Final };
    assert_eq!(said_of(&house, of_b("clearing", captured)), Some(Finding::ForcePosted));
    assert_eq!(house.decide(opening(100)), approved(100));
    assert_eq!(said_of(&house, total("advice", 2, "tx", 80)), None);
    house.always(|house| assert_eq!((house.balance(), house.balance_of("b")), ((1_000, 80), (470, 0))));
}

//! What is old: a payment is found by its name, and a key is known, however long ago that was.

use std::time::Duration;

use holdfast_core::hold::{Fact, Finality, Finding, Order};
use holdfast_core::rules::HoldPolicy;
use holdfast_core::{AuthorizationRequest, Expiry, PaymentRef};

use super::*;
use crate::ledger::{Act, Decide, Ordering};

/// Longer than memory keeps anything, and than a platform sends anything again.
const LONG_AGO: Duration = Duration::from_secs(40 * 86_400);

fn ours(key: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { expiry: Expiry::Ours, ..purchase(key, minor) }
}

/// A house with a payment of ours of that name that was captured, of 400 from so much.
fn with_ended(engine: &dyn Engine, balance: i64, name: &str) -> House {
    let house = House::with(engine, balance);
    assert_eq!(house.decide(ours(name, 400)), approved(400));
    assert_eq!(house.order("capture", name, capture(400, Finality::Final)), approved(400));
    house
}

pub fn an_old_payment_that_is_asked_under_its_name_again_is_that_payment(engine: &dyn Engine) {
    let mut house = with_ended(engine, 1_000, "p");
    house.premises().age(LONG_AGO);
    let request = AuthorizationRequest { payment: payment("p"), ..ours("another key", 100) };
    // For so long that it is still held, whichever clock has run on.
    let policy = HoldPolicy { lifetime_seconds: 400 * 86_400, ..HoldPolicy::PLAIN };
    let asked = Decide { verdict: proceed(&request, &[], policy), ..asked(request) };
    assert_eq!(said(house.act(Act::Decide(asked))), approved(100));
    house.always(|house| assert_eq!(house.balance(), (600, 100)));
    assert_eq!(house.order("refund", "p", refund(400)), approved(400), "what was captured long ago is still its own");
    house.always(|house| assert_eq!(house.balance(), (1_000, 100)));
}

pub fn an_old_payment_is_found_by_what_its_messages_are_called(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("p", 400)), approved(400));
    assert_eq!(house.tell("clearing/authorization.clearing/COMPLETION", captured("p", 400, Finality::Final)), None);
    house.premises().age(LONG_AGO);
    let payment = Some(PaymentRef::by_alias(id("clearing")));
    let again = Fact::Captured { payment, amount: usd(100), finality: Finality::Final };
    assert_eq!(house.tell("second/authorization.clearing/COMPLETION", again), Some(Finding::CapturedAboveAuthorized));
    house.always(|house| assert_eq!(house.balance(), (500, 0)));
}

pub fn an_old_key_hears_the_same(engine: &dyn Engine) {
    let mut house = with_ended(engine, 1_000, "p");
    assert_eq!(house.decide(purchase("no", 5_000)), declined(NO_FUNDS));
    house.tell("a load", load(5_000));
    house.premises().age(LONG_AGO);
    house.always(|house| {
        assert_eq!(house.decide(ours("p", 400)), again(approved(400)));
        assert_eq!(house.decide(purchase("no", 5_000)), again(declined(NO_FUNDS)));
        assert_eq!(house.order("capture", "p", capture(400, Finality::Final)), again(approved(400)));
        assert_eq!(house.balance(), (5_600, 0));
    });
}

pub fn an_old_message_is_applied_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("p", 400)), approved(400));
    assert_eq!(house.tell("a capture", captured("p", 400, Finality::Final)), None);
    assert_eq!(house.tell("a load", load(50)), None);
    house.premises().age(LONG_AGO);
    house.always(|house| {
        assert_eq!(house.tell("a load", load(50)), Some(Finding::HeardBefore));
        assert_eq!(house.tell("a capture", captured("p", 400, Finality::Final)), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (650, 0));
    });
}

pub fn an_old_message_that_says_something_else_is_a_conflict(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.tell("a load", load(50)), None);
    house.premises().age(LONG_AGO);
    house.always(|house| {
        assert_eq!(house.tell("a load", load(51)), Some(Finding::Conflict));
        assert_eq!(house.tell("a load", load(50)), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (1_050, 0));
    });
}

pub fn an_order_by_number_is_about_that_payment_whoever_has_its_name(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert!(house.enter(vec![account("b", 1_000), card("d", "b", Some("i"))]).is_ok());
    assert_eq!(house.decide(ours("p", 700)), approved(700));
    let other = AuthorizationRequest { payment: payment("p"), ..with_card("d", ours("another key", 200)) };
    assert_eq!(house.decide(other), approved(200));
    let (first, second) = (house.premises().hold_number(1), house.premises().hold_number(2));
    let release = |house: &House, key: &str, hold| {
        let ordering = Ordering { hold: Some(hold), ..ordered(key, "p", Order::Release) };
        said(house.act(Act::Order(origin(), ordering)))
    };
    assert_eq!(release(&house, "release the second", second), approved(0));
    house.always(|house| assert_eq!((house.balance(), house.balance_of("b")), ((1_000, 700), (1_000, 0))));
    assert_eq!(release(&house, "release the first", first), approved(0));
    house.always(|house| assert_eq!((house.balance(), house.balance_of("b")), ((1_000, 0), (1_000, 0))));
}

//! Orders: what a program has done with a payment whose life is its own to lead, and why it may not.

use holdfast_adapters::payment::KeyIs;
use holdfast_core::hold::{Finality, Order};
use holdfast_core::rules::HoldPolicy;
use holdfast_core::{AuthorizationRequest, DeclineReason, Expiry, Posting};

use super::*;
use crate::ledger::{Act, Decide, Ordering};

/// A house with a payment of ours of 600 from 1000.
fn with_payment(engine: &dyn Engine) -> House {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(ours("p", 600)), approved(600));
    house
}

fn ours(key: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest { expiry: Expiry::Ours, ..purchase(key, minor) }
}

pub fn a_payment_of_ours_is_captured_released_and_refunded(engine: &dyn Engine) {
    let mut house = with_payment(engine);
    assert_eq!(house.order("1", "p", capture(200, Finality::More)), approved(200));
    house.always(|house| assert_eq!(house.balance(), (800, 400)));
    assert_eq!(house.order("2", "p", refund(50)), approved(50));
    house.always(|house| assert_eq!(house.balance(), (850, 400)));
    assert_eq!(house.order("3", "p", capture(300, Finality::Final)), approved(300));
    house.always(|house| assert_eq!(house.balance(), (550, 0)));
    assert_eq!(house.order("4", "p", refund(450)), approved(450));
    house.decide(ours("q", 100));
    assert_eq!(house.order("5", "q", Order::Release), approved(0));
    house.always(|house| assert_eq!(house.balance(), (1_000, 0)));
}

pub fn a_tolerance_is_captured_without_a_word(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let (request, policy) = (ours("p", 500), HoldPolicy { tolerance: 100, ..HoldPolicy::PLAIN });
    said(house.act(Act::Decide(Decide { verdict: proceed(&request, &[], policy), ..asked(request) })));
    house.restart();
    assert_eq!(house.order("1", "p", capture(601, Finality::Final)), declined(DeclineReason::CaptureAboveAuthorized));
    assert_eq!(house.order("2", "p", capture(600, Finality::Final)), approved(600));
    assert_eq!(house.balance(), (400, 0));
}

pub fn every_refusal_says_why_and_moves_nothing(engine: &dyn Engine) {
    let mut house = with_payment(engine);
    let refused = |house: &House, orders: &[(&str, Order, DeclineReason)]| {
        let before = house.balance();
        for (number, (payment, order, reason)) in orders.iter().enumerate() {
            let key = format!("{number}-{}-{}", payment, reason.name());
            assert_eq!(house.order(&key, payment, *order), declined(*reason), "{order:?}");
        }
        assert_eq!(house.balance(), before);
    };
    refused(
        &house,
        &[
            ("unknown", capture(1, Finality::More), DeclineReason::AuthorizationUnknown),
            ("unknown", Order::Release, DeclineReason::AuthorizationUnknown),
            ("unknown", refund(1), DeclineReason::AuthorizationUnknown),
            ("p", Order::Capture { amount: eur(1), finality: Finality::More }, DeclineReason::CurrencyNotAllowed),
            ("p", Order::Refund { amount: eur(1) }, DeclineReason::CurrencyNotAllowed),
            ("p", capture(0, Finality::More), DeclineReason::AmountBelowMinimum),
            ("p", capture(-1, Finality::Final), DeclineReason::AmountBelowMinimum),
            ("p", capture(601, Finality::Final), DeclineReason::CaptureAboveAuthorized),
            ("p", capture(i64::MAX, Finality::Final), DeclineReason::CaptureAboveAuthorized),
            ("p", refund(0), DeclineReason::AmountBelowMinimum),
            ("p", refund(1), DeclineReason::RefundAboveCaptured),
        ],
    );
    assert_eq!(house.order("nothing more", "p", capture(0, Finality::Final)), approved(0), "a release that says so");
    house.always(|house| assert_eq!(house.balance(), (1_000, 0)));
    refused(
        &house,
        &[
            ("p", capture(1, Finality::More), DeclineReason::AuthorizationOver),
            ("p", Order::Release, DeclineReason::AuthorizationOver),
            ("p", refund(1), DeclineReason::RefundAboveCaptured),
        ],
    );
}

pub fn an_order_is_carried_out_once(engine: &dyn Engine) {
    let mut house = with_payment(engine);
    let order = || Act::Order(origin(), ordered("1", "p", capture(200, Finality::More)));
    let answers: Vec<_> = house.act_at_once((0..10).map(|_| order())).into_iter().map(said).collect();
    assert_eq!((answers[0], &answers[1..]), (approved(200), vec![again(approved(200)); 9].as_slice()));
    house.always(|house| {
        assert_eq!(said(house.act(order())), again(approved(200)));
        assert_eq!(house.order("1", "p", capture(201, Finality::More)), declined(DeclineReason::ConflictingDuplicate));
        assert_eq!(house.order("1", "q", capture(200, Finality::More)), declined(DeclineReason::ConflictingDuplicate));
        assert_eq!(house.balance(), (800, 400));
    });
}

pub fn a_refusal_is_remembered(engine: &dyn Engine) {
    let mut house = with_payment(engine);
    assert_eq!(house.order("1", "p", refund(100)), declined(DeclineReason::RefundAboveCaptured));
    assert_eq!(house.order("2", "p", capture(100, Finality::More)), approved(100));
    house.always(|house| {
        assert_eq!(house.order("1", "p", refund(100)), again(declined(DeclineReason::RefundAboveCaptured)));
        assert_eq!(house.balance(), (900, 500));
    });
}

/// A key that was made of the order itself says nothing of when it was given: what was not allowed then may be now.
pub fn a_refusal_is_forgotten_under_a_key_that_nobody_chose(engine: &dyn Engine) {
    let mut house = with_payment(engine);
    let refund = || Act::Order(origin(), Ordering { key_is: KeyIs::OfContent, ..ordered("1", "p", refund(100)) });
    assert_eq!(said(house.act(refund())), declined(DeclineReason::RefundAboveCaptured));
    assert_eq!(house.order("2", "p", capture(100, Finality::More)), approved(100));
    assert_eq!(said(house.act(refund())), approved(100));
    house.always(|house| {
        assert_eq!(said(house.act(refund())), again(approved(100)), "done once");
        assert_eq!(house.balance(), (1_000, 500));
    });
}

pub fn a_key_that_was_a_question_is_no_order(engine: &dyn Engine) {
    let mut house = with_payment(engine);
    house.always(|house| {
        assert_eq!(house.order("p", "p", capture(100, Finality::More)), declined(DeclineReason::ConflictingDuplicate));
        assert_eq!(house.balance(), (1_000, 600));
    });
}

pub fn what_was_debited_at_once_is_given_back_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(AuthorizationRequest { posting: Posting::Immediate, ..ours("p", 600) }), approved(600));
    house.always(|house| assert_eq!(house.balance(), (400, 0)));
    assert_eq!(house.order("1", "p", refund(601)), declined(DeclineReason::RefundAboveCaptured));
    assert_eq!(house.order("2", "p", refund(250)), approved(250));
    house.always(|house| assert_eq!(house.balance(), (650, 0)));
    assert_eq!(house.order("3", "p", refund(351)), declined(DeclineReason::RefundAboveCaptured));
    assert_eq!(house.order("4", "p", Order::Release), declined(DeclineReason::RefundAboveCaptured));
    assert_eq!(house.order("5", "p", capture(249, Finality::Final)), declined(DeclineReason::RefundAboveCaptured));
    house.always(|house| assert_eq!(house.balance(), (650, 0)));
    assert_eq!(house.order("6", "p", capture(600, Finality::Final)), approved(600));
    assert_eq!(house.order("7", "p", refund(350)), approved(350));
    house.always(|house| assert_eq!(house.balance(), (1_000, 0)));
}

//! An increment that the platform tells of one payment, and asks or tells of another: it is one amount, and is held once, with the payment
//! for which we approved it, or else with the one that the platform's last word names. What came first does not matter.

use std::time::Duration;

use holdfast_core::hold::{CardStatus, Fact, Finding, RecordedOutcome, ReleaseCause, Subject, ToldEvent};
use holdfast_core::rules::Verdict;
use holdfast_core::{AuthorizationRequest, Decision, DeclineReason, PaymentRef};

use super::beside::*;
use super::*;
use crate::ledger::{Act, Decide};

/// Nobody had asked, and it was approved.
const OVER_OURS: Option<Finding> = Some(Finding::AdoptedOverOurs);

const NOT_PERMITTED: DeclineReason = DeclineReason::TransactionNotPermitted;

/// An account of 1,000 of which 50 are held for the transaction `t`, and 70 for `u`.
fn two_open(engine: &dyn Engine) -> House {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(asks("t", 50)), approved(50));
    assert_eq!(house.decide(asks("u", 70)), approved(70));
    house
}

/// The same, of which the platform says that `s` added 40 to `u`.
fn one_told(engine: &dyn Engine) -> House {
    let house = two_open(engine);
    assert_eq!(said_of(&house, adds_to("u", APPROVED(40))), OVER_OURS);
    assert_eq!(house.balance(), (1_000, 160));
    house
}

/// `s` is a payment of its own, as its question says.
fn own() -> AuthorizationRequest {
    asks("s", 40)
}

/// A question of `s`, and the payment that it is with then.
type AskedOf = (fn() -> AuthorizationRequest, &'static str);

/// It adds to `t`, or opens a payment.
const ASKED: [AskedOf; 2] = [(adding, "t"), (own, "s")];

/// All that is held of each payment once it was asked so.
fn in_all(transaction: &str, goes_to: &str) -> i64 {
    let own = match transaction {
        "t" => 50,
        "u" => 70,
        _ => 0,
    };
    if transaction == goes_to { own + 40 } else { own }
}

fn for_so_much(minor: i64, request: AuthorizationRequest) -> AuthorizationRequest {
    AuthorizationRequest { amount: usd(minor), ..request }
}

fn reversed(transaction: &str) -> ToldEvent {
    let fact = Fact::Released { payment: of(transaction), cause: ReleaseCause::Reversed };
    message(&format!("{transaction}-reversed"), 10, fact)
}

/// Another message that says so of `s`.
fn says_so_too(token: &str, transaction: &str) -> ToldEvent {
    let fact = Fact::Recorded { payment: of("s"), asked: id("jit-s"), increments: Some(of(transaction)), outcome: APPROVED(40) };
    message(token, 3, fact)
}

pub fn what_was_told_to_add_is_held_once_whatever_its_question_names(engine: &dyn Engine) {
    for said in ["t", "u"] {
        for (ask, goes_to) in ASKED {
            for is_old in [false, true] {
                let mut house = two_open(engine);
                assert_eq!(said_of(&house, adds_to(said, APPROVED(40))), OVER_OURS);
                if is_old {
                    house.premises().age(Duration::from_secs(3 * 86_400));
                }
                assert_eq!(house.decide(ask()), approved(40), "{said}");
                house.always(|house| {
                    assert_eq!(house.balance(), (1_000, 160), "{said}");
                    assert_eq!(house.decide(ask()), again(approved(40)), "{said}");
                    assert_eq!(said_of(house, adds_to(said, APPROVED(40))), Some(Finding::HeardBefore));
                    assert_eq!(house.balance(), (1_000, 160), "{said}");
                });
                // What follows on each is about what that has, and no more.
                let mut left = 160;
                for transaction in ["u", "t", "s"] {
                    let all = in_all(transaction, goes_to);
                    if all > 0 {
                        assert_eq!(said_of(&house, cleared(transaction, all)), None, "{said} {transaction}");
                        left -= all;
                        house.always(|house| assert_eq!(house.balance(), (840 + left, left), "{said} {transaction}"));
                    }
                }
                assert_eq!(left, 0);
            }
        }
    }
}

pub fn what_was_told_to_add_is_released_with_what_its_question_names(engine: &dyn Engine) {
    for (ask, goes_to) in ASKED {
        let mut house = one_told(engine);
        assert_eq!(house.decide(ask()), approved(40));
        assert_eq!(said_of(&house, reversed("u")), None);
        house.always(|house| assert_eq!(house.balance(), (1_000, 90)));
        assert_eq!(said_of(&house, reversed(goes_to)), None);
        house.always(|house| {
            assert_eq!(house.balance(), (1_000, 90 - in_all(goes_to, goes_to)));
            assert_eq!(house.decide(ask()), again(approved(40)), "as it was answered");
            assert_eq!(house.balance(), (1_000, 90 - in_all(goes_to, goes_to)));
        });
    }
}

pub fn what_was_recorded_is_held_whatever_amount_is_asked(engine: &dyn Engine) {
    for (ask, _) in ASKED {
        for (asked, answer) in [(55, 40), (30, 30)] {
            let mut house = one_told(engine);
            assert_eq!(house.decide(for_so_much(asked, ask())), approved(answer));
            house.always(|house| {
                assert_eq!(house.balance(), (1_000, 160));
                assert_eq!(house.decide(for_so_much(asked, ask())), again(approved(answer)));
            });
        }
        let mut house = one_told(engine);
        let foreign = AuthorizationRequest { amount: eur(40), ..ask() };
        assert_eq!(house.decide(foreign), declined(DeclineReason::CurrencyNotAllowed));
        house.always(|house| assert_eq!(house.balance(), (1_000, 160)));
    }
}

/// It is held already, and the platform says that it was approved.
pub fn what_was_told_to_add_is_declined_for_no_reason_of_ours(engine: &dyn Engine) {
    let refused = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: id("rule") };
    for (ask, _) in ASKED {
        let mut house = one_told(engine);
        assert_eq!(said(house.act(Act::Decide(Decide { verdict: refused.clone(), ..asked(ask()) }))), approved(40));
        house.always(|house| assert_eq!(house.balance(), (1_000, 160)));
        // With nothing left.
        let mut house = one_told(engine);
        assert_eq!(house.decide(purchase("rest", 840)), approved(840));
        assert_eq!(house.decide(ask()), approved(40));
        house.always(|house| assert_eq!(house.balance(), (1_000, 1_000)));
        let mut house = one_told(engine);
        house.tell("frozen", card_is("c", CardStatus::Frozen));
        assert_eq!(house.decide(ask()), approved(40));
        house.always(|house| assert_eq!(house.balance(), (1_000, 160)));
    }
}

/// Declined by us, and told after that, it is held where it was told.
pub fn what_was_declined_and_then_told_to_add_elsewhere_is_held_there(engine: &dyn Engine) {
    let mut house = two_open(engine);
    assert_eq!(house.decide(for_so_much(5_000, adding())), declined(NO_FUNDS));
    assert_eq!(said_of(&house, adds_to("u", APPROVED(40))), OVER_OURS);
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 160));
        assert_eq!(house.decide(for_so_much(5_000, adding())), again(approved(40)));
    });
}

pub fn what_the_platform_declined_of_one_payment_is_held_on_no_other(engine: &dyn Engine) {
    for (ask, _) in ASKED {
        let mut house = two_open(engine);
        assert_eq!(said_of(&house, adds_to("u", RecordedOutcome::Declined)), None);
        assert_eq!(house.decide(ask()), declined(NOT_PERMITTED));
        house.always(|house| {
            assert_eq!(house.balance(), (1_000, 120));
            assert_eq!(house.decide(ask()), again(declined(NOT_PERMITTED)));
        });
    }
}

/// What was debited with the payment that it was told to add to was more than that had: it is held where it is asked, as if that had come
/// first.
pub fn what_was_captured_where_it_was_told_is_held_where_it_is_asked(engine: &dyn Engine) {
    for (ask, _) in ASKED {
        for is_old in [false, true] {
            let mut house = one_told(engine);
            assert_eq!(said_of(&house, cleared("u", 110)), None);
            if is_old {
                house.premises().age(Duration::from_secs(20 * 86_400));
            }
            assert_eq!(house.decide(ask()), approved(40), "{is_old}");
            house.always(|house| {
                assert_eq!(house.balance(), (890, 90), "{is_old}");
                assert_eq!(house.decide(ask()), again(approved(40)), "{is_old}");
            });
        }
    }
}

/// Where nothing of it is held or was debited, the question is one like any other.
pub fn what_is_over_where_it_was_told_is_decided_as_any(engine: &dyn Engine) {
    for (ends, posted) in [(reversed("u"), 1_000), (cleared("u", 70), 930)] {
        for (ask, of_t, is_old) in [(adding as fn() -> _, 90, false), (adding, 90, true), (own, 50, false), (own, 50, true)] {
            let mut house = one_told(engine);
            assert_eq!(said_of(&house, ends), None);
            if is_old {
                house.premises().age(Duration::from_secs(20 * 86_400));
            }
            assert_eq!(house.balance(), (posted, 50));
            assert_eq!(house.decide(for_so_much(2_000, increment("jit-x", "jit-t", 1))), declined(NO_FUNDS));
            assert_eq!(house.decide(ask()), approved(40));
            house.always(|house| {
                assert_eq!(house.balance(), (posted, 90), "{is_old}");
                assert_eq!(house.decide(ask()), again(approved(40)), "{is_old}");
                assert_eq!(said_of(house, adds_to("u", APPROVED(40))), Some(Finding::HeardBefore));
                assert_eq!(house.balance(), (posted, 90), "{is_old}");
            });
            assert_eq!(said_of(&house, cleared("t", of_t)), None);
            house.always(|house| assert_eq!(house.balance(), (posted - of_t, 90 - of_t), "{is_old}"));
        }
    }
}

/// Its payment goes on without it: the merchant gave it back. It was none of that, so that what was given back is of what that had.
pub fn what_was_taken_back_where_it_was_told_is_decided_as_any(engine: &dyn Engine) {
    let mut house = one_told(engine);
    assert_eq!(said_of(&house, message("less", 10, Fact::Reduced { payment: of("u"), by: usd(40), original: None })), None);
    assert_eq!(house.balance(), (1_000, 120));
    assert_eq!(house.decide(for_so_much(2_000, increment("jit-x", "jit-t", 1))), declined(NO_FUNDS));
    assert_eq!(house.decide(adding()), approved(40));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 120));
        assert_eq!(house.decide(adding()), again(approved(40)));
    });
    assert_eq!(said_of(&house, cleared("t", 90)), None);
    house.always(|house| assert_eq!(house.balance(), (910, 30)));
}

/// Other messages say of it what was said before, or that it adds to what its question names.
pub fn what_is_told_again_of_another_payment_is_held_once(engine: &dyn Engine) {
    for (ask, goes_to) in ASKED {
        let mut house = one_told(engine);
        assert_eq!(house.decide(ask()), approved(40));
        house.always(|house| {
            for (token, transaction) in [("s-too", "u"), ("s-three", "t")] {
                assert_ne!(said_of(house, says_so_too(token, transaction)), OVER_OURS, "{transaction}");
                assert_eq!(said_of(house, says_so_too(token, transaction)), Some(Finding::HeardBefore), "{transaction}");
                assert_eq!(house.balance(), (1_000, 160), "{transaction}");
            }
        });
        for transaction in ["t", "u", "s"].into_iter().filter(|transaction| in_all(transaction, goes_to) > 0) {
            assert_eq!(said_of(&house, cleared(transaction, in_all(transaction, goes_to))), None);
        }
        house.premises().age(Duration::from_secs(20 * 86_400));
        house.always(|house| {
            assert_eq!(said_of(house, says_so_too("s-three", "t")), Some(Finding::HeardBefore));
            assert_eq!(house.balance(), (840, 0));
        });
    }
    // Before anybody asked, too.
    let mut house = one_told(engine);
    assert_eq!(said_of(&house, says_so_too("s-three", "t")), None);
    assert_eq!(house.decide(adding()), approved(40));
    house.always(|house| assert_eq!(house.balance(), (1_000, 160)));
}

/// Stand-in's answer to it comes late.
pub fn what_was_told_to_add_and_is_adopted_is_held_once(engine: &dyn Engine) {
    for (ask, _) in ASKED {
        for told in [40, 60] {
            let mut house = one_told(engine);
            assert_eq!(house.adopt(for_so_much(told, ask()), yes(told)), None);
            house.always(|house| {
                assert_eq!(house.balance(), (1_000, 160), "{told}");
                assert_eq!(house.adopt(for_so_much(told, ask()), yes(told)), Some(Finding::HeardBefore), "{told}");
                assert_eq!(house.decide(for_so_much(told, ask())), again(approved(told)));
            });
            assert_eq!(said_of(&house, reversed("u")), None);
            house.always(|house| {
                assert_eq!(house.adopt(for_so_much(told, ask()), yes(told)), Some(Finding::HeardBefore), "{told}");
                assert_eq!(house.balance(), (1_000, 90), "{told}");
            });
        }
    }
}

/// A payment that nobody has asked of yet keeps its names for its own question.
pub fn what_was_told_to_add_takes_no_name_of_the_payment_that_it_is_asked_of(engine: &dyn Engine) {
    let mut house = one_told(engine);
    let adds_to_q = AuthorizationRequest { increments: Some(of("q")), ..adding() };
    assert_eq!(house.decide(adds_to_q), approved(40));
    house.always(|house| assert_eq!(house.balance(), (1_000, 160)));
    assert_eq!(house.decide(asks("q", 100)), approved(100));
    house.always(|house| assert_eq!(house.balance(), (1_000, 260)));
    assert_eq!(said_of(&house, reversed("q")), None);
    house.always(|house| assert_eq!(house.balance(), (1_000, 160)));
    assert_eq!(said_of(&house, cleared("u", 110)), None);
    house.always(|house| assert_eq!(house.balance(), (890, 50)));
}

/// It is known by its transaction, whatever key asks.
pub fn a_transaction_that_was_told_to_add_is_held_once_under_every_key(engine: &dyn Engine) {
    let mut house = one_told(engine);
    let by_another =
        |request| AuthorizationRequest { key: id("jit-s2"), payment: payment("jit-s2").with_alias(id("s")), ..request };
    assert_eq!(house.decide(adding()), approved(40));
    assert_eq!(house.decide(by_another(adding())), approved(40));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 160));
        assert_eq!(house.decide(by_another(adding())), again(approved(40)));
    });
}

/// What is only told of is joined with what names it, as ever; and is asked of after what adds to it.
pub fn what_was_told_to_add_to_what_was_only_told_is_held_once(engine: &dyn Engine) {
    for (ask, goes_to) in ASKED {
        for told_first in [false, true] {
            let mut house = House::with(engine, 1_000);
            let asked = |house: &House| assert_eq!(house.decide(asks("t", 50)), approved(50));
            if !told_first {
                asked(&house);
            }
            let chain = Some(PaymentRef::by_alias(id("before")));
            let adds = Fact::Recorded { payment: of("s"), asked: id("jit-s"), increments: chain, outcome: APPROVED(40) };
            assert_eq!(said_of(&house, message("s", 1, adds)), OVER_OURS);
            if told_first {
                asked(&house);
            }
            assert_eq!(house.decide(ask()), approved(40));
            house.always(|house| assert_eq!(house.balance(), (1_000, 90), "{told_first}"));
        }
        // The payment that it was told to add to is asked of later.
        let mut house = House::with(engine, 1_000);
        assert_eq!(said_of(&house, adds_to("u", APPROVED(40))), OVER_OURS);
        assert_eq!(house.decide(ask()), approved(40));
        house.always(|house| assert_eq!(house.balance(), (1_000, 40)));
        assert_eq!(house.decide(asks("u", 70)), approved(70));
        house.always(|house| assert_eq!(house.balance(), (1_000, 110)));
        let of_u = if goes_to == "s" { 70 } else { 110 };
        assert_eq!(said_of(&house, cleared("u", of_u)), None);
        house.always(|house| assert_eq!(house.balance(), (1_000 - of_u, 110 - of_u)));
    }
}

/// Another card of the account asks for the same money; a card of another account for that one's.
pub fn what_was_told_to_add_is_money_of_its_own_account_only(engine: &dyn Engine) {
    let mut house = one_told(engine);
    assert!(house.enter(vec![card("d", "a", Some("h"))]).is_ok());
    assert_eq!(house.decide(with_card("d", adding())), approved(40));
    house.always(|house| assert_eq!(house.balance(), (1_000, 160)));
    let mut house = one_told(engine);
    assert!(house.enter(vec![account("b", 500), card("d", "b", Some("i"))]).is_ok());
    assert_eq!(house.decide(with_card("d", asks("v", 30))), approved(30));
    let adds_to_v = with_card("d", AuthorizationRequest { increments: Some(of("v")), ..adding() });
    assert_eq!(house.decide(adds_to_v), approved(40));
    house.always(|house| {
        assert_eq!((house.balance(), house.balance_of("b")), ((1_000, 160), (500, 70)));
        assert!(matches!(house.decide(adds_to_v).0, Decision::Approve { .. }));
    });
    let subject = Subject { card: Some(id("d")), ..Subject::default() };
    assert_eq!(said_of(&house, ToldEvent { subject, ..cleared("v", 70) }), None);
    house.always(|house| assert_eq!((house.balance(), house.balance_of("b")), ((1_000, 160), (430, 0))));
}

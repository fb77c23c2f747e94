//! Adopting: the ledger agrees with what was told without it.

use holdfast_core::hold::{Fact, Finality, Finding, RecordedOutcome, ToldAnswer, ToldEvent};
use holdfast_core::rules::HoldPolicy;
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason, PartialApproval, Posting, Timestamp};

use super::*;
use crate::ledger::{Act, Adopt, Decide};

/// An answer that a retry was told, a minute after the question came first.
fn adopt_of_retry(house: &House, request: AuthorizationRequest, answer: ToldAnswer) -> Option<Finding> {
    found(house.act(Act::Adopt(Adopt { received_at: later(60), ..adoption(request, answer) })))
}

pub fn what_was_told_is_held_over_the_limit_if_need_be(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.adopt(purchase("k", 5_000), yes(5_000)), None);
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 5_000));
        assert_eq!(house.decide(purchase("k", 5_000)), again(approved(5_000)));
        assert_eq!(house.decide(purchase("k", 1)), declined(DeclineReason::ConflictingDuplicate));
    });
}

pub fn a_told_decline_is_what_a_retry_hears(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.adopt(purchase("k", 100), NO), None);
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 0));
        assert_eq!(house.decide(purchase("k", 100)), again(declined(DeclineReason::LedgerUnavailable)));
    });
}

/// What the platform approved of it, over our answer, is said yes to for as long as that is there; once it is over, nothing would be held
/// for one, whichever came first.
pub fn a_decline_is_heard_again_once_what_the_platform_approved_is_over(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let approves = |house: &House, key: &str| {
        house.tell(key, recorded(key, RecordedOutcome::Approved { amount: usd(100) }));
    };
    let reverses = |house: &House, key: &str| house.tell(&format!("{key} is over"), released(key));
    let refused = again(declined(DeclineReason::LedgerUnavailable));
    approves(&house, "before");
    reverses(&house, "before");
    assert_eq!(house.adopt(purchase("before", 100), NO), None);
    assert_eq!(house.adopt(purchase("between", 100), NO), None);
    assert_eq!(house.decide(purchase("decided", 1_001)), declined(NO_FUNDS));
    for key in ["between", "decided"] {
        approves(&house, key);
    }
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 200));
        assert_eq!(house.decide(purchase("between", 100)), again(approved(100)));
        assert_eq!(house.decide(purchase("decided", 1_001)), again(approved(100)));
    });
    for key in ["between", "decided"] {
        reverses(&house, key);
    }
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 0));
        for key in ["before", "between"] {
            assert_eq!(house.decide(purchase(key, 100)), refused, "{key}");
            assert_eq!(house.adopt(purchase(key, 100), NO), Some(Finding::HeardBefore), "{key}");
        }
        assert_eq!(house.decide(purchase("decided", 1_001)), again(declined(NO_FUNDS)));
    });
}

/// An increment that we declined, and the platform approved, is said yes to while as much of it is held or was captured; what is left of the rest
/// of its payment is none of it.
pub fn a_declined_increment_is_heard_as_approved_only_while_it_is_there(engine: &dyn Engine) {
    let mut house = House::with(engine, 2_000);
    let of = |name: &str| format!("{name}-more");
    let more = |name: &str| increment(&of(name), name, 100);
    let total = |name: &str, minor| Fact::Replaced { payment: payment(name), total: usd(minor) };
    let facts = [
        ("kept", None),
        ("reversed", Some(reduced("reversed", 100))),
        ("in-part", Some(reduced("in-part", 40))),
        ("advised", Some(total("advised", 100))),
        ("captured", Some(captured("captured", 200, Finality::Final))),
        ("captured-without", Some(captured("captured-without", 100, Finality::Final))),
    ];
    for (name, _) in &facts {
        assert_eq!(house.decide(purchase(name, 100)), approved(100));
        assert_eq!(house.adopt(more(name), NO), None);
        let (own, outcome) = (payment(&of(name)), RecordedOutcome::Approved { amount: usd(100) });
        let adds = Fact::Recorded { payment: own, asked: id(&of(name)), increments: Some(payment(name)), outcome };
        house.tell(&format!("{name}-approved"), adds);
    }
    house.always(|house| {
        assert_eq!(house.balance(), (2_000, 1_200));
        for (name, _) in &facts {
            assert_eq!(house.decide(more(name)), again(approved(100)), "{name}");
        }
    });
    for (name, fact) in &facts {
        fact.iter().for_each(|fact| {
            house.tell(&format!("{name}-later"), *fact);
        });
    }
    house.always(|house| {
        assert_eq!(house.balance(), (1_700, 560));
        for (name, _) in &facts {
            let is_there = matches!(*name, "kept" | "captured");
            let heard = if is_there { approved(100) } else { declined(DeclineReason::LedgerUnavailable) };
            assert_eq!(house.decide(more(name)), again(heard), "{name}");
        }
    });
}

pub fn an_approval_that_nobody_heard_is_undone(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("k", 600));
    assert_eq!(house.adopt(purchase("k", 600), NO), Some(Finding::AdoptedOverOurs));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 0));
        assert_eq!(house.decide(purchase("k", 600)), again(declined(DeclineReason::LedgerUnavailable)));
    });
}

pub fn a_retrys_decline_releases_nothing_that_was_told(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("k", 300)), approved(300));
    assert_eq!(adopt_of_retry(&house, purchase("k", 300), NO), Some(Finding::ApprovedBefore));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 300));
        assert_eq!(house.decide(purchase("k", 300)), again(approved(300)));
    });
}

pub fn the_larger_of_two_told_answers_stays(engine: &dyn Engine) {
    let mut house = House::with(engine, 200);
    let policy = HoldPolicy { partial_min: Some(1), ..HoldPolicy::PLAIN };
    let request = AuthorizationRequest { partial_approval: PartialApproval::Supported, ..purchase("k", 300) };
    let in_part = Decide { verdict: proceed(&request, &[], policy), ..asked(request) };
    assert_eq!(said(house.act(Act::Decide(in_part))), approved(200));
    assert_eq!(adopt_of_retry(&house, request, yes(100)), Some(Finding::ApprovedBefore));
    house.always(|house| assert_eq!(house.balance(), (200, 200)));
    assert_eq!(adopt_of_retry(&house, request, yes(300)), Some(Finding::AdoptedOverOurs));
    house.always(|house| {
        assert_eq!(house.balance(), (200, 300));
        assert_eq!(house.decide(request), again(approved(300)));
    });
}

pub fn an_answer_is_adopted_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.adopt(purchase("yes", 300), yes(300)), None);
    assert_eq!(house.adopt(purchase("no", 300), NO), None);
    house.always(|house| {
        assert_eq!(house.adopt(purchase("yes", 300), yes(300)), Some(Finding::HeardBefore));
        assert_eq!(house.adopt(purchase("no", 300), NO), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (1_000, 300));
    });
}

pub fn another_question_under_the_key_is_a_conflict(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("k", 300));
    house.always(|house| {
        assert_eq!(house.adopt(purchase("k", 301), yes(301)), Some(Finding::Conflict));
        assert_eq!(house.balance(), (1_000, 300));
        assert_eq!(house.decide(purchase("k", 300)), again(approved(300)));
    });
}

pub fn what_cannot_be_held_is_remembered_all_the_same(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("most", 1)), approved(1));
    let nobodys = with_card("nobody's", purchase("nobody's", 10));
    let euros = AuthorizationRequest { amount: eur(10), ..purchase("euros", 10) };
    let (too_much, negative) = (purchase("too much", i64::MAX), purchase("negative", -10));
    let told = [
        (nobodys, yes(10), Finding::AccountUnknown),
        (euros, ToldAnswer::Approved { amount: eur(10) }, Finding::CurrencyMismatch),
        (too_much, yes(i64::MAX), Finding::AmountTooLarge),
        (negative, yes(-10), Finding::AmountTooLarge),
    ];
    for (request, answer, finding) in told {
        assert_eq!(house.adopt(request, answer), Some(finding));
    }
    house.always(|house| {
        for (request, ..) in told {
            assert_eq!(house.decide(request), (Decision::Approve { amount: request.amount }, Basis::Replay));
        }
        assert_eq!(house.balance(), (1_000, 1));
    });
}

pub fn what_could_not_be_held_is_held_once_it_can_be(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let late = with_card("late", purchase("late", 10));
    house.always(|house| assert_eq!(house.adopt(late, yes(10)), Some(Finding::AccountUnknown)));
    house.enter(vec![account("b", 500), card("late", "b", None)]).unwrap();
    assert_eq!(house.decide(late), again(approved(10)), "told once, it is told again");
    assert_eq!(house.balance_of("b"), (500, 0));
    assert_eq!(house.adopt(late, yes(10)), None);
    house.always(|house| {
        assert_eq!(house.balance_of("b"), (500, 10));
        assert_eq!(house.adopt(late, yes(10)), Some(Finding::HeardBefore));
        assert_eq!(house.decide(late), again(approved(10)));
    });
}

pub fn the_platforms_word_stands_over_an_adopted_answer(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.tell("1", recorded("first", RecordedOutcome::Declined));
    house.adopt(purchase("first", 100), yes(100));
    house.adopt(purchase("then", 100), yes(100));
    house.tell("2", recorded("then", RecordedOutcome::Declined));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 0));
        for key in ["first", "then"] {
            assert_eq!(house.decide(purchase(key, 100)), again(declined(DeclineReason::TransactionNotPermitted)));
        }
    });
}

pub fn one_payment_that_was_told_yes_twice_is_held_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let of = |key: &str, transaction: &str, minor| AuthorizationRequest {
        payment: payment(key).with_alias(id(transaction)),
        ..purchase(key, minor)
    };
    // Both in an outage; and the second one in an outage, of what the ledger had approved.
    house.adopt(of("1", "t", 150), yes(150));
    assert_eq!(house.decide(of("2", "u", 150)), approved(150));
    for (key, transaction) in [("3", "t"), ("4", "u")] {
        assert_eq!(house.adopt(of(key, transaction, 150), yes(150)), None);
    }
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 300));
        for (key, transaction) in [("1", "t"), ("2", "u"), ("3", "t"), ("4", "u")] {
            assert_eq!(house.adopt(of(key, transaction, 150), yes(150)), Some(Finding::HeardBefore));
            assert_eq!(house.decide(of(key, transaction, 150)), again(approved(150)), "{key}");
        }
    });
    // What the platform says of it under the second name is of the same payment.
    let outcome = RecordedOutcome::Approved { amount: usd(150) };
    house.tell("5", Fact::Recorded { payment: payment("3").with_alias(id("t")), asked: id("3"), increments: None, outcome });
    // Another method's question is another message; and more than is held is held.
    let debit = AuthorizationRequest { posting: Posting::Immediate, ..of("6", "t", 20) };
    house.adopt(debit, yes(20));
    house.adopt(of("7", "u", 160), yes(160));
    house.always(|house| assert_eq!(house.balance(), (1_000, 300 + 20 + 160)));
}

pub fn what_was_told_stays_told_and_what_was_recorded_is_held(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let yes_to = |minor| RecordedOutcome::Approved { amount: usd(minor) };
    let (more, less) = (yes_to(180), yes_to(90));
    for (key, outcome) in [("adopted-more", more), ("adopted-less", less)] {
        house.adopt(purchase(key, 150), yes(150));
        house.tell(key, recorded(key, outcome));
    }
    for (key, outcome) in [("recorded-more", more), ("recorded-less", less)] {
        house.tell(key, recorded(key, outcome));
        house.adopt(purchase(key, 150), yes(150));
    }
    for (key, outcome) in [("decided-more", more), ("decided-less", less)] {
        assert_eq!(house.decide(purchase(key, 150)), approved(150));
        house.tell(key, recorded(key, outcome));
    }
    // Of what nobody was told, no more is said than is held, and never more than is asked for.
    for (key, outcome, answer) in [("asked-more", more, 150), ("asked-less", less, 90)] {
        house.tell(key, recorded(key, outcome));
        assert_eq!(house.decide(purchase(key, 150)), approved(answer));
    }
    assert_eq!(house.decide(purchase("refused", 15_000)), declined(NO_FUNDS));
    house.tell("refused", recorded("refused", yes_to(18_000)));
    house.always(|house| {
        for key in ["adopted-more", "adopted-less", "recorded-more", "recorded-less", "decided-more", "decided-less"] {
            assert_eq!(house.decide(purchase(key, 150)), again(approved(150)), "{key}");
        }
        assert_eq!(house.decide(purchase("asked-more", 150)), again(approved(150)));
        assert_eq!(house.decide(purchase("asked-less", 150)), again(approved(90)));
        assert_eq!(house.decide(purchase("refused", 15_000)), again(approved(15_000)));
        assert_eq!(house.balance(), (10_000, 4 * 180 + 4 * 90 + 18_000));
    });
}

pub fn what_adds_to_a_payment_is_held_as_it_was_told_whatever_else_was(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("p", 100)), approved(100));
    // The platform's clock is far ahead of ours, and its total knows nothing of what was asked in the outage.
    for (key, fact) in
        [("1", captured("p", 100, Finality::More)), ("2", Fact::Replaced { payment: payment("p"), total: usd(100) })]
    {
        let occurred_at = Some(Timestamp::from_unix_seconds(4_000_000_000));
        assert_eq!(found(house.act(Act::Tell(origin(), ToldEvent { occurred_at, ..told(key, fact) }))), None);
    }
    let second = AuthorizationRequest { payment: payment("p"), ..purchase("second", 50) };
    assert_eq!(house.adopt(second, yes(50)), None);
    house.always(|house| assert_eq!(house.balance(), (900, 50)));
    assert_eq!(house.adopt(increment("more", "p", 30), yes(30)), None);
    house.always(|house| assert_eq!(house.balance(), (900, 80)));
    // One that nobody heard is undone where it is.
    assert_eq!(house.adopt(second, NO), Some(Finding::AdoptedOverOurs));
    house.always(|house| {
        assert_eq!(house.balance(), (900, 30));
        assert_eq!(house.decide(increment("more", "p", 30)), again(approved(30)));
    });
}

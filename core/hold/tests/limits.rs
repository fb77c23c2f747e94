//! Limits: what is reached, what is counted, and what comes back to which window.

use super::*;
use crate::rules::LIMITS_MAX;

fn reached(reason: DeclineReason, name: &str) -> Option<(Decision, Basis)> {
    Some((Decision::Decline { reason }, Basis::Limit(rule(name))))
}

fn counting() -> Verdict {
    proceed([limit(1, None, None)])
}

fn counting_tomorrow() -> Verdict {
    proceed([LimitCheck { window: NEXT_DAY, ..limit(1, None, None) }])
}

#[test]
fn a_limit_is_reached_to_the_last_unit_and_the_first_one_speaks() {
    use DeclineReason::{AmountLimitReached, CountLimitReached};
    let limits = [limit(1, Some(500), Some(2)), limit(2, Some(400), None)];
    let mut book = Book::with(10_000);
    for (name, minor, expected) in [
        ("a", 501, reached(AmountLimitReached, "limit-1")),
        ("b", 401, reached(AmountLimitReached, "limit-2")),
        ("c", 400, approves(400)),
        ("d", 1, reached(AmountLimitReached, "limit-2")),
        ("e", 0, approves(0)),
        ("f", 0, reached(CountLimitReached, "limit-1")),
    ] {
        assert_eq!(book.ask_with(&another(name, minor), &proceed(limits)).decision, expected, "{name}");
    }
    assert_eq!((book.counted(1, DAY), book.counted(2, DAY)), ((400, 2), (400, 2)));
}

#[test]
fn an_observed_limit_counts_and_never_declines() {
    let observed = LimitCheck { enforcement: Enforcement::Observe, ..limit(1, Some(10), Some(0)) };
    let mut book = Book::with(1_000);
    assert_eq!(book.ask_with(&purchase(100), &proceed([observed])).decision, approves(100));
    assert_eq!(book.counted(1, DAY), (100, 1));
}

#[test]
fn a_limit_that_is_passed_already_refuses_only_what_adds_to_it() {
    use AuthorizationKind::{AccountVerification, BalanceInquiry, Credit, Purchase};
    let lowered = proceed([limit(1, Some(500), Some(0))]);
    let amount_only = proceed([limit(1, Some(500), None)]);
    let count_reached = reached(DeclineReason::CountLimitReached, "limit-1");
    let amount_reached = reached(DeclineReason::AmountLimitReached, "limit-1");
    for (kind, minor, verdict, expected) in [
        (AccountVerification, 0, &amount_only, approves(0)),
        (AccountVerification, 0, &lowered, count_reached),
        (Credit, 5, &lowered, approves(5)),
        (BalanceInquiry, 0, &lowered, approves(0)),
        (Purchase, 0, &amount_only, approves(0)),
        (Purchase, 1, &amount_only, amount_reached),
    ] {
        let mut book = Book::with(10_000);
        book.ask_with(&purchase(900), &counting());
        let request = AuthorizationRequest { kind, ..another("k2", minor) };
        assert_eq!(book.ask_with(&request, verdict).decision, expected, "{kind:?}");
    }
    let mut book = Book::with(10_000);
    book.ask_with(&purchase(900), &counting());
    let count_only = proceed([limit(1, None, Some(0))]);
    assert_eq!(book.ask_with(&increment("more", 10), &count_only).decision, approves(10), "it is no new transaction");
}

#[test]
fn money_returned_goes_to_the_window_it_was_counted_in() {
    let mut book = Book::with(10_000);
    book.ask_with(&purchase(100), &counting());
    book.ask_with(&increment("more", 50), &counting_tomorrow());
    // The increment's money is the first to come back; what is returned twice is returned once.
    for (fact, today, tomorrow) in [
        (reduced(20), (100, 1), (30, 0)),
        (reduced(50), (80, 1), (0, 0)),
        (released(ReleaseCause::Reversed), (0, 0), (0, 0)),
        (released(ReleaseCause::Reversed), (0, 0), (0, 0)),
        (captured(80, Finality::Final), (80, 1), (0, 0)),
        (captured(60, Finality::Final), (100, 1), (40, 0)),
        (captured(60, Finality::Final), (150, 1), (50, 0)),
    ] {
        book.tell(fact);
        assert_eq!((book.counted(1, DAY), book.counted(1, NEXT_DAY)), (today, tomorrow), "{fact:?}");
    }
}

#[test]
fn a_reversal_before_an_increment_makes_no_room_for_it_in_another_window() {
    for (name, lowers) in [("a reversal", reduced(90)), ("a lower total", totalled(10))] {
        let mut book = Book::with(10_000);
        book.ask_with(&purchase(100), &counting());
        book.tell_at(1_050, lowers);
        let more = AuthorizationRequest { occurred_at: Some(at(1_100)), ..increment("more", 90) };
        book.ask_with(&more, &counting_tomorrow());
        assert_eq!((book.counted(1, DAY), book.counted(1, NEXT_DAY)), ((10, 1), (90, 0)), "{name}");
        book.tell(captured(100, Finality::Final));
        assert_eq!((book.counted(1, DAY), book.counted(1, NEXT_DAY)), ((10, 1), (90, 0)), "{name}");
    }
}

#[test]
fn what_a_last_capture_leaves_over_is_returned() {
    for (posting, minor, finality, counted) in [
        (Posting::Hold, 60, Finality::Final, (60, 1)),
        (Posting::Hold, 60, Finality::More, (100, 1)),
        (Posting::Hold, 0, Finality::Final, (0, 0)),
        (Posting::Hold, 130, Finality::Final, (130, 1)),
        (Posting::Immediate, 60, Finality::Final, (60, 1)),
        (Posting::Immediate, 60, Finality::More, (100, 1)),
        (Posting::Immediate, 0, Finality::Final, (0, 0)),
    ] {
        let mut book = Book::with(1_000);
        book.ask_with(&AuthorizationRequest { posting, ..purchase(100) }, &counting());
        book.tell(captured(minor, finality));
        assert_eq!(book.counted(1, DAY), counted, "{posting:?} {minor} {finality:?}");
    }
}

#[test]
fn a_payment_that_comes_back_counts_where_it_did() {
    // Also when it was over before the ledger heard of the answer, and counted nothing at first.
    for told_first in [false, true] {
        let mut book = Book::with(1_000);
        if told_first {
            book.tell_at(1_100, released(ReleaseCause::Expired));
        }
        book.adopt_with(&purchase(100), yes(100), ASKED, Some(&counting()));
        if !told_first {
            book.tell_at(1_100, released(ReleaseCause::Expired));
        }
        assert_eq!(book.counted(1, DAY), (0, 0), "told first: {told_first}");
        book.tell(totalled(70));
        assert_eq!(book.counted(1, DAY), (70, 1), "told first: {told_first}");
    }
}

#[test]
fn what_expired_has_used_an_intent_and_an_authoritys_counts_until_it_is_reversed() {
    use ReleaseCause::{Expired, Reversed, SafetyTimer};
    let counts = |reserved: &str, scope, facts: &[Fact]| {
        let mut book = Book::with(1_000);
        let name = if reserved.is_empty() { payment("p") } else { payment(reserved) };
        let check = LimitCheck { scope, ..limit(1, None, None) };
        book.ask_with(&AuthorizationRequest { payment: name, ..purchase(100) }, &proceed([check]));
        for fact in facts {
            let of_the_name =
                if let Fact::Released { cause, .. } = *fact { Fact::Released { payment: name, cause } } else { *fact };
            book.tell(of_the_name);
        }
        book.counted(1, DAY)
    };
    for scope in LimitScope::ALL.into_iter().filter(|scope| !scope.is_of_payment()) {
        let kept = i64::from(scope.is_of_authority());
        for (facts, counted) in [
            (vec![released(Expired)], (0, kept)),
            (vec![released(SafetyTimer)], (0, kept)),
            (vec![released(Expired), captured(100, Finality::Final)], (100, 1)),
            (vec![released(Expired), released(Reversed)], (0, 0)),
            (vec![released(Reversed), released(Expired)], (0, 0)),
            (vec![reduced(40), released(Expired)], (0, kept)),
            (vec![reduced(100), released(Expired)], (0, 0)),
        ] {
            assert_eq!(counts("", scope, &facts), counted, "{scope:?} {facts:?}");
        }
        for name in ["reserved-intent_1", "cancelled-intent_1"] {
            assert_eq!(counts(name, scope, &[released(Expired)]), (0, 0), "{scope:?} {name}: nothing of it can be captured");
        }
    }
}

#[test]
fn a_refund_gives_nothing_back_to_a_limit() {
    let mut book = Book::with(1_000);
    book.ask_with(&purchase(100), &counting());
    book.tell(captured(100, Finality::Final));
    book.tell(Fact::Credited { payment: Some(payment("p")), amount: usd(100), cause: MovementCause::NetworkSettlement });
    assert_eq!(book.counted(1, DAY), (100, 1));
}

#[test]
fn what_is_held_on_top_is_nobodys_spending() {
    let mut book = Book::with(1_000);
    let verdict = held_by(HoldPolicy { extra: 30, ..HoldPolicy::PLAIN }, [limit(1, Some(100), None)]);
    assert_eq!(book.ask_with(&purchase(100), &verdict).held, 130);
    assert_eq!(book.counted(1, DAY), (100, 1));
}

#[test]
fn the_platforms_word_counts_instead_of_ours() {
    for (outcome, counted) in
        [(approved(80), (80, 1)), (stood_in(120, Posting::Hold), (120, 1)), (RecordedOutcome::Declined, (0, 0))]
    {
        let mut book = Book::with(1_000);
        book.ask_with(&purchase(100), &counting());
        book.tell(recorded("k", outcome));
        assert_eq!(book.counted(1, DAY), counted, "{outcome:?}");
    }
}

#[test]
fn what_the_platform_approved_and_was_taken_counts_alike_whenever_it_is_asked() {
    let taken = captured(30, Finality::Final);
    for told in [
        vec![recorded("k", approved(50)), taken],
        vec![recorded("k", stood_in(50, Posting::Hold)), taken],
        // Recorded of the payment, by a platform whose messages do not carry the questions' keys.
        vec![recorded("other", approved(50)), taken],
        vec![recorded("k", approved(50)), reduced(20), captured(30, Finality::More)],
        vec![recorded("k", approved(50)), captured(30, Finality::More), released(ReleaseCause::Expired)],
    ] {
        for asked_after in 0..=told.len() {
            let mut book = Book::with(1_000);
            for (number, fact) in told.iter().enumerate() {
                if number == asked_after {
                    assert_eq!(book.ask_with(&purchase(50), &counting()).decision, approves(50), "{told:?}");
                }
                book.tell(*fact);
            }
            if asked_after == told.len() {
                assert_eq!(book.ask_with(&purchase(50), &counting()).decision, approves(50), "{told:?}");
            }
            assert_eq!((book.counted(1, DAY), book.posted(), book.held()), ((30, 1), 970, 0), "{told:?} {asked_after}");
        }
    }
}

#[test]
fn an_answer_that_was_adopted_counts_once_over_the_limit_if_need_be() {
    let small = proceed([limit(1, Some(10), Some(0))]);
    let mut book = Book::with(10);
    let adopted = book.adopt_with(&purchase(100), yes(100), ASKED, Some(&small));
    assert_eq!((adopted.held, book.counted(1, DAY)), (100, (100, 1)));
    book.adopt_with(&purchase(100), yes(100), ASKED, Some(&small));
    // Told another amount, by rules that would count it in another window: it counts where it did.
    book.adopt_with(&purchase(100), yes(120), ASKED, Some(&counting_tomorrow()));
    assert_eq!((book.counted(1, DAY), book.counted(1, NEXT_DAY)), ((120, 1), (0, 0)));
    book.adopt_with(&purchase(100), NO, ASKED, Some(&small));
    assert_eq!(book.counted(1, DAY), (0, 0));
}

#[test]
fn what_needs_no_money_stays_counted_whatever_was_told_of_it() {
    for request in [AuthorizationRequest { kind: AuthorizationKind::AccountVerification, ..purchase(0) }, purchase(0)] {
        let mut book = Book::with(0);
        book.ask_with(&request, &counting());
        assert_eq!(book.counted(1, DAY), (0, 1), "{:?}", request.kind);
        book.adopt(&request, NO);
        assert_eq!(book.counted(1, DAY), (0, 1), "{:?}", request.kind);
        book.adopt_with(&AuthorizationRequest { key: key("other"), ..request }, yes(0), ASKED, Some(&counting()));
        book.adopt_with(&AuthorizationRequest { key: key("other"), ..request }, yes(0), ASKED, Some(&counting()));
        assert_eq!(book.counted(1, DAY), (0, 2), "{:?}", request.kind);
    }
}

#[test]
fn two_payments_count_apart() {
    let mut book = Book::with(1_000);
    book.ask_with(&purchase(100), &counting());
    book.ask_with(&another("other", 40), &counting());
    book.tell(released(ReleaseCause::Reversed));
    assert_eq!(book.counted(1, DAY), (40, 1));
}

#[test]
fn as_many_limits_as_a_ruleset_may_have() {
    let limits = || (0..LIMITS_MAX as u64).map(|number| limit(number, Some(1_000), Some(10)));
    let mut book = Book::with(1_000);
    book.ask_with(&purchase(100), &proceed(limits()));
    let outcome = book.ask_with(&increment("more", 50), &proceed(limits()));
    assert_eq!((outcome.counted.len(), outcome.counted.spilled()), (LIMITS_MAX, false));
    assert!((0..LIMITS_MAX as u64).all(|number| book.counted(number, DAY) == (150, 1)));
    book.tell(released(ReleaseCause::Reversed));
    assert!((0..LIMITS_MAX as u64).all(|number| book.counted(number, DAY) == (0, 0)));
}

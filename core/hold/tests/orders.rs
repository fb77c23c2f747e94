//! Orders: the doors that we own, and that refuse. By descending precedence, then what each order does.

use super::*;

fn capture(minor: i64) -> Order {
    Order::Capture { amount: usd(minor), finality: Finality::More }
}

fn last_capture(minor: i64) -> Order {
    Order::Capture { amount: usd(minor), finality: Finality::Final }
}

fn refund(minor: i64) -> Order {
    Order::Refund { amount: usd(minor) }
}

/// A payment `p` of 100 with a tolerance of 20, on an account with 1,000.
fn tolerant() -> Book {
    let mut book = Book::with(1_000);
    book.ask_with(&purchase(100), &held_by(HoldPolicy { tolerance: 20, ..HoldPolicy::PLAIN }, []));
    book
}

#[test]
fn the_first_to_object_is_the_reason() {
    use DeclineReason::*;
    let in_euros = Order::Capture { amount: eur(0), finality: Finality::More };
    let mut nothing_known = Book::with(1_000);
    nothing_known.account = None;
    let mut over = tolerant();
    over.order("end", Order::Release);
    // Each row mends what the row before it objected to, and nothing else.
    let rows: Vec<(Book, &str, Order, DeclineReason)> = vec![
        (tolerant(), "k", in_euros, ConflictingDuplicate),
        (nothing_known, "o", in_euros, AuthorizationUnknown),
        (Book::with(1_000), "o", in_euros, AuthorizationUnknown),
        (over.clone(), "o", in_euros, CurrencyNotAllowed),
        (over.clone(), "end", last_capture(0), ConflictingDuplicate),
        (over, "o", capture(0), AuthorizationOver),
        (tolerant(), "o", capture(0), AmountBelowMinimum),
        (tolerant(), "o", capture(121), CaptureAboveAuthorized),
    ];
    for (mut book, name, order, reason) in rows {
        let before = (book.account, book.payments.clone());
        let outcome = book.order(name, order);
        assert_eq!(outcome.decision, declines(reason), "{order:?}");
        assert_eq!((outcome.posted, outcome.held, outcome.step), (0, 0, None));
        assert_eq!(book.account, before.0);
    }
    assert_eq!(tolerant().order("o", capture(120)).decision, approves(120));
}

#[test]
fn each_order_is_refused_by_what_the_payment_does_not_allow() {
    use DeclineReason::*;
    let too_much = i64::MAX;
    let done: [(&str, &[Order]); 5] = [
        ("open", &[]),
        ("captured in part", &[capture(60)]),
        ("captured", &[last_capture(60)]),
        ("released", &[Order::Release]),
        ("captured and refunded", &[last_capture(60), refund(40)]),
    ];
    // By state: capture of 60, of 61 (over what is left when 60 are gone), last capture of nothing, release, refund of 60.
    let table: [[(Order, Option<DeclineReason>); 5]; 5] = [
        [
            (capture(60), None),
            (capture(121), Some(CaptureAboveAuthorized)),
            (last_capture(0), None),
            (Order::Release, None),
            (refund(1), Some(RefundAboveCaptured)),
        ],
        [
            (capture(60), None),
            (capture(61), Some(CaptureAboveAuthorized)),
            (last_capture(0), None),
            (Order::Release, None),
            (refund(61), Some(RefundAboveCaptured)),
        ],
        [
            (capture(1), Some(AuthorizationOver)),
            (last_capture(0), Some(AuthorizationOver)),
            (Order::Release, Some(AuthorizationOver)),
            (refund(60), None),
            (refund(61), Some(RefundAboveCaptured)),
        ],
        [
            (capture(1), Some(AuthorizationOver)),
            (last_capture(0), Some(AuthorizationOver)),
            (Order::Release, Some(AuthorizationOver)),
            (refund(1), Some(RefundAboveCaptured)),
            (capture(too_much), Some(AuthorizationOver)),
        ],
        [
            (refund(20), None),
            (refund(21), Some(RefundAboveCaptured)),
            (refund(0), Some(AmountBelowMinimum)),
            (refund(-1), Some(AmountBelowMinimum)),
            (capture(1), Some(AuthorizationOver)),
        ],
    ];
    for ((state, history), row) in done.into_iter().zip(table) {
        for (order, refused) in row {
            let mut book = tolerant();
            for (number, order) in history.iter().enumerate() {
                assert!(matches!(book.order(&format!("before-{number}"), *order).decision, Some((Decision::Approve { .. }, _))));
            }
            let before = book.account;
            let outcome = book.order("o", order);
            match refused {
                Some(reason) => {
                    assert_eq!(outcome.decision, declines(reason), "{state}: {order:?}");
                    assert_eq!(book.account, before, "{state}: {order:?}");
                }
                None => {
                    assert!(matches!(outcome.decision, Some((Decision::Approve { .. }, Basis::Ledger))), "{state}: {order:?}")
                }
            }
        }
    }
    for minor in [0, -1, i64::MIN] {
        assert_eq!(tolerant().order("o", capture(minor)).decision, declines(AmountBelowMinimum), "{minor}");
        assert_eq!(tolerant().order("o", refund(minor)).decision, declines(AmountBelowMinimum), "{minor}");
    }
    assert_eq!(tolerant().order("o", last_capture(-1)).decision, declines(AmountBelowMinimum));
}

#[test]
fn several_captures_and_refunds_move_what_they_say() {
    let mut book = tolerant();
    // Order, posted, held, and what is captured and refunded after it.
    for (number, (order, posted, held, captured, refunded)) in [
        (capture(30), -30, -30, 30, 0),
        (refund(10), 10, 0, 30, 10),
        (capture(50), -50, -50, 80, 10),
        (last_capture(40), -40, -20, 120, 10),
        (refund(110), 110, 0, 120, 120),
    ]
    .into_iter()
    .enumerate()
    {
        let outcome = book.order(&format!("o-{number}"), order);
        assert_eq!((outcome.posted, outcome.held, outcome.finding), (posted, held, None), "{order:?}");
        assert_eq!((book.hold().captured, book.hold().refunded), (captured, refunded), "{order:?}");
    }
    assert_eq!((book.posted(), book.held()), (1_000, 0));
}

#[test]
fn a_release_frees_what_is_left_and_a_last_capture_of_nothing_too() {
    for (end, status) in [(Order::Release, HoldStatus::Released), (last_capture(0), HoldStatus::Released)] {
        let mut book = tolerant();
        assert_eq!(book.order("o", end).held, -100);
        assert_eq!((book.hold().status, book.available()), (status, 1_000), "{end:?}");
        let mut partly = tolerant();
        partly.order("part", capture(60));
        assert_eq!(partly.order("o", end).held, -40);
        assert_eq!((partly.hold().status, partly.available()), (HoldStatus::Captured, 940), "{end:?}");
    }
}

#[test]
fn an_order_that_comes_again_hears_the_same_answer() {
    for (order, posted) in [(capture(60), 940), (last_capture(60), 940), (Order::Release, 1_000), (refund(1), 1_000)] {
        for forgotten in [false, true] {
            let mut book = tolerant();
            let (first, _) = book.order("o", order).decision.unwrap();
            let approved = matches!(first, Decision::Approve { .. });
            if forgotten {
                book.forget_keys();
            }
            let again = book.order("o", order);
            // A refusal that is forgotten is decided afresh: nothing was done.
            let basis = if forgotten && !approved { Basis::Ledger } else { Basis::Replay };
            assert_eq!(again.decision, Some((first, basis)), "{order:?}, forgotten: {forgotten}");
            assert_eq!((again.posted, again.held, again.step), (0, 0, None));
            assert_eq!(book.posted(), posted);
        }
    }
}

#[test]
fn another_order_under_the_same_key_is_a_conflict() {
    for forgotten in [false, true] {
        let mut book = tolerant();
        book.order("o", capture(60));
        if forgotten {
            book.forget_keys();
        }
        for other in [capture(61), last_capture(60), Order::Release, refund(60)] {
            let outcome = book.order("o", other);
            assert_eq!(outcome.decision, declines(DeclineReason::ConflictingDuplicate), "{other:?}, forgotten: {forgotten}");
            assert_eq!((outcome.finding, outcome.answered), (Some(Finding::Conflict), None));
        }
        assert_eq!((book.posted(), book.held()), (940, 40));
    }
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let mut book = tolerant();
    book.account.as_mut().unwrap().posted = i64::MIN + 10;
    let before = (book.account, book.hold());
    // The model's own sums start where the account does.
    book.start = i64::MIN + 10;
    assert_eq!(book.order("o", capture(60)).decision, declines(DeclineReason::AmountTooLarge));
    assert_eq!((book.account, book.hold()), before);
    assert_eq!(book.order("fits", capture(10)).decision, approves(10));
}

#[test]
fn a_payment_that_was_debited_at_once_is_captured_and_paid_back() {
    for (order, posted) in [(last_capture(100), 900), (last_capture(60), 940), (capture(60), 900), (Order::Release, 1_000)] {
        let mut book = Book::with(1_000);
        book.ask(&single_message(100));
        assert!(matches!(book.order("o", order).decision, Some((Decision::Approve { .. }, _))), "{order:?}");
        assert_eq!((book.posted(), book.held()), (posted, 0), "{order:?}");
    }
}

#[test]
fn what_is_held_on_top_is_nobodys_to_capture() {
    let mut book = Book::with(1_000);
    book.ask_with(&purchase(100), &held_by(HoldPolicy { extra: 20, ..HoldPolicy::PLAIN }, []));
    assert_eq!(book.held(), 120);
    assert_eq!(book.order("more", capture(101)).decision, declines(DeclineReason::CaptureAboveAuthorized));
    book.order("all", capture(100));
    assert_eq!(book.held(), 20, "the last one may still come, with a tip that was tolerated");
    book.order("end", Order::Release);
    assert_eq!((book.held(), book.posted()), (0, 900));
}

#[test]
fn a_capture_after_the_platforms_word_is_of_what_it_left() {
    let mut book = tolerant();
    book.tell(reduced(30));
    assert_eq!(book.order("o", capture(91)).decision, declines(DeclineReason::CaptureAboveAuthorized));
    assert_eq!(book.order("fits", capture(90)).decision, approves(90));
    book.tell(recorded("k", RecordedOutcome::Declined));
    assert_eq!(book.order("late", capture(1)).decision, declines(DeclineReason::AuthorizationOver));
}

#[test]
fn what_was_debited_at_once_is_refunded_before_it_is_captured() {
    use DeclineReason::RefundAboveCaptured;
    let sold = |refunded: i64| {
        let mut book = Book::with(1_000);
        book.ask(&single_message(100));
        assert_eq!(book.order("refund", refund(refunded)).decision, approves(refunded));
        assert_eq!((book.posted(), book.hold().refunded, book.hold().ahead), (900 + refunded, refunded, 100));
        book
    };
    assert_eq!(sold(60).order("more", refund(41)).decision, declines(RefundAboveCaptured));
    assert_eq!(sold(60).order("rest", refund(40)).decision, approves(40));
    assert_eq!(sold(100).order("more", refund(1)).decision, declines(RefundAboveCaptured));
    // Whatever ends the payment gives no more back than was taken: order, what it comes to, and what is posted after it.
    for (order, refused, posted) in [
        (Order::Release, Some(RefundAboveCaptured), 960),
        (last_capture(59), Some(RefundAboveCaptured), 960),
        (last_capture(60), None, 1_000),
        (last_capture(100), None, 960),
        (capture(10), None, 960),
    ] {
        let mut book = sold(60);
        let outcome = book.order("end", order);
        match refused {
            Some(reason) => assert_eq!(outcome.decision, declines(reason), "{order:?}"),
            None => assert!(matches!(outcome.decision, Some((Decision::Approve { .. }, Basis::Ledger))), "{order:?}"),
        }
        assert_eq!(book.posted(), posted, "{order:?}");
    }
}

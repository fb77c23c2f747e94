//! The bugs that the field knows, one test each; and those that this engine once had.

use super::*;

// --- the field's -----------------------------------------------------------------------------------------------------

#[test]
fn a_double_void_frees_once() {
    let voids = [released(ReleaseCause::Reversed), reduced(100), totalled(0), recorded("k", RecordedOutcome::Declined)];
    for first in voids {
        for second in voids {
            let mut book = Book::open();
            book.ask(&another("other", 500));
            book.tell(first);
            book.tell(second);
            assert_eq!((book.held(), book.posted()), (500, 1_000), "{first:?}, {second:?}");
        }
    }
}

#[test]
fn what_is_held_cannot_be_spent_again() {
    let mut book = Book::open();
    book.account.as_mut().unwrap().credit_line = 50;
    assert_eq!(book.ask(&another("too much", 951)).decision, declines(DeclineReason::InsufficientFunds));
    assert_eq!(book.ask(&another("all", 950)).decision, approves(950));
    assert_eq!(book.ask(&increment("more", 1)).decision, declines(DeclineReason::InsufficientFunds));
    assert_eq!(book.available(), 0);
}

#[test]
fn a_commit_after_a_reject_posts_and_is_found() {
    let mut book = Book::with(50);
    assert_eq!(book.ask(&purchase(100)).decision, declines(DeclineReason::InsufficientFunds));
    let outcome = book.tell(captured(100, Finality::Final));
    assert_eq!((outcome.posted, outcome.finding), (-100, Some(Finding::ForcePosted)));
    assert_eq!(book.available(), -50);
}

#[test]
fn an_over_capture_posts_in_full_and_is_found_only_above_the_tolerance() {
    // What was authorized, what the program tolerates of it, the last amount that nobody has to look at.
    for (what, authorized, tolerance, silent) in [
        ("a tip of 20 %", 5_000, 1_000, 6_000),
        ("lodging at 15 %", 20_000, 3_000, 23_000),
        ("a vehicle at 15 %", 40_000, 6_000, 46_000),
        ("fuel from a pump's one dollar", 100, 12_400, 12_500),
        ("no tolerance", 5_000, 0, 5_000),
    ] {
        for (above, finding) in [(0, None), (1, Some(Finding::CapturedAboveAuthorized))] {
            let mut book = Book::with(50_000);
            book.ask_with(&purchase(authorized), &held_by(HoldPolicy { tolerance, ..HoldPolicy::PLAIN }, []));
            let outcome = book.tell(captured(silent + above, Finality::Final));
            assert_eq!((outcome.posted, outcome.finding), (-(silent + above), finding), "{what}");
            assert_eq!((book.held(), book.posted()), (0, 50_000 - silent - above), "{what}");
        }
    }
}

#[test]
fn several_clearings_and_a_final_one_free_the_rest() {
    let mut book = Book::open();
    for (minor, finality, held) in [(30, Finality::More, 70), (30, Finality::More, 40), (10, Finality::Final, 0)] {
        assert_eq!(book.tell(captured(minor, finality)).finding, None);
        assert_eq!(book.hold().held, held);
    }
    assert_eq!((book.hold().status, book.hold().captured, book.available()), (HoldStatus::Captured, 70, 930));
}

#[test]
fn a_clearing_after_expiry_posts_in_full() {
    let mut book = Book::open();
    book.tell(released(ReleaseCause::Expired));
    let outcome = book.tell(captured(100, Finality::Final));
    assert_eq!((outcome.posted, outcome.finding), (-100, Some(Finding::CapturedAfterEnd)));
    assert_eq!((book.held(), book.available()), (0, 900));
}

#[test]
fn an_expiry_that_races_a_capture_ends_in_the_same_money() {
    for finality in [Finality::Final, Finality::More] {
        for (first, second) in [(1_100, 1_200), (1_200, 1_100), (1_100, 1_100)] {
            let mut histories = [Book::open(), Book::open()];
            histories[0].tell_at(first, captured(60, finality));
            histories[0].tell_at(second, released(ReleaseCause::Expired));
            histories[1].tell_at(second, released(ReleaseCause::Expired));
            histories[1].tell_at(first, captured(60, finality));
            for book in &histories {
                assert_eq!((book.held(), book.posted(), book.hold().status), (0, 940, HoldStatus::Captured));
            }
            assert_eq!(histories[0].hold(), histories[1].hold());
        }
    }
}

#[test]
fn a_clearing_before_the_authorizations_own_record_holds_nothing_more() {
    let mut book = Book::with(1_000);
    assert_eq!(book.tell_at(1_200, captured(100, Finality::Final)).finding, Some(Finding::ForcePosted));
    let outcome = book.tell_at(1_100, recorded("k", approved(100)));
    assert_eq!((outcome.posted, outcome.held), (0, 0));
    assert_eq!((book.held(), book.available()), (0, 900));
}

#[test]
fn a_force_post_without_an_authorization_may_overdraw() {
    let mut book = Book::with(10);
    let fact = Fact::Captured { payment: None, amount: usd(5_000), finality: Finality::Final };
    let outcome = book.tell(fact);
    assert_eq!((outcome.posted, outcome.finding), (-5_000, Some(Finding::ForcePosted)));
    assert_eq!(outcome.cause, Some(MovementCause::NetworkSettlement));
    assert_eq!(book.available(), -4_990);
}

#[test]
fn a_reversal_of_a_stand_in_frees_it_whichever_comes_first() {
    for posting in [Posting::Hold, Posting::Immediate] {
        let mut book = Book::with(10);
        book.tell_at(1_100, recorded("k", stood_in(100, posting)));
        assert_eq!(book.available(), -90, "booked unconditionally");
        book.tell_at(1_200, released(ReleaseCause::Reversed));
        assert_eq!((book.available(), book.held()), (10, 0));

        let mut early = Book::with(10);
        early.tell_at(1_200, released(ReleaseCause::Reversed));
        early.tell_at(1_100, recorded("k", stood_in(100, posting)));
        assert_eq!(early.hold(), book.hold());
        assert_eq!(early.account, book.account);
    }
    // Our own stand-in: reversed before the spool could tell the ledger of it.
    let mut book = Book::with(10);
    book.tell_at(1_200, released(ReleaseCause::Reversed));
    book.adopt(&purchase(100), yes(100));
    assert_eq!((book.available(), book.hold().status), (10, HoldStatus::Released));
}

#[test]
fn a_refund_without_a_link_is_credited_and_touches_no_hold() {
    let mut book = Book::open();
    let refund = Fact::Credited { payment: None, amount: usd(40), cause: MovementCause::NetworkSettlement };
    let outcome = book.tell(refund);
    assert_eq!((outcome.posted, outcome.held, outcome.step), (40, 0, None));
    assert_eq!((book.held(), book.available()), (100, 940));
    // And one that is linked to a payment that nobody knows.
    let mut book = Book::with(0);
    let refund = Fact::Credited { payment: Some(payment("p")), amount: usd(40), cause: MovementCause::NetworkSettlement };
    assert_eq!((book.tell(refund).posted, book.hold().status), (40, HoldStatus::Unplaced));
}

#[test]
fn a_duplicate_across_a_restart_is_applied_once() {
    for fact in [
        captured(60, Finality::More),
        reduced(30),
        totalled(150),
        released(ReleaseCause::Reversed),
        recorded("other", stood_in(130, Posting::Hold)),
        Fact::Completed { payment: payment("p"), amount: usd(60) },
        Fact::Credited { payment: Some(payment("p")), amount: usd(60), cause: MovementCause::Dispute },
        Fact::Debited { payment: Some(payment("p")), amount: usd(60), cause: MovementCause::Fee },
    ] {
        let mut book = Book::open();
        book.hear(&message("once", fact));
        let (hold, account) = (book.hold(), book.account);
        book.forget_keys();
        let again = book.hear(&ToldEvent { occurred_at: Some(at(5_000)), ..message("once", fact) });
        assert_eq!(again, Outcome::nothing(Finding::HeardBefore), "{fact:?}");
        assert_eq!((book.hold(), book.account), (hold, account), "{fact:?}");
    }
}

#[test]
fn a_reversal_in_the_transaction_currency_is_full_when_it_is_full_there() {
    let abroad = AuthorizationRequest { original: Some(eur(10_000)), ..purchase(11_000) };
    let reversal = |minor, original| Fact::Reduced { payment: payment("p"), by: usd(minor), original: Some(eur(original)) };
    // Billing moved since: the amounts told in it are no longer those that were held. Then what is held after each reversal.
    type Reversal = (i64, i64, i64);
    let table: [(&str, &[Reversal]); 6] = [
        ("full, less in billing", &[(10_500, 10_000, 0)]),
        ("full, more in billing", &[(11_500, 10_000, 0)]),
        ("half", &[(6_000, 5_000, 5_500)]),
        ("half and half", &[(6_000, 5_000, 5_500), (5_100, 5_000, 0)]),
        ("a third, a third and a third", &[(1, 3_333, 7_334), (1, 3_333, 3_668), (1, 3_334, 0)]),
        ("more than there was", &[(1, 10_001, 0)]),
    ];
    for (what, reversals) in table {
        let mut book = Book::with(20_000);
        book.ask(&abroad);
        for (by, original, held) in reversals {
            book.tell(reversal(*by, *original));
            assert_eq!(book.held(), *held, "{what}");
        }
    }
    // What the merchant asked for is not what was approved in part, nor what the platform recorded instead: billing speaks, too.
    let in_part = held_by(HoldPolicy { partial_min: Some(1), ..HoldPolicy::PLAIN }, []);
    let mut book = Book::with(8_800);
    book.ask_with(&AuthorizationRequest { partial_approval: PartialApproval::Supported, ..abroad }, &in_part);
    assert_eq!(book.held(), 8_800);
    book.tell(reversal(8_800, 8_000));
    assert_eq!(book.held(), 0);
    for (recorded_minor, by, original, held) in [(8_800, 8_800, 8_000, 0), (13_200, 5_500, 5_000, 7_700)] {
        let mut book = Book::with(20_000);
        book.ask(&abroad);
        book.tell(recorded("k", approved(recorded_minor)));
        book.tell(reversal(by, original));
        assert_eq!(book.held(), held, "{recorded_minor}");
    }
    // Where the two cannot be compared, billing speaks.
    for (told, held) in [(None, 10_700), (Some(usd(10_000)), 10_700), (Some(eur(0)), 10_700), (Some(eur(-5_000)), 10_700)] {
        let mut book = Book::with(20_000);
        book.ask(&abroad);
        book.tell(Fact::Reduced { payment: payment("p"), by: usd(300), original: told });
        assert_eq!(book.held(), held, "{told:?}");
    }
}

// --- ours, once ------------------------------------------------------------------------------------------------------

#[test]
fn a_word_that_is_said_again_counts_once() {
    let adds = |minor| Fact::Recorded {
        payment: payment("p-more"),
        asked: key("unknown to us"),
        increments: Some(payment("p")),
        outcome: stood_in(minor, Posting::Hold),
    };
    let mut book = Book::open();
    book.tell_at(1_100, adds(50));
    book.tell_at(1_300, adds(50));
    assert_eq!(book.held(), 150, "an increment, recorded twice");
    book.tell_at(1_200, captured(150, Finality::Final));
    assert_eq!(book.held(), 0, "its second record, after the last clearing, begins nothing anew");
    book.tell_at(1_400, adds(70));
    assert_eq!(book.held(), 0);
}

#[test]
fn a_decline_that_was_taken_back_holds_again() {
    for (first, last, held) in [
        (RecordedOutcome::Declined, approved(100), 100),
        (approved(100), RecordedOutcome::Declined, 0),
        (stood_in(100, Posting::Hold), stood_in(80, Posting::Hold), 80),
    ] {
        for asked_us in [false, true] {
            let mut book = Book::with(1_000);
            if asked_us {
                book.ask(&purchase(100));
            }
            book.tell_at(1_100, recorded("k", first));
            book.tell_at(1_200, recorded("k", last));
            assert_eq!(book.held(), held, "{first:?}, {last:?}, asked us: {asked_us}");
        }
    }
}

#[test]
fn a_total_that_nobody_approved_holds_nothing() {
    let mut book = Book::with(1_000);
    assert_eq!(book.tell(totalled(300)).finding, Some(Finding::PaymentUnknown));
    assert_eq!((book.held(), book.hold().status), (0, HoldStatus::Unplaced));
    book.tell(recorded("k", approved(100)));
    assert_eq!(book.held(), 300, "it was true of the payment all the same");
}

/// What happens to a payment, in one order or another.
type Happens<'a> = &'a dyn Fn(&mut Book);

#[test]
fn a_total_of_what_was_declined_after_all_holds_nothing_whatever_comes_first() {
    let counting = proceed([limit(1, None, None)]);
    let declined = recorded("k", RecordedOutcome::Declined);
    // The total is of before the decline, of its second, or of after it.
    for total_at in [1_100, 1_200, 1_300] {
        for question in [purchase(100), single_message(100)] {
            let asks: Happens<'_> = &|book| drop(book.ask_with(&question, &counting));
            let adopts: Happens<'_> = &|book| drop(book.adopt(&question, yes(100)));
            let advises: Happens<'_> = &|book| drop(book.tell_at(total_at, totalled(150)));
            let declines: Happens<'_> = &|book| drop(book.tell_at(1_200, declined));
            for opens in [asks, adopts] {
                for order in [
                    [opens, advises, declines],
                    [opens, declines, advises],
                    [advises, opens, declines],
                    [declines, opens, advises],
                    [advises, declines, opens],
                    [declines, advises, opens],
                ] {
                    let mut book = Book::with(1_000);
                    order.iter().for_each(|happens| happens(&mut book));
                    assert_eq!((book.held(), book.available()), (0, 1_000), "{total_at} {question:?}");
                    assert_eq!(book.counted(1, DAY), (0, 0), "{total_at} {question:?}");
                    // Approved again after that, it is held as the total says.
                    book.tell_at(1_400, recorded("k", approved(100)));
                    assert_eq!(book.available(), 850, "{total_at} {question:?}");
                }
            }
        }
    }
}

#[test]
fn what_else_was_approved_of_a_payment_whose_opening_was_declined_stays() {
    let later = AuthorizationRequest { key: key("later"), occurred_at: Some(at(1_250)), ..purchase(40) };
    let declines: Happens<'_> = &|book| drop(book.tell_at(1_200, recorded("k", RecordedOutcome::Declined)));
    let advises: Happens<'_> = &|book| drop(book.tell_at(1_100, totalled(170)));
    let advises_less: Happens<'_> = &|book| drop(book.tell_at(1_150, totalled(30)));
    let advises_after: Happens<'_> = &|book| drop(book.tell_at(1_300, totalled(80)));
    let adds: Happens<'_> = &|book| drop(book.ask(&increment("more", 50)));
    let asks_once_more: Happens<'_> = &|book| drop(book.ask(&later));
    let is_approved_elsewhere: Happens<'_> = &|book| drop(book.tell_at(1_050, recorded("another name", approved(120))));
    let is_approved_later: Happens<'_> = &|book| drop(book.tell_at(1_250, recorded("another name", approved(120))));
    // What happens to a payment of 100 under `k`, and what is held then.
    let table: [(&str, &[Happens<'_>], i64); 10] = [
        ("an increment stands", &[adds, advises, declines], 50),
        ("the decline comes before the total of before it", &[adds, declines, advises], 50),
        ("less than that was wanted before", &[adds, advises, advises_less, declines], 30),
        ("a total after the decline is of what stands", &[adds, advises, declines, advises_after], 80),
        ("where nothing stands it is of nothing", &[advises, declines, advises_after], 0),
        ("the payment is asked for anew", &[declines, asks_once_more], 40),
        ("and no total of before is of that", &[advises, declines, asks_once_more], 40),
        ("but one of after it", &[advises, declines, asks_once_more, advises_after], 80),
        ("the platform had approved it under another name", &[is_approved_elsewhere, advises, declines], 170),
        ("or does so afterwards", &[advises, declines, is_approved_later], 120),
    ];
    for (what, happens, held) in table {
        let mut book = Book::open();
        happens.iter().for_each(|happens| happens(&mut book));
        assert_eq!(book.held(), held, "{what}");
    }
    // A told increment that was taken back before the total, and is told yes to only now, is held.
    let mut book = Book::open();
    let more =
        || Fact::Recorded { payment: payment("p"), asked: key("more"), increments: Some(payment("p")), outcome: approved(50) };
    for (seconds, fact) in
        [(1_010, more()), (1_020, totalled(0)), (1_030, totalled(120)), (1_200, recorded("k", RecordedOutcome::Declined))]
    {
        book.tell_at(seconds, fact);
    }
    assert_eq!(book.held(), 0);
    book.adopt(&increment("more", 50), yes(50));
    assert_eq!(book.held(), 50);
}

#[test]
fn what_was_declined_before_we_were_asked_lends_no_total_to_what_is_added() {
    // In whatever order they come, and whether the total is of before the decline or of after it.
    for total_at in [1_100, 1_300] {
        let declines: Happens<'_> = &|book| drop(book.tell_at(1_200, recorded("k", RecordedOutcome::Declined)));
        let advises: Happens<'_> = &|book| drop(book.tell_at(total_at, totalled(150)));
        for order in [[declines, advises], [advises, declines]] {
            let mut book = Book::with(1_000);
            order.iter().for_each(|happens| happens(&mut book));
            book.adopt(&increment("more", 50), yes(50));
            assert_eq!(book.held(), 50, "{total_at}");
        }
    }
}

/// The platform's word on a question that it says added to the payment `p`.
fn recorded_increment(asked: &str, outcome: RecordedOutcome) -> Fact {
    Fact::Recorded { payment: payment("p"), asked: key(asked), increments: Some(payment("p")), outcome }
}

#[test]
fn a_total_keeps_nothing_of_an_increment_that_was_declined_after_it() {
    let adds: Happens<'_> =
        &|book| drop(book.ask(&AuthorizationRequest { occurred_at: Some(at(1_100)), ..increment("more", 40) }));
    let is_told_to_add: Happens<'_> = &|book| drop(book.tell_at(1_100, recorded_increment("more", approved(40))));
    let adds_again: Happens<'_> =
        &|book| drop(book.ask(&AuthorizationRequest { occurred_at: Some(at(1_150)), ..increment("again", 30) }));
    let declined = || recorded_increment("more", RecordedOutcome::Declined);
    let declines: Happens<'_> = &|book| drop(book.tell_at(1_300, declined()));
    let declines_early: Happens<'_> = &|book| drop(book.tell_at(1_120, declined()));
    let advises = |total: i64| move |book: &mut Book| drop(book.tell_at(1_200, totalled(total)));
    let (all, less, much_less, more) = (advises(140), advises(120), advises(60), advises(190));
    let another_name: Happens<'_> = &|book| drop(book.tell_at(1_200, recorded("another name", approved(140))));
    // What happens to a payment of 100 under `k`, and what is held then, whichever way the increment came to be.
    let takes_back = |by: i64| move |book: &mut Book| drop(book.tell_at(1_160, reduced(by)));
    let table: [(&str, &[Happens<'_>], i64); 12] = [
        ("what had been taken back before is named by no total", &[&takes_back(40), &advises(100), &declines], 100),
        ("of what was taken back in part it names the rest", &[&takes_back(20), &advises(120), &declines], 100),
        ("what was added last was taken back first", &[&adds_again, &takes_back(30), &advises(140), &declines], 100),
        ("what was declined is in no total", &[&all, &declines], 100),
        ("nor in one that came before it", &[&declines, &all], 100),
        ("a total told after the decline has none of it", &[&declines_early, &all], 140),
        ("nor does what was wanted less make more of it", &[&less, &declines], 100),
        ("what is less than all the rest stays that", &[&much_less, &declines], 60),
        ("what nobody knows of stays in it", &[&more, &declines], 150),
        ("what else was added stays", &[&adds_again, &advises(170), &declines], 130),
        ("without a total it is gone as ever", &[&declines], 100),
        ("what was declined already when it was told is no part of it", &[&declines_early, &declines, &less], 120),
    ];
    for (what, happens, held) in table {
        for first in [adds, is_told_to_add] {
            let mut book = Book::open();
            first(&mut book);
            happens.iter().for_each(|happens| happens(&mut book));
            assert_eq!(book.held(), held, "{what}");
        }
    }
    // The payment's total under a name that we were not asked by is a total, too.
    for happens in [[another_name, declines], [declines, another_name]] {
        let mut book = Book::open();
        adds(&mut book);
        happens.iter().for_each(|happens| happens(&mut book));
        assert_eq!(book.held(), 100);
    }
}

#[test]
fn what_the_platform_alone_approved_is_not_held_for_ever() {
    let safety_timer = i64::from(HoldPolicy::PLAIN.safety_timer_seconds);
    for (outcome, expires_at) in [
        (approved(100), Some(at(1_100 + safety_timer))),
        (stood_in(100, Posting::Hold), Some(at(1_100 + safety_timer))),
        (stood_in(100, Posting::Immediate), None),
    ] {
        let mut book = Book::with(1_000);
        book.tell_at(1_100, recorded("k", outcome));
        assert_eq!(book.hold().expires_at, expires_at, "{outcome:?}");
    }
    // What was declined, approved by the platform after all, and then given another total.
    let mut book = Book::open();
    book.tell_at(1_001, recorded("k", RecordedOutcome::Declined));
    book.tell_at(1_002, recorded("k", approved(100)));
    book.tell_at(1_003, totalled(70));
    assert_eq!((book.held(), book.hold().expires_at), (70, Some(at(1_003 + safety_timer))));
    // A total after the end begins a new life, that does not end at once.
    let mut book = Book::open();
    let day = 86_400;
    book.tell_at(40 * day, released(ReleaseCause::SafetyTimer));
    book.tell_at(41 * day, totalled(70));
    assert_eq!((book.held(), book.hold().expires_at), (70, Some(at(41 * day + safety_timer))));
}

#[test]
fn a_total_that_is_told_late_lives_its_own_time() {
    let safety_timer = i64::from(HoldPolicy::PLAIN.safety_timer_seconds);
    // What was told of a payment of 100 on which day, before a total on that day.
    let day = 86_400;
    for (before, total_on) in [
        (vec![(1, reduced(100))], 75),
        (vec![(1, captured(100, Finality::More)), (2, reduced(100))], 75),
        (vec![], 34),
        (vec![(41, released(ReleaseCause::SafetyTimer))], 75),
    ] {
        let mut book = Book::open();
        before.iter().for_each(|(on, fact)| drop(book.tell_at(on * day, *fact)));
        book.tell_at(total_on * day, totalled(130));
        let expires_at = Some(at(total_on * day + safety_timer));
        assert_eq!((book.hold().status, book.hold().expires_at), (HoldStatus::Open, expires_at), "{before:?}");
    }
    // What was debited at once waits for no timer.
    let mut book = Book::with(1_000);
    book.ask(&single_message(100));
    let waits = book.hold().expires_at;
    book.tell_at(75 * day, totalled(130));
    assert_eq!(book.hold().expires_at, waits);
}

#[test]
fn an_increment_is_not_paid_from_what_was_held_untold() {
    let mut book = Book::with(100);
    book.tell(recorded("unknown to us", stood_in(100, Posting::Hold)));
    assert_eq!(book.available(), 0);
    assert_eq!(book.ask(&increment("more", 50)).decision, declines(DeclineReason::InsufficientFunds));
    assert_eq!(book.ask(&purchase(100)).decision, approves(100), "but its own question is");
    assert_eq!(book.available(), 0);
}

#[test]
fn what_is_asked_now_costs_what_it_adds_whatever_totals_say() {
    let again = |minor| AuthorizationRequest { key: key("again"), ..purchase(minor) };
    // What was told of a payment of 100 before, by a platform whose clock may be ahead. Then what is asked, and whether the
    // payment may still be added to.
    let ahead = 2_000;
    for (facts, can_be_added_to) in [
        (vec![captured(100, Finality::More), totalled(100)], false),
        (vec![captured(60, Finality::More), totalled(60)], false),
        (vec![captured(100, Finality::Final)], false),
        (vec![captured(150, Finality::Final)], false),
        (vec![captured(150, Finality::More)], false),
        (vec![released(ReleaseCause::Reversed)], false),
        (vec![released(ReleaseCause::Expired)], false),
        (vec![totalled(10)], true),
        (vec![totalled(150)], true),
        (vec![reduced(60)], true),
        (vec![captured(40, Finality::More)], true),
        (vec![recorded("another name", stood_in(120, Posting::Hold))], true),
    ] {
        for request in [again(50), increment("more", 50)] {
            if request.increments.is_some() && !can_be_added_to {
                continue;
            }
            for (missing, approved) in [(0, true), (1, false)] {
                let mut book = Book::open();
                facts.iter().for_each(|fact| drop(book.tell_at(ahead, *fact)));
                let fee = book.available() - 50 + missing;
                book.tell(Fact::Debited { payment: None, amount: usd(fee), cause: MovementCause::Fee });
                let outcome = book.ask(&request);
                let expected = if approved { approves(50) } else { declines(DeclineReason::InsufficientFunds) };
                assert_eq!((outcome.decision, outcome.held), (expected, if approved { 50 } else { 0 }), "{facts:?} {request:?}");
            }
        }
    }
}

#[test]
fn what_was_told_without_the_ledger_holds_what_it_was_told_whatever_totals_say() {
    // What was told of a payment of 100 before the answer, 50 more, is adopted; by a platform whose clock may be ahead.
    for facts in [
        vec![captured(100, Finality::More), totalled(100)],
        vec![captured(100, Finality::Final)],
        vec![captured(150, Finality::Final)],
        vec![released(ReleaseCause::Reversed)],
        vec![released(ReleaseCause::Expired)],
        vec![totalled(10)],
        vec![totalled(150)],
        vec![reduced(60)],
        vec![recorded("another name", stood_in(120, Posting::Hold))],
    ] {
        for asked in [AuthorizationRequest { key: key("again"), ..purchase(50) }, increment("more", 50)] {
            for occurred_at in [None, Some(at(990)), Some(at(2_500))] {
                let request = AuthorizationRequest { occurred_at, ..asked };
                let mut book = Book::open();
                facts.iter().for_each(|fact| drop(book.tell_at(2_000, *fact)));
                let held = book.held();
                assert_eq!(book.adopt(&request, yes(50)).held, 50, "{facts:?} {request:?}");
                // An answer that turns out otherwise stays where it is.
                for (told, more) in [(NO, 0), (yes(20), 20), (yes(50), 50)] {
                    book.adopt(&request, told);
                    assert_eq!(book.held(), held + more, "{told:?} after {facts:?} {request:?}");
                }
            }
        }
    }
    // What comes after it covers it.
    let mut book = Book::open();
    book.tell_at(2_000, totalled(100));
    book.adopt(&increment("more", 50), yes(50));
    book.tell_at(2_100, totalled(150));
    assert_eq!(book.held(), 150);
    book.tell_at(2_200, captured(150, Finality::Final));
    assert_eq!((book.held(), book.posted()), (0, 850));
}

#[test]
fn what_is_added_is_stamped_far_ahead_and_ends_with_its_payment_all_the_same() {
    let eight_hours_ahead = AuthorizationRequest { occurred_at: Some(at(1_000 + 8 * 3_600)), ..increment("more", 50) };
    for end in [released(ReleaseCause::Reversed), captured(150, Finality::Final), captured(120, Finality::Final)] {
        let mut book = Book::open();
        assert_eq!(book.ask(&eight_hours_ahead).decision, approves(50));
        assert_eq!(book.held(), 150);
        book.tell_at(1_060, end);
        assert_eq!(book.held(), 0, "{end:?}");
    }
    // What is a little ahead is the platform's clock, and so is what it tells then.
    let mut book = Book::open();
    book.ask(&AuthorizationRequest { occurred_at: Some(at(1_200)), ..increment("more", 50) });
    book.tell_at(1_100, captured(150, Finality::Final));
    assert_eq!(book.held(), 50, "an end that came before it");
}

#[test]
fn what_ends_by_us_ends_what_is_there_however_far_ahead_the_platforms_clock_is() {
    let ahead = 1_000_000;
    let more = AuthorizationRequest { occurred_at: Some(at(ahead)), ..increment("more", 50) };
    let adds = Fact::Recorded {
        payment: payment("p-more"),
        asked: key("x"),
        increments: Some(payment("p")),
        outcome: stood_in(70, Posting::Hold),
    };
    for fact in [None, Some(totalled(60)), Some(adds)] {
        for end in [Order::Release, Order::Capture { amount: usd(0), finality: Finality::Final }] {
            let mut book = Book::open();
            book.ask(&more);
            fact.into_iter().for_each(|fact| drop(book.tell_at(ahead + 10, fact)));
            book.order("end", end);
            assert_eq!((book.held(), book.hold().status), (0, HoldStatus::Released), "{fact:?} {end:?}");
        }
        let mut book = Book::open();
        book.ask(&more);
        fact.into_iter().for_each(|fact| drop(book.tell_at(ahead + 10, fact)));
        let ends_at = life::ends_at(&book.payments[&payment("p").authorization].steps, at(3_000));
        book.hear(&ToldEvent { occurred_at: Some(ends_at), ..message("expiry", released(ReleaseCause::SafetyTimer)) });
        assert_eq!((book.held(), book.hold().status), (0, HoldStatus::Expired), "{fact:?}");
    }
}

#[test]
fn a_second_question_about_a_payment_is_held_until_the_platforms_total_covers_it() {
    let mut book = Book::open();
    book.tell(captured(100, Finality::More));
    book.tell(totalled(100));
    book.ask(&AuthorizationRequest { key: key("again"), ..purchase(50) });
    assert_eq!((book.held(), book.available()), (50, 850));
    book.tell(captured(50, Finality::More));
    book.tell(totalled(150));
    assert_eq!((book.held(), book.available(), book.hold().status), (0, 850, HoldStatus::Captured));
    // One that nobody heard is undone where it is, and comes back there.
    let mut book = Book::open();
    let again = AuthorizationRequest { key: key("again"), ..purchase(50) };
    book.tell_at(2_000, totalled(100));
    book.ask(&again);
    for (told, held) in [(NO, 100), (yes(50), 150), (yes(20), 120)] {
        book.adopt(&again, told);
        assert_eq!(book.held(), held, "{told:?}");
    }
}

#[test]
fn a_question_that_was_asked_after_a_partial_clearing_holds_the_rest() {
    let mut book = Book::with(1_000);
    book.tell(captured(60, Finality::More));
    assert_eq!(book.ask(&purchase(100)).held, 40);
    assert_eq!(book.available(), 900);
}

#[test]
fn a_message_with_the_key_of_its_question_is_no_duplicate_of_it() {
    let mut book = Book::open();
    assert_eq!(book.hear(&message("k", captured(100, Finality::Final))).posted, -100);
    assert_eq!((book.held(), book.posted()), (0, 900));
    // Nor may an order, or an answer, stand in a message's place.
    book.adopt(&purchase(100), NO);
    book.order("k", Order::Release);
    assert_eq!(book.posted(), 900);
}

#[test]
fn an_order_cannot_stand_in_the_place_of_another_step() {
    let mut book = Book::open();
    book.order("first", Order::Capture { amount: usd(60), finality: Finality::More });
    book.forget_keys();
    let stolen = AuthorizationRequest { key: key("first"), ..purchase(60) };
    assert_eq!(book.ask(&stolen).finding, Some(Finding::Conflict));
    assert_eq!(book.adopt(&stolen, yes(60)), Outcome::nothing(Finding::Conflict));
    assert_eq!(book.order("k", Order::Release).finding, Some(Finding::Conflict));
    assert_eq!((book.held(), book.posted()), (40, 940));
}

#[test]
fn a_reversed_refund_can_be_refunded_again() {
    let mut book = Book::open();
    book.order("capture", Order::Capture { amount: usd(100), finality: Finality::Final });
    book.order("refund", Order::Refund { amount: usd(100) });
    book.tell(Fact::Debited { payment: Some(payment("p")), amount: usd(100), cause: MovementCause::NetworkSettlement });
    assert_eq!(book.order("again", Order::Refund { amount: usd(100) }).posted, 100);
}

#[test]
fn a_reversal_leaves_what_was_captured_authorized() {
    let mut book = Book::open();
    book.tell(captured(60, Finality::More));
    book.tell(reduced(100));
    let adds = Fact::Recorded {
        payment: payment("p-more"),
        asked: key("more"),
        increments: Some(payment("p")),
        outcome: stood_in(50, Posting::Hold),
    };
    book.tell(adds);
    assert_eq!(book.held(), 50, "what was added after it is held in full");
}

#[test]
fn a_question_that_the_platform_declined_does_not_hide_another_that_it_approved() {
    let mut book = Book::open();
    book.tell(recorded("k", RecordedOutcome::Declined));
    book.tell(recorded("second attempt", approved(100)));
    assert_eq!(book.held(), 100);
}

#[test]
fn what_is_held_on_top_shrinks_with_what_it_is_held_on() {
    // 50 and 10 on top; then what is held after each reversal and capture.
    let more = |minor| captured(minor, Finality::More);
    let table: [&[(Fact, i64)]; 12] = [
        &[(reduced(40), 12)],
        &[(reduced(25), 30), (reduced(15), 12)],
        // Of what was not captured yet, as much of what is on top goes as of the rest.
        &[(more(10), 50), (reduced(20), 25), (reduced(10), 13), (reduced(10), 0)],
        &[(more(10), 50), (reduced(40), 0)],
        &[(more(10), 50), (reduced(50), 0)],
        // Whichever comes first.
        &[(reduced(20), 36), (more(30), 0)],
        &[(reduced(20), 36), (more(20), 16), (more(10), 0)],
        // A clearing that is not the last one may be followed by the tip, unless the merchant gives something back.
        &[(more(50), 10), (reduced(50), 0), (reduced(10), 0)],
        &[(more(50), 10), (reduced(0), 10), (reduced(10), 0)],
        &[(more(50), 10), (more(7), 0)],
        &[(more(57), 0), (reduced(3), 0)],
        &[(more(60), 0)],
    ];
    for facts in table {
        let mut book = Book::with(1_000);
        book.ask_with(&purchase(50), &held_by(HoldPolicy { extra: 10, ..HoldPolicy::PLAIN }, []));
        for (fact, held) in facts {
            book.tell(*fact);
            assert_eq!(book.held(), *held, "{facts:?}");
        }
    }
}

#[test]
fn what_is_held_on_top_of_another_currency_goes_with_the_rest_of_it() {
    let policy = HoldPolicy { extra: 1_840, ..HoldPolicy::PLAIN };
    let mut book = Book::with(100_000);
    let request = AuthorizationRequest { original: Some(eur(8_000)), ..purchase(8_000) };
    assert_eq!(book.ask_with(&request, &held_by(policy, [])).held, 9_840);
    book.tell(captured(4_000, Finality::More));
    book.tell(Fact::Reduced { payment: payment("p"), by: usd(3_800), original: Some(eur(4_000)) });
    assert_eq!((book.held(), book.hold().status), (0, HoldStatus::Captured));
}

#[test]
fn what_was_on_top_and_is_let_go_does_not_come_back_with_more() {
    // Told of 50 and 10 on top, before 20 more; then what is held.
    for (before, held) in [
        (vec![captured(57, Finality::More)], 20),
        (vec![captured(50, Finality::More)], 30),
        (vec![captured(30, Finality::More), reduced(20)], 20),
        (vec![reduced(20), captured(30, Finality::More)], 20),
        (vec![reduced(20), captured(25, Finality::More)], 31),
    ] {
        let mut book = Book::with(1_000);
        book.ask_with(&purchase(50), &held_by(HoldPolicy { extra: 10, ..HoldPolicy::PLAIN }, []));
        before.iter().for_each(|fact| drop(book.tell(*fact)));
        // Told without us: what is over takes no increment that we are asked for.
        let request = AuthorizationRequest { occurred_at: Some(book.now), ..increment("more", 20) };
        book.adopt_with(&request, yes(20), ASKED, None);
        assert_eq!(book.held(), held, "{before:?}");
    }
}

#[test]
fn a_capture_above_the_tolerance_is_found_as_that_also_after_the_whole_was_captured() {
    use Finding::{CapturedAboveAuthorized, CapturedAfterEnd};
    // Of 50 and a tolerance of 10: captures, whether each is the last one, and what is found of it.
    let (more, last) = (Finality::More, Finality::Final);
    for captures in [
        vec![(60, more, None), (1, more, Some(CapturedAboveAuthorized))],
        vec![(50, more, None), (10, more, None), (1, last, Some(CapturedAboveAuthorized))],
        vec![(60, last, None), (1, last, Some(CapturedAboveAuthorized))],
        vec![(50, last, None), (10, last, Some(CapturedAfterEnd)), (1, last, Some(CapturedAboveAuthorized))],
    ] {
        let mut book = Book::with(1_000);
        book.ask_with(&purchase(50), &held_by(HoldPolicy { tolerance: 10, ..HoldPolicy::PLAIN }, []));
        for (minor, finality, finding) in &captures {
            assert_eq!(book.tell(captured(*minor, *finality)).finding, *finding, "{minor} of {captures:?}");
        }
    }
}

#[test]
fn what_is_told_above_what_was_approved_counts_in_its_limits() {
    let counting = |window| proceed([LimitCheck { window, ..limit(1, None, None) }]);
    // What was told of a payment of 10 that counts today, and 5 more that count tomorrow; then what each counts.
    for (facts, today, tomorrow) in [
        (vec![totalled(60)], 55, 5),
        (vec![captured(60, Finality::Final)], 55, 5),
        (vec![totalled(60), captured(70, Finality::Final)], 65, 5),
        (vec![totalled(60), captured(20, Finality::Final)], 15, 5),
        (vec![totalled(60), totalled(12)], 10, 2),
        (vec![totalled(60), released(ReleaseCause::Reversed)], 0, 0),
        (vec![recorded("another name", stood_in(40, Posting::Hold))], 40, 5),
    ] {
        let mut book = Book::with(1_000);
        book.ask_with(&purchase(10), &counting(DAY));
        book.ask_with(&increment("more", 5), &counting(NEXT_DAY));
        facts.iter().for_each(|fact| drop(book.tell(*fact)));
        assert_eq!((book.counted(1, DAY).0, book.counted(1, NEXT_DAY).0), (today, tomorrow), "{facts:?}");
    }
    // Only what counts at all.
    let mut book = Book::with(1_000);
    book.ask(&purchase(10));
    book.ask_with(&increment("more", 5), &counting(NEXT_DAY));
    book.tell(totalled(60));
    assert_eq!(book.counted(1, NEXT_DAY).0, 50);
}

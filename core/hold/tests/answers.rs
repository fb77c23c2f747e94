//! How much is said yes to, where the platform recorded another amount than was told or is asked.

use super::*;

/// What was told stays told; as much is held as the platform recorded.
#[test]
fn a_retry_hears_what_was_told_whatever_amount_the_platform_recorded() {
    let retry = |book: &mut Book, request: &AuthorizationRequest| {
        let heard = book.ask(request).decision;
        // The question's own step tells as much as its key did.
        book.forget_keys();
        assert_eq!(book.ask(request).decision, heard, "{request:?}");
        heard
    };
    for (outcome, held) in
        [(approved(18), 18), (approved(9), 9), (stood_in(18, Posting::Hold), 18), (stood_in(9, Posting::Hold), 9)]
    {
        // Decided by us, and told without the ledger, before the word and after it.
        let mut decided = Book::with(1_000);
        decided.ask(&purchase(15));
        let mut told = Book::with(1_000);
        told.adopt(&purchase(15), yes(15));
        for book in [&mut decided, &mut told] {
            book.tell(recorded("k", outcome));
        }
        let mut after = Book::with(1_000);
        after.tell(recorded("k", outcome));
        after.adopt(&purchase(15), yes(15));
        for mut book in [decided, told, after] {
            assert_eq!(book.held(), held, "{outcome:?}");
            assert_eq!(book.adopt(&purchase(15), yes(15)), Outcome::nothing(Finding::HeardBefore), "{outcome:?}");
            assert_eq!(retry(&mut book, &purchase(15)), approved_before(15), "{outcome:?}");
            assert_eq!(book.held(), held, "{outcome:?}");
        }
        // An increment as well.
        let adds = Fact::Recorded { payment: payment("p"), asked: key("more"), increments: Some(payment("p")), outcome };
        let mut book = Book::open();
        book.ask(&increment("more", 15));
        book.tell(adds);
        assert_eq!((retry(&mut book, &increment("more", 15)), book.held()), (approved_before(15), 100 + held), "{outcome:?}");
    }
}

/// The platform's word on a payment counts for a question that it does not name; what is remembered of that stays what it was.
#[test]
fn a_retry_of_what_was_refused_is_approved_where_the_platform_opened_its_payment_under_another_name() {
    let refuses = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") };
    for (recorded_as, is_approved) in [(33, true), (40, true), (32, false)] {
        let mut book = Book::with(1_000);
        let refused = book.ask_with(&purchase(33), &refuses).decision.unwrap().0;
        book.tell(recorded("another name", approved(recorded_as)));
        let heard = if is_approved { approved_before(33) } else { Some((refused, Basis::Replay)) };
        assert_eq!(book.ask_with(&purchase(33), &refuses).decision, heard, "{recorded_as}");
        assert_eq!((book.answered[&key("k")].decision, book.held()), (refused, recorded_as), "{recorded_as}");
    }
}

/// What is told and asked, and in which order.
type Play<'a> = (&'a str, &'a dyn Fn(&mut Book));

/// A decline that the platform approved over is a yes for as long as that is there, and no longer, wherever its question comes.
#[test]
fn a_decline_is_no_yes_once_what_the_platform_approved_over_it_is_over() {
    let refuses = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") };
    let ends = [
        released(ReleaseCause::Reversed),
        released(ReleaseCause::Expired),
        Fact::Replaced { payment: payment("p"), total: usd(0) },
        recorded("k", RecordedOutcome::Declined),
    ];
    let word = || recorded("k", approved(33));
    for end in ends {
        let plays: [Play<'_>; 5] = [
            ("declined without the ledger, first", &|book| {
                drop((book.adopt(&purchase(33), NO), book.tell(word()), book.tell(end)))
            }),
            ("between", &|book| drop((book.tell(word()), book.adopt(&purchase(33), NO), book.tell(end)))),
            ("and last", &|book| drop((book.tell(word()), book.tell(end), book.adopt(&purchase(33), NO)))),
            ("declined by a rule, first", &|book| {
                drop((book.ask_with(&purchase(33), &refuses), book.tell(word()), book.tell(end)));
            }),
            ("and last", &|book| drop((book.tell(word()), book.tell(end), book.ask_with(&purchase(33), &refuses)))),
        ];
        for (when, play) in plays {
            let mut book = Book::with(1_000);
            play(&mut book);
            let heard = book.ask_with(&purchase(33), &refuses).decision.map(|(decision, _)| decision);
            assert!(matches!(heard, Some(Decision::Decline { .. })), "{when}, {end:?}: {heard:?}");
            assert_eq!(book.held(), 0, "{when}, {end:?}");
        }
    }
}

/// An increment that we declined, and the platform approved, is a yes for as long as that much of it is there: what is left of the rest of its
/// payment is none of it.
#[test]
fn a_declined_increment_is_a_yes_only_while_as_much_of_it_is_there() {
    let refuses = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") };
    let adds = |outcome| Fact::Recorded { payment: payment("p"), asked: key("more"), increments: Some(payment("p")), outcome };
    // What is told of a payment of 100 to which 50 were added, from when on; whether the increment is a yes, and what is held.
    let table: [(&str, i64, &[Fact], bool, i64); 15] = [
        ("nothing", 1_200, &[], true, 150),
        ("all of it is taken back", 1_200, &[reduced(50)], false, 100),
        ("a part of it", 1_200, &[reduced(20)], false, 130),
        ("as much, before it was added", 1_050, &[reduced(50)], true, 100),
        ("the total is without it", 1_200, &[totalled(100)], false, 100),
        ("or with a part of it", 1_200, &[totalled(130)], false, 130),
        ("or with it", 1_200, &[totalled(150)], true, 150),
        ("a total brings back what nobody says is of it", 1_200, &[totalled(100), totalled(150)], false, 150),
        ("what came before it is captured", 1_200, &[captured(100, Finality::More)], true, 50),
        ("all is captured", 1_200, &[captured(150, Finality::Final)], true, 0),
        ("only what came before it, for the last time", 1_200, &[captured(100, Finality::Final)], false, 0),
        ("a part of it, for the last time", 1_200, &[captured(120, Finality::Final)], false, 0),
        ("all is let go of", 1_200, &[released(ReleaseCause::Reversed)], false, 0),
        ("it is recorded with less", 1_200, &[adds(approved(20))], true, 120),
        ("and that is taken back", 1_200, &[adds(approved(20)), reduced(20)], false, 100),
    ];
    for (what, from, facts, is_there, held) in table {
        let declines: Play<'_> = ("without the ledger", &|book| drop(book.adopt(&increment("more", 50), NO)));
        let refused: Play<'_> = ("by a rule", &|book| drop(book.ask_with(&increment("more", 50), &refuses)));
        let comes_last: Play<'_> = ("last", &|_| {});
        for (when, play) in [declines, refused, comes_last] {
            let mut book = Book::open();
            play(&mut book);
            book.tell_at(1_100, adds(approved(50)));
            (from..).zip(facts).for_each(|(seconds, fact)| drop(book.tell_at(seconds, *fact)));
            for _ in 0..2 {
                let heard = book.ask_with(&increment("more", 50), &refuses).decision;
                let says_yes = matches!(heard, Some((Decision::Approve { .. }, _)));
                assert_eq!((says_yes, book.held()), (is_there, held), "declined {when}: {what}: {heard:?}");
            }
        }
    }
    // What was added after it is taken back first.
    for (by, is_there) in [(30, true), (31, false)] {
        let mut book = Book::open();
        book.adopt(&increment("more", 50), NO);
        book.tell_at(1_100, adds(approved(50)));
        book.ask(&AuthorizationRequest { occurred_at: Some(at(1_150)), ..increment("still more", 30) });
        book.tell_at(1_200, reduced(by));
        let heard = book.ask(&increment("more", 50)).decision;
        assert_eq!(heard == approved_before(50), is_there, "{by}: {heard:?}");
    }
}

/// What was said yes to only because the platform had approved the payment goes with the platform's decline of that, whatever it calls the
/// question.
#[test]
fn a_yes_by_the_word_on_the_payment_is_none_once_the_payment_is_declined() {
    let refuses = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") };
    let mut book = Book::with(1_000);
    book.tell(recorded("another name", approved(33)));
    let heard = |book: &mut Book| book.ask_with(&purchase(33), &refuses).decision.map(|(decision, _)| decision);
    assert_eq!(heard(&mut book), Some(Decision::Approve { amount: usd(33) }));
    book.tell(recorded("another name", RecordedOutcome::Declined));
    assert!(matches!(heard(&mut book), Some(Decision::Decline { .. })));
    assert_eq!(book.held(), 0);
}

/// No approval is of more than was asked, and a first one of no more than is held for it.
#[test]
fn a_question_that_comes_after_the_word_is_approved_for_what_was_recorded_and_never_for_more_than_it_asks() {
    let refuses = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") };
    let adds = |outcome| Fact::Recorded { payment: payment("p"), asked: key("more"), increments: Some(payment("p")), outcome };
    for (recorded_as, answer) in [(18, 15), (15, 15), (9, 9)] {
        for verdict in [proceed([]), refuses.clone()] {
            let mut book = Book::with(1_000);
            book.tell(recorded("k", approved(recorded_as)));
            assert_eq!(book.ask_with(&purchase(15), &verdict).decision, approves(answer), "{recorded_as} {verdict:?}");
            assert_eq!(book.ask_with(&purchase(15), &verdict).decision, approved_before(answer), "{recorded_as} {verdict:?}");
            // Told again, with another amount: the same, whoever approved it.
            book.tell_at(9_000, recorded("k", approved(17)));
            assert_eq!(book.ask_with(&purchase(15), &verdict).decision, approved_before(answer), "{recorded_as} {verdict:?}");
            assert_eq!(book.held(), 17);
        }
        // The same of what is asked of a payment that another question opened, and of an increment.
        let mut beside = Book::open();
        beside.tell(recorded("later", approved(100 + recorded_as)));
        let later = AuthorizationRequest { key: key("later"), ..purchase(100 + 15) };
        assert_eq!((beside.ask(&later).decision, beside.held()), (approves(100 + answer), 100 + recorded_as), "{recorded_as}");
        let mut added = Book::open();
        added.tell(adds(approved(recorded_as)));
        assert_eq!(added.ask(&increment("more", 15)).decision, approves(answer), "{recorded_as}");
        assert_eq!(added.ask(&increment("more", 15)).decision, approved_before(answer), "{recorded_as}");
        assert_eq!(added.held(), 100 + recorded_as, "{recorded_as}");
    }
    // What is held on top is there, however little was recorded.
    let mut poor = Book::with(15);
    poor.tell(recorded("k", approved(9)));
    poor.ask_with(&purchase(15), &held_by(HoldPolicy { extra: 20, ..HoldPolicy::PLAIN }, []));
    assert_eq!((poor.held(), poor.available()), (15, 0));
}

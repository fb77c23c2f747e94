//! What the ledger approved and the platform heard declined is as if it had never been asked: whatever is told of its payment, before, in
//! between and after that.

use proptest::prelude::*;

use super::order_of_arrival::{Arrival, answers, cases, messages, question, small, verdict};
use super::*;

#[test]
fn a_total_of_what_nobody_heard_holds_nothing() {
    for when in ["before", "in between", "after"] {
        let mut book = Book::with(500);
        let tell = |book: &mut Book, now: &str| drop((now == when).then(|| book.tell(totalled(300))));
        tell(&mut book, "before");
        book.ask(&purchase(100));
        tell(&mut book, "in between");
        book.adopt(&purchase(100), NO);
        tell(&mut book, "after");
        assert_eq!((book.held(), book.hold().status, book.posted()), (0, HoldStatus::Unplaced, 500), "{when}");
    }
    // What the platform says then is believed all the same.
    let mut book = Book::with(500);
    book.ask(&purchase(100));
    book.adopt(&purchase(100), NO);
    book.tell_at(1_001, recorded("k", approved(80)));
    book.tell_at(1_002, totalled(90));
    assert_eq!((book.held(), book.hold().status), (90, HoldStatus::Open));
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_nobody_heard_is_as_if_it_had_never_been_asked(
        asked in question(small()), thought in verdict(), others in answers(), told in messages(0..10),
        (first, then) in (0_usize..10, 0_usize..10),
    ) {
        let first = first.min(told.len());
        let then = then.clamp(first, told.len());
        let is_another = |arrival: &&Arrival| matches!(arrival, Arrival::Adopted(request, ..) if request.key != asked.key);
        let play = |approves_it: bool| {
            let mut book = Book::with(1_000);
            for arrival in others.iter().filter(is_another) {
                arrival.at(&mut book);
            }
            told.iter().take(first).for_each(|event| drop(book.hear(event)));
            let counted_only = |outcome: Outcome| outcome.step.is_none() && !outcome.counted.is_empty();
            if approves_it && counted_only(book.ask_with(&asked, &thought)) {
                // What moves nothing has no place in which it could be taken back.
                return None;
            }
            told.iter().take(then).skip(first).for_each(|event| drop(book.hear(event)));
            book.adopt(&asked, NO);
            told.iter().skip(then).for_each(|event| drop(book.hear(event)));
            let stands = |kept: &Kept| kept.hold.map(|hold| (hold.held, hold.ahead, hold.captured, hold.moved));
            let payments: Vec<_> = book.payments.values().filter_map(stands).filter(|stands| *stands != (0, 0, 0, 0)).collect();
            Some((book.posted(), book.held(), payments, nonzero(&book.counters)))
        };
        prop_assert!([None, play(false)].contains(&play(true)), "{:?} {:?}", play(true), play(false));
    }
}

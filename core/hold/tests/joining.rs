//! A payment that was told of under two names is, once they are joined, what it would have been under one.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A fact about a payment, whichever name it has.
fn fact(kind: u8, minor: i64, of: PaymentRef) -> Fact {
    let amount = usd(minor);
    let word = |outcome| Fact::Recorded { payment: of, asked: key("elsewhere"), increments: None, outcome };
    match kind {
        0 => Fact::Reduced { payment: of, by: amount, original: None },
        1 => Fact::Replaced { payment: of, total: amount },
        2 => Fact::Released { payment: of, cause: ReleaseCause::Reversed },
        3 => Fact::Captured { payment: Some(of), amount, finality: Finality::Final },
        4 => Fact::Captured { payment: Some(of), amount, finality: Finality::More },
        5 => Fact::Completed { payment: of, amount },
        6 => Fact::Credited { payment: Some(of), amount, cause: MovementCause::NetworkSettlement },
        7 => word(RecordedOutcome::Approved { amount }),
        8 => word(RecordedOutcome::ApprovedByStandIn { amount, posting: Posting::Hold }),
        _ => word(RecordedOutcome::Declined),
    }
}

/// What a payment is in a book, as a part of one.
fn part(kept: &Kept) -> Part<'_> {
    Part { hold: kept.hold.unwrap_or(Hold::NONE), steps: &kept.steps, counted: &kept.counted }
}

impl Book {
    /// The payment `p` takes over what was told of `q`.
    fn join(&mut self) -> Option<Outcome> {
        let name = |name| payment(name).authorization;
        let (takes, gives) = (self.payments[&name("p")].clone(), self.payments.get(&name("q")).cloned().unwrap_or_default());
        let account = self.account.as_mut().unwrap();
        let outcome = join(account, &part(&takes), &part(&gives))?;
        (account.posted, account.held) = (account.posted + outcome.posted, account.held + outcome.held);
        let mut steps = takes.steps.clone();
        gives.steps.iter().for_each(|step| put(&mut steps, *step));
        let one = self.payments.get_mut(&name("p")).unwrap();
        (one.hold, one.steps) = (outcome.hold, steps);
        for counted in &outcome.counted {
            let counter = self.counters.entry((counted.counter, counted.window)).or_default();
            (counter.0, counter.1) = (counter.0 + i128::from(counted.amount), counter.1 + i64::from(counted.count));
        }
        self.payments.remove(&name("q"));
        Some(outcome)
    }
}

proptest! {
    #[test]
    fn a_payment_under_two_names_is_what_it_would_be_under_one(
        told in vec((0_u8..10, 0_i64..150, 990_i64..1_020, any::<bool>()), 0..12),
        posting in prop::sample::select(vec![Posting::Hold, Posting::Immediate]),
    ) {
        let verdict = proceed([limit(1, Some(500), Some(5))]);
        let request = AuthorizationRequest { posting, ..purchase(100) };
        let (mut one, mut two) = (Book::with(1_000), Book::with(1_000));
        for book in [&mut one, &mut two] {
            book.ask_with(&request, &verdict);
        }
        for (number, (kind, minor, seconds, elsewhere)) in told.into_iter().enumerate() {
            let event = |of| ToldEvent { occurred_at: Some(at(seconds)), ..message(&format!("m{number}"), fact(kind, minor, of)) };
            one.hear(&event(payment("p")));
            two.hear(&event(payment(if elsewhere { "q" } else { "p" })));
        }
        let outcome = two.join().unwrap();
        prop_assert_eq!(outcome.cause.is_some(), outcome.posted != 0);
        prop_assert_eq!(two.account, one.account);
        prop_assert_eq!(two.hold(), one.hold());
        prop_assert_eq!(&two.payments[&payment("p").authorization].steps, &one.payments[&payment("p").authorization].steps);
        prop_assert_eq!(two.counted(1, DAY), one.counted(1, DAY));
    }
}

#[test]
fn what_we_approved_goes_over_to_nobody() {
    let mut book = Book::open();
    book.ask(&another("q", 50));
    assert_eq!(book.join(), None);
    let (told, ours) = (Kept::default(), &book.payments[&payment("q").authorization]);
    assert_eq!((part(&told).is_told_only(), part(ours).is_told_only()), (true, false));
}

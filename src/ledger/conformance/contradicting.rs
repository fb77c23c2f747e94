//! A platform that says of one increment that it adds to two payments, in every order in which that can come: the end is the same.

use holdfast_core::hold::{Fact, Finding, RecordedOutcome, ReleaseCause};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, Decision};

use super::beside::{APPROVED, asks, cleared, message, of, said_of};
use super::*;

/// Something that is said or asked of the increment `s` of 40, or of one of two payments: `t`, of which 50 were approved, and `u`, 70.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// A message says that it added to this one, so many seconds after the questions.
    Said { of: &'static str, seconds: u64 },
    /// A message says so, and that it was declined.
    Refused { of: &'static str, seconds: u64 },
    /// It is asked as what adds to `t`.
    AskedOfT,
    /// It is asked as a payment of its own.
    AskedAsItsOwn,
    /// Of `u` this much is given back, two seconds after the questions.
    Less(i64),
    /// All of it is.
    Reversed(&'static str),
    /// It is cleared, for the last time.
    Cleared(&'static str, i64),
}

use Deed::{AskedAsItsOwn, AskedOfT, Cleared, Less, Refused, Reversed, Said};

/// What comes in some order, and what is posted and held then, beside the 1,000.
type Story = (&'static [Deed], (i64, i64));

const STORIES: [Story; 13] = [
    // The last word is that it is of `t`.
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Reversed("u")], (0, 90)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Reversed("t")], (0, 70)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Less(30)], (0, 130)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Cleared("t", 50)], (-50, 70)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Cleared("u", 110)], (-110, 90)),
    (&[Said { of: "u", seconds: 1 }, Refused { of: "t", seconds: 3 }, Less(30)], (0, 90)),
    // That it is of `u`.
    (&[Said { of: "u", seconds: 4 }, Said { of: "t", seconds: 3 }, Reversed("u")], (0, 50)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Said { of: "u", seconds: 4 }, Reversed("u")], (0, 50)),
    // What we approve counts more.
    (&[Said { of: "u", seconds: 1 }, AskedOfT, Reversed("u")], (0, 90)),
    (&[Said { of: "u", seconds: 4 }, AskedOfT, Said { of: "t", seconds: 3 }], (0, 160)),
    (&[Said { of: "u", seconds: 1 }, AskedOfT, Less(30)], (0, 130)),
    (&[Said { of: "u", seconds: 1 }, AskedOfT, Cleared("u", 110)], (-110, 90)),
    (&[Said { of: "u", seconds: 1 }, AskedAsItsOwn, Reversed("u")], (0, 90)),
];

/// Every order of so many things.
fn orders(of: &[Deed]) -> Vec<Vec<Deed>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders = Vec::new();
    for (place, first) in of.iter().enumerate() {
        let rest: Vec<Deed> = of[..place].iter().chain(&of[place + 1..]).copied().collect();
        orders.extend(self::orders(&rest).into_iter().map(|order| std::iter::once(*first).chain(order).collect()));
    }
    orders
}

/// Payments of a round have its number in their names.
struct Round<'a>(&'a House, usize);

impl Round<'_> {
    fn named(&self, transaction: &str) -> String {
        format!("{transaction}{}", self.1)
    }

    fn increment(&self) -> AuthorizationRequest {
        asks(&self.named("s"), 40)
    }

    fn says(&self, transaction: &str, seconds: u64, outcome: RecordedOutcome) -> Option<Finding> {
        let increments = Some(of(&self.named(transaction)));
        let fact = Fact::Recorded { payment: self.increment().payment, asked: self.increment().key, increments, outcome };
        said_of(self.0, message(&self.named(&format!("s-of-{transaction}-{seconds}-")), seconds, fact))
    }

    fn play(&self, deed: Deed) {
        match deed {
            Said { of, seconds } => drop(self.says(of, seconds, APPROVED(40))),
            Refused { of, seconds } => drop(self.says(of, seconds, RecordedOutcome::Declined)),
            AskedOfT => {
                let (kind, increments) = (AuthorizationKind::Incremental, Some(of(&self.named("t"))));
                let request = AuthorizationRequest { kind, increments, ..self.increment() };
                assert!(matches!(self.0.decide(request).0, Decision::Approve { .. }));
            }
            AskedAsItsOwn => assert!(matches!(self.0.decide(self.increment()).0, Decision::Approve { .. })),
            Less(minor) => {
                let fact = Fact::Reduced { payment: of(&self.named("u")), by: usd(minor), original: None };
                said_of(self.0, message(&self.named("less"), 2, fact));
            }
            Reversed(transaction) => {
                let fact = Fact::Released { payment: of(&self.named(transaction)), cause: ReleaseCause::Reversed };
                said_of(self.0, message(&self.named("reversed"), 10, fact));
            }
            Cleared(transaction, minor) => drop(said_of(self.0, cleared(&self.named(transaction), minor))),
        }
    }
}

pub fn every_order_of_a_contradiction_ends_alike(engine: &dyn Engine) {
    let mut house = House::with(engine, 100_000);
    let (mut round, mut played) = (0, Vec::new());
    let (mut posted, mut held) = (100_000, 0);
    for (story, (moved, left)) in STORIES {
        for order in orders(story) {
            round += 1;
            let this = Round(&house, round);
            assert_eq!(house.decide(asks(&this.named("t"), 50)), approved(50));
            assert_eq!(house.decide(asks(&this.named("u"), 70)), approved(70));
            order.iter().for_each(|deed| this.play(*deed));
            (posted, held) = (posted + moved, held + left);
            assert_eq!(house.balance(), (posted, held), "{order:?}");
            played.push((round, order));
        }
    }
    house.always(|house| {
        assert_eq!(house.balance(), (posted, held));
        // Said or asked once more, nothing moves, now and after a start.
        for (round, order) in &played {
            order.iter().for_each(|deed| Round(house, *round).play(*deed));
            assert_eq!(house.balance(), (posted, held), "{order:?}, twice");
        }
    });
}

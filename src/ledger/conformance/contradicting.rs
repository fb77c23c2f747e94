//! A platform that says of one increment that it adds to two payments, in every order in which that can come: the end is the same.

use std::time::Duration;

use holdfast_core::hold::{Fact, Finding, RecordedOutcome, ReleaseCause, ToldEvent};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, Decision, PaymentRef, Posting};

use super::beside::{APPROVED, asks, cleared, message, of, said_of};
use super::*;

/// Something that is said or asked of the increment `s` of 40, or of one of two payments: `t`, of which 50 were approved, and `u`, 70.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// A message says that it added to this one, so many seconds after the questions.
    Said { of: &'static str, seconds: u64 },
    /// A message says that it was approved, and of nothing that it adds to.
    SaidAlone,
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
    /// The platform says that it expired, long after that.
    Expired(&'static str),
    /// It is cleared, for the last time.
    Cleared(&'static str, i64),
}

use Deed::{AskedAsItsOwn, AskedOfT, Cleared, Expired, Less, Refused, Reversed, Said, SaidAlone};

/// What comes in some order, and what is posted and held then, beside the 1,000.
type Story = (&'static [Deed], (i64, i64));

const STORIES: [Story; 17] = [
    // The last word is that it is of `t`.
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Reversed("u")], (0, 90)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Reversed("t")], (0, 70)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Less(30)], (0, 130)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Cleared("t", 50)], (-50, 70)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Cleared("u", 110)], (-110, 90)),
    (&[Said { of: "u", seconds: 1 }, Refused { of: "t", seconds: 3 }, Less(30)], (0, 90)),
    (&[SaidAlone, Said { of: "t", seconds: 3 }, Cleared("t", 90)], (-90, 70)),
    (&[SaidAlone, Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }], (0, 160)),
    (&[SaidAlone, AskedOfT, Reversed("u")], (0, 90)),
    (&[SaidAlone, Said { of: "u", seconds: 1 }, AskedOfT, Reversed("u")], (0, 90)),
    // That it is of `u`.
    (&[Said { of: "u", seconds: 4 }, Said { of: "t", seconds: 3 }, Reversed("u")], (0, 50)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Said { of: "u", seconds: 4 }, Reversed("u")], (0, 50)),
    // What we approve counts more.
    (&[Said { of: "u", seconds: 1 }, AskedOfT, Reversed("u")], (0, 90)),
    (&[Said { of: "u", seconds: 4 }, AskedOfT, Said { of: "t", seconds: 3 }], (0, 160)),
    (&[Said { of: "u", seconds: 1 }, AskedOfT, Less(30)], (0, 130)),
    (&[Said { of: "u", seconds: 1 }, AskedOfT, Cleared("u", 110)], (-110, 90)),
    (&[Said { of: "u", seconds: 1 }, AskedAsItsOwn, Reversed("u"), Expired("u")], (0, 90)),
];

/// The same where `u` was approved in our stead, and nobody asked us.
const STORIES_OF_WHAT_WAS_TOLD: [Story; 7] = [
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Reversed("u")], (0, 90)),
    (&[Said { of: "u", seconds: 4 }, Said { of: "t", seconds: 3 }, Reversed("t")], (0, 110)),
    (&[Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Cleared("u", 70)], (-70, 90)),
    (&[Said { of: "u", seconds: 1 }, AskedOfT, Cleared("u", 70)], (-70, 90)),
    // Said to be a payment of its own, too.
    (&[SaidAlone, Said { of: "u", seconds: 3 }], (0, 160)),
    (&[SaidAlone, Said { of: "u", seconds: 1 }, Said { of: "t", seconds: 3 }, Cleared("u", 70)], (-70, 90)),
    (&[SaidAlone, Said { of: "u", seconds: 1 }, AskedOfT], (0, 160)),
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

    fn opens_u(&self) {
        let AuthorizationRequest { payment, key: asked, .. } = asks(&self.named("u"), 70);
        let outcome = RecordedOutcome::ApprovedByStandIn { amount: usd(70), posting: Posting::Hold };
        said_of(self.0, message(&self.named("u"), 0, Fact::Recorded { payment, asked, increments: None, outcome }));
    }

    /// What it hears when it is asked as what adds to `t`.
    fn hears_of_t(&self) -> Decision {
        let (kind, increments) = (AuthorizationKind::Incremental, Some(of(&self.named("t"))));
        self.0.decide(AuthorizationRequest { kind, increments, ..self.increment() }).0
    }

    fn play(&self, deed: Deed) {
        match deed {
            Said { of, seconds } => drop(self.says(of, seconds, APPROVED(40))),
            SaidAlone => {
                let AuthorizationRequest { payment, key: asked, .. } = self.increment();
                let fact = Fact::Recorded { payment, asked, increments: None, outcome: APPROVED(40) };
                said_of(self.0, message(&self.named("s"), 0, fact));
            }
            Refused { of, seconds } => drop(self.says(of, seconds, RecordedOutcome::Declined)),
            AskedOfT => assert!(matches!(self.hears_of_t(), Decision::Approve { .. })),
            AskedAsItsOwn => assert!(matches!(self.0.decide(self.increment()).0, Decision::Approve { .. })),
            Less(minor) => {
                let fact = Fact::Reduced { payment: of(&self.named("u")), by: usd(minor), original: None };
                said_of(self.0, message(&self.named("less"), 2, fact));
            }
            Reversed(transaction) => {
                let fact = Fact::Released { payment: of(&self.named(transaction)), cause: ReleaseCause::Reversed };
                said_of(self.0, message(&self.named("reversed"), 10, fact));
            }
            Expired(transaction) => {
                let fact = Fact::Released { payment: of(&self.named(transaction)), cause: ReleaseCause::Expired };
                said_of(self.0, message(&self.named("expired"), 20, fact));
            }
            Cleared(transaction, minor) => drop(said_of(self.0, cleared(&self.named(transaction), minor))),
        }
    }
}

/// How `u` came to be.
#[derive(Debug, Clone, Copy)]
enum Opened {
    /// It was asked, and approved.
    ByUs,
    /// Only its platform approved it.
    InOurStead,
}

pub fn every_order_of_a_contradiction_ends_alike(engine: &dyn Engine) {
    let mut house = House::with(engine, 100_000);
    let (mut round, mut played) = (0, Vec::new());
    let (mut posted, mut held) = (100_000, 0);
    let told = STORIES_OF_WHAT_WAS_TOLD.into_iter().map(|story| (Opened::InOurStead, story));
    for (opened, (story, (moved, left))) in STORIES.into_iter().map(|story| (Opened::ByUs, story)).chain(told) {
        for order in orders(story) {
            round += 1;
            let this = Round(&house, round);
            assert_eq!(house.decide(asks(&this.named("t"), 50)), approved(50));
            match opened {
                Opened::ByUs => assert_eq!(house.decide(asks(&this.named("u"), 70)), approved(70)),
                Opened::InOurStead => this.opens_u(),
            }
            order.iter().for_each(|deed| this.play(*deed));
            (posted, held) = (posted + moved, held + left);
            assert_eq!(house.balance(), (posted, held), "{opened:?}: {order:?}");
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

/// What became a payment's step is known by that alone after two days, and goes over with it: sent once more it moves nothing back.
pub fn what_is_said_again_after_days_moves_nothing_back(engine: &dyn Engine) {
    for takes_over in [false, true] {
        let mut house = House::with(engine, 1_000);
        assert_eq!(house.decide(asks("t", 50)), approved(50));
        assert_eq!(house.decide(asks("u", 70)), approved(70));
        let says = |token: &str, transaction: &str| {
            let AuthorizationRequest { payment, key: asked, .. } = asks("s", 40);
            let fact = Fact::Recorded { payment, asked, increments: Some(of(transaction)), outcome: APPROVED(40) };
            ToldEvent { occurred_at: None, ..message(token, 0, fact) }
        };
        said_of(&house, says("of-u", "u"));
        said_of(&house, says("of-t", "t"));
        if takes_over {
            said_of(&house, cleared("t", 90));
        }
        let stands = if takes_over { (910, 70) } else { (1_000, 160) };
        assert_eq!(house.balance(), stands);
        house.premises().age(Duration::from_secs(3 * 86_400));
        house.always(|house| {
            assert_eq!(said_of(house, says("of-u", "u")), Some(Finding::HeardBefore));
            assert_eq!(said_of(house, says("of-t", "t")), Some(Finding::HeardBefore));
            assert_eq!(house.balance(), stands);
        });
        assert_eq!(said_of(&house, cleared("u", 70)), None);
        house.always(|house| assert_eq!(house.balance(), (stands.0 - 70, stands.1 - 70)));
    }
}

/// What was told to add is asked for after the platform said more of the payment: that has it in it, in whatever order it was told.
pub fn what_was_told_to_add_before_it_is_asked_adds_where_it_was_told(engine: &dyn Engine) {
    let t = || of("t0");
    let advice = |minor| message("advice", 3, Fact::Replaced { payment: t(), total: usd(minor) });
    let less = || message("less", 2, Fact::Reduced { payment: t(), by: usd(40), original: None });
    let released = || message("released", 2, Fact::Released { payment: t(), cause: ReleaseCause::Reversed });
    let opening_declined = || {
        let AuthorizationRequest { payment, key: asked, .. } = asks("t0", 50);
        message("no", 2, Fact::Recorded { payment, asked, increments: None, outcome: RecordedOutcome::Declined })
    };
    let increment = |name, seconds, outcome| {
        let AuthorizationRequest { payment, key: asked, .. } = asks("s0", 40);
        message(name, seconds, Fact::Recorded { payment, asked, increments: Some(t()), outcome })
    };
    let refused = || increment("refused", 2, RecordedOutcome::Declined);
    let stories = [
        (vec![advice(90)], true, (1_000, 90)),
        (vec![advice(70)], true, (1_000, 70)),
        // It was given back, and is said yes to no more.
        (vec![less(), cleared("t0", 50)], false, (950, 0)),
        (vec![cleared("t0", 90)], true, (910, 0)),
        // What the platform says in total after an end began the payment anew, and has it in it.
        (vec![released(), advice(90)], true, (1_000, 90)),
        // It took our approval back, and ended nothing.
        (vec![opening_declined(), advice(90)], true, (1_000, 90)),
        // It adds from when the platform last began to say so.
        (vec![refused(), advice(50), increment("again", 4, APPROVED(40))], true, (1_000, 90)),
    ];
    for (told, is_there, stands) in stories {
        for first in 0..=told.len() {
            let mut house = House::with(engine, 1_000);
            assert_eq!(house.decide(asks("t0", 50)), approved(50));
            for event in &told[..first] {
                said_of(&house, *event);
            }
            Round(&house, 0).play(Said { of: "t", seconds: 1 });
            for event in &told[first..] {
                said_of(&house, *event);
            }
            let heard = Round(&house, 0).hears_of_t();
            assert_eq!(matches!(heard, Decision::Approve { .. }), is_there, "{told:?}, {first} of them before");
            house.always(|house| assert_eq!(house.balance(), stands, "{told:?}, {first} of them before"));
        }
    }
}

/// What is cleared by the name of an increment stays with the payment that it was cleared of, and the name goes on to the other one: what
/// was taken then is known by its key, however late it is sent again; also where it came before anything was said of the increment.
pub fn what_was_cleared_by_an_increments_own_name_is_taken_once(engine: &dyn Engine) {
    let said = || Said { of: "u", seconds: 1 };
    for first in [[said(), Cleared("s", 100)], [Cleared("s", 100), said()]] {
        let mut house = House::with(engine, 1_000);
        let this = Round(&house, 0);
        assert_eq!(house.decide(asks(&this.named("t"), 50)), approved(50));
        assert_eq!(house.decide(asks(&this.named("u"), 70)), approved(70));
        first.into_iter().for_each(|what| this.play(what));
        this.play(Said { of: "t", seconds: 3 });
        let stands = (900, 90);
        assert_eq!(house.balance(), stands);
        house.premises().age(Duration::from_secs(3 * 86_400));
        house.always(|house| {
            assert_eq!(said_of(house, cleared("s0", 100)), Some(Finding::HeardBefore));
            assert_eq!(house.balance(), stands);
        });
    }
}

/// Said to be a payment of its own, and then what adds to one: however much it is, and whoever opened that.
pub fn what_was_told_as_a_payment_first_is_held_once_however_much_it_is(engine: &dyn Engine) {
    for more in [10, 400] {
        for (round, (opened, order)) in [
            (Opened::ByUs, [true, false]),
            (Opened::ByUs, [false, true]),
            (Opened::InOurStead, [true, false]),
            (Opened::InOurStead, [false, true]),
        ]
        .into_iter()
        .enumerate()
        {
            let mut house = House::with(engine, 1_000);
            let this = Round(&house, round);
            match opened {
                Opened::ByUs => assert_eq!(house.decide(asks(&this.named("u"), 70)), approved(70)),
                Opened::InOurStead => this.opens_u(),
            }
            let AuthorizationRequest { payment, key: asked, .. } = this.increment();
            for alone in order {
                let increments = (!alone).then(|| of(&this.named("u")));
                let fact = Fact::Recorded { payment, asked, increments, outcome: APPROVED(more) };
                said_of(&house, message(if alone { "alone" } else { "adds" }, if alone { 1 } else { 2 }, fact));
            }
            house.always(|house| assert_eq!(house.balance(), (1_000, 70 + more), "{opened:?} {order:?}"));
        }
    }
}

/// A key that the platform uses again for what adds to a payment of which it only told: both are held.
pub fn what_adds_under_the_key_of_its_payment_takes_nothing_from_it(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let this = Round(&house, 1);
    this.opens_u();
    let (payment, increments) = (payment("jit-u1").with_alias(id("s1")), Some(PaymentRef::by_alias(id("u1"))));
    let fact = Fact::Recorded { payment, asked: id("jit-u1"), increments, outcome: APPROVED(40) };
    said_of(&house, message("adds", 2, fact));
    house.always(|house| assert_eq!(house.balance(), (1_000, 110)));
}

/// Said to be a payment of its own under another key than it adds under: it is known by its transaction.
pub fn what_was_told_as_a_payment_under_another_key_is_held_once(engine: &dyn Engine) {
    for alone_first in [false, true] {
        let mut house = House::with(engine, 1_000);
        assert_eq!(house.decide(asks("u", 70)), approved(70));
        let says = |alone: bool| {
            let key = if alone { "jit-other" } else { "jit-s" };
            let (payment, increments) = (payment(key).with_alias(id("s")), (!alone).then(|| of("u")));
            let fact = Fact::Recorded { payment, asked: id(key), increments, outcome: APPROVED(40) };
            said_of(&house, message(if alone { "alone" } else { "adds" }, if alone { 1 } else { 2 }, fact));
        };
        says(alone_first);
        says(!alone_first);
        house.always(|house| assert_eq!(house.balance(), (1_000, 110), "{alone_first}"));
    }
}

/// What was debited at once with the one payment comes back to the account, and is held with the other.
pub fn what_was_debited_at_once_comes_back_from_where_it_was_told(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(asks("t", 50)), approved(50));
    assert_eq!(house.decide(AuthorizationRequest { posting: Posting::Immediate, ..asks("u", 70) }), approved(70));
    let says = |token: &str, transaction: &str, seconds| {
        let AuthorizationRequest { payment, key: asked, .. } = asks("s", 40);
        let fact = Fact::Recorded { payment, asked, increments: Some(of(transaction)), outcome: APPROVED(40) };
        said_of(&house, message(token, seconds, fact));
    };
    says("of-u", "u", 1);
    assert_eq!(house.balance(), (890, 50));
    says("of-t", "t", 3);
    house.always(|house| assert_eq!(house.balance(), (930, 90)));
    assert_eq!(said_of(&house, cleared("t", 90)), None);
    house.always(|house| assert_eq!(house.balance(), (840, 0)));
}

/// What we approved as a payment of its own, after it was said to add to another one, stays one where that one's name is said to add to a
/// third, of which we were only told.
pub fn what_we_opened_is_no_part_of_what_its_name_is_said_to_add_to(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let says = |key: &str, increments: Option<&str>, minor| {
        let (payment, increments) = (payment(key), increments.map(payment));
        let fact = Fact::Recorded { payment, asked: id(key), increments, outcome: APPROVED(minor) };
        said_of(&house, message(key, 1, fact));
    };
    says("t", None, 50);
    says("x", Some("s"), 40);
    assert_eq!(house.decide(AuthorizationRequest { payment: payment("x"), ..purchase("x", 40) }), approved(40));
    assert_eq!(house.balance(), (1_000, 90));
    says("s", Some("t"), 30);
    house.always(|house| assert_eq!(house.balance(), (1_000, 120)));
}

//! Snapshots in the first envelope, in every order: what an account has after them. The smallest ledger there is applies them.
#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use arrayvec::ArrayVec;
use holdfast_core::agent::Weight;
use holdfast_core::hold::life::put;
use holdfast_core::hold::{
    Account, AccountStatus, Answered, Asked, Card, CardStatus, CardholderStatus, Event, Fact, FoundBy, Heard, Hold, Slice, Step,
    ToldEvent, apply,
};
use holdfast_core::rules::{HoldPolicy, Proceed, Verdict};
use holdfast_core::{AuthorizationRequest, Currency, Timestamp};
use smallvec::SmallVec;

use super::{adapter, asked, told};
use crate::inbound::Notice;

/// When the first webhook arrives: 2026-03-10T09:00:00Z. A second passes with every one.
const ARRIVES: i64 = 1_773_133_200;

/// One payment as a ledger keeps it.
#[derive(Default)]
struct Payment {
    hold: Option<Hold>,
    steps: SmallVec<[Step; 4]>,
    held: i64,
    posted: i64,
    /// What was answered to the question, and remembered under its key.
    answered: Option<Answered>,
}

impl Payment {
    fn tell(&mut self, event: &ToldEvent, now: Timestamp) {
        self.apply(&Event::Told(event), now);
    }

    fn ask(&mut self, request: &AuthorizationRequest, now: Timestamp) {
        let proceed = Proceed { ceiling: request.amount, limits: ArrayVec::new(), hold: HoldPolicy::PLAIN, ways: None };
        let (digest, verdict) = (request.content_digest(), Verdict::Proceed(proceed));
        self.apply(&Event::Asked(Asked { request, digest, asked_at: now, verdict: &verdict, weight: Weight::Moves }), now);
    }

    fn hear(&mut self, body: &str, now: Timestamp) {
        for notice in told(adapter().as_ref(), body) {
            let Notice::Told(events) = notice else { continue };
            events.iter().for_each(|event| self.tell(event, now));
        }
    }

    fn apply(&mut self, event: &Event<'_>, now: Timestamp) {
        let account = Account {
            currency: Currency::USD,
            posted: self.posted,
            held: self.held,
            credit_line: 0,
            status: AccountStatus::Active,
        };
        let slice = Slice {
            account: Some(account),
            card: Some(Card { status: CardStatus::Active, cardholder: CardholderStatus::Active }),
            hold: self.hold,
            found_by: FoundBy::ItsNames,
            steps: &self.steps,
            counted: &[],
            answered: self.answered,
            heard: Heard::First,
            uses: &[],
            standing: None,
        };
        let outcome = apply(&slice, event, now);
        self.held += outcome.held;
        self.posted += outcome.posted;
        self.hold = outcome.hold.or(self.hold);
        self.answered = outcome.answered.or(self.answered);
        if let Some(step) = outcome.step {
            put(&mut self.steps, step);
        }
    }

    /// What is held and what was taken after each of some webhooks.
    fn after_each(bodies: &[&str]) -> Vec<(i64, i64)> {
        let mut payment = Payment::default();
        let states = (ARRIVES..).zip(bodies).map(|(second, body)| {
            payment.hear(body, Timestamp::from_unix_seconds(second));
            (payment.held, -payment.posted)
        });
        states.collect()
    }
}

fn snapshot(state: &str, kind: &str, billed: &str, adjustments: &str) -> String {
    format!(
        r#"{{"transaction":{{"id":"txn_1","idempotency_key":null,"state":"{state}","type":"{kind}","card_id":"crd_1",
           "cardholder_id":"ch_1","network":"VISA","created_at":"2026-03-10T08:00:00Z",
           "billing_amount":{{"currency":"USD","amount":{billed}}},"adjustments":[{adjustments}]}}}}"#
    )
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let each = of.iter().enumerate().flat_map(|(place, first)| {
        let rest = [&of[..place], &of[place + 1..]].concat();
        permutations(&rest).into_iter().map(move |rest| [vec![*first], rest].concat())
    });
    each.collect()
}

/// Fuel, as it was really told: one unit, reversed, the pump's amount, and what was pumped.
fn fuel(captured_at: &str) -> [String; 4] {
    let capture = format!(
        r#"{{"adjustment":{{"id":"adj_1","type":"capture"{captured_at},"billing_amount":{{"currency":"USD","amount":-40}}}}}}"#
    );
    [
        snapshot("pending", "pending", "-1", ""),
        snapshot("complete", "reversal", "0", ""),
        snapshot("complete", "pending", "-100", ""),
        snapshot("complete", "purchase", "-40", &capture),
    ]
}

/// When a capture may say that it was made: not at all, long ago, a minute ago, just now, by a clock that is ahead.
const CAPTURED_AT: [&str; 5] = [
    "",
    r#","created_at":"2026-03-10T08:00:00Z""#,
    r#","created_at":"2026-03-10T08:59:00Z""#,
    r#","created_at":"2026-03-10T09:00:03Z""#,
    r#","created_at":"2026-03-10T09:05:00Z""#,
];

#[test]
fn a_pump_that_is_told_in_order_holds_what_an_accountant_would_say() {
    for captured_at in CAPTURED_AT {
        let bodies = fuel(captured_at);
        let states = Payment::after_each(&bodies.each_ref().map(String::as_str));
        assert_eq!(states, [(100, 0), (0, 0), (10_000, 0), (0, 4_000)], "{captured_at}");
    }
}

#[test]
fn a_pump_that_is_told_in_any_order_ends_with_what_was_pumped() {
    for captured_at in CAPTURED_AT {
        let bodies = fuel(captured_at);
        for order in permutations(&[0, 1, 2, 3]) {
            let told: Vec<&str> = order.iter().map(|place| bodies[*place].as_str()).collect();
            assert_eq!(Payment::after_each(&told).last(), Some(&(0, 4_000)), "{order:?} {captured_at}");
        }
    }
}

#[test]
fn a_late_snapshot_of_before_reopens_nothing_that_was_paid() {
    let tip = |id: &str, amount: &str| {
        format!(r#"{{"adjustment":{{"id":"{id}","type":"capture","billing_amount":{{"currency":"USD","amount":{amount}}}}}}}"#)
    };
    let bodies = [
        snapshot("pending", "pending", "-50", ""),
        snapshot("complete", "purchase", "-50", &tip("adj_1", "-50")),
        snapshot("complete", "purchase", "-60", &[tip("adj_1", "-50"), tip("adj_2", "-10")].join(",")),
    ];
    for order in permutations(&[0, 1, 2]) {
        let told: Vec<&str> = order.iter().map(|place| bodies[*place].as_str()).collect();
        assert_eq!(Payment::after_each(&told).last(), Some(&(0, 6_000)), "{order:?}");
    }
}

#[test]
fn the_state_is_of_when_it_arrives_and_an_adjustment_of_when_it_was_made() {
    let [.., purchase] = fuel(CAPTURED_AT[2]);
    let notices = told(adapter().as_ref(), &purchase);
    let [Notice::Told(events)] = notices.as_slice() else { panic!("{notices:?}") };
    assert!(matches!(events[0].fact, Fact::Captured { .. }) && events[0].occurred_at.is_some());
    assert!(matches!(events[1].fact, Fact::Replaced { .. }) && events[1].occurred_at.is_none());
}

#[test]
fn a_pending_that_arrives_after_its_decline_holds_nothing() {
    let bodies = [snapshot("pending", "pending", "-50", ""), snapshot("declined", "decline", "-50", "")];
    for order in permutations(&[0, 1]) {
        let told: Vec<&str> = order.iter().map(|place| bodies[*place].as_str()).collect();
        assert_eq!(Payment::after_each(&told).last(), Some(&(0, 0)), "{order:?}");
    }
}

#[test]
fn nor_does_one_whose_question_has_the_webhooks_key_whatever_was_answered() {
    let question = r#"{"type":"debit","amount":"50.00","currency":"USD","transaction_id":"txn_1","idempotency_key":"hold-1","merchant":"X"}"#;
    let (request, _) = asked(adapter().as_ref(), 1, "ch_1", question).unwrap();
    let of_question = |body: String| body.replace(r#""idempotency_key":null"#, r#""idempotency_key":"hold-1""#);
    let bodies =
        [("pending", "pending"), ("declined", "decline")].map(|(state, kind)| of_question(snapshot(state, kind, "-50", "")));
    for funds in [10_000, 0] {
        for order in permutations(&[0, 1]) {
            let mut payment = Payment { posted: funds, ..Payment::default() };
            payment.ask(&request, Timestamp::from_unix_seconds(ARRIVES - 1));
            for (second, place) in (ARRIVES..).zip(&order) {
                payment.hear(&bodies[*place], Timestamp::from_unix_seconds(second));
            }
            assert_eq!((payment.held, payment.posted), (0, funds), "{order:?}");
        }
    }
}

//! What is told of which record, and what is not.

use holdfast_core::hold::{Finality, Hold, HoldStatus, Subject};
use holdfast_core::{AuthorizationId, Currency, IdempotencyKey};

use super::*;
use crate::fixture::{program, usd};
use crate::journal::{Place, Uses};

fn record(body: Body) -> Record {
    Record {
        at: Timestamp::from_unix_seconds(1_000),
        program: Some(program()),
        platform: Some(PlatformName::new("marqeta").unwrap()),
        ruleset: None,
        operator: None,
        governed: None,
        place: Place::default(),
        body,
    }
}

fn told(fact: Fact, outcome: Outcome) -> Record {
    let key = IdempotencyKey::new("message-1").unwrap();
    let (subject, occurred_at) = (Subject::default(), Some(Timestamp::from_unix_seconds(900)));
    record(Body::Told { event: ToldEvent { key, occurred_at, network: None, settlement_day: None, subject, fact }, outcome })
}

/// What became a step of a payment, of which so much is held.
fn stepped(held: i64) -> Outcome {
    use holdfast_core::hold::{Step, StepId, What};
    let key = IdempotencyKey::new("message-1").unwrap();
    let what = What::Released { cause: ReleaseCause::Reversed };
    let step = Step { id: StepId::of(&key), at: Timestamp::from_unix_seconds(900), what };
    let hold = Hold { status: HoldStatus::Open, authorized: 500, held, captured: 200, ..Hold::NONE };
    Outcome { step: Some(step), hold: Some(hold), ..Outcome::default() }
}

fn payment() -> PaymentRef {
    PaymentRef::of(AuthorizationId::new("payment-1").unwrap())
}

#[test]
fn a_capture_and_a_release_are_told_with_what_is_left() {
    let capture = Fact::Captured { payment: Some(payment()), amount: usd(200), finality: Finality::More };
    let event = Event::of_record(7, &told(capture, stepped(300))).unwrap();
    assert_eq!((event.kind, event.at), (EventKind::HoldCaptured, Timestamp::from_unix_seconds(900)));
    assert_eq!(event.data["amount"], json!({ "minor": 200, "currency": Currency::USD.code() }));
    assert_eq!(event.data["standing"]["held"], 300);
    let release = Fact::Released { payment: payment(), cause: ReleaseCause::Expired };
    let released = Event::of_record(8, &told(release, stepped(0))).unwrap();
    assert_eq!((released.kind, &released.data["cause"]), (EventKind::HoldReleased, &json!("expired")));
    assert_eq!(released.sequence, event.sequence, "the same payment");
    assert_ne!(released.id, event.id);
}

#[test]
fn a_decision_says_whether_it_moved_anything_and_who_heard_of_it_later() {
    use holdfast_core::agent::{AuthorityId, Governed, Mode};
    let adopted = |weight| {
        let body = Body::Adopted {
            received_at: Timestamp::from_unix_seconds(900),
            request: crate::fixture::purchase("key", 500),
            verdict: None,
            told: holdfast_core::hold::ToldAnswer::Approved { amount: usd(500) },
            basis: Basis::Ledger,
            outcome: Outcome::default(),
        };
        let authority = AuthorityId::new("sa_1").ok();
        let (policy, binding, intent, asked_by, would) = (None, None, None, None, None);
        let governed =
            Governed { authority, policy, binding, intent, asked_by, mode: Mode::Enforce, weight, would, correlation: None };
        Event::of_record(7, &Record { governed: Some(governed), ..record(body) }).unwrap().data
    };
    let preview = adopted(Weight::Preview);
    assert_eq!((&preview["preview"], &preview["adopted"], &preview["authority"]), (&true.into(), &true.into(), &"sa_1".into()));
    assert_eq!(adopted(Weight::Moves)["preview"], false);
}

#[test]
fn a_key_that_came_with_something_else_is_told_to_nobody() {
    let decided = |reason| {
        let outcome = Outcome { decision: Some((Decision::Decline { reason }, Basis::Ledger)), ..Outcome::default() };
        let request = crate::fixture::purchase("key", 500);
        let rule = holdfast_core::RuleId::new("rule").unwrap();
        let verdict = holdfast_core::rules::Verdict::Decline { reason, rule };
        let (received_at, uses) = (Timestamp::from_unix_seconds(900), Uses::new());
        Event::of_record(7, &record(Body::Decided { received_at, request, verdict, uses, outcome }))
    };
    assert_eq!(decided(DeclineReason::ConflictingDuplicate), None, "the payment that has the key is as it was");
    assert_eq!(decided(DeclineReason::InsufficientFunds).map(|event| event.kind), Some(EventKind::AuthorizationDeclined));
}

#[test]
fn orders_are_told_by_who_gave_them() {
    let ordered = |operator, order| {
        let key = IdempotencyKey::new("order").unwrap();
        let body = Body::Ordered { key, payment: payment(), order, outcome: stepped(0) };
        let event = Event::of_record(7, &Record { operator, ..record(body) }).unwrap();
        (event.kind, event.data["cause"].clone(), event.data["amount"]["minor"].clone())
    };
    let null = Value::Null;
    assert_eq!(ordered(None, Order::Release), (EventKind::HoldReleased, json!("voided"), null.clone()));
    assert_eq!(ordered(Some([1; 16]), Order::Release), (EventKind::HoldReleased, json!("operator"), null.clone()));
    assert_eq!(ordered(None, Order::Refund { amount: usd(70) }), (EventKind::PaymentRefunded, null, json!(70)));
}

#[test]
fn a_refund_of_what_was_debited_at_once_tells_what_was() {
    let hold = Hold { status: HoldStatus::Captured, authorized: 700, ahead: 700, refunded: 300, ..Hold::NONE };
    let outcome = Outcome { hold: Some(hold), ..stepped(0) };
    let (key, order) = (IdempotencyKey::new("order").unwrap(), Order::Refund { amount: usd(300) });
    let event = Event::of_record(7, &record(Body::Ordered { key, payment: payment(), order, outcome })).unwrap();
    let expected = json!({
        "status": "captured", "authorized": 700, "held": 0, "debited": 700, "captured": 0, "refunded": 300
    });
    assert_eq!(event.data["standing"], expected);
}

#[test]
fn what_changed_nothing_is_not_told() {
    let capture = Fact::Captured { payment: Some(payment()), amount: usd(200), finality: Finality::More };
    assert_eq!(Event::of_record(7, &told(capture, Outcome::default())), None);
    assert_eq!(Event::of_record(7, &record(Body::Opened)), None);
}

#[test]
fn kinds_are_found_by_their_names() {
    for kind in EventKind::ALL {
        assert_eq!(EventKind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(EventKind::from_name("*"), None);
}

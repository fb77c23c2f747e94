//! One `idempotency_id` at `/payments/na` is one payment, at whichever route it comes: also without the ledger, and of versions before this one.

use holdfast::clock;
use holdfast::ledger::{Act, Answer, Decide};
use holdfast_core::rules::Verdict;
use holdfast_core::{AuthorizationId, Decision, DeclineReason, IdempotencyKey, PaymentRef, RuleId};
use serde_json::{Value, json};

use crate::faults::{Bench, Fault, short_budget};
use crate::stand_in::ALL;
use crate::support::server::balance;
use crate::support::{Client, Response, Workplace};

const AUTHORIZATIONS: &str = "/payments/na/authorizations";
const TRANSFERS: &str = "/payments/na/transfers";

fn payment(id: &str) -> Value {
    json!({"amount": 1_000, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1", "idempotency_id": id})
}

fn ask(client: &mut Client, path: &str, id: &str) -> Response {
    client.post(path, &payment(id).to_string())
}

fn code(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["failure_code"].as_str().unwrap_or_default().to_owned())
}

fn conflict() -> (u16, String) {
    (409, "IDEMPOTENCY_CONFLICT".to_owned())
}

#[test]
fn one_id_is_one_payment_at_both_routes() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    for (first, other, money) in [(AUTHORIZATIONS, TRANSFERS, (100_000, 1_000)), (TRANSFERS, AUTHORIZATIONS, (99_000, 1_000))] {
        let id = format!("first at {first}");
        let paid = ask(&mut client, first, &id);
        assert_eq!(paid.status, 201, "{paid:?}");
        assert_eq!(code(&ask(&mut client, other, &id)), conflict(), "{first}");
        let again = ask(&mut client, first, &id);
        assert_eq!((again.status, again.json()), (201, paid.json()), "{first}");
        let shown = client.get(&format!("{first}/{}", paid.json()["id"].as_str().unwrap()));
        assert_eq!((shown.status, shown.json()), (200, paid.json()), "{first}");
        let (posted, held, _) = balance(&workplace, "acct-demo-4");
        assert_eq!((posted, held), money, "{first}");
    }
    // The capture of an authorization is a transfer by the same letters, and the transfer of that id none.
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(code(&ask(&mut client, AUTHORIZATIONS, &format!("first at {TRANSFERS}"))), conflict());
    assert_eq!(code(&ask(&mut client, TRANSFERS, &format!("first at {AUTHORIZATIONS}"))), conflict());
}

#[test]
fn one_id_is_one_payment_among_a_hundred_clients_at_both_routes() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let body = payment("once").to_string();
    let mut clients: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send("POST", if number % 2 == 0 { AUTHORIZATIONS } else { TRANSFERS }, body.as_bytes());
    }
    let answers: Vec<Response> = clients.iter_mut().map(|client| client.receive().unwrap()).collect();
    let paid = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!((paid, answers.iter().filter(|answer| answer.status == 409).count()), (50, 50), "{answers:?}");
    assert_eq!(balance(&workplace, "acct-demo-4").2, 99_000);
}

#[test]
fn one_id_is_one_payment_at_both_routes_without_the_ledger() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let mut client = bench.client();
    for (first, other) in [(AUTHORIZATIONS, TRANSFERS), (TRANSFERS, AUTHORIZATIONS)] {
        let id = format!("first at {first}");
        assert_eq!(ask(&mut client, first, &id).status, 201);
        assert_eq!(code(&ask(&mut client, other, &id)), conflict(), "{first}");
    }
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(code(&ask(&mut client, TRANSFERS, &format!("first at {AUTHORIZATIONS}"))), conflict());
    assert_eq!(code(&ask(&mut client, AUTHORIZATIONS, &format!("first at {TRANSFERS}"))), conflict());
    bench.app.drain();
}

/// Until this version a transfer had a key of its own: its answer is found under that, and its retry pays no second time.
#[test]
fn a_transfer_of_a_version_before_is_not_made_again() {
    let bench = Bench::new(short_budget);
    assert_eq!(ask(&mut bench.client(), TRANSFERS, "another").status, 201);
    // What `order-8` was called.
    let former = "TR768nEnT5btQ1LIieDugBf3";
    let (origin, mut request) = bench.last_question().unwrap();
    request.key = IdempotencyKey::new(former).unwrap();
    request.payment = PaymentRef::of(AuthorizationId::new(former).unwrap());
    let rule = RuleId::new("of-old").unwrap();
    let decided = bench.faulty.act(Act::Decide(Decide {
        origin,
        request,
        digest: request.content_digest(),
        verdict: Verdict::Decline { reason: DeclineReason::CardFrozen, rule },
        ruleset: [0; 32],
        governed: None,
        choice: None,
        received_at: clock::utc(),
        not_after: clock::instant() + std::time::Duration::from_secs(60),
        slip: None,
    }));
    let Answer::Decided { decision: Decision::Decline { .. }, .. } = decided else { panic!("{decided:?}") };
    // It was told with other words: with these it is a conflict, and no new payment.
    assert_eq!(code(&ask(&mut bench.client(), TRANSFERS, "order-8")), conflict());
    bench.app.drain();
}

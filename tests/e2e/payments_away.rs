//! A payment that is asked for again while the ledger is away: what was told without it is told again as it was, with its times, and what the
//! ledger answered before is not shown as something that it may no longer be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::{Bench, Fault, short_budget};
use crate::stand_in::ALL;
use crate::support::{Client, Response};

const AUTHORIZATIONS: &str = "/payments/na/authorizations";

fn ask(client: &mut Client, id: &str, amount: i64) -> Response {
    // Times are told in milliseconds.
    std::thread::sleep(Duration::from_millis(5));
    let body =
        json!({"amount": amount, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1", "idempotency_id": id});
    client.post(AUTHORIZATIONS, &body.to_string())
}

fn change(client: &mut Client, of: &Response, body: &Value) {
    let path = format!("{AUTHORIZATIONS}/{}", of.json()["id"].as_str().unwrap());
    let answer = client.put(&path, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Everything that is told of it, but for the trace, which is each call's own.
fn told(answer: &Response) -> Value {
    let mut told = answer.json();
    told.as_object_mut().unwrap().remove("trace_id");
    told
}

#[test]
fn what_was_told_without_the_ledger_is_told_again_with_its_times() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let mut client = bench.client();
    let first = ask(&mut client, "away", 700);
    assert_eq!((first.status, &first.json()["expires_at"].is_string()), (201, &true), "{first:?}");
    let again = ask(&mut client, "away", 700);
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
    assert_eq!(told(&again), told(&first));
    // Also by the next process, which has it from the spool, and by the ledger once it has heard of it.
    let bench = Bench::on(bench.stop(), Fault::Deaf);
    assert_eq!(told(&ask(&mut bench.client(), "away", 700)), told(&first));
    bench.faulty.set(Fault::None);
    bench.until_heard();
    let of_ledger = told(&ask(&mut bench.client(), "away", 700));
    for field in ["id", "created_at", "expires_at", "state", "amount"] {
        assert_eq!(of_ledger[field], told(&first)[field], "{field}");
    }
    bench.app.drain();
}

#[test]
fn what_became_of_a_payment_is_not_told_while_nobody_can_say() {
    let bench = Bench::new(short_budget);
    let mut client = bench.client();
    let asked: Vec<_> = ["untouched", "voided", "captured"].into_iter().map(|id| (id, ask(&mut client, id, 700))).collect();
    change(&mut client, &asked[1].1, &json!({"void_me": true}));
    change(&mut client, &asked[2].1, &json!({"capture_amount": 300}));
    let declined = ask(&mut client, "declined", 99_999_999);
    assert_eq!((asked[0].1.status, declined.status), (201, 402), "{declined:?}");

    bench.faulty.set(Fault::Unavailable);
    for (id, first) in &asked {
        let again = ask(&mut client, id, 700);
        let shown = client.get(&format!("{AUTHORIZATIONS}/{}", first.json()["id"].as_str().unwrap()));
        assert_eq!((again.status, shown.status), (503, 503), "{id}: {again:?}");
    }
    // Nothing becomes of a decline.
    assert_eq!(told(&ask(&mut client, "declined", 99_999_999)), told(&declined));

    bench.faulty.set(Fault::None);
    let shown = |client: &mut Client, id| {
        let mut last = ask(client, id, 700);
        for _ in 0..200 {
            if last.status != 503 {
                break;
            }
            last = ask(client, id, 700);
        }
        last.json()
    };
    assert_eq!(shown(&mut client, "voided")["is_void"], true);
    assert_eq!(shown(&mut client, "captured")["captured_amount"], 300);
    assert_eq!(shown(&mut client, "untouched")["created_at"], asked[0].1.json()["created_at"]);
    bench.app.drain();
}

//! Payments that wait for their payer at the gateway's door: who may finish one, what a second call is told, and waiting while stand-in answers.

use serde_json::{Value, json};

use crate::faults::{Bench, Fault, short_budget};
use crate::stand_in::ALL;
use crate::support::http::demo_authorization;
use crate::support::server::balance;
use crate::support::{BackOffice, Client, Response, Workplace};

const REPLAYED: &str = "idempotency-replayed";

/// Asks for a payment that is to wait, at one of the two routes.
fn wait_at(client: &mut Client, route: &str, key: &str) -> Response {
    let body = json!({"merchant_id": "merchant-demo", "attempt_3d_secure": true,
        "data": {"transaction_amount": "20.00", "card_token": "card_sandbox_demo"}});
    let headers = [("Idempotency-Key", key), ("Authorization", &demo_authorization())];
    client.ask("POST", &format!("/api/payment/{route}"), &headers, &body.to_string())
}

fn finish(client: &mut Client, id: &Value) -> Response {
    let result =
        json!({"id": id, "three_d_secure": {"electronic_commerce_indicator": "ATTEMPTED", "transaction_id": "authentication-1"}});
    client.post("/api/payment/3ds", &result.to_string())
}

fn status(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["auth_response"]["status"].as_str().unwrap_or_default().to_owned())
}

fn waits() -> (u16, String) {
    (200, "PENDING_3DSAUTH".to_owned())
}

/// The demo, whose gateway's credential may do only this.
fn may(workplace: &Workplace, permissions: &str) {
    workplace.edit("holdfast.toml", |text| {
        let (before, after) = text.split_once("path = \"/api/payment\"").unwrap();
        let (login, rest) = after.split_once("password =").unwrap();
        let login = login.split_once("permissions").map_or(login, |(login, _)| login);
        format!("{before}path = \"/api/payment\"{login}permissions = {permissions}\npassword ={rest}")
    });
}

#[test]
fn who_may_not_sell_finishes_no_sale_and_any_authorization() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let [sale, auth] = ["sale", "auth"].map(|route| wait_at(&mut client, route, route).json()["id"].clone());
    drop(client);
    assert!(server.terminate().success());
    may(&workplace, "[\"authorize\", \"read\"]");
    let server = workplace.serve();
    let mut client = server.client();
    for _ in 0..2 {
        let refused = finish(&mut client, &sale);
        assert_eq!((refused.status, &refused.json()["response_code"]), (403, &json!("E0403")), "{refused:?}");
    }
    assert_eq!(balance(&workplace, "acct-demo-4"), (100_000, 0, 100_000), "nothing was debited");
    assert_eq!(status(&finish(&mut client, &auth)), (200, "PASS".to_owned()));
    drop(client);
    assert!(server.terminate().success());
    // It waits on for whoever may.
    may(&workplace, "[\"authorize\", \"capture\", \"read\"]");
    let server = workplace.serve();
    assert_eq!(status(&finish(&mut server.client(), &sale)), (200, "PASS".to_owned()));
    assert_eq!(balance(&workplace, "acct-demo-4"), (98_000, 2_000, 96_000));
    drop(server);
    may(&workplace, "[\"authorize\", \"read\"]");
    let server = workplace.serve();
    assert_eq!(finish(&mut server.client(), &sale).status, 403, "nor hears of it");
}

#[test]
fn a_second_call_for_a_payment_that_waits_says_that_it_is_one() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let first = wait_at(&mut client, "auth", "one");
    assert_eq!((status(&first), first.header(REPLAYED)), (waits(), None));
    let again = wait_at(&mut client, "auth", "one");
    assert_eq!((status(&again), again.header(REPLAYED), again.json()), (waits(), Some("true"), first.json()));
    assert_eq!(status(&finish(&mut client, &first.json()["id"])), (200, "PASS".to_owned()));
    let decided = wait_at(&mut client, "auth", "one");
    assert_eq!((status(&decided), decided.header(REPLAYED)), ((200, "PASS".to_owned()), Some("true")));
}

/// What was asked for while it was allowed is decided by what is prohibited when the payer was authenticated.
#[test]
fn a_surcharge_that_was_prohibited_meanwhile_is_declined_when_the_payer_was_authenticated() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut client, mut office) = (server.client(), BackOffice::of(&server));
    let mut put = |surcharges: &str| {
        let merchant = json!({"name": "Strict", "mcc": "5734", "country": "USA", "time_zone": "America/New_York",
            "surcharges": surcharges});
        let headers = [("Idempotency-Key", surcharges), ("Content-Type", "application/json")];
        assert_eq!(office.raw("PUT", "/v1/merchants/strict", &headers, &merchant.to_string()).status, 200);
    };
    put("allowed");
    let mut wait = |surcharge: &str| {
        let body = json!({"merchant_id": "strict", "attempt_3d_secure": true, "data": {"transaction_amount": "10.00",
            "card_token": "card_sandbox_demo", "surcharge_amount": surcharge}});
        let begun = client.post("/api/payment/auth", &body.to_string());
        assert_eq!(status(&begun), waits());
        begun.json()["id"].clone()
    };
    let [before, with, without] = ["1.00", "1.00", "0"].map(&mut wait);
    let named = |client: &mut Client, key: &str, attempt_3d_secure: bool| {
        let body = json!({"merchant_id": "strict", "attempt_3d_secure": attempt_3d_secure, "data": {"transaction_amount": "10.00",
            "card_token": "card_sandbox_demo", "surcharge_amount": "1.00"}});
        let headers = [("Idempotency-Key", key), ("Authorization", &demo_authorization())];
        client.ask("POST", "/api/payment/auth", &headers, &body.to_string())
    };
    assert_eq!(status(&named(&mut client, "waits", true)), waits());
    assert_eq!(status(&named(&mut client, "at-once", false)), (200, "PASS".to_owned()));
    let passed = (200, "PASS".to_owned());
    assert_eq!(status(&finish(&mut client, &before)), passed);
    put("prohibited");
    for (key, attempt, told) in [("waits", true, waits()), ("at-once", false, passed.clone())] {
        let again = named(&mut client, key, attempt);
        assert_eq!((status(&again), again.header(REPLAYED)), (told, Some("true")), "it was asked for before");
        assert_eq!(named(&mut client, &format!("{key}, anew"), attempt).status, 400);
    }
    let declined = finish(&mut client, &with);
    assert_eq!(status(&declined), (200, "FAIL".to_owned()));
    assert_eq!(declined.json()["auth_response"]["response_code"], "D0057");
    assert_eq!(status(&finish(&mut client, &without)), passed);
    assert_eq!(status(&finish(&mut client, &before)), passed, "it was decided before");
    assert_eq!(balance(&workplace, "acct-demo-4"), (100_000, 3_000, 97_000));
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

/// It holds nothing, so that stand-in has no word in it: what is answered is kept, and what is refused is not.
#[test]
fn a_payment_begins_to_wait_while_stand_in_answers_or_leaves_nothing_behind() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let switch = ["stand-in", "on", "--program", "demo", "--for", "30m", "--by", "ann", "--why", "a drill"];
    assert!(bench.run(&switch).status.success());
    // What stand-in answers does not reach the ledger.
    bench.faulty.set(Fault::Deaf);
    let at_once = json!({"merchant_id": "merchant-demo",
        "data": {"transaction_amount": "1.00", "card_token": "card_sandbox_demo"}});
    let headers = [("Idempotency-Key", "at-once"), ("Authorization", &demo_authorization())];
    let paid = bench.client().ask("POST", "/api/payment/auth", &headers, &at_once.to_string());
    assert_eq!(status(&paid), (200, "PASS".to_owned()));
    for key in ["one", "other"] {
        let begun = wait_at(&mut bench.client(), "auth", key);
        assert_eq!(status(&begun), waits(), "{key}: {begun:?}");
        let path = format!("/api/payment/{}", begun.json()["id"].as_str().unwrap());
        assert_eq!(status(&bench.client().get(&path)), waits(), "{key}");
        assert_eq!(wait_at(&mut bench.client(), "auth", key).header(REPLAYED), Some("true"));
    }
    // The key of what stand-in answered begins nothing else.
    assert_eq!(wait_at(&mut bench.client(), "auth", "at-once").status, 503);
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(wait_at(&mut bench.client(), "auth", "at-once").status, 409);
    // It goes on where it waits, too.
    let id = wait_at(&mut bench.client(), "auth", "one").json()["id"].clone();
    assert_eq!(status(&finish(&mut bench.client(), &id)), (200, "PASS".to_owned()));
    // A ledger that hangs is not waited for, and keeps nothing of it afterwards.
    bench.faulty.set(Fault::Hung);
    assert_eq!(wait_at(&mut bench.client(), "auth", "hung").status, 503);
    bench.faulty.set(Fault::None);
    let workplace = bench.stop();
    let journal = rusqlite::Connection::open(workplace.data().join("journal.sqlite")).unwrap();
    let kept: i64 =
        journal.query_row("SELECT count(*) FROM slip WHERE platform = 'payment_gateway'", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 3, "at once, one, and other");
}

/// Minutes go by, or the clock is set back by as many.
fn moved(workplace: &Workplace, id: &Value, minutes: i64) {
    let journal = rusqlite::Connection::open(workplace.data().join("journal.sqlite")).unwrap();
    let values = rusqlite::params![minutes * 60_000_000, id.as_str()];
    assert_eq!(journal.execute("UPDATE slip SET at = at + ?1 WHERE payment = ?2", values).unwrap(), 1);
}

#[test]
fn what_was_noted_to_have_failed_stays_so_when_the_clock_is_set_back() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let id = wait_at(&mut server.client(), "auth", "invain").json()["id"].clone();
    assert!(server.terminate().success());
    moved(&workplace, &id, -16);
    let server = workplace.serve();
    let noted = || {
        let journal = rusqlite::Connection::open(workplace.data().join("journal.sqlite")).unwrap();
        let sql = "SELECT waits = 0 FROM slip WHERE payment = ?1";
        journal.query_row(sql, [id.as_str()], |row| row.get::<_, bool>(0)).unwrap()
    };
    for _ in 0..600 {
        if noted() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(noted());
    assert!(server.terminate().success());
    moved(&workplace, &id, 16);
    let server = workplace.serve();
    let mut client = server.client();
    let shown = client.get(&format!("/api/payment/{}", id.as_str().unwrap())).json();
    assert_eq!(shown["auth_response"]["response_code"], "D0082", "{shown}");
    let late = finish(&mut client, &id);
    assert_eq!((late.status, &late.json()["reason"]), (422, &json!("not_authenticated_in_time")));
    assert_eq!(status(&wait_at(&mut client, "auth", "invain")), (200, "FAIL".to_owned()), "nor does it begin again");
    assert_eq!(balance(&workplace, "acct-demo-4"), (100_000, 0, 100_000));
}

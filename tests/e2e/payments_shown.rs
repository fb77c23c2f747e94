//! What a merchant's side is shown at `/payments/na` of what became of a payment, and whose spending counts where.

use serde_json::{Value, json};

use crate::support::{BackOffice, Client, Workplace};

const AUTHORIZATIONS: &str = "/payments/na/authorizations";

fn created(client: &mut Client, path: &str, amount: i64) -> (u16, Value) {
    let body = json!({"amount": amount, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1"});
    let answer = client.post(path, &body.to_string());
    (answer.status, answer.json())
}

#[test]
fn a_capture_is_shown_with_its_amount_and_is_a_transfer() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let (_, authorization) = created(&mut client, AUTHORIZATIONS, 5_000);
    let id = authorization["id"].as_str().unwrap().to_owned();
    assert_eq!(authorization["captured_amount"], 0);
    let transfer = format!("/payments/na/transfers/TR{}", &id[2..]);
    assert_eq!(client.get(&transfer).status, 404, "nothing was captured yet");
    let captured = client.put(&format!("{AUTHORIZATIONS}/{id}"), &json!({"capture_amount": 4_000}).to_string()).json();
    assert_eq!((&captured["captured_amount"], &captured["transfer"]), (&json!(4_000), &json!(format!("TR{}", &id[2..]))));
    let shown = client.get(&transfer);
    assert_eq!(shown.status, 200, "{shown:?}");
    let shown = shown.json();
    assert_eq!(
        (&shown["id"], &shown["amount"], &shown["authorization"], &shown["type"]),
        (&captured["transfer"], &json!(4_000), &json!(id), &json!("DEBIT"))
    );
    // Nothing is ever pending here, and that is no wrong filter; a page says what it is a page of.
    let pending = client.get(&format!("{AUTHORIZATIONS}?state=PENDING&limit=5"));
    assert_eq!((pending.status, pending.json()["_embedded"]["authorizations"].as_array().unwrap().len()), (200, 0));
    let href = pending.json()["_links"]["self"]["href"].as_str().unwrap().to_owned();
    assert!(href.ends_with("/authorizations?state=PENDING&limit=5"), "{href}");
    let wrong = client.get(&format!("{AUTHORIZATIONS}?sort=up"));
    assert_eq!((wrong.status, &wrong.json()["field"]), (400, &json!("sort")));
}

#[test]
fn what_one_person_spends_at_two_doors_counts_together() {
    let workplace = Workplace::demo();
    // No profile says whose the instruments are: the ledger's cards do.
    workplace.edit("demo/profiles.toml", |text| {
        let lines = text.lines().filter(|line| !line.starts_with("owner") && !line.starts_with("cardholder"));
        format!("{}\n# no owners\n", lines.collect::<Vec<_>>().join("\n"))
    });
    workplace.edit("rules/demo.toml", |rules| {
        format!("{rules}\n[[limit]]\nid = \"person\"\nscope = \"cardholder\"\nwindow = \"lifetime\"\namount_max = \"100.00\"\n")
    });
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(created(&mut client, AUTHORIZATIONS, 6_000).0, 201);
    let body =
        json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "60.00", "card_token": "card_sandbox_demo"}});
    let declined = client.post("/api/payment/auth", &body.to_string()).json();
    assert_eq!(declined["auth_response"]["response_code"], "D0061", "{declined}");
    let body = body.to_string().replace("60.00", "40.00");
    assert_eq!(client.post("/api/payment/auth", &body).json()["auth_response"]["status"], "PASS");
}

#[test]
fn money_is_shown_after_texts_were_erased_and_an_operators_release_is_no_void() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let (_, first) = created(&mut client, AUTHORIZATIONS, 5_000);
    let (_, second) = created(&mut client, AUTHORIZATIONS, 3_000);
    let of = |authorization: &Value| format!("{AUTHORIZATIONS}/{}", authorization["id"].as_str().unwrap());
    client.put(&of(&first), &json!({"void_me": true}).to_string());
    let (_, third) = created(&mut client, AUTHORIZATIONS, 1_000);
    let mut office = BackOffice::of(&server);
    let holds = office.found("/v1/holds?account_id=acct-demo-4&status=open")["holds"].clone();
    let hold = holds.as_array().unwrap().iter().find(|hold| hold["payment"] == third["id"]).unwrap().clone();
    let why = json!({"reason": "the merchant asked by phone"});
    office.made(&format!("/v1/holds/{}/release", hold["hold_id"]), "release", &why);
    let released = client.get(&of(&third)).json();
    assert_eq!((&released["is_void"], &released["void_state"]), (&json!(false), &json!("UNATTEMPTED")));
    for order in [json!({"capture_amount": 1}), json!({"void_me": true})] {
        let refused = client.put(&of(&third), &order.to_string());
        assert_eq!((refused.status, &refused.json()["failure_code"]), (422, &json!("AUTHORIZATION_RELEASED")), "{order}");
    }
    let erased = workplace.run(&["erase", "--program", "demo", "--data", workplace.data().to_str().unwrap()]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    let voided = client.get(&of(&first)).json();
    assert_eq!((&voided["is_void"], &voided["currency"]), (&json!(true), &json!("USD")));
    let kept = client.get(&of(&second)).json();
    for (field, value) in [
        ("currency", json!("USD")),
        ("amount_requested", json!(3_000)),
        ("application", json!("APdemo1")),
        ("address_verification", json!("POSTAL_CODE_AND_STREET_MATCH")),
        ("security_code_verification", json!("MATCHED")),
        ("tags", json!({})),
    ] {
        assert_eq!(kept[field], value, "{field}");
    }
}

#[test]
fn an_authorization_of_nothing_is_voided_and_not_captured() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let (status, verified) = created(&mut client, AUTHORIZATIONS, 0);
    assert_eq!((status, &verified["state"]), (201, &json!("SUCCEEDED")));
    let path = format!("{AUTHORIZATIONS}/{}", verified["id"].as_str().unwrap());
    let captured = client.put(&path, &json!({"capture_amount": 1}).to_string());
    assert_eq!((captured.status, &captured.json()["failure_code"]), (422, &json!("CAPTURE_AMOUNT_TOO_LARGE")));
    for _ in 0..2 {
        let voided = client.put(&path, &json!({"void_me": true}).to_string());
        assert_eq!((voided.status, voided.json()), (200, client.get(&path).json()), "as it is shown");
    }
}

//! A merchant's side at the payment door `/payments/na`: its document's use cases in order, every state and what may be done in it,
//! one id from many clients, restarts, and nothing of what callers wrote left to be read on the disk.

use serde_json::{Value, json};

use crate::support::server::{Server, balance};
use crate::support::{BackOffice, Client, Response, Workplace};

const AUTHORIZATIONS: &str = "/payments/na/authorizations";

fn payment(amount: i64) -> Value {
    json!({"amount": amount, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1"})
}

fn with(mut body: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn created(client: &mut Client, body: &Value) -> Value {
    let answer = client.post(AUTHORIZATIONS, &body.to_string());
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn put(client: &mut Client, id: &Value, body: Value) -> Response {
    client.put(&format!("{AUTHORIZATIONS}/{}", id.as_str().unwrap()), &body.to_string())
}

fn code(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["failure_code"].as_str().unwrap_or_default().to_owned())
}

fn money(workplace: &Workplace) -> (i64, i64, i64) {
    balance(workplace, "acct-demo-4")
}

#[test]
fn the_use_cases_of_the_document_in_order() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();

    // Basic.
    let basic = created(&mut client, &with(payment(100), json!({"tags": {"order_number": "21DFASJSAKAS"}})));
    for (field, value) in [
        ("amount", json!(100)),
        ("amount_requested", json!(100)),
        ("application", json!("APdemo1")),
        ("currency", json!("USD")),
        ("state", json!("SUCCEEDED")),
        ("merchant", json!("merchant-demo")),
        ("source", json!("PIdemo1")),
        ("address_verification", json!("POSTAL_CODE_AND_STREET_MATCH")),
        ("security_code_verification", json!("MATCHED")),
        ("is_void", json!(false)),
        ("void_state", json!("UNATTEMPTED")),
        ("tags", json!({"order_number": "21DFASJSAKAS"})),
        ("transfer", Value::Null),
    ] {
        assert_eq!(basic[field], value, "{field}");
    }
    let moment = |field: &str| basic[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(moment("expires_at").duration_since(moment("created_at")).as_hours(), 7 * 24);
    assert_eq!(basic["trace_id"].as_str().unwrap().len(), 36);
    let href = basic["_links"]["self"]["href"].as_str().unwrap();
    assert_eq!(href, format!("http://127.0.0.1:8080/payments/na/authorizations/{}", basic["id"].as_str().unwrap()));
    let shown = client.get(&format!("{AUTHORIZATIONS}/{}", basic["id"].as_str().unwrap()));
    assert_eq!((shown.status, shown.json()), (200, basic.clone()));
    assert_eq!(money(&workplace), (100_000, 100, 99_900));

    // Idempotent.
    let order = with(payment(5_000), json!({"idempotency_id": "order-7", "tags": {"order_id": "7"}}));
    let first = created(&mut client, &order);
    assert_eq!(created(&mut client, &order), first, "the same id returns the original");
    let changed = client.post(AUTHORIZATIONS, &with(order.clone(), json!({"tags": {"order_id": "8"}})).to_string());
    assert_eq!(code(&changed), (409, "IDEMPOTENCY_CONFLICT".to_owned()));
    assert_eq!(money(&workplace).1, 5_100);

    // 3-D Secure.
    let secure = json!({"3d_secure_authentication": {"cardholder_authentication": "BwABBJQ1AgAAAAAgJDUCAAAAAAA=",
        "electronic_commerce_indicator": "AUTHENTICATED", "transaction_id": "EaOMucALHQqLAEGAgk"}});
    let secure = created(&mut client, &with(payment(10_000), secure));
    assert_eq!(secure["3d_secure_authentication"]["electronic_commerce_indicator"], "AUTHENTICATED");
    assert!(!secure.to_string().contains("BwABBJQ1"), "{secure}");

    // Surcharge: asked for, held and captured on top.
    let surcharge = json!({"additional_buyer_charges": {"cc_surcharge_amount": 350}});
    let surcharged = created(&mut client, &with(payment(10_000), surcharge));
    assert_eq!((&surcharged["amount"], &surcharged["amount_requested"]), (&json!(10_350), &json!(10_350)));
    assert_eq!(money(&workplace).1, 25_450);
    assert_eq!(code(&put(&mut client, &surcharged["id"], json!({"capture_amount": 10_351}))).1, "CAPTURE_AMOUNT_TOO_LARGE");
    let captured = put(&mut client, &surcharged["id"], json!({"capture_amount": 10_350}));
    assert_eq!(captured.status, 200, "{captured:?}");

    // Level 3.
    let item = json!({"amount_excluding_sales_tax": 15_000, "amount_including_sales_tax": 16_500, "commodity_code": "WIDGET-A",
        "description": "Premium Widget", "quantity": 10, "unit_of_measure": "EA"});
    let level_three = json!({"additional_purchase_data": {"customer_reference_number": "PO-12345", "sales_tax": 2_000,
        "item_data": [item]}});
    let level_three = created(&mut client, &with(payment(25_000), level_three));
    assert_eq!(level_three["additional_purchase_data"]["item_data"].as_array().unwrap().len(), 1);

    // Retry: each attempt is a payment of its own.
    let attempts: Vec<Value> = (1..=2)
        .map(|attempt| {
            let body = with(payment(70_000), json!({"tags": {"attempt": attempt.to_string()}}));
            let answer = client.post(AUTHORIZATIONS, &body.to_string());
            assert_eq!(code(&answer), (402, "INSUFFICIENT_FUNDS".to_owned()));
            answer.json()
        })
        .collect();
    assert_ne!(attempts[0]["id"], attempts[1]["id"]);
    assert_eq!((&attempts[0]["state"], &attempts[0]["failure_message"]), (&json!("FAILED"), &json!("Insufficient funds")));
    assert_eq!((&attempts[0]["amount"], &attempts[0]["amount_requested"]), (&json!(0), &json!(70_000)));
    let nobody = client.post(AUTHORIZATIONS, &with(payment(100), json!({"source": "PInobody"})).to_string());
    assert_eq!(code(&nobody), (402, "INVALID_CARD".to_owned()));
    assert_eq!(nobody.json()["address_verification"], "UNAVAILABLE");

    // A direct transfer: authorized and captured at once.
    let (posted, ..) = money(&workplace);
    let body = with(payment(700), json!({"idempotency_id": "t-1"})).to_string();
    let transfer = client.post("/payments/na/transfers", &body);
    assert_eq!(transfer.status, 201, "{transfer:?}");
    assert!(transfer.json()["id"].as_str().unwrap().starts_with("TR"));
    assert_eq!(client.post("/payments/na/transfers", &body).json(), transfer.json());
    // Its link leads to it, and to nothing of an authorization.
    let path = format!("/payments/na/transfers/{}", transfer.json()["id"].as_str().unwrap());
    assert!(transfer.json()["_links"]["self"]["href"].as_str().unwrap().ends_with(&path), "{transfer:?}");
    let shown = client.get(&path);
    assert_eq!((shown.status, &shown.json()["id"], &shown.json()["state"]), (200, &transfer.json()["id"], &json!("SUCCEEDED")));
    assert_eq!(client.get(&path.replace("transfers", "authorizations")).status, 404);
    assert_eq!(client.get("/payments/na/transfers/TR0123456789abcdefABCDEF").status, 404);
    assert_eq!(money(&workplace).0, posted - 700);
    everything_again_after_a_restart(&workplace, server, &first, &order);
}

/// What was answered is answered again by the next process, and shown as it was.
fn everything_again_after_a_restart(workplace: &Workplace, server: Server, first: &Value, order: &Value) {
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(&created(&mut client, order), first);
    let shown = client.get(&format!("{AUTHORIZATIONS}/{}", first["id"].as_str().unwrap()));
    assert_eq!(&shown.json(), first);
    let data = workplace.data();
    let replay = workplace.run(&["replay", "--data", data.to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

/// State × operation → status, code, and what is held and posted then.
#[test]
fn what_may_be_done_in_every_state() {
    const CAPTURE: &str = r#"{"capture_amount": 600}"#;
    const MORE: &str = r#"{"capture_amount": 601}"#;
    const VOID: &str = r#"{"void_me": true}"#;
    let cases: &[(&str, &[&str], &str, u16, &str)] = &[
        // state, how it came to that, operation, status, code
        ("authorized", &[], CAPTURE, 200, ""),
        ("authorized", &[], VOID, 200, ""),
        ("authorized", &[], r#"{"capture_amount": 1001}"#, 422, "CAPTURE_AMOUNT_TOO_LARGE"),
        ("captured", &[CAPTURE], CAPTURE, 200, ""),
        ("captured", &[CAPTURE], MORE, 422, "ALREADY_CAPTURED"),
        ("captured", &[CAPTURE], VOID, 422, "ALREADY_CAPTURED"),
        ("voided", &[VOID], VOID, 200, ""),
        ("voided", &[VOID], CAPTURE, 422, "ALREADY_VOIDED"),
        ("refused and then right", &[r#"{"capture_amount": 1001}"#], CAPTURE, 200, ""),
    ];
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    for (state, before, operation, status, expected) in cases {
        let payment = created(&mut client, &payment(1_000));
        let path = format!("{AUTHORIZATIONS}/{}", payment["id"].as_str().unwrap());
        for operation in *before {
            client.put(&path, operation);
        }
        let answer = client.put(&path, operation);
        assert_eq!(code(&answer), (*status, (*expected).to_owned()), "{state}: {operation}");
        let shown = client.get(&path).json();
        let was_captured = before.contains(&CAPTURE) || (*operation == CAPTURE && *status == 200);
        let was_voided = before.contains(&VOID) || (*operation == VOID && *status == 200);
        assert_eq!(shown["transfer"].is_string(), was_captured, "{state}: {operation}");
        let void = if was_voided { "SUCCEEDED" } else { "UNATTEMPTED" };
        assert_eq!((&shown["is_void"], &shown["void_state"]), (&json!(was_voided), &json!(void)), "{state}: {operation}");
        if !was_captured && !was_voided {
            client.put(&path, VOID);
        }
    }
    let (posted, held, _) = money(&workplace);
    assert_eq!((posted, held), (100_000 - 5 * 600, 0), "the remainder of each capture is free at once");

    let failed = client.post(AUTHORIZATIONS, &payment(1_000_000).to_string()).json();
    assert_eq!(code(&put(&mut client, &failed["id"], json!({"capture_amount": 1}))), (422, "AUTHORIZATION_FAILED".to_owned()));
    for path in ["AU0123456789abcdefABCDEF", "nonsense", "AU%2F.."] {
        let path = format!("{AUTHORIZATIONS}/{path}");
        assert_eq!(code(&client.get(&path)), (404, "NOT_FOUND".to_owned()));
        assert_eq!(code(&client.put(&path, VOID)), (404, "NOT_FOUND".to_owned()));
    }
}

#[test]
fn an_authorization_that_expired_is_released_and_cannot_be_captured() {
    let workplace = Workplace::demo();
    workplace.edit("rules/demo.toml", |rules| format!("{rules}\n[[hold]]\nid = \"short\"\nlifetime = \"1s\"\n"));
    let server = workplace.serve();
    let mut client = server.client();
    let payment = created(&mut client, &payment(1_000));
    let path = format!("{AUTHORIZATIONS}/{}", payment["id"].as_str().unwrap());
    // Too much until then; each amount is an order of its own.
    let expired = (2_000..).map(|amount| client.put(&path, &json!({"capture_amount": amount}).to_string()));
    let expired = expired.map(|answer| code(&answer)).find(|(_, code)| code != "CAPTURE_AMOUNT_TOO_LARGE");
    assert_eq!(expired, Some((422, "AUTHORIZATION_EXPIRED".to_owned())));
    let shown = client.get(&path).json();
    assert_eq!((&shown["state"], &shown["transfer"], &shown["is_void"]), (&json!("SUCCEEDED"), &Value::Null, &json!(false)));
    assert_eq!(money(&workplace), (100_000, 0, 100_000));
}

#[test]
fn a_hundred_clients_with_one_id_hold_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let body = with(payment(1_000), json!({"idempotency_id": "once"})).to_string();
    let mut clients: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send("POST", AUTHORIZATIONS, body.as_bytes());
    }
    let answers: Vec<Response> = clients.iter_mut().map(|client| client.receive().unwrap()).collect();
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.json() == answers[0].json()));
    assert_eq!(money(&workplace).1, 1_000);
}

#[test]
fn lists_are_paged_and_filtered() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let made: Vec<Value> = (0..5).map(|number| created(&mut client, &payment(100 + number))).collect();
    let ids: Vec<Value> = made.iter().map(|made| made["id"].clone()).collect();
    client.post(AUTHORIZATIONS, &payment(1_000_000).to_string());
    client.post("/payments/na/transfers", &payment(100).to_string());
    let mut page = |query: &str| {
        let answer = client.get(&format!("{AUTHORIZATIONS}?{query}"));
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let page = answer.json();
        let ids: Vec<Value> =
            page["_embedded"]["authorizations"].as_array().unwrap().iter().map(|payment| payment["id"].clone()).collect();
        (ids, page["page"]["next_cursor"].as_str().map(str::to_owned))
    };
    let newest: Vec<Value> = ids.iter().rev().cloned().collect();
    assert_eq!(page("state=SUCCEEDED"), (newest.clone(), None));
    assert_eq!(page("state=FAILED").0.len(), 1);
    let (first, next) = page("state=SUCCEEDED&limit=2");
    let (second, next) = page(&format!("state=SUCCEEDED&limit=2&after_cursor={}", next.unwrap()));
    let (third, _) = page(&format!("state=SUCCEEDED&limit=2&after_cursor={}", next.unwrap()));
    assert_eq!([first, second, third].concat(), newest);
    assert_eq!(page("merchant=nobody"), (vec![], None));
    assert_eq!(page("source=PIdemo1").0.len(), 6);
    assert_eq!(page("created_at.gte=2099-01-01T00%3A00%3A00Z"), (vec![], None));
    // Answers are cut to milliseconds, and each payment is in the list that ends with its own.
    for (made, id) in made.iter().zip(&ids) {
        let at = made["created_at"].as_str().unwrap().replace(':', "%3A");
        let (found, _) = page(&format!("created_at.gte={at}&created_at.lte={at}"));
        assert!(found.contains(id), "{id} of {at}: {found:?}");
    }
}

#[test]
fn what_is_wrong_is_refused_by_its_field_and_holds_nothing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut client, mut office) = (server.client(), BackOffice::of(&server));
    let wrong = |client: &mut Client, body: &str, field: Option<&str>| {
        let answer = client.post(AUTHORIZATIONS, body);
        let told = answer.json();
        assert_eq!((answer.status, &told["failure_code"]), (400, &json!("INVALID_FIELD")), "{body}: {answer:?}");
        assert_eq!(told["field"].as_str(), field, "{body}");
        told["failure_message"].as_str().unwrap().to_owned()
    };
    let commented = "{\n\"amount\": 100, // in cents\n\"currency\": \"USD\"}";
    assert!(wrong(&mut client, commented, None).contains("from line 2, column 16 on"));
    let told = wrong(&mut client, &with(payment(1), json!({"tags": {"n": "4111 1111 1111 1111"}})).to_string(), Some("tags.n"));
    assert!(!told.contains("1111"), "{told}");
    wrong(&mut client, &with(payment(1), json!({"merchant": "nobody"})).to_string(), Some("merchant"));
    let merchant = json!({"name": "Strict", "mcc": "5734", "country": "USA", "time_zone": "America/New_York",
        "surcharges": "prohibited", "day_count_max": 1, "amount_max": 900});
    let headers = [("Idempotency-Key", "strict"), ("Content-Type", "application/json")];
    assert_eq!(office.raw("PUT", "/v1/merchants/strict", &headers, &merchant.to_string()).status, 200);
    let at_strict = |amount: i64, more: Value| with(with(payment(amount), json!({"merchant": "strict"})), more).to_string();
    let surcharge = json!({"additional_buyer_charges": {"cc_surcharge_amount": 5}});
    wrong(&mut client, &at_strict(100, surcharge), Some("additional_buyer_charges.cc_surcharge_amount"));
    assert_eq!(money(&workplace).1, 0);

    // The merchant's own limits, and a merchant that is not processed.
    let declined = (402, "CARD_DECLINED".to_owned());
    assert_eq!(code(&client.post(AUTHORIZATIONS, &at_strict(901, json!({})))), declined);
    assert_eq!(client.post(AUTHORIZATIONS, &at_strict(900, json!({}))).status, 201);
    assert_eq!(code(&client.post(AUTHORIZATIONS, &at_strict(100, json!({})))), declined, "one payment a day");
    let disabled = with(merchant, json!({"enabled": false}));
    let headers = [("Idempotency-Key", "disable"), ("Content-Type", "application/json")];
    assert_eq!(office.raw("PUT", "/v1/merchants/strict", &headers, &disabled.to_string()).status, 200);
    assert_eq!(code(&client.post(AUTHORIZATIONS, &at_strict(1, json!({})))), declined);

    let stranger = Client::connect_as(server.listen, None).post(AUTHORIZATIONS, &payment(1).to_string());
    assert_eq!(code(&stranger), (401, "UNAUTHORIZED".to_owned()));
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "what a profile adds is no difference: {}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn what_callers_wrote_is_not_to_be_read_on_the_disk() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let tags = json!({"tags": {"note": "for Zelda Quill"}});
    let payment = created(&mut client, &with(payment(100), tags));
    assert_eq!(payment["tags"]["note"], "for Zelda Quill");
    assert!(server.terminate().success());
    let all: Vec<u8> = std::fs::read_dir(workplace.data())
        .unwrap()
        .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap_or_default())
        .collect();
    let has = |text: &str| all.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!has("Zelda Quill") && !has("Demo Store"), "a text is in clear");
    assert!(has("PIdemo1"), "the search finds what is there");
}

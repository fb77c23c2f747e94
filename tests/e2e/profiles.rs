//! Merchants and instruments: what the demo starts with, what the management API and `holdfast import` make of them, and that no
//! name is on the disk.

use rustix::process::Signal;
use serde_json::json;

use crate::shared::workplace_on;
use crate::support::postgres::Postgres;
use crate::support::server::Server;
use crate::support::{BackOffice, Workplace};

#[test]
fn merchants_and_instruments_are_there_from_the_start_and_stay_as_they_were_put() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let demo = office.found("/v1/merchants/merchant-demo");
    assert_eq!((&demo["name"], &demo["mcc"], &demo["enabled"]), (&json!("Demo Store"), &json!("5734"), &json!(true)));
    let listed = office.found("/v1/instruments?limit=1");
    assert_eq!((&listed["instruments"][0]["card"], &listed["next_behind"]), (&json!("PIdemo1"), &json!("PIdemo1")));
    let rest = office.found("/v1/instruments?behind=PIdemo1");
    assert_eq!((&rest["instruments"][0]["card"], rest.get("next_behind")), (&json!("card_sandbox_demo"), None));

    let put = |office: &mut BackOffice, path: &str, key: &str, body: serde_json::Value| {
        office.raw("PUT", path, &[("Idempotency-Key", key), ("Content-Type", "application/json")], &body.to_string())
    };
    let corner = json!({"name": "Zebra Corner", "mcc": "5942", "country": "USA", "time_zone": "America/Chicago",
        "address": ["12 Main Street"], "day_amount_max": 100_000, "enabled": false});
    let answer = put(&mut office, "/v1/merchants/corner", "put", corner.clone());
    assert_eq!((answer.status, &answer.json()["day_amount_max"]), (200, &json!(100_000)), "{answer:?}");
    let other = json!({"name": "Other", "mcc": "5942", "country": "USA", "time_zone": "America/Chicago"});
    assert_eq!(put(&mut office, "/v1/merchants/corner", "later", other).json()["name"], "Other");
    let again = put(&mut office, "/v1/merchants/corner", "put", corner);
    assert_eq!(again.json()["name"], "Other", "the first change sent again undoes no later one");
    let wrong = json!({"name": "4111 1111 1111 1111", "mcc": "x", "country": "Utopia", "time_zone": "Mars", "colour": 1});
    let wrong = put(&mut office, "/v1/merchants/corner", "wrong", wrong);
    assert_eq!(wrong.status, 400);
    assert!(!wrong.body.contains("4111"), "{wrong:?}");
    let paths: Vec<_> = wrong.json()["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
    assert_eq!(paths, ["name", "mcc", "country", "time_zone", "colour"]);
    assert_eq!(office.get("/v1/merchants/nobody").status, 404);
    // What else is there is read all the same, and told to be wrong only if it is.
    let here =
        json!({"name": "Corner", "mcc": "5942", "country": "Utopia", "time_zone": "America/Chicago", "reason": "asked by phone"});
    let four =
        json!({"brand": "visa", "address_verification": "NO_MATCH", "cardholder": "user-demo-1", "reason": "asked by phone"});
    for (path, body, wrong) in [("/v1/merchants/corner", here, "country"), ("/v1/instruments/PIdemo1", four, "last_four")] {
        let refused = put(&mut office, path, "one-wrong", body).json();
        let paths: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
        assert_eq!(paths, [wrong], "{refused}");
    }
    let yen = json!({"account_id": "acct-yen", "currency": "JPY"});
    let refused = office.change("/v1/accounts", "yen", &yen).json();
    assert_eq!(refused["errors"], json!([{"path": "currency", "problem": "must be USD, the program's currency"}]));

    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    assert_eq!(office.found("/v1/merchants/corner")["name"], "Other");
    let kept = std::fs::read(workplace.data().join("profiles.sqlite")).unwrap();
    assert!(!kept.windows(5).any(|part| part == b"Zebra" || part == b"Other"), "a name is in clear");
}

#[test]
fn a_file_of_them_is_imported_by_a_running_server_and_without_one() {
    let workplace = Workplace::demo();
    let file = workplace.path("profiles.toml");
    let text = |name: &str| {
        format!(
            "[[merchant]]\nid = \"m\"\nname = \"{name}\"\nmcc = \"5942\"\ncountry = \"USA\"\ntime_zone = \"America/Chicago\"\n"
        )
    };
    std::fs::write(&file, text("First")).unwrap();
    let data = workplace.data();
    let arguments = ["import", "--profiles", file.to_str().unwrap(), "--program", "demo", "--data", data.to_str().unwrap()];
    let output = workplace.run(&arguments);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "merchants: 1; instruments: 0\n", "{output:?}");
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    assert_eq!(office.found("/v1/merchants/m")["name"], "First");
    std::fs::write(&file, text("Second")).unwrap();
    assert!(workplace.run(&arguments).status.success());
    assert_eq!(office.found("/v1/merchants/m")["name"], "Second");
    std::fs::write(&file, text("Third").replace("5942", "none")).unwrap();
    let refused = workplace.run(&arguments);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("profiles.toml:4:7: merchant[0].mcc: must be a category"), "{told}");
    assert_eq!(office.found("/v1/merchants/m")["name"], "Second");
}

#[test]
fn what_one_responder_puts_of_a_merchant_every_other_one_decides_by() {
    let Some(postgres) = Postgres::start() else { return };
    let (here, there) = (workplace_on(&postgres), workplace_on(&postgres));
    let (one, other) = (here.serve(), there.serve());
    let mut office = BackOffice::of(&one);
    let put = |office: &mut BackOffice, key: &str, enabled: bool| {
        let corner =
            json!({"name": "Corner Books", "mcc": "5942", "country": "USA", "time_zone": "America/Chicago", "enabled": enabled});
        let headers = [("Idempotency-Key", key), ("Content-Type", "application/json")];
        office.raw("PUT", "/v1/merchants/corner", &headers, &corner.to_string())
    };
    let mut orders = 0;
    let mut pays = |server: &Server| {
        orders += 1;
        let payment = json!({"merchant_id": "corner", "data": {"transaction_amount": "1.00", "card_token": "card_sandbox_demo",
            "order_number": format!("Order{orders}")}});
        let answer = server.client().post("/api/payment/auth", &payment.to_string());
        (answer.status, answer.json()["auth_response"]["status"] == "PASS")
    };
    assert_eq!(put(&mut office, "new", true).status, 200);
    while pays(&other) != (200, true) {
        std::thread::yield_now();
    }
    assert_eq!(put(&mut office, "closed", false).status, 200);
    while pays(&other).1 {
        std::thread::yield_now();
    }
    assert_eq!(BackOffice::of(&other).found("/v1/merchants/corner")["enabled"], json!(false));
    postgres.signal(Signal::STOP);
    assert_eq!(BackOffice::of(&other).found("/v1/merchants/corner")["enabled"], json!(false), "what it heard stays");
    postgres.signal(Signal::CONT);
}

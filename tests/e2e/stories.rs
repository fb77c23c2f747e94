//! Support, finance and engineering ask the journal, beside the running server.

use std::process::Output;

use serde_json::{Value, json};

use crate::shared::workplace_on;
use crate::support::callbacks::transactions;
use crate::support::postgres::Postgres;
use crate::support::{BackOffice, Marqeta, Workplace};

fn ask(workplace: &Workplace, arguments: &[&str]) -> Output {
    let data = workplace.data();
    workplace.run(&[arguments, &["--data", data.to_str().unwrap()]].concat())
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_payment_is_explained_settled_and_decided_again() {
    explained_settled_and_decided_again(&Workplace::demo());
}

#[test]
fn a_payment_of_a_shared_ledger_is_explained_settled_and_decided_again_from_a_copy() {
    let Some(postgres) = Postgres::start() else { return };
    let workplace = workplace_on(&postgres);
    explained_settled_and_decided_again(&workplace);
    let copy = ask(&workplace, &["journal", "copy", "--to", "copied"]);
    assert!(text(&copy).starts_with("copied       "), "{}{}", text(&copy), String::from_utf8_lossy(&copy.stderr));
    let named = |arguments: &[&str]| workplace.run(&[arguments, &["--data", "copied"]].concat());
    assert!(text(&named(&["explain", "tx-one"])).contains("Answered: approved for 40.00 USD"));
    assert_eq!(named(&["replay"]).status.code(), Some(0));
    assert_eq!(workplace.run(&["journal", "verify", "copied"]).status.code(), Some(0));
    assert_eq!(ask(&workplace, &["journal", "copy", "--to", "copied"]).status.code(), Some(1), "it is there");
    let stopped = ask(&workplace, &["stop-list", "--program", "demo"]);
    assert!(text(&stopped).contains("card-demo-frozen,card_frozen,acct-demo-1"), "{}", text(&stopped));
    assert!(!text(&stopped).contains("card-demo-1,"));
    let table = workplace.path("config/stand-in/cautious.toml");
    let checked = ask(&workplace, &["stand-in", "check", table.to_str().unwrap(), "--program", "demo"]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
    let report = ask(&workplace, &["stand-in", "report"]);
    assert!(text(&report).contains("the ledger answered every question"), "{}", text(&report));
    let left = std::fs::read_dir(workplace.data())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("journal-copy-"));
    assert_eq!(left.count(), 0, "copies go with their commands");
}

fn explained_settled_and_decided_again(workplace: &Workplace) {
    workplace.edit("holdfast.toml", |text| {
        let columns = "[program.settlement_file]\npayment = \"token\"\namount = \"amount\"\n";
        text.replacen("\n[[program.mount]]\n", &format!("\n{columns}\n[[program.mount]]\n"), 1)
    });
    let server = workplace.serve();
    let mut client = server.client();
    let payment = Marqeta::purchase("one", "40.00");
    let answer = client.post("/marqeta/jit", &payment.body());
    assert_eq!(answer.status, 200);
    let reference = answer.body.split("dec=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // Its authority does not let it buy there: a replay takes that from the record.
    let governed =
        Marqeta { user: "user-demo-2".into(), ..Marqeta::purchase("governed", "5.00").card("card-demo-2").mcc("5812") };
    assert_eq!(client.post("/marqeta/jit", &governed.body()).status, 402);

    // What is told is acknowledged once it is written, and the decline with it.
    let mut clearing = payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "42.50");
    clearing["settlement_date"] = json!("2026-03-14T00:00:00Z");
    let stray = Marqeta { card: "card-nobody".into(), user: "nobody".into(), ..Marqeta::purchase("stray", "12.00") };
    let mut stray = stray.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "12.00");
    stray["settlement_date"] = json!("2026-03-13T00:00:00Z");
    let odd = json!({"type": 17, "nonsense": true});
    assert_eq!(client.post("/marqeta/webhook", &transactions(&[clearing, odd, stray])).status, 200);

    let told = ask(workplace, &["explain", &reference]);
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    for line in ["marqeta asked at ", "Answered: approved for 40.00 USD", "marqeta cleared 42.50 USD", "957.50 USD available"] {
        assert!(text(&told).contains(line), "{line}\n---\n{}", text(&told));
    }
    assert_eq!(ask(workplace, &["explain", "nobody"]).status.code(), Some(1));

    let again = ask(workplace, &["replay", "--json"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    let summary: Value = serde_json::from_str(&text(&again)).unwrap();
    assert_eq!((&summary["decided"], &summary["differing"]), (&json!(4), &json!(0)));

    let day = ["settlement", "--program", "demo", "--day", "2026-03-14", "--json"];
    let settlement: Value = serde_json::from_str(&text(&ask(workplace, &day))).unwrap();
    assert_eq!(settlement["due"][0]["due"], 4250);
    // The file's row may name the payment, or the clearing by Marqeta's own token of it.
    let token = format!("authorization.clearing-{}", payment.id);
    let name = settlement["movements"][0]["names"][0].as_str().unwrap();
    for (key, amount, code) in [(name, "42.50", 0), (&token, "42.50", 0), (&token, "40.00", 1), ("nobody", "42.50", 1)] {
        std::fs::write(workplace.path("settled.csv"), format!("token,amount\n{key},{amount}\n")).unwrap();
        let compared = ask(workplace, &[&day[..], &["--file", "settled.csv", "--platform", "marqeta"]].concat());
        assert_eq!(compared.status.code(), Some(code), "{}", text(&compared));
    }
    let whose = ask(workplace, &[&day[..], &["--file", "settled.csv"]].concat());
    assert_eq!(whose.status.code(), Some(1));
    let said = String::from_utf8_lossy(&whose.stderr).into_owned();
    assert!(
        said.contains(
            "apto, authorizations, marqeta, payment_gateway, pre_auth call program `demo`; say with --platform whose file it is"
        ),
        "{said}"
    );

    let beyond = ask(workplace, &["replay", "--from", "1000000"]);
    let said = String::from_utf8_lossy(&beyond.stderr).into_owned();
    assert!(beyond.status.code() == Some(1) && said.contains("is beyond the end: the journal's last record is"), "{said}");

    let inbox = ask(workplace, &["inbox", "--since", "2026-01-01", "--json"]);
    assert_eq!(inbox.status.code(), Some(0));
    let lines: Vec<Value> = text(&inbox).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed: Vec<_> = lines.iter().map(|line| (&line["platform"], &line["problem"], &line["finding"])).collect();
    let not_booked = "cleared 12.00 USD, more may come. It led to no account: kept, and moved nothing.";
    assert_eq!(
        listed,
        [
            (&json!("marqeta"), &json!("`type` is not known"), &Value::Null),
            (&json!("marqeta"), &json!(not_booked), &json!("account_unknown")),
        ]
    );
    assert_eq!(lines[1]["card"], "card-nobody");
}

/// A clearing without a network whose day is the cut-off's, and a debit that the network settles days after its decision.
#[test]
fn the_api_and_the_command_tell_one_day() {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| text.replacen("#settlement_cutoff = \"17:00\"", "settlement_cutoff = \"03:00\"", 1));
    let server = workplace.serve();
    let mut client = server.client();
    let (payment, debit) = (Marqeta::purchase("one", "40.00"), Marqeta::purchase("two", "25.00").method("pgfs.pindebit"));
    let mut clearing = payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "42.50");
    clearing.as_object_mut().unwrap().remove("network");
    // 03:00 on the 15th has passed where the program is: the 16th.
    clearing["created_time"] = json!("2026-03-15T12:00:00Z");
    let mut debit_body: Value = serde_json::from_str(&debit.body()).unwrap();
    debit_body["type"] = json!("pindebit");
    for body in [payment.body(), debit_body.to_string()] {
        assert_eq!(client.post("/marqeta/jit", &body).status, 200);
    }
    let mut completed = debit.recorded("COMPLETION", false);
    completed["type"] = json!("pindebit");
    completed["settlement_date"] = json!("2026-03-18T00:00:00Z");
    assert_eq!(client.post("/marqeta/webhook", &transactions(&[clearing, completed])).status, 200);

    let mut office = BackOffice::of(&server);
    for (day, due) in [("2026-03-16", 4250), ("2026-03-18", 2500)] {
        let command = ["settlement", "--program", "demo", "--day", day, "--json"];
        let command: Value = serde_json::from_str(&text(&ask(&workplace, &command))).unwrap();
        assert_eq!(command["due"], json!([{"network": "VISA", "currency": "USD", "due": due}]), "{day}");
        let api = office.found(&format!("/v1/settlement?from={day}"));
        let sum = json!({"day": day, "network": "VISA", "cause": "network_settlement", "currency": "USD", "posted": -due,
            "movements": 1});
        assert_eq!(api["sums"], json!([sum]), "{day}");
    }
    let movements = office.found("/v1/accounts/acct-demo-1/movements");
    let of_debit = movements["movements"].as_array().unwrap().iter().find(|movement| movement["posted"] == -2500).unwrap();
    assert_eq!((&of_debit["day"], &of_debit["network"]), (&json!("2026-03-18"), &json!("VISA")));
}

/// A force post by the bare token that the platform's settlement file has; and a clearing that leads nowhere until its card is
/// known and it comes again.
#[test]
fn a_force_post_is_found_by_its_token_and_leaves_the_inbox_once_it_is_booked() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let stray = Marqeta { card: "card-late".into(), user: "late".into(), ..Marqeta::purchase("fp", "12.00") };
    let mut stray = stray.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "12.00");
    let body = stray.as_object_mut().unwrap();
    body.insert("token".to_owned(), json!("fpx"));
    body.remove("preceding_related_transaction_token");
    stray["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
    let notify = |client: &mut crate::support::Client| {
        assert_eq!(client.post("/marqeta/webhook", &transactions(std::slice::from_ref(&stray))).status, 200);
    };
    let listed = || text(&ask(&workplace, &["inbox", "--json"])).lines().count();
    notify(&mut client);
    notify(&mut client);
    assert_eq!(listed(), 1, "one message, however often it comes");
    let new = json!({"card": "card-late", "account_id": "acct-demo-1", "cardholder": "late"});
    assert_eq!(BackOffice::of(&server).change("/v1/cards", "card", &new).status, 201);
    notify(&mut client);
    assert_eq!(BackOffice::of(&server).found("/v1/accounts/acct-demo-1")["posted"], 98_800);
    assert_eq!(listed(), 0, "it came again and was booked");
    let told = ask(&workplace, &["explain", "fpx"]);
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(text(&told).contains("cleared 12.00 USD"), "{}", text(&told));
}

/// A reversal that comes before its question is in the inbox for as long as nobody knows the payment, and no longer.
#[test]
fn a_reversal_leaves_the_inbox_once_its_payment_is_there() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let listed = || text(&ask(&workplace, &["inbox", "--json"])).lines().count();
    let payments = [Marqeta::purchase("early", "40.00"), Marqeta::purchase("never", "40.00")];
    let reversals =
        payments.each_ref().map(|of| of.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "40.00"));
    assert_eq!(client.post("/marqeta/webhook", &transactions(&reversals)).status, 200);
    assert_eq!(listed(), 2);
    assert_eq!(client.post("/marqeta/jit", &payments[0].body()).status, 402, "it was applied: nothing is left to be approved");
    assert_eq!(
        client.post("/marqeta/jit", &Marqeta::purchase("after", "1.00").body()).status,
        200,
        "the decline is written, too"
    );
    assert_eq!(listed(), 1, "nobody knows the other one's payment");
    let mut again = reversals[0].clone();
    again["token"] = json!("again");
    again["gpa_order"]["jit_funding"]["token"] = json!("again");
    assert_eq!(client.post("/marqeta/webhook", &transactions(&[again])).status, 200);
    assert_eq!(listed(), 1, "the payment was told of, and has nothing left");
    let declined = Marqeta::purchase("declined", "740.00").mcc("7995");
    assert_eq!(client.post("/marqeta/jit", &declined.body()).status, 402);
    let reversal = declined.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "740.00");
    assert_eq!(client.post("/marqeta/webhook", &transactions(&[reversal])).status, 200);
    assert_eq!(listed(), 1, "we declined it: there is nothing to undo");
}

/// A clearing that names only the message before it; the platform's file names the payment.
#[test]
fn a_clearing_is_settled_as_its_payment_by_whatever_name_the_file_has() {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| {
        let columns = "[program.settlement_file]\npayment = \"token\"\namount = \"amount\"\n";
        text.replacen("\n[[program.mount]]\n", &format!("\n{columns}\n[[program.mount]]\n"), 1)
    });
    let server = workplace.serve();
    let mut client = server.client();
    let payment = Marqeta::purchase("one", "40.00");
    assert_eq!(client.post("/marqeta/jit", &payment.body()).status, 200);
    let advice = payment.follower("authorization.advice", "PENDING", "pgfs.authorization.reversal", "30.00");
    let mut clearing = payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "30.00");
    clearing["settlement_date"] = json!("2026-03-14T00:00:00Z");
    clearing["preceding_related_transaction_token"] = advice["token"].clone();
    clearing["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
    let named = [payment.token(), advice["token"].as_str().unwrap().to_owned(), clearing["token"].as_str().unwrap().to_owned()];
    assert_eq!(client.post("/marqeta/webhook", &transactions(&[advice, clearing])).status, 200);
    let day = ["settlement", "--program", "demo", "--day", "2026-03-14"];
    let compared = |name: &str| {
        std::fs::write(workplace.path("settled.csv"), format!("token,amount\n{name},30.00\n")).unwrap();
        ask(&workplace, &[&day[..], &["--file", "settled.csv", "--platform", "marqeta"]].concat())
    };
    for name in &named {
        let compared = compared(name);
        assert_eq!(compared.status.code(), Some(0), "{name}: {}", text(&compared));
    }
    let printed = text(&compared(&named[0]));
    let line = printed.lines().find(|line| line.contains("cleared")).unwrap();
    assert!(line.contains(&payment.jit_token()), "the payment's first name: {line}");
}

//! The management API over real sockets: each operation, sent again, sent otherwise, by strangers, and wrong.

use std::time::Duration;

use holdfast::clock;
use serde_json::{Value, json};

use crate::support::callbacks::transactions;
use crate::support::http::Response;
use crate::support::server::Server;
use crate::support::{BackOffice, Client, Marqeta, Workplace};

/// What is wrong with a request, by path.
fn wrong(answer: &Response) -> Vec<String> {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad_request")), "{answer:?}");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let mut paths: Vec<_> = errors.iter().map(|error| error["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

fn money(amount: i64) -> Value {
    json!({"amount": amount, "currency": "USD", "cause": "funding", "reason": "a test"})
}

fn reason(why: &str) -> Value {
    json!({ "reason": why })
}

/// The journal's row of an operation: who, and why.
fn operation(workplace: &Workplace, key: &str) -> Option<(String, String)> {
    let journal = rusqlite::Connection::open(workplace.data().join("journal.sqlite")).unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    journal.query_row("SELECT who, why FROM operation WHERE key = ?1", [key], read).ok()
}

#[test]
fn an_account_from_its_creation_to_its_end() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let new = json!({"account_id": "acct-new", "currency": "USD", "credit_line": 500, "reason": "a new customer"});
    assert_eq!(office.change("/v1/accounts", "create", &new).status, 201);
    assert_eq!(office.change("/v1/accounts", "create", &new).status, 200, "sent again it is there");
    let expected = |status: &str, posted: i64| {
        json!({"account_id": "acct-new", "currency": "USD", "status": status, "posted": posted, "held": 0,
            "available": posted + 500, "credit_line": 500})
    };
    assert_eq!(office.found("/v1/accounts/acct-new"), expected("active", 0));

    // Each once, however often it is sent, across a restart too.
    for _ in 0..2 {
        assert_eq!(office.made("/v1/accounts/acct-new/credits", "load", &money(2_500)), expected("active", 2_500));
    }
    assert_eq!(office.made("/v1/accounts/acct-new/debits", "fee", &money(700)), expected("active", 1_800));
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    assert_eq!(office.made("/v1/accounts/acct-new/debits", "fee", &money(700)), expected("active", 1_800));
    assert_eq!(operation(&workplace, "fee"), Some(("demo-operator".to_owned(), "a test".to_owned())));

    let status = |status: &str| json!({"status": status, "reason": "a test"});
    assert_eq!(office.made("/v1/accounts/acct-new/status", "freeze", &status("frozen")), expected("frozen", 1_800));
    assert_eq!(office.made("/v1/accounts/acct-new/status", "thaw", &status("active")), expected("active", 1_800));
    // The first freeze sent again is not a second one: the answer is the account as it is now.
    assert_eq!(office.made("/v1/accounts/acct-new/status", "freeze", &status("frozen")), expected("active", 1_800));
    assert_eq!(office.made("/v1/accounts/acct-new/status", "close", &status("closed")), expected("closed", 1_800));
    let card = json!({"card": "card-late", "account_id": "acct-new"});
    assert_eq!(office.refused("/v1/cards", "late", &card), (409, "status_final".to_owned()));
    for _ in 0..2 {
        let reopened = office.refused("/v1/accounts/acct-new/status", "reopen", &status("active"));
        assert_eq!(reopened, (409, "status_final".to_owned()), "what was refused was not made, and is not said to have been");
    }
    // What was made is heard again, although it could not be made any more; another request under its key is neither.
    assert_eq!(office.made("/v1/accounts/acct-new/status", "freeze", &status("frozen")), expected("closed", 1_800));
    let conflict = office.refused("/v1/accounts/acct-new/status", "freeze", &status("active"));
    assert_eq!(conflict, (409, "idempotency_conflict".to_owned()));
}

#[test]
fn what_was_refused_is_refused_again_for_the_same_reason() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let too_large = (409, "amount_too_large".to_owned());
    activated(&server, "a platform's clock may be ahead", &clock::utc().saturating_add(Duration::from_secs(240)).to_string());
    let freeze = json!({"reason": "a test"});
    for time in ["first", "again"] {
        assert_eq!(office.refused("/v1/accounts/acct-demo-1/credits", "all", &money(i64::MAX)), too_large, "{time}");
        let refused = office.refused("/v1/cards/card-demo-1/freeze", "freeze", &freeze);
        assert_eq!(refused, (409, "superseded".to_owned()), "{time}");
    }
    assert_eq!(office.found("/v1/accounts/acct-demo-1")["posted"], 100_000);
}

/// Marqeta tells that a card was activated, at that time.
fn activated(server: &Server, token: &str, at: &str) {
    let told = json!({"cardtransitions": [{"token": token, "card_token": "card-demo-1", "user_token": "user-demo-1", "state": "ACTIVE",
        "type": "state.activated", "created_time": at}]});
    assert_eq!(server.client().post("/marqeta/webhook", &told.to_string()).status, 200);
}

#[test]
fn what_is_stamped_far_ahead_does_not_keep_a_card_from_being_frozen() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    activated(&server, "t", "2199-01-01T00:00:00Z");
    let mut office = BackOffice::of(&server);
    assert_eq!(office.made("/v1/cards/card-demo-1/freeze", "freeze", &json!({"reason": "a test"}))["status"], "frozen");
}

#[test]
fn a_key_means_one_request_and_a_name_one_thing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    office.made("/v1/accounts/acct-demo-1/credits", "k", &money(100));
    let conflict = (409, "idempotency_conflict".to_owned());
    assert_eq!(office.refused("/v1/accounts/acct-demo-1/credits", "k", &money(101)), conflict);
    assert_eq!(office.refused("/v1/accounts/acct-demo-2/credits", "k", &money(100)), conflict, "another account");
    assert_eq!(office.refused("/v1/accounts/acct-demo-1/debits", "k", &money(100)), conflict, "the other way");
    // The order of fields and blanks between them mean nothing.
    let same = "{ \"reason\": \"a test\", \"currency\": \"USD\",\n\"cause\": \"funding\", \"amount\": 100 }";
    let headers = [("Idempotency-Key", "k"), ("Content-Type", "application/json; charset=utf-8")];
    assert_eq!(office.raw("POST", "/v1/accounts/acct-demo-1/credits", &headers, same).status, 200);
    assert_eq!(office.found("/v1/accounts/acct-demo-1")["posted"], 100_100);

    let exists = (409, "already_exists".to_owned());
    let other = json!({"account_id": "acct-demo-1", "currency": "USD", "credit_line": 7});
    assert_eq!(office.refused("/v1/accounts", "other", &other), exists);
    assert_eq!(office.refused("/v1/accounts", "other", &other), exists, "sent again it is refused again");
    assert_eq!(office.found("/v1/accounts/acct-demo-1")["credit_line"], 0);
    let same = json!({"account_id": "acct-demo-1", "currency": "USD"});
    assert_eq!(office.change("/v1/accounts", "same", &same).status, 200);
    let card = json!({"card": "card-demo-1", "account_id": "acct-demo-2", "cardholder": "user-demo-1"});
    assert_eq!(office.refused("/v1/cards", "card", &card), exists);
    assert_eq!(office.refused("/v1/cards", "card", &card), exists);
}

#[test]
fn a_card_number_comes_into_no_text_that_is_kept_for_good() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let number = "4111 1111 1111 1111";
    let wrong = (400, "bad_request".to_owned());
    assert_eq!(office.refused("/v1/cards/card-demo-1/freeze", "k", &reason(number)), wrong);
    assert_eq!(office.refused("/v1/cards/card-demo-1/freeze", "4111111111111111", &reason("a test")), wrong);
    let data = workplace.data();
    for word in ["--why", "--by"] {
        let mut words = vec!["rules", "publish", "config/rules/demo.toml", "--program", "demo"];
        words.extend(if word == "--why" { ["--by", "ann", "--why", number] } else { ["--why", "a test", "--by", number] });
        words.extend(["--data", data.to_str().unwrap()]);
        let refused = workplace.run(&words);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && said.contains("card number") && !said.contains("4111"), "{said}");
    }
    assert!(server.terminate().success());
}

#[test]
fn a_frozen_card_declines_until_it_is_unfrozen() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut office, mut platform) = (BackOffice::of(&server), server.client());
    let mut ask = |id: &str| platform.post("/marqeta/jit", &Marqeta::purchase(id, "1.00").card("card-new").body());
    let new = json!({"card": "card-new", "account_id": "acct-demo-1", "cardholder": "user-demo-1"});
    assert_eq!(office.change("/v1/cards", "create", &new).status, 201);
    assert_eq!(office.change("/v1/cards", "create", &new).status, 200);
    assert_eq!(ask("1").status, 200);

    let status = |card: &Value| card["status"].as_str().unwrap().to_owned();
    assert_eq!(status(&office.made("/v1/cards/card-new/freeze", "freeze", &reason("lost sight of it"))), "frozen");
    let declined = ask("2");
    assert_eq!(declined.status, 402, "{declined:?}");
    assert!(declined.body.contains("decline_reason"), "{declined:?}");
    assert_eq!(operation(&workplace, "freeze"), Some(("demo-operator".to_owned(), "lost sight of it".to_owned())));
    assert_eq!(status(&office.made("/v1/cards/card-new/unfreeze", "unfreeze", &reason("found"))), "active");
    assert_eq!(status(&office.made("/v1/cards/card-new/freeze", "freeze", &reason("lost sight of it"))), "active");
    assert_eq!(ask("3").status, 200);

    // Asked for once more it is there, as it stands now.
    office.made("/v1/cards/card-new/freeze", "freeze-2", &reason("again"));
    let there = office.change("/v1/cards", "create-2", &new);
    assert_eq!((there.status, &there.json()["status"]), (200, &json!("frozen")));

    assert_eq!(status(&office.made("/v1/cards/card-new/close", "close", &reason("gone"))), "closed");
    let refused = office.refused("/v1/cards/card-new/unfreeze", "again", &reason("back"));
    assert_eq!(refused, (409, "status_final".to_owned()));
    assert_eq!(status(&office.made("/v1/cards/card-new/freeze", "freeze", &reason("lost sight of it"))), "closed");
    assert_eq!(ask("4").status, 402);
    // Not even the platform opens it again, however late its word.
    let reopened = json!({"cardtransitions": [{"token": "t", "card_token": "card-new", "user_token": "user-demo-1", "state": "ACTIVE",
        "type": "state.activated", "created_time": "2099-01-01T00:00:00Z"}]});
    assert_eq!(server.client().post("/marqeta/webhook", &reopened.to_string()).status, 200);
    assert_eq!(ask("5").status, 402);
    assert_eq!(status(&office.found("/v1/cards/card-new")), "closed");
}

#[test]
fn an_operator_releases_a_hold() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let purchase = Marqeta::purchase("1", "27.35");
    assert_eq!(server.client().post("/marqeta/jit", &purchase.body()).status, 200);
    server.kill();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    assert_eq!(office.found("/v1/accounts/acct-demo-1")["held"], 2_735);

    // After the crash: open, and nobody but us has said anything about it.
    let unconfirmed = office.found("/v1/holds?card=card-demo-1&status=open&confirmed=false");
    let hold = unconfirmed["holds"][0].clone();
    assert_eq!((&hold["payment"], &hold["held"], &hold["confirmed"]), (&json!("jit-1"), &json!(2_735), &json!(false)));
    let path = format!("/v1/holds/{}", hold["hold_id"]);
    assert_eq!(office.found(&path)["account_id"], "acct-demo-1");
    assert_eq!((&hold["account_id"], &hold["card"], hold.get("by")), (&json!("acct-demo-1"), &json!("card-demo-1"), None));
    // Nobody knows whose accounts were asked when it crashed: open ones are listed of the whole program.
    assert_eq!(office.found("/v1/holds?status=open&confirmed=false")["holds"], unconfirmed["holds"]);
    assert_eq!(office.found("/v1/holds?account_id=acct-demo-1&status=open&confirmed=false")["holds"], unconfirmed["holds"]);
    assert_eq!(wrong(&office.get("/v1/holds?confirmed=false")), ["account_id"]);
    assert_eq!(wrong(&office.get("/v1/holds?status=released")), ["account_id"]);

    let release = format!("{path}/release");
    for _ in 0..2 {
        let released = office.made(&release, "release", &reason("the merchant asked by phone"));
        assert_eq!((&released["status"], &released["held"]), (&json!("released"), &json!(0)));
        assert_eq!((&released["by"], &released["why"]), (&json!("demo-operator"), &json!("the merchant asked by phone")));
    }
    assert_eq!(office.found("/v1/holds?status=open")["holds"], json!([]));
    let movements = office.found("/v1/accounts/acct-demo-1/movements")["movements"].clone();
    assert_eq!((&movements[0]["by"], &movements[0]["why"]), (&json!("demo-operator"), &json!("the merchant asked by phone")));
    assert_eq!((movements[1].get("by"), movements[1].get("why")), (None, None), "the platform's");
    let data = workplace.data();
    let told = workplace.run(&["explain", "jit-1", "--data", data.to_str().unwrap()]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("Done by demo-operator: the merchant asked by phone."), "{told}");
    assert_eq!(office.found("/v1/accounts/acct-demo-1")["available"], 100_000);
    assert_eq!(operation(&workplace, "release"), Some(("demo-operator".to_owned(), "the merchant asked by phone".to_owned())));
    // A second order is another one, and there is nothing left to release.
    assert_eq!(office.refused(&release, "release-2", &reason("again")), (409, "authorization_over".to_owned()));
    assert_eq!(office.found("/v1/holds?account_id=acct-demo-1&status=open&confirmed=false")["holds"], json!([]));
    assert_eq!(office.found("/v1/holds?account_id=acct-demo-1&status=released")["holds"].as_array().unwrap().len(), 1);
}

#[test]
fn what_was_debited_at_once_is_shown_and_not_released() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let sale = json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "6.00", "card_token": "card_sandbox_demo"}});
    assert_eq!(server.client().post("/api/payment/sale", &sale.to_string()).status, 200);
    let mut office = BackOffice::of(&server);
    let hold = office.found("/v1/holds?account_id=acct-demo-4")["holds"][0].clone();
    assert_eq!(
        (&hold["status"], &hold["held"], &hold["debited"], &hold["captured"]),
        (&json!("captured"), &json!(0), &json!(600), &json!(0))
    );
    let release = format!("/v1/holds/{}/release", hold["hold_id"]);
    assert_eq!(office.refused(&release, "release", &reason("it stands there")), (409, "debited_at_once".to_owned()));
    assert_eq!(office.found("/v1/accounts/acct-demo-4")["posted"], 99_400);
}

#[test]
fn lists_go_on_where_a_page_ends() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut office, mut platform) = (BackOffice::of(&server), server.client());
    for number in 0..5 {
        assert_eq!(platform.post("/marqeta/jit", &Marqeta::purchase(&number.to_string(), "1.00").body()).status, 200);
        office.made("/v1/accounts", &number.to_string(), &json!({"account_id": format!("a-{number}"), "currency": "USD"}));
    }
    let mut all = |path: &str, list: &str, name: &str| {
        let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = office.found(&format!("{path}limit=2{cursor}"));
            found.extend(page[list].as_array().unwrap().iter().map(|line| line[name].to_string()));
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return (found, pages),
            }
        }
    };
    let (accounts, pages) = all("/v1/accounts?", "accounts", "account_id");
    assert_eq!(
        accounts,
        ["acct-demo-1", "acct-demo-2", "acct-demo-4", "acct-demo-3", "a-0", "a-1", "a-2", "a-3", "a-4"]
            .map(|name| format!("\"{name}\""))
    );
    assert_eq!(pages, 5);
    let (holds, _) = all("/v1/holds?account_id=acct-demo-1&", "holds", "payment");
    assert_eq!(holds, ["jit-4", "jit-3", "jit-2", "jit-1", "jit-0"].map(|name| format!("\"{name}\"")));
    let (held, _) = all("/v1/accounts/acct-demo-1/movements?", "movements", "held_after");
    assert_eq!(held, ["500", "400", "300", "200", "100", "0"]);
    let (cards, _) = all("/v1/cards?account_id=acct-demo-1&", "cards", "card");
    assert_eq!(cards, ["\"card-demo-1\"", "\"card-demo-frozen\""]);
    let (owners, _) = all("/v1/cards?account_id=acct-demo-1&", "cards", "account_id");
    assert_eq!(owners, ["\"acct-demo-1\"", "\"acct-demo-1\""]);
    let (open, pages) = all("/v1/holds?status=open&", "holds", "payment");
    assert_eq!((open, pages), (holds, 3));

    // One list's cursor is none of another's, and what is no cursor is told so.
    let cursor = office.found("/v1/accounts?limit=1")["next_cursor"].as_str().unwrap().to_owned();
    for bad in [cursor.as_str(), "zz", "", "5", "ffffffffffffffffffffffff", "%C3%A4%C3%A4%C3%A4"] {
        assert_eq!(wrong(&office.get(&format!("/v1/holds?account_id=acct-demo-1&cursor={bad}"))), ["cursor"], "{bad}");
    }
    let since = office.found("/v1/holds?account_id=acct-demo-1&since=2999-01-01T00:00:00Z");
    assert_eq!(since, json!({"holds": [], "as_of": since["as_of"]}));
}

#[test]
fn settlement_sums_what_was_posted_by_day_and_cause() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut office, mut platform) = (BackOffice::of(&server), server.client());
    let purchase = Marqeta::purchase("1", "10.00");
    assert_eq!(platform.post("/marqeta/jit", &purchase.body()).status, 200);
    let clearing = purchase.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "10.00");
    assert_eq!(platform.post("/marqeta/webhook", &transactions(&[clearing])).status, 200);
    let fee = json!({"amount": 300, "currency": "USD", "cause": "fee", "reason": "monthly"});
    office.made("/v1/accounts/acct-demo-1/debits", "fee", &fee);

    let day = office.found("/v1/accounts/acct-demo-1/movements?limit=1")["movements"][0]["day"].as_str().unwrap().to_owned();
    // The clearing happened on the 15th of March, before the demo's cut-off.
    let days = ["2026-03-15", day.as_str()].map(|day| office.found(&format!("/v1/settlement?from={day}"))["sums"].clone());
    let sums: Vec<Value> = days.iter().flat_map(|sums| sums.as_array().unwrap().clone()).collect();
    let of =
        |cause: &str| sums.iter().filter(|sum| sum["cause"] == cause).map(|sum| sum["posted"].as_i64().unwrap()).sum::<i64>();
    assert_eq!((of("network_settlement"), of("fee"), of("funding")), (-1_000, -300, 350_000), "{sums:?}");
    assert_eq!(wrong(&office.get("/v1/settlement?from=2026-02-30&to=x")), ["from", "to"]);
    assert_eq!(wrong(&office.get("/v1/settlement?from=2026-01-02&to=2026-01-01")), ["to"]);
}

#[test]
fn strangers_and_other_programs_see_nothing() {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| {
        let programs = "programs = [\"demo\"]";
        let more = "[[api.token]]\nname = \"auditor\"\ntoken = \"file:auditor\"\nprograms = [\"demo\", \"second\"]\n";
        let second = "[[program]]\nid = \"second\"\ncurrency = \"USD\"\nenvironment = \"sandbox\"\ncountry = \"USA\"\n\
            time_zone = \"UTC\"\nrules = \"rules/demo.toml\"\n[[program.mount]]\nplatform = \"marqeta\"\npath = \"/second\"\n\
            [[program.mount.basic]]\nuser = \"demo\"\npassword = \"file:demo/secrets/platform_password\"\n";
        format!("{}\n{second}", text.replace(programs, &format!("{programs}\n{more}")))
    });
    workplace.edit("rules/demo.toml", |rules| format!("{rules}\n"));
    std::fs::write(workplace.path("config/auditor"), "auditor-0123456789abcdef0123456789\n").unwrap();
    let server = workplace.serve();
    let mut nobody = Client::connect_as(server.api_listen, None);
    for authorization in ["", "Bearer ", "Bearer wrong", "Basic ZGVtbzpkZW1v", "Bearer"] {
        let headers: &[_] = if authorization.is_empty() { &[] } else { &[("Authorization", authorization)] };
        let answer = nobody.ask("GET", "/v1/accounts/acct-demo-1", headers, "");
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"holdfast\"")), "{answer:?}");
        let answer = nobody.ask("POST", "/v1/accounts/acct-demo-1/credits", headers, &money(1).to_string());
        assert_eq!(answer.status, 401);
    }

    let mut operator = BackOffice::of(&server);
    assert_eq!(operator.get("/v1/accounts/acct-demo-1?program=second").status, 404);
    assert_eq!(operator.get("/v1/accounts/acct-demo-1?program=demo").status, 200);
    let mut auditor = BackOffice::with_token(&server, "auditor-0123456789abcdef0123456789");
    assert_eq!(wrong(&auditor.get("/v1/accounts/acct-demo-1")), ["program"]);
    assert_eq!(auditor.get("/v1/accounts/acct-demo-1?program=demo").status, 200);
    assert_eq!(auditor.raw("GET", "/v1/accounts/acct-demo-1", &[("Holdfast-Program", "demo")], "").status, 200);
    let both = |auditor: &mut BackOffice, header| {
        auditor.raw("GET", "/v1/accounts/acct-demo-1?program=demo", &[("Holdfast-Program", header)], "").status
    };
    assert_eq!((both(&mut auditor, "demo"), both(&mut auditor, "second")), (200, 400), "the two have to agree");
    assert_eq!(auditor.get("/v1/accounts/acct-demo-1?program=second").status, 404, "another program's account");
    assert_eq!(auditor.get("/v1/accounts/acct-demo-1?program=third").status, 404);

    // Tokens change with SIGHUP, as other credentials do.
    std::fs::write(workplace.path("config/auditor"), "auditor-fedcba9876543210fedcba98\n").unwrap();
    server.signal(rustix::process::Signal::HUP);
    let mut asked = 0;
    while auditor.get("/v1/accounts/acct-demo-1?program=demo").status != 401 {
        asked += 1;
        assert!(asked < 20_000, "SIGHUP changes nothing");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_no_value_is() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let json_only = [("Content-Type", "application/json")];
    let path = "/v1/accounts/acct-demo-1/debits";
    let body = r#"{"amount": 4111.11, "currency": "hunter2", "cause": "hunter2", "hunter2 secret": 1}"#;
    let answer = office.raw("POST", path, &json_only, body);
    assert_eq!(wrong(&answer), ["Idempotency-Key", "amount", "cause", "currency", "hunter2?secret", "reason"]);
    assert!(!answer.body.contains("\"hunter2\"") && !answer.body.contains("4111"), "{answer:?}");
    for amount in ["0", "-1", "1.0", "1e3", "\"1\"", "9223372036854775808", "null", "[1]"] {
        let body = format!(r#"{{"amount": {amount}, "currency": "USD", "cause": "fee", "reason": "x"}}"#);
        let headers = [("Idempotency-Key", "k"), json_only[0]];
        assert_eq!(wrong(&office.raw("POST", path, &headers, &body)), ["amount"], "{amount}");
    }
    for body in ["", "[]", "nope", "{\"a\":", "\"x\"", &"[".repeat(5_000)] {
        let headers = [("Idempotency-Key", "k"), json_only[0]];
        assert_eq!(wrong(&office.raw("POST", path, &headers, body)), [""], "{body}");
    }
    // Which of two would count is for nobody to guess.
    let twice = r#"{"amount": 100, "currency": "USD", "cause": "fee", "reason": "x", "amount": 90000}"#;
    let headers = [("Idempotency-Key", "twice"), json_only[0]];
    assert_eq!(wrong(&office.raw("POST", path, &headers, twice)), ["amount"]);
    assert_eq!(office.found("/v1/accounts/acct-demo-1")["posted"], 100_000);
    let card = json!({"card": "4111111111111111", "account_id": "nobody", "status": "lost"});
    assert_eq!(wrong(&office.change("/v1/cards", "k", &card)), ["card", "status"]);
    let card = json!({"card": "card-x", "account_id": "nobody"});
    assert_eq!(wrong(&office.change("/v1/cards", "k", &card)), ["account_id"]);
    assert_eq!(
        wrong(&office.get("/v1/holds?limit=0&status=x&since=x&confirmed=x&more=1")),
        ["account_id", "confirmed", "limit", "more", "since", "status"]
    );
    assert_eq!(wrong(&office.get("/v1/accounts?limit=1&limit=2")), ["limit"]);
    assert_eq!(operation(&workplace, "k"), None, "what is refused for its form is not taken down");
}

#[test]
fn what_http_itself_refuses() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    for path in [
        "/v1/accounts/nobody",
        "/v1/cards/nobody",
        "/v1/cards/4111111111111111",
        "/v1/holds/77",
        "/v1/holds/x",
        "/v1/holds/-1",
        "/v1/accounts/nobody/movements",
        "/v1/cards?account_id=nobody",
        "/v1/holds?card=nobody",
        "/v1/accounts/%FF",
        "/v1/accounts/%00",
        "/nowhere",
    ] {
        let answer = office.get(path);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{path}: {answer:?}");
    }
    let path = "/v1/accounts/acct-demo-1/credits";
    for path in ["/v1/accounts/nobody/credits", "/v1/cards/nobody/freeze", "/v1/holds/77/release"] {
        assert_eq!(office.refused(path, "k", &money(1)), (404, "not_found".to_owned()), "{path}");
    }
    let answer = office.raw("DELETE", "/v1/accounts", &[], "");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD,POST")));
    assert_eq!(answer.json()["code"], "method_not_allowed");
    let plain = [("Idempotency-Key", "k"), ("Content-Type", "text/plain")];
    assert_eq!(office.raw("POST", path, &plain, &money(1).to_string()).status, 415);
    let long = json!({"amount": 1, "currency": "USD", "cause": "fee", "reason": "x".repeat(70_000)});
    assert_eq!(BackOffice::of(&server).refused(path, "k", &long), (413, "body_too_large".to_owned()));
    assert!(server.metric("holdfast_api_requests_total", &["route=\"none\"", "status=\"4xx\""]) >= 1.0);
    assert!(server.metric("holdfast_api_requests_total", &["route=\"/v1/accounts/{account_id}\"", "4xx"]) >= 1.0);
}

#[test]
fn the_description_has_every_route_and_needs_no_token() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let answer = Client::connect_as(server.api_listen, None).ask("GET", "/v1/openapi.json", &[], "");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let described = answer.json();
    if let Some(file) = std::env::var_os("HOLDFAST_OPENAPI_OUT") {
        std::fs::write(file, &answer.body).unwrap();
    }
    let mut office = BackOffice::of(&server);
    let (mut routes, mut ids) = (0, std::collections::BTreeSet::new());
    for (path, methods) in described["paths"].as_object().unwrap() {
        let real = path
            .replace("{account_id}", "nobody")
            .replace("{card}", "nobody")
            .replace("{hold_id}", "77")
            .replace("{merchant}", "nobody");
        for (method, operation) in methods.as_object().unwrap() {
            let answer = office.raw(&method.to_uppercase(), &real, &[], "");
            assert!(!answer.body.contains("no such route") && answer.status != 405, "{method} {path}: {answer:?}");
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            // What the listener answers by itself.
            let allow = &operation["responses"]["405"]["headers"]["Allow"];
            assert!(allow.is_object() && responses.contains_key("431"), "{method} {path}");
            assert!(responses.contains_key(&answer.status.to_string()), "{method} {path} answers {}", answer.status);
            routes += 1;
        }
    }
    assert_eq!(routes, 27);
}

#[test]
fn a_days_sum_may_be_larger_than_an_amount() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    office.made("/v1/accounts", "create", &json!({"account_id": "acct-rich", "currency": "USD"}));
    office.made("/v1/accounts/acct-rich/credits", "all", &money(i64::MAX));
    let at = office.found("/v1/accounts/acct-rich/movements")["movements"][0].clone();
    let answer = office.get(&format!("/v1/settlement?from={}", at["day"].as_str().unwrap()));
    // With what the demo's accounts began with: 1000.00, 500.00, 1000.00 and 1000.00.
    assert!(answer.status == 200 && answer.body.contains(r#""posted":9223372036855125807,"#), "{answer:?}");
    let again = office.refused("/v1/accounts/acct-rich/credits", "more", &money(1));
    assert_eq!(again.0, 409, "{again:?}");
}

#[test]
fn what_is_available_is_never_more_than_can_be_counted() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let line = i64::MAX - 1_000;
    office.made("/v1/accounts", "create", &json!({"account_id": "acct-line", "currency": "USD", "credit_line": line}));
    let path = "/v1/accounts/acct-line/credits";
    assert_eq!(office.refused(path, "more", &money(1_001)), (409, "amount_too_large".to_owned()));
    assert_eq!(office.made(path, "all", &money(1_000))["available"], i64::MAX);
    assert_eq!(office.made(path, "all", &money(1_000))["posted"], 1_000, "a retry is no second credit");
    assert_eq!(office.refused(path, "more", &money(1)), (409, "amount_too_large".to_owned()), "what was refused is not kept");
    let listed = office.found("/v1/accounts");
    let listed = listed["accounts"].as_array().unwrap().iter().find(|account| account["account_id"] == "acct-line").cloned();
    assert_eq!(listed.unwrap()["available"], i64::MAX);
}

#[test]
fn what_an_operator_did_stays_told_after_a_late_clearing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut office, mut platform) = (BackOffice::of(&server), server.client());
    let purchase = Marqeta::purchase("1", "27.35");
    assert_eq!(platform.post("/marqeta/jit", &purchase.body()).status, 200);
    let hold = office.found("/v1/holds?card=card-demo-1")["holds"][0]["hold_id"].clone();
    let path = format!("/v1/holds/{hold}");
    office.made(&format!("{path}/release"), "release", &reason("the merchant asked"));
    let clearing = purchase.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "27.35");
    assert_eq!(platform.post("/marqeta/webhook", &transactions(&[clearing])).status, 200);
    let found = office.found(&path);
    assert_eq!((&found["captured"], &found["by"]), (&json!(2_735), &json!("demo-operator")));
    assert_eq!(found["why"], "the merchant asked");
}

#[test]
fn what_stand_in_lost_is_booked_as_such() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let loss = json!({"amount": 4_000, "currency": "USD", "cause": "stand_in_loss", "reason": "gone without repaying"});
    assert_eq!(office.made("/v1/accounts/acct-demo-1/credits", "loss", &loss)["posted"], 104_000);
    let booked = office.found("/v1/accounts/acct-demo-1/movements")["movements"][0].clone();
    assert_eq!((&booked["cause"], &booked["why"]), (&json!("stand_in_loss"), &json!("gone without repaying")));
    let day = office.found(&format!("/v1/settlement?from={}", booked["day"].as_str().unwrap()));
    assert!(day["sums"].as_array().unwrap().iter().any(|sum| sum["cause"] == "stand_in_loss" && sum["posted"] == 4_000), "{day}");
}

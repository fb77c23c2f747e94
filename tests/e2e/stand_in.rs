//! What a program's stand-in table says while its ledger is away: by rows, caps and modes, on what is known of the card, from the
//! moment a table is published. The server runs in this process, so that its ledger can be made to fail.

use std::process::Output;

use holdfast::ledger::{Act, KeptKind, KeptRuleset};
use holdfast::spool::{Confirmed, FILE, File};
use holdfast_core::Timestamp;
use holdfast_core::rules::RulesetHash;

use crate::faults::{Bench, Fault, ample_budget, short_budget};
use crate::support::{Apto, Client, Marqeta, Response};

pub const HEAD: &str = "currency = 'USD'\ncountry = 'USA'\nexposure_max = '1000.00'\n";
pub const ALL: &str = "[[row]]\nid = 'all'\nanswer = 'approve'\n";
pub const NONE: &str = "[[row]]\nid = 'none'\nanswer = 'decline'\nreason = 'transaction_not_permitted'\n";

impl Bench {
    /// Puts a table in force, as an operator does.
    pub fn publish_table(&self, rest: &str) -> Output {
        std::fs::write(self.workplace.path("table.toml"), format!("{HEAD}{rest}")).unwrap();
        let file = self.workplace.path("table.toml");
        self.run(&["stand-in", "publish", file.to_str().unwrap(), "--program", "demo", "--by", "ann", "--why", "a test"])
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let data = self.workplace.data();
        self.workplace.run(&[arguments, &["--data", data.to_str().unwrap()]].concat())
    }

    pub fn ask(&self, request: &Marqeta) -> Response {
        self.client().post("/marqeta/jit", &request.body())
    }

    /// How many were declined by stand-in for this reason.
    fn stood_in(&self, reason: &str) -> f64 {
        self.metric("holdfast_decisions_total", &format!("outcome=\"decline\",reason=\"{reason}\",basis=\"stand_in\""))
    }

    pub fn status(&self) -> serde_json::Value {
        Client::connect_as(self.app.ops_listen, None).get("/status").json()
    }
}

#[test]
fn a_merchant_that_the_card_has_paid_is_known_to_the_table() {
    let bench = Bench::new(ample_budget);
    assert!(
        bench.publish_table("[[row]]\nid = 'regular'\nwhen = { merchant_known = true }\nanswer = 'approve'\n").status.success()
    );
    assert_eq!(bench.ask(&Marqeta::purchase("met", "10.00")).status, 200);
    bench.faulty.set(Fault::Unavailable);
    let elsewhere = Marqeta::purchase("elsewhere", "10.00").body().replace("mid-000123", "mid-000999");
    assert_eq!(bench.client().post("/marqeta/jit", &elsewhere).status, 402);
    assert_eq!(bench.ask(&Marqeta::purchase("again", "10.00")).status, 200);
}

#[test]
fn what_a_table_approves_is_held_when_the_ledger_is_back_and_a_retry_hears_it_all_the_while() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let request = Marqeta::purchase("kept", "10.00");
    let approved = bench.ask(&request);
    assert_eq!(approved.status, 200, "{approved:?}");
    for name in ["jit-kept", "tx-kept"] {
        let explained = bench.run(&["explain", name]);
        let said = String::from_utf8(explained.stderr).unwrap();
        assert!(
            explained.status.code() == Some(1) && said.contains("of the spool is about it, and waits for the ledger"),
            "{said}"
        );
    }
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 1_000);
    assert_eq!(bench.ask(&request).body, approved.body);
    assert_eq!(bench.held(), 0);
    // Another process, and still no ledger.
    let bench = Bench::on(bench.stop(), Fault::Deaf);
    let unheard = || bench.status()["stand_in"]["demo"]["unheard"].clone();
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 1_000);
    assert_eq!(
        unheard(),
        serde_json::json!({"approved_minor": 1_000, "questions": "stand_in"}),
        "why its account is stood in for"
    );
    assert_eq!(bench.ask(&request).body, approved.body);
    assert_eq!(
        bench.ask(&Marqeta { amount: "11.00".to_owned(), ..Marqeta::purchase("kept", "10.00") }).status,
        402,
        "a conflict"
    );
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 1_000);
    assert_eq!((&bench.status()["stand_in"]["demo"]["exposure_minor"], unheard()), (&0.into(), serde_json::Value::Null));
    assert_eq!(bench.ask(&request).body, approved.body);
    assert_eq!(bench.held(), 1_000, "held once");
    bench.app.drain();
}

#[test]
fn what_a_caller_wrote_is_erased_before_the_ledger_has_heard_of_it() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Deaf);
    let pay = |name: &str, key: &str| {
        let body = serde_json::json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "1.00",
            "card_token": "card_sandbox_demo", "customer_name": name}});
        let headers = [("Idempotency-Key", key), ("Authorization", &crate::support::http::demo_authorization())];
        let paid = bench.client().ask("POST", "/api/payment/auth", &headers, &body.to_string()).json();
        assert_eq!(paid["auth_response"]["status"], "PASS", "{paid}");
        format!("/api/payment/{}", paid["id"].as_str().unwrap())
    };
    let path = pay("John Doe", "erased");
    let told = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told(bench.run(&["erase", "--person", "somebody-else"])), "0 texts erased\n");
    assert_eq!(told(bench.run(&["erase", "--person", "card_sandbox_demo"])), "1 texts erased\n");
    assert_eq!(told(bench.run(&["erase", "--person", "card_sandbox_demo"])), "0 texts erased\n");
    let later = pay("Jane Doe", "kept");
    // A check is answered by the rules meanwhile, at once where the ledger is known to be away.
    bench.faulty.set(Fault::Unavailable);
    let check = serde_json::json!({"transaction_type": "sale", "merchant_id": "merchant-demo",
        "data": {"card_token": "card_sandbox_demo", "transaction_amount": "1.00"}});
    let checked = bench.client().post("/transaction-monitoring/pre-auth", &check.to_string()).json();
    assert_eq!((&checked["processing_status"], &checked["limits_checked"]), (&"allow".into(), &false.into()), "{checked}");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    let shown = |path: &str| bench.client().get(path).json();
    assert_eq!(
        (&shown(&path)["customer_name"], &shown(&path)["auth_response"]["status"]),
        (&serde_json::Value::Null, &"PASS".into())
    );
    assert_eq!(shown(&later)["customer_name"], "Jane Doe", "what came afterwards stays");
    // Of what the ledger has heard, too, nothing is left in the spool.
    assert_eq!(told(bench.run(&["erase", "--person", "card_sandbox_demo"])), "1 texts erased\n");
    let spool = File::open_if_there(&bench.workplace.data().join(FILE)).unwrap().unwrap();
    let mut counted = 0;
    spool
        .confirmed(Timestamp::EPOCH, |kept| match kept {
            Confirmed::Counted { .. } => counted += 1,
            Confirmed::Entry(row) => panic!("all of it is kept: {row:?}"),
        })
        .unwrap();
    spool.remembered(i64::MAX, |row, _| panic!("it waits: {row:?}")).unwrap();
    assert_eq!(counted, 2, "how it counts stays");
    bench.app.drain();
}

#[test]
fn what_may_have_been_answered_long_ago_is_not_approved_afresh() {
    neither_told_nor_decided_afresh(Fault::Forgetful);
}

#[test]
fn what_an_earlier_callback_was_not_told_yet_is_not_told_before_it_is_durable() {
    neither_told_nor_decided_afresh(Fault::Unsynced);
}

fn neither_told_nor_decided_afresh(fault: Fault) {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let request = Marqeta::purchase("long-ago", "10.00");
    assert_eq!(bench.ask(&request).status, 200);
    bench.faulty.set(fault);
    assert_eq!(bench.ask(&request).status, 402);
    assert_eq!(bench.stood_in("ledger_unavailable"), 1.0);
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 0);
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 1_000, "the decline released nothing");
    let report: serde_json::Value = serde_json::from_slice(&bench.run(&["stand-in", "report", "--json"]).stdout).unwrap();
    let by: Vec<_> = report["by"].as_array().unwrap().iter().map(|of| of["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["undecided"], "there is a table, and it was not asked");
    bench.app.drain();
}

#[test]
fn what_a_table_approves_is_at_risk_until_the_ledger_holds_it() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let request = Marqeta::purchase("kept", "10.00");
    let approved = bench.ask(&request);
    assert_eq!(approved.status, 200, "{approved:?}");
    let exposure = || bench.status()["stand_in"]["demo"]["exposure_minor"].as_i64().unwrap();
    assert_eq!((exposure(), bench.metric("holdfast_stand_in_exposure_minor", "demo")), (1000, 1000.0));
    // The table's cap: 1000.00 in all.
    assert_eq!(bench.ask(&Marqeta::purchase("beyond", "700.00")).status, 200);
    assert_eq!(bench.ask(&Marqeta::purchase("too-far", "290.01")).status, 402);
    assert_eq!((bench.stood_in("amount_limit_reached"), exposure()), (1.0, 71_000));
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    while exposure() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(bench.held(), 71_000);
    assert_eq!(bench.ask(&request).body, approved.body);
    bench.app.drain();
}

#[test]
fn while_nobody_can_see_whose_money_is_at_risk_the_ledger_is_not_asked() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("kept", "10.00")).status, 200);
    bench.faulty.set(Fault::Veiled);
    let declined = bench.ask(&Marqeta::purchase("next", "10.00"));
    assert_eq!(declined.status, 402, "without a look at the card stand-in approves nothing: {declined:?}");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    assert_eq!(bench.held(), 1_000);
    bench.app.drain();
}

#[test]
fn what_the_spool_has_no_room_for_is_declined_and_gives_its_cap_back() {
    let bench = Bench::new(|text| ample_budget(text).replacen("#entries_max = 100000", "entries_max = 1", 1));
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("first", "10.00")).status, 200);
    let second = Marqeta::purchase("second", "10.00");
    let declined = bench.ask(&second);
    assert_eq!(declined.status, 402, "{declined:?}");
    assert_eq!(bench.stood_in("not_durable"), 1.0);
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 1_000, "only the first");
    let clearing = crate::support::callbacks::transactions(&[Marqeta::purchase("x", "1.00").recorded("DECLINED", true)]);
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    assert_eq!(bench.ask(&second).body, declined.body);
    assert_eq!(bench.held(), 1_000);
    let report = bench.lines(&["stand-in", "report"]);
    let of = |name: &str| report.iter().find(|line| line.trim_start().starts_with(name)).map(|line| line.contains(" 1 "));
    assert_eq!((of("row all"), of("not_durable")), (Some(true), Some(true)), "no row declined: {report:?}");
    assert_eq!(bench.client().post("/marqeta/webhook", &clearing).status, 200);
    bench.app.drain();
}

#[test]
fn a_freeze_holds_at_once_although_the_ledger_cannot_hear_it() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("before", "10.00")).status, 200);
    let freeze = serde_json::json!({"cardtransitions": [{"token": "ct-9", "card_token": "card-demo-1",
        "user_token": "user-demo-1", "state": "SUSPENDED", "created_time": "2026-03-14T16:00:00Z"}]});
    assert_eq!(bench.client().post("/marqeta/webhook", &freeze.to_string()).status, 200);
    let frozen = |bench: &Bench, id: &str| {
        let declined = bench.ask(&Marqeta::purchase(id, "10.00"));
        assert_eq!(declined.json()["jit_funding"]["decline_reason"], "CARD_NOT_ACTIVE", "{id}");
    };
    frozen(&bench, "while it is away");
    let bench = Bench::on(bench.stop(), Fault::Deaf);
    frozen(&bench, "after a restart");
    bench.faulty.set(Fault::None);
    bench.until_heard();
    frozen(&bench, "by the ledger");
    assert_eq!(bench.held(), 1_000);
    bench.app.drain();
}

/// The payment doors name a card and no owner: a suspended one pays there no more than elsewhere.
#[test]
fn an_owner_who_was_suspended_meanwhile_pays_at_no_door() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let pay = |bench: &Bench, id: &str| {
        let body = serde_json::json!({"amount": 500, "currency": "USD", "idempotency_id": id, "merchant": "merchant-demo",
            "source": "card-demo-2"});
        bench.client().post("/payments/na/authorizations", &body.to_string()).json()
    };
    let authorized = |answer: &serde_json::Value| answer["state"] == "SUCCEEDED";
    bench.faulty.set(Fault::Unavailable);
    let before = pay(&bench, "before");
    assert!(authorized(&before), "{before}");
    let suspend = serde_json::json!({"usertransitions": [{"token": "ut-1", "user_token": "user-demo-2", "status": "SUSPENDED",
        "reason_code": "01", "channel": "API", "created_time": "2026-03-14T16:00:00Z"}]});
    assert_eq!(bench.client().post("/marqeta/webhook", &suspend.to_string()).status, 200);
    let after = pay(&bench, "after");
    assert!(!authorized(&after), "{after}");
    let bench = Bench::on(bench.stop(), Fault::Deaf);
    let restarted = pay(&bench, "restarted");
    assert!(!authorized(&restarted), "{restarted}");
    bench.faulty.set(Fault::None);
    bench.until_heard();
    let by_ledger = pay(&bench, "by the ledger");
    assert!(!authorized(&by_ledger), "{by_ledger}");
    bench.app.drain();
}

#[test]
fn an_increment_is_approved_only_of_a_payment_that_is_known_to_be_open() {
    let bench = Bench::new(short_budget);
    let capped = "[[cap]]\nid = 'most'\nscope = 'card'\nwindow = 'unconfirmed'\namount_max = '25.00'\n";
    assert!(bench.publish_table(&format!("{ALL}{capped}")).status.success());
    let [open, reversed, declined] = ["open", "reversed", "declined"].map(|id| Marqeta::purchase(id, "5.00"));
    let declined = Marqeta { amount: "5000.00".to_owned(), ..declined };
    assert_eq!([&open, &reversed, &declined].map(|request| bench.ask(request).status), [200, 200, 402]);
    let reversal = |of: &Marqeta| {
        let reversal = of.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "5.00");
        assert_eq!(bench.client().post("/marqeta/webhook", &crate::support::callbacks::transactions(&[reversal])).status, 200);
    };
    reversal(&reversed);
    bench.faulty.set(Fault::Unavailable);
    let more = |id: &str, of: &Marqeta| bench.ask(&Marqeta::increment(id, "10.00", of)).status;
    let unknown = Marqeta::purchase("unknown", "5.00");
    assert_eq!([more("i-1", &unknown), more("i-2", &declined), more("i-3", &reversed)], [402, 402, 402]);
    assert_eq!(more("i-4", &open), 200);
    let meanwhile = Marqeta::purchase("meanwhile", "5.00");
    assert_eq!((bench.ask(&meanwhile).status, more("i-5", &meanwhile)), (200, 200), "what was told here is known");
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 2_500);
    assert_eq!(more("i-6", &open), 402, "it counts in sums");
    reversal(&open);
    let small = |id: &str, of: &Marqeta| bench.ask(&Marqeta::increment(id, "0.01", of)).status;
    assert_eq!(small("i-7", &open), 402, "reversed, and the ledger has yet to hear of it");
    let bench = Bench::on(bench.stop(), Fault::Deaf);
    let small = |id: &str, of: &Marqeta| bench.ask(&Marqeta::increment(id, "0.01", of)).status;
    assert_eq!([small("i-8", &open), small("i-9", &unknown)], [402, 402], "after a restart, too");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    bench.app.drain();
}

/// A platform may name only the transaction before a message's: whose payment that ends is the ledger's to know.
#[test]
fn what_ends_a_payment_ends_all_of_it_by_whichever_name_it_comes() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    // Another account's: the reconciler has it alone, and then all of the payment together.
    let other = Marqeta { user: "user-demo-2".to_owned(), ..Marqeta::purchase("other", "1.00").card("card-demo-2") };
    let payment = Marqeta::purchase("payment", "50.00");
    let more = Marqeta::increment("more", "40.00", &payment);
    assert_eq!([&other, &payment, &more].map(|request| bench.ask(request).status), [200, 200, 200]);
    let mut end = payment.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "90.00");
    end["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
    assert_eq!(bench.client().post("/marqeta/webhook", &crate::support::callbacks::transactions(&[end])).status, 200);
    // It is over, also for whoever names it by its question alone.
    let mut late: serde_json::Value = serde_json::from_str(&Marqeta::increment("late", "5.00", &payment).body()).unwrap();
    late.as_object_mut().unwrap().remove("preceding_related_transaction_token");
    assert_eq!(bench.client().post("/marqeta/jit", &late.to_string()).status, 402);
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 0);
    bench.app.drain();
}

#[test]
fn an_account_with_money_approved_by_stand_in_is_not_decided_on_before_the_ledger_has_heard_it() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("most", "700.00")).status, 200);
    bench.faulty.set(Fault::None);
    // 1000.00 are there: not enough for both, whoever is faster.
    assert_eq!(bench.ask(&Marqeta::purchase("more", "400.00")).status, 402);
    bench.until_heard();
    assert_eq!(bench.held(), 70_000);
    bench.app.drain();
}

#[test]
fn no_question_is_decided_past_a_message_about_its_account_that_the_ledger_has_yet_to_hear() {
    let bench = Bench::new(ample_budget);
    // Stand-in declines: what is approved afterwards, the ledger approved.
    assert!(bench.publish_table(NONE).status.success());
    let payment = Marqeta::purchase("payment", "50.00");
    assert_eq!(bench.ask(&payment).status, 200);
    bench.faulty.set(Fault::Unavailable);
    // So many before it that nobody waits for them; they are of another account.
    let other = Marqeta { user: "user-demo-2".to_owned(), ..Marqeta::purchase("other", "1.00").card("card-demo-2") };
    let of_nobody = |number: u32| {
        let mut reversal = other.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "1.00");
        reversal["token"] = serde_json::json!(format!("reversal-{number}"));
        reversal["preceding_related_transaction_token"] = serde_json::json!(format!("unknown-{number}"));
        reversal["gpa_order"]["jit_funding"]["token"] = serde_json::json!(format!("jit-reversal-{number}"));
        reversal["gpa_order"]["jit_funding"]["original_jit_funding_token"] = serde_json::json!(format!("jit-unknown-{number}"));
        reversal
    };
    let mut forced = payment.follower("authorization.clearing", "COMPLETION", "pgfs.force_capture", "800.00");
    forced["token"] = serde_json::json!("forced");
    forced.as_object_mut().unwrap().remove("preceding_related_transaction_token");
    forced["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
    let reversals: Vec<_> = (0..600).map(of_nobody).collect();
    let told = |messages: &[serde_json::Value]| {
        assert_eq!(bench.client().post("/marqeta/webhook", &crate::support::callbacks::transactions(messages)).status, 200);
    };
    reversals.chunks(100).for_each(told);
    told(&[forced]);
    bench.faulty.set(Fault::None);
    // 150.00 are left once the ledger has heard it.
    assert_eq!(bench.ask(&Marqeta::purchase("more", "400.00")).status, 402);
    bench.until_heard();
    assert_eq!(bench.ask(&Marqeta::purchase("less", "100.00")).status, 200);
    assert_eq!(bench.held(), 15_000);
    bench.app.drain();
}

#[test]
fn what_a_message_that_waits_takes_of_an_account_is_there_for_no_row() {
    let bench = Bench::new(ample_budget);
    let row = "[[row]]\nid = 'covered'\nwhen = { balance_within = '1h' }\nanswer = 'approve'\n";
    assert!(bench.publish_table(row).status.success());
    bench.faulty.set(Fault::Unavailable);
    let mut forced =
        Marqeta::purchase("any", "1.00").follower("authorization.clearing", "COMPLETION", "pgfs.force_capture", "800.00");
    forced.as_object_mut().unwrap().remove("preceding_related_transaction_token");
    forced["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
    assert_eq!(bench.client().post("/marqeta/webhook", &crate::support::callbacks::transactions(&[forced])).status, 200);
    // 1000.00 are seen, of which 200.00 are left.
    let asks = |id: &str, amount: &str| bench.ask(&Marqeta::purchase(id, amount)).status;
    assert_eq!((asks("more", "300.00"), asks("less", "150.00")), (402, 200));
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 15_000);
    bench.app.drain();
}

#[test]
fn what_messages_take_beyond_what_we_approved_is_there_for_no_row() {
    let bench = Bench::new(ample_budget);
    let row = "[[row]]\nid = 'covered'\nwhen = { balance_within = '1h' }\nanswer = 'approve'\n";
    assert!(bench.publish_table(row).status.success());
    let before = Marqeta::purchase("before", "100.00");
    assert_eq!(bench.ask(&before).status, 200);
    bench.faulty.set(Fault::Unavailable);
    let told = |message: serde_json::Value| {
        assert_eq!(bench.client().post("/marqeta/webhook", &crate::support::callbacks::transactions(&[message])).status, 200);
    };
    let cleared = |payment: &Marqeta, name: &str, amount: &str| {
        let mut clearing = payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", amount);
        clearing["token"] = serde_json::json!(name);
        clearing["gpa_order"]["jit_funding"]["token"] = serde_json::json!(format!("jit-{name}"));
        told(clearing);
    };
    // 900.00 are seen, and 100.00 are held: of what is cleared, those go first, once.
    ["one", "two", "three"].iter().for_each(|name| cleared(&before, name, "100.00"));
    let asks = |id: &str, amount: &str| bench.ask(&Marqeta::purchase(id, amount)).status;
    assert_eq!((asks("beyond", "701.00"), asks("pump", "1.00")), (402, 200));
    // Approved for 1.00 while the ledger is away, and cleared for 600.00.
    cleared(&Marqeta::purchase("pump", "1.00"), "fuel", "600.00");
    assert_eq!((asks("more", "101.00"), asks("rest", "100.00")), (402, 200));
    // Of another account with 500.00: the network approved what we were never asked, and the increment of a payment that we were.
    let other = |payment: Marqeta| Marqeta { user: "user-demo-2".to_owned(), ..payment.card("card-demo-2") };
    let asks = |id: &str, amount: &str| bench.ask(&other(Marqeta::purchase(id, amount))).status;
    told(other(Marqeta::purchase("network", "200.00")).recorded("PENDING", false));
    let small = other(Marqeta::purchase("small", "50.00"));
    assert_eq!((asks("much", "301.00"), bench.ask(&small).status), (402, 200));
    told(small.recorded("PENDING", false));
    told(other(Marqeta::increment("increment", "150.00", &small)).recorded("PENDING", false));
    assert_eq!((asks("again", "101.00"), asks("last", "100.00")), (402, 200));
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 10_000, "nothing is below zero");
    bench.app.drain();
}

#[test]
fn what_was_declined_after_all_covers_nothing_that_is_cleared_of_it() {
    let bench = Bench::new(ample_budget);
    let row = "[[row]]\nid = 'covered'\nwhen = { balance_within = '1h' }\nanswer = 'approve'\n";
    assert!(bench.publish_table(row).status.success());
    bench.faulty.set(Fault::Unavailable);
    let told = |message: serde_json::Value| {
        assert_eq!(bench.client().post("/marqeta/webhook", &crate::support::callbacks::transactions(&[message])).status, 200);
    };
    let asks = |id: &str, amount: &str| bench.ask(&Marqeta::purchase(id, amount)).status;
    let cleared = |id: &str| {
        let payment = Marqeta::purchase(id, "200.00");
        told(payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "200.00"));
    };
    // Cleared before the decline, and after it: 1000.00 are seen, of which 600.00 are left.
    assert_eq!((asks("one", "200.00"), asks("two", "200.00")), (200, 200));
    cleared("one");
    told(Marqeta::purchase("one", "200.00").recorded("DECLINED", true));
    told(Marqeta::purchase("two", "200.00").recorded("DECLINED", true));
    cleared("two");
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 0);
    assert_eq!((asks("much", "601.00"), asks("rest", "600.00")), (402, 200));
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 60_000);
    bench.app.drain();
}

/// Whether its payment was cleared before, or only after another start.
#[test]
fn an_increment_that_was_declined_after_all_covers_nothing_that_is_cleared_of_its_payment() {
    for starts_again in [false, true] {
        let bench = Bench::new(ample_budget);
        let row = "[[row]]\nid = 'covered'\nwhen = { balance_within = '1h' }\nanswer = 'approve'\n";
        assert!(bench.publish_table(row).status.success());
        let payment = Marqeta::purchase("payment", "100.00");
        let increment = Marqeta::increment("increment", "50.00", &payment);
        assert_eq!(bench.ask(&payment).status, 200);
        bench.faulty.set(Fault::Deaf);
        assert_eq!(bench.ask(&increment).status, 200);
        let told = |bench: &Bench, message: serde_json::Value| {
            let body = crate::support::callbacks::transactions(&[message]);
            assert_eq!(bench.client().post("/marqeta/webhook", &body).status, 200);
        };
        let declined = || increment.recorded("DECLINED", true);
        let cleared = || payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "150.00");
        let bench = if starts_again {
            told(&bench, declined());
            let bench = Bench::on(bench.stop(), Fault::Deaf);
            told(&bench, cleared());
            bench
        } else {
            told(&bench, cleared());
            told(&bench, declined());
            bench
        };
        // Of 1000.00, 150.00 are taken by what waits.
        let asks = |id: &str, amount: &str| bench.ask(&Marqeta::purchase(id, amount)).status;
        let heard = [asks("most", "600.00"), asks("much", "251.00"), asks("rest", "250.00")];
        assert_eq!(heard, [200, 402, 200], "after another start: {starts_again}");
        bench.faulty.set(Fault::None);
        bench.until_adopted();
        bench.until_heard();
        assert_eq!(bench.held(), 85_000);
        bench.app.drain();
    }
}

#[test]
fn what_is_told_before_an_empty_ledger_has_what_it_starts_with_is_heard_after_it() {
    let mut bench = Bench::begun_on(crate::support::Workplace::demo(), Fault::None);
    // It comes before the ledger knows any account.
    let forced = |name: &str, amount: &str| {
        let any = Marqeta::purchase(name, "1.00");
        let mut forced = any.follower("authorization.clearing", "COMPLETION", "pgfs.force_capture", amount);
        forced.as_object_mut().unwrap().remove("preceding_related_transaction_token");
        forced["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
        forced
    };
    let early = crate::support::callbacks::transactions(&[forced("early", "12.00")]);
    assert_eq!(bench.client().post("/marqeta/webhook", &early).status, 200);
    bench.until_ready();
    bench.until_heard();
    assert_eq!(crate::support::server::balance(&bench.workplace, "acct-demo-1"), (98_800, 0, 98_800));
    bench.app.drain();
}

#[test]
fn what_apto_recorded_as_declined_is_at_risk_no_more_whatever_its_clock_says() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let exposure = || bench.status()["stand_in"]["demo"]["exposure_minor"].clone();
    let payment = Apto::purchase("D", "-20.00");
    let ask = || bench.client().post("/apto/v3/authorize", &payment.body()).json()["authorization"]["approved"] == true;
    assert!(ask());
    assert_eq!(exposure(), 2_000);
    // Its time is long before the question's.
    let declined = payment.snapshot("declined", "decline", -20.0, &[]);
    assert_eq!(bench.client().post("/apto/webhook", &declined).status, 200);
    assert_eq!((ask(), exposure()), (false, 0.into()));
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert!(!ask());
    bench.app.drain();
}

#[test]
fn rows_decide_on_what_is_known_of_the_card() {
    let bench = Bench::new(ample_budget);
    let rows = "[[row]]\nid = 'groceries'\nwhen = { mcc = ['groceries'], balance_within = '1h' }\nanswer = 'decline'\n\
                reason = 'suspected_fraud'\n[[row]]\nid = 'rest'\nanswer = 'decline'\nreason = 'transaction_not_permitted'\n";
    assert!(bench.publish_table(rows).status.success());
    bench.faulty.set(Fault::Unavailable);
    bench.ask(&Marqeta::purchase("covered", "10.00"));
    assert_eq!(bench.stood_in("suspected_fraud"), 1.0);
    // 1000.00 are there: the row does not apply, since it is known that they do not cover this.
    bench.ask(&Marqeta::purchase("books", "10.00").mcc("5942"));
    assert_eq!(bench.stood_in("transaction_not_permitted"), 1.0);
    // Before any row: the card's standing, and the rules.
    bench.ask(&Marqeta::purchase("frozen", "10.00").card("card-demo-frozen"));
    assert_eq!(bench.stood_in("card_frozen"), 1.0);
    bench.ask(&Marqeta::purchase("nobody", "10.00").card("card-nobody"));
    assert_eq!(bench.stood_in("card_unknown"), 1.0);
    bench.ask(&Marqeta::purchase("bet", "10.00").mcc("7995"));
    assert_eq!(bench.stood_in("merchant_category_not_allowed"), 1.0);
    bench.app.drain();
}

#[test]
fn a_balance_that_nobody_can_tell_is_an_error_of_its_own() {
    let bench = Bench::new(ample_budget);
    bench.faulty.set(Fault::Unavailable);
    let balances = bench.client().get("/apto/v3/balances?cardholder_id=crdhldr_demo_1");
    assert_eq!((balances.status, balances.json()["errors"][0]["code"].as_str()), (503, Some("balance_check_failed")));
    bench.faulty.set(Fault::None);
    assert_eq!(bench.client().get("/apto/v3/balances?cardholder_id=crdhldr_demo_1").status, 200);
    bench.app.drain();
}

#[test]
fn a_table_can_leave_the_answer_to_the_platform_and_a_retry_hears_nothing_again() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table("mode = 'drop'\ndrop = '503'\n").status.success());
    bench.faulty.set(Fault::Unavailable);
    let (status, silence) = (Marqeta::purchase("status", "10.00"), Marqeta::purchase("silence", "10.00"));
    let is_left = |bench: &Bench| {
        let left = bench.ask(&status);
        assert_eq!((left.status, left.json()["error_message"].as_str()), (503, Some("no answer can be given now")));
    };
    let is_silent = |bench: &Bench| {
        let mut client = bench.client();
        client.send("POST", "/marqeta/jit", silence.body().as_bytes());
        assert!(client.receive().is_err(), "not a word");
    };
    is_left(&bench);
    is_left(&bench);
    bench.faulty.set(Fault::None);
    bench.until_heard();
    // By the ledger, whatever the table says by now.
    assert!(bench.publish_table("mode = 'drop'\ndrop = 'silence'\n").status.success());
    is_left(&bench);
    bench.faulty.set(Fault::Unavailable);
    is_silent(&bench);
    is_left(&bench);
    // What is declined in any case is told.
    assert_eq!(bench.ask(&Marqeta::purchase("frozen", "10.00").card("card-demo-frozen")).status, 402);
    assert_eq!(bench.metric("holdfast_stand_in_abstained_total", ""), 5.0);
    assert_eq!(bench.metric("holdfast_decisions_total", "outcome=\"decline\""), 1.0, "counted apart");
    let bench = Bench::on(bench.stop(), Fault::Deaf);
    is_silent(&bench);
    bench.faulty.set(Fault::None);
    bench.until_heard();
    is_silent(&bench);
    is_left(&bench);
    assert_eq!(bench.ask(&Marqeta::purchase("status", "10.01")).status, 402, "the key is another question's");
    assert_eq!(bench.held(), 0);
    let report = String::from_utf8(bench.run(&["stand-in", "report", "--program", "demo"]).stdout).unwrap();
    assert!(report.contains("left to the platform              2           20.00 USD"), "{report}");
    let told = bench.run(&["explain", "jit-status"]);
    let story = String::from_utf8(told.stdout).unwrap();
    assert!(story.contains("The platform had heard nothing: it was left to it, with the status 503"), "{story}");
    assert!(!story.contains("had heard:"), "{story}");
    bench.app.drain();
}

#[test]
fn what_is_left_to_the_platform_leaves_no_hold_although_the_ledger_decides_it_later() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table("mode = 'drop'\ndrop = '503'\n").status.success());
    bench.faulty.set(Fault::AnswersWithheld);
    assert_eq!(bench.ask(&Marqeta::purchase("left", "10.00")).status, 503);
    bench.faulty.set(Fault::None);
    // The answer does not wait for the spool's disk for ever.
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 0);
    bench.app.drain();
}

/// What approved until a moment that is past is not gone back to: it would go by its rows. And who does something says who, and why.
#[test]
fn what_is_gone_back_to_must_be_fit_to_be_published_and_nobody_signs_with_blanks() {
    let bench = Bench::new(ample_budget);
    let source = format!("{HEAD}mode = 'approve'\nuntil = '2026-03-14T16:00:00Z'\n{ALL}");
    let kept = KeptRuleset {
        kind: KeptKind::StandIn,
        hash: *RulesetHash::of(&source).as_bytes(),
        program: "demo".to_owned(),
        source,
        published_at: Timestamp::from_unix_seconds(1_773_500_000),
        published_by: "ann".to_owned(),
        why: "in time".to_owned(),
    };
    bench.faulty.act(Act::Publish(Box::new(kept), None));
    assert!(bench.publish_table(ALL).status.success());
    let refused = bench.run(&["stand-in", "rollback", "--program", "demo", "--by", "ann", "--why", "a test"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("until: is past"), "{said}");
    for (by, why) in [(" ", "a test"), ("ann", " \t")] {
        let blank = bench.run(&["stand-in", "on", "--program", "demo", "--for", "1h", "--by", by, "--why", why]);
        let said = String::from_utf8(blank.stderr).unwrap();
        assert!(blank.status.code() == Some(2) && said.contains("must say something"), "{said}");
    }
    bench.app.drain();
}

#[test]
fn a_wrong_table_leaves_the_one_in_force() {
    let bench = Bench::new(ample_budget);
    let before = bench.status()["stand_in"]["demo"]["tables"]["stand_in"].clone();
    let refused = bench.publish_table("[[row]]\nid = 'a'\nwhen = { mcc = [] }\nanswer = 'approve'\n[[cap]]\nid = 'a'\n");
    assert_eq!(refused.status.code(), Some(1));
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(errors.contains("table.toml:6:16: row.a.when.mcc: is an empty list"), "{errors}");
    assert!(errors.contains("table.toml:8:1: cap.a.scope: is missing"), "{errors}");
    assert_eq!(bench.status()["stand_in"]["demo"]["tables"]["stand_in"], before);
    // A right one is in force at once, and is the one that a rollback takes back.
    assert!(bench.publish_table(ALL).status.success());
    assert_ne!(bench.status()["stand_in"]["demo"]["tables"]["stand_in"], before);
    let rollback = ["stand-in", "rollback", "--program", "demo", "--by", "ann", "--why", "a test"];
    assert!(bench.run(&rollback).status.success());
    assert_eq!(bench.status()["stand_in"]["demo"]["tables"]["stand_in"], before);
    let nothing = bench.run(&rollback);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(
        String::from_utf8(nothing.stderr)
            .unwrap()
            .contains("nothing came before it; to go to one that came since, name it with `--to`")
    );
    assert_eq!(bench.metric("holdfast_stand_in_info", &format!("hash={before}")), 1.0);
    bench.app.drain();
}

#[test]
fn a_table_is_published_and_taken_back_while_the_ledger_is_away_and_its_history_is_right_afterwards() {
    let bench = Bench::new(short_budget);
    let none = "[[row]]\nid = 'none'\nanswer = 'decline'\nreason = 'suspected_fraud'\n";
    assert!(bench.publish_table(none).status.success());
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("before", "10.00")).status, 402);
    let told = String::from_utf8(bench.publish_table(ALL).stdout).unwrap();
    assert!(told.trim_end().ends_with("; the ledger is away, and hears of it when it is back"), "{told}");
    assert_eq!(bench.ask(&Marqeta::purchase("during", "10.00")).status, 200, "it is in force");
    let signed = ["--program", "demo", "--by", "bob", "--why", "too loose"];
    let back = bench.run(&[&["stand-in", "rollback"], &signed[..]].concat());
    assert!(back.status.success(), "{back:?}");
    assert_eq!(bench.ask(&Marqeta::purchase("taken back", "10.00")).status, 402);
    assert!(bench.publish_table(ALL).status.success());
    let history = |bench: &Bench| bench.lines(&["stand-in", "history", "--program", "demo"]);
    let during = history(&bench);
    assert_eq!(during.iter().filter(|line| line.ends_with("(waits for the ledger)")).count(), 3, "{during:?}");
    // A table that is wrong leaves the one in force, as ever.
    assert_eq!(bench.publish_table("mode = 'perhaps'\n").status.code(), Some(1));

    let bench = Bench::on(bench.stop(), Fault::Deaf);
    assert_eq!(bench.ask(&Marqeta::purchase("after a restart", "10.00")).status, 200, "what waits is in force");
    bench.faulty.set(Fault::None);
    bench.until_heard();
    let without = |line: &String| line.replace(" (waits for the ledger)", "");
    assert_eq!(history(&bench), during.iter().map(without).collect::<Vec<_>>(), "with who, why and when");
    assert!(during[1].contains(" bob: too loose"), "{during:?}");
    let bench = Bench::on(bench.stop(), Fault::None);
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("the last", "10.00")).status, 200);
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(history(&bench).len(), during.len(), "each once");
    bench.app.drain();
}

/// The ledger approves what it says too late: the platform hears the table, and the next question is the card's first one all the same.
#[test]
fn an_approval_that_nobody_heard_is_no_use_of_its_card_and_no_visit_of_its_merchant() {
    let bench = Bench::new(short_budget);
    let everyday = |id: &str| Marqeta::purchase(id, "10.00").mcc("5411");
    bench.faulty.set(Fault::AnswersWithheld);
    for id in ["first", "second"] {
        assert_eq!(bench.ask(&everyday(id)).status, 402, "{id}");
    }
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&everyday("third")).status, 402, "what waits is heard before it");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&everyday("fourth")).status, 402);
    assert!(bench.publish_table("[[row]]\nid = 'new'\nwhen = { merchant_known = false }\nanswer = 'approve'\n").status.success());
    assert_eq!(bench.ask(&everyday("fifth")).status, 200, "nobody was paid");
    bench.app.drain();
}

/// A merchant that was paid is known to the very question that is on its way, too.
#[test]
fn a_question_that_the_ledger_answers_too_late_knows_whom_its_card_has_paid() {
    let bench = Bench::new(short_budget);
    let table = "[[row]]\nid = 'regular'\nwhen = { merchant_known = true, card_used = true }\nanswer = 'approve'\n";
    assert!(bench.publish_table(table).status.success());
    assert_eq!(bench.ask(&Marqeta::purchase("paid", "10.00")).status, 200);
    bench.faulty.set(Fault::AnswersWithheld);
    let elsewhere = Marqeta::purchase("elsewhere", "10.00").body().replace("mid-000123", "mid-000999");
    assert_eq!(bench.client().post("/marqeta/jit", &elsewhere).status, 402);
    assert_eq!(bench.ask(&Marqeta::purchase("again", "10.00")).status, 200);
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.app.drain();
}

#[test]
fn the_demos_table_declines_a_first_use_and_approves_the_everyday() {
    let bench = Bench::new(ample_budget);
    let everyday = |id: &str| Marqeta::purchase(id, "10.00").mcc("5411");
    bench.faulty.set(Fault::Unavailable);
    bench.ask(&everyday("first"));
    assert_eq!(bench.stood_in("ledger_unavailable"), 1.0, "the card was never used");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    assert_eq!(bench.ask(&everyday("second")).status, 200);
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&everyday("third")).status, 200);
    bench.ask(&Marqeta::purchase("more", "50.01").mcc("5411"));
    assert_eq!(bench.stood_in("ledger_unavailable"), 2.0, "no row approves that");
    bench.app.drain();
}

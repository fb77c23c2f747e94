//! What platforms tell us later moves the ledger, once.

use serde_json::json;

use crate::support::callbacks::transactions;
use crate::support::{Apto, Marqeta, Workplace, server};

#[test]
fn marqeta_clearings_reversals_expiries_refunds_and_force_posts() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let payments: Vec<_> = ["clear", "reverse", "expire", "timeout", "advice"].map(|id| Marqeta::purchase(id, "100.00")).into();
    for payment in &payments {
        assert_eq!(client.post("/marqeta/jit", &payment.body()).status, 200);
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 50_000, 50_000));
    let mut clearing = payments[0].follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "60.00");
    clearing["is_final_clearing"] = json!(true);
    let mut force = payments[0].follower("authorization.clearing", "COMPLETION", "pgfs.force_capture", "4.50");
    force["token"] = json!("forced");
    force.as_object_mut().unwrap().remove("preceding_related_transaction_token");
    force["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
    let batch = transactions(&[
        clearing,
        payments[1].follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "100.00"),
        payments[2].follower("authorization.reversal.issuerexpiration", "CLEARED", "pgfs.authorization.reversal", "100.00"),
        json!({"type": 17, "nonsense": true}),
        payments[3].recorded("DECLINED", true),
        payments[4].follower("authorization.advice", "PENDING", "pgfs.authorization.reversal", "99.95"),
        force,
    ]);
    for _ in 0..2 {
        let answer = client.post("/marqeta/webhook", &batch);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // 60.00 cleared, 4.50 forced; only the advised 99.95 is still held.
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000 - 6000 - 450, 9995, 100_000 - 6000 - 450 - 9995));
    let refused = client.post("/marqeta/jit", &payments[3].body());
    assert_eq!(refused.status, 402, "the platform's word is adopted over ours: {refused:?}");
    assert!(server.metric("holdfast_unrecognized_total", &[]) >= 1.0);

    let ping = client.post("/marqeta/webhook", r#"{"pings":[{"token":"marqeta","payload":"healthcheck"}]}"#);
    assert_eq!(ping.status, 200);
    for no_json in ["this is not JSON", "nor is that"] {
        assert_eq!(client.post("/marqeta/webhook", no_json).status, 200);
    }
    let listed = workplace.run(&["inbox", "--data", workplace.data().to_str().unwrap()]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.matches("is not JSON").count(), 2, "nothing is left of either that says it is the other: {listed}");
}

#[test]
fn a_message_that_comes_again_with_another_amount_is_listed_and_moves_nothing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let payment = Marqeta::purchase("1", "100.00");
    assert_eq!(client.post("/marqeta/jit", &payment.body()).status, 200);
    for amount in ["60.00", "60.00", "61.00", "61.00"] {
        let clearing = payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", amount);
        assert_eq!(client.post("/marqeta/webhook", &transactions(&[clearing])).status, 200);
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1").0, 94_000);
    let listed = workplace.run(&["inbox", "--data", workplace.data().to_str().unwrap()]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("was booked before under this key, with another amount or meaning"), "{listed}");
    assert!(listed.contains("captured 61.00 USD") && !listed.contains("60.00"), "{listed}");
    assert_eq!(listed.matches("record ").count(), 1, "it came twice, and is one: {listed}");
}

#[test]
fn a_message_of_no_payment_that_comes_again_with_another_amount_is_listed_and_moves_nothing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    for amount in ["5.00", "5.00", "6.00"] {
        let mut refund = Marqeta::purchase("1", "1.00").follower("refund", "COMPLETION", "pgfs.refund", amount);
        refund.as_object_mut().unwrap().remove("preceding_related_transaction_token");
        refund["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
        assert_eq!(client.post("/marqeta/webhook", &transactions(&[refund])).status, 200);
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1").0, 100_500);
    let listed = workplace.run(&["inbox", "--data", workplace.data().to_str().unwrap()]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("credited 6.00 USD") && !listed.contains("5.00"), "{listed}");
}

#[test]
fn messages_that_name_only_the_one_before_them_are_of_its_payment() {
    let workplace = Workplace::demo();
    let payment = Marqeta::purchase("1", "100.00");
    let before = |kind: &str, state: &str, method: &str, amount: &str, token: &str| {
        let mut follower = payment.follower(kind, state, method, amount);
        follower["preceding_related_transaction_token"] = json!(token);
        follower["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
        follower
    };
    {
        let server = workplace.serve();
        let mut client = server.client();
        assert_eq!(client.post("/marqeta/jit", &payment.body()).status, 200);
        let advice = before("authorization.advice", "PENDING", "pgfs.authorization.reversal", "80.00", &payment.token());
        assert_eq!(client.post("/marqeta/webhook", &transactions(&[advice])).status, 200);
        assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 8000, 92_000));
        assert!(server.terminate().success());
    }
    let server = workplace.serve();
    let mut client = server.client();
    let of_advice = "authorization.advice-1";
    let clearing = before("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "30.00", of_advice);
    // It clears what it says, and not all that is left.
    let reversal =
        before("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "20.00", "authorization.clearing-1");
    assert_eq!(client.post("/marqeta/webhook", &transactions(&[clearing, reversal])).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (97_000, 3000, 94_000));
    let listed = workplace.run(&["inbox", "--data", workplace.data().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with("nothing"), "{listed:?}");
}

#[test]
fn a_clearing_under_the_authorizations_own_tokens_is_its_clearing() {
    let workplace = Workplace::demo();
    let mut server = workplace.serve();
    for (number, by_jit_token) in [("1", false), ("2", true)] {
        let payment = Marqeta::purchase(number, "100.00");
        let mut clearing = payment.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "100.00");
        clearing.as_object_mut().unwrap().remove("preceding_related_transaction_token");
        clearing["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
        if by_jit_token {
            clearing["gpa_order"]["jit_funding"]["token"] = json!(payment.jit_token());
        } else {
            clearing["token"] = json!(payment.token());
        }
        assert_eq!(server.client().post("/marqeta/jit", &payment.body()).status, 200);
        for _ in 0..2 {
            assert_eq!(server.client().post("/marqeta/webhook", &transactions(&[clearing.clone()])).status, 200);
        }
        let left = 100_000 - 10_000 * number.parse::<i64>().unwrap();
        assert_eq!(server::balance(&workplace, "acct-demo-1"), (left, 0, left), "one debit, nothing held");
        assert!(server.terminate().success());
        server = workplace.serve();
        assert_eq!(server::balance(&workplace, "acct-demo-1"), (left, 0, left));
    }
}

#[test]
fn a_card_of_an_owner_with_several_accounts_is_listed() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    std::fs::write(
        workplace.path("a.csv"),
        "account_id,program,currency,balance,credit_line,status\nsecond,demo,USD,5.00,0.00,active\n",
    )
    .unwrap();
    std::fs::write(workplace.path("c.csv"), "card_token,account_id,cardholder_token,status\nsecond,second,user-demo-1,active\n")
        .unwrap();
    let data = workplace.data();
    let (accounts, cards) = (workplace.path("a.csv"), workplace.path("c.csv"));
    let import = ["import", "--accounts", accounts.to_str().unwrap(), "--cards", cards.to_str().unwrap()];
    let imported = workplace.run(&[&import[..], &["--data", data.to_str().unwrap()]].concat());
    assert!(imported.status.success(), "{imported:?}");
    let transition = json!({"cardtransitions": [{"token": "ct-1", "card_token": "third", "user_token": "user-demo-1",
        "state": "ACTIVE", "created_time": "2026-03-15T09:00:00Z"}]});
    assert_eq!(server.client().post("/marqeta/webhook", &transition.to_string()).status, 200);
    let listed = workplace.run(&["inbox", "--data", data.to_str().unwrap()]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("card third, cardholder user-demo-1"), "{listed}");
}

#[test]
fn apto_snapshots_apply_each_adjustment_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let request = Apto::purchase("1", "-20.00");
    assert_eq!(client.post("/apto/v3/authorize", &request.body()).json()["authorization"]["approved"], true);
    let before = server::balance(&workplace, "acct-demo-2");
    assert_eq!(before.2, 48_000);
    let at = "2026-03-14T16:00:00+00:00";
    let (capture, refund) = (("adj_1", "capture", -20.0, at), ("adj_2", "refund", 3.4, at));
    let captured = request.snapshot("complete", "purchase", -20.0, &[capture]);
    let refunded = request.snapshot("complete", "purchase", -16.6, &[refund, capture]);
    for body in [&captured, &captured, &refunded, &refunded] {
        assert_eq!(client.post("/apto/webhook", body).status, 200);
    }
    assert_eq!(server::balance(&workplace, "acct-demo-2"), (50_000 - 2000 + 340, 0, 50_000 - 2000 + 340));
}

#[test]
fn an_apto_adjustment_of_another_payment_is_listed_and_moves_nothing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let capture = [("adj_1", "capture", -20.0, "2026-03-14T16:00:00+00:00")];
    for id in ["1", "2", "2"] {
        let request = Apto::purchase(id, "-20.00");
        assert_eq!(client.post("/apto/v3/authorize", &request.body()).json()["authorization"]["approved"], true);
        let captured = request.snapshot("complete", "purchase", -20.0, &capture);
        assert_eq!(client.post("/apto/webhook", &captured).status, 200);
    }
    assert_eq!(server::balance(&workplace, "acct-demo-2"), (48_000, 2_000, 46_000));
    let listed = workplace.run(&["inbox", "--data", workplace.data().to_str().unwrap()]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("was booked before under this key, of another payment"), "{listed}");
    assert!(listed.contains("key adj_1, payment txn_2: captured 20.00 USD"), "{listed}");
    assert_eq!(listed.matches("record ").count(), 1, "it came twice, and is one: {listed}");
}

#[test]
fn a_second_question_about_a_transaction_is_held_or_declined_for_funds() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let first = Apto::purchase("P", "-490.00");
    let again = |id: &str, amount: &str| Apto { transaction: first.transaction.clone(), ..Apto::purchase(id, amount) };
    let mut ask = |request: &Apto| client.post("/apto/v3/authorize", &request.body()).json()["authorization"]["approved"] == true;
    assert!(ask(&first));
    let complete = first.snapshot("complete", "purchase", -490.0, &[("p1", "capture", -490.0, "2026-03-14T16:00:00+00:00")]);
    assert_eq!(server.client().post("/apto/webhook", &complete).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-2"), (1000, 0, 1000));
    assert!(!ask(&again("P_2", "-400.00")), "10.00 is there");
    assert!(ask(&again("P_3", "-6.00")));
    assert_eq!(server::balance(&workplace, "acct-demo-2"), (1000, 600, 400));
    // Marqeta: an increment, after an advice of a clock that is ahead.
    let payment = Marqeta::purchase("b", "700.00");
    let mut advice = payment.follower("authorization.advice", "PENDING", "pgfs.authorization.reversal", "100.00");
    advice["created_time"] = json!("2099-03-15T09:00:00Z");
    let mut client = server.client();
    assert_eq!(client.post("/marqeta/jit", &payment.body()).status, 200);
    assert_eq!(client.post("/marqeta/webhook", &transactions(&[advice])).status, 200);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("c", "700.00").body()).status, 200);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::increment("bi", "600.00", &payment).body()).status, 402);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::increment("bj", "200.00", &payment).body()).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 100_000, 0));
}

#[test]
fn apto_fuel_is_held_from_its_second_authorization_to_its_purchase() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let pump = Apto { mcc: 5542, ..Apto::purchase("F", "-1.00") };
    let held = || server::balance(&workplace, "acct-demo-2").1;
    assert_eq!(client.post("/apto/v3/authorize", &pump.body()).json()["authorization"]["approved"], true);
    // Nothing but its adjustment says when, and that it was made long before the webhooks arrive.
    let purchase = ("f1", "capture", -58.2, "2026-03-14T16:00:00+00:00");
    for (state, kind, amount, adjustments, expected) in [
        ("pending", "pending", -1.0, vec![], 100),
        ("complete", "reversal", 0.0, vec![], 0),
        ("complete", "pending", -60.0, vec![], 6000),
        ("complete", "purchase", -58.2, vec![purchase], 0),
    ] {
        let snapshot = pump.snapshot(state, kind, amount, &adjustments);
        assert_eq!(client.post("/apto/webhook", &snapshot).status, 200);
        assert_eq!(held(), expected, "{state}/{kind}");
    }
    assert_eq!(server::balance(&workplace, "acct-demo-2").0, 50_000 - 5820);
}

#[test]
fn what_the_platform_recorded_as_approved_is_not_declined_when_its_question_comes_after() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let asked_first = Marqeta { mcc: "7995".into(), ..Marqeta::purchase("asked-first", "10.00") };
    let told_first = Marqeta { mcc: "7995".into(), ..Marqeta::purchase("told-first", "10.00") };
    assert_eq!(client.post("/marqeta/jit", &asked_first.body()).status, 402);
    // Of now: what was approved so long ago would have expired since.
    let of_now = [&asked_first, &told_first].map(|payment| {
        let mut recorded = payment.recorded("PENDING", false);
        recorded.as_object_mut().unwrap().remove("created_time");
        recorded
    });
    assert_eq!(client.post("/marqeta/webhook", &transactions(&of_now)).status, 200);
    for payment in [&told_first, &asked_first, &told_first] {
        let answer = client.post("/marqeta/jit", &payment.body());
        assert_eq!((answer.status, answer.json()["jit_funding"]["amount"].as_f64()), (200, Some(10.0)), "{answer:?}");
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 2000, 98_000));
}

#[test]
fn an_apto_approval_is_not_repeated_once_its_transaction_was_declined() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let payment = Apto::purchase("D", "-20.00");
    let ask = || server.client().post("/apto/v3/authorize", &payment.body()).json()["authorization"]["approved"] == true;
    assert!(ask());
    assert_eq!(client.post("/apto/webhook", &payment.snapshot("declined", "decline", -20.0, &[])).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-2"), (50_000, 0, 50_000));
    assert!(!ask(), "nothing is held for it");
}

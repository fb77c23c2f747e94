//! What each platform hears, as bytes.

use crate::support::{Apto, Marqeta, Workplace, server};

#[test]
fn marqeta_hears_yes_and_no_with_its_own_tokens() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();

    let approved = client.post("/marqeta/jit", &Marqeta::purchase("1", "12.34").body());
    assert_eq!(approved.status, 200, "{approved:?}");
    let jit = &approved.json()["jit_funding"];
    assert_eq!(jit["token"], "jit-1");
    assert_eq!(jit["method"], "pgfs.authorization");
    assert_eq!(jit["user_token"], "user-demo-1");
    assert!(approved.body.contains("\"amount\":12.34"), "{}", approved.body);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 1234, 98_766));

    // Each is wrong in one way; nothing moves.
    let cases = [
        (Marqeta::purchase("2", "20.00").mcc("7995"), "INVALID_MERCHANT"),
        (Marqeta::purchase("3", "750.01"), "AMOUNT_LIMIT_EXCEEDED"),
        (Marqeta::purchase("4", "5.00").card("card-demo-frozen"), "CARD_NOT_ACTIVE"),
        (Marqeta::purchase("5", "5.00").card("card-nobody-knows"), "INVALID_CARD"),
        (Marqeta::purchase("6", "5.00").method("pgfs.something.new"), "TRANSACTION_NOT_PERMITTED"),
    ];
    for (request, reason) in cases {
        let declined = client.post("/marqeta/jit", &request.body());
        assert_eq!(declined.status, 402, "{reason}: {declined:?}");
        assert_eq!(declined.json()["jit_funding"]["decline_reason"], reason);
        assert_eq!(declined.json()["jit_funding"]["token"], request.jit_token());
    }
    let most = client.post("/marqeta/jit", &Marqeta::purchase("7", "750.00").body());
    assert_eq!(most.status, 200);
    let too_much = client.post("/marqeta/jit", &Marqeta::purchase("8", "237.67").body());
    assert_eq!(too_much.json()["jit_funding"]["decline_reason"], "INSUFFICIENT_FUNDS");
    let the_rest = client.post("/marqeta/jit", &Marqeta::purchase("9", "237.66").body());
    assert_eq!(the_rest.status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 100_000, 0));
    assert!(server.metric("holdfast_unknown_methods_total", &[]) >= 1.0);
    assert!(server.metric("holdfast_decisions_total", &["platform=\"marqeta\"", "outcome=\"approve\""]) >= 3.0);
}

#[test]
fn marqeta_increments_verifications_inquiries_and_single_messages() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let post = |client: &mut crate::support::Client, request: &Marqeta| client.post("/marqeta/jit", &request.body());

    let first = Marqeta::purchase("a", "100.00");
    assert_eq!(post(&mut client, &first).status, 200);
    assert_eq!(post(&mut client, &Marqeta::increment("b", "25.50", &first)).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 12_550, 87_450));
    let nothing = Marqeta::purchase("never", "1.00");
    let orphan = post(&mut client, &Marqeta::increment("c", "1.00", &nothing));
    assert_eq!(orphan.status, 402);

    assert_eq!(post(&mut client, &Marqeta::purchase("d", "0").method("pgfs.authorization.account_verification")).status, 200);
    let inquiry = post(&mut client, &Marqeta::purchase("e", "0").method("pgfs.balanceinquiry"));
    assert_eq!(inquiry.status, 200);
    assert!(inquiry.body.contains("\"available_balance\":874.50"), "{}", inquiry.body);
    assert_eq!(post(&mut client, &Marqeta::purchase("f", "40.00").method("pgfs.auth_plus_capture")).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (96_000, 12_550, 83_450));
}

#[test]
fn apto_hears_yes_and_no_in_a_200() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();

    let request = Apto::purchase("1", "-18.40");
    let approved = client.post("/apto/v3/authorize", &request.body());
    assert_eq!((approved.status, &approved.json()["authorization"]["approved"]), (200, &true.into()), "{approved:?}");
    let reference = approved.json()["authorization"]["external_authorization_id"].clone();
    assert!(reference.as_str().is_some_and(|reference| reference.len() == 36));
    let again = client.post("/apto/v3/authorize", &request.body());
    assert_eq!(again.body, approved.body);

    let declined = client.post("/apto/v3/authorize", &Apto { mcc: 7995, ..Apto::purchase("2", "-5.00") }.body());
    assert_eq!((declined.status, &declined.json()["authorization"]["approved"]), (200, &false.into()));
    assert_eq!(declined.json()["authorization"]["decline_reason_code"], "decline_nsf");

    let strange = Apto::purchase("3", "-5.00").body().replace("crdhldr_demo_1", "crdhldr_nobody");
    let declined = client.post("/apto/v3/authorize", &strange);
    assert_eq!(declined.json()["authorization"]["decline_reason"], "Unknown card", "a card is good in its owner's name only");

    let balances = client.get("/apto/v3/balances?cardholder_id=crdhldr_demo_1");
    assert_eq!(balances.status, 200, "{balances:?}");
    let balance = &balances.json()["balances"][0]["balance"];
    assert_eq!(balance["balance"]["amount"].as_f64(), Some(500.0));
    assert!(balances.body.contains("481.60") || balances.body.contains("481.6"), "{}", balances.body);

    let legacy = r#"{"type":"debit","amount":"6.0","currency":"USD","transaction_id":"txn_v1","idempotency_key":"hold-1","merchant":"CORNER"}"#;
    let answer = client.post("/apto/v1/crdhldr_demo_1/transactions", legacy);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["idempotency_key"], "hold-1");
}

#[test]
fn operators_see_metrics_health_and_status() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    assert_eq!(server.ops("/healthz").status, 200);
    assert_eq!(server.client().get("/healthz").status, 200);
    let status = server.ops("/status");
    assert_eq!(status.status, 200);
    assert_eq!(status.json()["ledger"], "ready");
    assert_eq!(server.ops("/nothing").status, 404);
    server.client().post("/marqeta/jit", &Marqeta::purchase("1", "1.00").body());
    assert!(server.metric("holdfast_decision_seconds_count", &[]) >= 1.0);
    assert!(server.metric("holdfast_phase_seconds_count", &["phase=\"ledger\""]) >= 1.0);
    assert!(server.metric("holdfast_ledger_commit_seconds_count", &[]) >= 1.0);
    assert!(server.metric("holdfast_ruleset_info", &["program=\"demo\""]) >= 1.0);
    assert_eq!(server.ready_line.matches('\n').count(), 1);
}

//! Checks of payments are recorded without anybody waiting for it: a server that is stopped loses none, also where nothing else was written.

use serde_json::json;

use crate::support::Workplace;

#[test]
fn a_check_with_nothing_behind_it_outlives_a_clean_stop() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let body = json!({"transaction_type": "sale", "merchant_id": "merchant-demo",
        "data": {"card_token": "card_sandbox_demo", "transaction_amount": "1.40"}});
    let mut client = server.client();
    let told: Vec<_> = (0..3)
        .map(|_| client.post("/transaction-monitoring/pre-auth", &body.to_string()).json()["transaction_id"].clone())
        .collect();
    drop(client);
    assert!(server.terminate().success());
    let server = workplace.serve();
    for id in &told {
        let found = workplace.run(&["explain", id.as_str().unwrap(), "--data", workplace.data().to_str().unwrap()]);
        let text = String::from_utf8_lossy(&found.stdout);
        assert!(text.contains("nothing moved"), "{id}: {text}{}", String::from_utf8_lossy(&found.stderr));
    }
    assert!(server.terminate().success());
    let data = workplace.data();
    assert!(workplace.run(&["journal", "verify", "--data", data.to_str().unwrap()]).status.success());
}

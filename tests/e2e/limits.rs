//! Limits decline, count across restarts, and get back what a reversal returns.

use serde_json::json;

use crate::support::callbacks::transactions;
use crate::support::{Marqeta, Workplace, server};

const RULES: &str = r#"
currency = "USD"
country = "USA"
time_zone = "America/New_York"

[[limit]]
id = "card-monthly"
scope = "card"
window = "month"
amount_max = "100.00"

[[limit]]
id = "program-ever"
scope = "program"
window = "lifetime"
count_max = 4
"#;

#[test]
fn callers_that_take_all_connections_leave_operators_theirs() {
    let workplace = Workplace::demo();
    let server = workplace.serve_by(&["sh", "-c", "ulimit -n 200 && exec \"$0\" \"$@\""]);
    // Half of the 200 is for callers, who want all of them and keep what they have.
    let mut idle: Vec<_> = (0..250).map(|_| server.client()).collect();
    assert!(idle.iter_mut().skip(100).all(|refused| refused.receive().is_err()));
    assert_eq!(server.metric("holdfast_connections_refused_total", &["cause=\"limit\""]), 150.0);
    assert_eq!(server.metric("holdfast_connections ", &[]), 100.0);
    assert_eq!(server.ops("/status").status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1").2, 100_000);
    drop(idle);
    assert!(server.terminate().success());
}

#[test]
fn limits_decline_count_and_return() {
    let workplace = Workplace::demo();
    std::fs::write(workplace.path("limits.toml"), RULES).unwrap();
    let refused = |answer: &crate::support::http::Response| answer.json()["jit_funding"]["decline_reason"].clone();
    {
        let server = workplace.serve();
        workplace.publish("limits.toml");
        let mut client = server.client();
        let first = Marqeta::purchase("1", "60.00");
        assert_eq!(client.post("/marqeta/jit", &first.body()).status, 200);
        let over = client.post("/marqeta/jit", &Marqeta::purchase("2", "40.01").body());
        assert_eq!(refused(&over), "AMOUNT_LIMIT_EXCEEDED");
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("3", "40.00").body()).status, 200);

        // A full reversal gives back its amount and its place in the count.
        let reversal = first.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "60.00");
        assert_eq!(client.post("/marqeta/webhook", &transactions(&[reversal])).status, 200);
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("4", "59.00").body()).status, 200);
        assert!(server.terminate().success());
    }
    let server = workplace.serve();
    let mut client = server.client();
    let over = client.post("/marqeta/jit", &Marqeta::purchase("5", "1.01").body());
    assert_eq!(refused(&over), "AMOUNT_LIMIT_EXCEEDED", "what was counted before the restart counts");
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("6", "0.50").body()).status, 200);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("7", "0.25").body()).status, 200);
    let too_many = client.post("/marqeta/jit", &Marqeta::purchase("8", "0.25").body());
    assert_eq!(refused(&too_many), "TRANSACTION_COUNT_LIMIT_EXCEEDED");
    assert_eq!(json!(server.metric("holdfast_decisions_total", &["basis=\"limit\""])), json!(2.0));
}

//! What comes to no route: below a mount it is refused in the words of the mount's platform, elsewhere in a line for people.

use serde_json::json;

use crate::support::Workplace;

#[test]
fn below_a_mount_what_comes_to_no_route_is_refused_in_its_platforms_words() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    // Method and path, the status, the header Allow, and where the error says what it is.
    let cases = [
        ("DELETE", "/api/payment/auth", 405, Some("POST"), "response_code", json!("E0405")),
        ("POST", "/api/payment/foo/bar", 404, None, "response_code", json!("E0404")),
        ("POST", "/api/payment/some-id", 405, Some("GET"), "response_code", json!("E0405")),
        ("DELETE", "/payments/na/authorizations/x", 405, Some("GET, PUT"), "failure_code", json!("METHOD_NOT_ALLOWED")),
        ("GET", "/payments/na/nothing", 404, None, "failure_code", json!("NOT_FOUND")),
        ("GET", "/transaction-monitoring/pre-auth", 405, Some("POST"), "processing_status", json!("decline")),
        ("GET", "/marqeta/jit", 405, Some("POST"), "error_code", json!("405")),
        ("POST", "/marqeta/nothing", 404, None, "error_code", json!("404")),
        ("GET", "/v1/authorize", 405, Some("POST"), "code", json!("method_not_allowed")),
    ];
    for (method, path, status, allow, field, value) in cases {
        let answer = client.ask(method, path, &[], "");
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}: {answer:?}");
        assert_eq!(answer.json()[field], value, "{method} {path}: {answer:?}");
    }
    let elsewhere = client.post("/nowhere", "{}");
    assert_eq!((elsewhere.status, elsewhere.header("content-type")), (404, Some("text/plain")));
}

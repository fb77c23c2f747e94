//! Secrets of webhooks are rotated while the server runs.

use rustix::process::Signal;

use crate::support::Marqeta;
use crate::webhooks::{Endpoint, SECRET, telling};

const NEW: &str = "whsec_YW5vdGhlciBvbmUsIGZvciB0aGlzIHRlc3Qgb25seQ==";

#[test]
fn secrets_are_read_again_on_sighup() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    let server = workplace.serve();
    let mut client = server.client();
    let mut number = 0;
    let mut told = || {
        number += 1;
        assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase(&number.to_string(), "1.00").body()).status, 200);
        endpoint.next()
    };
    assert!(told().is_signed_by(SECRET));
    // The new one beside the old one, and then alone. The reload is a signal's work: it is asked until that is done.
    std::fs::write(workplace.path("config/webhook-secret-new"), NEW).unwrap();
    workplace.edit("holdfast.toml", |text| {
        text.replace("secrets = [\"file:webhook-secret\"]", "secrets = [\"file:webhook-secret\", \"file:webhook-secret-new\"]")
    });
    let is_told_so = |told: &mut dyn FnMut() -> (bool, bool), expected: (bool, bool)| (0..200).any(|_| told() == expected);
    let mut signed_by = || {
        let got = told();
        (got.is_signed_by(SECRET), got.is_signed_by(NEW))
    };
    server.signal(Signal::HUP);
    assert!(is_told_so(&mut signed_by, (true, true)));
    std::fs::write(workplace.path("config/webhook-secret"), NEW).unwrap();
    server.signal(Signal::HUP);
    assert!(is_told_so(&mut signed_by, (false, true)));
    assert!(server.terminate().success());
}

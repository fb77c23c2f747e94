//! Tokens: a published one, ours, and everything about them that must not pass.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(seconds.saturating_mul(1_000_000))
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

struct Known(Secret);

impl AsRef<Secret> for Known {
    fn as_ref(&self) -> &Secret {
        &self.0
    }
}

fn known(key_id: &str) -> Option<Known> {
    match key_id {
        "key_one" => Some(Known(secret("one's secret"))),
        "key_empty" => Some(Known(secret(""))),
        _ => None,
    }
}

/// A token of any header and payload, signed by a secret as HS256 does it.
fn token(header: &str, payload: &str, by: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = Hmac::<Sha256>::new_from_slice(by.as_bytes()).unwrap().chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn outcome(token: &str) -> Result<(), TokenFault> {
    verify(token, known, at(NOW)).map(|_| ())
}

fn payload(iat: i64, exp: i64) -> String {
    format!(r#"{{"key_id":"key_one","iat":{iat},"exp":{exp}}}"#)
}

#[test]
fn a_published_signature_is_the_same() {
    // RFC 7515, appendix A.1: its key is bytes, its payload has none of our claims, and its signature is what HS256 makes.
    let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
    let only = Hs256::new(Algorithm::HS256, &URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
    assert!(Verifier::verify(&only, message.as_bytes(), &signature).is_ok());
    assert_eq!(only.try_sign(message.as_bytes()).unwrap(), signature);
}

#[test]
fn what_is_signed_is_verified() {
    let token = sign("key_one", &secret("one's secret"), at(NOW), 3600).unwrap();
    assert_eq!(outcome(&token), Ok(()));
    assert_eq!(sign("key_one", &secret("one's secret"), at(NOW), 3601), None, "too long a life");
    assert_eq!(sign("key_empty", &secret(""), at(NOW), 60), None, "anybody could sign that");
}

#[test]
fn tokens_by_what_is_wrong_with_them() {
    use TokenFault::{Algorithm, Expired, KeyUnknown, LifeTooLong as Life, NotYet as NotYetValid, Signature, Unreadable};
    let good = payload(NOW, NOW + 3600);
    let by = "one's secret";
    let cases: &[(&str, String, Result<(), TokenFault>)] = &[
        ("good", token(HEADER, &good, by), Ok(())),
        ("with other claims", token(HEADER, &good.replace('}', r#","sub":"x","aud":["y"]}"#), by), Ok(())),
        ("another secret", token(HEADER, &good, "another"), Err(Signature)),
        ("a key that nobody has", token(HEADER, &good.replace("key_one", "key_two"), by), Err(KeyUnknown)),
        ("an empty secret", token(HEADER, &good.replace("key_one", "key_empty"), ""), Err(Signature)),
        ("no algorithm", token(r#"{"alg":"none"}"#, &good, by), Err(Algorithm)),
        ("HS384", token(r#"{"alg":"HS384"}"#, &good, by), Err(Algorithm)),
        ("HS512", token(r#"{"alg":"HS512"}"#, &good, by), Err(Algorithm)),
        ("RS256", token(r#"{"alg":"RS256"}"#, &good, by), Err(Algorithm)),
        ("hs256", token(r#"{"alg":"hs256"}"#, &good, by), Err(Algorithm)),
        ("critical extension", token(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, &good, by), Err(Algorithm)),
        ("no header", token("", &good, by), Err(Unreadable)),
        ("no payload", token(HEADER, "", by), Err(Unreadable)),
        ("no key", token(HEADER, r#"{"iat":1800000000,"exp":1800000060}"#, by), Err(Unreadable)),
        ("no iat", token(HEADER, r#"{"key_id":"key_one","exp":1800000060}"#, by), Err(Unreadable)),
        ("no exp", token(HEADER, r#"{"key_id":"key_one","iat":1800000000}"#, by), Err(Unreadable)),
        ("exp as text", token(HEADER, r#"{"key_id":"key_one","iat":1800000000,"exp":"1800000060"}"#, by), Err(Unreadable)),
        ("exp twice", token(HEADER, r#"{"key_id":"key_one","iat":1800000000,"exp":1,"exp":1800000060}"#, by), Err(Unreadable)),
        ("long key", token(HEADER, &good.replace("key_one", &"k".repeat(129)), by), Err(Unreadable)),
        ("lives too long", token(HEADER, &payload(NOW, NOW + 3601), by), Err(Life)),
        ("ends where it begins", token(HEADER, &payload(NOW, NOW), by), Err(Life)),
        ("no number of seconds", token(HEADER, &payload(i64::MIN, i64::MAX), by), Err(Life)),
        ("just expired, as far as clocks differ", token(HEADER, &payload(NOW - 1000, NOW - 59), by), Ok(())),
        ("expired", token(HEADER, &payload(NOW - 1000, NOW - 60), by), Err(Expired)),
        ("ahead, as far as clocks differ", token(HEADER, &payload(NOW + 60, NOW + 1000), by), Ok(())),
        ("ahead", token(HEADER, &payload(NOW + 61, NOW + 1000), by), Err(NotYetValid)),
        ("not before", token(HEADER, &good.replace('}', r#","nbf":1800000061}"#), by), Err(NotYetValid)),
        ("nothing", String::new(), Err(Unreadable)),
        ("two dots", "..".to_owned(), Err(Unreadable)),
        ("too long", token(HEADER, &good.replace('}', &format!(r#","x":"{}"}}"#, "x".repeat(4096))), by), Err(Unreadable)),
    ];
    for (what, token, expected) in cases {
        assert_eq!(outcome(token), *expected, "{what}");
    }
    let whole = token(HEADER, &good, by);
    let (stripped, _) = whole.rsplit_once('.').unwrap();
    assert_eq!(outcome(stripped), Err(Unreadable));
    assert_eq!(outcome(&format!("{stripped}.")), Err(Signature));
    assert_eq!(outcome(&format!("{whole}.x")), Err(Unreadable));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_none_pass(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify(&String::from_utf8_lossy(&bytes), known, at(NOW)).is_err());
    }

    #[test]
    fn a_flipped_bit_does_not_pass(position in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut token = sign("key_one", &secret("one's secret"), at(NOW), 3600).unwrap().into_bytes();
        let position = position.index(token.len());
        token[position] ^= 1 << bit;
        prop_assert!(verify(&String::from_utf8_lossy(&token), known, at(NOW)).is_err());
    }
}

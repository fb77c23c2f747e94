//! Every way in which a token can be wrong, and the one in which it is right.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const NOW: i64 = 1_793_000_000;
const SECRET: &[u8] = b"a shared secret of an enterprise";

struct OneKey;

impl KeyStore for OneKey {
    fn find(&self, key: &KeyId) -> Option<Arc<SharedKey>> {
        let caller = Caller {
            credential: CredentialId::new("cred_1").unwrap(),
            organization: OrganizationId::new("proc_1").unwrap(),
            kind: OrganizationKind::Processor,
            environment: Environment::Sandbox,
            scopes: ScopeSet::of(&[Scope::Authorize]),
        };
        let (secret, expires_at) = match key.as_str() {
            "key_1" => (Secret::new(SECRET), None),
            "key_over" => (Secret::new(SECRET), Some(Timestamp::from_unix_seconds(NOW))),
            "key_empty" => (Secret::new(*b""), None),
            _ => return None,
        };
        Some(Arc::new(SharedKey { secret, caller, expires_at }))
    }

    fn used(&self, _credential: &CredentialId, _now: Timestamp) {}

    fn grants(&self, _grant: &Grant) -> bool {
        false
    }
}

fn token_of(header: &Value, payload: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload.to_string()));
    let signature = crate::proof::hmac::<hmac::Hmac<Sha256>>(secret, &[signed.as_bytes()]).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn asked(authorization: &str) -> Result<Caller, TokenFault> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
    verify_bearer(&headers, &OneKey, Scope::Authorize, Timestamp::from_unix_seconds(NOW))
}

fn of_payload(payload: &Value) -> Result<(), TokenFault> {
    asked(&format!("Bearer {}", token_of(&json!({ "alg": "HS256", "typ": "JWT" }), payload, SECRET))).map(drop)
}

fn payload(iat: i64, exp: i64) -> Value {
    json!({ "key_id": "key_1", "iat": iat, "exp": exp, "more": { "is": "ignored" } })
}

#[test]
fn a_signed_token_speaks_for_its_credential() {
    let token = sign(&KeyId::new("key_1").unwrap(), &Secret::new(SECRET), Timestamp::from_unix_seconds(NOW), LIFE_MAX).unwrap();
    let caller = asked(&format!("bearer {token}")).unwrap();
    assert_eq!((caller.organization.as_str(), caller.kind), ("proc_1", OrganizationKind::Processor));

    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    let wrong = verify_bearer(&headers, &OneKey, Scope::Setup, Timestamp::from_unix_seconds(NOW));
    assert_eq!(wrong, Err(TokenFault::Scope(Scope::Setup)));
    assert_eq!((TokenFault::Scope(Scope::Setup).status(), TokenFault::Signature.status()), (403, 401));
}

#[test]
fn times_are_checked_to_the_second() {
    assert_eq!(of_payload(&payload(NOW, NOW + 3600)), Ok(()));
    assert_eq!(of_payload(&payload(NOW, NOW + 3601)), Err(TokenFault::LifeTooLong));
    assert_eq!(of_payload(&payload(NOW, NOW)), Err(TokenFault::LifeTooLong));
    assert_eq!(of_payload(&payload(NOW + 60, NOW + 120)), Ok(()));
    assert_eq!(of_payload(&payload(NOW + 61, NOW + 120)), Err(TokenFault::NotYet));
    assert_eq!(of_payload(&payload(NOW - 120, NOW - 59)), Ok(()));
    assert_eq!(of_payload(&payload(NOW - 120, NOW - 60)), Err(TokenFault::Expired));
    assert_eq!(of_payload(&payload(i64::MIN, i64::MAX)), Err(TokenFault::LifeTooLong));
}

#[test]
fn what_must_be_there_must_be_there() {
    for missing in ["key_id", "iat", "exp"] {
        let mut payload = payload(NOW, NOW + 60);
        payload.as_object_mut().unwrap().remove(missing);
        assert_eq!(of_payload(&payload), Err(TokenFault::Unreadable), "{missing}");
    }
    let texts = json!({ "key_id": "key_1", "iat": NOW.to_string(), "exp": NOW + 60 });
    assert_eq!(of_payload(&texts), Err(TokenFault::Unreadable));
    let stranger = json!({ "key_id": "key_2", "iat": NOW, "exp": NOW + 60 });
    assert_eq!(of_payload(&stranger), Err(TokenFault::KeyUnknown));
    let over = json!({ "key_id": "key_over", "iat": NOW, "exp": NOW + 60 });
    assert_eq!(of_payload(&over), Err(TokenFault::CredentialExpired));
}

#[test]
fn forged_stripped_and_swapped_tokens_are_strangers() {
    let (header, good) = (json!({ "alg": "HS256" }), payload(NOW, NOW + 60));
    let token = token_of(&header, &good, SECRET);
    assert_eq!(asked(&format!("Bearer {token}")).map(drop), Ok(()));
    let wrong = |token: &str| asked(&format!("Bearer {token}")).unwrap_err();

    assert_eq!(wrong(&token_of(&header, &good, b"another secret")), TokenFault::Signature);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(wrong(&format!("{signed}.")), TokenFault::Signature);
    assert_eq!(wrong(signed), TokenFault::Unreadable);
    let other = token_of(&header, &json!({ "key_id": "key_1", "iat": NOW, "exp": NOW + 61 }), SECRET);
    let (other, _) = other.rsplit_once('.').unwrap();
    assert_eq!(wrong(&format!("{other}.{signature}")), TokenFault::Signature);
    for algorithm in ["none", "None", "HS384", "HS512", "RS256", "ES256"] {
        let token = token_of(&json!({ "alg": algorithm }), &good, SECRET);
        assert_eq!(wrong(&token), TokenFault::Algorithm, "{algorithm}");
    }
    let empty = json!({ "key_id": "key_empty", "iat": NOW, "exp": NOW + 60 });
    assert_eq!(wrong(&token_of(&header, &empty, SECRET)), TokenFault::Signature);
    assert_eq!(asked("Basic YTpi").unwrap_err(), TokenFault::Unreadable);
    assert_eq!(asked("Bearer").unwrap_err(), TokenFault::Unreadable);
    assert_eq!(asked("Bearer a.b.c").unwrap_err(), TokenFault::Unreadable);
    let none = verify_caller(&HeaderMap::new(), &OneKey, Timestamp::from_unix_seconds(NOW));
    assert_eq!(none, Err(TokenFault::Missing));
}

#[test]
fn flipping_any_bit_of_a_token_makes_it_a_strangers() {
    let token = token_of(&json!({ "alg": "HS256" }), &payload(NOW, NOW + 60), SECRET);
    let last_of_signature = token.len() - 1;
    for place in 0..last_of_signature {
        for bit in 0..7 {
            let mut bytes = token.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            let Ok(value) = HeaderValue::from_str(&format!("Bearer {flipped}")) else { continue };
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value);
            let found = verify_caller(&headers, &OneKey, Timestamp::from_unix_seconds(NOW));
            assert!(found.is_err(), "{place} {bit}");
        }
    }
}

//! Published and worked signatures, and everything about them that must not pass.

use hmac::Hmac;
use holdfast_core::Timestamp;
use http::{HeaderMap, HeaderName};
use proptest::prelude::*;
use sha1::Sha1;
use sha2::Sha256;

use super::standard_webhooks::{ID, SIGNATURE, TIMESTAMP, sign, verify};
use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

fn callback<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Callback<'a> {
    Callback { route: 0, segment: "", query: "", headers, body }
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

mod basic {
    use super::*;

    fn keyring() -> Keyring {
        let basic = vec![BasicCredential::new("old", &secret("first")), BasicCredential::new("new", &secret("se:cond"))];
        Keyring { basic, ..Keyring::default() }
    }

    #[test]
    fn a_credential_may_do_what_is_said_of_it() {
        let only = |permission| Granted { permissions: Permissions::NONE.with(permission), ..Granted::USUAL };
        let reader = BasicCredential::new("reader", &secret("first")).granting(only(Permission::Read));
        let basic = vec![reader, BasicCredential::new("all", &secret("second"))];
        let keyring = Keyring { basic, ..Keyring::default() };
        let granted = |user: &str, password: &str| {
            let mut headers = HeaderMap::new();
            let header = BasicCredential::new(user, &secret(password)).header();
            headers.insert("authorization", header.parse().unwrap());
            verify_basic_for(&callback(&headers, b""), &keyring).map(|granted| granted.permissions)
        };
        let reader = granted("reader", "first").unwrap();
        assert!(reader.has(Permission::Read) && !reader.has(Permission::Refund));
        assert_eq!(granted("all", "second"), Ok(Permissions::ALL));
        assert_eq!(granted("all", "first"), Err(Refusal::Wrong));
    }

    #[test]
    fn credentials_by_what_is_wrong_with_them() {
        let cases: &[(Option<&str>, Result<(), Refusal>)] = &[
            (Some("Basic bmV3OnNlOmNvbmQ="), Ok(())),
            (Some("basic  bmV3OnNlOmNvbmQ= "), Ok(())),
            (Some("Basic b2xkOmZpcnN0"), Ok(())),
            (None, Err(Refusal::Missing)),
            (Some(""), Err(Refusal::Unreadable)),
            (Some("Basic"), Err(Refusal::Unreadable)),
            (Some("Bearer bmV3OnNlOmNvbmQ="), Err(Refusal::Unreadable)),
            (Some("Basic bmV3OnNlOmNvbmQ"), Err(Refusal::Unreadable)),
            (Some("Basic !!!!"), Err(Refusal::Unreadable)),
            // new:second, old:se:cond, and nothing at all.
            (Some("Basic bmV3OnNlY29uZA=="), Err(Refusal::Wrong)),
            (Some("Basic b2xkOnNlOmNvbmQ="), Err(Refusal::Wrong)),
            (Some("Basic "), Err(Refusal::Wrong)),
        ];
        for (header, expected) in cases {
            let headers = header.map_or_else(HeaderMap::new, |header| headers(&[("authorization", header)]));
            assert_eq!(verify_basic(&callback(&headers, b""), &keyring()), *expected, "{header:?}");
        }
        let too_long = headers(&[("authorization", &format!("Basic {}", "QUFB".repeat(200)))]);
        assert_eq!(verify_basic(&callback(&too_long, b""), &keyring()), Err(Refusal::Unreadable));
    }

    #[test]
    fn without_credentials_nobody_is_known() {
        let headers = headers(&[("authorization", "Basic Og==")]);
        assert_eq!(verify_basic(&callback(&headers, b""), &Keyring::default()), Err(Refusal::Wrong));
    }

    #[test]
    fn custom_headers_must_all_be_there() {
        let custom = vec![("x-one".to_owned(), secret("1")), ("X-Two".to_owned(), secret("2"))];
        let keyring = Keyring { headers: custom, ..keyring() };
        let login = ("authorization", "Basic b2xkOmZpcnN0");
        let cases: &[(&[(&'static str, &str)], bool)] = &[
            (&[login, ("x-one", "1"), ("x-two", "2")], true),
            (&[login, ("x-one", "1")], false),
            (&[login, ("x-one", "1"), ("x-two", "1")], false),
            (&[("authorization", "Basic b2xkOndyb25n"), ("x-one", "1"), ("x-two", "2")], false),
        ];
        for (pairs, known) in cases {
            let headers = headers(pairs);
            assert_eq!(verify_basic(&callback(&headers, b""), &keyring).is_ok(), *known, "{pairs:?}");
        }
    }

    #[test]
    fn what_a_credential_writes_it_accepts() {
        let header = keyring().basic[1].header();
        assert_eq!(verify_basic(&callback(&headers(&[("authorization", &header)]), b""), &keyring()), Ok(()));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let keyring = Keyring { signing: vec![secret("sesame")], headers: vec![("x".into(), secret("sesame"))], ..keyring() };
        let printed = format!("{keyring:?}");
        for word in ["sesame", "first", "cond", "115, 101"] {
            assert!(!printed.contains(word), "{printed}");
        }
    }
}

mod digests {
    use super::*;

    /// Stripe signs `t.body` in hexadecimal with the secret as it is written, Adyen the body in base64 with a key in
    /// hexadecimal, Increase's older scheme `t.body` with an ISO time stamp.
    #[test]
    fn worked_signatures_of_platforms() {
        let stripe = concat!(
            r#"{"id":"evt_demo000000000001","object":"event","type":"issuing_authorization.request","created":1767225600,"#,
            r#""data":{"object":{"id":"iauth_demo0000000001","object":"issuing.authorization","pending_request":"#,
            r#"{"amount":4275,"currency":"usd","is_amount_controllable":true}}}}"#
        );
        let adyen = concat!(
            r#"{"type":"balancePlatform.authorisation.relayed","environment":"test","id":"DEMO5C8XZ0K1M2N3","#,
            r#""amount":{"currency":"EUR","value":-3900}}"#
        );
        let increase = concat!(
            r#"{"id":"event_demo000000000000001","associated_object_id":"real_time_decision_demo0000000001","#,
            r#""associated_object_type":"real_time_decision","category":"real_time_decision.card_authorization_requested","#,
            r#""created_at":"2026-03-14T15:09:26Z","type":"event"}"#
        );
        let adyen_key = hex("00112233445566778899AABBCCDDEEFF102132435465768798A9BACBDCEDFE0F");
        let cases: &[(&[u8], &[&str], &str)] = &[
            (
                b"whsec_demo_2fK9vQ0r7LxA",
                &["1767225600", ".", stripe],
                "866b77a9f30ec257287aa4cf42addcd04f9356dea3267445d2467b3a05563f23",
            ),
            (
                b"whsec_demo_old_Q1w2E3r4T5",
                &["1767225600", ".", stripe],
                "8cdef6cb76464f7907a0b94fc6a225ae07a2e7c772192e7f9dfcda51c8f0b42e",
            ),
            (&adyen_key, &[adyen], "9bd85c84ffe5b58068011baa04283d3a0198c6b868e015121f5d83e3206b55e6"),
            (
                b"demo-shared-secret-01",
                &["2026-01-01T00:00:00Z", ".", increase],
                "e896753728abf595b8a03f9c8a4fc0a0b071c9a216a7eb739885fd5db47e67c9",
            ),
        ];
        for (key, parts, signature) in cases {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            let mac = hmac::<Hmac<Sha256>>(key, &parts).unwrap();
            assert!(bool::from(matches_hex(&mac, signature.as_bytes())), "{signature}");
        }
        let mac = hmac::<Hmac<Sha256>>(&adyen_key, &[adyen.as_bytes()]).unwrap();
        assert!(bool::from(matches_base64(&mac, b"m9hchP/ltYBoARuqBCg9OgGYxrho4BUSH12D4yBrVeY=")));
    }

    /// RFC 2202, test case 2.
    #[test]
    fn sha_1_too() {
        let mac = hmac::<Hmac<Sha1>>(b"Jefe", &[b"what do ya want ", b"for nothing?"]).unwrap();
        assert!(bool::from(matches_hex(&mac, b"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")));
        assert!(bool::from(matches_hex(&mac, b"EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79")));
    }

    #[test]
    fn an_empty_key_signs_nothing() {
        assert_eq!(hmac::<Hmac<Sha256>>(b"", &[b"body"]), None);
    }

    #[test]
    fn only_the_bytes_themselves_match() {
        let bytes = [0x00, 0x0f, 0xff];
        for (presented, same) in [("000fff", true), ("000FFF", true), ("000ffe", false), ("000f", false), ("000fff00", false)] {
            assert_eq!(bool::from(matches_hex(&bytes, presented.as_bytes())), same, "{presented}");
        }
        for presented in ["", "+0+fff", "0x0fff", "000ff", "000ff ", "zz0fff"] {
            assert!(!bool::from(matches_hex(&bytes, presented.as_bytes())), "{presented}");
        }
        for (presented, same) in [("AA//", true), ("AA//AA==", false), ("AA/", false), ("", false), ("AA_/", false)] {
            assert_eq!(bool::from(matches_base64(&bytes, presented.as_bytes())), same, "{presented}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_matches(bytes in prop::collection::vec(any::<u8>(), 0..64), other: [u8; 8]) {
            let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert!(bool::from(matches_hex(&bytes, written.as_bytes())));
            prop_assert!(bool::from(matches_base64(&bytes, STANDARD.encode(&bytes).as_bytes())));
            prop_assume!(bytes != other);
            prop_assert!(!bool::from(matches_hex(&other, written.as_bytes())));
            prop_assert!(!bool::from(matches_base64(&other, STANDARD.encode(&bytes).as_bytes())));
        }

        #[test]
        fn nothing_presented_panics(presented in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(!bool::from(matches_hex(&[7; 32], &presented)));
            prop_assert!(!bool::from(matches_base64(&[7; 32], &presented)));
        }
    }
}

mod signed {
    use super::*;

    const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    const ROTATED: &str = "whsec_ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=";
    const MESSAGE: &str = "0b9f6f0e-5c1d-4a53-9a0e-7d2c2f6b1e11";
    const SENT: i64 = 1_767_225_600;
    const BY_SECRET: &str = "v1,kVf4L7t8gHDsWrU2g6jU/cnKS41kexa6PVbhXz+zk7c=";
    const BY_ROTATED: &str = "v1,w2ZHtndXOOOWrYHAgC8cOb/RpGOXNrMrtD2TXCbMGqE=";
    const BY_BOTH: &str =
        "v1,w2ZHtndXOOOWrYHAgC8cOb/RpGOXNrMrtD2TXCbMGqE= v1a,AAAA v1,kVf4L7t8gHDsWrU2g6jU/cnKS41kexa6PVbhXz+zk7c=";
    /// Over the same JSON with blanks behind its colons and commas.
    const RESPACED: &str = "v1,8EFpSV+wOes+/Tk0xTNFJPak63T6lRs0s+YrB1qnXos=";
    const BODY: &str = concat!(
        r#"{"event_type":"card_authorization.approval_request","token":"3f0f4c52-6c0b-4a53-8f5a-2f7d1e9b7c10","#,
        r#""status":"AUTHORIZATION","amount":4275}"#
    );

    fn outcome(pairs: &[(&'static str, &str)], keys: &[&str], body: &str, now: i64) -> Result<(), Refusal> {
        let keyring = Keyring { signing: keys.iter().map(|key| secret(key)).collect(), ..Keyring::default() };
        let headers = headers(pairs);
        verify(callback(&headers, body.as_bytes()), &keyring, Timestamp::from_unix_seconds(now)).map(|_| ())
    }

    fn by_signature(signature: &str, keys: &[&str]) -> Result<(), Refusal> {
        outcome(&[(ID, MESSAGE), (TIMESTAMP, "1767225600"), (SIGNATURE, signature)], keys, BODY, SENT)
    }

    #[test]
    fn a_worked_signature() {
        assert_eq!(sign(&secret(SECRET), MESSAGE, Timestamp::from_unix_seconds(SENT), BODY.as_bytes()).unwrap(), BY_SECRET);
        assert_eq!(sign(&secret(ROTATED), MESSAGE, Timestamp::from_unix_seconds(SENT), BODY.as_bytes()).unwrap(), BY_ROTATED);
        assert_eq!(sign(&secret(""), MESSAGE, Timestamp::EPOCH, b""), None);
        assert_eq!(sign(&secret("whsec_"), MESSAGE, Timestamp::EPOCH, b""), None);
        assert_eq!(sign(&secret("whsec_not base64"), MESSAGE, Timestamp::EPOCH, b""), None);
    }

    /// The written form of a key, and the key itself, sign alike (Increase's shared secret).
    #[test]
    fn a_key_in_either_form() {
        for form in ["demo-shared-secret-01", "whsec_ZGVtby1zaGFyZWQtc2VjcmV0LTAx"] {
            let body = concat!(
                r#"{"id":"event_demo000000000000001","associated_object_id":"real_time_decision_demo0000000001","#,
                r#""associated_object_type":"real_time_decision","category":"real_time_decision.card_authorization_requested","#,
                r#""created_at":"2026-03-14T15:09:26Z","type":"event"}"#
            );
            let signed =
                sign(&secret(form), "event_demo000000000000001", Timestamp::from_unix_seconds(SENT), body.as_bytes()).unwrap();
            assert_eq!(signed, "v1,3+EoTWry45RxogUYkUfI6w7BXv4Vz0X2RlZSmT3pZBk=", "{form}");
        }
    }

    #[test]
    fn signatures_and_keys() {
        let wrong = Err(Refusal::WrongSignature);
        let cases: &[(&str, &[&str], Result<(), Refusal>)] = &[
            (BY_SECRET, &[SECRET], Ok(())),
            (BY_SECRET, &[ROTATED, SECRET], Ok(())),
            (BY_BOTH, &[SECRET], Ok(())),
            (BY_BOTH, &[ROTATED], Ok(())),
            (BY_SECRET, &[ROTATED], wrong),
            (BY_SECRET, &[], wrong),
            (BY_SECRET, &[""], wrong),
            (BY_SECRET, &["whsec_"], wrong),
            (RESPACED, &[SECRET], wrong),
            ("v2,kVf4L7t8gHDsWrU2g6jU/cnKS41kexa6PVbhXz+zk7c=", &[SECRET], wrong),
            ("v1a,kVf4L7t8gHDsWrU2g6jU/cnKS41kexa6PVbhXz+zk7c=", &[SECRET], wrong),
            ("kVf4L7t8gHDsWrU2g6jU/cnKS41kexa6PVbhXz+zk7c=", &[SECRET], wrong),
            ("v1,kVf4L7t8gHDsWrU2g6jU/cnKS41kexa6PVbhXz+zk7c", &[SECRET], wrong),
            ("v1,", &[SECRET], wrong),
            ("", &[SECRET], wrong),
        ];
        for (signature, keys, expected) in cases {
            assert_eq!(by_signature(signature, keys), *expected, "{signature} by {keys:?}");
        }
    }

    #[test]
    fn each_header_is_needed_and_covered() {
        let all = [(ID, MESSAGE), (TIMESTAMP, "1767225600"), (SIGNATURE, BY_SECRET)];
        for missing in 0..all.len() {
            let rest: Vec<_> = all.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, pair)| *pair).collect();
            assert_eq!(outcome(&rest, &[SECRET], BODY, SENT), Err(Refusal::Missing), "{}", all[missing].0);
        }
        let other_id = [(ID, "another"), all[1], all[2]];
        assert_eq!(outcome(&other_id, &[SECRET], BODY, SENT), Err(Refusal::WrongSignature));
        let other_time = [all[0], (TIMESTAMP, "1767225601"), all[2]];
        assert_eq!(outcome(&other_time, &[SECRET], BODY, SENT), Err(Refusal::WrongSignature));
        // The same moment written otherwise is not what was signed.
        for unreadable in ["", "+1767225600", "-1", "1767225600.0", "99999999999999999999"] {
            let pairs = [all[0], (TIMESTAMP, unreadable), all[2]];
            assert_eq!(outcome(&pairs, &[SECRET], BODY, SENT), Err(Refusal::Unreadable), "{unreadable:?}");
        }
    }

    #[test]
    fn custom_headers_are_needed_besides() {
        let keyring =
            Keyring { signing: vec![secret(SECRET)], headers: vec![("x-one".into(), secret("1"))], ..Keyring::default() };
        let signed = [(ID, MESSAGE), (TIMESTAMP, "1767225600"), (SIGNATURE, BY_SECRET)];
        for (custom, expected) in [(None, Some(Refusal::Wrong)), (Some("2"), Some(Refusal::Wrong)), (Some("1"), None)] {
            let pairs: Vec<_> = signed.into_iter().chain(custom.map(|value| ("x-one", value))).collect();
            let headers = headers(&pairs);
            let outcome = verify(callback(&headers, BODY.as_bytes()), &keyring, Timestamp::from_unix_seconds(SENT));
            assert_eq!(outcome.err(), expected, "{custom:?}");
        }
    }

    #[test]
    fn the_window_is_five_minutes_either_way() {
        let all = [(ID, MESSAGE), (TIMESTAMP, "1767225600"), (SIGNATURE, BY_SECRET)];
        for (offset, expected) in
            [(0, Ok(())), (300, Ok(())), (-300, Ok(())), (301, Err(Refusal::Stale)), (-301, Err(Refusal::Stale))]
        {
            assert_eq!(outcome(&all, &[SECRET], BODY, SENT + offset), expected, "{offset}");
        }
    }
}

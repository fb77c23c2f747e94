//! The laws of proof: no stranger gets in. What a platform's proof covers is found out by proving.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_core::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Case, FIXTURE_KEY, Failures, NOW, bearer, cases, keyring};
use crate::adapter::Use;
use crate::proof::{BasicCredential, Keyring, Refusal, Secret};

fn verify(case: &Case, headers: &HeaderMap, body: &[u8], keyring: &Keyring, now: Timestamp) -> Result<(), Refusal> {
    case.adapter.verify(case.callback(headers, body), keyring, now).map(|_| ())
}

/// What its platform would send, by these keys, at this moment.
fn proven(case: &Case, body: &[u8], keyring: &Keyring, now: Timestamp) -> (HeaderMap, Vec<u8>) {
    let (mut headers, mut body) = (case.fixture.headers.clone(), body.to_vec());
    case.adapter.prove(case.route.id, &mut headers, &mut body, keyring, now);
    (headers, body)
}

/// The headers that are the proof: those that proving added or changed.
fn proof_of(case: &Case) -> Vec<(HeaderName, HeaderValue)> {
    let before = |name| case.fixture.headers.get(name);
    let added = case.headers.iter().filter(|(name, value)| before(*name) != Some(*value));
    added.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn covers_body(case: &Case) -> bool {
    let longer = [case.fixture.body.as_slice(), b" "].concat();
    proven(case, &longer, &keyring(), NOW).0 != proven(case, &case.fixture.body, &keyring(), NOW).0
}

fn has_time_stamp(case: &Case) -> bool {
    let later = NOW.saturating_add(Duration::from_secs(3600));
    proven(case, &case.fixture.body, &keyring(), NOW).0 != proven(case, &case.fixture.body, &keyring(), later).0
}

#[test]
fn a_head_is_refused_only_where_the_callback_is() {
    let mut failures = Failures::default();
    let head = |case: &Case, headers: &HeaderMap| case.adapter.verify_head(&case.callback(headers, b""), &keyring(), NOW);
    for case in cases() {
        failures.expect(head(&case, &case.headers).is_ok(), &case, || "its head is refused".to_owned());
        for (name, _) in proof_of(&case) {
            let mut headers = case.headers.clone();
            headers.remove(&name);
            let refused = head(&case, &headers).err();
            let whole = verify(&case, &headers, &case.body, &keyring(), NOW).err();
            failures.expect(refused.is_none() || refused == whole, &case, || format!("its head is refused without `{name}`"));
            let covers = name == http::header::AUTHORIZATION;
            failures.expect(!covers || refused.is_some(), &case, || "its head passes without credentials".to_owned());
        }
    }
    failures.report();
}

#[test]
fn without_its_whole_proof_a_callback_is_a_strangers() {
    let mut failures = Failures::default();
    for case in cases() {
        let proof = proof_of(&case);
        failures.expect(!proof.is_empty(), &case, || "proving adds nothing".to_owned());
        let bare = verify(&case, &case.fixture.headers, &case.fixture.body, &keyring(), NOW);
        failures.expect(bare.is_err(), &case, || "verifies without proof".to_owned());
        for (name, _) in proof {
            let mut headers = case.headers.clone();
            headers.remove(&name);
            let without = verify(&case, &headers, &case.body, &keyring(), NOW);
            failures.expect(without.is_err(), &case, || format!("verifies without `{name}`"));
        }
    }
    failures.report();
}

#[test]
fn a_flipped_byte_of_the_proof_is_refused() {
    let mut failures = Failures::default();
    for case in cases() {
        for (name, value) in proof_of(&case) {
            for index in 0..value.len() {
                let mut flipped = value.as_bytes().to_vec();
                flipped[index] ^= 1;
                let Ok(value) = HeaderValue::from_bytes(&flipped) else { continue };
                let mut headers = case.headers.clone();
                headers.insert(name.clone(), value);
                let outcome = verify(&case, &headers, &case.body, &keyring(), NOW);
                failures.expect(outcome.is_err(), &case, || format!("verifies with byte {index} of `{name}` flipped"));
            }
        }
    }
    failures.report();
}

/// All bytes of one fixture a route, some of every other.
#[test]
fn a_flipped_byte_of_a_covered_body_is_refused() {
    let mut failures = Failures::default();
    let mut seen = BTreeSet::new();
    for case in cases().into_iter().filter(covers_body) {
        let step = if seen.insert((case.platform.name, case.route.id)) { 1 } else { case.body.len() / 64 + 1 };
        for index in (0..case.body.len()).step_by(step) {
            let mut body = case.body.clone();
            body[index] ^= 1;
            let outcome = verify(&case, &case.headers, &body, &keyring(), NOW);
            failures.expect(outcome.is_err(), &case, || format!("verifies with byte {index} of the body flipped"));
        }
        for body in [[case.body.as_slice(), b" "].concat(), case.body.iter().skip(1).copied().collect()] {
            let outcome = verify(&case, &case.headers, &body, &keyring(), NOW);
            failures.expect(outcome.is_err() || body == case.body, &case, || "verifies a longer or shorter body".to_owned());
        }
    }
    failures.report();
}

#[test]
fn a_stale_time_stamp_is_refused() {
    let mut failures = Failures::default();
    for case in cases().into_iter().filter(has_time_stamp) {
        let near = Duration::from_secs(30);
        let far = Duration::from_secs(3600);
        for now in [NOW.saturating_add(near), NOW.saturating_sub(near)] {
            let outcome = verify(&case, &case.headers, &case.body, &keyring(), now);
            failures.expect(outcome.is_ok(), &case, || format!("30 seconds away: {outcome:?}"));
        }
        for now in [NOW.saturating_add(far), NOW.saturating_sub(far)] {
            let outcome = verify(&case, &case.headers, &case.body, &keyring(), now);
            failures
                .expect(outcome.map_err(Refusal::counted) == Err(Refusal::Stale), &case, || format!("an hour away: {outcome:?}"));
        }
    }
    failures.report();
}

/// During rotation two keys are valid, whichever the platform has; and a key that was taken away is none.
#[test]
fn any_of_several_keys_is_enough_and_only_ours_are() {
    let other = Keyring {
        basic: vec![BasicCredential::new("other", &Secret::new(*b"other-password"))],
        headers: Vec::new(),
        signing: vec![Secret::new(*b"other-signing-key")],
        answering: Vec::new(),
        bearer: Some(bearer(&["other-key"])),
    };
    let (mut first, mut last) = (keyring(), other.clone());
    first.bearer = Some(bearer(&[FIXTURE_KEY, "other-key"]));
    last.bearer = Some(bearer(&["other-key", FIXTURE_KEY]));
    first.basic.extend(other.basic.clone());
    first.signing.extend(other.signing.clone());
    last.basic.extend(keyring().basic);
    last.signing.extend(keyring().signing);

    let mut failures = Failures::default();
    for case in cases() {
        for (ring, known, which) in [
            (&first, true, "with ours first of two keys"),
            (&last, true, "with ours last of two keys"),
            (&other, false, "with another's keys"),
            (&Keyring::default(), false, "with no keys"),
        ] {
            let outcome = verify(&case, &case.headers, &case.body, ring, NOW);
            failures.expect(outcome.is_ok() == known, &case, || format!("{which}: {outcome:?}"));
        }
    }
    failures.report();
}

#[test]
fn a_platform_uses_the_credentials_that_it_says_it_does() {
    let mut failures = Failures::default();
    for case in cases() {
        let credentials = case.platform.credentials;
        for (kind, used, without) in [
            ("basic", credentials.basic, Keyring { basic: Vec::new(), ..keyring() }),
            ("signing", credentials.signing, Keyring { signing: Vec::new(), ..keyring() }),
        ] {
            let outcome = verify(&case, &case.headers, &case.body, &without, NOW);
            let lawful = match used {
                Use::Needed => outcome.is_err(),
                Use::Never => outcome.is_ok(),
                Use::Possible => true,
            };
            failures.expect(lawful, &case, || format!("says that {kind} is {used:?}, and without: {outcome:?}"));
        }
    }
    failures.report();
}

#[test]
fn a_mounts_custom_headers_are_needed_besides() {
    let with_headers = Keyring {
        headers: vec![("x-fixture-one".to_owned(), Secret::new(*b"1")), ("X-Fixture-Two".to_owned(), Secret::new(*b"2"))],
        ..keyring()
    };
    let mut failures = Failures::default();
    for case in cases() {
        let (headers, body) = proven(&case, &case.fixture.body, &with_headers, NOW);
        let outcome = verify(&case, &headers, &body, &with_headers, NOW);
        failures.expect(outcome.is_ok(), &case, || format!("with its custom headers: {outcome:?}"));
        for name in ["x-fixture-one", "x-fixture-two"] {
            let mut without = headers.clone();
            without.remove(name);
            let outcome = verify(&case, &without, &body, &with_headers, NOW);
            failures.expect(outcome.is_err(), &case, || format!("verifies without `{name}`"));
            without.insert(name, HeaderValue::from_static("3"));
            let outcome = verify(&case, &without, &body, &with_headers, NOW);
            failures.expect(outcome.is_err(), &case, || format!("verifies with another `{name}`"));
        }
    }
    failures.report();
}

#[test]
fn no_header_panics() {
    let cases = cases();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let value = prop::collection::vec(any::<u8>(), 0..200);
    runner
        .run(&(0..cases.len(), any::<prop::sample::Index>(), value), |(case, index, value)| {
            let case = &cases[case];
            let proof = proof_of(case);
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            let mut headers = case.headers.clone();
            headers.insert(index.get(&proof).0.clone(), value);
            prop_assert!(verify(case, &headers, &case.body, &keyring(), NOW).is_err());
            Ok(())
        })
        .unwrap();
}

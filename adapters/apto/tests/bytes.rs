//! No bytes make the adapter panic, and none of a webhook make it refuse.

use proptest::prelude::*;

use super::{WEBHOOK, adapter, decode, fixtures};

/// A fixture's body with some of its bytes changed, dropped or doubled.
fn mutated() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let all: Vec<(u8, Vec<u8>)> = fixtures().into_iter().map(|fixture| (fixture.route, fixture.body.into_bytes())).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..6);
    (prop::sample::select(all), edits).prop_map(|((route, mut body), edits)| {
        for (index, edit, byte) in edits {
            if body.is_empty() {
                break;
            }
            let at = index.index(body.len());
            match edit {
                0 => body[at] = byte,
                1 => drop(body.remove(at)),
                2 => body.insert(at, byte),
                _ => body.truncate(at),
            }
        }
        (route, body)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_panic(route in 0..6_u8, segment in "\\PC{0,80}", query in "(cardholder_id=)?\\PC{0,80}", body: Vec<u8>) {
        let decoded = decode(adapter().as_ref(), route, &segment, &query, &body);
        prop_assert!(route != WEBHOOK || decoded.is_ok());
    }

    #[test]
    fn no_mutation_of_a_real_callback_panics((route, body) in mutated()) {
        let decoded = decode(adapter().as_ref(), route, "u", "", &body);
        prop_assert!(route != WEBHOOK || decoded.is_ok());
    }

    #[test]
    fn no_mutation_lets_a_name_into_what_is_kept((route, body) in mutated()) {
        let kept = format!("{:?}", decode(adapter().as_ref(), route, "u", "", &body));
        prop_assert!(!kept.contains("example.com"), "{}", kept);
    }
}

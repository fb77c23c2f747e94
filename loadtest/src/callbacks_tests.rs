//! Callbacks by number: unique keys, the mix, and copies that are what the adapter renders.

use std::collections::HashSet;

use super::*;
use crate::trial_platform::{self, Dialect};

fn callbacks(dialect: Dialect, cards: u64) -> Callbacks {
    trial_platform::callbacks(dialect, cards, Timestamp::from_unix_seconds(1_773_500_966))
}

fn text(callbacks: &Callbacks, number: u64) -> String {
    let mut request = Vec::new();
    callbacks.write(number, &mut request);
    String::from_utf8(request).unwrap()
}

#[test]
fn copies_are_what_the_adapter_renders() {
    for cards in [1, 10_000] {
        let copying = callbacks(Dialect::PlainKeys, cards);
        assert!(copying.are_copied());
        for number in [0, 1, 999, 20_000_000] {
            let mut rendered = Vec::new();
            let amount = copying.amounts[copying.mix.choice(number)];
            copying.write_rendered(number, amount, Timestamp::EPOCH, &mut rendered);
            assert_eq!(text(&copying, number), String::from_utf8(rendered).unwrap());
        }
    }
}

#[test]
fn what_cannot_be_copied_is_rendered_each_time() {
    for dialect in [Dialect::SignedBody, Dialect::ScrambledKeys] {
        let rendering = callbacks(dialect, 10);
        assert!(!rendering.are_copied(), "{dialect:?}");
        assert!(text(&rendering, 7).contains("POST /mount/authorize HTTP/1.1\r\n"));
    }
}

#[test]
fn no_two_callbacks_are_alike() {
    let callbacks = callbacks(Dialect::PlainKeys, 10);
    let distinct: HashSet<String> = (0..5000).map(|number| text(&callbacks, number)).collect();
    assert_eq!(distinct.len(), 5000);
}

#[test]
fn cards_take_their_turns() {
    let callbacks = callbacks(Dialect::PlainKeys, 100);
    let mut payments = [0_u32; 100];
    for number in 0..10_000 {
        payments[usize::try_from(callbacks.card_of(number)).unwrap()] += 1;
    }
    assert!(payments.iter().all(|count| (80..=120).contains(count)), "{payments:?}");
}

#[test]
fn the_mix_is_exact_in_every_thousand() {
    for approve_per_mille in [0, 1, 500, 950, 999, 1000] {
        let mix = Mix { currency: Currency::USD, approved_minor: vec![100, 200], declined_minor: 90_000, approve_per_mille };
        for start in [0, 1000, 123_000] {
            let approved = (start..start + 1000).filter(|number| mix.choice(*number) < 2).count();
            assert_eq!(approved, usize::from(approve_per_mille));
        }
    }
}

#[test]
fn a_request_says_how_long_its_body_is() {
    let request = text(&callbacks(Dialect::PlainKeys, 10), 3);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    assert!(head.contains("authorization: Basic "), "{head}");
}

//! What is remembered, and names that nobody else has. What leads where is proven over sockets.

use std::collections::HashSet;

use super::*;

#[test]
fn a_fresh_key_is_nobody_elses() {
    let (one, other) = (FreshKeys::new(), FreshKeys::new());
    let keys: HashSet<_> = (0..1000).flat_map(|_| [one.next(), other.next()]).collect();
    assert_eq!((keys.len(), keys.contains(&None)), (2000, false));
}

#[test]
fn words_are_remembered_until_there_are_too_many() {
    let words = Lately::new();
    let reference = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        DecisionReference::from_digest(bytes)
    };
    let said = |code| Said { code, policy: None, binding: None, intent: None, stand_in: None };
    for number in 0..=u32::try_from(REMEMBERED_MAX).unwrap() {
        words.keep(reference(number), said(ReasonCode::PolicyMatch));
    }
    assert_eq!(words.of(&reference(0)), None);
    assert_eq!(words.of(&reference(1)), Some(said(ReasonCode::PolicyMatch)));
}

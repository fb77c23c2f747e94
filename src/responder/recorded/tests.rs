//! Which questions words are about, and what they decline.

use super::*;
use crate::fixture::{origin, purchase, told, usd};

fn key(key: &str) -> IdempotencyKey {
    IdempotencyKey::new(key).unwrap()
}

/// A message about the payment of the purchase `p`, under the key of one of its questions.
fn word(message: &str, asked: &str, at: Option<i64>, outcome: RecordedOutcome) -> ToldEvent {
    let payment = purchase("p", 100).payment;
    let fact = Fact::Recorded { payment, asked: key(asked), increments: None, outcome };
    ToldEvent { occurred_at: at.map(Timestamp::from_unix_seconds), ..told(message, fact) }
}

fn approved(minor: i64) -> RecordedOutcome {
    RecordedOutcome::Approved { amount: usd(minor) }
}

fn durable(recorded: &Recorded, event: &ToldEvent) {
    recorded.waits(&origin(), event);
    recorded.is_durable(&origin(), event);
}

fn is_declined(recorded: &Recorded, request: &AuthorizationRequest) -> bool {
    recorded.is_declined(&origin(), request)
}

#[test]
fn a_word_counts_once_it_is_durable_until_the_ledger_has_heard_it() {
    let (recorded, request) = (Recorded::default(), purchase("p", 100));
    let declined = word("m", "p", None, RecordedOutcome::Declined);
    recorded.waits(&origin(), &declined);
    assert_eq!((is_declined(&recorded, &request), recorded.waits_for(&origin(), &request)), (false, true));
    recorded.is_durable(&origin(), &declined);
    assert_eq!((is_declined(&recorded, &request), recorded.declined().len()), (true, 2));
    // It came twice: one of them could not be kept, the other one is brought again and again.
    recorded.waits(&origin(), &declined);
    recorded.never_kept(&origin(), &declined);
    recorded.is_brought(&origin(), &declined);
    assert!(is_declined(&recorded, &request));
    recorded.gone(&origin(), &declined);
    assert!(!is_declined(&recorded, &request) && recorded.is_empty() && recorded.words.is_empty());
    recorded.is_brought(&origin(), &declined);
    assert!(is_declined(&recorded, &request), "somebody had it brought again");
}

#[test]
fn the_last_word_by_its_own_time_counts() {
    for (words, declined) in [
        (vec![(Some(2), RecordedOutcome::Declined), (Some(1), approved(80))], true),
        (vec![(Some(1), RecordedOutcome::Declined), (Some(2), approved(80))], false),
        (vec![(Some(1), approved(80)), (Some(1), RecordedOutcome::Declined)], true),
        (vec![(None, RecordedOutcome::Declined), (None, approved(80))], true),
        (vec![(None, approved(80)), (None, RecordedOutcome::Declined)], true),
        (vec![(None, approved(120))], false),
    ] {
        let recorded = Recorded::default();
        let each = words.iter().enumerate();
        each.for_each(|(number, (at, outcome))| durable(&recorded, &word(&format!("m{number}"), "p", *at, *outcome)));
        assert_eq!(is_declined(&recorded, &purchase("p", 100)), declined, "{words:?}");
        assert_eq!(recorded.declined().is_empty(), !declined, "{words:?}");
    }
}

#[test]
fn what_is_recorded_of_a_payment_under_another_key_counts_for_its_questions() {
    let (recorded, request) = (Recorded::default(), purchase("p", 100));
    durable(&recorded, &word("m", "other", Some(2), RecordedOutcome::Declined));
    assert!(is_declined(&recorded, &request));
    let by_name = |declined: &Declined| matches!(declined, Declined::Payment(_));
    assert!(recorded.declined().iter().any(by_name), "whichever question opened the payment is declined");
}

#[test]
fn what_is_recorded_of_another_transaction_under_the_same_key_is_not_about_this_one() {
    let second = |name: &str| Alias::Also(AuthorizationId::new(name).unwrap());
    let request = purchase("p", 100);
    let of = |name: &str| AuthorizationRequest { payment: PaymentRef { alias: second(name), ..request.payment }, ..request };
    let recorded = Recorded::default();
    let payment = PaymentRef { alias: second("one"), ..request.payment };
    let outcome = RecordedOutcome::Declined;
    durable(&recorded, &told("m", Fact::Recorded { payment, asked: key("p"), increments: None, outcome }));
    assert_eq!([is_declined(&recorded, &of("one")), is_declined(&recorded, &of("two"))], [true, false]);
}

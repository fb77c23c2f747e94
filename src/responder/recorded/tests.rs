//! What is said of a question, and what it hears by that.

use holdfast_core::Currency;
use holdfast_core::hold::ReleaseCause;

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

fn answers(recorded: &Recorded, request: &AuthorizationRequest) -> ByWord {
    let asker = Asker { request, account_currency: Some(Currency::USD) };
    recorded.of(&origin(), request).map_or(ByWord::Open, |said| said.answers(&asker, AddsTo::NotKnown))
}

const OVER: ByWord = ByWord::Decided(Decision::Decline { reason: DeclineReason::AuthorizationOver });

fn yes(minor: i64) -> ByWord {
    ByWord::Decided(Decision::Approve { amount: usd(minor) })
}

#[test]
fn a_word_counts_once_it_is_durable_until_the_ledger_has_heard_it() {
    let (recorded, request) = (Recorded::default(), purchase("p", 100));
    let declined = word("m", "p", None, RecordedOutcome::Declined);
    recorded.waits(&origin(), &declined);
    assert_eq!((answers(&recorded, &request), recorded.waits_for(&origin(), &request)), (ByWord::Open, true));
    recorded.is_durable(&origin(), &declined);
    assert_eq!((answers(&recorded, &request), recorded.declined().len()), (OVER, 2));
    // It came twice: one of them could not be kept, the other one is brought again and again.
    recorded.waits(&origin(), &declined);
    recorded.never_kept(&origin(), &declined);
    recorded.is_brought(&origin(), &declined);
    assert_eq!(answers(&recorded, &request), OVER);
    recorded.gone(&origin(), &declined);
    assert_eq!((answers(&recorded, &request), recorded.is_empty(), recorded.words.is_empty()), (ByWord::Open, true, true));
    recorded.is_brought(&origin(), &declined);
    assert_eq!(answers(&recorded, &request), OVER, "somebody had it brought again");
}

#[test]
fn the_last_word_by_its_own_time_counts() {
    for (words, expected) in [
        (vec![(Some(2), RecordedOutcome::Declined), (Some(1), approved(80))], OVER),
        (vec![(Some(1), RecordedOutcome::Declined), (Some(2), approved(80))], yes(80)),
        (vec![(Some(1), approved(80)), (Some(1), RecordedOutcome::Declined)], OVER),
        (vec![(None, RecordedOutcome::Declined), (None, approved(80))], OVER),
        (vec![(None, approved(80)), (None, RecordedOutcome::Declined)], OVER),
        (vec![(None, approved(120))], yes(100)),
    ] {
        let recorded = Recorded::default();
        let each = words.iter().enumerate();
        each.for_each(|(number, (at, outcome))| durable(&recorded, &word(&format!("m{number}"), "p", *at, *outcome)));
        assert_eq!(answers(&recorded, &purchase("p", 100)), expected, "{words:?}");
    }
}

#[test]
fn what_is_recorded_of_a_payment_under_another_key_counts_for_its_questions() {
    let (recorded, request) = (Recorded::default(), purchase("p", 100));
    durable(&recorded, &word("m", "other", Some(2), RecordedOutcome::Declined));
    assert_eq!(answers(&recorded, &request), OVER);
    let asker = Asker { request: &request, account_currency: Some(Currency::USD) };
    let said = recorded.of(&origin(), &request).unwrap();
    let ours = Decision::Approve { amount: usd(100) };
    let undone = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
    assert_eq!(said.corrects(ours, &asker, None), undone);
    let by_name = |declined: &Declined| matches!(declined, Declined::Payment(_));
    assert!(recorded.declined().iter().any(by_name), "whichever question opened the payment is declined");
    let recorded = Recorded::default();
    durable(&recorded, &word("m", "other", None, approved(100)));
    assert_eq!([answers(&recorded, &request), answers(&recorded, &purchase("p", 101))], [yes(100), ByWord::Open]);
    let back = Fact::Released { payment: request.payment, cause: ReleaseCause::Reversed };
    durable(&recorded, &told("back", back));
    assert_eq!(answers(&recorded, &request), ByWord::NotKnown, "something of it was taken back");
    let unseen = Asker { request: &request, account_currency: None };
    let declined = Decision::Decline { reason: DeclineReason::CardUnknown };
    assert_eq!(recorded.of(&origin(), &request).unwrap().corrects(declined, &unseen, None), declined);
}

/// Of what the ledger heard and what waits the later one counts, and nothing is approved of what was taken back.
#[test]
fn the_later_of_a_word_that_was_heard_and_one_that_waits_counts() {
    let (request, recorded) = (purchase("k", 300), Recorded::default());
    durable(&recorded, &word("1", "k", Some(20), approved(300)));
    let asker = Asker { request: &request, account_currency: Some(request.amount.currency()) };
    let heard = |at: i64, approves: Option<i64>| Retold {
        word: Some((Timestamp::from_unix_seconds(at), approves)),
        opening: None,
        ours: None,
        left: Left::Whole,
    };
    let no = Decision::Decline { reason: DeclineReason::InsufficientFunds };
    let yes = |minor| Decision::Approve { amount: usd(minor) };
    let hears = |known: Option<Retold>| recorded.of(&origin(), &request).unwrap().corrects(no, &asker, known.as_ref());
    let cases = [
        (None, yes(300)),
        (Some(heard(10, None)), yes(300)),
        (Some(heard(30, None)), no),
        (Some(heard(20, None)), no),
        (Some(Retold { ours: Some(200), ..heard(10, None) }), yes(200)),
        (Some(Retold { left: Left::Less, ..heard(10, Some(300)) }), no),
    ];
    for (known, expected) in cases {
        assert_eq!(hears(known), expected, "{known:?}");
    }
    // What was said of the payment is no later word on this question, where that waits by its key; it is where the payment's waits.
    let opening = |known: Retold| Some(Retold { opening: known.word, word: None, ..known });
    assert_eq!(hears(opening(heard(30, None))), yes(300));
    let payments = Recorded::default();
    durable(&payments, &word("1", "another", Some(20), approved(300)));
    let asked = purchase("p", 300);
    let of_payment = |known: Retold| {
        let asker = Asker { request: &asked, ..asker };
        payments.of(&origin(), &asked).unwrap().corrects(no, &asker, opening(known).as_ref())
    };
    assert_eq!((of_payment(heard(10, None)), of_payment(heard(30, None))), (yes(300), no));
    // And a decline that waits is none over what was approved after it.
    let recorded = Recorded::default();
    durable(&recorded, &word("1", "k", Some(20), RecordedOutcome::Declined));
    let said = recorded.of(&origin(), &request).unwrap();
    let undone = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
    for (at, expected) in [(10, undone), (20, undone), (30, yes(300))] {
        assert_eq!(said.corrects(yes(300), &asker, Some(&heard(at, Some(300)))), expected, "{at}");
    }
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
    assert_eq!([answers(&recorded, &of("one")), answers(&recorded, &of("two"))], [OVER, ByWord::Open]);
}

#[test]
fn an_increment_that_its_platform_approved_hears_that_unless_what_it_adds_to_is_not_known() {
    let recorded = Recorded::default();
    durable(&recorded, &word("m", "more", None, approved(40)));
    let request = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..purchase("more", 40) };
    let asker = Asker { request: &request, account_currency: Some(Currency::USD) };
    let says = |adds_to| recorded.of(&origin(), &request).map(|said| said.answers(&asker, adds_to));
    assert_eq!(says(AddsTo::NotKnown), Some(ByWord::NotKnown));
    assert_eq!((says(AddsTo::Open), says(AddsTo::Perhaps)), (Some(yes(40)), Some(yes(40))));
}

//! What one key means: the same question, of the same transaction of the platform's.

use super::*;

#[test]
fn a_key_of_another_transaction_of_the_platforms_is_a_conflict() {
    let of = |alias: &str| {
        let plain = purchase(100);
        AuthorizationRequest { payment: plain.payment.with_alias(AuthorizationId::new(alias).unwrap()), ..plain }
    };
    let mut book = Book::with(1_000);
    assert_eq!(book.ask(&of("tx-1")).decision, approves(100));
    assert_eq!(book.ask(&of("tx-1")).decision, approved_before(100));
    assert_eq!(book.ask(&of("tx-2")).decision, declines(DeclineReason::ConflictingDuplicate));
    assert_eq!(book.ask(&purchase(100)).decision, declines(DeclineReason::ConflictingDuplicate));

    // An earlier version kept nothing of the transaction.
    let mut book = Book::with(1_000);
    let digest = purchase(100).content_digest().kept();
    let decision = Decision::Approve { amount: usd(100) };
    book.answered.insert(of("tx-1").key, Answered { digest, asked_at: ASKED, decision });
    assert_eq!(book.ask(&of("tx-1")).decision, approved_before(100));
    assert_eq!(of("tx-1").content_digest().as_in(&digest).kept(), digest);
}

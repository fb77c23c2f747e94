//! Of whose money messages wait, and how much they take of it.

use holdfast_core::hold::CardStatus;

use super::*;
use crate::fixture::{origin, program, purchase, told, usd};

fn debit(key: &str) -> ToldEvent {
    told(key, Fact::Debited { payment: None, amount: usd(5), cause: holdfast_core::hold::MovementCause::NetworkSettlement })
}

#[test]
fn an_account_is_waited_for_until_every_message_about_it_is_heard_or_was_never_acknowledged() {
    let (messages, account) = (Messages::default(), |name: &str| AccountId::new(name).ok());
    let of = |name: &str| MoneyOf::Account(AccountId::new(name).unwrap(), Covered::default());
    let concerned = || (messages.concern(program(), account("a")), messages.concern(program(), account("b")));
    messages.waits(&origin(), &debit("1"), of("a"));
    messages.waits(&origin(), &debit("2"), of("a"));
    assert_eq!((concerned(), messages.any_of(program())), ((true, false), true));
    assert!(messages.concern(program(), None), "whose account is not seen may be this one's");
    // It came twice, and one time was not acknowledged: the other one counts.
    messages.waits(&origin(), &debit("1"), MoneyOf::NotSeen);
    messages.never_kept(&origin(), &debit("1"));
    messages.gone(&origin(), &debit("2"));
    messages.gone(&origin(), &debit("2"));
    assert_eq!(concerned(), (true, false));
    messages.waits(&origin(), &debit("1"), of("a"));
    messages.is_brought(&origin(), &debit("1"));
    messages.never_kept(&origin(), &debit("1"));
    assert_eq!(concerned(), (true, false), "set aside once, and once it waits");
    messages.gone(&origin(), &debit("1"));
    assert_eq!((concerned(), messages.any()), ((false, false), false));
    assert!(messages.waiting.is_empty() && messages.of.is_empty());
}

#[test]
fn a_message_of_nobody_knows_whose_money_may_be_about_any_account() {
    let (messages, account) = (Messages::default(), AccountId::new("a").ok());
    messages.waits(&origin(), &debit("1"), MoneyOf::NotSeen);
    assert!(messages.concern(program(), account) && messages.concern(program(), None));
    assert_eq!(messages.taken_of(program(), account.unwrap(), |_| 0), 5);
    messages.never_kept(&origin(), &debit("1"));
    // What is told of a card is about nobody's money.
    let card = purchase("k", 1).card.unwrap();
    messages.waits(&origin(), &told("frozen", Fact::Card { card, status: CardStatus::Frozen }), MoneyOf::NotSeen);
    assert!(!messages.any() && !messages.concern(program(), account));
}

#[test]
fn what_messages_may_take_is_not_there_any_more_unless_it_is_held() {
    let (messages, account) = (Messages::default(), AccountId::new("a").unwrap());
    let of = |payment, held, authorized| {
        MoneyOf::Account(account, Covered { payment: Some(payment), held, authorized, ..Covered::default() })
    };
    let captured = |key: &str| {
        let payment = Some(purchase("p", 1).payment);
        told(key, Fact::Captured { payment, amount: usd(8), finality: holdfast_core::hold::Finality::Final })
    };
    messages.waits(&origin(), &debit("1"), MoneyOf::Account(account, Covered::default()));
    messages.waits(&origin(), &debit("1"), MoneyOf::Account(account, Covered::default()));
    // What is linked to a payment and is not its capture comes on top of what is held.
    messages.waits(&origin(), &debit("2"), of(1, 9, 9));
    messages.waits(&origin(), &debit("3"), MoneyOf::Busy);
    // Of a capture what is still held is gone already, once for all of a payment; of one that is over, nothing.
    messages.waits(&origin(), &captured("4"), of(1, 10, 10));
    messages.waits(&origin(), &captured("5"), of(2, 0, 9));
    let taken = || messages.taken_of(program(), account, |_| 0);
    assert_eq!((taken(), messages.taken_of(program(), AccountId::new("b").unwrap(), |_| 0)), (15 + 8, 5));
    messages.waits(&origin(), &captured("6"), of(1, 10, 10));
    assert_eq!(taken(), 15 + 8 + 6);
    // The last one that is heard lets go of the rest; one that nobody keeps took nothing.
    messages.gone(&origin(), &captured("4"));
    assert_eq!(taken(), 15 + 8 + 8);
    messages.never_kept(&origin(), &captured("6"));
    messages.gone(&origin(), &debit("3"));
    messages.gone(&origin(), &debit("1"));
    assert_eq!(taken(), 5 + 8);
    // Of a total only what is beyond what was authorized.
    let total = told("7", Fact::Replaced { payment: purchase("p", 1).payment, total: usd(12) });
    messages.waits(&origin(), &total, of(1, 2, 10));
    assert_eq!(taken(), 5 + 8 + 2);
    messages.gone(&origin(), &total);
    messages.gone(&origin(), &captured("5"));
    messages.gone(&origin(), &debit("2"));
    assert_eq!((taken(), messages.any()), (0, false));
}

#[test]
fn what_is_held_by_a_message_that_waits_and_what_we_approved_is_captured_from_and_taken_once() {
    let (messages, account) = (Messages::default(), AccountId::new("a").unwrap());
    let (of, payment) = (MoneyOf::Account(account, Covered { payment: Some(1), ..Covered::default() }), purchase("p", 1).payment);
    let taken = |approved: i64| messages.taken_of(program(), account, |_| approved);
    let captured = |key: &str, minor| {
        let finality = holdfast_core::hold::Finality::Final;
        told(key, Fact::Captured { payment: Some(payment), amount: usd(minor), finality })
    };
    let outcome = RecordedOutcome::Approved { amount: usd(20) };
    let asked = purchase("p", 1).key;
    let approved = told("1", Fact::Recorded { payment, asked, increments: None, outcome });
    messages.waits(&origin(), &approved, of);
    messages.waits(&origin(), &captured("2", 15), of);
    assert_eq!(taken(0), 20);
    messages.waits(&origin(), &captured("3", 15), of);
    assert_eq!(taken(0), 30);
    messages.gone(&origin(), &approved);
    assert_eq!(taken(0), 30 - 20, "the ledger holds it now");
    messages.gone(&origin(), &captured("2", 15));
    assert_eq!((taken(0), taken(12)), (15, 3), "the rest was let go of; what we approved is gone already");
    messages.gone(&origin(), &captured("3", 15));
    // An increment that nobody asked for, and what is captured with it.
    let added = told("4", Fact::Recorded { payment, asked, increments: Some(purchase("of", 1).payment), outcome });
    messages.waits(&origin(), &added, of);
    messages.waits(&origin(), &captured("5", 50), of);
    assert_eq!((taken(30), taken(0)), (20, 50));
}

#[test]
fn a_message_of_which_it_is_seen_later_whose_it_is_is_that_ones_alone() {
    let (messages, account) = (Messages::default(), |name: &str| AccountId::new(name).unwrap());
    messages.waits(&origin(), &debit("1"), MoneyOf::NotSeen);
    messages.waits(&origin(), &debit("1"), MoneyOf::Account(account("a"), Covered::default()));
    messages.waits(&origin(), &debit("1"), MoneyOf::Account(account("b"), Covered::default()));
    let taken = |name| messages.taken_of(program(), account(name), |_| 0);
    assert_eq!((taken("a"), taken("b")), (5, 0));
    messages.gone(&origin(), &debit("1"));
    assert_eq!((taken("a"), messages.any(), messages.of.is_empty()), (0, false, true));
}

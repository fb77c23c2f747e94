//! Entries: accounts and cards from files and operators, again and again.

use holdfast_core::hold::{AccountStatus, CardStatus, Fact};
use holdfast_core::{AuthorizationRequest, DeclineReason, Money};

use super::*;
use crate::ledger::{Answer, Entry, LedgerError, RowsEntered, Whose};

const NOTHING_NEW: Answer = Answer::Entered(RowsEntered { accounts: 0, cards: 0, cards_moved: 0, bars_kept: 0 });

const ONE_BAR_KEPT: Answer = Answer::Entered(RowsEntered { accounts: 0, cards: 0, cards_moved: 0, bars_kept: 1 });

fn account_of(balance: Money, credit_line: i64, status: AccountStatus) -> Entry {
    Entry::Account { account: id("a"), balance, credit_line, status }
}

pub fn entering_again_never_changes_a_balance(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("k", 100));
    assert_eq!(house.enter(vec![account("a", 77), card("c", "a", Some("h"))]), Ok(NOTHING_NEW));
    house.always(|house| assert_eq!(house.everyone(), [("a".to_owned(), 1_000, 100)]));
}

pub fn entering_again_never_lifts_a_bar(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.tell("1", card_is("c", CardStatus::Frozen));
    assert_eq!(house.enter(vec![card("c", "a", Some("h"))]), Ok(ONE_BAR_KEPT));
    house.restart();
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardFrozen));
    house.tell("2", card_is("c", CardStatus::Active));
    house.tell("3", Fact::Account { account: id("a"), status: AccountStatus::Closed });
    assert_eq!(house.enter(vec![account("a", 1_000)]), Ok(ONE_BAR_KEPT));
    house.restart();
    assert_eq!(house.decide(purchase("2", 1)), declined(DeclineReason::AccountClosed));
}

pub fn a_file_may_bar_what_was_in_use(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let lost = Entry::Card { card: id("c"), account: id("a"), cardholder: None, status: CardStatus::Lost };
    assert_eq!(house.enter(vec![lost]), Ok(NOTHING_NEW));
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardLost));
    house.enter(vec![card("d", "a", None), account_of(usd(0), 0, AccountStatus::Frozen)]).unwrap();
    house.restart();
    assert_eq!(house.decide(with_card("d", purchase("2", 1))), declined(DeclineReason::AccountFrozen));
}

pub fn a_card_that_leads_to_another_account_is_told(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let entered = house.enter(vec![account("b", 5), card("c", "b", Some("h")), card("d", "b", None)]);
    assert_eq!(entered, Ok(Answer::Entered(RowsEntered { accounts: 1, cards: 1, cards_moved: 1, bars_kept: 0 })));
    assert_eq!(house.enter(vec![card("c", "b", Some("h"))]), Ok(NOTHING_NEW));
    house.restart();
    assert_eq!(house.decide(purchase("1", 6)), declined(DeclineReason::InsufficientFunds));
}

pub fn a_credit_line_is_what_was_entered_last(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![account_of(usd(0), 50, AccountStatus::Active)]).unwrap();
    house.always(|house| assert_eq!(house.all_of(program())[0].balance.available, usd(1_050)));
    assert_eq!(house.decide(purchase("1", 1_050)), approved(1_050));
}

/// The balance of the file counts for a new account, what is on it for one that is there.
pub fn what_is_there_and_its_credit_line_can_be_counted(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let line = |name: &str, balance: i64, credit_line: i64| Entry::Account {
        account: id(name),
        balance: usd(balance),
        credit_line,
        status: AccountStatus::Active,
    };
    for refused in [line("b", i64::MAX, 1), line("b", 1, i64::MAX), line("a", 0, i64::MAX - 999)] {
        assert_eq!(house.enter(vec![account("new", 5), refused]), Err(LedgerError::BeyondCounting));
    }
    house.enter(vec![line("a", i64::MAX, i64::MAX - 1_000), line("b", -1, i64::MAX)]).unwrap();
    house.always(|house| {
        let available: Vec<_> = house.all_of(program()).iter().map(|standing| standing.balance.available).collect();
        assert_eq!(available, [usd(i64::MAX), usd(i64::MAX - 1)]);
    });
    assert_eq!(house.decide(purchase("1", i64::MAX)), approved(i64::MAX));
}

pub fn a_refused_batch_leaves_nothing(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let euros = account_of(eur(1), 0, AccountStatus::Closed);
    for refused in [euros, card("x", "no such account", Some("new"))] {
        let batch = vec![account("b", 5), card("d", "b", Some("new")), card("c", "b", None), refused];
        assert_eq!(house.enter(batch), Err(LedgerError::Refused));
    }
    for (key, end) in ["1", "2"].into_iter().zip(End::BOTH) {
        assert_eq!(house.everyone().len(), 1);
        assert_eq!(house.balance().0, 1_000);
        let with_new_card = with_card("d", purchase(&format!("d-{key}"), 1));
        assert_eq!(house.decide(with_new_card), declined(DeclineReason::CardUnknown));
        assert_eq!(house.decide(purchase(key, 1)), approved(1), "the card leads where it led");
        house.end(end);
    }
}

pub fn a_card_that_changes_hands_takes_its_account_along(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![card("c", "a", Some("new"))]).unwrap();
    let of_former_owner = AuthorizationRequest { card: None, cardholder: Some(id("h")), ..purchase("former owner", 10) };
    house.always(|house| {
        assert_eq!(house.balances(Whose::Cardholder(id("h"))), []);
        assert_eq!(house.balances(Whose::Cardholder(id("new"))).len(), 1);
        assert_eq!(house.decide(of_former_owner).0, declined(DeclineReason::AccountUnknown).0);
    });
}

//! Who asks and whose money it is: names, standing, entries.

use super::*;

#[test]
fn who_is_not_known_is_declined() {
    let house = House::with(1_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("two")), card("e", "a", Some("two"))]).unwrap();
    let of = |card: Option<&str>, cardholder: Option<&str>| {
        let key = format!("{card:?}{cardholder:?}");
        let request = AuthorizationRequest { card: card.map(id), cardholder: cardholder.map(id), ..purchase("x", 10) };
        house.decide(AuthorizationRequest { key: id(&key), payment: payment(&key), ..request })
    };
    assert_eq!(of(Some("nobody's"), None), declined(DeclineReason::CardUnknown));
    assert_eq!(of(Some("nobody's"), Some("h")), declined(DeclineReason::CardUnknown));
    assert_eq!(of(None, None), declined(DeclineReason::CardUnknown));
    assert_eq!(of(None, Some("nobody")), declined(DeclineReason::CardUnknown));
    assert_eq!(of(None, Some("h")), approved(10), "one account: no doubt which");
    assert_eq!(of(None, Some("two")), declined(DeclineReason::AccountUnknown), "two accounts: which?");
    assert_eq!(of(Some("d"), Some("two")), approved(10));
}

#[test]
fn an_unknown_card_adds_nothing_to_a_known_payment() {
    let house = House::with(1_000);
    house.decide(purchase("p", 100));
    let request = AuthorizationRequest {
        increments: Some(payment("p")),
        kind: AuthorizationKind::Incremental,
        card: Some(id("nobody's")),
        cardholder: Some(id("h")),
        ..purchase("more", 50)
    };
    assert_eq!(house.decide(request), declined(DeclineReason::CardUnknown));
}

#[test]
fn balances_are_told_by_account_card_and_cardholder() {
    let house = House::with(1_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("h"))]).unwrap();
    let (a, b) = (("a".to_owned(), 1_000, 0), ("b".to_owned(), 500, 0));
    for (whose, expected) in [
        (Whose::Account(id("a")), vec![a.clone()]),
        (Whose::Account(id("z")), vec![]),
        (Whose::Card(id("d")), vec![b.clone()]),
        (Whose::Card(id("z")), vec![]),
        (Whose::Cardholder(id("h")), vec![a.clone(), b.clone()]),
        (Whose::Cardholder(id("z")), vec![]),
    ] {
        assert_eq!(house.balances(whose), expected, "{whose:?}");
    }
    house.enter(vec![account("c", 7)]).unwrap();
    let other = Origin { program: id("other"), ..origin() };
    house.act(Act::Enter(other, vec![account("d", 9)])).unwrap();
    house.enter(vec![account("e", 8)]).unwrap();
    let names: Vec<String> = house.everyone().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["a", "b", "c", "e"], "page by page, and no other program's");
    let inquiry = AuthorizationRequest { kind: AuthorizationKind::BalanceInquiry, ..purchase("inquiry", 0) };
    match house.act(decide(inquiry)) {
        Ok(Answer::Decided { balance: Some(balance), .. }) => assert_eq!(figures(&balance), ("a".to_owned(), 1_000, 0)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_card_that_changes_hands_takes_its_account_along() {
    let mut house = House::with(1_000);
    house.enter(vec![card("c", "a", Some("new"))]).unwrap();
    for _ in 0..2 {
        assert_eq!(house.balances(Whose::Cardholder(id("h"))), []);
        assert_eq!(house.balances(Whose::Cardholder(id("new"))).len(), 1);
        let request = AuthorizationRequest { card: None, cardholder: Some(id("h")), ..purchase("former owner", 10) };
        assert_eq!(house.decide(request).0, declined(DeclineReason::AccountUnknown).0);
        house.restart();
    }
}

#[test]
fn events_make_cards_and_set_their_standing() {
    let mut house = House::with(1_000);
    let by_owner = Subject { cardholder: Some(id("h")), ..Subject::default() };
    let fact = |status| Fact::Card { card: id("new"), status };
    let with_new = |key: &str| AuthorizationRequest { card: Some(id("new")), ..purchase(key, 10) };
    house.act(tell_about("1", by_owner, fact(CardStatus::Unactivated))).unwrap();
    assert_eq!(house.decide(with_new("1")), declined(DeclineReason::CardNotActive));
    // The fact says which card: the subject need not say it again.
    house.act(tell_about("2", Subject::default(), fact(CardStatus::Active))).unwrap();
    assert_eq!(house.decide(with_new("2")), approved(10));
    let suspended = Fact::Cardholder { cardholder: id("h"), status: CardholderStatus::Suspended };
    house.act(tell_about("3", Subject::default(), suspended)).unwrap();
    assert_eq!(house.decide(with_new("3")), declined(DeclineReason::CardholderNotActive));
    let active = Fact::Cardholder { cardholder: id("h"), status: CardholderStatus::Active };
    house.act(tell_about("4", Subject::default(), active)).unwrap();
    let frozen = Fact::Account { account: id("a"), status: AccountStatus::Frozen };
    house.act(tell_about("5", Subject::default(), frozen)).unwrap();
    for key in ["5", "6"] {
        assert_eq!(house.decide(with_new(key)), declined(DeclineReason::AccountFrozen));
        house.restart();
    }
}

#[test]
fn entering_twice_changes_no_balance_and_a_refused_batch_leaves_nothing() {
    let mut house = House::with(1_000);
    house.decide(purchase("k", 100));
    let entered = house.enter(vec![account("a", 77), card("c", "a", Some("h"))]);
    assert_eq!(entered, Ok(Answer::Entered { accounts: 0, cards: 0 }));
    let euros = Entry::Account {
        account: id("a"),
        balance: Money::from_minor(1, Currency::from_alpha("EUR").unwrap()),
        credit_line: 0,
        status: AccountStatus::Closed,
    };
    for refused in [euros, card("x", "no such account", Some("new"))] {
        let batch = vec![account("b", 5), card("d", "b", Some("new")), card("c", "b", None), refused];
        assert_eq!(house.enter(batch), Err(LedgerError::Refused));
    }
    for key in ["k1", "k2"] {
        assert_eq!(house.everyone().len(), 1);
        assert_eq!(house.balance().0, 1_000);
        let with_new_card = AuthorizationRequest { card: Some(id("d")), ..purchase(&format!("d{key}"), 1) };
        assert_eq!(house.decide(with_new_card), declined(DeclineReason::CardUnknown));
        assert_eq!(house.decide(purchase(key, 1)), approved(1), "the card leads where it led");
        house.restart();
    }
}

#[test]
fn a_card_never_spends_the_money_of_another_accounts_payment() {
    let house = House::with(1_000);
    assert!(house.enter(vec![account("b", 1_000), card("d", "b", Some("i"))]).is_ok());
    assert_eq!(house.decide(purchase("first", 700)), approved(700));
    let first = purchase("first", 700);
    let other = AuthorizationRequest { card: Some(id("d")), payment: first.payment, ..purchase("second", 200) };
    assert_eq!(house.decide(other), approved(200));
    assert_eq!(house.balances(Whose::Account(id("a"))), [("a".to_owned(), 1_000, 700)]);
    assert_eq!(house.balances(Whose::Account(id("b"))), [("b".to_owned(), 1_000, 200)]);
}

#[test]
fn importing_again_never_lifts_a_bar() {
    let house = House::with(1_000);
    let frozen = Fact::Card { card: id("c"), status: CardStatus::Frozen };
    // Without a time of its own a status is told anew each time: freeze, thaw, freeze.
    for status in [frozen, Fact::Card { card: id("c"), status: CardStatus::Active }, frozen] {
        let key = if status == frozen { "freeze" } else { "thaw" };
        assert_eq!(house.tell(key, status), None);
    }
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardFrozen));
    assert_eq!(house.enter(vec![card("c", "a", Some("h"))]), Ok(Answer::Entered { accounts: 0, cards: 0 }));
    assert_eq!(house.decide(purchase("2", 1)), declined(DeclineReason::CardFrozen));
}

#[test]
fn a_freeze_that_is_told_late_wins_over_a_file_that_says_active() {
    let mut house = House::with(1_000);
    let freeze = |key: &str, second| {
        let fact = Fact::Card { card: id("c"), status: if key == "thaw" { CardStatus::Active } else { CardStatus::Frozen } };
        let (occurred_at, subject) = (Some(Timestamp::from_unix_seconds(second)), Subject::default());
        let event = ToldEvent { key: id(key), occurred_at, network: None, settlement_day: None, subject, fact };
        Act::Tell(origin(), event)
    };
    // Both happened long before the card was entered here.
    assert_eq!(house.act(freeze("freeze", 100)), Ok(Answer::Recorded(None)));
    assert_eq!(house.enter(vec![card("c", "a", Some("h"))]), Ok(Answer::Entered { accounts: 0, cards: 0 }));
    house.restart();
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardFrozen));
    assert_eq!(house.act(freeze("thaw", 200)), Ok(Answer::Recorded(None)));
    assert_eq!(house.act(freeze("stale", 150)), Ok(Answer::Recorded(Some(Finding::Superseded))));
    assert_eq!(house.decide(purchase("2", 1)), approved(1));
}

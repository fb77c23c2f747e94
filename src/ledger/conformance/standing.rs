//! The standing of cards, cardholders and accounts: what bars, and whose word is the latest.

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Fact, Finding, Subject, ToldEvent};
use holdfast_core::{DeclineReason, Timestamp};

use super::*;
use crate::ledger::{Act, Answer, Entry, Origin, RowsEntered};

/// About nobody: the fact says whose standing it is.
fn tell(house: &House, key: &str, fact: Fact) -> Option<Finding> {
    found(house.act(Act::Tell(origin(), told_of(Subject::default(), key, fact))))
}

/// The same, as of then.
fn tell_as_of(house: &House, key: &str, second: u64, fact: Fact) -> Option<Finding> {
    let event = ToldEvent { occurred_at: Some(later(second)), ..told_of(Subject::default(), key, fact) };
    found(house.act(Act::Tell(origin(), event)))
}

pub fn every_bar_gives_its_reason(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let expect = |bar: Option<DeclineReason>| bar.map_or(approved(1), declined);
    for status in CardStatus::ALL {
        let entry = Entry::Card { card: id(status.name()), account: id("a"), cardholder: None, status: *status };
        house.enter(vec![entry]).unwrap();
    }
    for status in AccountStatus::ALL {
        let name = format!("account-{}", status.name());
        let entry = Entry::Account { account: id(&name), balance: usd(10), credit_line: 0, status: *status };
        house.enter(vec![entry, card(&name, &name, None)]).unwrap();
    }
    for status in CardholderStatus::ALL {
        let name = format!("owner-{}", status.name());
        house.enter(vec![card(&name, "a", Some(&name))]).unwrap();
        tell(&house, &name, Fact::Cardholder { cardholder: id(&name), status: *status });
    }
    for end in End::BOTH {
        house.end(end);
        let ask = |name: &str| house.decide(with_card(name, purchase(&format!("{name} {end:?}"), 1)));
        CardStatus::ALL.iter().for_each(|status| assert_eq!(ask(status.name()), expect(status.bar()), "{status:?}"));
        for status in AccountStatus::ALL {
            assert_eq!(ask(&format!("account-{}", status.name())), expect(status.bar()), "{status:?}");
        }
        for status in CardholderStatus::ALL {
            assert_eq!(ask(&format!("owner-{}", status.name())), expect(status.bar()), "{status:?}");
        }
    }
}

pub fn events_make_cards_and_set_their_standing(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let by_owner = Subject { cardholder: Some(id("h")), ..Subject::default() };
    let ask = |house: &House, key: &str| house.decide(with_card("new", purchase(key, 10)));
    house.act(Act::Tell(origin(), told_of(by_owner, "1", card_is("new", CardStatus::Unactivated)))).unwrap();
    assert_eq!(ask(&house, "1"), declined(DeclineReason::CardNotActive));
    tell(&house, "2", card_is("new", CardStatus::Active));
    assert_eq!(ask(&house, "2"), approved(10));
    tell(&house, "3", Fact::Cardholder { cardholder: id("h"), status: CardholderStatus::Suspended });
    assert_eq!(ask(&house, "3"), declined(DeclineReason::CardholderNotActive));
    tell(&house, "4", Fact::Cardholder { cardholder: id("h"), status: CardholderStatus::Active });
    tell(&house, "5", Fact::Account { account: id("a"), status: AccountStatus::Frozen });
    for (key, end) in ["5", "6"].into_iter().zip(End::BOTH) {
        assert_eq!(ask(&house, key), declined(DeclineReason::AccountFrozen));
        house.end(end);
    }
    tell(&house, "6", Fact::Account { account: id("a"), status: AccountStatus::Active });
    assert_eq!(ask(&house, "7"), approved(10));
}

pub fn a_card_whose_account_nobody_can_tell_is_said_to_lead_to_none(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![account("b", 1_000), card("d", "b", Some("h"))]).unwrap();
    let by_owner = Subject { cardholder: Some(id("h")), ..Subject::default() };
    let tell = |house: &House, key: &str, name: &str, status| {
        found(house.act(Act::Tell(origin(), told_of(by_owner, key, card_is(name, status)))))
    };
    // Its owner has two accounts.
    assert_eq!(tell(&house, "1", "new", CardStatus::Active), Some(Finding::AccountUnknown));
    assert_eq!(house.decide(with_card("new", purchase("1", 10))), declined(DeclineReason::AccountUnknown));
    // Of a card whose account is known nothing is unclear.
    assert_eq!(tell(&house, "2", "d", CardStatus::Active), None);
    house.always(|house| assert_eq!(tell(house, "1", "new", CardStatus::Active), Some(Finding::AccountUnknown)));
    house.enter(vec![card("new", "b", Some("h"))]).unwrap();
    assert_eq!(tell(&house, "1", "new", CardStatus::Active), None);
    assert_eq!(house.decide(with_card("new", purchase("2", 10))), approved(10));
    house.always(|house| assert_eq!((house.balance(), house.balance_of("b")), ((1_000, 0), (1_000, 10))));
}

/// Whoever looks first and acts then may have been overtaken, and what an operator said during an outage comes late.
pub fn operators_undo_nothing_that_was_reported(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let operator = Origin { platform: None, operator: Some([7; 16]), ..origin() };
    // Each later than whatever came before it.
    let mut seconds = 900..;
    let mut says = |house: &House, key: &str, fact: Fact| {
        let event = ToldEvent { occurred_at: seconds.next().map(later), ..told_of(Subject::default(), key, fact) };
        found(house.act(Act::Tell(operator, event)))
    };
    house.enter(vec![card("lost", "a", None), card("kept", "a", None)]).unwrap();
    tell(&house, "reported", card_is("lost", CardStatus::Lost));
    for (key, status) in [("freeze", CardStatus::Frozen), ("unfreeze", CardStatus::Active)] {
        assert_eq!(says(&house, key, card_is("lost", status)), Some(Finding::Superseded), "{key}");
    }
    assert_eq!(says(&house, "freeze-2", card_is("kept", CardStatus::Frozen)), None);
    let ask = |house: &House, name: &str, key: &str| house.decide(with_card(name, purchase(key, 10)));
    for (round, end) in End::BOTH.into_iter().enumerate() {
        assert_eq!(ask(&house, "lost", &format!("l{round}")), declined(DeclineReason::CardLost));
        assert_eq!(ask(&house, "kept", &format!("k{round}")), declined(DeclineReason::CardFrozen));
        house.end(end);
    }
    assert_eq!(says(&house, "unfreeze-2", card_is("kept", CardStatus::Active)), None);
    assert_eq!(ask(&house, "kept", "thawed"), approved(10));
    assert_eq!(says(&house, "close", card_is("lost", CardStatus::Closed)), None, "it may be closed");
    let account_is = |status| Fact::Account { account: id("a"), status };
    assert_eq!(says(&house, "close-2", account_is(AccountStatus::Closed)), None);
    for (key, status) in [("freeze-3", AccountStatus::Frozen), ("open", AccountStatus::Active)] {
        assert_eq!(says(&house, key, account_is(status)), Some(Finding::Superseded), "{key}");
    }
    assert_eq!(ask(&house, "kept", "closed"), declined(DeclineReason::AccountClosed));
}

pub fn the_latest_standing_by_the_platforms_clock_wins(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let thaws = |name: &str| {
        [
            (card_is(name, CardStatus::Unactivated), card_is(name, CardStatus::Active)),
            (
                Fact::Cardholder { cardholder: id(name), status: CardholderStatus::Suspended },
                Fact::Cardholder { cardholder: id(name), status: CardholderStatus::Active },
            ),
            (
                Fact::Account { account: id(name), status: AccountStatus::Frozen },
                Fact::Account { account: id(name), status: AccountStatus::Active },
            ),
        ]
    };
    house.enter(vec![account("x", 1_000), card("x", "x", Some("x"))]).unwrap();
    for (number, (bar, thaw)) in thaws("x").into_iter().enumerate() {
        let key = |name: &str| format!("{name}-{number}");
        assert_eq!(tell_as_of(&house, &key("bar"), 20, bar), None);
        assert_eq!(tell_as_of(&house, &key("too early"), 10, thaw), Some(Finding::Superseded));
        house.restart();
        assert_ne!(house.decide(with_card("x", purchase(&key("barred"), 1))), approved(1));
        assert_eq!(tell_as_of(&house, &key("thaw"), 30, thaw), None);
        assert_eq!(tell_as_of(&house, &key("late"), 25, bar), Some(Finding::Superseded));
        assert_eq!(tell_as_of(&house, &key("bar"), 20, bar), Some(Finding::HeardBefore));
        house.restart();
        assert_eq!(house.decide(with_card("x", purchase(&key("thawed"), 1))), approved(1));
    }
}

pub fn a_standing_without_a_time_or_a_name_is_told_anew_each_time(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    // Freeze, thaw, freeze: the second freeze has the words of the first one.
    let words = [("freeze", CardStatus::Frozen), ("thaw", CardStatus::Active), ("freeze", CardStatus::Frozen)];
    for (key, status) in words.map(|(key, status)| (format!("{}{key}", holdfast_core::IdempotencyKey::OF_CONTENT), status)) {
        assert_eq!(tell(&house, &key, card_is("c", status)), None);
        house.restart();
    }
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardFrozen));
}

pub fn a_standing_with_a_name_is_told_once_also_without_a_time(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(tell(&house, "active", card_is("c", CardStatus::Active)), None);
    assert_eq!(tell(&house, "freeze", card_is("c", CardStatus::Frozen)), None);
    house.restart();
    assert_eq!(tell(&house, "active", card_is("c", CardStatus::Active)), Some(Finding::HeardBefore), "it is delivered again");
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardFrozen));
}

/// Platforms write whole seconds, and their names of messages have no order.
pub fn of_one_second_the_graver_standing_counts(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    for (number, names) in [["a", "b"], ["b", "a"]].into_iter().enumerate() {
        let card_of = format!("card-{number}");
        house.enter(vec![account(&card_of, 1_000), card(&card_of, &card_of, None)]).unwrap();
        let at = |name: &str| format!("{name}-{number}");
        assert_eq!(tell_as_of(&house, &at(names[0]), 20, card_is(&card_of, CardStatus::Unactivated)), None);
        assert_eq!(tell_as_of(&house, &at(names[1]), 20, card_is(&card_of, CardStatus::Active)), None);
        assert_eq!(house.decide(with_card(&card_of, purchase(&at("activated"), 1))), approved(1));
        assert_eq!(tell_as_of(&house, &at("0-stolen"), 20, card_is(&card_of, CardStatus::Stolen)), None);
        assert_eq!(tell_as_of(&house, &at("z-active"), 20, card_is(&card_of, CardStatus::Active)), Some(Finding::Superseded));
        assert_ne!(house.decide(with_card(&card_of, purchase(&at("stolen"), 1))), approved(1));
    }
}

pub fn a_freeze_that_is_told_late_wins_over_a_file_that_says_active(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let tell = |house: &House, key: &str, second, status| {
        let occurred_at = Some(Timestamp::from_unix_seconds(second));
        let event = ToldEvent { occurred_at, ..told_of(Subject::default(), key, card_is("c", status)) };
        found(house.act(Act::Tell(origin(), event)))
    };
    // All of it happened long before the card was entered here.
    assert_eq!(tell(&house, "freeze", 100, CardStatus::Frozen), None);
    assert_eq!(
        house.enter(vec![card("c", "a", Some("h"))]),
        Ok(Answer::Entered(RowsEntered { accounts: 0, cards: 0, cards_moved: 0, bars_kept: 1 }))
    );
    house.restart();
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardFrozen));
    assert_eq!(tell(&house, "thaw", 200, CardStatus::Active), None);
    assert_eq!(tell(&house, "stale", 150, CardStatus::Frozen), Some(Finding::Superseded));
    assert_eq!(house.decide(purchase("2", 1)), approved(1));
}

/// An operator closes by the server's clock, which a platform's may be before or behind.
pub fn what_is_closed_stays_closed(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let account_is = |name: &str, status| Fact::Account { account: id(name), status };
    for (number, (closed_at, reopened_at)) in [(20, 30), (30, 20)].into_iter().enumerate() {
        let name = format!("x-{number}");
        house.enter(vec![account(&name, 1_000), card(&name, &name, None)]).unwrap();
        let key = |what: &str| format!("{what}-{number}");
        let reopens = card_is(&name, CardStatus::Active);
        if reopened_at < closed_at {
            assert_eq!(tell_as_of(&house, &key("active first"), reopened_at, reopens), None);
        }
        assert_eq!(tell_as_of(&house, &key("close"), closed_at, card_is(&name, CardStatus::Closed)), None);
        house.restart();
        assert_eq!(tell_as_of(&house, &key("active"), reopened_at, reopens), Some(Finding::Superseded));
        house.restart();
        assert_eq!(house.decide(with_card(&name, purchase(&key("1"), 1))), declined(DeclineReason::CardClosed));
        // The other way round: the older word comes last.
        let other = format!("y-{number}");
        house.enter(vec![account(&other, 1_000), card(&other, &other, None)]).unwrap();
        assert_eq!(tell_as_of(&house, &key("thaw"), 40, account_is(&other, AccountStatus::Active)), None);
        assert_eq!(tell_as_of(&house, &key("end"), 20, account_is(&other, AccountStatus::Closed)), None);
        assert_eq!(tell_as_of(&house, &key("back"), 50, account_is(&other, AccountStatus::Active)), Some(Finding::Superseded));
        house.restart();
        assert_eq!(house.decide(with_card(&other, purchase(&key("2"), 1))), declined(DeclineReason::AccountClosed));
    }
}

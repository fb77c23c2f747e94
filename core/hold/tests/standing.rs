//! Standing: cards, cardholders and accounts, by the platform's time.

use super::*;

fn facts() -> [(Fact, Standing, Fact, Standing); 3] {
    let (card, cardholder) = (CardToken::new("c").unwrap(), CardholderToken::new("h").unwrap());
    let account = AccountId::new("a").unwrap();
    [
        (
            Fact::Card { card, status: CardStatus::Lost },
            Standing::Card(CardStatus::Lost),
            Fact::Card { card, status: CardStatus::Active },
            Standing::Card(CardStatus::Active),
        ),
        (
            Fact::Cardholder { cardholder, status: CardholderStatus::Closed },
            Standing::Cardholder(CardholderStatus::Closed),
            Fact::Cardholder { cardholder, status: CardholderStatus::Active },
            Standing::Cardholder(CardholderStatus::Active),
        ),
        (
            Fact::Account { account, status: AccountStatus::Frozen },
            Standing::Account(AccountStatus::Frozen),
            Fact::Account { account, status: AccountStatus::Active },
            Standing::Account(AccountStatus::Active),
        ),
    ]
}

fn told_at(name: &str, seconds: i64, fact: Fact) -> ToldEvent {
    ToldEvent { occurred_at: Some(at(seconds)), ..message(name, fact) }
}

#[test]
fn the_latest_by_the_platforms_time_wins_whatever_arrives_last() {
    for (early, _, late, standing) in facts() {
        for swapped in [false, true] {
            let mut book = Book::with(0);
            let mut events = [told_at("early", 100, early), told_at("late", 200, late)];
            if swapped {
                events.reverse();
            }
            let outcomes = events.map(|event| book.hear(&event));
            let mark = Mark { at: at(200), id: StepId::of_message(&key("late")) };
            let [first, second] = outcomes;
            if swapped {
                assert_eq!(first, Outcome { standing: Some((standing, mark)), ..Outcome::default() });
                assert_eq!(second, Outcome::nothing(Finding::Superseded));
            } else {
                assert_eq!(second, Outcome { standing: Some((standing, mark)), ..Outcome::default() });
            }
        }
    }
}

/// Platforms write whole seconds. Whatever the messages are called and whichever arrives first: the graver one stands.
#[test]
fn of_one_moment_the_graver_message_wins_in_any_order() {
    for (barred, standing, active, _) in facts() {
        for names in [["a", "b"], ["b", "a"]] {
            for facts in [[(names[0], barred), (names[1], active)], [(names[1], active), (names[0], barred)]] {
                let mut book = Book::with(0);
                let outcomes = facts.map(|(name, fact)| book.hear(&told_at(name, 100, fact)).standing);
                assert_eq!(outcomes.into_iter().flatten().last().unwrap().0, standing, "{facts:?}");
            }
        }
    }
}

#[test]
fn of_one_moment_a_card_is_activated_after_it_was_made() {
    let card = CardToken::new("c").unwrap();
    let of = |status| Fact::Card { card, status };
    for names in [["a", "b"], ["b", "a"]] {
        let mut book = Book::with(0);
        book.hear(&told_at(names[0], 100, of(CardStatus::Unactivated)));
        book.hear(&told_at(names[1], 100, of(CardStatus::Active)));
        assert_eq!(book.card.unwrap().status, CardStatus::Active);
    }
}

#[test]
fn of_one_moment_and_gravity_the_same_message_wins_in_any_order() {
    let (early, ..) = facts()[0];
    let winner = |names: [&str; 2]| {
        let mut book = Book::with(0);
        let outcomes = names.map(|name| book.hear(&told_at(name, 100, early)).standing);
        outcomes.into_iter().flatten().last().unwrap().1
    };
    assert_eq!(winner(["a", "b"]), winner(["b", "a"]));
}

#[test]
fn what_has_no_time_is_of_when_it_arrives() {
    let (early, standing, ..) = facts()[0];
    let outcome = Book::with(0).hear(&message("now", early));
    let mark = Mark { at: at(2_001), id: StepId::of_message(&key("now")) };
    assert_eq!(outcome.standing, Some((standing, mark)));
}

#[test]
fn an_account_that_nobody_knows_stands_nowhere() {
    let (.., account, _) = facts()[2];
    let mut book = Book::with(0);
    book.account = None;
    assert_eq!(book.tell(account), Outcome::nothing(Finding::AccountUnknown));
    let (card, standing, ..) = facts()[0];
    assert_eq!(book.tell(card).standing.map(|(standing, _)| standing), Some(standing), "a card may come before its account");
}

#[test]
fn the_same_message_twice_does_nothing() {
    let mut book = Book::with(100);
    let load = Fact::Credited { payment: None, amount: usd(10), cause: MovementCause::Funding };
    for (name, fact) in [("standing", facts()[0].0), ("load", load)] {
        let event = message(name, fact);
        assert_eq!(book.hear(&event).finding, None);
        assert_eq!(book.hear(&event), Outcome::nothing(Finding::HeardBefore));
    }
}

#[test]
fn a_standing_moves_no_money() {
    for (fact, ..) in facts() {
        let mut book = Book::open();
        book.tell(fact);
        assert_eq!((book.posted(), book.held()), (1_000, 100));
    }
}

/// Told, and what it is then: closed for good, also where it was closed before or after by the platform's clock. An owner is not.
#[test]
fn what_is_closed_stays_closed_whatever_else_is_told_and_when() {
    let (card, account, cardholder) =
        (CardToken::new("c").unwrap(), AccountId::new("a").unwrap(), CardholderToken::new("h").unwrap());
    let of_card = |status| Fact::Card { card, status };
    let closes = [
        (of_card(CardStatus::Closed), of_card(CardStatus::Active)),
        (of_card(CardStatus::Closed), of_card(CardStatus::Stolen)),
        (of_card(CardStatus::Closed), of_card(CardStatus::Unactivated)),
        (Fact::Account { account, status: AccountStatus::Closed }, Fact::Account { account, status: AccountStatus::Active }),
        (Fact::Account { account, status: AccountStatus::Closed }, Fact::Account { account, status: AccountStatus::Frozen }),
    ];
    for (close, other) in closes {
        for (closed_at, told_other_at) in [(100, 200), (200, 100), (100, 100)] {
            for swapped in [false, true] {
                let mut book = Book::with(0);
                let mut events = [told_at("close", closed_at, close), told_at("other", told_other_at, other)];
                if swapped {
                    events.reverse();
                }
                events.iter().for_each(|event| drop(book.hear(event)));
                let barred = match close {
                    Fact::Account { .. } => book.account.unwrap().status.bar(),
                    Fact::Recorded { .. }
                    | Fact::Reduced { .. }
                    | Fact::Replaced { .. }
                    | Fact::Released { .. }
                    | Fact::Captured { .. }
                    | Fact::Completed { .. }
                    | Fact::Credited { .. }
                    | Fact::Debited { .. }
                    | Fact::Card { .. }
                    | Fact::Cardholder { .. }
                    | Fact::SettlementAnnounced { .. } => book.card.unwrap().status.bar(),
                };
                let closed = [Some(DeclineReason::CardClosed), Some(DeclineReason::AccountClosed)];
                assert!(closed.contains(&barred), "{other:?} at {told_other_at}, swapped: {swapped}: {barred:?}");
            }
        }
    }
    // A closed one that a file entered was told by nobody.
    let mut book = Book::with(0);
    book.card.as_mut().unwrap().status = CardStatus::Closed;
    assert_eq!(book.tell(of_card(CardStatus::Active)), Outcome::nothing(Finding::Superseded));
    let mut book = Book::with(0);
    book.hear(&told_at("gone", 100, Fact::Cardholder { cardholder, status: CardholderStatus::Closed }));
    book.hear(&told_at("back", 200, Fact::Cardholder { cardholder, status: CardholderStatus::Active }));
    assert_eq!(book.card.unwrap().cardholder, CardholderStatus::Active);
}

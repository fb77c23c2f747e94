//! Who asks and whose money it is: names, and what they lead to.

use holdfast_core::hold::{AccountStatus, CardStatus, Fact, Finality, RecordedOutcome, ReleaseCause, ToldEvent};
use holdfast_core::{AuthorizationRequest, DeclineReason, PaymentRef, Posting, Timestamp};

use super::*;
use crate::ledger::{Act, Decide, Entry, Origin, Whose};

pub fn who_is_not_known_is_declined(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
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

pub fn a_card_is_good_for_its_owner_only(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("two")), card("nobody's", "a", None)]).unwrap();
    let named = |cardholder: &str, request| AuthorizationRequest { cardholder: Some(id(cardholder)), ..request };
    assert_eq!(house.decide(named("h", purchase("first", 100))), approved(100));
    let of_another = named("two", AuthorizationRequest { payment: payment("first"), ..purchase("more", 10) });
    let alone = AuthorizationRequest { card: None, payment: payment("first"), ..named("two", purchase("alone", 10)) };
    house.always(|house| {
        let asks = |request| house.decide(request).0;
        for request in [named("nobody", purchase("1", 10)), named("two", purchase("2", 10)), of_another, alone] {
            assert_eq!(asks(request), declined(DeclineReason::CardUnknown).0, "{request:?}");
        }
        let increments = named("nobody", increment("3", "first", 10));
        assert_eq!(asks(increments), declined(DeclineReason::CardUnknown).0);
        let its_owner = named("h", purchase("4", 10));
        assert_eq!(asks(its_owner), approved(10).0);
        assert_eq!(asks(purchase("5", 10)), approved(10).0, "nobody is named: the card decides");
        let of_nobody_known = named("anybody", with_card("nobody's", purchase("6", 10)));
        assert_eq!(asks(of_nobody_known), approved(10).0, "nobody ever told whose it is");
        assert_eq!(house.balance(), (1_000, 130));
    });
}

pub fn a_payment_that_is_named_by_its_question_is_opened_by_one(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let named = |key: &str, minor| AuthorizationRequest {
        payment: payment(key).with_alias(id("transaction")),
        posting: Posting::Hold,
        ..purchase(key, minor)
    };
    assert_eq!(house.decide(named("first", 300)), approved(300));
    let alone = Fact::Card { card: id("c"), status: CardStatus::Frozen };
    house.tell("freeze", alone);
    assert_eq!(house.decide(named("second", 300)), approved(300), "a frozen card changes no answer that was given");
    assert_eq!(house.decide(named("third", 301)), declined(DeclineReason::ConflictingDuplicate));
    house.always(|house| {
        assert_eq!(house.decide(named("second", 300)), again(approved(300)));
        assert_eq!(house.decide(named("third", 301)), again(declined(DeclineReason::ConflictingDuplicate)));
        assert_eq!(house.balance(), (1_000, 300));
    });
    house.tell("thaw", Fact::Card { card: id("c"), status: CardStatus::Active });
    let other_method = AuthorizationRequest { posting: Posting::Immediate, ..named("debit", 300) };
    assert_eq!(house.decide(other_method), approved(300), "another method's question");
    house.tell("end", released("first"));
    assert_eq!(house.balance(), (1_000, 0));
    house.always(|house| {
        assert_eq!(house.decide(named("second", 300)), again(approved(300)), "what was heard is heard again, and holds nothing");
        assert_eq!(house.decide(named("third", 301)), again(declined(DeclineReason::ConflictingDuplicate)));
        assert_eq!(house.balance(), (1_000, 0));
    });
    assert_eq!(house.decide(named("fourth", 200)), approved(200), "what was released is asked for anew");
    assert_eq!(house.balance(), (1_000, 200));
}

pub fn what_is_asked_again_is_held_against_what_was_asked_not_what_was_recorded(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let named = |key: &str, transaction: &str| payment(key).with_alias(id(transaction));
    let of =
        |key: &str, transaction: &str, minor| AuthorizationRequest { payment: named(key, transaction), ..purchase(key, minor) };
    let more = |key: &str, transaction: &str, minor| AuthorizationRequest {
        payment: named(key, transaction),
        ..increment(key, "p", minor)
    };
    let conflict = declined(DeclineReason::ConflictingDuplicate);
    house.decide(purchase("p", 100));
    // What the platform recorded of a question of 150, or of an increment; what it is asked again, and what that hears.
    let rows = [
        (150, 150, approved(150)),
        (180, 150, approved(150)),
        (90, 150, approved(150)),
        (180, 180, approved(180)),
        (180, 170, conflict),
        (90, 120, conflict),
        (180, 190, conflict),
    ];
    let keys = |row: usize| ["first", "again", "inc", "inc-again"].map(|which| format!("{which}-{row}"));
    for (row, (minor, again, expected)) in rows.into_iter().enumerate() {
        let ([first, second, added, added_again], outcome) = (keys(row), RecordedOutcome::Approved { amount: usd(minor) });
        let (transaction, addition) = (format!("t-{row}"), format!("u-{row}"));
        assert_eq!(house.decide(of(&first, &transaction, 150)), approved(150));
        house.tell(&first, Fact::Recorded { payment: named(&first, &transaction), asked: id(&first), increments: None, outcome });
        assert_eq!(house.decide(of(&second, &transaction, again)), expected, "recorded {minor}, asked again {again}");
        assert_eq!(house.decide(more(&added, &addition, 150)), approved(150));
        let increments = Some(payment("p"));
        house.tell(&added, Fact::Recorded { payment: named(&added, &addition), asked: id(&added), increments, outcome });
        assert_eq!(house.decide(more(&added_again, &addition, again)), expected, "recorded {minor}, added again {again}");
    }
    let held = 100 + 2 * rows.iter().map(|(minor, ..)| minor).sum::<i64>();
    house.always(|house| {
        assert_eq!(house.balance(), (10_000, held));
        for (row, (_, minor, expected)) in rows.into_iter().enumerate() {
            let ([_, second, _, added_again], transaction) = (keys(row), format!("t-{row}"));
            assert_eq!(house.decide(of(&second, &transaction, minor)), again(expected));
            assert_eq!(house.decide(more(&added_again, &format!("u-{row}"), minor)), again(expected));
        }
    });
}

pub fn programs_and_platforms_have_keys_and_payments_of_their_own(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let other_program = Origin { program: id("other"), ..origin() };
    let other_platform = Origin { platform: Some(id("apto")), ..origin() };
    house.act(Act::Enter(other_program, vec![account("a", 50), card("c", "a", None)])).unwrap();
    let ask = |house: &House, origin, minor| said(house.act(Act::Decide(Decide { origin, ..asked(purchase("k", minor)) })));
    assert_eq!(ask(&house, origin(), 100), approved(100));
    assert_eq!(ask(&house, other_program, 51), declined(NO_FUNDS), "of its own account");
    assert_eq!(ask(&house, other_platform, 200), approved(200));
    house.always(|house| {
        assert_eq!(ask(house, origin(), 100), again(approved(100)));
        assert_eq!(ask(house, other_program, 51), again(declined(NO_FUNDS)));
        assert_eq!(ask(house, other_platform, 200), again(approved(200)));
        assert_eq!(house.everyone(), [("a".to_owned(), 1_000, 300)]);
        let others = house.all_of(other_program.program);
        assert_eq!((others.len(), others[0].program, others[0].balance.posted), (1, other_program.program, usd(50)));
    });
    house.act(Act::Tell(other_platform, told("1", released("k")))).unwrap();
    assert_eq!(house.balance(), (1_000, 100), "the other platform's payment of that name");
}

pub fn a_payment_is_found_by_either_of_its_names_also_an_increment(engine: &dyn Engine) {
    let by_alias = |name: &str| PaymentRef::by_alias(id(name));
    let ways = [payment("p"), by_alias("p-alias"), payment("more"), by_alias("more-alias")];
    for (number, by) in ways.into_iter().enumerate() {
        let mut house = House::with(engine, 1_000);
        let named = |name: &str| payment(name).with_alias(id(&format!("{name}-alias")));
        house.decide(AuthorizationRequest { payment: named("p"), ..purchase("p", 100) });
        let more = AuthorizationRequest {
            payment: named("more"),
            increments: Some(by_alias("p-alias")),
            ..increment("more", "p-alias", 50)
        };
        assert_eq!(house.decide(more), approved(50));
        if number % 2 == 0 {
            house.restart();
        }
        assert_eq!(house.balance(), (1_000, 150));
        let cause = ReleaseCause::Reversed;
        assert_eq!(house.tell("1", Fact::Released { payment: by, cause }), None, "{by:?}");
        assert_eq!(house.balance(), (1_000, 0), "{by:?}");
    }
    // Both may be the same text.
    for by in [payment("p"), by_alias("p"), payment("p").with_alias(id("p"))] {
        let mut house = House::with(engine, 1_000);
        house.decide(AuthorizationRequest { payment: payment("p").with_alias(id("p")), ..purchase("p", 100) });
        house.restart();
        assert_eq!(house.tell("1", Fact::Released { payment: by, cause: ReleaseCause::Reversed }), None, "{by:?}");
        assert_eq!(house.balance(), (1_000, 0), "{by:?}");
    }
    // One payment's second name is not another's first, whatever they are called.
    let mut house = House::with(engine, 1_000);
    let pair = |first: &str, second: &str| payment(first).with_alias(id(second));
    house.decide(AuthorizationRequest { payment: pair("a", "a-second"), ..purchase("a", 50) });
    house.decide(AuthorizationRequest { payment: pair("b", "a"), ..purchase("b", 1) });
    house.restart();
    for (key, by, held) in [("2", pair("b", "a"), 50), ("3", by_alias("a"), 50), ("4", payment("a"), 0)] {
        house.tell(key, Fact::Released { payment: by, cause: ReleaseCause::Reversed });
        assert_eq!(house.balance(), (1_000, held), "{by:?}");
    }
}

/// As Marqeta's messages do, which name the one before them.
pub fn a_payment_is_found_by_what_its_messages_are_called(engine: &dyn Engine) {
    let before = |token: &str| PaymentRef::by_alias(id(token));
    let mut house = House::with(engine, 1_000);
    house.decide(AuthorizationRequest { payment: payment("p").with_alias(id("tx")), ..purchase("p", 100) });
    let total = |token: &str, total| Fact::Replaced { payment: before(token), total: usd(total) };
    assert_eq!(house.tell("advice/authorization.advice/PENDING", total("tx", 300)), None);
    house.restart();
    // Each names the one before it only.
    assert_eq!(house.tell("second/authorization.advice/PENDING", total("advice", 250)), None);
    let finality = Finality::More;
    let clearing = Fact::Captured { payment: Some(before("second")), amount: usd(50), finality };
    assert_eq!(house.tell("clearing/authorization.clearing/COMPLETION", clearing), None);
    house.always(|house| assert_eq!(house.balance(), (950, 200)));
    let more = AuthorizationRequest { increments: Some(before("clearing")), ..increment("more", "p", 30) };
    assert_eq!(house.decide(more), approved(30));
    let released = Fact::Released { payment: before("clearing"), cause: ReleaseCause::Reversed };
    assert_eq!(house.tell("reversal/authorization.reversal/CLEARED", released), None);
    house.always(|house| assert_eq!(house.balance(), (950, 0)));
}

pub fn an_increment_needs_a_payment_that_is_under_way(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(increment("1", "p", 50)), declined(DeclineReason::AuthorizationUnknown));
    house.decide(purchase("p", 100));
    assert_eq!(house.decide(increment("2", "p", 50)), approved(50));
    house.tell("end", captured("p", 150, Finality::Final));
    assert_eq!(house.decide(increment("3", "p", 50)), declined(DeclineReason::AuthorizationUnknown));
    assert_eq!(house.balance(), (850, 0));
}

pub fn an_increment_of_one_transaction_adds_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let named = |key: &str, transaction: &str| payment(key).with_alias(id(transaction));
    let more = |key: &str, transaction: &str, minor| AuthorizationRequest {
        payment: named(key, transaction),
        ..increment(key, "p", minor)
    };
    let recorded = |key: &str, transaction: &str, outcome| Fact::Recorded {
        payment: named(key, transaction),
        asked: id(key),
        increments: Some(payment("p")),
        outcome,
    };
    let conflict = declined(DeclineReason::ConflictingDuplicate);
    house.decide(purchase("p", 100));
    assert_eq!(house.decide(more("1", "t", 50)), approved(50));
    // Under another key it is the same increment: it hears the same, and adds nothing; with another amount it is refused.
    assert_eq!(house.decide(more("2", "t", 50)), approved(50));
    assert_eq!(house.decide(more("3", "t", 51)), conflict);
    assert_eq!(house.decide(more("4", "u", 30)), approved(30), "another transaction");
    house.always(|house| {
        assert_eq!(house.decide(more("1", "t", 50)), again(approved(50)));
        assert_eq!(house.decide(more("2", "t", 50)), again(approved(50)));
        assert_eq!(house.decide(more("3", "t", 51)), again(conflict));
        assert_eq!(house.balance(), (1_000, 180));
    });
    // What was told without the ledger, and what the platform says, under further keys.
    house.adopt(more("5", "u", 30), yes(30));
    house.adopt(more("6", "u", 30), NO);
    house.tell("7", recorded("7", "t", RecordedOutcome::Approved { amount: usd(50) }));
    house.always(|house| assert_eq!(house.balance(), (1_000, 180)));
    house.adopt(more("8", "u", 45), yes(45));
    house.always(|house| assert_eq!(house.balance(), (1_000, 195)));
    // Its word may come first.
    house.tell("9", recorded("9", "w", RecordedOutcome::Approved { amount: usd(40) }));
    assert_eq!(house.decide(more("10", "w", 40)), approved(40));
    house.always(|house| assert_eq!(house.balance(), (1_000, 235)));
    // It is of the transaction, whatever key it names.
    house.tell("11", recorded("11", "t", RecordedOutcome::Declined));
    house.always(|house| {
        assert_eq!(house.decide(more("1", "t", 50)), again(declined(DeclineReason::TransactionNotPermitted)));
        assert_eq!(house.balance(), (1_000, 185));
    });
    assert_eq!(house.decide(more("12", "t", 50)), declined(DeclineReason::TransactionNotPermitted));
    assert_eq!(house.balance(), (1_000, 185));
}

pub fn an_unknown_card_adds_nothing_to_a_known_payment(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    house.decide(purchase("p", 100));
    let request = AuthorizationRequest { cardholder: Some(id("h")), ..with_card("nobody's", increment("more", "p", 50)) };
    assert_eq!(house.decide(request), declined(DeclineReason::CardUnknown));
}

pub fn a_card_never_spends_the_money_of_another_accounts_payment(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    assert!(house.enter(vec![account("b", 1_000), card("d", "b", Some("i"))]).is_ok());
    assert_eq!(house.decide(purchase("first", 700)), approved(700));
    let other = AuthorizationRequest { payment: payment("first"), ..with_card("d", purchase("second", 200)) };
    assert_eq!(house.decide(other), approved(200));
    assert_eq!(house.balance(), (1_000, 700));
    assert_eq!(house.balance_of("b"), (1_000, 200));
}

pub fn balances_are_told_by_account_card_and_cardholder(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("h"))]).unwrap();
    let (a, b) = (("a".to_owned(), 1_000, 0), ("b".to_owned(), 500, 0));
    house.always(|house| {
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
        assert_eq!(house.everyone(), [a.clone(), b.clone()]);
        let owner_of = |whose| {
            let standings = house.act(Act::Balances(origin(), whose)).unwrap().into_balances().unwrap();
            standings.first().and_then(|standing| standing.owner)
        };
        assert_eq!(owner_of(Whose::Card(id("d"))), Some(id("h")), "whose the card is");
        assert_eq!(owner_of(Whose::Account(id("b"))), None, "an account is nobody's");
    });
}

pub fn a_standing_says_all_that_there_is_of_an_account(engine: &dyn Engine) {
    let mut house = House::empty(engine);
    let status = AccountStatus::Frozen;
    let frozen = Entry::Account { account: id("z"), balance: usd(5), credit_line: 7, status };
    house.enter(vec![account("a", 1_000), card("c", "a", None), frozen]).unwrap();
    for key in ["p", "q", "r"] {
        house.decide(purchase(key, 100));
    }
    house.tell("1", captured("p", 60, Finality::More));
    house.tell("2", Fact::Released { payment: payment("q"), cause: ReleaseCause::Operator });
    house.always(|house| {
        let [a, z] = house.all_of(program()).try_into().unwrap();
        assert_eq!((a.program, a.status, a.credit_line), (program(), AccountStatus::Active, usd(0)));
        assert_eq!((a.balance.available, a.balance.usable, a.holds_open), (usd(940 - 140), true, 2));
        assert_eq!((z.status, z.credit_line, z.holds_open), (status, usd(7), 0));
        assert_eq!((z.balance.available, z.balance.usable), (usd(12), false));
    });
}

pub fn what_adds_to_a_payment_costs_what_it_adds_whatever_was_told(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    // The platform's clock is far ahead of ours: what is asked now is asked after what is known.
    let ahead = |house: &House, seconds: i64, key: &str, fact| {
        let event = ToldEvent { occurred_at: Some(Timestamp::from_unix_seconds(4_000_000_000 + seconds)), ..told(key, fact) };
        assert_eq!(found(house.act(Act::Tell(origin(), event))), None);
    };
    assert_eq!(house.decide(purchase("p", 700)), approved(700));
    ahead(&house, 0, "1", Fact::Replaced { payment: payment("p"), total: usd(100) });
    house.restart();
    assert_eq!(house.decide(increment("too-much", "p", 901)), declined(NO_FUNDS));
    assert_eq!(house.decide(increment("more", "p", 500)), approved(500));
    house.always(|house| assert_eq!(house.balance(), (1_000, 600)));
    // Another question about the same payment is no second opening of it.
    let second = AuthorizationRequest { payment: payment("p"), ..purchase("second", 400) };
    ahead(&house, 60, "2", captured("p", 600, Finality::Final));
    house.restart();
    assert_eq!(house.decide(AuthorizationRequest { payment: payment("p"), ..purchase("q", 401) }), declined(NO_FUNDS));
    assert_eq!(house.decide(second), approved(400));
    house.always(|house| assert_eq!(house.balance(), (400, 400)));
}

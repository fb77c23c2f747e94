//! Lists, pages and sums: what others read.

use jiff::tz::TimeZone;

use super::*;
use crate::settlement_day::{Cutoff, TimeOfDay};

/// Three accounts with a card each, and what happened on the first.
fn busy() -> Bench {
    let mut bench = Bench::with(10_000);
    let more = vec![account("b", 0), account("z", 5), card("c2", "a", None), card("c3", "b", Some("h"))];
    bench.done(&Act::Enter(Origin::of(program()), more)).unwrap();
    bench.done(&Act::Enter(Origin::of(id("other")), vec![account("a", 7)])).unwrap();
    for key in ["p1", "p2", "p3"] {
        assert_eq!(bench.decide(key, 100), yes(100));
    }
    bench
}

#[test]
fn accounts_and_cards_come_by_page() {
    let mut bench = busy();
    bench.catch_up();
    let reader = bench.reader();
    let names = |page: Vec<super::super::read::AccountKept>| -> Vec<_> {
        page.into_iter().map(|line| (line.number, line.id.to_string(), line.account.posted)).collect()
    };
    let first = names(reader.accounts(&program(), None, 2).unwrap());
    assert_eq!(first, [(0, "a".to_owned(), 10_000), (1, "b".to_owned(), 0)]);
    assert_eq!(names(reader.accounts(&program(), Some(1), 2).unwrap()), [(2, "z".to_owned(), 5)]);
    assert!(reader.accounts(&program(), Some(2), 2).unwrap().is_empty());
    // What only remembers money that is elsewhere is no account to be listed; one of an operator's is, whatever its name.
    let card = crate::agent::outside::card_for("bind_1", Currency::USD).unwrap();
    bench.done(&Act::Enter(Origin::of(program()), crate::agent::outside::entries(card, Currency::USD).unwrap())).unwrap();
    bench.done(&Act::Enter(Origin::of(program()), vec![account("outside-shed", 8)])).unwrap();
    bench.catch_up();
    let last = names(bench.reader().accounts(&program(), Some(2), 9).unwrap());
    assert_eq!(last.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>(), ["outside-shed"]);
    assert_eq!(names(reader.accounts(&id("other"), None, 9).unwrap()), [(3, "a".to_owned(), 7)]);
    assert_eq!(reader.account_named(&id("other"), &id("a")).unwrap().unwrap().number, 3);
    assert_eq!(reader.account_named(&id("other"), &id("z")).unwrap(), None);
    let cards: Vec<_> = reader.cards_of_account(0, None, 9).unwrap().into_iter().map(|line| line.token.to_string()).collect();
    assert_eq!(cards, ["c", "c2"]);
    assert_eq!(reader.cards_of_account(0, Some(0), 9).unwrap().len(), 1);
    assert_eq!(reader.card_named(&program(), &id("c3")).unwrap().unwrap().account, Some(1));
    assert_eq!(reader.projected().unwrap(), bench.recorded());
}

#[test]
fn holds_come_newest_first_with_their_records() {
    let mut bench = busy();
    bench.finding(&tell("clear", captured("p2", 80)));
    bench.catch_up();
    let reader = bench.reader();
    let numbers = |page: Vec<super::super::read::HoldLine>| -> Vec<_> { page.into_iter().map(|line| line.number).collect() };
    assert_eq!(numbers(reader.holds_of_account(0, None, 2).unwrap()), [3, 2]);
    assert_eq!(numbers(reader.holds_of_account(0, Some(2), 2).unwrap()), [1]);
    assert_eq!(numbers(reader.holds_of_card(0, None, 9).unwrap()), [3, 2, 1]);
    assert!(reader.holds_of_card(1, None, 9).unwrap().is_empty());
    let line = reader.hold_of_payment(&program(), Some(&id("marqeta")), &payment("p2")).unwrap().unwrap();
    assert_eq!((line.number, line.hold.captured, line.steps.len()), (2, 80, 2));
    assert_eq!(line.records.len(), 2);
    assert_eq!(line.records.last(), Some(&line.changed_by));
}

#[test]
fn a_hold_whose_card_is_known_later_is_listed_where_its_number_is() {
    let mut bench = busy();
    let by_account = |key, name| {
        let subject = Subject { account: Some(id("a")), ..Subject::default() };
        let fact = Fact::Captured { payment: Some(payment(name)), amount: usd(10), finality: Finality::More };
        Act::Tell(origin(), ToldEvent { subject, ..event(key, None, fact) })
    };
    // Two that were told of before they were asked: the first of a card that has been used since, the last of the newest.
    bench.done(&by_account("early", "p4")).unwrap();
    bench.decide("p5", 100);
    bench.done(&by_account("late", "p6")).unwrap();
    bench.catch_up();
    let list = |bench: &Bench, before| {
        let lines = bench.reader().holds_of_card(0, before, 9).unwrap();
        lines.into_iter().map(|line| line.number).collect::<Vec<_>>()
    };
    assert_eq!(list(&bench, None), [5, 3, 2, 1]);
    bench.decide("p4", 100);
    bench.decide("p6", 100);
    bench.catch_up();
    assert_eq!(list(&bench, None), [6, 5, 4, 3, 2, 1]);
    assert_eq!(list(&bench, Some(4)), [3, 2, 1]);
    assert_eq!(list(&bench, Some(99)), [6, 5, 4, 3, 2, 1], "a cursor that is of no line of the list");
}

#[test]
fn what_waits_on_pages_and_what_is_in_rows_reads_the_same() {
    let mut bench = busy();
    for number in 0..40 {
        bench.decide(&format!("n{number}"), 10);
        bench.catch_up();
        let held = 300 + 10 * (number + 1);
        let reader = bench.reader();
        assert_eq!(reader.account(0).unwrap().unwrap().account.held, held);
        assert_eq!(reader.account_named(&program(), &id("a")).unwrap().unwrap().account.held, held);
        assert_eq!(reader.accounts(&program(), None, 1).unwrap()[0].account.held, held);
        let newest = reader.movements_of_account(0, None, 1).unwrap().remove(0);
        assert_eq!((newest.record, newest.held_after.minor()), (bench.recorded(), held));
        if number % 7 == 0 {
            bench.restart();
        }
    }
    assert_eq!(bench.restored(), bench.replayed());
}

#[test]
fn movements_tell_the_balance_after_each() {
    let mut bench = busy();
    assert_eq!(bench.finding(&tell("force", captured("nobody's", 30))), Some(Finding::ForcePosted));
    bench.catch_up();
    let reader = bench.reader();
    let lines = reader.movements_of_account(0, None, 2).unwrap();
    let figures: Vec<_> = lines
        .iter()
        .map(|line| (line.posted.minor(), line.held.minor(), line.posted_after.minor(), line.held_after.minor()))
        .collect();
    assert_eq!(figures, [(-30, 0, 9_970, 300), (0, 100, 10_000, 300)]);
    assert_eq!(lines[0].finding.as_deref(), Some("force_posted"));
    assert_eq!((lines[0].cause, lines[1].cause), (Some(MovementCause::NetworkSettlement), None));
    let older = reader.movements_of_account(0, Some(lines[1].record), 9).unwrap();
    assert_eq!(older.len(), 3, "two holds and what the account was entered with");
    assert_eq!(older.last().unwrap().cause, Some(MovementCause::Funding));
}

#[test]
fn sums_are_by_day_network_and_cause() {
    let mut bench = busy();
    let today = i32::try_from(bench.now.unix_seconds().div_euclid(86_400)).unwrap();
    let clear = |key: &str, name: &str, minor, day| {
        Act::Tell(origin(), ToldEvent { settlement_day: day, ..event(key, None, captured(name, minor)) })
    };
    bench.finding(&clear("1", "p1", 100, Some(today + 1)));
    bench.finding(&clear("2", "p2", 90, Some(today + 1)));
    bench.finding(&clear("3", "p3", 80, None));
    bench.catch_up();
    let reader = bench.reader();
    let utc = Cutoff::new(TimeZone::UTC, TimeOfDay::Midnight);
    let sums = reader.sums(&program(), &utc, today + 1).unwrap();
    assert_eq!(sums.len(), 1);
    assert_eq!((sums[0].minor, sums[0].movements, sums[0].cause), (-190, 2, MovementCause::NetworkSettlement));
    assert_eq!(sums[0].network, Some(id("VISA")));
    let all = [today, today + 1].map(|day| reader.sums(&program(), &utc, day).unwrap()).concat();
    assert_eq!(all.iter().map(|sum| sum.minor).sum::<i128>(), 10_000 + 5 - 270);
    // The same moments under another cut-off: the file does not know it.
    let early = Cutoff::new(TimeZone::UTC, "00:01".parse().unwrap());
    let moved = |cutoff| reader.sums(&program(), cutoff, today).unwrap().iter().map(|sum| sum.minor).sum::<i128>();
    assert_eq!((moved(&utc), moved(&early)), (10_005 - 80, 0));
}

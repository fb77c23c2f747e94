//! Which records may go: by program, by age, by what is still open.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use holdfast_core::hold::{AccountStatus, Fact, Finality};
use holdfast_core::{AccountId, Money};

use super::*;
use crate::clock;
use crate::fixture::{House, payment, program, purchase, usd};
use crate::ledger::{Act, Entry, Origin};

fn other() -> ProgramId {
    ProgramId::new("other").unwrap()
}

fn keep(program: ProgramId, days: impl Into<Option<u32>>) -> Keep {
    Keep { program, days: days.into() }
}

/// So many days from now.
fn in_days(days: u32) -> Timestamp {
    clock::utc().saturating_add(DAY * days)
}

/// Records 1 to 3 are of the program `demo`, record 4 is of `other`, record 5 of `demo` again.
fn two_programs() -> House {
    let mut house = House::with(1_000);
    let account = AccountId::new("theirs").unwrap();
    let (balance, status) = (Money::from_minor(5, usd(0).currency()), AccountStatus::Active);
    let entry = |account| Entry::Account { account, balance, credit_line: 0, status };
    house.act(Act::Enter(Origin::of(other()), vec![entry(account)]));
    house.act(Act::Enter(Origin::of(program()), vec![entry(account)]));
    house.stop();
    house.start();
    house
}

fn survey_of(house: &House, keeps: &[Keep], now: Timestamp) -> (i64, Held) {
    let survey = house.until_projected(|| survey(house.directory.path(), keeps, now).unwrap());
    (survey.cut.next, survey.held)
}

#[test]
fn a_record_goes_once_every_program_before_it_allows() {
    let house = two_programs();
    let both = [keep(program(), 40), keep(other(), 100)];
    assert_eq!(survey_of(&house, &both, in_days(39)), (1, Held::Young(program(), 40)));
    assert_eq!(survey_of(&house, &both, in_days(41)), (4, Held::Young(other(), 100)), "what is mixed with theirs stays");
    assert_eq!(survey_of(&house, &both, in_days(101)), (6, Held::End));
    assert_eq!(survey_of(&house, &[keep(program(), 40), keep(other(), None)], in_days(900)), (4, Held::ForEver(other())));
    assert_eq!(survey_of(&house, &[keep(program(), 40)], in_days(900)), (4, Held::Unknown(other())));
    assert_eq!(survey_of(&house, &[], in_days(900)), (1, Held::Unknown(program())));
    assert_eq!(survey_of(&house, &[keep(program(), None), keep(other(), 36)], in_days(900)), (1, Held::ForEver(program())));
}

#[test]
fn a_payment_that_is_under_way_keeps_its_story() {
    let mut house = House::with(1_000);
    house.ask(purchase("one", 100));
    house.ask(purchase("two", 100));
    let keeps = [keep(program(), 36)];
    assert_eq!(survey_of(&house, &keeps, in_days(37)), (4, Held::UnderWay(1)));
    let cleared = |name: &str| Fact::Captured { payment: Some(payment(name)), amount: usd(100), finality: Finality::Final };
    house.tell("clearing", cleared("tx-one"));
    assert_eq!(survey_of(&house, &keeps, in_days(37)), (5, Held::UnderWay(2)));
    house.tell("another", cleared("tx-two"));
    assert_eq!(survey_of(&house, &keeps, in_days(37)), (8, Held::End));
    house.stop();
}

#[test]
fn without_a_projection_nothing_goes() {
    let mut house = House::with(1_000);
    house.stop();
    std::fs::remove_file(house.directory.path().join("projection.sqlite")).unwrap();
    let survey = survey(house.directory.path(), &[keep(program(), 36)], in_days(40)).unwrap();
    assert_eq!((survey.cut.next, survey.held, survey.is_empty()), (1, Held::NotProjected, true));
}

#[test]
fn what_could_go_for_a_day_is_overdue() {
    let house = two_programs();
    let keeps = [keep(program(), 36), keep(other(), 36)];
    let surveyed = |days| house.until_projected(|| survey(house.directory.path(), &keeps, in_days(days)).unwrap());
    for (days, empty, overdue) in [(35, true, false), (36, false, false), (38, false, true)] {
        let found = surveyed(days);
        assert_eq!((found.is_empty(), found.overdue), (empty, overdue), "{days}");
    }
}

#[test]
fn what_a_trim_leaves_behind_is_no_reason_for_the_next() {
    let mut house = House::with(1_000);
    house.trim(4);
    house.stop();
    house.start();
    let keeps = [keep(program(), 40), keep(other(), None)];
    assert_eq!(survey_of(&house, &keeps, in_days(39)), (4, Held::Ours(40)));
    assert_eq!(survey_of(&house, &keeps, in_days(41)), (5, Held::End));
    assert_eq!(survey_of(&house, &[], in_days(35)), (4, Held::Ours(KEEP_DAYS_MIN)));
}

#[test]
fn what_is_kept_is_told() {
    let mut house = House::with(1_000);
    house.stop();
    let all = kept(house.directory.path()).unwrap();
    assert_eq!((all.records, all.oldest.is_some()), (3, true));
    house.start();
    house.trim(2);
    house.stop();
    let left = kept(house.directory.path()).unwrap();
    assert_eq!((left.records, left.oldest > all.oldest), (3, true), "two entries, and the record that tells of it");
}

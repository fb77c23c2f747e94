//! Outages made of answers, and which of them are told from a moment on.

use super::*;
use crate::fixture::{origin, program, purchase, usd};
use crate::ledger::Adopt;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn approved(at_second: i64, minor: i64, heard: Heard) -> Answer {
    let cause = StandInCause::LedgerUnavailable;
    Answer {
        at: at(at_second),
        cause,
        by: "row all".to_owned(),
        asked: minor,
        approved: Some(minor),
        at_risk: minor,
        left: None,
        heard,
    }
}

fn told(answers: Vec<Answer>) -> Answers {
    Answers { told: [(program(), answers)].into(), ..Answers::default() }
}

/// From when, how many approvals, and the exposure.
fn outlines(answers: &Answers, since: i64) -> Vec<(Timestamp, u64, i64)> {
    let outages = answers.outages(program(), at(since));
    outages.iter().map(|outage| (outage.from, outage.approved.count, outage.exposure_max)).collect()
}

#[test]
fn an_outage_that_began_before_is_told_whole() {
    let hundreds = [1_000, 1_001, 1_002].map(|second| approved(second, 10_000, Heard::NotYet));
    let answers = told([hundreds.to_vec(), vec![approved(1_060, 100, Heard::NotYet)]].concat());
    for since in [0, 1_000, 1_030, 1_060] {
        assert_eq!(outlines(&answers, since), [(at(1_000), 4, 30_100)], "{since}");
    }
    assert_eq!(outlines(&answers, 1_061), []);
    // Heard since, it is told no differently.
    let heard = |answer: Answer| Answer { heard: Heard::At(at(1_100), 0), ..answer };
    let heard = told(answers.told[&program()].iter().cloned().map(heard).collect());
    assert_eq!(outlines(&heard, 1_030), [(at(1_000), 4, 30_100)]);
}

#[test]
fn what_an_earlier_outage_left_is_at_risk_in_a_later_one() {
    let answers = told(vec![approved(1_000, 10_000, Heard::NotYet), approved(9_000, 100, Heard::NotYet)]);
    assert_eq!(outlines(&answers, 0), [(at(1_000), 1, 10_000), (at(9_000), 1, 10_100)]);
    assert_eq!(outlines(&answers, 5_000), [(at(9_000), 1, 10_100)]);
}

/// Nobody asked any more for the last eighteen minutes of it.
#[test]
fn the_last_answer_is_told_beside_the_end() {
    let answers = told(vec![approved(1_000, 100, Heard::NotYet), approved(1_020, 100, Heard::NotYet)]);
    let answers = Answers { away: vec![(at(995), at(2_100))], ..answers };
    let outage = answers.outages(program(), at(0)).pop().unwrap();
    assert_eq!((outage.from, outage.last_answer, outage.to), (at(995), Some(at(1_020)), at(2_100)));
}

/// Two responders answered one question, each by its caps: what was approved is told, whichever the ledger heard first.
#[test]
fn a_question_that_was_told_yes_and_no_is_both() {
    let said = |told| {
        let request = purchase("key", 700);
        let digest = request.content_digest();
        let basis = Basis::StandIn(StandInCause::LedgerUnavailable);
        let (verdict, governed, slip, received_at) = (None, None, None, at(1_000));
        let adopt = Adopt { origin: origin(), request, digest, verdict, told, basis, governed, received_at, slip };
        Entry::Told(Box::new(adopt), None)
    };
    let no = said(ToldAnswer::Declined { reason: DeclineReason::AmountLimitReached });
    let yes = said(ToldAnswer::Approved { amount: usd(700) });
    let mut answers = Answers::default();
    for entry in [&no, &yes, &no, &yes] {
        answers.take_unheard(entry, Heard::NotYet);
    }
    let outage = answers.outages(program(), at(0)).pop().unwrap();
    assert_eq!((outage.approved.count, outage.approved.amount, outage.declined.count), (1, 700, 1));
    assert_eq!(outage.exposure_max, 700);
}

//! Every order in which things can come, as tables: when the ledger hears of a question and when its answer comes back, what the
//! spool's disk does, when the platform asks again, where a crash comes; the breaker, the switch and a freeze meanwhile.

use super::play::Event::{Ask, Back, Disk, Freeze, Ill, Journal, Off, On, OnTwice, Reach, Reconcile, Records, Well};
use super::play::{Cut, Event, Script, each_of, everywhere, told_with};
use super::process::Ended::{Approved, Declined};
use crate::journal::Fault;
use crate::spool::gate::Say;

/// What the ledger does with a question: never hears of it, hears of it then, and says so then.
fn ledgers() -> Vec<Vec<(u64, Event)>> {
    let mut ledgers = vec![Vec::new()];
    for answer in [300, 599, 600, 601, 1_001] {
        // It decides at once and its answer is slow, or the question is slow in reaching it.
        ledgers.push(vec![(0, Reach), (answer, Back)]);
        ledgers.push(vec![(answer, Reach), (answer, Back)]);
    }
    ledgers.push(vec![(0, Reach)]);
    ledgers.push(vec![(0, Journal(Fault::InDoubt)), (0, Reach), (300, Back)]);
    ledgers.push(vec![(0, Journal(Fault::NotWritten)), (0, Reach), (601, Back)]);
    ledgers.push(vec![(0, Ill)]);
    ledgers
}

/// What the spool's disk does with the answer.
fn disks() -> Vec<Vec<(u64, Event)>> {
    let mut disks: Vec<_> = [605, 900, 901, 1_100].map(|ms| vec![(ms, Disk(Say::Write))]).into();
    disks.push(Vec::new());
    disks.push(vec![(605, Disk(Say::Fail)), (605, Disk(Say::Write)), (606, Disk(Say::Write))]);
    disks.push(vec![(605, Disk(Say::WriteAndFail)), (1_000, Disk(Say::Write)), (1_000, Disk(Say::Write))]);
    disks
}

/// In the order of time; what is at the same time, in the order in which it is given.
fn at_once(parts: &[&[(u64, Event)]]) -> Script {
    let mut script = parts.concat();
    script.sort_by_key(|(ms, _)| *ms);
    script
}

#[test]
fn a_retry_hears_the_same_whenever_ledger_and_spool_answer() {
    let mut plays = Vec::new();
    for ledger in ledgers() {
        for disk in disks() {
            for again in [1, 300, 599, 600, 605, 899, 900, 901, 1_001, 2_000] {
                let script = at_once(&[&[(0, Ask(1))], &ledger, &disk, &[(again, Ask(1))]]);
                plays.push((script, Cut::Never));
            }
        }
    }
    each_of(plays);
}

#[test]
fn what_was_told_is_what_there_is_wherever_a_crash_comes() {
    let reconciled = [
        (1_200, Reconcile),
        (1_201, Reach),
        (1_202, Back),
        (1_203, Reconcile),
        (1_204, Disk(Say::Write)),
        (1_205, Ask(1)),
        (1_206, Reach),
        (1_207, Back),
    ];
    let mut plays = Vec::new();
    for ledger in ledgers().into_iter().step_by(2) {
        for disk in disks().into_iter().step_by(2) {
            plays.extend(everywhere(at_once(&[&[(0, Ask(1))], &ledger, &disk, &[(1_101, Well)], &reconciled])));
        }
    }
    each_of(plays);
}

/// What is in the spool is heard by the ledger from then on, a millisecond a step.
fn heard_from(ms: u64) -> Script {
    [Reconcile, Reach, Back, Reconcile, Reach, Back, Disk(Say::Write)]
        .into_iter()
        .zip(ms..)
        .map(|(event, ms)| (ms, event))
        .collect()
}

/// Plays it whole, where these have to be heard among others, and cut off everywhere.
fn plays_with(script: Script, heard: &[&str]) {
    let log = told_with(&script, Cut::Never);
    for line in heard {
        assert!(log.iter().any(|heard| heard == line), "{line} is not in {log:?}");
    }
    each_of(everywhere(script));
}

/// Three questions that the ledger never hears of in time: all that may be at risk, and the breaker opens.
const SILENCE: [(u64, Event); 6] =
    [(0, Ask(1)), (10, Ask(2)), (20, Ask(3)), (605, Disk(Say::Write)), (615, Disk(Say::Write)), (625, Disk(Say::Write))];

#[test]
fn the_breaker_opens_and_closes_and_no_cap_is_passed() {
    let fourth = [(630, Ask(4)), (631, Disk(Say::Write))];
    // Nobody finds out with an account that has money in the spool: the next one does, once what is there was heard.
    let beside = [(880, Ask(5)), (881, Disk(Say::Write))];
    let then = [(918, Reconcile), (950, Ask(6)), (951, Reach), (952, Back), (953, Ask(2))];
    let closes = at_once(&[&SILENCE, &fourth, &beside, &heard_from(910), &then]);
    plays_with(closes, &["at 605 ms 1 hears 200", "at 631 ms 4 hears 402", "at 881 ms 5 hears 402", "at 952 ms 6 hears 200"]);
}

#[test]
fn what_the_ledger_said_is_what_a_retry_hears_from_stand_in() {
    let said =
        [(0, Ask(4)), (1, Reach), (2, Back), (3, Ill), (4, Ask(1)), (5, Disk(Say::Write)), (6, Ask(2)), (7, Disk(Say::Write))];
    // Nothing more may be at risk: a new question is declined.
    let then = [(8, Ask(3)), (9, Disk(Say::Write)), (10, Ask(5)), (11, Disk(Say::Write)), (12, Ask(4)), (13, Well)];
    let script = at_once(&[&said, &then, &heard_from(14)]);
    plays_with(script, &["at 2 ms 4 hears 200", "at 9 ms 3 hears 200", "at 11 ms 5 hears 402", "at 12 ms 4 hears 200"]);
}

#[test]
fn two_switches_at_once_are_one_and_each_ends_alone() {
    let both = [(0, On(false)), (1, On(true)), (2, Ask(1)), (3, Disk(Say::Write)), (10, Off(false)), (11, Ask(2))];
    let then = [(12, Disk(Say::Write)), (20, Off(true)), (21, Ask(3)), (22, Ask(1))];
    let script = at_once(&[&both, &then, &heard_from(30)]);
    plays_with(script, &["at 3 ms 1 hears 200", "at 12 ms 2 hears 200", "at 22 ms 1 hears 200", "at 35 ms 3 hears 200"]);
    let twice = [(0, OnTwice), (1, Ask(1)), (2, Disk(Say::Write)), (3, Off(false)), (4, Ask(2))];
    plays_with(at_once(&[&twice, &heard_from(10)]), &["at 2 ms 1 hears 200", "at 15 ms 2 hears 200"]);
}

#[test]
fn a_freeze_that_is_told_meanwhile_holds_from_then_on() {
    let refused = [(0, Ill), (1, Freeze), (2, Disk(Say::Write)), (3, Ask(1)), (4, Disk(Say::Write)), (10, Well)];
    let then = [(30, Ask(2)), (31, Reach), (32, Back), (33, Ask(1))];
    plays_with(
        at_once(&[&refused, &heard_from(11), &then]),
        &["at 2 ms 0 hears 200", "at 4 ms 1 hears 402", "at 32 ms 2 hears 402"],
    );
    // A ledger that only hangs is waited for before the spool has it.
    let hangs = [(0, Ask(1)), (1, Freeze), (605, Disk(Say::Write)), (1_005, Disk(Say::Write)), (1_006, Ask(2))];
    let then = [(1_610, Disk(Say::Write)), (1_700, Ask(1))];
    plays_with(at_once(&[&hangs, &then, &heard_from(1_800)]), &["at 1005 ms 0 hears 200", "at 1610 ms 2 hears 402"]);
}

#[test]
fn what_the_platform_recorded_meanwhile_is_what_a_question_hears() {
    let written = |ms| (ms, Disk(Say::Write));
    // Before it is asked for.
    let first = |ended| [(0, Ill), (1, Records(1, ended)), written(2), (3, Ask(1)), written(4), (5, Ask(1)), (6, Well)];
    for (ended, says) in [(Declined, 402), (Approved, 200)] {
        let heard = [4, 5].map(|ms| format!("at {ms} ms 1 hears {says}"));
        plays_with(at_once(&[&first(ended), &heard_from(7)]), &heard.each_ref().map(String::as_str));
    }
    // After stand-in approved it.
    let undone = [(0, Ill), (1, Ask(1)), written(2), (3, Records(1, Declined)), written(4), (5, Ask(1)), (6, Well)];
    plays_with(at_once(&[&undone, &heard_from(7)]), &["at 2 ms 1 hears 200", "at 5 ms 1 hears 402"]);
    // After the ledger did.
    let by_ledger = [(0, Ask(1)), (1, Reach), (2, Back), (3, Ill), (4, Records(1, Declined)), written(5), (6, Ask(1)), (7, Well)];
    plays_with(at_once(&[&by_ledger, &heard_from(8)]), &["at 2 ms 1 hears 200", "at 6 ms 1 hears 402"]);
}

#[test]
fn what_the_platform_approved_although_it_was_declined_is_what_a_retry_hears_and_a_declined_approval_is_at_risk_no_more() {
    let written = |ms| (ms, Disk(Say::Write));
    let at_risk = [(0, Ill), (1, Ask(1)), written(2), (3, Ask(2)), written(4), (5, Ask(3)), written(6), (7, Ask(4)), written(8)];
    let mirror = [(9, Records(4, Approved)), written(10), (11, Ask(4)), (12, Records(1, Declined)), written(13)];
    // There is room again.
    let room = [(14, Ask(5)), written(15), (16, Ask(1)), (17, Well)];
    let script = at_once(&[&at_risk, &mirror, &room, &heard_from(18), &heard_from(30)]);
    let heard = ["at 8 ms 4 hears 402", "at 11 ms 4 hears 200", "at 15 ms 5 hears 200", "at 16 ms 1 hears 402"];
    plays_with(script, &heard);
}

#[test]
fn a_ledger_that_is_back_decides_nothing_past_a_record_that_waits() {
    let waits = [(0, Ill), (1, Records(1, Declined)), (2, Disk(Say::Write)), (3, Well), (4, Ask(1)), (5, Reach), (6, Back)];
    let then = [(120, Disk(Say::Write))];
    plays_with(at_once(&[&waits, &then, &heard_from(130)]), &["at 120 ms 1 hears 402"]);
}

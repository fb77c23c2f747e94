//! What a run is judged by, printed: every count on a line of its own.

use std::time::Duration;

use crate::outage::asking::Heard;
use crate::outage::compare::Compared;
use crate::outage::stage;
use crate::problem::Problem;
use crate::report::{self, per_second};

/// How many stand-in answers of a hundred have to be approvals, or the run proves little.
const APPROVALS_PERCENT_MIN: u64 = 40;
/// Drained entries a second.
const DRAIN_TARGET: u64 = 20_000;

/// Whose fault a late answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lateness {
    /// The server's: one is too many.
    OfTheServer,
    /// The machine's, which has other things to do.
    OfTheMachine,
}

/// A spool after the ledger came back.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// The entries when it came back.
    pub entries: u64,
    /// Those that were there when it hung again; 0 if there was a moment without any. New ones come meanwhile.
    pub left: u64,
    /// How long it took from there on.
    pub took: Duration,
}

/// Everything that a run found out.
#[derive(Debug)]
pub struct Findings {
    /// Callbacks of the run; those that warmed the server up are not among them.
    pub callbacks: u64,
    /// How many were due each second.
    pub rate: u32,
    /// What the server does in closed loop.
    pub capacity: u64,
    /// Answers that came after their deadline, by mount.
    pub late: Vec<(u64, u64)>,
    /// The same, by what was going on when their questions were due.
    pub late_by_phase: Vec<(&'static str, u64)>,
    /// Questions without an answer, and answers that are no decision.
    pub missing: u64,
    /// Why the first one is missing.
    pub first_missing: Option<String>,
    /// Questions without an answer because the server was killed.
    pub cut_off: u64,
    /// From the kill until the new process took a connection.
    pub no_process: Duration,
    /// Questions that were asked again, and heard something else, or nothing.
    pub retold: u64,
    /// How many were asked again.
    pub asked_again: u64,
    /// Answers by the grounds of which telemetry said nothing.
    pub grounds_unknown: u64,
    /// What is held beside what was told.
    pub compared: Compared,
    /// The most that was at risk, of what was seen.
    pub exposure_seen_max: i64,
    /// Latencies of a working ledger, and of an open breaker.
    pub healthy: Vec<Duration>,
    pub open: Vec<Duration>,
    /// The longest time by which a question was sent too late: the load's own fault.
    pub sent_late_max: Duration,
    /// The spool after the first outage.
    pub drain: Drain,
    /// Whether it is empty at the end, and nothing was set aside.
    pub is_drained: bool,
}

/// The part of the answers that came after their deadline.
pub fn late(heard: &[Heard], deadline: Duration) -> u64 {
    let is_late = |heard: &&Heard| heard.told.is_some() && heard.ended.saturating_sub(heard.due) > deadline;
    u64::try_from(heard.iter().filter(is_late).count()).unwrap_or(u64::MAX)
}

impl Findings {
    fn late_in_all(&self) -> u64 {
        self.late.iter().fold(0, |sum, (_, late)| sum.saturating_add(*late))
    }

    fn caps_exceeded(&self) -> u64 {
        let is_beyond = self.exposure_seen_max > stage::EXPOSURE_MAX_MINOR;
        self.compared.cards_beyond_cap.saturating_add(u64::from(is_beyond))
    }

    /// Prints every count.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn print(&self) -> Result<(), Problem> {
        self.lines().iter().try_for_each(|line| report::line(line))
    }

    fn lines(&self) -> Vec<String> {
        let compared = &self.compared;
        let yes_or_no = |is: bool| if is { "yes" } else { "no" };
        let (healthy, open) = (p99(&self.healthy), p99(&self.open));
        let mut lines = vec![
            format!("callbacks: {}", self.callbacks),
            format!("rate: {} a second, of {} in closed loop", self.rate, self.capacity),
            format!("late: {}", self.late_in_all()),
        ];
        lines.extend(self.late.iter().map(|(deadline, late)| format!("late, deadline {deadline} ms: {late}")));
        lines.extend(
            self.late_by_phase.iter().filter(|(_, late)| *late > 0).map(|(phase, late)| format!("late, {phase}: {late}")),
        );
        lines.extend([
            format!("missing: {}", self.missing),
            format!("approvals without record: {}", compared.without_record),
            format!("caps exceeded: {}", self.caps_exceeded()),
            format!("spool drained: {}", yes_or_no(self.is_drained)),
            format!("told and held equal: {}", yes_or_no(compared.is_equal())),
            format!("cut off by the kill, and asked again: {}", self.cut_off),
            format!("from the kill until a process took connections: {}", millis(self.no_process)),
            format!("asked again: {}", self.asked_again),
            format!("asked again, and told otherwise: {}", self.retold),
            format!("approved: {}, in minor units {}", compared.approved, compared.approved_minor),
            format!("held, in minor units: {}", compared.held_minor),
            format!("held with another amount: {}", compared.other_amount),
            format!("held, and not approved: {}", compared.not_told),
            format!("stand-in answers: {}", compared.stand_in),
            format!("approvals among stand-in answers: {} %", self.approvals_percent()),
            format!("cards at their cap of {}: {}", stage::CARD_COUNT_MAX, compared.cards_at_cap),
            format!("at risk at most, in minor units: {} of {}", self.exposure_seen_max, stage::EXPOSURE_MAX_MINOR),
            format!("answers without a line of telemetry: {}", self.grounds_unknown),
            format!("p99, ledger healthy: {}", millis(healthy)),
            format!("p99, breaker open: {}, {} x healthy", millis(open), ratio(open, healthy)),
            format!("sent late by the load itself, at most: {}", millis(self.sent_late_max)),
            self.drain.line(),
            format!("drained: {} entries a second, target {DRAIN_TARGET}", self.drain.rate()),
        ]);
        lines
    }

    fn approvals_percent(&self) -> u64 {
        let Compared { stand_in, stand_in_approved, .. } = self.compared;
        stand_in_approved.saturating_mul(100).checked_div(stand_in).unwrap_or(0)
    }

    /// Whether the run proves what it is meant to prove. Times are the machine's, and fail nothing.
    ///
    /// # Errors
    /// What is not as it must be.
    pub fn verdict(&self, lateness: Lateness) -> Result<(), Problem> {
        let compared = &self.compared;
        let mut wrong = Vec::new();
        for (is_wrong, what) in [
            (self.late_in_all() > 0 && lateness == Lateness::OfTheServer, "answers were late".to_owned()),
            (self.missing > 0, format!("answers are missing: {}", self.first_missing.as_deref().unwrap_or("not decisions"))),
            (compared.without_record > 0, "approvals have no record".to_owned()),
            (self.caps_exceeded() > 0, "a cap was exceeded".to_owned()),
            (!self.is_drained, "the spool is not empty".to_owned()),
            (!compared.is_equal(), "what was told is not what is held".to_owned()),
            (self.retold > 0, "somebody who asked again heard something else".to_owned()),
            (self.approvals_percent() < APPROVALS_PERCENT_MIN, "stand-in approved too little to prove anything".to_owned()),
            (compared.cards_at_cap == 0, "no cap was reached".to_owned()),
        ] {
            if is_wrong {
                wrong.push(what);
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(Problem::new(wrong.join("; "))) }
    }
}

impl Drain {
    fn line(&self) -> String {
        let Drain { entries, left, took } = *self;
        match left {
            0 => format!("spool when the ledger came back: {entries} entries, empty after {}", millis(took)),
            left => format!(
                "spool when the ledger came back: {entries} entries, and {left} when it hung again after {}",
                millis(took)
            ),
        }
    }

    fn rate(&self) -> u64 {
        per_second(self.entries.saturating_sub(self.left), self.took)
    }
}

fn p99(latencies: &[Duration]) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let place = sorted.len().saturating_mul(99) / 100;
    sorted.get(place).or(sorted.last()).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

/// With two decimal places.
fn ratio(one: Duration, other: Duration) -> String {
    match one.as_nanos().saturating_mul(100).checked_div(other.as_nanos()) {
        Some(hundredths) => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognition::Told;

    fn good() -> Findings {
        let compared = Compared { stand_in: 10, stand_in_approved: 4, cards_at_cap: 1, ..Compared::default() };
        Findings {
            callbacks: 100,
            rate: 10,
            capacity: 20,
            late: vec![(200, 0), (3000, 0)],
            late_by_phase: vec![("kill", 0)],
            missing: 0,
            first_missing: None,
            cut_off: 3,
            no_process: Duration::ZERO,
            retold: 0,
            asked_again: 5,
            grounds_unknown: 0,
            compared,
            exposure_seen_max: 5,
            healthy: vec![Duration::from_micros(2000)],
            open: vec![Duration::from_micros(3010)],
            sent_late_max: Duration::ZERO,
            drain: Drain { entries: 100, left: 0, took: Duration::from_millis(5) },
            is_drained: true,
        }
    }

    #[test]
    fn every_count_has_a_line_and_everything_wrong_fails() {
        let lines = good().lines();
        for line in [
            "late: 0",
            "missing: 0",
            "approvals without record: 0",
            "caps exceeded: 0",
            "spool drained: yes",
            "told and held equal: yes",
            "approvals among stand-in answers: 40 %",
            "p99, breaker open: 3.01 ms, 1.50 x healthy",
            "drained: 20000 entries a second, target 20000",
        ] {
            assert!(lines.iter().any(|printed| printed == line), "{line}");
        }
        assert!(good().verdict(Lateness::OfTheServer).is_ok());
        let bad: [fn(&mut Findings); 9] = [
            |findings| findings.late = vec![(200, 1)],
            |findings| findings.missing = 1,
            |findings| findings.compared.without_record = 1,
            |findings| findings.compared.cards_beyond_cap = 1,
            |findings| findings.exposure_seen_max = i64::MAX,
            |findings| findings.is_drained = false,
            |findings| findings.compared.not_told = 1,
            |findings| findings.retold = 1,
            |findings| findings.compared.stand_in_approved = 3,
        ];
        for (place, spoil) in bad.into_iter().enumerate() {
            let mut findings = good();
            spoil(&mut findings);
            assert!(findings.verdict(Lateness::OfTheServer).is_err(), "{place}");
            assert_eq!(findings.verdict(Lateness::OfTheMachine).is_ok(), place == 0, "{place}");
        }
    }

    #[test]
    fn late_counts_from_the_intended_time() {
        let ms = Duration::from_millis;
        let heard = |sent, ended, told| Heard { number: 0, due: ms(100), sent: ms(sent), ended: ms(ended), asked_minor: 1, told };
        assert_eq!(late(&[heard(100, 300, Some(Told::Approved))], ms(200)), 0);
        assert_eq!(late(&[heard(290, 301, Some(Told::Declined))], ms(200)), 1);
        assert_eq!(late(&[heard(100, 900, None)], ms(200)), 0);
    }
}

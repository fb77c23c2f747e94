//! The phases of a run, by its clock, and which of them what was heard belongs to. Plays nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::clock::Clock;
use crate::outage::asking::Heard;
use crate::outage::grounds::Grounds;
use crate::outage::report;
use crate::outage::script::LOOKED_EVERY;
use crate::outage::stage::MOUNTS;

/// When what happens, in thousandths of the run.
const HANGS_AT: u32 = 150;
const COMES_BACK_AT: u32 = 650;
const HANGS_AGAIN_AT: u32 = 800;
const KILLED_AT: u32 = 850;
/// From the hang on, until which the breaker is surely open.
pub const BREAKER_OPENS: Duration = Duration::from_secs(1);

/// Moments of the run's clock.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    pub start: Duration,
    pub hangs: Duration,
    pub comes_back: Duration,
    pub hangs_again: Duration,
    pub killed: Duration,
}

pub fn moments(clock: &Clock, callbacks: u64, rate: NonZeroU32) -> Moments {
    let start = clock.elapsed();
    let length = Duration::from_millis(callbacks.saturating_mul(1000).checked_div(u64::from(rate.get())).unwrap_or(0));
    let at = |thousandths: u32| start.saturating_add(length.saturating_mul(thousandths).checked_div(1000).unwrap_or_default());
    Moments { start, hangs: at(HANGS_AT), comes_back: at(COMES_BACK_AT), hangs_again: at(HANGS_AGAIN_AT), killed: at(KILLED_AT) }
}

/// Whether there was no answer because there was no server.
pub fn is_cut_off(heard: &Heard, killed: Duration, back: Duration) -> bool {
    heard.told.is_none() && heard.ended >= killed && heard.sent <= back
}

/// Late answers, by when their questions were due.
pub fn late_by_phase(runs: &[Vec<Heard>], moments: Moments, (killed, back): (Duration, Duration)) -> Vec<(&'static str, u64)> {
    let phases = [
        ("ledger healthy", moments.start, moments.hangs),
        ("hang begins", moments.hangs, moments.hangs.saturating_add(BREAKER_OPENS)),
        ("breaker open", moments.hangs.saturating_add(BREAKER_OPENS), moments.comes_back),
        ("ledger comes back", moments.comes_back, moments.hangs_again),
        ("second hang", moments.hangs_again, killed),
        ("kill", killed, back),
        ("after the kill", back, Duration::MAX),
    ];
    let late = |from: Duration, to: Duration| {
        let by_mount = MOUNTS.iter().zip(runs).map(|((_, _, ms), heard)| {
            let within: Vec<Heard> = heard.iter().filter(|heard| heard.due >= from && heard.due < to).copied().collect();
            report::late(&within, Duration::from_millis(*ms))
        });
        by_mount.sum()
    };
    phases.into_iter().map(|(name, from, to)| (name, late(from, to))).collect()
}

/// Whether it was sent when there was no server.
pub fn is_unserved(heard: &Heard, killed: Duration, back: Duration) -> bool {
    heard.sent >= killed && heard.sent < back
}

pub fn latencies(runs: &[Vec<Heard>], from: Duration, to: Duration) -> Vec<Duration> {
    let within = runs.iter().flatten().filter(|heard| heard.told.is_some() && heard.due >= from && heard.due < to);
    within.map(|heard| heard.ended.saturating_sub(heard.due)).collect()
}

/// While no sync returns, whatever is approved is stand-in's.
pub fn grounds_by_time(heard: &Heard, moments: Moments, killed: Duration) -> Grounds {
    let hung = |from: Duration, to: Duration| heard.sent >= from && heard.ended <= to;
    let is_stand_in = hung(moments.hangs, moments.comes_back) || hung(moments.hangs_again, killed.saturating_add(LOOKED_EVERY));
    if is_stand_in && heard.told.is_some() { Grounds::StandIn } else { Grounds::Ledger }
}

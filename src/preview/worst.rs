//! The worst outage: of all that begin at one of the questions, with nothing unconfirmed, the one that puts the most at risk. Answers
//! nothing about single questions.

use std::collections::VecDeque;
use std::time::Duration;

use holdfast_core::stand_in::{CapCounters, Caps, Share, StandInAnswer};
use holdfast_core::{Money, Timestamp};

use super::{Asked, Questions};

/// After so many questions in all the outages that were tried, the rest is only bounded.
pub(super) const TRIED_MAX: usize = 4_000_000;

/// The most that an outage puts at risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    /// In minor units, as was found.
    pub exposure: i64,
    /// When, by the question that made it so; nothing where none of those that were tried approves anything.
    pub at: Option<Timestamp>,
    /// More than this none does, also of those that were not tried.
    pub at_most: i64,
}

/// An outage that begins at a question.
struct Outage {
    /// The questions in it.
    from: usize,
    to: usize,
    /// It cannot put more at risk.
    at_most: i64,
}

impl Questions {
    /// The worst outage of this length under these caps, when so many questions may be tried; `None` where none approves anything.
    pub(super) fn worst(&self, caps: &Caps, length: Duration, tried_max: usize) -> Option<Worst> {
        // A clock that was set back leaves records out of their time's order.
        let mut asked: Vec<&Asked> = self.asked.iter().collect();
        asked.sort_by_key(|asked| asked.at);
        let mut outages = outages(&asked, caps, length);
        outages.sort_by_key(|outage| (std::cmp::Reverse(outage.at_most), outage.from));
        let (mut worst, mut tried) = (Worst { exposure: 0, at: None, at_most: 0 }, 0_usize);
        for outage in outages {
            if outage.at_most <= worst.exposure {
                break;
            }
            if tried > tried_max {
                return Some(Worst { at_most: outage.at_most, ..worst });
            }
            let within = asked.get(outage.from..outage.to).unwrap_or_default();
            tried = tried.saturating_add(within.len());
            if let Some((exposure, at)) = played(within, caps).filter(|(exposure, _)| *exposure > worst.exposure) {
                worst = Worst { exposure, at: Some(at), at_most: exposure };
            }
        }
        worst.at.map(|_| worst)
    }
}

/// Those that begin with a question that a row approves, and what they put at risk if no cap but the exposure's objects.
fn outages(asked: &[&Asked], caps: &Caps, length: Duration) -> Vec<Outage> {
    let exposure_max = caps.exposure_max.map_or(i64::MAX, Money::minor);
    let (mut outages, mut sum, mut ahead): (_, i128, VecDeque<i64>) = (Vec::new(), 0, VecDeque::new());
    let mut to = 0_usize;
    for (from, first) in asked.iter().enumerate() {
        let over = first.at.saturating_add(length);
        let mut more = asked.iter().skip(to);
        while let Some(asked) = more.next().filter(|asked| to == from || asked.at < over) {
            let amount = risked(asked);
            sum = sum.saturating_add(amount.into());
            ahead.push_back(amount);
            to = to.saturating_add(1);
        }
        if risked(first) > 0 {
            outages.push(Outage { from, to, at_most: i64::try_from(sum).unwrap_or(i64::MAX).min(exposure_max) });
        }
        sum = sum.saturating_sub(ahead.pop_front().unwrap_or(0).into());
    }
    outages
}

/// What a row puts at risk, before caps.
fn risked(asked: &Asked) -> i64 {
    match asked.proposal.uncapped().0 {
        StandInAnswer::Approve { amount } if asked.proposal.name().is_some() => amount.minor().max(0),
        StandInAnswer::Approve { .. } | StandInAnswer::Decline { .. } | StandInAnswer::Abstain(_) => 0,
    }
}

/// What is at risk at the end of an outage of these questions, and by which of them; nothing is confirmed meanwhile.
fn played(within: &[&Asked], caps: &Caps) -> Option<(i64, Timestamp)> {
    let mut counters = CapCounters::new(&[caps], Share::WHOLE, within.len().saturating_add(1));
    let mut last = None;
    for asked in within.iter().filter(|asked| asked.proposal.name().is_some()) {
        let before = counters.exposure();
        // What it is told does not matter here.
        let _ = counters.try_take(0, &asked.proposal);
        if counters.exposure() > before {
            last = Some((counters.exposure(), asked.at));
        }
    }
    last
}

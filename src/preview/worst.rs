//! The worst outage: of all that begin at one of the questions, with nothing unconfirmed, the one that puts the most at risk. Answers
//! nothing about single questions.

use std::collections::VecDeque;
use std::time::Duration;

use holdfast_core::stand_in::{CapCounters, Caps, Share, StandInAnswer};
use holdfast_core::{Money, Timestamp};

use super::{Asked, Questions};

/// After so many questions in all the outages that were tried, the rest is only bounded.
const TRIED_MAX: usize = 4_000_000;

/// The most that an outage puts at risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    /// In minor units.
    pub exposure: i64,
    /// When, by the question that made it so.
    pub at: Timestamp,
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
    /// The worst outage of this length under these caps; `None` where none approves anything.
    pub(super) fn worst(&self, caps: &Caps, length: Duration) -> Option<Worst> {
        let mut outages = self.outages(caps, length);
        outages.sort_by_key(|outage| (std::cmp::Reverse(outage.at_most), outage.from));
        let (mut worst, mut tried): (Option<Worst>, usize) = (None, 0);
        for outage in outages {
            let most = worst.map_or(0, |worst| worst.exposure);
            if outage.at_most <= most {
                break;
            }
            if tried > TRIED_MAX {
                return worst.map(|worst| Worst { at_most: outage.at_most, ..worst });
            }
            let within = self.asked.get(outage.from..outage.to).unwrap_or_default();
            tried = tried.saturating_add(within.len());
            if let Some((exposure, at)) = played(within, caps).filter(|(exposure, _)| *exposure > most) {
                worst = Some(Worst { exposure, at, at_most: exposure });
            }
        }
        worst
    }

    /// Those that begin with a question that a row approves, and what they put at risk if no cap but the exposure's objects.
    fn outages(&self, caps: &Caps, length: Duration) -> Vec<Outage> {
        let exposure_max = caps.exposure_max.map_or(i64::MAX, Money::minor);
        let (mut outages, mut sum, mut ahead): (_, i64, VecDeque<i64>) = (Vec::new(), 0, VecDeque::new());
        let mut to = 0_usize;
        for (from, first) in self.asked.iter().enumerate() {
            let over = first.at.saturating_add(length);
            let mut more = self.asked.iter().skip(to);
            while let Some(asked) = more.next().filter(|asked| to == from || asked.at < over) {
                let amount = risked(asked);
                sum = sum.saturating_add(amount);
                ahead.push_back(amount);
                to = to.saturating_add(1);
            }
            if risked(first) > 0 {
                outages.push(Outage { from, to, at_most: sum.min(exposure_max) });
            }
            sum = sum.saturating_sub(ahead.pop_front().unwrap_or(0));
        }
        outages
    }
}

/// What a row puts at risk, before caps.
fn risked(asked: &Asked) -> i64 {
    match asked.proposal.uncapped().0 {
        StandInAnswer::Approve { amount } if asked.proposal.name().is_some() => amount.minor().max(0),
        StandInAnswer::Approve { .. } | StandInAnswer::Decline { .. } | StandInAnswer::Abstain(_) => 0,
    }
}

/// What is at risk at the end of an outage of these questions, and by which of them; nothing is confirmed meanwhile.
fn played(within: &[Asked], caps: &Caps) -> Option<(i64, Timestamp)> {
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

//! Changes of policies among many objects: how long until one is in force, and what a hundred a second cost those who ask meanwhile.
//! What it asks for is decided and held like everything else, and counted by the contender.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use crate::agents::office::{Office, Policy};
use crate::callbacks::Population;
use crate::clock::Clock;
use crate::drive::Tally;
use crate::figure::{Figure, Unit};
use crate::figures::bench::{Bench, DECLINED_MINOR};
use crate::figures::contender::{self, Contender};
use crate::figures::rounds::median;
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::report::{decimal, hundredths, micros, nanos};
use crate::schedule::Schedule;

/// What the imported policies allow at most: more than what is asked for, and less than what is to be declined.
const USUAL_MINOR: i64 = 50_000;
/// What no question asks for so little as.
const NEXT_TO_NOTHING_MINOR: i64 = 1;
/// The first number of what is asked about one card: far from those of all, and from each other.
const FIRST_OF_ONE: u64 = 1 << 40;
/// How many connections change policies at once.
const DESKS: u32 = 16;
/// How many policies each of them changes in turn.
const POLICIES_A_DESK: u64 = 8;
/// How often it is asked until a change is in force.
const ASKED_MAX: u32 = 10_000;
/// How much later than the last answer a change may be done that was due before it.
const GRACE: Duration = Duration::from_millis(250);

const IN_FORCE_MAX: Duration = Duration::from_millis(50);
/// In hundredths.
const P99_TIMES_MAX: u64 = 150;

/// How much of it is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many changes are watched until they are in force.
    pub changes: NonZeroU32,
    /// How many pairs of runs there are, without changes and with them.
    pub pairs: NonZeroU32,
    /// How many changes a second there are in the latter.
    pub per_second: NonZeroU32,
}

/// One pair of runs.
#[derive(Debug, Clone, Copy, Serialize)]
struct Pair {
    p99_without_ns: u64,
    p99_with_ns: u64,
    /// Changes that were acknowledged while the run lasted.
    changes: u64,
    /// And that were due.
    changes_due: u64,
    took_ns: u64,
    missing: u64,
    late: u64,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Changes {
    /// From the sending of a change to the first answer that keeps to it, each.
    in_force_ns: Vec<u64>,
    /// The same until the change was acknowledged.
    acknowledged_ns: Vec<u64>,
    /// Changes that were in force at the first question after that.
    at_once: u64,
    rate_per_second: u32,
    pairs: Vec<Pair>,
}

/// Measures both.
///
/// # Errors
/// A change is refused, or never in force; the server is gone.
pub async fn measure(setting: &Setting, bench: &Bench, contender: &mut Contender, plan: Plan) -> Result<Changes, Problem> {
    let rate = NonZeroU32::new(contender.open_rate).unwrap_or(NonZeroU32::MIN);
    let mut changes = Changes {
        in_force_ns: Vec::new(),
        acknowledged_ns: Vec::new(),
        at_once: 0,
        rate_per_second: rate.get(),
        pairs: Vec::new(),
    };
    changes.watch(bench, contender, plan.changes).await?;
    for number in 0..plan.pairs.get() {
        // Each goes first as often as the other.
        let (without, with) = if number.is_multiple_of(2) {
            let without = undisturbed(setting, contender, rate).await?;
            (without, disturbed(setting, bench, contender, rate, plan.per_second).await?)
        } else {
            let with = disturbed(setting, bench, contender, rate, plan.per_second).await?;
            (undisturbed(setting, contender, rate).await?, with)
        };
        changes.pairs.push(Pair::of(&without, &with));
    }
    Ok(changes)
}

async fn undisturbed(setting: &Setting, contender: &mut Contender, rate: NonZeroU32) -> Result<Tally, Problem> {
    let tally = contender.open_once(Schedule::new(rate, setting.seconds)).await?;
    contender.until_nothing_is_left().await?;
    Ok(tally)
}

/// A run while policies are changed.
struct Disturbed {
    tally: Tally,
    changes: u64,
    changes_due: u64,
}

async fn disturbed(
    setting: &Setting,
    bench: &Bench,
    contender: &mut Contender,
    rate: NonZeroU32,
    per_second: NonZeroU32,
) -> Result<Disturbed, Problem> {
    let (address, cards) = (contender.places()?.listen, bench.population().cards);
    let mut desks = JoinSet::new();
    let seats = per_second.get().min(DESKS);
    let mut ready = Vec::new();
    for seat in 0..seats {
        ready.push(Desk::open(address, seat, seats, cards).await?);
    }
    let clock = Clock::start();
    for desk in ready {
        let (clock, length) = (clock.clone(), setting.seconds);
        desks.spawn_local(desk.keep_changing(clock, per_second, length));
    }
    let tally = contender.open_once(Schedule::new(rate, setting.seconds)).await?;
    let end = tally.took.saturating_add(GRACE);
    let (mut changes, mut changes_due) = (0_u64, 0_u64);
    while let Some(desk) = desks.join_next().await {
        for done in desk.map_err(Problem::doing("changing policies"))?? {
            changes_due = changes_due.saturating_add(1);
            changes = changes.saturating_add(u64::from(done <= end));
        }
    }
    contender.until_nothing_is_left().await?;
    Ok(Disturbed { tally, changes, changes_due })
}

/// One connection that changes some policies in turn.
struct Desk {
    office: Office,
    seat: u32,
    seats: NonZeroU32,
    policies: Vec<Policy>,
}

impl Desk {
    async fn open(address: SocketAddr, seat: u32, seats: u32, cards: u64) -> Result<Self, Problem> {
        let mut office = Office::open(address).await?;
        let (all, mut policies) = (u64::from(seats).saturating_mul(POLICIES_A_DESK).min(cards).max(1), Vec::new());
        let apart = cards.checked_div(all).unwrap_or(1);
        for place in (u64::from(seat)..all).step_by(usize::try_from(seats).unwrap_or(1).max(1)) {
            policies.push(office.read(place.saturating_mul(apart)).await?);
        }
        Ok(Desk { office, seat, seats: NonZeroU32::new(seats).unwrap_or(NonZeroU32::MIN), policies })
    }

    /// Changes as its part of all comes due; when each was acknowledged.
    async fn keep_changing(mut self, clock: Clock, rate: NonZeroU32, length: NonZeroU32) -> Result<Vec<Duration>, Problem> {
        let (mut done, count) = (Vec::new(), self.policies.len().max(1));
        let seats = usize::try_from(self.seats.get()).unwrap_or(1);
        let own = Schedule::new(rate, length).skip(usize::try_from(self.seat).unwrap_or(0)).step_by(seats);
        for (number, due) in own.enumerate() {
            clock.wait_coarsely_until(due).await;
            let place = number.checked_rem(count).unwrap_or(0);
            let Some(policy) = self.policies.get_mut(place) else { break };
            let minor = another(policy);
            self.office.allow_at_most(policy, minor).await?;
            done.push(clock.elapsed());
        }
        Ok(done)
    }
}

/// What a policy allows at most after a change: never what it allowed before, and always more than is asked for and is to be approved.
const fn another(policy: &Policy) -> i64 {
    match policy.version % 2 {
        0 => USUAL_MINOR - 1,
        _ => USUAL_MINOR - 2,
    }
}

impl Pair {
    fn of(without: &Tally, with: &Disturbed) -> Self {
        let p99 = |tally: &Tally| tally.latency.value_at_quantile(0.99);
        Pair {
            p99_without_ns: p99(without),
            p99_with_ns: p99(&with.tally),
            changes: with.changes,
            changes_due: with.changes_due,
            took_ns: nanos(with.tally.took),
            missing: without.missing.saturating_add(with.tally.missing),
            late: without.late.saturating_add(with.tally.late),
        }
    }

    fn times(&self) -> u64 {
        hundredths(u128::from(self.p99_with_ns), u128::from(self.p99_without_ns))
    }
}

impl Changes {
    /// Forbids and allows what some cards pay, spread over all of them, and asks each time until the answer is another.
    async fn watch(&mut self, bench: &Bench, contender: &mut Contender, count: NonZeroU32) -> Result<(), Problem> {
        let (address, all) = (contender.places()?.listen, bench.population());
        let mut office = Office::open(address).await?;
        let cards = u64::from(count.get().div_ceil(2)).min(all.cards);
        let apart = all.cards.checked_div(cards).unwrap_or(1);
        let wanted = usize::try_from(count.get()).unwrap_or(usize::MAX);
        for turn in 0_u64.. {
            if self.in_force_ns.len() >= wanted {
                break;
            }
            let number = turn.checked_rem(cards).unwrap_or(0).saturating_mul(apart);
            let one = Population { cards: 1, card: all.card_token(number), cardholder: all.cardholder_token(number) };
            let first = FIRST_OF_ONE.saturating_add(turn << 20);
            let load = contender::load_of((address, NonZeroUsize::MIN), bench, 1000, one, first)?;
            let mut policy = office.read(number).await?;
            // Connects, and shows that it is as it should be.
            contender.ask_once(&load).await?;
            for minor in [NEXT_TO_NOTHING_MINOR, USUAL_MINOR] {
                let clock = Clock::start();
                office.allow_at_most(&mut policy, minor).await?;
                self.acknowledged_ns.push(nanos(clock.elapsed()));
                let mut asked = 0_u32;
                loop {
                    let tally = contender.ask_once(&load).await?;
                    let is_allowed = minor == USUAL_MINOR;
                    if tally.answered() > 0 && (tally.approved > 0) == is_allowed {
                        break;
                    }
                    asked = asked.saturating_add(1);
                    if asked > ASKED_MAX {
                        return Err(Problem::new(format!("a change of the policy of card {number} is never in force")));
                    }
                }
                self.in_force_ns.push(nanos(clock.elapsed()));
                self.at_once = self.at_once.saturating_add(u64::from(asked == 0));
            }
        }
        Ok(())
    }

    fn worst(&self) -> u64 {
        self.in_force_ns.iter().copied().max().unwrap_or(u64::MAX)
    }

    /// The figures beside their targets.
    pub fn figures(&self) -> [Figure; 2] {
        let times = median(self.pairs.iter().map(Pair::times));
        [
            Figure::at_most("change in force, the slowest", Unit::Nanoseconds, nanos(IN_FORCE_MAX), self.worst()),
            Figure::at_most("p99 with changes, of that without", Unit::HundredthsOfTimes, P99_TIMES_MAX, times),
        ]
    }

    /// What they are made of.
    pub fn lines(&self) -> Vec<String> {
        let middle = |values: &[u64]| micros(median(values.iter().copied()));
        let mut lines = vec![
            format!(
                "{} changes watched: in force after {} (median), {} at most; {} of them at the first question",
                self.in_force_ns.len(),
                middle(&self.in_force_ns),
                micros(self.worst()),
                self.at_once
            ),
            format!("  acknowledged after {} (median)", middle(&self.acknowledged_ns)),
            format!("pairs of runs in open loop at {}/s, without changes and with them:", self.rate_per_second),
        ];
        lines.extend(self.pairs.iter().map(|pair| {
            let (without, with) = (micros(pair.p99_without_ns), micros(pair.p99_with_ns));
            let (made, due, took) = (pair.changes, pair.changes_due, micros(pair.took_ns));
            let (missing, late, times) = (pair.missing, pair.late, decimal(pair.times()));
            format!("  p99 {without}, {with}: {times} ×; {made} of {due} changes made in {took}; {missing} missing, {late} late")
        }));
        lines
    }

    /// Whether there were as many changes as there should have been.
    ///
    /// # Errors
    /// There were fewer, and so the figure is of something else.
    pub fn verdict(&self) -> Result<(), Problem> {
        let short = self.pairs.iter().find(|pair| pair.changes < pair.changes_due);
        short.map_or(Ok(()), |pair| {
            let Pair { changes, changes_due, .. } = pair;
            Err(Problem::new(format!(
                "only {changes} of {changes_due} changes were made while questions came: its p99 is of fewer; say fewer --changes-a-second"
            )))
        })
    }
}

// What the policies usually allow must not let through what is to be declined.
const _: () = assert!(USUAL_MINOR < DECLINED_MINOR);

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(pairs: &[(u64, u64, u64)]) -> Changes {
        let pair = |(without, with, changes): &(u64, u64, u64)| Pair {
            p99_without_ns: *without,
            p99_with_ns: *with,
            changes: *changes,
            changes_due: 100,
            took_ns: 1,
            missing: 0,
            late: 0,
        };
        Changes {
            in_force_ns: vec![1, 50_000_000, 2],
            acknowledged_ns: vec![1],
            at_once: 3,
            rate_per_second: 1,
            pairs: pairs.iter().map(pair).collect(),
        }
    }

    #[test]
    fn the_slowest_change_and_the_median_pair_count() {
        let met = |changes: &Changes| changes.figures().map(|figure| figure.line().ends_with("  met"));
        let mut few = changes(&[(100, 900, 100), (100, 150, 100), (100, 90, 100)]);
        assert_eq!(met(&few), [true, true]);
        few.in_force_ns.push(50_000_001);
        assert_eq!(met(&few), [false, true]);
        assert_eq!(met(&changes(&[(100, 151, 100), (100, 900, 100), (100, 1, 100)])), [true, false]);
    }

    #[test]
    fn a_run_with_fewer_changes_is_no_figure() {
        assert!(changes(&[(1, 1, 100)]).verdict().is_ok());
        assert!(changes(&[(1, 1, 100), (1, 1, 99)]).verdict().is_err());
    }
}

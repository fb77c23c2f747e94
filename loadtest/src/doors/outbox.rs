//! Whether webhooks keep up: a door is asked at a fixed rate while an endpoint of this run's own takes every event, and the server says
//! how far the endpoint is behind. Its end is a comparison of what the endpoint heard with what callers were told.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Clock;
use crate::doors::receiver::Receiver;
use crate::doors::stage::{self, Door, Told};
use crate::figure::{Figure, Unit};
use crate::figures::bench::{People, Sync};
use crate::figures::contender::Contender;
use crate::figures::metrics;
use crate::figures::rounds::median;
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::progress;
use crate::report::{Form, hundredths, micros, nanos};
use crate::schedule::Schedule;

/// The door whose events are sent.
pub const DOOR: Door = Door::Authorizations;
/// How often the server is asked how far the endpoint is behind.
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// How long what is left may take after the last answer.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// How many of ten thousand decisions may be added to what waits, from the first quarter to the last: what cannot be told from none.
const GROWTH_MAX: u64 = 100;

/// How far the endpoint was behind at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// From the start of the run.
    at: Duration,
    lag: u64,
    waiting: u64,
}

impl Look {
    async fn take(operators: SocketAddr, at: Duration) -> Result<Self, Problem> {
        let page = metrics::fetch(operators, "/metrics").await?;
        let gauge =
            |name: &str| metrics::sum(&page, name).ok_or_else(|| Problem::new(format!("the server does not tell {name}")));
        Ok(Look { at, lag: gauge("holdfast_webhook_lag_records")?, waiting: gauge("holdfast_webhook_waiting")? })
    }
}

/// One quarter of the run; medians of the looks in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Quarter {
    looks: u64,
    /// Durable records of which the endpoint was not told yet, and the most that there were.
    lag: u64,
    lag_max: u64,
    /// Events that were not taken at once, and those behind them.
    waiting: u64,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Outbox {
    rate_per_second: u32,
    seconds: u32,
    quarters: [Quarter; 4],
    /// From the last answer until nothing was left; `None` if it was not.
    drained_ns: Option<u64>,
    /// What callers were told, from the first request on.
    approved: u64,
    declined: u64,
    refused: u64,
    missing: u64,
    late: u64,
    /// What the endpoint heard, each event once.
    events: u64,
    events_approved: u64,
    events_declined: u64,
    again: u64,
    unreadable: u64,
}

/// Lets a door be asked at a rate, for so long, with an endpoint for all of its events.
///
/// # Errors
/// The server does not start, or does not tell what it is asked.
pub async fn measure(
    setting: &Setting,
    work_dir: &Path,
    people: People,
    (rate, seconds): (NonZeroU32, NonZeroU32),
    form: Form,
) -> Result<Outbox, Problem> {
    let receiver = Receiver::start().await?;
    let bench = stage::write(work_dir, DOOR, people, Told::Receiver(receiver.address))?;
    let mut contender = Contender::holdfast(setting, &bench, Sync::Full).await?;
    let operators = contender.counters();
    drained(operators).await?;
    let looks = RefCell::new(Vec::new());
    let asking = contender.open_once(Schedule::new(rate, seconds));
    let asked = async {
        tokio::select! {
            tally = asking => tally,
            problem = watch(operators, &looks) => Err(problem),
        }
    };
    let tally = progress::wait(form, "the outbox, at half of the door's capacity", asked).await?;
    let drained = progress::wait(form, "waiting for the last events", drained(operators)).await?;
    let received = receiver.received();
    let outbox = Outbox {
        rate_per_second: rate.get(),
        seconds: seconds.get(),
        quarters: quarters(&looks.into_inner(), Duration::from_secs(u64::from(seconds.get()))),
        drained_ns: drained.map(nanos),
        approved: contender.approved,
        declined: contender.declined,
        refused: contender.refused,
        missing: contender.missing,
        late: tally.late,
        events: received.all(),
        events_approved: received.of("authorization.approved"),
        events_declined: received.of("authorization.declined"),
        again: received.again,
        unreadable: received.unreadable,
    };
    contender.stop().await?;
    Ok(outbox)
}

/// Looks until nobody wants to know any more; why it could not.
async fn watch(operators: SocketAddr, looks: &RefCell<Vec<Look>>) -> Problem {
    let clock = Clock::start();
    loop {
        match Look::take(operators, clock.elapsed()).await {
            Ok(look) => looks.borrow_mut().push(look),
            Err(problem) => return problem,
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
}

/// Waits until the endpoint was told everything; how long that took, `None` if it takes too long.
async fn drained(operators: SocketAddr) -> Result<Option<Duration>, Problem> {
    let (clock, mut quiet_since) = (Clock::start(), None);
    while clock.elapsed() < DRAINED_WITHIN {
        let look = Look::take(operators, clock.elapsed()).await?;
        match (look.lag == 0 && look.waiting == 0, quiet_since) {
            // Twice: the first look may be before the last records are seen.
            (true, Some(since)) => return Ok(Some(since)),
            (true, None) => quiet_since = Some(look.at),
            (false, _) => quiet_since = None,
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
    Ok(None)
}

fn quarters(looks: &[Look], length: Duration) -> [Quarter; 4] {
    let quarter = |number: u32| {
        let edge = |number: u32| length.saturating_mul(number).checked_div(4).unwrap_or(length);
        let (from, to) = (edge(number), edge(number.saturating_add(1)));
        let within = || looks.iter().filter(move |look| look.at >= from && look.at < to);
        Quarter {
            looks: u64::try_from(within().count()).unwrap_or(u64::MAX),
            lag: median(within().map(|look| look.lag)),
            lag_max: within().map(|look| look.lag).max().unwrap_or(0),
            waiting: median(within().map(|look| look.waiting)),
        }
    };
    [quarter(0), quarter(1), quarter(2), quarter(3)]
}

impl Outbox {
    /// The figures beside their targets.
    pub fn figures(&self) -> [Figure; 2] {
        let growth = |of: fn(&Quarter) -> u64| {
            let [first, _, _, last] = &self.quarters;
            let more = u128::from(of(last).saturating_sub(of(first)));
            // From the middle of the first quarter to that of the last.
            let decided = u128::from(self.rate_per_second).saturating_mul(u128::from(self.seconds)).saturating_mul(3) / 4;
            hundredths(more.saturating_mul(100), decided)
        };
        let unit = Unit::HundredthsOfPercent;
        [
            Figure::at_most("outbox: growth, of what was decided", unit, GROWTH_MAX, growth(|quarter| quarter.lag)),
            Figure::at_most("outbox: growth of what waits, the same", unit, GROWTH_MAX, growth(|quarter| quarter.waiting)),
        ]
    }

    /// What the figures are made of.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("outbox: every event to one endpoint, {}/s for {} s at {DOOR:?}", self.rate_per_second, self.seconds),
            format!("{:<30}{:>14}{:>14}{:>14}{:>14}", "", "1st quarter", "2nd", "3rd", "4th"),
        ];
        let mut row = |name: &str, of: fn(&Quarter) -> u64| {
            let cells: String = self.quarters.iter().map(|quarter| format!("{:>14}", of(quarter))).collect();
            lines.push(format!("{name:<30}{cells}"));
        };
        row("  records not told, median", |quarter| quarter.lag);
        row("  most", |quarter| quarter.lag_max);
        row("  events waiting, median", |quarter| quarter.waiting);
        lines.push(match self.drained_ns {
            Some(took) => format!("  nothing left after the last answer: {}", micros(took)),
            None => format!("  NOT EVERYTHING SENT within {DRAINED_WITHIN:?} after the last answer"),
        });
        lines.push(format!("  told: {} approved, {} declined, {} late", self.approved, self.declined, self.late));
        lines.push(format!("  missing: {}, refused: {}", self.missing, self.refused));
        lines.push(format!(
            "  events: {} ({} approved, {} declined), {} of them sent again",
            self.events, self.events_approved, self.events_declined, self.again
        ));
        lines
    }

    /// Whether the endpoint heard of every answer, and of nothing else.
    ///
    /// # Errors
    /// It did not, or the run was too short to be looked at in each quarter.
    pub fn verdict(&self) -> Result<(), Problem> {
        let wrong = |sentence: String| Err(Problem::new(format!("outbox: {sentence}")));
        if self.quarters.iter().any(|quarter| quarter.looks == 0) {
            return wrong("a quarter of the run passed without a look; say more --outbox-seconds".to_owned());
        }
        if self.refused > 0 {
            return wrong(format!("{} questions were refused instead of decided", self.refused));
        }
        if self.drained_ns.is_none() {
            return wrong("events were left".to_owned());
        }
        // A question without an answer may have been decided.
        let fits = |events: u64, told: u64| events >= told && events <= told.saturating_add(self.missing);
        if !fits(self.events_approved, self.approved) || !fits(self.events_declined, self.declined) || self.unreadable > 0 {
            return wrong(format!(
                "events tell of {} approvals and {} declines, and {} are unreadable; callers were told {} and {} ({} answers were missing)",
                self.events_approved, self.events_declined, self.unreadable, self.approved, self.declined, self.missing
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(lags: [u64; 4]) -> Outbox {
        let mut looks = Vec::new();
        for (seconds, lag) in [[0, 4, 9], [10, 14, 19], [20, 24, 29], [30, 34, 39]].into_iter().zip(lags) {
            looks.extend(seconds.map(|second| Look { at: Duration::from_secs(second), lag, waiting: 0 }));
        }
        Outbox {
            rate_per_second: 1000,
            seconds: 40,
            quarters: quarters(&looks, Duration::from_secs(40)),
            drained_ns: Some(1),
            approved: 9,
            declined: 1,
            refused: 0,
            missing: 0,
            late: 0,
            events: 10,
            events_approved: 9,
            events_declined: 1,
            again: 3,
            unreadable: 0,
        }
    }

    #[test]
    fn what_is_as_far_behind_at_the_end_as_at_the_start_does_not_grow() {
        // 30,000 decisions lie between the middles of the first quarter and the last; 1 % of these are 300.
        for (lags, met) in [([50, 900, 40, 50], true), ([50, 0, 0, 350], true), ([50, 0, 0, 353], false), ([9000, 1, 1, 1], true)]
        {
            let line = outbox(lags).figures().map(|figure| figure.line())[0].clone();
            assert_eq!(line.ends_with("  met"), met, "{line}");
        }
    }

    #[test]
    fn an_endpoint_that_missed_an_answer_or_heard_of_another_is_no_figure() {
        assert!(outbox([1; 4]).verdict().is_ok());
        assert!(Outbox { events_approved: 8, ..outbox([1; 4]) }.verdict().is_err(), "one was not sent");
        assert!(Outbox { events_declined: 2, ..outbox([1; 4]) }.verdict().is_err(), "one is of nobody");
        assert!(Outbox { events_declined: 2, missing: 1, ..outbox([1; 4]) }.verdict().is_ok(), "its answer was cut off");
        assert!(Outbox { drained_ns: None, ..outbox([1; 4]) }.verdict().is_err(), "some were left");
        assert!(Outbox { quarters: [Quarter::default(); 4], ..outbox([1; 4]) }.verdict().is_err(), "nobody looked");
    }
}

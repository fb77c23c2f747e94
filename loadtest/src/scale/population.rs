//! A small and a large population under the same conditions: what memory an account takes, and whether answers stay as many
//! and as prompt. The bare floor takes turns with them, to tell the machine's stalls from the ledger's.

use serde::Serialize;

use crate::clock::Clock;
use crate::figures::bench::Bench;
use crate::figures::contender::Contender;
use crate::figures::metrics;
use crate::figures::rounds::{self, median};
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::process::Memory;
use crate::report::{Form, Percentiles, nanos, per_second};
use crate::scale::{SYNC, step};

/// What was measured of both populations.
#[derive(Debug, Serialize)]
pub struct Populations {
    /// The bare floor, in the same rounds.
    pub floor: Answers,
    /// The small population.
    pub small: Population,
    /// The large one.
    pub large: Population,
}

/// What was measured of one population.
#[derive(Debug, Serialize)]
pub struct Population {
    #[serde(flatten)]
    pub start: Start,
    /// The memory after all turns.
    pub after_turns: Memory,
    #[serde(flatten)]
    pub answers: Answers,
}

/// What its two starts took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Start {
    /// How long the first start took, with its import.
    pub import_ns: u64,
    /// How long the projection took from there on to have everything.
    pub projection_ns: u64,
    /// The memory after the import and the projection.
    pub after_import: Memory,
    /// How long a start took with everything in the projection.
    pub start_ns: u64,
    /// The memory after that start, when one callback was answered.
    pub after_start: Memory,
}

/// What answers came, and when.
#[derive(Debug, Serialize)]
pub struct Answers {
    /// Closed loop, median of the rounds.
    pub answers_per_second: u64,
    /// Closed loop, each round.
    pub rounds: Vec<u64>,
    /// The longest time between two answers in closed loop.
    pub closed_longest_gap_ns: u64,
    /// The fixed rate of the open loop: half of the capacity.
    pub open_rate_per_second: u32,
    /// The longest time between two answers in open loop.
    pub open_longest_gap_ns: u64,
    /// Latencies in open loop, all rounds together.
    #[serde(flatten)]
    pub open: Option<Percentiles>,
    /// Requests without an answer.
    pub missing: u64,
}

/// Imports both, starts both afresh, and lets them and the floor take turns.
///
/// # Errors
/// A server does not start, or stops answering.
pub async fn measure(setting: &Setting, small: &Bench, large: &Bench, form: Form) -> Result<Populations, Problem> {
    let (large, large_start) = start(setting, large, "large population", form).await?;
    let floor = Contender::floor(setting, small).await?;
    let (small, small_start) = start(setting, small, "small population", form).await?;
    let mut contenders = [floor, small, large];
    step(form, "taking turns", rounds::take_turns(setting, &mut contenders)).await?;
    let [floor, small, large] = contenders;
    let populations = Populations {
        floor: Answers::of(&floor),
        small: Population { start: small_start, after_turns: small.memory()?, answers: Answers::of(&small) },
        large: Population { start: large_start, after_turns: large.memory()?, answers: Answers::of(&large) },
    };
    for contender in [floor, small, large] {
        step(form, "stopping", contender.stop()).await?;
    }
    Ok(populations)
}

/// Lets a server import its population, waits until the projection has it, and starts it afresh.
async fn start(setting: &Setting, bench: &Bench, name: &str, form: Form) -> Result<(Contender, Start), Problem> {
    let clock = Clock::start();
    let first = step(form, &format!("{name}: importing"), Contender::holdfast(setting, bench, SYNC)).await?;
    let imported = clock.elapsed();
    step(form, &format!("{name}: projecting"), metrics::until_projected(first.counters())).await?;
    let projected = clock.elapsed();
    let after_import = first.memory()?;
    step(form, &format!("{name}: stopping"), first.stop()).await?;
    let stopped = clock.elapsed();
    let again = step(form, &format!("{name}: starting afresh"), Contender::holdfast(setting, bench, SYNC)).await?;
    let start = Start {
        import_ns: nanos(imported),
        projection_ns: nanos(projected.saturating_sub(imported)),
        after_import,
        start_ns: nanos(clock.elapsed().saturating_sub(stopped)),
        after_start: again.memory()?,
    };
    Ok((again, start))
}

impl Answers {
    fn of(contender: &Contender) -> Self {
        let turns = &contender.turns;
        let rounds: Vec<u64> = turns.iter().map(|turn| per_second(turn.tally.answered(), turn.tally.took)).collect();
        let longest_gap = turns.iter().map(|turn| turn.tally.longest_gap).max().unwrap_or_default();
        Answers {
            answers_per_second: median(rounds.iter().copied()),
            rounds,
            closed_longest_gap_ns: nanos(longest_gap),
            open_rate_per_second: contender.open_rate,
            open_longest_gap_ns: contender.open.as_ref().map_or(0, |open| nanos(open.longest_gap)),
            open: contender.open.as_ref().map(Percentiles::of),
            missing: contender.missing,
        }
    }

    /// The longest latency in open loop; as long as can be if there is none.
    pub fn longest_ns(&self) -> u64 {
        self.open.map_or(u64::MAX, |open| open.max_ns)
    }
}

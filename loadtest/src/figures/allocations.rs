//! Heap allocations a request: Holdfast against the floor, both counting. No time is measured, because counting costs some.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::figures::bench::{Bench, Sync};
use crate::figures::contender::{Contender, Kind};
use crate::figures::metrics;
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::report::{self, Form};

/// How long each server runs before anything counts: buffers and pools grow to their size.
const WARM_UP: Duration = Duration::from_secs(1);
/// The counter of a Holdfast that counts.
const COUNTER: &str = "holdfast_heap_allocations_total";

/// What was counted, in hundredths of an allocation a request.
#[derive(Debug, Serialize)]
pub struct AllocationFigures {
    floor_hundredths: u64,
    holdfast_hundredths: u64,
    more_than_floor_hundredths: u64,
}

/// What the floor says.
#[derive(Debug, Deserialize)]
struct FloorCount {
    allocations: u64,
}

/// Counts both, one after the other.
///
/// # Errors
/// A server cannot be started, or does not count.
pub async fn measure(setting: &Setting, bench: &Bench) -> Result<AllocationFigures, Problem> {
    let floor = count(setting, Contender::floor(setting, bench).await?).await?;
    let holdfast = count(setting, Contender::holdfast(setting, bench, Sync::Full).await?).await?;
    Ok(AllocationFigures {
        floor_hundredths: floor,
        holdfast_hundredths: holdfast,
        more_than_floor_hundredths: holdfast.saturating_sub(floor),
    })
}

async fn count(setting: &Setting, mut contender: Contender) -> Result<u64, Problem> {
    contender.warm_up(WARM_UP).await?;
    let before = so_far(contender.kind, contender.counters()).await?;
    contender.turn_closed(Duration::from_secs(u64::from(setting.seconds.get()))).await?;
    let after = so_far(contender.kind, contender.counters()).await?;
    let requests = contender.turns.iter().map(|turn| turn.tally.answered()).fold(0, u64::saturating_add);
    contender.stop().await?;
    Ok(report::hundredths(u128::from(after.saturating_sub(before)), u128::from(requests)))
}

async fn so_far(kind: Kind, counters: SocketAddr) -> Result<u64, Problem> {
    match kind {
        Kind::Floor => {
            let page = metrics::fetch(counters, "/allocations").await?;
            let count: FloorCount = serde_json::from_str(&page).map_err(Problem::doing("reading the floor's count"))?;
            Ok(count.allocations)
        }
        Kind::Holdfast(_) => {
            let page = metrics::fetch(counters, "/metrics").await?;
            let missing = || Problem::new(format!("no {COUNTER}: build holdfast with the feature count-allocations"));
            metrics::sum(&page, COUNTER).ok_or_else(missing)
        }
    }
}

impl AllocationFigures {
    /// Prints them.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn print(&self, form: Form) -> Result<(), Problem> {
        match form {
            Form::Json => report::json(self),
            Form::Table => {
                report::line("heap allocations a request (new sizes of a block included)")?;
                for (name, hundredths) in [
                    ("floor", self.floor_hundredths),
                    ("holdfast", self.holdfast_hundredths),
                    ("holdfast, more than the floor", self.more_than_floor_hundredths),
                ] {
                    report::line(&format!("{name:<32}{:>8}", report::decimal(hundredths)))?;
                }
                Ok(())
            }
        }
    }
}

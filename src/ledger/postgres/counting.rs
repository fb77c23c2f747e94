//! Counters as their row has them: a kind, and three lists of the same length. Nothing here counts.

use std::collections::VecDeque;

use holdfast_core::Timestamp;
use holdfast_core::hold::LimitUse;
use tokio_postgres::Row;

use super::values::At;
use crate::ledger::embedded::counters::Counter;

/// The counter of a row.
pub fn counter_of(row: &Row) -> Option<Counter> {
    let list = |column| row.try_get::<_, Vec<i64>>(column).ok();
    let (slots, amounts, counts) = (list("slots")?, list("amounts")?, list("counts")?);
    let used = |(amount, count): (i64, i64)| Some(LimitUse { amount, count: u32::try_from(count).ok()? });
    let mut uses = amounts.into_iter().zip(counts).map(used);
    let mut slots = slots.into_iter();
    let over = row.try_get::<_, Option<At>>("over_at").ok()?.map(|At(over)| over);
    match row.try_get("kind").ok()? {
        "since" => Some(Counter::Since(Timestamp::from_unix_micros(slots.next()?), uses.next()??)),
        "lifetime" => Some(Counter::Lifetime(uses.next()??)),
        "rolling" => slots
            .zip(uses)
            .map(|(slot, used)| Some((slot, used?)))
            .collect::<Option<VecDeque<_>>>()
            .map(|buckets| Counter::Rolling(buckets, over)),
        _ => None,
    }
}

/// A counter's columns: kind, slots, amounts, counts.
pub fn columns_of(counter: &Counter) -> (&'static str, Vec<i64>, Vec<i64>, Vec<i64>) {
    let one = |slot, used: &LimitUse| (vec![slot], vec![used.amount], vec![i64::from(used.count)]);
    let (kind, (slots, amounts, counts)) = match counter {
        Counter::Since(since, used) => ("since", one(since.unix_micros(), used)),
        Counter::Lifetime(used) => ("lifetime", one(0, used)),
        Counter::Rolling(buckets, _) => {
            let (slots, uses): (Vec<i64>, Vec<LimitUse>) = buckets.iter().copied().unzip();
            let (amounts, counts) = uses.iter().map(|used| (used.amount, i64::from(used.count))).unzip();
            ("rolling", (slots, amounts, counts))
        }
    };
    (kind, slots, amounts, counts)
}

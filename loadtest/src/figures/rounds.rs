//! Who runs when: the contenders take turns, so that what the machine does meanwhile meets all of them alike.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::figures::contender::Contender;
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::report;
use crate::schedule::Schedule;

/// How long each contender runs before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// Lets all contenders run: warm up, then in closed loop, then in open loop at half of each one's own capacity.
///
/// # Errors
/// A server is gone, or answers nothing.
pub async fn take_turns(setting: &Setting, contenders: &mut [Contender]) -> Result<(), Problem> {
    take_turns_closed(setting, contenders).await?;
    for _ in 0..setting.rounds.get() {
        for contender in contenders.iter_mut() {
            let rate = half_of_capacity(contender)?;
            contender.turn_open(Schedule::new(rate, setting.seconds)).await?;
        }
    }
    Ok(())
}

/// Lets all contenders run: warm up, then in closed loop. Says half of each one's capacity.
///
/// # Errors
/// As [`take_turns`].
pub async fn take_turns_closed(setting: &Setting, contenders: &mut [Contender]) -> Result<(), Problem> {
    let length = Duration::from_secs(u64::from(setting.seconds.get()));
    for contender in contenders.iter_mut() {
        contender.warm_up(WARM_UP).await?;
        contender.until_nothing_is_left().await?;
    }
    for _ in 0..setting.rounds.get() {
        for contender in contenders.iter_mut() {
            contender.turn_closed(length).await?;
        }
    }
    for contender in contenders.iter_mut() {
        contender.open_rate = half_of_capacity(contender)?.get();
    }
    Ok(())
}

/// Half of the answers a second of the median turn.
fn half_of_capacity(contender: &Contender) -> Result<NonZeroU32, Problem> {
    let capacity = median(contender.turns.iter().map(|turn| report::per_second(turn.tally.answered(), turn.tally.took)));
    u32::try_from(capacity / 2).ok().and_then(NonZeroU32::new).ok_or_else(|| {
        let why = contender.turns.iter().find_map(|turn| turn.tally.first_missing.clone()).unwrap_or_default();
        Problem::new(format!("a server answered next to nothing: {why}"))
    })
}

/// The middle one, the lower of two; 0 of none.
pub fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, middle) in [(&[][..], 0), (&[7], 7), (&[9, 1], 1), (&[9, 1, 5], 5), (&[4, 3, 2, 1], 2)] {
            assert_eq!(median(values.iter().copied()), middle, "{values:?}");
        }
    }
}

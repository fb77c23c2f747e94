//! Replay: a whole journal decided again, with the rulesets, facts and times of then, and whatever comes out differently.
//!
//! Under the version that wrote a record nothing may differ. Under a newer one, what differs is what that version changed.
//! Nothing here writes to the journal.

mod difference;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use holdfast_core::AuthorizationRequest;
use holdfast_core::agent::{Governed, is_cancellation, is_no_payment};
use holdfast_core::rules::{LIMITS_MAX, LimitCheck, NoTrace, Verdict, Window, evaluate, limits_alone};

pub use self::difference::Difference;
use self::difference::compare;
use crate::agent::outside;
use crate::journal::reader::Progress;
use crate::journal::{Body, JournalError, Numbered, Reader, Record};
use crate::kept_rules::KeptRules;
use crate::ledger::embedded::again::Again;
use crate::ledger::embedded::projection::checkpoint::Beginning;
use crate::profiles::is_of_house;

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many records were read, those before the range included: they make the state that it begins with.
    pub read: u64,
    /// How many records were decided again.
    pub decided: u64,
    /// How many of those came out differently.
    pub differing: u64,
    /// How many declines were told from memory that a failed commit took back: only the rules are asked again.
    pub owed: u64,
    /// The versions that wrote what was decided again.
    pub engines: BTreeSet<String>,
}

/// Decides every record of `range` again and hands each difference to `found`, in the order of the records.
///
/// # Errors
/// The journal, or the state that it begins with, cannot be read.
pub fn replay(
    reader: &Reader,
    range: &RangeInclusive<i64>,
    found: &mut dyn FnMut(Difference) -> Result<(), JournalError>,
    progress: &mut Progress<'_>,
) -> Result<Replayed, JournalError> {
    let again = Beginning::of(reader)?.as_ref().map_or_else(|| Ok(Again::new()), Again::beginning_with)?;
    let (_, next) = reader.bounds()?;
    let last = next.saturating_sub(1).min(*range.end());
    let mut walk = Walk { rules: KeptRules::of(reader)?, again, opening: false, replayed: Replayed::default() };
    reader.records(last, progress, &mut |numbered| {
        walk.opening = matches!(numbered.record.body, Body::Opened) || (walk.opening && numbered.in_group > 0);
        if range.contains(&numbered.number) {
            walk.decide(&numbered, found)?;
        }
        walk.replayed.read = walk.replayed.read.saturating_add(1);
        walk.again.follow(numbered.record, numbered.number)
    })?;
    Ok(walk.replayed)
}

struct Walk {
    rules: KeptRules,
    again: Again,
    /// Whether the record is in a group that the log was opened with after a failure.
    opening: bool,
    replayed: Replayed,
}

impl Walk {
    fn decide(
        &mut self,
        numbered: &Numbered<'_>,
        found: &mut dyn FnMut(Difference) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let Numbered { number, record, engine, .. } = numbered;
        let mut differences = Vec::new();
        let verdict = self.verdict(record, &mut differences);
        let recorded = record.body.asked().map(|(_, _, recorded)| recorded);
        if self.opening && matches!(record.body, Body::Decided { .. }) {
            // Decided on what its group had done, which was taken back: memory as it was then is nowhere. Nor is which windows were open.
            self.replayed.owed = self.replayed.owed.saturating_add(1);
            if let Some((recorded, verdict)) = recorded.zip(verdict) {
                compare("verdict", recorded, &in_windows_of(recorded, verdict), &mut differences);
            }
        } else if let Some(decided) = self.again.decide(record, verdict.as_ref()) {
            // What is recorded is the window that was open.
            if let Some((recorded, again)) = recorded.zip(decided.moved_on.as_ref().or(verdict.as_ref())) {
                compare("verdict", recorded, again, &mut differences);
            }
            if let (Body::Decided { uses, .. }, Some(again)) = (&record.body, &decided.uses) {
                compare("uses", uses, again, &mut differences);
            }
            if let Some(outcome) = record.body.outcome() {
                compare("outcome", outcome, &decided.outcome, &mut differences);
            }
        } else {
            return Ok(());
        }
        self.replayed.decided = self.replayed.decided.saturating_add(1);
        self.replayed.differing = self.replayed.differing.saturating_add(u64::from(!differences.is_empty()));
        if !self.replayed.engines.contains(*engine) {
            self.replayed.engines.insert((*engine).to_owned());
        }
        differences.into_iter().try_for_each(|field| found(Difference::new(*number, record, engine, field)))
    }

    /// The rules' opinion of this time, where they were asked, or the recorded one: a ruleset that is not there counts as a difference.
    fn verdict(&self, record: &Record, differences: &mut Vec<difference::Field>) -> Option<Verdict> {
        let (program, (received_at, request, recorded)) = (record.program.as_ref()?, record.body.asked()?);
        let elsewhere = record.governed.as_ref().is_some_and(|governed| outside::is_about(governed, request));
        let hash = record.ruleset.as_ref().ok_or_else(|| "the record names no ruleset".to_owned());
        match hash.and_then(|hash| self.rules.get(program, hash)) {
            // It counts in none of the ruleset's limits; older versions counted it.
            Ok(ruleset) if elsewhere && request.amount.currency() != ruleset.currency() => Some(recorded.clone()),
            Ok(ruleset) => {
                let again = if elsewhere {
                    limits_alone(ruleset, request, received_at)
                } else {
                    evaluate(ruleset, request, received_at, &mut NoTrace)
                };
                Some(with_house(recorded, again, request, record.governed.as_ref()))
            }
            Err(problem) => {
                differences.push(difference::Field::missing("ruleset", problem));
                Some(recorded.clone())
            }
        }
    }
}

/// The rules' opinion, with what a merchant's profile and an agent's authority had added: that is in no ruleset of the journal's, and
/// taken from the record.
fn with_house(recorded: &Verdict, again: Verdict, request: &AuthorizationRequest, governed: Option<&Governed>) -> Verdict {
    match (recorded, again) {
        // An intent is taken back whatever the program's rules think of payments.
        (recorded, _) if governed.is_some_and(|governed| is_cancellation(governed, request)) => recorded.clone(),
        (Verdict::Decline { rule, .. }, _) if is_of_house(rule) => recorded.clone(),
        // The program's rules let it pass: the authority, which is asked behind them, did not.
        (Verdict::Decline { .. }, Verdict::Proceed(_)) if governed.is_some() => recorded.clone(),
        (Verdict::Proceed(recorded), Verdict::Proceed(mut again)) => {
            // Several ways are an authority's, too.
            again.ways = recorded.ways;
            let is_added = |check: &&LimitCheck| is_of_house(&check.limit) || check.scope.is_of_authority();
            let of_house = recorded.limits.iter().filter(is_added);
            again.limits.extend(of_house.copied().take(LIMITS_MAX.saturating_sub(again.limits.len())));
            if governed.is_some_and(|governed| is_no_payment(governed, request)) {
                // For how long an intent keeps something, the intent says.
                again.hold = recorded.hold;
            }
            if recorded.hold.of_less.is_none() {
                // Older versions did not write it, and held of what was asked.
                again.hold.of_less = None;
            }
            Verdict::Proceed(again)
        }
        (Verdict::Decline { .. } | Verdict::Proceed(_), again) => again,
    }
}

/// The rules' opinion in the windows that were open by the record: those that began later, or before a calendar was moved.
fn in_windows_of(recorded: &Verdict, again: Verdict) -> Verdict {
    match (recorded, again) {
        (Verdict::Proceed(recorded), Verdict::Proceed(mut again)) => {
            for (check, open) in
                again.limits.iter_mut().zip(&recorded.limits).filter(|(check, open)| check.counter == open.counter)
            {
                if let (Window::Since(since), Window::Since(open)) = (check.window, open.window) {
                    check.window = Window::Since(if check.still.has(open) { open } else { since.max(open) });
                }
            }
            Verdict::Proceed(again)
        }
        (Verdict::Decline { .. } | Verdict::Proceed(_), again) => again,
    }
}

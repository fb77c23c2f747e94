//! Which rules matched a question besides the one that decided, and which are only on trial. No record has them: the request path stops at
//! the first rule that declines. So the ruleset of then is asked again, with the facts and the time of then, as a replay does.

use holdfast_core::agent::is_cancellation;
use holdfast_core::rules::{Enforcement, Match, MatchList, Verdict, evaluate};

use super::story::{Moment, Story};
use crate::agent::outside;

/// Every rule that matched, in the ruleset's order, with the one that decided; nothing where no rules were asked.
///
/// # Errors
/// Its ruleset cannot be read any more.
pub fn of(story: &Story, moment: &Moment) -> Option<Result<Vec<Match>, String>> {
    let (received_at, request, verdict) = moment.record.body.asked()?;
    if moment.record.governed.as_ref().is_some_and(|governed| is_cancellation(governed, request)) {
        return None;
    }
    let (program, hash) = moment.record.program.as_ref().zip(moment.record.ruleset.as_ref())?;
    let matched = story.rules.get(program, hash).map(|ruleset| {
        let mut list = MatchList::default();
        // What was recorded stands: whether it comes out the same again is `replay`'s to say.
        let _ = evaluate(ruleset, request, received_at, &mut list);
        let elsewhere = moment.record.governed.as_ref().is_some_and(|governed| outside::is_about(governed, request));
        match verdict {
            // Of money elsewhere no rule is asked, unless an older version did.
            Verdict::Decline { rule, .. } if elsewhere && list.matches.iter().all(|found| found.rule != *rule) => {
                list.matches.clear()
            }
            Verdict::Proceed(_) if elsewhere => list.matches.clear(),
            Verdict::Decline { .. } => {}
            Verdict::Proceed(_) => list.matches.retain(|found| found.enforcement == Enforcement::Observe),
        }
        list.matches
    });
    Some(matched)
}

/// Those of them that did not decide.
pub fn besides(story: &Story, moment: &Moment) -> Option<Result<Vec<Match>, String>> {
    let mut matched = of(story, moment)?;
    if let (Ok(matches), Some((_, _, Verdict::Decline { rule, .. }))) = (&mut matched, moment.record.body.asked()) {
        matches.retain(|found| found.rule != *rule);
    }
    Some(matched)
}

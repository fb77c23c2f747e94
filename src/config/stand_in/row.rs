//! `[[row]]`: conditions and an answer.

use holdfast_core::stand_in::{AgeRange, Conditions, Row, RowAnswer, StandInProblem};
use holdfast_core::{Money, RuleId};

use crate::config::read::{Section, Spot, Value};
use crate::config::ruleset::{Head, conditions, limit, read_amount, read_id, rule, words};

/// Reads a row; `None` if anything of it is wrong, for a condition that is wrong must not become one that is not written.
pub fn read<'d>(section: Section<'d>, head: &Head, names: &mut Names) -> Option<(Row, Spot<'d>)> {
    let (id, section) = names.take(section, "row");
    let description = section.optional_text("description");
    let conditions = read_conditions(&section, head);
    names.approve |= section.optional("answer").is_some_and(|answer| answer.is_text("approve"));
    let answer = read_answer(&section, head);
    let spot = section.spot.clone();
    section.finish();

    let mut row = Row::new(id?, conditions?, answer?);
    if let Some(description) = description {
        row = row.described(description.text);
    }
    Some((row, spot))
}

/// The names of rows and caps so far, which they share, and whether any row means to approve, whatever else is wrong with it.
#[derive(Debug, Default)]
pub struct Names {
    taken: Vec<RuleId>,
    pub approve: bool,
}

impl Names {
    /// A section's name, and the section under it. One that is taken is noted; what else is wrong with the section is still told.
    pub fn take<'d>(&mut self, section: Section<'d>, kind: &str) -> (Option<RuleId>, Section<'d>) {
        let Some(id) = read_id(&section) else { return (None, section) };
        let section = section.named(format!("{kind}.{id}"));
        if !self.taken.contains(&id) {
            self.taken.push(id);
            return (Some(id), section);
        }
        if let Some(text) = section.optional_text("id") {
            text.spot.wrong(StandInProblem::DuplicateId);
        }
        (None, section)
    }
}

/// `answer = "approve"`, perhaps with `up_to`; or `answer = "decline"` with its `reason`.
fn read_answer(section: &Section<'_>, head: &Head) -> Option<RowAnswer> {
    let (answer, up_to, reason) = (section.text("answer"), section.optional("up_to"), section.optional_text("reason"));
    let misplaced = |value: Option<&Spot<'_>>, goes_with: &str| {
        if let Some(spot) = value {
            spot.wrong(format_args!("goes only with `answer = \"{goes_with}\"`"));
        }
    };
    let answer = answer?;
    match answer.text {
        "approve" => {
            misplaced(reason.as_ref().map(|text| &text.spot), "decline");
            match up_to {
                Some(most) => above_zero(&most, head, StandInProblem::NothingApproved).map(RowAnswer::ApproveUpTo),
                None => Some(RowAnswer::Approve),
            }
        }
        "decline" => {
            misplaced(up_to.as_ref().map(|value| &value.spot), "approve");
            match reason {
                Some(reason) => {
                    let known = words::reason(&reason, RowAnswer::may_decline_as)?;
                    if !RowAnswer::may_decline_as(known) {
                        reason.spot.wrong(StandInProblem::ReasonNotForRows);
                        return None;
                    }
                    Some(RowAnswer::Decline(known))
                }
                None => {
                    answer.spot.wrong("needs a `reason`, such as \"cash_not_allowed\" or \"ledger_unavailable\"");
                    None
                }
            }
        }
        _ => {
            answer.spot.wrong("must be \"approve\" or \"decline\"");
            None
        }
    }
}

fn read_conditions(section: &Section<'_>, head: &Head) -> Option<Conditions> {
    let Some(when) = section.optional("when") else { return Some(Conditions::default()) };
    let when = when.section()?;
    let shared = conditions::read_in(&when, head);
    let seconds = |value: &Value<'_>| value.text()?.parse(limit::seconds);
    let amount = optional(&when, "amount", |value| rule::amount_range(value, head));
    let balance = optional(&when, "balance_within", seconds);
    let card_age = optional(&when, "card_age", read_age);
    let status = optional(&when, "status_within", seconds);
    let merchant_known = optional(&when, "merchant_known", Value::switch);
    let card_used = optional(&when, "card_used", Value::switch);
    let hours = optional(&when, "hours", |value| rule::hours_of(value, head));
    when.finish();
    Some(Conditions {
        when: shared,
        amount: amount?,
        balance_age_seconds_max: balance?,
        card_age: card_age?,
        status_age_seconds_max: status?,
        merchant_known: merchant_known?,
        card_used: card_used?,
        hours: hours?,
    })
}

/// `{ min = "1d", max = "30d" }`, one of which may be left out.
fn read_age(value: &Value<'_>) -> Option<AgeRange> {
    let section = value.section()?;
    let seconds = |value: &Value<'_>| value.text()?.parse(limit::seconds);
    let (seconds_min, seconds_max) = (optional(&section, "min", seconds), optional(&section, "max", seconds));
    section.finish();
    let (seconds_min, seconds_max) = (seconds_min?, seconds_max?);
    let problem = match (seconds_min, seconds_max) {
        (None, None) => Some(StandInProblem::NoAge),
        (Some(min), Some(max)) if min > max => Some(StandInProblem::AgeReversed),
        (Some(_), _) | (None, Some(_)) => None,
    };
    if let Some(problem) = problem {
        value.spot.wrong(problem);
        return None;
    }
    Some(AgeRange { seconds_min, seconds_max })
}

/// An amount of more than nothing.
pub fn above_zero(value: &Value<'_>, head: &Head, problem: StandInProblem) -> Option<Money> {
    let amount = value.text().and_then(|text| read_amount(&text, head))?;
    if amount.minor() <= 0 {
        value.spot.wrong(problem);
        return None;
    }
    Some(amount)
}

/// A key that may be left out: an inner `None` where it is, an outer one where what is written is wrong.
fn optional<'d, T>(section: &Section<'d>, key: &'static str, read: impl Fn(&Value<'d>) -> Option<T>) -> Option<Option<T>> {
    match section.optional(key) {
        Some(value) => read(&value).map(Some),
        None => Some(None),
    }
}

//! A program's stand-in table as one value that is checked whole and never changes.

use crate::decision::{Decision, DeclineReason};
use crate::ids::RuleId;
use crate::merchant::Country;
use crate::money::{Currency, Money};
use crate::rules::{RulesetHash, RulesetProblem, is_for_rules};
use crate::time::Timestamp;

use super::caps::{CAP_SECONDS_MAX, Cap, CapWindow, Caps, EXPOSURE};
use super::conditions::Conditions;
use super::problem::{StandInError, StandInPlace, StandInProblem};

/// The most rows of a table: more than anybody reads aloud, and few enough to be asked one after the other.
pub const ROWS_MAX: usize = 50;

/// The most caps of a table, beside the exposure cap.
pub const CAPS_MAX: usize = 15;

/// How a table decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// By its rows.
    #[default]
    Rules,
    /// No, whatever is asked.
    Decline,
    /// Yes, within its caps, until then; by its rows afterwards.
    Approve {
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Not at all: the platform's own stand-in is to speak.
    Drop(Silence),
}

impl Mode {
    /// As tables, metrics and listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Rules => "rules",
            Mode::Decline => "decline",
            Mode::Approve { .. } => "approve",
            Mode::Drop(_) => "drop",
        }
    }
}

/// How nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The status 503, and no decision.
    Unavailable,
    /// Not a word: the connection is closed.
    NoAnswer,
}

impl Silence {
    /// As a ledger remembers it: nothing was approved, and nobody heard so.
    #[must_use]
    pub const fn reason(self) -> DeclineReason {
        match self {
            Silence::Unavailable => DeclineReason::LeftToPlatform,
            Silence::NoAnswer => DeclineReason::LeftUnanswered,
        }
    }

    /// Whether, and how, nothing is to be said to a question that was answered so: whoever asks again hears nothing again.
    #[must_use]
    pub fn of(decision: &Decision) -> Option<Self> {
        let is_so = |silence: &Silence| *decision == (Decision::Decline { reason: silence.reason() });
        [Silence::Unavailable, Silence::NoAnswer].into_iter().find(is_so)
    }
}

/// One row: conditions and an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    id: RuleId,
    description: Option<Box<str>>,
    conditions: Conditions,
    answer: RowAnswer,
}

/// What a row answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowAnswer {
    /// Yes, to all of it.
    Approve,
    /// Yes, to at most so much; to more than that only where the platform's answer can carry less than was asked.
    ApproveUpTo(Money),
    /// No.
    Decline(DeclineReason),
}

impl Row {
    /// A row that gives this answer wherever the conditions hold.
    #[must_use]
    pub const fn new(id: RuleId, conditions: Conditions, answer: RowAnswer) -> Self {
        Row { id, description: None, conditions, answer }
    }

    /// The same row with a sentence for people.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> RuleId {
        self.id
    }

    /// What its author says about it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// When it applies.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// What it answers.
    #[must_use]
    pub const fn answer(&self) -> RowAnswer {
        self.answer
    }

    /// Whether it ever approves.
    #[must_use]
    pub const fn approves(&self) -> bool {
        match self.answer {
            RowAnswer::Approve | RowAnswer::ApproveUpTo(_) => true,
            RowAnswer::Decline(_) => false,
        }
    }

    fn problems(&self, currency: Currency, country: Option<Country>) -> Vec<StandInProblem> {
        let of_when = self.conditions.when.problems(currency, country);
        let mut problems: Vec<_> = of_when.into_iter().map(StandInProblem::Shared).collect();
        let ends = self.conditions.amount.map(|range| [range.min(), range.max()]).unwrap_or_default();
        let up_to = match self.answer {
            RowAnswer::ApproveUpTo(most) => {
                if most.minor() <= 0 {
                    problems.push(StandInProblem::NothingApproved);
                }
                Some(most)
            }
            RowAnswer::Decline(reason) => {
                if !RowAnswer::may_decline_as(reason) {
                    problems.push(StandInProblem::ReasonNotForRows);
                }
                None
            }
            RowAnswer::Approve => None,
        };
        if ends.into_iter().chain([up_to]).flatten().any(|amount| amount.currency() != currency) {
            problems.push(StandInProblem::Shared(RulesetProblem::OtherCurrency));
        }
        if let Some(age) = self.conditions.card_age {
            match (age.seconds_min, age.seconds_max) {
                (None, None) => problems.push(StandInProblem::NoAge),
                (Some(min), Some(max)) if min > max => problems.push(StandInProblem::AgeReversed),
                (Some(_), _) | (None, Some(_)) => {}
            }
        }
        problems
    }
}

impl RowAnswer {
    /// Whether a row may give this reason: those that rules give, and what stand-in itself can know.
    #[must_use]
    pub const fn may_decline_as(reason: DeclineReason) -> bool {
        is_for_rules(reason) || matches!(reason, DeclineReason::LedgerUnavailable | DeclineReason::InsufficientFunds)
    }
}

/// What a table is made of.
#[derive(Debug, Clone)]
pub struct StandInParts {
    /// The version that this is.
    pub hash: RulesetHash,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Where the program is at home, for conditions on borders.
    pub country: Option<Country>,
    /// How it decides.
    pub mode: Mode,
    /// In the order in which they are asked.
    pub rows: Vec<Row>,
    /// What it may approve at most.
    pub caps: Caps,
}

/// A program's stand-in table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandInPolicy {
    hash: RulesetHash,
    currency: Currency,
    country: Option<Country>,
    mode: Mode,
    rows: Box<[Row]>,
    caps: Caps,
}

impl StandInPolicy {
    /// Checks the parts and puts them together. A table without rows declines everything.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the parts.
    pub fn new(parts: StandInParts) -> Result<Self, Vec<StandInError>> {
        let errors = errors_of(&parts);
        if !errors.is_empty() {
            return Err(errors);
        }
        let StandInParts { hash, currency, country, mode, rows, caps } = parts;
        Ok(StandInPolicy { hash, currency, country, mode, rows: rows.into_boxed_slice(), caps })
    }

    /// Which version this is.
    #[must_use]
    pub const fn hash(&self) -> RulesetHash {
        self.hash
    }

    /// The currency of its amounts.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Where the program is at home.
    #[must_use]
    pub const fn country(&self) -> Option<Country> {
        self.country
    }

    /// How it decides, as it was written.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// How it decides at a moment: approving without looking at rows ends by itself.
    #[must_use]
    pub fn mode_at(&self, now: Timestamp) -> Mode {
        match self.mode {
            Mode::Approve { until } if now >= until => Mode::Rules,
            mode @ (Mode::Rules | Mode::Decline | Mode::Approve { .. } | Mode::Drop(_)) => mode,
        }
    }

    /// The same, deciding by its rows.
    pub(super) fn by_rows(&self) -> Self {
        StandInPolicy { mode: Mode::Rules, ..self.clone() }
    }

    /// The rows, in the order in which they are asked.
    #[must_use]
    pub const fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What it may approve at most.
    #[must_use]
    pub const fn caps(&self) -> &Caps {
        &self.caps
    }
}

fn errors_of(parts: &StandInParts) -> Vec<StandInError> {
    let mut errors = Vec::new();
    let mut seen: Vec<RuleId> = Vec::new();
    let mut note = |place: StandInPlace, id: Option<RuleId>, problems: Vec<StandInProblem>| {
        let duplicate = id.filter(|id| seen.contains(id)).map(|_| StandInProblem::DuplicateId);
        seen.extend(id);
        errors.extend(duplicate.into_iter().chain(problems).map(|problem| StandInError { place, id, problem }));
    };
    let approves = parts.rows.iter().any(Row::approves) || matches!(parts.mode, Mode::Approve { .. });
    let mut whole = Vec::new();
    if parts.caps.exposure_max.is_none() && approves {
        whole.push(StandInProblem::NoExposureCap);
    }
    note(StandInPlace::Table, None, whole);
    let exposure = parts.caps.exposure_max.map(|max| amount_problems(max, parts.currency)).unwrap_or_default();
    note(StandInPlace::Exposure, None, exposure);
    for (index, row) in parts.rows.iter().enumerate() {
        let mut problems = row.problems(parts.currency, parts.country);
        problems.extend((index == ROWS_MAX).then_some(StandInProblem::TooManyRows));
        note(StandInPlace::Row(index), Some(row.id), problems);
    }
    for (index, cap) in parts.caps.caps.iter().enumerate() {
        let mut problems = cap_problems(cap, parts.currency);
        problems.extend((index == CAPS_MAX).then_some(StandInProblem::TooManyCaps));
        note(StandInPlace::Cap(index), Some(cap.id), problems);
    }
    errors
}

fn cap_problems(cap: &Cap, currency: Currency) -> Vec<StandInProblem> {
    let mut problems = cap.amount_max.map(|max| amount_problems(max, currency)).unwrap_or_default();
    if cap.amount_max.is_none() && cap.count_max.is_none() {
        problems.push(StandInProblem::Shared(RulesetProblem::NoMaximum));
    }
    if cap.count_max == Some(0) {
        problems.push(StandInProblem::ZeroMaximum);
    }
    if cap.id.as_str() == EXPOSURE {
        problems.push(StandInProblem::NameOfExposure);
    }
    if matches!(cap.window, CapWindow::Last(seconds) if seconds == 0 || seconds > CAP_SECONDS_MAX) {
        problems.push(StandInProblem::WindowTooLong);
    }
    problems
}

fn amount_problems(max: Money, currency: Currency) -> Vec<StandInProblem> {
    let mut problems = Vec::new();
    if max.currency() != currency {
        problems.push(StandInProblem::Shared(RulesetProblem::OtherCurrency));
    }
    if max.minor() <= 0 {
        problems.push(StandInProblem::ZeroMaximum);
    }
    problems
}

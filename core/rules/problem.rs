//! What can be wrong with a ruleset, as values: whoever reads one adds the place in the file.

use std::fmt;

use super::{BUCKETS_MAX, HOLDS_MAX, LIMITS_MAX, Percent, RULES_MAX};
use crate::ids::RuleId;

/// One thing that is wrong with a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulesetError {
    /// Which of its parts.
    pub place: Place,
    /// The part's name, where it has one.
    pub rule: Option<RuleId>,
    /// What.
    pub problem: RulesetProblem,
}

/// A part of a ruleset, by its position from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The whole.
    Ruleset,
    /// A rule.
    Rule(usize),
    /// A limit.
    Limit(usize),
    /// A row of the hold policy.
    Hold(usize),
    /// What may be approved in part.
    PartialApproval,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RulesetProblem {
    /// More rules than [`RULES_MAX`].
    TooManyRules,
    /// More limits than [`LIMITS_MAX`].
    TooManyLimits,
    /// More hold rows than [`HOLDS_MAX`].
    TooManyHolds,
    /// Rules, limits and hold rows share their names, and this one is taken.
    DuplicateId,
    /// A limit that would count in the same place as an earlier one.
    SharedCounter,
    /// A list without items, which could mean all or nothing.
    EmptyList,
    /// An amount rule with neither end.
    NoAmount,
    /// A least amount above the greatest.
    MinAboveMax,
    /// An amount below zero.
    NegativeAmount,
    /// An amount that is not in the ruleset's currency.
    OtherCurrency,
    /// An amount rule about a kind that asks for no money.
    KindWithoutAmount,
    /// A comparison with the program's country, which is not named.
    CountryNotNamed,
    /// A reason that only status, funds, limits or the program itself can have.
    ReasonNotForRules,
    /// Not four digits, not two of them with a hyphen, and no group's name.
    UnknownCategory,
    /// A range that ends before it begins.
    RangeReversed,
    /// A span of no time.
    EmptySpan,
    /// A time of day that is none.
    NotATime,
    /// A limit on nothing.
    NoMaximum,
    /// A limit of zero, which is a rule.
    ZeroMaximum,
    /// A limit on kinds that no limit counts.
    KindNotCounted,
    /// A limit none of whose kinds counts in the maximum that it has.
    NothingCounted,
    /// A rolling window whose buckets are none, too many, or not whole seconds.
    UnevenBuckets,
    /// A hold row that decides nothing.
    NothingDecided,
    /// A hold that ends as it begins.
    NoTime,
    /// A kind that asks for no money, and holds none.
    KindNotHeld,
    /// Something that only holds have, for what is debited at once.
    DebitNotHeld,
    /// A least partial approval of nothing.
    ZeroMinimum,
    /// Not a percentage with at most two decimals.
    NotAPercentage,
    /// A range with neither end.
    NoPart,
    /// Not an address of the Internet, nor a range of them.
    NotANetwork,
}

impl fmt::Display for RulesetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RulesetProblem::TooManyRules => return write!(f, "has more than {RULES_MAX} rules"),
            RulesetProblem::TooManyLimits => return write!(f, "has more than {LIMITS_MAX} limits"),
            RulesetProblem::TooManyHolds => return write!(f, "has more than {HOLDS_MAX} hold rows"),
            RulesetProblem::DuplicateId => "has the id of an earlier rule, limit or hold row",
            RulesetProblem::SharedCounter => "would count in the same counter as an earlier limit: give it another id",
            RulesetProblem::EmptyList => "is an empty list, which could mean all or nothing",
            RulesetProblem::NoAmount => "has neither `min` nor `max`",
            RulesetProblem::MinAboveMax => "has a `min` above its `max`",
            RulesetProblem::NegativeAmount => "must not be negative",
            RulesetProblem::OtherCurrency => "is not in the ruleset's currency",
            RulesetProblem::KindWithoutAmount => {
                "checks the amount of `account_verification` or `balance_inquiry`, which have none"
            }
            RulesetProblem::CountryNotNamed => {
                "looks for a border, which needs the program's country: write `country = \"USA\"` at the top of the file"
            }
            RulesetProblem::ReasonNotForRules => "is not a reason that a rule can have",
            RulesetProblem::UnknownCategory => {
                "is neither a merchant category (\"5411\"), nor a range (\"5811-5814\"), nor the name of a group (\"gambling\")"
            }
            RulesetProblem::RangeReversed => "is a range that ends before it begins",
            RulesetProblem::EmptySpan => {
                "has a `to` equal to its `from`: no time at all; the whole day is \"00:00\" to \"24:00\""
            }
            RulesetProblem::NotATime => "is not a time of day from \"00:00\" to \"24:00\"",
            RulesetProblem::NoMaximum => "has neither `amount_max` nor `count_max`",
            RulesetProblem::ZeroMaximum => "must be more than zero; to allow nothing at all, write a rule",
            RulesetProblem::KindNotCounted => "is only about `credit` or `balance_inquiry`, which no limit counts",
            RulesetProblem::NothingCounted => {
                "counts nothing: `account_verification` has no amount for an `amount_max`, and `incremental` is no transaction of its own \
                 for a `count_max`"
            }
            RulesetProblem::NothingDecided => "decides nothing: neither a time nor a tolerance nor what is held on top",
            RulesetProblem::NoTime => "must be more than no time",
            RulesetProblem::KindNotHeld => {
                "is about `account_verification`, `credit` or `balance_inquiry`, which take no money: nothing of them is held"
            }
            RulesetProblem::DebitNotHeld => {
                "is about what is debited at once, which has no end and nothing on top: it can have a tolerance only"
            }
            RulesetProblem::ZeroMinimum => "must be more than zero: an approval of nothing is a decline",
            RulesetProblem::NotAPercentage => {
                return write!(
                    f,
                    "is not a percentage from 0 to {}; write for example \"20\" or \"2.5\"",
                    Percent::MAX.basis_points().div_euclid(100)
                );
            }
            RulesetProblem::NoPart => "has no end: neither a least nor a greatest",
            RulesetProblem::NotANetwork => {
                "is neither an IP address (\"192.0.2.7\") nor a range of them (\"192.0.2.0/24\"), with no bit set beyond its length"
            }
            RulesetProblem::UnevenBuckets => {
                return write!(f, "must divide into 1 to {BUCKETS_MAX} buckets of whole seconds");
            }
        })
    }
}

impl fmt::Display for RulesetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.place, self.rule) {
            (Place::Ruleset, _) => f.write_str("the ruleset")?,
            (Place::Rule(_), Some(id)) => write!(f, "rule `{id}`")?,
            (Place::Limit(_), Some(id)) => write!(f, "limit `{id}`")?,
            (Place::Rule(index), None) => write!(f, "rule {index}")?,
            (Place::Limit(index), None) => write!(f, "limit {index}")?,
            (Place::Hold(_), Some(id)) => write!(f, "hold `{id}`")?,
            (Place::Hold(index), None) => write!(f, "hold {index}")?,
            (Place::PartialApproval, _) => f.write_str("partial_approval")?,
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for RulesetError {}

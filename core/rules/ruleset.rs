//! A program's rules, limits and hold policy as one value that is checked whole and never changes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{ProgramId, RuleId};
use crate::merchant::Country;
use crate::money::Currency;

use super::hold_row::{HoldRow, PartialRule};
use super::limit::Limit;
use super::problem::{Place, RulesetError, RulesetProblem};
use super::rule::Rule;
use super::verdict::LIMITS_MAX;

/// The most rules that one request can meet. A ruleset with more does not load.
pub const RULES_MAX: usize = 500;

/// The most hold rows that one request can meet. A ruleset with more does not load.
pub const HOLDS_MAX: usize = 100;

/// Names one version of a ruleset, or of a stand-in table: the SHA-256 of its source text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub struct RulesetHash([u8; 32]);

impl RulesetHash {
    /// Of a source text, byte for byte: a changed comment is a new version.
    #[must_use]
    pub fn of(source: &str) -> Self {
        RulesetHash(Sha256::digest(source).into())
    }

    /// A hash that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        RulesetHash(bytes)
    }

    /// The hash, to be kept.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for RulesetHash {
    /// 64 hexadecimal digits, or as many as a precision asks for: `{:.12}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(64);
        for (index, byte) in self.0.iter().enumerate().take(digits.div_ceil(2)) {
            match digits.saturating_sub(index.saturating_mul(2)) {
                1 => write!(f, "{:x}", byte >> 4)?,
                _ => write!(f, "{byte:02x}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for RulesetHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl fmt::Debug for RulesetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RulesetHash({self})")
    }
}

/// What a ruleset is made of.
#[derive(Debug, Clone)]
pub struct RulesetParts {
    /// The version that this is.
    pub hash: RulesetHash,
    /// Whose it is.
    pub program: ProgramId,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Where the program is at home, for rules on borders.
    pub country: Option<Country>,
    /// In the order in which they are asked.
    pub rules: Vec<Rule>,
    /// In the order in which the ledger checks them.
    pub limits: Vec<Limit>,
    /// In the order in which they are asked for each field of the policy.
    pub holds: Vec<HoldRow>,
    /// Where less than was asked may be approved; `None`: nowhere.
    pub partial_approval: Option<PartialRule>,
}

/// A program's rules, limits and hold policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    hash: RulesetHash,
    program: ProgramId,
    currency: Currency,
    country: Option<Country>,
    rules: Box<[Rule]>,
    limits: Box<[Limit]>,
    holds: Box<[HoldRow]>,
    partial_approval: Option<PartialRule>,
}

impl Ruleset {
    /// Checks the parts and puts them together. A ruleset without rules declines nothing; one without limits limits nothing.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the parts.
    pub fn new(parts: RulesetParts) -> Result<Self, Vec<RulesetError>> {
        let errors = errors_of(&parts);
        if !errors.is_empty() {
            return Err(errors);
        }
        let RulesetParts { hash, program, currency, country, rules, mut limits, holds, partial_approval } = parts;
        limits.iter_mut().for_each(|limit| limit.join(program));
        let errors = shared_counters(&limits);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Ruleset {
            hash,
            program,
            currency,
            country,
            rules: rules.into_boxed_slice(),
            limits: limits.into_boxed_slice(),
            holds: holds.into_boxed_slice(),
            partial_approval,
        })
    }

    /// Which version this is.
    #[must_use]
    pub const fn hash(&self) -> RulesetHash {
        self.hash
    }

    /// Whose it is.
    #[must_use]
    pub const fn program(&self) -> ProgramId {
        self.program
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

    /// The rules, in the order in which they are asked.
    #[must_use]
    pub const fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The rows of the hold policy, in the order in which they are asked.
    #[must_use]
    pub const fn holds(&self) -> &[HoldRow] {
        &self.holds
    }

    /// Where less than was asked may be approved.
    #[must_use]
    pub const fn partial_approval(&self) -> Option<&PartialRule> {
        self.partial_approval.as_ref()
    }
}

fn errors_of(parts: &RulesetParts) -> Vec<RulesetError> {
    let mut errors = Vec::new();
    let mut seen: Vec<RuleId> = Vec::new();
    let mut note = |place: Place, id: RuleId, problems: Vec<RulesetProblem>| {
        let duplicate = seen.contains(&id).then_some(RulesetProblem::DuplicateId);
        seen.push(id);
        errors.extend(duplicate.into_iter().chain(problems).map(|problem| RulesetError { place, rule: Some(id), problem }));
    };
    for (index, rule) in parts.rules.iter().enumerate() {
        note(Place::Rule(index), rule.id(), rule.problems(parts.currency, parts.country));
    }
    for (index, limit) in parts.limits.iter().enumerate() {
        note(Place::Limit(index), limit.id(), limit.problems(parts.currency, parts.country));
    }
    for (index, row) in parts.holds.iter().enumerate() {
        note(Place::Hold(index), row.id(), row.problems(parts.currency, parts.country));
    }
    let partial = parts.partial_approval.map(|rule| rule.problems(parts.currency)).unwrap_or_default();
    errors.extend(partial.into_iter().map(|problem| RulesetError { place: Place::PartialApproval, rule: None, problem }));
    for (too_many, problem) in [
        (parts.rules.len() > RULES_MAX, RulesetProblem::TooManyRules),
        (parts.limits.len() > LIMITS_MAX, RulesetProblem::TooManyLimits),
        (parts.holds.len() > HOLDS_MAX, RulesetProblem::TooManyHolds),
    ] {
        if too_many {
            errors.push(RulesetError { place: Place::Ruleset, rule: None, problem });
        }
    }
    errors
}

/// Limits that would count in one counter. Their names differ, so it takes two names with one digest: too unlikely to be seen,
/// and too bad to be let pass, for each would use up the other.
pub(super) fn shared_counters(joined: &[Limit]) -> Vec<RulesetError> {
    let shares = |(index, limit): &(usize, &Limit)| joined.iter().take(*index).any(|known| known.counter() == limit.counter());
    let error = |(index, limit): (usize, &Limit)| RulesetError {
        place: Place::Limit(index),
        rule: Some(limit.id()),
        problem: RulesetProblem::SharedCounter,
    };
    joined.iter().enumerate().filter(shares).map(error).collect()
}

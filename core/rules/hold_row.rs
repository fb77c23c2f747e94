//! One row of a program's hold policy: what it is about, and what of the policy it decides.
//!
//! # Which row decides
//!
//! The policy of a payment has five fields: the lifetime, the safety timer, the tolerance, what is held extra, and the pad
//! for another currency. Each is decided by the **first row that applies and names it**; a row that does not name a field
//! leaves it to those below, and what no row names is built in ([`super::hold_defaults`]). The keys of one margin (percent,
//! amount, up to) are one field: a row that names one of them decides the margin whole, so that `tolerance_percent = "0"`
//! takes a built-in tolerance away.
//!
//! Without `kinds` a row is about the kinds that take money; no other kind is ever held.

use crate::authorization::{AuthorizationKind, AuthorizationRequest, EntryMode, Posting};
use crate::ids::RuleId;
use crate::merchant::Country;
use crate::money::{Currency, Money};

use super::percent::Percent;
use super::problem::RulesetProblem;
use super::sets::{EntryModeSet, KindSet};
use super::when::{Facts, When};

/// One row of a ruleset's hold policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    pub(super) id: RuleId,
    pub(super) description: Option<Box<str>>,
    pub(super) kinds: KindSet,
    pub(super) when: When,
    pub(super) terms: HoldTerms,
}

/// What a row decides: `None` leaves it to others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HoldTerms {
    /// How long a hold lives whose life is ours to end, in seconds.
    pub lifetime_seconds: Option<u32>,
    /// After how long a hold is released whose end the platform never told, in seconds.
    pub safety_timer_seconds: Option<u32>,
    /// How much more than authorized may be captured without a word.
    pub tolerance: Option<Margin>,
    /// How much is held on top of what was asked.
    pub extra: Option<Margin>,
    /// How much more of it is held where the merchant's currency is another one.
    pub cross_currency: Option<Percent>,
}

/// How much more than an amount: the largest of what is written counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Margin {
    /// So much of the amount.
    pub percent: Option<Percent>,
    /// So much, whatever the amount is.
    pub amount: Option<Money>,
    /// What is missing to so much in all.
    pub up_to: Option<Money>,
}

impl Margin {
    /// Over what a request asks for, in minor units. An increment gets the percentage only: the fixed amounts came with the
    /// payment that it adds to.
    pub(super) fn over(&self, request: &AuthorizationRequest) -> i64 {
        let asked = request.amount.minor();
        let share = self.percent.map_or(0, |percent| percent.of(asked));
        if request.kind == AuthorizationKind::Incremental {
            return share;
        }
        let fixed = self.amount.map_or(0, Money::minor);
        let missing = self.up_to.map_or(0, |total| total.minor().saturating_sub(asked));
        share.max(fixed).max(missing)
    }

    fn amounts(&self) -> impl Iterator<Item = Money> {
        [self.amount, self.up_to].into_iter().flatten()
    }
}

impl HoldTerms {
    /// What these terms decide, and for the rest what the others do.
    #[must_use]
    pub(super) fn or(self, others: HoldTerms) -> HoldTerms {
        HoldTerms {
            lifetime_seconds: self.lifetime_seconds.or(others.lifetime_seconds),
            safety_timer_seconds: self.safety_timer_seconds.or(others.safety_timer_seconds),
            tolerance: self.tolerance.or(others.tolerance),
            extra: self.extra.or(others.extra),
            cross_currency: self.cross_currency.or(others.cross_currency),
        }
    }

    /// Whether they decide something that only a hold has; a debit has no end and nothing on top.
    const fn need_a_hold(&self) -> bool {
        self.lifetime_seconds.is_some()
            || self.safety_timer_seconds.is_some()
            || self.extra.is_some()
            || self.cross_currency.is_some()
    }
}

impl HoldRow {
    /// A row that decides this for whatever is held.
    #[must_use]
    pub fn new(id: RuleId, terms: HoldTerms) -> Self {
        HoldRow { id, description: None, kinds: KindSet::TAKING_MONEY, when: When::default(), terms }
    }

    /// The same row with a sentence for people.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The same row, only under these conditions.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.kinds = when.kinds.unwrap_or(KindSet::TAKING_MONEY);
        self.when = when;
        self
    }

    /// The row's name.
    #[must_use]
    pub const fn id(&self) -> RuleId {
        self.id
    }

    /// What its author says about it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What it decides.
    #[must_use]
    pub const fn terms(&self) -> &HoldTerms {
        &self.terms
    }

    /// Every way in which it is wrong.
    pub(super) fn problems(&self, currency: Currency, country: Option<Country>) -> Vec<RulesetProblem> {
        let mut problems = self.when.problems(currency, country);
        let terms = &self.terms;
        if *terms == HoldTerms::default() {
            problems.push(RulesetProblem::NothingDecided);
        }
        if terms.lifetime_seconds == Some(0) || terms.safety_timer_seconds == Some(0) {
            problems.push(RulesetProblem::NoTime);
        }
        let amounts = || [&terms.tolerance, &terms.extra].into_iter().flatten().flat_map(Margin::amounts);
        if amounts().any(|amount| amount.currency() != currency) {
            problems.push(RulesetProblem::OtherCurrency);
        }
        if amounts().any(Money::is_negative) {
            problems.push(RulesetProblem::NegativeAmount);
        }
        if self.kinds.iter().any(|kind| !KindSet::TAKING_MONEY.contains(kind)) {
            problems.push(RulesetProblem::KindNotHeld);
        }
        if self.when.posting == Some(Posting::Immediate) && terms.need_a_hold() {
            problems.push(RulesetProblem::DebitNotHeld);
        }
        problems
    }

    /// Whether it is about this request.
    pub(super) fn applies(&self, facts: &Facts<'_>) -> bool {
        self.kinds.contains(facts.request.kind) && self.when.holds(facts)
    }
}

/// Where less than was asked may be approved, if program, terminal and platform can take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialRule {
    /// The least that is worth approving.
    pub minimum: Money,
    /// Only for these kinds.
    pub kinds: KindSet,
    /// Only where the card was presented so.
    pub entry_modes: EntryModeSet,
}

impl PartialRule {
    /// For purchases that the cardholder makes: neither cash nor quasi-cash, nor what is charged by an agreement, unless named.
    #[must_use]
    pub const fn of_purchases(minimum: Money) -> Self {
        PartialRule { minimum, kinds: KindSet::PURCHASES, entry_modes: EntryModeSet::ALL.without(EntryMode::Recurring) }
    }

    /// Every way in which it is wrong.
    pub(super) fn problems(&self, currency: Currency) -> Vec<RulesetProblem> {
        let mut problems = Vec::new();
        if self.minimum.currency() != currency {
            problems.push(RulesetProblem::OtherCurrency);
        }
        if self.minimum.minor() <= 0 {
            problems.push(RulesetProblem::ZeroMinimum);
        }
        if self.kinds.iter().any(|kind| !KindSet::TAKING_MONEY.contains(kind)) {
            problems.push(RulesetProblem::KindNotHeld);
        }
        problems
    }

    /// The least that may be approved of this request instead of all; `None`: all or nothing.
    pub(super) fn least(&self, request: &AuthorizationRequest) -> Option<i64> {
        let allowed = self.kinds.contains(request.kind) && self.entry_modes.contains(request.entry_mode);
        allowed.then_some(self.minimum.minor())
    }
}

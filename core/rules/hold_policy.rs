//! How an approved payment is held: for how long, with how much on top, and how much more than authorized is captured
//! without a word. Part of a verdict, in plain amounts; nothing here reads a clock.

use serde::{Deserialize, Serialize};

use crate::authorization::{AuthorizationRequest, Expiry, Padding, PartialApproval, Posting};
use crate::money::Money;

use super::hold_defaults;
use super::hold_row::{HoldTerms, Margin};
use super::percent::Percent;
use super::ruleset::Ruleset;
use super::sets::KindSet;
use super::when::Facts;

/// How one approved payment is held. Amounts in minor units of the program's currency, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPolicy {
    /// How long a hold lives whose life is ours to end, in seconds.
    pub lifetime_seconds: u32,
    /// After how long a hold is released whose end the platform never told, in seconds.
    pub safety_timer_seconds: u32,
    /// Held on top of what was asked, if it is there.
    pub extra: i64,
    /// How much more than authorized may be captured without a word.
    pub tolerance: i64,
    /// The least that may be approved where not all of it is there; `None`: all or nothing.
    pub partial_min: Option<i64>,
    /// What is held on top of less than what was asked, and tolerated, where less may be approved. Files have it apart from the rest.
    #[serde(skip)]
    pub of_less: Option<OfLess>,
}

/// Margins over an amount that is known only when it is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfLess {
    extra: Over,
    tolerance: Over,
    /// Held on top of the extra, of a foreign amount.
    pad: Option<Percent>,
}

/// A margin in plain amounts: the largest counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Over {
    percent: Option<Percent>,
    amount: i64,
    up_to: i64,
}

impl Over {
    fn of(margin: Option<Margin>) -> Self {
        let Some(Margin { percent, amount, up_to }) = margin else { return Over::default() };
        Over { percent, amount: amount.map_or(0, Money::minor), up_to: up_to.map_or(0, Money::minor) }
    }

    fn over(&self, minor: i64) -> i64 {
        let share = self.percent.map_or(0, |percent| percent.of(minor));
        share.max(self.amount).max(self.up_to.saturating_sub(minor))
    }
}

impl OfLess {
    /// These margins, of whatever is approved; and a pad on top of the extra.
    #[must_use]
    pub fn new(extra: Option<Margin>, tolerance: Option<Margin>, pad: Option<Percent>) -> Self {
        OfLess { extra: Over::of(extra), tolerance: Over::of(tolerance), pad }
    }

    /// What terms come to of less than was asked; `None` where that is never approved, or nothing depends on it.
    fn of(terms: &HoldTerms, request: &AuthorizationRequest) -> Option<Self> {
        let (extra, pad) = if may_be_padded(request) { (terms.extra, foreign_pad(terms, request)) } else { (None, None) };
        let of_less = OfLess::new(extra, terms.tolerance, pad);
        (request.partial_approval == PartialApproval::Supported && of_less != OfLess::new(None, None, None)).then_some(of_less)
    }
}

impl HoldPolicy {
    /// What holds where no rules were asked: seven days for holds of ours, 35 for the platform's, nothing on top.
    pub const PLAIN: HoldPolicy = HoldPolicy {
        lifetime_seconds: 7 * 86_400,
        safety_timer_seconds: 35 * 86_400,
        extra: 0,
        tolerance: 0,
        partial_min: None,
        of_less: None,
    };

    /// The policy of a payment of which so much was approved. In journals of older versions it is that of what was asked.
    #[must_use]
    pub fn for_approved(self, minor: i64, asked: i64) -> Self {
        match self.of_less.filter(|_| minor < asked) {
            Some(OfLess { extra, tolerance, pad }) => {
                let pad = pad.map_or(0, |percent| percent.of(minor));
                HoldPolicy { extra: extra.over(minor).saturating_add(pad), tolerance: tolerance.over(minor), ..self }
            }
            None => self,
        }
    }

    /// What a program's rows and, for the fields that they leave, the built-in policy say of a request.
    pub(super) fn of(ruleset: &Ruleset, facts: &Facts<'_>) -> Self {
        let request = facts.request;
        if !KindSet::TAKING_MONEY.contains(request.kind) {
            return HoldPolicy::PLAIN;
        }
        let applicable = ruleset.holds().iter().filter(|row| row.applies(facts));
        let written = applicable.fold(HoldTerms::default(), |terms, row| terms.or(*row.terms()));
        let terms = written.or(hold_defaults::terms(request, ruleset.currency()));
        // Where a payment is ours to lead nothing is captured above it, whatever rows say of the platforms' clearings.
        let tolerance = match request.expiry {
            Expiry::Ours => None,
            Expiry::Told => terms.tolerance,
        };
        let terms = HoldTerms { tolerance, ..terms };
        let over = |margin: Option<Margin>| margin.map_or(0, |margin| margin.over(request));
        let partial_min = ruleset.partial_approval().and_then(|rule| rule.least(request));
        HoldPolicy {
            lifetime_seconds: terms.lifetime_seconds.unwrap_or(HoldPolicy::PLAIN.lifetime_seconds),
            safety_timer_seconds: terms.safety_timer_seconds.unwrap_or(HoldPolicy::PLAIN.safety_timer_seconds),
            extra: if may_be_padded(request) { over(terms.extra).saturating_add(rate_pad(&terms, request)) } else { 0 },
            tolerance: over(terms.tolerance),
            partial_min,
            of_less: partial_min.and_then(|_| OfLess::of(&terms, request)),
        }
    }
}

/// A debit has nothing on top; and what the platform added already is not added twice.
fn may_be_padded(request: &AuthorizationRequest) -> bool {
    match (request.posting, request.padding) {
        (Posting::Hold, Padding::None) => true,
        (Posting::Hold | Posting::Immediate, Padding::ByPlatform) | (Posting::Immediate, Padding::None) => false,
    }
}

/// The rate at which a foreign amount clears is not the one at which it was asked.
fn rate_pad(terms: &HoldTerms, request: &AuthorizationRequest) -> i64 {
    foreign_pad(terms, request).map_or(0, |percent| percent.of(request.amount.minor()))
}

fn foreign_pad(terms: &HoldTerms, request: &AuthorizationRequest) -> Option<Percent> {
    let foreign = request.original.is_some_and(|original| original.currency() != request.amount.currency());
    terms.cross_currency.filter(|_| foreign)
}

impl Default for HoldPolicy {
    fn default() -> Self {
        HoldPolicy::PLAIN
    }
}

//! How an approved payment is held: for how long, with how much on top, and how much more than authorized is captured
//! without a word. Part of a verdict, in plain amounts; nothing here reads a clock.

use serde::{Deserialize, Serialize};

use crate::authorization::{AuthorizationRequest, Padding, Posting};

use super::hold_defaults;
use super::hold_row::{HoldTerms, Margin};
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
}

impl HoldPolicy {
    /// What holds where no rules were asked: seven days for holds of ours, 35 for the platform's, nothing on top.
    pub const PLAIN: HoldPolicy =
        HoldPolicy { lifetime_seconds: 7 * 86_400, safety_timer_seconds: 35 * 86_400, extra: 0, tolerance: 0, partial_min: None };

    /// What a program's rows and, for the fields that they leave, the built-in policy say of a request.
    pub(super) fn of(ruleset: &Ruleset, facts: &Facts<'_>) -> Self {
        let request = facts.request;
        if !KindSet::TAKING_MONEY.contains(request.kind) {
            return HoldPolicy::PLAIN;
        }
        let applicable = ruleset.holds().iter().filter(|row| row.applies(facts));
        let written = applicable.fold(HoldTerms::default(), |terms, row| terms.or(*row.terms()));
        let terms = written.or(hold_defaults::terms(request, ruleset.currency()));
        let over = |margin: Option<Margin>| margin.map_or(0, |margin| margin.over(request));
        HoldPolicy {
            lifetime_seconds: terms.lifetime_seconds.unwrap_or(HoldPolicy::PLAIN.lifetime_seconds),
            safety_timer_seconds: terms.safety_timer_seconds.unwrap_or(HoldPolicy::PLAIN.safety_timer_seconds),
            extra: if may_be_padded(request) { over(terms.extra).saturating_add(rate_pad(&terms, request)) } else { 0 },
            tolerance: over(terms.tolerance),
            partial_min: ruleset.partial_approval().and_then(|rule| rule.least(request)),
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
    let foreign = request.original.is_some_and(|original| original.currency() != request.amount.currency());
    terms.cross_currency.filter(|_| foreign).map_or(0, |percent| percent.of(request.amount.minor()))
}

impl Default for HoldPolicy {
    fn default() -> Self {
        HoldPolicy::PLAIN
    }
}

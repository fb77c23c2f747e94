//! A policy as it is asked: its template made into an ordinary ruleset of one authority; where it leaves several ways open on which it
//! counts, into one for each part of them.
//!
//! The rulesets' hash is that of the template's canonical JSON and of the authority, so that a journal's record names one version of one
//! authority's policy.

mod compiling;
mod counting;
mod names;
mod part;

use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::ids::ProgramId;
use crate::money::{Currency, Money};
use crate::rules::{AmountRange, LIMITS_MAX, NoTrace, Ruleset, RulesetHash, Verdict, Ways, evaluate};
use crate::time::Timestamp;

use self::compiling::Compiling;
use super::governed::PolicyVersion;
use super::ids::{AuthorityId, PolicyId};
use super::template::{FieldError, Template};

/// The most budgets and counts that a policy may have.
pub const POLICY_LIMITS_MAX: usize = 5;

/// How many limits a verdict has room for beside what every policy may bring: an intent, a maximum, and what needs no person.
pub const POLICY_ROOM_MAX: usize = LIMITS_MAX.saturating_sub(3);

/// Whose policy it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The authority: its budgets count for it alone.
    pub authority: AuthorityId,
    /// The policy.
    pub policy: PolicyId,
    /// The program that decides in the authority's environment.
    pub program: ProgramId,
    /// That program's currency: of a policy that names none.
    pub currency: Currency,
}

/// A policy in one version, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledPolicy {
    /// Which version of which policy.
    pub version: PolicyVersion,
    /// What holds whatever way is taken: all of it, where there are not several.
    pub always: Part,
    /// What holds on some of several ways.
    pub by_way: Box<[Part]>,
    /// All of the ways; none where there are not several.
    pub ways: Option<Ways>,
}

/// What must hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it says, but for reviews.
    pub ruleset: Ruleset,
    /// The amounts that need no person; `None` if none does.
    pub unreviewed: Option<AmountRange>,
    /// The ways that it is a part of; none where it holds whichever is taken.
    pub ways: Option<Ways>,
    /// The currency of its amounts.
    currency: Currency,
    most: Most,
}

/// What bounds the amount of one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Most {
    /// Nothing.
    Unbounded,
    /// This.
    Plain(i64),
    /// One of these, the greatest first, or nothing: that depends on which of several checks lets the payment pass.
    ByCheck(Box<[i64]>),
}

impl CompiledPolicy {
    /// Makes rules and limits of a template.
    ///
    /// # Errors
    /// Everything in it that cannot be expressed, by the path of its field.
    pub fn new(template: &Template, owner: &Owner) -> Result<Self, Vec<FieldError>> {
        CompiledPolicy::within(template, owner, POLICY_ROOM_MAX)
    }

    /// The same where there is room for so many limits of it.
    ///
    /// # Errors
    /// As [`CompiledPolicy::new`]; each limit for which there is no room is one of them.
    pub fn within(template: &Template, owner: &Owner, room: usize) -> Result<Self, Vec<FieldError>> {
        let hash = RulesetHash::of(&format!("{}\0{}", owner.authority, template.canonical()));
        Compiling::of(template, owner, room)?.compiled(hash)
    }

    /// How much of the room it takes that [`CompiledPolicy::within`] tells of.
    #[must_use]
    pub fn limits(&self) -> usize {
        let parts = || std::iter::once(&self.always).chain(&self.by_way);
        let counted: usize = parts().map(|part| part.ruleset.limits().len()).sum();
        let maxima = parts().filter(|part| part.most != Most::Unbounded).count();
        let reviews = parts().filter(|part| part.unreviewed.is_some()).count();
        room_taken(counted, maxima, reviews)
    }
}

/// How much room limits take: there is some for one maximum and one review anyhow.
fn room_taken(counted: usize, maxima: usize, reviews: usize) -> usize {
    counted.saturating_add(maxima.saturating_sub(1)).saturating_add(reviews.saturating_sub(1))
}

impl Part {
    /// The most that one payment may come to, all that is added to it included; `None` if nothing bounds it.
    #[must_use]
    pub fn most(&self, request: &AuthorizationRequest, now: Timestamp) -> Option<i64> {
        let maxima = match &self.most {
            Most::Unbounded => return None,
            // What cannot be compared gets nothing.
            Most::Plain(_) | Most::ByCheck(_) if request.amount.currency() != self.currency => return Some(0),
            Most::Plain(most) => return Some(*most),
            Most::ByCheck(maxima) => maxima,
        };
        let passes = |minor: i64| {
            let amount = Money::from_minor(minor, self.currency);
            // An increment is asked about as the payment that it is a part of.
            let kind = if request.kind == AuthorizationKind::Incremental { AuthorizationKind::Purchase } else { request.kind };
            let whole = AuthorizationRequest { amount, kind, ..*request };
            matches!(evaluate(&self.ruleset, &whole, now, &mut NoTrace), Verdict::Proceed(_))
        };
        if passes(i64::MAX) {
            return None;
        }
        // Where nothing would pass, whatever else objects does so first.
        Some(maxima.iter().copied().find(|most| passes(*most)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;

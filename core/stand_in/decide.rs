//! One request, one table, what is known: what stand-in would answer. A column of guards; their order is the order of precedence
//! and is tested.

use crate::authorization::{AuthorizationKind, AuthorizationRequest, PartialApproval};
use crate::decision::{DeclineReason, StandInBy, StandInCause};
use crate::ids::PlatformName;
use crate::money::Money;
use crate::rules::{Facts, Proceed, Verdict};
use crate::time::Timestamp;

use super::conditions::Fit;
use super::policy::{Mode, Row, RowAnswer, StandInPolicy};
use super::proposal::{Proposal, StandInAnswer};
use super::snapshot::{AccountSight, AddsTo, Sight, Snapshot};
use super::told::ToldApproval;

/// Decides without the ledger, as far as the table can: caps are still to be asked.
///
/// It never fails and never allocates, and takes time in proportion to the number of rows. `verdict` is `None` where the rules
/// could not be asked.
pub fn stand_in(
    policy: &StandInPolicy,
    platform: &PlatformName,
    request: &AuthorizationRequest,
    verdict: Option<&Verdict>,
    snapshot: &Snapshot,
    cause: StandInCause,
    now: Timestamp,
) -> Proposal {
    let propose = |answer, by| Proposal { answer, by, cause, table: policy.hash(), approval: None, covered_by: None };
    let decline = |reason, by| propose(StandInAnswer::Decline { reason }, by);
    let approve = |amount, by| {
        let approval = account(snapshot).and_then(|account| ToldApproval::of(platform, request, &account.id, amount, now));
        Proposal { approval, ..propose(StandInAnswer::Approve { amount }, by) }
    };
    if let Some(Verdict::Decline { reason, rule }) = verdict.filter(|_| request.presents_nothing()) {
        // There is no card that could be unknown: what was named leads nowhere, and the verdict says why.
        return decline(*reason, StandInBy::Rule(*rule));
    }
    match (bar(policy, request, snapshot), verdict) {
        (None, _) => {}
        // Whatever stands in the way besides: this does, and says more than that nothing was seen.
        (Some(Bar::NotSeen), Some(Verdict::Decline { reason, rule })) => return decline(*reason, StandInBy::Rule(*rule)),
        (Some(Bar::NotSeen), _) => return decline(DeclineReason::LedgerUnavailable, StandInBy::Standing),
        (Some(Bar::Known(reason)), _) => return decline(reason, StandInBy::Standing),
    }
    let proceed = match verdict {
        None => return decline(DeclineReason::LedgerUnavailable, StandInBy::NoVerdict),
        Some(Verdict::Decline { reason, rule }) => return decline(*reason, StandInBy::Rule(*rule)),
        Some(Verdict::Proceed(proceed)) => proceed,
    };
    match policy.mode_at(now) {
        Mode::Rules => {}
        Mode::Decline => return decline(DeclineReason::LedgerUnavailable, StandInBy::ModeDecline),
        Mode::Drop(silence) => return propose(StandInAnswer::Abstain(silence), StandInBy::ModeDrop),
        Mode::Approve { .. } => {
            return match allowed(request, proceed, None) {
                Ok(amount) => approve(amount, StandInBy::ModeApprove),
                Err(reason) => decline(reason, StandInBy::ModeApprove),
            };
        }
    }
    let facts = Facts::of(request, policy.country(), now);
    let Some(row) = policy.rows().iter().find(|row| applies(row, &facts, snapshot)) else {
        return decline(DeclineReason::LedgerUnavailable, StandInBy::NoRow);
    };
    let by = StandInBy::Row(row.id());
    let allowed = match row.answer() {
        RowAnswer::Decline(reason) => Err(reason),
        RowAnswer::Approve => allowed(request, proceed, None),
        RowAnswer::ApproveUpTo(most) => allowed(request, proceed, Some(most)),
    };
    match allowed {
        Ok(amount) => {
            let covering = row.conditions().balance_age_seconds_max.and_then(|_| account(snapshot));
            Proposal { covered_by: covering.map(|account| (account.available.minor(), account.let_go)), ..approve(amount, by) }
        }
        Err(reason) => decline(reason, by),
    }
}

/// What stands in the way whatever the table says.
enum Bar {
    /// It is not known whose money it is, or whether the card may pay.
    NotSeen,
    /// What the ledger would say, too.
    Known(DeclineReason),
}

/// What stands in the way whatever the table says: as the ledger would decline, in its order.
fn bar(policy: &StandInPolicy, request: &AuthorizationRequest, snapshot: &Snapshot) -> Option<Bar> {
    let card = match snapshot.card {
        Sight::NotSeen => return Some(Bar::NotSeen),
        Sight::Absent => return Some(Bar::Known(DeclineReason::CardUnknown)),
        Sight::Seen(card) => card,
    };
    if let Some(reason) = card.status.bar().or(card.cardholder.bar()) {
        return Some(Bar::Known(reason));
    }
    let account = match snapshot.account {
        Sight::NotSeen => return Some(Bar::NotSeen),
        Sight::Absent => return Some(Bar::Known(DeclineReason::AccountUnknown)),
        Sight::Seen(account) => account,
    };
    if let Some(reason) = account.status.bar() {
        return Some(Bar::Known(reason));
    }
    let currencies = [policy.currency(), account.available.currency()];
    if currencies.into_iter().any(|currency| currency != request.amount.currency()) {
        return Some(Bar::Known(DeclineReason::CurrencyNotAllowed));
    }
    if request.amount.is_negative() {
        return Some(Bar::Known(DeclineReason::AmountTooLarge));
    }
    // What adds to nothing is a payment of its own, which no cap would count as one.
    match snapshot.adds_to {
        AddsTo::Perhaps if request.kind == AuthorizationKind::Incremental => Some(Bar::NotSeen),
        AddsTo::NotKnown if request.kind == AuthorizationKind::Incremental => {
            Some(Bar::Known(DeclineReason::AuthorizationUnknown))
        }
        AddsTo::Open | AddsTo::Perhaps | AddsTo::NotKnown => None,
    }
}

/// A row that approves needs all that it asks about; one that declines applies to what is not known, too.
fn applies(row: &Row, facts: &Facts<'_>, snapshot: &Snapshot) -> bool {
    match (row.conditions().fit(facts, snapshot), row.answer()) {
        (Fit::Holds, _) => true,
        (Fit::NotKnown, RowAnswer::Decline(_)) => true,
        (Fit::NotKnown, RowAnswer::Approve | RowAnswer::ApproveUpTo(_)) | (Fit::Fails, _) => false,
    }
}

/// How much may be approved: all of it, or less where a row gives less and the platform's answer can carry that.
fn allowed(request: &AuthorizationRequest, proceed: &Proceed, most: Option<Money>) -> Result<Money, DeclineReason> {
    let asked = request.amount.minor();
    let least_of = [Some(proceed.ceiling), most].into_iter().flatten().map(Money::minor).min().unwrap_or(0);
    if asked <= least_of {
        return Ok(request.amount);
    }
    match request.partial_approval {
        PartialApproval::Supported if least_of > 0 => Ok(Money::from_minor(least_of, request.amount.currency())),
        PartialApproval::Supported | PartialApproval::NotSupported => Err(DeclineReason::AmountAboveMaximum),
    }
}

fn account(snapshot: &Snapshot) -> Option<&AccountSight> {
    match &snapshot.account {
        Sight::Seen(account) => Some(account),
        Sight::NotSeen | Sight::Absent => None,
    }
}

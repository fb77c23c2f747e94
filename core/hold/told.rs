//! Told events: facts that a platform or an operator states. They are never refused; what cannot be booked is found and
//! said.

use super::asked::{place_amount, return_to_limits, take_back};
use super::event::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause, ToldEvent};
use super::outcome::{Finding, Outcome, Standing};
use super::state::{Account, Answered, Heard, Hold, HoldOrigin, HoldStatus, Slice};
use crate::authorization::Posting;
use crate::decision::{Decision, DeclineReason};
use crate::money::Money;

/// Applies a told event to its slice.
pub(super) fn tell(slice: &Slice<'_>, event: &ToldEvent) -> Outcome {
    if slice.heard == Heard::Again {
        return Outcome::nothing(Finding::HeardBefore);
    }
    match event.fact {
        Fact::Card { status, .. } => Outcome { standing: Some(Standing::Card(status)), ..Outcome::default() },
        Fact::Cardholder { status, .. } => Outcome { standing: Some(Standing::Cardholder(status)), ..Outcome::default() },
        Fact::Account { .. } if slice.account.is_none() => Outcome::nothing(Finding::AccountUnknown),
        Fact::Account { status, .. } => Outcome { standing: Some(Standing::Account(status)), ..Outcome::default() },
        Fact::SettlementAnnounced { .. } => Outcome::default(),
        Fact::Recorded { outcome: RecordedOutcome::Declined, .. } => declined_after_all(slice),
        Fact::Recorded { outcome: RecordedOutcome::Approved { amount }, .. } => {
            on_account(slice, amount, |account, minor| recorded_as_approved(slice, account, minor, Posting::Hold))
        }
        Fact::Recorded { outcome: RecordedOutcome::ApprovedByStandIn { amount, posting }, .. } => {
            on_account(slice, amount, |account, minor| stood_in_for_us(slice, account, minor, posting))
        }
        Fact::Reduced { by, .. } => on_hold(slice, by, |minor| take_back(slice, minor)),
        Fact::Replaced { total, .. } => {
            on_account(slice, total, |account, minor| replace(slice, account, minor).unwrap_or_else(Outcome::nothing))
        }
        Fact::Released { cause, .. } => release(slice, cause),
        Fact::Captured { payment: None, amount, .. } => on_account(slice, amount, |account, minor| {
            let outcome = post(account, minor.saturating_neg(), MovementCause::NetworkSettlement);
            Outcome { finding: outcome.finding.or(Some(Finding::ForcePosted)), ..outcome }
        }),
        Fact::Captured { payment: Some(_), amount, finality } => {
            on_account(slice, amount, |account, minor| capture(slice, account, minor, finality).unwrap_or_else(Outcome::nothing))
        }
        Fact::Completed { amount, .. } => on_account(slice, amount, |account, minor| {
            capture(slice, account, minor, Finality::Final).unwrap_or_else(Outcome::nothing)
        }),
        Fact::Credited { amount, cause, .. } => on_account(slice, amount, |account, minor| post(account, minor, cause)),
        Fact::Debited { amount, cause, .. } => {
            on_account(slice, amount, |account, minor| post(account, minor.saturating_neg(), cause))
        }
    }
}

/// Runs `book` if the slice has an account and the amount is in its currency.
fn on_account(slice: &Slice<'_>, amount: Money, book: impl FnOnce(&Account, i64) -> Outcome) -> Outcome {
    match slice.account {
        None => Outcome::nothing(Finding::AccountUnknown),
        Some(account) if account.currency != amount.currency() => Outcome::nothing(Finding::CurrencyMismatch),
        // Adapters never make one: the fact's name carries the direction.
        Some(_) if amount.is_negative() => Outcome::nothing(Finding::AmountTooLarge),
        Some(account) => book(&account, amount.minor()),
    }
}

/// Runs `book` if besides that the payment has a hold.
fn on_hold(slice: &Slice<'_>, amount: Money, book: impl FnOnce(i64) -> Outcome) -> Outcome {
    on_account(slice, amount, |_, minor| match slice.hold {
        None => Outcome::nothing(Finding::PaymentUnknown),
        Some(_) => book(minor),
    })
}

/// The platform says that it was declined: whatever this key, or this payment, reserved is free again, and the key hears
/// a decline from now on.
fn declined_after_all(slice: &Slice<'_>) -> Outcome {
    let Some(answered) = slice.answered else {
        return match slice.hold {
            Some(hold) if hold.status == HoldStatus::Open && hold.captured == 0 => {
                let outcome = take_back(slice, hold.held.saturating_add(hold.ahead));
                Outcome { finding: Some(Finding::AdoptedOverOurs), ..outcome }
            }
            Some(_) | None => Outcome::default(),
        };
    };
    match answered.decision {
        Decision::Decline { .. } => Outcome::default(),
        Decision::Approve { .. } => {
            let decision = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
            let mut outcome = take_back(slice, answered.placed);
            outcome.answered = Some(Answered { decision, placed: 0, ..answered });
            outcome.finding = Some(Finding::AdoptedOverOurs);
            outcome
        }
    }
}

/// The platform approved it in our place: what it says is held of the payment is held, whatever we knew of it.
fn stood_in_for_us(slice: &Slice<'_>, account: &Account, minor: i64, posting: Posting) -> Outcome {
    let known = match slice.hold {
        Some(hold) if slice.answered.is_none() && hold.captured == 0 => match hold.status {
            HoldStatus::Open => hold.authorized,
            HoldStatus::Released | HoldStatus::Expired => 0,
            HoldStatus::Captured => return recorded_as_approved(slice, account, minor, posting),
        },
        Some(_) | None => return recorded_as_approved(slice, account, minor, posting),
    };
    let more = minor.saturating_sub(known);
    if more <= 0 {
        return Outcome::default();
    }
    match place_amount(slice, account, more, posting, HoldOrigin::Told, Outcome::default()) {
        Ok(outcome) => Outcome { finding: Some(Finding::AdoptedOverOurs), ..outcome },
        Err(finding) => Outcome::nothing(finding),
    }
}

/// The platform says that it was approved: ours too, if it was not yet, even into a negative balance.
fn recorded_as_approved(slice: &Slice<'_>, account: &Account, minor: i64, posting: Posting) -> Outcome {
    let approved_by_us = matches!(slice.answered, Some(Answered { decision: Decision::Approve { .. }, .. }));
    if approved_by_us || (slice.answered.is_none() && slice.hold.is_some()) || minor == 0 {
        return Outcome::default();
    }
    let mut outcome = match place_amount(slice, account, minor, posting, HoldOrigin::Told, Outcome::default()) {
        Ok(outcome) => outcome,
        Err(finding) => return Outcome::nothing(finding),
    };
    outcome.finding = Some(Finding::AdoptedOverOurs);
    outcome.answered = slice.answered.map(|answered| Answered {
        decision: Decision::Approve { amount: account.money(minor) },
        placed: minor,
        ..answered
    });
    outcome
}

/// A new total of what is authorized: the hold becomes what of it is not captured yet.
fn replace(slice: &Slice<'_>, account: &Account, total: i64) -> Result<Outcome, Finding> {
    let hold = slice.hold.ok_or(Finding::PaymentUnknown)?;
    let open = total.saturating_sub(hold.captured).max(0);
    let reserved = hold.held.saturating_add(hold.ahead);
    if open <= reserved {
        let mut outcome = take_back(slice, reserved.saturating_sub(open));
        if let Some(hold) = &mut outcome.hold {
            hold.authorized = total;
        }
        return Ok(outcome);
    }
    let outcome = Outcome::default();
    let mut outcome = place_amount(slice, account, open.saturating_sub(reserved), hold.posting, hold.origin, outcome)?;
    if let Some(hold) = &mut outcome.hold {
        hold.authorized = total;
    }
    Ok(outcome)
}

fn release(slice: &Slice<'_>, cause: ReleaseCause) -> Outcome {
    let Some(hold) = slice.hold else {
        return Outcome::nothing(Finding::PaymentUnknown);
    };
    if hold.status != HoldStatus::Open {
        return Outcome::default();
    }
    let mut outcome = take_back(slice, hold.held.saturating_add(hold.ahead));
    let status = match cause {
        ReleaseCause::Expired => HoldStatus::Expired,
        ReleaseCause::Reversed | ReleaseCause::Operator => HoldStatus::Released,
    };
    let hold = outcome.hold.unwrap_or(hold);
    outcome.hold = Some(Hold { status, ..hold });
    outcome
}

/// The merchant takes money. It always posts in full: what was debited ahead covers it first, the rest is debited now, and
/// the hold shrinks by as much. What a final capture leaves over goes back to the account and to the limits.
fn capture(slice: &Slice<'_>, account: &Account, minor: i64, finality: Finality) -> Result<Outcome, Finding> {
    let finding = match slice.hold {
        None => Some(Finding::ForcePosted),
        Some(hold) if hold.status != HoldStatus::Open => Some(Finding::CapturedAfterEnd),
        Some(hold) if hold.captured.saturating_add(minor) > hold.authorized => Some(Finding::CapturedAboveAuthorized),
        Some(_) => None,
    };
    let mut hold = slice.hold.unwrap_or(Hold {
        posting: Posting::Hold,
        origin: HoldOrigin::Told,
        status: HoldStatus::Open,
        authorized: 0,
        held: 0,
        ahead: 0,
        captured: 0,
    });
    let covered = hold.ahead.min(minor);
    let debited = minor.saturating_sub(covered);
    let used = hold.held.min(debited);
    let (freed, paid_back) = match finality {
        Finality::Final => (hold.held, hold.ahead.saturating_sub(covered)),
        Finality::More => (used, 0),
    };
    hold.captured = hold.captured.checked_add(minor).ok_or(Finding::AmountTooLarge)?;
    hold.ahead = hold.ahead.saturating_sub(covered).saturating_sub(paid_back);
    hold.held = hold.held.saturating_sub(freed);
    let nothing_left = hold.held == 0 && hold.ahead == 0;
    if finality == Finality::Final || (nothing_left && hold.captured >= hold.authorized) {
        hold.status = HoldStatus::Captured;
    }
    let posted = paid_back.saturating_sub(debited);
    account.posted.checked_add(posted).ok_or(Finding::AmountTooLarge)?;
    let mut outcome = Outcome {
        posted,
        held: freed.saturating_neg(),
        cause: (posted != 0).then_some(MovementCause::NetworkSettlement),
        hold: Some(hold),
        finding,
        ..Outcome::default()
    };
    if finality == Finality::Final {
        let left_over = freed.saturating_sub(used).saturating_add(paid_back);
        return_to_limits(slice, left_over, hold.captured == 0, &mut outcome);
    }
    Ok(outcome)
}

fn post(account: &Account, minor: i64, cause: MovementCause) -> Outcome {
    match account.posted.checked_add(minor) {
        None => Outcome::nothing(Finding::AmountTooLarge),
        Some(_) => Outcome { posted: minor, cause: (minor != 0).then_some(cause), ..Outcome::default() },
    }
}

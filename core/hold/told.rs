//! Told events: facts that a platform or an operator states. They are never refused; what cannot be booked is found and
//! said.

use std::time::Duration;

use super::account::{AccountStatus, CardStatus};
use super::event::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause, ToldEvent};
use super::life::{Hold, HoldStatus, Placement, Role, Step, StepId, Steps, What, Word, fold, has_ended};
use super::limits;
use super::mutant::{self, Mutant};
use super::outcome::{Finding, Outcome, Standing};
use super::question;
use super::state::{Account, Answered, Counted, Heard, Mark, Slice};
use crate::agent::is_of_intent;
use crate::authorization::PaymentRef;
use crate::decision::{Decision, DeclineReason};
use crate::money::{Currency, Money};
use crate::time::Timestamp;

/// Applies a told event to its slice.
pub(super) fn tell(slice: &Slice<'_>, event: &ToldEvent, now: Timestamp) -> Outcome {
    let id = StepId::of_message(&event.key);
    if slice.heard == Heard::Again || slice.steps.iter().any(|step| step.id == id) {
        return Outcome::nothing(Finding::HeardBefore);
    }
    let at = event.occurred_at.unwrap_or_else(|| untimed(slice, &event.fact, now));
    let mark = Mark { at, id };
    match event.fact {
        Fact::Card { status, .. } => stand(slice, Standing::Card(status), mark),
        Fact::Cardholder { status, .. } => stand(slice, Standing::Cardholder(status), mark),
        Fact::Account { .. } if slice.account.is_none() => Outcome::nothing(Finding::AccountUnknown),
        Fact::Account { status, .. } => stand(slice, Standing::Account(status), mark),
        Fact::SettlementAnnounced { .. } => Outcome::default(),
        Fact::Captured { payment: None, amount, .. } => on_account(slice, amount, |account| {
            if mutant::is(Mutant::ForcePostNeedsFunds) && account.available() < amount.minor() {
                return Outcome::nothing(Finding::AmountTooLarge);
            }
            let outcome = post(account, amount.minor().saturating_neg(), MovementCause::NetworkSettlement);
            Outcome { finding: outcome.finding.or(Some(Finding::ForcePosted)), ..outcome }
        }),
        Fact::Credited { payment: None, .. } if mutant::is(Mutant::RefundNeedsLink) => Outcome::nothing(Finding::PaymentUnknown),
        Fact::Credited { payment: None, amount, cause } => {
            on_account(slice, amount, |account| post(account, amount.minor(), cause))
        }
        Fact::Debited { payment: None, amount, cause } => {
            on_account(slice, amount, |account| post(account, amount.minor().saturating_neg(), cause))
        }
        Fact::Recorded { .. }
        | Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Captured { payment: Some(_), .. }
        | Fact::Completed { .. }
        | Fact::Credited { payment: Some(_), .. }
        | Fact::Debited { payment: Some(_), .. } => of_payment(slice, &event.fact, id, at),
    }
}

/// Whether a message that became one of these steps says something else by now: another kind of fact, or another amount.
#[must_use]
pub fn contradicts(steps: &[Step], currency: Currency, event: &ToldEvent) -> bool {
    let id = StepId::of_message(&event.key);
    let Some(step) = steps.iter().find(|step| step.id == id) else { return false };
    let Some((what, amount)) = what(steps, &event.fact) else { return true };
    amount.is_some_and(|amount| amount.currency() != currency) || said(&what) != said(&step.what)
}

/// Why a fact about a payment is refused where its teller may be: of what is left of the approval no more is cleared, and what is given back is
/// in the payment's currency. More than is held is never given back.
#[must_use]
pub fn objection(hold: &Hold, steps: &[Step], currency: Currency, fact: &Fact) -> Option<DeclineReason> {
    let left = if hold.status == HoldStatus::Released || took_back_the_rest(steps) {
        0
    } else {
        hold.authorized.saturating_add(hold.tolerance).saturating_sub(hold.captured)
    };
    let (amount, most) = match fact {
        Fact::Captured { amount, .. } => (*amount, left),
        Fact::Reduced { by, .. } => (*by, i64::MAX),
        // Of those nothing else is told at our door.
        Fact::Released { .. }
        | Fact::Recorded { .. }
        | Fact::Replaced { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::SettlementAnnounced { .. }
        | Fact::Card { .. }
        | Fact::Cardholder { .. }
        | Fact::Account { .. } => return None,
    };
    if amount.currency() != currency {
        return Some(DeclineReason::CurrencyNotAllowed);
    }
    (amount.minor() > most).then_some(DeclineReason::CaptureAboveAuthorized)
}

/// Whether the merchant's side took back all that was left, or cleared for the last time, and nothing was approved after that. What expired was not
/// taken back: clearings come late.
fn took_back_the_rest(steps: &[Step]) -> bool {
    let last = steps.iter().rev().find_map(|step| match step.what {
        What::Released { cause: ReleaseCause::Reversed | ReleaseCause::Operator | ReleaseCause::Declined }
        | What::Captured { finality: Finality::Final, .. } => Some(true),
        What::Placed(Placement { amount: 1.., .. })
        | What::Totalled { .. }
        | What::Recorded { word: Word::Approved { .. } | Word::StoodIn { .. }, .. } => Some(false),
        What::Released { cause: ReleaseCause::Expired | ReleaseCause::SafetyTimer }
        | What::Recorded { word: Word::Declined, .. }
        | What::Placed(_)
        | What::Reduced { .. }
        | What::Captured { finality: Finality::More, .. }
        | What::Moved { .. } => None,
    });
    last == Some(true)
}

/// The kind of a step, and its amount.
const fn said(what: &What) -> (u8, i64) {
    match *what {
        What::Placed(Placement { amount, .. }) => (0, amount),
        What::Recorded { word: Word::Approved { amount } | Word::StoodIn { amount, .. }, .. } => (1, amount),
        What::Recorded { word: Word::Declined, .. } => (2, 0),
        What::Reduced { by, .. } => (3, by),
        What::Totalled { total } => (4, total),
        What::Released { .. } => (5, 0),
        What::Captured { amount, .. } => (6, amount),
        What::Moved { amount, .. } => (7, amount),
    }
}

/// When something happened of which nobody says when: as it arrives, unless what is known already says that it is older.
fn untimed(slice: &Slice<'_>, fact: &Fact, now: Timestamp) -> Timestamp {
    let later = match fact {
        Fact::Replaced { total, .. } => paid_in_full(slice, total.minor()),
        Fact::Recorded { asked, increments: None, outcome, .. } => match outcome {
            RecordedOutcome::Approved { .. } | RecordedOutcome::ApprovedByStandIn { .. } => {
                Steps::of(slice.steps).declined_at(StepId::of(asked))
            }
            RecordedOutcome::Declined => None,
        },
        Fact::Recorded { .. }
        | Fact::Reduced { .. }
        | Fact::Released { .. }
        | Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::Card { .. }
        | Fact::Cardholder { .. }
        | Fact::Account { .. }
        | Fact::SettlementAnnounced { .. } => None,
    };
    let later = later.filter(|_| !mutant::is(Mutant::LateWordReopens));
    later.map_or(now, |later| later.saturating_sub(Duration::from_micros(1)))
}

/// When the last total said that the payment is what was captured, if this one is higher: what was paid in full is not authorized
/// anew by a message that was late.
fn paid_in_full(slice: &Slice<'_>, total: i64) -> Option<Timestamp> {
    let captured = slice.hold.map_or(0, |hold| hold.captured);
    let (at, last) = slice.steps.iter().rev().find_map(|step| match step.what {
        What::Totalled { total } => Some((step.at, total)),
        What::Placed(_)
        | What::Recorded { .. }
        | What::Reduced { .. }
        | What::Released { .. }
        | What::Captured { .. }
        | What::Moved { .. } => None,
    })?;
    (captured > 0 && last <= captured && total > captured).then_some(at)
}

/// A change of standing, unless a newer message told of it before; of one moment, unless one that weighs more did. What is closed
/// for good weighs more than any time.
fn stand(slice: &Slice<'_>, standing: Standing, mark: Mark) -> Outcome {
    let (known, told) = match standing {
        Standing::Card(status) => {
            let known = slice.card.map(|card| card.status);
            let is_final = known.is_some_and(CardStatus::is_final);
            ((is_final, known.map_or(0, CardStatus::severity)), (status.is_final(), status.severity()))
        }
        Standing::Cardholder(status) => {
            ((false, slice.card.map_or(0, |card| card.cardholder.severity())), (false, status.severity()))
        }
        Standing::Account(status) => {
            let known = slice.account.map(|account| account.status);
            let is_final = known.is_some_and(AccountStatus::is_final);
            ((is_final, known.map_or(0, AccountStatus::severity)), (status.is_final(), status.severity()))
        }
    };
    let is_older = |before: Mark| (before.at, known.1, before.id) > (mark.at, told.1, mark.id);
    let stays = match (known.0, told.0) {
        (true, false) => true,
        (false, true) => false,
        (true, true) | (false, false) => slice.standing.is_some_and(is_older),
    };
    if stays && !mutant::is(Mutant::StaleStanding) {
        return Outcome::nothing(Finding::Superseded);
    }
    Outcome { standing: Some((standing, mark)), ..Outcome::default() }
}

/// A fact about a payment becomes one of its steps.
fn of_payment(slice: &Slice<'_>, fact: &Fact, id: StepId, at: Timestamp) -> Outcome {
    let Some(account) = slice.account else {
        return Outcome::nothing(Finding::AccountUnknown);
    };
    let Some((what, amount)) = what(slice.steps, fact) else {
        return Outcome::default();
    };
    if amount.is_some_and(|amount| amount.currency() != account.currency) {
        return Outcome::nothing(Finding::CurrencyMismatch);
    }
    // Adapters never make one: the fact's name carries the direction.
    if amount.is_some_and(Money::is_negative) {
        return Outcome::nothing(Finding::AmountTooLarge);
    }
    if mutant::is(Mutant::EarlyCaptureUnmatched) && slice.hold.is_none() && matches!(what, What::Captured { .. }) {
        return post(&account, amount.map_or(0, |amount| amount.minor().saturating_neg()), MovementCause::NetworkSettlement);
    }
    let mut outcome = match take(slice, &account, Step { id, at, what }, &[]) {
        Ok(outcome) => outcome,
        Err(finding) => return Outcome::nothing(finding),
    };
    if let What::Recorded { asked, .. } = what {
        listen(slice, asked, &mut outcome);
    }
    outcome
}

/// What the platform recorded, as steps have it, and the amount that has to be in the account's currency.
pub(super) const fn word_of(outcome: RecordedOutcome) -> (Word, Option<Money>) {
    match outcome {
        RecordedOutcome::Approved { amount } => (Word::Approved { amount: amount.minor() }, Some(amount)),
        RecordedOutcome::ApprovedByStandIn { amount, posting } => {
            (Word::StoodIn { amount: amount.minor(), posting }, Some(amount))
        }
        RecordedOutcome::Declined => (Word::Declined, None),
    }
}

/// A fact as a step, and the amount that has to be in the account's currency.
fn what(steps: &[Step], fact: &Fact) -> Option<(What, Option<Money>)> {
    Some(match *fact {
        Fact::Recorded { payment, asked, increments, outcome } => {
            let role = if increments.is_some() { Role::Increment } else { Role::Opening };
            let (word, amount) = word_of(outcome);
            let asked = question::of_record(steps, &asked, &payment, increments.as_ref());
            (What::Recorded { asked, role, word }, amount)
        }
        Fact::Reduced { by, original, .. } => (What::Reduced { by: by.minor(), original }, Some(by)),
        Fact::Replaced { total, .. } => (What::Totalled { total: total.minor() }, Some(total)),
        Fact::Released { payment, cause } => (What::Released { cause: cause_of(&payment, cause) }, None),
        Fact::Captured { amount, finality, .. } => (What::Captured { amount: amount.minor(), finality }, Some(amount)),
        Fact::Completed { amount, .. } => (What::Captured { amount: amount.minor(), finality: Finality::Final }, Some(amount)),
        Fact::Credited { amount, cause, .. } => (What::Moved { amount: amount.minor(), cause }, Some(amount)),
        Fact::Debited { amount, cause, .. } => (What::Moved { amount: amount.minor().saturating_neg(), cause }, Some(amount)),
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => return None,
    })
}

/// Why a payment ends. What an intent kept, or was taken back with, is no payment that could be captured later: its time gives all of it back.
fn cause_of(payment: &PaymentRef, cause: ReleaseCause) -> ReleaseCause {
    match cause {
        ReleaseCause::Expired | ReleaseCause::SafetyTimer if is_of_intent(payment) => ReleaseCause::Operator,
        ReleaseCause::Reversed
        | ReleaseCause::Expired
        | ReleaseCause::SafetyTimer
        | ReleaseCause::Operator
        | ReleaseCause::Declined => cause,
    }
}

/// Puts a step among a payment's steps: what that does to the account and to limits is the difference of two folds.
///
/// `places` are those in which a new placement counts, with nothing in them yet.
pub(super) fn take(slice: &Slice<'_>, account: &Account, step: Step, places: &[Counted]) -> Result<Outcome, Finding> {
    let before = slice.hold.unwrap_or(Hold::NONE);
    let steps = Steps::with(slice.steps, step);
    let after = fold(&steps).map_err(|_| Finding::AmountTooLarge)?;
    let posted = i64::try_from(after.effect().saturating_sub(before.effect())).map_err(|_| Finding::AmountTooLarge)?;
    let held = mutated(after.held.saturating_sub(before.held), &before, &step.what);
    account.posted.checked_add(posted).ok_or(Finding::AmountTooLarge)?;
    account.held.checked_add(held).ok_or(Finding::AmountTooLarge)?;
    let cause = match step.what {
        What::Moved { cause, .. } => cause,
        What::Placed(_)
        | What::Recorded { .. }
        | What::Reduced { .. }
        | What::Totalled { .. }
        | What::Released { .. }
        | What::Captured { .. } => MovementCause::NetworkSettlement,
    };
    Ok(Outcome {
        posted,
        held,
        cause: (posted != 0).then_some(cause),
        step: Some(step),
        hold: Some(after),
        counted: limits::changes(&steps, &after, slice.counted, places).map_err(|_| Finding::AmountTooLarge)?,
        finding: finding(slice.steps, &before, &after, &step.what),
        ..Outcome::default()
    })
}

/// What is released too often, in builds that can: the difference of two folds cannot be wrong in this way.
fn mutated(held: i64, before: &Hold, what: &What) -> i64 {
    match what {
        What::Released { .. } if mutant::is(Mutant::DoubleVoid) && !before.is_under_way() => before.authorized.saturating_neg(),
        What::Released { cause: ReleaseCause::Expired | ReleaseCause::SafetyTimer }
            if mutant::is(Mutant::ExpiryRacesCapture) && before.held > 0 =>
        {
            before.authorized.saturating_neg()
        }
        What::Placed(_)
        | What::Recorded { .. }
        | What::Reduced { .. }
        | What::Totalled { .. }
        | What::Released { .. }
        | What::Captured { .. }
        | What::Moved { .. } => held,
    }
}

/// What somebody should know about a step.
fn finding(known: &[Step], before: &Hold, after: &Hold, what: &What) -> Option<Finding> {
    let unknown = before.status == HoldStatus::Unplaced;
    // What was captured to the last unit, and not for the last time, is not over: its tolerance is still there.
    let let_go = matches!(before.status, HoldStatus::Released | HoldStatus::Expired);
    match what {
        What::Captured { .. } if unknown => Some(Finding::ForcePosted),
        What::Captured { .. } if let_go => Some(Finding::CapturedAfterEnd),
        What::Captured { .. } if after.captured > after.authorized.saturating_add(after.tolerance) => {
            Some(Finding::CapturedAboveAuthorized)
        }
        What::Captured { .. } if has_ended(&Steps::of(known)) == Ok(true) => Some(Finding::CapturedAfterEnd),
        What::Released { cause: ReleaseCause::SafetyTimer } if before.held > 0 => Some(Finding::NeverEnded),
        What::Reduced { .. } | What::Totalled { .. } | What::Released { .. } if unknown => Some(Finding::PaymentUnknown),
        What::Recorded { .. }
            if (before.authorized, before.held, before.ahead) != (after.authorized, after.held, after.ahead) =>
        {
            Some(Finding::AdoptedOverOurs)
        }
        What::Captured { .. }
        | What::Placed(_)
        | What::Recorded { .. }
        | What::Reduced { .. }
        | What::Totalled { .. }
        | What::Released { .. }
        | What::Moved { .. } => None,
    }
}

/// What is kept of our answer follows the platform's word, where that says less than we did.
fn listen(slice: &Slice<'_>, asked: StepId, outcome: &mut Outcome) {
    let (Some(answered), Some(step)) = (slice.answered, outcome.step) else { return };
    let decision = corrected(answered.decision, &Steps::with(slice.steps, step), asked);
    if decision != answered.decision {
        outcome.answered = Some(Answered { decision, ..answered });
        outcome.finding = Some(Finding::AdoptedOverOurs);
    }
}

/// What is kept of our answer: what was said, whatever amount the platform recorded of it, and nothing once it recorded that it was
/// declined. A decline is never kept as a yes, whatever the platform says: what it approved over ours is said for as long as that is there
/// (see `word`), and not once it is over, when nothing would be held for it.
pub(super) fn corrected(ours: Decision, steps: &Steps<'_>, question: StepId) -> Decision {
    match ours {
        Decision::Approve { .. } if steps.was_declined(question) => {
            Decision::Decline { reason: DeclineReason::TransactionNotPermitted }
        }
        Decision::Approve { .. } | Decision::Decline { .. } => ours,
    }
}

/// Runs `book` if the slice has an account and the amount is in its currency.
fn on_account(slice: &Slice<'_>, amount: Money, book: impl FnOnce(&Account) -> Outcome) -> Outcome {
    match slice.account {
        None => Outcome::nothing(Finding::AccountUnknown),
        Some(account) if account.currency != amount.currency() => Outcome::nothing(Finding::CurrencyMismatch),
        Some(_) if amount.is_negative() => Outcome::nothing(Finding::AmountTooLarge),
        Some(account) => book(&account),
    }
}

fn post(account: &Account, minor: i64, cause: MovementCause) -> Outcome {
    match account.posted.checked_add(minor) {
        None => Outcome::nothing(Finding::AmountTooLarge),
        Some(_) => Outcome { posted: minor, cause: (minor != 0).then_some(cause), ..Outcome::default() },
    }
}

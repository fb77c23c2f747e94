//! Orders: what a program asks to be done with a payment whose life is ours to lead. The only doors that refuse a capture.

use super::asked::{conflict, declined_by, repeat, step_of};
use super::event::{Finality, MovementCause, Order, ReleaseCause};
use super::life::{Hold, Step, StepId, What, ends_at};
use super::mutant::{self, Mutant};
use super::outcome::Outcome;
use super::state::{Answered, Slice};
use super::told::take;
use crate::authorization::PaymentRef;
use crate::decision::{Basis, Decision, DeclineReason};
use crate::ids::IdempotencyKey;
use crate::money::Money;
use crate::question_digest::ContentDigest;
use crate::time::Timestamp;

/// An order with its key, for the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Ordered<'a> {
    /// The same key is the same order and hears the same answer.
    pub key: &'a IdempotencyKey,
    /// Its digest.
    pub digest: ContentDigest,
    /// The payment.
    pub payment: &'a PaymentRef,
    /// What is to be done with it.
    pub order: &'a Order,
}

/// Does what was ordered, or says why not: key, payment, currency, amount, then what the payment allows.
pub(super) fn obey(slice: &Slice<'_>, ordered: &Ordered<'_>, now: Timestamp) -> Outcome {
    if let Some(answered) = slice.answered {
        return repeat(&answered, &ordered.digest.into());
    }
    let refuse = |reason| declined_by(&ordered.digest.into(), now, reason, Basis::Ledger);
    let Some((account, hold)) = slice.account.zip(slice.hold) else {
        return refuse(DeclineReason::AuthorizationUnknown);
    };
    let amount = match ordered.order {
        Order::Capture { amount, .. } | Order::Refund { amount } => *amount,
        Order::Release => Money::zero(account.currency),
    };
    if amount.currency() != account.currency {
        return refuse(DeclineReason::CurrencyNotAllowed);
    }
    let what = match ordered.order {
        Order::Capture { amount, finality } => What::Captured { amount: amount.minor(), finality: *finality },
        Order::Release => What::Released { cause: ReleaseCause::Operator },
        Order::Refund { amount } => What::Moved { amount: amount.minor(), cause: MovementCause::NetworkSettlement },
    };
    // It is about all that is there now, however far ahead the platform's clock is.
    let step = Step { id: StepId::of(ordered.key), at: ends_at(slice.steps, now), what };
    let decision = Decision::Approve { amount };
    // The answer may have been forgotten; the step is not.
    match step_of(slice, step.id) {
        Some(known) if known.what == what => return Outcome { decision: Some((decision, Basis::Replay)), ..Outcome::default() },
        Some(_) => return conflict(),
        None => {}
    }
    if let Err(reason) = allowed(&hold, ordered.order) {
        return refuse(reason);
    }
    match take(slice, &account, step, &[]) {
        Err(_) => refuse(DeclineReason::AmountTooLarge),
        Ok(outcome) => {
            let answered = Answered { digest: ordered.digest, asked_at: now, decision };
            Outcome { decision: Some((decision, Basis::Ledger)), answered: Some(answered), finding: None, ..outcome }
        }
    }
}

/// What a payment of ours allows to be done with it.
fn allowed(hold: &Hold, order: &Order) -> Result<(), DeclineReason> {
    match order {
        Order::Capture { .. } | Order::Release if !hold.is_under_way() && !mutant::is(Mutant::CommitAfterReject) => {
            Err(DeclineReason::AuthorizationOver)
        }
        Order::Release => gives_back_no_more_than_was_taken(hold, hold.captured),
        Order::Capture { amount, finality } => {
            let capturable = hold.authorized.saturating_add(hold.tolerance).saturating_sub(hold.captured);
            // A final capture of nothing is a release that says so.
            let least = if *finality == Finality::Final { 0 } else { 1 };
            match amount.minor() {
                minor if minor < least => Err(DeclineReason::AmountBelowMinimum),
                minor if minor > capturable => Err(DeclineReason::CaptureAboveAuthorized),
                minor => match finality {
                    Finality::Final => gives_back_no_more_than_was_taken(hold, hold.captured.saturating_add(minor)),
                    Finality::More => Ok(()),
                },
            }
        }
        Order::Refund { amount } if amount.minor() <= 0 => Err(DeclineReason::AmountBelowMinimum),
        Order::Refund { .. } if mutant::is(Mutant::RefundAboveCaptured) => Ok(()),
        // What was debited at the decision was taken, whether or not it is captured yet.
        Order::Refund { amount } if amount.minor() > hold.captured.saturating_add(hold.ahead).saturating_sub(hold.refunded) => {
            Err(DeclineReason::RefundAboveCaptured)
        }
        Order::Refund { .. } => Ok(()),
    }
}

/// What was debited at once comes back when its payment ends with less captured. What was refunded of it before does not come back
/// a second time.
fn gives_back_no_more_than_was_taken(hold: &Hold, captured_at_the_end: i64) -> Result<(), DeclineReason> {
    if hold.ahead > 0 && hold.refunded > captured_at_the_end {
        return Err(DeclineReason::RefundAboveCaptured);
    }
    Ok(())
}

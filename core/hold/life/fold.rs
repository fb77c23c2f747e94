//! What stands after a payment's steps.

use std::time::Duration;

use smallvec::SmallVec;

use super::steps::comes_before;
use super::{Hold, HoldStatus, Placement, Role, Step, StepId, Steps, What, Word};
use crate::authorization::Posting;
use crate::hold::event::{Finality, MovementCause, ReleaseCause};
use crate::hold::mutant::{self, Mutant};
use crate::money::Money;
use crate::rules::HoldPolicy;
use crate::time::Timestamp;

/// A sum that 64 bits cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hold) struct Overflow;

/// How a payment ended, as far as its steps were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Final,
    Released(ReleaseCause),
}

impl End {
    /// Whether somebody said that nothing will be captured, and not only that nothing was so far.
    const fn gives_back(self) -> bool {
        match self {
            End::Released(ReleaseCause::Reversed | ReleaseCause::Operator | ReleaseCause::Declined) => true,
            End::Final | End::Released(ReleaseCause::Expired | ReleaseCause::SafetyTimer) => false,
        }
    }
}

/// What is left of one placement while steps are read: reversals take the latest money first.
#[derive(Debug, Clone, Copy)]
struct Share {
    left: i64,
    /// What was authorized after it, and stands.
    above: i64,
}

/// What stands after so many steps.
struct Standing {
    hold: Hold,
    posting: Option<Posting>,
    /// What is held on top of what is authorized.
    extra: i64,
    /// Whether some of what was authorized last was given back: then no more is to come once the rest is captured.
    given_back: bool,
    /// What of the amount in the merchant's currency is not reversed.
    original: Option<Money>,
    end: Option<End>,
    /// Where the platform declined what the payment was opened with, and nothing else had opened it.
    declined: Option<Step>,
    /// Whether something was approved of it so far.
    approved: bool,
    /// What is left of the placement that is watched, once it was read.
    share: Option<Share>,
}

/// What stands after a payment's steps.
///
/// # Errors
/// A sum is beyond what can be counted.
pub(in crate::hold) fn fold(steps: &Steps<'_>) -> Result<Hold, Overflow> {
    read(steps, None)?.conclude()
}

/// How much of a placement was neither reversed nor replaced by a lower total.
///
/// # Errors
/// A sum is beyond what can be counted.
pub(in crate::hold) fn kept(steps: &Steps<'_>, placement: StepId) -> Result<i64, Overflow> {
    Ok(read(steps, Some(placement))?.share.map_or(0, |share| share.left))
}

/// How much was captured of what the platform says was added: merchants take the earliest money first.
///
/// # Errors
/// A sum is beyond what can be counted.
pub(in crate::hold) fn captured_of(steps: &Steps<'_>, added: StepId) -> Result<i64, Overflow> {
    let Standing { hold, share, .. } = read(steps, Some(added))?;
    let Share { left, above } = share.unwrap_or(Share { left: 0, above: 0 });
    let below = hold.authorized.saturating_sub(above).saturating_sub(left);
    Ok(hold.captured.saturating_sub(below).clamp(0, left.max(0)))
}

/// Whether nothing more was to be captured after these steps.
///
/// # Errors
/// A sum is beyond what can be counted.
pub(in crate::hold) fn has_ended(steps: &Steps<'_>) -> Result<bool, Overflow> {
    Ok(read(steps, None)?.end.is_some())
}

fn read(steps: &Steps<'_>, watched: Option<StepId>) -> Result<Standing, Overflow> {
    let mut standing = Standing {
        hold: Hold::NONE,
        posting: None,
        extra: 0,
        given_back: false,
        original: None,
        end: None,
        declined: steps.opening_declined().copied(),
        approved: false,
        share: None,
    };
    let opened = steps.opened();
    for step in steps.iter() {
        standing.take(steps, step, opened, watched)?;
    }
    Ok(standing)
}

impl Standing {
    fn take(&mut self, steps: &Steps<'_>, step: &Step, opened: bool, watched: Option<StepId>) -> Result<(), Overflow> {
        match step.what {
            What::Placed(placement) => {
                let amount = steps.amount_of(step.id, &placement);
                self.place(&placement, amount)?;
                if watched == Some(step.id) {
                    self.share = Some(Share { left: amount, above: 0 });
                }
            }
            What::Recorded { asked, .. } if steps.placed(asked) => {}
            What::Recorded { asked, role: Role::Opening, .. } if steps.is_added(asked) => {}
            What::Recorded { asked, role, .. } => {
                if let Some(word) = steps.unplaced_word(step.id, asked, role) {
                    self.believe(steps, role, word, opened, step.at)?;
                    if watched == Some(asked) && role == Role::Increment {
                        self.share = word.approves().map(|left| Share { left, above: 0 });
                    }
                }
            }
            What::Reduced { .. } if mutant::is(Mutant::StandInNotReversed) && !opened => {}
            What::Reduced { by, original } => self.reduce(by, original),
            What::Totalled { total } => self.begin_with(steps, self.approved_of(steps, total, step), step.at),
            What::Released { cause } => self.end(End::Released(cause)),
            What::Captured { .. } if mutant::is(Mutant::CaptureAfterEndLost) && self.end.is_some() => {}
            What::Captured { amount, finality } => self.capture(amount, finality)?,
            What::Moved { amount, cause } => {
                self.hold.moved = sum(self.hold.moved, amount)?;
                if cause == MovementCause::NetworkSettlement {
                    self.hold.refunded = sum(self.hold.refunded, amount)?.max(0);
                }
            }
        }
        Ok(())
    }

    /// How much of a total is of something that was approved. The total of a payment whose opening was declined names what was
    /// declined: it adds nothing to what else was approved, unless the platform told it after the decline. Where nothing else was, it
    /// holds nothing then either, as where that question came last. Of what had added by then, and was declined since, it keeps nothing.
    fn approved_of(&self, steps: &Steps<'_>, total: i64, step: &Step) -> i64 {
        match self.declined.filter(|_| !mutant::is(Mutant::DeclinedTotalHeld)) {
            Some(declined) if !self.approved || comes_before(step, &declined) => return total.min(self.hold.authorized),
            Some(_) | None => {}
        }
        let mut declined = steps.declined_since(step).peekable();
        if declined.peek().is_none() || mutant::is(Mutant::DeclinedIncrementInTotal) {
            return total;
        }
        // As much as was left of it when the total was told: reversals may have taken it back before.
        let then: SmallVec<[Step; 8]> = steps.iter().take_while(|known| known.id != step.id).copied().collect();
        let named = declined.map(|added| kept(&Steps::of(&then), added).unwrap_or(0)).fold(0, i64::saturating_add);
        total.min(total.saturating_sub(named).max(self.hold.authorized))
    }

    /// So much in total, whatever was before: from then on the payment lives anew.
    fn begin_with(&mut self, steps: &Steps<'_>, total: i64, at: Timestamp) {
        self.authorize(total);
        self.extra = 0;
        self.original = None;
        self.end = None;
        self.watch(steps, at);
    }

    fn capture(&mut self, amount: i64, finality: Finality) -> Result<(), Overflow> {
        let amount = if mutant::is(Mutant::OverCaptureCut) { amount.min(self.hold.authorized) } else { amount };
        self.hold.captured = sum(self.hold.captured, amount)?;
        if self.hold.captured > self.hold.authorized {
            // What was held on top was for this.
            self.extra = 0;
        }
        let last = finality == Finality::Final && !mutant::is(Mutant::FinalKeepsRest);
        if last || mutant::is(Mutant::FirstCaptureEnds) {
            self.end(End::Final);
        }
        Ok(())
    }

    fn place(&mut self, placement: &Placement, amount: i64) -> Result<(), Overflow> {
        self.posting = self.posting.or(Some(placement.posting));
        self.hold.expires_at = self.hold.expires_at.max(placement.expires_at);
        if amount == 0 {
            return Ok(());
        }
        if placement.role == Role::Increment {
            self.begin_beyond();
        }
        self.add(amount)?;
        self.extra = sum(self.extra, placement.extra)?;
        self.hold.tolerance = sum(self.hold.tolerance, placement.tolerance)?;
        // Nor is it of what the platform approved instead.
        let original = placement.original.filter(|_| amount == placement.amount);
        self.original = match (self.original, original) {
            (None, told) if self.hold.authorized == amount => told,
            (Some(before), Some(told)) => before.checked_add(told).ok(),
            (None, _) | (_, None) => None,
        };
        Ok(())
    }

    /// What was taken beyond what was authorized is not paid from what we approve after it: that is held in full.
    fn begin_beyond(&mut self) {
        self.authorize(self.hold.authorized.max(self.hold.captured));
    }

    /// More is authorized. What was over begins anew with what was captured.
    fn add(&mut self, amount: i64) -> Result<(), Overflow> {
        if self.end.take().is_some() {
            self.authorize(self.hold.authorized.min(self.hold.captured));
            self.extra = 0;
            self.original = None;
        }
        if self.is_through() {
            self.extra = 0;
        }
        self.given_back = false;
        self.approved |= amount > 0;
        self.authorize(sum(self.hold.authorized, amount)?);
        Ok(())
    }

    /// So much is authorized from now on.
    fn authorize(&mut self, total: i64) {
        let more = total.saturating_sub(self.hold.authorized);
        if let Some(share) = &mut self.share {
            // Below zero it is what the later money could not give.
            let above = share.above.saturating_add(more);
            share.left = share.left.saturating_add(above.min(0)).max(0);
            share.above = above.max(0);
        }
        self.hold.authorized = total;
    }

    /// The platform's word on a question that we did not approve, or were not asked.
    fn believe(&mut self, steps: &Steps<'_>, role: Role, word: Word, opened: bool, at: Timestamp) -> Result<(), Overflow> {
        let posting = match (role, word) {
            (Role::Opening, Word::Approved { .. }) if opened && mutant::is(Mutant::QuestionLowersTold) => return Ok(()),
            (Role::Opening, Word::Approved { amount }) if opened => {
                // The payment's total by then, under a name that we were not asked by: what we approved of it is part of it, and is
                // held on its own where it comes after the opening.
                let total = amount.saturating_sub(steps.added_until(at));
                self.authorize(self.hold.authorized.max(total));
                return Ok(());
            }
            (Role::Increment, Word::Declined) => return Ok(()),
            (Role::Opening, Word::Declined) => {
                self.end(End::Released(ReleaseCause::Declined));
                return Ok(());
            }
            (Role::Opening, Word::Approved { amount }) => {
                self.authorize(amount);
                Posting::Hold
            }
            (Role::Opening, Word::StoodIn { amount, posting }) => {
                // What it says is held of the payment is held, whatever we had approved of it.
                self.authorize(if opened { self.hold.authorized.max(amount) } else { amount });
                posting
            }
            (Role::Increment, Word::Approved { amount }) => {
                self.add(amount)?;
                Posting::Hold
            }
            (Role::Increment, Word::StoodIn { amount, posting }) => {
                self.add(amount)?;
                posting
            }
        };
        self.posting = self.posting.or(Some(posting));
        self.approved |= self.hold.authorized > 0;
        self.watch(steps, at);
        Ok(())
    }

    /// No policy was asked about what the platform says is held from then on: it lives as long as what we approved of the payment, and where
    /// we approved nothing, as long as what no policy is about. Nothing is held for ever.
    fn watch(&mut self, steps: &Steps<'_>, from: Timestamp) {
        if self.posting == Some(Posting::Hold) {
            let plain = || Duration::from_secs(u64::from(HoldPolicy::PLAIN.safety_timer_seconds));
            let life = steps.life().unwrap_or_else(plain);
            self.hold.expires_at = self.hold.expires_at.max(Some(from.saturating_add(life)));
        }
    }

    fn reduce(&mut self, by: i64, original: Option<Money>) {
        let original = original.filter(|_| !mutant::is(Mutant::ReversalAtOldRate));
        let share = match (self.original, original) {
            (Some(open), Some(told)) if open.currency() == told.currency() && open.minor() > 0 && told.minor() > 0 => {
                self.original = open.checked_sub(told).ok().filter(|left| !left.is_negative());
                Some((told.minor(), open.minor()))
            }
            (_, _) => None,
        };
        let authorized = self.hold.authorized;
        let by = match share {
            Some((told, open)) if told >= open => authorized,
            Some((told, open)) => proportion(authorized, told, open),
            None => by,
        };
        // What was captured is not reversed: it would be missing from what is authorized later.
        let captured = authorized.min(self.hold.captured);
        let left = authorized.saturating_sub(by).max(captured);
        if by > 0 && !mutant::is(Mutant::ExtraStaysWhole) {
            self.give_back_extra(authorized.saturating_sub(captured), left.saturating_sub(captured));
        }
        self.authorize(left);
    }

    /// Of what could still be captured this much is left, and as much of what is held on top: with the rest of the money the merchant gives
    /// back the tip that might have come with it.
    fn give_back_extra(&mut self, open: i64, left: i64) {
        self.given_back = true;
        self.extra = if left > 0 { proportion(self.extra, left, open) } else { 0 };
    }

    /// Whether some of it was given back, and all the rest is captured, whichever came first: nothing more is to come.
    fn is_through(&self) -> bool {
        self.given_back && self.hold.captured >= self.hold.authorized && !mutant::is(Mutant::ExtraStaysWhole)
    }

    fn end(&mut self, end: End) {
        // A release after the last capture changes nothing, and what was given back does not expire any more.
        let stays = |known: &End| *known == End::Final || (known.gives_back() && !end.gives_back());
        self.end = Some(self.end.filter(stays).unwrap_or(end));
    }

    fn conclude(self) -> Result<Hold, Overflow> {
        let extra = if self.is_through() { 0 } else { self.extra };
        let Standing { mut hold, posting, end, .. } = self;
        let padded = match posting {
            // Told of, and approved by nobody: nothing is owed before it is captured.
            None => 0,
            Some(Posting::Hold) if hold.authorized > 0 => sum(hold.authorized, extra)?,
            Some(Posting::Hold | Posting::Immediate) => hold.authorized,
        };
        let rest = if end.is_some() { 0 } else { padded.saturating_sub(hold.captured).max(0) };
        hold.posting = posting.unwrap_or(Posting::Hold);
        match hold.posting {
            Posting::Hold => hold.held = rest,
            Posting::Immediate => hold.ahead = rest,
        }
        hold.status = match (end, hold.captured > 0 || hold.ahead > 0) {
            (None, _) if hold.held > 0 => HoldStatus::Open,
            (_, true) => HoldStatus::Captured,
            (Some(End::Released(ReleaseCause::Expired | ReleaseCause::SafetyTimer)), false) => HoldStatus::Expired,
            (
                Some(End::Final | End::Released(ReleaseCause::Reversed | ReleaseCause::Operator | ReleaseCause::Declined)),
                false,
            ) => HoldStatus::Released,
            (None, false) if posting.is_some() => HoldStatus::Released,
            (None, false) => HoldStatus::Unplaced,
        };
        Ok(hold)
    }
}

fn sum(one: i64, other: i64) -> Result<i64, Overflow> {
    one.checked_add(other).ok_or(Overflow)
}

/// `of × part ⁄ whole`, to the nearest unit; `whole` is above zero.
fn proportion(of: i64, part: i64, whole: i64) -> i64 {
    let product = i128::from(of).saturating_mul(i128::from(part));
    let half = i128::from(whole).checked_div(2).unwrap_or(0);
    let share = product.saturating_add(half).checked_div(i128::from(whole)).unwrap_or(0);
    i64::try_from(share).unwrap_or(i64::MAX)
}

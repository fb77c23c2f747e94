//! The life of one payment's hold, as the fold of its steps.
//!
//! A hold is never patched: whatever is asked or told about a payment becomes a [`Step`], the steps are put in their own
//! order (not that of their arrival), and [`fold`] says what stands after them. What an event does to an account is the
//! difference of two folds. That a message comes twice, late, or before the one that it follows can therefore not matter:
//! nothing here knows in what order steps came.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Finality, MovementCause, ReleaseCause};
use crate::authorization::Posting;
use crate::ids::IdempotencyKey;
use crate::money::Money;
use crate::rules::HoldPolicy;
use crate::time::Timestamp;

/// Names a step within its payment: a digest of its key. Not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(pub u64);

impl StepId {
    /// The name of the step that a question or an order with this key makes. The same in every process and version.
    #[must_use]
    pub fn of(key: &IdempotencyKey) -> Self {
        StepId::digest(&[key.as_str()])
    }

    /// The name of the step that a told message makes: platforms use the key of a question again for what they tell of it.
    #[must_use]
    pub fn of_message(key: &IdempotencyKey) -> Self {
        // No key begins with a zero byte, so that no question has a message's name.
        StepId::digest(&["\0", key.as_str()])
    }

    fn digest(parts: &[&str]) -> Self {
        use std::hash::Hasher as _;
        // The key of the hash is a constant of the journal's format.
        let mut hasher = siphasher::sip::SipHasher13::new_with_keys(0x486f_6c64_6661_7374, 0x5374_6570);
        parts.iter().for_each(|part| hasher.write(part.as_bytes()));
        StepId(hasher.finish())
    }
}

/// One thing that happened to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name; a payment has each name once.
    pub id: StepId,
    /// When, by the platform's clock; where it does not tell, when it arrived.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened to a payment. Amounts in minor units of the account's currency, never negative unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// We approved, or told that we did.
    Placed(Placement),
    /// The platform recorded how a question ended that it asked, or would have asked, under this name.
    Recorded {
        /// The question.
        asked: StepId,
        /// Whether it opened the payment or added to it.
        role: Role,
        /// How it ended.
        word: Word,
    },
    /// Less is wanted than was authorized.
    Reduced {
        /// By how much.
        by: i64,
        /// The same in the merchant's currency, where told: a reversal in full is in full whatever the rate is now.
        original: Option<Money>,
    },
    /// So much is authorized in total, whatever was before.
    Totalled {
        /// How much; what was captured counts towards it.
        total: i64,
    },
    /// Nothing more will be captured.
    Released {
        /// Why.
        cause: ReleaseCause,
    },
    /// The merchant took money.
    Captured {
        /// How much.
        amount: i64,
        /// Whether it was the last time.
        finality: Finality,
    },
    /// Money moved that belongs to the payment and is not its capture: a refund, a chargeback, a fee.
    Moved {
        /// How much; negative if it left the account.
        amount: i64,
        /// What it is balanced against.
        cause: MovementCause,
    },
}

/// What we approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// How much. Zero undoes it: the answer was an approval that nobody heard.
    pub amount: i64,
    /// Held on top, for a tip or a rate that moves; nobody's to capture as of right.
    pub extra: i64,
    /// How much more than authorized may be captured without a word.
    pub tolerance: i64,
    /// How it leaves the account.
    pub posting: Posting,
    /// Whether it opened the payment or added to it.
    pub role: Role,
    /// How many transactions it is for limits on their number.
    pub transactions: u8,
    /// When it is released if nobody says anything.
    pub expires_at: Option<Timestamp>,
    /// The amount in the merchant's currency, where that is another one.
    pub original: Option<Money>,
}

/// What a question is to its payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It opens it. Openings come first, whatever their time: a platform's clock may be behind ours.
    Opening,
    /// It adds to it.
    Increment,
}

/// How a question ended, by the platform's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// Approved by us.
    Approved {
        /// For how much.
        amount: i64,
    },
    /// Approved in our stead.
    StoodIn {
        /// For how much.
        amount: i64,
        /// How it leaves the account.
        posting: Posting,
    },
    /// Declined, by anyone.
    Declined,
}

/// What stands after a payment's steps. Amounts in minor units of the account's currency, never negative unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// How approved amounts leave the account.
    pub posting: Posting,
    /// Where in its one life it is.
    pub status: HoldStatus,
    /// What is authorized in total, captures included, reversals taken off.
    pub authorized: i64,
    /// What is held now.
    pub held: i64,
    /// What was debited at the decision and waits for its completion ([`Posting::Immediate`]).
    pub ahead: i64,
    /// What was captured.
    pub captured: i64,
    /// What of it came back by refunds.
    pub refunded: i64,
    /// What else moved, negative if it left the account; refunds included.
    pub moved: i64,
    /// How much more than authorized may be captured without a word.
    pub tolerance: i64,
    /// When it is released if nobody says anything.
    pub expires_at: Option<Timestamp>,
}

/// Where a hold is in its one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HoldStatus {
    /// Told of, never placed.
    Unplaced,
    /// More may be captured.
    Open,
    /// Captured to the end, or debited at its decision.
    Captured,
    /// Reversed, declined after all, or released by an operator.
    Released,
    /// Nobody captured it in time.
    Expired,
}

impl HoldStatus {
    /// All of them, in the order of declaration.
    pub const ALL: [HoldStatus; 5] =
        [HoldStatus::Unplaced, HoldStatus::Open, HoldStatus::Captured, HoldStatus::Released, HoldStatus::Expired];

    /// As listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HoldStatus::Unplaced => "unplaced",
            HoldStatus::Open => "open",
            HoldStatus::Captured => "captured",
            HoldStatus::Released => "released",
            HoldStatus::Expired => "expired",
        }
    }
}

impl Hold {
    /// What a payment is that nobody has said anything about.
    pub const NONE: Hold = Hold {
        posting: Posting::Hold,
        status: HoldStatus::Unplaced,
        authorized: 0,
        held: 0,
        ahead: 0,
        captured: 0,
        refunded: 0,
        moved: 0,
        tolerance: 0,
        expires_at: None,
    };

    /// What it has done to the account's posted amount so far.
    ///
    /// Wide, so that the difference of two is exact.
    #[must_use]
    pub fn effect(&self) -> i128 {
        i128::from(self.moved).saturating_sub(i128::from(self.captured)).saturating_sub(i128::from(self.ahead))
    }

    /// Whether it may be added to, or captured, as of right.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self.status, HoldStatus::Open) || self.ahead > 0
    }
}

/// A sum that 64 bits cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

/// The order of a payment's steps: openings, then by time; at one time by kind, then by name.
fn order(step: &Step) -> (u8, Timestamp, u8, StepId) {
    let (phase, kind) = match step.what {
        What::Placed(Placement { role: Role::Opening, .. }) => (0, 0),
        What::Recorded { role: Role::Opening, word: Word::Approved { .. } | Word::StoodIn { .. }, .. } => (1, 0),
        What::Placed(_) => (2, 0),
        What::Recorded { .. } => (2, 1),
        What::Totalled { .. } => (2, 2),
        What::Reduced { .. } => (2, 3),
        What::Captured { .. } => (2, 4),
        What::Moved { .. } => (2, 5),
        What::Released { .. } => (2, 6),
    };
    (phase, step.at, kind, step.id)
}

/// Where a step belongs among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// In the place of the step there: the same name.
    Instead(usize),
    /// Before the step there.
    Before(usize),
}

/// Finds a step's place among steps that are in their order.
#[must_use]
pub fn seat(steps: &[Step], step: &Step) -> Seat {
    match steps.iter().position(|known| known.id == step.id) {
        Some(place) => Seat::Instead(place),
        None => Seat::Before(steps.partition_point(|known| order(known) < order(step))),
    }
}

/// Puts a step where it belongs. A placement that is told anew keeps its place in time.
pub fn put<A: smallvec::Array<Item = Step>>(steps: &mut smallvec::SmallVec<A>, step: Step) {
    match seat(steps, &step) {
        Seat::Instead(place) => {
            if let Some(known) = steps.get_mut(place) {
                *known = Step { at: known.at, ..step };
            }
        }
        Seat::Before(place) => steps.insert(place, step),
    }
}

/// A payment's steps with one more (or one other) among them, in their order, without a copy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps<'a> {
    known: &'a [Step],
    more: Option<(Seat, Step)>,
}

impl<'a> Steps<'a> {
    /// The steps as they are.
    pub fn of(known: &'a [Step]) -> Self {
        Steps { known, more: None }
    }

    /// With this one.
    pub fn with(known: &'a [Step], step: Step) -> Self {
        let seat = seat(known, &step);
        let at = match seat {
            Seat::Instead(place) => known.get(place).map_or(step.at, |known| known.at),
            Seat::Before(_) => step.at,
        };
        Steps { known, more: Some((seat, Step { at, ..step })) }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Step> + Clone {
        let (head, more, tail) = match &self.more {
            None => (self.known, None, self.known.len()),
            Some((Seat::Instead(place), step)) => {
                (self.known.get(..*place).unwrap_or_default(), Some(step), place.saturating_add(1))
            }
            Some((Seat::Before(place), step)) => (self.known.get(..*place).unwrap_or_default(), Some(step), *place),
        };
        head.iter().chain(more).chain(self.known.get(tail..).unwrap_or_default())
    }

    /// What a placement amounts to: the platform's last word on it, else ours.
    pub fn amount_of(&self, id: StepId, placement: &Placement) -> i64 {
        match self.last_word(id) {
            Some(Word::Approved { amount } | Word::StoodIn { amount, .. }) => amount,
            Some(Word::Declined) => 0,
            None => placement.amount,
        }
    }

    /// The platform's last word on a question, by its own time.
    pub fn last_word(&self, question: StepId) -> Option<Word> {
        self.last_said(question).map(|(_, word)| word)
    }

    fn last_said(&self, question: StepId) -> Option<(StepId, Word)> {
        let last = self.said(question).max_by_key(|(step, _)| (step.at, step.id));
        last.map(|(step, word)| (step.id, word))
    }

    /// What was said of a question, in the order of the steps.
    fn said(&self, question: StepId) -> impl Iterator<Item = (&Step, Word)> {
        self.iter().filter_map(move |step| {
            let What::Recorded { asked, word, .. } = step.what else { return None };
            (asked == question).then_some((step, word))
        })
    }

    /// What a record of a question that we placed nothing for says where it stands. Only the last word on a question is
    /// believed, and once: an opening's in its own place, an increment's where that was first spoken of, so that saying it
    /// again after the end begins nothing anew.
    fn unplaced_word(&self, record: StepId, question: StepId, role: Role) -> Option<Word> {
        let (last, word) = self.last_said(question)?;
        let place = match role {
            Role::Opening => last,
            Role::Increment => self.said(question).next()?.0.id,
        };
        (place == record).then_some(word)
    }

    /// What we approved, in the order of the steps.
    pub fn placements(&self) -> impl Iterator<Item = (StepId, Placement)> {
        self.iter().filter_map(|step| {
            let What::Placed(placement) = step.what else { return None };
            Some((step.id, placement))
        })
    }

    /// Whether we placed something under this name.
    fn placed(&self, id: StepId) -> bool {
        self.placements().any(|(placed, _)| placed == id)
    }

    /// Whether what we opened the payment with stands.
    pub fn opened(&self) -> bool {
        self.placements().any(|(id, placement)| placement.role == Role::Opening && self.amount_of(id, &placement) > 0)
    }
}

/// How a payment ended, as far as its steps were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Final,
    Released(ReleaseCause),
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
    extra: i64,
    /// What of the amount in the merchant's currency is not reversed.
    original: Option<Money>,
    end: Option<End>,
    /// What is left of the placement that is watched, once it was read.
    share: Option<Share>,
}

/// What stands after a payment's steps.
///
/// # Errors
/// A sum is beyond what can be counted.
pub(super) fn fold(steps: &Steps<'_>) -> Result<Hold, Overflow> {
    read(steps, None)?.conclude()
}

/// How much of a placement was neither reversed nor replaced by a lower total.
///
/// # Errors
/// A sum is beyond what can be counted.
pub(super) fn kept(steps: &Steps<'_>, placement: StepId) -> Result<i64, Overflow> {
    Ok(read(steps, Some(placement))?.share.map_or(0, |share| share.left))
}

fn read(steps: &Steps<'_>, watched: Option<StepId>) -> Result<Standing, Overflow> {
    let mut standing = Standing { hold: Hold::NONE, posting: None, extra: 0, original: None, end: None, share: None };
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
            What::Recorded { asked, role, .. } => {
                if let Some(word) = steps.unplaced_word(step.id, asked, role) {
                    self.believe(role, word, opened, step.at)?;
                }
            }
            What::Reduced { by, original } => self.reduce(by, original),
            What::Totalled { total } => {
                self.authorize(total);
                self.extra = 0;
                self.original = None;
                self.end = None;
            }
            What::Released { cause } => self.end(End::Released(cause)),
            What::Captured { amount, finality } => {
                self.hold.captured = sum(self.hold.captured, amount)?;
                if finality == Finality::Final {
                    self.end(End::Final);
                }
            }
            What::Moved { amount, cause } => {
                self.hold.moved = sum(self.hold.moved, amount)?;
                if cause == MovementCause::NetworkSettlement {
                    self.hold.refunded = sum(self.hold.refunded, amount)?.max(0);
                }
            }
        }
        Ok(())
    }

    fn place(&mut self, placement: &Placement, amount: i64) -> Result<(), Overflow> {
        self.posting = self.posting.or(Some(placement.posting));
        self.hold.expires_at = self.hold.expires_at.max(placement.expires_at);
        if amount == 0 {
            return Ok(());
        }
        self.add(amount)?;
        self.extra = sum(self.extra, placement.extra)?;
        self.hold.tolerance = sum(self.hold.tolerance, placement.tolerance)?;
        self.original = match (self.original, placement.original) {
            (None, told) if self.hold.authorized == amount => told,
            (Some(before), Some(told)) => before.checked_add(told).ok(),
            (None, _) | (_, None) => None,
        };
        Ok(())
    }

    /// More is authorized. What was over begins anew with what was captured.
    fn add(&mut self, amount: i64) -> Result<(), Overflow> {
        if self.end.take().is_some() {
            self.authorize(self.hold.authorized.min(self.hold.captured));
            self.extra = 0;
            self.original = None;
        }
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
    fn believe(&mut self, role: Role, word: Word, opened: bool, at: Timestamp) -> Result<(), Overflow> {
        let posting = match (role, word) {
            (Role::Opening, Word::Approved { .. }) if opened => return Ok(()),
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
        if *self.posting.get_or_insert(posting) == Posting::Hold {
            // No policy was asked about it, and yet nothing is held for ever.
            let life = Duration::from_secs(u64::from(HoldPolicy::PLAIN.safety_timer_seconds));
            self.hold.expires_at = self.hold.expires_at.max(Some(at.saturating_add(life)));
        }
        Ok(())
    }

    fn reduce(&mut self, by: i64, original: Option<Money>) {
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
        self.authorize(authorized.saturating_sub(by).max(authorized.min(self.hold.captured)));
    }

    fn end(&mut self, end: End) {
        // A release after the last capture changes nothing.
        self.end = Some(self.end.filter(|known| *known == End::Final).unwrap_or(end));
    }

    fn conclude(self) -> Result<Hold, Overflow> {
        let Standing { mut hold, posting, extra, end, .. } = self;
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

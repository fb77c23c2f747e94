//! A payment's steps in their own order: openings, then by the platform's time. And what they say of each question.

use std::time::Duration;

use smallvec::{Array, SmallVec};

use super::{Placement, Role, Step, StepId, What, Word};
use crate::hold::mutant::{self, Mutant};
use crate::time::Timestamp;

/// The order of a payment's steps: openings, then by time. Platforms write whole seconds: at one time it goes by kind, a decline after
/// an approval and a lower total after a higher one, then by name.
fn order(step: &Step) -> (u8, Timestamp, u8, i64, StepId) {
    let (phase, kind, within) = match step.what {
        What::Placed(Placement { role: Role::Opening, .. }) => (0, 0, 0),
        What::Recorded { role: Role::Opening, word: Word::Approved { .. } | Word::StoodIn { .. }, .. } => (1, 0, 0),
        What::Placed(_) => (2, 0, 0),
        What::Recorded { word, .. } => (2, 1, i64::from(finality(word))),
        What::Totalled { total } => (2, 2, total.saturating_neg()),
        What::Reduced { .. } => (2, 3, 0),
        What::Captured { .. } => (2, 4, 0),
        What::Moved { .. } => (2, 5, 0),
        What::Released { .. } => (2, 6, 0),
    };
    (phase, step.at, kind, within, step.id)
}

/// Whether one step is read before another one.
pub(super) fn comes_before(one: &Step, other: &Step) -> bool {
    order(one) < order(other)
}

/// Which of two words of one moment is the last.
const fn finality(word: Word) -> u8 {
    match word {
        Word::Approved { .. } | Word::StoodIn { .. } => 0,
        Word::Declined => 1,
    }
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
pub fn put<A: Array<Item = Step>>(steps: &mut SmallVec<A>, step: Step) {
    match seat(steps, &step) {
        Seat::Instead(place) => {
            if let Some(known) = steps.get_mut(place) {
                *known = Step { at: known.at, ..step };
            }
        }
        Seat::Before(place) => steps.insert(place, step),
    }
}

/// When something happens to a payment by our word, of `at` by our clock: after whatever was told of it, so that nothing stays
/// held because the platform's clock is ahead.
#[must_use]
pub fn ends_at(steps: &[Step], at: Timestamp) -> Timestamp {
    if mutant::is(Mutant::EndedByOurClock) { at } else { Steps::of(steps).after_all(at) }
}

/// A payment's steps with one more (or one other) among them, in their order, without a copy.
#[derive(Debug, Clone, Copy)]
pub(in crate::hold) struct Steps<'a> {
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

    /// One after the other, but for what nobody heard: the payment is as if that had never been asked.
    pub fn iter(&self) -> impl Iterator<Item = &Step> + Clone {
        self.with_unheard().filter(|step| !step.is_unheard())
    }

    fn with_unheard(&self) -> impl Iterator<Item = &Step> + Clone {
        let (head, more, tail) = match &self.more {
            None => (self.known, None, self.known.len()),
            Some((Seat::Instead(place), step)) => {
                (self.known.get(..*place).unwrap_or_default(), Some(step), place.saturating_add(1))
            }
            Some((Seat::Before(place), step)) => (self.known.get(..*place).unwrap_or_default(), Some(step), *place),
        };
        head.iter().chain(more).chain(self.known.get(tail..).unwrap_or_default())
    }

    /// When something happened that is decided now, with these steps known: after all of them, also where the platform's clock
    /// is ahead of ours. `at` is when it happened by whoever says it.
    pub fn after_all(&self, at: Timestamp) -> Timestamp {
        let latest = self.iter().map(|step| step.at).max();
        latest.map_or(at, |latest| at.max(latest.saturating_add(Duration::from_micros(1))))
    }

    /// When something is added to the payment now: after all that took from it, or ended it, and after what the platform says of its
    /// total under a name that we were not asked by.
    pub fn after_what_settled(&self, at: Timestamp) -> Timestamp {
        let settles = |step: &&Step| match step.what {
            What::Recorded { asked, role: Role::Opening, word: Word::Approved { .. } } => {
                !self.placed(asked) && !self.is_added(asked)
            }
            What::Placed(_) | What::Recorded { word: Word::Approved { .. } | Word::StoodIn { .. }, .. } => false,
            What::Recorded { word: Word::Declined, .. }
            | What::Reduced { .. }
            | What::Totalled { .. }
            | What::Released { .. }
            | What::Captured { .. }
            | What::Moved { .. } => true,
        };
        let latest = self.iter().filter(settles).map(|step| step.at).max();
        latest.map_or(at, |latest| at.max(latest.saturating_add(Duration::from_micros(1))))
    }

    /// What a placement amounts to: the platform's last word on it, else ours.
    pub fn amount_of(&self, id: StepId, placement: &Placement) -> i64 {
        match self.last_word(id) {
            Some(Word::Approved { amount } | Word::StoodIn { amount, .. }) => amount,
            Some(Word::Declined) => 0,
            None => placement.amount,
        }
    }

    /// How much was approved to a question: what we approved, whatever amount the platform recorded of it; what it recorded, where we
    /// approved nothing. Nothing where it recorded that it was declined.
    pub fn approved_to(&self, question: StepId) -> Option<i64> {
        let ours = self.placements().find(|(id, placement)| *id == question && placement.amount > 0);
        let ours = ours.map(|(_, placement)| placement.amount);
        match self.last_word(question) {
            Some(Word::Declined) => None,
            Some(Word::Approved { amount } | Word::StoodIn { amount, .. }) => {
                ours.filter(|_| !mutant::is(Mutant::RetryHearsRecorded)).or(Some(amount))
            }
            None => ours,
        }
    }

    /// The platform's last word on a question, by its own time.
    pub fn last_word(&self, question: StepId) -> Option<Word> {
        self.last_said(question).map(|(_, word)| word)
    }

    /// Whether the platform ever said of a question that it was declined.
    pub fn was_declined(&self, question: StepId) -> bool {
        self.said(question).any(|(_, word)| word == Word::Declined)
    }

    /// When the platform declined a question, if that is its last word on it.
    pub fn declined_at(&self, question: StepId) -> Option<Timestamp> {
        let (step, word) = self.last_said(question)?;
        (word == Word::Declined).then_some(step.at)
    }

    /// Whether this would be the platform's last word on a question: said then, by this message.
    pub fn is_last_on(&self, question: StepId, (at, word, message): (Timestamp, Word, StepId)) -> bool {
        self.last_said(question).is_none_or(|(last, before)| (last.at, finality(before), last.id) < (at, finality(word), message))
    }

    fn last_said(&self, question: StepId) -> Option<(&Step, Word)> {
        self.said(question).max_by_key(|(step, word)| (step.at, finality(*word), step.id))
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
    pub(super) fn unplaced_word(&self, record: StepId, question: StepId, role: Role) -> Option<Word> {
        let (last, word) = self.last_said(question)?;
        let place = match role {
            Role::Opening => last.id,
            Role::Increment => self.iter().find(|step| step.says_added(question))?.id,
        };
        (place == record).then_some(word)
    }

    /// From when on the platform says that a question added to the payment: from its first word that it did since the last one that it
    /// did not. Not if the payment was released since, or what opened it declined, or nothing of it left, and no total began it anew: what is
    /// approved would not be held there. The merchant's last capture is no such end: it took what was added, too.
    pub fn said_to_add_at(&self, question: StepId) -> Option<Timestamp> {
        let (mut added, mut ended, declined) = (None, false, self.opening_declined());
        for step in self.iter() {
            match step.what {
                What::Recorded { asked, role, word } if asked == question => match (word.approves(), role) {
                    (None | Some(..=0), _) => (added, ended) = (None, false),
                    (Some(_), Role::Increment) => added = added.or(Some(step.at)),
                    (Some(_), Role::Opening) => {}
                },
                What::Recorded { .. } => ended |= added.is_some() && self.opening_word_in(step) == Some(Word::Declined),
                What::Released { .. } | What::Totalled { total: ..=0 } => ended |= added.is_some(),
                What::Totalled { .. } if declined.is_some_and(|declined| comes_before(step, declined)) => {}
                What::Totalled { .. } => ended = false,
                What::Placed(_) | What::Reduced { .. } | What::Captured { .. } | What::Moved { .. } => {}
            }
        }
        added.filter(|_| !ended)
    }

    /// The platform's word on what opened the payment, where that is no question that we placed something for.
    pub fn opening_word(&self) -> Option<Word> {
        self.iter().find_map(|step| self.opening_word_in(step))
    }

    fn opening_word_in(&self, step: &Step) -> Option<Word> {
        match step.what {
            What::Recorded { asked, role: Role::Opening, .. } if !self.placed(asked) && !self.is_added(asked) => {
                self.unplaced_word(step.id, asked, Role::Opening)
            }
            What::Recorded { .. }
            | What::Placed(_)
            | What::Reduced { .. }
            | What::Totalled { .. }
            | What::Released { .. }
            | What::Captured { .. }
            | What::Moved { .. } => None,
        }
    }

    /// By which step the platform says that it declined what the payment was opened with, by our approval or by its own word, if nothing
    /// else had opened it by then.
    pub(super) fn opening_declined(&self) -> Option<&Step> {
        let said = self.iter().filter_map(|step| match step.what {
            What::Placed(Placement { role: Role::Opening, .. }) => self.last_said(step.id),
            What::Recorded { .. } => self.opening_word_in(step).map(|word| (step, word)),
            What::Placed(_)
            | What::Reduced { .. }
            | What::Totalled { .. }
            | What::Released { .. }
            | What::Captured { .. }
            | What::Moved { .. } => None,
        });
        let declined = said.filter(|(_, word)| *word == Word::Declined).map(|(step, _)| step).max_by_key(|step| order(step))?;
        let opens = |step: &Step| match step.what {
            What::Placed(placement) => placement.role == Role::Opening && self.amount_of(step.id, &placement) > 0,
            What::Recorded { .. } => self.opening_word_in(step).and_then(Word::approves).is_some(),
            What::Reduced { .. } | What::Totalled { .. } | What::Released { .. } | What::Captured { .. } | What::Moved { .. } => {
                false
            }
        };
        let is_alone = !self.iter().any(|step| step.at <= declined.at && opens(step));
        is_alone.then_some(declined)
    }

    /// Whether the platform said of the payment, after this question was approved, that it was declined.
    pub fn declined_after(&self, placement: StepId) -> bool {
        let later = self.iter().skip_while(|step| step.id != placement).skip(1);
        later.filter_map(|step| self.opening_word_in(step)).any(|word| word == Word::Declined)
    }

    /// How much we had approved besides the opening by then, as far as that was not declined by then.
    pub(super) fn added_until(&self, then: Timestamp) -> i64 {
        let added = self.iter().filter_map(|step| match step.what {
            What::Placed(placement) if placement.role == Role::Increment && step.at <= then => {
                let declined_since = self.declined_at(step.id).is_some_and(|declined| declined > then);
                Some(if declined_since && !mutant::is(Mutant::DeclinedIncrementInTotal) {
                    self.amount_by(step.id, placement.amount, |word| word.at <= then)
                } else {
                    self.amount_of(step.id, &placement)
                })
            }
            What::Placed(_)
            | What::Recorded { .. }
            | What::Reduced { .. }
            | What::Totalled { .. }
            | What::Released { .. }
            | What::Captured { .. }
            | What::Moved { .. } => None,
        });
        added.fold(0, i64::saturating_add)
    }

    /// What had added to the payment when a total was told, and was declined after that.
    pub(super) fn declined_since(&self, total: &Step) -> impl Iterator<Item = StepId> {
        let added = self.iter().take_while(|step| step.id != total.id).filter_map(|step| match step.what {
            What::Placed(placement) if placement.role == Role::Increment => Some(step.id),
            What::Recorded { asked, role: Role::Increment, .. } if !self.placed(asked) => {
                let first = self.iter().find(|known| known.says_added(asked))?;
                (first.id == step.id).then_some(asked)
            }
            What::Placed(_)
            | What::Recorded { .. }
            | What::Reduced { .. }
            | What::Totalled { .. }
            | What::Released { .. }
            | What::Captured { .. }
            | What::Moved { .. } => None,
        });
        added.filter(|question| {
            self.last_said(*question).is_some_and(|(said, word)| word == Word::Declined && comes_before(total, said))
        })
    }

    /// What a question amounted to by these words on it: by the last of them, else by ours.
    fn amount_by(&self, question: StepId, ours: i64, is_known: impl Fn(&Step) -> bool) -> i64 {
        let known = self.said(question).filter(|(step, _)| is_known(step));
        let last = known.max_by_key(|(step, word)| (step.at, finality(*word), step.id));
        last.map_or(ours, |(_, word)| word.approves().unwrap_or(0))
    }

    /// Whether a question that the platform says opened the payment added to it, by what it says elsewhere, or by our approval: then it opened
    /// nothing here. An increment that has a transaction of its own is known by the key, and only where something else opened the
    /// payment: one key of two transactions may be the opening's.
    pub(in crate::hold) fn is_added(&self, question: StepId) -> bool {
        let another_opened = || self.iter().filter_map(Step::opens).any(|opening| opening != question);
        let mut added = self.iter().filter_map(Step::adds);
        added.any(|added| added == question || (added.is_of_key_of(question) && another_opened()))
    }

    /// Whether a question added to the payment: by our approval, or where we gave none, by the platform's word.
    pub(in crate::hold) fn adds(&self, question: StepId) -> bool {
        let ours = self.placements().find(|(id, _)| *id == question);
        match ours {
            Some((_, placement)) => placement.role == Role::Increment,
            None => self.iter().any(|step| step.says_added(question)),
        }
    }

    /// What we approved, in the order of the steps.
    pub fn placements(&self) -> impl Iterator<Item = (StepId, Placement)> {
        self.iter().filter_map(|step| {
            let What::Placed(placement) = step.what else { return None };
            Some((step.id, placement))
        })
    }

    /// The same, and what nobody heard.
    pub(in crate::hold) fn placements_with_unheard(&self) -> impl Iterator<Item = (StepId, Placement)> {
        self.with_unheard().filter_map(|step| {
            let What::Placed(placement) = step.what else { return None };
            Some((step.id, placement))
        })
    }

    /// How long what we approved is held from its own time on, if nobody says how it ends: the longest of it. Nothing where nothing that is held
    /// was approved.
    pub(super) fn life(&self) -> Option<Duration> {
        let lives = self.iter().filter_map(|step| {
            let What::Placed(placement) = step.what else { return None };
            Some(placement.expires_at?.saturating_since(step.at))
        });
        lives.max()
    }

    /// Whether we placed something under this name.
    pub(in crate::hold) fn placed(&self, id: StepId) -> bool {
        self.placements().any(|(placed, _)| placed == id)
    }

    /// Whether what we opened the payment with stands.
    pub fn opened(&self) -> bool {
        self.placements().any(|(id, placement)| placement.role == Role::Opening && self.amount_of(id, &placement) > 0)
    }
}

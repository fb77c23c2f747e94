//! A platform that contradicts itself: it writes an increment into one payment, and says then that it is of another. It is one amount of
//! money. Whoever said yes to it has it in his books, as ever; else it goes, with all that was written of it, to those that the platform
//! names last, by its own days.

use holdfast_core::Timestamp;

use super::filing::{File, Place, are_two};
use super::payment::{self, Entry, Line, Word};
use super::{Keyed, Model};
use crate::simulation::deed::{Message, Outcome, Question, Says};
use crate::simulation::naming::Label;

/// Where a question finds what was written of it before.
pub(super) enum Written {
    /// In these books, and there it stays: this was written last.
    Stays(Place, Word),
    /// It goes from there to those that the question names: before somebody decides, as it is there; or once it is approved.
    GoesNow(Place),
    GoesOnceApproved(Place),
}

impl Model {
    /// In which payment's books the platform wrote a question before it asked, where it asks of another one now, or of none.
    pub(super) fn written_elsewhere(&self, question: &Question) -> Option<Written> {
        if question.foreign || !question.wants_money() || question.amount < 1 {
            return None;
        }
        let named = self.place(&question.of);
        let place = if question.adds() {
            self.filed(question.of.payment, std::iter::once(Label::Increment(question.key)))
        } else {
            named
        }?;
        let File { entries, .. } = self.at(Some(place))?;
        if question.adds() {
            if named == Some(place) || self.knows(named, question.key) || self.payments[place.payment].account != question.account
            {
                return None;
            }
        } else if !payment::opened(entries) {
            return None;
        }
        if !is_only_written(entries, question.key) {
            return None;
        }
        let word = payment::last_word(entries, question.key)?;
        let has_money = self.has_its_money(place, question.key);
        let before = self.known((Keyed::Question, question.program, question.key));
        let is_open = || self.at(named).is_some_and(|file| file.sheet.is_under_way());
        if question.adds() && before.is_none() && word.amount().is_some_and(|amount| amount > 0) && is_open() {
            return Some(if has_money { Written::GoesNow(place) } else { Written::GoesOnceApproved(place) });
        }
        let said_yes = before.is_some_and(|known| known.answer.amount().is_some());
        (word == Word::No || said_yes || has_money).then_some(Written::Stays(place, word))
    }

    /// In which books a message about an increment belongs, if not in those of the payment that it names: where we approved that, or where
    /// the platform wrote it on a later day. What it wrote on an earlier one is carried over.
    pub(super) fn stays(&mut self, message: &Message, now: Timestamp) -> Option<Place> {
        let Says::Recorded { asked, increment: Some(own), outcome } = message.says else { return None };
        let of = message.of?;
        let place = self.filed(of.payment, std::iter::once(Label::Increment(own)))?;
        let File { entries, .. } = self.at(Some(place))?;
        let ours = payment::approvals(entries).find(|(known, _)| *known == asked);
        if ours.is_some_and(|(_, approved)| approved.opening) {
            return Some(place);
        }
        let named = self.place(&of).filter(|named| *named != place)?;
        let (here, there) = (self.at(Some(named))?, self.at(Some(place))?);
        let are_two = (here.is_approved() && there.is_approved()) || are_two(here, there, asked);
        if !are_two || ours.is_some() {
            return ours.filter(|_| are_two).map(|_| place);
        }
        let of_one_account = self.payments[place.payment].account == self.payments[named.payment].account;
        // No is no in every currency.
        let can_be_booked = !message.foreign || matches!(outcome, Outcome::Declined);
        if !can_be_booked || self.knows(Some(named), asked) || !of_one_account || !is_only_written(entries, asked) {
            return None;
        }
        let said = (message.at.unwrap_or(now), matches!(outcome, Outcome::Declined), payment::message_name(message.key));
        let last = payment::words(entries, asked).map(|(at, source, word)| (at, word == Word::No, source.name())).max();
        if last.is_some_and(|last| said <= last) {
            return Some(place);
        }
        self.carry_over(asked, (place, named), Label::Increment(own));
        None
    }

    /// Whether a payment's books have something of a question.
    fn knows(&self, place: Option<Place>, question: u32) -> bool {
        let entries = self.entries_at(place);
        payment::words(entries, question).next().is_some() || payment::approvals(entries).any(|(known, _)| known == question)
    }

    /// The same, into those that the question names.
    pub(super) fn carry_to_what_is_asked(&mut self, question: &Question, from: Place) {
        if let Some(to) = self.place(&question.of) {
            self.carry_over(question.key, (from, to), Label::Increment(question.key));
        }
    }

    /// Everything that was written of a question goes into other books.
    pub(super) fn carry_over(&mut self, question: u32, (from, to): (Place, Place), label: Label) {
        let is_of_it = |entry: &Entry| matches!(entry.line, Line::Word { question: asked, .. } if asked == question);
        let file = &mut self.payment_to_change(from.payment).files[from.file];
        let before = (file.sheet.posted(), file.sheet.held);
        let (carried, left) = std::mem::take(&mut file.entries).into_iter().partition(is_of_it);
        let carried: Vec<Entry> = carried;
        file.entries = left;
        file.labels.retain(|known| *known != label);
        self.add_up(from, before);
        let file = &mut self.payment_to_change(to.payment).files[to.file];
        let before = (file.sheet.posted(), file.sheet.held);
        for entry in carried {
            // Whatever it was said to be, it added to the payment.
            let Line::Word { question, word, .. } = entry.line else { continue };
            payment::write(&mut file.entries, Entry { line: Line::Word { question, opening: false, word }, ..entry });
        }
        file.labels.push(label);
        self.add_up(to, before);
        self.contrary += 1;
        self.changed = true;
    }

    /// Whether money that the platform wrote into these books is held there, or was taken.
    fn has_its_money(&self, place: Place, question: u32) -> bool {
        let File { entries, sheet, .. } = &self.payments[place.payment].files[place.file];
        let written = payment::last_word(entries, question).and_then(Word::amount).unwrap_or(0);
        written > 0 && sheet.has_of(question, 1)
    }
}

/// Whether the platform wrote that a question added to the payment, and we approved nothing for it.
fn is_only_written(entries: &[Entry], asked: u32) -> bool {
    let writes = |entry: &Entry| matches!(entry.line, Line::Word { question, opening: false, .. } if question == asked);
    entries.iter().any(writes) && !payment::approvals(entries).any(|(known, _)| known == asked)
}

//! A platform that contradicts itself: it writes an increment into one payment, and says then that it is of another. It is one amount of
//! money: whoever has it in his books keeps it, and nobody else enters it.

use super::filing::{File, Place};
use super::payment::{self, Line, Word};
use super::{Keyed, Model};
use crate::simulation::deed::{Message, Question, Says};
use crate::simulation::naming::Label;

impl Model {
    /// In which payment's books the platform wrote a question before it asked, where it asks of another one now, or of none; and what it
    /// wrote last.
    pub(super) fn told_elsewhere(&self, question: &Question) -> Option<(Place, Word)> {
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
            let knows = payment::words(self.entries_at(named), question.key).next().is_some()
                || payment::approvals(self.entries_at(named)).any(|(known, _)| known == question.key);
            if named == Some(place) || knows || self.payments[place.payment].account != question.account {
                return None;
            }
        } else if !payment::opened(entries) {
            return None;
        }
        if !is_only_written(entries, question.key) {
            return None;
        }
        let word = payment::last_word(entries, question.key)?;
        let said_yes =
            self.known((Keyed::Question, question.program, question.key)).is_some_and(|known| known.answer.amount().is_some());
        (word == Word::No || said_yes || self.has_its_money(place, question.key)).then_some((place, word))
    }

    /// In which books a message about an increment belongs, if not in those of the payment that it names: where we approved that, or where
    /// the platform wrote it before and its money is.
    pub(super) fn stays(&self, message: &Message) -> Option<Place> {
        let Says::Recorded { asked, increment: Some(own), .. } = message.says else { return None };
        let of = message.of?;
        let place = self.filed(of.payment, std::iter::once(Label::Increment(own)))?;
        let File { entries, .. } = self.at(Some(place))?;
        let ours = payment::approvals(entries).find(|(known, _)| *known == asked);
        if ours.is_some_and(|(_, approved)| approved.opening) {
            return Some(place);
        }
        let named = self.place(&of).filter(|named| *named != place)?;
        let are_two = self.at(Some(named))?.is_approved() && self.at(Some(place))?.is_approved();
        let written = || {
            let knows = payment::words(self.entries_at(Some(named)), asked).next().is_some()
                || payment::approvals(self.entries_at(Some(named))).any(|(known, _)| known == asked);
            let of_one_account = self.payments[place.payment].account == self.payments[named.payment].account;
            !message.foreign && !knows && of_one_account && is_only_written(entries, asked) && self.has_its_money(place, asked)
        };
        (are_two && (ours.is_some() || written())).then_some(place)
    }

    /// Whether money that the platform wrote into these books is held there, or was taken.
    fn has_its_money(&self, place: Place, question: u32) -> bool {
        let File { entries, sheet, .. } = &self.payments[place.payment].files[place.file];
        let written = payment::last_word(entries, question).and_then(Word::amount).unwrap_or(0);
        written > 0 && sheet.has_money_of(question)
    }
}

/// Whether the platform wrote that a question added to the payment, and we approved nothing for it.
fn is_only_written(entries: &[payment::Entry], asked: u32) -> bool {
    let writes = |entry: &payment::Entry| matches!(entry.line, Line::Word { question, opening: false, .. } if question == asked);
    entries.iter().any(writes) && !payment::approvals(entries).any(|(known, _)| known == asked)
}

//! What the model makes of a message: it believes every one, once.

use std::time::Duration;

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Finality, MovementCause, ReleaseCause};
use holdfast_core::{DeclineReason, Timestamp};

use super::filing::{File, Finds, Place};
use super::payment::{self, Ending, Entry, Line, Source, Word};
use super::{Answer, Change, Expected, Key, Keyed, Known, Model, Told, counts_over, gravity_of_card};
use crate::simulation::deed::{Message, Outcome, Says};

impl Model {
    /// A platform tells.
    pub fn tell(&mut self, message: &Message, now: Timestamp) -> Expected {
        let key = (Keyed::Message, message.program, message.key);
        let source = Source::Message(message.key);
        if self.was_told(key) {
            return Expected::Recorded { again: true };
        }
        let stays = self.stays(message, now);
        self.contrary += u64::from(stays.is_some());
        let found = stays.or_else(|| message.of.and_then(|of| self.put_together(&of, message.own_label(), Finds::ByOwnName)));
        if self.at(found).is_some_and(|file| file.entries.iter().any(|entry| entry.source == source)) {
            return Expected::Recorded { again: true };
        }
        let at = message.at.unwrap_or_else(|| self.undated(message, found, now));
        let told = (at, payment::message_name(message.key));
        let remembered = match message.says {
            Says::Card(status) => self.stand_card(message, told, status),
            Says::Owner(status) => {
                let (before, known) = self.accounts[message.account].owner;
                let grave = |status| [CardholderStatus::Active, CardholderStatus::Suspended].iter().position(|it| *it == status);
                if counts_over(told, grave(status).unwrap_or(2), before, grave(known).unwrap_or(2)) {
                    self.changed = true;
                    self.account_to_change(message.account).owner = (told, status);
                }
                true
            }
            Says::Account(status) => {
                let (before, known) = self.accounts[message.account].status;
                let grave = |status| [AccountStatus::Active, AccountStatus::Frozen].iter().position(|it| *it == status);
                if counts_over(told, grave(status).unwrap_or(2), before, grave(known).unwrap_or(2)) {
                    self.changed = true;
                    self.account_to_change(message.account).status = (told, status);
                }
                true
            }
            Says::Recorded { .. }
            | Says::Less { .. }
            | Says::Total(_)
            | Says::Released(_)
            | Says::Captured(..)
            | Says::Completed(_)
            | Says::Credited(..)
            | Says::Debited(..) => {
                // What cannot be booked leaves its key to what can.
                self.believe(message, (stays, found), Entry { source, at, line: line(&message.says).0 })
            }
        };
        if remembered {
            self.remember_told(key, now);
        }
        Expected::Recorded { again: false }
    }

    /// The day of a message without one is the day it came, unless the books show that it was written before: a higher total than
    /// the last one, which closed the payment at what was taken; a yes to what was refused after all.
    fn undated(&self, message: &Message, found: Option<Place>, now: Timestamp) -> Timestamp {
        let Some(File { entries, sheet, .. }) = self.at(found) else { return now };
        let later = match message.says {
            Says::Total(total) => {
                let mut totals = entries.iter().filter_map(|entry| {
                    let Line::Total(total) = entry.line else { return None };
                    Some((entry.at, total))
                });
                totals.next_back().filter(|(_, last)| sheet.captured > 0 && *last <= sheet.captured && total > sheet.captured)
            }
            Says::Recorded { asked, increment: None, outcome: Outcome::Approved(_) | Outcome::StoodIn(..) } => {
                let last = payment::words(entries, asked).max_by_key(|(at, ..)| *at);
                last.filter(|(.., word)| *word == Word::No).map(|(at, ..)| (at, 0))
            }
            Says::Recorded { .. }
            | Says::Less { .. }
            | Says::Released(_)
            | Says::Captured(..)
            | Says::Completed(_)
            | Says::Credited(..)
            | Says::Debited(..)
            | Says::Card(_)
            | Says::Owner(_)
            | Says::Account(_) => None,
        };
        later.map_or(now, |(at, _)| at.saturating_sub(Duration::from_micros(1)))
    }

    /// The latest standing counts. Whether the message is remembered: each has a name of its own.
    fn stand_card(&mut self, message: &Message, told: Told, status: CardStatus) -> bool {
        let card = self.cards[message.card];
        let (before, known) = card.status;
        if counts_over(told, gravity_of_card(status), before, gravity_of_card(known)) {
            self.changed = true;
            self.changes.push(Change::Card(message.card, card));
            self.cards[message.card].status = (told, status);
        }
        true
    }

    /// A message about money. Whether it can be booked.
    fn believe(&mut self, message: &Message, (stays, found): (Option<Place>, Option<Place>), entry: Entry) -> bool {
        let (line, amount) = line(&message.says);
        if message.foreign && amount.is_some() {
            return false;
        }
        let Some(of) = message.of else {
            let posted = match line {
                Line::Taken { amount, .. } => -amount,
                Line::Moved { amount, .. } => amount,
                Line::Approved(_) | Line::Word { .. } | Line::Less { .. } | Line::Total(_) | Line::Ended(_) => 0,
            };
            self.changed |= posted != 0;
            self.account_to_change(message.account).posted += posted;
            return true;
        };
        // What stays where it was is called by its own name, which it has.
        let place = stays.unwrap_or_else(|| self.file_to_change(&of, message.own_label(), found));
        if !message.by_account {
            self.payment_to_change(place.payment).files[place.file].card.get_or_insert(message.card);
        }
        self.enter(place, entry, &[]);
        if let Line::Word { question, .. } = line {
            self.listen((Keyed::Question, message.program, question), place, question);
        }
        true
    }

    /// A question hears from now on whether the platform says that it was approved.
    fn listen(&mut self, key: Key, place: Place, question: u32) {
        if let Some(known) = self.known(key) {
            let answer = corrected(known.answer, &self.payments[place.payment].files[place.file].entries, question);
            if answer != known.answer {
                self.remember(key, Known { answer, ..known });
            }
        }
    }
}

/// A message as a line of a payment's account, and its amount.
fn line(says: &Says) -> (Line, Option<i64>) {
    let moved = |amount: i64, cause| Line::Moved { amount, refund: cause == MovementCause::NetworkSettlement };
    match *says {
        Says::Recorded { asked, increment, outcome } => {
            let (word, amount) = match outcome {
                Outcome::Approved(amount) => (Word::Yes(amount), Some(amount)),
                Outcome::StoodIn(amount, posting) => (Word::StoodIn(amount, posting), Some(amount)),
                Outcome::Declined => (Word::No, None),
            };
            (Line::Word { question: asked, opening: increment.is_none(), word }, amount)
        }
        Says::Less { by, original } => (Line::Less { by, original }, Some(by)),
        Says::Total(total) => (Line::Total(total), Some(total)),
        Says::Released(ReleaseCause::Expired | ReleaseCause::SafetyTimer) => (Line::Ended(Ending::TimedOut), None),
        Says::Released(ReleaseCause::Reversed | ReleaseCause::Operator | ReleaseCause::Declined) => {
            (Line::Ended(Ending::Reversed), None)
        }
        Says::Captured(amount, finality) => (Line::Taken { amount, finality }, Some(amount)),
        Says::Completed(amount) => (Line::Taken { amount, finality: Finality::Final }, Some(amount)),
        Says::Credited(amount, cause) => (moved(amount, cause), Some(amount)),
        Says::Debited(amount, cause) => (moved(-amount, cause), Some(amount)),
        Says::Card(_) | Says::Owner(_) | Says::Account(_) => (Line::Moved { amount: 0, refund: false }, None),
    }
}

/// What is kept of an answer after what the platform said of its question: a yes, unless it ever wrote no.
pub(super) fn corrected(answer: Answer, entries: &[Entry], question: u32) -> Answer {
    match answer {
        Answer::Yes(_) | Answer::YesAbroad(_) if payment::wrote_no(entries, question) => {
            Answer::No(DeclineReason::TransactionNotPermitted)
        }
        Answer::Yes(_) | Answer::YesAbroad(_) | Answer::No(_) => answer,
    }
}

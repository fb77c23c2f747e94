//! What platforms recorded of questions, and the ledger has yet to hear: it is adopted over ours, and so nothing is said past it meanwhile.
//! It is known by the question's key and, for platforms whose messages do not carry those keys, by the payment. What a question hears by it
//! is what the ledger will say once it has heard it (`by_word.rs`); here is only which questions that is about, and which it declines.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arrayvec::ArrayVec;
use dashmap::DashMap;
use holdfast_core::hold::{Fact, RecordedOutcome, ToldEvent};
use holdfast_core::stand_in::ToldName;
use holdfast_core::{
    Alias, AuthorizationId, AuthorizationRequest, IdempotencyKey, PaymentRef, PlatformName, ProgramId, Timestamp,
};

use super::opened::{Name, names};
use crate::ledger::Origin;

/// When something is said that has no time of its own: it is as new as its hearing.
const NO_TIME: Timestamp = Timestamp::from_unix_micros(i64::MAX);

/// What a word is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    /// The question of that key.
    Question(ProgramId, Option<PlatformName>, IdempotencyKey),
    /// The payment of that name.
    Payment(Name),
}

/// A message that waits, of how a question ended.
#[derive(Debug, Clone, Copy)]
struct Word {
    message: IdempotencyKey,
    at: Option<Timestamp>,
    kept: Kept,
    ended: Ended,
    /// It came with a payment of that second name.
    second: Option<AuthorizationId>,
}

/// Whether it outlives this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    NotYet,
    Durable,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Approved,
    Declined,
}

/// What is declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declined {
    /// This question of a program.
    Question(ProgramId, ToldName),
    /// Whichever question opened this payment: platforms whose messages do not carry questions' keys say no more.
    Payment(Name),
}

/// Platforms' words that wait for the ledger.
#[derive(Debug, Default)]
pub struct Recorded {
    words: DashMap<Subject, Vec<Word>, foldhash::fast::RandomState>,
    /// How many words on questions there are, to be looked at by every callback.
    waiting: AtomicU32,
}

impl Recorded {
    /// It is brought to the spool. It counts once it is durable there.
    pub fn waits(&self, origin: &Origin, event: &ToldEvent) {
        let Some((ended, second)) = ended(&event.fact) else { return };
        let word = Word { message: event.key, at: event.occurred_at, kept: Kept::NotYet, ended, second };
        subjects(origin, &event.fact).into_iter().for_each(|subject| self.words.entry(subject).or_default().push(word));
        self.waiting.fetch_add(1, Ordering::Release);
    }

    /// It is durable, if the ledger has not heard it already.
    pub fn is_durable(&self, origin: &Origin, event: &ToldEvent) {
        for subject in subjects(origin, &event.fact) {
            let Some(mut words) = self.words.get_mut(&subject) else { continue };
            let fresh = words.iter_mut().find(|word| word.message == event.key && word.kept == Kept::NotYet);
            if let Some(word) = fresh {
                word.kept = Kept::Durable;
            }
        }
    }

    /// It is brought to the ledger, perhaps again, perhaps after nobody did.
    pub fn is_brought(&self, origin: &Origin, event: &ToldEvent) {
        let is_known = |subject| self.words.get(&subject).is_some_and(|words| words.iter().any(|word| word.message == event.key));
        if !subjects(origin, &event.fact).into_iter().any(is_known) {
            self.waits(origin, event);
            self.is_durable(origin, event);
        }
    }

    /// The ledger has heard it, or nobody brings it there.
    pub fn gone(&self, origin: &Origin, event: &ToldEvent) {
        self.forget(origin, event, Kept::Durable);
    }

    /// It could not be made durable.
    pub fn never_kept(&self, origin: &Origin, event: &ToldEvent) {
        self.forget(origin, event, Kept::NotYet);
    }

    /// One message may wait twice: rather the one that was kept so.
    fn forget(&self, origin: &Origin, event: &ToldEvent, kept: Kept) {
        let mut was_there = false;
        for subject in subjects(origin, &event.fact) {
            self.words.remove_if_mut(&subject, |_, words| {
                let of_message = |word: &Word| word.message == event.key;
                let place = words.iter().position(|word| of_message(word) && word.kept == kept);
                if let Some(place) = place.or_else(|| words.iter().position(of_message)) {
                    words.remove(place);
                    was_there = true;
                }
                words.is_empty()
            });
        }
        if was_there {
            self.waiting.fetch_sub(1, Ordering::Release);
        }
    }

    /// Whether there is none. Nearly always.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// Whether the ledger has yet to hear how a question ended, durable or not.
    #[must_use]
    pub fn waits_for(&self, origin: &Origin, request: &AuthorizationRequest) -> bool {
        !self.is_empty() && of_request(origin, request).iter().any(|subject| self.last(*subject, request, None).is_some())
    }

    /// Whether the last durable word on a question says that it was declined.
    #[must_use]
    pub fn is_declined(&self, origin: &Origin, request: &AuthorizationRequest) -> bool {
        let last = |subject: &Subject| self.last(*subject, request, Some(Kept::Durable));
        !self.is_empty() && of_request(origin, request).iter().find_map(last) == Some(Ended::Declined)
    }

    /// How it ended by the last of the words on it, by the platform's own time.
    fn last(&self, subject: Subject, request: &AuthorizationRequest, kept: Option<Kept>) -> Option<Ended> {
        let words = self.words.get(&subject)?;
        last_of(words.iter().filter(|word| kept.is_none_or(|kept| kept == word.kept) && !is_anothers(word.second, request)))
    }

    /// What is declined by the last word on it: what was told of that counts in no cap any more.
    pub(super) fn declined(&self) -> Vec<Declined> {
        let declined = self.words.iter().filter(|entry| is_declined(entry.value()));
        declined.filter_map(|entry| Declined::of(*entry.key())).collect()
    }

    /// What a message is about, as far as that is declined by the last word on it.
    pub(super) fn declines(&self, origin: &Origin, event: &ToldEvent) -> ArrayVec<Declined, 3> {
        let declined = |subject: &Subject| self.words.get(subject).is_some_and(|words| is_declined(&words));
        subjects(origin, &event.fact).into_iter().filter(declined).filter_map(Declined::of).collect()
    }
}

impl Declined {
    fn of(subject: Subject) -> Option<Self> {
        match subject {
            Subject::Question(program, platform, key) => {
                Some(Declined::Question(program, ToldName::of(platform.as_ref()?, &key)))
            }
            Subject::Payment(name) => Some(Declined::Payment(name)),
        }
    }
}

/// How a fact says that a question ended, and the second name of its payment; nothing if it says something else.
fn ended(fact: &Fact) -> Option<(Ended, Option<AuthorizationId>)> {
    let Fact::Recorded { payment, outcome, .. } = fact else { return None };
    let ended = match outcome {
        RecordedOutcome::Approved { .. } | RecordedOutcome::ApprovedByStandIn { .. } => Ended::Approved,
        RecordedOutcome::Declined => Ended::Declined,
    };
    Some((ended, second_of(payment)))
}

/// What such a fact is about: of an increment, itself, and not what it adds to.
fn subjects(origin: &Origin, fact: &Fact) -> ArrayVec<Subject, 3> {
    let Fact::Recorded { asked, .. } = fact else { return ArrayVec::new() };
    let question = Subject::Question(origin.program, origin.platform, *asked);
    let (payment, own) = fact.payments();
    let payments = own.or(payment).into_iter().flat_map(|own| names(origin, own)).map(Subject::Payment);
    std::iter::once(question).chain(payments).take(3).collect()
}

/// By what a question may be recorded, its key first.
fn of_request(origin: &Origin, request: &AuthorizationRequest) -> ArrayVec<Subject, 3> {
    let question = Subject::Question(origin.program, origin.platform, request.key);
    let payments = names(origin, &request.payment).map(Subject::Payment);
    std::iter::once(question).chain(payments).take(3).collect()
}

/// Two transactions under one key are two: what is said of one is not about the other.
fn is_anothers(second: Option<AuthorizationId>, request: &AuthorizationRequest) -> bool {
    second.zip(second_of(&request.payment)).is_some_and(|(told, asked)| told != asked)
}

const fn second_of(payment: &PaymentRef) -> Option<AuthorizationId> {
    match payment.alias {
        Alias::Also(second) => Some(second),
        Alias::NotTold | Alias::Alone => None,
    }
}

fn is_declined(words: &[Word]) -> bool {
    last_of(words.iter().filter(|word| word.kept == Kept::Durable)) == Some(Ended::Declined)
}

fn last_of<'a>(mut words: impl Iterator<Item = &'a Word>) -> Option<Ended> {
    let first = words.next()?;
    Some(words.fold(later(None, first), |last, word| later(Some(last), word)).1)
}

/// The later of two words, as the ledger has them: without a time of its own one is as new as its hearing, but an approval without one never comes
/// after a decline; of one moment the decline is the last.
fn later(last: Option<(Timestamp, Ended)>, &Word { at, ended, .. }: &Word) -> (Timestamp, Ended) {
    let at = match (at, ended, last) {
        (Some(at), _, _) => at,
        (None, Ended::Approved, Some((declined, Ended::Declined))) => declined.saturating_sub(Duration::from_micros(1)),
        (None, Ended::Approved | Ended::Declined, _) => NO_TIME,
    };
    let rank = |(at, ended): (Timestamp, Ended)| (at, ended == Ended::Declined);
    last.filter(|last| rank(*last) > rank((at, ended))).unwrap_or((at, ended))
}

#[cfg(test)]
mod tests;

//! What platforms recorded of questions, and the ledger has yet to hear: it is adopted over ours, and so nothing is said past it meanwhile.
//! It is known by the question's key and, for platforms whose messages do not carry those keys, by the payment. What a question hears by it
//! is what the ledger will say once it has heard it; where that is not known, nothing is approved.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arrayvec::ArrayVec;
use dashmap::DashMap;
use holdfast_core::hold::{Fact, Left, RecordedOutcome, Retold, ToldEvent};
use holdfast_core::stand_in::{AddsTo, ToldName};
use holdfast_core::{
    Alias, AuthorizationId, AuthorizationKind, AuthorizationRequest, Decision, DeclineReason, IdempotencyKey, Money, PaymentRef,
    PlatformName, ProgramId, Timestamp,
};

use super::adding::{Name, names};
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

/// A message that waits.
#[derive(Debug, Clone, Copy)]
struct Word {
    message: IdempotencyKey,
    at: Option<Timestamp>,
    kept: Kept,
    says: Says,
}

/// Whether it outlives this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    NotYet,
    Durable,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// How a question ended, which came with a payment of that second name.
    Ended(Ended, Option<AuthorizationId>),
    /// Less of the payment is there than was approved.
    TookBack,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Approved(Money),
    Declined,
}

/// What the last word is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The very question.
    Question,
    /// Its payment: which of its questions is not said.
    Payment,
}

/// What is declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declined {
    /// This question of a program.
    Question(ProgramId, ToldName),
    /// Whichever question opened this payment: platforms whose messages do not carry questions' keys say no more.
    Payment(Name),
}

/// What is recorded of a question.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    about: About,
    ended: Ended,
    /// When, by the platform; at the end of all time where it has no time of its own.
    at: Timestamp,
    /// Whether something was taken back of its payment, before it or after.
    left: Left,
}

/// What a question that was not answered yet hears by what is recorded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByWord {
    /// What the ledger will say.
    Decided(Decision),
    /// That is not known: nothing is approved.
    NotKnown,
    /// Nothing is said of this one, or of less: whoever decides decides.
    Open,
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
        let Some(says) = says(&event.fact) else { return };
        let word = Word { message: event.key, at: event.occurred_at, kept: Kept::NotYet, says };
        subjects(origin, &event.fact).into_iter().for_each(|subject| self.words.entry(subject).or_default().push(word));
        if matches!(says, Says::Ended(..)) {
            self.waiting.fetch_add(1, Ordering::Release);
        }
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
        if was_there && matches!(event.fact, Fact::Recorded { .. }) {
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
        !self.is_empty() && of_request(origin, request).iter().any(|(_, subject)| self.ended(*subject, request, None).is_some())
    }

    /// The last durable word on a question.
    #[must_use]
    pub fn of(&self, origin: &Origin, request: &AuthorizationRequest) -> Option<Said> {
        if self.is_empty() {
            return None;
        }
        let subjects = of_request(origin, request);
        let ended = |(about, subject): &(About, Subject)| Some((*about, self.ended(*subject, request, Some(Kept::Durable))?));
        let (about, (at, ended)) = subjects.iter().find_map(ended)?;
        let took_back = |subject: &Subject| self.words.get(subject).is_some_and(|words| words.iter().any(is_taking_back));
        let less = subjects.iter().any(|(_, subject)| took_back(subject));
        Some(Said { about, ended, at, left: if less { Left::Less } else { Left::Whole } })
    }

    /// How it ended by the last of the words on it, by the platform's own time.
    fn ended(&self, subject: Subject, request: &AuthorizationRequest, kept: Option<Kept>) -> Option<(Timestamp, Ended)> {
        let words = self.words.get(&subject)?;
        let counts = words.iter().filter(|word| kept.is_none_or(|kept| kept == word.kept));
        counts.fold(None, |last, word| match word.says {
            Says::Ended(ended, second) if !is_anothers(second, request) => Some(later(last, word.at, ended)),
            Says::Ended(..) | Says::TookBack => last,
        })
    }

    /// What is declined by the last word on it: what was told of that counts in no cap any more.
    pub(super) fn declined(&self) -> Vec<Declined> {
        let declined = self.words.iter().filter(|entry| is_declined(entry.value()));
        declined.filter_map(|entry| Declined::of(*entry.key())).collect()
    }

    /// Whether a durable word on a question says that it was declined, the last one or not.
    pub(super) fn was_declined(&self, origin: &Origin, asked: IdempotencyKey) -> bool {
        let declined = |word: &Word| word.kept == Kept::Durable && matches!(word.says, Says::Ended(Ended::Declined, _));
        let subject = Subject::Question(origin.program, origin.platform, asked);
        self.words.get(&subject).is_some_and(|words| words.iter().any(declined))
    }

    /// What a message is about, as far as that is declined by the last word on it.
    pub(super) fn declines(&self, origin: &Origin, event: &ToldEvent) -> ArrayVec<Declined, 3> {
        let Fact::Recorded { .. } = &event.fact else { return ArrayVec::new() };
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

impl Said {
    /// What a question that was answered hears when it is asked again: what was said, or what the word makes of that. `ours` is of the
    /// question itself, `known` is what the ledger knows of it, and in whose currency the account is has to be known before anything is
    /// approved.
    #[must_use]
    pub fn corrects(&self, ours: Decision, asked: &Asker<'_>, known: Option<&Retold>) -> Decision {
        match (self.ended, ours) {
            _ if known.is_some_and(|known| self.is_before(known)) => ours,
            (Ended::Declined, Decision::Decline { .. }) | (Ended::Approved(_), Decision::Approve { .. }) => ours,
            // What opened a payment comes before all that is said of it, whatever clocks say.
            (Ended::Declined, Decision::Approve { .. }) => Decision::Decline { reason: DeclineReason::TransactionNotPermitted },
            (Ended::Approved(_), Decision::Decline { reason: DeclineReason::ConflictingDuplicate }) => ours,
            // Nothing may be held for a yes to what was taken back, or let go of.
            (Ended::Approved(_), Decision::Decline { .. }) if self.is_less(known) => ours,
            (Ended::Approved(recorded), Decision::Decline { .. }) => {
                // What we approved once is said again.
                let said =
                    known.and_then(|known| known.ours).map_or(recorded, |ours| Money::from_minor(ours, recorded.currency()));
                self.approves(said, asked).unwrap_or(ours)
            }
        }
    }

    /// Whether something was taken back of the payment, whether that waits or was heard.
    fn is_less(&self, known: Option<&Retold>) -> bool {
        self.left == Left::Less || known.is_some_and(|known| known.left == Left::Less)
    }

    /// Whether the ledger heard a later word on the same; of one moment a decline is the last, and an approval without a time of its
    /// own is none after a decline.
    fn is_before(&self, known: &Retold) -> bool {
        let rank = |at: Timestamp, approved: bool| (at, !approved);
        let heard = match self.about {
            About::Question => known.word,
            About::Payment => known.word.or(known.opening),
        };
        heard.is_some_and(|(at, approved)| match (self.ended, approved) {
            (Ended::Approved(_), None) if self.at == NO_TIME => true,
            (ended, approved) => rank(self.at, matches!(ended, Ended::Approved(_))) < rank(at, approved.is_some()),
        })
    }

    /// What a question hears that was not answered yet.
    #[must_use]
    pub fn answers(&self, asked: &Asker<'_>, adds_to: AddsTo) -> ByWord {
        let request = asked.request;
        let is_increment = request.kind == AuthorizationKind::Incremental;
        match self.ended {
            Ended::Declined => {
                let over = request.kind.moves_money() && !is_increment;
                let reason = if over { DeclineReason::AuthorizationOver } else { DeclineReason::TransactionNotPermitted };
                ByWord::Decided(Decision::Decline { reason })
            }
            Ended::Approved(_) if !request.kind.moves_money() => ByWord::Open,
            Ended::Approved(_) if self.left == Left::Less || (is_increment && adds_to == AddsTo::NotKnown) => ByWord::NotKnown,
            Ended::Approved(recorded) if self.about == About::Payment && request.amount.minor() > recorded.minor() => {
                ByWord::Open
            }
            Ended::Approved(recorded) => self.approves(recorded, asked).map_or(ByWord::NotKnown, ByWord::Decided),
        }
    }

    /// As much as is recorded, and never more than is asked for; of another question of the payment, all of it or nothing.
    fn approves(&self, recorded: Money, asked: &Asker<'_>) -> Option<Decision> {
        let request = asked.request;
        let (currency, wanted) = (request.amount.currency(), request.amount.minor());
        let is_held = asked.account_currency == Some(currency) && recorded.currency() == currency && !recorded.is_negative();
        let is_meant = match self.about {
            About::Question => true,
            About::Payment => (1..=recorded.minor()).contains(&wanted) && request.kind.moves_money() && self.left == Left::Whole,
        };
        (is_held && is_meant).then_some(Decision::Approve { amount: recorded }.at_most(request.amount))
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The question.
    pub request: &'a AuthorizationRequest,
    /// What its account's money is in, as far as that is seen.
    pub account_currency: Option<holdfast_core::Currency>,
}

fn says(fact: &Fact) -> Option<Says> {
    match fact {
        Fact::Recorded { payment, outcome, .. } => {
            let ended = match outcome {
                RecordedOutcome::Approved { amount } | RecordedOutcome::ApprovedByStandIn { amount, .. } => {
                    Ended::Approved(*amount)
                }
                RecordedOutcome::Declined => Ended::Declined,
            };
            Some(Says::Ended(ended, second_of(payment)))
        }
        Fact::Reduced { .. } | Fact::Replaced { .. } | Fact::Released { .. } => Some(Says::TookBack),
        Fact::Captured { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::Card { .. }
        | Fact::Cardholder { .. }
        | Fact::Account { .. }
        | Fact::SettlementAnnounced { .. } => None,
    }
}

/// What a fact that says something is about: of an increment, itself, and not what it adds to.
fn subjects(origin: &Origin, fact: &Fact) -> ArrayVec<Subject, 3> {
    if says(fact).is_none() {
        return ArrayVec::new();
    }
    let asked = if let Fact::Recorded { asked, .. } = fact { Some(*asked) } else { None };
    let question = asked.map(|key| Subject::Question(origin.program, origin.platform, key));
    let (payment, own) = fact.payments();
    let payments = own.or(payment).into_iter().flat_map(|own| names(origin, own)).map(Subject::Payment);
    question.into_iter().chain(payments).take(3).collect()
}

/// By what a question may be recorded, its key first.
fn of_request(origin: &Origin, request: &AuthorizationRequest) -> ArrayVec<(About, Subject), 3> {
    let question = (About::Question, Subject::Question(origin.program, origin.platform, request.key));
    let payments = names(origin, &request.payment).map(|name| (About::Payment, Subject::Payment(name)));
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

fn is_taking_back(word: &Word) -> bool {
    word.kept == Kept::Durable && word.says == Says::TookBack
}

fn is_declined(words: &[Word]) -> bool {
    let durable = words.iter().filter(|word| word.kept == Kept::Durable);
    let last = durable.fold(None, |last, word| match word.says {
        Says::Ended(ended, _) => Some(later(last, word.at, ended)),
        Says::TookBack => last,
    });
    last.is_some_and(|(_, ended)| ended == Ended::Declined)
}

/// The later of two words, as the ledger has them: without a time of its own one is as new as its hearing, but an approval without one never comes
/// after a decline; of one moment the decline is the last.
fn later(last: Option<(Timestamp, Ended)>, at: Option<Timestamp>, ended: Ended) -> (Timestamp, Ended) {
    let at = match (at, ended, last) {
        (Some(at), _, _) => at,
        (None, Ended::Approved(_), Some((declined, Ended::Declined))) => declined.saturating_sub(Duration::from_micros(1)),
        (None, Ended::Approved(_) | Ended::Declined, _) => NO_TIME,
    };
    let rank = |(at, ended): (Timestamp, Ended)| (at, ended == Ended::Declined);
    last.filter(|last| rank(*last) > rank((at, ended))).unwrap_or((at, ended))
}

#[cfg(test)]
mod tests;

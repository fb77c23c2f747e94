//! Decides again what a journal's records say was decided: the same memory, the same events, the times of then.
//!
//! Memory always follows the records, never what came out this time, so that one difference does not make the next.

use std::hash::BuildHasher as _;

use holdfast_core::agent::{Weight, takes_over};
use holdfast_core::hold::{Adoption, Asked, Event, Finding, Order, Ordered, Outcome, ToldEvent};
use holdfast_core::rules::Verdict;
use holdfast_core::{
    AuthorizationRequest, ContentDigest, Decision, Expiry, IdempotencyKey, PaymentRef, ProgramId, QuestionDigest,
};

use super::about::answer_of;
use super::cold::Nowhere;
use super::handing_over::reassigned;
use super::joining::joined;
use super::naming::in_its_owners_name;
use super::projection::checkpoint::Beginning;
use super::rebuild;
use super::reserved::Release;
use super::state::{Fingerprint, HoldNumber, Located, State};
use super::undo::UndoLog;
use super::weigh;
use crate::journal::{Body, JournalError, Record, Uses};
use crate::ledger::weight_of;

/// The embedded ledger's memory as it was before some record.
#[derive(Debug)]
pub struct Again {
    state: State,
    undo: UndoLog,
    /// What the record names that was decided last, as it was found: it is followed next.
    found: Option<Located>,
}

/// What came out this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// For a question: what its limits had counted.
    pub uses: Option<Uses>,
    /// The rules' opinion as it counted, where a limit counted in another window than they name.
    pub moved_on: Option<Verdict>,
    /// What becomes of it.
    pub outcome: Outcome,
}

impl Default for Again {
    fn default() -> Self {
        Again::new()
    }
}

impl Again {
    /// Before the first record.
    #[must_use]
    pub fn new() -> Self {
        let secret = std::hash::RandomState::new();
        Again { state: State::new((secret.hash_one(0_u8), secret.hash_one(1_u8))), undo: UndoLog::new(), found: None }
    }

    /// Before the first record that a trimmed journal keeps.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn beginning_with(beginning: &Beginning) -> Result<Self, JournalError> {
        Ok(Again { state: beginning.memory()?, undo: UndoLog::new(), found: None })
    }

    /// What would become of a record's event, with this opinion of the rules; nothing if it is none that is decided.
    #[must_use]
    pub fn decide(&mut self, record: &Record, verdict: Option<&Verdict>) -> Option<Decided> {
        self.found = None;
        let program = record.program.as_ref()?;
        let outcome = match &record.body {
            Body::Decided { .. } => return self.ask(program, record, verdict?),
            Body::Adopted { .. } => self.adopt(program, record, verdict)?,
            Body::Told { event, .. } => self.tell(program, record, event),
            Body::Ordered { key, payment, order, outcome } => self.order(program, record, key, payment, order, outcome),
            // That two payments are two by now is a difference, too.
            Body::Joined { gives, .. } => self.join(record, HoldNumber(*gives)).unwrap_or_default(),
            Body::Reassigned { words, side, .. } => {
                let located = self.found(record);
                reassigned(&self.state, &located, words, *side).unwrap_or_default()
            }
            Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. } => {
                return None;
            }
        };
        Some(Decided { uses: None, moved_on: None, outcome })
    }

    /// Writes what the record says.
    ///
    /// # Errors
    /// None that this memory has; what reads a disk for it would have some.
    pub fn follow(&mut self, record: &Record, number: i64) -> Result<(), JournalError> {
        let found = self.found.take();
        rebuild::write_found(&mut self.state, record, number, found, &Nowhere, &mut self.undo)?;
        self.undo.clear();
        Ok(())
    }

    /// Everything that a record names.
    fn found(&mut self, record: &Record) -> Located {
        *self.found.insert(rebuild::located(&self.state, record))
    }

    fn ask(&mut self, program: &ProgramId, record: &Record, verdict: &Verdict) -> Option<Decided> {
        let Body::Decided { received_at, request, outcome: recorded, .. } = &record.body else { return None };
        let platform = record.platform.as_ref();
        let key = self.state.asked_name(program, platform, &request.key);
        let found = self.found(record);
        let located = in_its_owners_name(&self.state, program, request, found);
        let digest = self.digest(key, record, request, recorded);
        let intent = takes_over(record.governed.as_ref(), verdict);
        if let Some(release) = intent.and_then(|intent| Release::of(&self.state, program, &intent, record.at)) {
            release.write(&mut self.state, &mut self.undo);
        }
        let (uses, moved_on) = weigh::uses(&self.state, &located, verdict);
        let counts = moved_on.as_ref().unwrap_or(verdict);
        let weight = weight_when_asked(record, recorded);
        let asked = Asked { request, digest, asked_at: *received_at, verdict: counts, weight };
        let outcome = weigh::apply(&self.state, &located, Some(key), &uses, None, &Event::Asked(asked), record.at);
        self.state.undo_to(&mut self.undo, 0);
        Some(Decided { uses: Some(uses), moved_on, outcome })
    }

    fn adopt(&self, program: &ProgramId, record: &Record, verdict: Option<&Verdict>) -> Option<Outcome> {
        let Body::Adopted { received_at, request, told, outcome: recorded, .. } = &record.body else { return None };
        let platform = record.platform.as_ref();
        let key = self.state.asked_name(program, platform, &request.key);
        let located = rebuild::located(&self.state, record);
        let weight = weight_of(record.governed.as_ref());
        // What was known already was about the same question, whose digest only the first answer has.
        let again = matches!(recorded.finding, Some(Finding::HeardBefore | Finding::ApprovedBefore));
        let known = self.state.answered(key).filter(|_| again).map(|answered| answered.digest);
        let digest = known.map_or_else(|| self.digest(key, record, request, recorded), QuestionDigest::from);
        let adoption = Adoption { request, digest, asked_at: *received_at, told: *told, verdict, weight };
        let event = Event::Adopt(adoption);
        Some(weigh::apply(&self.state, &located, Some(key), &Uses::new(), None, &event, record.at))
    }

    fn tell(&mut self, program: &ProgramId, record: &Record, event: &ToldEvent) -> Outcome {
        let platform = record.platform.as_ref();
        let located = self.found(record);
        let answer = answer_of(&self.state, program, platform, event, &located);
        let standing = weigh::standing_told(&self.state, &event.fact, &located);
        weigh::apply(&self.state, &located, answer, &Uses::new(), standing, &Event::Told(event), record.at)
    }

    fn join(&self, record: &Record, gives: HoldNumber) -> Option<Outcome> {
        let takes = self.state.hold_numbered(HoldNumber(record.place.hold?))?;
        joined(&self.state, takes, self.state.hold_numbered(gives)?)
    }

    fn order(
        &self,
        program: &ProgramId,
        record: &Record,
        key: &IdempotencyKey,
        payment: &PaymentRef,
        order: &Order,
        recorded: &Outcome,
    ) -> Outcome {
        let platform = record.platform.as_ref();
        let asked = self.state.asked_name(program, platform, key);
        let located = rebuild::located(&self.state, record);
        let digest = self.digest_of_door(asked, recorded);
        let ordered = Ordered { key, digest, payment, order };
        let outcome = weigh::apply(&self.state, &located, Some(asked), &Uses::new(), None, &Event::Ordered(ordered), record.at);
        // Under a key that was made of what was ordered no refusal is remembered.
        let answered = outcome.answered.filter(|_| recorded.answered.is_some() || !is_refused(recorded));
        Outcome { answered, ..outcome }
    }
}

impl Again {
    /// What a question is told apart by: of one that came to a payment door, also what its caller wrote, and of one at `/v1/authorize`
    /// by what it named its authority, which is in no record.
    fn digest(&self, asked: Fingerprint, record: &Record, request: &AuthorizationRequest, recorded: &Outcome) -> QuestionDigest {
        match request.expiry {
            Expiry::Told if record.governed.is_some_and(|governed| governed.asked_by.is_some()) => {
                self.digest_of_door(asked, recorded).into()
            }
            Expiry::Told => {
                let digest = request.content_digest();
                recorded.answered.map_or(digest, |answered| digest.as_in(&answered.digest))
            }
            Expiry::Ours => self.digest_of_door(asked, recorded).into(),
        }
    }

    /// A digest that is a door's own: only the answer that was kept tells it. What was refused as a conflict keeps none: then it is
    /// another than the known one.
    fn digest_of_door(&self, asked: Fingerprint, recorded: &Outcome) -> ContentDigest {
        let known = self.state.answered(asked).map(|answered| other(answered.digest));
        recorded.answered.map(|answered| answered.digest).or(known).unwrap_or(ContentDigest::from_bytes([0; 16]))
    }
}

fn is_refused(recorded: &Outcome) -> bool {
    matches!(recorded.decision, Some((Decision::Decline { .. }, _)))
}

fn other(digest: ContentDigest) -> ContentDigest {
    ContentDigest::from_bytes(digest.as_bytes().map(|byte| !byte))
}

/// What a question weighed when it was asked: one that joined the other door's payment is recorded as a preview that has one.
fn weight_when_asked(record: &Record, recorded: &Outcome) -> Weight {
    match (weight_of(record.governed.as_ref()), recorded.hold) {
        (Weight::Preview, Some(_)) => Weight::Joins,
        (weight @ (Weight::Preview | Weight::Joins | Weight::Moves), _) => weight,
    }
}

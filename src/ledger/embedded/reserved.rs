//! A payment takes over what was reserved for its intent: it is weighed as if that had been given back, and what it uses is given back
//! before it in the same group. Nothing here decides; the release is an ordinary told event with an ordinary record.

use holdfast_core::agent::{Choice, Chosen, Governed, IntentReference, Weight, reservation_of, taken_over_key, takes_over};
use holdfast_core::hold::life::ends_at;
use holdfast_core::hold::{Counted, Event, Fact, Outcome, ReleaseCause, Subject, ToldEvent, would_pass};
use holdfast_core::rules::Verdict;
use holdfast_core::{AuthorizationRequest, Basis, Decision, Expiry, PaymentRef, ProgramId, Timestamp};

use super::engine::Engine;
use super::state::{Located, Names, State};
use super::undo::UndoLog;
use super::weigh;
use crate::journal::Uses;
use crate::journal::group::GroupEnd;
use crate::ledger::Origin;

/// Where memory and group were before a reservation was given back.
#[derive(Debug)]
pub struct Before {
    undo: usize,
    group: GroupEnd,
}

impl Engine {
    /// Gives back what is reserved for the intent that a question uses up, if anything is.
    pub(super) fn take_over(
        &mut self,
        program: &ProgramId,
        governed: Option<&Governed>,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Option<Before> {
        let intent = takes_over(governed, verdict)?;
        let release = Release::of(&self.state, program, &intent, now)?;
        let before = Before { undo: self.undo.len(), group: self.group.end() };
        drop(self.told(&Origin::of(*program), &release.event, &release.located, now));
        Some(before)
    }

    /// A question that uses nothing up leaves what was reserved where it was.
    pub(super) fn leave_unless_used(&mut self, reserved: Option<Before>, outcome: &Outcome, weight: Weight) {
        let Some(before) = reserved else { return };
        let placed = outcome.step.is_some();
        let took = placed && outcome.hold.is_some_and(|hold| hold.authorized > 0 || hold.captured > 0);
        let again = matches!(outcome.decision, Some((_, Basis::Replay)));
        if !took || again || weight == Weight::Preview {
            self.state.undo_to(&mut self.undo, before.undo);
            self.group.cut_back(before.group);
        }
    }
}

/// How a reservation that stands is given back.
#[derive(Debug)]
pub struct Release {
    program: ProgramId,
    payment: PaymentRef,
    located: Located,
    event: ToldEvent,
    at: Timestamp,
}

impl Release {
    /// Of what is reserved for an intent; nothing if nothing is.
    pub fn of(state: &State, program: &ProgramId, intent: &IntentReference, now: Timestamp) -> Option<Self> {
        let payment = reservation_of(intent)?;
        let located = state.locate(program, None, &Subject::default(), Some(&payment));
        let row = located.hold.and_then(|index| state.hold(index)).filter(|row| row.hold.is_under_way())?;
        let event = ToldEvent {
            key: taken_over_key(intent)?,
            occurred_at: Some(ends_at(&row.steps, now)),
            network: None,
            settlement_day: None,
            subject: Subject::default(),
            fact: Fact::Released { payment, cause: ReleaseCause::Operator },
        };
        Some(Release { program: *program, payment, located, event, at: now })
    }

    /// Writes it to memory only.
    pub fn write(&self, state: &mut State, undo: &mut UndoLog) {
        let outcome = weigh::apply(state, &self.located, None, &Uses::new(), None, &Event::Told(&self.event), self.at);
        let names = Names {
            program: &self.program,
            platform: None,
            at: self.at,
            record: 0,
            payment: Some(&self.payment),
            increment: None,
            expiry: Expiry::Told,
            number: None,
            asked: None,
            told: None,
            merchant: None,
        };
        let _ = state.write(&self.located, &names, &outcome, undo);
    }
}

/// Which intent a question is for: of its payment, or one that nobody has used.
pub fn chosen(state: &State, located: &Located, choice: &Choice, request: &AuthorizationRequest) -> Chosen {
    choice.choose(request, counted_by(state, located), |check| weigh::used(state, located, check).0)
}

/// What the payment has counted that a question is about.
pub fn counted_by<'a>(state: &'a State, located: &Located) -> &'a [Counted] {
    located.hold.and_then(|index| state.hold(index)).map_or(&[][..], |row| row.counted.as_slice())
}

/// Under whose authority a question was decided, with what its limits would have said where they only observe. What is a payment
/// already has its place in them; `counted` is what it has counted.
pub fn observed(
    governed: Governed,
    (request, verdict): (&AuthorizationRequest, &Verdict),
    (uses, counted): (&Uses, &[Counted]),
    outcome: &Outcome,
    located: &Located,
) -> Governed {
    let approved = matches!(outcome.decision, Some((Decision::Approve { .. }, _)));
    let governed = moved(governed, outcome, located);
    let counts = match governed.weight {
        Weight::Moves | Weight::Joins => !outcome.counted.is_empty(),
        Weight::Preview => located.hold.is_none(),
    };
    let of_limits = || would_pass(request, verdict, (uses, counted)).filter(|_| approved && counts);
    Governed { would: governed.would.or_else(of_limits), ..governed }
}

/// With what came of joining the other door's payment: an approval that moved nothing was a preview of it.
pub fn moved(governed: Governed, outcome: &Outcome, located: &Located) -> Governed {
    let approved = matches!(outcome.answered, Some(answered) if matches!(answered.decision, Decision::Approve { .. }));
    let joined = approved && located.hold.is_some() && outcome.step.is_none() && outcome.counted.is_empty();
    let weight = match governed.weight {
        Weight::Joins if joined => Weight::Preview,
        Weight::Joins | Weight::Moves => Weight::Moves,
        Weight::Preview => Weight::Preview,
    };
    Governed { weight, ..governed }
}

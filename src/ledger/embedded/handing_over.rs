//! What was told of an increment goes to the payment that the platform says by now, or that a question of it names: two records of their
//! own, in the group of the event that says so. What that does is core's ([`hold::without`], [`hold::with`]); nothing here decides an
//! answer.

use holdfast_core::agent::Weight;
use holdfast_core::hold::{
    self, Belongs, Outcome, Part, StepId, Subject, ToldAnswer, ToldEvent, Words, name_where_it_is_asked, name_where_it_is_said,
};
use holdfast_core::{AuthorizationRequest, Expiry, PaymentRef, Timestamp};

use super::about::{GoesTo, asked_of_another, said_of_another, where_it_was_told};
use super::engine::Engine;
use super::joining::part;
use super::state::{HoldIndex, HoldNumber, Located, Names, State};
use crate::journal::{BodyRef, Place, Side};
use crate::ledger::{LedgerError, Origin};

/// Whether what was told of a question elsewhere may go to where it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakesOver {
    WhatWasTold,
    Nothing,
}

impl TakesOver {
    /// By a question of that weight.
    pub fn by(weight: Weight) -> Self {
        match weight {
            Weight::Moves => TakesOver::WhatWasTold,
            Weight::Joins | Weight::Preview => TakesOver::Nothing,
        }
    }

    /// By an answer that was told.
    pub fn by_answer(weight: Weight, told: &ToldAnswer) -> Self {
        match told {
            ToldAnswer::Approved { .. } => TakesOver::by(weight),
            ToldAnswer::Declined { .. } => TakesOver::Nothing,
        }
    }
}

/// What goes over once its question is approved.
#[derive(Debug, Clone, Copy)]
pub struct OnceApproved {
    gives: HoldIndex,
    question: StepId,
}

/// From where something goes to where.
struct Way<'a> {
    gives: HoldIndex,
    /// The question, by its name there.
    question: StepId,
    /// The increment's own names.
    increment: &'a PaymentRef,
    takes: Located,
    /// What the one that takes is called, where that is new.
    new: &'a PaymentRef,
    /// The question, by its name where it goes.
    becomes: StepId,
}

/// What becomes of both.
struct Handed {
    words: Words,
    gives: Outcome,
    takes: Outcome,
}

impl Engine {
    /// Hands what was told of an increment over to the payment that a message says now, if the platform's last word is that.
    pub(super) fn hand_over_told(
        &mut self,
        origin: &Origin,
        event: &ToldEvent,
        located: &Located,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Origin { program, platform, .. } = origin;
        let said = said_of_another(&self.state, program, platform.as_ref(), event, located, now);
        let Some((told, Belongs::WhereItIsSaid(question))) = said else { return Ok(()) };
        let (Some(gives), Some(takes)) = (told.hold, located.hold.and_then(|index| self.state.hold(index))) else {
            return Ok(());
        };
        let (Some(becomes), (Some(payment), Some(increment))) =
            (name_where_it_is_said(&takes.steps, &event.fact), event.fact.payments())
        else {
            return Ok(());
        };
        self.hand_over(origin, &Way { gives, question, increment, takes: *located, new: payment, becomes }, now).map(drop)
    }

    /// What a question is about: what it names, to which goes what was told of it elsewhere, now or once it is approved; or else where it was
    /// told. What moves nothing, or was told no, takes nothing over.
    pub(super) fn asked_where(
        &mut self,
        origin: &Origin,
        (request, takes): (&AuthorizationRequest, TakesOver),
        named: Located,
        now: Timestamp,
    ) -> Result<(Located, Option<OnceApproved>), LedgerError> {
        let Origin { program, platform, .. } = origin;
        let goes = match takes {
            TakesOver::WhatWasTold => asked_of_another(&self.state, program, platform.as_ref(), request, &named),
            TakesOver::Nothing => None,
        };
        let Some((gives, question, goes)) = goes else {
            return Ok((where_it_was_told(&self.state, program, platform.as_ref(), request, named), None));
        };
        let its_own = Located { hold: None, ..named };
        let takes = match goes {
            GoesTo::WhatItNamesOnceApproved => return Ok((named, Some(OnceApproved { gives, question }))),
            GoesTo::ItsOwnOnceApproved => return Ok((its_own, Some(OnceApproved { gives, question }))),
            GoesTo::WhatItNames => named,
            GoesTo::ItsOwn => its_own,
        };
        let place = self.hand_over_asked(origin, request, (gives, question), takes, now)?;
        // What could not be counted stays where it was.
        let hold = place.and_then(|place| self.placed(origin, request, &place)).or(named.hold);
        Ok((Located { hold, ..named }, None))
    }

    /// The payment that a question is about by now, by its names or else by its number.
    fn placed(&self, origin: &Origin, request: &AuthorizationRequest, place: &Place) -> Option<HoldIndex> {
        let (payment, _) = request.payments();
        let named = self.state.locate(&origin.program, origin.platform.as_ref(), &Subject::default(), Some(payment));
        self.state.of_number(HoldNumber(place.hold?), named).hold
    }

    /// A question was approved: what was told of it elsewhere goes to where it counts now.
    pub(super) fn hand_over_approved(
        &mut self,
        origin: &Origin,
        request: &AuthorizationRequest,
        (over, place): (Option<OnceApproved>, &Place),
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Some(OnceApproved { gives, question }) = over.filter(|_| outcome.step.is_some()) else { return Ok(()) };
        let hold = self.placed(origin, request, place);
        self.hand_over_asked(origin, request, (gives, question), Located { hold, ..Located::default() }, now).map(drop)
    }

    fn hand_over_asked(
        &mut self,
        origin: &Origin,
        request: &AuthorizationRequest,
        (gives, question): (HoldIndex, StepId),
        takes: Located,
        now: Timestamp,
    ) -> Result<Option<Place>, LedgerError> {
        let row = takes.hold.and_then(|index| self.state.hold(index));
        let becomes = name_where_it_is_asked(row.map_or(&[], |row| &row.steps), request);
        let increment = &request.payment;
        self.hand_over(origin, &Way { gives, question, increment, takes, new: increment, becomes }, now)
    }

    /// Writes both records; which payment has it now. Nothing, where it stays.
    fn hand_over(&mut self, origin: &Origin, way: &Way<'_>, now: Timestamp) -> Result<Option<Place>, LedgerError> {
        let Some((Handed { words, gives, takes }, giver)) = handed(&self.state, way).zip(self.state.hold(way.gives)) else {
            return Ok(None);
        };
        let Origin { program, platform, .. } = origin;
        let (payment, increment) = (PaymentRef::of(giver.payment), way.increment);
        let own = self.state.payment_names(program, platform.as_ref(), increment);
        let record = self.next_record();
        let place = self.state.give_words(way.gives, &words, own.iter(), (now, record), &gives, &mut self.undo);
        let body = |payment, side, outcome| BodyRef::Reassigned { payment, increment, words: &words, side, outcome };
        self.record(origin, now, None, None, place, body(&payment, Side::Gives, &gives))?;
        let row = way.takes.hold.and_then(|index| self.state.hold(index));
        let payment = row.map_or(*way.new, |row| PaymentRef::of(row.payment));
        let named = self.state.payment_names(program, platform.as_ref(), &payment);
        let names = Names { increment: Some(increment), ..self.names(origin, now, Some(&payment), Expiry::Told) };
        let located = match way.takes.hold {
            Some(index) => self.state.locate_hold(index, named),
            None => Located { payment: Some(named), ..way.takes },
        };
        let place = self.state.take_words(&located, &words, &names, &takes, &mut self.undo);
        self.record(origin, now, None, None, place, body(&payment, Side::Takes, &takes)).map(|()| Some(place))
    }
}

/// What becomes of two payments when words go from one to the other. Nothing, if that is beyond what can be counted.
fn handed(state: &State, way: &Way<'_>) -> Option<Handed> {
    let from = state.hold(way.gives)?;
    let words = hold::words_on(&from.steps, way.question, way.becomes);
    let mut account = state.account(from.account)?.account;
    let gives = hold::without(&account, &part(from), &words)?;
    (account.posted, account.held) = (account.posted.checked_add(gives.posted)?, account.held.checked_add(gives.held)?);
    let takes = way.takes.hold.and_then(|index| state.hold(index)).map_or(Part::NOTHING, part);
    let takes = hold::with(&account, &takes, &words)?;
    Some(Handed { words, gives, takes })
}

/// What becomes of a payment that gives, or takes, these words, by a record.
pub fn reassigned(state: &State, located: &Located, words: &[hold::Step], side: Side) -> Option<Outcome> {
    let account = located.account.and_then(|index| state.account(index))?.account;
    let part = located.hold.and_then(|index| state.hold(index)).map_or(Part::NOTHING, part);
    match side {
        Side::Gives => hold::without(&account, &part, words),
        Side::Takes => hold::with(&account, &part, words),
    }
}

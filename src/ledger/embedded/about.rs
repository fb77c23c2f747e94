//! What an event is about, of what its names lead to. The same for one that is applied now and for a record that is read.

use holdfast_core::hold::{
    self, Belongs, Fact, FoundBy, KnownOf, StepId, ToldEvent, ToldToAdd, belongs, is_added_by, is_opened_by, is_told_to_add,
    knows_increment, knows_question, opens_its_own,
};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, Expiry, PaymentRef, PlatformName, ProgramId, Timestamp};

use super::joining::makes_one;
use super::naming::{asked_of, of_its_card, payments_of, subject_of, subject_of_request};
use super::state::{Fingerprint, HoldIndex, HoldRow, Located, State};

/// Finds what a told event names; or where what it says was told before, if that was said later.
pub fn locate_event(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    event: &ToldEvent,
    now: Timestamp,
) -> Located {
    let named = locate_named(state, program, platform, event);
    match said_of_another(state, program, platform, event, &named, now) {
        Some((told, Belongs::WhereItWasTold)) => told,
        Some((_, Belongs::WhereItIsSaid(_))) | None => named,
    }
}

/// Finds what a told event names. What another transaction's question is the key of is not this one's payment; and what the platform says
/// was added to one payment, where we approved that question as another one, or as what adds to another one, is that other one's.
pub fn locate_named(state: &State, program: &ProgramId, platform: Option<&PlatformName>, event: &ToldEvent) -> Located {
    let (subject, (payment, own)) = (subject_of(event), payments_of(platform, event));
    let located = state.locate_told(program, platform, &subject, (payment.as_ref(), own.as_ref()));
    if let Some(asked) = own.and_then(|own| where_it_was_asked(state, program, platform, event, (&located, &own))) {
        return asked;
    }
    if !state.is_of_another_transaction(&located, &event.fact) {
        return located;
    }
    let nobodys = state.locate_told(program, platform, &subject, (None, None));
    Located { payment: located.payment, ..nobodys }
}

/// What is said to be an increment, by the names of its own alone, if we approved it as a payment, or as what adds to another one.
fn where_it_was_asked(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    event: &ToldEvent,
    (said, own): (&Located, &PaymentRef),
) -> Option<Located> {
    let Fact::Recorded { asked, increments: Some(_), .. } = &event.fact else { return None };
    let located = state.locate_told(program, platform, &subject_of(event), (Some(own), None));
    let index = located.hold?;
    let row = state.hold(index)?;
    // What was only told of the payment that it is said to add to is joined with the one that it was added to.
    let adds_elsewhere = || {
        let other = said.hold.filter(|other| *other != index)?;
        (is_added_by(&row.steps, &event.fact) && !makes_one(state, index, other, asked)).then_some(())
    };
    (is_opened_by(&row.steps, &event.fact) || adds_elsewhere().is_some()).then_some(located)
}

/// Where the platform told of an increment before, if it says now that it adds to another payment of the same account: by the names of its
/// own alone; and of which of the two it is. What is one payment is joined instead.
pub fn said_of_another(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    event: &ToldEvent,
    named: &Located,
    now: Timestamp,
) -> Option<(Located, Belongs)> {
    let Fact::Recorded { payment: own, asked, increments: Some(_), .. } = &event.fact else { return None };
    let told = state.locate_told(program, platform, &subject_of(event), (Some(own), None));
    let (index, other) = told.hold.zip(named.hold).filter(|(index, other)| index != other)?;
    let (row, said) = state.hold(index).zip(state.hold(other)).filter(|(row, said)| row.account == said.account)?;
    let belongs = belongs(&known_of(state, row)?, event, now)?;
    (!knows_increment(&said.steps, &event.fact) && !makes_one(state, index, other, asked)).then_some((told, belongs))
}

/// What a question is about: what it names; or the payment that the platform told it to add to before it came, if that is another one of
/// the same account, and by the names of its own alone.
pub fn where_it_was_told(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    request: &AuthorizationRequest,
    named: Located,
) -> Located {
    told_to_add(state, program, platform, request, &named).unwrap_or(named)
}

fn told_to_add(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    request: &AuthorizationRequest,
    named: &Located,
) -> Option<Located> {
    let told = told_elsewhere(state, program, platform, request, named)?;
    let answered = state.answered(state.asked_name(program, platform, &request.key));
    let row = state.hold(told.hold?)?;
    let is_told = is_told_to_add(&known_of(state, row)?, answered.as_ref(), request);
    is_told.then_some(Located { found_by: FoundBy::WhatWasTold, ..told })
}

/// What the names of an increment's own lead to, if that is another payment than the one that its question names, and may be what it is
/// about.
fn told_elsewhere(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    request: &AuthorizationRequest,
    named: &Located,
) -> Option<Located> {
    let (_, own) = request.payments();
    let told = state.locate(program, platform, &subject_of_request(request), Some(own?));
    let told = of_its_card(state, request, told);
    let row = state.hold(told.hold.filter(|index| named.hold != Some(*index))?)?;
    let asked = named.hold.and_then(|index| state.hold(index));
    // What is known where it is asked of is about that; and nobody's money pays another account's.
    let is_settled = asked.is_some_and(|asked| asked.account != row.account || knows_question(&asked.steps, request));
    (!is_settled).then_some(told)
}

/// Where the words on an increment go by its question.
#[derive(Debug, Clone, Copy)]
pub enum GoesTo {
    /// To the payment that it names, before it is decided: it is held already.
    WhatItNames,
    /// To that, once it is approved.
    WhatItNamesOnceApproved,
    /// To a payment of its own, which it opens.
    ItsOwn,
    /// To that, once it is approved.
    ItsOwnOnceApproved,
}

/// What was told of an increment before it was asked, and is to go to where the question puts it: which payment has it, under which name of
/// the question, and how it goes.
pub fn asked_of_another(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    request: &AuthorizationRequest,
    named: &Located,
) -> Option<(HoldIndex, StepId, GoesTo)> {
    let adds = request.kind == AuthorizationKind::Incremental;
    let told = if adds { told_elsewhere(state, program, platform, request, named)? } else { *named };
    let (index, row) = (told.hold?, state.hold(told.hold?)?);
    let found = hold::told_to_add(&known_of(state, row)?, request)?;
    if state.answered(state.asked_name(program, platform, &request.key)).is_some() {
        return None;
    }
    if !adds {
        let (question, goes) = match found {
            ToldToAdd::Stands(question) => (question, GoesTo::ItsOwn),
            ToldToAdd::Over(question) => (question, GoesTo::ItsOwnOnceApproved),
        };
        let opens = request.expiry == Expiry::Told && opens_its_own(&row.steps, question, request);
        return opens.then_some((index, question, goes));
    }
    state.hold(named.hold?).filter(|asked| asked.hold.is_under_way())?;
    Some(match found {
        ToldToAdd::Stands(question) => (index, question, GoesTo::WhatItNames),
        ToldToAdd::Over(question) => (index, question, GoesTo::WhatItNamesOnceApproved),
    })
}

fn known_of<'a>(state: &State, row: &'a HoldRow) -> Option<KnownOf<'a>> {
    Some(KnownOf { account: state.account(row.account)?.account, hold: row.hold, steps: &row.steps })
}

/// The key whose answer the platform's word on a question is about; none where that is another transaction's.
pub fn answer_of(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    event: &ToldEvent,
    located: &Located,
) -> Option<Fingerprint> {
    let opens = matches!(event.fact, Fact::Recorded { increments: None, .. });
    let asked = asked_of(&event.fact).filter(|_| !opens || !state.is_anothers_answer(located))?;
    Some(state.asked_name(program, platform, &asked))
}

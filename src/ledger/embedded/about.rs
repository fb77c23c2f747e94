//! What an event is about, of what its names lead to. The same for one that is applied now and for a record that is read.

use holdfast_core::hold::{
    Fact, FoundBy, KnownOf, ToldEvent, is_added_by, is_opened_by, is_told_again, is_told_to_add, knows_increment, knows_question,
};
use holdfast_core::{AuthorizationRequest, PaymentRef, PlatformName, ProgramId};

use super::joining::joined;
use super::naming::{asked_of, of_its_card, payments_of, subject_of, subject_of_request};
use super::state::{Fingerprint, HoldRow, Located, State};

/// Finds what a told event names, or where what it says was told before.
pub fn locate_event(state: &State, program: &ProgramId, platform: Option<&PlatformName>, event: &ToldEvent) -> Located {
    let named = locate_named(state, program, platform, event);
    told_before(state, program, platform, event, &named).unwrap_or(named)
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
    let Fact::Recorded { increments: Some(_), .. } = event.fact else { return None };
    let located = state.locate_told(program, platform, &subject_of(event), (Some(own), None));
    let index = located.hold?;
    let row = state.hold(index)?;
    // What was only told of the payment that it is said to add to is joined with the one that it was added to.
    let adds_elsewhere = || {
        let other = said.hold.filter(|other| *other != index)?;
        (is_added_by(&row.steps, &event.fact) && joined(state, index, other).is_none()).then_some(())
    };
    (is_opened_by(&row.steps, &event.fact) || adds_elsewhere().is_some()).then_some(located)
}

/// Where the platform told of an increment before, if it says now that it adds to another payment of the same account: by the names of its
/// own alone. What is one payment is joined instead.
fn told_before(
    state: &State,
    program: &ProgramId,
    platform: Option<&PlatformName>,
    event: &ToldEvent,
    named: &Located,
) -> Option<Located> {
    let Fact::Recorded { payment: own, increments: Some(_), .. } = &event.fact else { return None };
    let told = state.locate_told(program, platform, &subject_of(event), (Some(own), None));
    let (index, other) = told.hold.zip(named.hold).filter(|(index, other)| index != other)?;
    let (row, said) = state.hold(index).zip(state.hold(other)).filter(|(row, said)| row.account == said.account)?;
    let is_one = || joined(state, index, other).or_else(|| joined(state, other, index)).is_some();
    let known = known_of(state, row)?;
    (!knows_increment(&said.steps, &event.fact) && is_told_again(&known, event) && !is_one()).then_some(told)
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
    let (_, own) = request.payments();
    let told = state.locate(program, platform, &subject_of_request(request), Some(own?));
    let told = of_its_card(state, request, told);
    let row = state.hold(told.hold.filter(|index| named.hold != Some(*index))?)?;
    let asked = named.hold.and_then(|index| state.hold(index));
    // What is known where it is asked of is about that; and nobody's money pays another account's.
    if asked.is_some_and(|asked| asked.account != row.account || knows_question(&asked.steps, request)) {
        return None;
    }
    let answered = state.answered(state.asked_name(program, platform, &request.key));
    let is_told = is_told_to_add(&known_of(state, row)?, answered.as_ref(), request);
    is_told.then_some(Located { found_by: FoundBy::WhatWasTold, ..told })
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

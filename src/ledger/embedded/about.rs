//! What a told event is about, of what its names lead to. The same for one that is applied now and for a record that is read.

use holdfast_core::hold::{Fact, ToldEvent, is_added_by, is_opened_by};
use holdfast_core::{PaymentRef, PlatformName, ProgramId};

use super::joining::joined;
use super::naming::{asked_of, payments_of, subject_of};
use super::state::{Fingerprint, Located, State};

/// Finds what a told event names. What another transaction's question is the key of is not this one's payment; and what the platform says
/// was added to one payment, where we approved that question as another one, or as what adds to another one, is that other one's.
pub fn locate_event(state: &State, program: &ProgramId, platform: Option<&PlatformName>, event: &ToldEvent) -> Located {
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

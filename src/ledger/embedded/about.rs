//! What a told event is about, of what its names lead to. The same for one that is applied now and for a record that is read.

use holdfast_core::hold::{Fact, ToldEvent};
use holdfast_core::{PlatformName, ProgramId};

use super::naming::{asked_of, payments_of, subject_of};
use super::state::{Fingerprint, Located, State};

/// Finds what a told event names. What another transaction's question is the key of is not this one's payment.
pub fn locate_event(state: &State, program: &ProgramId, platform: Option<&PlatformName>, event: &ToldEvent) -> Located {
    let (subject, (payment, own)) = (subject_of(event), payments_of(platform, event));
    let located = state.locate_told(program, platform, &subject, (payment.as_ref(), own.as_ref()));
    if !state.is_of_another_transaction(&located, &event.fact) {
        return located;
    }
    let nobodys = state.locate_told(program, platform, &subject, (None, None));
    Located { payment: located.payment, ..nobodys }
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

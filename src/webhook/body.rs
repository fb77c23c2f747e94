//! What is sent of an event: its own words or, of a payment that a door of ours answered, the door's, with what is there now of what
//! its caller wrote. Reads nothing itself.

use holdfast_adapters::payment::Standing;
use holdfast_adapters::{DecisionEvent, DecisionReference, Payment};

use super::answered::AnsweredPayment;
use super::event::{Event, EventKind};
use crate::journal::{Slip, SlipsWanted, Which};
use crate::remnant::{Decided, Reader};

/// An event that is told in the words of its door.
pub struct OfDoor<'e> {
    event: &'e Event,
    answered: AnsweredPayment,
    words: DecisionEvent,
}

impl<'e> OfDoor<'e> {
    /// If it is one.
    #[must_use]
    pub fn of(event: &'e Event) -> Option<Self> {
        let answered = event.answered.filter(|_| event.kind == EventKind::PaymentAuth)?;
        let words = holdfast_adapters::platform(answered.platform.as_str())?.decision_event?;
        Some(OfDoor { event, answered, words })
    }

    /// What its caller wrote, by its name.
    #[must_use]
    pub const fn wanted(&self) -> SlipsWanted {
        let AnsweredPayment { platform, id, .. } = self.answered;
        SlipsWanted { program: self.event.program, platform, which: Which::Named(id) }
    }

    /// The body, with what is there of that.
    #[must_use]
    pub fn body(&self, slip: Option<&Slip>, reader: &Reader) -> Vec<u8> {
        let OfDoor { event, answered, words } = self;
        let decision = match answered.standing {
            Standing::Decided(decision) => Some(decision),
            Standing::Awaiting { .. } | Standing::Unauthenticated => None,
        };
        let decided = Decided { decision, currency: None };
        let payment = Payment {
            id: answered.id,
            reference: DecisionReference::of(&event.program, &answered.platform, &answered.key),
            merchant: answered.merchant,
            source: answered.source,
            asked_at: answered.asked_at,
            changed_at: event.at,
            standing: answered.standing,
            hold: None,
            expires_at: None,
            written: slip.and_then(|slip| reader.read(slip, decided)),
            released_by: None,
            ordered: None,
        };
        (words.body)(event.id.trim_start_matches("evt_"), slip.map_or(0, |slip| slip.kind), &payment)
    }
}

//! What an event needs of what memory has let go of: which names of it lead nowhere here, and may lead somewhere outside. Nothing is
//! looked for here.

use holdfast_core::PaymentRef;

use super::cold::Need;
use super::engine::{Engine, Warmth};
use super::state::{Fingerprint, Located, PaymentNames};
use crate::ledger::Origin;

impl Engine {
    /// What has to be looked for outside memory before an event can be applied.
    pub(super) fn need(
        &self,
        located: &Located,
        own: Option<PaymentNames>,
        (asked, told): (Option<Fingerprint>, Option<Fingerprint>),
        warmth: Warmth<'_>,
    ) -> Option<Need> {
        let looked_for = match warmth {
            Warmth::Found => return None,
            Warmth::Unknown => None,
            Warmth::FoundOf(need) => Some(need),
        };
        self.projected?;
        let unknown = located.payment.filter(|_| located.hold.is_none());
        let names = unknown.into_iter().flat_map(PaymentNames::iter);
        let may_be_gone = |name: &Fingerprint| self.state.may_be_gone(*name);
        // What else it is called may lead to a payment that is the same; also where memory knows it by none of its names.
        let besides = located.payment.into_iter().flat_map(PaymentNames::iter).skip(usize::from(located.hold.is_none()));
        let others = besides.chain(own.into_iter().flat_map(PaymentNames::iter));
        let others = others.filter(|name| self.state.hold_by(name).is_none());
        let asked = asked.filter(|key| self.state.answered(*key).is_none()).filter(may_be_gone);
        let (payment, others) = (names.filter(may_be_gone).collect(), others.filter(may_be_gone).collect());
        let need = Need { payment, others, number: None, asked, told: told.filter(may_be_gone) };
        let need = match looked_for {
            None => need,
            Some(looked_for) => need.beyond(looked_for),
        };
        (!need.is_nothing()).then_some(need)
    }

    /// What an event calls its payment besides.
    pub(super) fn own_names(&self, origin: &Origin, own: Option<&PaymentRef>) -> Option<PaymentNames> {
        own.map(|own| self.state.payment_names(&origin.program, origin.platform.as_ref(), own))
    }
}

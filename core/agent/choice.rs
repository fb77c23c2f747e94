//! Which intent a question is for that names none. That depends on which intents are used, so that it is chosen by whoever counts
//! them, in the act that decides: [`Choice`] is what has to be known besides.
//!
//! A payment that is there stays with the intent that it was opened for, whatever is added to it. One that opens is for the only intent
//! that fits and is free; where none is, or several are, it has none.

use std::sync::Arc;

use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::hold::{Counted, LimitUse};
use crate::merchant::Merchant;
use crate::rules::{CounterKey, Enforcement, LimitCheck, LimitScope, Verdict, Ways};
use crate::time::Timestamp;

use super::govern::{Asking, Found, Presented, declined, govern, limit_of, matches, opens};
use super::governed::Governed;
use super::ids::IntentReference;
use super::naming::{named_by, number_of, shared_name};
use super::objects::{Authority, Binding, Intent};
use super::words::Door;

/// What a question led to, before it is known for which intent it is.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Whose policy decides.
    pub authority: Arc<Authority>,
    /// What led there.
    pub binding: Arc<Binding>,
    /// The authority's intents that a payment may be for.
    pub intents: Arc<[Arc<Intent>]>,
    /// Who asks, and where.
    pub asking: Asking,
    /// What the program's rules think.
    pub program: Verdict,
    /// When the question arrived.
    pub at: Timestamp,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// What is thought of the question then.
    pub verdict: Verdict,
    /// Under whose authority.
    pub governed: Governed,
    /// The intent that it is for.
    pub intent: Option<IntentReference>,
}

impl Choice {
    /// Chooses for a question. `counted` is what its payment has counted so far; `used` tells what has been counted in an intent's limit.
    #[must_use]
    pub fn choose(
        &self,
        request: &AuthorizationRequest,
        counted: &[Counted],
        mut used: impl FnMut(&LimitCheck) -> LimitUse,
    ) -> Chosen {
        if let Some(counter) = counter_of_intent(counted) {
            let own = self.intents.iter().find(|intent| limit_of(&intent.reference).counter == counter);
            return self.with(own.map_or(Presented::Gone, |intent| Presented::Opened(intent)), request);
        }
        if let Some(naming) = self.naming(request) {
            let LimitUse { amount, count } = used(&naming);
            if count > 0 {
                let named = self.intents.iter().find(|intent| number_of(intent.reference.as_str()) == amount);
                return named.map_or_else(|| self.with(Presented::Gone, request), |intent| self.named(intent, request));
            }
        }
        let mut free = self.fitting(request).filter(|intent| {
            let check = limit_of(&intent.reference);
            used(&check).passes(&check, 0, 1).is_none()
        });
        match (free.next(), free.next()) {
            (Some(only), None) => self.with(Presented::Known(only), request),
            (None, _) | (Some(_), Some(_)) => self.with(Presented::None, request),
        }
    }

    /// Everything that may be chosen for a question that opens a payment, so that whoever loads what it concerns knows it all; what
    /// [`Choice::naming`] counts is looked at besides.
    pub fn possible(&self, request: &AuthorizationRequest) -> impl Iterator<Item = Chosen> {
        let fitting = self.fitting(request).map(Presented::Known);
        let named = self.naming(request).map_or(&[][..], |_| &self.intents);
        let named = named.iter().map(|intent| self.named(intent, request));
        fitting.chain([Presented::None]).map(|intent| self.with(intent, request)).chain(named)
    }

    /// What names the intent of a question's payment, if a processor told of it; nothing where none could.
    #[must_use]
    pub fn naming(&self, request: &AuthorizationRequest) -> Option<LimitCheck> {
        let payment = match self.asking.door {
            Door::Platform => Some(shared_name(&request.payment)),
            Door::Authorize => self.asking.payment,
        };
        let named = payment.filter(|_| opens(request) && !self.intents.is_empty());
        named.map(|payment| named_by(&self.binding, &payment, self.at))
    }

    /// Its merchant's names were compared at our door: the network has others. What it sells and where it is, both doors tell alike.
    fn named(&self, intent: &Intent, request: &AuthorizationRequest) -> Chosen {
        match self.asking.door {
            Door::Platform => {
                let merchant = Merchant { id: None, name: None, ..intent.merchant };
                self.with(Presented::Known(&Intent { merchant, ..*intent }), request)
            }
            Door::Authorize => self.with(Presented::Known(intent), request),
        }
    }

    /// The intents that a question could open a payment for, used or not.
    fn fitting(&self, request: &AuthorizationRequest) -> impl Iterator<Item = &Intent> {
        self.intents.iter().map(Arc::as_ref).filter(|intent| matches(intent, &self.binding, request, self.at))
    }

    /// Whether anything is to be chosen at all.
    #[must_use]
    pub fn is_one(&self, request: &AuthorizationRequest) -> bool {
        match request.kind {
            AuthorizationKind::Incremental => !self.intents.is_empty(),
            AuthorizationKind::Purchase
            | AuthorizationKind::PurchaseWithCashback
            | AuthorizationKind::CashWithdrawal
            | AuthorizationKind::QuasiCash
            | AuthorizationKind::BillPayment
            | AuthorizationKind::AccountVerification
            | AuthorizationKind::Credit
            | AuthorizationKind::BalanceInquiry
            | AuthorizationKind::Unknown => self.naming(request).is_some() || self.fitting(request).next().is_some(),
        }
    }

    /// What is thought without the ledger: which intents are used is not known, so that the only one that fits is taken for free; of a
    /// payment that something is added to, nothing is known, and what has a maximum gets no more, nor does a way that counts payments.
    #[must_use]
    pub fn unheard(&self, request: &AuthorizationRequest) -> Chosen {
        let mut chosen = self.choose(request, &[], |_| LimitUse::default());
        let Verdict::Proceed(proceed) = &mut chosen.verdict else { return chosen };
        if request.kind != AuthorizationKind::Incremental {
            return chosen;
        }
        let bounds = |check: &&LimitCheck| {
            let bounds = check.scope.is_of_payment() || check.is_for_its_own_payments();
            bounds && check.enforcement == Enforcement::Enforce
        };
        let bounded = proceed.limits.iter().filter(bounds);
        // A way that nothing bounds may still be taken.
        let unbounded = proceed.ways.map(|open| bounded.clone().filter_map(|check| check.ways).fold(open, Ways::without));
        let always = bounded.clone().find(|check| check.ways.is_none());
        let none_is_left = unbounded.is_some_and(Ways::is_empty).then(|| bounded.clone().next()).flatten();
        if let Some(check) = always.or(none_is_left) {
            return Chosen { verdict: declined(check.scope.amount_reason()), ..chosen };
        }
        proceed.ways = unbounded;
        chosen
    }

    fn with(&self, intent: Presented<'_>, request: &AuthorizationRequest) -> Chosen {
        let found = Found::Authority { authority: &self.authority, binding: &self.binding, intent };
        let (verdict, governed) = govern(self.program.clone(), &found, request, self.asking, self.at);
        Chosen { verdict, governed, intent: governed.intent }
    }
}

/// The counter of the intent that a payment was opened for.
fn counter_of_intent(counted: &[Counted]) -> Option<CounterKey> {
    counted.iter().find(|place| place.scope == LimitScope::Intent).map(|place| place.counter)
}

#[cfg(test)]
mod tests;

//! Which payments stand-in has opened while the ledger has yet to hear of it: a message may name nothing else that leads to their account.
//! Decides nothing.

use std::hash::{BuildHasher as _, Hash as _};

use dashmap::DashMap;
use holdfast_core::agent::Weight;
use holdfast_core::hold::ToldAnswer;
use holdfast_core::stand_in::ToldName;
use holdfast_core::{AccountId, Alias, AuthorizationId, AuthorizationKind, PaymentRef, PlatformName, ProgramId};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::ledger::{Adopt, Origin, weight_of};

/// A name of a payment, and whose it is.
pub(super) type Name = (ProgramId, Option<PlatformName>, Kind, AuthorizationId);

/// The two kinds of names never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    First,
    Second,
}

/// A payment that was opened while the ledger was away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    /// By which answer, the first time.
    pub told: ToldName,
    /// Whose money it is.
    pub account: AccountId,
    times: u32,
}

/// Payments that were opened. Each is known by hashes of its names under a key of this process, 128 bits wide, so that no two are one: there
/// is one for each approval that waits, and a start after an outage takes all of them up.
#[derive(Debug)]
pub(super) struct OpenedPayments {
    key: (u64, u64),
    by_name: DashMap<u128, Opened, foldhash::fast::RandomState>,
}

impl Default for OpenedPayments {
    fn default() -> Self {
        let secret = std::hash::RandomState::new();
        OpenedPayments { key: (secret.hash_one(0_u8), secret.hash_one(1_u8)), by_name: DashMap::default() }
    }
}

impl OpenedPayments {
    /// An answer waits for the ledger. What it says by the platform's word, that had opened; what adds, opens nothing.
    pub fn waits(&self, adopt: &Adopt, account: AccountId) {
        let Some(told) = opens(adopt) else { return };
        for name in names(&adopt.origin, &adopt.request.payment) {
            let mut known = self.by_name.entry(self.hashed(&name)).or_insert(Opened { told, account, times: 0 });
            known.times = known.times.saturating_add(1);
        }
    }

    /// The ledger has heard it, or nobody stands by it.
    pub fn gone(&self, adopt: &Adopt) {
        if opens(adopt).is_none() {
            return;
        }
        for name in names(&adopt.origin, &adopt.request.payment) {
            self.by_name.remove_if_mut(&self.hashed(&name), |_, known| {
                known.times = known.times.saturating_sub(1);
                known.times == 0
            });
        }
    }

    /// What was opened of a payment.
    pub fn of(&self, origin: &Origin, payment: &PaymentRef) -> Option<Opened> {
        names(origin, payment).find_map(|name| self.by(&name))
    }

    /// What was opened under a name.
    pub fn by(&self, name: &Name) -> Option<Opened> {
        self.by_name.get(&self.hashed(name)).map(|known| *known)
    }

    fn hashed(&self, name: &Name) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        name.hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

/// The answer that opens a payment, if one does.
fn opens(adopt: &Adopt) -> Option<ToldName> {
    match (adopt.told, adopt.request.kind, weight_of(adopt.governed.as_ref())) {
        // What moves nothing opens nothing.
        (ToldAnswer::Declined { .. }, _, _) | (ToldAnswer::Approved { .. }, _, Weight::Preview) => None,
        (ToldAnswer::Approved { .. }, AuthorizationKind::Incremental, _) => None,
        (ToldAnswer::Approved { .. }, _, Weight::Moves | Weight::Joins) => {
            Some(ToldName::of(adopt.origin.platform.as_ref()?, &adopt.request.key))
        }
    }
}

/// Every name by which a payment may be told of.
pub(super) fn names(origin: &Origin, payment: &PaymentRef) -> impl Iterator<Item = Name> + use<> {
    let Origin { program, platform, .. } = *origin;
    let (first, second) = match payment.alias {
        Alias::NotTold => (Some(payment.authorization), None),
        Alias::Also(second) => (Some(payment.authorization), Some(second)),
        Alias::Alone => (None, Some(payment.authorization)),
    };
    let named = move |kind| move |name| (program, platform, kind, name);
    first.map(named(Kind::First)).into_iter().chain(second.map(named(Kind::Second)))
}

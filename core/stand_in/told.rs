//! An approval that was told without the ledger, as the caps count it. Counts nothing itself.
//!
//! It is kept on disks as it is: a field that is added, taken away or moved needs a form of its own there.

use serde::{Deserialize, Serialize};

use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::ids::{AccountId, CardToken, IdempotencyKey, PlatformName};
use crate::money::Money;
use crate::rules::KindSet;
use crate::time::Timestamp;

use super::fingerprint::Fingerprint;

/// An answer's name: platform and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ToldName(Fingerprint);

impl ToldName {
    /// The name of the answer to a key.
    #[must_use]
    pub fn of(platform: &PlatformName, key: &IdempotencyKey) -> Self {
        ToldName(Fingerprint::of(&["key", platform.as_str(), key.as_str()]))
    }
}

/// An approval that was told without the ledger, as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldApproval {
    pub(super) name: ToldName,
    /// The card that was presented; none where the platform named only its owner.
    pub(super) card: Option<Fingerprint>,
    /// What stands for all that was asked of the account without a card.
    pub(super) cardless: Fingerprint,
    pub(super) account: Fingerprint,
    pub(super) amount: i64,
    pub(super) count: u32,
    pub(super) at: Timestamp,
    pub(super) taken: Taken,
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// The ledger has not confirmed it.
    Unconfirmed,
    /// The ledger has.
    Confirmed,
    /// It was not told after all.
    GivenBack,
}

impl ToldApproval {
    /// How an approval of that much counts; `None` if it counts nowhere.
    #[must_use]
    pub fn of(
        platform: &PlatformName,
        request: &AuthorizationRequest,
        account: &AccountId,
        approved: Money,
        at: Timestamp,
    ) -> Option<Self> {
        if !KindSet::TAKING_MONEY.contains(request.kind) {
            return None;
        }
        let count = u32::from(request.kind != AuthorizationKind::Incremental);
        let amount = approved.minor();
        if amount <= 0 && count == 0 {
            return None;
        }
        let card = request.card.as_ref().map(CardToken::as_str);
        Some(ToldApproval {
            name: ToldName::of(platform, &request.key),
            card: card.map(|card| Fingerprint::of(&["card", card])),
            cardless: Fingerprint::of(&["cardless", account.as_str()]),
            account: Fingerprint::of(&["account", account.as_str()]),
            amount,
            count,
            at,
            taken: Taken::Unconfirmed,
        })
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> ToldName {
        self.name
    }

    /// When it was told.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The same, confirmed by the ledger or not: for whoever restores.
    #[must_use]
    pub const fn taken(mut self, taken: Taken) -> Self {
        self.taken = taken;
        self
    }
}

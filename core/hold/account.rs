//! The standing of accounts, cards and cardholders: what has to be so before money is looked at.
//!
//! A closed account or card stays closed, whoever closed it and whatever else is told of it, earlier or later: operators close for
//! good, and no platform's documents have one opened again. Owners go by the latest word: only platforms close them.

use serde::{Deserialize, Serialize};

use crate::decision::DeclineReason;

macro_rules! status {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal, $severity:literal => $reason:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $type { $($(#[$vdoc])* $variant,)* }

        impl $type {
            /// All of them, in the order of declaration.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// As files and listings write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            /// By the name that files and listings write.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|status| status.name() == name)
            }

            /// Which of two that were told at one moment counts: platforms write whole seconds, and a card that was issued, activated and
            /// blocked within one is blocked, whatever arrives last.
            #[must_use]
            pub const fn severity(self) -> u8 {
                match self { $($type::$variant => $severity,)* }
            }

            /// Why nothing may be authorized with it; `None` if something may.
            #[must_use]
            pub const fn bar(self) -> Option<DeclineReason> {
                match self { $($type::$variant => $reason,)* }
            }
        }
    };
}

status! {
    /// Where an account stands.
    AccountStatus {
        /// In use.
        Active = "active", 0 => None,
        /// Blocked for now.
        Frozen = "frozen", 1 => Some(DeclineReason::AccountFrozen),
        /// Closed for good.
        Closed = "closed", 2 => Some(DeclineReason::AccountClosed),
    }
}

status! {
    /// Where a card stands.
    CardStatus {
        /// In use.
        Active = "active", 1 => None,
        /// Made, not yet activated.
        Unactivated = "unactivated", 0 => Some(DeclineReason::CardNotActive),
        /// Blocked for now.
        Frozen = "frozen", 2 => Some(DeclineReason::CardFrozen),
        /// Reported lost.
        Lost = "lost", 4 => Some(DeclineReason::CardLost),
        /// Reported stolen.
        Stolen = "stolen", 5 => Some(DeclineReason::CardStolen),
        /// Past its expiry.
        Expired = "expired", 3 => Some(DeclineReason::CardExpired),
        /// Closed for good.
        Closed = "closed", 6 => Some(DeclineReason::CardClosed),
    }
}

status! {
    /// Where a cardholder stands.
    CardholderStatus {
        /// In good standing.
        Active = "active", 1 => None,
        /// Suspended.
        Suspended = "suspended", 2 => Some(DeclineReason::CardholderNotActive),
        /// Gone for good.
        Closed = "closed", 3 => Some(DeclineReason::CardholderNotActive),
        /// Not verified yet.
        Unverified = "unverified", 0 => Some(DeclineReason::CardholderNotActive),
    }
}

impl AccountStatus {
    /// Whether nothing that is told lifts it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            AccountStatus::Closed => true,
            AccountStatus::Active | AccountStatus::Frozen => false,
        }
    }

    /// Whether an operator may make that of it: what is closed stays closed.
    #[must_use]
    pub fn may_become(self, status: AccountStatus) -> bool {
        !self.is_final() || status.is_final()
    }
}

impl CardStatus {
    /// Whether nothing that is told lifts it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            CardStatus::Closed => true,
            CardStatus::Active
            | CardStatus::Unactivated
            | CardStatus::Frozen
            | CardStatus::Lost
            | CardStatus::Stolen
            | CardStatus::Expired => false,
        }
    }

    /// Whether an operator may make that of it. What a cardholder or a platform reported is undone by no unfreezing, and lessened by
    /// no freeze.
    #[must_use]
    pub fn may_become(self, status: CardStatus) -> bool {
        match self {
            CardStatus::Active | CardStatus::Frozen => true,
            CardStatus::Unactivated => status != CardStatus::Active,
            CardStatus::Lost | CardStatus::Stolen | CardStatus::Expired | CardStatus::Closed => status.is_final(),
        }
    }
}

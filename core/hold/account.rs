//! The standing of accounts, cards and cardholders: what has to be so before money is looked at.

use serde::{Deserialize, Serialize};

use crate::decision::DeclineReason;

macro_rules! status {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal => $reason:expr,)* }) => {
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
        Active = "active" => None,
        /// Blocked for now.
        Frozen = "frozen" => Some(DeclineReason::AccountFrozen),
        /// Closed for good.
        Closed = "closed" => Some(DeclineReason::AccountClosed),
    }
}

status! {
    /// Where a card stands.
    CardStatus {
        /// In use.
        Active = "active" => None,
        /// Made, not yet activated.
        Unactivated = "unactivated" => Some(DeclineReason::CardNotActive),
        /// Blocked for now.
        Frozen = "frozen" => Some(DeclineReason::CardFrozen),
        /// Reported lost.
        Lost = "lost" => Some(DeclineReason::CardLost),
        /// Reported stolen.
        Stolen = "stolen" => Some(DeclineReason::CardStolen),
        /// Past its expiry.
        Expired = "expired" => Some(DeclineReason::CardExpired),
        /// Closed for good.
        Closed = "closed" => Some(DeclineReason::CardClosed),
    }
}

status! {
    /// Where a cardholder stands.
    CardholderStatus {
        /// In good standing.
        Active = "active" => None,
        /// Suspended, or not verified yet.
        Suspended = "suspended" => Some(DeclineReason::CardholderNotActive),
        /// Gone for good.
        Closed = "closed" => Some(DeclineReason::CardholderNotActive),
    }
}

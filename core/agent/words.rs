//! The small words of agent spend. Each is one choice of a few, with the name that configurations, APIs and listings write.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them, in the order of declaration, which is the order of the journal's encoding: new ones go to the end.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// As APIs, tables and listings write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// By that name.
            #[must_use]
            pub fn named(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == text)
            }
        }
    };
}

words! {
    /// Where an object lives. Nothing of one is ever seen, or decided, in the other.
    Environment {
        /// To try things out.
        Sandbox = "sandbox",
        /// For real.
        Production = "production",
    }
}
words! {
    /// What an organization is.
    OrganizationKind {
        /// It owns agents, and says what they may spend.
        Enterprise = "enterprise",
        /// It asks for decisions.
        Processor = "processor",
    }
}
words! {
    /// What a credential may be used for.
    Scope {
        /// To create and change agents, authorities, policies, bindings and grants.
        Setup = "setup",
        /// To validate intents.
        Intents = "intents",
        /// To approve and deny what waits for a person.
        Review = "review",
        /// To ask for decisions, and to tell what became of them.
        Authorize = "authorize",
        /// To read.
        Read = "read",
        /// To make and revoke credentials.
        Credentials = "credentials",
        /// To invite and remove members, and to ask for production.
        Members = "members",
    }
}
words! {
    /// Whether an authority's own policy decides.
    Mode {
        /// What it would have said is recorded, and its limits count; it declines nothing.
        Observe = "observe",
        /// It does.
        Enforce = "enforce",
    }
}
words! {
    /// Whether an authority may be spent on.
    Status {
        /// It may.
        Active = "active",
        /// Not for now.
        Suspended = "suspended",
        /// Not any more.
        Archived = "archived",
    }
}
words! {
    /// Whether a binding leads anywhere.
    BindingStatus {
        /// It does.
        Active = "active",
        /// Not for now.
        Suspended = "suspended",
        /// Not any more.
        Archived = "archived",
    }
}
words! {
    /// What kind of thing an instrument is.
    InstrumentKind {
        /// A card, by its platform's token.
        Card = "card",
        /// A network's or a vault's token.
        Token = "token",
        /// An account.
        Account = "account",
        /// Anything else that pays.
        Instrument = "instrument",
    }
}
words! {
    /// At which door a binding's money, budgets and intents move.
    Door {
        /// Where the card's own platform asks.
        Platform = "platform",
        /// `POST /v1/authorize`.
        Authorize = "authorize",
    }
}
words! {
    /// Whether an authority's payments need an intent.
    IntentNeed {
        /// They do not.
        NotRequired = "not_required",
        /// Without one that fits they are declined.
        Required = "required",
    }
}
words! {
    /// How far an intent has come, as far as it is ours to say. Whether a payment used it is the ledger's.
    IntentStatus {
        /// It may be used.
        Open = "open",
        /// A person has to look at it first.
        PendingReview = "pending_review",
        /// A person said yes.
        Approved = "approved",
        /// A person said no.
        Denied = "denied",
        /// Whoever made it took it back.
        Cancelled = "cancelled",
    }
}
words! {
    /// What a decision moves.
    Weight {
        /// Money, budgets and intents, as it says.
        Moves = "moves",
        /// Nothing: it is recorded, and another door moves them.
        Preview = "preview",
        /// The same as the first, unless the other door's question has moved them for the same payment. What came of it is recorded as
        /// one of the first two.
        Joins = "joins",
    }
}

/// Several scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScopeSet(u8);

impl ScopeSet {
    /// Those listed.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        ScopeSet(scopes.iter().fold(0, |bits, scope| bits | Self::bit(*scope)))
    }

    /// Whether a scope is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }

    /// The scopes, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }

    const fn bit(scope: Scope) -> u8 {
        1_u8.wrapping_shl(scope as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_word() {
        for mode in Mode::ALL {
            assert_eq!(Mode::named(mode.name()), Some(*mode));
        }
        assert_eq!(Mode::named("Enforce"), None);
        let few = ScopeSet::of(&[Scope::Read, Scope::Authorize]);
        assert_eq!(few.iter().collect::<Vec<_>>(), [Scope::Authorize, Scope::Read]);
        assert!(!few.contains(Scope::Setup));
    }
}

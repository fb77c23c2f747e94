//! Names of agent spend's objects. Those that we make are a prefix and letters: no run of digits in one is ever a card's number.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

use crate::card_number;
use crate::ids::{IdError, identifier};

/// Sixteen letters, one for each half of a byte: no vowels, so that no words come of them.
const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrst";

/// Identifiers that we make: of a prefix, and of random bytes that whoever has a source of them brings.
macro_rules! made_here {
    ($($name:ident, $prefix:literal;)*) => {
        $(impl $name {
            /// What those that we make begin with.
            pub const PREFIX: &'static str = $prefix;

            /// A new one, of random bytes.
            #[must_use]
            pub fn of_random(bytes: [u8; 10]) -> Self {
                // It fits: the longest prefix has seven letters, and twenty follow.
                Self(lettered($prefix, bytes))
            }
        })*
    };
}

fn lettered<const BYTES_MAX: usize>(prefix: &str, bytes: [u8; 10]) -> ArrayString<BYTES_MAX> {
    let mut text = ArrayString::new();
    let letter = |half: u8| LETTERS.get(usize::from(half)).copied().map_or('b', char::from);
    let letters = bytes.into_iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]);
    for character in prefix.chars().chain(letters) {
        let _ = text.try_push(character);
    }
    text
}

identifier!(
    /// An enterprise that owns agents, or a processor that asks for decisions: `ent_…`, `proc_…`.
    OrganizationId, 32
);
identifier!(
    /// A program that may spend for an enterprise: `ag_…`.
    AgentId, 32
);
identifier!(
    /// A container of what an agent may spend: `sa_…`.
    AuthorityId, 32
);
identifier!(
    /// A policy, whatever its version: `pol_…`.
    PolicyId, 32
);
identifier!(
    /// What leads from an instrument to an authority: `bind_…`.
    BindingId, 32
);
identifier!(
    /// What an agent said that it was about to buy: `intent_…`.
    IntentReference, 32
);
identifier!(
    /// A pair of API key and shared secret: `cred_…`.
    CredentialId, 32
);
identifier!(
    /// The API key itself, which a token names as `key_id`. It is not secret.
    KeyId, 64
);
identifier!(
    /// A card, token, account or other instrument, by its issuing platform's name for it. Never a card number.
    InstrumentId, 64
);

made_here! {
    AgentId, "ag_";
    AuthorityId, "sa_";
    PolicyId, "pol_";
    BindingId, "bind_";
    IntentReference, "intent_";
    CredentialId, "cred_";
}

impl OrganizationId {
    /// A new enterprise's, of random bytes.
    #[must_use]
    pub fn of_enterprise(bytes: [u8; 10]) -> Self {
        Self(lettered("ent_", bytes))
    }

    /// A new processor's, of random bytes.
    #[must_use]
    pub fn of_processor(bytes: [u8; 10]) -> Self {
        Self(lettered("proc_", bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_random_bytes_can_be_read_back_whatever_they_are() {
        for byte in 0..=u8::MAX {
            let made = IntentReference::of_random([byte; 10]);
            assert!(made.as_str().starts_with(IntentReference::PREFIX), "{made}");
            assert_eq!(IntentReference::new(made.as_str()), Ok(made));
        }
        assert_eq!(AuthorityId::of_random([0x0f; 10]).as_str(), "sa_btbtbtbtbtbtbtbtbtbt");
        assert_ne!(OrganizationId::of_enterprise([1; 10]), OrganizationId::of_processor([1; 10]));
    }
}

//! Identifiers: one type a meaning, so that a card can never be passed where an account is meant.
//!
//! They are fixed-size (no allocation on the authorization path) and hold the platform's own tokens, never a card number.
//! Nothing here interprets an identifier.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

use crate::card_number;

/// Why a text is not an identifier. The text itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdError {
    /// Nothing is not a name.
    Empty,
    /// Longer than the identifier's type can hold; the number is the longest length allowed, in bytes.
    TooLong(usize),
    /// A card's number stands in it ([`card_number::stands_in`]): none of ours, and must not come near the journal.
    CardNumber,
    /// Control characters, and blanks at either end, are not part of any platform's identifiers.
    Unprintable,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdError::Empty => f.write_str("is empty"),
            IdError::TooLong(bytes_max) => write!(f, "is longer than {bytes_max} bytes"),
            IdError::CardNumber => f.write_str("has a card number in it; a platform's token is meant"),
            IdError::Unprintable => f.write_str("has a control character, or a blank at an end"),
        }
    }
}

impl std::error::Error for IdError {}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $bytes_max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "&str")]
        pub struct $name(ArrayString<$bytes_max>);

        impl $name {
            /// The longest identifier of this type, in bytes.
            pub const BYTES_MAX: usize = $bytes_max;

            /// Takes a text as it came from the wire or from a file.
            ///
            /// # Errors
            /// Empty, longer than [`Self::BYTES_MAX`], with a character no identifier has, or with a card's number in it.
            pub fn new(text: &str) -> Result<Self, IdError> {
                let taken = Self::kept(text)?;
                if card_number::stands_in(text) { Err(IdError::CardNumber) } else { Ok(taken) }
            }

            /// Takes back a text that [`Self::new`] let in: what a journal holds stays readable, whatever is let in today.
            fn kept(text: &str) -> Result<Self, IdError> {
                if text.is_empty() {
                    return Err(IdError::Empty);
                }
                let padded = text.starts_with(' ') || text.ends_with(' ');
                // Without a way out in its middle, the loop takes many bytes at a time.
                let unprintable = text.bytes().fold(false, |any, byte| any | (byte < b' ') | (byte == 0x7f));
                if padded || unprintable {
                    return Err(IdError::Unprintable);
                }
                ArrayString::from(text).map(Self).map_err(|_| IdError::TooLong($bytes_max))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        /// What this program wrote itself, after [`Self::new`] had let it in: a journal, a spool, a command for its server. What comes
        /// from outside goes through that.
        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::kept(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }
    };
}

pub(crate) use identifier;

identifier!(
    /// A card program of one issuer, as the configuration names it.
    ProgramId, 32
);
identifier!(
    /// A platform, as its adapter names it: `marqeta`, `apto`.
    PlatformName, 16
);
identifier!(
    /// Where the money is. Our own name for it, unique per program.
    AccountId, 64
);
identifier!(
    /// What is presented: the platform's token of a card, unique per program. Never a card number.
    CardToken, 64
);
identifier!(
    /// Who owns a card, by the platform's token. Never a person's name.
    CardholderToken, 64
);
identifier!(
    /// One payment in the platform's words: what a hold belongs to and later events refer to.
    AuthorizationId, 64
);
identifier!(
    /// One message of a platform, asked or told: the same key is the same message.
    IdempotencyKey, 64
);
identifier!(
    /// A rule or a limit, as the ruleset names it.
    RuleId, 48
);

impl RuleId {
    /// What declines a question of a kind that this version does not know, in every ruleset.
    #[must_use]
    pub fn unknown_method() -> Self {
        // It fits.
        RuleId(ArrayString::from("unknown-method").unwrap_or_default())
    }
}
identifier!(
    /// The acquirer's identifier of a card acceptor (`mid`), or a payment door's own: a UUID has room.
    MerchantId, 40
);
identifier!(
    /// A card network as the platform writes it: `VISA`, `MASTERCARD`.
    NetworkName, 16
);

impl IdempotencyKey {
    /// What the keys of messages begin with that have no name of their own: they are made of the words, and the same words come again.
    pub const OF_CONTENT: &str = "content-";

    /// Whether it is made of what a message says.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        self.as_str().starts_with(Self::OF_CONTENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_no_identifier_of_any_kind() {
        let number = "4111111111111111";
        let wrong = Some(IdError::CardNumber);
        assert_eq!(AccountId::new(number).err(), wrong);
        assert_eq!(CardToken::new(number).err(), wrong);
        assert_eq!(CardholderToken::new(number).err(), wrong);
        assert_eq!(AuthorizationId::new(number).err(), wrong);
        assert_eq!(IdempotencyKey::new(number).err(), wrong);
        assert_eq!(MerchantId::new(number).err(), wrong);
        assert_eq!(NetworkName::new(number).err(), wrong);
        assert_eq!("tok_4111111111111111".parse::<CardToken>().err(), wrong);
        assert_eq!(CardToken::new("４１１１１１１１１１１１１１１１").err(), wrong);
        for token in ["4111111111111112", "crd_0a1b", "card \"1\"", "9c05b2e7-3f18-4d95-8a60-d7f5b3e1c805"] {
            assert!(CardToken::new(token).is_ok(), "{token}");
        }
    }

    #[test]
    fn what_a_journal_holds_can_be_read_whatever_is_let_in_today() {
        let number = "000004111111111111111";
        assert_eq!(MerchantId::new(number), Err(IdError::CardNumber));
        assert_eq!(MerchantId::try_from(number).unwrap().as_str(), number);
    }
}

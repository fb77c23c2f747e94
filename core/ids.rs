//! Identifiers: one type a meaning, so that a card can never be passed where an account is meant.
//!
//! They are fixed-size (no allocation on the authorization path) and hold the platform's own tokens, never a card number.
//! Nothing here interprets an identifier.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

/// Why a text is not an identifier. The text itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdError {
    /// Nothing is not a name.
    Empty,
    /// Longer than the identifier's type can hold; the number is the longest length allowed, in bytes.
    TooLong(usize),
    /// Reads as a card number: 13 to 19 digits whose check digit is right. None of ours, and must not come near the journal.
    CardNumber,
    /// Control characters, and blanks at either end, are not part of any platform's identifiers.
    Unprintable,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdError::Empty => f.write_str("is empty"),
            IdError::TooLong(bytes_max) => write!(f, "is longer than {bytes_max} bytes"),
            IdError::CardNumber => f.write_str("reads as a card number; a platform's token is meant"),
            IdError::Unprintable => f.write_str("has a control character, or a blank at an end"),
        }
    }
}

impl std::error::Error for IdError {}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $bytes_max:literal) => {
        identifier!($(#[$doc])* $name, $bytes_max, |_| Ok(()));
    };
    ($(#[$doc:meta])* $name:ident, $bytes_max:literal, $check:expr) => {
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
            /// Empty, longer than [`Self::BYTES_MAX`], or with a character no identifier has.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if text.is_empty() {
                    return Err(IdError::Empty);
                }
                let padded = text.starts_with(' ') || text.ends_with(' ');
                // Without a way out in its middle, the loop takes many bytes at a time.
                let unprintable = text.bytes().fold(false, |any, byte| any | (byte < b' ') | (byte == 0x7f));
                if padded || unprintable {
                    return Err(IdError::Unprintable);
                }
                let check: fn(&str) -> Result<(), IdError> = $check;
                check(text)?;
                ArrayString::from(text).map(Self).map_err(|_| IdError::TooLong($bytes_max))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::new(text)
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

/// A card's number is none of its tokens: 13 to 19 digits, blanks and dashes aside, whose check digit (Luhn, ISO/IEC 7812-1
/// annex B) is right.
fn refuse_card_number(text: &str) -> Result<(), IdError> {
    let (mut digits, mut sum) = (0_u32, 0_u32);
    for byte in text.bytes().rev().filter(|byte| !matches!(byte, b' ' | b'-')) {
        if !byte.is_ascii_digit() {
            return Ok(());
        }
        let digit = u32::from(byte.wrapping_sub(b'0'));
        let counts = match (digits.is_multiple_of(2), digit) {
            (true, _) => digit,
            (false, 5..) => digit.saturating_mul(2).saturating_sub(9),
            (false, _) => digit.saturating_mul(2),
        };
        sum = sum.saturating_add(counts);
        digits = digits.saturating_add(1);
    }
    if (13..=19).contains(&digits) && sum.is_multiple_of(10) { Err(IdError::CardNumber) } else { Ok(()) }
}

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
    CardToken, 64, refuse_card_number
);
identifier!(
    /// Who owns a card, by the platform's token. Never a person's name.
    CardholderToken, 64, refuse_card_number
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
identifier!(
    /// The acquirer's identifier of a card acceptor (`mid`).
    MerchantId, 32
);
identifier!(
    /// A card network as the platform writes it: `VISA`, `MASTERCARD`.
    NetworkName, 16
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_no_token() {
        for number in ["4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"] {
            assert_eq!(CardToken::new(number), Err(IdError::CardNumber), "{number}");
            assert_eq!(CardholderToken::new(number), Err(IdError::CardNumber), "{number}");
            // Acceptors' and messages' numbers are of any kind.
            assert!(MerchantId::new(number).is_ok() && IdempotencyKey::new(number).is_ok());
        }
        for token in ["4111111111111112", "card-4111111111111111", "411111111111", "crd_0a1b"] {
            assert!(CardToken::new(token).is_ok(), "{token}");
        }
    }
}

//! The acceptor as presented by the network. What is presented is not what is true: names are for matching, not for trust.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use crate::card_number::{self, stands_in_text};
use crate::ids::MerchantId;

/// A merchant category code of ISO 18245: four digits, of which only the number counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MerchantCategoryCode(u16);

impl MerchantCategoryCode {
    /// From one to four digits, as platforms write it: `"5411"`, `"0742"` or the number `742`. More zeros in front change
    /// nothing: what a list denies must not come in as `"07995"`.
    #[must_use]
    pub fn new(digits: &str) -> Option<Self> {
        let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !only_digits || digits.is_empty() || digits.trim_start_matches('0').len() > 4 {
            return None;
        }
        digits.parse().ok().map(MerchantCategoryCode)
    }

    /// From a number below 10,000.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        if number < 10_000 { Some(MerchantCategoryCode(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for MerchantCategoryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl fmt::Debug for MerchantCategoryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A country by its ISO 3166-1 alpha-3 code, in upper case.
///
/// Alpha-2 and numeric codes are turned into alpha-3 by [`Country::new`], so that two platforms that write one country
/// differently compare equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 3]);

impl Country {
    /// By alpha-3 (`USA`), alpha-2 (`US`) or numeric code (`840`), letters in any case. `None` for anything that
    /// ISO 3166-1 does not list.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let listed = match code.len() {
            3 if code.bytes().all(|byte| byte.is_ascii_digit()) => rust_iso3166::from_numeric(code.parse().ok()?)?,
            3 if code.bytes().all(|byte| byte.is_ascii_uppercase()) => rust_iso3166::from_alpha3(code)?,
            3 => rust_iso3166::from_alpha3(&code.to_ascii_uppercase())?,
            2 => rust_iso3166::from_alpha2(&code.to_ascii_uppercase())?,
            _ => return None,
        };
        <[u8; 3]>::try_from(listed.alpha3.as_bytes()).ok().map(Country)
    }

    /// The alpha-3 code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <&str>::deserialize(deserializer)?;
        Country::new(code).ok_or_else(|| serde::de::Error::custom("unknown country"))
    }
}

/// A merchant's name, normalized and digested: it can be compared, and cannot be read.
///
/// Merchants may be persons, so no name travels past an adapter. Two names are the same when their letters and digits are
/// the same, whatever their case, blanks and punctuation (`ACME*Store 12` is `acme store 12`), and however Unicode writes them:
/// `Straße` is `STRASSE`, `Σίσυφος` is `ΣΊΣΥΦΟΣ`, and an accent may be a character of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MerchantName([u8; 16]);

impl MerchantName {
    /// The digest, to be compared.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A digest that was kept.
    #[must_use]
    pub const fn of_bytes(digest: [u8; 16]) -> Self {
        MerchantName(digest)
    }

    /// Normalizes and digests a name (SHA-256, the first 16 bytes); `None` if it has no letter or digit.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let mut digest = Sha256::new();
        let mut seen = false;
        // Gathered in pieces: a digest of single letters costs more than the letters.
        let mut piece = ArrayString::<64>::new();
        for_each_letter(name, |lower| {
            seen = true;
            if piece.try_push(lower).is_err() {
                digest.update(piece.as_bytes());
                piece.clear();
                piece.push(lower);
            }
        });
        digest.update(piece.as_bytes());
        seen.then(|| MerchantName(first_half(digest)))
    }

    /// The same of a name that somebody else presents, as whatever comes with a payment: `None` also if a card's number stands in it, as
    /// written or in what is digested of it. Nobody has a key to this digest: a number would be found again by trying all.
    #[must_use]
    pub fn presented(name: &str) -> Option<Self> {
        if has_card_number(name) { None } else { Self::of(name) }
    }
}

/// Whether a card's number stands in a name, or in its letters and digits alone (`4111 11*11-1111/1111`).
fn has_card_number(name: &str) -> bool {
    // Most names have too few digits, and cost nothing more.
    if name.is_ascii() && name.bytes().filter(u8::is_ascii_digit).count() < card_number::DIGITS_MIN {
        return false;
    }
    if stands_in_text(name) {
        return true;
    }
    let mut digested = String::with_capacity(name.len());
    for_each_letter(name, |lower| digested.push(lower));
    stands_in_text(&digested)
}

/// Gives every letter and digit of a name, as they are compared.
fn for_each_letter(name: &str, add: impl FnMut(char)) {
    if name.is_ascii() {
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).for_each(add);
    } else {
        // Taken apart, so that its case goes from each letter and its width from the whole; then composed, so that an accent counts.
        // What that takes on the stack is enough for any name that people write.
        name.nfkd().flat_map(folded).nfc().filter(|letter| letter.is_alphanumeric()).for_each(add);
    }
}

/// A letter without its case. Lower case alone keeps `ß` from `SS`, and `ς` from `Σ`; upper case alone keeps `ẞ` from `ß`.
fn folded(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// The first 128 bits of a SHA-256: enough that nobody finds a second text.
pub(crate) fn first_half(digest: Sha256) -> [u8; 16] {
    let mut half = [0_u8; 16];
    for (to, from) in half.iter_mut().zip(digest.finalize()) {
        *to = from;
    }
    half
}

/// Who asks to be paid, as far as the platform tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// The acquirer's identifier of the card acceptor (`mid`).
    pub id: Option<MerchantId>,
    /// The name as presented, for matching.
    pub name: Option<MerchantName>,
    /// What the merchant sells.
    pub mcc: Option<MerchantCategoryCode>,
    /// Where the merchant is.
    pub country: Option<Country>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_country_however_written() {
        let usa = Country::new("USA").unwrap();
        for same in ["US", "us", "usa", "840"] {
            assert_eq!(Country::new(same), Some(usa), "{same}");
        }
        for unlisted in ["", "U", "ZZZ", "ZZ", "000", "USAA", "é"] {
            assert_eq!(Country::new(unlisted), None, "{unlisted}");
        }
    }

    #[test]
    fn a_name_is_its_letters_and_digits() {
        assert_eq!(MerchantName::of("ACME*Store  12"), MerchantName::of("acme store 12"));
        assert_eq!(MerchantName::of("Café Zoë"), MerchantName::of("CAFÉ ZOË"));
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("STRAẞE", "straße"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("Cafe\u{301} Zoe\u{308}", "CAFÉ ZOË"),
            ("E\u{301}clair", "éclair"),
            ("ﬁsh", "FISH"),
            ("Μαΐου", "ΜΑΪ\u{301}ΟΥ"),
            ("İstanbul", "i\u{307}stanbul"),
            ("ǰazz", "J\u{30c}AZZ"),
            ("ＡＣＭＥ", "acme"),
        ] {
            assert_eq!(MerchantName::of(one), MerchantName::of(other), "{one}");
        }
        assert_ne!(MerchantName::of("Café"), MerchantName::of("Cafe"));
        assert_ne!(MerchantName::of("ACME 12"), MerchantName::of("ACME 13"));
        assert_eq!(MerchantName::of(" *-* "), None);
    }

    #[test]
    fn a_presented_name_with_a_cards_number_is_none() {
        for number in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "Corner Store 4242-4242-4242-4242",
            "4242*4242*4242*4242",
            "4242 42*42-42/42#4242",
            "Kiosk 42 424242 42-42:42 42 Nord",
            "４２４２４２４２４２４２４２４２",
            "Café ４²4242424242424²",
            "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        ] {
            assert_eq!(MerchantName::presented(number), None, "{number}");
        }
        for name in
            ["ACME*Store 12", "Café Zoë", "24/7 shop 0800 1234567", "Order 4242424242424243", "セブンイレブン 12 東京駅前店"]
        {
            let told = MerchantName::presented(name);
            assert!(told.is_some(), "{name}");
            assert_eq!(told, MerchantName::of(name), "{name}");
        }
        // A published rule that names one is read as before: what is presented so never meets it.
        assert!(MerchantName::of("4242424242424242").is_some());
    }

    #[test]
    fn a_category_code_is_at_most_four_digits() {
        assert_eq!(MerchantCategoryCode::new("742"), MerchantCategoryCode::from_number(742));
        assert_eq!(MerchantCategoryCode::new("742").unwrap().to_string(), "0742");
        assert_eq!(MerchantCategoryCode::new("07995"), MerchantCategoryCode::from_number(7995));
        assert_eq!(MerchantCategoryCode::new("00000"), MerchantCategoryCode::from_number(0));
        for wrong in ["", "12345", "012345", "-1", "54 1", "abcd", "+541"] {
            assert_eq!(MerchantCategoryCode::new(wrong), None, "{wrong}");
        }
    }
}

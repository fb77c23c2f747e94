//! Whether a card's number stands in a text: what must come into no identifier, and so into no journal.
//!
//! Knows how numbers are built (ISO/IEC 7812) and which brands issue which. A number that merely passes the check digit is none:
//! acceptors' numbers, counters and time stamps are digits too. Never keeps or shows what it looks at.

mod brands;
mod text;

use std::fmt;

use arrayvec::ArrayVec;
use zeroize::Zeroizing;

use brands::is_of_a_brand;
pub use text::stands_in_text;

/// The shortest number of a card, in digits.
pub(crate) const DIGITS_MIN: usize = 13;
/// The longest.
const DIGITS_MAX: usize = 19;
/// As long as this, a run of hexadecimal digits is a digest or a UUID, and no number of anything, if letters and digits are mixed in it.
const DIGEST_LETTERS: usize = 32;
/// A UUID's groups, in hexadecimal digits.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];
/// How numbers are printed on cards, in groups of digits.
const PRINTED: [&[usize]; 10] = [
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 3],
    &[4, 3, 3, 3],
    &[6, 13],
    &[8, 8],
    &[4, 4, 8],
];
/// The most characters between two groups.
const BETWEEN_MAX: usize = 3;

type Digits = ArrayVec<u8, DIGITS_MAX>;

/// A card's number that was sent to where numbers may be: in memory only, shown by nothing, overwritten when it is let go of.
pub struct CardNumber(Zeroizing<Vec<u8>>);

impl CardNumber {
    /// Takes 13 to 19 digits whose check digit is right, of whatever brand.
    #[must_use]
    pub fn new(digits: &str) -> Option<Self> {
        let digits = digits.as_bytes();
        let fits = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        (fits && !digits.starts_with(b"0") && has_check_digit(digits)).then(|| CardNumber(Zeroizing::new(digits.to_vec())))
    }

    /// The digits, for whoever makes a keyed token of them.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber(not shown)")
    }
}

/// Whether a card's number stands in a text, alone or with anything around it: 13 to 19 digits in one run, or in groups as
/// they are printed (up to three blanks, dashes, dots, underscores, commas or slashes between), that begin as a brand's, are as long as that brand's, and
/// whose check digit is right. Zeros in front change nothing, and neither does the width of the characters (`４１１１`).
#[must_use]
pub fn stands_in(text: &str) -> bool {
    if !has_digits_of_a_number(text, |byte| byte.is_ascii_digit() || byte == FULL_WIDTH) {
        false
    } else if text.is_ascii() {
        stands_in_narrow(text.as_bytes())
    } else {
        stands_in_narrow(text.chars().map(narrow).collect::<String>().as_bytes())
    }
}

/// Whether a text has as many bytes that may be digits as the shortest number has. Most texts have not: they are looked at no further.
fn has_digits_of_a_number(text: &str, may_be_one: impl Fn(u8) -> bool) -> bool {
    /// As many are counted at once, in bytes, which processors do many at a time where nothing can end it.
    const PIECE: usize = 255;
    let count = |piece: &[u8]| piece.iter().fold(0_u8, |count, byte| count.wrapping_add(u8::from(may_be_one(*byte))));
    let pieces = text.as_bytes().chunks(PIECE).map(|piece| usize::from(count(piece)));
    text.len() >= DIGITS_MIN && pieces.fold(0_usize, usize::saturating_add) >= DIGITS_MIN
}

/// With what the full-width forms begin in UTF-8, each of them once.
const FULL_WIDTH: u8 = 0xef;

/// The ASCII character of which this is the full-width form (Unicode, block "Halfwidth and Fullwidth Forms"); itself if it is none.
#[must_use]
pub fn narrow(letter: char) -> char {
    const OFFSET: u32 = 0xfee0;
    match letter {
        // Blanks and dashes that look like the plain ones, or like nothing.
        '\u{a0}' | '\u{2000}'..='\u{200d}' | '\u{202f}' | '\u{205f}' | '\u{2060}' | '\u{3000}' | '\u{feff}' => ' ',
        '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{ff01}'..='\u{ff5e}' => u32::from(letter).checked_sub(OFFSET).and_then(char::from_u32).unwrap_or(letter),
        _ => letter,
    }
}

fn stands_in_narrow(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((_, next)) = rest.split_first() {
        // At the begin of letters and digits, and so never within them.
        let word = run(rest, u8::is_ascii_alphanumeric);
        if let Some(after) = after_groups(rest, &UUID, u8::is_ascii_hexdigit) {
            rest = after;
        } else if word >= DIGEST_LETTERS && run(rest, u8::is_ascii_hexdigit) == word && !is_letters_beside_digits(rest, word) {
            rest = rest.get(word..).unwrap_or_default();
        } else if word > 0 {
            if has_number(rest, word) {
                return true;
            }
            rest = rest.get(word..).unwrap_or_default();
        } else {
            rest = next;
        }
    }
    false
}

/// Whether a word is letters alone and digits alone, one behind the other: no digest is, but a number with something written behind it.
fn is_letters_beside_digits(text: &[u8], word: usize) -> bool {
    let word = text.get(..word).unwrap_or_default();
    let changes = word.iter().zip(word.iter().skip(1)).filter(|(one, next)| one.is_ascii_digit() != next.is_ascii_digit());
    let digits = word.iter().filter(|letter| letter.is_ascii_digit()).count();
    changes.take(2).count() == 1 && digits <= DIGITS_MAX
}

/// Whether a number begins within the first `word` bytes.
fn has_number(text: &[u8], word: usize) -> bool {
    let mut at = 0_usize;
    while at < word {
        let rest = text.get(at..).unwrap_or_default();
        let digits = run(rest, u8::is_ascii_digit);
        if digits > 0 && (is_number(rest.get(..digits).unwrap_or_default()) || is_printed(rest)) {
            return true;
        }
        at = at.saturating_add(digits.max(1));
    }
    false
}

/// Whether a text begins with a card's number in the groups of a printed one.
fn is_printed(text: &[u8]) -> bool {
    PRINTED.iter().any(|groups| {
        let Some(after) = after_printed(text, groups) else { return false };
        let printed = text.get(..text.len().saturating_sub(after.len())).unwrap_or_default();
        let digits: ArrayVec<u8, 32> = printed.iter().copied().filter(u8::is_ascii_digit).take(32).collect();
        is_number(&digits)
    })
}

/// What follows groups of so many digits each, with something between them; `None` if a text does not begin with such, or the last
/// group goes on.
fn after_printed<'t>(text: &'t [u8], groups: &[usize]) -> Option<&'t [u8]> {
    let mut rest = text;
    for (index, length) in groups.iter().enumerate() {
        if index > 0 {
            let between = run(rest, |byte| matches!(byte, b' ' | b'-' | b'.' | b'_' | b',' | b'/' | b'\t' | b'\r' | b'\n'));
            rest = rest.get(between..).filter(|_| (1..=BETWEEN_MAX).contains(&between))?;
        }
        let (group, after) = rest.split_at_checked(*length)?;
        if !group.iter().all(u8::is_ascii_digit) {
            return None;
        }
        rest = after;
    }
    (!rest.first().is_some_and(u8::is_ascii_digit)).then_some(rest)
}

/// What follows groups of so many bytes each, with one and the same separator between them; `None` if a text does not begin
/// with such, or the last group goes on.
fn after_groups<'t>(text: &'t [u8], groups: &[usize], belongs: fn(&u8) -> bool) -> Option<&'t [u8]> {
    let separator = *text.get(*groups.first()?)?;
    if !matches!(separator, b'-' | b' ' | b'.' | b'_') {
        return None;
    }
    let mut rest = text;
    for (index, length) in groups.iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(&[separator])?;
        }
        let (group, after) = rest.split_at_checked(*length)?;
        if !group.iter().all(belongs) {
            return None;
        }
        rest = after;
    }
    (!rest.first().is_some_and(belongs)).then_some(rest)
}

/// How many bytes at the begin belong together.
fn run(text: &[u8], belongs: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| belongs(byte)).count()
}

/// Whether digits are a card's number. A plain time stamp is none, though a few numbers of Diners Club look like one.
fn is_number(digits: &[u8]) -> bool {
    if is_moment(digits) {
        return false;
    }
    let padding = run(digits, |digit| *digit == b'0');
    let mut number = Digits::new();
    let significant = digits.get(padding..).unwrap_or_default();
    number.try_extend_from_slice(significant).is_ok()
        && number.len() >= DIGITS_MIN
        && is_of_a_brand(&number)
        && has_check_digit(&number)
}

/// `DDMMYYYYhhmmss` or `MMDDYYYYhhmmss`. What begins with the year begins like no brand's number.
fn is_moment(digits: &[u8]) -> bool {
    if digits.len() != 14 {
        return false;
    }
    let part = |at: usize, many: usize| digits.get(at..at.saturating_add(many)).map_or(u32::MAX, text::number);
    let (first, second) = (part(0, 2), part(2, 2));
    let is_date = (1..=31).contains(&first.max(second)) && (1..=12).contains(&first.min(second));
    is_date && (1900..2200).contains(&part(4, 4)) && part(8, 2) < 24 && part(10, 2) < 60 && part(12, 2) < 60
}

/// The check digit of Luhn (ISO/IEC 7812-1, annex B).
fn has_check_digit(number: &[u8]) -> bool {
    let sum = number.iter().rev().enumerate().fold(0_u32, |sum, (place, digit)| {
        let digit = value(*digit);
        sum.saturating_add(match (place.is_multiple_of(2), digit) {
            (true, _) => digit,
            (false, 5..) => digit.saturating_mul(2).saturating_sub(9),
            (false, _) => digit.saturating_mul(2),
        })
    });
    sum.is_multiple_of(10)
}

fn value(digit: u8) -> u32 {
    u32::from(digit.saturating_sub(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The brands' published test numbers.
    const NUMBERS: [&str; 14] = [
        "4111111111111111",
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "341111111111111",
        "6011111111111117",
        "6011000990139424",
        "30569309025904",
        "38520000023237",
        "3530111333300000",
        "6200000000000005",
        "6759649826438453",
        "4000056655665556",
    ];

    /// Numbers of EBT, Maestro, JCB and the brands of single countries, made up within their ranges.
    const NUMBERS_MADE_UP: [&str; 48] = [
        "5076800123456783",
        "5077190123456788",
        "5077060123456789015",
        "5081390123456788",
        "6004860123456782",
        "6100980123456789011",
        "6220440123456781",
        "6361140123456786",
        "5000000123456781",
        "5602210123456788",
        "5868240123456784",
        "6013820123456785",
        "63900001234567896",
        "67030001234567890",
        "675900012345678903",
        "6900000123456789010",
        "6361012345678901237",
        "180001234567899",
        "213101234567898",
        "3566012345678903",
        "5067000123456781",
        "6363680123456789",
        "6277800123456788",
        "5090000123456782",
        "5060990123456780",
        "507865012345678901",
        "6500020123456789014",
        "5085000123456789",
        "6062820123456785",
        "6074000123456780",
        "3531100123456782",
        "3561000123456787",
        "8100000123456789015",
        "8171000123456788",
        "8200000123456783",
        "5078030123456785",
        "2205430123456780",
        "8600000123456789",
        "9860000123456782",
        "9051000123456781",
        "9112000123456788",
        "9682010123456787",
        "9704000123456782",
        "9704360123456789017",
        "9804000123456781",
        "9792000123456785",
        "6396012345678902",
        "6410000123456783",
    ];

    #[test]
    fn a_number_is_found_wherever_it_stands() {
        for number in NUMBERS.into_iter().chain(NUMBERS_MADE_UP) {
            for text in [
                number.to_owned(),
                format!("tok_{number}"),
                format!("tok{number}x"),
                format!("{number}=2512"),
                format!("{number}D25121010000"),
                format!("000{number}"),
                format!("a-1 {number}/authorization/PENDING"),
                format!("9c05b2e7-3f18-4d95-8a60-d7f5b3e1c805/{number}"),
            ] {
                assert!(stands_in(&text), "{text}");
            }
        }
        for printed in [
            "6759 0001 2345 6789 03",
            "622044 0123456789011",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "tok-4111-1111-1111-1111",
            "4111.1111.1111.1111",
            "4111_1111_1111_1111",
            "4111-1111-1111-1111-2512",
            "1-4111-1111-1111-1111",
            "x4111-1111-1111-1111y",
            "3782 822463 10005",
            "3056-930902-5904",
            "41111111 11111111",
            "4111 1111 11111111",
            "4111 1111-1111 1111",
            "4111  1111  1111  1111",
            "4111 - 1111 - 1111 - 1111",
            "4111/1111/1111/1111",
            "4111, 1111, 1111, 1111",
            "4111\t1111\t1111\t1111",
            "4111\r\n1111\r\n1111\r\n1111",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111\u{2013}1111\u{2013}1111\u{2013}1111",
            "4111\u{200b}1111\u{200b}1111\u{200b}1111",
        ] {
            assert!(stands_in(printed), "{printed}");
        }
        for wide in [
            "４１１１１１１１１１１１１１１１",
            "tok_４１１１１１１１１１１１１１１１",
            "４１１１11111111１１１１",
            "４１１１－１１１１－１１１１－１１１１",
            "４１１１　１１１１　１１１１　１１１１",
            "カード４１１１１１１１１１１１１１１１様",
        ] {
            assert!(stands_in(wide), "{wide}");
        }
    }

    #[test]
    fn a_number_that_is_taken_is_shown_by_nothing() {
        for number in NUMBERS {
            let taken = CardNumber::new(number).unwrap();
            assert_eq!((taken.digits(), format!("{taken:?}").as_str()), (number.as_bytes(), "CardNumber(not shown)"));
        }
        for none in ["", "4111111111111112", "411111111111", "4111 1111 1111 1111", "0000000000000000", "41111111111111111111"] {
            assert!(CardNumber::new(none).is_none(), "{none}");
        }
    }

    #[test]
    fn what_is_no_number_is_let_in() {
        for text in [
            "",
            "acct-demo-1",
            // The check digit is wrong, or there are too few or too many digits.
            "4111111111111112",
            "411111111111",
            "41111111111111111111",
            "4111-1111-1111-1112",
            "41111111    11111111",
            "2026-11-27T18:26:10.123456Z",
            // Addresses of the Internet.
            "2223:0031:2200:3222::1",
            "2223:31:2200:3222::4111:1111:1111:1111",
            "2026-11-27 18:26:10, 2026-11-28 18:26:11",
            // A check digit that is right, and no brand's beginning: acceptors' numbers, counters.
            "000000000123456",
            "123456789012347",
            "100000000000008",
            "9000000000000001",
            "999999999999995",
            // The same in full width, and what only begins with the same byte.
            "４１１１１１１１１１１１１１１２",
            "１２３４５６７８９０１２３４７",
            "｡｡｡｡｡｡｡｡｡｡｡｡｡｡｡｡",
            // Time stamps: seconds to nanoseconds.
            "1773500966000",
            "1773500966000000",
            "1773500966000000000",
            "expiry-4-1773500966000006",
            "expiry-411-1773500966000006",
            "2026-03-14T15:09:26.123456Z",
            // The check digit is right: .NET's time stamps, numbers of articles, telephones and acceptors, of devices.
            "5000120123455",
            "5701234012340",
            "6901230123450",
            "601234501232",
            "501234012349",
            "491234012345675",
            "639028012345678906",
            "643123012345678902",
            "100012012345678",
            "199012012345670",
            "1946120123456783",
            "63081201234568",
            "9100120123456788",
            "7012345012345674",
            "865012012345673",
            // Digests and UUIDs, whatever digits stand in them.
            "00000000-4111-1111-1111-111111111111",
            "41111111-1111-1111-1111-2512abcdef12",
            "txn_4111a111-4111-4111-8111-4111111111112",
            "operation-a4111111111111111bcdef0123456789",
            "4111111111111111a4111111111111111bcdef0123456789abcdef0123456789",
        ] {
            assert!(!stands_in(text), "{text}");
        }
    }
}

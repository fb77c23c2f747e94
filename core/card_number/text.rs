//! Whether a card's number stands in what people write: however they part its digits, in whatever script, with its expiry behind it.
//!
//! Wider than what identifiers are held to: in a text nobody loses a platform's message if a number is seen where none was meant.

mod codes;
mod digits;
mod glued;
mod tags;

use std::net::Ipv6Addr;

use arrayvec::ArrayVec;
use unicode_normalization::char::is_combining_mark;

use self::codes::without_codes;
use self::digits::{digit_of, ideograph};
use self::glued::has_glued;
use self::tags::without_tags;
use super::{DIGITS_MAX, DIGITS_MIN, UUID, after_groups, has_digits_of_a_number, is_number, narrow, run, stands_in};

/// The most characters between two groups of a number's digits.
const BETWEEN_MAX: usize = 8;
/// How long most cards' numbers are.
const USUAL_DIGITS: usize = 16;
/// The most characters between the parts of an expiry.
const PARTED_MAX: usize = 3;
/// Years that a card's expiry may be in, by their last two digits.
const EXPIRY_YEARS: std::ops::RangeInclusive<u32> = 20..=60;

/// Whether a card's number stands in a text: as [`stands_in`] has it, or in groups of any length with the same between them, or in one run
/// with its expiry or with other numbers, or in digits of another script, or with tags between them, or written in codes.
#[must_use]
pub fn stands_in_text(text: &str) -> bool {
    // What is percent-encoded may have none of ASCII.
    if !has_digits_of_a_number(text, |byte| byte.is_ascii_digit() || byte == b'%' || byte >= 0xc0) {
        return false;
    }
    stands_as_written(text) || without_codes(text).is_some_and(|read| stands_as_written(&read))
}

fn stands_as_written(text: &str) -> bool {
    let mut looked_at: String = text.chars().map(plain).collect();
    // What stands within tags is text, too: they are looked through second.
    stands_in_plain(&looked_at)
        || (text.contains('<') && without_tags(text, &mut looked_at) && stands_in_plain(&looked_at))
        || (!text.is_ascii() && stands_in_words(text))
}

/// Whether a number stands in what is a word or a digit: behind a number (`4111…一回払い`, `4111…¹`) it is no part of it, in
/// numbers it is one.
fn stands_in_words(text: &str) -> bool {
    let is_one = |letter: char| ideograph(letter).is_some();
    let read = || text.chars().map(|letter| ideograph(letter).unwrap_or_else(|| plain(letter))).collect::<String>();
    stands_in(text) || (text.contains(is_one) && stands_in_plain(&read()))
}

fn stands_in_plain(plain: &str) -> bool {
    let bytes = plain.as_bytes();
    stands_in(plain) || has_expiry_beside(bytes) || has_parted_expiry(bytes) || stands_in_groups(bytes) || has_glued(bytes)
}

/// The ASCII character that a letter is taken for: digits by their value, whatever parts digits by its class.
fn plain(letter: char) -> char {
    let letter = narrow(letter);
    match letter {
        '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' => '|',
        _ if letter.is_whitespace() => ' ',
        _ if letter.is_ascii() => letter,
        // Letters by their class, and nothing to be read: long vowels and strokes that look like dashes, fillers that look like blanks, marks.
        '\u{640}' | '\u{7fa}' | '\u{30fc}' | '\u{ff70}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => '|',
        _ if is_combining_mark(letter) => '|',
        _ => match digit_of(u32::from(letter)) {
            Some(digit) => char::from_digit(digit, 10).unwrap_or('0'),
            None if letter.is_alphanumeric() => 'x',
            None => '|',
        },
    }
}

/// A group of digits, and how long what stands before it is.
#[derive(Debug, Clone, Copy)]
struct Group<'t> {
    digits: &'t [u8],
    before: &'t [u8],
}

/// Whether groups of digits with the same between them are a number: `4 1 1 1 …`, `41111111:1111:1111`.
fn stands_in_groups(text: &[u8]) -> bool {
    let mut chain: Vec<Group<'_>> = Vec::new();
    let mut rest = text;
    let mut before: &[u8] = &[];
    while let Some((first, next)) = rest.split_first() {
        // An address begins where no colon stands before it, and ends where it ends.
        let address = if before.contains(&b':') { None } else { after_address(rest) };
        if let Some(after) = address.or_else(|| after_groups(rest, &UUID, u8::is_ascii_hexdigit)) {
            if has_number(&chain) {
                return true;
            }
            chain.clear();
            (rest, before) = (after, &[]);
        } else if first.is_ascii_digit() {
            let (digits, after) = rest.split_at_checked(run(rest, u8::is_ascii_digit)).unwrap_or((rest, &[]));
            let is_chained = (1..=BETWEEN_MAX).contains(&before.len());
            if !is_chained && has_number(&std::mem::take(&mut chain)) {
                return true;
            }
            chain.push(Group { digits, before });
            (rest, before) = (after, &[]);
        } else if first.is_ascii_alphanumeric() {
            if has_number(&std::mem::take(&mut chain)) {
                return true;
            }
            // A word to its end: no address and no UUID begins within it, but digits may.
            (rest, before) = (rest.get(run(rest, u8::is_ascii_alphabetic)..).unwrap_or(next), &[]);
        } else {
            let between = run(rest, |byte| !byte.is_ascii_alphanumeric());
            (before, rest) = rest.split_at_checked(between).unwrap_or((rest, &[]));
        }
    }
    has_number(&chain)
}

/// What follows an address of the Internet, whose groups are no number's: `2223:31:2200::1`.
fn after_address(text: &[u8]) -> Option<&[u8]> {
    let length = run(text, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    let written = std::str::from_utf8(text.get(..length)?).ok()?;
    // A colon at its end is the sentence's.
    let address = if written.ends_with("::") { written } else { written.trim_end_matches([':', '.']) };
    let is_one = address.len() > 2 && address.parse::<Ipv6Addr>().is_ok();
    text.get(address.len()..).filter(|_| is_one)
}

/// Whether neighbours in a chain are a number.
fn has_number(chain: &[Group<'_>]) -> bool {
    has_single_digits(chain) || has_groups(chain)
}

/// Whether all digits that stand one by one, whatever is between them, are a number: `4-1-1-1 1-1-1-1 …`.
fn has_single_digits(chain: &[Group<'_>]) -> bool {
    chain.split(|group| group.digits.len() != 1).filter(|single| (DIGITS_MIN..=DIGITS_MAX).contains(&single.len())).any(
        |single| {
            let digits: ArrayVec<u8, DIGITS_MAX> =
                single.iter().flat_map(|group| group.digits).copied().take(DIGITS_MAX).collect();
            is_number(&digits)
        },
    )
}

/// Whether groups with the same between them are a number.
fn has_groups(chain: &[Group<'_>]) -> bool {
    (0..chain.len()).any(|from| {
        let groups = chain.get(from..).unwrap_or_default();
        let Some(between) = groups.get(1).map(|second| second.before) else { return false };
        let mut digits: Vec<u8> = Vec::with_capacity(DIGITS_MAX);
        let mut single = true;
        for (index, group) in groups.iter().enumerate() {
            if index > 0 && !is_alike(group.before, between) {
                // What is parted in another way may be the rest of an expiry that began in the last group.
                return ends_in_expiry(&digits, group.digits);
            }
            digits.extend_from_slice(group.digits);
            single &= group.digits.len() == 1;
            // Thirteen digits in groups are telephone numbers.
            let least = if single { DIGITS_MIN } else { DIGITS_MIN.saturating_add(1) };
            if index > 0 && digits.len() >= least && (is_number(&digits) || is_number_with_expiry(&digits)) {
                return true;
            }
            if digits.len() > DIGITS_MAX.saturating_mul(2) {
                return false;
            }
        }
        false
    })
}

/// Blanks are alike however many they are.
fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let is_blank = |between: &[u8]| between.iter().all(|byte| *byte == b' ');
    one == other || (is_blank(one) && is_blank(other))
}

/// Whether a number and its expiry, one behind the other, are one run of digits.
fn has_expiry_beside(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_digit()).filter(|digits| (17..=26).contains(&digits.len())).any(|digits| {
        (DIGITS_MIN..=DIGITS_MAX).any(|length| {
            let behind = digits.split_at_checked(length).is_some_and(|(number, rest)| is_number(number) && is_expiry(rest));
            let before = digits
                .split_at_checked(digits.len().saturating_sub(length))
                .is_some_and(|(rest, number)| rest.len() <= 6 && is_number(number) && is_expiry(rest));
            behind || before
        })
    })
}

/// Whether a number has a part of its expiry in its own run of digits, and the other beside it: `…111112/27`, `12/27411…`.
fn has_parted_expiry(text: &[u8]) -> bool {
    let (mut rest, mut before): (&[u8], Option<&[u8]>) = (text, None);
    while !rest.is_empty() {
        let (digits, after) = rest.split_at_checked(run(rest, u8::is_ascii_digit)).unwrap_or((rest, &[]));
        if before.is_some_and(|before| ends_in_expiry(before, digits) || begins_in_expiry(before, digits)) {
            return true;
        }
        let between = run(after, |byte| !byte.is_ascii_alphanumeric());
        before = (!digits.is_empty() && (1..=PARTED_MAX).contains(&between)).then_some(digits);
        // A word parts two runs, too, and nothing of the one is the other's.
        let passed = if between == 0 { run(after, u8::is_ascii_alphabetic) } else { between };
        rest = after.get(passed..).unwrap_or_default();
    }
    false
}

/// Whether digits are a number of usual length with its expiry directly behind it.
fn is_number_with_expiry(digits: &[u8]) -> bool {
    digits.split_at_checked(USUAL_DIGITS).is_some_and(|(number, rest)| is_number(number) && is_expiry(rest))
}

/// Whether digits are a number and the begin of its expiry, of which the next ones are the rest.
fn ends_in_expiry(digits: &[u8], next: &[u8]) -> bool {
    let split = digits.len().checked_sub(2).and_then(|length| digits.split_at_checked(length));
    split.is_some_and(|(number, month)| matches!(next.len(), 2 | 4) && is_number(number) && is_expiry(&joined(month, next)))
}

/// Whether digits are the rest of an expiry and its number, of which the ones before are the begin.
fn begins_in_expiry(before: &[u8], digits: &[u8]) -> bool {
    let mut splits = [2, 4].into_iter().filter_map(|length| digits.split_at_checked(length));
    before.len() == 2 && splits.any(|(year, number)| is_number(number) && is_expiry(&joined(before, year)))
}

/// An expiry's two parts, which have six digits at most.
fn joined(one: &[u8], other: &[u8]) -> ArrayVec<u8, 6> {
    one.iter().chain(other).copied().take(6).collect()
}

/// `MMYY`, `YYMM` or `MMYYYY`; behind the first two a security code may stand.
fn is_expiry(digits: &[u8]) -> bool {
    let two = |at: usize| digits.get(at..at.saturating_add(2)).map(number);
    let is_month = |at| two(at).is_some_and(|month| (1..=12).contains(&month));
    let is_year = |at| two(at).is_some_and(|year| EXPIRY_YEARS.contains(&year));
    match digits.len() {
        4 | 7 | 8 => (is_month(0) && is_year(2)) || (is_year(0) && is_month(2)),
        6 => is_month(0) && two(2) == Some(20) && is_year(4),
        _ => false,
    }
}

pub(super) fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0_u32, |number, digit| number.saturating_mul(10).saturating_add(super::value(*digit)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_found_however_its_digits_are_parted() {
        for text in [
            "41111111 1111 1111",
            "411111-1111111111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "4:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1",
            "4111:1111:1111:1111",
            "4111+1111+1111+1111",
            "4111|1111|1111|1111",
            "(4111)(1111)(1111)(1111)",
            "4111(1111)1111(1111)",
            "4111\u{2028}1111\u{2028}1111\u{2028}1111",
            "4111     1111     1111     1111",
            "4111•1111•1111•1111",
            "٤١١١١١١١١١١١١١١١",
            "۴۱۱۱ ۱۱۱۱ ۱۱۱۱ ۱۱۱۱",
            "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏",
            "④①①①①①①①①①①①①①①①",
            "41111111111111111227",
            "41111111111111112712",
            "4111111111111111122027",
            "41111111111111111227123",
            "12274111111111111111",
            "411111111111111112/27",
            "411111111111111112-27",
            "411111111111111112 / 2027",
            "411111111111111127.12",
            "12/274111111111111111",
            "12/20274111111111111111",
            "token 411111111111111112/27, please",
            "4111 1111 1111 111112/27",
            "4111-1111-1111-111112/2027",
            "4111 1111 1111 11111227",
            "4111111111111111abcdefabcdefabcd",
            "abcdefabcdefabcd4111111111111111",
            "card 3782:822463:10005.",
            "4-1-1-1 1-1-1-1 1-1-1-1 1-1-1-1",
            "4.1.1.1, 1.1.1.1, 1.1.1.1, 1.1.1.1",
            "4111\u{640}1111\u{640}1111\u{640}1111",
            "4111\u{3164}1111\u{3164}1111\u{3164}1111",
            "4111ー1111ー1111ー1111",
            "4\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}1\u{64b}",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
    }

    #[test]
    fn a_number_is_found_in_a_text_of_any_length() {
        for length in [0, 12, 254, 255, 256, 511, 1000] {
            for around in ["x", "1x", "%"] {
                let around = around.repeat(length);
                assert!(stands_in_text(&format!("{around} 4111111111111111")), "{around}");
                assert!(!stands_in_text(&format!("{around} 4111111111111112")), "{around}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_let_in() {
        for text in [
            "",
            "2223:0031:2200:3222::1",
            "2223:31:2200::4111:1111:1111:1111, 10.0.0.1",
            "2026-11-27 18:26:10, 2026-11-28 18:26:11",
            "30.11.2026 18:34:56",
            "30112026183456",
            "04122026121002",
            "12/04/2026 12:10:02",
            "411111111111111113/27",
            "411111111111111112/2x",
            "411111111111111112x27",
            "411111111111111112/1999",
            "4111 1111 1111 111113/27",
            "4111 1111 1111 11111327",
            "+49 30 1234567 89",
            "+49 (30) 123 456 78",
            "00000000-4111-1111-1111-111111111111",
            "41111111-1111-1111-1111-2512abcdef12",
            "operation-a4111111111111111bcdef0123456789",
            "41111111111111111111",
            "order 4111, item 1111, 1111",
            "1 2 3 4 5 6 7 8 9 10",
            "versions 4.1.1, 1.1.1, 1.1.1, 1.1.1, 1.1.2",
            "東京都千代田区丸の内一丁目九番一号",
        ] {
            assert!(!stands_in_text(text), "{text}");
        }
    }

    /// A number of sixteen digits of one of the great brands, its check digit right.
    fn numbers() -> impl Strategy<Value = String> {
        (prop::sample::select(vec!["4", "51", "2221", "6011", "35"]), "[0-9]{15}").prop_map(|(head, tail)| {
            let head = if head == "35" { "3530" } else { head };
            let body: String = format!("{head}{tail}").chars().take(15).collect();
            let right =
                (0..10).map(|digit| format!("{body}{digit}")).find(|number| super::super::has_check_digit(number.as_bytes()));
            right.unwrap()
        })
    }

    proptest! {
        #[test]
        fn whatever_stands_between_groups(number in numbers(), cuts in prop::collection::btree_set(1_usize..16, 0..15),
            between in "[ :+|()•\u{2028}.,;*#/_-]{1,8}", around in "[a-z ]{0,8}") {
            let mut parted = String::new();
            for (index, digit) in number.chars().enumerate() {
                if cuts.contains(&index) {
                    parted.push_str(&between);
                }
                parted.push(digit);
            }
            prop_assume!(!parted.contains("::") && parted.parse::<Ipv6Addr>().is_err());
            prop_assert!(stands_in_text(&format!("{around}{parted}{around}")), "{}", parted);
        }

        #[test]
        fn moments_are_let_in(day in 1_u32..=31, month in 1_u32..=12, year in 1990_u32..2100, time in (0_u32..24, 0_u32..60, 0_u32..60)) {
            let (hour, minute, second) = time;
            for text in [
                format!("{day:02}{month:02}{year}{hour:02}{minute:02}{second:02}"),
                format!("{month:02}{day:02}{year}{hour:02}{minute:02}{second:02}"),
                format!("{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
                format!("{day:02}.{month:02}.{year} {hour:02}:{minute:02}:{second:02}"),
                format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
            ] {
                prop_assert!(!stands_in_text(&text) && !stands_in(&text), "{}", text);
            }
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,200}") {
            let _ = stands_in_text(&text);
        }
    }
}

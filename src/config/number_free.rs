//! What is looked at before a text that is kept for good is read: how long it is, and card numbers in it: a ruleset or a stand-in table with one in it is refused, by its place and never its value.
//!
//! A number is looked for in each value, key and comment by itself: lists of merchant categories are rows of digits, too.

use std::ops::Range;

use holdfast_core::card_number::stands_in_text;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors::{Error, Errors};

const PROBLEM: &str = "has a card number in it, in a text that is kept for good: write it without";

/// How long a text may be, in bytes. Reading one takes longer than its length would have it, and whoever serves waits for that.
const LENGTH_MAX: usize = 256 * 1024;

/// Refuses a text that is too long, and one of TOML in which a card's number stands.
///
/// # Errors
/// How long it may be; or every place where a number stands.
pub(super) fn check(file_name: &str, source: &str) -> Result<(), Errors> {
    if source.len() > LENGTH_MAX {
        let problem = format!(
            "has {} bytes, and a ruleset or a stand-in table may have {LENGTH_MAX} (256 KB): say more in fewer rows, as with lists and ranges",
            source.len()
        );
        return Err(Errors::from_iter([Error { problem, ..error_at(file_name, source, 0) }]));
    }
    // Whether it is TOML at all, its reader says; what was understood is looked at.
    let (root, _) = DeTable::parse_recoverable(source);
    let mut found: Vec<Range<usize>> = Vec::new();
    look_into_table(root.get_ref(), &mut found);
    for piece in pieces(source) {
        let known = found.iter().any(|known| known.start <= piece.start && piece.start < known.end);
        if !known && source.get(piece.clone()).is_some_and(stands_in_text) {
            found.push(piece);
        }
    }
    found.sort_by_key(|place| place.start);
    let errors: Errors = found.iter().map(|place| error_at(file_name, source, place.start)).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Texts as they are meant: escapes may hide digits, and one may go over several lines.
fn look_into_table(table: &DeTable<'_>, found: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        if stands_in_text(key.get_ref()) {
            found.push(key.span());
        }
        look_into(value, found);
    }
}

fn look_into(value: &Spanned<DeValue<'_>>, found: &mut Vec<Range<usize>>) {
    if let Some(text) = value.get_ref().as_str() {
        if stands_in_text(text) {
            found.push(value.span());
        }
    } else if let Some(array) = value.get_ref().as_array() {
        array.iter().for_each(|item| look_into(item, found));
    } else if let Some(table) = value.get_ref().as_table() {
        look_into_table(table, found);
    }
}

/// What stands between quotes, commas and the ends of lines: keys, numbers and comments among them.
fn pieces(source: &str) -> impl Iterator<Item = Range<usize>> {
    let parts = |letter: char| matches!(letter, '"' | '\'' | ',' | '\n');
    source.split(parts).scan(0_usize, |next, piece| {
        let begin = next.saturating_add(piece.len().saturating_sub(piece.trim_start().len()));
        let end = next.saturating_add(piece.len());
        *next = end.saturating_add(1);
        Some(begin..end)
    })
}

fn error_at(file_name: &str, source: &str, offset: usize) -> Error {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or("").chars().count().saturating_add(1);
    Error { file: file_name.to_owned(), line, column, path: String::new(), problem: PROBLEM.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_refused_wherever_it_stands_and_by_its_place_only() {
        for (text, place) in [
            ("# of card 4111 1111 1111 1111\n", "1:1"),
            ("currency = \"USD\"\nnote = \"4111111111111111\"\n", "2:8"),
            ("note = 'x' # 4111-1111-1111-1111\n", "1:12"),
            ("[[rule]]\nid = \"\\u0034111111111111111\"\n", "2:6"),
            ("note = \"\"\"4111 1111\n1111 1111\"\"\"\n", "1:8"),
            ("count_max = 4111111111111111\n", "1:1"),
            ("4111111111111111 = 1\n", "1:1"),
            ("[rule.\"4111111111111111\"]\n", "1:7"),
        ] {
            let told = check("r.toml", text).unwrap_err().to_string();
            assert_eq!(told, format!("r.toml:{place}: {PROBLEM}"), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_unread() {
        let longest = "#".repeat(LENGTH_MAX);
        assert_eq!(check("r.toml", &longest), Ok(()));
        let told = check("r.toml", &format!("{longest}#")).unwrap_err().to_string();
        assert!(told.starts_with("r.toml:1:1: has 262145 bytes, and a ruleset or a stand-in table may have 262144"), "{told}");
    }

    #[test]
    fn rows_of_digits_are_no_card_numbers() {
        for text in [
            // Each of these, read as one number, has the check digit of a card's.
            "mcc = [\"4111\", \"1111\", \"1111\", \"1111\"]\n",
            "mcc = [4111, 1111, 1111, 1111]\n# mcc = [4111, 1111, 1111, 1111]\n",
            "amount_max = \"750.00\"\nmerchant = [\"000000000123456\"]\nuntil = \"2026-03-14T18:00:00Z\"\n",
        ] {
            assert_eq!(check("r.toml", text), Ok(()), "{text}");
        }
    }
}

//! Lists, a page at a time: `limit`, and a `cursor` that goes on behind the last line, so that nothing is skipped or shown
//! twice while the ledger goes on.

use utoipa::IntoParams;

use super::input::{Fields, Need};

/// The most lines on a page.
const LIMIT_MAX: i64 = 200;
/// How many lines a page has if nobody says.
const LIMIT: u32 = 50;

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many lines at most.
    pub limit: u32,
    /// The number of the last line that was shown.
    pub last: Option<i64>,
}

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct PageParameters {
    /// The most lines to answer with.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before, as it was. Its text means nothing.
    cursor: Option<String>,
}

impl Page {
    /// Reads `limit` and `cursor` of a list; one list's cursor is none of another's.
    pub fn read(fields: &Fields, list: &str) -> Option<Self> {
        let limit = fields.parsed("limit", Need::Optional, limit).unwrap_or(LIMIT);
        let last = fields
            .parsed("cursor", Need::Optional, |text| number(text, list).ok_or("must be `next_cursor` of a page of this list"));
        Some(Page { limit, last })
    }

    /// What goes on behind a line.
    #[must_use]
    pub fn cursor(list: &str, last: i64) -> String {
        format!("{:02x}{last:x}", kind(list))
    }
}

fn limit(text: &str) -> Result<u32, &'static str> {
    let number = text.parse::<i64>().ok().filter(|number| (1..=LIMIT_MAX).contains(number));
    number.and_then(|number| u32::try_from(number).ok()).ok_or("must be a whole number from 1 to 200")
}

fn number(cursor: &str, list: &str) -> Option<i64> {
    let (head, digits) = cursor.split_at_checked(2)?;
    if u8::from_str_radix(head, 16).ok()? != kind(list) || digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, 16).ok()
}

/// Tells lists' cursors apart.
fn kind(list: &str) -> u8 {
    list.bytes().fold(0x5a, |kind: u8, byte| kind.rotate_left(3) ^ byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_again_by_its_own_list_only(last in 0_i64..) {
            let cursor = Page::cursor("holds", last);
            prop_assert_eq!(number(&cursor, "holds"), Some(last));
            for other in ["accounts", "cards", "movements"] {
                prop_assert_eq!(number(&cursor, other), None, "{}", other);
            }
        }

        #[test]
        fn no_cursor_panics(text in "\\PC*") {
            let _ = number(&text, "holds");
        }
    }
}

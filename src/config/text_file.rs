//! A file that people write, as text; of one that is none, the place where it stops being text. Understands nothing of it.

use std::path::Path;
use std::{fmt, fs, io};

/// Why a file is no text.
#[derive(Debug)]
pub(crate) enum NotText {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is not UTF-8 from there on. Both count from one; columns in characters.
    NotUtf8 {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
}

impl NotText {
    /// Line and column.
    pub const fn place(&self) -> (usize, usize) {
        match self {
            NotText::Unreadable(_) => (1, 1),
            NotText::NotUtf8 { line, column } => (*line, *column),
        }
    }

    /// The same as somebody at a terminal reads it, who named the file.
    pub fn of(&self, file: &Path) -> String {
        match self {
            NotText::Unreadable(_) => format!("{}: {self}", file.display()),
            NotText::NotUtf8 { line, column } => format!("{}:{line}:{column}: {self}", file.display()),
        }
    }
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotText::Unreadable(error) => write!(f, "cannot be read: {error}"),
            NotText::NotUtf8 { .. } => f.write_str("is not UTF-8 from here on; save the file as UTF-8"),
        }
    }
}

/// Reads it.
///
/// # Errors
/// See [`NotText`].
pub(crate) fn read(path: &Path) -> Result<String, NotText> {
    of_bytes(fs::read(path).map_err(NotText::Unreadable)?)
}

fn of_bytes(bytes: Vec<u8>) -> Result<String, NotText> {
    String::from_utf8(bytes).map_err(|error| {
        let text = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let text = std::str::from_utf8(text).unwrap_or_default();
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", text));
        let lines = if text.contains('\n') { before.split('\n').count().saturating_add(1) } else { 1 };
        NotText::NotUtf8 { line: lines, column: last.chars().count().saturating_add(1) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_says_from_where_on() {
        for (bytes, place) in [
            (&b"\xff"[..], (1, 1)),
            (b"a\xff", (1, 2)),
            (b"version = 1\n\xfe", (2, 1)),
            ("é\n\nüb\u{e9}\n".as_bytes(), (0, 0)),
            (b"a\r\n\r\n\xc3\xa9b\xc3", (3, 3)),
        ] {
            match of_bytes(bytes.to_vec()) {
                Ok(text) => assert_eq!((text.as_bytes(), place), (bytes, (0, 0))),
                Err(error) => assert_eq!(error.place(), place, "{bytes:?}"),
            }
        }
    }
}

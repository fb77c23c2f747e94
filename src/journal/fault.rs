//! What is wrong with a file that should hold a whole journal, without a word on what to do: that depends on whether it is the journal
//! or a copy of one.

use rusqlite::{Error, ErrorCode, ffi};

use super::error::JournalError;

/// What is wrong with what the file holds; nothing where it is something else that failed.
#[must_use]
pub fn of(error: &JournalError) -> Option<String> {
    Some(match error {
        JournalError::Disk(_, error) if is_of_reading(error) => {
            format!("it cannot be read to its end ({error}): it may be cut short")
        }
        JournalError::Foreign(_) => "it holds no journal: it is empty, or another file, or was changed".to_owned(),
        JournalError::Corrupt(_, None, error) => format!("its pages are damaged, or it is cut short ({error})"),
        JournalError::Corrupt(_, Some(record), error) => {
            format!("its pages are damaged, or it is cut short, where record {record} should be ({error})")
        }
        JournalError::Pages(_, what) => format!("its pages are damaged ({what})"),
        JournalError::Broken(_, first) => format!(
            "the group that begins with record {first} does not follow from the one before it: it is cut short, damaged or was changed"
        ),
        JournalError::Unreadable(_, first, error) => format!("the group that begins with record {first} {error}"),
        JournalError::EndsEarly { last, synced, .. } => {
            format!("it ends with record {last}, and was made with everything up to record {synced}")
        }
        JournalError::EndsBefore { last, proven, .. } => format!("it ends with record {last}, and record {proven} was there"),
        JournalError::Replaced { record, .. } => {
            format!("the group that ends with record {record} is not the one that it was made with")
        }
        JournalError::StateMissing { record, .. } => format!("what stands for everything before record {record} is not in it"),
        JournalError::StateChanged { record, .. } => {
            format!("what stands for everything before record {record} is damaged or was changed")
        }
        JournalError::Unannounced { record, .. } => {
            format!("no record names the checkpoint at record {record} that it begins with: the checkpoint was changed")
        }
        JournalError::RulesetChanged { ruleset, .. } => format!("the text of {ruleset} is damaged or was changed"),
        JournalError::PieceDamaged { name, .. } => {
            format!("what it has of {name} is not what was backed up: it is damaged or was changed")
        }
        JournalError::Disk(..)
        | JournalError::Directory(..)
        | JournalError::Newer { .. }
        | JournalError::NoBoundary { .. }
        | JournalError::DroppedMeanwhile { .. }
        | JournalError::StateOfOtherFormat { .. }
        | JournalError::InUse(_)
        | JournalError::Simulated(_) => return None,
    })
}

/// Whether a file could not be read, rather than written: what is there is damaged, or ends too early.
pub(super) fn is_of_reading(error: &Error) -> bool {
    let is_unreadable = |extended| matches!(extended, ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => true,
        Some(_) => error.sqlite_error().is_some_and(|error| is_unreadable(error.extended_code)),
        // A column that holds something else than was written.
        None => matches!(error, Error::FromSqlConversionFailure(..) | Error::Utf8Error(..) | Error::InvalidColumnType(..)),
    }
}

/// What a failure of SQLite asks for, where a file could not be read or written.
pub(super) fn hint(error: &Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "make room on its disk",
        _ if is_of_reading(error) => "it cannot be read: its disk fails, or it is cut short",
        Some(_) | None => "is the disk full, or not writable?",
    }
}

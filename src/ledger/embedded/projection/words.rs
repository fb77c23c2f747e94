//! How columns write our words, and how they are read again. What reads as none of them is damage.

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Mark, MovementCause, StepId};
use holdfast_core::{Currency, Timestamp};
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ledger::embedded::state::{AccountIndex, CardIndex, Counting, Fingerprint};

/// What is in this column is nothing that we write.
pub(super) fn damaged(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, "not what the projection writes".into())
}

/// The text in a column, as the type that it names.
pub(super) fn named<T: for<'a> TryFrom<&'a str>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    T::try_from(row.get_ref(column)?.as_str()?).map_err(|_| damaged(column))
}

/// The same, where there may be none.
pub(super) fn named_or_none<T: for<'a> TryFrom<&'a str>>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => T::try_from(text).map(Some).map_err(|_| damaged(column)),
        None => Ok(None),
    }
}

/// The word in a column.
pub(super) fn word<T>(row: &Row<'_>, column: usize, from: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    from(row.get_ref(column)?.as_str()?).ok_or_else(|| damaged(column))
}

/// The moment in a column.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_unix_micros)
}

/// What a standing was told by, in two columns.
pub(super) fn mark(row: &Row<'_>, column: usize) -> rusqlite::Result<Mark> {
    let id: i64 = row.get(column.saturating_add(1))?;
    Ok(Mark { at: moment(row, column)?, id: StepId(id.cast_unsigned()) })
}

/// What postcard wrote into a column.
pub(super) fn unpacked<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    postcard::from_bytes(row.get_ref(column)?.as_blob()?).map_err(|_| damaged(column))
}

/// Bytes that a packed value seldom needs more of: such a one is written where the stack has room for it.
const PACKED_MOSTLY: usize = 1_024;

/// Hands on a value as postcard writes it. A small one takes no memory of its own.
pub(super) fn with_packed<T>(value: &impl Serialize, take: impl FnOnce(&[u8]) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let mut room = [0; PACKED_MOSTLY];
    match postcard::to_slice(value, &mut room) {
        Ok(bytes) => take(bytes),
        Err(_) => take(&packed(value)?),
    }
}

/// A value as postcard writes it.
pub(super) fn packed(value: &impl Serialize) -> rusqlite::Result<Vec<u8>> {
    postcard::to_allocvec(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A fingerprint as its column has it.
pub(super) fn bytes_of(name: Fingerprint) -> [u8; 16] {
    let Fingerprint([one, two]) = name;
    (u128::from(one) << 64 | u128::from(two)).to_be_bytes()
}

/// The fingerprint in a column.
pub(super) fn fingerprint(row: &Row<'_>, column: usize) -> rusqlite::Result<Fingerprint> {
    row.get(column).map(|bytes| fingerprint_of(&bytes))
}

/// The fingerprint that is written so.
pub(super) fn fingerprint_of(bytes: &[u8; 16]) -> Fingerprint {
    let [one, two] = [bytes.first_chunk(), bytes.last_chunk()].map(|half| half.copied().map_or(0, u64::from_be_bytes));
    Fingerprint([one, two])
}

pub(super) fn currency(code: &str) -> Option<Currency> {
    Currency::from_alpha(code)
}

pub(super) fn account_status(name: &str) -> Option<AccountStatus> {
    AccountStatus::from_name(name)
}

pub(super) fn card_status(name: &str) -> Option<CardStatus> {
    CardStatus::from_name(name)
}

pub(super) fn cardholder_status(name: &str) -> Option<CardholderStatus> {
    CardholderStatus::from_name(name)
}

/// What a movement is balanced against, as its column has it.
pub(super) const fn cause_name(cause: MovementCause) -> &'static str {
    match cause {
        MovementCause::NetworkSettlement => "network_settlement",
        MovementCause::Funding => "funding",
        MovementCause::Fee => "fee",
        MovementCause::Dispute => "dispute",
        MovementCause::StandInLoss => "stand_in_loss",
    }
}

pub(super) fn cause(name: &str) -> Option<MovementCause> {
    let all = [
        MovementCause::NetworkSettlement,
        MovementCause::Funding,
        MovementCause::Fee,
        MovementCause::Dispute,
        MovementCause::StandInLoss,
    ];
    all.into_iter().find(|cause| cause_name(*cause) == name)
}

/// Whom a counter counts for, as its columns have it. A program's counter names its program by its key.
pub(super) const fn counting_columns(counting: Counting) -> (&'static str, u32) {
    match counting {
        Counting::Card(CardIndex(number)) => ("card", number),
        Counting::Account(AccountIndex(number)) => ("account", number),
        Counting::Program => ("program", 0),
    }
}

/// Whom a counter counts for.
pub(super) fn counting(scope: &str, subject: u32) -> Option<Counting> {
    let all = [Counting::Card(CardIndex(subject)), Counting::Account(AccountIndex(subject)), Counting::Program];
    all.into_iter().find(|counting| counting_columns(*counting).0 == scope)
}

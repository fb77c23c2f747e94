//! What a journal's dropped records amounted to: the projection's own tables as they were at exactly one record, in a file of
//! their own. They are made by following the records that are about to go, from the state before them, so that they rest on
//! the journal alone: the projection in use may be thrown away before, meanwhile or after.
//!
//! The file is read for a replay, a story or a settlement that begins there, and a lost projection begins with a copy of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holdfast_core::hold::MovementCause;
use holdfast_core::{AccountId, AuthorizationId, Currency, Money, NetworkName, PaymentRef, PlatformName, ProgramId, Timestamp};
use rusqlite::{Connection, Params, params};

use super::follow::{FollowError, follow_batch};
use super::lately::{self, CardUse, Purse};
use super::read::of_day;
use super::rows::{AccountKept, CardKept, CardholderKept, HoldKept};
use super::{find, restore, schema, words};
use crate::agent::outside::IS_OUTSIDE_SQL;
use crate::books::{Book, Books};
use crate::journal::{Checkpoint, CheckpointState, Joint, JournalError, Reader, Tail, state_file};
use crate::ledger::embedded::state::{HoldRow, State};
use crate::settlement_day::Cutoff;

/// Why there is no new state; what was begun of it is thrown away the next time.
#[derive(Debug)]
pub enum DrawError {
    /// The journal, the state before, or the disk.
    Journal(JournalError),
    /// The records could not be followed.
    Follow(FollowError),
    /// The caller wanted to stop.
    Stopped,
}

impl From<JournalError> for DrawError {
    fn from(error: JournalError) -> Self {
        DrawError::Journal(error)
    }
}

impl std::fmt::Display for DrawError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DrawError::Journal(error) => error.fmt(f),
            DrawError::Follow(error) => error.fmt(f),
            DrawError::Stopped => f.write_str("the server is stopping; nothing was dropped"),
        }
    }
}

/// Draws the state at the end of everything before `to`, where a group begins, and puts its file beside the journal. `at` is
/// when the last of those records was written. Nothing relies on the file yet.
///
/// # Errors
/// See [`DrawError`].
pub fn draw(directory: &Path, to: Joint, at: Timestamp, goes_on: &dyn Fn() -> bool) -> Result<Checkpoint, DrawError> {
    let journal = Tail::open(directory)?;
    let before = journal.checkpoint()?;
    state_file::throw_away_others(directory, before.as_ref().map(|checkpoint| checkpoint.record))?;
    let part = state_file::part_in(directory);
    let connection = match &before {
        Some(before) => schema::open_copy(directory, before, &part)?,
        None => first(directory, &part)?,
    };
    let disk = |error| DrawError::Journal(JournalError::disk(&part)(error));
    // All of it is synced once it is whole.
    connection.execute_batch("PRAGMA synchronous = OFF").map_err(disk)?;
    let mut mark = restore::mark(&connection).map_err(disk)?;
    let mut progress = None;
    while mark.end.next < to.next {
        if !goes_on() {
            return Err(DrawError::Stopped);
        }
        let from = mark.end;
        follow_batch(&journal, &connection, &mut mark, &mut progress, to.next.saturating_sub(1)).map_err(DrawError::Follow)?;
        if mark.end == from {
            break;
        }
    }
    if mark.end != to {
        return Err(JournalError::NoBoundary { path: part, record: to.next }.into());
    }
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned).map_err(disk);
    let accounts = count("SELECT count(*) FROM account")?;
    let cards = count("SELECT count(*) FROM card")?;
    let holds_open = count("SELECT count(*) FROM hold WHERE status = 'open'")?;
    schema::close_alone(connection).map_err(disk)?;
    let (sha256, bytes) = state_file::measure(&part).map_err(|error| JournalError::Directory(part.clone(), error))?;
    state_file::install(&part, directory, to.next)?;
    let state = CheckpointState { sha256, bytes, at, accounts, cards, holds_open };
    Ok(Checkpoint { record: to.next, chain: to.chain, state: state.written() })
}

/// Before the first record: fingerprinted by the projection's key, so that whoever has names under it may go on from here.
fn first(directory: &Path, part: &Path) -> Result<Connection, JournalError> {
    let connection = schema::open_empty(part)?;
    let key = || -> rusqlite::Result<()> {
        if let Some(projection) = schema::open_to_read(directory)? {
            let secret: Vec<u8> = projection.query_row("SELECT secret FROM meta", [], |row| row.get(0))?;
            connection.execute("UPDATE meta SET secret = ?1", [secret])?;
        }
        Ok(())
    };
    key().map_err(JournalError::disk(part))?;
    Ok(connection)
}

/// The state that a trimmed journal begins with, open for reading.
#[derive(Debug)]
pub struct Beginning {
    path: PathBuf,
    connection: Connection,
    mark: restore::Mark,
    /// The first record that is kept.
    pub record: i64,
    /// When the last record before it was written.
    pub at: Timestamp,
}

impl Beginning {
    /// What a journal begins with; nothing if it begins with its first record. The state is proven first.
    ///
    /// # Errors
    /// It is not there, was changed, or is another version's.
    pub fn of(reader: &Reader) -> Result<Option<Self>, JournalError> {
        let Some(checkpoint) = reader.begins_with()? else { return Ok(None) };
        let (directory, record) = (reader.directory(), checkpoint.record);
        checkpoint.prove_state(directory)?;
        let path = state_file::path_of(directory, record);
        let at = checkpoint.state_of(&path)?.at;
        let connection = schema::open_state(directory, record)?;
        let mark = restore::mark(&connection).map_err(JournalError::disk(&path))?;
        if mark.end != checkpoint.joint() {
            return Err(JournalError::StateChanged { path, record });
        }
        Ok(Some(Beginning { path, connection, mark, record, at }))
    }

    fn disk(&self, error: rusqlite::Error) -> JournalError {
        JournalError::disk(&self.path)(error)
    }

    /// Memory as it was.
    ///
    /// # Errors
    /// The disk.
    pub(in crate::ledger::embedded) fn memory(&self) -> Result<State, JournalError> {
        restore::whole_state(&self.connection, &self.mark).map_err(|error| self.disk(error))
    }

    /// Whether a hold of this number was placed in records that were dropped.
    #[must_use]
    pub const fn has_placed(&self, hold: u64) -> bool {
        hold < self.mark.next_hold
    }

    /// Accounts' money and everybody's standing as they were.
    ///
    /// # Errors
    /// The disk.
    pub fn books(&self) -> Result<Books, JournalError> {
        self.read_books().map_err(|error| self.disk(error))
    }

    fn read_books(&self) -> rusqlite::Result<Books> {
        let (mut books, lately) = (Books::default(), lately::all::<Purse>(&self.connection)?);
        self.each(&format!("SELECT {} FROM account", AccountKept::COLUMNS), |row| {
            let AccountKept { number, program, id, account, .. } = AccountKept::read(row)?.with(&lately);
            books.put_account(number, Book { program, id, account });
            Ok(())
        })?;
        self.each(&format!("SELECT {} FROM card", CardKept::COLUMNS), |row| {
            let CardKept { number, status, .. } = CardKept::read(row)?;
            books.put_card(number, status);
            Ok(())
        })?;
        self.each(&format!("SELECT {} FROM cardholder", CardholderKept::COLUMNS), |row| {
            let CardholderKept { number, standing, .. } = CardholderKept::read(row)?;
            if let Some((status, _)) = standing {
                books.put_cardholder(number, status);
            }
            Ok(())
        })?;
        Ok(books)
    }

    /// Cards as they were: number, since when they are known, and whether a payment was ever placed with them.
    ///
    /// # Errors
    /// The disk.
    pub fn cards(&self) -> Result<Vec<(u32, Timestamp, bool)>, JournalError> {
        let (mut cards, lately) = (Vec::new(), lately::all::<CardUse>(&self.connection).map_err(|error| self.disk(error))?);
        let read = self.each(&format!("SELECT {} FROM card", CardKept::COLUMNS), |row| {
            let CardKept { number, since, used, .. } = CardKept::read(row)?;
            let used = lately.get(&number).map_or(used, |card| card.used);
            cards.push((number, since, used.is_some()));
            Ok(())
        });
        read.map_err(|error| self.disk(error))?;
        Ok(cards)
    }

    /// Over which network payments went, where that was told.
    ///
    /// # Errors
    /// The disk.
    pub fn networks(&self) -> Result<BTreeMap<u64, NetworkName>, JournalError> {
        let mut networks = BTreeMap::new();
        let read = self.each("SELECT number, network FROM hold WHERE network IS NOT NULL", |row| {
            let hold: i64 = row.get(0)?;
            networks.insert(hold.cast_unsigned(), words::named(row, 1)?);
            Ok(())
        });
        read.map(|()| networks).map_err(|error| self.disk(error))
    }

    /// Whether money of a program was moved, in records that were dropped, that counts to this day.
    ///
    /// # Errors
    /// The disk.
    pub fn has_settled(&self, program: &ProgramId, cutoff: &Cutoff, day: i32) -> Result<bool, JournalError> {
        let (from, to) = (cutoff.end_of(day.saturating_sub(1)).unix_micros(), cutoff.end_of(day).unix_micros());
        let exists = || {
            let mut statement = self.connection.prepare(&of_day(&self.connection, program)?)?;
            statement.exists(params![program.as_str(), day, from, to])
        };
        exists().map_err(|error| self.disk(error))
    }

    /// What of a program's money, and of what it holds, was moved in records that were dropped and counts to later days: by
    /// currency, in minor units.
    ///
    /// # Errors
    /// The disk.
    pub fn later(&self, program: &ProgramId, cutoff: &Cutoff, day: i32) -> Result<Vec<(Currency, i64, i64)>, JournalError> {
        let mut later = Vec::new();
        let inside = format!("account NOT IN (SELECT number FROM account WHERE {IS_OUTSIDE_SQL})");
        let sql = format!(
            "SELECT currency, posted, held FROM movement WHERE program = ?1 AND settlement_day > ?2 AND {inside}
             UNION ALL SELECT currency, posted, held FROM movement
             WHERE program = ?1 AND settlement_day IS NULL AND happened_at >= ?3 AND {inside}"
        );
        let read = self.each_of(&sql, params![program.as_str(), day, cutoff.end_of(day).unix_micros()], |row| {
            later.push((words::word(row, 0, words::currency)?, row.get(1)?, row.get(2)?));
            Ok(())
        });
        read.map(|()| later).map_err(|error| self.disk(error))
    }

    /// What a program's decisions debited in records that were dropped, and no completion has told the day of, by hold.
    ///
    /// # Errors
    /// The disk.
    pub fn debits(&self, program: &ProgramId) -> Result<Vec<Debit>, JournalError> {
        let mut debits = Vec::new();
        let sql = format!(
            "SELECT m.record, m.at, m.hold, m.posted, m.currency, m.cause, a.name
             FROM movement m JOIN account a ON a.number = m.account
             WHERE m.program = ?1 AND m.at_once = 1 AND m.posted <> 0 AND m.settlement_day IS NULL AND NOT {IS_OUTSIDE_SQL}
             ORDER BY m.record"
        );
        let read = self.each_of(&sql, params![program.as_str()], |row| {
            let currency = words::word(row, 4, words::currency)?;
            let Some(hold) = row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned) else { return Ok(()) };
            let HoldRow { payment, platform, .. } = HoldKept::load(&self.connection, hold)?.ok_or_else(|| words::damaged(2))?.row;
            debits.push(Debit {
                record: row.get(0)?,
                at: words::moment(row, 1)?,
                hold,
                posted: Money::from_minor(row.get(3)?, currency),
                cause: words::word(row, 5, words::cause)?,
                account: words::named(row, 6)?,
                payment,
                platform,
            });
            Ok(())
        });
        read.map(|()| debits).map_err(|error| self.disk(error))
    }

    /// The first name of a payment that records which were dropped placed, by the number of its hold.
    ///
    /// # Errors
    /// The disk.
    pub fn payment(&self, hold: u64) -> Result<Option<AuthorizationId>, JournalError> {
        let kept = HoldKept::load(&self.connection, hold).map_err(|error| self.disk(error))?;
        Ok(kept.map(|kept| kept.row.payment))
    }

    /// Whether a payment that records which were dropped placed was called so there, by the number of its hold.
    ///
    /// # Errors
    /// The disk.
    pub fn is_called(&self, hold: u64, program: &ProgramId, name: AuthorizationId) -> Result<bool, JournalError> {
        let read = || {
            let Some(HoldKept { row, .. }) = HoldKept::load(&self.connection, hold)? else { return Ok(false) };
            let key = find::key(&self.connection)?;
            let named = |payment: PaymentRef| key.payment(program, row.platform.as_ref(), &payment).first;
            let names = [named(PaymentRef::of(name)), named(PaymentRef::by_alias(name))];
            Ok(row.payment == name || names.iter().any(|name| row.names.contains(name)))
        };
        read().map_err(|error| self.disk(error))
    }

    fn each(&self, sql: &str, take: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
        self.each_of(sql, [], take)
    }

    fn each_of(
        &self,
        sql: &str,
        values: impl Params,
        mut take: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    }
}

/// What a decision debited in a record that was dropped.
#[derive(Debug, Clone, Copy)]
pub struct Debit {
    /// The record.
    pub record: i64,
    /// When the ledger applied it.
    pub at: Timestamp,
    /// The number of its hold.
    pub hold: u64,
    /// What the account has more, or less.
    pub posted: Money,
    /// What it is balanced against.
    pub cause: MovementCause,
    /// The account's name.
    pub account: AccountId,
    /// The platform's first name of the payment.
    pub payment: AuthorizationId,
    /// The platform that asked.
    pub platform: Option<PlatformName>,
}

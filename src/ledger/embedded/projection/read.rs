//! The projection as others read it: lists, pages, sums. Opened for reading only; it may be a moment behind the ledger
//! ([`Reader::projected`] says how far it is), and nothing here decides anything by it.
//!
//! Pages go on behind a cursor, the number or record of the last line that was read, so that they neither skip nor repeat a
//! line while the ledger goes on.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use holdfast_core::hold::Account;
use holdfast_core::{AccountId, CardToken, Currency, PaymentRef, PlatformName, ProgramId};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};

use super::lately::{self, CardUse, Purse};
pub use super::lines::{DaySum, HoldLine, Movement};
use super::rows::HoldKept;
pub use super::rows::{AccountKept, CardKept, CardStanding, CardholderKept};
use super::{find, schema, words};
use crate::agent::outside::IS_OUTSIDE_SQL;
use crate::ledger::embedded::state::CardIndex;
use crate::settlement_day::Cutoff;

/// Why the projection cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// There is none of this program's format; the ledger makes it when it starts.
    Missing,
    /// SQLite or the disk; or a file that is damaged, which the ledger makes anew when it finds it so.
    Unreadable(rusqlite::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Missing => f.write_str("there is no projection yet; start the ledger once"),
            ReadError::Unreadable(error) => {
                write!(
                    f,
                    "the projection cannot be read: {error}; if it is damaged, the ledger makes it anew when it follows, or when it is started again"
                )
            }
        }
    }
}

impl std::error::Error for ReadError {}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        ReadError::Unreadable(error)
    }
}

/// The projection of a data directory, open for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// What a program posted on a day: the platform's, or the one between two of its cut-offs. Written as the indexes have it.
const OF_DAY: &str = "
    SELECT network, currency, cause, posted FROM movement
    WHERE posted <> 0 AND settlement_day IS NOT NULL AND program = ?1 AND settlement_day = ?2
    UNION ALL SELECT network, currency, cause, posted FROM movement
    WHERE posted <> 0 AND settlement_day IS NULL AND program = ?1 AND happened_at >= ?3 AND happened_at < ?4";

/// The same without what stands for instruments that are none of ours. Whose movement it is stands in no index: only a program that has
/// such accounts reads the rows.
pub(super) fn of_day(connection: &Connection, program: &ProgramId) -> rusqlite::Result<Cow<'static, str>> {
    let has_outside = format!("SELECT EXISTS (SELECT 1 FROM account WHERE program = ?1 AND {IS_OUTSIDE_SQL})");
    let has_outside: bool = connection.prepare_cached(&has_outside)?.query_row([program.as_str()], |row| row.get(0))?;
    if !has_outside {
        return Ok(Cow::Borrowed(OF_DAY));
    }
    let inside = format!("posted <> 0 AND account NOT IN (SELECT number FROM account WHERE {IS_OUTSIDE_SQL})");
    Ok(Cow::Owned(OF_DAY.replace("posted <> 0", &inside)))
}

type Page<T> = Result<Vec<T>, ReadError>;

impl Reader {
    /// Opens the projection in a data directory.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open(directory: &Path) -> Result<Self, ReadError> {
        let connection = schema::open_to_read(directory)?.ok_or(ReadError::Missing)?;
        Ok(Reader { connection })
    }

    /// Up to which record everything is in it.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn projected(&self) -> Result<i64, ReadError> {
        Ok(self.connection.query_row("SELECT next - 1 FROM meta", [], |row| row.get(0))?)
    }

    /// The oldest hold that is under way, and the first record about it.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn oldest_open(&self) -> Result<Option<(u64, i64)>, ReadError> {
        let sql = "FROM hold INDEXED BY hold_open WHERE status = 'open' ORDER BY number LIMIT 1";
        let oldest = self.page(HoldKept::COLUMNS, sql, [], HoldKept::read)?.pop();
        Ok(oldest.map(|kept| (kept.row.number.0, kept.records.first().copied().unwrap_or(0))))
    }

    /// Accounts of a program by number, behind `after`, at most so many.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn accounts(&self, program: &ProgramId, after: Option<u32>, most: u32) -> Page<AccountKept> {
        let sql = format!("FROM account WHERE program = ?1 AND number > ?2 AND NOT {IS_OUTSIDE_SQL} ORDER BY number LIMIT ?3");
        self.accounts_of(&sql, params![program.as_str(), behind(after), most])
    }

    /// Accounts, with the money that is on them lately.
    fn accounts_of(&self, sql: &str, values: impl Params) -> Page<AccountKept> {
        let _at_once = self.connection.unchecked_transaction()?;
        let rows = self.page(AccountKept::COLUMNS, sql, values, AccountKept::read)?;
        let lately = lately::all(&self.connection)?;
        Ok(rows.into_iter().map(|row| row.with(&lately)).collect())
    }

    /// Every account, as of one moment: number, whose it is, its name, what is on it. Up to which record that is.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn every_account(&self, mut take: impl FnMut(u32, ProgramId, AccountId, Account)) -> Result<i64, ReadError> {
        let _at_once = self.connection.unchecked_transaction()?;
        let (projected, lately) = (self.projected()?, lately::all(&self.connection)?);
        let mut statement = self.connection.prepare(&format!("SELECT {} FROM account", AccountKept::COLUMNS))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let AccountKept { number, program, id, account, .. } = AccountKept::read(row)?.with(&lately);
            take(number, program, id, account);
        }
        Ok(projected)
    }

    /// An account by its number.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn account(&self, number: u32) -> Result<Option<AccountKept>, ReadError> {
        Ok(self.accounts_of("FROM account WHERE number = ?1", [number])?.into_iter().next())
    }

    /// How an account is called, and what is on it is in.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn account_called(&self, number: u32) -> Result<Option<(AccountId, Currency)>, ReadError> {
        Ok(AccountKept::load(&self.connection, number)?.map(|row| (row.id, row.account.currency)))
    }

    /// The number of the account of that name.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn account_number(&self, program: &ProgramId, account: &AccountId) -> Result<Option<u32>, ReadError> {
        let sql = "FROM account WHERE program = ?1 AND name = ?2 LIMIT 1";
        let found = self.page("number", sql, params![program.as_str(), account.as_str()], |row| row.get(0))?;
        Ok(found.into_iter().next())
    }

    /// An account by its name.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn account_named(&self, program: &ProgramId, account: &AccountId) -> Result<Option<AccountKept>, ReadError> {
        let sql = "FROM account WHERE program = ?1 AND name = ?2 LIMIT 1";
        Ok(self.accounts_of(sql, params![program.as_str(), account.as_str()])?.into_iter().next())
    }

    /// A cardholder by their number.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn cardholder(&self, number: u32) -> Result<Option<CardholderKept>, ReadError> {
        Ok(CardholderKept::load(&self.connection, number)?)
    }

    /// A card by its number.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn card(&self, number: u32) -> Result<Option<CardKept>, ReadError> {
        Ok(CardKept::load(&self.connection, number)?)
    }

    /// A card by the platform's token.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn card_named(&self, program: &ProgramId, card: &CardToken) -> Result<Option<CardKept>, ReadError> {
        let sql = "FROM card WHERE program = ?1 AND token = ?2 LIMIT 1";
        let found = self.page(CardKept::COLUMNS, sql, params![program.as_str(), card.as_str()], CardKept::read)?;
        Ok(found.into_iter().next())
    }

    /// Cards on an account by number, behind `after`, at most so many.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn cards_of_account(&self, account: u32, after: Option<u32>, most: u32) -> Page<CardKept> {
        let sql = "FROM card WHERE account = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
        self.page(CardKept::COLUMNS, sql, params![account, behind(after), most], CardKept::read)
    }

    /// Cards of a program by number, behind `after`, at most so many, each with all that can bar it.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn card_standings(&self, program: &ProgramId, after: Option<u32>, most: u32) -> Page<CardStanding> {
        // Not by the index of tokens: it would sort all cards for each page.
        let sql = "FROM card LEFT JOIN cardholder ON cardholder.number = card.cardholder
            LEFT JOIN account ON account.number = card.account
            WHERE +card.program = ?1 AND card.number > ?2 ORDER BY card.number LIMIT ?3";
        self.page(CardStanding::COLUMNS, sql, params![program.as_str(), behind(after), most], CardStanding::read)
    }

    /// A hold by its number.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn hold(&self, number: u64) -> Result<Option<HoldLine>, ReadError> {
        Ok(HoldKept::load(&self.connection, number)?.map(HoldLine::from))
    }

    /// The hold of a payment, by either of its names.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn hold_of_payment(
        &self,
        program: &ProgramId,
        platform: Option<&PlatformName>,
        payment: &PaymentRef,
    ) -> Result<Option<HoldLine>, ReadError> {
        let _at_once = self.connection.unchecked_transaction()?;
        let names = find::key(&self.connection)?.payment(program, platform, payment);
        Ok(find::hold(&self.connection, names.iter())?.map(HoldLine::from))
    }

    /// Holds on an account, the newest first, older than `before`, at most so many.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn holds_of_account(&self, account: u32, before: Option<u64>, most: u32) -> Page<HoldLine> {
        let newest = |connection: &Connection| Ok(lately::now::<Purse>(connection, account)?.and_then(|purse| purse.last_hold));
        let next = |kept: &HoldKept| (kept.row.account.0 == account).then_some(kept.older_of_account);
        self.list_of_holds(before, most, newest, next)
    }

    /// Holds that count for a card, the newest first, older than `before`, at most so many.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn holds_of_card(&self, card: u32, before: Option<u64>, most: u32) -> Page<HoldLine> {
        let newest = |connection: &Connection| Ok(lately::now::<CardUse>(connection, card)?.and_then(|card| card.last_hold));
        let next = |kept: &HoldKept| (kept.row.card == Some(CardIndex(card))).then_some(kept.older_of_card);
        self.list_of_holds(before, most, newest, next)
    }

    /// Goes through a list of holds, each of which names the one before it: from the newest on, or from the one that a page
    /// ended with.
    fn list_of_holds(
        &self,
        before: Option<u64>,
        most: u32,
        newest: impl Fn(&Connection) -> rusqlite::Result<Option<u64>>,
        next: impl Fn(&HoldKept) -> Option<Option<u64>>,
    ) -> Page<HoldLine> {
        let at_once = self.connection.unchecked_transaction()?;
        let of_list = match before {
            Some(before) => HoldKept::load(&at_once, before)?.and_then(|kept| next(&kept)),
            None => None,
        };
        let mut number = of_list.map_or_else(|| newest(&at_once), Ok)?;
        let mut lines = Vec::new();
        while let Some(wanted) = number
            && lines.len() < usize::try_from(most).unwrap_or(usize::MAX)
        {
            let kept = HoldKept::load(&at_once, wanted)?.ok_or_else(|| words::damaged(0))?;
            number = next(&kept).flatten();
            if before.is_none_or(|before| wanted < before) {
                lines.push(HoldLine::from(kept));
            }
        }
        Ok(lines)
    }

    /// Open holds of all programs, the newest first, older than `before`, at most so many.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open_holds(&self, before: Option<u64>, most: u32) -> Page<HoldLine> {
        // Written as the index has it, so that it is taken.
        let sql = "FROM hold WHERE status = 'open' AND number < ?1 ORDER BY number DESC LIMIT ?2";
        self.page(HoldKept::COLUMNS, sql, params![older(before), most], hold_line)
    }

    /// What moved on an account, the newest first, by records before `before`, at most so many.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn movements_of_account(&self, account: u32, before: Option<i64>, most: u32) -> Page<Movement> {
        let at_once = self.connection.unchecked_transaction()?;
        let sql = format!("SELECT {}, older FROM movement WHERE account = ?1 AND record = ?2", Movement::COLUMNS);
        let mut line = at_once.prepare_cached(&sql)?;
        let mut line = |record: i64| {
            let read = |row: &Row<'_>| Ok((Movement::read(row)?, row.get::<_, Option<i64>>(Movement::OLDER)?));
            line.query_row(params![account, record], read).optional()
        };
        let of_list = before.map(&mut line).transpose()?.flatten().map(|(_, older)| older);
        let newest = || lately::now::<Purse>(&at_once, account).map(|purse| purse?.last_movement);
        let mut record = of_list.map_or_else(newest, Ok)?;
        let mut lines = Vec::new();
        while let Some(wanted) = record
            && lines.len() < usize::try_from(most).unwrap_or(usize::MAX)
        {
            let (movement, older) = line(wanted)?.ok_or_else(|| words::damaged(0))?;
            record = older;
            if before.is_none_or(|before| wanted < before) {
                lines.push(movement);
            }
        }
        Ok(lines)
    }

    /// What was posted on one day of a program, whose days end at this cut-off: by network, currency and cause.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn sums(&self, program: &ProgramId, cutoff: &Cutoff, day: i32) -> Page<DaySum> {
        // Two halves of each amount: a day's sum may pass 64 bits, and SQLite refuses those.
        let columns = "network, currency, cause, sum(posted >> 32), sum(posted & 4294967295), count(*)";
        let of_day = of_day(&self.connection, program)?;
        let sql = format!("FROM ({of_day}) GROUP BY network, currency, cause ORDER BY network, currency, cause");
        let (from, to) = (cutoff.end_of(day.saturating_sub(1)).unix_micros(), cutoff.end_of(day).unix_micros());
        self.page(columns, &sql, params![program.as_str(), day, from, to], DaySum::read)
    }

    fn page<T>(
        &self,
        columns: &str,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Page<T> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT {columns} {sql}"))?;
        Ok(statement.query_map(values, read)?.collect::<rusqlite::Result<_>>()?)
    }
}

fn hold_line(row: &Row<'_>) -> rusqlite::Result<HoldLine> {
    HoldKept::read(row).map(HoldLine::from)
}

/// Numbers of accounts and cards begin with 0.
fn behind(after: Option<u32>) -> i64 {
    after.map_or(-1, i64::from)
}

fn older(before: Option<u64>) -> i64 {
    before.map_or(i64::MAX, u64::cast_signed)
}

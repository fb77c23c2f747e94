//! The rows that memory is made of, as the projection keeps them: read, and written, one by one. Nothing here knows what a
//! row means.

use holdfast_core::hold::{Account, AccountStatus, CardStatus, CardholderStatus, Counted, Hold, Mark, Step};
use holdfast_core::{
    AccountId, AuthorizationId, CardToken, CardholderToken, Expiry, NetworkName, PlatformName, ProgramId, Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use smallvec::SmallVec;

use super::words;
use crate::ledger::embedded::state::{AccountIndex, CardIndex, Fingerprint, HoldNumber, HoldRow};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountKept {
    /// Its number.
    pub number: u32,
    /// Whose it is.
    pub program: ProgramId,
    /// Its name.
    pub id: AccountId,
    /// Its money and status.
    pub account: Account,
    /// What its status was told by.
    pub told: Mark,
}

impl AccountKept {
    pub(super) const COLUMNS: &'static str =
        "number, program, name, currency, status, posted, held, credit_line, told_at, told_by";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let account = Account {
            currency: words::word(row, 3, words::currency)?,
            status: words::word(row, 4, words::account_status)?,
            posted: row.get(5)?,
            held: row.get(6)?,
            credit_line: row.get(7)?,
        };
        let (program, id) = (words::named(row, 1)?, words::named(row, 2)?);
        Ok(AccountKept { number: row.get(0)?, program, id, account, told: words::mark(row, 8)? })
    }

    pub(super) fn load(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        one(connection, &format!("SELECT {} FROM account WHERE number = ?1", Self::COLUMNS), number.into(), Self::read)
    }

    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Account { currency, posted, held, credit_line, status } = self.account;
        connection
            .prepare_cached(
                "INSERT INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (number) DO UPDATE SET
                 status = ?5, posted = ?6, held = ?7, credit_line = ?8, told_at = ?9, told_by = ?10",
            )?
            .execute(params![
                self.number,
                self.program.as_str(),
                self.id.as_str(),
                currency.code(),
                status.name(),
                posted,
                held,
                credit_line,
                self.told.at.unix_micros(),
                self.told.id.0.cast_signed()
            ])
            .map(drop)
    }
}

/// A cardholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardholderKept {
    /// Its number.
    pub number: u32,
    /// Whose program it belongs to.
    pub program: ProgramId,
    /// The platform's token.
    pub token: CardholderToken,
    /// The status, and what it was told by, where anybody told.
    pub standing: Option<(CardholderStatus, Mark)>,
}

impl CardholderKept {
    pub(super) const COLUMNS: &'static str = "number, program, token, told_at, told_by, status";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let standing = match row.get_ref(5)?.as_str_or_null()? {
            Some(status) => Some((words::cardholder_status(status).ok_or_else(|| words::damaged(5))?, words::mark(row, 3)?)),
            None => None,
        };
        Ok(CardholderKept { number: row.get(0)?, program: words::named(row, 1)?, token: words::named(row, 2)?, standing })
    }

    pub(super) fn load(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        one(connection, &format!("SELECT {} FROM cardholder WHERE number = ?1", Self::COLUMNS), number.into(), Self::read)
    }

    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO cardholder (number, program, token, status, told_at, told_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (number) DO UPDATE SET status = ?4, told_at = ?5, told_by = ?6",
            )?
            .execute(params![
                self.number,
                self.program.as_str(),
                self.token.as_str(),
                self.standing.map(|(status, _)| status.name()),
                self.standing.map(|(_, told)| told.at.unix_micros()),
                self.standing.map(|(_, told)| told.id.0.cast_signed())
            ])
            .map(drop)
    }
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardKept {
    /// Its number.
    pub number: u32,
    /// Whose program it belongs to.
    pub program: ProgramId,
    /// The platform's token.
    pub token: CardToken,
    /// The number of the account behind it.
    pub account: Option<u32>,
    /// The number of its owner.
    pub cardholder: Option<u32>,
    /// Its status.
    pub status: CardStatus,
    /// What the status was told by.
    pub told: Mark,
    /// When it was first heard of.
    pub since: Timestamp,
    /// When a payment was placed with it for the first time.
    pub used: Option<Timestamp>,
}

impl CardKept {
    pub(super) const COLUMNS: &'static str = "number, program, token, account, cardholder, status, told_at, told_by, since, used";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(CardKept {
            number: row.get(0)?,
            program: words::named(row, 1)?,
            token: words::named(row, 2)?,
            account: row.get(3)?,
            cardholder: row.get(4)?,
            status: words::word(row, 5, words::card_status)?,
            told: words::mark(row, 6)?,
            since: Timestamp::from_unix_micros(row.get(8)?),
            used: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_unix_micros),
        })
    }

    pub(super) fn load(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        one(connection, &format!("SELECT {} FROM card WHERE number = ?1", Self::COLUMNS), number.into(), Self::read)
    }

    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO card VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (number) DO UPDATE SET
                 account = ?4, cardholder = ?5, status = ?6, told_at = ?7, told_by = ?8",
            )?
            .execute(params![
                self.number,
                self.program.as_str(),
                self.token.as_str(),
                self.account,
                self.cardholder,
                self.status.name(),
                self.told.at.unix_micros(),
                self.told.id.0.cast_signed(),
                self.since.unix_micros(),
                self.used.map(Timestamp::unix_micros)
            ])
            .map(drop)
    }
}

/// A card, with all that can bar it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardStanding {
    /// Its number.
    pub number: u32,
    /// The platform's token.
    pub card: CardToken,
    /// Its own status.
    pub status: CardStatus,
    /// Its owner, and their status, if anybody ever told.
    pub cardholder: Option<(CardholderToken, Option<CardholderStatus>)>,
    /// The account behind it, and its status.
    pub account: Option<(AccountId, AccountStatus)>,
}

impl CardStanding {
    pub(super) const COLUMNS: &'static str =
        "card.number, card.token, card.status, cardholder.token, cardholder.status, account.name, account.status";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let status_or_none = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
        let owner_status = status_or_none(4)?.map(|name| words::cardholder_status(name).ok_or_else(|| words::damaged(4)));
        let owner_status = owner_status.transpose()?;
        let cardholder: Option<CardholderToken> = words::named_or_none(row, 3)?;
        let account = match words::named_or_none(row, 5)? {
            Some(name) => Some((name, words::word(row, 6, words::account_status)?)),
            None => None,
        };
        Ok(CardStanding {
            number: row.get(0)?,
            card: words::named(row, 1)?,
            status: words::word(row, 2, words::card_status)?,
            cardholder: cardholder.map(|token| (token, owner_status)),
            account,
        })
    }
}

/// All that the engine knows of a hold and no column shows.
type Life = (Expiry, Hold, SmallVec<[Step; 1]>, SmallVec<[Counted; 3]>, SmallVec<[Fingerprint; 2]>);

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HoldKept {
    pub program: ProgramId,
    pub row: HoldRow,
    pub opened_at: Timestamp,
    pub changed_at: Timestamp,
    /// The record that changed it last.
    pub changed_by: i64,
    /// The first network that was told of it.
    pub network: Option<NetworkName>,
    /// Every record that is about it, the oldest first.
    pub records: SmallVec<[i64; 4]>,
}

impl HoldKept {
    pub(super) const COLUMNS: &'static str =
        "number, program, platform, payment, account, card, opened_at, changed_at, changed_by, life, records, network";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let number: i64 = row.get(0)?;
        let (expiry, hold, steps, counted, names): Life = words::unpacked(row, 9)?;
        let payment: AuthorizationId = words::named(row, 3)?;
        let platform: Option<PlatformName> = words::named_or_none(row, 2)?;
        let number = HoldNumber(number.cast_unsigned());
        let account = AccountIndex(row.get(4)?);
        let card = row.get::<_, Option<u32>>(5)?.map(CardIndex);
        Ok(HoldKept {
            program: words::named(row, 1)?,
            row: HoldRow { number, account, card, platform, payment, expiry, hold, steps, counted, names },
            opened_at: words::moment(row, 6)?,
            changed_at: words::moment(row, 7)?,
            changed_by: row.get(8)?,
            records: words::unpacked(row, 10)?,
            network: words::named_or_none(row, 11)?,
        })
    }

    pub(super) fn load(connection: &Connection, number: u64) -> rusqlite::Result<Option<Self>> {
        let sql = format!("SELECT {} FROM hold WHERE number = ?1", Self::COLUMNS);
        one(connection, &sql, number.cast_signed(), Self::read)
    }

    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        let HoldRow { number, account, card, platform, payment, expiry, hold, steps, counted, names } = &self.row;
        connection
            .prepare_cached(
                "INSERT INTO hold VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
                 ON CONFLICT (number) DO UPDATE SET card = ?6, status = ?7, authorized = ?8, held = ?9, captured = ?10, refunded = ?11,
                 changed_at = ?13, changed_by = ?14, expires_at = ?15, network = ?16, records = ?17,
                 life = ?18",
            )?
            .execute(params![
                number.0.cast_signed(),
                self.program.as_str(),
                platform.as_ref().map(PlatformName::as_str),
                payment.as_str(),
                account.0,
                card.map(|index| index.0),
                hold.status.name(),
                hold.authorized,
                hold.held,
                hold.captured,
                hold.refunded,
                self.opened_at.unix_micros(),
                self.changed_at.unix_micros(),
                self.changed_by,
                hold.expires_at.map(Timestamp::unix_micros),
                self.network.as_ref().map(NetworkName::as_str),
                words::packed(&self.records)?,
                words::packed(&(expiry, hold, steps, counted, names))?
            ])
            .map(drop)
    }
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    number: i64,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row([number], read).optional()
}

//! The rows that memory is made of, as the projection keeps them: read, and written, one by one. Nothing here knows what a
//! row means.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use holdfast_core::hold::{Account, AccountStatus, CardStatus, CardholderStatus, Counted, Hold, Mark, Step};
use holdfast_core::{
    AccountId, AuthorizationId, CardToken, CardholderToken, Expiry, NetworkName, PlatformName, ProgramId, Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, params};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::lately::Purse;
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

    /// With the money that is on it lately.
    pub(super) fn with(self, lately: &HashMap<u32, Purse, RandomState>) -> Self {
        match lately.get(&self.number) {
            Some(Purse { posted, held, .. }) => {
                AccountKept { account: Account { posted: *posted, held: *held, ..self.account }, ..self }
            }
            None => self,
        }
    }

    pub(super) fn load(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        one(connection, &format!("SELECT {} FROM account WHERE number = ?1", Self::COLUMNS), number.into(), Self::read)
    }

    /// Writes it, a new one with what is on it; of one that is there that is written elsewhere ([`super::lately`]).
    pub(super) fn save(&self, connection: &Connection, purse: Option<&Purse>) -> rusqlite::Result<()> {
        let Account { currency, credit_line, status, .. } = self.account;
        let (posted, held) = purse.map_or((0, 0), |purse| (purse.posted, purse.held));
        let (last_hold, last_movement) = purse.map_or((None, None), |purse| (purse.last_hold, purse.last_movement));
        connection
            .prepare_cached(
                "INSERT INTO account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (number) DO UPDATE SET
                 status = ?5, credit_line = ?8, told_at = ?9, told_by = ?10",
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
                self.told.id.0.cast_signed(),
                last_hold.map(u64::cast_signed),
                last_movement
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
                "INSERT INTO card VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL) ON CONFLICT (number) DO UPDATE SET
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

/// All that is known of a hold and no column shows.
#[derive(Serialize)]
struct LifeRef<'a> {
    program: &'a ProgramId,
    platform: &'a Option<PlatformName>,
    payment: &'a AuthorizationId,
    opened_at: Timestamp,
    changed_at: Timestamp,
    records: &'a [i64],
    expiry: Expiry,
    hold: &'a Hold,
    steps: &'a [Step],
    counted: &'a [Counted],
    names: &'a [Fingerprint],
}

/// [`LifeRef`], as it is read.
#[derive(Deserialize)]
struct Life {
    program: ProgramId,
    platform: Option<PlatformName>,
    payment: AuthorizationId,
    opened_at: Timestamp,
    changed_at: Timestamp,
    records: SmallVec<[i64; 4]>,
    expiry: Expiry,
    hold: Hold,
    steps: SmallVec<[Step; 1]>,
    counted: SmallVec<[Counted; 3]>,
    names: SmallVec<[Fingerprint; 2]>,
}

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
    /// The hold before it on its account.
    pub older_of_account: Option<u64>,
    /// The hold before it that counts for its card.
    pub older_of_card: Option<u64>,
}

impl HoldKept {
    pub(super) const COLUMNS: &'static str = "number, account, card, changed_by, network, older_of_account, older_of_card, life";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let number: i64 = row.get(0)?;
        let life: Life = words::unpacked(row, 7)?;
        let Life { program, platform, payment, opened_at, changed_at, records, expiry, hold, steps, counted, names } = life;
        let number = HoldNumber(number.cast_unsigned());
        let account = AccountIndex(row.get(1)?);
        let card = row.get::<_, Option<u32>>(2)?.map(CardIndex);
        let older = |column| row.get::<_, Option<i64>>(column).map(|number| number.map(i64::cast_unsigned));
        Ok(HoldKept {
            program,
            row: HoldRow { number, account, card, platform, payment, expiry, hold, steps, counted, names },
            opened_at,
            changed_at,
            changed_by: row.get(3)?,
            network: words::named_or_none(row, 4)?,
            records,
            older_of_account: older(5)?,
            older_of_card: older(6)?,
        })
    }

    pub(super) fn load(connection: &Connection, number: u64) -> rusqlite::Result<Option<Self>> {
        // Kept as it is: it is asked for a thousand times a list.
        const SQL: &str = "SELECT number, account, card, changed_by, network, older_of_account, older_of_card, life FROM hold
                           WHERE number = ?1";
        one(connection, SQL, number.cast_signed(), Self::read)
    }

    /// What writes one that was not there.
    pub(super) const INSERT: &str = "INSERT INTO hold VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

    /// Writes one that changed.
    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE hold SET account = ?2, card = ?3, status = ?4, changed_by = ?5, network = ?6, older_of_account = ?7,
                   older_of_card = ?8, life = ?9 WHERE number = ?1";
        self.write(&mut *connection.prepare_cached(sql)?)
    }

    /// Writes it by a statement that takes it.
    pub(super) fn write(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        let HoldRow { number, account, card, platform, payment, expiry, hold, steps, counted, names } = &self.row;
        let HoldKept { program, opened_at, changed_at, records, .. } = self;
        let life = LifeRef {
            program,
            platform,
            payment,
            opened_at: *opened_at,
            changed_at: *changed_at,
            records,
            expiry: *expiry,
            hold,
            steps,
            counted,
            names,
        };
        words::with_packed(&life, |life| {
            statement.execute(params![
                number.0.cast_signed(),
                account.0,
                card.map(|index| index.0),
                hold.status.name(),
                self.changed_by,
                self.network.as_ref().map(NetworkName::as_str),
                self.older_of_account.map(u64::cast_signed),
                self.older_of_card.map(u64::cast_signed),
                life
            ])
        })
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

//! The rows that a batch of records changes: each read once, changed in memory as often as records say, written once. Also
//! what records add, page by page, and what has become too old. Nothing here knows a record.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use holdfast_core::Timestamp;
use holdfast_core::hold::{Answered, Counted, HoldStatus};
use holdfast_core::rules::{CounterKey, LimitScope};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::rows::{AccountKept, CardKept, CardholderKept, HoldKept};
use super::{find, words};
use crate::journal::{Joint, Place};
use crate::ledger::embedded::counters::Counter;
use crate::ledger::embedded::state::{
    ASKED_KEYS_KEPT, AccountIndex, CLOSED_KEPT, CardIndex, Counting, Fingerprint, HoldNumber, TOLD_KEYS_KEPT,
};

/// Answers a page.
const PAGE_ANSWERS: usize = 512;

/// Rows of a kind that one batch throws away at most: more than it adds.
const OLD_ROWS_MAX: usize = 32_768;

/// One answer, as pages have it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct AskedKept {
    pub at: Timestamp,
    pub name: Fingerprint,
    pub answered: Answered,
    /// Whether it corrects an answer that memory remembered, whose age it shares: it is nothing without that.
    pub corrects: bool,
}

/// Rows of one batch, in a transaction that is open.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    accounts: BTreeMap<u32, AccountKept>,
    cardholders: BTreeMap<u32, CardholderKept>,
    cards: BTreeMap<u32, CardKept>,
    /// Those that payments were placed with, and since when in this batch.
    cards_used: BTreeMap<u32, Timestamp>,
    holds: BTreeMap<u64, HoldKept>,
    counters: BTreeMap<(CounterKey, Counting), Counter>,
    asked: Vec<(i64, AskedKept)>,
    next_hold: u64,
    latest: Timestamp,
}

impl<'c> Batch<'c> {
    /// An empty batch; the next new hold has this number.
    pub fn new(connection: &'c Connection, next_hold: u64) -> Self {
        Batch {
            connection,
            accounts: BTreeMap::new(),
            cardholders: BTreeMap::new(),
            cards: BTreeMap::new(),
            cards_used: BTreeMap::new(),
            holds: BTreeMap::new(),
            counters: BTreeMap::new(),
            asked: Vec::new(),
            next_hold,
            latest: Timestamp::EPOCH,
        }
    }

    pub fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// The number that the next new hold has.
    pub fn next_hold(&self) -> u64 {
        self.next_hold
    }

    /// A record of this time is applied.
    pub fn came(&mut self, at: Timestamp) {
        self.latest = self.latest.max(at);
    }

    /// The account of that number.
    pub fn account(&mut self, number: u32) -> rusqlite::Result<Option<&mut AccountKept>> {
        touched(&mut self.accounts, number, || AccountKept::load(self.connection, number))
    }

    pub fn add_account(&mut self, row: AccountKept) {
        self.accounts.insert(row.number, row);
    }

    /// The cardholder of that number.
    pub fn cardholder(&mut self, number: u32) -> rusqlite::Result<Option<&mut CardholderKept>> {
        touched(&mut self.cardholders, number, || CardholderKept::load(self.connection, number))
    }

    pub fn add_cardholder(&mut self, row: CardholderKept) {
        self.cardholders.insert(row.number, row);
    }

    /// The card of that number.
    pub fn card(&mut self, number: u32) -> rusqlite::Result<Option<&mut CardKept>> {
        touched(&mut self.cards, number, || CardKept::load(self.connection, number))
    }

    /// A card, as it is from now on.
    pub fn add_card(&mut self, row: CardKept) {
        self.cards.insert(row.number, row);
    }

    /// A payment was placed with a card.
    pub fn card_used(&mut self, card: Option<CardIndex>, at: Timestamp) {
        if let Some(CardIndex(number)) = card {
            self.cards_used.entry(number).or_insert(at);
        }
    }

    /// The hold of that number. Numbers only grow, so that nobody looks for one that is new.
    pub fn hold(&mut self, HoldNumber(number): HoldNumber) -> rusqlite::Result<Option<&mut HoldKept>> {
        if number >= self.next_hold {
            return Ok(None);
        }
        touched(&mut self.holds, number, || HoldKept::load(self.connection, number))
    }

    pub fn add_hold(&mut self, kept: HoldKept) {
        let HoldNumber(number) = kept.row.number;
        self.next_hold = self.next_hold.max(number.saturating_add(1));
        self.holds.insert(number, kept);
    }

    /// Gives a name to a hold, unless one that is under way has it.
    pub fn name_hold(&mut self, name: Fingerprint, to: HoldNumber) -> rusqlite::Result<()> {
        if self.hold(to)?.is_none_or(|kept| kept.row.names.contains(&name)) {
            return Ok(());
        }
        let (bytes, number) = (words::bytes_of(name), to.0.cast_signed());
        // Nearly every name is new: one that is not is looked at when it is found to be there.
        let mut insert = self.connection.prepare_cached("INSERT OR IGNORE INTO hold_name VALUES (?1, ?2)")?;
        if insert.execute(params![&bytes[..], number])? == 0 {
            if let Some(other) = find::named(self.connection, name)?
                && let Some(other) = self.hold(HoldNumber(other))?
            {
                if other.row.hold.status == HoldStatus::Open {
                    return Ok(());
                }
                other.row.names.retain(|known| *known != name);
            }
            let mut update = self.connection.prepare_cached("UPDATE hold_name SET hold = ?2 WHERE name = ?1")?;
            update.execute(params![&bytes[..], number])?;
        }
        if let Some(kept) = self.hold(to)? {
            kept.row.names.push(name);
        }
        Ok(())
    }

    /// Counts in the limit of whomever it concerns.
    pub fn count(&mut self, place: &Place, counted: &Counted) -> rusqlite::Result<()> {
        let Some(counting) = counting(counted.scope, place) else { return Ok(()) };
        let counter = match self.counters.entry((counted.counter, counting)) {
            Entry::Occupied(occupied) => occupied.into_mut(),
            Entry::Vacant(vacant) => {
                let known = load_counter(self.connection, counted.counter, counting)?;
                vacant.insert(known.unwrap_or_else(|| Counter::new(counted.window)))
            }
        };
        counter.count(counted.window, counted.amount, counted.count);
        Ok(())
    }

    /// What was answered to a key, by this record.
    pub fn answered(&mut self, record: i64, at: Timestamp, name: Fingerprint, answered: Answered) -> rusqlite::Result<()> {
        let (bytes, answer) = (words::bytes_of(name), words::packed(&answered)?);
        // Nearly every key is new: one that is not is looked at when it is found to be there.
        let mut insert = self.connection.prepare_cached("INSERT OR IGNORE INTO answered VALUES (?1, ?2, ?3)")?;
        let mut corrects = false;
        if insert.execute(params![&bytes[..], at.unix_micros(), answer])? == 0 {
            let known = find::answered(self.connection, name)?.map(|(known, _)| known);
            corrects = known.is_some_and(|known| known >= at.saturating_sub(ASKED_KEYS_KEPT));
            let since = if corrects { known.unwrap_or(at) } else { at };
            let mut update = self.connection.prepare_cached("UPDATE answered SET at = ?2, answer = ?3 WHERE name = ?1")?;
            update.execute(params![&bytes[..], since.unix_micros(), answer])?;
        }
        self.asked.push((record, AskedKept { at, name, answered, corrects }));
        Ok(())
    }

    /// Writes everything, and that the journal was followed up to there.
    pub fn finish(self, end: &Joint) -> rusqlite::Result<u64> {
        let connection = self.connection;
        self.accounts.values().try_for_each(|row| row.save(connection))?;
        self.cardholders.values().try_for_each(|row| row.save(connection))?;
        self.cards.values().try_for_each(|row| row.save(connection))?;
        self.cards_used.iter().try_for_each(|(number, at)| save_use(connection, *number, *at))?;
        self.holds.values().try_for_each(|row| row.save(connection))?;
        self.counters.iter().try_for_each(|(key, counter)| save_counter(connection, *key, counter))?;
        self.asked.chunks(PAGE_ANSWERS).try_for_each(|page| save_page(connection, page))?;
        throw_away_old(connection, "told", self.latest.saturating_sub(TOLD_KEYS_KEPT))?;
        throw_away_old(connection, "asked", self.latest.saturating_sub(ASKED_KEYS_KEPT))?;
        throw_away_old(connection, "ended", self.latest.saturating_sub(CLOSED_KEPT))?;
        connection.execute(
            "UPDATE meta SET next = ?1, chain = ?2, next_hold = ?3",
            params![end.next, &end.chain[..], self.next_hold.cast_signed()],
        )?;
        Ok(self.next_hold)
    }
}

/// Nearly every card was used before: then nothing is written.
fn save_use(connection: &Connection, number: u32, at: Timestamp) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE card SET used = ?2 WHERE number = ?1 AND used IS NULL")?;
    update.execute(params![number, at.unix_micros()]).map(drop)
}

/// The row of that key, read if the batch has not met it before.
fn touched<K: Ord, V>(
    rows: &mut BTreeMap<K, V>,
    key: K,
    load: impl FnOnce() -> rusqlite::Result<Option<V>>,
) -> rusqlite::Result<Option<&mut V>> {
    match rows.entry(key) {
        Entry::Occupied(occupied) => Ok(Some(occupied.into_mut())),
        Entry::Vacant(vacant) => Ok(load()?.map(|row| vacant.insert(row))),
    }
}

/// Whom a limit counts for; the place of a payment names the card that it counts for.
fn counting(scope: LimitScope, place: &Place) -> Option<Counting> {
    match scope {
        LimitScope::Card => place.card.map(|number| Counting::Card(CardIndex(number))),
        LimitScope::Account => place.account.map(|number| Counting::Account(AccountIndex(number))),
        LimitScope::Program => Some(Counting::Program),
    }
}

/// Whom a counter counts for, as its columns have it. A program's counter names its program by its key.
fn columns_of(counting: Counting) -> (&'static str, u32) {
    match counting {
        Counting::Card(CardIndex(number)) => ("card", number),
        Counting::Account(AccountIndex(number)) => ("account", number),
        Counting::Program => ("program", 0),
    }
}

/// Whom a counter counts for.
pub(super) fn counting_of(scope: &str, subject: u32) -> Option<Counting> {
    let all = [Counting::Card(CardIndex(subject)), Counting::Account(AccountIndex(subject)), Counting::Program];
    all.into_iter().find(|counting| columns_of(*counting).0 == scope)
}

fn load_counter(connection: &Connection, CounterKey(key): CounterKey, counting: Counting) -> rusqlite::Result<Option<Counter>> {
    let (scope, subject) = columns_of(counting);
    connection
        .prepare_cached("SELECT used FROM counter WHERE counter = ?1 AND scope = ?2 AND subject = ?3")?
        .query_row(params![key.cast_signed(), scope, subject], |row| words::unpacked(row, 0))
        .optional()
}

fn save_counter(connection: &Connection, (key, counting): (CounterKey, Counting), counter: &Counter) -> rusqlite::Result<()> {
    let (scope, subject) = columns_of(counting);
    connection
        .prepare_cached("INSERT INTO counter VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET used = ?4")?
        .execute(params![key.0.cast_signed(), scope, subject, words::packed(counter)?])
        .map(drop)
}

fn save_page(connection: &Connection, page: &[(i64, AskedKept)]) -> rusqlite::Result<()> {
    let Some((record, AskedKept { at, .. })) = page.last() else { return Ok(()) };
    let answers: Vec<&AskedKept> = page.iter().map(|(_, asked)| asked).collect();
    connection
        .prepare_cached("INSERT INTO asked VALUES (?1, ?2, ?3)")?
        .execute(params![record, at.unix_micros(), words::packed(&answers)?])
        .map(drop)
}

/// Throws away the oldest rows of a table that is in the order of age, as far as they are older than `before`.
fn throw_away_old(connection: &Connection, table: &str, before: Timestamp) -> rusqlite::Result<()> {
    let sql = format!(
        "DELETE FROM {table} WHERE at < ?1 AND record IN (SELECT record FROM {table} ORDER BY record LIMIT {OLD_ROWS_MAX})"
    );
    // Most of the time the first row is young, and looking at it is enough.
    let oldest = format!("SELECT at FROM {table} ORDER BY record LIMIT 1");
    let oldest: Option<i64> = connection.prepare_cached(&oldest)?.query_row([], |row| row.get(0)).optional()?;
    if oldest.is_some_and(|at| at < before.unix_micros()) {
        connection.prepare_cached(&sql)?.execute([before.unix_micros()])?;
    }
    Ok(())
}

//! What changes all the time, for many: accounts' money, cards' use, whom they paid, what limits have counted. A batch writes all that it
//! changed as one page, as it is then; the rows themselves are written when many pages have gathered. What changes in every
//! batch is so written to its row only now and then.
//!
//! A row is what its table says, unless a page does; the latest page counts. Nothing here knows a record.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use foldhash::fast::RandomState;
use holdfast_core::rules::CounterKey;
use holdfast_core::{Currency, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{schema, words};
use crate::ledger::embedded::counters::Counter;
use crate::ledger::embedded::state::{Counting, MERCHANTS_MAX, Merchants};

/// So many entries on pages of a kind, and their rows are written.
const ENTRIES_MAX: usize = if cfg!(test) { 8 } else { 1 << 18 };

/// Rows of counters that one batch looks at at most, whether they are over.
const COUNTERS_LOOKED_AT: usize = if cfg!(test) { 2 } else { 512 };

/// How often each is looked at.
const LOOK_AT_COUNTERS_EVERY: Duration = Duration::from_secs(86_400);

/// So many values are remembered besides.
const REMEMBERED_MAX: usize = if cfg!(test) { 2 } else { 1 << 18 };

/// An account's money, and where the lists of what is on it begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Purse {
    pub currency: Currency,
    pub posted: i64,
    pub held: i64,
    pub last_hold: Option<u64>,
    pub last_movement: Option<i64>,
}

/// What a card was used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CardUse {
    /// When a payment was placed with it for the first time.
    pub used: Option<Timestamp>,
    pub last_hold: Option<u64>,
}

/// Which limit, for whom.
pub(super) type CounterName = (CounterKey, Counting);

/// A value that waits on pages, and its row.
pub(super) trait Waits: Sized + Serialize + DeserializeOwned {
    /// What it is found by.
    type Key: Copy + Ord + Hash + Serialize + DeserializeOwned;
    /// What its pages are marked with.
    const KIND: i64;

    fn load(connection: &Connection, key: Self::Key) -> rusqlite::Result<Option<Self>>;
    fn save(&self, connection: &Connection, key: Self::Key) -> rusqlite::Result<()>;
}

impl Waits for Purse {
    type Key = u32;
    const KIND: i64 = 1;

    fn load(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT currency, posted, held, last_hold, last_movement FROM account WHERE number = ?1";
        let read = |row: &Row<'_>| {
            Ok(Purse {
                currency: words::word(row, 0, words::currency)?,
                posted: row.get(1)?,
                held: row.get(2)?,
                last_hold: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
                last_movement: row.get(4)?,
            })
        };
        connection.prepare_cached(sql)?.query_row([number], read).optional()
    }

    fn save(&self, connection: &Connection, number: u32) -> rusqlite::Result<()> {
        let sql = "UPDATE account SET posted = ?2, held = ?3, last_hold = ?4, last_movement = ?5 WHERE number = ?1";
        let last_hold = self.last_hold.map(u64::cast_signed);
        let mut update = connection.prepare_cached(sql)?;
        must_be_there(update.execute(params![number, self.posted, self.held, last_hold, self.last_movement])?)
    }
}

impl Waits for CardUse {
    type Key = u32;
    const KIND: i64 = 2;

    fn load(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT used, last_hold FROM card WHERE number = ?1";
        let read = |row: &Row<'_>| {
            let used = row.get::<_, Option<i64>>(0)?.map(Timestamp::from_unix_micros);
            Ok(CardUse { used, last_hold: row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned) })
        };
        connection.prepare_cached(sql)?.query_row([number], read).optional()
    }

    fn save(&self, connection: &Connection, number: u32) -> rusqlite::Result<()> {
        let CardUse { used, last_hold } = self;
        let mut update = connection.prepare_cached("UPDATE card SET used = ?2, last_hold = ?3 WHERE number = ?1")?;
        must_be_there(update.execute(params![number, used.map(Timestamp::unix_micros), last_hold.map(u64::cast_signed)])?)
    }
}

impl Waits for Merchants {
    type Key = u32;
    const KIND: i64 = 5;

    fn load(connection: &Connection, number: u32) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached("SELECT merchants FROM card_acted WHERE card = ?1")?
            .query_row([number], |row| words::unpacked(row, 0))
            .optional()
    }

    fn save(&self, connection: &Connection, number: u32) -> rusqlite::Result<()> {
        let sql = "INSERT INTO card_acted VALUES (?1, ?2) ON CONFLICT DO UPDATE SET merchants = ?2";
        let mut insert = connection.prepare_cached(sql)?;
        words::with_packed(self, |merchants| insert.execute(params![number, merchants]).map(drop))
    }
}

impl Waits for Counter {
    type Key = CounterName;
    const KIND: i64 = 3;

    fn load(connection: &Connection, (key, counting): CounterName) -> rusqlite::Result<Option<Self>> {
        let (scope, subject) = words::counting_columns(counting);
        connection
            .prepare_cached("SELECT used FROM counter WHERE counter = ?1 AND scope = ?2 AND subject = ?3")?
            .query_row(params![key.0.cast_signed(), scope, subject], |row| words::unpacked(row, 0))
            .optional()
    }

    fn save(&self, connection: &Connection, (key, counting): CounterName) -> rusqlite::Result<()> {
        let (scope, subject) = words::counting_columns(counting);
        let sql = "INSERT INTO counter VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET used = ?4";
        let mut insert = connection.prepare_cached(sql)?;
        words::with_packed(self, |used| insert.execute(params![key.0.cast_signed(), scope, subject, used]).map(drop))
    }
}

/// A row that went away meanwhile is damage.
fn must_be_there(rows: usize) -> rusqlite::Result<()> {
    if rows == 1 { Ok(()) } else { Err(rusqlite::Error::QueryReturnedNoRows) }
}

/// Values of one kind.
#[derive(Debug)]
pub(super) struct Values<V: Waits> {
    /// All that are on pages, and others.
    known: HashMap<V::Key, V, RandomState>,
    /// Those that are on pages.
    waiting: HashSet<V::Key, RandomState>,
    /// How often they are.
    entries: usize,
    /// Those that this batch changed.
    changed: HashSet<V::Key, RandomState>,
}

impl<V: Waits> Values<V> {
    /// What is on pages.
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let (known, waiting) = (HashMap::default(), HashSet::default());
        let mut values = Values { known, waiting, entries: 0, changed: HashSet::default() };
        each_page::<V>(connection, |key, value| {
            values.entries = values.entries.saturating_add(1);
            values.known.insert(key, value);
            values.waiting.insert(key);
        })?;
        Ok(values)
    }

    /// A value, as it is now; `None` if it has no row.
    pub fn now(&mut self, connection: &Connection, key: V::Key) -> rusqlite::Result<Option<&V>> {
        Ok(match self.known.entry(key) {
            Entry::Occupied(occupied) => Some(occupied.into_mut()),
            Entry::Vacant(vacant) => V::load(connection, key)?.map(|value| &*vacant.insert(value)),
        })
    }

    /// A value, to be changed; `None` if it has no row.
    pub fn change(&mut self, connection: &Connection, key: V::Key) -> rusqlite::Result<Option<&mut V>> {
        let value = match self.known.entry(key) {
            Entry::Occupied(occupied) => occupied.into_mut(),
            Entry::Vacant(vacant) => match V::load(connection, key)? {
                Some(value) => vacant.insert(value),
                None => return Ok(None),
            },
        };
        self.changed.insert(key);
        Ok(Some(value))
    }

    /// A value whose row is written by whoever has it.
    pub fn enter(&mut self, key: V::Key, value: V) {
        self.known.insert(key, value);
    }

    /// A value, if it is remembered.
    pub fn known(&self, key: V::Key) -> Option<&V> {
        self.known.get(&key)
    }

    /// Whoever wrote its row wrote the value as it is now.
    pub fn is_in_its_row(&mut self, key: V::Key) {
        self.changed.remove(&key);
    }

    /// A value that needs no row yet.
    pub fn begin(&mut self, key: V::Key, value: V) {
        self.known.insert(key, value);
        self.changed.insert(key);
    }

    /// Writes what this batch changed; the rows, too, when it is time.
    pub fn finish(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut changed: Vec<V::Key> = self.changed.drain().collect();
        if !changed.is_empty() {
            self.write(connection, &mut changed)?;
        }
        if self.known.len().saturating_sub(self.waiting.len()) > REMEMBERED_MAX {
            // What has its row can be read again. An import of millions must not stay here.
            self.known.retain(|key, _| self.waiting.contains(key));
            self.known.shrink_to_fit();
        }
        Ok(())
    }

    fn write(&mut self, connection: &Connection, changed: &mut [V::Key]) -> rusqlite::Result<()> {
        changed.sort_unstable();
        self.entries = self.entries.saturating_add(changed.len());
        self.waiting.extend(changed.iter());
        if self.entries >= ENTRIES_MAX {
            return self.write_rows(connection);
        }
        let page: Vec<(V::Key, &V)> = changed.iter().filter_map(|key| Some((*key, self.known.get(key)?))).collect();
        let mut insert = connection.prepare_cached("INSERT INTO lately (kind, page) VALUES (?1, ?2)")?;
        insert.execute(params![V::KIND, words::packed(&page)?]).map(drop)
    }

    fn write_rows(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut waiting: Vec<V::Key> = self.waiting.drain().collect();
        waiting.sort_unstable();
        for key in waiting {
            if let Some(value) = self.known.get(&key) {
                value.save(connection, key)?;
            }
        }
        connection.prepare_cached("DELETE FROM lately WHERE kind = ?1")?.execute([V::KIND])?;
        self.entries = 0;
        Ok(())
    }
}

/// Everything that waits.
#[derive(Debug)]
pub(super) struct Lately {
    pub purses: Values<Purse>,
    pub cards: Values<CardUse>,
    pub counters: Values<Counter>,
    pub merchants: Values<Merchants>,
    look: Look,
}

/// How far counters were looked at.
#[derive(Debug, Clone, Copy)]
enum Look {
    /// All of them, at that time of the journal.
    Done(Timestamp),
    /// Those up to this one, since that time.
    UpTo(CounterName, Timestamp),
}

impl Lately {
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let (purses, cards) = (Values::read(connection)?, Values::read(connection)?);
        let (counters, merchants) = (Values::read(connection)?, Values::read(connection)?);
        Ok(Lately { purses, cards, counters, merchants, look: Look::Done(Timestamp::EPOCH) })
    }

    pub fn finish(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.purses.finish(connection)?;
        self.cards.finish(connection)?;
        self.counters.finish(connection)?;
        self.merchants.finish(connection)
    }

    /// Throws away rows of counters that are over at a time of the journal; looks at a few at most, in their order. What waits on pages
    /// is looked at when it has its row.
    pub fn throw_away_old_counters(&mut self, connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
        let (after, since) = match self.look {
            Look::Done(at) if at.saturating_add(LOOK_AT_COUNTERS_EVERY) > now => return Ok(()),
            Look::Done(_) => (None, now),
            Look::UpTo(name, since) => (Some(name), since),
        };
        let looked_at = counters_after(connection, after)?;
        for (name, counter) in &looked_at {
            if counter.is_over(now) && !self.counters.waiting.contains(name) {
                self.counters.known.remove(name);
                let (scope, subject) = words::counting_columns(name.1);
                connection
                    .prepare_cached("DELETE FROM counter WHERE counter = ?1 AND scope = ?2 AND subject = ?3")?
                    .execute(params![name.0.0.cast_signed(), scope, subject])?;
            }
        }
        self.look = match looked_at.last() {
            Some((name, _)) if looked_at.len() >= COUNTERS_LOOKED_AT => Look::UpTo(*name, since),
            Some(_) | None => Look::Done(since),
        };
        Ok(())
    }
}

/// The next rows of counters, in their order.
fn counters_after(connection: &Connection, after: Option<CounterName>) -> rusqlite::Result<Vec<(CounterName, Counter)>> {
    let sql = "SELECT counter, scope, subject, used FROM counter WHERE (counter, scope, subject) > (?1, ?2, ?3)
        ORDER BY counter, scope, subject LIMIT ?4";
    let (key, (scope, subject)) = match after {
        Some((key, counting)) => (key.0.cast_signed(), words::counting_columns(counting)),
        None => (i64::MIN, ("", 0)),
    };
    let most = i64::try_from(COUNTERS_LOOKED_AT).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        let (key, subject) = (row.get::<_, i64>(0)?, row.get(2)?);
        let counting = words::word(row, 1, |scope| words::counting(scope, subject))?;
        Ok(((CounterKey(key.cast_unsigned()), counting), words::unpacked(row, 3)?))
    };
    statement.query_map(params![key, scope, subject, most], read)?.collect()
}

/// Every value that is on pages, the oldest first: a later one counts.
pub(super) fn each_page<V: Waits>(connection: &Connection, mut take: impl FnMut(V::Key, V)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("SELECT page FROM lately WHERE kind = ?1 ORDER BY id")?;
    let mut rows = statement.query([V::KIND])?;
    while let Some(row) = rows.next()? {
        words::unpacked::<Vec<(V::Key, V)>>(row, 0)?.into_iter().for_each(|(key, value)| take(key, value));
    }
    Ok(())
}

/// What versions kept of merchants that did not count how often a card met them: the latest, and whether there were others.
type Uncounted = ([u32; MERCHANTS_MAX], bool);

/// What their pages are marked with.
const UNCOUNTED: i64 = 4;

/// What a file of such a version has of each card, as it is now.
pub(super) fn each_uncounted(
    connection: &Connection,
    mut take: impl FnMut(u32, Merchants) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    if !schema::has(connection, "card_merchants")? {
        return Ok(());
    }
    let taken = |(latest, others): Uncounted| Merchants::restored(latest, others);
    let mut statement = connection.prepare("SELECT card, merchants FROM card_merchants")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row.get(0)?, taken(words::unpacked(row, 1)?))?;
    }
    let mut statement = connection.prepare("SELECT page FROM lately WHERE kind = ?1 ORDER BY id")?;
    let mut rows = statement.query([UNCOUNTED])?;
    while let Some(row) = rows.next()? {
        let page = words::unpacked::<Vec<(u32, Uncounted)>>(row, 0)?;
        page.into_iter().try_for_each(|(card, merchants)| take(card, taken(merchants)))?;
    }
    Ok(())
}

/// Brings what such a version kept to where it is looked for.
pub(super) fn take_over_uncounted(connection: &Connection) -> rusqlite::Result<()> {
    each_uncounted(connection, |card, merchants| merchants.save(connection, card))?;
    connection.execute("DELETE FROM lately WHERE kind = ?1", [UNCOUNTED])?;
    connection.execute_batch("DROP TABLE IF EXISTS card_merchants")
}

/// One value, as it is now. Within a transaction, in which no page becomes rows.
pub(super) fn now<V: Waits>(connection: &Connection, wanted: V::Key) -> rusqlite::Result<Option<V>> {
    let mut now = V::load(connection, wanted)?;
    each_page(connection, |key, value| {
        if key == wanted {
            now = Some(value);
        }
    })?;
    Ok(now)
}

/// All that are on pages, as they are now.
pub(super) fn all<V: Waits>(connection: &Connection) -> rusqlite::Result<HashMap<V::Key, V, RandomState>> {
    Values::read(connection).map(|values| values.known)
}

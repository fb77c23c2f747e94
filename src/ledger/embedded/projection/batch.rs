//! The rows that a batch of records changes: each read once, changed in memory as often as records say, written once. Also
//! what records add, page by page, and what has become too old. Nothing here knows a record.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use holdfast_core::Timestamp;
use holdfast_core::hold::{Account, Answered, Counted, HoldStatus};
use holdfast_core::rules::LimitScope;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, params};
use serde::{Deserialize, Serialize};

use super::lately::{CardUse, Lately, Purse};
use super::names::{self, Leads, Merging};
use super::rows::{AccountKept, CardKept, CardholderKept, HoldKept};
use super::words;
use crate::journal::{Joint, Naming, Place};
use crate::ledger::embedded::counters::Counter;
use crate::ledger::embedded::state::{
    ASKED_KEYS_KEPT, AccountIndex, CLOSED_KEPT, CardAct, CardIndex, Counting, Fingerprint, HoldNumber, TOLD_KEYS_KEPT, Takes,
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
    lately: &'c mut Lately,
    accounts: BTreeMap<u32, AccountKept>,
    accounts_entered: Vec<u32>,
    cardholders: BTreeMap<u32, CardholderKept>,
    cards: BTreeMap<u32, CardKept>,
    /// The hold that the record at hand places.
    placed: Option<HoldKept>,
    holds: BTreeMap<u64, HoldKept>,
    names: names::New,
    asked: Vec<(i64, AskedKept)>,
    next_hold: u64,
    latest: Timestamp,
    adding: Adding<'c>,
}

/// The statements that almost every record executes. Even a statement that the connection remembers has to be found by its text, each time.
#[derive(Default)]
struct Adding<'c> {
    hold: Option<CachedStatement<'c>>,
    movement: Option<CachedStatement<'c>>,
}

/// The statement, prepared if it is the first time.
fn prepared<'s, 'c>(
    statement: &'s mut Option<CachedStatement<'c>>,
    connection: &'c Connection,
    sql: &str,
) -> rusqlite::Result<&'s mut CachedStatement<'c>> {
    match statement {
        Some(statement) => Ok(statement),
        None => Ok(statement.insert(connection.prepare_cached(sql)?)),
    }
}

impl<'c> Batch<'c> {
    /// An empty batch; the next new hold has this number.
    pub fn new(connection: &'c Connection, lately: &'c mut Lately, next_hold: u64) -> Self {
        Batch {
            connection,
            lately,
            accounts: BTreeMap::new(),
            accounts_entered: Vec::new(),
            cardholders: BTreeMap::new(),
            cards: BTreeMap::new(),
            placed: None,
            holds: BTreeMap::new(),
            names: names::New::default(),
            asked: Vec::new(),
            next_hold,
            latest: Timestamp::EPOCH,
            adding: Adding::default(),
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

    /// The account of that number; what is on it is its purse's.
    pub fn account(&mut self, number: u32) -> rusqlite::Result<Option<&mut AccountKept>> {
        touched(&mut self.accounts, number, || AccountKept::load(self.connection, number))
    }

    pub fn add_account(&mut self, row: AccountKept) {
        let Account { currency, posted, held, .. } = row.account;
        self.lately.purses.enter(row.number, Purse { currency, posted, held, last_hold: None, last_movement: None });
        self.accounts_entered.push(row.number);
        self.accounts.insert(row.number, row);
    }

    /// What is on an account.
    pub fn purse(&mut self, account: u32) -> rusqlite::Result<Option<&mut Purse>> {
        self.lately.purses.change(self.connection, account)
    }

    /// The cardholder of that number.
    pub fn cardholder(&mut self, number: u32) -> rusqlite::Result<Option<&mut CardholderKept>> {
        touched(&mut self.cardholders, number, || CardholderKept::load(self.connection, number))
    }

    pub fn add_cardholder(&mut self, row: CardholderKept) {
        self.cardholders.insert(row.number, row);
    }

    /// The card of that number; what it was used for is kept elsewhere.
    pub fn card(&mut self, number: u32) -> rusqlite::Result<Option<&mut CardKept>> {
        touched(&mut self.cards, number, || CardKept::load(self.connection, number))
    }

    /// A card, as it is from now on.
    pub fn add_card(&mut self, row: CardKept) -> rusqlite::Result<()> {
        if self.card(row.number)?.is_none() {
            self.lately.cards.enter(row.number, CardUse::default());
        }
        self.cards.insert(row.number, row);
        Ok(())
    }

    /// Something happened with a card; whom it pays, where its question tells.
    pub fn card_acted(
        &mut self,
        card: Option<CardIndex>,
        act: CardAct,
        at: Timestamp,
        merchant: Option<u32>,
    ) -> rusqlite::Result<()> {
        let Some(CardIndex(number)) = card.filter(|_| act != CardAct::Nothing) else { return Ok(()) };
        let (connection, Lately { cards, merchants, .. }) = (self.connection, &mut *self.lately);
        let Some(card) = cards.change(connection, number)? else { return Ok(()) };
        let before = merchants.now(connection, number)?.copied().unwrap_or_default();
        let mut paid = before;
        paid.acted(act, &mut card.used, merchant, at);
        if paid != before {
            merchants.begin(number, paid);
        }
        Ok(())
    }

    /// The hold of that number. Numbers only grow, so that nobody looks for one that is new.
    pub fn hold(&mut self, HoldNumber(number): HoldNumber) -> rusqlite::Result<Option<&mut HoldKept>> {
        if number >= self.next_hold {
            return Ok(None);
        }
        if let Some(placed) = &mut self.placed
            && placed.row.number.0 == number
        {
            return Ok(Some(placed));
        }
        touched(&mut self.holds, number, || HoldKept::load(self.connection, number))
    }

    /// A hold that the record at hand places, on an account and, perhaps, with a card: the newest in their lists.
    pub fn place_hold(&mut self, mut kept: HoldKept) -> rusqlite::Result<()> {
        let HoldNumber(number) = kept.row.number;
        self.next_hold = self.next_hold.max(number.saturating_add(1));
        if let Some(purse) = self.purse(kept.row.account.0)? {
            kept.older_of_account = purse.last_hold.replace(number);
        }
        let card = kept.row.card;
        self.placed = Some(kept);
        self.list_with_card(HoldNumber(number), card)
    }

    /// Puts a hold into the list of its card, where its number belongs.
    pub fn list_with_card(&mut self, HoldNumber(number): HoldNumber, card: Option<CardIndex>) -> rusqlite::Result<()> {
        let Some(CardIndex(card)) = card else { return Ok(()) };
        let Some(list) = self.lately.cards.change(self.connection, card)? else { return Ok(()) };
        let mut older = list.last_hold;
        if older.is_none_or(|last| last < number) {
            list.last_hold = Some(number);
        } else {
            // One that was told of before its card was known comes between others.
            while let Some(newer) = older
                && let Some(kept) = self.hold(HoldNumber(newer))?
            {
                older = kept.older_of_card;
                if older.is_none_or(|older| older < number) {
                    kept.older_of_card = Some(number);
                    break;
                }
            }
        }
        if let Some(kept) = self.hold(HoldNumber(number))? {
            kept.older_of_card = older;
        }
        Ok(())
    }

    /// The record at hand is applied: a hold that it placed hardly changes in the same batch again.
    pub fn applied(&mut self) -> rusqlite::Result<()> {
        let Some(placed) = self.placed.take() else { return Ok(()) };
        placed.write(prepared(&mut self.adding.hold, self.connection, HoldKept::INSERT)?)
    }

    /// A line of what moved on an account.
    pub fn add_movement(&mut self, movement: impl Params) -> rusqlite::Result<()> {
        const INSERT: &str =
            "INSERT INTO movement VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
        prepared(&mut self.adding.movement, self.connection, INSERT)?.execute(movement).map(drop)
    }

    /// Gives a name to a hold, unless another one has it that does not give it up. Of a name that is free nobody has to look whether it is.
    pub fn name_hold(&mut self, name: Fingerprint, to: HoldNumber, naming: Naming, takes: Takes) -> rusqlite::Result<()> {
        if self.hold(to)?.is_none_or(|kept| kept.row.names.contains(&name)) {
            return Ok(());
        }
        if naming == Naming::Perhaps
            && let Some(Leads::ToHold(other)) = self.leads(name)?
            && let Some(other) = self.hold(HoldNumber(other))?
        {
            // What it gave up leads to nobody, whoever the list of names says has it.
            let has_it = other.row.names.contains(&name);
            if has_it && (other.row.hold.status == HoldStatus::Open || takes == Takes::WhatIsFree) {
                return Ok(());
            }
            other.row.names.retain(|known| *known != name);
        }
        self.names.insert(name, Leads::ToHold(to.0));
        if let Some(kept) = self.hold(to)? {
            kept.row.names.push(name);
        }
        Ok(())
    }

    /// A name leads to this hold from now on, which has it already.
    pub fn name_anew(&mut self, name: Fingerprint, to: HoldNumber) {
        self.names.insert(name, Leads::ToHold(to.0));
    }

    /// The hold that the first of these names leads to that leads to any.
    pub fn named(&self, names: impl IntoIterator<Item = Fingerprint>) -> rusqlite::Result<Option<HoldNumber>> {
        for name in names {
            if let Some(Leads::ToHold(number)) = self.leads(name)? {
                return Ok(Some(HoldNumber(number)));
            }
        }
        Ok(None)
    }

    /// What a name leads to by now.
    fn leads(&self, name: Fingerprint) -> rusqlite::Result<Option<Leads>> {
        self.names.get(&name).map_or_else(|| names::find(self.connection, name), |leads| Ok(Some(*leads)))
    }

    /// Counts, by a record of that time, in the limit of whomever it concerns; `known` is where its payment counted before.
    pub fn count(&mut self, place: &Place, counted: &Counted, known: &[Counted], at: Timestamp) -> rusqlite::Result<()> {
        let Some(counting) = counting(counted.scope, place) else { return Ok(()) };
        let (connection, key) = (self.connection, (counted.counter, counting));
        if self.lately.counters.change(connection, key)?.is_none() {
            if known.iter().any(|place| place.same_place(counted)) {
                // It counted there, and what it counted is thrown away: the window is long over.
                return Ok(());
            }
            self.lately.counters.begin(key, Counter::new(counted.window));
        }
        if let Some(counter) = self.lately.counters.change(connection, key)? {
            counter.count(counted.window, counted.amount, counted.count, at);
        }
        Ok(())
    }

    /// What was answered to a key, by this record. Of a key that was not answered before nobody has to look whether it was.
    pub fn answered(
        &mut self,
        record: i64,
        at: Timestamp,
        name: Fingerprint,
        answered: Answered,
        key: Key,
    ) -> rusqlite::Result<()> {
        let known = match key {
            Key::New => None,
            Key::Perhaps => self.leads(name)?,
        };
        let known = known.and_then(|leads| match leads {
            Leads::ToAnswer(known, _) => Some(known),
            Leads::ToHold(_) => None,
        });
        let since = known.filter(|known| *known >= at.saturating_sub(ASKED_KEYS_KEPT));
        self.names.insert(name, Leads::ToAnswer(since.unwrap_or(at), answered));
        self.asked.push((record, AskedKept { at, name, answered, corrects: since.is_some() }));
        Ok(())
    }

    /// Writes everything, and that the journal was followed up to there.
    pub fn finish(self, end: &Joint, merging: Option<Merging>) -> rusqlite::Result<(u64, Option<Merging>)> {
        let connection = self.connection;
        self.accounts.values().try_for_each(|row| row.save(connection, self.lately.purses.known(row.number)))?;
        // All of a new account is in its row.
        self.accounts_entered.iter().for_each(|number| self.lately.purses.is_in_its_row(*number));
        self.cardholders.values().try_for_each(|row| row.save(connection))?;
        self.cards.values().try_for_each(|row| row.save(connection))?;
        self.holds.values().try_for_each(|row| row.save(connection))?;
        self.lately.finish(connection)?;
        names::add(connection, &self.names)?;
        let brought = u64::try_from(self.names.len()).unwrap_or(u64::MAX);
        let merging = names::go_on(connection, merging, brought)?;
        self.asked.chunks(PAGE_ANSWERS).try_for_each(|page| save_page(connection, page))?;
        self.lately.throw_away_old_counters(connection, self.latest)?;
        throw_away_old(connection, "told", self.latest.saturating_sub(TOLD_KEYS_KEPT))?;
        throw_away_old(connection, "asked", self.latest.saturating_sub(ASKED_KEYS_KEPT))?;
        throw_away_old(connection, "ended", self.latest.saturating_sub(CLOSED_KEPT))?;
        connection.execute(
            "UPDATE meta SET next = ?1, chain = ?2, next_hold = ?3",
            params![end.next, &end.chain[..], self.next_hold.cast_signed()],
        )?;
        Ok((self.next_hold, merging))
    }
}

/// Whether a key was answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// It was not.
    New,
    Perhaps,
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
        LimitScope::Program
        | LimitScope::Merchant
        | LimitScope::Cardholder
        | LimitScope::Authority
        | LimitScope::Intent
        | LimitScope::IpAddress
        | LimitScope::Payment
        | LimitScope::Unreviewed => Some(Counting::Program),
    }
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

//! From the projection back to memory: what a start needs, table by table, in the order of numbers and of age. Holds that
//! ended long ago stay where they are. Nothing here writes.

use std::path::Path;

use rusqlite::{Connection, Row};

use holdfast_core::rules::CounterKey;

use super::batch::AskedKept;
use super::lately::{CardUse, Purse};
use super::names::{self, Leads};
use super::rows::{AccountKept, CardKept, CardholderKept, HoldKept};
use super::sums::Sums;
use super::{find, lately, schema, words};
use crate::journal::{Joint, JournalError};
use crate::ledger::embedded::state::{
    AccountIndex, CardIndex, CardRow, CardholderIndex, CardholderRow, Merchants, NameKey, Restoring, State, TOLD_KEYS_KEPT,
    ToldContent,
};

/// How far a projection followed the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub end: Joint,
    /// The number that the next new hold has.
    pub next_hold: u64,
    pub key: NameKey,
}

/// How far this one did.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<Mark> {
    let key = find::key(connection)?;
    connection.query_row("SELECT next, chain, next_hold FROM meta", [], |row| {
        let end = Joint { next: row.get(0)?, chain: row.get(1)? };
        Ok(Mark { end, next_hold: row.get(2).map(i64::cast_unsigned)?, key })
    })
}

/// Memory as it is at the mark, read beside whoever has the projection open. Nothing where there is no projection of this format.
///
/// # Errors
/// The disk, or what is there.
pub fn peek(directory: &Path) -> Result<Option<(State, Mark)>, JournalError> {
    let read = || -> rusqlite::Result<_> {
        let Some(connection) = schema::open_to_read(directory)? else { return Ok(None) };
        if !matches!(Sums::prove(directory), Ok(Ok(_))) {
            // Whoever opens it makes it anew.
            return Ok(None);
        }
        // All of it as of one moment: it is followed meanwhile.
        let transaction = connection.unchecked_transaction()?;
        let mark = mark(&transaction)?;
        Ok(Some((state(&transaction, &mark)?, mark)))
    };
    read().map_err(JournalError::disk(&schema::path_in(directory)))
}

/// Memory as it was at the mark.
pub(super) fn state(connection: &Connection, mark: &Mark) -> rusqlite::Result<State> {
    let mut state = State::new((mark.key.0, mark.key.1));
    state.restore_many(&restoring(connection)?);
    accounts(connection, &mut state)?;
    cardholders(connection, &mut state)?;
    cards(connection, &mut state)?;
    holds(connection, &mut state)?;
    state.restore_next_hold(mark.next_hold);
    counters(connection, &mut state)?;
    asked(connection, &mut state)?;
    told(connection, &mut state)?;
    Ok(state)
}

/// How many rows memory is made of, without reading them.
fn restoring(connection: &Connection) -> rusqlite::Result<Restoring> {
    let many = |sql: &str| {
        let rows = connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0))?;
        Ok::<_, rusqlite::Error>(rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(0))
    };
    Ok(Restoring {
        accounts: many("SELECT max(number) FROM account")?,
        cards: many("SELECT max(number) FROM card")?,
        cardholders: many("SELECT max(number) FROM cardholder")?,
        // An index of those alone: it is read in a moment.
        holds: many("SELECT count(*) FROM hold INDEXED BY hold_open WHERE status = 'open'")?,
    })
}

/// Memory as it would be had it never let go of anything: for whoever has no cold store to ask.
pub(super) fn whole_state(connection: &Connection, mark: &Mark) -> rusqlite::Result<State> {
    let mut state = state(connection, mark)?;
    let ended = format!("SELECT {} FROM hold WHERE status <> 'open' ORDER BY changed_by", HoldKept::COLUMNS);
    each(connection, &ended, |row| {
        let kept = HoldKept::read(row)?;
        state.restore_hold(kept.row, kept.changed_at, kept.changed_by);
        Ok(())
    })?;
    names::each(connection, |name, leads| {
        match leads {
            Leads::ToAnswer(at, answered) if state.answered(name).is_none() => state.restore_asked(at, name, answered),
            Leads::ToAnswer(..) | Leads::ToHold(_) => {}
        }
        Ok(())
    })?;
    Ok(state)
}

fn each(connection: &Connection, sql: &str, mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// A row's place in memory is its number: none may be missing.
fn in_order(next: u32, number: u32) -> rusqlite::Result<()> {
    if next == number { Ok(()) } else { Err(words::damaged(0)) }
}

fn accounts(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    each(connection, &format!("SELECT {} FROM account ORDER BY number", AccountKept::COLUMNS), |row| {
        let AccountKept { number, program, id, account, told } = AccountKept::read(row)?;
        let AccountIndex(next) = state.restore_account(&program, &id, account, told);
        in_order(next, number)
    })?;
    lately::each_page::<Purse>(connection, |number, Purse { posted, held, .. }| {
        state.restore_money(AccountIndex(number), posted, held);
    })
}

fn cardholders(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    each(connection, &format!("SELECT {} FROM cardholder ORDER BY number", CardholderKept::COLUMNS), |row| {
        let CardholderKept { number, program, token, standing } = CardholderKept::read(row)?;
        let (status, told) = standing.unzip();
        let CardholderIndex(next) =
            state.restore_cardholder(&program, &token, CardholderRow { status, told, ..CardholderRow::default() });
        in_order(next, number)
    })
}

fn cards(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    each(connection, &format!("SELECT {} FROM card ORDER BY number", CardKept::COLUMNS), |row| {
        let CardKept { number, program, token, account, cardholder, status, told, since, used } = CardKept::read(row)?;
        let (account, cardholder) = (account.map(AccountIndex), cardholder.map(CardholderIndex));
        let CardIndex(next) = state.restore_card(
            &program,
            &token,
            CardRow { status, told, account, cardholder, since, used, merchants: Merchants::default() },
        );
        in_order(next, number)
    })?;
    lately::each_page::<CardUse>(connection, |number, CardUse { used, .. }| state.restore_use(CardIndex(number), used))?;
    lately::each_uncounted(connection, |number, merchants| {
        state.restore_merchants(CardIndex(number), merchants);
        Ok(())
    })?;
    if schema::has(connection, "card_acted")? {
        each(connection, "SELECT card, merchants FROM card_acted", |row| {
            state.restore_merchants(CardIndex(row.get(0)?), words::unpacked(row, 1)?);
            Ok(())
        })?;
    }
    lately::each_page::<Merchants>(connection, |number, merchants| state.restore_merchants(CardIndex(number), merchants))
}

/// Those under way, and those that ended so lately that their question may still be on the way.
fn holds(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    let mut take = |row: &Row<'_>| {
        let kept = HoldKept::read(row)?;
        state.restore_hold(kept.row, kept.changed_at, kept.changed_by);
        Ok(())
    };
    let open = format!("SELECT {} FROM hold INDEXED BY hold_open WHERE status = 'open' ORDER BY number", HoldKept::COLUMNS);
    each(connection, &open, &mut take)?;
    let ended = format!(
        "SELECT {} FROM ended CROSS JOIN hold ON number = hold AND changed_by = record WHERE status <> 'open' ORDER BY record",
        HoldKept::COLUMNS
    );
    each(connection, &ended, &mut take)
}

fn counters(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    each(connection, "SELECT counter, scope, subject, used FROM counter", |row| {
        let key: i64 = row.get(0)?;
        let subject = row.get(2)?;
        let counting = words::word(row, 1, |scope| words::counting(scope, subject))?;
        state.restore_counter(CounterKey(key.cast_unsigned()), counting, words::unpacked(row, 3)?);
        Ok(())
    })?;
    lately::each_page(connection, |(key, counting), counter| state.restore_counter(key, counting, counter))
}

fn asked(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    each(connection, "SELECT page FROM asked ORDER BY record", |row| {
        for AskedKept { at, name, answered, corrects } in words::unpacked::<Vec<AskedKept>>(row, 0)? {
            // As it was forgotten then: a key that came again later is as old as that.
            state.forget_old_keys(at, i64::MAX, usize::MAX);
            // An answer that was thrown away for its age takes its correction with it.
            if !corrects || state.answered(name).is_some() {
                state.restore_asked(at, name, answered);
            }
        }
        Ok(())
    })
}

/// Only as many as memory keeps: the rest is found here when it is needed.
fn told(connection: &Connection, state: &mut State) -> rusqlite::Result<()> {
    let sql = if schema::has(connection, "told_content")? {
        "SELECT t.at, t.name, c.content FROM told t LEFT JOIN told_content c ON c.name = t.name ORDER BY t.record DESC"
    } else {
        "SELECT at, name, NULL FROM told ORDER BY record DESC"
    };
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let (mut young, mut oldest) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let at = words::moment(row, 0)?;
        let oldest = *oldest.get_or_insert_with(|| at.saturating_sub(TOLD_KEYS_KEPT));
        if at < oldest {
            break;
        }
        let content: Option<i64> = row.get(2)?;
        young.push((at, words::fingerprint(row, 1)?, content.map(ToldContent::from_column)));
    }
    for (at, name, content) in young.into_iter().rev() {
        state.restore_told(at, name, content);
    }
    Ok(())
}

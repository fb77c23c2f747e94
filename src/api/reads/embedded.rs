//! [`Reads`] on the embedded engine's projection, a SQLite file that follows the journal. Reading is a blocking thread's
//! work, a few milliseconds at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_core::hold::HoldStatus;
use holdfast_core::{AccountId, CardToken, Money, ProgramId, Timestamp};
use jiff::tz::TimeZone;

use super::{
    AccountLine, AsOf, CardLine, Done, HoldLine, Lines, MovementLine, Reading, Reads, SumLine, Unreadable, Wanted, Whose,
    is_confirmed,
};
use crate::api::page::Page;
use crate::clock;
use crate::journal::{self, JournalError};
use crate::ledger::embedded::projection::read::{self as kept, AccountKept, CardKept, Movement, ReadError, Reader};
use crate::settlement_day::{Cutoff, TimeOfDay};

/// How long an answer waits for the projection.
const FRESH_WITHIN: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How many holds one page looks at, at most, to find those that are wanted.
const LOOKED_AT_MAX: usize = 2_000;

/// The projection of a data directory.
#[derive(Debug, Clone)]
pub struct EmbeddedReads {
    data: PathBuf,
    /// When each program's settlement days end.
    cutoffs: Arc<BTreeMap<ProgramId, Cutoff>>,
    /// Opened when it is first needed, and again after whatever went wrong.
    open: Arc<Mutex<Option<Files>>>,
}

/// What is read: the projection, and how far the journal is that it follows.
struct Files {
    projection: Reader,
    journal: journal::Reader,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

impl Files {
    fn open(data: &Path) -> Result<Self, Unreadable> {
        let projection = Reader::open(data)?;
        let journal = journal::Reader::open(data)?;
        Ok(Files { projection, journal })
    }

    /// Waits a little until everything is in the projection that is durable now.
    fn freshen(&self) -> Result<(i64, bool), Unreadable> {
        let durable = self.journal.last()?;
        let began = clock::instant();
        loop {
            let record = self.projection.projected()?;
            let fresh = record >= durable;
            if fresh || clock::instant().saturating_duration_since(began) >= FRESH_WITHIN {
                return Ok((record, fresh));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl EmbeddedReads {
    /// The projection in a data directory, which need not be there yet.
    #[must_use]
    pub fn new(data: &Path, cutoffs: BTreeMap<ProgramId, Cutoff>) -> Self {
        EmbeddedReads { data: data.to_owned(), cutoffs: Arc::new(cutoffs), open: Arc::default() }
    }

    /// When a program's settlement days end.
    fn cutoff(&self, program: ProgramId) -> Cutoff {
        self.cutoffs.get(&program).cloned().unwrap_or_else(|| Cutoff::new(TimeZone::UTC, TimeOfDay::Midnight))
    }

    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Files) -> Result<T, Unreadable> + Send + 'static) -> Reading<'_, T> {
        let EmbeddedReads { data, open, .. } = self.clone();
        Box::pin(async move {
            let answered = tokio::task::spawn_blocking(move || {
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                // Taken out: it goes back only if all went well, and was not replaced behind our back.
                let files = open.take().map_or_else(|| Files::open(&data), Ok)?;
                let (record, fresh) = files.freshen()?;
                let found = question(&files)?;
                if fresh {
                    *open = Some(files);
                }
                Ok(AsOf { record, fresh, found })
            });
            answered.await.unwrap_or_else(|_| Err(Unreadable("reading met a bug".to_owned())))
        })
    }
}

impl From<ReadError> for Unreadable {
    fn from(error: ReadError) -> Self {
        Unreadable(error.to_string())
    }
}

impl From<JournalError> for Unreadable {
    fn from(error: JournalError) -> Self {
        Unreadable(error.to_string())
    }
}

impl Reads for EmbeddedReads {
    fn accounts(&self, program: ProgramId, page: Page) -> Reading<'_, Lines<AccountLine>> {
        self.ask(move |files| {
            let reader = &files.projection;
            let rows = reader.accounts(&program, after(page), page.limit)?;
            let last = rows.last().map(|row| i64::from(row.number));
            Ok(lines(rows.iter().map(account).collect(), last, page))
        })
    }

    fn card(&self, program: ProgramId, card: CardToken) -> Reading<'_, Option<CardLine>> {
        self.ask(move |Files { projection, .. }| {
            let found = projection.card_named(&program, &card)?.map(|row| card_line(projection, &row));
            Ok(found.transpose()?)
        })
    }

    fn cards(&self, program: ProgramId, account: AccountId, page: Page) -> Reading<'_, Option<Lines<CardLine>>> {
        self.ask(move |files| {
            let reader = &files.projection;
            let Some(account) = reader.account_number(&program, &account)? else { return Ok(None) };
            let rows = reader.cards_of_account(account, after(page), page.limit)?;
            let last = rows.last().map(|row| i64::from(row.number));
            let found = rows.iter().map(|row| card_line(reader, row)).collect::<Result<_, _>>()?;
            Ok(Some(lines(found, last, page)))
        })
    }

    fn hold(&self, program: ProgramId, number: i64) -> Reading<'_, Option<HoldLine>> {
        self.ask(move |files| {
            let reader = &files.projection;
            let found = u64::try_from(number).ok().map(|number| reader.hold(number)).transpose()?.flatten();
            let Some(row) = found.filter(|row| row.program == program) else { return Ok(None) };
            hold_line(files, row)
        })
    }

    fn holds(&self, program: ProgramId, whose: Whose, wanted: Wanted, page: Page) -> Reading<'_, Option<Lines<HoldLine>>> {
        self.ask(move |files| {
            let reader = &files.projection;
            let Some(list) = HoldList::of(reader, &program, whose)? else { return Ok(None) };
            list.page(files, &wanted, page).map(Some)
        })
    }

    fn movements(
        &self,
        program: ProgramId,
        account: AccountId,
        since: Option<Timestamp>,
        page: Page,
    ) -> Reading<'_, Option<Lines<MovementLine>>> {
        let cutoff = self.cutoff(program);
        self.ask(move |files| {
            let reader = &files.projection;
            let Some(account) = reader.account_number(&program, &account)? else { return Ok(None) };
            let rows = reader.movements_of_account(account, page.last, page.limit)?;
            let last = rows.last().map(|row| row.record);
            let in_time = |row: &Movement| since.is_none_or(|since| row.at >= since);
            let over = !rows.iter().all(in_time);
            let in_time = rows.into_iter().filter(in_time);
            let found = in_time.map(|row| movement(&files.journal, &cutoff, row)).collect::<Result<_, _>>()?;
            let found = lines(found, last, page);
            // The newest come first: behind one that is too old there are none.
            Ok(Some(if over { Lines { more_behind: None, ..found } } else { found }))
        })
    }

    fn sums(&self, program: ProgramId, (from, to): (i32, i32)) -> Reading<'_, Vec<SumLine>> {
        let cutoff = self.cutoff(program);
        self.ask(move |files| {
            let reader = &files.projection;
            let mut sums = Vec::new();
            for day in from..=to {
                sums.extend(reader.sums(&program, &cutoff, day)?.into_iter().map(|sum| SumLine {
                    day,
                    network: sum.network,
                    cause: sum.cause,
                    currency: sum.currency,
                    minor: sum.minor,
                    movements: sum.movements,
                }));
            }
            Ok(sums)
        })
    }
}

/// Whose holds, by the projection's numbers.
enum HoldList {
    Account(u32),
    Card(u32),
    OpenOnes(ProgramId),
}

impl HoldList {
    fn of(reader: &Reader, program: &ProgramId, whose: Whose) -> Result<Option<Self>, ReadError> {
        Ok(match whose {
            Whose::Account(account) => reader.account_number(program, &account)?.map(HoldList::Account),
            Whose::Card(card) => reader.card_named(program, &card)?.map(|row| HoldList::Card(row.number)),
            Whose::OpenOnes => Some(HoldList::OpenOnes(*program)),
        })
    }

    /// Looks through holds until a page is full, or enough were looked at.
    fn page(&self, files: &Files, wanted: &Wanted, page: Page) -> Result<Lines<HoldLine>, Unreadable> {
        let (mut found, mut before, mut looked_at) = (Vec::new(), page.last, 0_usize);
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        loop {
            let rows = self.rows(&files.projection, before, page.limit)?;
            let whole = rows.len() >= limit;
            for row in rows {
                (before, looked_at) = (Some(row.number.cast_signed()), looked_at.saturating_add(1));
                if wanted.since.is_some_and(|since| row.opened_at < since) {
                    return Ok(Lines { lines: found, more_behind: None });
                }
                if self.has(&row) && wants(wanted, &row) {
                    found.extend(hold_line(files, row)?);
                }
                if found.len() >= limit {
                    return Ok(Lines { lines: found, more_behind: before });
                }
            }
            if !whole {
                return Ok(Lines { lines: found, more_behind: None });
            }
            if looked_at >= LOOKED_AT_MAX {
                return Ok(Lines { lines: found, more_behind: before });
            }
        }
    }

    fn rows(&self, reader: &Reader, before: Option<i64>, most: u32) -> Result<Vec<kept::HoldLine>, ReadError> {
        let before = before.map(i64::cast_unsigned);
        match self {
            HoldList::Account(number) => reader.holds_of_account(*number, before, most),
            HoldList::Card(number) => reader.holds_of_card(*number, before, most),
            HoldList::OpenOnes(_) => reader.open_holds(before, most),
        }
    }

    /// Open holds are listed whoever's they are.
    fn has(&self, row: &kept::HoldLine) -> bool {
        match self {
            HoldList::Account(_) | HoldList::Card(_) => true,
            HoldList::OpenOnes(program) => row.program == *program,
        }
    }
}

fn wants(wanted: &Wanted, row: &kept::HoldLine) -> bool {
    wanted.status.is_none_or(|status: HoldStatus| row.hold.status == status)
        && wanted.confirmed.is_none_or(|confirmed| is_confirmed(&row.steps) == confirmed)
}

fn after(page: Page) -> Option<u32> {
    page.last.map(|last| u32::try_from(last).unwrap_or(u32::MAX))
}

/// A full page may have more behind it.
fn lines<T>(lines: Vec<T>, last: Option<i64>, page: Page) -> Lines<T> {
    let full = lines.len() >= usize::try_from(page.limit).unwrap_or(usize::MAX);
    Lines { lines, more_behind: last.filter(|_| full) }
}

fn account(row: &AccountKept) -> AccountLine {
    let account = &row.account;
    AccountLine {
        account: row.id,
        status: account.status,
        posted: Money::from_minor(account.posted, account.currency),
        held: account.held,
        credit_line: account.credit_line,
    }
}

fn card_line(reader: &Reader, row: &CardKept) -> Result<CardLine, ReadError> {
    let account = row.account.map(|number| reader.account_called(number)).transpose()?.flatten();
    let cardholder = row.cardholder.map(|number| reader.cardholder(number)).transpose()?.flatten();
    Ok(CardLine {
        card: row.token,
        account: account.map(|(id, _)| id),
        cardholder: cardholder.map(|row| row.token),
        status: row.status,
    })
}

/// `None` where its account is not there, which the projection rules out.
fn hold_line(files: &Files, row: kept::HoldLine) -> Result<Option<HoldLine>, Unreadable> {
    let reader = &files.projection;
    let Some((account, currency)) = reader.account_called(row.account)? else { return Ok(None) };
    let card = row.card.map(|number| reader.card(number)).transpose()?.flatten();
    Ok(Some(HoldLine {
        number: row.number.cast_signed(),
        platform: row.platform,
        payment: row.payment,
        account,
        currency,
        card: card.map(|row| row.token),
        hold: row.hold,
        confirmed: is_confirmed(&row.steps),
        opened_at: row.opened_at,
        changed_at: row.changed_at,
        changed: last_done(&files.journal, &row.records)?,
    }))
}

/// Who did what a record says; what they wrote stands beside the journal only.
fn done(journal: &journal::Reader, record: i64) -> Result<Option<Done>, Unreadable> {
    Ok(journal.operation_behind(record)?.map(|operation| Done { by: operation.who, why: operation.why }))
}

/// What an operator did to a hold last. What platforms told since does not make it undone.
fn last_done(journal: &journal::Reader, records: &[i64]) -> Result<Option<Done>, Unreadable> {
    for record in records.iter().rev() {
        if let Some(done) = done(journal, *record)? {
            return Ok(Some(done));
        }
    }
    Ok(None)
}

fn movement(journal: &journal::Reader, cutoff: &Cutoff, row: Movement) -> Result<MovementLine, Unreadable> {
    Ok(MovementLine {
        record: row.record,
        at: row.at,
        hold: row.hold.map(u64::cast_signed),
        posted: row.posted,
        held: row.held,
        posted_after: row.posted_after,
        held_after: row.held_after,
        cause: row.cause,
        network: row.network,
        day: row.when.day(cutoff),
        finding: row.finding,
        done: done(journal, row.record)?,
    })
}

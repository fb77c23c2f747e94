//! Retention: which of the journal's oldest records may go, and what is left of a journal.
//!
//! A record goes once its program's `journal_keep_days` are over, and only with everything before it: the journal loses its
//! beginning, group by group, never something in between. So one program that keeps longer keeps the others' records that
//! are mixed with its own, and so does a payment that is still under way. Nothing here drops anything: the ledger does.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_core::{ProgramId, Timestamp};

use crate::journal::{Group, Joint, JournalError, Tail};
use crate::ledger::embedded::projection::read::{ReadError, Reader};

/// The fewest days that a program may keep: longer than a hold waits for its platform's word (35 days).
pub const KEEP_DAYS_MIN: u32 = 36;

/// The most.
pub const KEEP_DAYS_MAX: u32 = 36_500;

/// Records that one trim drops at most, so that each is short; the next one goes on.
const RECORDS_MAX: i64 = 1_000_000;

/// Records that are looked at, at once.
const PORTION_RECORDS: i64 = 4_096;

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

/// How long a program keeps its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The program.
    pub program: ProgramId,
    /// For so many days; for ever if nothing is said.
    pub days: Option<u32>,
}

/// Whose journal it is, and what its programs keep.
#[derive(Debug)]
pub struct Retention {
    /// The data directory.
    pub data: PathBuf,
    /// One for every program.
    pub keeps: Vec<Keep>,
    /// One trim at a time.
    pub alone: tokio::sync::Mutex<()>,
}

/// Why the first record that stays does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Its program's days are not over.
    Young(ProgramId, u32),
    /// Its program keeps everything.
    ForEver(ProgramId),
    /// It is the server's own, and no program's.
    Ours(u32),
    /// Nobody says how long: its program is not in the configuration.
    Unknown(ProgramId),
    /// A payment that is still under way begins there.
    UnderWay(u64),
    /// The projection does not have it yet.
    NotProjected,
    /// So many go at once.
    Portion,
    /// There is none.
    End,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::Young(program, days) => write!(f, "program {program} keeps its records for {days} days"),
            Held::ForEver(program) => write!(f, "program {program} keeps everything: it has no journal_keep_days"),
            Held::Ours(days) => write!(f, "the server keeps its own records for {days} days"),
            Held::Unknown(program) => write!(f, "program {program} is not in the configuration, so its records are kept"),
            Held::UnderWay(hold) => write!(f, "hold {hold} is still open, and its story begins there"),
            Held::NotProjected => f.write_str("the projection has not followed further yet"),
            Held::Portion => write!(f, "{RECORDS_MAX} records go at once; there may be more"),
            Held::End => f.write_str("that is the journal's end"),
        }
    }
}

/// What may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// Where the journal begins.
    pub start: Joint,
    /// Where it may begin.
    pub cut: Joint,
    /// Groups between the two.
    pub groups: u64,
    /// When the first and the last record between them were written.
    pub written: Option<(Timestamp, Timestamp)>,
    /// Why it may not begin later.
    pub held: Held,
    /// Whether the first record could have gone a day ago: making a checkpoint more often would cost more than it frees.
    pub overdue: bool,
}

impl Survey {
    /// Whether anything may go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cut == self.start
    }
}

/// Looks how much of a journal's beginning may go now.
///
/// # Errors
/// The journal or the projection cannot be read.
pub fn survey(directory: &Path, keeps: &[Keep], now: Timestamp) -> Result<Survey, JournalError> {
    let journal = Tail::open(directory)?;
    let start = journal.start()?;
    let (bound, bounded_by) = bound(directory)?;
    let mut survey = Survey { start, cut: start, groups: 0, written: None, held: Held::End, overdue: false };
    loop {
        let (from, mut held) = (survey.cut, None);
        let (mut passed, mut overdue) = (Vec::new(), survey.overdue);
        let end = journal.read(from, i64::MAX, PORTION_RECORDS, &mut |first, bytes| {
            if held.is_some() {
                return Ok(());
            }
            let group = Group::open(bytes).map_err(|error| journal.unreadable(first, error))?;
            let (mut last, mut at) = (first, None);
            for (number, record) in (first..).zip(group) {
                let record = record.map_err(|error| journal.unreadable(first, error))?;
                held = held.or_else(|| keeps_it(keeps, record.program, record.at, now));
                if number == start.next {
                    overdue = keeps_it(keeps, record.program, record.at, now.saturating_sub(DAY)).is_none();
                }
                at = Some(record.at);
                last = number;
            }
            if last >= bound {
                held = held.or(Some(bounded_by));
            } else if last.saturating_sub(start.next) >= RECORDS_MAX {
                held = held.or(Some(Held::Portion));
            }
            if held.is_none() {
                passed.push((last.saturating_add(1), at));
            }
            Ok(())
        })?;
        survey.overdue = overdue;
        let Some((next, at)) = passed.last().copied() else {
            survey.held = held.unwrap_or(Held::End);
            return Ok(survey);
        };
        survey.cut = if end.next == next { end } else { journal.joint_before(next)? };
        survey.groups = survey.groups.saturating_add(u64::try_from(passed.len()).unwrap_or(0));
        if let Some(at) = at {
            let first = survey.written.map_or_else(|| passed.iter().find_map(|(_, at)| *at).unwrap_or(at), |(first, _)| first);
            survey.written = Some((first, at));
        }
        if let Some(held) = held {
            survey.held = held;
            return Ok(survey);
        }
    }
}

/// Why a record may not go now.
fn keeps_it(keeps: &[Keep], program: Option<ProgramId>, at: Timestamp, now: Timestamp) -> Option<Held> {
    let young = |days: u32| at > now.saturating_sub(DAY.saturating_mul(days));
    let Some(program) = program else {
        let days = keeps.iter().filter_map(|keep| keep.days).max().unwrap_or(KEEP_DAYS_MIN);
        return young(days).then_some(Held::Ours(days));
    };
    match keeps.iter().find(|keep| keep.program == program).map(|keep| keep.days) {
        None => Some(Held::Unknown(program)),
        Some(None) => Some(Held::ForEver(program)),
        Some(Some(days)) => young(days).then_some(Held::Young(program, days)),
    }
}

/// The first record that has to stay for the projection's sake, and why.
fn bound(directory: &Path) -> Result<(i64, Held), JournalError> {
    let read = || -> Result<_, ReadError> {
        let projection = Reader::open(directory)?;
        Ok((projection.projected()?.saturating_add(1), projection.oldest_open()?))
    };
    match read() {
        Ok((next, Some((hold, record)))) if record < next => Ok((record, Held::UnderWay(hold))),
        Ok((next, Some(_) | None)) => Ok((next, Held::NotProjected)),
        Err(ReadError::Missing) => Ok((0, Held::NotProjected)),
        Err(ReadError::Unreadable(error)) => Err(JournalError::disk(directory)(error)),
    }
}

/// What is left of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many records.
    pub records: i64,
    /// What they take in the file.
    pub bytes: u64,
    /// When the oldest was written.
    pub oldest: Option<Timestamp>,
}

/// What is left of the journal of a data directory.
///
/// # Errors
/// It cannot be read.
pub fn kept(directory: &Path) -> Result<Kept, JournalError> {
    let journal = Tail::open(directory)?;
    let (start, mut oldest) = (journal.start()?, None);
    journal.read(start, i64::MAX, 1, &mut |first, bytes| {
        if oldest.is_none() {
            let mut group = Group::open(bytes).map_err(|error| journal.unreadable(first, error))?;
            let record = group.next().transpose().map_err(|error| journal.unreadable(first, error))?;
            oldest = record.map(|record| record.at);
        }
        Ok(())
    })?;
    Ok(Kept { records: journal.end()?.next.saturating_sub(start.next), bytes: journal.bytes()?, oldest })
}

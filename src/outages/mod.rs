//! What stand-in did, outage by outage: from the answers that the journal adopted, those that the spool still has, and the times
//! at which somebody switched it on.
//!
//! An outage begins with the first answer that was given without the ledger, or with the switch, and ends with the last one, with the
//! ledger's own answering again where this responder saw that, also at the end of a start, or with the switch; answers less than [`APART_MAX`] apart belong together.
//! What mode `drop` left to the platform is counted apart. Nothing here writes.
//!
//! Everything is read, whatever moment somebody asks from: an outage that began before it is told whole, and what earlier ones left is at
//! risk in later ones.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use holdfast_core::agent::Weight;
use holdfast_core::hold::{Finding, ToldAnswer};
use holdfast_core::stand_in::Silence;
use holdfast_core::{
    AuthorizationRequest, Basis, ContentDigest, Decision, DeclineReason, IdempotencyKey, PlatformName, ProgramId, StandInCause,
    Timestamp,
};

use crate::books::Books;
use crate::journal::reader::Progress;
use crate::journal::{Body, JournalError, Reader, Record};
use crate::ledger::embedded::projection::checkpoint::Beginning;
use crate::ledger::weight_of;
pub use crate::preview::Sum;
use crate::spool::{Entry, File, SpoolError, Switched};

/// Answers that are further apart belong to different outages.
pub const APART_MAX: Duration = Duration::from_secs(300);

/// What declined where the spool could not keep an approval.
const NOT_DURABLE: &str = "not_durable";

/// What no table decided. The record does not say whether there was none, or none was asked because it was not known whether the question
/// had been answered before.
const UNDECIDED: &str = "undecided";

/// Where an answer is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The ledger heard it then, and so much of it was more than the account had.
    At(Timestamp, i64),
    /// It waits for the ledger.
    NotYet,
    /// The ledger refused it for good.
    Refused,
}

/// One answer that was given without the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When it was asked for.
    pub at: Timestamp,
    /// Why the ledger was not asked.
    pub cause: StandInCause,
    /// What decided.
    pub by: String,
    /// How much was asked, in minor units.
    pub asked: i64,
    /// How much was approved, if it was.
    pub approved: Option<i64>,
    /// How much of that may be lost: a credit takes no money, and a preview moves none.
    pub at_risk: i64,
    /// Whether nobody was told anything.
    pub left: Option<Silence>,
    /// Where it is now.
    pub heard: Heard,
}

/// One outage of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Whose.
    pub program: ProgramId,
    /// Its first answer, or the switch.
    pub from: Timestamp,
    /// Its last answer, the moment at which the ledger answered again, or the end of the switch, which may lie ahead.
    pub to: Timestamp,
    /// When the last question came that was answered without the ledger, which may be long before the end; nothing where none came.
    pub last_answer: Option<Timestamp>,
    /// Answers by cause, in the order of causes.
    pub causes: Vec<(StandInCause, u64)>,
    /// The times at which it was switched on in it.
    pub switched: Vec<Switched>,
    /// Approvals, declines, and what was left to the platform, by what decided.
    pub by: BTreeMap<(&'static str, String), Sum>,
    /// All approvals.
    pub approved: Sum,
    /// All declines, with what was asked.
    pub declined: Sum,
    /// What was left to the platform, with what was asked.
    pub left: Sum,
    /// The most money that was approved and not confirmed at any moment of it.
    pub exposure_max: i64,
    /// Approvals that the ledger adopted although the account had less, and how much less.
    pub over_limit: Sum,
    /// Approvals that the ledger refused for good.
    pub set_aside: Sum,
    /// Approvals that wait for the ledger.
    pub waiting: Sum,
}

impl Outage {
    /// What may be lost at most: what accounts did not have, and what nobody could book.
    #[must_use]
    pub const fn loss_max(&self) -> i64 {
        self.over_limit.amount.saturating_add(self.set_aside.amount)
    }
}

/// Why there is no report.
#[derive(Debug)]
pub enum ReportError {
    /// The journal.
    Journal(JournalError),
    /// The spool.
    Spool(SpoolError),
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReportError::Journal(error) => error.fmt(f),
            ReportError::Spool(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReportError {}

/// Answers that were given without the ledger, of every program.
#[derive(Debug, Default)]
pub struct Answers {
    told: BTreeMap<ProgramId, Vec<Answer>>,
    /// The questions that are counted. A key that was used for another question too is two of them.
    /// And so is one that was told yes and no, by two responders.
    questions: HashSet<(ProgramId, Option<PlatformName>, IdempotencyKey, ContentDigest, Said)>,
    switched: Vec<Switched>,
    /// When the ledger did not answer, whosever questions those were.
    away: Vec<(Timestamp, Timestamp)>,
    /// When the group was made that is read, and whose answers in it are heard once the next one is.
    of_group: Option<Timestamp>,
    undated: Vec<(ProgramId, usize)>,
}

impl Answers {
    /// Those that the journal adopted, and those that the spool has, if there is one. The spool is read first: what the ledger hears
    /// meanwhile is in the journal by then.
    ///
    /// # Errors
    /// Either cannot be read.
    pub fn read(journal: &Reader, spool: Option<&File>, progress: &mut Progress<'_>) -> Result<Self, ReportError> {
        let (mut answers, unheard) = Answers::begin(spool).map_err(ReportError::Spool)?;
        answers.read_journal(journal, progress).map_err(ReportError::Journal)?;
        answers.take_all(&unheard);
        Ok(answers)
    }

    /// Those that the spool has, and nothing of the journal.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn unheard(spool: Option<&File>) -> Result<Self, ReportError> {
        let (mut answers, unheard) = Answers::begin(spool).map_err(ReportError::Spool)?;
        answers.take_all(&unheard);
        Ok(answers)
    }

    /// What somebody switched, and what the spool has.
    fn begin(spool: Option<&File>) -> Result<(Self, Vec<(Entry, Heard)>), SpoolError> {
        let unheard = spool.map(rows).transpose()?.unwrap_or_default();
        let switched = spool.map(File::switches).transpose()?.unwrap_or_default();
        let away = spool.map(File::away).transpose()?.unwrap_or_default().into_iter();
        let away = away.filter_map(|away| Some((away.since, away.until?))).collect();
        Ok((Answers { switched, away, ..Answers::default() }, unheard))
    }

    fn take_all(&mut self, unheard: &[(Entry, Heard)]) {
        for (entry, heard) in unheard {
            self.take_unheard(entry, *heard);
        }
    }

    fn read_journal(&mut self, journal: &Reader, progress: &mut Progress<'_>) -> Result<(), JournalError> {
        let mut books = Beginning::of(journal)?.map_or_else(|| Ok(Books::default()), |beginning| beginning.books())?;
        journal.records(journal.last()?, progress, &mut |numbered| {
            let record = numbered.record;
            let before = short(&books, record);
            books.follow(record);
            let after = short(&books, record);
            self.is_durable_until(record.at);
            self.take_adopted(record, after.saturating_sub(before).max(0));
            Ok(())
        })
    }

    /// What was recorded before a moment is durable by then, and may not have been before: a disk that hangs takes a group long after it was
    /// made.
    fn is_durable_until(&mut self, at: Timestamp) {
        if self.of_group.is_some_and(|made| made == at) {
            return;
        }
        self.of_group = Some(at);
        for (program, place) in std::mem::take(&mut self.undated) {
            let answer = self.told.get_mut(&program).and_then(|told| told.get_mut(place));
            if let Some(Answer { heard: Heard::At(heard, _), .. }) = answer {
                *heard = at.max(*heard);
            }
        }
    }

    fn take_adopted(&mut self, record: &Record, over: i64) {
        let Body::Adopted { received_at, request, told, basis, outcome, .. } = &record.body else { return };
        let Some(program) = record.program else { return };
        // Set aside: the spool tells of it. Heard before: the ledger came to the same answer and was too slow to tell it, or an earlier
        // record told of it already.
        if outcome.finding.is_some_and(|finding| is_set_aside(*told, finding)) {
            return;
        }
        let heard = Heard::At(record.at, over);
        let weight = weight_of(record.governed.as_ref());
        let Some(answer) = Answer::of(*received_at, basis, *told, (request, weight), heard) else { return };
        let digest = request.content_digest().kept();
        if self.questions.insert((program, record.platform, request.key, digest, Said::of(*told))) {
            let told = self.told.entry(program).or_default();
            self.undated.push((program, told.len()));
            told.push(answer);
        }
    }

    fn take_unheard(&mut self, entry: &Entry, heard: Heard) {
        let Entry::Told(adopt, _) = entry else { return };
        let (origin, request) = (&adopt.origin, &adopt.request);
        let digest = request.content_digest().kept();
        let question = (origin.program, origin.platform, request.key, digest, Said::of(adopt.told));
        if !self.questions.insert(question) {
            return;
        }
        let asked = (request, weight_of(adopt.governed.as_ref()));
        let answer = Answer::of(adopt.received_at, &adopt.basis, adopt.told, asked, heard);
        self.told.entry(origin.program).or_default().extend(answer);
    }

    /// The outages of a program that ended then or later, the oldest first, each of them whole.
    #[must_use]
    pub fn outages(&self, program: ProgramId, since: Timestamp) -> Vec<Outage> {
        let mut answers = self.told.get(&program).cloned().unwrap_or_default();
        answers.sort_by_key(|answer| answer.at);
        let mut outages: Vec<Outage> = Vec::new();
        for (from, to) in self.spans(program, &answers) {
            match outages.last_mut() {
                Some(last) if from <= last.to.saturating_add(APART_MAX) => last.to = last.to.max(to),
                Some(_) | None => outages.push(Outage::of(program, from, to)),
            }
        }
        outages.retain(|outage| outage.to >= since);
        for outage in &mut outages {
            let own = |at: Timestamp| outage.from <= at && at <= outage.to;
            let told: Vec<&Answer> = answers.iter().filter(|answer| own(answer.at)).collect();
            let switched = self.switched.iter().filter(|switched| switched.scope.program == program && own(switched.since));
            outage.switched = switched.cloned().collect();
            outage.count(&told);
            outage.exposure_max = exposure_max(&answers, outage);
        }
        outages
    }

    /// When something was answered without the ledger, or to be, in order.
    fn spans(&self, program: ProgramId, answers: &[Answer]) -> Vec<(Timestamp, Timestamp)> {
        let switched = self.switched.iter().filter(|switched| switched.scope.program == program);
        let spans = switched.map(|switched| (switched.since, switched.ends()));
        // One without an answer of the program's is no outage of its.
        let of_its = |(since, until): &(Timestamp, Timestamp)| {
            answers.iter().any(|answer| since.saturating_sub(APART_MAX) <= answer.at && answer.at <= *until)
        };
        let away = self.away.iter().copied().filter(of_its);
        let mut spans: Vec<_> = answers.iter().map(|answer| (answer.at, answer.at)).chain(spans).chain(away).collect();
        spans.sort();
        spans
    }
}

/// What was said to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Said {
    Yes,
    No,
}

impl Said {
    const fn of(told: ToldAnswer) -> Self {
        match told {
            ToldAnswer::Approved { .. } => Said::Yes,
            ToldAnswer::Declined { .. } => Said::No,
        }
    }
}

/// What the spool has.
fn rows(file: &File) -> Result<Vec<(Entry, Heard)>, SpoolError> {
    let mut rows = Vec::new();
    let readable = |body: &[u8], digest: &[u8]| Entry::from_bytes(body, digest).ok();
    for aside in file.set_aside()? {
        rows.extend(readable(&aside.row.body, &aside.row.digest).map(|entry| (entry, Heard::Refused)));
    }
    for row in file.waiting() {
        let row = row?;
        rows.extend(readable(&row.body, &row.digest).map(|entry| (entry, Heard::NotYet)));
    }
    Ok(rows)
}

/// How much the record's account lacks now.
fn short(books: &Books, record: &Record) -> i64 {
    let available = books.at(&record.place).book.map_or(0, |book| book.account.available());
    available.saturating_neg().max(0)
}

/// Whether an answer was set aside, so that the spool tells of it.
fn is_set_aside(told: ToldAnswer, finding: Finding) -> bool {
    let is_approval = matches!(told, ToldAnswer::Approved { .. });
    finding == Finding::Conflict || (is_approval && finding.is_not_booked())
}

impl Answer {
    /// The answer, if it is one of stand-in.
    fn of(
        at: Timestamp,
        basis: &Basis,
        told: ToldAnswer,
        (request, weight): (&AuthorizationRequest, Weight),
        heard: Heard,
    ) -> Option<Self> {
        let cause = basis.stand_in_cause()?;
        // What decided had approved it.
        let is_not_durable = matches!(told, ToldAnswer::Declined { reason: DeclineReason::NotDurable });
        let by = match basis {
            Basis::StandInTable(_) | Basis::StandIn(_) if is_not_durable => NOT_DURABLE.to_owned(),
            Basis::StandInTable(basis) => match basis.by.id() {
                Some(id) => format!("{} {id}", basis.by.name()),
                None => basis.by.name().to_owned(),
            },
            Basis::StandIn(_) | Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay => UNDECIDED.to_owned(),
        };
        let (approved, left) = match told {
            ToldAnswer::Approved { amount } => (Some(amount.minor()), None),
            ToldAnswer::Declined { reason } => (None, Silence::of(&Decision::Decline { reason })),
        };
        let at_risk = approved.filter(|_| request.kind.moves_money() && weight != Weight::Preview).unwrap_or(0);
        Some(Answer { at, cause, by, asked: request.amount.minor(), approved, at_risk, left, heard })
    }
}

impl Outage {
    fn of(program: ProgramId, from: Timestamp, to: Timestamp) -> Self {
        let none = Sum::default();
        Outage {
            program,
            from,
            to,
            last_answer: None,
            causes: Vec::new(),
            switched: Vec::new(),
            by: BTreeMap::new(),
            approved: none,
            declined: none,
            left: none,
            exposure_max: 0,
            over_limit: none,
            set_aside: none,
            waiting: none,
        }
    }

    fn count(&mut self, told: &[&Answer]) {
        self.last_answer = told.iter().map(|answer| answer.at).max();
        let of_cause = |cause| told.iter().filter(|answer| answer.cause == cause).count();
        let causes = StandInCause::ALL.map(|cause| (cause, u64::try_from(of_cause(cause)).unwrap_or(u64::MAX)));
        self.causes = causes.into_iter().filter(|(_, count)| *count > 0).collect();
        for answer in told {
            let (name, amount) = match (answer.approved, answer.left) {
                (Some(approved), _) => ("approve", approved),
                (None, None) => ("decline", answer.asked),
                (None, Some(_)) => ("abstain", answer.asked),
            };
            self.by.entry((name, answer.by.clone())).or_default().add(amount);
            let Some(approved) = answer.approved else {
                let sum = if answer.left.is_some() { &mut self.left } else { &mut self.declined };
                sum.add(answer.asked);
                continue;
            };
            self.approved.add(approved);
            match answer.heard {
                Heard::At(_, 0) => {}
                Heard::At(_, over) => self.over_limit.add(over.min(answer.at_risk)),
                Heard::NotYet => self.waiting.add(approved),
                Heard::Refused => self.set_aside.add(answer.at_risk),
            }
        }
    }
}

/// The most that was approved and not confirmed at any moment of an outage, what earlier ones left included.
fn exposure_max(answers: &[Answer], outage: &Outage) -> i64 {
    let mut changes: Vec<(Timestamp, i64)> = Vec::new();
    for answer in answers {
        changes.push((answer.at, answer.at_risk));
        match answer.heard {
            Heard::At(heard, _) => changes.push((heard.max(answer.at), answer.at_risk.saturating_neg())),
            Heard::NotYet | Heard::Refused => {}
        }
    }
    // Of one moment, what is added first: the exposure was that high, or would have been.
    changes.sort_by_key(|(at, change)| (*at, *change < 0));
    let (mut exposure, mut most) = (0_i64, 0_i64);
    for (at, change) in changes {
        exposure = exposure.saturating_add(change);
        if outage.from <= at && at <= outage.to {
            most = most.max(exposure);
        }
    }
    most
}

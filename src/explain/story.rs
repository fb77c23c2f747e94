//! What happened to one payment, record by record, with what was known at the time.

use holdfast_core::hold::Hold;

use super::find::{Payment, names_of};
use crate::books::{Books, Standings};
use crate::journal::reader::Progress;
use crate::journal::{Begins, JournalError, Operation, Reader, Record};
use crate::kept_rules::KeptRules;
use crate::ledger::embedded::projection::checkpoint::Beginning;

/// One payment's story.
#[derive(Debug)]
pub struct Story {
    /// The payment.
    pub payment: Payment,
    /// What happened, in the order in which the ledger heard of it.
    pub moments: Vec<Moment>,
    /// How its account and card stand at the end of the journal.
    pub now: Standings,
    /// What stands of it; `None` if nothing was ever held or posted for it.
    pub hold: Option<Hold>,
    /// The rules that spoke.
    pub rules: KeptRules,
    /// From which record on the journal tells, where records of this payment were dropped.
    pub begins: Option<Begins>,
}

impl Story {
    /// What was posted for it in all, by the records that are told; nothing if nothing ever was.
    #[must_use]
    pub fn posted(&self) -> Option<i64> {
        let posted =
            self.moments.iter().filter_map(|moment| Some(moment.record.body.outcome()?.posted)).filter(|minor| *minor != 0);
        posted.fold(None, |sum: Option<i64>, minor| Some(sum.unwrap_or(0).saturating_add(minor)))
    }
}

/// One record of it.
#[derive(Debug)]
pub struct Moment {
    /// Its counter.
    pub number: i64,
    /// What it says.
    pub record: Record,
    /// Who did it and why, where an operator did and it is still known.
    pub operator: Option<Operation>,
    /// How account and card stood before it.
    pub before: Standings,
    /// How they stood after it.
    pub after: Standings,
}

/// Gathers a payment's story.
///
/// # Errors
/// The journal cannot be read.
pub fn tell(reader: &Reader, payment: Payment, progress: &mut Progress<'_>) -> Result<Story, JournalError> {
    let beginning = Beginning::of(reader)?;
    let (mut books, mut moments) = (beginning.as_ref().map_or_else(|| Ok(Books::default()), Beginning::books)?, Vec::new());
    let begins = beginning
        .filter(|beginning| payment.hold.is_some_and(|hold| beginning.has_placed(hold)))
        .map(|Beginning { record, at, .. }| Begins { record, at });
    reader.records(i64::MAX, progress, &mut |numbered| {
        let record = numbered.record;
        if !belongs(&payment, record) {
            books.follow(record);
            return Ok(());
        }
        let before = books.at(&record.place);
        books.follow(record);
        let after = books.at(&record.place);
        let operator = record.operator.as_ref().map(|id| reader.operation(id)).transpose()?.flatten();
        moments.push(Moment { number: numbered.number, record: record.clone(), operator, before, after });
        Ok(())
    })?;
    let place = moments.iter().rev().map(|moment: &Moment| moment.record.place).find(|place| place.account.is_some());
    let hold = moments.iter().rev().find_map(|moment: &Moment| moment.record.body.outcome()?.hold);
    let now = place.map(|place| books.at(&place)).unwrap_or_default();
    Ok(Story { payment, moments, now, hold, rules: KeptRules::of(reader)?, begins })
}

/// Whether a record is about the payment: by its hold, or, where nothing was held, by name.
fn belongs(payment: &Payment, record: &Record) -> bool {
    if (record.program, record.platform) != (payment.program, payment.platform) {
        return false;
    }
    if let (Some(hold), Some(number)) = (payment.hold, record.place.hold) {
        return hold == number || payment.parts.contains(&number);
    }
    if record.place.hold.is_some() {
        return false;
    }
    let mut named = false;
    names_of(record, &mut |name| named |= payment.names.contains(name));
    named
}

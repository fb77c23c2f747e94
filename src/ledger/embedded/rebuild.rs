//! From the journal back to memory: the outcomes of its records are written again, in order. Nothing is decided afresh.

use holdfast_core::hold::mutant::{self, Mutant};
use holdfast_core::hold::{Account, AccountStatus, CardStatus, Mark, Outcome, Step, StepId, Subject, ToldEvent};
use holdfast_core::{AuthorizationRequest, Currency, DeclineReason, Expiry, PaymentRef, ProgramId, Timestamp};
use smallvec::SmallVec;

use super::about::{locate_event, locate_named, where_it_was_told};
use super::cold::{Cold, Need};
use super::contradiction::content;
use super::naming::{as_named, asked_of, heard, locate_adopted, locate_request, payments_of, subject_of};
use super::state::{
    AccountIndex, CardIndex, CardRow, Fingerprint, HoldNumber, Located, Merchants, Names, PaymentNames, State, UNTOLD,
};
use super::undo::UndoLog;
use crate::journal::{Body, Group, JournalError, Naming, Record, RecordError, Side};

/// Writes again what a journal says, group by group.
pub struct Rebuilding<'a> {
    pub state: &'a mut State,
    pub undo: &'a mut UndoLog,
    pub cold: &'a dyn Cold,
    /// Up to which record a projection keeps everything; nothing if there is none.
    pub projected: Option<i64>,
    /// The record that is to be written next.
    pub next: i64,
}

impl Rebuilding<'_> {
    /// Writes a group whose first record has this number; the first one may begin with records that are written already. `each`
    /// sees what was written.
    ///
    /// # Errors
    /// See [`write_record`]; a group that cannot be read, as `unreadable` says it.
    pub fn write_group(
        &mut self,
        first: i64,
        bytes: &[u8],
        unreadable: impl Fn(i64, RecordError) -> JournalError,
        mut each: impl FnMut(i64, &Record),
    ) -> Result<(), JournalError> {
        let mut group = Group::open(bytes).map_err(|error| unreadable(first, error))?;
        let mut room = None;
        for number in first.. {
            let Some(record) = group.read(&mut room) else { break };
            let record = record.map_err(|error| unreadable(first, error))?;
            if number == self.next {
                if let Some(projected) = self.projected {
                    self.state.forget_old_keys(record.at, projected, usize::MAX);
                }
                write_record(self.state, record, number, self.cold, self.undo)?;
                self.undo.clear();
                self.next = self.next.saturating_add(1);
                each(number, record);
            }
        }
        Ok(())
    }
}

/// Writes what a record says happened.
///
/// # Errors
/// What memory had let go of could not be read.
pub fn write_record(
    state: &mut State,
    record: &Record,
    number: i64,
    cold: &dyn Cold,
    undo: &mut UndoLog,
) -> Result<(), JournalError> {
    write_found(state, record, number, None, cold, undo)
}

/// The same, where everything that the record names was found already, and memory is as it was then.
///
/// # Errors
/// As [`write_record`].
pub fn write_found(
    state: &mut State,
    record: &Record,
    number: i64,
    found: Option<Located>,
    cold: &dyn Cold,
    undo: &mut UndoLog,
) -> Result<(), JournalError> {
    let Some(program) = &record.program else { return Ok(()) };
    let reading = Reading { record, number, found, cold };
    match &record.body {
        Body::Decided { request, outcome, .. } | Body::Adopted { request, outcome, .. } => {
            write_answer(state, &reading, request, outcome, undo)?;
        }
        Body::Told { event, outcome } => write_told(state, &reading, event, outcome, undo)?,
        Body::Ordered { key, payment, outcome, .. } => {
            let platform = record.platform.as_ref();
            take_in(state, record, (payment, None), cold)?;
            let located = located(state, record);
            let asked = Some(state.asked_name(program, platform, key));
            let names = Names { payment: Some(payment), asked, ..names(program, record, number) };
            state.write(&located, &names, outcome, undo);
        }
        Body::AccountEntered { account, balance, credit_line, status } => {
            let known = state.account_named(program, account).and_then(|index| state.account(index));
            let told = entered_at(record.at, known.map(|row| (row.account.status, row.told)), *status, AccountStatus::bar);
            let entered = entered_account(balance.currency(), balance.minor(), *credit_line, *status);
            state.enter_account(program, account, entered, told, undo);
        }
        Body::CardEntered { card, account, cardholder, status } => {
            let account = state.account_named(program, account);
            let known = state.card_named(program, card).and_then(|index| state.card(index));
            let told = entered_at(record.at, known.map(|row| (row.status, row.told)), *status, CardStatus::bar);
            let row = CardRow {
                status: *status,
                told,
                account,
                cardholder: None,
                since: record.at,
                used: None,
                merchants: Merchants::default(),
            };
            state.enter_card(program, card, row, cardholder.as_ref(), undo);
        }
        Body::Joined { payment, other, gives, outcome } => {
            let pair = (HoldNumber(*gives), payment, other);
            write_joined(state, &reading, pair, outcome, undo)?;
        }
        Body::Reassigned { payment, increment, words, side, outcome } => {
            write_reassigned(state, &reading, (payment, increment), (words, *side), outcome, undo)?;
        }
        Body::Kept { .. } | Body::RulesPublished | Body::Opened | Body::Trimmed { .. } => {}
    }
    Ok(())
}

/// A record that is being written.
struct Reading<'a> {
    record: &'a Record,
    number: i64,
    /// What it names, where somebody found it already.
    found: Option<Located>,
    cold: &'a dyn Cold,
}

impl Reading<'_> {
    /// What it names, once what memory had let go of was taken in.
    fn located(&self, state: &State, taken_in: TakenIn) -> Located {
        match (self.found, taken_in) {
            (Some(found), TakenIn::Nothing) => found,
            (Some(_) | None, _) => located(state, self.record),
        }
    }
}

/// Whether memory was changed for a record before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TakenIn {
    Nothing,
    Something,
}

fn write_answer(
    state: &mut State,
    reading: &Reading<'_>,
    request: &AuthorizationRequest,
    outcome: &Outcome,
    undo: &mut UndoLog,
) -> Result<(), JournalError> {
    let Reading { record, number, cold, .. } = *reading;
    let Some(program) = &record.program else { return Ok(()) };
    let platform = record.platform.as_ref();
    let (payment, increment) = request.payments();
    let mut taken_in = TakenIn::Nothing;
    if outcome.hold.is_some() {
        taken_in = take_in(state, record, (payment, increment), cold)?;
    }
    let located = reading.located(state, taken_in);
    let asked = Some(state.asked_name(program, platform, &request.key));
    let expiry = request.expiry;
    let names = Names { payment: Some(payment), increment, expiry, asked, ..names(program, record, number) };
    let names = Names { merchant: state.merchant(program, request), ..names };
    state.write(&located, &names, outcome, undo);
    Ok(())
}

fn write_told(
    state: &mut State,
    reading: &Reading<'_>,
    event: &ToldEvent,
    outcome: &Outcome,
    undo: &mut UndoLog,
) -> Result<(), JournalError> {
    let Reading { record, number, cold, .. } = *reading;
    let Some(program) = &record.program else { return Ok(()) };
    let platform = record.platform.as_ref();
    let (payment, other_name) = payments_of(platform, event);
    let mut taken_in = TakenIn::Nothing;
    if let Some(payment) = &payment
        && outcome.hold.is_some()
    {
        taken_in = take_in(state, record, (payment, other_name.as_ref()), cold)?;
    }
    let subject = subject_of(event);
    let located = reading.located(state, taken_in);
    let told = heard(state.told_name(program, platform, &event.key), platform, event, outcome);
    let told = told.filter(|_| !mutant::is(Mutant::ToldAgainAfterRestart)).map(|told| (told, content(event)));
    let asked = asked_of(&event.fact).map(|key| state.asked_name(program, platform, &key));
    let (payment, increment) = (payment.as_ref(), other_name.as_ref());
    let names = Names { payment, increment, asked, told, ..names(program, record, number) };
    let (located, names) = as_named(state, event, &located, names);
    state.write(&located, &names, outcome, undo);
    if let Some(standing) = outcome.standing {
        state.write_standing(program, &subject, &located, standing, undo);
    }
    Ok(())
}

fn write_joined(
    state: &mut State,
    reading: &Reading<'_>,
    (gives, payment, other): (HoldNumber, &PaymentRef, &PaymentRef),
    outcome: &Outcome,
    undo: &mut UndoLog,
) -> Result<(), JournalError> {
    let Reading { record, number, cold, .. } = *reading;
    let Some((program, takes)) = record.program.as_ref().zip(record.place.hold) else { return Ok(()) };
    let mut index_of = |wanted: HoldNumber, name: &PaymentRef| {
        if let Some(index) = state.hold_numbered(wanted) {
            return Ok(Some(index));
        }
        let names = state.payment_names(program, record.platform.as_ref(), name);
        for name in names.iter() {
            let need = Need { others: [name].into_iter().collect(), ..Need::default() };
            for (row, at, by) in cold.find(&need)?.others.into_iter().filter(|(row, ..)| row.number == wanted) {
                state.restore_hold(row, at, by);
            }
        }
        Ok(state.hold_numbered(wanted))
    };
    let (takes, gives) = (index_of(HoldNumber(takes), payment)?, index_of(gives, other)?);
    #[cfg(test)]
    assert!(takes.is_some() && gives.is_some(), "record {number}: one of two holds is not found");
    if let Some((takes, gives)) = takes.zip(gives) {
        state.join(takes, gives, (record.at, number), outcome, undo);
    }
    Ok(())
}

fn write_reassigned(
    state: &mut State,
    reading: &Reading<'_>,
    (payment, increment): (&PaymentRef, &PaymentRef),
    (words, side): (&[Step], Side),
    outcome: &Outcome,
    undo: &mut UndoLog,
) -> Result<(), JournalError> {
    let Reading { record, number, cold, .. } = *reading;
    let Some(program) = &record.program else { return Ok(()) };
    take_in(state, record, (payment, Some(increment)), cold)?;
    let located = located(state, record);
    match (side, located.hold) {
        (Side::Gives, Some(gives)) => {
            let own = state.payment_names(program, record.platform.as_ref(), increment);
            state.give_words(gives, words, own.iter(), (record.at, number), outcome, undo);
        }
        #[cfg(test)]
        (Side::Gives, None) => panic!("record {number}: the hold that gives is not found"),
        #[cfg(not(test))]
        (Side::Gives, None) => {}
        (Side::Takes, _) => {
            let names = Names { payment: Some(payment), increment: Some(increment), ..names(program, record, number) };
            state.take_words(&located, words, &names, outcome, undo);
        }
    }
    Ok(())
}

/// Takes in what memory had let go of when a record was written: the payment that it is about, by the names that it was told, or else by
/// its number; and whatever else has one of its names, which that keeps.
fn take_in(
    state: &mut State,
    record: &Record,
    (payment, own): (&PaymentRef, Option<&PaymentRef>),
    cold: &dyn Cold,
) -> Result<TakenIn, JournalError> {
    let Some(program) = &record.program else { return Ok(TakenIn::Nothing) };
    // A payment that this record places is in no projection: looking for each of a million would take most of a start.
    let Some(number) = record.place.hold.map(HoldNumber).filter(|number| state.has_placed(*number)) else {
        return Ok(TakenIn::Nothing);
    };
    let names_of = |payment| state.payment_names(program, record.platform.as_ref(), payment);
    let names: SmallVec<[Fingerprint; 4]> =
        std::iter::once(payment).chain(own).map(names_of).flat_map(PaymentNames::iter).collect();
    let is_found = |state: &State| {
        let mut found = names.iter().filter_map(|name| state.hold(state.hold_by(name)?));
        found.any(|row| row.number == number)
    };
    let was_there = is_found(state);
    if was_there && record.place.naming == Naming::Free {
        return Ok(TakenIn::Nothing);
    }
    let others: SmallVec<[Fingerprint; 2]> =
        names.iter().copied().filter(|name| state.hold_by(name).is_none() && state.may_be_gone(*name)).collect();
    let mut taken_in = TakenIn::Nothing;
    if !others.is_empty() {
        let found = cold.find(&Need { others, ..Need::default() })?;
        for (row, at, by) in found.others {
            // What is not placed yet comes later in the journal.
            if state.has_placed(row.number) {
                state.restore_hold(row, at, by);
                taken_in = TakenIn::Something;
            }
        }
    }
    if !was_there && !is_found(state) && state.hold_numbered(number).is_none() {
        // Its names lead elsewhere by now.
        for (row, at, by) in cold.find(&Need { number: Some(number), ..Need::default() })?.others {
            state.restore_hold_numbered(row, at, by);
            taken_in = TakenIn::Something;
        }
    }
    Ok(taken_in)
}

/// Everything that a record's event names, as it was found then: for whoever writes its outcome, and for whoever decides it
/// again.
pub fn located(state: &State, record: &Record) -> Located {
    let Some(program) = &record.program else { return Located::default() };
    let platform = record.platform.as_ref();
    let located = match &record.body {
        Body::Decided { request, .. } => {
            let named = locate_request(state, program, platform, request);
            if_meant(state, record, named, |named| where_it_was_told(state, program, platform, request, named))
        }
        Body::Adopted { request, .. } => {
            let named = locate_adopted(state, program, platform, request);
            if_meant(state, record, named, |named| where_it_was_told(state, program, platform, request, named))
        }
        Body::Told { event, .. } => {
            let named = locate_named(state, program, platform, event);
            if_meant(state, record, named, |_| locate_event(state, program, platform, event, record.at))
        }
        Body::Ordered { payment, .. } | Body::Joined { payment, .. } | Body::Reassigned { payment, .. } => {
            state.locate(program, platform, &Subject::default(), Some(payment))
        }
        Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. } => {
            return Located::default();
        }
    };
    as_recorded(state, record, located)
}

/// What was found where it was told, if that is what the record is about: older versions knew only what an event names.
fn if_meant(state: &State, record: &Record, named: Located, told: impl FnOnce(Located) -> Located) -> Located {
    let told = told(named);
    let number = told.hold.and_then(|index| state.hold(index)).map(|row| row.number.0);
    if number == record.place.hold { told } else { named }
}

/// Names lead elsewhere than they did: to a payment that memory had let go of then, or to another account's. The record knows
/// which hold was meant, or that none was.
fn as_recorded(state: &State, record: &Record, located: Located) -> Located {
    let place = &record.place;
    let found = located.hold.and_then(|index| state.hold(index)).map(|row| row.number.0);
    let changed = record.body.outcome().is_some_and(|outcome| outcome.hold.is_some());
    if found == place.hold || (found.is_none() && !changed) {
        return located;
    }
    let hold = place.hold.and_then(|number| state.hold_numbered(HoldNumber(number)));
    let (account, card) = (place.account.map(AccountIndex), place.card.map(CardIndex));
    Located { hold, account, card, ..located }
}

/// What every record's names have in common.
fn names<'a>(program: &'a ProgramId, record: &'a Record, number: i64) -> Names<'a> {
    Names {
        program,
        platform: record.platform.as_ref(),
        at: record.at,
        record: number,
        payment: None,
        increment: None,
        expiry: Expiry::Told,
        number: record.place.hold.map(HoldNumber),
        asked: None,
        told: None,
        merchant: None,
    }
}

/// What a standing is marked by that came with an entry. A bar counts from now on. No bar is no news: a file says nothing of
/// when it was so, and a freeze that is told late must not lose against it.
pub fn entered_at<S: Copy + PartialEq>(
    at: Timestamp,
    known: Option<(S, Mark)>,
    status: S,
    bar: impl Fn(S) -> Option<DeclineReason>,
) -> Mark {
    match known {
        Some((before, told)) if before == status => told,
        Some(_) | None if bar(status).is_some() => Mark { at, id: StepId(0) },
        Some(_) | None => UNTOLD,
    }
}

/// An account as it is entered.
pub fn entered_account(currency: Currency, posted: i64, credit_line: i64, status: AccountStatus) -> Account {
    Account { currency, posted, held: 0, credit_line, status }
}

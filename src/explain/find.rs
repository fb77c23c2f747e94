//! Which payment is meant: by its id or alias, by the key of a question or message about it, or by our reference of a decision.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use holdfast_adapters::DecisionReference;
use holdfast_core::card_number::stands_in_text;
use holdfast_core::hold::Fact;
use holdfast_core::{AuthorizationId, AuthorizationRequest, IdempotencyKey, PaymentRef, PlatformName, ProgramId};

use crate::journal::reader::Progress;
use crate::journal::{Begins, Body, JournalError, Reader, Record, Side};
use crate::ledger::embedded::projection::checkpoint::Beginning;
use crate::settlement::message_name;

/// What somebody asks to be explained.
#[derive(Debug, Clone)]
pub struct Sought {
    /// A payment's id or alias, a key, or a decision's reference.
    pub name: String,
    /// Only in this program.
    pub program: Option<ProgramId>,
    /// Only of this platform.
    pub platform: Option<PlatformName>,
    /// Only the hold of this number, where one name was given to several.
    pub hold: Option<u64>,
}

/// One payment in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Whose.
    pub program: Option<ProgramId>,
    /// The platform that named it.
    pub platform: Option<PlatformName>,
    /// Its hold's number; `None` if nothing was ever held or posted for it.
    pub hold: Option<u64>,
    /// Holds that were thought to be other payments', until a message said that they are this one.
    pub parts: BTreeSet<u64>,
    /// Every name of it that was asked for, told, or found beside those.
    pub names: BTreeSet<String>,
    /// The first record about it.
    pub first: i64,
    /// How the name that was sought leads to it.
    leads: Leads,
}

/// How a name leads to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Leads {
    /// A question or message about it says only that it adds to what is called so.
    Perhaps,
    /// It is called so.
    Surely,
}

/// Why there is no one payment to explain.
#[derive(Debug)]
pub enum NotOne {
    /// No record knows the name; and from which record on the journal tells, if not from the first.
    Unknown(String, Option<Begins>),
    /// Nothing in the journal is of that program.
    NoProgram(ProgramId),
    /// Several payments go by it.
    Several(String, Vec<Payment>),
    /// The journal cannot be read.
    Journal(JournalError),
}

/// A name as it may be repeated: what was typed may be a card's number.
fn shown(name: &str) -> &str {
    if stands_in_text(name) { "(a card's number)" } else { name }
}

impl fmt::Display for NotOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotOne::Unknown(name, begins) => {
                let name = shown(name);
                write!(
                    f,
                    "no record of the journal knows `{name}`: neither a payment's id or alias, nor a key of the platform, nor a \
                     decision's reference (\"dec=…\", external_authorization_id)"
                )?;
                begins.map_or(Ok(()), |begins| write!(f, "; {begins}"))
            }
            NotOne::NoProgram(program) => write!(f, "--program: nothing in the journal is of a program `{program}`"),
            NotOne::Several(name, payments) => {
                let name = shown(name);
                write!(f, "`{name}` names several payments; say which:")?;
                payments.iter().try_for_each(|payment| {
                    write!(f, "\n  ")?;
                    if let Some(program) = &payment.program {
                        write!(f, "--program {program} ")?;
                    }
                    if let Some(platform) = &payment.platform {
                        write!(f, "--platform {platform} ")?;
                    }
                    match payment.hold {
                        Some(hold) => write!(f, "--hold {hold}")?,
                        None => f.write_str("(nothing was held)")?,
                    }
                    write!(f, "  from record {} on", payment.first)
                })
            }
            NotOne::Journal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotOne {}

impl From<JournalError> for NotOne {
    fn from(error: JournalError) -> Self {
        NotOne::Journal(error)
    }
}

/// What tells two payments of one name apart: program, platform, and the hold's number.
type Whose = (Option<ProgramId>, Option<PlatformName>, Option<u64>);

/// Finds the one payment that is meant.
///
/// # Errors
/// None, or several; or the journal cannot be read.
pub fn find(reader: &Reader, sought: &Sought, progress: &mut Progress<'_>) -> Result<Payment, NotOne> {
    let mut gathered = gather(reader, sought, progress, &mut |record| Ok(leads(sought, record)))?;
    if gathered.found.is_empty()
        && let Some(beginning) = Beginning::of(reader)?
    {
        // No record that is left has the name: those that are may be about what the dropped ones called so.
        let mut called_so: BTreeMap<u64, bool> = BTreeMap::new();
        gathered = gather(reader, sought, progress, &mut |record| {
            let Some(hold) = record.place.hold.filter(|_| !is_elsewhere(sought, record)) else { return Ok(None) };
            let is_called_so = match called_so.entry(hold) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => {
                    let (program, name) = (record.program, AuthorizationId::new(&sought.name).ok());
                    let is_called = program.zip(name).map(|(program, name)| beginning.is_called(hold, &program, name));
                    *unknown.insert(is_called.transpose()?.unwrap_or(false))
                }
            };
            Ok(is_called_so.then_some(Leads::Surely))
        })?;
    }
    if let Some(program) = sought.program.filter(|_| !gathered.has_program) {
        let published = reader.rulesets()?;
        // Of what was dropped, its rules are kept.
        if !published.iter().any(|ruleset| ruleset.program == program.as_str()) {
            return Err(NotOne::NoProgram(program));
        }
    }
    one_of(sought, as_joined(gathered.found, &gathered.joined), reader.begins()?)
}

/// What a look through the journal came to.
#[derive(Default)]
struct Gathered {
    found: BTreeMap<Whose, Payment>,
    /// Which hold turned out to be which.
    joined: BTreeMap<u64, u64>,
    /// Which holds gave away the increment that is called as what was sought, and have not got it back.
    gave: BTreeSet<u64>,
    /// Whether anything is of the program that was said.
    has_program: bool,
}

fn gather(
    reader: &Reader,
    sought: &Sought,
    progress: &mut Progress<'_>,
    leads: &mut dyn FnMut(&Record) -> Result<Option<Leads>, JournalError>,
) -> Result<Gathered, JournalError> {
    let mut gathered = Gathered::default();
    reader.records(i64::MAX, progress, &mut |numbered| {
        let record = numbered.record;
        gathered.has_program |= record.program == sought.program;
        if let (Body::Joined { gives, .. }, Some(takes)) = (&record.body, record.place.hold) {
            gathered.joined.insert(*gives, takes);
        }
        if let (Body::Reassigned { increment, side, .. }, Some(hold)) = (&record.body, record.place.hold)
            && increment.names().any(|name| name.as_str() == sought.name)
        {
            match side {
                Side::Gives => gathered.gave.insert(hold),
                Side::Takes => gathered.gave.remove(&hold),
            };
        }
        if let Some(leads) = leads(record)? {
            let (program, platform, hold) = (record.program, record.platform, record.place.hold);
            let first = numbered.number;
            let payment = gathered.found.entry((program, platform, hold)).or_insert_with(|| Payment {
                program,
                platform,
                hold,
                parts: BTreeSet::new(),
                names: BTreeSet::new(),
                first,
                leads,
            });
            payment.leads = payment.leads.max(leads);
            names_of(record, &mut |name| {
                payment.names.insert(name.to_owned());
            });
        }
        Ok(())
    })?;
    for payment in gathered.found.values_mut().filter(|payment| payment.hold.is_some_and(|hold| gathered.gave.contains(&hold))) {
        payment.leads = Leads::Perhaps;
    }
    Ok(gathered)
}

/// Payments, those together that turned out to be one.
fn as_joined(found: BTreeMap<Whose, Payment>, joined: &BTreeMap<u64, u64>) -> Vec<Payment> {
    let mut whole: BTreeMap<Whose, Payment> = BTreeMap::new();
    for ((program, platform, _), mut payment) in found {
        // Each step leads to a hold that a later message was about.
        while let Some(takes) = payment.hold.and_then(|hold| joined.get(&hold)) {
            payment.hold = Some(*takes);
        }
        match whole.entry((program, platform, payment.hold)) {
            Entry::Vacant(vacant) => {
                vacant.insert(payment);
            }
            Entry::Occupied(mut occupied) => {
                let known = occupied.get_mut();
                known.first = known.first.min(payment.first);
                known.leads = known.leads.max(payment.leads);
                known.names.append(&mut payment.names);
            }
        }
    }
    for payment in whole.values_mut() {
        let leads = |part: &u64| std::iter::successors(Some(*part), |hold| joined.get(hold).copied()).last() == payment.hold;
        payment.parts = joined.keys().copied().filter(leads).collect();
    }
    whole.into_values().collect()
}

/// What was asked and never held belongs to the hold of its name, if there is exactly one. What only says that it adds to what is called so
/// is another payment, where something is called so.
fn one_of(sought: &Sought, found: Vec<Payment>, begins: Option<Begins>) -> Result<Payment, NotOne> {
    let (mut held, never): (Vec<_>, Vec<_>) = found.into_iter().partition(|payment| payment.hold.is_some());
    let whose = |payment: &Payment| (payment.program, payment.platform);
    let called_so: Vec<_> = held.iter().filter(|payment| payment.leads == Leads::Surely).map(whose).collect();
    held.retain(|payment| payment.leads == Leads::Surely || !called_so.contains(&whose(payment)));
    match (held.as_slice(), never.as_slice()) {
        ([], []) => Err(NotOne::Unknown(sought.name.clone(), begins)),
        ([], [only]) => Ok(only.clone()),
        ([only], others) if others.iter().all(|other| (other.program, other.platform) == (only.program, only.platform)) => {
            let names = others.iter().flat_map(|other| other.names.iter().cloned()).chain(only.names.iter().cloned());
            let first = others.iter().map(|other| other.first).chain([only.first]).min().unwrap_or(only.first);
            Ok(Payment { names: names.collect(), first, ..only.clone() })
        }
        _ => Err(NotOne::Several(sought.name.clone(), held.into_iter().chain(never).collect())),
    }
}

/// How the name leads to what a record is about, if it does.
fn leads(sought: &Sought, record: &Record) -> Option<Leads> {
    if is_elsewhere(sought, record) {
        return None;
    }
    let mut meant = refers(&sought.name, record);
    own_names_of(record, &mut |name| meant |= name == sought.name);
    if meant {
        return Some(Leads::Surely);
    }
    let mut added_to = false;
    names_added_to(record, &mut |name| added_to |= name == sought.name);
    added_to.then_some(Leads::Perhaps)
}

/// Whether what was sought is not what a record is about, whatever its name.
fn is_elsewhere(sought: &Sought, record: &Record) -> bool {
    sought.program.is_some_and(|program| record.program != Some(program))
        || sought.platform.is_some_and(|platform| record.platform != Some(platform))
        || sought.hold.is_some_and(|hold| record.place.hold.is_some_and(|number| number != hold))
}

/// Whether a name is our reference of the decision of a record.
fn refers(name: &str, record: &Record) -> bool {
    // As long as a UUID: everything else need not be digested.
    if name.len() != 36 {
        return false;
    }
    let Some(request) = record.body.question() else { return false };
    let (Some(program), Some(platform)) = (&record.program, &record.platform) else { return false };
    DecisionReference::of(program, platform, &request.key).text().as_str() == name
}

/// Every name that a record has for its payment.
pub(super) fn names_of(record: &Record, each: &mut dyn FnMut(&str)) {
    own_names_of(record, each);
    names_added_to(record, each);
}

/// The names of the payment that a record says its question or message adds to.
fn names_added_to(record: &Record, each: &mut dyn FnMut(&str)) {
    if let Some(original) = record.body.question().and_then(|request| request.increments.as_ref()) {
        names_of_payment(original, each);
    }
    if let Body::Told { event, .. } = &record.body
        && let (Some(original), Some(_)) = event.fact.payments()
    {
        names_of_payment(original, each);
    }
}

/// The names of a record's own question, message or order.
fn own_names_of(record: &Record, each: &mut dyn FnMut(&str)) {
    match &record.body {
        Body::Decided { request, .. } | Body::Adopted { request, .. } => names_of_request(request, each),
        Body::Told { event, .. } => {
            if names_of_fact(&event.fact, each) {
                each(event.key.as_str());
                // What the platform itself calls the message, in its settlement file too.
                message_name(record).into_iter().for_each(each);
            }
        }
        Body::Ordered { key, payment, .. } => {
            each(key.as_str());
            names_of_payment(payment, each);
        }
        Body::Joined { payment, other, .. } | Body::Reassigned { payment, increment: other, .. } => {
            [payment, other].into_iter().for_each(|name| names_of_payment(name, each));
        }
        Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. } => {}
    }
}

fn names_of_payment(payment: &PaymentRef, each: &mut dyn FnMut(&str)) {
    payment.names().for_each(|name| each(name.as_str()));
}

fn names_of_request(request: &AuthorizationRequest, each: &mut dyn FnMut(&str)) {
    each(request.key.as_str());
    names_of_payment(&request.payment, each);
}

/// The names in a fact, but for those of a payment that it adds to; whether it is about money at all.
fn names_of_fact(fact: &Fact, each: &mut dyn FnMut(&str)) -> bool {
    if let Fact::Recorded { asked, .. } = fact {
        each(IdempotencyKey::as_str(asked));
    }
    let (payment, own) = fact.payments();
    if let Some(named) = own.or(payment) {
        names_of_payment(named, each);
    }
    fact.standing().is_none() && !matches!(fact, Fact::SettlementAnnounced { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cards_number_that_was_typed_is_not_repeated() {
        for number in ["4111111111111111", "4111-1111-1111-1111"] {
            for not_one in [NotOne::Unknown(number.to_owned(), None), NotOne::Several(number.to_owned(), Vec::new())] {
                let told = not_one.to_string();
                assert!(told.contains("(a card's number)") && !told.contains("1111"), "{told}");
            }
        }
        assert!(NotOne::Unknown("tx-1".to_owned(), None).to_string().contains("`tx-1`"));
    }
}

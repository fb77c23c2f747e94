//! One settlement day of one program, summed from the journal's records.

use std::collections::{BTreeMap, HashSet};

use holdfast_core::hold::{Fact, MovementCause};
use holdfast_core::{AccountId, Currency, Money, NetworkName, PlatformName, ProgramId, Timestamp};

use super::joined::Joined;
use super::names::{DEBITED_AT_ONCE, JOINED, Named, REASSIGNED, named, ordered, what};
use crate::agent::outside::is_outside;
use crate::books::{Book, Books, Entered};
use crate::journal::{Body, JournalError, Record};
use crate::ledger::embedded::projection::checkpoint::{Beginning, Debit};
use crate::settlement_day::{Cutoff, When, completed_on, is_debited_at_once, network_of};

/// Which day is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whose.
    pub program: ProgramId,
    /// The day, as a count of days since 1970-01-01.
    pub day: i32,
    /// When the program's days end.
    pub cutoff: Cutoff,
}

/// What one record moved on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The record's counter.
    pub record: i64,
    /// When the ledger applied it.
    pub at: Timestamp,
    /// The number of its payment's hold, where it has one.
    pub hold: Option<u64>,
    /// Every name that its own message has, the payment's first, the message's own last.
    pub names: Vec<String>,
    /// What other messages call its payment, the first one first; nothing before [`Called`](super::Called) told it.
    pub payment: Vec<String>,
    /// From which platform it came; none for what operators do.
    pub platform: Option<PlatformName>,
    /// Whose account.
    pub account: AccountId,
    /// Over which network, where that is known.
    pub network: Option<NetworkName>,
    /// What it is balanced against.
    pub cause: MovementCause,
    /// What it is, in a word.
    pub what: &'static str,
    /// What the account has more, or less.
    pub posted: Money,
}

/// A settlement that the platform announced for the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// By which record.
    pub record: i64,
    /// By which platform.
    pub platform: Option<PlatformName>,
    /// What the platform says is due, negative if it is due to us.
    pub total: Money,
}

impl Movement {
    /// What its payment is called.
    #[must_use]
    pub fn payment_name(&self) -> Option<&str> {
        self.payment.first().or_else(|| self.names.first()).map(String::as_str)
    }

    /// Every name by which the platform may call it, the one that says most of it first: its message's own, then its payment's.
    pub fn called(&self) -> impl Iterator<Item = &str> {
        self.names.iter().rev().chain(&self.payment).map(String::as_str)
    }
}

/// What a program's accounts amount to at a day's end, in one currency: everything that counts to that day or an earlier one,
/// whenever it was recorded. So what is due for the day is out of it, once, and what is due later is not yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Float {
    /// What is on all of them.
    pub posted: i128,
    /// What of it is held.
    pub held: i128,
    /// How many they are.
    pub accounts: u64,
}

/// A day's settlement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// What is due to each network, negative if it is due to us; in minor units.
    pub due: BTreeMap<(Option<NetworkName>, Currency), i128>,
    /// The counter-entries of the day by cause: what accounts have less of, somebody else has more of.
    pub counter_entries: BTreeMap<(Cause, Currency), i128>,
    /// What moved, in the order of the records.
    pub movements: Vec<Movement>,
    /// What the platform announced.
    pub announced: Vec<Announced>,
    /// What goes by a name that was sought and counts to another day, with that day.
    pub elsewhere: Vec<(i32, Movement)>,
    /// What all accounts amount to by currency.
    pub float: BTreeMap<Currency, Float>,
    /// Which payments took over others, by the numbers of their holds: the other's first.
    pub(super) joined: BTreeMap<u64, u64>,
}

/// A cause in the order in which it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Due to networks.
    NetworkSettlement,
    /// Loads, imports, manual entries.
    Funding,
    /// Fees.
    Fee,
    /// Chargebacks and their reversals.
    Dispute,
    /// What stand-in approved and nobody repaid.
    StandInLoss,
}

impl From<MovementCause> for Cause {
    fn from(cause: MovementCause) -> Self {
        match cause {
            MovementCause::NetworkSettlement => Cause::NetworkSettlement,
            MovementCause::Funding => Cause::Funding,
            MovementCause::Fee => Cause::Fee,
            MovementCause::Dispute => Cause::Dispute,
            MovementCause::StandInLoss => Cause::StandInLoss,
        }
    }
}

impl Cause {
    /// As reports write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cause::NetworkSettlement => "network_settlement",
            Cause::Funding => "funding",
            Cause::Fee => "fee",
            Cause::Dispute => "dispute",
            Cause::StandInLoss => "stand_in_loss",
        }
    }
}

/// Sums a day from a journal's records, each with its counter, from the first record on: earlier ones tell accounts and
/// networks, later ones may still be the day's.
pub fn of_day(question: Question, records: &mut impl Iterator<Item = (i64, Record)>) -> Day {
    let mut summing = Summing::new(question);
    records.for_each(|(number, record)| summing.take(number, &record));
    summing.finish()
}

/// A day that is being summed, for whoever reads record by record.
#[derive(Debug)]
pub struct Summing {
    question: Question,
    books: Books,
    joined: Joined,
    /// What decisions debited, by hold, as long as no completion has told its day.
    debits: BTreeMap<u64, Vec<Movement>>,
    /// Names that are looked for on other days, too.
    sought: HashSet<String>,
    day: Day,
}

/// What is known before the first record that a trimmed journal keeps.
#[derive(Debug, Default)]
pub struct Before {
    /// Accounts' money as it was.
    pub books: Books,
    /// Over which network payments went.
    pub networks: BTreeMap<u64, NetworkName>,
    /// What decisions had debited, and no completion had told the day of.
    pub debits: Vec<Movement>,
    /// What is in the books and counts to days after the one that is asked for: posted and held.
    pub later: Vec<(Currency, i64, i64)>,
}

impl Before {
    /// What a journal's beginning says.
    ///
    /// # Errors
    /// The disk.
    pub fn of(beginning: &Beginning, question: &Question) -> Result<Self, JournalError> {
        let Question { program, day, cutoff } = question;
        Ok(Before {
            books: beginning.books()?,
            networks: beginning.networks()?,
            debits: beginning.debits(program)?.into_iter().map(Movement::from).collect(),
            later: beginning.later(program, cutoff, *day)?,
        })
    }
}

impl From<Debit> for Movement {
    fn from(debit: Debit) -> Self {
        let Debit { record, at, hold, posted, cause, account, payment, platform } = debit;
        let (names, what) = (vec![payment.to_string()], DEBITED_AT_ONCE);
        let payment = Vec::new();
        Movement { record, at, hold: Some(hold), names, payment, platform, account, network: None, cause, what, posted }
    }
}

impl Summing {
    /// Before the first record.
    #[must_use]
    pub fn new(question: Question) -> Self {
        Summing::beginning_with(question, Before::default())
    }

    /// Before the first record that a trimmed journal keeps.
    #[must_use]
    pub fn beginning_with(question: Question, before: Before) -> Self {
        let Before { books, networks, debits, later } = before;
        let (joined, debits_due) = (Joined::beginning_with(networks), BTreeMap::new());
        let mut summing = Summing { question, books, joined, debits: debits_due, sought: HashSet::new(), day: Day::default() };
        for book in summing.books.accounts().filter(|book| book.program == summing.question.program && !is_elsewhere(book)) {
            let float = summing.day.float.entry(book.account.currency).or_default();
            float.add(book.account.posted.into(), book.account.held.into());
            float.accounts = float.accounts.saturating_add(1);
        }
        for (currency, posted, held) in later {
            let float = summing.day.float.entry(currency).or_default();
            float.add(i128::from(posted).saturating_neg(), i128::from(held).saturating_neg());
        }
        for debit in debits {
            // It is in the books: what is counted when its day is known comes off before.
            let float = summing.day.float.entry(debit.posted.currency()).or_default();
            float.add(i128::from(debit.posted.minor()).saturating_neg(), 0);
            summing.debits.entry(debit.hold.unwrap_or_default()).or_default().push(debit);
        }
        summing
    }

    /// Looks for these names on other days, too.
    #[must_use]
    pub fn seeking(self, sought: HashSet<String>) -> Self {
        Summing { sought, ..self }
    }

    /// Takes the next record in.
    pub fn take(&mut self, number: i64, record: &Record) {
        if record.program != Some(self.question.program) {
            return;
        }
        let entered = self.books.follow(record);
        if self.books.at(&record.place).book.is_some_and(|book| is_elsewhere(&book)) {
            // Its money is settled by somebody else.
            return;
        }
        if let Some((hold, network)) = record.place.hold.zip(network_of(record)) {
            self.joined.goes_over(hold, network);
        }
        if let Some((hold, day)) = record.place.hold.zip(completed_on(record)) {
            self.debits.remove(&hold).into_iter().flatten().for_each(|debit| self.counts_to(day, debit));
        }
        let When { settlement_day, happened_at } = When::of(record);
        let settlement_day = settlement_day.or_else(|| self.join(record));
        if let Some((hold, day)) = record.place.hold.zip(settlement_day) {
            self.joined.is_settled_on(hold, day);
        }
        let day = When { settlement_day, happened_at }.day(&self.question.cutoff);
        self.announced(number, record, day);
        self.holds(record, entered, day);
        let Some(movement) = self.movement(number, record, entered) else { return };
        match movement.hold.filter(|_| is_debited_at_once(record)) {
            Some(hold) => self.debits.entry(hold).or_default().push(movement),
            None => self.counts_to(day, movement),
        }
    }

    /// A payment takes over what was told under another name: its network, where it has none, and the day of what was debited at once.
    fn join(&mut self, record: &Record) -> Option<i32> {
        let Body::Joined { gives, .. } = &record.body else { return None };
        let takes = record.place.hold?;
        let day = self.joined.take_over(takes, *gives)?;
        self.debits.remove(&takes).into_iter().flatten().for_each(|debit| self.counts_to(day, debit));
        Some(day)
    }

    /// What it came to.
    #[must_use]
    pub fn finish(mut self) -> Day {
        for debit in std::mem::take(&mut self.debits).into_values().flatten() {
            let day = self.question.cutoff.day_of(debit.at);
            self.counts_to(day, debit);
        }
        let mut movements = std::mem::take(&mut self.day.movements);
        movements.sort_by_key(|movement| movement.record);
        for mut movement in movements {
            let of_payment = movement.hold.and_then(|hold| self.joined.network_of(hold));
            movement.network = movement.network.or(of_payment);
            self.day.add(movement);
        }
        self.day.joined = self.joined.into_takes();
        self.day
    }

    /// A movement whose day is known.
    fn counts_to(&mut self, day: i32, movement: Movement) {
        if day <= self.question.day {
            let float = self.day.float.entry(movement.posted.currency()).or_default();
            float.add(movement.posted.minor().into(), 0);
        }
        if day == self.question.day {
            self.day.movements.push(movement);
        } else if movement.names.iter().any(|name| self.sought.contains(name)) {
            self.day.elsewhere.push((day, movement));
        }
    }

    fn announced(&mut self, number: i64, record: &Record, day: i32) {
        if let Body::Told { event, .. } = &record.body
            && let Fact::SettlementAnnounced { total } = event.fact
            && day == self.question.day
        {
            self.day.announced.push(Announced { record: number, platform: record.platform, total });
        }
    }

    /// What a record changes of what is held, and whether there is one account more.
    fn holds(&mut self, record: &Record, entered: Entered, day: i32) {
        let Some(book) = self.books.at(&record.place).book.filter(|_| day <= self.question.day) else { return };
        let float = self.day.float.entry(book.account.currency).or_default();
        match &record.body {
            Body::Decided { outcome, .. }
            | Body::Adopted { outcome, .. }
            | Body::Told { outcome, .. }
            | Body::Ordered { outcome, .. }
            | Body::Joined { outcome, .. }
            | Body::Reassigned { outcome, .. } => float.add(0, outcome.held.into()),
            Body::AccountEntered { .. } if entered == Entered::Account => float.accounts = float.accounts.saturating_add(1),
            Body::AccountEntered { .. }
            | Body::Kept { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. } => {}
        }
    }

    fn movement(&self, number: i64, record: &Record, entered: Entered) -> Option<Movement> {
        let book = self.books.at(&record.place).book?;
        let (what, cause, posted) = match &record.body {
            Body::AccountEntered { balance, .. } => match entered {
                Entered::Account => ("entered", MovementCause::Funding, balance.minor()),
                Entered::Nothing => return None,
            },
            Body::Decided { outcome, .. } | Body::Adopted { outcome, .. } => (DEBITED_AT_ONCE, outcome.cause?, outcome.posted),
            Body::Told { event, outcome } => (what(&event.fact), outcome.cause?, outcome.posted),
            Body::Ordered { order, outcome, .. } => (ordered(order), outcome.cause?, outcome.posted),
            Body::Joined { outcome, .. } => (JOINED, outcome.cause?, outcome.posted),
            Body::Reassigned { outcome, .. } => (REASSIGNED, outcome.cause?, outcome.posted),
            Body::Kept { .. } | Body::CardEntered { .. } | Body::RulesPublished | Body::Opened | Body::Trimmed { .. } => {
                return None;
            }
        };
        let posted = Money::from_minor(posted, book.account.currency);
        let (at, account, network, hold) = (record.at, book.id, network_of(record), record.place.hold);
        let (platform, Named { mut payment, own, .. }) = (record.platform, named(record));
        payment.extend(own);
        let (names, payment) = (payment, Vec::new());
        let record = number;
        let movement = Movement { record, at, hold, names, payment, platform, account, network, cause, what, posted };
        (!movement.posted.is_zero()).then_some(movement)
    }
}

/// Whether it is only remembered what was paid with money elsewhere: nobody settles that with us.
fn is_elsewhere(book: &Book) -> bool {
    is_outside(&book.id, book.account.credit_line)
}

impl Float {
    fn add(&mut self, posted: i128, held: i128) {
        self.posted = self.posted.saturating_add(posted);
        self.held = self.held.saturating_add(held);
    }
}

impl Day {
    fn add(&mut self, movement: Movement) {
        let (currency, less) = (movement.posted.currency(), i128::from(movement.posted.minor()).saturating_neg());
        let entry = self.counter_entries.entry((movement.cause.into(), currency)).or_default();
        *entry = entry.saturating_add(less);
        if movement.cause == MovementCause::NetworkSettlement {
            let due = self.due.entry((movement.network, currency)).or_default();
            *due = due.saturating_add(less);
        }
        self.movements.push(movement);
    }
}

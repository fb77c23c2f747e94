//! One settlement day of one program, summed from the journal's records.

use std::collections::BTreeMap;

use holdfast_core::hold::{Fact, MovementCause, Order};
use holdfast_core::{AccountId, AuthorizationRequest, Currency, Money, NetworkName, PaymentRef, ProgramId, Timestamp};

use super::cutoff::Cutoff;
use crate::books::{Books, Entered};
use crate::journal::{Body, Record};

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
    /// Every name by which the platform may call it, the payment's id first.
    pub names: Vec<String>,
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
    /// What the platform says is due, negative if it is due to us.
    pub total: Money,
}

/// What a program's accounts amount to, in one currency.
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
    /// What all accounts amount to by currency, by everything that was recorded up to the day's end.
    pub float: BTreeMap<Currency, Float>,
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
    /// Everything up to the day's end.
    then: Books,
    networks: BTreeMap<u64, NetworkName>,
    day: Day,
}

impl Summing {
    /// Before the first record.
    #[must_use]
    pub fn new(question: Question) -> Self {
        Summing { question, books: Books::default(), then: Books::default(), networks: BTreeMap::new(), day: Day::default() }
    }

    /// Before the first record that a trimmed journal keeps: with what was known then of accounts, and of payments' networks.
    #[must_use]
    pub fn beginning_with(question: Question, books: Books, networks: BTreeMap<u64, NetworkName>) -> Self {
        let then = books.clone();
        Summing { question, books, then, networks, day: Day::default() }
    }

    /// Takes the next record in.
    pub fn take(&mut self, number: i64, record: &Record) {
        if record.program != Some(self.question.program) {
            return;
        }
        let entered = self.books.follow(record);
        if self.question.cutoff.day_of(record.at) <= self.question.day {
            self.then.follow(record);
        }
        self.learn_network(record);
        if self.day_of(record) != self.question.day {
            return;
        }
        if let Body::Told { event, .. } = &record.body
            && let Fact::SettlementAnnounced { total } = event.fact
        {
            self.day.announced.push(Announced { record: number, total });
        }
        if let Some(movement) = self.movement(number, record, entered) {
            self.add(movement);
        }
    }

    /// What it came to.
    #[must_use]
    pub fn finish(mut self) -> Day {
        for book in self.then.accounts() {
            let float = self.day.float.entry(book.account.currency).or_default();
            float.posted = float.posted.saturating_add(book.account.posted.into());
            float.held = float.held.saturating_add(book.account.held.into());
            float.accounts = float.accounts.saturating_add(1);
        }
        self.day
    }

    /// A later message about a payment often leaves its network out.
    fn learn_network(&mut self, record: &Record) {
        let network = match &record.body {
            Body::Decided { request, .. } | Body::Adopted { request, .. } => request.network,
            Body::Told { event, .. } => event.network,
            Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. } => None,
        };
        if let (Some(hold), Some(network)) = (record.place.hold, network) {
            self.networks.entry(hold).or_insert(network);
        }
    }

    /// By the platform's word, else by when it happened, else by when it was applied.
    fn day_of(&self, record: &Record) -> i32 {
        let cutoff = &self.question.cutoff;
        match &record.body {
            Body::Told { event, .. } => {
                event.settlement_day.unwrap_or_else(|| cutoff.day_of(event.occurred_at.unwrap_or(record.at)))
            }
            Body::Decided { .. }
            | Body::Adopted { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. } => cutoff.day_of(record.at),
        }
    }

    fn movement(&self, number: i64, record: &Record, entered: Entered) -> Option<Movement> {
        let book = self.books.at(&record.place).book?;
        let own = record.place.hold.and_then(|hold| self.networks.get(&hold)).copied();
        let (names, network, what, cause, posted) = match &record.body {
            Body::AccountEntered { balance, .. } => match entered {
                Entered::Account => (Vec::new(), None, "entered", MovementCause::Funding, balance.minor()),
                Entered::Nothing => return None,
            },
            Body::Decided { request, outcome, .. } | Body::Adopted { request, outcome, .. } => {
                (names_of_request(request), request.network, "debited at once", outcome.cause?, outcome.posted)
            }
            Body::Told { event, outcome } => {
                let mut names = names_of_fact(&event.fact);
                let key = event.key.as_str();
                names.push(key.to_owned());
                names.extend(message_name(record, key).filter(|name| *name != key).map(ToOwned::to_owned));
                (names, event.network, what(&event.fact), outcome.cause?, outcome.posted)
            }
            Body::Ordered { payment, key, order, outcome } => {
                let mut names = names_of_payment(payment);
                names.push(key.to_string());
                (names, None, ordered(order), outcome.cause?, outcome.posted)
            }
            Body::Kept { .. } | Body::CardEntered { .. } | Body::RulesPublished | Body::Opened | Body::Trimmed { .. } => {
                return None;
            }
        };
        let posted = Money::from_minor(posted, book.account.currency);
        let (at, account, network) = (record.at, book.id, network.or(own));
        (!posted.is_zero()).then_some(Movement { record: number, at, names, account, network, cause, what, posted })
    }

    fn add(&mut self, movement: Movement) {
        let (currency, less) = (movement.posted.currency(), i128::from(movement.posted.minor()).saturating_neg());
        let entry = self.day.counter_entries.entry((movement.cause.into(), currency)).or_default();
        *entry = entry.saturating_add(less);
        if movement.cause == MovementCause::NetworkSettlement {
            let due = self.day.due.entry((movement.network, currency)).or_default();
            *due = due.saturating_add(less);
        }
        self.day.movements.push(movement);
    }
}

fn names_of_payment(payment: &PaymentRef) -> Vec<String> {
    payment.names().map(|name| name.to_string()).collect()
}

fn names_of_request(request: &AuthorizationRequest) -> Vec<String> {
    let mut names = names_of_payment(&request.payment);
    names.push(request.key.to_string());
    names
}

/// What the platform's own file calls a told message; nothing for what operators told, and for platforms of other versions.
fn message_name<'k>(record: &Record, key: &'k str) -> Option<&'k str> {
    let platform = holdfast_adapters::platform(record.platform?.as_str())?;
    Some((platform.message_name)(key))
}

fn names_of_fact(fact: &Fact) -> Vec<String> {
    match fact {
        Fact::Recorded { payment, .. }
        | Fact::Reduced { payment, .. }
        | Fact::Replaced { payment, .. }
        | Fact::Released { payment, .. }
        | Fact::Completed { payment, .. } => names_of_payment(payment),
        Fact::Captured { payment, .. } | Fact::Credited { payment, .. } | Fact::Debited { payment, .. } => {
            payment.as_ref().map(names_of_payment).unwrap_or_default()
        }
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => Vec::new(),
    }
}

fn what(fact: &Fact) -> &'static str {
    match fact {
        Fact::Recorded { .. } => "recorded",
        Fact::Reduced { .. } => "reversed",
        Fact::Replaced { .. } => "advised",
        Fact::Released { .. } => "released",
        Fact::Captured { .. } => "cleared",
        Fact::Completed { .. } => "completed",
        Fact::Credited { .. } => "credited",
        Fact::Debited { .. } => "debited",
        Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } => "standing",
        Fact::SettlementAnnounced { .. } => "announced",
    }
}

const fn ordered(order: &Order) -> &'static str {
    match order {
        Order::Capture { .. } => "captured",
        Order::Release => "released",
        Order::Refund { .. } => "refunded",
    }
}

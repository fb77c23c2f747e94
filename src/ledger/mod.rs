//! The seam between the responder and what keeps the money.
//!
//! Everything that a ledger does is an [`Act`], carried to it in a [`Ticket`] from a pool and completed there, from any
//! thread. An act is *submitted*: whoever waits may stop waiting, the act is not cancelled half-way.
//!
//! What an engine behind the seam has to do is written down once, as tests that any engine can be put through
//! (`conformance`): it speaks to them by acts and answers only.

#[cfg(test)]
mod conformance;
pub mod embedded;
pub mod permit;
pub mod postgres;
pub mod sight;
pub mod standing;
mod ticket;

use std::fmt;
use std::sync::Arc;

use holdfast_adapters::payment::KeyIs;
use holdfast_adapters::{AccountBalance, Unrecognized};
use holdfast_core::agent::{Choice, Governed, IntentReference, Weight};
use holdfast_core::hold::{AccountStatus, Answered, CardStatus, Finding, Hold, LimitUse, Order, StepId, ToldAnswer, ToldEvent};
use holdfast_core::rules::{LimitCheck, Verdict, Way};
use holdfast_core::{
    AccountId, AuthorizationRequest, Basis, CardToken, CardholderToken, ContentDigest, Currency, Decision, IdempotencyKey, Money,
    PaymentRef, PlatformName, ProgramId, QuestionDigest, Timestamp,
};

use crate::clock::Instant;
pub use crate::journal::{Checkpoint, Erase, KeptKind, KeptRuleset, Noted, Operation, Slip, SlipsFound, SlipsWanted, Which};
pub use sight::{Ahead, Counted, Glimpse, LeftOut, MoneyOf, ToHear};
pub use standing::{Standing, Writes};
pub use ticket::{Completions, Mailbox, Pool, Ticket, Wait};

/// An engine that keeps the money.
pub trait Ledger: Send + Sync {
    /// Takes a ticket and completes it later, from any thread. Never blocks, never waits; may leave the engine asleep until
    /// [`Ledger::nudge`].
    fn submit(&self, ticket: Arc<Ticket>);

    /// Wakes the engine if something was submitted to it in its sleep. Called once a turn of a worker, so that one wake
    /// serves all that the turn submitted.
    fn nudge(&self);

    /// Whether it can answer.
    fn readiness(&self) -> Readiness;

    /// The same, and since when.
    fn standing(&self) -> Standing {
        Standing { readiness: self.readiness(), since: None }
    }

    /// What it says of whether it takes writes that it answers a read.
    fn writes(&self) -> Writes {
        Writes::AsItReads
    }

    /// Since when it has been at one thing, while all others wait; nothing where nobody can tell. Never waits.
    fn at_it_since(&self) -> Option<Instant> {
        None
    }

    /// What this responder is called among those that share the ledger; `None` where nobody shares it.
    fn node(&self) -> Option<&str> {
        None
    }

    /// What is to be seen around a question without asking it. Never waits for a disk.
    fn look(&self, _origin: &Origin, _request: &AuthorizationRequest) -> Glimpse {
        Glimpse::Nothing
    }

    /// What is to be seen around it once this was heard, too, in this order. Never waits for a disk; whoever does not look at what waits
    /// leaves it out.
    fn look_ahead(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Glimpse<Ahead> {
        let mut left_out = LeftOut::default();
        to_hear.iter().for_each(|one| left_out.add(one));
        match self.look(origin, request) {
            Glimpse::Busy => Glimpse::Busy,
            Glimpse::Nothing => Glimpse::Nothing,
            Glimpse::Seen(seen) => Glimpse::Seen(Ahead::of(&seen, left_out)),
        }
    }

    /// Whose money an event would be about, as far as that is to be seen without asking the ledger. Never waits.
    fn account_of(&self, _origin: &Origin, _event: &ToldEvent) -> MoneyOf {
        MoneyOf::NotSeen
    }

    /// What these limits of a question have counted, as far as that is to be seen without asking it. Never waits.
    fn counted(&self, _origin: &Origin, _request: &AuthorizationRequest, _limits: &[LimitCheck]) -> Counted {
        Counted::Never
    }
}

/// Whether a ledger can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It is reading its log.
    Starting,
    /// It answers.
    Ready,
    /// It cannot write, or has lost its database; it tries to come back by itself.
    Unavailable,
}

impl Readiness {
    /// As `/status` writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Readiness::Starting => "starting",
            Readiness::Ready => "ready",
            Readiness::Unavailable => "unavailable",
        }
    }
}

/// Whose act it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The program.
    pub program: ProgramId,
    /// The platform that asked or told; `None` for operators.
    pub platform: Option<PlatformName>,
    /// Who did it and why, where an operator did: the digest of what is kept beside the journal.
    pub operator: Option<[u8; 16]>,
}

impl Origin {
    /// The program itself, on nobody's word.
    #[must_use]
    pub const fn of(program: ProgramId) -> Self {
        Origin { program, platform: None, operator: None }
    }
}

/// One thing for a ledger to do.
#[derive(Debug)]
pub enum Act {
    /// Nothing: a ticket at rest.
    Rest,
    /// Record that the log can be written again: durable when it is answered. A database refuses it: it shows that by itself
    /// ([`Ledger::writes`]).
    Prove,
    /// Decide an authorization and place its hold, as one act.
    Decide(Decide),
    /// Tell how an authorization would be decided, and what its limits have counted; changes and records nothing.
    Preview(Box<Decide>),
    /// Agree with an answer that was told without the ledger.
    Adopt(Adopt),
    /// Book a fact.
    Tell(Origin, ToldEvent),
    /// Book a fact about a payment of ours, unless the payment does not allow it: then the answer is a decision against it, and nothing is booked.
    TellOurs(Origin, ToldEvent),
    /// Do something with a payment of ours, or say why not.
    Order(Origin, Ordering),
    /// Keep a notification that was not understood.
    Keep(Origin, Unrecognized),
    /// Tell the balances of an account, of a card's account, or of all of a cardholder's accounts.
    Balances(Origin, Whose),
    /// Tell the program's accounts, a page at a time.
    Accounts {
        /// Whose accounts.
        program: ProgramId,
        /// Where the page begins: 0, or what the page before says.
        from: u32,
        /// How many accounts are looked at, of whatever program; the engine has a bound of its own.
        most: u32,
    },
    /// Enter accounts and cards. Entering one again never changes a balance.
    Enter(Origin, Vec<Entry>),
    /// Note what an operator is about to do, unless its key came before.
    Note(Box<Operation>),
    /// Tell whether the operation of that id was noted.
    WasNoted([u8; 16]),
    /// Keep a ruleset, or a stand-in table, as the program's live one. Past this moment, if there is one, it is discarded unkept:
    /// whoever published waits no more.
    Publish(Box<KeptRuleset>, Option<Instant>),
    /// The same, unless one of its kind was ever published for the program: what an empty ledger starts with.
    PublishFirst(Box<KeptRuleset>),
    /// Tell every ruleset and stand-in table that a program ever published, oldest first.
    Rulesets(ProgramId),
    /// Record what is going to stand for the oldest records.
    Announce(Box<Checkpoint>),
    /// From now on have it stand for them.
    BeginAt(Box<Checkpoint>),
    /// Take away a piece of what nothing relies on any more.
    TakeAway,
    /// Tell what stands of a payment, and what was answered to its question.
    Look(Origin, PaymentRef, IdempotencyKey),
    /// Tell what callers wrote about payments.
    Slips(SlipsWanted),
    /// Keep what a caller wrote about a payment that is to be decided later, unless the payment has something: durable when it is
    /// answered, with what the payment has. Past this moment it is discarded unkept: its caller was told to ask again.
    BeginSlip(Arc<Slip>, Instant),
    /// Note which payments have waited in vain: some of those that were asked for until then and that nobody decided.
    EndWaits(Timestamp),
    /// Erase what callers wrote about payments.
    EraseSlips(Erase),
    /// Keep what a caller wrote about a payment that is only checked: with whatever is written next, or when nobody wants anything.
    KeepSlip(Arc<Slip>),
}

/// An authorization for the ledger to decide.
#[derive(Debug)]
pub struct Decide {
    /// Who asks.
    pub origin: Origin,
    /// The question.
    pub request: AuthorizationRequest,
    /// Its digest.
    pub digest: QuestionDigest,
    /// What the rules think of it.
    pub verdict: Verdict,
    /// The ruleset that thought so.
    pub ruleset: [u8; 32],
    /// Under which agent's authority it is asked, if under any.
    pub governed: Option<Governed>,
    /// Where that depends on which intents are used: then what comes of it stands instead of `verdict` and `governed`.
    pub choice: Option<Box<Choice>>,
    /// When the callback arrived.
    pub received_at: Timestamp,
    /// Past this moment it is discarded unapplied: somebody else has answered.
    pub not_after: Instant,
    /// What its caller wrote, to be given back: durable with the decision.
    pub slip: Option<Arc<Slip>>,
}

/// An answer for the ledger to agree with.
#[derive(Debug, Clone)]
pub struct Adopt {
    /// Who heard it.
    pub origin: Origin,
    /// The question.
    pub request: AuthorizationRequest,
    /// Its digest.
    pub digest: QuestionDigest,
    /// What the rules thought and which ruleset it was, where they were asked: an approval counts in their limits, over them if
    /// need be. What was told while it was not known which rules are in force counts nowhere.
    pub verdict: Option<(Verdict, [u8; 32])>,
    /// What was heard.
    pub told: ToldAnswer,
    /// Why it was answered so.
    pub basis: Basis,
    /// Under which agent's authority it was asked, if under any.
    pub governed: Option<Governed>,
    /// When the callback arrived.
    pub received_at: Timestamp,
    /// As [`Decide::slip`].
    pub slip: Option<Arc<Slip>>,
}

/// Whether a question moves anything: at a door that is not the one of its binding it does not.
#[must_use]
pub fn weight_of(governed: Option<&Governed>) -> Weight {
    governed.map_or(Weight::Moves, |governed| governed.weight)
}

/// An order about a payment whose life is ours to lead.
#[derive(Debug, Clone)]
pub struct Ordering {
    /// The same key is the same order and hears the same answer.
    pub key: IdempotencyKey,
    /// Who made the key: what is refused under one that is made of content is not remembered, nor recorded.
    pub key_is: KeyIs,
    /// Its digest.
    pub digest: ContentDigest,
    /// The payment.
    pub payment: PaymentRef,
    /// The number of its hold, where the door knows it: another account's payment may have the name, too.
    pub hold: Option<u64>,
    /// What is to be done with it.
    pub order: Order,
}

/// Whose balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// One account's.
    Account(AccountId),
    /// That of the account behind a card.
    Card(CardToken),
    /// Those of all accounts behind a cardholder's cards.
    Cardholder(CardholderToken),
}

/// An account or a card to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// An account.
    Account {
        /// Its name.
        account: AccountId,
        /// What is on it when it is entered for the first time.
        balance: Money,
        /// How far below zero it may go, in minor units.
        credit_line: i64,
        /// Its status.
        status: AccountStatus,
    },
    /// A card.
    Card {
        /// The platform's token.
        card: CardToken,
        /// The account behind it.
        account: AccountId,
        /// Its owner.
        cardholder: Option<CardholderToken>,
        /// Its status.
        status: CardStatus,
    },
}

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A decision.
    Decided {
        /// What to answer.
        decision: Decision,
        /// Why.
        basis: Basis,
        /// For a balance inquiry: the account's balance. `None` for every other kind, and without an account.
        balance: Option<AccountBalance>,
        /// The intent that was chosen, where one was to be.
        intent: Option<IntentReference>,
    },
    /// What would be decided.
    Previewed {
        /// What would be answered.
        decision: Decision,
        /// What the verdict's limits have counted, in its order; nothing of a verdict that declines.
        uses: Vec<LimitUse>,
        /// Of several ways the one that an approval would take.
        way: Option<Way>,
    },
    /// Recorded; and what somebody should know about it.
    Recorded(Option<Finding>),
    /// Balances, one an account.
    Balances(Vec<AccountStanding>),
    /// A page of accounts.
    Accounts {
        /// The program's accounts among those that were looked at.
        standings: Vec<AccountStanding>,
        /// Where the next page begins; `None` after the last one.
        next: Option<u32>,
    },
    /// What entering rows did.
    Entered(RowsEntered),
    /// Rulesets and stand-in tables, oldest first.
    Rulesets(Vec<KeptRuleset>),
    /// What became of noting an operation.
    Noted(Noted),
    /// So many groups were taken away; 0 once none is left.
    TakenAway(u64),
    /// What stands of a payment.
    Looked(Looked),
    /// What callers wrote, the newest first, each with its number.
    Slips(SlipsFound),
    /// How many texts were erased.
    Erased(u64),
    /// So many payments have waited in vain; 0 once there is none left.
    WaitsEnded(u64),
}

/// What stands of a payment, and what was answered to its question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// What was answered; nothing if it was never asked.
    pub answered: Option<Answered>,
    /// What stands; nothing if none was ever placed.
    pub hold: Option<Hold>,
    /// When anything last happened to it.
    pub changed_at: Option<Timestamp>,
    /// What the account's amounts are in, of a payment that stands.
    pub currency: Option<Currency>,
    /// The last step that let go of what was held, if one did.
    pub released_by: Option<StepId>,
}

/// What was asked for, for whoever knows which answer it has to be; `None` of another one.
/// What entering rows did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowsEntered {
    /// New accounts.
    pub accounts: u64,
    /// New cards.
    pub cards: u64,
    /// Cards that were there, and lead to another account now.
    pub cards_moved: u64,
    /// Accounts and cards that were entered as usable, and stay barred.
    pub bars_kept: u64,
}

impl Answer {
    /// Balances.
    #[must_use]
    pub fn into_balances(self) -> Option<Vec<AccountStanding>> {
        if let Answer::Balances(standings) = self { Some(standings) } else { None }
    }

    /// A page of accounts, and where the next one begins.
    #[must_use]
    pub fn into_accounts(self) -> Option<(Vec<AccountStanding>, Option<u32>)> {
        if let Answer::Accounts { standings, next } = self { Some((standings, next)) } else { None }
    }

    /// What entering rows did.
    #[must_use]
    pub fn into_entered(self) -> Option<RowsEntered> {
        if let Answer::Entered(entered) = self { Some(entered) } else { None }
    }

    /// Rulesets and stand-in tables.
    #[must_use]
    pub fn into_rulesets(self) -> Option<Vec<KeptRuleset>> {
        if let Answer::Rulesets(kept) = self { Some(kept) } else { None }
    }

    /// What became of noting an operation.
    #[must_use]
    pub fn into_noted(self) -> Option<Noted> {
        if let Answer::Noted(noted) = self { Some(noted) } else { None }
    }

    /// What somebody should know about what was recorded.
    #[must_use]
    pub fn into_recorded(self) -> Option<Option<Finding>> {
        if let Answer::Recorded(finding) = self { Some(finding) } else { None }
    }

    /// What was decided, and on what it rests.
    #[must_use]
    pub fn into_decision_and_basis(self) -> Option<(Decision, Basis)> {
        if let Answer::Decided { decision, basis, .. } = self { Some((decision, basis)) } else { None }
    }

    /// What was decided.
    #[must_use]
    pub fn into_decision(self) -> Option<Decision> {
        if let Answer::Decided { decision, .. } = self { Some(decision) } else { None }
    }

    /// What stands of a payment.
    #[must_use]
    pub fn into_looked(self) -> Option<Looked> {
        if let Answer::Looked(looked) = self { Some(looked) } else { None }
    }

    /// What callers wrote.
    #[must_use]
    pub fn into_slips(self) -> Option<SlipsFound> {
        if let Answer::Slips(slips) = self { Some(slips) } else { None }
    }

    /// What callers wrote.
    #[must_use]
    pub fn into_erased(self) -> Option<u64> {
        if let Answer::Erased(slips) = self { Some(slips) } else { None }
    }

    /// How many payments have waited in vain.
    #[must_use]
    pub fn into_waits_ended(self) -> Option<u64> {
        if let Answer::WaitsEnded(waits) = self { Some(waits) } else { None }
    }

    /// How many groups were taken away.
    #[must_use]
    pub fn into_taken_away(self) -> Option<u64> {
        if let Answer::TakenAway(groups) = self { Some(groups) } else { None }
    }
}

/// An account as operators see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountStanding {
    /// Whose it is.
    pub program: ProgramId,
    /// Its name and amounts.
    pub balance: AccountBalance,
    /// How far below zero it may go.
    pub credit_line: Money,
    /// Its status.
    pub status: AccountStatus,
    /// How many of its holds may still be captured.
    pub holds_open: u64,
    /// Whose the card is by which it was found, as far as anybody told.
    pub owner: Option<CardholderToken>,
}

/// Why a ledger has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerError {
    /// It is still reading its log.
    Starting,
    /// It cannot write, or has lost its database. Nothing was applied.
    Unavailable,
    /// The act was past its `not_after`. Nothing was applied.
    Late,
    /// A bug in the engine, caught. Nothing was applied.
    Panicked,
    /// An entry names an account that is not there, or in another currency than before. Nothing was applied.
    Refused,
    /// An entry's account would have more on it, with its credit line, than can be counted. Nothing was applied.
    BeyondCounting,
}

/// What is wrong with an account that has more on it, with its credit line, than an amount can be.
pub const BEYOND_COUNTING: &str =
    "what is on the account and its credit line are together more than can be counted (9223372036854775807 minor units)";

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LedgerError::Starting => "the ledger is still reading its log",
            LedgerError::Unavailable => "the ledger cannot write",
            LedgerError::Late => "the act came too late",
            LedgerError::Panicked => "the ledger met a bug",
            LedgerError::Refused => "the entry names an account that is not there, or of another currency",
            LedgerError::BeyondCounting => BEYOND_COUNTING,
        })
    }
}

impl std::error::Error for LedgerError {}

/// Submits an act outside the request path and waits for what becomes of it.
///
/// # Errors
/// As the engine says.
pub async fn ask(ledger: &dyn Ledger, act: Act) -> Result<Answer, LedgerError> {
    let ticket = Ticket::new(act);
    ledger.submit(Arc::clone(&ticket));
    ledger.nudge();
    Wait::on(ticket).await
}

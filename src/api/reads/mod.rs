//! What the ledger does not keep at hand: cards, holds, movements, sums. The seam between the API and whatever follows the
//! ledger; [`embedded`] answers from the embedded engine's projection, [`shared`] from the shared ledger's tables.
//!
//! What follows is a moment behind. Each answer waits a little until everything is in it that was durable when it was asked
//! for, and says how far it is.

pub mod embedded;
pub mod shared;

use std::fmt;
use std::pin::Pin;

use holdfast_core::hold::{AccountStatus, CardStatus, Hold, MovementCause, ReleaseCause, Step, What};
use holdfast_core::{
    AccountId, AuthorizationId, CardToken, CardholderToken, Currency, Money, NetworkName, PlatformName, ProgramId, Timestamp,
};

use super::page::Page;

/// An answer that takes its time.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<AsOf<T>, Unreadable>> + Send + 'a>>;

/// What was found, and how far what follows had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf<T> {
    /// Everything up to this record of the journal is in it.
    pub record: i64,
    /// Whether that is everything that was durable when it was asked for.
    pub fresh: bool,
    /// What was found.
    pub found: T,
}

impl<T> AsOf<T> {
    /// The same, of something made of what was found.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> AsOf<U> {
        AsOf { record: self.record, fresh: self.fresh, found: make(self.found) }
    }
}

/// What follows the ledger cannot be read now; for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some lines of a list, and the number of the last one that was looked at, if there may be more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines<T> {
    /// The lines.
    pub lines: Vec<T>,
    /// Where the next page goes on.
    pub more_behind: Option<i64>,
}

/// An account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLine {
    /// Its name.
    pub account: AccountId,
    /// Its status.
    pub status: AccountStatus,
    /// What is posted.
    pub posted: Money,
    /// What of it is held, in minor units.
    pub held: i64,
    /// How far below zero it may go, in minor units.
    pub credit_line: i64,
}

/// A card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardLine {
    /// The platform's token.
    pub card: CardToken,
    /// The account behind it.
    pub account: Option<AccountId>,
    /// Its owner.
    pub cardholder: Option<CardholderToken>,
    /// Its status.
    pub status: CardStatus,
}

/// Who did something by the management API, and why, as they said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The name of a credential.
    pub by: String,
    /// Their words.
    pub why: String,
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldLine {
    /// Its number.
    pub number: i64,
    /// The platform whose payment it belongs to.
    pub platform: Option<PlatformName>,
    /// The platform's name of the payment.
    pub payment: AuthorizationId,
    /// The account.
    pub account: AccountId,
    /// What its amounts are in.
    pub currency: Currency,
    /// The card that it counts for.
    pub card: Option<CardToken>,
    /// What stands of it.
    pub hold: Hold,
    /// Whether anybody but us has said anything about it.
    pub confirmed: bool,
    /// When the ledger first heard of it.
    pub opened_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// Which operator changed it last, and why.
    pub changed: Option<Done>,
}

/// What one record changed on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovementLine {
    /// The record.
    pub record: i64,
    /// When the ledger applied it.
    pub at: Timestamp,
    /// The hold that it is about.
    pub hold: Option<i64>,
    /// What was added to what is posted.
    pub posted: Money,
    /// What was added to what is held.
    pub held: Money,
    /// What was posted after it.
    pub posted_after: Money,
    /// What was held after it.
    pub held_after: Money,
    /// What `posted` is balanced against.
    pub cause: Option<MovementCause>,
    /// The card network.
    pub network: Option<NetworkName>,
    /// The settlement day that it is summed under: days since 1970-01-01.
    pub day: i32,
    /// What somebody should know about it.
    pub finding: Option<String>,
    /// By whom and why, where that was an operator.
    pub done: Option<Done>,
}

/// What was posted on a day by one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumLine {
    /// Days since 1970-01-01.
    pub day: i32,
    /// The card network.
    pub network: Option<NetworkName>,
    /// The cause.
    pub cause: MovementCause,
    /// What it is in.
    pub currency: Currency,
    /// What came to the accounts, less what left them.
    pub minor: i128,
    /// How many movements that were.
    pub movements: u64,
}

/// Whose holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of an account.
    Account(AccountId),
    /// Those that count for a card.
    Card(CardToken),
    /// Open ones of the whole program.
    OpenOnes,
}

/// Which holds of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// With this status.
    pub status: Option<holdfast_core::hold::HoldStatus>,
    /// Opened then or later.
    pub since: Option<Timestamp>,
    /// Whether somebody but us has said anything about it.
    pub confirmed: Option<bool>,
}

/// Whether anything happened to a hold but what we did ourselves.
fn is_confirmed(steps: &[Step]) -> bool {
    let by_us = |what: &What| match what {
        What::Placed(_) => true,
        What::Released { cause } => matches!(cause, ReleaseCause::Operator | ReleaseCause::SafetyTimer),
        What::Recorded { .. } | What::Reduced { .. } | What::Totalled { .. } | What::Captured { .. } | What::Moved { .. } => {
            false
        }
    };
    !steps.iter().all(|step| by_us(&step.what))
}

/// Whoever answers. A list of something that is not there is `None`.
pub trait Reads: Send + Sync {
    /// Accounts, in the order in which they came.
    fn accounts(&self, program: ProgramId, page: Page) -> Reading<'_, Lines<AccountLine>>;
    /// One card.
    fn card(&self, program: ProgramId, card: CardToken) -> Reading<'_, Option<CardLine>>;
    /// The cards of an account, in the order in which they came.
    fn cards(&self, program: ProgramId, account: AccountId, page: Page) -> Reading<'_, Option<Lines<CardLine>>>;
    /// One hold.
    fn hold(&self, program: ProgramId, number: i64) -> Reading<'_, Option<HoldLine>>;
    /// Holds, the newest first.
    fn holds(&self, program: ProgramId, whose: Whose, wanted: Wanted, page: Page) -> Reading<'_, Option<Lines<HoldLine>>>;
    /// What moved on an account, the newest first, at `since` or later.
    fn movements(
        &self,
        program: ProgramId,
        account: AccountId,
        since: Option<Timestamp>,
        page: Page,
    ) -> Reading<'_, Option<Lines<MovementLine>>>;
    /// What was posted from one day to another, both included.
    fn sums(&self, program: ProgramId, days: (i32, i32)) -> Reading<'_, Vec<SumLine>>;
}

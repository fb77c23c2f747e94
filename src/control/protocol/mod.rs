//! What goes over the command socket: one line of JSON that asks, one line of JSON that answers, and the end.
//!
//! Client and server are one binary; a line that the other side does not know is an error, never a guess.

mod rules;
mod spend;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use holdfast_core::hold::{AccountStatus, CardStatus};
use holdfast_core::{AccountId, CardToken, CardholderToken, Money, PlatformName, ProgramId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

pub use self::rules::{RulesHistory, RulesPublish, RulesRollback, RulesVersion};
pub use self::spend::{
    DecisionsWanted, DeedsWanted, Erasure, GoLiveDecision, InsightView, SpendAnswer, SpendRequest, WouldWanted,
};
use crate::journal::Checkpoint;
use crate::switchboard::Reach;

/// The longest line that asks, in bytes. Larger imports go in several.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest line that answers, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most rows that one request, or one act of a first import, brings in: at their longest, well below [`REQUEST_BYTES_MAX`].
pub const IMPORT_ROWS_MAX: usize = 5_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlRequest {
    /// Bring accounts and cards in.
    Import(Import),
    /// Tell an account's standing.
    Balance(Balance),
    /// Tell every account's standing, a page at a time.
    Balances(Balances),
    /// Put a ruleset, or a stand-in table, in force.
    RulesPublish(RulesPublish),
    /// List the versions.
    RulesHistory(RulesHistory),
    /// Put an earlier version in force again.
    RulesRollback(RulesRollback),
    /// Drop the oldest records of the journal.
    Trim(Trim),
    /// Switch stand-in on or off.
    Switch(Switch),
    /// Bring an entry of the spool that was set aside to the ledger again.
    BringBack(BringBack),
    /// Something about agent spend's organizations, members, credentials or texts.
    Spend(SpendRequest),
    /// Bring merchants and instruments in.
    ImportProfiles(ImportProfiles),
}

impl ControlRequest {
    /// Whether nothing is another afterwards.
    #[must_use]
    pub const fn changes_nothing(&self) -> bool {
        match self {
            ControlRequest::Balance(_) | ControlRequest::Balances(_) | ControlRequest::RulesHistory(_) => true,
            ControlRequest::Import(_)
            | ControlRequest::RulesPublish(_)
            | ControlRequest::RulesRollback(_)
            | ControlRequest::Trim(_)
            | ControlRequest::Switch(_)
            | ControlRequest::BringBack(_)
            | ControlRequest::Spend(_)
            | ControlRequest::ImportProfiles(_) => false,
        }
    }

    /// What whoever asks says of themselves and their reasons: kept for good.
    #[must_use]
    pub fn words(&self) -> [&str; 2] {
        match self {
            ControlRequest::RulesPublish(RulesPublish { by, why, .. })
            | ControlRequest::RulesRollback(RulesRollback { by, why, .. })
            | ControlRequest::Switch(Switch { by, why, .. })
            | ControlRequest::BringBack(BringBack { by, why, .. }) => [by, why],
            ControlRequest::Import(_)
            | ControlRequest::Balance(_)
            | ControlRequest::Balances(_)
            | ControlRequest::RulesHistory(_)
            | ControlRequest::Trim(_)
            | ControlRequest::Spend(_)
            | ControlRequest::ImportProfiles(_) => ["", ""],
        }
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAnswer {
    /// The rows are in.
    Imported(ImportSummary),
    /// The account's standing.
    Balance(AccountReport),
    /// A page of accounts' standings.
    Balances(BalancesPage),
    /// This version is in force now.
    RulesInForce(Box<RulesVersion>),
    /// All versions, the latest first.
    RulesHistory(Vec<RulesVersion>),
    /// What was dropped of the journal.
    Trimmed(Box<TrimReport>),
    /// How stand-in is switched now.
    Switched(Box<SwitchReport>),
    /// The entry waits for the ledger again, under this number.
    BroughtBack(i64),
    /// What came of something about agent spend.
    Spend(Box<SpendAnswer>),
    /// The merchants and instruments are in.
    ProfilesImported(ProfilesSummary),
    /// It cannot be done.
    Refused {
        /// One line an error.
        problems: Vec<String>,
    },
    /// Rows that cannot be imported; nothing of the request was.
    RowsRefused {
        /// Every one of them.
        rows: Vec<RowProblem>,
    },
    /// It could not be done now.
    Unavailable {
        /// Why.
        problem: String,
    },
}

/// Accounts and cards to bring in, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Rows of the accounts file.
    pub accounts: Vec<AccountRow>,
    /// Rows of the cards file.
    pub cards: Vec<CardRow>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The line in its file, from 1; the first row after the header is 2.
    pub line: u64,
    /// The program that it belongs to.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// Its name, unique in the program.
    #[serde(deserialize_with = "from_text")]
    pub account: AccountId,
    /// What it starts with; may be negative. Counts only if the account is new.
    pub balance: Money,
    /// How far below zero it may go, in the balance's currency; not negative.
    pub credit_line: Money,
    /// Its status.
    pub status: AccountStatus,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRow {
    /// The line in its file, from 1.
    pub line: u64,
    /// The account's program, where the accounts file tells; otherwise the one program that has the account.
    #[serde(deserialize_with = "from_optional_text")]
    pub program: Option<ProgramId>,
    /// The card, unique in the program.
    #[serde(deserialize_with = "from_text")]
    pub card: CardToken,
    /// The account that it pays from.
    #[serde(deserialize_with = "from_text")]
    pub account: AccountId,
    /// Its owner, if there is one.
    #[serde(deserialize_with = "from_optional_text")]
    pub cardholder: Option<CardholderToken>,
    /// Its status.
    pub status: CardStatus,
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// Accounts that were not there before.
    pub accounts_new: u64,
    /// Accounts that were; their balances are as before.
    pub accounts_known: u64,
    /// Cards that were not there before.
    pub cards_new: u64,
    /// Cards that were.
    pub cards_known: u64,
    /// Cards that were, and lead to another account from now on.
    #[serde(default)]
    pub cards_moved: u64,
    /// Accounts and cards whose row says that they may be used, and that stay as they are: frozen, closed, lost.
    #[serde(default)]
    pub bars_kept: u64,
}

/// The two files of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportFile {
    /// `--accounts`.
    Accounts,
    /// `--cards`.
    Cards,
}

/// One field of one row that cannot be imported. The field's value is never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The file.
    pub file: ImportFile,
    /// The line, from 1.
    pub line: u64,
    /// The column's name; empty for the row as a whole.
    pub column: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Which account's standing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The program; needed only where several have an account of that name.
    #[serde(deserialize_with = "from_optional_text")]
    pub program: Option<ProgramId>,
    /// The account.
    #[serde(deserialize_with = "from_text")]
    pub account: AccountId,
}

/// Whose accounts' standing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances {
    /// The program; all of them if absent.
    #[serde(deserialize_with = "from_optional_text")]
    pub program: Option<ProgramId>,
    /// Where the page begins: what the page before says; with the first account if absent.
    pub from: Option<PageStart>,
}

/// Where a page of accounts begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageStart {
    /// With this program,
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// from this place on.
    pub number: u32,
}

/// A page of accounts' standings; it may be empty and not the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancesPage {
    /// The accounts.
    pub accounts: Vec<AccountReport>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<PageStart>,
}

/// An account's standing. All amounts are in the account's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// The program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// The account.
    #[serde(deserialize_with = "from_text")]
    pub account: AccountId,
    /// Its status.
    pub status: AccountStatus,
    /// What has been posted.
    pub posted: Money,
    /// What open holds reserve.
    pub held: Money,
    /// How far below zero it may go.
    pub credit_line: Money,
    /// What can be spent: posted less held, and the credit line.
    pub available: Money,
    /// How many holds are open.
    pub holds_open: u64,
}

/// Whether the journal's oldest records go, or it is only told which would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trim {
    /// Which of the two.
    pub mode: TrimMode,
}

/// What a trim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrimMode {
    /// It only tells.
    DryRun,
    /// It drops.
    Drop,
}

/// What was dropped, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrimReport {
    /// What it did.
    pub mode: TrimMode,
    /// The record that the journal began with.
    pub first: i64,
    /// The record that it begins with, or would.
    pub begins: i64,
    /// Its last record.
    pub last: i64,
    /// How many groups were dropped, or would be.
    pub groups: u64,
    /// When the last record of them was written.
    pub dropped_up_to: Option<Timestamp>,
    /// Why no more go.
    pub stays_because: String,
    /// Whether more may go at once.
    pub more: bool,
    /// What stands for what was dropped.
    pub checkpoint: Option<Checkpoint>,
}

/// A turn of the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// Of which program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// Of which of its platforms; of all if absent.
    #[serde(deserialize_with = "from_optional_text")]
    pub platform: Option<PlatformName>,
    /// On until then; off if absent.
    pub on_until: Option<Timestamp>,
    /// Who turns it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// How stand-in is switched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchReport {
    /// The program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// Its platform; all if absent.
    #[serde(deserialize_with = "from_optional_text")]
    pub platform: Option<PlatformName>,
    /// Since when it was on.
    pub since: Timestamp,
    /// Until when it is.
    pub until: Timestamp,
    /// When somebody switched it off.
    pub off_at: Option<Timestamp>,
    /// For whom that is so.
    pub reach: Reach,
}

/// An entry to bring to the ledger again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BringBack {
    /// Its number.
    pub number: i64,
    /// Who brings it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Merchants and instruments to bring in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProfiles {
    /// Of which program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// What its author calls the file, for error messages.
    pub file: String,
    /// The file's text.
    pub text: String,
}

/// What was brought in, new or instead of what was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfilesSummary {
    /// Merchants.
    pub merchants: u64,
    /// Instruments.
    pub instruments: u64,
}

/// Reads an identifier, however JSON escaped it.
fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn from_optional_text<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Option::<Cow<'_, str>>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

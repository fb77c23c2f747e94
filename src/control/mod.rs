//! What operators ask of a ledger, running or not.
//!
//! [`Operations`] is the seam: the running server implements it, and so does a ledger that a command opens itself while
//! no server runs. [`answer`] is the one place that maps a request to an operation; the Unix socket ([`server`],
//! [`client`]) and the offline commands both use it, so that they cannot differ. Nothing here touches the ledger itself.

use std::future::Future;

pub mod client;
pub mod protocol;
pub mod rows;
pub mod server;
#[cfg(test)]
mod tests;

pub use protocol::{
    AccountReport, AccountRow, CardRow, ControlAnswer, ControlRequest, Import, ImportFile, ImportSummary, RowProblem,
    RulesVersion,
};

use holdfast_core::{AccountId, ProgramId, card_number};
use protocol::{
    BalancesPage, BringBack, ImportProfiles, PageStart, ProfilesSummary, RulesHistory, RulesPublish, RulesRollback, SpendAnswer,
    SpendRequest, Switch, SwitchReport, Trim, TrimReport,
};

/// The socket's name in the data directory.
pub const SOCKET_NAME: &str = "holdfast.sock";

/// What can be asked of a ledger. Each is one act: it happens as a whole or not at all.
pub trait Operations: Send + Sync {
    /// Brings accounts and cards in. An account that is known keeps its balance; its credit line becomes the
    /// file's, as does a card's cardholder. A status may become stricter, never looser.
    ///
    /// # Errors
    /// [`OperationError::Rows`] with every row that cannot be imported: nothing is.
    fn import(&self, import: Import) -> impl Future<Output = Result<ImportSummary, OperationError>> + Send;

    /// The standing of one account.
    ///
    /// # Errors
    /// Unknown, or known in several programs while `program` names none.
    fn balance(
        &self,
        program: Option<ProgramId>,
        account: AccountId,
    ) -> impl Future<Output = Result<AccountReport, OperationError>> + Send;

    /// The standing of every account, of one program or of all: the page that begins there.
    ///
    /// # Errors
    /// The ledger cannot answer now.
    fn balances(
        &self,
        program: Option<ProgramId>,
        from: Option<PageStart>,
    ) -> impl Future<Output = Result<BalancesPage, OperationError>> + Send;

    /// Puts a ruleset, or a stand-in table, in force.
    ///
    /// # Errors
    /// Unknown program or platform, or a text that does not load: with all of its errors; the one in force stays.
    fn rules_publish(&self, publish: RulesPublish) -> impl Future<Output = Result<RulesVersion, OperationError>> + Send;

    /// Every version that was ever in force, the latest first.
    ///
    /// # Errors
    /// Unknown program.
    fn rules_history(&self, asked: RulesHistory) -> impl Future<Output = Result<Vec<RulesVersion>, OperationError>> + Send;

    /// Puts an earlier version in force again.
    ///
    /// # Errors
    /// Unknown program, or no such version.
    fn rules_rollback(&self, rollback: RulesRollback) -> impl Future<Output = Result<RulesVersion, OperationError>> + Send;

    /// Drops a portion of the journal's oldest records, as far as their programs allow, or tells what would go.
    ///
    /// # Errors
    /// It could not be done now; nothing is lost.
    fn trim(&self, trim: Trim) -> impl Future<Output = Result<TrimReport, OperationError>> + Send;

    /// Switches stand-in on or off.
    ///
    /// # Errors
    /// Unknown program or platform, an end that is past or too far away, on already, or not on.
    fn switch(&self, switch: Switch) -> impl Future<Output = Result<SwitchReport, OperationError>> + Send;

    /// Brings an entry of the spool that was set aside to the ledger again; says under which number it waits.
    ///
    /// # Errors
    /// No entry of that number is set aside.
    fn bring_back(&self, back: BringBack) -> impl Future<Output = Result<i64, OperationError>> + Send;

    /// Does something about agent spend.
    ///
    /// # Errors
    /// It is not configured, or cannot be done.
    fn spend(&self, asked: SpendRequest) -> impl Future<Output = Result<SpendAnswer, OperationError>> + Send;

    /// Brings merchants and instruments in: all of them, or none.
    ///
    /// # Errors
    /// Unknown program, or a text with something wrong in it: everything is told.
    fn import_profiles(&self, import: ImportProfiles) -> impl Future<Output = Result<ProfilesSummary, OperationError>> + Send;
}

/// Why an operation did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationError {
    /// What was asked cannot be done: one line an error, each a sentence for the operator.
    Refused(Vec<String>),
    /// Rows of an import cannot be imported.
    Rows(Vec<RowProblem>),
    /// It could not be done now; trying again may help.
    Unavailable(String),
}

/// Does what was asked.
pub async fn answer<O: Operations>(operations: &O, request: ControlRequest) -> ControlAnswer {
    if request.words().into_iter().any(card_number::stands_in) {
        let problem = "--by or --why has a card number in it; both are kept for good, and no card number is: say it without";
        return ControlAnswer::Refused { problems: vec![problem.to_owned()] };
    }
    let answered = match request {
        ControlRequest::Import(import) => operations.import(import).await.map(ControlAnswer::Imported),
        ControlRequest::Balance(asked) => operations.balance(asked.program, asked.account).await.map(ControlAnswer::Balance),
        ControlRequest::Balances(asked) => operations.balances(asked.program, asked.from).await.map(ControlAnswer::Balances),
        ControlRequest::RulesPublish(publish) => {
            operations.rules_publish(publish).await.map(|version| ControlAnswer::RulesInForce(Box::new(version)))
        }
        ControlRequest::RulesHistory(asked) => operations.rules_history(asked).await.map(ControlAnswer::RulesHistory),
        ControlRequest::RulesRollback(rollback) => {
            operations.rules_rollback(rollback).await.map(|version| ControlAnswer::RulesInForce(Box::new(version)))
        }
        ControlRequest::Trim(trim) => operations.trim(trim).await.map(|report| ControlAnswer::Trimmed(Box::new(report))),
        ControlRequest::Switch(switch) => operations.switch(switch).await.map(|report| ControlAnswer::Switched(Box::new(report))),
        ControlRequest::BringBack(back) => operations.bring_back(back).await.map(ControlAnswer::BroughtBack),
        ControlRequest::Spend(asked) => operations.spend(asked).await.map(|answer| ControlAnswer::Spend(Box::new(answer))),
        ControlRequest::ImportProfiles(import) => operations.import_profiles(import).await.map(ControlAnswer::ProfilesImported),
    };
    answered.unwrap_or_else(|error| match error {
        OperationError::Refused(problems) => ControlAnswer::Refused { problems },
        OperationError::Rows(rows) => ControlAnswer::RowsRefused { rows },
        OperationError::Unavailable(problem) => ControlAnswer::Unavailable { problem },
    })
}

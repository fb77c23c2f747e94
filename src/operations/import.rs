//! Imports, done on a ledger: which program a card's row is of, and which rows are to blame if the ledger refuses them.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_core::{AccountId, ProgramId};

use super::{Desk, other_answer};
use crate::control::rows::problems_with_programs;
use crate::control::{AccountRow, CardRow, Import, ImportFile, ImportSummary, OperationError, RowProblem};
use crate::ledger::{Act, Entry, Origin, RowsEntered, Whose};

/// What is wrong with the account of most cards that cannot be imported.
const UNKNOWN_ACCOUNT: &str = "is no account of the ledger or of this import; import the account first, or correct its name";

/// What is wrong with a program.
const NOT_CONFIGURED: &str = "is not a program of the configuration";

/// Which programs have accounts of these names in an import.
type Accounts = BTreeMap<AccountId, Vec<ProgramId>>;

impl Desk {
    /// Brings rows in, each program's as one act.
    pub(super) async fn import_rows(&self, import: &Import) -> Result<ImportSummary, OperationError> {
        let currency_of = |row: &AccountRow| self.counter(row.program).ok().map(|counter| counter.home.currency);
        let mut problems = problems_with_programs(import, currency_of);
        let accounts = accounts_of(import);
        let mut programs = Vec::with_capacity(import.cards.len());
        for row in &import.cards {
            let program = self.program_of(row, &accounts).await?;
            problems.extend(program.as_ref().err().map(|why| wrong_account(row, why)));
            programs.push(program.ok());
        }
        let of_import: BTreeSet<ProgramId> =
            import.accounts.iter().map(|row| row.program).chain(programs.iter().copied().flatten()).collect();
        if of_import.len() > 1 {
            // One program's act cannot be taken back because of another's.
            problems.extend(self.astray(import, &programs, &accounts).await?);
        }
        if !problems.is_empty() {
            return Err(OperationError::Rows(problems));
        }
        let mut summary = ImportSummary::default();
        for program in of_import {
            let entered = match self.enter(program, entries(import, &programs, program)).await {
                Err(OperationError::Refused(why)) => {
                    let rows = self.astray(import, &programs, &accounts).await?;
                    return Err(if rows.is_empty() { OperationError::Refused(why) } else { OperationError::Rows(rows) });
                }
                entered => entered?,
            };
            summary.accounts_new = summary.accounts_new.saturating_add(entered.accounts);
            summary.cards_new = summary.cards_new.saturating_add(entered.cards);
            summary.cards_moved = summary.cards_moved.saturating_add(entered.cards_moved);
            summary.bars_kept = summary.bars_kept.saturating_add(entered.bars_kept);
        }
        let rows = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        summary.accounts_known = rows(import.accounts.len()).saturating_sub(summary.accounts_new);
        summary.cards_known = rows(import.cards.len()).saturating_sub(summary.cards_new);
        Ok(summary)
    }

    /// The program of a card's row, or what is wrong with its account: the program that it names, the one whose account is
    /// imported with it, or the only one that has its account. Whether a program that is named has the account is for the ledger
    /// to say: asking for each of a million cards would take longer than entering them.
    async fn program_of(&self, row: &CardRow, accounts: &Accounts) -> Result<Result<ProgramId, String>, OperationError> {
        if let Some(named) = row.program {
            return Ok(self
                .counter(named)
                .map(|_| named)
                .map_err(|_| format!("is of program `{named}`, which {NOT_CONFIGURED}")));
        }
        if let Some([first, ..]) = accounts.get(&row.account).map(Vec::as_slice) {
            return Ok(Ok(*first));
        }
        let mut found = Vec::new();
        for counter in &self.programs {
            if self.has_account(counter.home.program, row.account).await? {
                found.push(counter.home.program);
            }
        }
        Ok(match found.as_slice() {
            [] => Err(UNKNOWN_ACCOUNT.to_owned()),
            [only] => Ok(*only),
            [_, ..] => {
                let programs: Vec<_> = found.iter().map(ToString::to_string).collect();
                let programs = programs.join(", ");
                Err(format!("is an account of several programs ({programs}); import the card with that program's accounts file"))
            }
        })
    }

    /// The cards whose program has no such account, in the import or in the ledger.
    async fn astray(
        &self,
        import: &Import,
        programs: &[Option<ProgramId>],
        accounts: &Accounts,
    ) -> Result<Vec<RowProblem>, OperationError> {
        let mut astray = Vec::new();
        for (row, program) in import.cards.iter().zip(programs) {
            let Some(program) = program else { continue };
            let comes_with_it = accounts.get(&row.account).is_some_and(|programs| programs.contains(program));
            if !comes_with_it && !self.has_account(*program, row.account).await? {
                astray.push(wrong_account(row, UNKNOWN_ACCOUNT));
            }
        }
        Ok(astray)
    }

    async fn has_account(&self, program: ProgramId, account: AccountId) -> Result<bool, OperationError> {
        Ok(!self.standings(program, Whose::Account(account)).await?.is_empty())
    }

    async fn enter(&self, program: ProgramId, entries: Vec<Entry>) -> Result<RowsEntered, OperationError> {
        if entries.is_empty() {
            return Ok(RowsEntered::default());
        }
        self.ask(Act::Enter(Origin::of(program), entries)).await?.into_entered().ok_or_else(other_answer)
    }
}

fn accounts_of(import: &Import) -> Accounts {
    let mut accounts = Accounts::new();
    if import.cards.is_empty() {
        // Nobody will ask.
        return accounts;
    }
    for row in &import.accounts {
        accounts.entry(row.account).or_default().push(row.program);
    }
    accounts
}

fn entries(import: &Import, programs: &[Option<ProgramId>], program: ProgramId) -> Vec<Entry> {
    let accounts = import.accounts.iter().filter(|row| row.program == program).map(account_entry);
    let cards = import.cards.iter().zip(programs).filter(|(_, of)| **of == Some(program)).map(|(row, _)| card_entry(row));
    accounts.chain(cards).collect()
}

fn wrong_account(row: &CardRow, why: &str) -> RowProblem {
    RowProblem { file: ImportFile::Cards, line: row.line, column: "account_id".to_owned(), problem: why.to_owned() }
}

fn account_entry(row: &AccountRow) -> Entry {
    Entry::Account { account: row.account, balance: row.balance, credit_line: row.credit_line.minor(), status: row.status }
}

fn card_entry(row: &CardRow) -> Entry {
    Entry::Card { card: row.card, account: row.account, cardholder: row.cardholder, status: row.status }
}

//! What an empty ledger starts with: a program's accounts and cards, checked as a whole and handed over in portions. Never
//! more of the files is in memory than a portion, and a fingerprint of each name while they are checked.

use std::fs::File;
use std::path::{Path, PathBuf};

use holdfast_core::{Currency, ProgramId};

use super::errors::Errors;
use super::program::row_errors;
use crate::control::protocol::IMPORT_ROWS_MAX;
use crate::control::rows::{self, AccountRows, CardRows, Seen};
use crate::control::{AccountRow, CardRow, Import, ImportFile, RowProblem};

/// The files, as a program names them.
#[derive(Debug, Clone, Copy)]
pub struct ImportFiles<'p> {
    /// `import_accounts`.
    pub accounts: Option<&'p Path>,
    /// `import_cards`.
    pub cards: Option<&'p Path>,
}

impl ImportFiles<'_> {
    /// Whether there is nothing to import.
    #[must_use]
    pub const fn are_none(&self) -> bool {
        self.accounts.is_none() && self.cards.is_none()
    }

    /// Reads both to their ends. What is not known of the program is not compared with it.
    ///
    /// # Errors
    /// Everything that is wrong with either.
    pub fn check(&self, program: Option<ProgramId>, currency: Option<Currency>) -> Result<(), Errors> {
        let (mut problems, mut accounts) = (Vec::new(), Seen::default());
        self.check_accounts(program, currency, &mut accounts, &mut problems);
        // A card's account may be in one of the rows whose name, or which as a whole, could not be read.
        let every_account_is_known = accounts.has_all_names() && !problems.iter().any(|problem| problem.column.is_empty());
        self.check_cards(program.filter(|_| every_account_is_known), &accounts, &mut problems);
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by_key(|problem| (problem.file == ImportFile::Cards, problem.line, problem.column_number()));
        Err(row_errors(&problems, self.accounts, self.cards))
    }

    fn check_accounts(
        &self,
        program: Option<ProgramId>,
        currency: Option<Currency>,
        seen: &mut Seen,
        problems: &mut Vec<RowProblem>,
    ) {
        // Without the program's currency, every row's own is as good; without the program, every row's own.
        let currency_of = |row: &AccountRow| {
            program.is_none_or(|program| program == row.program).then_some(currency.unwrap_or(row.balance.currency()))
        };
        let Some(mut rows) = self.accounts.and_then(|path| AccountRows::open(path, problems)) else { return };
        loop {
            let accounts = rows.portion(IMPORT_ROWS_MAX, Some(seen), problems);
            if accounts.is_empty() {
                return;
            }
            // Of another program by mistake, which is told; its cards are not astray because of it.
            for row in accounts.iter().filter(|row| program.is_some_and(|program| program != row.program)) {
                seen.add(program.as_ref(), row.account.as_str(), row.line);
            }
            let portion = Import { accounts, cards: Vec::new() };
            if program.is_some() {
                problems.extend(rows::problems_with_programs(&portion, currency_of));
            }
        }
    }

    /// What an empty ledger starts with stands for itself: no card leads to an account of elsewhere, as far as the program,
    /// and so its accounts, are known.
    fn check_cards(&self, program: Option<ProgramId>, accounts: &Seen, problems: &mut Vec<RowProblem>) {
        let Some(mut rows) = self.cards.and_then(|path| CardRows::open(path, problems)) else { return };
        let mut seen = Seen::default();
        loop {
            let cards = rows.portion(IMPORT_ROWS_MAX, Some(&mut seen), problems, |_| Ok(None));
            if cards.is_empty() {
                return;
            }
            let astray = |card: &&CardRow| program.is_some_and(|program| !accounts.has(Some(&program), card.account.as_str()));
            problems.extend(cards.iter().filter(astray).map(|card| RowProblem {
                file: ImportFile::Cards,
                line: card.line,
                column: "account_id".to_owned(),
                problem: "is not an account of the accounts file".to_owned(),
            }));
        }
    }
}

/// The rows of a program's files in portions, each of which fits one act: accounts before the cards that need them.
pub struct Portions {
    program: ProgramId,
    accounts: Option<AccountRows<File>>,
    cards: Option<CardRows<File>>,
    accounts_path: Option<PathBuf>,
    cards_path: Option<PathBuf>,
    /// What is wrong with the rows so far: files may have changed since they were checked.
    problems: Vec<RowProblem>,
}

impl Portions {
    /// The files of this program.
    #[must_use]
    pub fn new(program: ProgramId, files: ImportFiles<'_>) -> Self {
        let mut problems = Vec::new();
        Portions {
            program,
            accounts: files.accounts.and_then(|path| AccountRows::open(path, &mut problems)),
            cards: files.cards.and_then(|path| CardRows::open(path, &mut problems)),
            accounts_path: files.accounts.map(Path::to_owned),
            cards_path: files.cards.map(Path::to_owned),
            problems,
        }
    }

    /// The next portion; `None` at the end.
    ///
    /// # Errors
    /// Rows that are wrong.
    pub fn next_portion(&mut self) -> Result<Option<Import>, Errors> {
        let Portions { program, accounts, cards, problems, .. } = self;
        let mut import = Import::default();
        if let Some(rows) = accounts {
            import.accounts = rows.portion(IMPORT_ROWS_MAX, None, problems);
        }
        if import.accounts.is_empty()
            && let Some(rows) = cards
        {
            import.cards = rows.portion(IMPORT_ROWS_MAX, None, problems, |_| Ok(Some(*program)));
        }
        if !problems.is_empty() {
            return Err(row_errors(problems, self.accounts_path.as_deref(), self.cards_path.as_deref()));
        }
        let is_end = import.accounts.is_empty() && import.cards.is_empty();
        Ok((!is_end).then_some(import))
    }
}

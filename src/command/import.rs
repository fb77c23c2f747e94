//! `holdfast import`: accounts and cards from CSV files into the ledger.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use holdfast_core::ProgramId;

use super::ledger::{Ledger, not_an_answer};
use super::{Failure, Place};
use crate::config::program::row_errors;
use crate::config::{Config, Overrides};
use crate::control::protocol::{IMPORT_ROWS_MAX, ImportProfiles};
use crate::control::{self, AccountRow, ControlAnswer, ControlRequest, ImportSummary, RowProblem, rows};

const EXAMPLES: &str = "\
Examples:
  holdfast import --accounts accounts.csv --cards cards.csv
  holdfast import --cards new-cards.csv
  holdfast import --profiles profiles.toml --program demo

The files begin with these lines:
  account_id,program,currency,balance,credit_line,status
  card_token,account_id,cardholder_token,status

Balances and credit lines are decimal numbers in major units (1000.00). A balance may be below zero, of
an account that owes: how many are is told, and where the first one stands. Statuses: active, frozen,
closed; for cards also unactivated, lost, stolen, expired. Tokens are the platform's; a card number
is refused.

Profiles are merchants and instruments of payment doors, as TOML; what is there already is replaced.
config/demo/profiles.toml shows every key.

Importing again is safe: an account that is known keeps its balance, and takes the file's credit
line. A card that is known leads to the file's account from then on, and how many went to another one is
told. A file may bar a card or an account that is known, and never lifts a bar that came since: how
many statuses were left as they are is told.
Every wrong row is told. Files of up to 5000 rows together are imported whole or not at all; larger
ones in parts of 5000 rows, accounts first.

Exit codes:
  0  imported
  1  not imported: every error is on standard error
  2  the command line is not understood";

/// Brings accounts and cards into the ledger; never changes the balance of an account that is there.
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "holdfast import [--accounts FILE] [--cards FILE] [--profiles FILE --program ID] [OPTIONS]"
)]
pub struct Import {
    /// Accounts, as CSV.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["cards", "profiles"])]
    accounts: Option<PathBuf>,
    /// Cards, as CSV.
    #[arg(long, value_name = "FILE")]
    cards: Option<PathBuf>,
    /// Merchants and instruments of payment doors, as TOML.
    #[arg(long, value_name = "FILE", requires = "program")]
    profiles: Option<PathBuf>,
    /// The program that the merchants and instruments are of.
    #[arg(long, value_name = "ID", requires = "profiles")]
    program: Option<ProgramId>,
    #[command(flatten)]
    place: Place,
}

impl Import {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let profiles =
            self.profiles.as_deref().zip(self.program).map(|(path, program)| read_profiles(path, program)).transpose()?;
        let (accounts, cards) = (self.accounts.as_deref(), self.cards.as_deref());
        let rows_are_wanted = accounts.is_some() || cards.is_some();
        let unasked = Cell::new(false);
        let compared = |import: &control::Import| {
            unasked.set(import.cards.iter().any(|card| card.program.is_none()));
            problems_with_programs(import, &self.place)
        };
        let import = rows::read(accounts, cards, compared).map_err(|problems| {
            let mut told = row_errors(&problems, accounts, cards).to_string();
            if unasked.get() {
                told.push_str("\nwhether the ledger knows the accounts of the other cards is told once these rows are mended");
            }
            Failure::Told(told)
        })?;
        let mut overdrawn = rows::Overdrawn::default();
        overdrawn.see(&import.accounts);
        let mut ledger = Ledger::at(self.place)?;
        let mut summary = ImportSummary::default();
        let mut left = rows_of(&import);
        for part in parts(import) {
            let sent = rows_of(&part);
            let done = import_part(&mut ledger, part, &summary, accounts, cards).map_err(|failure| match failure {
                Failure::CutOff(problem) => Failure::Told(format!("{problem}\n{}", progress(&summary, sent, left))),
                told @ (Failure::Told(_) | Failure::OutputClosed) => told,
            })?;
            left = left.saturating_sub(sent);
            add(&mut summary, &done);
        }
        if rows_are_wanted {
            let ImportSummary { accounts_new, accounts_known, cards_new, cards_known, cards_moved, bars_kept } = summary;
            write!(output, "accounts: {accounts_new} new, {accounts_known} known; cards: {cards_new} new, {cards_known} known")?;
            match cards_moved {
                0 => writeln!(output)?,
                moved => writeln!(output, ", {moved} of them with another account now")?,
            }
            if bars_kept > 0 {
                writeln!(output, "statuses left as they are: {bars_kept}; a file lifts no bar that came since")?;
            }
        }
        if let Some(remark) = accounts.and_then(|path| overdrawn.remark(path)) {
            writeln!(output, "{remark}")?;
        }
        if let Some(profiles) = profiles {
            let ControlAnswer::ProfilesImported(done) = ledger.ask(ControlRequest::ImportProfiles(profiles))? else {
                return Err(not_an_answer());
            };
            writeln!(output, "merchants: {}; instruments: {}", done.merchants, done.instruments)?;
        }
        Ok(())
    }
}

fn read_profiles(path: &Path, program: ProgramId) -> Result<ImportProfiles, Failure> {
    let file = path.display().to_string();
    let text = super::rules::read(path)?;
    Ok(ImportProfiles { program, file, text })
}

/// What the ledger would say of the programs of these rows, as far as a configuration tells it. Where there is none, it is told
/// when the rest is mended.
fn problems_with_programs(import: &control::Import, place: &Place) -> Vec<RowProblem> {
    let Ok(config) = Config::load(&place.config, Overrides::default()) else { return Vec::new() };
    let currency_of =
        |row: &AccountRow| config.programs.iter().find(|program| program.id == row.program).map(|found| found.currency);
    rows::problems_with_programs(import, currency_of)
}

/// Imports what fits one request. `before` is what earlier requests of the same import did.
fn import_part(
    ledger: &mut Ledger,
    part: control::Import,
    before: &ImportSummary,
    accounts: Option<&Path>,
    cards: Option<&Path>,
) -> Result<ImportSummary, Failure> {
    match ledger.ask(ControlRequest::Import(part))? {
        ControlAnswer::Imported(summary) => Ok(summary),
        ControlAnswer::RowsRefused { rows } => {
            let mut told = row_errors(&rows, accounts, cards).to_string();
            if *before != ImportSummary::default() {
                told.push_str("\nearlier rows of the files are in; repair these and import again, it is safe");
            }
            Err(Failure::Told(told))
        }
        ControlAnswer::Balance(_)
        | ControlAnswer::Balances(_)
        | ControlAnswer::RulesInForce(_)
        | ControlAnswer::RulesHistory(_)
        | ControlAnswer::Refused { .. }
        | ControlAnswer::Trimmed(_)
        | ControlAnswer::Switched(_)
        | ControlAnswer::BroughtBack(_)
        | ControlAnswer::Spend(_)
        | ControlAnswer::ProfilesImported(_)
        | ControlAnswer::Unavailable { .. } => Err(not_an_answer()),
    }
}

fn rows_of(import: &control::Import) -> usize {
    import.accounts.len().saturating_add(import.cards.len())
}

/// How far an import came that was cut off, and what to do. `left` are the rows that were not in before the last part was sent.
fn progress(before: &ImportSummary, sent: usize, left: usize) -> String {
    let accounts = before.accounts_new.saturating_add(before.accounts_known);
    let cards = before.cards_new.saturating_add(before.cards_known);
    format!(
        "{accounts} accounts and {cards} cards of the files are in; whether the next {sent} rows are is not known; {} rows \
         were not sent. Start the server and import again: it is safe, and changes no balance",
        left.saturating_sub(sent)
    )
}

/// Cuts an import into requests, accounts before the cards that need them. One that fits stays whole, and is one act.
fn parts(import: control::Import) -> impl Iterator<Item = control::Import> {
    let fits = import.accounts.len().saturating_add(import.cards.len()) <= IMPORT_ROWS_MAX;
    let (mut accounts, mut cards) = (import.accounts.into_iter(), import.cards.into_iter());
    std::iter::from_fn(move || {
        let accounts: Vec<_> = accounts.by_ref().take(IMPORT_ROWS_MAX).collect();
        let room = if fits || accounts.is_empty() { IMPORT_ROWS_MAX } else { 0 };
        let cards: Vec<_> = cards.by_ref().take(room).collect();
        (!accounts.is_empty() || !cards.is_empty()).then_some(control::Import { accounts, cards })
    })
}

fn add(sum: &mut ImportSummary, part: &ImportSummary) {
    sum.accounts_new = sum.accounts_new.saturating_add(part.accounts_new);
    sum.accounts_known = sum.accounts_known.saturating_add(part.accounts_known);
    sum.cards_new = sum.cards_new.saturating_add(part.cards_new);
    sum.cards_known = sum.cards_known.saturating_add(part.cards_known);
    sum.cards_moved = sum.cards_moved.saturating_add(part.cards_moved);
    sum.bars_kept = sum.bars_kept.saturating_add(part.bars_kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_is_cut_off_says_how_far_it_came() {
        let before = ImportSummary { accounts_new: 4_000, accounts_known: 1_000, ..ImportSummary::default() };
        assert_eq!(
            progress(&before, 5_000, 7_000),
            "5000 accounts and 0 cards of the files are in; whether the next 5000 rows are is not known; 2000 rows were \
             not sent. Start the server and import again: it is safe, and changes no balance"
        );
    }
}

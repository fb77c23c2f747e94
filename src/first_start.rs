//! What a ledger needs before anything is decided: the rules in force, and what an empty one starts with.
//!
//! The first import may be of millions of rows, so it goes in portions, and a process may end between two of them. When it
//! begins and when it ends is noted beside the journal: a start that finds it begun and not ended goes through the files
//! again. That is safe, because entering a row again changes no balance.

use crate::config::imports::{ImportFiles, Portions};
use crate::config::program::row_errors;
use crate::config::{Config, ProgramConfig};
use crate::control::protocol::ImportProfiles;
use crate::control::rows::Overdrawn;
use crate::control::{OperationError, Operations as _};
use crate::operations::Desk;
use crate::start_error::StartError;

/// The note that the first import begins.
const BEGINS: &str = "first-import-begins";

/// The note that all of it is in.
const ENDED: &str = "first-import-ended";

/// After so many rows an operator hears how far it is.
const TOLD_EVERY_ROWS: usize = 250_000;

/// Puts the rules in force, and imports what a program without accounts starts with. `say` tells the operator.
///
/// # Errors
/// The rules do not load, or the import's rows are wrong.
pub async fn make_ready(desk: &Desk, config: &Config, say: impl Fn(&str)) -> Result<(), StartError> {
    for remark in desk.restore_rules().await.map_err(StartError::Operation)? {
        say(&remark);
    }
    for program in &config.programs {
        if !program.import_files().are_none() && is_wanted(desk, program).await? {
            import_first(desk, program, &say).await?;
        }
        if let Some(path) = program.import_profiles.as_deref().filter(|_| !desk.has_profiles(program.id)) {
            let (file, text) = (path.display().to_string(), std::fs::read_to_string(path)?);
            let import = ImportProfiles { program: program.id, file, text };
            desk.import_profiles(import).await.map_err(StartError::Operation)?;
        }
    }
    Ok(())
}

/// A program without accounts starts with its files; one whose first import was interrupted goes on with them.
async fn is_wanted(desk: &Desk, program: &ProgramConfig) -> Result<bool, StartError> {
    if !desk.has_accounts(program.id).await.map_err(StartError::Operation)? {
        return Ok(true);
    }
    let noted = |key| desk.was_noted(program.id, key);
    Ok(noted(BEGINS).await.map_err(StartError::Operation)? && !noted(ENDED).await.map_err(StartError::Operation)?)
}

/// Imports the configured files: all of them are right, or none of them is imported.
async fn import_first(desk: &Desk, program: &ProgramConfig, say: &impl Fn(&str)) -> Result<(), StartError> {
    let why = "what an empty ledger starts with";
    program.check_imports().map_err(StartError::Config)?;
    desk.note(program.id, BEGINS, why).await.map_err(StartError::Operation)?;
    let mut portions = Portions::new(program.id, program.import_files());
    let (mut rows, mut told, mut overdrawn) = (0_usize, 0_usize, Overdrawn::default());
    while let Some(portion) = portions.next_portion().map_err(StartError::Config)? {
        rows = rows.saturating_add(portion.accounts.len()).saturating_add(portion.cards.len());
        overdrawn.see(&portion.accounts);
        desk.import(portion).await.map_err(|error| refused(error, program))?;
        if rows.saturating_sub(told) >= TOLD_EVERY_ROWS {
            told = rows;
            say(&format!("program {}: {rows} rows of the first import are in", program.id));
        }
    }
    say(&format!("program {}: the ledger was empty and starts with the configured import, {rows} rows", program.id));
    if let Some(remark) = program.import_files().accounts.and_then(|path| overdrawn.remark(path)) {
        say(&format!("program {}: {remark}", program.id));
    }
    desk.note(program.id, ENDED, why).await.map_err(StartError::Operation)
}

/// Rows that the ledger refuses are told as those that cannot be read are.
fn refused(error: OperationError, program: &ProgramConfig) -> StartError {
    match error {
        OperationError::Rows(rows) => {
            let ImportFiles { accounts, cards } = program.import_files();
            StartError::Config(row_errors(&rows, accounts, cards))
        }
        OperationError::Refused(_) | OperationError::Unavailable(_) => StartError::Operation(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use holdfast_core::hold::{AccountStatus, CardStatus};
    use holdfast_core::{AccountId, CardToken, Currency, Money, ProgramId};

    use super::*;
    use crate::app::open_desk;
    use crate::config::Overrides;
    use crate::control::{AccountRow, CardRow, Import};

    const CONFIG: &str = "[[program]]\nid = 'p'\ncurrency = 'USD'\nenvironment = 'sandbox'\ncountry = 'USA'\n\
        time_zone = 'America/New_York'\nrules = 'rules.toml'\nFILES\n[[program.mount]]\nplatform = 'marqeta'\npath = '/m'\n\
        [[program.mount.basic]]\nuser = 'u'\npassword = 'file:password'\n";
    const FILES: &str = "import_accounts = 'accounts.csv'\nimport_cards = 'cards.csv'";
    const ACCOUNTS: &str =
        "account_id,program,currency,balance,credit_line,status\na,p,USD,0.01,0,active\nb,p,USD,0.02,0,active\n";
    const CARDS: &str = "card_token,account_id,cardholder_token,status\nc,b,h,active\n";

    fn program() -> ProgramId {
        ProgramId::new("p").unwrap()
    }

    fn config(directory: &Path, files: &str) -> Config {
        for (name, text) in [
            ("c.toml", CONFIG.replace("FILES", files).as_str()),
            ("rules.toml", "currency = 'USD'\n"),
            ("password", "a-Password-of-24-letters"),
            ("cards.csv", CARDS),
        ] {
            fs::write(directory.join(name), text).unwrap();
        }
        let overrides = Overrides { data: Some(directory.join("data")), ..Overrides::default() };
        Config::load(&directory.join("c.toml"), overrides).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Starts, and tells the accounts with what is posted to them.
    async fn accounts(directory: &Path, rows: &str) -> Vec<(String, i64)> {
        fs::write(directory.join("accounts.csv"), rows).unwrap();
        let desk = open_desk(&config(directory, FILES)).await.unwrap();
        let page = desk.balances(None, None).await.unwrap();
        page.accounts.iter().map(|report| (report.account.to_string(), report.posted.minor())).collect()
    }

    /// A ledger into which `a` came by other means, with five cents.
    async fn with_a(directory: &Path) -> Desk {
        let desk = open_desk(&config(directory, "")).await.unwrap();
        let money = |minor| Money::from_minor(minor, Currency::USD);
        let (account, status) = (AccountId::new("a").unwrap(), AccountStatus::Active);
        let row = AccountRow { line: 2, program: program(), account, balance: money(5), credit_line: money(0), status };
        desk.import(Import { accounts: vec![row], cards: Vec::new() }).await.unwrap();
        desk
    }

    fn told(accounts: &[(&str, i64)]) -> Vec<(String, i64)> {
        accounts.iter().map(|(name, posted)| ((*name).to_owned(), *posted)).collect()
    }

    #[tokio::test]
    async fn an_empty_ledger_starts_with_the_files_once() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(accounts(directory.path(), ACCOUNTS).await, told(&[("a", 1), ("b", 2)]));
        let more = format!("{ACCOUNTS}d,p,USD,9,0,active\n");
        assert_eq!(accounts(directory.path(), &more).await, told(&[("a", 1), ("b", 2)]), "it is not empty any more");
    }

    #[tokio::test]
    async fn balances_below_zero_are_told_as_by_an_import() {
        let directory = tempfile::tempdir().unwrap();
        let desk = open_desk(&config(directory.path(), "")).await.unwrap();
        fs::write(directory.path().join("accounts.csv"), format!("{ACCOUNTS}d,p,USD,-9,0,active\n")).unwrap();
        let said = std::cell::RefCell::new(Vec::new());
        make_ready(&desk, &config(directory.path(), FILES), |line| said.borrow_mut().push(line.to_owned())).await.unwrap();
        let told = said.borrow().last().cloned().unwrap();
        assert!(told.starts_with("program p: balances below zero: 1, the first at "), "{told}");
        assert!(told.ends_with("accounts.csv:4:4; an account that is new begins with what it owes"), "{told}");
    }

    #[tokio::test]
    async fn what_was_interrupted_goes_on_at_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let desk = with_a(directory.path()).await;
        desk.note(program(), BEGINS, "as if the process had ended behind the first portion").await.unwrap();
        drop(desk);
        assert_eq!(accounts(directory.path(), ACCOUNTS).await, told(&[("a", 5), ("b", 2)]), "no balance is changed");
        let more = format!("{ACCOUNTS}d,p,USD,9,0,active\n");
        assert_eq!(accounts(directory.path(), &more).await, told(&[("a", 5), ("b", 2)]), "once");
    }

    #[tokio::test]
    async fn a_ledger_whose_accounts_came_otherwise_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        drop(with_a(directory.path()).await);
        assert_eq!(accounts(directory.path(), ACCOUNTS).await, told(&[("a", 5)]));
    }

    #[tokio::test]
    async fn rows_that_the_ledger_refuses_are_told_by_line() {
        let directory = tempfile::tempdir().unwrap();
        let desk = with_a(directory.path()).await;
        let card = |line, account| CardRow {
            line,
            program: None,
            card: CardToken::new("c").unwrap(),
            account: AccountId::new(account).unwrap(),
            cardholder: None,
            status: CardStatus::Active,
        };
        let import = Import { accounts: Vec::new(), cards: vec![card(2, "nobody's"), card(3, "a"), card(4, "b")] };
        let refused = refused(desk.import(import).await.unwrap_err(), &config(directory.path(), FILES).programs[0]).to_string();
        let told: Vec<_> = refused.lines().collect();
        let unknown = "account_id: is no account of the ledger or of this import; import the account first, or correct its name";
        assert_eq!(told.len(), 2, "{refused}");
        assert!(told[0].ends_with(&format!("cards.csv:2:2: {unknown}")), "{refused}");
        assert!(told[1].ends_with(&format!("cards.csv:4:2: {unknown}")), "{refused}");
    }

    #[tokio::test]
    async fn nothing_is_imported_of_files_with_a_wrong_row() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("accounts.csv"), format!("{ACCOUNTS}b,p,EUR,1,0,active\n")).unwrap();
        let refused = open_desk(&config(directory.path(), FILES)).await.err().unwrap().to_string();
        assert!(refused.contains("accounts.csv:4:1: account_id: is on line 3 already"), "{refused}");
        assert!(refused.contains("accounts.csv:4:3: currency: must be the program's, USD"), "{refused}");
        assert_eq!(accounts(directory.path(), ACCOUNTS).await, told(&[("a", 1), ("b", 2)]));
    }
}

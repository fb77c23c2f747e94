//! What a ledger needs before anything is decided: the rules in force, and what an empty one starts with.

use crate::config::{Config, ProgramConfig};
use crate::control::protocol::IMPORT_ROWS_MAX;
use crate::control::{Import, Operations as _};
use crate::operations::Desk;
use crate::start_error::StartError;

/// A first import of so many rows is one act: all of it, or nothing.
const FIRST_IMPORT_ROWS_MAX: usize = 100_000;

/// Puts the rules in force, and imports what a program without accounts starts with. `say` tells the operator.
///
/// # Errors
/// The rules do not load, or the import's rows are wrong.
pub async fn make_ready(desk: &Desk, config: &Config, say: impl Fn(&str)) -> Result<(), StartError> {
    for remark in desk.restore_rules().await.map_err(StartError::Operation)? {
        say(&remark);
    }
    for program in &config.programs {
        import_first(desk, program).await?;
    }
    Ok(())
}

/// What a program without accounts starts with: the configured files, as one act where they are of a usual size, else in
/// portions, accounts before the cards that need them.
async fn import_first(desk: &Desk, program: &ProgramConfig) -> Result<(), StartError> {
    let has_accounts = desk.balances(Some(program.id)).await.is_ok_and(|accounts| !accounts.is_empty());
    if has_accounts {
        return Ok(());
    }
    let import = program.imports().map_err(StartError::Config)?;
    if import.accounts.len().saturating_add(import.cards.len()) <= FIRST_IMPORT_ROWS_MAX {
        return desk.import(import).await.map(|_| ()).map_err(StartError::Operation);
    }
    for accounts in import.accounts.chunks(IMPORT_ROWS_MAX) {
        let portion = Import { accounts: accounts.to_vec(), cards: Vec::new() };
        desk.import(portion).await.map_err(StartError::Operation)?;
    }
    for cards in import.cards.chunks(IMPORT_ROWS_MAX) {
        let portion = Import { accounts: Vec::new(), cards: cards.to_vec() };
        desk.import(portion).await.map_err(StartError::Operation)?;
    }
    Ok(())
}

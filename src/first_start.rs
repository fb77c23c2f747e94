//! What a ledger needs before anything is decided: the rules in force, and what an empty one starts with.
//!
//! The first import may be of millions of rows, so it goes in portions, and a process may end between two of them. When it
//! begins and when it ends is noted beside the journal: a start that finds it begun and not ended goes through the files
//! again. That is safe, because entering a row again changes no balance.

use crate::config::imports::Portions;
use crate::config::{Config, ProgramConfig};
use crate::control::Operations as _;
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
    let (mut rows, mut told) = (0_usize, 0_usize);
    while let Some(portion) = portions.next().map_err(StartError::Config)? {
        rows = rows.saturating_add(portion.accounts.len()).saturating_add(portion.cards.len());
        desk.import(portion).await.map_err(StartError::Operation)?;
        if rows.saturating_sub(told) >= TOLD_EVERY_ROWS {
            told = rows;
            say(&format!("program {}: {rows} rows of the first import are in", program.id));
        }
    }
    desk.note(program.id, ENDED, why).await.map_err(StartError::Operation)
}

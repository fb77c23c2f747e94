//! The journal that a command reads: a data directory's, or a copy of a shared ledger's, which goes with the command.

use std::io::{self, Write as _};
use std::path::Path;

use tempfile::TempDir;

use super::journal::Told;
use super::{Failure, Place};
use crate::app::runtime;
use crate::journal::{KeptRuleset, Reader, Stage};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::copying::{Copied, copy, rulesets};
use crate::ledger::postgres::migrate;

/// How much of a journal a command has to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// From its first record on: what it tells is summed or decided again.
    Whole,
    /// What is there.
    WhatIsThere,
}

/// A journal, and the directory where it lies as long as this value lives.
pub(super) struct Reading {
    pub reader: Reader,
    _copy: Option<TempDir>,
}

impl Place {
    /// The journal. That of a shared ledger is copied first, which takes as long as reading all of it.
    pub(super) fn journal(&self, needs: Needs) -> Result<Reading, Failure> {
        let data = self.data()?;
        self.must_be_begun()?;
        let Some(database) = self.shared_database()? else {
            let reader = Reader::open(&data).map_err(Failure::told)?;
            return Ok(Reading { reader, _copy: None });
        };
        let cannot = |error: io::Error| Failure::Told(format!("{}: the journal cannot be copied there: {error}", data.display()));
        let directory = tempfile::Builder::new().prefix("journal-copy-").tempdir_in(&data).map_err(cannot)?;
        let copied = copy_of(&database, directory.path())?;
        if copied.months_dropped > 0 {
            let months = copied.months_dropped;
            if needs == Needs::Whole {
                return Err(Failure::Told(format!(
                    "the journal in the database does not begin with its first record: {months} months were dropped \
                     (journal_keep_days), and what they came to is not kept there as a state to begin with"
                )));
            }
            // Whoever closed standard error does not want to know.
            let _ =
                writeln!(io::stderr(), "{months} months of the journal were dropped: nothing is told of what was recorded then");
        }
        let reader = Reader::open(directory.path()).map_err(Failure::told)?;
        Ok(Reading { reader, _copy: Some(directory) })
    }
}

/// Why a shared ledger's database is not to be reached, if that may pass: then commands tell what is known without it.
pub(super) fn away(database: &Database) -> Result<Option<String>, Failure> {
    let opened = runtime().map_err(Failure::told)?.block_on(async { database.open(|_| {}).await.map(drop) });
    match opened {
        Ok(()) => Ok(None),
        Err(trouble) if trouble.may_pass() => Ok(Some(trouble.to_string())),
        Err(trouble) => Err(Failure::told(trouble)),
    }
}

/// What a shared ledger's database has of published rulesets and tables, oldest first.
pub(super) fn rulesets_of(database: &Database) -> Result<Vec<KeptRuleset>, Failure> {
    runtime().map_err(Failure::told)?.block_on(async {
        let at = database.whereabouts();
        let (client, _driving) = database.open(|_| {}).await.map_err(Failure::told)?;
        migrate::must_be_ours(&client, &at).await.map_err(Failure::told)?;
        rulesets(&client, &at).await.map_err(Failure::told)
    })
}

/// Copies a shared ledger's journal into a directory that has none.
pub(super) fn copy_of(database: &Database, directory: &Path) -> Result<Copied, Failure> {
    let mut told = Told::default();
    runtime().map_err(Failure::told)?.block_on(async {
        let at = database.whereabouts();
        let (mut client, _driving) = database.open(|_| {}).await.map_err(Failure::told)?;
        migrate::must_be_ours(&client, &at).await.map_err(Failure::told)?;
        copy(&mut client, &at, directory, |done, all| told.progress(Stage::Copying, done, all)).await.map_err(Failure::told)
    })
}

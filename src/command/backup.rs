//! `holdfast backup`: one file that a data directory can be made from again.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::journal::{Told, as_json, as_lines};
use super::{Failure, Place};
use crate::agent::store::sqlite;
use crate::journal::backup;
use crate::profiles::store;

const EXAMPLES: &str = "\
Examples:
  holdfast backup /backups
  holdfast backup /backups/monday.backup --data /var/lib/holdfast --json

The server may go on meanwhile: what the journal had committed when the copy began is in it, and nothing later. A directory gets a
file that is named after the last record. The file holds the journal, its rulesets and its mark, and after them, as they were a moment
later, the stores of agent spend and of merchants and instruments; it is synced, and its chain was walked, before the command ends. It
holds no configuration and no keys: without those, what is sealed in it cannot be read. Keep them elsewhere.

Exit codes:
  0  copied and proven; what is in it is on standard output
  1  not done (why on standard error; no half of a file is left)
  2  the command line is not understood";

/// The stores beside the journal that a backup has, too.
pub(super) const BESIDE: [&str; 2] = [sqlite::FILE, store::FILE];

/// What backs up a shared ledger.
const INSTEAD: &str = "back up the database with PostgreSQL's own programs: pg_basebackup, or pg_dump --schema=holdfast, with the roles \
    (pg_dumpall --roles-only), which it names";

/// Copies the journal into one file, while the server goes on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Backup {
    /// The file to write, which must not be there; or a directory.
    to: PathBuf,
    /// An object of JSON instead of lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Backup {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let mut told = Told::default();
        let (file, verified) = backup::backup(&self.place.with_journal(INSTEAD)?, &self.to, &BESIDE, &mut |step, done, all| {
            told.progress(step, done, all)
        })
        .map_err(Failure::told)?;
        if self.json {
            let mut object = as_json(&verified);
            if let Some(fields) = object.as_object_mut() {
                fields.insert("file".to_owned(), file.display().to_string().into());
            }
            return Ok(writeln!(output, "{object}")?);
        }
        Ok(write!(output, "file         {}\n{}", file.display(), as_lines(&verified))?)
    }
}

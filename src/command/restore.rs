//! `holdfast restore`: a data directory from a backup.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::backup::BESIDE;
use super::journal::{Told, as_json, as_lines};
use crate::journal::backup::{self, Restored};

const EXAMPLES: &str = "\
Examples:
  holdfast restore /backups/holdfast-48211.backup --data /var/lib/holdfast-new
  holdfast restore /backups/monday.backup --data ./data --json

The directory must be empty, or not there: nothing is ever overwritten. The chain of what was written is walked before the
command ends, and the stores beside the journal are compared with their digests; what comes from a directory, or from a backup of an
older version, has none, and is listed as not proven. Then start the server on the directory. What happened after the backup was
made is not in it: the platform's own records tell what is missing. Nor is the spool, with what platforms were told and the ledger had not heard: where the old
one's file is still there, put a copy of it where `spool.path` says before the server starts. What the ledger heard meanwhile is
heard once.

Exit codes:
  0  restored and proven; what is in it is on standard output
  1  not done (why on standard error; the directory is as it was)
  2  the command line is not understood";

/// What no backup has, and what to do about it.
const NOT_IN_IT: &str = "not in it    the spool: where the old server's file is still there, put a copy of it where `spool.path` says \
    before the server starts; it has what platforms were told and the ledger had not heard";

/// What nothing proves.
const NOT_PROVEN: &str = "restored as found; only backups of newer versions have what proves such files";

/// Makes an empty directory a data directory, from a backup.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Restore {
    /// The backup, or another data directory.
    from: PathBuf,
    /// The data directory to make.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// An object of JSON instead of lines.
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let mut told = Told::default();
        let progress = &mut |step, done, all| told.progress(step, done, all);
        let Restored { journal, unproven } = backup::restore(&self.from, &self.data, &BESIDE, progress).map_err(Failure::told)?;
        if self.json {
            let mut object = as_json(&journal);
            if let Some(fields) = object.as_object_mut() {
                fields.insert("not_proven".to_owned(), unproven.into());
            }
            return Ok(writeln!(output, "{object}")?);
        }
        let not_proven = match unproven.as_slice() {
            [] => String::new(),
            names => format!("not proven   {}: {NOT_PROVEN}\n", names.join(", ")),
        };
        Ok(writeln!(output, "{}{not_proven}{NOT_IN_IT}", as_lines(&journal))?)
    }
}

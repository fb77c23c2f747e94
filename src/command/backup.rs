//! `holdfast backup`: one file that a data directory can be made from again.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use clap::Args;
use serde_json::json;

use super::journal::{Told, as_json, as_lines};
use super::{Failure, Place};
use crate::agent::store::sqlite;
use crate::config::{Config, Overrides};
use crate::journal::backup;
use crate::profiles::store;
use crate::spool::{Bond, FILE, Held, LedgerWas, SpoolError};

const EXAMPLES: &str = "\
Examples:
  holdfast backup /backups
  holdfast backup /backups/monday.backup --data /var/lib/holdfast --json

The server may go on meanwhile: what the journal had committed when the copy began is in it, and nothing later. A directory gets a
file that is named after the last record. The file holds the journal, its rulesets and its mark, and after them, as they were a moment
later, the stores of agent spend and of merchants and instruments; it is synced, and its chain was walked, before the command ends. It
holds no configuration and no keys: without those, what is sealed in it cannot be read. Keep them elsewhere.

Nor does it hold the spool: what platforms were told and the ledger had not heard, and what was switched by hand. How much that was is
told in a line of its own. Where something waits, back up again once `holdfast spool` lists nothing, or stop the server and keep a
copy of the spool's file with the backup.

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
        let data = self.place.with_journal(INSTEAD)?;
        // Before the copy: what is heard meanwhile is in neither.
        let spool = left_out(&self.place, &data)?;
        let (file, verified) = backup::backup(&data, &self.to, &BESIDE, &mut |step, done, all| told.progress(step, done, all))
            .map_err(Failure::told)?;
        if self.json {
            let mut object = as_json(&verified);
            if let Some(fields) = object.as_object_mut() {
                fields.insert("file".to_owned(), file.display().to_string().into());
                fields.insert("not_in_it".to_owned(), spool.as_json());
            }
            return Ok(writeln!(output, "{object}")?);
        }
        Ok(write!(output, "file         {}\n{}{spool}\n", file.display(), as_lines(&verified))?)
    }
}

/// The spool, which no backup has.
struct LeftOut {
    file: PathBuf,
    /// What it holds; nothing if it is lost.
    held: Option<Held>,
}

/// What of the spool there is when a backup begins.
fn left_out(place: &Place, data: &Path) -> Result<LeftOut, Failure> {
    let configured = Config::load(&place.config, Overrides { data: place.data.clone(), ..Overrides::default() });
    // A directory is backed up also where no configuration is.
    let file = configured.map_or_else(|_| data.join(FILE), |config| config.spool.path);
    let held = match Bond::of(data, &file, LedgerWas::There).and_then(|bond| bond.open_if_there()) {
        Ok(None) => Some(Held::default()),
        Ok(Some(spool)) => Some(spool.count().map_err(Failure::told)?),
        Err(SpoolError::Lost(_) | SpoolError::Empty(_)) => None,
        Err(error) => return Err(Failure::told(error)),
    };
    Ok(LeftOut { file, held })
}

impl LeftOut {
    fn as_json(&self) -> serde_json::Value {
        let (waiting, aside) = (self.held.map(|held| held.waiting), self.held.map(|held| held.aside));
        json!({"spool": self.file.display().to_string(), "waiting": waiting, "set_aside": aside, "lost": self.held.is_none()})
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not in it    the spool, {}: ", self.file.display())?;
        let Some(Held { waiting, aside }) = self.held else {
            return f.write_str("it is missing, and this data directory had one; look for it before anything is restored");
        };
        if (waiting, aside) == (0, 0) {
            return f.write_str("nothing in it waits for the ledger");
        }
        write!(
            f,
            "{waiting} entries wait for the ledger and {aside} were set aside; back up again once `holdfast spool` lists \
             nothing, or stop the server and keep a copy of that file, too"
        )
    }
}

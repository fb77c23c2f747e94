//! Stores that lie beside a journal and that a backup carries, too: files of SQLite, each copied as it is at one moment, after the
//! journal's own. So whatever a record of the copy names is in them. Nothing here knows what they hold.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};
use sha2::{Digest as _, Sha256};

use super::error::JournalError;
use super::proofs;
use crate::private_file;

/// Where a backup has them.
pub(super) const TABLE: &str = "beside";

/// A piece of a file, as a row has it.
const PIECE_BYTES: usize = 1 << 20;

/// Puts the files of these names, if they are there, into a backup.
pub(super) fn into_backup(backup: &Connection, part: &Path, data: &Path, names: &[&str]) -> Result<(), JournalError> {
    let disk = JournalError::disk(part);
    let table = format!(
        "CREATE TABLE {TABLE} (
             name TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL,
             parts INTEGER NOT NULL, -- how many pieces the file has; none if it was not there
             digest BLOB NOT NULL,   -- SHA-256 of all that, so that damage is found
             PRIMARY KEY (name, part)
         ) STRICT"
    );
    backup.execute_batch(&table).map_err(&disk)?;
    for name in names {
        let from = data.join(name);
        if !from.exists() {
            // That it was not there is said, too: else nobody could tell it from one that was lost.
            let digest = digest_of(name, 0, 0, &[]);
            let sql = format!("INSERT INTO {TABLE} VALUES (?1, 0, x'', 0, ?2)");
            backup.execute(&sql, params![name, digest]).map_err(&disk)?;
            continue;
        }
        let copied = beside(part, name);
        let taken = copy(&from, &copied).and_then(|()| take_in(backup, name, &copied).map_err(&disk));
        // Taken or not, it is of no use any more.
        let _ = fs::remove_file(&copied);
        taken?;
    }
    Ok(())
}

/// Makes the files of a data directory that a backup, or another data directory, has. Those of other names are left where they are. Which
/// of them are not proven to be what was backed up: older backups, and directories, have nothing to prove it by.
///
/// # Errors
/// The disk; or one of them is damaged, or all of them are lost.
pub(super) fn restore(source: &Connection, from: &Path, data: &Path, names: &[&str]) -> Result<Vec<String>, JournalError> {
    let carried = source.table_exists(None, TABLE).map_err(JournalError::disk(from))?;
    if !carried && proofs::are_there(source).map_err(JournalError::disk(from))? {
        let name = format!("the stores beside the journal (table `{TABLE}`)");
        return Err(JournalError::PieceDamaged { path: from.to_owned(), name });
    }
    let proves = carried && source.column_exists(None, TABLE, "digest").map_err(JournalError::disk(from))?;
    let mut unproven = Vec::new();
    for name in names {
        let (whole, part) = (data.join(name), beside(&data.join(name), "part"));
        let made = if carried {
            if proves {
                prove(source, from, name)?;
            }
            take_out(source, name, &part).map_err(JournalError::disk(from))?
        } else if from.is_dir() && from.join(name).exists() {
            copy(&from.join(name), &part)?;
            true
        } else {
            false
        };
        if made {
            let put = || File::open(&part)?.sync_all().and_then(|()| fs::rename(&part, &whole));
            put().map_err(|error| JournalError::disk(&whole)(of_file(error)))?;
            if !proves {
                unproven.push((*name).to_owned());
            }
        }
    }
    Ok(unproven)
}

/// Makes sure that every piece of a file of that name is there, and is the one that was put there; or that there was no such file.
///
/// # Errors
/// The disk; or one is not.
pub(super) fn prove(backup: &Connection, path: &Path, name: &str) -> Result<(), JournalError> {
    let disk = JournalError::disk(path);
    let sql = format!("SELECT part, parts, bytes, digest FROM {TABLE} WHERE name = ?1 ORDER BY part");
    let mut statement = backup.prepare(&sql).map_err(disk)?;
    let mut rows = statement.query([name]).map_err(disk)?;
    let damaged = || JournalError::PieceDamaged { path: path.to_owned(), name: name.to_owned() };
    let (mut next, mut of) = (0_i64, None);
    while let Some(row) = rows.next().map_err(disk)? {
        let (part, parts): (i64, i64) = (row.get("part").map_err(disk)?, row.get("parts").map_err(disk)?);
        let bytes = row.get_ref("bytes").map_err(disk)?.as_blob().map_err(|_| damaged())?;
        let digest = row.get_ref("digest").map_err(disk)?.as_blob().map_err(|_| damaged())?;
        if part != next || of.is_some_and(|of| of != parts) || digest_of(name, part, parts, bytes).as_slice() != digest {
            return Err(damaged());
        }
        (next, of) = (next.saturating_add(1), Some(parts));
    }
    // Of a file that was not there one row says so.
    if of.map(|parts| parts.max(1)) == Some(next) { Ok(()) } else { Err(damaged()) }
}

/// What proves a piece, and its place.
fn digest_of(name: &str, part: i64, parts: i64, bytes: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(name.as_bytes());
    digest.update([0]);
    digest.update(part.to_le_bytes());
    digest.update(parts.to_le_bytes());
    digest.update(bytes);
    digest.finalize().into()
}

/// Takes away what was restored: the directory is as empty as it was.
pub(super) fn throw_away(data: &Path, names: &[&str]) {
    for name in names {
        let _ = fs::remove_file(data.join(name));
        let _ = fs::remove_file(beside(&data.join(name), "part"));
    }
}

fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(more);
    PathBuf::from(name)
}

/// Copies one state of a store that others may write.
fn copy(from: &Path, to: &Path) -> Result<(), JournalError> {
    private_file::make_new(to).map_err(|error| JournalError::disk(to)(of_file(error)))?;
    let copy = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let source = Connection::open_with_flags(from, flags)?;
        let mut target = Connection::open(to)?;
        // In one step: a store that is written meanwhile would have it begin again and again.
        let copying = Backup::new(&source, &mut target)?;
        while copying.step(-1)? != StepResult::Done {
            std::thread::yield_now();
        }
        drop(copying);
        target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)).map(drop)
    };
    copy().map_err(JournalError::disk(from))
}

fn take_in(backup: &Connection, name: &str, file: &Path) -> rusqlite::Result<()> {
    let mut file = File::open(file).map_err(of_file)?;
    let mut insert = backup.prepare(&format!("INSERT INTO {TABLE} VALUES (?1, ?2, ?3, ?4, ?5)"))?;
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    let most = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
    // Nobody else writes it.
    let parts = i64::try_from(file.metadata().map_err(of_file)?.len().div_ceil(most)).unwrap_or(i64::MAX);
    for part in 0_i64.. {
        piece.clear();
        if (&mut file).take(most).read_to_end(&mut piece).map_err(of_file)? == 0 {
            break;
        }
        insert.execute(params![name, part, piece, parts, digest_of(name, part, parts, &piece)])?;
    }
    Ok(())
}

/// Says whether there is one of that name.
fn take_out(backup: &Connection, name: &str, to: &Path) -> rusqlite::Result<bool> {
    // No piece of a file is empty: such a row says that there was no file.
    let sql = format!("SELECT bytes FROM {TABLE} WHERE name = ?1 AND length(bytes) > 0 ORDER BY part");
    let mut statement = backup.prepare(&sql)?;
    let mut rows = statement.query([name])?;
    let mut file = None;
    while let Some(row) = rows.next()? {
        let file = match &mut file {
            Some(file) => file,
            none => {
                private_file::make_new(to).map_err(of_file)?;
                none.insert(File::options().append(true).open(to).map_err(of_file)?)
            }
        };
        file.write_all(row.get_ref(0)?.as_blob().map_err(|_| rusqlite::Error::InvalidQuery)?).map_err(of_file)?;
    }
    Ok(file.is_some())
}

/// What a file's error is among a database's.
fn of_file(error: io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

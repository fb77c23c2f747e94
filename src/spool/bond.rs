//! Which spool a data directory has: a spool that is missing, or another one in its place, would have everything forgotten that was told
//! and that the ledger has not heard, and nobody would know. So the directory remembers its spool's name, and a start that finds
//! another one says so and goes no further before somebody has looked at it.
//!
//! Decides nothing, and knows no entry.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use holdfast_core::Timestamp;

use super::{File, SpoolError, Sync, schema};
use crate::private_file;

/// The file in the data directory that has the spool's name.
const FILE: &str = "spool.id";

/// How the line of that file begins that says who accepted the spool.
const ACCEPTED: &str = "accepted at ";

/// A data directory and its spool, as they were before a start opened either.
#[derive(Debug)]
pub struct Bond {
    file: PathBuf,
    spool: PathBuf,
    /// The name of the spool that the directory had.
    known: Option<String>,
    /// Whether somebody has accepted that, and no ledger has begun since.
    accepted: bool,
    ledger: LedgerWas,
}

/// Whether there was anything in the data directory's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerWas {
    /// No.
    New,
    /// Yes.
    There,
    /// It is another machine's: how old this directory is cannot be told by it.
    Elsewhere,
}

impl Bond {
    /// Looks, and opens nothing.
    ///
    /// # Errors
    /// The directory's own note of it cannot be read.
    pub fn of(data: &Path, spool: &Path, ledger: LedgerWas) -> Result<Self, SpoolError> {
        let file = data.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(SpoolError::Path(file, error)),
        };
        let known = text.lines().next().map(str::to_owned);
        let accepted = text.lines().skip(1).last().is_some_and(|line| line.starts_with(ACCEPTED));
        Ok(Bond { file, spool: spool.to_owned(), known, accepted, ledger })
    }

    /// Before the spool is opened, which would make one, and the ledger, which would be new no more at the next start.
    ///
    /// # Errors
    /// The directory had a spool, and there is none, or nothing in it; or there is one with answers of a ledger that is not this one; or the disk.
    pub fn must_be_there(&self) -> Result<(), SpoolError> {
        match (&self.known, self.spool.exists()) {
            (Some(_), false) => Err(SpoolError::Lost(self.spool.clone())),
            (None, true) if self.ledger == LedgerWas::New && File::open(&self.spool, Sync::Full)?.has_told()? => {
                Err(SpoolError::OfAnotherLedger(self.spool.clone()))
            }
            (Some(_), true) if !schema::is_begun(&self.spool)? => Err(SpoolError::Empty(self.spool.clone())),
            // The directory's own spool, and a ledger that came after it: the one that it was the spool of is gone. A first start that ended
            // before it had a ledger has told nothing but declines.
            (Some(_), true)
                if self.ledger == LedgerWas::New && !self.accepted && File::open(&self.spool, Sync::Full)?.knew_a_ledger()? =>
            {
                Err(SpoolError::OfAnotherLedger(self.spool.clone()))
            }
            (Some(_), true) | (None, _) => Ok(()),
        }
    }

    /// The directory's spool, for whoever only looks; none if there never was one.
    ///
    /// # Errors
    /// The directory had one, and there is none, or another one; or the disk.
    pub fn open_if_there(&self) -> Result<Option<File>, SpoolError> {
        self.must_be_there()?;
        let Some(file) = File::open_if_there(&self.spool)? else { return Ok(None) };
        match &self.known {
            Some(known) if *known != file.name()? => Err(SpoolError::Another(self.spool.clone())),
            Some(_) | None => Ok(Some(file)),
        }
    }

    /// What somebody should know before the spool is taken for the directory's: nothing says that it is. Told of before the spool is
    /// opened.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let (file, spool) = (self.file.display(), self.spool.display());
        match (&self.known, self.ledger, self.spool.exists()) {
            (Some(_), _, _) | (None, LedgerWas::New, _) | (None, LedgerWas::Elsewhere, false) => None,
            (None, LedgerWas::There | LedgerWas::Elsewhere, true) => Some(format!(
                "{file}: is missing, so that nothing says that {spool} is the spool that this data directory had; it is taken for it. That is \
                 as it should be after a restore, and at the first start of this version. Else somebody removed the file: if the spool \
                 is another one, stop the server, remove {file}, and name the right one at spool.path, for what platforms were told and the \
                 ledger has not heard is in that one"
            )),
            (None, LedgerWas::There, false) => Some(format!(
                "{spool}: there is no spool, nor {file}, which would say which one this data directory had, and its ledger is not new: a spool \
                 is made, with nothing in it. That is as it should be after a restore where the old server's spool is lost. Else stop the \
                 server, remove {file} and the new spool, and put the old one where spool.path says: what platforms were told and the ledger \
                 has not heard is in that one"
            )),
        }
    }

    /// The spool is the directory's, or is from now on.
    ///
    /// # Errors
    /// It is another one; or the disk.
    pub fn must_be(&self, file: &File) -> Result<(), SpoolError> {
        let name = file.name()?;
        match &self.known {
            Some(known) if *known == name && self.accepted && self.ledger == LedgerWas::There => self.note_use(),
            Some(known) if *known == name => Ok(()),
            Some(_) => Err(SpoolError::Another(self.spool.clone())),
            None => self.keep(&name, ""),
        }
    }

    /// Whatever the directory had before, this spool is its own from now on: somebody says so, and why.
    ///
    /// # Errors
    /// The disk.
    pub fn accept(&self, file: &File, by: &str, why: &str, at: Timestamp) -> Result<(), SpoolError> {
        file.accept_as_whole()?;
        self.keep(&file.name()?, &format!("{ACCEPTED}{at} by {}: {}\n", by.escape_debug(), why.escape_debug()))
    }

    /// What was accepted has a ledger: should that be new again, somebody has to look again.
    fn note_use(&self) -> Result<(), SpoolError> {
        let text = std::fs::read_to_string(&self.file).map_err(|error| SpoolError::Path(self.file.clone(), error))?;
        let (name, note) = text.split_once('\n').unwrap_or((&text, ""));
        self.keep(name, &format!("{note}in use since\n"))
    }

    /// Whole or not at all.
    fn keep(&self, name: &str, note: &str) -> Result<(), SpoolError> {
        let said = |error| SpoolError::Path(self.file.clone(), error);
        let new = self.file.with_extension("id.new");
        let write = || {
            if let Some(directory) = self.file.parent() {
                std::fs::create_dir_all(directory)?;
            }
            private_file::make(&new)?;
            let mut file = std::fs::File::options().write(true).truncate(true).open(&new)?;
            file.write_all(format!("{name}\n{note}").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &self.file)
        };
        write().map_err(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(data: &Path, spool: &Path, ledger: LedgerWas) -> Result<(), String> {
        let bond = Bond::of(data, spool, ledger).unwrap();
        let open = || {
            bond.must_be_there()?;
            bond.must_be(&File::open(spool, Sync::None)?)
        };
        open().map_err(|error: SpoolError| error.to_string())
    }

    fn tell(spool: &Path) {
        let connection = rusqlite::Connection::open(spool).unwrap();
        connection.execute("INSERT INTO entry VALUES (1, 0, x'00', x'00')", []).unwrap();
    }

    #[test]
    fn a_spool_that_is_missing_or_another_is_noticed_until_somebody_accepts_it() {
        let directory = tempfile::tempdir().unwrap();
        let (data, spool) = (directory.path().join("data"), directory.path().join("spool.sqlite"));
        let there = LedgerWas::There;
        assert_eq!(start(&data, &spool, there), Ok(()), "the first one is the directory's");
        assert_eq!(start(&data, &spool, there), Ok(()));
        std::fs::rename(&spool, directory.path().join("away.sqlite")).unwrap();
        let lost = start(&data, &spool, there).unwrap_err();
        assert!(lost.contains("is missing") && lost.contains("holdfast spool accept-new"), "{lost}");
        assert!(!spool.exists(), "none is made in its place");
        let looked = Bond::of(&data, &spool, there).unwrap().open_if_there();
        assert_eq!(looked.map(|_| ()).map_err(|error| error.to_string()), Err(lost), "nor by whoever only looks");
        drop(File::open(&spool, Sync::None).unwrap());
        let another = start(&data, &spool, there).unwrap_err();
        let looked = Bond::of(&data, &spool, there).unwrap().open_if_there();
        assert_eq!(
            looked.map(|_| ()).map_err(|error| error.to_string()),
            Err(another.clone()),
            "whoever only looks is told, too"
        );
        assert!(another.contains("is another spool") && another.contains("holdfast spool accept-new"), "{another}");
        std::fs::write(&spool, []).unwrap();
        let empty = start(&data, &spool, there).unwrap_err();
        assert!(empty.contains("has nothing in it") && empty.contains("spool.sqlite-wal"), "{empty}");
        let bond = Bond::of(&data, &spool, there).unwrap();
        bond.accept(&File::open(&spool, Sync::None).unwrap(), "ann", "the disk burnt", Timestamp::EPOCH).unwrap();
        assert_eq!(start(&data, &spool, there), Ok(()));
        let note = std::fs::read_to_string(data.join(FILE)).unwrap();
        assert!(note.contains("by ann: the disk burnt"), "{note}");
        std::fs::rename(directory.path().join("away.sqlite"), &spool).unwrap();
        assert!(start(&data, &spool, there).is_err(), "the old one is another one now");
    }

    #[test]
    fn a_note_that_is_missing_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (data, spool) = (directory.path().join("data"), directory.path().join("spool.sqlite"));
        let remark = |ledger| Bond::of(&data, &spool, ledger).unwrap().remark();
        assert_eq!((remark(LedgerWas::New), remark(LedgerWas::Elsewhere)), (None, None), "there is no spool yet");
        // Where the ledger is not new, there was one: it and the note are lost together.
        let told = remark(LedgerWas::There).unwrap();
        assert!(told.contains("spool.sqlite: there is no spool, nor") && told.contains("is in that one"), "{told}");
        start(&data, &spool, LedgerWas::New).unwrap();
        assert_eq!(remark(LedgerWas::There), None);
        std::fs::remove_file(data.join(FILE)).unwrap();
        let told = remark(LedgerWas::There).unwrap();
        assert!(told.contains("spool.id: is missing") && told.contains("spool.sqlite is the spool that"), "{told}");
        // It goes on, and is the directory's from then on.
        let told = remark(LedgerWas::Elsewhere);
        assert!(told.is_some_and(|told| told.contains("spool.id: is missing")));
        assert_eq!((start(&data, &spool, LedgerWas::There), remark(LedgerWas::There)), (Ok(()), None));
    }

    #[test]
    fn what_was_told_beside_a_ledger_that_is_gone_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let (data, spool) = (directory.path().join("data"), directory.path().join("spool.sqlite"));
        drop(File::open(&spool, Sync::None).unwrap());
        assert_eq!(start(&data, &spool, LedgerWas::New), Ok(()), "there is nothing in it");
        assert_eq!(start(&data, &spool, LedgerWas::New), Ok(()), "a first start that ended early");
        let confirmed = rusqlite::Connection::open(&spool).unwrap();
        confirmed.execute("INSERT INTO confirmed VALUES (7, 0, x'00', x'00')", []).unwrap();
        assert_eq!(start(&data, &spool, LedgerWas::There), Ok(()));
        let told = start(&data, &spool, LedgerWas::New).unwrap_err();
        assert!(told.contains("ledger is new") && told.contains("holdfast spool accept-new"), "its own spool: {told}");
        let bond = Bond::of(&data, &spool, LedgerWas::There).unwrap();
        bond.accept(&File::open(&spool, Sync::None).unwrap(), "ann", "it was a trial", Timestamp::EPOCH).unwrap();
        assert_eq!(start(&data, &spool, LedgerWas::New), Ok(()));
        assert_eq!([(); 2].map(|()| start(&data, &spool, LedgerWas::There)), [Ok(()), Ok(())]);
        let note = std::fs::read_to_string(data.join(FILE)).unwrap();
        assert!(note.contains("by ann: it was a trial") && note.lines().count() == 3, "{note}");
        assert!(start(&data, &spool, LedgerWas::New).is_err(), "it had a ledger since");
        confirmed.execute("DELETE FROM confirmed", []).unwrap();
        drop(confirmed);
        std::fs::remove_dir_all(&data).unwrap();
        tell(&spool);
        let told = start(&data, &spool, LedgerWas::New).unwrap_err();
        assert!(told.contains("ledger is new") && told.contains("holdfast spool accept-new"), "{told}");
        // A ledger from before a directory remembered its spool.
        assert_eq!(start(&data, &spool, LedgerWas::There), Ok(()));
    }
}

//! Whether a spool has all that was durable in it, by its mark's word. Knows no entry.

use std::path::Path;

use super::error::SpoolError;
use super::file::{File, Sync};
use super::mark::{self, Mark, Synced};

impl File {
    /// For whoever writes it and keeps others from that: it has all that its mark says, and the mark follows it.
    ///
    /// # Errors
    /// It ends before what was durable; or the disk.
    pub(super) fn marked(mut self) -> Result<Self, SpoolError> {
        let synced = self.synced()?;
        match self.sync {
            Sync::Full => self.mark = Some((self.name()?, Mark::open(self.path(), &synced)?)),
            // Without syncs the mark could be on the disk before the spool is.
            Sync::None => mark::peek(self.path())?.map_or(Ok(()), |marked| mark::must_reach(self.path(), &synced, &marked))?,
        }
        Ok(self)
    }

    /// Opens it for whoever only reads, perhaps beside a server.
    ///
    /// # Errors
    /// As [`File::marked`].
    pub(super) fn open_whole(path: &Path, sync: Sync) -> Result<Self, SpoolError> {
        // First: what is durable by then is in the file.
        let marked = mark::peek(path)?;
        let file = File::open(path, sync)?;
        if let Some(marked) = marked {
            mark::must_reach(path, &file.synced()?, &marked)?;
        }
        Ok(file)
    }

    /// Somebody says that what it has is all that there is.
    ///
    /// # Errors
    /// The disk.
    pub(super) fn accept_as_whole(&self) -> Result<(), SpoolError> {
        mark::accept(self.path(), &self.synced()?)
    }

    /// It is synced up to there.
    pub(super) fn follow(&mut self, next: i64) {
        if let Some((name, mark)) = &mut self.mark {
            // What was told is durable: a mark that stays behind takes nothing from that.
            let _ = mark.write(&Synced::of(name, next));
        }
    }

    fn synced(&self) -> Result<Synced, SpoolError> {
        Ok(Synced::of(&self.name()?, self.next()?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{Silent, approval, durable, settings};
    use super::*;
    use crate::clock;
    use crate::spool::{FILE, Kept, Settings, Spool};

    /// What a machine has after a power cut in this moment: the spool's files as they are now.
    fn copied(from: &Path, to: &Path) {
        std::fs::create_dir(to).unwrap();
        for end in ["", "-wal", "-mark"] {
            let name = format!("{FILE}{end}");
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }

    /// Keeps what an operator should read.
    #[derive(Default)]
    struct Said(std::sync::Mutex<Vec<String>>);

    impl crate::spool::Observer for Said {
        fn say(&self, message: &str) {
            self.0.lock().unwrap().push(message.to_owned());
        }
    }

    #[tokio::test]
    async fn a_mark_that_is_gone_or_damaged_is_said_once() {
        let directory = tempfile::tempdir().unwrap();
        let said_by_opening = || {
            let said = Arc::new(Said::default());
            let settings = Settings { path: directory.path().join(FILE), sync: Sync::Full, entries_max: 100 };
            let spool = Spool::open(settings, Arc::<Said>::clone(&said)).unwrap();
            (spool, std::mem::take(&mut *said.0.lock().unwrap()))
        };
        let (spool, said) = said_by_opening();
        assert_eq!(said, Vec::<String>::new(), "a new one has none to lose");
        assert_eq!(durable(&spool.put(approval("k"), clock::utc())).await, Kept::Durable);
        drop(spool);
        let mark = directory.path().join(format!("{FILE}-mark"));
        assert_eq!(said_by_opening().1, Vec::<String>::new());
        let lose: [fn(&Path); 2] = [|mark| std::fs::remove_file(mark).unwrap(), |mark| std::fs::write(mark, [0; 8]).unwrap()];
        for lose in lose {
            lose(&mark);
            let said = said_by_opening().1;
            assert!(matches!(&said[..], [one] if one.contains("-mark: is not there, or damaged")), "{said:?}");
            assert_eq!(said_by_opening().1, Vec::<String>::new());
        }
    }

    #[tokio::test]
    async fn a_spool_that_lost_its_end_is_not_taken_for_whole() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(settings(&directory), Arc::new(Silent)).unwrap();
        let mut log_was = Vec::new();
        for number in 1..=5 {
            assert_eq!(durable(&spool.put(approval(&format!("k{number}")), clock::utc())).await, Kept::Durable);
            // The mark is written before anybody hears that it is durable.
            log_was.push(std::fs::metadata(directory.path().join(format!("{FILE}-wal"))).unwrap().len());
        }
        let open = |to: &Path| {
            let settings = Settings { path: to.join(FILE), sync: Sync::Full, entries_max: 100 };
            let mut keys = 0;
            let opened = Spool::open(settings, Arc::new(Silent));
            opened.and_then(|spool| spool.recall(|_, _, _| keys += 1)).map(|()| keys).map_err(|error| error.to_string())
        };
        let cut = |name: &str, length: u64| {
            let to = directory.path().join(name);
            copied(directory.path(), &to);
            let log = std::fs::File::options().write(true).open(to.join(format!("{FILE}-wal"))).unwrap();
            log.set_len(length).unwrap();
            to
        };
        let whole = cut("whole", log_was[4]);
        assert_eq!(open(&whole), Ok(5));
        assert_eq!(open(&whole), Ok(5), "and once more, when its log was taken over");
        // In the middle of what the third one wrote.
        let short = cut("short", log_was[1] + 100);
        let said = open(&short).unwrap_err();
        assert!(said.contains("numbers up to 2 ") && said.contains("numbers up to 5 "), "{said}");
        assert!(said.contains("spool.sqlite-wal") && said.contains("holdfast spool accept-new"), "{said}");
        let looked = File::open_if_there(&short.join(FILE)).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(looked, Err(said.clone()), "whoever only looks is told, too");
        assert_eq!(open(&short), Err(said), "it stays so");
        File::open(&short.join(FILE), Sync::Full).unwrap().accept_as_whole().unwrap();
        assert_eq!(open(&short), Ok(2));
        // A spool of an earlier version, or one that was moved without its mark, has none.
        let moved = cut("moved", log_was[2]);
        std::fs::remove_file(moved.join(format!("{FILE}-mark"))).unwrap();
        assert_eq!((open(&moved), open(&moved)), (Ok(3), Ok(3)));
        // Somebody else's says nothing.
        std::fs::copy(directory.path().join(format!("{FILE}-mark")), moved.join(format!("{FILE}-mark"))).unwrap();
        assert!(open(&moved).is_err(), "its own does");
        let other = tempfile::tempdir().unwrap();
        drop(Spool::open(Settings { path: other.path().join(FILE), ..settings(&other) }, Arc::new(Silent)).unwrap());
        std::fs::copy(directory.path().join(format!("{FILE}-mark")), other.path().join(format!("{FILE}-mark"))).unwrap();
        assert_eq!(open(other.path()), Ok(0));
    }
}

//! A spool for tests, whose disk asks before each transaction what shall become of it. Its file is a real one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::file::{Changed, Changes, Disk};
use super::{File, Observer, Open, Settings, Spool, SpoolError};

/// A file, and a say in what becomes of each transaction.
struct Gate {
    file: File,
    asked: Sender<usize>,
    told: Receiver<Say>,
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    Write,
    Fail,
    /// The transaction is there, but the disk says that it is not.
    WriteAndFail,
}

impl Disk for Gate {
    fn change(&mut self, changes: &Changes) -> Result<Changed, SpoolError> {
        let fails = || SpoolError::Path(PathBuf::from("gate"), std::io::ErrorKind::StorageFull.into());
        // Whoever does not ask any more has nothing against it.
        let _ = self.asked.send(changes.add.len());
        match self.told.recv().unwrap_or(Say::Write) {
            Say::Write => self.file.change(changes),
            Say::Fail => Err(fails()),
            Say::WriteAndFail => self.file.change(changes).and(Err(fails())),
        }
    }
}

/// A spool as [`Spool::open`] opens it. How many entries each transaction adds is told, and what becomes of it is asked: once
/// nobody can say any more, every one is written.
pub fn gated(settings: Settings, observer: Arc<dyn Observer>) -> (Spool, Receiver<usize>, Sender<Say>) {
    let mut file = File::open(&settings.path, settings.sync).unwrap().marked().unwrap();
    let (held, next) = (file.count().unwrap(), file.next().unwrap());
    file.has_counted(held);
    let ((asked, asking), (tell, told)) = (channel(), channel());
    let was = file.identities();
    let open = Open { disk: Box::new(Gate { file, asked, told }), lock: None, was };
    let spool = Spool::start(settings, open, held, next, observer).unwrap();
    (spool, asking, tell)
}

impl Spool {
    /// Whether the writer has nothing to do: it works on nothing, and nothing waits for it.
    pub fn is_at_rest(&self) -> bool {
        self.shared.queue.is_at_rest()
    }
}

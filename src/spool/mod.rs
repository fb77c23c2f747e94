//! The spool: what the ledger has not heard, durable, in the order in which it came. Stand-in answers are here before they
//! leave, notifications before they are acknowledged, and both stay until the ledger has heard them.
//!
//! It is a file of its own, with a thread of its own that writes it, and may be on another disk than the ledger's: what fails
//! there need not fail here. It decides nothing, and never waits for the ledger; the reconciler reads it.

mod away;
mod bond;
mod bringing;
mod counting;
mod entry;
mod error;
mod file;
#[cfg(test)]
pub(crate) mod gate;
mod mark;
mod publishing;
mod queue;
mod reconcile;
mod rows;
mod schema;
mod switch;
#[cfg(test)]
mod tests;
mod waves;
mod whole;
mod writer;
mod written;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use holdfast_core::stand_in::{CAP_SECONDS_MAX, ToldApproval};
use holdfast_core::{ProgramId, Timestamp};
use tokio::sync::{Notify, oneshot};

use crate::clock;
use crate::ledger::{Act, Erase, Mailbox};
use crate::private_file;

pub use self::away::Away;
pub use self::bond::{Bond, LedgerWas};
pub use self::bringing::Bringing;
pub use self::counting::Counting;
pub use self::entry::{Entry, Unreadable};
pub use self::error::SpoolError;
use self::file::Disk;
pub use self::file::{Aside, BringBack, FILE, File, Held, Identities, Refused, Row, Standing, Sync};
use self::queue::{Back, Erasing, Job, Queue};
pub use self::queue::{Kept, Put};
pub(crate) use self::reconcile::told_to_stop;
pub use self::reconcile::{Heard, Reconciler, Wave};
pub use self::rows::Confirmed;
pub use self::switch::{KeyOf, Off, Scope, Switched, Turn, Turned};
pub use self::waves::Whose;
use self::writer::Writer;

/// How long confirmed approvals are kept: as long as the longest window of a cap.
const CONFIRMED_KEPT: Duration = Duration::from_secs(CAP_SECONDS_MAX as u64);

/// How a spool is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its file.
    pub path: PathBuf,
    /// Whether it is synced.
    pub sync: Sync,
    /// How many entries it holds at most, those that were set aside included. Beyond that it takes none.
    pub entries_max: i64,
}

/// Who wants to know what the spool does.
pub trait Observer: Send + std::marker::Sync {
    /// So many entries became durable, in so much time.
    fn committed(&self, _entries: usize, _took: Duration) {}
    /// The disk said no.
    fn failed(&self) {}
    /// How much is in it.
    fn filled(&self, _fill: Fill) {}
    /// An operator should read this.
    fn say(&self, _message: &str) {}
}

/// How much is in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// What is there.
    pub held: Held,
    /// How much it takes.
    pub entries_max: i64,
}

/// What the handle and the writer share.
#[derive(Debug)]
struct Shared {
    queue: Queue,
    waiting: AtomicI64,
    aside: AtomicI64,
    entries_max: i64,
    /// Up to which number every entry is settled: durable, and somebody stands by it.
    ready: AtomicI64,
    grows: Notify,
    /// What was erased since the start, and when: the reconciler may have read it before.
    erased: Mutex<Vec<(Erase, Timestamp)>>,
}

impl Shared {
    fn held(&self) -> Held {
        Held { waiting: self.waiting.load(Ordering::Acquire), aside: self.aside.load(Ordering::Acquire) }
    }

    fn filled(&self) -> i64 {
        let Held { waiting, aside } = self.held();
        waiting.saturating_add(aside)
    }

    fn fill(&self) -> Fill {
        Fill { held: self.held(), entries_max: self.entries_max }
    }
}

/// The spool, open. Dropped, it makes durable what still waits, as far as its disk lets it.
#[derive(Debug)]
pub struct Spool {
    settings: Settings,
    shared: Arc<Shared>,
    /// Which file it is, for whoever opens it once more.
    was: Identities,
    /// The number of the first entry of this process.
    first: i64,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Keeps other servers out as long as it is open.
    _lock: Option<std::fs::File>,
}

/// A spool's file, open for its writer.
struct Open {
    disk: Box<dyn Disk>,
    lock: Option<std::fs::File>,
    was: Identities,
}

/// What earlier processes left in a spool. Whoever reads it does not keep the spool open: that is closed in time also where the reading hangs.
#[derive(Debug)]
pub struct Left {
    file: File,
    /// The number of the first entry of this process.
    first: i64,
}

impl Spool {
    /// Opens, or makes, a spool, and starts its writer. What is in it is told by [`Spool::recall`].
    ///
    /// # Errors
    /// See [`SpoolError`]. A file that is refused is left as it is.
    pub fn open(settings: Settings, observer: Arc<dyn Observer>) -> Result<Self, SpoolError> {
        let lock = lock(&settings.path)?;
        let marked = mark::peek(&settings.path)?;
        let mut file = File::open(&settings.path, settings.sync)?.marked()?;
        let (held, next) = (file.count()?, file.next()?);
        if let Some(remark) = mark::remark(&settings, marked.as_ref(), next) {
            observer.say(&remark);
        }
        file.has_counted(held);
        let was = file.identities();
        Spool::start(settings, Open { disk: Box::new(file), lock: Some(lock), was }, held, next, observer)
    }

    fn start(
        settings: Settings,
        Open { disk, lock, was }: Open,
        held: Held,
        next: i64,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, SpoolError> {
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            waiting: AtomicI64::new(held.waiting),
            aside: AtomicI64::new(held.aside),
            entries_max: settings.entries_max,
            ready: AtomicI64::new(next.saturating_sub(1)),
            grows: Notify::new(),
            erased: Mutex::default(),
        });
        observer.filled(shared.fill());
        let writer = Writer::new(Arc::clone(&shared), disk, next);
        let thread = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run(observer.as_ref()))
            .map_err(|error| SpoolError::Path(settings.path.clone(), error))?;
        Ok(Spool { settings, shared, was, first: next, thread: Mutex::new(Some(thread)), _lock: lock })
    }

    /// As [`Left::recall`].
    ///
    /// # Errors
    /// The disk.
    pub fn recall(&self, remember: impl FnMut(&Entry, Timestamp, Standing)) -> Result<(), SpoolError> {
        self.left()?.recall(remember)
    }

    /// What earlier processes left, for whoever reads it.
    ///
    /// # Errors
    /// The disk.
    pub fn left(&self) -> Result<Left, SpoolError> {
        Ok(Left { file: self.reader()?, first: self.first })
    }

    /// Hands an entry to the writer. It may be durable soon; [`Put::durable_by`] tells.
    #[must_use]
    pub fn put(&self, entry: Entry, at: Timestamp) -> Arc<Put> {
        self.put_of(None, entry, at, None)
    }

    /// The same of a worker, which is woken once for all of its entries that become durable together; and with the entry's bytes, where
    /// somebody has made them.
    #[must_use]
    pub fn put_of(&self, worker: Option<Arc<Mailbox>>, entry: Entry, at: Timestamp, written: Option<Arc<[u8]>>) -> Arc<Put> {
        let put = Put::new(entry, at, worker, written);
        self.shared.queue.push(Job::Put(Arc::clone(&put)));
        put
    }

    /// The ledger has heard these.
    pub fn forget(&self, numbers: Vec<i64>) {
        self.shared.queue.push(Job::Forget(numbers));
    }

    /// The ledger has confirmed these approvals: they count on in caps of time.
    pub fn confirm(&self, confirmed: Vec<Counting>) {
        self.shared.queue.push(Job::Confirm(confirmed));
    }

    /// The ledger refused this one for good.
    pub fn set_aside(&self, number: i64, at: Timestamp, reason: String) {
        self.shared.queue.push(Job::SetAside(number, at, reason));
    }

    /// Somebody wants an entry that was set aside to be brought to the ledger again. Says under which number it waits, once that
    /// is durable; `None` if it was not set aside.
    pub async fn bring_back(&self, was: i64, at: Timestamp, by: String, why: String) -> Option<i64> {
        let (waits, waiting) = oneshot::channel();
        self.shared.queue.push(Job::BringBack(Back { was, at, by, why, waits }));
        waiting.await.ok()
    }

    /// Erases what callers wrote: of what waits for the ledger, was set aside, or counts on in caps. Says how many texts went, once that
    /// is durable; what is on its way to the ledger goes there without its text from now on. `None` if the spool is closed.
    pub async fn erase(&self, which: Erase) -> Option<u64> {
        let (gone, going) = oneshot::channel();
        self.shared.erased.lock().unwrap_or_else(PoisonError::into_inner).push((which, clock::utc()));
        self.shared.queue.push(Job::Erase(Erasing { which, gone }));
        going.await.ok()
    }

    /// The act of an entry that was read before, as it is to reach the ledger now: without what was erased meanwhile.
    #[must_use]
    pub fn act(&self, entry: &Entry) -> Act {
        let erased = self.shared.erased.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = |at: Timestamp| matches!(entry, Entry::Told(adopt, _) if adopt.received_at <= at);
        let gone = erased.iter().filter(|(_, at)| is_older(*at)).find_map(|(which, _)| entry.without(which));
        gone.as_ref().unwrap_or(entry).act()
    }

    /// Up to which number everything may be read and brought to the ledger.
    #[must_use]
    pub fn ready(&self) -> i64 {
        self.shared.ready.load(Ordering::Acquire)
    }

    /// Waits until more than that may be read.
    pub async fn grown_beyond(&self, number: i64) {
        loop {
            let grown = self.shared.grows.notified();
            if self.ready() > number {
                return;
            }
            grown.await;
        }
    }

    /// How much is in it.
    #[must_use]
    pub fn fill(&self) -> Fill {
        self.shared.fill()
    }

    /// Tells the approvals that the ledger confirmed in the time of the longest window, and whose program's they are: caps count them on.
    ///
    /// # Errors
    /// The disk.
    pub fn confirmed(&self, mut each: impl FnMut(ProgramId, ToldApproval)) -> Result<(), SpoolError> {
        let since = clock::utc().saturating_sub(CONFIRMED_KEPT);
        self.reader()?.confirmed(since, |kept| {
            if let Some((program, approval)) = counting::read(&kept) {
                each(program, approval);
            }
        })
    }

    /// Which file it is.
    #[must_use]
    pub const fn identities(&self) -> Identities {
        self.was
    }

    /// Opens the file once more, to read.
    ///
    /// # Errors
    /// See [`SpoolError`].
    pub fn reader(&self) -> Result<File, SpoolError> {
        File::open_again(&self.settings.path, self.settings.sync, self.was)
    }
}

impl Left {
    /// Tells everything of earlier processes that the ledger has not heard, in the order in which it came. What cannot be read is set aside
    /// by the reconciler, who says so.
    ///
    /// # Errors
    /// The disk.
    pub fn recall(self, mut remember: impl FnMut(&Entry, Timestamp, Standing)) -> Result<(), SpoolError> {
        self.file.remembered(self.first, |row, standing| {
            if let Ok(entry) = row.entry() {
                remember(&entry, row.at, standing);
            }
        })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A writer that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

/// Keeps other servers from this spool as long as the file is open: what is in it is of one ledger.
///
/// # Errors
/// A server has it, or its directory says no.
pub fn lock(path: &std::path::Path) -> Result<std::fs::File, SpoolError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |error| SpoolError::Path(path.to_owned(), error);
    // A new spool's directory may not be there yet.
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
    private_file::lock(name.as_ref()).map_err(failed)?.ok_or_else(|| SpoolError::InUse(path.to_owned()))
}

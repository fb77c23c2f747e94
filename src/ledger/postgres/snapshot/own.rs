//! What this responder did, in a file beside the snapshot, from the moment at which it counts until a look at the database that began later is in
//! the snapshot: a process that is killed in between passes that on, too. Where the file is not there, something of it is lost, and a
//! start without the database shows nothing.
//!
//! A thread of its own writes it. A decision waits for no disk: it is written some ten milliseconds later, with whatever else was decided by then.
//! What bars a card or an account is synced before it is acknowledged, and what the spool is to forget is written before it does; neither
//! waits long for a disk that hangs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use holdfast_core::ProgramId;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::Place;
use super::file::{FORMAT, SnapshotError, connect, connect_as_it_is, take_away};
use crate::ledger::embedded::Observer;
use crate::ledger::postgres::fresh::{Look, News};
use crate::private_file;

/// Its name in the spool's directory.
const FILE: &str = "own-acts.sqlite";

/// "HFO1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_4f31;

/// The most acts that wait for the disk, and the most that a file has: what happens between two looks, and much more.
const WAITING_MAX: usize = 1 << 16;
const ACTS_MAX: usize = 1 << 18;

/// How long acts for which nobody waits come together before they are written: each transaction costs more than they do.
const TOGETHER: Duration = Duration::from_millis(10);

const TABLE: &str = "
CREATE TABLE own (
    number INTEGER PRIMARY KEY,
    database TEXT NOT NULL,
    look INTEGER NOT NULL,      -- looks at the database that had begun; 0 of an earlier process
    many INTEGER NOT NULL,
    acts BLOB NOT NULL          -- postcard: a program, and what its act left behind
) STRICT;
";

/// An act of a program's, and what it left behind.
pub type OwnAct = (ProgramId, News);

/// When an act that counts may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// At once: it is written in a moment.
    Soon,
    /// Once a process that is killed has left it behind.
    Written,
    /// Once a machine that loses its power has, too.
    Synced,
}

enum Job {
    Acted {
        look: Look,
        act: OwnAct,
        keep: Keep,
        kept: Option<oneshot::Sender<()>>,
    },
    /// The snapshot has all that was there when that look began.
    Read(Look),
}

/// Whoever writes the file.
pub struct OwnActs {
    jobs: Option<Sender<Job>>,
    common: Arc<Common>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Common {
    waiting: AtomicUsize,
    /// One more than the latest look after which something found no room; 0 for none.
    lost: AtomicU64,
}

/// Tells it what the snapshot has.
pub struct Reads(Sender<Job>);

impl Reads {
    /// The snapshot has all that was there when that look began.
    pub fn read(&self, look: Look) {
        // It goes before its file does.
        let _ = self.0.send(Job::Read(look));
    }
}

impl OwnActs {
    /// Begins to write at that place.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn start(place: Place, observer: Arc<dyn Observer>) -> std::io::Result<(Self, Reads)> {
        let (jobs, to_do) = channel();
        let common = Arc::<Common>::default();
        let theirs = Arc::clone(&common);
        let write = move || Keeper::at(place, theirs, observer).run(&to_do);
        let thread = std::thread::Builder::new().name("own acts".to_owned()).spawn(write)?;
        let reads = Reads(jobs.clone());
        Ok((OwnActs { jobs: Some(jobs), common, thread: Some(thread) }, reads))
    }

    /// Has an act written that counts after that many looks had begun. What is to be waited for, if anything.
    pub fn note(&self, look: Look, act: OwnAct, keep: Keep) -> Option<oneshot::Receiver<()>> {
        if keep == Keep::Soon && self.common.waiting.load(Ordering::Acquire) >= WAITING_MAX {
            self.common.lost.fetch_max(look.number().saturating_add(1), Ordering::AcqRel);
            return None;
        }
        self.common.waiting.fetch_add(1, Ordering::AcqRel);
        let (kept, waits) = (keep > Keep::Soon).then(oneshot::channel).unzip();
        // The thread ends with its senders, and not before.
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Job::Acted { look, act, keep, kept });
        }
        if let Some(thread) = self.thread.as_ref().filter(|_| waits.is_some()) {
            thread.thread().unpark();
        }
        waits
    }
}

impl Drop for OwnActs {
    /// Writes what was noted.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Keeper {
    place: Place,
    path: PathBuf,
    common: Arc<Common>,
    observer: Arc<dyn Observer>,
    file: State,
    /// Not written yet, by look.
    waiting: BTreeMap<u64, Vec<OwnAct>>,
    many: usize,
    sync: Keep,
    said: Option<String>,
}

enum State {
    Open(Box<Writing>),
    /// It was not there, or something of it is lost: it is made when a look has been read that began after this one.
    TakenAway {
        lost: u64,
    },
}

impl Keeper {
    fn at(place: Place, common: Arc<Common>, observer: Arc<dyn Observer>) -> Self {
        let path = path_of(&place);
        let file = match Writing::go_on(&path) {
            Ok(Some(writing)) => State::Open(Box::new(writing)),
            // Nobody knows what an earlier process did.
            Ok(None) => State::TakenAway { lost: 0 },
            Err(error) => {
                if let SnapshotError::Disk(..) = error {
                    // Nor is it to be relied on without what this one does.
                    let _ = take_away(&path);
                }
                State::TakenAway { lost: 0 }
            }
        };
        Keeper { place, path, common, observer, file, waiting: BTreeMap::new(), many: 0, sync: Keep::Soon, said: None }
    }

    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut kept = Vec::new();
            std::iter::once(first).chain(jobs.try_iter()).for_each(|job| kept.extend(self.take(job)));
            self.tear_what_is_too_much();
            self.write();
            // Whoever waits hears also that it cannot be: what was done is done.
            let nobody_waited = kept.is_empty();
            for kept in kept {
                let _ = kept.send(());
            }
            if nobody_waited {
                // Until somebody does.
                std::thread::park_timeout(TOGETHER);
            }
        }
    }

    fn take(&mut self, job: Job) -> Option<oneshot::Sender<()>> {
        match job {
            Job::Acted { look, act, keep, kept } => {
                self.common.waiting.fetch_sub(1, Ordering::AcqRel);
                self.waiting.entry(look.number()).or_default().push(act);
                self.many = self.many.saturating_add(1);
                self.sync = self.sync.max(keep);
                kept
            }
            Job::Read(look) => {
                self.has_read(look.number());
                None
            }
        }
    }

    /// What was done before that look began is in the snapshot.
    fn has_read(&mut self, look: u64) {
        self.waiting = self.waiting.split_off(&look);
        self.many = self.waiting.values().map(Vec::len).sum();
        let done = match &mut self.file {
            State::Open(writing) => writing.forget(look),
            State::TakenAway { lost } if *lost < look => match Writing::make(&self.path) {
                Ok(writing) => {
                    self.file = State::Open(Box::new(writing));
                    Ok(())
                }
                Err(error) => Err(error),
            },
            State::TakenAway { .. } => Ok(()),
        };
        if let Err(error) = done {
            self.take_away(&error.to_string());
        }
    }

    fn tear_what_is_too_much(&mut self) {
        let lost = self.common.lost.swap(0, Ordering::AcqRel);
        let in_file = match &self.file {
            State::Open(writing) => writing.many,
            State::TakenAway { .. } => 0,
        };
        if lost > 0 || self.many.saturating_add(in_file) > ACTS_MAX {
            if let Some(lost) = lost.checked_sub(1) {
                self.waiting.entry(lost).or_default();
            }
            self.take_away("more was done than it takes");
        }
    }

    fn write(&mut self) {
        let State::Open(writing) = &mut self.file else { return };
        if self.many == 0 {
            return;
        }
        match writing.add(&self.place.database, &self.waiting, self.sync) {
            Ok(()) => {
                self.waiting.clear();
                (self.many, self.sync, self.said) = (0, Keep::Soon, None);
            }
            Err(error) => self.take_away(&error.to_string()),
        }
    }

    /// Something is lost: without the file nobody relies on the rest.
    fn take_away(&mut self, problem: &str) {
        let latest = self.waiting.keys().next_back().copied();
        let lost = match &self.file {
            State::Open(writing) => latest.unwrap_or(0).max(writing.latest),
            State::TakenAway { lost } => latest.unwrap_or(0).max(*lost),
        };
        let gone = match std::mem::replace(&mut self.file, State::TakenAway { lost }) {
            State::Open(writing) => take_away(&writing.path),
            // What is there now is somebody else's.
            State::TakenAway { .. } => Ok(()),
        };
        self.waiting.clear();
        (self.many, self.sync) = (0, Keep::Soon);
        let problem = gone.err().map_or_else(|| problem.to_owned(), |error| error.to_string());
        if self.said.as_ref() != Some(&problem) {
            self.observer.say(&format!("what this responder does is not kept for a start without the database: {problem}"));
            self.said = Some(problem);
        }
    }
}

/// The file, open.
struct Writing {
    connection: Connection,
    path: PathBuf,
    /// How many acts it has, and the latest look of one.
    many: usize,
    latest: u64,
}

impl Writing {
    /// Goes on with what an earlier process left; nothing if it left nothing.
    fn go_on(path: &Path) -> Result<Option<Self>, SnapshotError> {
        let Some(connection) = open(path)? else { return Ok(None) };
        let said = SnapshotError::disk(path);
        connection.execute("UPDATE own SET look = 0", []).map_err(said)?;
        let mut writing = Writing { connection, path: path.to_owned(), many: 0, latest: 0 };
        writing.count()?;
        Ok(Some(writing))
    }

    /// A file with nothing in it, over what is no good.
    fn make(path: &Path) -> Result<Self, SnapshotError> {
        match open(path) {
            Err(error) if !error.is_damage() => return Err(error),
            Ok(_) | Err(_) => take_away(path)?,
        }
        private_file::make(path).map_err(|error| SnapshotError::Path(path.to_owned(), error))?;
        let connection = connect(path)?;
        let table = format!("BEGIN; {TABLE} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT");
        connection.execute_batch(&table).map_err(SnapshotError::disk(path))?;
        Ok(Writing { connection, path: path.to_owned(), many: 0, latest: 0 })
    }

    fn count(&mut self) -> Result<(), SnapshotError> {
        let many = self.connection.query_row("SELECT coalesce(sum(many), 0) FROM own", [], |row| row.get::<_, i64>(0));
        self.many = usize::try_from(many.map_err(SnapshotError::disk(&self.path))?).unwrap_or(usize::MAX);
        Ok(())
    }

    fn add(&mut self, database: &str, acts: &BTreeMap<u64, Vec<OwnAct>>, sync: Keep) -> Result<(), SnapshotError> {
        self.try_to_add(database, acts, sync).map_err(SnapshotError::disk(&self.path))
    }

    fn try_to_add(&mut self, database: &str, acts: &BTreeMap<u64, Vec<OwnAct>>, sync: Keep) -> rusqlite::Result<()> {
        self.connection.execute_batch(match sync {
            Keep::Synced => "PRAGMA synchronous = FULL",
            Keep::Soon | Keep::Written => "PRAGMA synchronous = NORMAL",
        })?;
        let transaction = self.connection.unchecked_transaction()?;
        for (look, acts) in acts {
            let packed = postcard::to_allocvec(acts).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let row = params![database, look.cast_signed(), i64::try_from(acts.len()).unwrap_or(i64::MAX), packed];
            let add = "INSERT INTO own (database, look, many, acts) VALUES (?1, ?2, ?3, ?4)";
            transaction.prepare_cached(add)?.execute(row)?;
            self.many = self.many.saturating_add(acts.len());
            self.latest = self.latest.max(*look);
        }
        transaction.commit()
    }

    fn forget(&mut self, look: u64) -> Result<(), SnapshotError> {
        if self.many == 0 {
            return Ok(());
        }
        let forget = "DELETE FROM own WHERE look < ?1";
        self.connection.execute(forget, [look.cast_signed()]).map_err(SnapshotError::disk(&self.path))?;
        self.count()
    }
}

/// What this responder did that its snapshot may not have, in its order; nothing if that is not known. To be read before the snapshot is: what
/// leaves one is in the other.
///
/// # Errors
/// See [`SnapshotError`].
pub fn read(place: &Place) -> Result<Option<Vec<OwnAct>>, SnapshotError> {
    let path = path_of(place);
    let Some(connection) = open(&path)? else { return Ok(None) };
    let said = SnapshotError::disk(&path);
    let mut statement = connection.prepare("SELECT acts FROM own WHERE database = ?1 ORDER BY number").map_err(said)?;
    let mut rows = statement.query([&place.database]).map_err(said)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(said)? {
        let bytes = row.get_ref(0).map_err(said)?.as_blob().unwrap_or_default();
        match postcard::from_bytes::<Vec<OwnAct>>(bytes) {
            Ok(acts) => all.extend(acts),
            // Half of it is not to be relied on.
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// Opens a file that is there.
fn open(path: &Path) -> Result<Option<Connection>, SnapshotError> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = connect_as_it_is(path)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(SnapshotError::disk(path));
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?) {
        (APPLICATION, FORMAT) => Ok(Some(connection)),
        (APPLICATION, format) if format > FORMAT => Err(SnapshotError::Newer(path.to_owned(), format)),
        // An older program's, or one that was never made whole.
        (APPLICATION | 0, _) => Ok(None),
        (_, _) => Err(SnapshotError::Foreign(path.to_owned())),
    }
}

fn path_of(place: &Place) -> PathBuf {
    place.path.with_file_name(FILE)
}

//! The embedded engine: one SQLite file in the data directory, write-ahead log, synced before anything counts as durable.
//!
//! One thread writes: it takes whatever commits have gathered, makes them durable in one transaction, tells who follows, and then
//! whoever asked. Another thread reads, so that a long list never holds a write up.

mod read;
pub mod reviews;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use holdfast_core::Timestamp;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use self::schema::Unfit;
use super::{Asked, Commit, Committed, Deed, Deeds, Erase, Follow, Kind, List, Names, Outcome, Rewrite, Row, Store, StoreError};
use crate::begun::is_lost;
use crate::private_file;

/// The file's name in the data directory.
pub const FILE: &str = "agents.sqlite";

/// The file that says that the data directory has had a store: one that is lost is not begun anew as if there had been none.
const BEGUN: &str = "agents.begun";

const NOT_OURS: &str = "is not a store of Holdfast; name another data directory, or take the file away";

/// The most that one transaction takes.
const TOGETHER_MAX: usize = 256;

/// The store of one process.
pub struct SqliteStore {
    path: PathBuf,
    writing: Option<Sender<Job>>,
    reading: Option<Sender<Look>>,
    threads: Vec<JoinHandle<()>>,
}

/// Something to write.
enum Job {
    Commit(Box<Commit>, oneshot::Sender<Result<Committed, StoreError>>),
    Erase(Erase, oneshot::Sender<Result<u64, StoreError>>),
    Use(Vec<(String, Timestamp)>, oneshot::Sender<Result<(), StoreError>>),
    Seal(Vec<u8>, oneshot::Sender<Result<Vec<u8>, StoreError>>),
    Rewrite(Box<Rewrite>, oneshot::Sender<Result<bool, StoreError>>),
    NamesAreTexts(oneshot::Sender<Result<(), StoreError>>),
}

/// A commit, and who waits for it.
type Waiting = (Box<Commit>, oneshot::Sender<Result<Committed, StoreError>>);

/// Something to read.
type Look = Box<dyn FnOnce(&Connection) + Send>;

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens, or makes, the file in a data directory. `follow` hears of every commit.
    ///
    /// # Errors
    /// The disk, or a file that is not ours.
    pub fn open(data: &Path, follow: Arc<dyn Follow>, say: fn(&str)) -> Result<Self, StoreError> {
        let path = data.join(FILE);
        let told = |problem: String| StoreError(format!("{}: {problem}", path.display()));
        std::fs::create_dir_all(data).map_err(|error| told(format!("its directory cannot be made: {error}")))?;
        let begun = data.join(BEGUN);
        if is_lost(&begun, &path) {
            return Err(told(format!(
                "is missing or empty, and this data directory had one: organizations, their members, credentials, policies and what was done \
                 for intents were in it. Bring it back with its `-wal`, or restore the data directory from a backup (`holdfast restore`); if \
                 it is lost, remove {} to begin without any of them",
                begun.display()
            )));
        }
        private_file::make(&path).map_err(|error| told(format!("cannot be opened: {error}")))?;
        let unfit = |unfit: Unfit| match unfit {
            Unfit::Disk(error) => told(disk(&error)),
            Unfit::Foreign => told(NOT_OURS.to_owned()),
            Unfit::Newer(format) => {
                told(format!("has format {format}, which this program does not read; start the newer one that wrote it"))
            }
        };
        let writer = schema::open(&path).map_err(unfit)?;
        private_file::make(&begun).map_err(|error| StoreError(format!("{}: cannot be made: {error}", begun.display())))?;
        let reader = schema::connect(&path).map_err(|error| told(disk(&error)))?;
        let (writing, jobs) = channel();
        let (reading, looks) = channel::<Look>();
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|error| told(error.to_string()))
        };
        let write = {
            let path = path.clone();
            spawn("agents-write", Box::new(move || Writer { path, connection: writer, follow, say }.run(&jobs)))?
        };
        let read = spawn(
            "agents-read",
            Box::new(move || {
                for look in looks {
                    look(&reader);
                }
            }),
        )?;
        Ok(SqliteStore { path, writing: Some(writing), reading: Some(reading), threads: vec![write, read] })
    }

    fn write<T: Send + 'static>(&self, job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job) -> Asked<'_, T> {
        let (sender, answer) = oneshot::channel();
        let sent = self.writing.as_ref().is_some_and(|writing| writing.send(job(sender)).is_ok());
        self.answered(sent.then_some(answer))
    }

    fn read<T: Send + 'static>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static) -> Asked<'_, T> {
        let (sender, answer) = oneshot::channel();
        let path = self.path.clone();
        let look = move |connection: &Connection| {
            let found = look(connection).map_err(|error| StoreError(format!("{}: {}", path.display(), disk(&error))));
            // Who has gone needs no answer.
            let _ = sender.send(found);
        };
        let sent = self.reading.as_ref().is_some_and(|reading| reading.send(Box::new(look)).is_ok());
        self.answered(sent.then_some(answer))
    }

    fn answered<T: Send + 'static>(&self, answer: Option<oneshot::Receiver<Result<T, StoreError>>>) -> Asked<'_, T> {
        let gone = StoreError(format!("{}: its thread has ended; restart the server", self.path.display()));
        Box::pin(async move {
            let Some(answer) = answer else { return Err(gone) };
            answer.await.unwrap_or(Err(gone))
        })
    }
}

impl Drop for SqliteStore {
    /// What was sent is done first.
    fn drop(&mut self) {
        self.writing = None;
        self.reading = None;
        for thread in self.threads.drain(..) {
            // One that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}

fn disk(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => format!(
            "is damaged ({error}): organizations, their members, credentials, policies and what was done for intents are in it; restore \
             the data directory from a backup (`holdfast restore`)"
        ),
        Some(ErrorCode::NotADatabase) => NOT_OURS.to_owned(),
        Some(_) | None => format!("cannot be read or written: {error}; is its disk full?"),
    }
}

struct Writer {
    path: PathBuf,
    connection: Connection,
    follow: Arc<dyn Follow>,
    say: fn(&str),
}

impl Writer {
    fn run(self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut commits = Vec::new();
            self.take(first, &mut commits);
            while commits.len() < TOGETHER_MAX {
                let Ok(next) = jobs.try_recv() else { break };
                self.take(next, &mut commits);
            }
            self.commit(commits);
        }
    }

    /// Gathers commits; does everything else at once.
    fn take(&self, job: Job, commits: &mut Vec<Waiting>) {
        match job {
            Job::Commit(commit, answer) => commits.push((commit, answer)),
            Job::Erase(erase, answer) => drop(answer.send(self.told(self.erase(&erase)))),
            Job::Use(uses, answer) => drop(answer.send(self.told(self.note_use(&uses)))),
            Job::Seal(sealed, answer) => drop(answer.send(self.told(self.seal_of(&sealed)))),
            Job::Rewrite(rewrite, answer) => drop(answer.send(self.told(self.rewrite(&rewrite)))),
            Job::NamesAreTexts(answer) => drop(answer.send(self.told(self.names_are_texts()))),
        }
    }

    fn told<T>(&self, done: rusqlite::Result<T>) -> Result<T, StoreError> {
        done.map_err(|error| {
            let told = format!("{}: {}", self.path.display(), disk(&error));
            (self.say)(&told);
            StoreError(told)
        })
    }

    fn commit(&self, commits: Vec<Waiting>) {
        if commits.is_empty() {
            return;
        }
        match self.told(self.commit_all(&commits)) {
            Ok(outcomes) => {
                for ((commit, answer), outcome) in commits.into_iter().zip(outcomes) {
                    if outcome == Committed::Done {
                        let rows: Vec<Row> = commit.puts.into_iter().map(|put| put.row).collect();
                        self.follow.committed(&rows);
                    }
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                for (_, answer) in commits {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    fn commit_all<T>(&self, commits: &[(Box<Commit>, T)]) -> rusqlite::Result<Vec<Committed>> {
        let transaction = self.connection.unchecked_transaction()?;
        let done = commits.iter().map(|(commit, _)| write::commit(&transaction, commit)).collect::<rusqlite::Result<_>>()?;
        transaction.commit()?;
        Ok(done)
    }

    fn erase(&self, erase: &Erase) -> rusqlite::Result<u64> {
        let transaction = self.connection.unchecked_transaction()?;
        let gone = write::erase(&transaction, erase)?;
        transaction.commit()?;
        self.take_log_in()?;
        Ok(gone)
    }

    /// Until the log is taken into the file, what was erased still stands in it.
    fn take_log_in(&self) -> rusqlite::Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    fn rewrite(&self, rewrite: &Rewrite) -> rusqlite::Result<bool> {
        let transaction = self.connection.unchecked_transaction()?;
        let written = write::rewrite(&transaction, rewrite)?;
        if written {
            transaction.commit()?
        } else {
            transaction.rollback()?
        }
        Ok(written)
    }

    fn names_are_texts(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch(&format!("PRAGMA user_version = {}", schema::FORMAT))?;
        self.take_log_in()
    }

    fn note_use(&self, uses: &[(String, Timestamp)]) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        for (id, at) in uses {
            write::note_use(&transaction, id, at.unix_micros())?;
        }
        transaction.commit()
    }

    fn seal_of(&self, sealed: &[u8]) -> rusqlite::Result<Vec<u8>> {
        self.connection.execute("INSERT OR IGNORE INTO seal VALUES (1, ?1)", [sealed])?;
        Ok(read::seal(&self.connection)?.unwrap_or_default())
    }
}

impl Store for SqliteStore {
    fn commit(&self, commit: Commit) -> Asked<'_, Committed> {
        self.write(|answer| Job::Commit(Box::new(commit), answer))
    }

    fn once(&self, space: &str, key: &str) -> Asked<'_, Option<Outcome>> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.read(move |connection| read::once(connection, &space, &key))
    }

    fn get(&self, kind: Kind, id: &str) -> Asked<'_, Option<Row>> {
        let id = id.to_owned();
        self.read(move |connection| read::get(connection, kind, &id))
    }

    fn list(&self, list: List) -> Asked<'_, Vec<(i64, Row)>> {
        self.read(move |connection| read::list(connection, &list))
    }

    fn holder(&self, claim: &str) -> Asked<'_, Option<String>> {
        let claim = claim.to_owned();
        self.read(move |connection| read::holder(connection, &claim))
    }

    fn texts(&self, ids: Vec<String>) -> Asked<'_, HashMap<String, Vec<u8>>> {
        self.read(move |connection| read::texts(connection, &ids))
    }

    fn deeds(&self, deeds: Deeds) -> Asked<'_, Vec<(i64, Deed)>> {
        self.read(move |connection| read::deeds(connection, &deeds))
    }

    fn erase(&self, erase: Erase) -> Asked<'_, u64> {
        self.write(|answer| Job::Erase(erase, answer))
    }

    fn note_use(&self, uses: Vec<(String, Timestamp)>) -> Asked<'_, ()> {
        self.write(|answer| Job::Use(uses, answer))
    }

    fn last_use(&self, ids: Vec<String>) -> Asked<'_, HashMap<String, Timestamp>> {
        self.read(move |connection| read::last_use(connection, &ids))
    }

    fn seal_of(&self, sealed: Vec<u8>) -> Asked<'_, Vec<u8>> {
        self.write(|answer| Job::Seal(sealed, answer))
    }

    fn names(&self) -> Asked<'_, Names> {
        self.read(|connection| {
            let format: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok(if format == schema::FORMAT_WITH_NAMES { Names::InBodies } else { Names::Texts })
        })
    }

    fn names_are_texts(&self) -> Asked<'_, ()> {
        self.write(Job::NamesAreTexts)
    }

    fn told_of(&self, kind: Kind, after: i64, most: u32) -> Asked<'_, Vec<(i64, Deed)>> {
        self.read(move |connection| read::told_of(connection, kind, after, most))
    }

    fn rewrite(&self, rewrite: Rewrite) -> Asked<'_, bool> {
        self.write(|answer| Job::Rewrite(Box::new(rewrite), answer))
    }

    fn place(&self) -> Asked<'_, i64> {
        Box::pin(std::future::ready(Ok(0)))
    }

    // No other process has the file: everything is told by whoever commits it.
    fn follow_from(&self, _place: i64) {}
}

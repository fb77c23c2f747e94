//! What this responder last saw ([`super::last_seen`]), in a file beside the spool: a responder that starts while the database is away
//! still knows cards, accounts, answered keys and the rules in force, and as of when.
//!
//! A thread of its own writes the file behind whoever follows the database; nobody waits for it, and a disk that hangs costs the
//! copy and nothing else. Nothing but stand-in is decided by it, and all of it can be read from the database again.

mod file;
mod own;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use holdfast_core::hold::{AccountStatus, Answered};
use holdfast_core::{AccountId, CardToken, ProgramId, Timestamp};

use self::file::{SnapshotError, Writing};
pub use self::own::{Keep, OwnAct};
use self::own::{OwnActs, Reads};
use super::fresh::{Fresh, Look};
use super::last_seen::{AccountSeen, CardSeen, GENERATION_MAX};
use crate::journal::KeptRuleset;
use crate::ledger::embedded::Observer;
use crate::ledger::embedded::projection::read::CardStanding;
use crate::ledger::embedded::state::NameKey;

/// Its name in the spool's directory.
const FILE: &str = "last-seen.sqlite";

/// The most notes that wait for the disk. What does not fit is read from the database again, later.
const WAITING_MAX: usize = 1_024;

/// Where a snapshot is, and of which database it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    database: String,
}

impl Place {
    /// In the directory of that spool.
    pub fn beside(spool: &Path, database: String) -> Self {
        Place { path: spool.with_file_name(FILE), database }
    }
}

/// What a file says.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When all of it was so.
    pub as_of: Timestamp,
    /// What keys the numbers of merchants and of answered keys.
    pub key: NameKey,
    /// Cards by program and token.
    pub cards: Vec<(ProgramId, CardToken, CardSeen)>,
    /// Accounts by number.
    pub accounts: Vec<(i64, AccountSeen)>,
    /// Keys that were answered, oldest first.
    pub answered: Vec<u64>,
    /// What was answered to the latest of them, oldest first.
    pub answers: Vec<(u64, Answered)>,
    /// The rulesets and tables that were last published.
    pub rulesets: Vec<KeptRuleset>,
}

impl Snapshot {
    /// Reads what is there, and what this responder did since, in its order; nothing if there is nothing, if it is of another database, or if
    /// it is not known what was done.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn read_with_own(place: &Place) -> Result<Option<(Self, Vec<OwnAct>)>, SnapshotError> {
        let own = own::read(place)?;
        Ok(file::read(place)?.zip(own))
    }
}

/// The cards of a program as this responder last saw them, with what it did since, and when all of the rest was so; nothing if it kept
/// nothing. Blocks.
///
/// # Errors
/// The disk, or what is there, for people.
pub fn seen_standings(place: &Place, program: ProgramId) -> Result<Option<(Timestamp, Vec<CardStanding>)>, String> {
    let read = Snapshot::read_with_own(place).map_err(|error| error.to_string())?;
    let Some((seen, acts)) = read else { return Ok(None) };
    let mut own = Fresh::of_at_most(GENERATION_MAX);
    for (of, news) in &acts {
        own.hear(*of, news);
    }
    let accounts: HashMap<i64, (AccountId, AccountStatus)> =
        seen.accounts.iter().map(|(number, seen)| (*number, (seen.id, own.account(*number, seen.now).status))).collect();
    let cards = seen.cards.iter().filter(|(of, ..)| *of == program);
    let standing = |(number, (_, card, seen)): (u32, &(ProgramId, CardToken, CardSeen))| CardStanding {
        number,
        card: *card,
        status: own.card(program, *card, seen.status),
        cardholder: seen.owner.map(|owner| (owner, Some(own.cardholder(program, seen.owner, seen.cardholder)))),
        account: seen.account.and_then(|number| accounts.get(&number)).copied(),
    };
    Ok(Some((seen.as_of, (0_u32..).zip(cards).map(standing).collect())))
}

/// Something to be written.
#[derive(Debug)]
pub enum Note {
    /// Everything is read anew: what is there goes when the next moment is [`Note::Right`].
    Anew,
    Cards(Vec<(ProgramId, CardToken, CardSeen)>),
    Accounts(Vec<(i64, AccountSeen)>),
    Answered(Vec<u64>),
    Answers(Vec<(u64, Answered)>),
    /// All that were last published.
    Rulesets(Vec<KeptRuleset>),
    /// All of it was so at that moment.
    Right(Timestamp, NameKey),
    /// What this responder did before that look began is in it.
    Read(Look),
}

/// Whoever writes the file.
pub struct Snapshots {
    notes: Option<Sender<Note>>,
    common: Arc<Common>,
    thread: Option<JoinHandle<()>>,
    /// What this responder does; it goes after the thread.
    pub own: OwnActs,
}

#[derive(Debug, Default)]
struct Common {
    waiting: AtomicUsize,
    /// Something was not written: the file is worth nothing before everything is read anew.
    torn: AtomicBool,
}

impl Snapshots {
    /// Begins to write at that place.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn start(place: Place, observer: Arc<dyn Observer>) -> std::io::Result<Self> {
        let (notes, to_write) = channel();
        let common = Arc::<Common>::default();
        let theirs = Arc::clone(&common);
        let (own, reads) = OwnActs::start(place.clone(), Arc::clone(&observer))?;
        let write = move || write_all(&place, &to_write, &theirs, (&reads, observer.as_ref()));
        let thread = std::thread::Builder::new().name("snapshot".to_owned()).spawn(write)?;
        Ok(Snapshots { notes: Some(notes), common, thread: Some(thread), own })
    }

    /// Has something written, unless too much waits already.
    pub fn note(&self, note: Note) {
        if self.common.torn.load(Ordering::Acquire) && !matches!(note, Note::Anew) {
            return;
        }
        if self.common.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING_MAX {
            self.common.waiting.fetch_sub(1, Ordering::AcqRel);
            self.common.torn.store(true, Ordering::Release);
            return;
        }
        if matches!(note, Note::Anew) {
            self.common.torn.store(false, Ordering::Release);
        }
        // The thread ends with its sender, and not before.
        let _ = self.notes.as_ref().map(|notes| notes.send(note));
    }

    /// Whether everything has to be read anew for it, and the disk keeps up.
    pub fn wants_all(&self) -> bool {
        self.common.torn.load(Ordering::Acquire) && self.common.waiting.load(Ordering::Acquire) == 0
    }
}

impl Drop for Snapshots {
    /// Writes what was noted.
    fn drop(&mut self) {
        drop(self.notes.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

fn write_all(place: &Place, notes: &Receiver<Note>, common: &Common, (reads, observer): (&Reads, &dyn Observer)) {
    let (mut writing, mut said) = (None, None);
    while let Ok(note) = notes.recv() {
        let written = match (&mut writing, note) {
            (_, Note::Anew) => {
                // Whatever an earlier one began is undone when it goes.
                writing = None;
                Writing::begin(place).map(|begun| writing = Some(begun))
            }
            (Some(_), Note::Read(look)) => {
                reads.read(look);
                Ok(())
            }
            (Some(writing), note) => Writing::put(writing, place, note),
            // It is torn.
            (None, _) => Ok(()),
        };
        if let Err(problem) = written {
            let problem = problem.to_string();
            if said.as_ref() != Some(&problem) {
                observer.say(&format!("what stand-in would know after a start without the database is not kept: {problem}"));
                said = Some(problem);
            }
            writing = None;
            common.torn.store(true, Ordering::Release);
        }
        common.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

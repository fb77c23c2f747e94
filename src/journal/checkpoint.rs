//! Copies the write-ahead log into the journal's file behind the writer's back, so that no answer waits for it.
//!
//! The copier has a thread and a connection of its own and copies while the writer goes on appending. When it has almost
//! caught up, the writer copies the last few pages itself, between two groups: only then can SQLite use the log again from
//! its beginning. Nothing here appends.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::schema::PAGE_BYTES;

/// How many pages the log may grow before the copier is woken.
const WAKE_PAGES: u64 = 256;

/// So few pages are left to the writer.
const LEFT_PAGES_MAX: i64 = 24;

/// How often the copier tries to come that close before it leaves the rest for the next time.
const PASSES_MAX: u32 = 6;

/// The copier's handle, the writer's own.
pub(super) struct Checkpointer {
    wake: Option<Sender<()>>,
    caught_up: Arc<AtomicBool>,
    pages: u64,
    thread: Option<JoinHandle<()>>,
}

/// Whether the writer has something to do for the copier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// Copy the last few pages now.
    CopyTheRest,
    /// Nothing.
    None,
}

impl Checkpointer {
    /// Starts the copier of a journal file, which makes the mark durable, too. Without a thread of its own, the log is copied
    /// when the journal is closed.
    pub fn start(path: &Path, synchronous: &'static str, mark: File) -> Self {
        let (wake, woken) = channel::<()>();
        let caught_up = Arc::new(AtomicBool::new(false));
        let (path, told) = (path.to_owned(), Arc::clone(&caught_up));
        let copy = move || {
            // A connection that cannot be had now is asked for again at the next waking.
            while woken.recv().is_ok() {
                while woken.try_recv().is_ok() {}
                if copy_almost_all(&path, synchronous).unwrap_or(false) {
                    // A mark that is older after a power cut only promises less.
                    let _ = mark.sync_data();
                    told.store(true, Ordering::Release);
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(copy).ok();
        Checkpointer { wake: Some(wake), caught_up, pages: 0, thread }
    }

    /// A group of so many bytes was appended.
    pub fn appended(&mut self, bytes: usize) -> Duty {
        let page = u64::from(PAGE_BYTES.unsigned_abs());
        let pages = u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(page).saturating_add(1);
        self.grew(pages)
    }

    /// So many pages were written.
    pub fn grew(&mut self, pages: u64) -> Duty {
        self.pages = self.pages.saturating_add(pages);
        if self.caught_up.swap(false, Ordering::AcqRel) {
            self.pages = 0;
            return Duty::CopyTheRest;
        }
        if self.pages >= WAKE_PAGES {
            self.pages = 0;
            if let Some(wake) = &self.wake {
                // A copier that is gone leaves the log to the next start.
                let _ = wake.send(());
            }
        }
        Duty::None
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A copier that panicked has nothing to give back.
            let _ = thread.join();
        }
    }
}

/// Whether so little is left that the writer can do it.
fn copy_almost_all(path: &Path, synchronous: &str) -> rusqlite::Result<bool> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0"))?;
    for _ in 0..PASSES_MAX {
        let (log, copied) = copy(&connection)?;
        if log.saturating_sub(copied) <= LEFT_PAGES_MAX {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies what can be copied without making anybody wait: the log's pages, and how many of them are in the file now.
pub(super) fn copy(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))
}

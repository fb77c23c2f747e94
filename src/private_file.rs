//! Files that are their owner's alone, also in a directory that others may read: SQLite's own files follow them. Writes nothing
//! into them.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// How often a lock is tried for before it counts as somebody else's, and how long between two tries. A process that ends lets go of its locks in a
/// moment, and so does a child between its fork and its program.
const TRIES: u32 = 20;
const TRIED_EVERY: Duration = Duration::from_millis(10);

/// Makes a file that was not there before.
///
/// # Errors
/// It is there, or the operating system refuses.
pub fn make_new(path: &Path) -> Result<()> {
    File::options().create_new(true).write(true).mode(0o600).open(path).map(drop)
}

/// Makes a file, unless it is there. One that is there is not opened: closing it again would take away the locks that SQLite has on
/// it in this process, and with them another process could take away its log.
///
/// # Errors
/// The operating system refuses.
pub fn make(path: &Path) -> Result<()> {
    match make_new(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes a file, unless it is there, and keeps others out of what it stands for as long as it is open; nothing if somebody else does.
///
/// # Errors
/// The operating system refuses.
pub fn lock(path: &Path) -> Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(TRIED_EVERY),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

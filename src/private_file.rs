//! Files that are their owner's alone, also in a directory that others may read: SQLite's own files follow them. Writes nothing
//! into them.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

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

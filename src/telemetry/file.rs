//! A file of whole lines that never grows beyond its bound: full, it becomes `….1`, in place of the one before, and begins anew.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The file, open for appending.
#[derive(Debug)]
pub(super) struct BoundedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl BoundedFile {
    /// Opens a file behind its last whole line, or makes one that others than owner and group cannot read.
    pub(super) fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(path)?;
        let bytes = whole_lines(&mut file)?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        Ok(BoundedFile { path: path.to_owned(), file, bytes, bytes_max })
    }

    /// Its name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines, all of them or none.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let more = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if self.bytes > 0 && self.bytes.saturating_add(more) > self.bytes_max {
            fs::rename(&self.path, self.rotated())?;
            *self = Self::open(&self.path, self.bytes_max)?;
        }
        if let Err(error) = self.file.write_all(lines) {
            // Half a line would be no JSON. If this fails as well, the next start cuts it off.
            let _ = self.file.set_len(self.bytes).and_then(|()| self.file.seek(SeekFrom::Start(self.bytes)));
            return Err(error);
        }
        self.bytes = self.bytes.saturating_add(more);
        Ok(())
    }

    fn rotated(&self) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".1");
        PathBuf::from(name)
    }
}

/// How many bytes of a file are whole lines: a crash may have left half of one at its end.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const LINE_BYTES_MAX: u64 = 4096;
    let bytes = file.metadata()?.len();
    let from = bytes.saturating_sub(LINE_BYTES_MAX);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last.saturating_add(1));
    Ok(from.saturating_add(u64::try_from(whole).unwrap_or(0)))
}

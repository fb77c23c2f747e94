//! A sum of each page of the projection's file, in a file beside it: a start proves every page before it believes one.
//!
//! SQLite writes pages to the file itself only when it copies them out of its write-ahead log, and whoever follows is the only one
//! who has it do that. Before that the sums of those pages are written, durably; the log still has the pages then, and what it has
//! counts. So at every moment a page is in the log, whose frames have sums of their own, or is what its sum says. How far the log
//! was written then is kept too: one that is shorter lost pages that came with those in the file. What does not fit is damage, and
//! the journal makes the projection anew. Nothing here knows a table.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::schema;
use crate::journal::wal::{self, Committed};
use crate::private_file;

/// The file's name in the data directory.
const FILE: &str = "projection.sums";

/// "HFS1": which format the file has.
const MAGIC: [u8; 4] = *b"HFS1";

const HEADER_BYTES: usize = 24;
const SUM_BYTES: usize = 4;

/// The byte of a database from which SQLite locks: it never uses the page there.
const LOCK_BYTE: u64 = 0x4000_0000;

/// Pages that are read at a time.
const READ_PAGES: usize = 256;

/// Frames of the log after which its pages go to the file.
const FRAMES_MAX: u32 = if cfg!(test) { 16 } else { 4_096 };

/// The sums' file of a data directory.
pub(super) fn path_in(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// How far the log was when pages were copied out of it last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Copied {
    salts: (u32, u32),
    frames: u32,
}

/// What begins the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    page_bytes: usize,
    copied: Copied,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let Header { page_bytes, copied: Copied { salts, frames } } = self;
        let mut bytes = [0; HEADER_BYTES];
        let page_bytes = u32::try_from(page_bytes).unwrap_or(0);
        let words = [u32::from_le_bytes(MAGIC), page_bytes, salts.0, salts.1, frames].map(u32::to_le_bytes);
        let (words, _) = words.as_flattened().split_at(HEADER_BYTES.saturating_sub(SUM_BYTES));
        let sum = crc32fast::hash(words).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip(words.iter().chain(&sum)) {
            *to = *from;
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |place| bytes.as_chunks::<4>().0.get(place).copied().map(u32::from_le_bytes);
        let page_bytes = usize::try_from(word(1)?).ok()?;
        let header = Header { page_bytes, copied: Copied { salts: (word(2)?, word(3)?), frames: word(4)? } };
        (bytes.get(..HEADER_BYTES)? == header.to_bytes() && page_bytes > 0).then_some(header)
    }
}

/// Keeps the sums of a projection that is open for following.
#[derive(Debug)]
pub(super) struct Sums {
    directory: PathBuf,
    header: Header,
}

impl Sums {
    /// Begins with the file as it is now: whoever made it this moment knows that it is right.
    pub fn begin(directory: &Path) -> io::Result<Self> {
        let mut file = File::open(schema::path_in(directory))?;
        let page_bytes = page_bytes(&mut file)?;
        let header = Header { page_bytes, copied: Copied::default() };
        let mut all = header.to_bytes().to_vec();
        each_page(&mut file, page_bytes, |page, bytes| all.extend_from_slice(&sum_of(page, bytes).to_le_bytes()))?;
        let path = path_in(directory);
        private_file::make(&path)?;
        let mut sums = File::options().write(true).truncate(true).open(path)?;
        sums.write_all(&all)?;
        sums.sync_data()?;
        Ok(Sums { directory: directory.to_owned(), header })
    }

    /// Proves the file of a data directory, which nobody writes meanwhile; what is wrong with it, if something is.
    pub fn prove(directory: &Path) -> io::Result<Result<Self, String>> {
        let read = match fs::read(path_in(directory)) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Err("the sums of its pages are not there".to_owned()));
            }
            Err(error) => return Err(error),
        };
        let Some(header) = Header::read(&read) else { return Ok(Err("the sums of its pages are not readable".to_owned())) };
        let log = wal::path_of(&schema::path_in(directory));
        let committed = wal::committed(&log)?;
        if committed.salts == header.copied.salts && committed.frames < header.copied.frames {
            return Ok(Err("its write-ahead log has lost pages".to_owned()));
        }
        let sums = Sums { directory: directory.to_owned(), header };
        let wrong = sums.wrong_pages(read.get(HEADER_BYTES..).unwrap_or_default(), &committed)?;
        // Somebody may be following: what was copied meanwhile is in the log.
        let wrong = match wrong.first() {
            Some(_) => wal::committed(&log).map(|later| wrong.into_iter().find(|page| !later.pages.contains_key(page)))?,
            None => None,
        };
        Ok(match wrong {
            Some(page) => Err(format!("page {page} is not as it was written")),
            None => Ok(sums),
        })
    }

    fn wrong_pages(&self, sums: &[u8], committed: &Committed) -> io::Result<Vec<u32>> {
        let mut file = File::open(schema::path_in(&self.directory))?;
        let page_bytes = self.header.page_bytes;
        if self::page_bytes(&mut file)? != page_bytes {
            return Ok(vec![1]);
        }
        let (mut wrong, mut last) = (Vec::new(), 0);
        let sums = sums.as_chunks::<SUM_BYTES>().0;
        each_page(&mut file, page_bytes, |page, bytes| {
            last = page;
            let place = usize::try_from(page).unwrap_or(usize::MAX).saturating_sub(1);
            let known = sums.get(place).copied().map(u32::from_le_bytes);
            if !committed.pages.contains_key(&page) && !is_lock_page(page, page_bytes) && known != Some(sum_of(page, bytes)) {
                wrong.push(page);
            }
        })?;
        let all = committed.database_pages.max(u32::try_from(sums.len()).unwrap_or(u32::MAX));
        wrong.extend((last.saturating_add(1)..=all).find(|page| !committed.pages.contains_key(page)));
        Ok(wrong)
    }

    /// Whether so much has gathered in the log that its pages should go to the file.
    pub fn is_due(&self) -> io::Result<bool> {
        let log = wal::path_of(&schema::path_in(&self.directory));
        let mut file = match File::open(log) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let Copied { salts, frames } = self.header.copied;
        let (now, _) = wal::salts_at(&mut file, 0, self.header.page_bytes)?;
        let first = if now == salts { frames } else { 0 };
        let (now, then) = wal::salts_at(&mut file, first.saturating_add(FRAMES_MAX), self.header.page_bytes)?;
        Ok(now == then)
    }

    /// The pages of the log are going to the file: their sums go before them.
    pub fn before_copying(&mut self) -> io::Result<()> {
        let log = wal::path_of(&schema::path_in(&self.directory));
        let Committed { salts, frames, pages, .. } = wal::committed(&log)?;
        if frames == 0 {
            return Ok(());
        }
        let mut file = File::open(log)?;
        // The file may have nothing that a power cut takes from the log.
        file.sync_data()?;
        let mut sums = File::options().write(true).open(path_in(&self.directory))?;
        let mut page = vec![0; self.header.page_bytes];
        for (number, begins) in pages {
            file.seek(SeekFrom::Start(begins))?;
            file.read_exact(&mut page)?;
            sums.seek(SeekFrom::Start(place_of(number)))?;
            sums.write_all(&sum_of(number, &page).to_le_bytes())?;
        }
        self.header.copied = Copied { salts, frames };
        sums.seek(SeekFrom::Start(0))?;
        sums.write_all(&self.header.to_bytes())?;
        sums.sync_data()
    }
}

/// Where the sum of a page is.
fn place_of(page: u32) -> u64 {
    let (header, sum) = (HEADER_BYTES as u64, SUM_BYTES as u64);
    header.saturating_add(u64::from(page.saturating_sub(1)).saturating_mul(sum))
}

/// Of a page and its number: one that is written in another's place is damage, too.
fn sum_of(page: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&page.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn is_lock_page(page: u32, page_bytes: usize) -> bool {
    let page_bytes = u64::try_from(page_bytes).unwrap_or(u64::MAX);
    LOCK_BYTE.checked_div(page_bytes).is_some_and(|before| before.saturating_add(1) == u64::from(page))
}

/// How large pages are, as the file says.
fn page_bytes(file: &mut File) -> io::Result<usize> {
    let mut header = [0; 18];
    file.seek(SeekFrom::Start(0))?;
    // One that is cut short has no page.
    let read = file.read(&mut header)?;
    let [.., high, low] = header;
    let told = usize::from(u16::from_be_bytes([high, low]));
    let told = if told == 1 { 65_536 } else { told };
    Ok(if read == header.len() && told >= 512 { told } else { 4_096 })
}

/// Every page of a file, the last one perhaps cut short, from its first.
fn each_page(file: &mut File, page_bytes: usize, mut take: impl FnMut(u32, &[u8])) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; page_bytes.saturating_mul(READ_PAGES)];
    let mut page = 0_u32;
    loop {
        let mut filled = 0_usize;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read(rest) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        for bytes in buffer.get(..filled).unwrap_or_default().chunks(page_bytes) {
            page = page.saturating_add(1);
            take(page, bytes);
        }
        if filled < buffer.len() {
            return Ok(());
        }
    }
}

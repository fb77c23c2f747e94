//! Looks at the end of SQLite's write-ahead log before SQLite does.
//!
//! SQLite cuts off whatever follows the last whole commit and says nothing. That is right for a group that a crash tore
//! while it was written; an operator should read of it all the same, and if a group that was acknowledged is cut off, what
//! was there is the first thing to ask. The format is SQLite's own, documented at <https://sqlite.org/fileformat2.html>,
//! section 4. Whoever keeps sums of a database's pages reads here as well which of them the log has. Nothing here writes.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The log's magic number; its last bit says in which order the words of checksums are read.
const MAGIC: u32 = 0x377f_0682;

/// What follows the last whole commit of the log, and belongs to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TornEnd {
    /// How many frames, the last one perhaps in part.
    pub frames: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl TornEnd {
    fn and(self, more: TornEnd) -> TornEnd {
        TornEnd { frames: self.frames.saturating_add(more.frames), bytes: self.bytes.saturating_add(more.bytes) }
    }
}

impl fmt::Display for TornEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames ({} bytes)", self.frames, self.bytes)
    }
}

/// The write-ahead log of a database file.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// What SQLite is going to cut off when it opens a database with this log; `None` if all of it is whole, or if there is none.
pub(super) fn torn_end(path: &Path) -> io::Result<Option<TornEnd>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(None);
    }
    let mut reader = BufReader::new(file);
    let mut header = [0; HEADER_BYTES];
    let whole = read_up_to(&mut reader, &mut header)? == HEADER_BYTES;
    let Some(header) = whole.then(|| Header::read(&header)).flatten() else {
        // Without its header SQLite takes none of it.
        return Ok(Some(TornEnd { frames: 0, bytes: length }));
    };
    scan(&mut reader, &header)
}

/// Reads every frame: up to the last whole commit they count, and beyond it those of this generation are torn. Frames of
/// an earlier generation, which the log has not reached again, carry other salts.
fn scan(reader: &mut impl Read, header: &Header) -> io::Result<Option<TornEnd>> {
    let mut frame = vec![0; FRAME_HEADER_BYTES.saturating_add(header.page_bytes)];
    let (mut sum, mut intact) = (header.sum, true);
    let (mut torn, mut foreign) = (TornEnd::default(), TornEnd::default());
    loop {
        let read = read_up_to(reader, &mut frame)?;
        if read == 0 {
            return Ok((torn.frames > 0).then_some(torn));
        }
        let this = TornEnd { frames: 1, bytes: u64::try_from(read).unwrap_or(u64::MAX) };
        let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
        let of_this_generation = if read < FRAME_HEADER_BYTES {
            // Too short for its salts: the file was growing right behind this generation, or not.
            foreign == TornEnd::default()
        } else {
            (word(head, 2), word(head, 3)) == header.salts
        };
        if !of_this_generation {
            intact = false;
            foreign = foreign.and(this);
            continue;
        }
        // Whatever lies between it and the last commit was of this generation, too.
        torn = torn.and(foreign).and(this);
        foreign = TornEnd::default();
        sum = header.order.sum(header.order.sum(sum, head.get(..8).unwrap_or_default()), page);
        intact &= read == frame.len() && sum == (word(head, 4), word(head, 5));
        if intact && word(head, 1) != 0 {
            torn = TornEnd::default();
        }
    }
}

/// What is committed in a log, as SQLite reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Committed {
    /// Which generation of the log it is.
    pub salts: (u32, u32),
    /// Frames up to the last whole commit.
    pub frames: u32,
    /// Where in the file the latest content of each page begins.
    pub pages: HashMap<u32, u64>,
    /// How many pages the database has with it.
    pub database_pages: u32,
}

/// Bytes of a log before its frame of that number, the first one's being 0.
pub(crate) fn bytes_before(frame: u32, page_bytes: usize) -> u64 {
    let frame_bytes = u64::try_from(page_bytes.saturating_add(FRAME_HEADER_BYTES)).unwrap_or(u64::MAX);
    frame_bytes.saturating_mul(u64::from(frame)).saturating_add(HEADER_BYTES as u64)
}

/// What SQLite finds committed in a log; nothing where there is none, or it has no whole header.
pub(crate) fn committed(path: &Path) -> io::Result<Committed> {
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 20, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Committed::default()),
        Err(error) => return Err(error),
    };
    let mut header = [0; HEADER_BYTES];
    let whole = read_up_to(&mut reader, &mut header)? == HEADER_BYTES;
    let Some(header) = whole.then(|| Header::read(&header)).flatten() else { return Ok(Committed::default()) };
    let mut committed = Committed { salts: header.salts, ..Committed::default() };
    let mut frame = vec![0; FRAME_HEADER_BYTES.saturating_add(header.page_bytes)];
    let (mut sum, mut waiting, mut number) = (header.sum, Vec::new(), 0_u32);
    while read_up_to(&mut reader, &mut frame)? == frame.len() {
        let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
        sum = header.order.sum(header.order.sum(sum, head.get(..8).unwrap_or_default()), page);
        if (word(head, 2), word(head, 3)) != header.salts || sum != (word(head, 4), word(head, 5)) {
            break;
        }
        let content = bytes_before(number, header.page_bytes).saturating_add(FRAME_HEADER_BYTES as u64);
        waiting.push((word(head, 0), content));
        number = number.saturating_add(1);
        if word(head, 1) != 0 {
            committed.pages.extend(waiting.drain(..));
            (committed.frames, committed.database_pages) = (number, word(head, 1));
        }
    }
    Ok(committed)
}

/// The salts of a log, and those of its frame of that number: the same if the log has come so far in this generation.
pub(crate) fn salts_at(file: &mut File, frame: u32, page_bytes: usize) -> io::Result<((u32, u32), (u32, u32))> {
    let mut header = [0; HEADER_BYTES];
    file.seek(SeekFrom::Start(0))?;
    read_up_to(file, &mut header)?;
    let mut head = [0; FRAME_HEADER_BYTES];
    file.seek(SeekFrom::Start(bytes_before(frame, page_bytes)))?;
    read_up_to(file, &mut head)?;
    Ok(((word(&header, 4), word(&header, 5)), (word(&head, 2), word(&head, 3))))
}

struct Header {
    order: Order,
    page_bytes: usize,
    salts: (u32, u32),
    sum: (u32, u32),
}

impl Header {
    fn read(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        let magic = word(bytes, 0);
        let order = if magic & 1 == 0 { Order::Little } else { Order::Big };
        let sum = order.sum((0, 0), bytes.get(..24)?);
        let page_bytes = usize::try_from(word(bytes, 2)).ok()?;
        let sane = magic & !1 == MAGIC && sum == (word(bytes, 6), word(bytes, 7));
        (sane && (512..=65_536).contains(&page_bytes)).then_some(Header {
            order,
            page_bytes,
            salts: (word(bytes, 4), word(bytes, 5)),
            sum,
        })
    }
}

/// In which order the words are read that a checksum is made of.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// SQLite's checksum of these bytes, going on from an earlier one.
    fn sum(self, before: (u32, u32), bytes: &[u8]) -> (u32, u32) {
        bytes.as_chunks::<8>().0.iter().fold(before, |(one, two), [a, b, c, d, e, f, g, h]| {
            let number = |word| match self {
                Order::Little => u32::from_le_bytes(word),
                Order::Big => u32::from_be_bytes(word),
            };
            let one = one.wrapping_add(number([*a, *b, *c, *d])).wrapping_add(two);
            (one, two.wrapping_add(number([*e, *f, *g, *h])).wrapping_add(one))
        })
    }
}

/// The big-endian number at this place; 0 beyond the end.
fn word(bytes: &[u8], place: usize) -> u32 {
    bytes.as_chunks::<4>().0.get(place).map_or(0, |word| u32::from_be_bytes(*word))
}

/// Fills the buffer as far as the file goes.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

//! How records are written: gathered into groups that became durable together.
//!
//! The encoding is postcard's (a stable, documented wire format) behind a format number. What many records of a group repeat
//! (who asked, which ruleset spoke) is said once. Nothing here touches a disk.

use std::fmt;

use holdfast_core::agent::{CorrelationDigest, Governed};
use holdfast_core::rules::OfLess;
use holdfast_core::{Checkout, Monitoring, PlatformName, ProgramId, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::by_ways::ByWays;
use super::place::Place;
use super::record::{Body, BodyRef, Record, RecordRef};

/// The number of this encoding. A reader refuses a newer one, and reads every older one that was ever released.
pub const FORMAT: u8 = 12;

/// The oldest encoding that is read as this one: what it can say has grown since.
const OLDEST: u8 = 2;

/// The program that wrote a group: replay promises identical outcomes for the same version.
pub const ENGINE: &str = env!("CARGO_PKG_VERSION");

/// The buffer that is kept from group to group: more than those of a busy server take.
const BYTES_KEPT: usize = 1 << 20;

/// Why bytes are not records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// Written by a newer program; the number is its format.
    Newer(u8),
    /// Written by a program that was never released; the number is its format.
    Unreleased(u8),
    /// Not what any program writes; the number is the record's place in its group.
    Damaged(usize),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Newer(format) => write!(f, "is in format {format}, newer than this program's {FORMAT}"),
            RecordError::Unreleased(format) => {
                write!(f, "is in format {format}, of a program that was never released; begin with an empty data directory")
            }
            RecordError::Damaged(place) => write!(f, "is damaged at record {place} of its group"),
        }
    }
}

impl std::error::Error for RecordError {}

/// One entry of a group's bytes: what many records repeat is said once, and counted from 0. Lines are numbered from 0 as they stand here;
/// [`Group::record`] reads them by those numbers.
#[derive(Serialize)]
enum LineRef<'a> {
    /// The next origin.
    Origin(Option<&'a ProgramId>, Option<&'a PlatformName>),
    /// The next ruleset.
    Ruleset(&'a [u8; 32]),
    /// A record: when, the number of its origin, the number of its ruleset, and the rest.
    Record(Timestamp, u16, Option<u16>, Option<[u8; 16]>, Place, BodyRef<'a>),
    /// Under which agent's authority the next record's question was asked. Since format 4.
    Governed(&'a Governed),
    /// What a door of ours told of the next record's question besides. Since format 5.
    Checkout(&'a Checkout),
    /// The next record's question was asked past the program's rules. Since format 6.
    Bypassed,
    /// How the next record's payment would be held if less of it were approved. Since format 8.
    OfLess(&'a OfLess),
    /// The caller of the next record's question wanted the program's rules skipped, and may not. Since format 9.
    BypassRefused,
    /// By what the processor that asked the next record's question finds it again. Behind its `Governed`. Since format 11.
    Correlated(&'a CorrelationDigest),
    /// Which of several ways were open to the next record's question, and which it took. Since format 11.
    ByWays(&'a ByWays),
}

/// What is written of whether rules were asked, where that is not as ever.
const fn line_of(monitoring: Monitoring) -> Option<LineRef<'static>> {
    match monitoring {
        Monitoring::Asked => None,
        Monitoring::Bypassed => Some(LineRef::Bypassed),
        Monitoring::BypassRefused => Some(LineRef::BypassRefused),
    }
}

/// Gathers the records of one group into one reused buffer.
#[derive(Debug, Default)]
pub struct GroupWriter {
    bytes: Vec<u8>,
    /// Whose records they are, if not this program's own.
    engine: Option<String>,
    records: u32,
    origins: Vec<(Option<ProgramId>, Option<PlatformName>)>,
    rulesets: Vec<[u8; 32]>,
}

impl GroupWriter {
    /// For records that this version of the program made, to be copied.
    #[must_use]
    pub fn of(engine: &str) -> Self {
        GroupWriter { engine: Some(engine.to_owned()), ..GroupWriter::default() }
    }

    /// Begins an empty group, keeping the buffer unless an import has made it large.
    pub fn clear(&mut self) {
        self.cut_back(GroupEnd { bytes: 0, records: 0, origins: 0, rulesets: 0 });
        self.bytes.shrink_to(BYTES_KEPT);
    }

    /// Where the group ends now, for [`GroupWriter::cut_back`].
    #[must_use]
    pub fn end(&self) -> GroupEnd {
        let (origins, rulesets) = (self.origins.len(), self.rulesets.len());
        GroupEnd { bytes: self.bytes.len(), records: self.records, origins, rulesets }
    }

    /// Takes back what was gathered since `end`.
    pub fn cut_back(&mut self, end: GroupEnd) {
        self.bytes.truncate(end.bytes);
        self.records = end.records;
        self.origins.truncate(end.origins);
        self.rulesets.truncate(end.rulesets);
    }

    /// How many records are gathered.
    #[must_use]
    pub const fn records(&self) -> u32 {
        self.records
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Never for the types of this program; an encoder that fails is reported instead of trusted.
    pub fn push(&mut self, record: &RecordRef<'_>) -> Result<(), postcard::Error> {
        let end = self.end();
        self.write(record).inspect_err(|_| self.cut_back(end))?;
        self.records = self.records.saturating_add(1);
        Ok(())
    }

    fn write(&mut self, record: &RecordRef<'_>) -> Result<(), postcard::Error> {
        if self.bytes.is_empty() {
            self.bytes.push(FORMAT);
            onto(&mut self.bytes, &self.engine.as_deref().unwrap_or(ENGINE))?;
        }
        let origin = (record.program, record.platform);
        let origin = match self.origins.iter().position(|known| (known.0.as_ref(), known.1.as_ref()) == origin) {
            Some(number) => number,
            None => {
                onto(&mut self.bytes, &LineRef::Origin(origin.0, origin.1))?;
                self.origins.push((origin.0.copied(), origin.1.copied()));
                self.origins.len().saturating_sub(1)
            }
        };
        let ruleset = match record.ruleset {
            None => None,
            Some(hash) => Some(match self.rulesets.iter().position(|known| known == hash) {
                Some(number) => number,
                None => {
                    onto(&mut self.bytes, &LineRef::Ruleset(hash))?;
                    self.rulesets.push(*hash);
                    self.rulesets.len().saturating_sub(1)
                }
            }),
        };
        let number = |place: usize| u16::try_from(place).map_err(|_| postcard::Error::SerializeBufferFull);
        let ruleset = ruleset.map(number).transpose()?;
        if let Some(governed) = record.governed {
            onto(&mut self.bytes, &LineRef::Governed(governed))?;
            if let Some(correlation) = &governed.correlation {
                onto(&mut self.bytes, &LineRef::Correlated(correlation))?;
            }
        }
        if let Some(checkout) = record.body.checkout() {
            onto(&mut self.bytes, &LineRef::Checkout(checkout))?;
            if let Some(line) = line_of(checkout.monitoring) {
                onto(&mut self.bytes, &line)?;
            }
        }
        if let Some(of_less) = record.body.of_less() {
            onto(&mut self.bytes, &LineRef::OfLess(of_less))?;
        }
        if let Some(by_ways) = record.body.by_ways() {
            onto(&mut self.bytes, &LineRef::ByWays(&by_ways))?;
        }
        let line = LineRef::Record(record.at, number(origin)?, ruleset, record.operator, record.place, record.body);
        onto(&mut self.bytes, &line)
    }

    /// The group as it is kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A record of a decision that is made elsewhere: its bytes, as a group of one, but for what is known only there.
///
/// They are `head`, the record's [`Place`], `middle`, what the limits had counted, and the outcome, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Before the place.
    pub head: Vec<u8>,
    /// Between the place and what the limits had counted.
    pub middle: Vec<u8>,
}

impl Draft {
    /// Of a record of [`BodyRef::Decided`] that no agent's authority is concerned with, of which alone there are several ways; `None` for
    /// any other.
    #[must_use]
    pub fn of(record: &RecordRef<'_>) -> Option<Self> {
        let BodyRef::Decided { received_at, request, verdict, .. } = record.body else { return None };
        if record.governed.is_some() || record.body.by_ways().is_some() {
            return None;
        }
        let (mut head, mut middle) = (vec![FORMAT], Vec::new());
        onto(&mut head, &ENGINE).ok()?;
        onto(&mut head, &LineRef::Origin(record.program, record.platform)).ok()?;
        if let Some(hash) = record.ruleset {
            onto(&mut head, &LineRef::Ruleset(hash)).ok()?;
        }
        if let Some(checkout) = record.body.checkout() {
            onto(&mut head, &LineRef::Checkout(checkout)).ok()?;
            if let Some(line) = line_of(checkout.monitoring) {
                onto(&mut head, &line).ok()?;
            }
        }
        if let Some(of_less) = record.body.of_less() {
            onto(&mut head, &LineRef::OfLess(of_less)).ok()?;
        }
        // The third kind of line, and the first kind of body: what they are made of follows without anything between.
        onto(&mut head, &(2_u32, record.at, 0_u16, record.ruleset.map(|_| 0_u16), record.operator)).ok()?;
        onto(&mut middle, &(0_u32, received_at, request, verdict)).ok()?;
        Some(Draft { head, middle })
    }
}

/// Writes on at a buffer's end. The buffer stays where it is: an encoder that fails, or panics, loses none of it.
fn onto(bytes: &mut Vec<u8>, value: &impl Serialize) -> Result<(), postcard::Error> {
    postcard::serialize_with_flavor(value, Onto(bytes))
}

struct Onto<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Onto<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> Result<(), postcard::Error> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> Result<(), postcard::Error> {
        Ok(())
    }
}

/// Where a group ended at some time.
#[derive(Debug, Clone, Copy)]
pub struct GroupEnd {
    bytes: usize,
    records: u32,
    origins: usize,
    rulesets: usize,
}

/// A group as it is read: its records one by one, in order.
#[derive(Debug)]
pub struct Group<'a> {
    /// The version of the program that wrote it.
    pub engine: &'a str,
    rest: &'a [u8],
    place: usize,
    origins: SmallVec<[(Option<ProgramId>, Option<PlatformName>); 2]>,
    rulesets: SmallVec<[[u8; 32]; 2]>,
}

impl<'a> Group<'a> {
    /// Opens a group's bytes.
    ///
    /// # Errors
    /// Another format, or damage.
    pub fn open(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let (format, rest) = bytes.split_first().ok_or(RecordError::Damaged(0))?;
        if *format > FORMAT {
            return Err(RecordError::Newer(*format));
        }
        if *format < OLDEST {
            return Err(RecordError::Unreleased(*format));
        }
        let (engine, rest) = postcard::take_from_bytes(rest).map_err(|_| RecordError::Damaged(0))?;
        Ok(Group { engine, rest, place: 0, origins: SmallVec::new(), rulesets: SmallVec::new() })
    }

    /// Reads the next record to where there is room for one, for whoever reads many: it is not moved from there.
    pub fn read<'r>(&mut self, room: &'r mut Option<Record>) -> Option<Result<&'r Record, RecordError>> {
        if self.rest.is_empty() {
            return None;
        }
        let place = self.place;
        self.place = place.saturating_add(1);
        *room = None;
        self.record(room);
        if room.is_none() {
            self.rest = &[];
        }
        Some(room.as_ref().ok_or(RecordError::Damaged(place)))
    }

    /// Reads the next record; nothing where the bytes are none. What it says is large, and is not moved more often than has to be: lines
    /// are read by hand, as [`LineRef`] writes them.
    fn record(&mut self, room: &mut Option<Record>) -> Option<()> {
        let (mut governed, mut checkout, mut of_less): (Option<Governed>, Option<Checkout>, Option<OfLess>) = (None, None, None);
        let mut by_ways: Option<ByWays> = None;
        let mut line = postcard::Deserializer::from_bytes(self.rest);
        loop {
            match u32::deserialize(&mut line).ok()? {
                0 => self.origins.push(Deserialize::deserialize(&mut line).ok()?),
                1 => self.rulesets.push(Deserialize::deserialize(&mut line).ok()?),
                2 => {
                    let (at, origin, ruleset) = <(Timestamp, u16, Option<u16>)>::deserialize(&mut line).ok()?;
                    let (operator, place) = <(Option<[u8; 16]>, Place)>::deserialize(&mut line).ok()?;
                    let (program, platform) = *self.origins.get(usize::from(origin))?;
                    let ruleset = match ruleset {
                        None => None,
                        Some(number) => Some(*self.rulesets.get(usize::from(number))?),
                    };
                    let body = Body::deserialize(&mut line).ok()?;
                    self.rest = line.finalize().ok()?;
                    let record = room.insert(Record { at, program, platform, ruleset, operator, governed, place, body });
                    record.body.told_besides(checkout);
                    record.body.held_of_less(of_less);
                    record.body.went(by_ways.as_ref());
                    return Some(());
                }
                3 => governed = Some(Deserialize::deserialize(&mut line).ok()?),
                4 => checkout = Some(Deserialize::deserialize(&mut line).ok()?),
                5 => checkout = Some(Checkout { monitoring: Monitoring::Bypassed, ..checkout? }),
                6 => of_less = Some(Deserialize::deserialize(&mut line).ok()?),
                7 => checkout = Some(Checkout { monitoring: Monitoring::BypassRefused, ..checkout? }),
                8 => governed.as_mut()?.correlation = Some(Deserialize::deserialize(&mut line).ok()?),
                9 => by_ways = Some(Deserialize::deserialize(&mut line).ok()?),
                _ => return None,
            }
        }
    }
}

impl Iterator for Group<'_> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut room = None;
        if let Err(error) = self.read(&mut room)? {
            return Some(Err(error));
        }
        room.map(Ok)
    }
}

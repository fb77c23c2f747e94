//! Compiles time zones of the bundled IANA database into the core's tables.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_core::rules::Zone;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::config::read::{Section, Text, Value};

/// 2020-01-01T00:00:00Z, from which tables tell transitions.
const FROM_UNIX_SECONDS: i64 = 1_577_836_800;
/// 2061-01-01T00:00:00Z, up to which they do.
const TO_UNIX_SECONDS: i64 = 2_871_763_200;

/// The zones of one ruleset: each compiled once.
pub struct Zones {
    /// The zone at the head of the file: `None` where none is named, an inner `None` where it is wrong and noted.
    head: Option<Option<Arc<Zone>>>,
    compiled: RefCell<BTreeMap<String, Arc<Zone>>>,
}

impl Zones {
    /// With the zone at the head of the file.
    pub fn new(head: Option<Value<'_>>) -> Self {
        let mut zones = Zones { head: None, compiled: RefCell::default() };
        zones.head = head.map(|value| value.text().and_then(|text| zones.named(&text)));
        zones
    }

    /// The zone of a rule or limit: its own `time_zone`, or the one at the head of the file.
    pub fn of(&self, section: &Section<'_>) -> Option<Arc<Zone>> {
        match (section.optional("time_zone"), &self.head) {
            (Some(value), _) => self.named(&value.text()?),
            (None, Some(head)) => head.clone(),
            (None, None) => {
                section.spot.wrong("needs a `time_zone`, here or at the top of the file");
                None
            }
        }
    }

    fn named(&self, text: &Text<'_>) -> Option<Arc<Zone>> {
        if let Some(zone) = self.compiled.borrow().get(text.text) {
            return Some(zone.clone());
        }
        let zone = Arc::new(text.parse(compile)?);
        self.compiled.borrow_mut().insert(text.text.to_owned(), zone.clone());
        Some(zone)
    }
}

/// A zone by its name, compiled once a process.
#[must_use]
pub fn zone(name: &str) -> Option<Arc<Zone>> {
    static COMPILED: Mutex<BTreeMap<String, Arc<Zone>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(zone) = compiled.get(name) {
        return Some(Arc::clone(zone));
    }
    let zone = Arc::new(compile(name).ok()?);
    compiled.insert(name.to_owned(), Arc::clone(&zone));
    Some(zone)
}

fn compile(name: &str) -> Result<Zone, String> {
    // Only the database compiled into this program: the same program reads a ruleset the same way on every machine.
    let zone = TimeZoneDatabase::bundled()
        .get(name)
        .map_err(|_| "is not a time zone of the IANA database; write for example \"America/New_York\"".to_owned())?;
    table(&zone, name).ok_or_else(|| "has no table of transitions".to_owned())
}

fn table(zone: &TimeZone, name: &str) -> Option<Zone> {
    let from = Timestamp::from_second(FROM_UNIX_SECONDS).ok()?;
    let first_offset_seconds = zone.to_offset(from).seconds();
    let following = zone.following(from).map(|next| (next.timestamp().as_second(), next.offset().seconds()));
    let transitions: Vec<(i64, i32)> = following.take_while(|(at, _)| *at < TO_UNIX_SECONDS).collect();
    Zone::new(zone.iana_name().unwrap_or(name), first_offset_seconds, &transitions).ok()
}

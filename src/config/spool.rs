//! `[spool]`: where what the ledger has not heard is kept, and when the ledger is no longer waited for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::optional::OptionalSection;

/// The file where none is named.
const FILE: &str = "spool.sqlite";

/// The spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// `path`: its file; relative to the data directory.
    pub path: PathBuf,
    /// `entries_max`: how much it holds. Full means decline.
    pub entries_max: i64,
}

/// When it opens, and how it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// `failures`: so many in a row open it.
    pub failures: u32,
    /// `stall_ms`: questions are out, and none was answered for so long.
    pub stall: Duration,
    /// `probe_every_ms`: how often one question is asked while it is open.
    pub probe_every: Duration,
    /// `probe_ms_max`: how long that question waits for the ledger at most.
    pub probe_max: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        let ms = Duration::from_millis;
        BreakerConfig { failures: 5, stall: ms(500), probe_every: ms(250), probe_max: ms(100) }
    }
}

/// Reads the section; without a section, the defaults.
pub(super) fn read(section: OptionalSection<'_>, data: &Path) -> SpoolConfig {
    let name = section.text("path").and_then(|text| text.parse(file));
    let path = data.join(name.unwrap_or_else(|| PathBuf::from(FILE)));
    let entries_max = i64::from(section.number("entries_max", 1..=100_000_000, 100_000));
    section.finish();
    SpoolConfig { path, entries_max }
}

/// A name that cannot be one of the ledger's own files.
fn file(name: &str) -> Result<PathBuf, &'static str> {
    let stem = name.strip_suffix(".sqlite").filter(|stem| !stem.is_empty() && !stem.ends_with('/'));
    let own = ["journal", "projection"];
    match stem {
        Some(stem) if !own.contains(&stem) && !stem.starts_with("checkpoint-") => Ok(PathBuf::from(name)),
        Some(_) | None => Err("must be the name of a file of its own that ends in .sqlite, such as \"/other-disk/spool.sqlite\""),
    }
}

/// Reads `[breaker]`; without a section, the defaults.
pub(super) fn read_breaker(section: OptionalSection<'_>) -> BreakerConfig {
    let default = BreakerConfig::default();
    let ms = |key, default: Duration| {
        let default = u32::try_from(default.as_millis()).unwrap_or(u32::MAX);
        Duration::from_millis(u64::from(section.number(key, 1..=60_000, default)))
    };
    let settings = BreakerConfig {
        failures: section.number("failures", 1..=1_000_000, default.failures),
        stall: ms("stall_ms", default.stall),
        probe_every: ms("probe_every_ms", default.probe_every),
        probe_max: ms("probe_ms_max", default.probe_max),
    };
    section.finish();
    settings
}

//! `[telemetry]`: one line a callback into a file; off without the section.

use std::path::{Path, PathBuf};

use super::read::Section;

/// Where telemetry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// `file`; relative to the data directory.
    pub file: PathBuf,
    /// `file_bytes_max`: where the file begins anew; the one before it is kept as `….1`.
    pub file_bytes_max: u64,
}

/// Far more than what is written at once.
const FILE_BYTES_MIN: i64 = 1_048_576;
const FILE_BYTES_DEFAULT: u64 = 104_857_600;

/// Reads the section; `None` if its file is wrong.
pub(super) fn read(section: Section<'_>, data: &Path) -> Option<TelemetryConfig> {
    let file = section.text("file").and_then(|text| text.parse(|name| lines_file(name).map(|name| data.join(name))));
    let file_bytes_max = section.optional_integer("file_bytes_max", FILE_BYTES_MIN..=i64::MAX);
    section.finish();
    let file_bytes_max = file_bytes_max.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(FILE_BYTES_DEFAULT);
    Some(TelemetryConfig { file: file?, file_bytes_max })
}

/// A name that cannot be one of the ledger's own files.
fn lines_file(name: &str) -> Result<&str, &'static str> {
    let stem = name.strip_suffix(".jsonl").filter(|stem| !stem.is_empty() && !stem.ends_with('/'));
    stem.map(|_| name).ok_or("must be the name of a file that ends in .jsonl, such as \"telemetry.jsonl\"")
}

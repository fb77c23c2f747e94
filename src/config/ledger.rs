//! `[ledger]`: which engine keeps the money, and where.

use std::path::{Path, PathBuf};

use super::optional::OptionalSection;
use super::read::Spot;

/// Where the money is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerConfig {
    /// `engine`.
    pub engine: LedgerEngine,
    /// `data`: the directory of the journal and of the command socket; relative to the working directory.
    pub data: PathBuf,
    /// `sync`: when an approval counts as durable.
    pub sync: LedgerSync,
    /// `commit_records_max`: the most records that one commit gathers.
    pub commit_records_max: u32,
}

/// The engines that keep money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerEngine {
    /// In this process, its journal in `data`.
    Embedded,
}

/// When a record counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerSync {
    /// When the disk says so.
    Full,
    /// When the operating system has it: for benchmarks, with sandbox programs only.
    None,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        LedgerConfig {
            engine: LedgerEngine::Embedded,
            data: PathBuf::from("./data"),
            sync: LedgerSync::Full,
            commit_records_max: 512,
        }
    }
}

/// Reads the section; without a section, the defaults. Also tells where `sync` stands, for the check against the programs.
pub(super) fn read<'d>(section: OptionalSection<'d>, data: Option<&Path>) -> (LedgerConfig, Spot<'d>) {
    let default = LedgerConfig::default();
    let written_data = section.text("data").and_then(|text| {
        text.parse(|path| if path.is_empty() { Err("is empty; name a directory") } else { Ok(PathBuf::from(path)) })
    });
    let ledger = LedgerConfig {
        engine: section.text("engine").and_then(|text| text.parse(parse_engine)).unwrap_or(default.engine),
        data: data.map(Path::to_owned).or(written_data).unwrap_or(default.data),
        sync: section.text("sync").and_then(|text| text.parse(parse_sync)).unwrap_or(default.sync),
        commit_records_max: section.number("commit_records_max", 1..=65_536, default.commit_records_max),
    };
    let sync_spot = section.spot("sync");
    section.finish();
    (ledger, sync_spot)
}

fn parse_engine(text: &str) -> Result<LedgerEngine, &'static str> {
    match text {
        "embedded" => Ok(LedgerEngine::Embedded),
        _ => Err("must be \"embedded\", the only engine of this version"),
    }
}

fn parse_sync(text: &str) -> Result<LedgerSync, &'static str> {
    match text {
        "full" => Ok(LedgerSync::Full),
        "none" => Ok(LedgerSync::None),
        _ => Err("must be \"full\", or \"none\" for benchmarks"),
    }
}

//! `[ledger]`: which engine keeps the money, and where.

use std::path::{Path, PathBuf};

use super::optional::OptionalSection;
use super::postgres::{self, PostgresConfig};
use super::read::Spot;
use super::secret::SecretReader;

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
    /// `[ledger.postgres]`: the database, for the engine that shares one.
    pub postgres: Option<PostgresConfig>,
}

/// The engines that keep money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerEngine {
    /// In this process, its journal in `data`.
    Embedded,
    /// In a PostgreSQL that any number of responders share.
    Postgres,
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
            postgres: None,
        }
    }
}

/// Where keys stand that are checked against the programs.
pub(super) struct Spots<'d> {
    pub sync: Spot<'d>,
    pub connection: Spot<'d>,
}

/// Reads the section; without a section, the defaults. Without `secrets` no reference is followed.
pub(super) fn read<'d>(
    section: OptionalSection<'d>,
    data: Option<&Path>,
    secrets: Option<&SecretReader<'_>>,
) -> (LedgerConfig, Spots<'d>) {
    let default = LedgerConfig::default();
    let written_data = section.text("data").and_then(|text| {
        text.parse(|path| if path.is_empty() { Err("is empty; name a directory") } else { Ok(PathBuf::from(path)) })
    });
    let engine = section.text("engine").and_then(|text| text.parse(parse_engine)).unwrap_or(default.engine);
    let (engine_spot, sync) = (section.spot("engine"), section.spot("sync"));
    let shared = section.section("postgres");
    let connection = shared.as_ref().map_or_else(|| engine_spot.clone(), |shared| shared.spot.clone());
    match (engine, &shared) {
        (LedgerEngine::Postgres, None) => engine_spot.wrong("needs the section [ledger.postgres], with its connection"),
        (LedgerEngine::Embedded, Some(shared)) => {
            shared.spot.wrong("is for the engine \"postgres\"; leave it out, or write engine = \"postgres\" in [ledger]");
        }
        (LedgerEngine::Postgres, Some(_)) => {
            section.refuse(
                "sync",
                "is the embedded ledger's; leave it out: what is durable is up to PostgreSQL's synchronous_commit",
            );
            section.refuse("commit_records_max", "is the embedded ledger's; leave it out: each transaction is a commit");
        }
        (LedgerEngine::Embedded, None) => {}
    }
    let ledger = LedgerConfig {
        engine,
        data: data.map(Path::to_owned).or(written_data).unwrap_or(default.data),
        sync: section.text("sync").and_then(|text| text.parse(parse_sync)).unwrap_or(default.sync),
        commit_records_max: section.number("commit_records_max", 1..=65_536, default.commit_records_max),
        postgres: shared.and_then(|shared| postgres::read(shared, secrets)),
    };
    section.finish();
    (ledger, Spots { sync, connection })
}

fn parse_engine(text: &str) -> Result<LedgerEngine, &'static str> {
    match text {
        "embedded" => Ok(LedgerEngine::Embedded),
        "postgres" => Ok(LedgerEngine::Postgres),
        _ => Err("must be \"embedded\" or \"postgres\""),
    }
}

fn parse_sync(text: &str) -> Result<LedgerSync, &'static str> {
    match text {
        "full" => Ok(LedgerSync::Full),
        "none" => Ok(LedgerSync::None),
        _ => Err("must be \"full\", or \"none\" for benchmarks"),
    }
}

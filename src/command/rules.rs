//! `holdfast rules`: checks a ruleset, puts one in force, lists the versions, goes back to one.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use holdfast_core::ProgramId;
use serde_json::json;

use super::ledger::{Ledger, not_an_answer};
use super::{Failure, Place};
use crate::config::{Config, Overrides, ProgramConfig, text_file};
use crate::control::protocol::{RulesHistory, RulesPublish, RulesRollback};
use crate::control::{ControlAnswer, ControlRequest, RulesVersion};
use crate::journal::KeptKind;

const EXAMPLES: &str = "\
Examples:
  holdfast rules check config/rules/demo.toml
  holdfast rules publish new.toml --program demo --by ann --why 'no cash at night, ticket 812'
  holdfast rules history --program demo
  holdfast rules rollback --program demo --by ann --why 'declines hotels'

Publishing takes effect at once, without a restart, for every authorization after it. Every version is kept.

Exit codes:
  0  done
  1  not done (every error on standard error; the rules in force stay)
  2  the command line is not understood";

/// Checks, publishes and rolls back a program's rules.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Rules {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// Tells whether a ruleset would load, with every error at once. Asks no server, changes nothing.
    Check(CheckRules),
    /// Puts a ruleset in force.
    Publish(Publish),
    /// Lists the versions that were in force, the latest first.
    History(History),
    /// Puts an earlier version in force again.
    Rollback(Rollback),
}

#[derive(Debug, Args)]
struct CheckRules {
    /// The ruleset.
    file: PathBuf,
    /// The program that it is for; needed only if the configuration has several.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Publish {
    /// The ruleset.
    file: PathBuf,
    /// The program that it is for.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct History {
    /// The program.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    /// One line of JSON for each version instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Rollback {
    /// The program.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    /// The version: its hash as `history` lists it, or the beginning of it. Without it, the one before the one in force came for the
    /// first time: another rollback goes further back. What came into force since then is passed over, as where the one in force was
    /// published a second time; the answer names it.
    #[arg(long, value_name = "HASH")]
    to: Option<String>,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    place: Place,
}

/// Who changes what decides, and why: kept with the version.
#[derive(Debug, Args)]
pub(super) struct Signature {
    /// Who does this; a login or a ticket's assignee, kept for ever.
    #[arg(long, value_name = "WHO", value_parser = not_blank)]
    pub by: String,
    /// Why, for whoever reads the history.
    #[arg(long, value_name = "TEXT", value_parser = not_blank)]
    pub why: String,
}

/// A text that says something.
pub(super) fn not_blank(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must say something") } else { Ok(text.to_owned()) }
}

impl Rules {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            RulesCommand::Check(check) => check.run(output),
            RulesCommand::Publish(publish) => publish.run(output),
            RulesCommand::History(history) => history.run(output),
            RulesCommand::Rollback(rollback) => rollback.run(output),
        }
    }
}

impl CheckRules {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let config = Config::load(&self.place.config, Overrides { data: self.place.data, ..Overrides::default() })?;
        let program = only_program(&config, self.program)?;
        let text = read(&self.file)?;
        program.check_ruleset_text(&self.file.display().to_string(), &text)?;
        Ok(writeln!(output, "{}: ok for program {}", self.file.display(), program.id)?)
    }
}

impl Publish {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let text = read(&self.file)?;
        let Signature { by, why } = self.signature;
        let publish =
            RulesPublish { kind: KeptKind::Rules, program: self.program, file: self.file.display().to_string(), text, by, why };
        in_force(self.place, ControlRequest::RulesPublish(publish), output)
    }
}

impl History {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let asked = RulesHistory { kind: KeptKind::Rules, program: self.program };
        list_versions(self.place, asked, self.json, output)
    }
}

impl Rollback {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Signature { by, why } = self.signature;
        let rollback = RulesRollback { kind: KeptKind::Rules, program: self.program, to: self.to, by, why };
        in_force(self.place, ControlRequest::RulesRollback(rollback), output)
    }
}

/// Lists the versions, the latest first: a line each, of JSON if it is wanted.
pub(super) fn list_versions(place: Place, asked: RulesHistory, json: bool, output: &mut dyn io::Write) -> Result<(), Failure> {
    let versions = match Ledger::at(place)?.ask(ControlRequest::RulesHistory(asked))? {
        ControlAnswer::RulesHistory(versions) => versions,
        ControlAnswer::Imported(_)
        | ControlAnswer::Balances(_)
        | ControlAnswer::Balance(_)
        | ControlAnswer::RulesInForce(_)
        | ControlAnswer::RowsRefused { .. }
        | ControlAnswer::Refused { .. }
        | ControlAnswer::Trimmed(_)
        | ControlAnswer::Switched(_)
        | ControlAnswer::BroughtBack(_)
        | ControlAnswer::Spend(_)
        | ControlAnswer::ProfilesImported(_)
        | ControlAnswer::Unavailable { .. } => return Err(not_an_answer()),
    };
    for version in &versions {
        if json {
            writeln!(output, "{}", as_json(version))?;
        } else {
            writeln!(output, "{}", as_line(version))?;
        }
    }
    Ok(())
}

pub(super) fn in_force(place: Place, request: ControlRequest, output: &mut dyn io::Write) -> Result<(), Failure> {
    match Ledger::at(place)?.ask(request)? {
        ControlAnswer::RulesInForce(version) => Ok(writeln!(output, "{}", told_in_force(&version))?),
        ControlAnswer::Imported(_)
        | ControlAnswer::Balances(_)
        | ControlAnswer::Balance(_)
        | ControlAnswer::RulesHistory(_)
        | ControlAnswer::RowsRefused { .. }
        | ControlAnswer::Refused { .. }
        | ControlAnswer::Trimmed(_)
        | ControlAnswer::Switched(_)
        | ControlAnswer::BroughtBack(_)
        | ControlAnswer::Spend(_)
        | ControlAnswer::ProfilesImported(_)
        | ControlAnswer::Unavailable { .. } => Err(not_an_answer()),
    }
}

/// `program demo: version 5c1d… is in force since 2026-03-14T15:09:26.000000Z`.
pub(super) fn told_in_force(version: &RulesVersion) -> String {
    let what = match version.kind {
        KeptKind::Rules => String::new(),
        KeptKind::StandIn => "stand-in ".to_owned(),
        KeptKind::StandInOf(platform) => format!("stand-in for {platform}, "),
    };
    let RulesVersion { program, hash, at, waits_for_ledger, passed_over, .. } = version;
    let waits = if *waits_for_ledger { "; the ledger is away, and hears of it when it is back" } else { "" };
    let passed_over = match passed_over.as_slice() {
        [] => String::new(),
        [_, ..] => format!(
            "; this is from before the first time of the version that was in force, and passes over (--to goes to one): {}",
            passed_over.join(", ")
        ),
    };
    format!("program {program}: {what}version {hash} is in force since {at}{waits}{passed_over}")
}

pub(super) fn only_program(config: &Config, named: Option<ProgramId>) -> Result<&ProgramConfig, Failure> {
    let known = || config.programs.iter().map(|program| program.id.to_string()).collect::<Vec<_>>().join(", ");
    match (named, config.programs.as_slice()) {
        (Some(id), programs) => programs
            .iter()
            .find(|program| program.id == id)
            .ok_or_else(|| Failure::Told(format!("--program: is not a program of the configuration; it has {}", known()))),
        (None, [program]) => Ok(program),
        (None, _) => Err(Failure::Told(format!("--program: which one? The configuration has {}", known()))),
    }
}

pub(super) fn read(file: &Path) -> Result<String, Failure> {
    text_file::read(file).map_err(|error| Failure::Told(error.of(file)))
}

pub(super) fn as_json(version: &RulesVersion) -> serde_json::Value {
    json!({
        "program": version.program.as_str(),
        "hash": version.hash,
        "at": version.at.to_string(),
        "by": version.by,
        "why": version.why,
        "in_force": version.in_force,
        "waits_for_ledger": version.waits_for_ledger,
    })
}

/// `* 2026-03-14T15:09:26.000000Z 5c1d… ann: no cash at night`; the star marks the one in force. What people wrote cannot
/// break the line.
pub(super) fn as_line(version: &RulesVersion) -> String {
    let mark = if version.in_force { '*' } else { ' ' };
    let one_line = |text: &str| text.split(char::is_control).collect::<Vec<_>>().join(" ");
    let waits = if version.waits_for_ledger { " (waits for the ledger)" } else { "" };
    format!("{mark} {} {} {}: {}{waits}", version.at, version.hash, one_line(&version.by), one_line(&version.why))
}

//! `holdfast journal trim`: drops the journal's oldest records, as far as every program in them allows.

use std::io;

use clap::Args;
use serde_json::{Value, json};

use super::journal::{checkpoint_as_json, checkpoint_as_lines};
use super::ledger::{Ledger, not_an_answer};
use super::{Failure, Place};
use crate::control::protocol::{Trim as Asked, TrimMode, TrimReport};
use crate::control::{ControlAnswer, ControlRequest};

const EXAMPLES: &str = "\
Examples:
  holdfast journal trim --dry-run
  holdfast journal trim
  holdfast journal trim --json | jq .checkpoint.record

A record goes once its program's journal_keep_days are over, together with everything before it, and never while a payment
that it began is still open. In place of what went stands a checkpoint: the hash that the rest follows from, and a file,
checkpoint-RECORD.sqlite, with accounts, cards, holds, keys and limits as they were. A journal without that file does not
start. A running server trims by itself, about once a day. The room in the journal's file is used again.

Exit codes:
  0  done, also if nothing may go
  1  not done: why is on standard error, and nothing is lost
  2  the command line is not understood";

/// Drops the oldest records, once every program in them allows.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Trim {
    /// Only tell what would go.
    #[arg(long)]
    dry_run: bool,
    /// An object of JSON instead of lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Trim {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        self.place.with_journal("old partitions go by ledger.postgres.journal_keep_days")?;
        let mode = if self.dry_run { TrimMode::DryRun } else { TrimMode::Drop };
        let mut ledger = Ledger::at(self.place)?;
        let mut whole: Option<TrimReport> = None;
        loop {
            let ControlAnswer::Trimmed(report) = ledger.ask(ControlRequest::Trim(Asked { mode }))? else {
                return Err(not_an_answer());
            };
            let goes_on = report.more && report.checkpoint.is_some();
            whole = Some(match whole {
                Some(before) => together(before, *report),
                None => *report,
            });
            if !goes_on {
                break;
            }
        }
        let Some(report) = whole else { return Err(not_an_answer()) };
        let text = if self.json { format!("{}\n", as_json(&report)) } else { as_lines(&report) };
        Ok(write!(output, "{text}")?)
    }
}

/// Two trims, one after the other, as one.
fn together(before: TrimReport, after: TrimReport) -> TrimReport {
    TrimReport {
        first: before.first,
        groups: before.groups.saturating_add(after.groups),
        dropped_up_to: after.dropped_up_to.or(before.dropped_up_to),
        checkpoint: after.checkpoint.or(before.checkpoint),
        ..after
    }
}

fn as_lines(report: &TrimReport) -> String {
    let (dropped, stay) =
        (report.begins.saturating_sub(report.first), report.last.saturating_sub(report.begins).saturating_add(1));
    let did = match report.mode {
        TrimMode::DryRun => "would drop ",
        TrimMode::Drop => "dropped    ",
    };
    let mut lines = match report.dropped_up_to.filter(|_| dropped > 0) {
        Some(at) => format!(
            "{did}  {dropped} records ({} to {}) in {} groups, up to {at}\n",
            report.first,
            report.begins.saturating_sub(1),
            report.groups
        ),
        None => format!("{did}  nothing\n"),
    };
    lines.push_str(&format!("stay         {stay} records ({} to {})\n", report.begins, report.last));
    lines.push_str(&format!("because      {}\n", report.stays_because));
    if let Some(checkpoint) = &report.checkpoint {
        lines.push_str(&checkpoint_as_lines(checkpoint));
    }
    lines
}

fn as_json(report: &TrimReport) -> Value {
    json!({
        "dry_run": report.mode == TrimMode::DryRun,
        "dropped": report.begins.saturating_sub(report.first),
        "groups": report.groups,
        "dropped_up_to": report.dropped_up_to.map(|at| at.to_string()),
        "first": report.begins,
        "last": report.last,
        "records": report.last.saturating_sub(report.begins).saturating_add(1),
        "because": report.stays_because,
        "checkpoint": report.checkpoint.as_ref().map(checkpoint_as_json),
    })
}

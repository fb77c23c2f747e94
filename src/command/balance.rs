//! `holdfast balance`: one account's standing, as a table or as JSON.

use std::io;

use clap::Args;
use holdfast_core::{AccountId, ProgramId};
use serde_json::json;

use super::ledger::{Ledger, not_an_answer};
use super::{Failure, Place};
use crate::control::{AccountReport, ControlAnswer, ControlRequest, protocol};

const EXAMPLES: &str = "\
Examples:
  holdfast balance acct-demo-1
  holdfast balance acct-demo-1 --json | jq -r .available

Available is posted less held, and the credit line. In JSON, amounts are texts in major units.

Exit codes:
  0  told
  1  no such account or no ledger to ask
  2  the command line is not understood";

/// Tells what an account has: posted, held, available.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Balance {
    /// The account.
    account: AccountId,
    /// Its program; needed only where several have an account of that name.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Balance {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let asked = protocol::Balance { program: self.program, account: self.account };
        match Ledger::at(self.place)?.ask(ControlRequest::Balance(asked))? {
            ControlAnswer::Balance(report) if self.json => Ok(writeln!(output, "{}", as_json(&report))?),
            ControlAnswer::Balance(report) => Ok(write!(output, "{}", as_table(&report))?),
            ControlAnswer::Imported(_)
            | ControlAnswer::RulesInForce(_)
            | ControlAnswer::RulesHistory(_)
            | ControlAnswer::RowsRefused { .. }
            | ControlAnswer::Refused { .. }
            | ControlAnswer::Unavailable { .. } => Err(not_an_answer()),
        }
    }
}

pub(super) fn as_json(report: &AccountReport) -> serde_json::Value {
    json!({
        "program": report.program.as_str(),
        "account": report.account.as_str(),
        "status": report.status.name(),
        "currency": report.posted.currency().code(),
        "posted": report.posted.decimal().to_string(),
        "held": report.held.decimal().to_string(),
        "credit_line": report.credit_line.decimal().to_string(),
        "available": report.available.decimal().to_string(),
        "holds_open": report.holds_open,
    })
}

pub(super) fn as_table(report: &AccountReport) -> String {
    let amounts =
        [("posted", report.posted), ("held", report.held), ("credit line", report.credit_line), ("available", report.available)];
    let width = amounts.iter().map(|(_, amount)| amount.decimal().to_string().len()).max().unwrap_or(0);
    let mut table = format!("account      {} ({}), program {}\n", report.account, report.status.name(), report.program);
    for (name, amount) in amounts {
        let number = amount.decimal().to_string();
        table.push_str(&format!("{name:<12} {number:>width$} {}\n", amount.currency()));
    }
    table.push_str(&format!("open holds   {:>width$}\n", report.holds_open));
    table
}

//! `holdfast balance`: one account's standing, as a table or as JSON.

use std::io;

use clap::Args;
use holdfast_core::{AccountId, ProgramId};
use serde_json::json;

use super::ledger::{Ledger, not_an_answer};
use super::{Failure, Place};
use crate::control::protocol::{BalancesPage, PageStart};
use crate::control::{AccountReport, ControlAnswer, ControlRequest, protocol};

const EXAMPLES: &str = "\
Examples:
  holdfast balance acct-demo-1
  holdfast balance acct-demo-1 --json | jq .available
  holdfast balance --all

Available is posted less held, and the credit line. In JSON, amounts are whole numbers of minor units (cents).

Exit codes:
  0  told
  1  no such account or no ledger to ask
  2  the command line is not understood";

/// Tells what an account has: posted, held, available.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "holdfast balance <ACCOUNT | --all> [OPTIONS]")]
pub struct Balance {
    /// The account.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    account: Option<AccountId>,
    /// Every account.
    #[arg(long)]
    all: bool,
    /// Its program; needed only where several have an account of that name.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    /// JSON instead of a table: an object, with --all a list of them.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Balance {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Balance { account, program, json, place, .. } = self;
        let mut ledger = Ledger::at(place)?;
        let Some(account) = account else { return list(&mut ledger, program, json, output) };
        match ledger.ask(ControlRequest::Balance(protocol::Balance { program, account }))? {
            ControlAnswer::Balance(report) if json => Ok(writeln!(output, "{}", as_json(&report))?),
            ControlAnswer::Balance(report) => Ok(write!(output, "{}", as_table(&report))?),
            ControlAnswer::Balances(_)
            | ControlAnswer::Imported(_)
            | ControlAnswer::RulesInForce(_)
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
}

/// Writes every account, page by page: there may be millions. Each page is as the ledger is when it is asked for.
fn list(ledger: &mut Ledger, program: Option<ProgramId>, json: bool, output: &mut dyn io::Write) -> Result<(), Failure> {
    let (mut page, mut is_first) = (ask_page(ledger, program, None)?, true);
    write!(output, "{}", if json { "[".to_owned() } else { list_header() })?;
    loop {
        for report in &page.accounts {
            match (json, std::mem::take(&mut is_first)) {
                (true, true) => write!(output, "{}", as_json(report))?,
                (true, false) => write!(output, ",{}", as_json(report))?,
                (false, _) => writeln!(output, "{}", as_line(report))?,
            }
        }
        let Some(next) = page.next else { break };
        page = ask_page(ledger, program, Some(next))?;
    }
    if json { Ok(writeln!(output, "]")?) } else { Ok(()) }
}

fn ask_page(ledger: &mut Ledger, program: Option<ProgramId>, from: Option<PageStart>) -> Result<BalancesPage, Failure> {
    match ledger.ask(ControlRequest::Balances(protocol::Balances { program, from }))? {
        ControlAnswer::Balances(page) => Ok(page),
        ControlAnswer::Balance(_)
        | ControlAnswer::Imported(_)
        | ControlAnswer::RulesInForce(_)
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

pub(super) fn as_json(report: &AccountReport) -> serde_json::Value {
    json!({
        "program": report.program.as_str(),
        "account_id": report.account.as_str(),
        "status": report.status.name(),
        "currency": report.posted.currency().code(),
        "posted": report.posted.minor(),
        "held": report.held.minor(),
        "credit_line": report.credit_line.minor(),
        "available": report.available.minor(),
        "holds_open": report.holds_open,
    })
}

fn list_header() -> String {
    format!("{:<24} {:<10} {:>16} {:>16} {:>16} {:>10}\n", "account", "program", "posted", "held", "available", "holds")
}

/// One line an account, the amounts under each other.
fn as_line(report: &AccountReport) -> String {
    let amount = |money: holdfast_core::Money| money.to_string();
    format!(
        "{:<24} {:<10} {:>16} {:>16} {:>16} {:>10}",
        report.account.as_str(),
        report.program.as_str(),
        amount(report.posted),
        amount(report.held),
        amount(report.available),
        report.holds_open
    )
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

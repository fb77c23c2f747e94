//! `holdfast stand-in`: checks and previews a stand-in table, puts one in force, lists the versions, goes back to one; switches
//! stand-in by hand, and reports what it did.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use holdfast_core::rules::Ruleset;
use holdfast_core::stand_in::{Looser, Mode, StandInPolicy, Than, Unreachable, looser_rows, unreachable_rows};
use holdfast_core::{
    AddressVerification, AuthorizationRequest, Checkout, Currency, Money, PlatformName, Posting, ProgramId,
    SecurityCodeVerification, ThreeDSecure, Wallet,
};

use super::preview::Preview;
use super::reading::rulesets_of;
use super::report::Report;
use super::rules::{Signature, in_force, list_versions, only_program, read};
use super::switch::{Off, On};
use super::{Failure, Place};
use crate::clock;
use crate::config::{Config, Overrides, ProgramConfig, stand_in};
use crate::control::ControlRequest;
use crate::control::protocol::{RulesHistory, RulesPublish, RulesRollback};
use crate::journal::{KeptKind, Reader};

const EXAMPLES: &str = "\
Examples:
  holdfast stand-in check config/stand-in/cautious.toml
  holdfast stand-in preview new.toml --outage 4h --sweep card-day.amount=50.00,100.00,200.00
  holdfast stand-in publish new.toml --program demo --by ann --why 'smaller amounts, ticket 951'
  holdfast stand-in history --program demo
  holdfast stand-in rollback --program demo --by ann --why 'declines groceries'
  holdfast stand-in on --program demo --for 30m --by ann --why 'the ledger gets a new disk'
  holdfast stand-in off --program demo --by ann --why 'the disk is in'
  holdfast stand-in report --since 2026-03-14

A stand-in table says what is answered while the ledger cannot be asked. With --platform the table is that platform's own, where
the configuration gives it one. Publishing takes effect at once, without a restart, for every answer after it; what was told
before counts on under the new caps. Every version is kept.

Switched on, no question of the program, or of one platform, goes to the ledger, however well it is: the table answers.
Notifications still do. The switch ends by itself, holds after a restart, and can be turned while no server runs.

Exit codes:
  0  done
  1  not done (every error on standard error; the table in force stays, unless it is said that another one may yet
     come into force)
  2  the command line is not understood";

/// What is answered without the ledger: the table, the switch, and what came of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StandIn {
    #[command(subcommand)]
    command: StandInCommand,
}

#[derive(Debug, Subcommand)]
enum StandInCommand {
    /// Tells whether a table would load, how it reads, which rows come to nothing, and which are looser than the rules in force.
    ///
    /// Rows are tried with authorizations made up of the values that table, rules and limits name, at every way in which the hours of
    /// rules and row meet in a week from now. No warning is no proof: not looked at are a category or country that is not told, any but
    /// the first of the merchants and networks that one rule names, and what shows only where two rules name a posting, wallet,
    /// network or merchant each. A row that no authorization can fulfil is named only if earlier rows take it.
    Check(CheckTable),
    Preview(Preview),
    /// Puts a table in force.
    Publish(Publish),
    /// Lists the versions that were in force, the latest first.
    History(History),
    /// Puts an earlier version in force again.
    Rollback(Rollback),
    On(On),
    Off(Off),
    Report(Report),
}

#[derive(Debug, Args)]
struct CheckTable {
    /// The table.
    file: PathBuf,
    /// The program that it is for; needed only if the configuration has several.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    #[command(flatten)]
    place: Place,
}

/// Whose table.
#[derive(Debug, Args)]
struct Whose {
    /// The program.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    /// The platform, for a table of its own; without it, the program's.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<PlatformName>,
}

impl Whose {
    fn kind(&self) -> KeptKind {
        self.platform.map_or(KeptKind::StandIn, KeptKind::StandInOf)
    }
}

#[derive(Debug, Args)]
struct Publish {
    /// The table.
    file: PathBuf,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct History {
    #[command(flatten)]
    whose: Whose,
    /// One line of JSON for each version instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Rollback {
    #[command(flatten)]
    whose: Whose,
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

impl StandIn {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            StandInCommand::Check(check) => check.run(output),
            StandInCommand::Preview(preview) => preview.run(output),
            StandInCommand::Publish(publish) => publish.run(output),
            StandInCommand::History(history) => history.run(output),
            StandInCommand::Rollback(rollback) => rollback.run(output),
            StandInCommand::On(on) => on.run(output),
            StandInCommand::Off(off) => off.run(output),
            StandInCommand::Report(report) => report.run(output),
        }
    }
}

impl CheckTable {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let overrides = Overrides { data: self.place.data.clone(), ..Overrides::default() };
        let config = Config::load(&self.place.config, overrides)?;
        let program = only_program(&config, self.program)?;
        let (name, text) = (self.file.display().to_string(), read(&self.file)?);
        let policy = stand_in::read_to_publish(&name, &text, &program.home(), clock::utc())?;
        let (rules, which) = rules_in_force(&self.place, &config, program)?;
        writeln!(output, "{name}: ok for program {}", program.id)?;
        write!(output, "{}", aloud(&policy))?;
        write!(output, "{}", findings(&policy, &rules, &which))?;
        Ok(())
    }
}

/// The ruleset that decides: the last one that was published, or the configured one where none was.
fn rules_in_force(place: &Place, config: &Config, program: &ProgramConfig) -> Result<(Ruleset, String), Failure> {
    let kept = match place.shared_database()? {
        Some(database) => rulesets_of(&database)?,
        None if config.ledger.data.join(crate::journal::store::FILE).exists() => {
            Reader::open(&config.ledger.data).and_then(|reader| reader.rulesets()).map_err(Failure::told)?
        }
        None => Vec::new(),
    };
    let published = kept.into_iter().rfind(|kept| kept.kind == KeptKind::Rules && kept.program == program.id.as_str());
    let (name, source) = match published {
        Some(kept) => ("the rules in force".to_owned(), kept.source),
        None => (program.rules_path.display().to_string(), read(&program.rules_path)?),
    };
    Ok((crate::config::ruleset::read(&name, &source, &program.home())?, name))
}

/// The table as it would be read aloud.
fn aloud(policy: &StandInPolicy) -> String {
    let mut text = format!("version   {}\ndecides   {}\n", policy.hash(), policy.mode());
    for (index, row) in policy.rows().iter().enumerate() {
        let _ = writeln!(text, "row {:<5} {row}", index.saturating_add(1));
    }
    for cap in policy.caps().to_string().lines() {
        let _ = writeln!(text, "cap       {cap}");
    }
    text
}

/// What its author should look at: nothing of it keeps a table from loading.
fn findings(policy: &StandInPolicy, rules: &Ruleset, which: &str) -> String {
    let mut text = String::new();
    match policy.mode() {
        Mode::Rules => {}
        mode @ (Mode::Decline | Mode::Approve { .. } | Mode::Drop(_)) => {
            let _ = writeln!(text, "warning: the table {mode}: no row is asked; what follows is of its rows all the same");
        }
    }
    for found in unreachable_rows(policy) {
        let _ = writeln!(text, "warning: {}", unreachable(&found));
    }
    for found in looser_rows(policy, rules, clock::utc()) {
        let _ = writeln!(text, "warning: {}", looser(&found, which));
    }
    text
}

fn unreachable(found: &Unreachable) -> String {
    let behind: Vec<_> = found.behind.iter().map(ToString::to_string).collect();
    let example = found.example.as_ref().map(|example| format!(", such as {}", example_of(example))).unwrap_or_default();
    match behind.as_slice() {
        [one] => format!("row {} decides nothing: row {one} before it takes all of it{example}", found.row),
        several => {
            format!("row {} decides nothing: rows {} before it take all of it together{example}", found.row, several.join(", "))
        }
    }
}

fn looser(found: &Looser, which: &str) -> String {
    let Looser { row, than, by, example, at } = found;
    let example = example_of(example);
    match by {
        Than::Rule => format!(
            "row {row} is looser than rule {than} of {which}: it approves {example} at {at}, which the rule declines (and declines in \
             stand-in, too)"
        ),
        Than::Amount { limit, caps } => format!(
            "row {row} is looser than limit {than} of {which}, which stand-in does not ask: it approves {example}, and so on up to \
             {} {} in the limit's window; the limit ends at {} {}",
            caps.decimal(),
            caps.currency(),
            limit.decimal(),
            limit.currency()
        ),
        Than::Count { limit, caps } => {
            let often = caps.map_or_else(|| "as often as it is asked".to_owned(), |caps| format!("{caps} times"));
            format!(
                "row {row} is looser than limit {than} of {which}, which stand-in does not ask: it approves {example} {often} in the \
                 limit's window; the limit ends at {limit} transactions"
            )
        }
    }
}

/// `purchase of 50.01 USD, MCC 5411, merchant in USA, chip`.
fn example_of(request: &AuthorizationRequest) -> String {
    let mcc = request.merchant.mcc.map(|mcc| format!(", MCC {mcc}")).unwrap_or_default();
    let country = request.merchant.country.map(|country| format!(", merchant in {country}")).unwrap_or_default();
    format!(
        "{} of {} {}{mcc}{country}, {}{}{}",
        request.kind.name(),
        request.amount.decimal(),
        request.amount.currency(),
        request.entry_mode.name(),
        named_besides(request),
        request.checkout.map(|checkout| told_at_checkout(&checkout, request.amount.currency())).unwrap_or_default()
    )
}

/// What it has that an ordinary one has not: `, a wallet's token, over PULSE`.
fn named_besides(request: &AuthorizationRequest) -> String {
    let wallet = match request.wallet {
        Wallet::Token => ", a wallet's token",
        Wallet::None => "",
    };
    let posting = match request.posting {
        Posting::Immediate => ", debited at once",
        Posting::Hold => "",
    };
    let network = request.network.map(|network| format!(", over {network}")).unwrap_or_default();
    let merchant = request.merchant.id.map(|id| format!(", merchant {id}")).unwrap_or_default();
    let name = if request.merchant.name.is_some() { ", a merchant whose name is listed" } else { "" };
    [wallet, posting, &network, &merchant, name].concat()
}

/// What a payment door tells of it besides: `, surcharge 2.01, 3-D Secure ATTEMPTED`.
fn told_at_checkout(checkout: &Checkout, currency: Currency) -> String {
    let part = |name: &str, minor: i64| {
        if minor > 0 { format!(", {name} {}", Money::from_minor(minor, currency).decimal()) } else { String::new() }
    };
    let word = |name: &str, word: &str, nothing: bool| if nothing { String::new() } else { format!(", {name} {word}") };
    let Checkout { surcharge, gratuity, fees, items, three_d_secure, address_verification, security_code, ip_address, .. } =
        checkout;
    [
        part("surcharge", *surcharge),
        part("gratuity", *gratuity),
        part("fees", *fees),
        word("items", &items.to_string(), *items == 0),
        word("3-D Secure", three_d_secure.name(), *three_d_secure == ThreeDSecure::NotTold),
        word("address", address_verification.name(), *address_verification == AddressVerification::Unavailable),
        word("security code", security_code.name(), *security_code == SecurityCodeVerification::Unavailable),
        ip_address.map(|address| format!(", IP address {address}")).unwrap_or_default(),
    ]
    .concat()
}

impl Publish {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let (kind, text) = (self.whose.kind(), read(&self.file)?);
        let Signature { by, why } = self.signature;
        let file = self.file.display().to_string();
        let publish = RulesPublish { kind, program: self.whose.program, file, text, by, why };
        in_force(self.place, ControlRequest::RulesPublish(publish), output)
    }
}

impl History {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let asked = RulesHistory { kind: self.whose.kind(), program: self.whose.program };
        list_versions(self.place, asked, self.json, output)
    }
}

impl Rollback {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Signature { by, why } = self.signature;
        let rollback = RulesRollback { kind: self.whose.kind(), program: self.whose.program, to: self.to, by, why };
        in_force(self.place, ControlRequest::RulesRollback(rollback), output)
    }
}

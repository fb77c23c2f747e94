//! `holdfast check`: reads a configuration and everything that it names, and changes nothing.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::app::{needs, runtime, workers};
use crate::config::{self, CardNumbersConfig, Config, Overrides};
use crate::descriptors::{self, Room};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate;

const EXAMPLES: &str = "\
Examples:
  holdfast check
  holdfast check --config /etc/holdfast/holdfast.toml && systemctl reload holdfast

Every error is one line: file:line:column: key: what is wrong, and what would be right. With the shared ledger, its database
is looked at too: whether it lets this user in, has this program's schema, and allows what a responder does.

Exit codes:
  0  all is well (one line says what there is; with the shared ledger, another one what each responder has of its own; with
     [card_numbers], another one what that means for PCI DSS)
  1  errors (all of them)
  2  the command line is not understood";

/// Validates a configuration with all that it names: secrets, certificates, rulesets, imports, the shared database.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    config: PathBuf,
}

impl Check {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let config = Config::load_whole(&self.config, Overrides::default())?;
        if let Some(shared) = &config.ledger.postgres {
            let database = Database::new(shared.connection.clone(), &shared.roots).map_err(Failure::told)?;
            runtime()?.block_on(migrate::look(&database)).map_err(Failure::told)?;
        }
        let server = &config.server;
        let needs = needs(&config, workers(&config));
        let room = Room::within(descriptors::limit_within_reach(), server.connections_max, needs);
        if let Some(warning) = room.warning() {
            // It is this shell's limit, and perhaps not the service's: no error.
            let _ = writeln!(io::stderr(), "if it is served from here: {warning}");
        }
        writeln!(output, "{}", summary(&config))?;
        if config.ledger.postgres.is_some() {
            writeln!(output, "{OF_EACH}")?;
        }
        if let Some(numbers) = &config.card_numbers {
            writeln!(output, "{}", scope(numbers))?;
        }
        Ok(())
    }
}

/// What responders on one database do not share.
const OF_EACH: &str = "shared ledger: merchants and instruments of payment doors (profiles.sqlite), the stand-in switch and the spool are \
    each responder's own; what is changed of the first two is changed at each";

/// One line: `config/holdfast.toml: ok: program demo (USD, sandbox: marqeta at /marqeta, apto at /apto)`.
fn summary(config: &Config) -> String {
    let programs: Vec<_> = config
        .programs
        .iter()
        .map(|program| {
            let mounts: Vec<_> =
                program.mounts.iter().map(|mount| format!("{} at {}/", mount.platform.name, mount.path)).collect();
            format!("program {} ({}, {}: {})", program.id, program.currency, program.environment.name(), mounts.join(", "))
        })
        .collect();
    format!("{}: ok: {}", config.path.display(), programs.join("; "))
}

/// What it means that card numbers are taken.
fn scope(numbers: &CardNumbersConfig) -> String {
    format!(
        "card_numbers: {} takes card numbers: this process, its machine, and whatever its callers' connections pass through process \
         cardholder data and are in scope of PCI DSS. Numbers become keyed tokens in memory; they are not stored, logged or repeated, \
         security codes go no further than the parser, and no core image is written. The key (card_numbers.key) makes tokens of \
         numbers: keep and rotate it as a cryptographic key (requirements 3.5.1.1, 3.6, 3.7), apart from backups. Swap must be off \
         or encrypted. Without this section no listener takes card numbers",
        numbers.listen
    )
}

//! `holdfast check`: reads a configuration and everything that it names, and changes nothing.

use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

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
is looked at too: whether it lets this user in, has this program's schema with everything in it, and allows what a responder
does.

Exit codes:
  0  all is well (one line says what there is; with the shared ledger, another one what each responder has of its own; with
     [card_numbers], another one what that means for PCI DSS); warnings, such as of a spool on the ledger's disk, go to standard
     error
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
        // A shared ledger's disk is its database's.
        if config.ledger.postgres.is_none() && is_one_disk(&config.ledger.data, &config.spool.path, device) {
            let _ = writeln!(io::stderr(), "{}", shared_fate(&config));
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
const OF_EACH: &str =
    "shared ledger: the spool is each responder's own; what commands and the management API change at one is changed at all";

/// The spool is there for when the ledger's disk is not.
fn shared_fate(config: &Config) -> String {
    format!(
        "warning: spool.path: {} is on the ledger's disk and shares its fate: while that disk hangs or is full, stand-in can only \
         decline. Where there is another disk, put it there, such as path = \"/other-disk/spool.sqlite\"",
        config.spool.path.display()
    )
}

/// Whether two places are, or would be, on one disk, as far as that can be told.
fn is_one_disk(one: &Path, other: &Path, device: impl Fn(&Path) -> Option<u64>) -> bool {
    // What is not there yet is made where the nearest part of its path is.
    let of = |path: &Path| std::path::absolute(path).ok()?.ancestors().find_map(&device);
    of(one).zip(of(other)).is_some_and(|(one, other)| one == other)
}

fn device(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|found| found.dev())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_places_are_on_one_disk_where_the_nearest_that_is_there_of_each_is() {
        let disks = |path: &Path| match path.to_str()? {
            "/" | "/var" => Some(1),
            "/other" => Some(2),
            _ => None,
        };
        let on_one = |one: &str, other: &str| is_one_disk(Path::new(one), Path::new(other), disks);
        assert!(on_one("/var/holdfast", "/var/holdfast/spool.sqlite"), "neither is there yet");
        assert!(on_one("/var/holdfast", "/srv/spool.sqlite"));
        assert!(!on_one("/var/holdfast", "/other/spool/spool.sqlite"));
        assert!(!is_one_disk(Path::new("/a"), Path::new("/b"), |_| None), "nothing can be told");
        let here = std::env::temp_dir();
        assert!(is_one_disk(&here, &here.join("not there/yet.sqlite"), device));
    }
}

//! The command line: what a person types, one file per subcommand. Decides nothing about money itself.
//!
//! Answers go to standard output, errors to standard error, one a line. [`main`] is all that the binary calls.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use holdfast_core::card_number::stands_in_text;

use crate::app::Signals;
use crate::config::{self, Config, Errors, LedgerEngine, Overrides, PostgresConfig};
use crate::ledger::postgres::connect::Database;
use crate::spool::{Bond, LedgerWas};

pub mod backup;
pub mod balance;
pub mod card_token;
pub mod check;
pub mod credential;
pub mod erase;
pub mod explain;
pub mod import;
pub mod inbox;
pub mod journal;
pub mod ledger;
pub mod migrate;
pub mod organization;
pub mod preview;
pub mod reading;
mod replay;
pub mod report;
pub mod restore;
pub mod rules;
pub mod selftest;
pub mod serve;
pub mod settlement;
pub mod spool;
pub mod stand_in;
pub mod stop_list;
pub mod switch;
#[cfg(test)]
mod tests;
pub mod token;
pub mod trim;
pub mod webhooks;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  not done: what stands in the way is on standard error, one error a line
  2  the command line is not understood";

/// Answers card-issuing platforms' real-time authorization callbacks.
///
/// Start with `holdfast check`, then `holdfast serve`. The commands about money and rules ask the server that runs on the data
/// directory, and work on the directory themselves while none does; those about the journal read its file beside the server.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    Import(import::Import),
    Balance(balance::Balance),
    Rules(rules::Rules),
    StandIn(stand_in::StandIn),
    Spool(spool::Spool),
    StopList(stop_list::StopList),
    Inbox(inbox::Inbox),
    Journal(journal::Journal),
    Explain(explain::Explain),
    Replay(replay::Replay),
    Settlement(settlement::Settlement),
    Organization(organization::Organization),
    Credential(credential::Credential),
    Token(token::Token),
    CardToken(card_token::CardToken),
    Erase(erase::Erase),
    Webhooks(webhooks::Webhooks),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Migrate(migrate::Migrate),
    Selftest(selftest::Selftest),
}

/// Which ledger a command is about.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// The data directory, over the configuration's ledger.data. With it, a running server is found without reading the
    /// configuration.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// A configuration's spool, if there ever was one, for commands that look into it: never one that its data directory did not have.
fn spool_of(config: &Config) -> Result<Option<crate::spool::File>, Failure> {
    let bond = Bond::of(&config.ledger.data, &config.spool.path, LedgerWas::There).map_err(Failure::told)?;
    bond.open_if_there().map_err(Failure::told)
}

impl Place {
    /// The data directory.
    fn data(&self) -> Result<PathBuf, Failure> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => Ok(config::ledger_of(&self.config)?.data),
        }
    }

    /// Whoever asks about a ledger that nobody began means another directory: only `serve` and `import` begin one, and nothing else
    /// makes its directory, or answers as if it were an empty one.
    fn must_be_begun(&self) -> Result<(), Failure> {
        let data = self.data()?;
        let shown = data.display();
        // A file that is named is a journal's own, or none; whoever opens it says so.
        if data.is_file() || data.join(crate::journal::store::FILE).exists() {
            return Ok(());
        }
        let shared = config::ledger_of(&self.config).is_ok_and(|ledger| ledger.engine == LedgerEngine::Postgres);
        let why = match (data.is_dir(), shared) {
            (true, true) => return Ok(()),
            (true, false) => format!("has no {}", crate::journal::store::FILE),
            (false, _) => "is not there".to_owned(),
        };
        let named = if self.data.is_some() {
            "--data names another directory than the server's, it seems".to_owned()
        } else {
            let file = self.config.display();
            format!(
                "{file}: ledger.data names it, and a relative path counts from where the command is called; --data names another"
            )
        };
        Err(Failure::Told(format!(
            "there is no ledger in {shown}: it {why}; {named}. `holdfast serve` or `holdfast import` begins a ledger, nothing else does"
        )))
    }

    /// The database of a shared ledger, if it is one.
    fn shared_database(&self) -> Result<Option<Database>, Failure> {
        let named = self.data.as_ref().is_some_and(|data| data.join(crate::journal::store::FILE).exists());
        if named || !config::ledger_of(&self.config).is_ok_and(|ledger| ledger.engine == LedgerEngine::Postgres) {
            return Ok(None);
        }
        let config = Config::load(&self.config, Overrides::default())?;
        let database = |shared: &PostgresConfig| Database::new(shared.connection.clone(), &shared.roots).map_err(Failure::told);
        config.ledger.postgres.as_ref().map(database).transpose()
    }

    /// The data directory, for what reads the journal's file there. A shared ledger's journal is in its database: `instead` says
    /// what to do about that.
    fn with_journal(&self, instead: &str) -> Result<PathBuf, Failure> {
        let data = self.data()?;
        // A directory that was named is believed, if there is a journal.
        let named = self.data.is_some() && data.join(crate::journal::store::FILE).exists();
        if !named && config::ledger_of(&self.config).is_ok_and(|ledger| ledger.engine == LedgerEngine::Postgres) {
            return Err(not_here(&self.config, instead));
        }
        self.must_be_begun()?;
        Ok(data)
    }
}

/// What a command says of a shared ledger that it cannot read.
fn not_here(config: &Path, instead: &str) -> Failure {
    Failure::Told(format!(
        "{}: ledger.engine: is \"postgres\", and the journal is in its database, not in a file; {instead}",
        config.display()
    ))
}

/// Why a command is not done: one error a line, ready for standard error.
#[derive(Debug)]
pub enum Failure {
    /// Something to tell.
    Told(String),
    /// The same, and whether what was asked is done is not known: the server went away.
    CutOff(String),
    /// Standard output is gone; whoever closed it knows.
    OutputClosed,
}

impl From<Errors> for Failure {
    fn from(errors: Errors) -> Self {
        Failure::Told(errors.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::OutputClosed
        } else {
            Failure::Told(format!("standard output cannot be written: {error}"))
        }
    }
}

impl Failure {
    fn told(problem: impl ToString) -> Self {
        Failure::Told(problem.to_string())
    }
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    // Before the command line is understood, which takes a while: a signal that comes meanwhile must not end a server that starts.
    let signals = std::env::args_os().nth(1).is_some_and(|word| word == serve::NAME).then(Signals::install);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    let mut output = io::stdout().lock();
    match cli.run(signals, &mut output) {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Told(problem) | Failure::CutOff(problem)) => {
            // With standard error gone too, the exit code is all that is left to say.
            let _ = writeln!(io::stderr(), "{}", without_card_numbers(problem, typed()));
            ExitCode::FAILURE
        }
    }
}

/// Says what is wrong with a command line, or what was asked of it: help, or the version.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if typed().any(|word| stands_in_text(&word)) {
        let _ = write!(io::stderr(), "{}", without_card_numbers(error.to_string(), typed()));
    } else {
        let _ = error.print();
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The command line's words.
fn typed() -> impl Iterator<Item = String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())
}

/// What is said of a command line, without the card numbers that were typed: terminals and logs of scripts keep it.
fn without_card_numbers(said: String, typed: impl Iterator<Item = String>) -> String {
    typed.fold(said, |said, word| {
        let value = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        if stands_in_text(value) { said.replace(value, "(a card's number)") } else { said }
    })
}

impl Cli {
    fn run(self, signals: Option<io::Result<Signals>>, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            Command::Serve(serve) => serve.run(signals.unwrap_or_else(Signals::install)),
            Command::Check(check) => check.run(output),
            Command::Import(import) => import.run(output),
            Command::Balance(balance) => balance.run(output),
            Command::Rules(rules) => rules.run(output),
            Command::StandIn(stand_in) => stand_in.run(output),
            Command::Journal(journal) => journal.run(output),
            Command::Explain(explain) => explain.run(output),
            Command::Settlement(settlement) => settlement.run(output),
            Command::Organization(organization) => organization.run(output),
            Command::Credential(credential) => credential.run(output),
            Command::Token(token) => token.run(output),
            Command::CardToken(card_token) => card_token.run(output),
            Command::Erase(erase) => erase.run(output),
            Command::Spool(spool) => spool.run(output),
            Command::StopList(list) => list.run(output),
            Command::Inbox(inbox) => inbox.run(output),
            Command::Replay(replay) => replay.run(output),
            Command::Webhooks(webhooks) => webhooks.run(output),
            Command::Backup(backup) => backup.run(output),
            Command::Restore(restore) => restore.run(output),
            Command::Migrate(migrate) => migrate.run(output),
            Command::Selftest(selftest) => selftest.run(output),
        }
    }
}

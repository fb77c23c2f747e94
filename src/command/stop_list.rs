//! `holdfast stop-list`: the cards on which nothing may be approved, for a platform's or network's own stand-in.

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use holdfast_core::ProgramId;
use serde_json::json;

use super::reading::away;
use super::{Failure, Place};
use crate::app::runtime;
use crate::config::{Config, Overrides};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate;
use crate::ledger::postgres::standings::card_standings;
use crate::ledger::postgres::{SnapshotPlace, seen_standings};
use crate::stop_list::{Blocked, PAGE, Unheard, blocked, blocked_of};

const EXAMPLES: &str = "\
Examples:
  holdfast stop-list --program demo > stop-list.csv
  holdfast stop-list --program demo --format json

Give it to whoever answers when this server cannot be reached: the platform, or the network. Cards are named by the platform's
tokens. Listed is every card that is not active, and every card of an owner or an account that is not; what a platform told while
the ledger was away counts, of a shared ledger what it told this responder; a card of which the ledger knows nothing but that comes
last, without an account. While a shared ledger's database is away, listed is what
this responder last saw, and standard error says so. The columns are card, reason and account.

Exit codes:
  0  listed, also if there is no such card
  1  the list cannot be made, or would not be complete: then nothing of it is to be used
  2  the command line is not understood";

/// Lists the cards that are frozen, closed, lost, stolen, expired or not activated, or whose owner or account is barred.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StopList {
    /// The program.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A header and a line for each card.
    Csv,
    /// A line of JSON for each card.
    Json,
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Failure::Told(problem)
    }
}

impl StopList {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let config = Config::load(&self.place.config, Overrides { data: self.place.data.clone(), ..Overrides::default() })?;
        let program = super::rules::only_program(&config, Some(self.program))?.id;
        self.place.must_be_begun()?;
        let spool = super::spool_of(&config)?;
        // Before the projection: what the ledger hears meanwhile is in both, and in neither is nothing.
        let unheard = spool.map(|file| Unheard::of(&file, program)).transpose()?.unwrap_or_default();
        // All of it or nothing: half a list is worse than none.
        let mut whole = Vec::new();
        let mut lines = Lines { format: self.format, output: &mut whole };
        lines.begin()?;
        let note = match self.place.shared_database()? {
            None => blocked(&config.ledger.data, program, unheard, |card| lines.card(&card))?,
            Some(database) => match away(&database)? {
                None => blocked_at(&database, program, &unheard, |card| lines.card(&card)).map(|()| None)?,
                Some(away) => {
                    let place = SnapshotPlace::beside(&config.spool.path, database.whereabouts().to_string());
                    Some(blocked_as_seen(&place, &away, program, &unheard, |card| lines.card(&card))?)
                }
            },
        };
        if let Some(note) = note {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{note}");
        }
        Ok(output.write_all(&whole)?)
    }
}

/// As this responder last saw the cards, while the database is away; says so.
fn blocked_as_seen(
    place: &SnapshotPlace,
    away: &str,
    program: ProgramId,
    unheard: &Unheard,
    each: impl FnMut(Blocked) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let Some((as_of, standings)) = seen_standings(place, program)? else {
        return Err(Failure::Told(format!(
            "{away}; and this responder kept nothing of what it saw of the cards (last-seen.sqlite, beside the spool), or not all of what it did \
             since (own-acts.sqlite)"
        )));
    };
    let mut pages = vec![standings];
    blocked_of(|_| Ok(pages.pop().unwrap_or_default()), unheard, each)?;
    Ok(format!(
        "{away}\nlisted is what this responder last saw of the cards at {as_of}, and what it was told since: what others changed since \
         then, and cards that it has not seen for long, may be missing"
    ))
}

/// The same of a shared ledger, in its database.
fn blocked_at(
    database: &Database,
    program: ProgramId,
    unheard: &Unheard,
    each: impl FnMut(Blocked) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let runtime = runtime().map_err(Failure::told)?;
    let at = database.whereabouts();
    let (client, _driving) = runtime.block_on(database.open(|_| {})).map_err(Failure::told)?;
    runtime.block_on(migrate::must_be_ours(&client, &at)).map_err(Failure::told)?;
    let page = |after| runtime.block_on(card_standings(&client, &at, program, after, PAGE)).map_err(Failure::told);
    blocked_of(page, unheard, each)
}

struct Lines<'a> {
    format: Format,
    output: &'a mut dyn io::Write,
}

impl Lines<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        match self.format {
            Format::Csv => Ok(writeln!(self.output, "card,reason,account")?),
            Format::Json => Ok(()),
        }
    }

    fn card(&mut self, Blocked { card, account, reason }: &Blocked) -> Result<(), Failure> {
        let account = account.map(|account| account.to_string());
        match self.format {
            Format::Csv => {
                let mut row = csv::WriterBuilder::new().from_writer(&mut *self.output);
                let columns = [card.to_string(), reason.to_string(), account.unwrap_or_default()];
                row.write_record(&columns).map_err(Failure::told)?;
                Ok(row.flush()?)
            }
            Format::Json => {
                let card = json!({ "card": card.to_string(), "reason": reason.name(), "account": account });
                Ok(writeln!(self.output, "{card}")?)
            }
        }
    }
}

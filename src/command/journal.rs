//! `holdfast journal`: `verify` proves that no record was changed, lost or put elsewhere, `copy` brings a shared ledger's out of its database; `trim`
//! is in a file of its own.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use holdfast_core::hold::Account;
use serde_json::json;

use super::reading::copy_of;
use super::trim::Trim;
use super::{Failure, Place};
use crate::app::runtime;
use crate::balances::{self, Compared};
use crate::journal::backup::CopyError;
use crate::journal::state_file::{self, hexadecimal};
use crate::journal::{Checkpoint, Reader, Stage, Verified, head_number};
use crate::ledger::postgres::chaining::{self, Proven};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::copying::Copied;
use crate::ledger::postgres::migrate;

const EXAMPLES: &str = "\
Examples:
  holdfast journal verify
  holdfast journal verify --json | jq .head
  holdfast journal verify --balances
  holdfast journal verify holdfast-48211.backup

It only reads, beside a running server or without one, and takes as long as reading the whole file. The head is the hash
of the last commit group, and stands for every record before it: kept elsewhere with the number of the last record, it
proves later that nothing was changed. Its first 48 bits as a number are the metric holdfast_journal_head. Where the oldest
records were dropped, the checkpoint that stands for them is proven too: its file, and that a record of the chain names it.
Of a shared ledger, the chain in its database is walked: groups whose records were dropped are only linked.

With --balances, what every account has by the journal's records is compared with what the projection has, from which a start
reads it and pages list it: posted, held, credit line and status. A projection that is behind the journal is waited for as long
as it comes on; without a server it is compared up to the record that it has come to.

Exit codes:
  0  whole
  1  damaged (where, and what to do, on standard error), or not there; with --balances, also if accounts differ
  2  the command line is not understood";

/// Proves the journal, copies a shared one, or drops the oldest records.
#[derive(Debug, Args)]
pub struct Journal {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    Verify(Verify),
    Trim(Trim),
    Copy(Copy),
}

/// Walks the whole chain of the journal, from its first record to its last.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct Verify {
    /// A backup, or a data directory, instead of the configured one.
    file: Option<PathBuf>,
    /// Compares every account's balance with the journal, too.
    #[arg(long)]
    balances: bool,
    /// An object of JSON instead of lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

const COPY_EXAMPLES: &str = "\
Examples:
  holdfast journal copy --to journal-of-march
  holdfast explain tx-1001 --data journal-of-march
  holdfast journal verify journal-of-march

It only reads, beside running servers. The copy is of one moment, and what an embedded ledger's journal would be: records in an order in
which every account's are as they happened, numbered anew, with the rulesets and the operators' words. What callers wrote at payment
doors is not in it. It serves those who read, not as a backup: pg_basebackup makes one.

Exit codes:
  0  copied
  1  the directory is there, or cannot be written; or the database cannot be read
  2  the command line is not understood";

/// Copies a shared ledger's journal out of its database, into a directory that commands read with --data.
#[derive(Debug, Args)]
#[command(after_help = COPY_EXAMPLES)]
struct Copy {
    /// The directory. It must not be there.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Copy {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let to = self.to.display();
        let Some(database) = self.place.shared_database()? else {
            return Err(Failure::told(
                "the embedded ledger's journal is a file already: holdfast backup copies it while it is used",
            ));
        };
        if self.to.exists() {
            return Err(Failure::Told(format!("--to: {to} is there; name a directory that is not")));
        }
        let Copied { records, months_dropped } = copy_of(&database, &self.to)?;
        writeln!(output, "copied       {records} records to {to}")?;
        if months_dropped > 0 {
            writeln!(output, "dropped      {months_dropped} months, of which nothing is in it")?;
        }
        Ok(())
    }
}

impl Journal {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            JournalCommand::Verify(verify) => verify.run(output),
            JournalCommand::Trim(trim) => trim.run(output),
            JournalCommand::Copy(copy) => copy.run(output),
        }
    }
}

impl Verify {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let place = match self.file {
            Some(file) => file,
            None => match self.place.shared_database()? {
                Some(database) => return verify_shared(&database, self.balances, self.json, output),
                None => {
                    self.place.must_be_begun()?;
                    self.place.data()?
                }
            },
        };
        let mut told = Told::default();
        let verified = Reader::open(&place)
            .and_then(|reader| reader.verify(&mut |step, done, all| told.progress(step, done, all)))
            .map_err(|error| Failure::told(CopyError::reading(&place, error)))?;
        let compared = if self.balances {
            let mut progress = |step, done, all| told.progress(step, done, all);
            Some(balances::compare(&place, verified.last, &mut progress).map_err(Failure::told)?)
        } else {
            None
        };
        if self.json {
            let mut object = as_json(&verified);
            if let (Some(fields), Some(compared)) = (object.as_object_mut(), &compared) {
                fields.insert("balances".to_owned(), compared_as_json(compared));
            }
            writeln!(output, "{object}")?;
        } else {
            write!(output, "{}{}", as_lines(&verified), compared.as_ref().map_or_else(String::new, compared_as_lines))?;
        }
        let differing = compared.map_or(0, |compared| compared.differing.len());
        if differing == 0 { Ok(()) } else { Err(Failure::Told(format!("{differing} accounts {WHAT_TO_DO}"))) }
    }
}

/// Why there is nothing to compare them with.
const BEGINS_LATER: &str = "--balances adds up every record from the first on, and months of this journal were dropped \
    (journal_keep_days)";

/// What to do where the two sides differ.
const WHAT_TO_DO: &str = "differ from what the journal's records come to; the journal counts: stop the server, move \
    projection.sqlite and projection.sums away, and start it, which makes them anew";

fn compared_as_json(compared: &Compared) -> serde_json::Value {
    let side = |account: Option<Account>| {
        account.map(|account| {
            json!({"posted": account.posted, "held": account.held, "credit_line": account.credit_line,
                "status": account.status.name()})
        })
    };
    let differing = compared.differing.iter().map(|differing| {
        json!({"program": differing.program.as_str(), "account_id": differing.account.as_str(), "journal": side(differing.journal),
            "projection": side(differing.projection)})
    });
    json!({"record": compared.record, "accounts": compared.accounts, "differing": differing.collect::<Vec<_>>()})
}

fn compared_as_lines(compared: &Compared) -> String {
    let Compared { record, accounts, differing } = compared;
    if differing.is_empty() {
        return format!("balances     {accounts} accounts up to record {record}: as the records say\n");
    }
    let mut lines = format!("balances     {} of {accounts} accounts up to record {record} differ\n", differing.len());
    let side = |account: Option<Account>| {
        account.map_or_else(
            || "nothing".to_owned(),
            |account| {
                let (posted, held) = (account.money(account.posted), account.money(account.held));
                let line = account.money(account.credit_line);
                format!("posted {posted}, held {held}, credit line {line}, {}", account.status.name())
            },
        )
    };
    for one in differing {
        let (journal, projection) = (side(one.journal), side(one.projection));
        lines
            .push_str(&format!("  {} ({}): the journal says {journal}; the projection {projection}\n", one.account, one.program));
    }
    lines
}

/// The same of a shared ledger's journal, in its database.
fn verify_shared(database: &Database, balances: bool, json: bool, output: &mut dyn io::Write) -> Result<(), Failure> {
    let mut told = Told::default();
    let done = |many: i64| u64::try_from(many).unwrap_or(0);
    let proven = runtime()?.block_on(async {
        let at = database.whereabouts();
        let (client, _driving) = database.open(|_| {}).await?;
        migrate::must_be_ours(&client, &at).await?;
        let proven = chaining::verify(&client, &at, |number, all| told.progress(Stage::Proving, done(number), done(all))).await?;
        let compared = match balances && proven.dropped_groups == 0 {
            true => Some(chaining::compare_balances(&client, &at).await?),
            false => None,
        };
        Ok::<_, chaining::Unproven>((proven, compared))
    });
    let (Proven { records, groups, dropped_groups, not_chained, head }, compared) = proven.map_err(Failure::told)?;
    if balances && compared.is_none() {
        return Err(Failure::told(BEGINS_LATER));
    }
    let (head, number) = (hexadecimal(&head), head_number(&head));
    if json {
        let mut object = json!({"records": records, "groups": groups, "dropped_groups": dropped_groups, "not_chained": not_chained,
            "head": head, "head_number": number});
        if let (Some(fields), Some((accounts, differing))) = (object.as_object_mut(), &compared) {
            fields.insert("balances".to_owned(), json!({"accounts": accounts, "differing": differing}));
        }
        writeln!(output, "{object}")?;
        return of_balances(compared);
    }
    writeln!(output, "records      {records} in {} groups", groups.saturating_sub(dropped_groups))?;
    if dropped_groups > 0 {
        writeln!(output, "dropped      records of the first {dropped_groups} groups")?;
    }
    writeln!(output, "not chained  {not_chained} of the last moments\nhead         {head}\nhead number  {number}")?;
    match &compared {
        None => {}
        Some((accounts, differing)) if differing.is_empty() => {
            writeln!(output, "balances     {accounts} accounts: posted and held are what their records come to")?;
        }
        Some((accounts, differing)) => {
            writeln!(output, "balances     {} of {accounts} accounts differ, in minor units", differing.len())?;
            differing.iter().try_for_each(|one| writeln!(output, "  {one}"))?;
        }
    }
    of_balances(compared)
}

fn of_balances(compared: Option<(i64, Vec<String>)>) -> Result<(), Failure> {
    match compared.map_or(0, |(_, differing)| differing.len()) {
        0 => Ok(()),
        some => Err(Failure::Told(format!(
            "{some} accounts differ from what the journal's records come to; the journal counts: somebody changed holdfast.account or \
             a column of holdfast.record; put the row back from a backup"
        ))),
    }
}

/// What was told of the progress: one line on standard error for each tenth of a step.
#[derive(Debug, Default)]
pub(super) struct Told {
    last: Option<(Stage, u64)>,
}

impl Told {
    pub(super) fn progress(&mut self, step: Stage, done: u64, all: u64) {
        let tenths = done.saturating_mul(10).checked_div(all).unwrap_or(10).min(10);
        let now = Some((step, tenths));
        if now == self.last || tenths == 0 {
            return;
        }
        self.last = now;
        let word = match step {
            Stage::Copying => "copied",
            Stage::Proving => "proven",
            Stage::Reading => "read",
        };
        // Whoever closed standard error does not want to know.
        let _ = writeln!(io::stderr(), "{word}: {} %", tenths.saturating_mul(10));
    }
}

pub(super) fn as_json(verified: &Verified) -> serde_json::Value {
    json!({
        "records": verified.records(),
        "groups": verified.groups,
        "first": verified.first,
        "last": verified.last,
        "engines": verified.engines,
        "head": hexadecimal(&verified.head),
        "head_number": head_number(&verified.head),
        "checkpoint": verified.checkpoint.as_ref().map(checkpoint_as_json),
    })
}

pub(super) fn as_lines(verified: &Verified) -> String {
    let engines: Vec<_> = verified.engines.iter().map(String::as_str).collect();
    let checkpoint = verified.checkpoint.as_ref().map_or_else(String::new, checkpoint_as_lines);
    format!(
        "records      {} ({} to {}) in {} groups\nwritten by   {}\nhead         {}\nhead number  {}\n{checkpoint}",
        verified.records(),
        verified.first,
        verified.last,
        verified.groups,
        if engines.is_empty() { "nobody yet".to_owned() } else { engines.join(", ") },
        hexadecimal(&verified.head),
        head_number(&verified.head),
    )
}

pub(super) fn checkpoint_as_json(checkpoint: &Checkpoint) -> serde_json::Value {
    let state = checkpoint.state_of(Path::new("")).ok();
    json!({
        "record": checkpoint.record,
        "chain": hexadecimal(&checkpoint.chain),
        "dropped_up_to": state.as_ref().map(|state| state.at.to_string()),
        "file": state_file::path_of(Path::new(""), checkpoint.record).display().to_string(),
        "sha256": state.as_ref().map(|state| hexadecimal(&state.sha256)),
        "bytes": state.as_ref().map(|state| state.bytes),
        "accounts": state.as_ref().map(|state| state.accounts),
        "cards": state.as_ref().map(|state| state.cards),
        "holds_open": state.as_ref().map(|state| state.holds_open),
    })
}

/// What stands for the records that were dropped.
pub(super) fn checkpoint_as_lines(checkpoint: &Checkpoint) -> String {
    let file = state_file::path_of(Path::new(""), checkpoint.record);
    let mut lines = format!(
        "checkpoint   at record {}, in {}\n  chain      {}\n",
        checkpoint.record,
        file.display(),
        hexadecimal(&checkpoint.chain)
    );
    if let Ok(state) = checkpoint.state_of(&file) {
        lines.push_str(&format!(
            "  state      {} accounts, {} cards, {} open holds; sha256 {}\n  dropped    what was recorded up to {}\n",
            state.accounts,
            state.cards,
            state.holds_open,
            hexadecimal(&state.sha256),
            state.at
        ));
    }
    lines
}

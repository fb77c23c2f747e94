//! `holdfast spool`: what the ledger has not heard yet, and what it refused for good.

use std::fmt::Write as _;
use std::io;

use clap::{Args, Subcommand};
use holdfast_core::hold::ToldAnswer;
use holdfast_core::rules::RulesetHash;
use holdfast_core::{Money, Timestamp};
use serde_json::{Value, json};

use super::ledger::{Ledger, not_an_answer};
use super::rules::Signature;
use super::{Failure, Place};
use crate::clock;
use crate::config::{Config, Overrides};
use crate::control::protocol::BringBack;
use crate::control::{ControlAnswer, ControlRequest};
use crate::explain::phrases;
use crate::spool::{Aside, Bond, Entry, File, LedgerWas, Row, Sync, lock};
use crate::switchboard::one_line;

const EXAMPLES: &str = "\
Examples:
  holdfast spool
  holdfast spool --json | jq 'select(.set_aside)'
  holdfast spool retry 17 --by ann --why 'the account is imported now, ticket 951'
  holdfast spool accept-new --by ann --why 'its disk burnt; what was told is settled with the platform, ticket 952'

What waits is brought to the ledger as soon as it answers; nobody has to do anything. What was set aside the ledger refused for
good: it was told to a platform all the same, and counts as money at risk until it is settled. Remove the cause (import the
account or card, look at `holdfast explain`), then retry it. An entry that is retried waits under a new number.

A data directory remembers its spool. `serve` refuses to start where that is missing, empty, another one, or ends before what was
durable in it (spool.sqlite-mark says how far that was), and where a spool has entries beside a ledger that is new: bring the right one back, or accept the one that is there. Commands that look into it refuse
one that is not the directory's as well.

Exit codes:
  0  listed, also if there is nothing; or: it waits again
  1  the spool cannot be read, or no entry of that number is set aside
  2  the command line is not understood";

/// Lists what the ledger has not heard: what waits, and what was set aside, with its reason.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Spool {
    #[command(subcommand)]
    command: Option<SpoolCommand>,
    /// One line of JSON for each entry instead of lines for people.
    #[arg(long)]
    json: bool,
    /// How many of those that wait are listed to people, the oldest first.
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: u64,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum SpoolCommand {
    /// Brings an entry that was set aside to the ledger again.
    Retry(Retry),
    /// Makes the spool that is there the data directory's, instead of one that is lost, and takes it as whole: `serve` refuses to start with another
    /// one, or one that lost its end.
    AcceptNew(AcceptNew),
}

#[derive(Debug, Args)]
struct AcceptNew {
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Retry {
    /// Its number.
    number: i64,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    place: Place,
}

impl Spool {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            Some(SpoolCommand::Retry(retry)) => retry.run(output),
            Some(SpoolCommand::AcceptNew(accept)) => accept.run(output),
            None => List { json: self.json, most: self.most, now: clock::utc() }.run(self.place, output),
        }
    }
}

impl AcceptNew {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let config = Config::load(&self.place.config, Overrides { data: self.place.data, ..Overrides::default() })?;
        let Signature { by, why } = self.signature;
        let (data, path) = (&config.ledger.data, &config.spool.path);
        // What a server writes beside its spool is not made anew behind its back.
        let _lock = lock(path).map_err(Failure::told)?;
        let bond = Bond::of(data, path, LedgerWas::There).map_err(Failure::told)?;
        let file = File::open(path, Sync::Full).map_err(Failure::told)?;
        bond.accept(&file, &by, &why, clock::utc()).map_err(Failure::told)?;
        Ok(writeln!(output, "{} is the spool of {} from now on", path.display(), data.display())?)
    }
}

impl Retry {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Signature { by, why } = self.signature;
        let back = BringBack { number: self.number, by, why };
        let ControlAnswer::BroughtBack(number) = Ledger::at(self.place)?.ask(ControlRequest::BringBack(back))? else {
            return Err(not_an_answer());
        };
        Ok(writeln!(output, "entry {} waits for the ledger again, as entry {number}", self.number)?)
    }
}

/// How it is listed.
struct List {
    json: bool,
    most: u64,
    now: Timestamp,
}

/// What entries amount to.
#[derive(Debug, Default)]
struct Total {
    entries: u64,
    approved: Vec<Money>,
}

impl List {
    fn run(&self, place: Place, output: &mut dyn io::Write) -> Result<(), Failure> {
        let config = Config::load(&place.config, Overrides { data: place.data.clone(), ..Overrides::default() })?;
        let Some(file) = super::spool_of(&config)? else {
            place.must_be_begun()?;
            return if self.json { Ok(()) } else { Ok(writeln!(output, "nothing waits, and nothing was set aside")?) };
        };
        let (mut waiting, mut aside) = (Total::default(), Total::default());
        self.list_aside(&file, &mut aside, output)?;
        self.list_waiting(&file, &mut waiting, output)?;
        if !self.json {
            let unlisted = waiting.entries.saturating_sub(self.most);
            if unlisted > 0 {
                writeln!(output, "and {unlisted} more that wait; --most lists more of them")?;
            }
            writeln!(output, "waiting    {}", waiting.line())?;
            writeln!(output, "set aside  {}", aside.line())?;
        }
        Ok(())
    }

    fn list_aside(&self, file: &File, total: &mut Total, output: &mut dyn io::Write) -> Result<(), Failure> {
        for Aside { row, since, reason } in file.set_aside().map_err(Failure::told)? {
            let entry = row.entry().ok();
            total.count(entry.as_ref());
            if self.json {
                let set_aside = json!({ "at": since.to_string(), "reason": reason });
                writeln!(output, "{}", self.as_json(&row, entry.as_ref(), &set_aside))?;
            } else {
                writeln!(output, "{}\n  set aside at {since}: {}", self.as_line(&row, entry.as_ref()), one_line(&reason))?;
            }
        }
        Ok(())
    }

    fn list_waiting(&self, file: &File, total: &mut Total, output: &mut dyn io::Write) -> Result<(), Failure> {
        let back = file.brought_back().map_err(Failure::told)?;
        for row in file.waiting() {
            let row = row.map_err(Failure::told)?;
            let entry = row.entry().ok();
            total.count(entry.as_ref());
            if self.json {
                writeln!(output, "{}", self.as_json(&row, entry.as_ref(), &Value::Null))?;
            } else if total.entries <= self.most {
                writeln!(output, "{}", self.as_line(&row, entry.as_ref()))?;
                if let Some(back) = back.iter().find(|back| back.number == row.number) {
                    let (by, why) = (one_line(&back.by), one_line(&back.why));
                    writeln!(output, "  was entry {}, retried by {by} at {}: {why}", back.was, back.at)?;
                }
            }
        }
        Ok(())
    }

    fn age_seconds(&self, row: &Row) -> u64 {
        self.now.saturating_since(row.at).as_secs()
    }

    /// `entry 17  2026-03-14T15:09:26.535897Z (312 s ago)  demo  marqeta: approved 10.00 USD, payment tx-17, by stand-in …`.
    fn as_line(&self, row: &Row, entry: Option<&Entry>) -> String {
        let mut line = format!("entry {}  {} ({} s ago)", row.number, row.at, self.age_seconds(row));
        let Some(entry) = entry else { return line + "  cannot be read" };
        let platform = entry.origin().platform.map_or_else(|| "-".to_owned(), |platform| platform.to_string());
        // A String takes whatever is written to it.
        let _ = write!(line, "  {}  {platform}: {}", entry.origin().program, says(entry));
        if let Some(authorization) = entry.authorization() {
            let _ = write!(line, ", payment {authorization}");
        }
        if let Entry::Told(adopt, account) = entry {
            if let Some(account) = account {
                let _ = write!(line, ", account {account}");
            }
            let _ = write!(line, ", {}", phrases::basis(&adopt.basis));
        }
        line
    }

    fn as_json(&self, row: &Row, entry: Option<&Entry>, set_aside: &Value) -> Value {
        let approved = entry.and_then(approved);
        let account = entry.and_then(|entry| match entry {
            Entry::Told(_, account) => account.map(|account| account.to_string()),
            Entry::Fact(..) | Entry::Kept(..) | Entry::Ordered(..) | Entry::Published(..) => None,
        });
        json!({
            "entry": row.number,
            "at": row.at.to_string(),
            "age_seconds": self.age_seconds(row),
            "program": entry.map(|entry| entry.origin().program.to_string()),
            "platform": entry.and_then(|entry| entry.origin().platform).map(|platform| platform.to_string()),
            "says": entry.map(says),
            "payment": entry.and_then(Entry::authorization).map(|authorization| authorization.to_string()),
            "account": account,
            "approved_minor": approved.map(Money::minor),
            "currency": approved.map(|amount| amount.currency().code()),
            "set_aside": set_aside,
        })
    }
}

impl Total {
    fn count(&mut self, entry: Option<&Entry>) {
        self.entries = self.entries.saturating_add(1);
        let Some(amount) = entry.and_then(approved) else { return };
        match self.approved.iter_mut().find(|sum| sum.currency() == amount.currency()) {
            Some(sum) => *sum = Money::from_minor(sum.minor().saturating_add(amount.minor()), amount.currency()),
            None => self.approved.push(amount),
        }
    }

    fn line(&self) -> String {
        let sums: Vec<_> = self.approved.iter().map(|sum| format!("{} {}", sum.decimal(), sum.currency())).collect();
        let sums = if sums.is_empty() { "no money".to_owned() } else { sums.join(", ") };
        format!("{} entries, {sums} approved", self.entries)
    }
}

/// What was approved by it, if anything was.
fn approved(entry: &Entry) -> Option<Money> {
    let Entry::Told(adopt, _) = entry else { return None };
    match adopt.told {
        ToldAnswer::Approved { amount } => Some(amount),
        ToldAnswer::Declined { .. } => None,
    }
}

fn says(entry: &Entry) -> String {
    match entry {
        Entry::Told(adopt, _) => match adopt.told {
            ToldAnswer::Approved { amount } => format!("approved {} {}", amount.decimal(), amount.currency()),
            ToldAnswer::Declined { reason } => format!("declined: {reason}"),
        },
        Entry::Fact(_, event) => phrases::fact(&event.fact),
        Entry::Kept(_, unrecognized) => format!("not understood: {}", one_line(&unrecognized.problem)),
        Entry::Ordered(_, operation, event) => {
            format!("{}, by {}: {}", phrases::fact(&event.fact), one_line(&operation.who), one_line(&operation.why))
        }
        Entry::Published(_, kept) => {
            let (hash, by, why) = (RulesetHash::from_bytes(kept.hash), one_line(&kept.published_by), one_line(&kept.why));
            format!("stand-in table {hash:.12} put in force, by {by}: {why}")
        }
    }
}

//! `holdfast replay`: decides the whole journal again, and tells what comes out differently.

use std::io;

use clap::Args;
use serde_json::json;

use super::journal::Told;
use super::reading::Needs;
use super::{Failure, Place};
use crate::replay::{Difference, Replayed, replay};

const EXAMPLES: &str = "\
Examples:
  holdfast replay
  holdfast replay --from 120000 --to 130000
  holdfast replay --json | jq .field

It only reads, beside a running server or without one. A journal whose oldest records were dropped is decided again from
its checkpoint on. Every record is decided again with the ruleset that was in force (by
its hash), the facts and the times that the record tells, on the state that the records before it made: the rules' verdict,
what limits had counted, and what became of it must come out the same. The version that wrote a record promises that; under a
newer one, what differs is what the newer version decides otherwise. With --json each difference is one line, and the last
line is the summary.

Exit codes:
  0  all came out the same
  1  something came out differently (each difference on standard output), or the journal cannot be read
  2  the command line is not understood";

/// Decides every record of the journal again, and lists what comes out differently.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// The first record to decide again; those before it are read, to make the state that it meets.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    from: i64,
    /// The last one. Without it, the journal's last.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    to: Option<i64>,
    /// Lines of JSON instead of lines for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Replay {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        if let Some(to) = self.to.filter(|to| *to < self.from) {
            return Err(Failure::Told(format!("--to {to} is before --from {}: nothing would be decided again", self.from)));
        }
        let reading = self.place.journal(Needs::Whole)?;
        let reader = &reading.reader;
        let (_, next) = reader.bounds().map_err(Failure::told)?;
        if self.from >= next && self.from > 1 {
            let last = next.saturating_sub(1);
            return Err(Failure::Told(format!("--from {} is beyond the end: the journal's last record is {last}", self.from)));
        }
        let mut told = Told::default();
        let mut written = Ok(());
        let mut found = |difference: Difference| {
            let line = if self.json { difference.as_json().to_string() } else { as_line(&difference) };
            if written.is_ok() {
                written = writeln!(output, "{line}");
            }
            Ok(())
        };
        let range = self.from..=self.to.unwrap_or(i64::MAX);
        let replayed =
            replay(reader, &range, &mut found, &mut |step, done, all| told.progress(step, done, all)).map_err(Failure::told)?;
        written?;
        if self.json {
            writeln!(output, "{}", as_json(&replayed))?;
        } else {
            write!(output, "{}", as_lines(&replayed))?;
        }
        match replayed.differing {
            0 => Ok(()),
            1 => Err(Failure::told("1 record comes out differently")),
            several => Err(Failure::Told(format!("{several} records come out differently"))),
        }
    }
}

fn as_line(difference: &Difference) -> String {
    let Difference { record, at, engine, field, .. } = difference;
    format!("record {record} ({at}, by {engine}): {}: {} -> {}", field.path, field.before, field.after)
}

fn engines(replayed: &Replayed) -> Vec<&str> {
    replayed.engines.iter().map(String::as_str).collect()
}

fn as_lines(replayed: &Replayed) -> String {
    let written_by = match engines(replayed).as_slice() {
        [] => "nobody".to_owned(),
        engines => engines.join(", "),
    };
    let mut lines = format!(
        "read         {} records\ndecided      {} again, by {}\nwritten by   {written_by}\ndiffer       {}\n",
        replayed.read,
        replayed.decided,
        env!("CARGO_PKG_VERSION"),
        replayed.differing,
    );
    if replayed.owed > 0 {
        lines.push_str(&format!("owed         {} declines told while the journal failed: rules only\n", replayed.owed));
    }
    lines
}

fn as_json(replayed: &Replayed) -> serde_json::Value {
    json!({
        "read": replayed.read,
        "decided": replayed.decided,
        "differing": replayed.differing,
        "owed": replayed.owed,
        "written_by": engines(replayed),
        "decided_by": env!("CARGO_PKG_VERSION"),
    })
}

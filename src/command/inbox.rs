//! `holdfast inbox`: what platforms notified and nobody understood.

use std::io::{self, Write as _};

use clap::Args;
use holdfast_core::{ProgramId, Timestamp};
use serde_json::json;

use super::journal::Told;
use super::{Failure, Place};
use crate::journal::{Body, JournalError, Numbered, Reader};

const EXAMPLES: &str = "\
Examples:
  holdfast inbox
  holdfast inbox --since 2026-03-14 --program demo
  holdfast inbox --since 2026-03-14T15:00:00Z --json | jq .problem

A notification is never refused for what it says: what is not understood is acknowledged, kept redacted (field names,
identifiers and amounts), and listed here. Something here usually means that the platform has something new. The digest is the
SHA-256 of what came, to find it again at the platform.

Exit codes:
  0  listed, also if there is nothing
  1  the journal cannot be read
  2  the command line is not understood";

/// Lists notifications that were kept and not understood, the oldest first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Inbox {
    /// Only what was recorded from then on: a date, which begins at midnight UTC, or a moment in RFC 3339.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only of this program.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    /// One line of JSON for each instead of lines for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// A date or a moment.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let at = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    at.map(|at| Timestamp::from_unix_micros(at.as_microsecond()))
        .map_err(|_| "is neither a date such as 2026-03-14 nor a moment such as 2026-03-14T15:00:00Z".to_owned())
}

impl Inbox {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let reader = Reader::open(&self.place.data()?).map_err(Failure::told)?;
        let (mut told, mut written, mut count) = (Told::default(), Ok(()), 0_u64);
        let mut each = |numbered: Numbered<'_>| -> Result<(), JournalError> {
            if let Some(line) = self.line(&numbered) {
                count = count.saturating_add(1);
                if written.is_ok() {
                    written = writeln!(output, "{line}");
                }
            }
            Ok(())
        };
        reader.records(i64::MAX, &mut |step, done, all| told.progress(step, done, all), &mut each).map_err(Failure::told)?;
        written?;
        if let Some(begins) = reader.begins().map_err(Failure::told)? {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{begins}");
        }
        if count == 0 && !self.json {
            writeln!(output, "nothing: every notification was understood")?;
        }
        Ok(())
    }

    fn line(&self, numbered: &Numbered<'_>) -> Option<String> {
        let record = &numbered.record;
        let Body::Kept { digest, problem, redacted } = &record.body else { return None };
        let too_old = self.since.is_some_and(|since| record.at < since);
        if too_old || self.program.is_some_and(|program| record.program != Some(program)) {
            return None;
        }
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let (number, at) = (numbered.number, record.at.to_string());
        let program = record.program.map_or_else(|| "-".to_owned(), |program| program.to_string());
        let platform = record.platform.map_or_else(|| "-".to_owned(), |platform| platform.to_string());
        Some(if self.json {
            json!({"record": number, "at": at, "program": program, "platform": platform, "problem": problem,
                   "redacted": redacted, "sha256": digest})
            .to_string()
        } else {
            format!("record {number}  {at}  {program}  {platform}: {problem}\n  sha256 {digest}\n  {redacted}")
        })
    }
}

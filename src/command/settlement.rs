//! `holdfast settlement`: what is due to the networks for a day, and how the platform's file compares.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use holdfast_core::{PlatformName, ProgramId};
use jiff::civil::Date;

use super::journal::Told;
use super::reading::Needs;
use super::{Failure, Place};
use crate::config::{Config, Overrides, ProgramConfig};
use crate::journal::{Begins, Reader};
use crate::ledger::embedded::projection::checkpoint::Beginning;
use crate::settlement::report::{self, Title};
use crate::settlement::{Before, Called, Checked, Day, FileRow, Question, Reconciled, Summing, read_file, reconcile};
use crate::settlement_day::{Cutoff, date_of, days};

const EXAMPLES: &str = "\
Examples:
  holdfast settlement --program demo --day 2026-03-14
  holdfast settlement --program demo --day 2026-03-14 --file settled.csv --platform marqeta
  holdfast settlement --program demo --day 2026-03-14 --json | jq .due

It only reads, beside a running server or without one. A movement belongs to the day on which the platform says that the
network settles it; where it does not say, to the day that ends at the program's settlement_cutoff, by when it happened or
else by when it was recorded. A debit that its decision took is moved to the day that its completion tells; what is needed in
the wallet is what is on all accounts by what counts to the day or to earlier ones, and what is due for the day. Only what is balanced against a network is due; loads, fees, disputes and stand-in loss are
listed beside it. A day of which records were dropped (journal_keep_days) is not told. What a platform announces, and its file, are
compared with what came from that platform. The columns of the file are named in [program.settlement_file]; its rows may
name a message or, by whatever one of its messages called it, the payment; or, on the embedded ledger, by the roc_text_data that
was passed on with it. Amounts are decimals, and the order of rows means nothing.

Exit codes:
  0  told; and what there was to compare (the file, a settlement that the platform announced) is the same
  1  something differs or is missing on either side (on standard output), or the journal or the file cannot be read
  2  the command line is not understood";

/// Tells what is due per network and currency for a day, the movements behind it, and compares the platform's file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Settlement {
    /// The program.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    /// The settlement day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Date,
    /// The platform's settlement file, to be compared.
    #[arg(long, value_name = "CSV")]
    file: Option<PathBuf>,
    /// Whose file it is; needed where more than one platform calls the program.
    #[arg(long, value_name = "PLATFORM", requires = "file")]
    platform: Option<PlatformName>,
    /// An object of JSON instead of tables.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Settlement {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let overrides = Overrides { data: self.place.data.clone(), ..Overrides::default() };
        let config = Config::load(&self.place.config, overrides)?;
        let program = config.programs.iter().find(|program| program.id == self.program).ok_or_else(|| {
            Failure::Told(format!("--program: {} has no program `{}`", self.place.config.display(), self.program))
        })?;
        let file = self.file.as_deref().map(|file| self.rows(file, program)).transpose()?;
        let names = file.iter().flat_map(|(rows, _)| rows.iter().map(|row| row.payment.clone())).collect();
        let day = sum(&self.place.journal(Needs::Whole)?.reader, program, self.day, names)?;
        let reconciled = file.map(|(rows, platform)| reconcile(&day, &rows, platform.as_ref()));
        let title = Title { program: self.program, date: self.day.to_string() };
        if self.json {
            writeln!(output, "{}", report::as_json(&title, &day, reconciled.as_ref()))?;
        } else {
            write!(output, "{}", report::as_text(&title, &day, reconciled.as_ref()))?;
        }
        verdict(&day, reconciled.as_ref())
    }

    /// The file's rows, and whose they are.
    fn rows(&self, file: &Path, program: &ProgramConfig) -> Result<(Vec<FileRow>, Option<PlatformName>), Failure> {
        let Some(columns) = &program.settlement_file else {
            return Err(Failure::Told(format!(
                "--file: program `{}` has no [program.settlement_file] that names the columns",
                program.id
            )));
        };
        let platform = self.whose(program)?;
        let name = file.display();
        let opened = File::open(file).map_err(|error| Failure::Told(format!("{name}: cannot be read: {error}")))?;
        let rows = read_file(opened, columns, program.currency).map_err(|problems| {
            Failure::Told(problems.iter().map(|problem| format!("{name}: {problem}")).collect::<Vec<_>>().join("\n"))
        })?;
        Ok((rows, platform))
    }

    /// The platform whose file it is. A file of one compared with everything would always differ.
    fn whose(&self, program: &ProgramConfig) -> Result<Option<PlatformName>, Failure> {
        let all: BTreeSet<&str> = program.mounts.iter().map(|mount| mount.platform.name).collect();
        let listed = all.iter().copied().collect::<Vec<_>>().join(", ");
        match &self.platform {
            Some(platform) if !all.contains(platform.as_str()) => {
                Err(Failure::Told(format!("--platform: `{platform}` does not call program `{}`; these do: {listed}", program.id)))
            }
            None if all.len() > 1 => Err(Failure::Told(format!(
                "--file: {listed} call program `{}`; say with --platform whose file it is",
                program.id
            ))),
            Some(_) | None => Ok(self.platform),
        }
    }
}

fn sum(reader: &Reader, program: &ProgramConfig, day: Date, sought: HashSet<String>) -> Result<Day, Failure> {
    let cutoff = Cutoff::new(program.time_zone.clone(), program.settlement_cutoff);
    let question = Question { program: program.id, day: days(day), cutoff };
    let summing = match Beginning::of(reader).map_err(Failure::told)? {
        None => Summing::new(question),
        Some(beginning) => sum_from(&beginning, question)?,
    };
    let checked = Checked::among(reader, &program.id, &sought).map_err(Failure::told)?;
    let sought = sought.into_iter().chain(checked.payments().cloned()).collect();
    let mut summing = summing.seeking(sought);
    let mut told = Told::default();
    reader
        .records(i64::MAX, &mut |step, done, all| told.progress(step, done, all), &mut |numbered| {
            summing.take(numbered.number, numbered.record);
            Ok(())
        })
        .map_err(Failure::told)?;
    let mut day = summing.finish();
    name_payments(reader, program.id, &mut day)?;
    checked.tell(&mut day);
    Ok(day)
}

/// What the day's payments are called: which of them these are is known only at its end.
fn name_payments(reader: &Reader, program: ProgramId, day: &mut Day) -> Result<(), Failure> {
    let mut called = Called::of(program, day);
    if called.is_empty() {
        return Ok(());
    }
    if let Some(beginning) = Beginning::of(reader).map_err(Failure::told)? {
        called.begin(&beginning).map_err(Failure::told)?;
    }
    let mut told = Told::default();
    reader
        .records(i64::MAX, &mut |step, done, all| told.progress(step, done, all), &mut |numbered| {
            called.take(numbered.record);
            Ok(())
        })
        .map_err(Failure::told)?;
    called.tell(day);
    Ok(())
}

/// Before the first record that is kept. A day of which something was dropped is not told at all: half a day is no settlement.
fn sum_from(beginning: &Beginning, question: Question) -> Result<Summing, Failure> {
    let Beginning { record, at, .. } = beginning;
    let (day, last) = (question.day, question.cutoff.day_of(*at));
    let begins = Begins { record: *record, at: *at };
    let asked = date_of(day);
    if day <= last {
        let first = date_of(last.saturating_add(1));
        return Err(Failure::Told(format!("--day: {asked} is not whole: {begins}; the first day that is, is {first}")));
    }
    if beginning.has_settled(&question.program, &question.cutoff, day).map_err(Failure::told)? {
        return Err(Failure::Told(format!(
            "--day: {asked} is not whole: {begins}, and the platform had counted money of that to this day"
        )));
    }
    let before = Before::of(beginning, &question).map_err(Failure::told)?;
    Ok(Summing::beginning_with(question, before))
}

fn verdict(day: &Day, reconciled: Option<&Reconciled>) -> Result<(), Failure> {
    let mut problems = Vec::new();
    if let Some(differing) = reconciled.map(|reconciled| reconciled.differences.len()).filter(|count| *count > 0) {
        problems.push(format!("{differing} of the file's or our payments do not match"));
    }
    if report::announced(day).iter().any(|compared| compared.announced != compared.due) {
        problems.push("what a platform announced is not what is due of it".to_owned());
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Told(problems.join("\n"))) }
}

//! `holdfast stand-in report`: what stand-in did, outage by outage.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args;
use holdfast_core::{Currency, Money, ProgramId, Timestamp};
use serde_json::{Value, json};

use super::inbox::moment;
use super::journal::Told;
use super::reading::{Needs, away};
use super::{Failure, Place};
use crate::clock;
use crate::config::{Config, Overrides};
use crate::outages::{Answers, Outage, Sum};
use crate::spool::{File, Switched};
use crate::switchboard::one_line;

/// Tells what stand-in did: for each outage its time, causes, decisions, exposure, and what may be lost.
///
/// An outage begins with the first answer that was given without the ledger, or with the switch, and ends with the last one, or when the
/// ledger answered again, whether anybody asked or not, if the breaker was open; answers less than five minutes apart belong together. What mode
/// `drop` left to the platform, which left no hold, is counted apart. With --since an outage that began before is told whole, and what
/// earlier ones left unconfirmed is in the exposure of each.
#[derive(Debug, Args)]
pub struct Report {
    /// Only outages that ended then or later: a date, which begins at midnight UTC, or a moment in RFC 3339.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only of this program.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    /// One line of JSON for each outage instead of tables for people; `last_answer` is when the last question came that was answered
    /// without the ledger.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Report {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let config = Config::load(&self.place.config, Overrides { data: self.place.data.clone(), ..Overrides::default() })?;
        if let Some(wanted) = self.program {
            super::rules::only_program(&config, Some(wanted))?;
        }
        if let Some(since) = self.since.filter(|since| *since > clock::utc()) {
            return Err(Failure::Told(format!("--since: {since} is still to come; name a time that has passed")));
        }
        self.place.must_be_begun()?;
        let spool = super::spool_of(&config)?;
        let answers = self.answers(spool.as_ref())?;
        let (now, mut count) = (clock::utc(), 0_usize);
        for program in config.programs.iter().filter(|program| self.program.is_none_or(|wanted| wanted == program.id)) {
            for outage in answers.outages(program.id, self.since.unwrap_or(Timestamp::EPOCH)) {
                let gap = if count > 0 { "\n" } else { "" };
                count = count.saturating_add(1);
                if self.json {
                    writeln!(output, "{}", as_json(&outage, program.currency))?;
                } else {
                    write!(output, "{gap}{}", as_lines(&outage, program.currency, now))?;
                }
            }
        }
        if count == 0 && !self.json {
            writeln!(output, "nothing: the ledger answered every question")?;
        }
        Ok(())
    }

    /// Those of the journal and the spool; while a shared ledger's database is away, those of the spool.
    fn answers(&self, spool: Option<&File>) -> Result<Answers, Failure> {
        let away = self.place.shared_database()?.map(|database| away(&database)).transpose()?.flatten();
        if let Some(away) = away {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(
                io::stderr(),
                "{away}\ntold is only what this responder's spool has: what the ledger has heard before, of this outage too, is in its \
                 database"
            );
            return Answers::unheard(spool).map_err(Failure::told);
        }
        let reading = self.place.journal(Needs::WhatIsThere)?;
        let (reader, mut told) = (&reading.reader, Told::default());
        let answers = Answers::read(reader, spool, &mut |step, done, all| told.progress(step, done, all));
        if let Some(begins) = reader.begins().map_err(Failure::told)? {
            let _ = writeln!(io::stderr(), "{begins}");
        }
        answers.map_err(Failure::told)
    }
}

fn money(minor: i64, currency: Currency) -> String {
    format!("{} {currency}", Money::from_minor(minor, currency).decimal())
}

fn as_lines(outage: &Outage, currency: Currency, now: Timestamp) -> String {
    let Outage { program, from, to, causes, switched, by, .. } = outage;
    let seconds = to.saturating_since(*from).as_secs();
    let causes: Vec<_> = causes.iter().map(|(cause, count)| format!("{} {count}", cause.name())).collect();
    let causes = if causes.is_empty() { "none: no question came".to_owned() } else { causes.join(", ") };
    let still = if *to > now { ", if nobody switches it off before" } else { "" };
    // A String takes whatever is written to it.
    let mut text = format!("program            {program}\nfrom               {from}\n");
    let _ = writeln!(text, "to                 {to}, {seconds} s later{still}\nanswers by cause   {causes}");
    for switched in switched {
        let _ = writeln!(text, "switched           {}", switch_line(switched));
    }
    let mut line = |name: &str, sum: &Sum| {
        let _ = writeln!(text, "{name:<26} {:>8}  {:>18}", sum.count, money(sum.amount, currency));
    };
    let answers = [
        ("approve", "approved", &outage.approved),
        ("decline", "declined", &outage.declined),
        ("abstain", "left to the platform", &outage.left),
    ];
    // Of mode `drop`, which few use, there is a line where there was any.
    for (answer, name, total) in answers.into_iter().filter(|(answer, _, total)| *answer != "abstain" || total.count > 0) {
        line(name, total);
        for ((_, by), sum) in by.iter().filter(|((said, _), _)| *said == answer) {
            line(&format!("  {by}"), sum);
        }
    }
    line("not heard by the ledger", &outage.waiting);
    line("over the limit", &outage.over_limit);
    line("set aside", &outage.set_aside);
    let _ = writeln!(text, "{:<35}  {:>18}", "exposure at most", money(outage.exposure_max, currency));
    let _ = writeln!(text, "{:<35}  {:>18}", "loss at most", money(outage.loss_max(), currency));
    text
}

/// `for program demo, by ann, until 2026-03-14T15:39:26.535897Z: a new disk`.
fn switch_line(switched: &Switched) -> String {
    let Switched { scope, since, until, by, why, off, .. } = switched;
    let mut line = format!("for {scope} at {since} by {}, until {until}: {}", one_line(by), one_line(why));
    if let Some(off) = off {
        let _ = write!(line, "; off at {} by {}: {}", off.at, one_line(&off.by), one_line(&off.why));
    }
    line
}

fn as_json(outage: &Outage, currency: Currency) -> Value {
    let sum = |sum: &Sum| json!({ "count": sum.count, "amount_minor": sum.amount });
    let causes: serde_json::Map<_, _> =
        outage.causes.iter().map(|(cause, count)| (cause.name().to_owned(), (*count).into())).collect();
    let by: Vec<_> = outage
        .by
        .iter()
        .map(|((answer, by), sum)| json!({ "answer": answer, "by": by, "count": sum.count, "amount_minor": sum.amount }))
        .collect();
    let switched: Vec<_> = outage.switched.iter().map(switch_json).collect();
    json!({
        "program": outage.program.to_string(),
        "from": outage.from.to_string(),
        "to": outage.to.to_string(),
        "last_answer": outage.last_answer.map(|at| at.to_string()),
        "causes": causes,
        "switched": switched,
        "currency": currency.code(),
        "approved": sum(&outage.approved),
        "declined": sum(&outage.declined),
        "left_to_platform": sum(&outage.left),
        "by": by,
        "waiting": sum(&outage.waiting),
        "over_limit": sum(&outage.over_limit),
        "set_aside": sum(&outage.set_aside),
        "exposure_max_minor": outage.exposure_max,
        "loss_max_minor": outage.loss_max(),
    })
}

fn switch_json(switched: &Switched) -> Value {
    let Switched { scope, since, until, by, why, off, .. } = switched;
    json!({
        "platform": scope.platform.map(|platform| platform.to_string()),
        "since": since.to_string(),
        "until": until.to_string(),
        "by": by,
        "why": why,
        "off_at": off.as_ref().map(|off| off.at.to_string()),
        "off_by": off.as_ref().map(|off| off.by.clone()),
        "off_why": off.as_ref().map(|off| off.why.clone()),
    })
}

//! `holdfast stand-in preview`: what a stand-in table would have answered to the authorizations of the journal.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use holdfast_adapters::agent_spend;
use holdfast_core::stand_in::{Caps, EXPOSURE, StandInPolicy};
use holdfast_core::{Currency, Money, PlatformName, ProgramId};
use serde_json::json;

use super::journal::Told;
use super::reading::Needs;
use super::rules::{only_program, read};
use super::{Failure, Place};
use crate::config::{AgentsConfig, Config, Environment, Overrides, ProgramConfig, stand_in};
use crate::preview::{Questions, Sum, Tally, Wanted};

/// Asks a table about every authorization of the journal, as if the ledger had been away, and compares with what it really said.
///
/// Each one is judged as if the ledger had been away for --outage by then: with balances of that long ago, and with what stand-in
/// approved in that time unconfirmed. The worst exposure is what the worst of all outages of that length puts at risk that begin at one
/// of these authorizations, with nothing unconfirmed and rows that think of each as above; a row that asks for a balance no older than
/// the outage approves more in its first part. Only `exposure_max` is a limit of it whatever is asked.
/// Wrongly approved is what the table gives beyond what the ledger gave, wrongly declined what it gives less, also where one of them
/// gives a part.
#[derive(Debug, Args)]
pub struct Preview {
    /// The table.
    file: PathBuf,
    /// The program that it is for; needed only if the configuration has several.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    /// Only this platform's authorizations.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<PlatformName>,
    /// How long the ledger is away: 30m, 4h, 1d.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = seconds)]
    outage: Duration,
    /// Other values of one cap, each judged anew: exposure=1000.00,5000.00 or card-day.amount=50.00,100.00 or card-day.count=1,2,3.
    #[arg(long, value_name = "CAP=VALUES")]
    sweep: Option<String>,
    /// JSON instead of lines for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn seconds(text: &str) -> Result<Duration, &'static str> {
    crate::config::ruleset::seconds(text).map(|seconds| Duration::from_secs(u64::from(seconds)))
}

impl Preview {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let overrides = Overrides { data: self.place.data.clone(), ..Overrides::default() };
        let config = Config::load(&self.place.config, overrides)?;
        let program = only_program(&config, self.program)?;
        self.platform.map_or(Ok(()), |platform| must_call(&config, program, platform))?;
        let policy = stand_in::read(&self.file.display().to_string(), &read(&self.file)?, &program.home())?;
        let others = self.sweep.as_deref().map(|sweep| Sweep::read(sweep, &policy)).transpose()?;
        let reading = self.place.journal(Needs::Whole)?;
        let wanted = Wanted { program: program.id, platform: self.platform, outage: self.outage };
        let mut told = Told::default();
        let questions = Questions::of(&reading.reader, &policy, &wanted, &mut |step, done, all| told.progress(step, done, all))
            .map_err(Failure::told)?;
        let tally = questions.under(policy.caps(), self.outage);
        let swept: Vec<(String, Tally)> = others
            .iter()
            .flat_map(|sweep| &sweep.values)
            .map(|(value, caps)| (value.clone(), questions.under(caps, self.outage)))
            .collect();
        if self.json {
            writeln!(output, "{}", as_json(&questions, &tally, &swept, program.currency))?;
        } else {
            write!(output, "{}", as_lines(&questions, &tally, self.outage, &policy))?;
            if let Some(sweep) = &others {
                write!(output, "\n{}", as_table(&sweep.cap, &swept, program.currency))?;
            }
        }
        Ok(())
    }
}

/// Whether a platform calls for a program.
fn must_call(config: &Config, program: &ProgramConfig, wanted: PlatformName) -> Result<(), Failure> {
    let is_theirs = |agents: &&AgentsConfig| {
        [Environment::Sandbox, Environment::Production]
            .into_iter()
            .any(|environment| agents.program(environment) == Some(program.id))
    };
    let agents = config.agents.as_ref().filter(is_theirs);
    let mounted = program.mounts.iter().map(|mount| mount.platform.name);
    let known: BTreeSet<&str> = mounted.chain(agents.map(|_| agent_spend::NAME)).collect();
    if known.contains(wanted.as_str()) {
        return Ok(());
    }
    let listed = known.into_iter().collect::<Vec<_>>().join(", ");
    Err(Failure::Told(format!("--platform: `{wanted}` does not call program `{}`; these do: {listed}", program.id)))
}

/// Other values of one cap.
struct Sweep {
    cap: String,
    values: Vec<(String, Caps)>,
}

impl Sweep {
    fn read(text: &str, policy: &StandInPolicy) -> Result<Self, Failure> {
        let wrong = |problem: String| Failure::Told(format!("--sweep: {problem}"));
        let (cap, values) = text.split_once('=').ok_or_else(|| wrong("write for example exposure=1000.00,5000.00".to_owned()))?;
        let values = values.split(',').map(|value| {
            with(policy, cap, value)
                .map(|caps| (value.to_owned(), caps))
                .map_err(|problem| wrong(format!("{cap}={value}: {problem}")))
        });
        Ok(Sweep { cap: cap.to_owned(), values: values.collect::<Result<_, _>>()? })
    }
}

/// The table's caps with another value of one of them.
fn with(policy: &StandInPolicy, cap: &str, value: &str) -> Result<Caps, String> {
    let mut caps = policy.caps().clone();
    let amount = || {
        let amount = Money::from_plain_decimal(value, policy.currency()).map_err(|error| error.to_string())?;
        if amount.minor() > 0 { Ok(amount) } else { Err("must be more than zero".to_owned()) }
    };
    if cap == EXPOSURE || cap.strip_prefix(EXPOSURE) == Some(".amount") {
        caps.exposure_max = Some(amount()?);
        return Ok(caps);
    }
    if cap.strip_prefix(EXPOSURE) == Some(".count") {
        return Err(format!("{EXPOSURE} counts no approvals: sweep its amount"));
    }
    let (name, which) = cap.rsplit_once('.').ok_or("say which maximum: its name with .amount or .count")?;
    let known: Vec<_> = std::iter::once(EXPOSURE.to_owned()).chain(caps.caps.iter().map(|cap| cap.id.to_string())).collect();
    let swept = caps.caps.iter_mut().find(|cap| cap.id.as_str() == name);
    let swept = swept.ok_or_else(|| format!("there is no such cap; the table has {}", known.join(", ")))?;
    match which {
        "amount" => swept.amount_max = Some(amount()?),
        "count" => {
            let count = value.parse().ok().filter(|count| *count > 0);
            swept.count_max = Some(count.ok_or("is not a whole number of at least 1")?);
        }
        _ => return Err("say which maximum: its name with .amount or .count".to_owned()),
    }
    Ok(caps)
}

fn money(minor: i64, currency: Currency) -> String {
    format!("{} {currency}", Money::from_minor(minor, currency).decimal())
}

fn as_lines(questions: &Questions, tally: &Tally, outage: Duration, policy: &StandInPolicy) -> String {
    let (judged, currency) = (questions.judged(), policy.currency());
    let mut text = format!("read               {} records\n", questions.read);
    let _ =
        writeln!(text, "judged             {judged} authorizations, as if the ledger had been away for {} s", outage.as_secs());
    if questions.not_judged > 0 {
        let _ = writeln!(text, "not judged         {}, which the ledger did not decide itself", questions.not_judged);
    }
    let line = |text: &mut String, name: &str, sum: &Sum, about: Option<&str>| {
        let _ = write!(text, "{name:<18} {:>8}  {:>18}", sum.count, money(sum.amount, currency));
        about.into_iter().for_each(|about| text.extend(["  ", about]));
        text.push('\n');
    };
    for (answer, name, total) in [
        ("approve", "approved", tally.approved),
        ("decline", "declined", tally.declined),
        ("abstain", "left to platform", tally.abstained),
    ] {
        if total.count > 0 || answer == "approve" {
            line(&mut text, name, &total, None);
        }
        for ((_, by), sum) in tally.by.iter().filter(|((said, _), _)| *said == answer) {
            line(&mut text, &format!("  {by}"), sum, description(policy, by));
        }
    }
    line(&mut text, "wrongly approved", &tally.wrongly_approved, None);
    line(&mut text, "wrongly declined", &tally.wrongly_declined, None);
    match tally.worst {
        Some(worst) => {
            let at = worst.at.map(|at| format!("  at {at}")).unwrap_or_default();
            let _ = writeln!(text, "worst exposure     {:>8}  {:>18}{at}", "", money(worst.exposure, currency));
            if worst.at_most > worst.exposure {
                // So many outages begin in a long journal that some were only bounded.
                let _ = writeln!(
                    text,
                    "  at most          {:>8}  {:>18}  in those that were not tried",
                    "",
                    money(worst.at_most, currency)
                );
            }
        }
        None => text.push_str("worst exposure     none\n"),
    }
    text
}

/// What the author says of a row or cap, which is named as `row everyday`.
fn description<'a>(policy: &'a StandInPolicy, by: &str) -> Option<&'a str> {
    match by.split_once(' ')? {
        ("row", id) => policy.rows().iter().find(|row| row.id().as_str() == id)?.description(),
        ("cap", id) => policy.caps().caps.iter().find(|cap| cap.id.as_str() == id)?.description.as_deref(),
        _ => None,
    }
}

fn as_table(cap: &str, swept: &[(String, Tally)], currency: Currency) -> String {
    let mut text = format!(
        "{cap:<20} {:>8} {:>16} {:>16} {:>16} {:>16}\n",
        "approved", "sum", "wrongly approved", "wrongly declined", "worst exposure"
    );
    for (value, tally) in swept {
        let worst = tally.worst.map_or(0, |worst| worst.exposure);
        let [sum, approved, declined, worst] =
            [tally.approved.amount, tally.wrongly_approved.amount, tally.wrongly_declined.amount, worst]
                .map(|minor| money(minor, currency));
        let _ = writeln!(text, "{value:<20} {:>8} {sum:>16} {approved:>16} {declined:>16} {worst:>16}", tally.approved.count);
    }
    text
}

fn as_json(questions: &Questions, tally: &Tally, swept: &[(String, Tally)], currency: Currency) -> serde_json::Value {
    let told = |tally: &Tally| {
        let sum = |sum: &Sum| json!({ "count": sum.count, "amount_minor": sum.amount });
        let by: Vec<_> = tally
            .by
            .iter()
            .map(
                |((answer, by), total)| json!({ "answer": answer, "by": by, "count": total.count, "amount_minor": total.amount }),
            )
            .collect();
        json!({
            "approved": sum(&tally.approved),
            "declined": sum(&tally.declined),
            "abstained": sum(&tally.abstained),
            "wrongly_approved": sum(&tally.wrongly_approved),
            "wrongly_declined": sum(&tally.wrongly_declined),
            "worst_exposure_minor": tally.worst.map_or(0, |worst| worst.exposure),
            "worst_exposure_at_most_minor": tally.worst.map_or(0, |worst| worst.at_most),
            "worst_exposure_at": tally.worst.and_then(|worst| worst.at).map(|at| at.to_string()),
            "by": by,
        })
    };
    let swept: Vec<_> = swept.iter().map(|(value, tally)| json!({ "value": value, "result": told(tally) })).collect();
    json!({
        "read": questions.read,
        "judged": questions.judged(),
        "not_judged": questions.not_judged,
        "currency": currency.code(),
        "result": told(tally),
        "sweep": swept,
    })
}

#[cfg(test)]
mod tests {
    use holdfast_core::{Country, ProgramId};

    use super::*;
    use crate::config::ruleset::Home;

    #[test]
    fn the_exposure_is_swept_under_either_of_its_names() {
        let home =
            Home { program: ProgramId::new("demo").unwrap(), currency: Currency::USD, country: Country::new("USA").unwrap() };
        let policy = stand_in::read("t.toml", include_str!("../../config/stand-in/collateral.toml"), &home).unwrap();
        for name in ["exposure", "exposure.amount"] {
            let exposure = with(&policy, name, "5.00").unwrap().exposure_max;
            assert_eq!(exposure, Some(Money::from_minor(500, Currency::USD)), "{name}");
        }
        assert!(with(&policy, "exposure.count", "5").unwrap_err().contains("sweep its amount"));
        assert!(with(&policy, "exposures.amount", "5.00").unwrap_err().contains("there is no such cap"));
        let text = "currency = 'USD'\ncountry = 'USA'\nexposure_max = '30.00'\n[[row]]\nid = 'all'\nanswer = 'approve'\n";
        let without_caps = stand_in::read("t.toml", text, &home).unwrap();
        assert!(with(&without_caps, "nocap.amount", "5.00").unwrap_err().ends_with("the table has exposure"));
    }

    #[test]
    fn rows_and_caps_are_told_with_their_descriptions() {
        let home =
            Home { program: ProgramId::new("demo").unwrap(), currency: Currency::USD, country: Country::new("USA").unwrap() };
        let policy = stand_in::read("t.toml", include_str!("../../config/stand-in/collateral.toml"), &home).unwrap();
        assert_eq!(description(&policy, "row money-back"), Some("Refunds and credits must arrive"));
        assert_eq!(description(&policy, "cap card-in-total"), Some("Three payments and 500.00 USD that nobody has confirmed"));
        for other in ["row nobody's", "cap money-back", "no_row", "rule amount-max"] {
            assert_eq!(description(&policy, other), None, "{other}");
        }
    }
}

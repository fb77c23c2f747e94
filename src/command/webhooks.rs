//! `holdfast webhooks`: what endpoints were told, what they did not take, and telling them once more.

use std::io;

use clap::{Args, Subcommand};
use holdfast_core::Timestamp;
use serde_json::{Value, json};

use super::{Failure, Place};
use crate::app::runtime;
use crate::clock;
use crate::config::{Config, Overrides};
use crate::journal::Reader;
use crate::webhook::event::{id_of, sequence_of};
use crate::webhook::outbox::{Source, Standing};
use crate::webhook::{ATTEMPTS_MAX, Endpoint, Event, EventKind, Letter, Outbox, Post};

const EXAMPLES: &str = "\
Examples:
  holdfast webhooks list
  holdfast webhooks test --endpoint backoffice
  holdfast webhooks retry 17
  holdfast webhooks replay --endpoint backoffice --from 1200 --to 1350

What an endpoint does not take is sent again, after 5 seconds at first and a day at last; after 12 attempts it is a dead letter, and
what comes behind it is sent. A running server sees what is written here within a second or so; without one, the next start does.

Exit codes:
  0  done
  1  not done, or the endpoint did not take the test
  2  the command line is not understood";

/// Lists what endpoints did not take, and sends it again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Webhooks {
    #[command(subcommand)]
    command: WebhooksCommand,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// Lists the endpoints, how far each was told, and its letters: events that it did not take.
    List {
        /// One line of JSON for each endpoint and letter instead of lines for people.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Sends a letter at once, also a dead one.
    Retry {
        /// Its number.
        letter: i64,
        #[command(flatten)]
        place: Place,
    },
    /// Sends the events of some records of the journal once more.
    Replay {
        /// To which endpoint.
        #[arg(long, value_name = "NAME")]
        endpoint: String,
        /// The first record.
        #[arg(long, value_name = "RECORD", value_parser = clap::value_parser!(i64).range(1..))]
        from: i64,
        /// The last record; the last one of the journal if it is left out.
        #[arg(long, value_name = "RECORD", value_parser = clap::value_parser!(i64).range(1..))]
        to: Option<i64>,
        #[command(flatten)]
        place: Place,
    },
    /// Sends an event of the kind `endpoint.test`, and tells whether it was taken.
    Test {
        /// To which endpoint.
        #[arg(long, value_name = "NAME")]
        endpoint: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Webhooks {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            WebhooksCommand::List { json, place } => list(json.then_some(Machine), &place, output),
            WebhooksCommand::Retry { letter, place } => retry(letter, &place, output),
            WebhooksCommand::Replay { endpoint, from, to, place } => replay(&endpoint, (from, to), &place, output),
            WebhooksCommand::Test { endpoint, place } => test(&endpoint, place, output),
        }
    }
}

/// Output is for machines.
#[derive(Clone, Copy)]
struct Machine;

fn outbox(place: &Place) -> Result<Outbox, Failure> {
    let data = place.data()?;
    let none = || Failure::Told(format!("{}: no webhook was ever sent from here", data.display()));
    Outbox::open_if_there(&data).map_err(Failure::told)?.ok_or_else(none)
}

fn list(machine: Option<Machine>, place: &Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    let outbox = outbox(place)?;
    for (name, cursor) in outbox.endpoints().map_err(Failure::told)? {
        let (waiting, dead) = outbox.counts(&name).map_err(Failure::told)?;
        let told = cursor.next.saturating_sub(1);
        match machine {
            Some(Machine) => {
                writeln!(output, "{}", json!({ "endpoint": name, "told": told, "waiting": waiting, "dead": dead }))?;
            }
            None => writeln!(output, "{name}: told up to record {told}; {waiting} letters wait, {dead} are dead")?,
        }
    }
    for letter in outbox.all().map_err(Failure::told)? {
        match machine {
            Some(Machine) => writeln!(output, "{}", as_json(&letter))?,
            None => writeln!(output, "{}", as_line(&letter))?,
        }
    }
    Ok(())
}

fn as_line(letter: &Letter) -> String {
    let about = match letter.source {
        Source::Record(record) => format!("record {record}"),
        Source::Signal(signal) => format!("signal {signal}"),
    };
    let then = match letter.standing {
        Standing::Waiting if letter.attempts == 0 => "waits for its turn".to_owned(),
        Standing::Waiting => format!("{} of {ATTEMPTS_MAX} attempts, the next at {}", letter.attempts, letter.next_at),
        Standing::Dead => format!("dead after {} attempts", letter.attempts),
    };
    let problem = if letter.problem.is_empty() { String::new() } else { format!(": the endpoint {}", letter.problem) };
    format!("letter {} to {}, {} of {about}, since {}: {then}{problem}", letter.id, letter.endpoint, letter.kind, letter.since)
}

fn as_json(letter: &Letter) -> Value {
    let (record, signal) = match letter.source {
        Source::Record(record) => (Some(record), None),
        Source::Signal(signal) => (None, Some(signal)),
    };
    json!({
        "letter": letter.id,
        "endpoint": letter.endpoint,
        "event": letter.event,
        "kind": letter.kind.name(),
        "record": record,
        "signal": signal,
        "attempts": letter.attempts,
        "dead": letter.standing == Standing::Dead,
        "next_at": letter.next_at.to_string(),
        "since": letter.since.to_string(),
        "problem": letter.problem,
    })
}

fn retry(letter: i64, place: &Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    if outbox(place)?.retry(letter, clock::utc()).map_err(Failure::told)? {
        Ok(writeln!(output, "letter {letter} is sent at once")?)
    } else {
        Err(Failure::Told(format!("there is no letter {letter}; `holdfast webhooks list` shows all")))
    }
}

fn replay(name: &str, (from, to): (i64, Option<i64>), place: &Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    let outbox = outbox(place)?;
    let endpoints = outbox.endpoints().map_err(Failure::told)?;
    if endpoints.iter().all(|(known, _)| known != name) {
        return Err(Failure::Told(format!(
            "there is no endpoint {name} that was ever told anything; `holdfast webhooks list` shows all"
        )));
    }
    let data = place.with_journal("webhooks are of the embedded ledger")?;
    let (first, next) = Reader::open(&data).and_then(|journal| journal.bounds()).map_err(Failure::told)?;
    let last = to.unwrap_or(next.saturating_sub(1));
    if from < first || last >= next || from > last {
        let has = format!("{first} to {}", next.saturating_sub(1));
        return Err(Failure::Told(format!("records {from} to {last} cannot be sent: the journal has {has}")));
    }
    outbox.ask_for_replay(name, from, last).map_err(Failure::told)?;
    Ok(writeln!(output, "the events of records {from} to {last} are sent to {name} once more, under their own ids")?)
}

fn test(name: &str, place: Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    let config = Config::load(&place.config, Overrides { data: place.data, ..Overrides::default() })?;
    let endpoint = config.webhooks.into_iter().find(|endpoint| endpoint.name == name);
    let none = || Failure::Told(format!("{}: there is no [[webhook]] with name = \"{name}\"", place.config.display()));
    let Endpoint { subscription, address, .. } = endpoint.ok_or_else(none)?;
    let now = clock::utc();
    let event = test_event(name, &subscription.program, now);
    let sent = runtime()?.block_on(async {
        let post = Post::new(address)?;
        post.send(&event, event.body(), clock::utc()).await.map_err(|refused| format!("the endpoint {refused}"))
    });
    sent.map_err(|problem| Failure::Told(format!("{name}: {} was not taken: {problem}", event.id)))?;
    let took = clock::utc().saturating_since(now).as_millis();
    Ok(writeln!(output, "{name} took {} after {took} ms", event.id)?)
}

fn test_event(name: &str, program: &holdfast_core::ProgramId, now: Timestamp) -> Event {
    Event {
        id: id_of(&["test", program.as_str(), name, &now.unix_micros().to_string()]),
        kind: EventKind::EndpointTest,
        program: *program,
        sequence: sequence_of(&["test", name]),
        at: now,
        data: json!({ "program": program.as_str(), "endpoint": name }),
        answered: None,
    }
}

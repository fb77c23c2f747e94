//! `holdfast webhooks`: what endpoints were told, what they did not take, and telling them once more.

use std::io;

use clap::{Args, Subcommand};
use holdfast_core::Timestamp;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{Failure, Place};
use crate::app::runtime;
use crate::clock;
use crate::config::{Config, Overrides};
use crate::journal::Reader;
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate;
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};
use crate::webhook::event::{id_of, sequence_of};
use crate::webhook::letter::{Replay, Retried, Source, Standing};
use crate::webhook::{ATTEMPTS_MAX, Endpoint, Event, EventKind, Letter, Outbox, Post, shared};

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
        /// The last record; the last one of the journal if it is left out. (Of the shared ledger: as events tell their `record`.)
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
            WebhooksCommand::Test { endpoint, place } => test(&endpoint, &place, output),
        }
    }
}

/// Behind every record of a shared ledger.
const LAST_OF_ALL: i64 = i64::MAX - 1;

/// Output is for machines.
#[derive(Clone, Copy)]
struct Machine;

/// The file of this responder; nothing if no webhook was ever sent from here.
fn file(place: &Place) -> Result<Option<Outbox>, Failure> {
    place.must_be_begun()?;
    Outbox::open_if_there(&place.data()?).map_err(Failure::told)
}

fn outbox(place: &Place) -> Result<Outbox, Failure> {
    let data = place.data()?;
    let none = || Failure::Told(format!("{}: no webhook was ever sent from here", data.display()));
    file(place)?.ok_or_else(none)
}

/// Asks a shared ledger's database.
fn ask<T>(database: &Database, question: impl AsyncFnOnce(&Client, &Whereabouts) -> Result<T, Trouble>) -> Result<T, Failure> {
    runtime()?.block_on(async {
        let at = database.whereabouts();
        let (client, _driving) = database.open(|_| {}).await.map_err(Failure::told)?;
        migrate::must_be_ours(&client, &at).await.map_err(Failure::told)?;
        question(&client, &at).await.map_err(Failure::told)
    })
}

fn list(machine: Option<Machine>, place: &Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    let Some(database) = place.shared_database()? else {
        let outbox = outbox(place)?;
        for (name, cursor) in outbox.endpoints().map_err(Failure::told)? {
            let counts = outbox.counts(&name).map_err(Failure::told)?;
            let told = cursor.next.saturating_sub(1);
            let how_far = (json!({ "told": told }), format!("told up to record {told}"));
            endpoint(machine, &name, how_far, counts, output)?;
        }
        return list_letters(machine, &outbox.all().map_err(Failure::told)?, output);
    };
    let (endpoints, letters) =
        ask(&database, async |client, at| Ok((shared::endpoints(client, at).await?, shared::letters(client, at).await?)))?;
    let here = file(place)?;
    for (name, behind, waiting, dead) in endpoints {
        let (waiting_here, dead_here) = here.as_ref().map_or(Ok((0, 0)), |here| here.counts(&name)).map_err(Failure::told)?;
        let counts = (waiting.saturating_add(waiting_here), dead.saturating_add(dead_here));
        let how_far = (json!({ "behind": behind }), format!("{behind} records are not told yet"));
        endpoint(machine, &name, how_far, counts, output)?;
    }
    list_letters(machine, &letters, output)?;
    // Of this responder's own stand-in.
    let letters = here.as_ref().map_or(Ok(Vec::new()), Outbox::all).map_err(Failure::told)?;
    list_letters(machine, &letters, output)
}

fn endpoint(
    machine: Option<Machine>,
    name: &str,
    (how_far, in_words): (Value, String),
    (waiting, dead): (u32, u32),
    output: &mut dyn io::Write,
) -> Result<(), Failure> {
    match machine {
        Some(Machine) => {
            let mut line = json!({ "endpoint": name, "waiting": waiting, "dead": dead });
            if let (Value::Object(line), Value::Object(how_far)) = (&mut line, how_far) {
                line.extend(how_far);
            }
            writeln!(output, "{line}")?;
        }
        None => writeln!(output, "{name}: {in_words}; {waiting} letters wait, {dead} are dead")?,
    }
    Ok(())
}

fn list_letters(machine: Option<Machine>, letters: &[Letter], output: &mut dyn io::Write) -> Result<(), Failure> {
    for letter in letters {
        match machine {
            Some(Machine) => writeln!(output, "{}", as_json(letter))?,
            None => writeln!(output, "{}", as_line(letter))?,
        }
    }
    Ok(())
}

fn as_line(letter: &Letter) -> String {
    let about = match letter.source {
        Source::Record(spot) => format!("record {}", spot.record),
        Source::Signal(signal) => format!("signal {signal}"),
    };
    let then = match letter.standing {
        Standing::Waiting if letter.is_asked_for() => "sent at once, as it was asked for".to_owned(),
        Standing::Waiting if letter.attempts == 0 => "waits for its turn".to_owned(),
        Standing::Waiting => format!("{} of {ATTEMPTS_MAX} attempts, the next at {}", letter.attempts, letter.next_at),
        Standing::Dead => format!("dead after {} attempts", letter.attempts),
    };
    let problem = if letter.problem.is_empty() { String::new() } else { format!(": the endpoint {}", letter.problem) };
    format!("letter {} to {}, {} of {about}, since {}: {then}{problem}", letter.id, letter.endpoint, letter.kind, letter.since)
}

fn as_json(letter: &Letter) -> Value {
    let (record, signal) = match letter.source {
        Source::Record(spot) => (Some(spot.record), None),
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
        // At once.
        "next_at": (!letter.is_asked_for()).then(|| letter.next_at.to_string()),
        "since": letter.since.to_string(),
        "problem": letter.problem,
    })
}

fn retry(letter: i64, place: &Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    let retried = match place.shared_database()? {
        None => outbox(place)?.retry(letter).map_err(Failure::told)?,
        Some(database) => {
            // A letter of this responder's own stand-in is in its file.
            match file(place)?.map_or(Ok(Retried::Unknown), |here| here.retry(letter)).map_err(Failure::told)? {
                Retried::Unknown => ask(&database, async |client, at| shared::retry(client, at, letter).await)?,
                here @ (Retried::Due | Retried::Behind(_)) => here,
            }
        }
    };
    match retried {
        Retried::Due => Ok(writeln!(
            output,
            "letter {letter} is due: a running server sends it at once, also where its endpoint took nothing before"
        )?),
        Retried::Behind(first) => Ok(writeln!(
            output,
            "letter {letter} is due once letter {first} is sent, which waits before it and is of the same payment; `holdfast webhooks retry \
             {first}` sends that at once"
        )?),
        Retried::Unknown => Err(Failure::Told(format!("there is no letter {letter}; `holdfast webhooks list` shows all"))),
    }
}

fn replay(name: &str, (from, to): (i64, Option<i64>), place: &Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    let unknown =
        || Failure::Told(format!("there is no endpoint {name} that was ever told anything; `holdfast webhooks list` shows all"));
    if let Some(database) = place.shared_database()? {
        return replay_shared(&database, name, (from, to.unwrap_or(LAST_OF_ALL)), unknown, output);
    }
    let outbox = outbox(place)?;
    let endpoints = outbox.endpoints().map_err(Failure::told)?;
    if endpoints.iter().all(|(known, _)| known != name) {
        return Err(unknown());
    }
    let data = place.data()?;
    let (first, next) = Reader::open(&data).and_then(|journal| journal.bounds()).map_err(Failure::told)?;
    let last = to.unwrap_or(next.saturating_sub(1));
    if from < first || last >= next || from > last {
        let has = format!("{first} to {}", next.saturating_sub(1));
        return Err(Failure::Told(format!("records {from} to {last} cannot be sent: the journal has {has}")));
    }
    outbox.ask_for_replay(name, from, last).map_err(Failure::told)?;
    Ok(writeln!(output, "the events of records {from} to {last} are sent to {name} once more, under their own ids")?)
}

/// By the ids that events tell as their `record`; they grow with time.
fn replay_shared(
    database: &Database,
    name: &str,
    (from, to): (i64, i64),
    unknown: impl FnOnce() -> Failure,
    output: &mut dyn io::Write,
) -> Result<(), Failure> {
    if from > to {
        return Err(Failure::Told(format!("records {from} to {to} cannot be sent: the last one comes before the first")));
    }
    let known = ask(database, async |client, at| {
        let known = shared::endpoints(client, at).await?.iter().any(|(known, ..)| known == name);
        if known {
            shared::ask_for_replay(client, at, name, (from, to)).await?;
        }
        Ok(known)
    })?;
    if !known {
        return Err(unknown());
    }
    let until = if to == LAST_OF_ALL { "the last one".to_owned() } else { to.to_string() };
    Ok(writeln!(output, "the events of records {from} to {until} are sent to {name} once more, under their own ids")?)
}

fn test(name: &str, place: &Place, output: &mut dyn io::Write) -> Result<(), Failure> {
    let config = Config::load(&place.config, Overrides { data: place.data.clone(), ..Overrides::default() })?;
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
    writeln!(output, "{name} took {} after {took} ms", event.id)?;
    if let Err(Failure::Told(problem)) = pass_on(name, place) {
        writeln!(output, "a server that spares {name} is not told of it: {problem}")?;
    }
    Ok(())
}

/// Whoever tells the endpoint, and spares it because it took nothing, learns that it does.
fn pass_on(name: &str, place: &Place) -> Result<(), Failure> {
    let (first, last) = Replay::OF_NOTHING;
    let data = place.data()?;
    if let Some(here) = Outbox::open_if_there(&data).map_err(Failure::told)? {
        here.ask_for_replay(name, first, last).map_err(Failure::told)?;
    }
    match place.shared_database()? {
        Some(database) => ask(&database, async |client, at| shared::ask_for_replay(client, at, name, (first, last)).await),
        None => Ok(()),
    }
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

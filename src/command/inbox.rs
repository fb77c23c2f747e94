//! `holdfast inbox`: what platforms notified and nobody understood, or what was understood and moved nothing.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write as _};

use clap::Args;
use holdfast_core::hold::{Fact, Finding, ToldEvent};
use holdfast_core::{AuthorizationId, IdempotencyKey, PaymentRef, PlatformName, ProgramId, Timestamp};
use serde_json::Value;

use super::journal::Told;
use super::reading::Needs;
use super::{Failure, Place};
use crate::explain::phrases;
use crate::journal::{Body, JournalError, Numbered, Record, Side};

const EXAMPLES: &str = "\
Examples:
  holdfast inbox
  holdfast inbox --since 2026-03-14 --program demo
  holdfast inbox --since 2026-03-14T15:00:00Z --json | jq .problem

A notification is never refused for what it says: what is not understood is acknowledged, kept redacted (field names,
identifiers and amounts), and listed here. Something here usually means that the platform has something new. The digest is the
SHA-256 of the redacted text, not of what came: what reads the same once it is redacted is listed once, the last of it. What is no
JSON leaves no text, and each of it is listed.

Listed too is what was understood and moved nothing, with what was found: it leads to no account or payment that we know, is in
another currency than the account, or is beyond what can be counted. Such a clearing is money that the platform has moved and
we have not: import the account or card, and have the platform send it again (in the account's currency), or book it through the management API. What came again and
was booked is listed no more; nor is a reversal of a payment that was asked or told of, before it or later.

Exit codes:
  0  listed, also if there is nothing
  1  the journal cannot be read
  2  the command line is not understood";

/// Lists notifications that were kept and not understood, or moved nothing, the oldest first.
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
        let reading = self.place.journal(Needs::WhatIsThere)?;
        let reader = &reading.reader;
        let (mut told, mut lines, mut not_booked) = (Told::default(), BTreeMap::new(), HashMap::new());
        let mut without_payment: HashMap<Payment, Vec<i64>> = HashMap::new();
        let published = reader.rulesets().map_err(Failure::told)?;
        let is_its = |program: ProgramId| published.iter().any(|ruleset| ruleset.program == program.as_str());
        let mut is_known = self.program.is_none_or(is_its);
        let mut each = |numbered: Numbered<'_>| -> Result<(), JournalError> {
            is_known = is_known || numbered.record.program == self.program;
            // What is said of it last counts: it came again and was booked, or it did not.
            let name = message(numbered.record);
            if let Some(before) = name.and_then(|name| not_booked.remove(&name)) {
                lines.remove(&before);
            }
            if let Some(line) = self.line(&numbered) {
                lines.insert(numbered.number, line);
                if is_without_payment(numbered.record) {
                    payments(numbered.record, &mut |payment| without_payment.entry(payment).or_default().push(numbered.number));
                }
                if let Some(name) = name {
                    not_booked.insert(name, numbered.number);
                }
            }
            Ok(())
        };
        reader.records(i64::MAX, &mut |step, done, all| told.progress(step, done, all), &mut each).map_err(Failure::told)?;
        if let Some(program) = self.program.filter(|_| !is_known) {
            return Err(Failure::Told(format!("--program: nothing in the journal is of a program `{program}`")));
        }
        if !without_payment.is_empty() {
            // Only now is it known which payments are looked for: whoever told of one did so before, or later.
            let mut each = |numbered: Numbered<'_>| -> Result<(), JournalError> {
                if tells_of_its_payment(numbered.record) {
                    payments(numbered.record, &mut |payment| {
                        without_payment.remove(&payment).iter().flatten().for_each(|number| drop(lines.remove(number)));
                    });
                }
                Ok(())
            };
            reader.records(i64::MAX, &mut |step, done, all| told.progress(step, done, all), &mut each).map_err(Failure::told)?;
        }
        lines.values().try_for_each(|line| writeln!(output, "{line}"))?;
        if let Some(begins) = reader.begins().map_err(Failure::told)? {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{begins}");
        }
        if lines.is_empty() && !self.json {
            writeln!(output, "nothing: every notification was understood and booked")?;
        }
        Ok(())
    }

    fn line(&self, numbered: &Numbered<'_>) -> Option<String> {
        let record = numbered.record;
        let too_old = self.since.is_some_and(|since| record.at < since);
        if too_old || self.program.is_some_and(|program| record.program != Some(program)) {
            return None;
        }
        let program = record.program.map_or_else(|| "-".to_owned(), |program| program.to_string());
        // What an operator did, an operator heard about.
        let platform = record.platform?.to_string();
        let (problem, details, more) = match &record.body {
            Body::Kept { digest, problem, redacted } => not_understood(digest, problem, redacted),
            Body::Told { event, outcome } => not_booked(event, outcome.finding.filter(|finding| finding.is_not_booked())?),
            Body::Decided { .. }
            | Body::Adopted { .. }
            | Body::Ordered { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. }
            | Body::Opened => return None,
        };
        Some(if self.json {
            let about = [
                ("record", numbered.number.into()),
                ("at", record.at.to_string().into()),
                ("program", program.into()),
                ("platform", platform.into()),
                ("problem", problem.into()),
            ];
            let members = about.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value));
            Value::Object(members.collect()).to_string()
        } else {
            format!("record {}  {}  {program}  {platform}: {problem}\n  {}", numbered.number, record.at, details.join("\n  "))
        })
    }
}

/// What tells a message from all others: sent again, it is the same.
type Message = (Option<ProgramId>, Option<PlatformName>, Name);

/// By its key; or by what is kept of it, where nobody knows what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Key(IdempotencyKey),
    Digest([u8; 32]),
}

fn message(record: &Record) -> Option<Message> {
    let name = match &record.body {
        Body::Told { event, .. } => Name::Key(event.key),
        // Of two that left nothing, nobody can say that they are the same.
        Body::Kept { redacted, .. } if redacted.is_empty() => return None,
        Body::Kept { digest, .. } => Name::Digest(*digest),
        Body::Decided { .. }
        | Body::Adopted { .. }
        | Body::Ordered { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. }
        | Body::Opened => return None,
    };
    Some((record.program, record.platform, name))
}

/// Whose payment, and by what it is known.
type Payment = (Option<ProgramId>, Option<PlatformName>, Known);

/// What is placed has a number; what was declined, only its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Known {
    Hold(u64),
    Name(AuthorizationId),
}

/// The payment that a record is about, by everything that it is known by.
fn payments(record: &Record, each: &mut dyn FnMut(Payment)) {
    let mut each = |known| each((record.program, record.platform, known));
    record.place.hold.map(Known::Hold).into_iter().for_each(&mut each);
    let (payment, original) = match &record.body {
        Body::Decided { request, .. } | Body::Adopted { request, .. } => (Some(&request.payment), request.increments.as_ref()),
        Body::Told { event, .. } => event.fact.payments(),
        Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Trimmed { .. }
        | Body::Opened => (None, None),
        Body::Reassigned { payment, increment, .. } => (Some(payment), Some(increment)),
        Body::Joined { payment, other, gives, .. } => {
            // Whoever is known by one of them is the same.
            each(Known::Hold(*gives));
            (Some(payment), Some(other))
        }
    };
    payment.into_iter().chain(original).flat_map(PaymentRef::names).for_each(|name| each(Known::Name(name)));
}

/// Whether a message came of whose payment nobody had told.
fn is_without_payment(record: &Record) -> bool {
    record.body.outcome().and_then(|outcome| outcome.finding) == Some(Finding::PaymentUnknown)
}

/// Whether a record tells of the payment itself: it was asked about, or something was placed or taken.
fn tells_of_its_payment(record: &Record) -> bool {
    match &record.body {
        Body::Decided { .. } | Body::Adopted { .. } => true,
        Body::Told { event, outcome } => outcome.hold.is_some() && tells_of_it(&event.fact),
        Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Trimmed { .. }
        | Body::Opened => false,
        Body::Joined { .. } => true,
        Body::Reassigned { side, .. } => *side == Side::Takes,
    }
}

/// Whether a fact says that a payment was there.
const fn tells_of_it(fact: &Fact) -> bool {
    match fact {
        Fact::Recorded { .. } | Fact::Captured { .. } | Fact::Completed { .. } => true,
        Fact::Reduced { .. }
        | Fact::Replaced { .. }
        | Fact::Released { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::Card { .. }
        | Fact::Cardholder { .. }
        | Fact::Account { .. }
        | Fact::SettlementAnnounced { .. } => false,
    }
}

/// What is wrong, the lines below it, and the further members of the JSON.
type Listed = (String, Vec<String>, Vec<(&'static str, Value)>);

fn not_understood(digest: &[u8], problem: &str, redacted: &str) -> Listed {
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = vec![format!("sha256 {digest}"), redacted.to_owned()];
    (problem.to_owned(), lines, vec![("redacted", redacted.into()), ("sha256", digest.into())])
}

fn not_booked(event: &ToldEvent, finding: Finding) -> Listed {
    let says = phrases::fact(&event.fact);
    let payment = event.fact.payments().0.map(|payment| payment.authorization.to_string());
    let names = [
        ("key", Some(event.key.to_string())),
        ("payment", payment),
        ("card", event.subject.card.map(|card| card.to_string())),
        ("cardholder", event.subject.cardholder.map(|cardholder| cardholder.to_string())),
    ];
    let named = |(name, value): &(&'static str, Option<String>)| value.as_ref().map(|value| format!("{name} {value}"));
    let line = names.iter().filter_map(named).collect::<Vec<_>>().join(", ");
    let mut more: Vec<_> = names.into_iter().map(|(name, value)| (name, value.into())).collect();
    more.extend([("says", says.clone().into()), ("finding", finding.name().into())]);
    (format!("{says}. {}", phrases::finding(finding)), vec![line], more)
}

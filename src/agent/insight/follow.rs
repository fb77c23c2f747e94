//! Reads what was decided from the journal, group by group, into the table. Runs on the blocking threads of the background. What was
//! said to callers of `/v1/authorize` is handed on: a retry hears it again, also after a restart, and at another responder.

use std::path::{Path, PathBuf};

use holdfast_adapters::{DecisionReference, Said, agent_spend};
use holdfast_core::agent::{Environment, Governed, ReasonCode, Weight, is_no_payment};
use holdfast_core::rules::Way;
use holdfast_core::{AuthorizationId, AuthorizationRequest, Basis, Decision, DeclineReason, PlatformName, Timestamp};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::{Earlier, Insight, InsightError, REQUEST, Row};
use crate::agent::registry::Registry;
use crate::journal::{Body, Group, Record, Tail, store as journal_file};

/// How many records are read at once, about.
const PORTION: i64 = 2_000;

/// What was read.
#[derive(Debug, Default)]
pub struct CaughtUp {
    /// How many records.
    pub read: i64,
    /// What was said at `/v1/authorize`.
    pub said: Vec<SaidBefore>,
}

/// What was said at `/v1/authorize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaidBefore {
    /// To which question.
    pub reference: DecisionReference,
    /// In which words.
    pub said: Said,
    /// What our own name of its payment would be, where that was approved under its platform's.
    pub elsewhere: Option<AuthorizationId>,
    /// What becomes of what the ledger had decided before.
    pub earlier: Earlier,
}

impl Insight {
    /// Takes in what the journal has by now; not all of it at once if there is much.
    ///
    /// # Errors
    /// The disk, or a journal that is damaged.
    pub fn catch_up(&mut self, data: &Path, registry: &Registry) -> Result<CaughtUp, InsightError> {
        let broken = |problem: String| InsightError::new(PathBuf::from(data), problem);
        if !data.join(journal_file::FILE).exists() {
            // The ledger has not begun it yet.
            return Ok(CaughtUp::default());
        }
        let journal = Tail::open(data).map_err(|error| broken(error.to_string()))?;
        let start = journal.start().map_err(|error| broken(error.to_string()))?;
        let end = journal.end().map_err(|error| broken(error.to_string()))?;
        let next = self.next()?.max(start.next);
        if next >= end.next {
            return Ok(CaughtUp::default());
        }
        let joint = journal.joint_before_group_of(next).map_err(|error| broken(error.to_string()))?;
        let (mut rows, mut said, mut room) = (Vec::new(), Vec::new(), None);
        let read = journal.read(joint, end.next.saturating_sub(1), PORTION, &mut |first, bytes| {
            let unreadable = |error| journal.unreadable(first, error);
            let mut group = Group::open(bytes).map_err(unreadable)?;
            for number in first.. {
                let Some(record) = group.read(&mut room) else { break };
                let record = record.map_err(unreadable)?;
                if number >= next {
                    rows.extend(row(number, record, registry));
                    said.extend(said_of(record));
                }
            }
            Ok(())
        });
        let reached = read.map_err(|error| broken(error.to_string()))?.next.max(next);
        self.take(&rows, "UPDATE followed SET next = ?1", Value::from(reached))?;
        Ok(CaughtUp { read: reached.saturating_sub(next), said })
    }

    fn next(&self) -> Result<i64, InsightError> {
        self.done(self.connection.query_row("SELECT next FROM followed", [], |row| row.get(0)))
    }

    /// Keeps rows, and how far they reach.
    pub(super) fn take(&self, rows: &[Row], reaching: &str, reached: Value) -> Result<(), InsightError> {
        let write = || {
            let transaction = self.connection.unchecked_transaction()?;
            {
                let marks = vec!["?"; 24].join(", ");
                let mut insert = transaction.prepare_cached(&format!("INSERT OR REPLACE INTO decided VALUES ({marks})"))?;
                let mut forget = transaction.prepare_cached("DELETE FROM decided WHERE request = ?1 AND request <> ''")?;
                for row in rows {
                    if row.earlier == Earlier::Replaced {
                        forget.execute([row.names.get(REQUEST)])?;
                    }
                    insert.execute(params_from_iter(values(row)))?;
                }
            }
            transaction.execute(reaching, [reached])?;
            transaction.commit()
        };
        self.done(write())
    }
}

fn values(row: &Row) -> Vec<Value> {
    let took = row.took_micros.map_or(Value::Null, Value::from);
    let numbers = [Value::from(row.record), Value::from(row.at.unix_micros()), took, Value::from(row.environment)];
    let names = row.names.iter().cloned().map(Value::from);
    let way = row.way.map_or(Value::Null, |way| Value::from(i64::from(way)));
    let rest = [Value::from(i64::from(row.moves)), Value::from(row.amount), Value::from(row.approved), way];
    numbers.into_iter().chain(names).chain(rest).chain(row.words.iter().cloned().map(Value::from)).collect()
}

/// What was said to a caller of `/v1/authorize`; nothing of other questions.
pub(super) fn said_of(record: &Record) -> Option<SaidBefore> {
    let governed = record.governed.as_ref().filter(|governed| governed.asked_by.is_some())?;
    let (_, request, decision, basis) = decided(record).filter(|(_, _, decision, _)| !is_conflict(decision))?;
    let said = Said {
        code: ReasonCode::of(&decision, &basis, Some(governed)),
        policy: governed.policy.map(|version| version.policy),
        binding: governed.binding,
        intent: governed.intent,
        stand_in: basis.stand_in_cause(),
    };
    let reference = reference_of(record, governed, request, &decision)?;
    let own = agent_spend::payment_of(&governed.asked_by?, &reference.text());
    let held = matches!(decision, Decision::Approve { amount } if !amount.is_zero());
    let elsewhere = own.filter(|own| held && request.payment.authorization != *own);
    Some(SaidBefore { reference, said, elsewhere, earlier: earlier(record) })
}

/// The name of what was said: that of its question at the door that was asked, which for `/v1/authorize` is ours whatever platform's payment it
/// was about. The refusal of another question under a known key has a name of its own.
fn reference_of(
    record: &Record,
    governed: &Governed,
    request: &AuthorizationRequest,
    decision: &Decision,
) -> Option<DecisionReference> {
    let program = record.program?;
    let platform = match governed.asked_by {
        Some(_) => PlatformName::new(agent_spend::NAME).ok()?,
        None => record.platform?,
    };
    if is_conflict(decision) {
        return Some(DecisionReference::of_conflict(&program, &platform, &request.key, &request.content_digest().kept()));
    }
    Some(DecisionReference::of(&program, &platform, &request.key))
}

/// What a record tells of an authority; nothing of others, and nothing of what was only reserved or taken back.
pub(super) fn row(number: i64, record: &Record, registry: &Registry) -> Option<Row> {
    let governed = record.governed.as_ref()?;
    let (received_at, request, decision, basis) = decided(record)?;
    let earlier = earlier(record);
    // Another question under a key that was answered was told only that: the key's own answer stands.
    if is_no_payment(governed, request) || (is_conflict(&decision) && governed.asked_by.is_some()) {
        return None;
    }
    let environment = registry.programs().environment_of(&record.program?)?;
    let took = record.at.unix_micros().saturating_sub(received_at.unix_micros()).max(0);
    let took_micros = (earlier == Earlier::None).then_some(took);
    Some(Row {
        earlier,
        took_micros,
        ..told(number, record, governed, (received_at, request), (&decision, &basis), environment, registry)
    })
}

const fn earlier(record: &Record) -> Earlier {
    if matches!(record.body, Body::Adopted { .. }) { Earlier::Replaced } else { Earlier::None }
}

/// When a question arrived, the question, and what was decided; nothing of other records.
fn decided(record: &Record) -> Option<(Timestamp, &AuthorizationRequest, Decision, Basis)> {
    match &record.body {
        Body::Decided { received_at, request, outcome, .. } => {
            let (decision, basis) = outcome.decision?;
            Some((*received_at, request, decision, basis))
        }
        // Nothing new: it was heard before, or another answer stays what counts.
        Body::Adopted { outcome, .. } if outcome.answered.is_none() => None,
        Body::Adopted { received_at, request, told, basis, .. } => Some((*received_at, request, told.decision(), *basis)),
        Body::Told { .. }
        | Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. } => None,
    }
}

fn is_conflict(decision: &Decision) -> bool {
    *decision == Decision::Decline { reason: DeclineReason::ConflictingDuplicate }
}

fn told(
    number: i64,
    record: &Record,
    governed: &Governed,
    (received_at, request): (Timestamp, &AuthorizationRequest),
    (decision, basis): (&Decision, &Basis),
    environment: Environment,
    registry: &Registry,
) -> Row {
    let authority = governed.authority.and_then(|id| registry.authority(&id));
    let name = |named: Option<String>| named.unwrap_or_default();
    let reference = reference_of(record, governed, request, decision).map(|reference| reference.to_string());
    let door = if governed.asked_by.is_some() { "authorize" } else { "platform" };
    let (verb, approved) = match decision {
        Decision::Approve { amount } => ("APPROVE", amount.minor()),
        Decision::Decline { .. } => ("DECLINE", 0),
    };
    Row {
        record: number,
        at: received_at,
        took_micros: None,
        environment: i64::from(environment == Environment::Production),
        names: [
            name(authority.map(|authority| authority.organization.to_string())),
            name(governed.asked_by.map(|processor| processor.to_string())),
            name(governed.authority.map(|id| id.to_string())),
            name(governed.policy.map(|version| version.policy.to_string())),
            name(governed.binding.map(|id| id.to_string())),
            name(governed.intent.map(|reference| reference.to_string())),
            name(reference),
            name(record.platform.map(|platform| platform.to_string())),
            door.to_owned(),
            governed.mode.name().to_owned(),
        ],
        moves: governed.weight == Weight::Moves,
        amount: request.amount.minor(),
        approved,
        way: record.body.outcome().and_then(|outcome| outcome.way).map(Way::number),
        words: [
            request.amount.currency().code().to_owned(),
            name(request.merchant.mcc.map(|mcc| mcc.to_string())),
            verb.to_owned(),
            ReasonCode::of(decision, basis, Some(governed)).code().to_owned(),
            name(governed.would.map(|reason| ReasonCode::of_decline(reason).code().to_owned())),
            name(governed.correlation.map(|digest| digest.to_string())),
        ],
        earlier: Earlier::None,
    }
}

//! The records of one transaction, each as a journal group of its own, with columns for whoever reads the journal in SQL.

use std::collections::BTreeMap;

use holdfast_core::hold::MovementCause;
use holdfast_core::hold::Outcome;
use holdfast_core::{Decision, Timestamp};

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::load::Loaded;
use super::numbers::Numbers;
use super::save::{Places, Saving, number_of};
use super::trouble::Trouble;
use super::values::{At, cause_name};
use crate::journal::{Body, Group, GroupWriter, Naming, Place, Record};

/// An account's first record enters it.
const FIRST_CHANGE: i64 = 1;

/// What a record's row has in columns: all of it is in the body too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    program: Option<String>,
    platform: Option<String>,
    kind: &'static str,
    key: Option<String>,
    account: Option<i64>,
    card: Option<i64>,
    hold: Option<i64>,
    decision: Option<&'static str>,
    reason: Option<&'static str>,
    posted: i64,
    held: i64,
    cause: Option<&'static str>,
    finding: Option<&'static str>,
}

impl Columns {
    /// Of a record with lasting numbers, up to which its account changed so often.
    pub fn of(record: &Record, change: i64) -> Self {
        let outcome = record.body.outcome();
        let decision = outcome.and_then(|outcome| outcome.decision).map(|(decision, _)| decision);
        let reason = match decision {
            Some(Decision::Decline { reason }) => Some(reason.name()),
            Some(Decision::Approve { .. }) | None => None,
        };
        let opening = opening(record, change);
        let cause = outcome.and_then(|outcome| outcome.cause).or_else(|| opening.map(|_| MovementCause::Funding));
        Columns {
            program: record.program.map(|program| program.to_string()),
            platform: record.platform.map(|platform| platform.to_string()),
            kind: kind_of(&record.body),
            key: key_of(&record.body),
            account: record.place.account.map(i64::from),
            card: record.place.card.map(i64::from),
            hold: record.place.hold.map(u64::cast_signed),
            decision: decision.map(Decision::name),
            reason,
            posted: opening.unwrap_or_else(|| outcome.map_or(0, |outcome| outcome.posted)),
            held: outcome.map_or(0, |outcome| outcome.held),
            cause: cause.map(cause_name),
            finding: outcome.and_then(|outcome| outcome.finding).map(holdfast_core::hold::Finding::name),
        }
    }

    /// The first column of a row that says something else; the row's own word counts for nothing.
    pub fn differs(&self, row: &Row) -> Option<&'static str> {
        let text = |column| row.try_get::<_, Option<&str>>(column).ok();
        let number = |column| row.try_get::<_, Option<i64>>(column).ok();
        let texts = [
            ("program", self.program.as_deref()),
            ("platform", self.platform.as_deref()),
            ("kind", Some(self.kind)),
            ("key", self.key.as_deref()),
            ("decision", self.decision),
            ("reason", self.reason),
            ("cause", self.cause),
            ("finding", self.finding),
        ];
        let numbers = [
            ("account", self.account),
            ("card", self.card),
            ("hold", self.hold),
            ("posted", Some(self.posted)),
            ("held", Some(self.held)),
        ];
        let of_texts = texts.into_iter().find(|(column, said)| text(*column) != Some(*said)).map(|(column, _)| column);
        of_texts.or_else(|| numbers.into_iter().find(|(column, said)| number(*column) != Some(*said)).map(|(column, _)| column))
    }
}

/// What is posted to a new account: all that it is entered with. One that is there keeps what it has.
fn opening(record: &Record, change: i64) -> Option<i64> {
    match &record.body {
        Body::AccountEntered { balance, .. } if change == FIRST_CHANGE && balance.minor() != 0 => Some(balance.minor()),
        Body::AccountEntered { .. }
        | Body::Decided { .. }
        | Body::Adopted { .. }
        | Body::Told { .. }
        | Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. } => None,
    }
}

/// Records that are ready to be written: a list a column.
#[derive(Debug, Default)]
pub struct Recording {
    ids: Vec<i64>,
    ats: Vec<At>,
    programs: Vec<Option<String>>,
    platforms: Vec<Option<String>>,
    kinds: Vec<&'static str>,
    keys: Vec<Option<String>>,
    accounts: Vec<Option<i64>>,
    account_changes: Vec<i64>,
    cards: Vec<Option<i64>>,
    holds: Vec<Option<i64>>,
    decisions: Vec<Option<&'static str>>,
    reasons: Vec<Option<&'static str>>,
    posted: Vec<i64>,
    held: Vec<i64>,
    causes: Vec<Option<&'static str>>,
    findings: Vec<Option<&'static str>>,
    bodies: Vec<Vec<u8>>,
    /// By place: how many records have changed the account now.
    changes: BTreeMap<u32, i64>,
    known: BTreeMap<u32, i64>,
}

impl Recording {
    /// The records of a group, with lasting numbers in their places.
    ///
    /// # Errors
    /// What was just written cannot be read: a bug.
    pub fn of(
        group: &GroupWriter,
        places: &Places,
        loaded: &Loaded,
        numbers: &Numbers,
        now: Timestamp,
    ) -> Result<Self, &'static str> {
        let known = (0..).zip(loaded.accounts.iter().map(|account| account.changes)).collect();
        let mut recording = Recording { known, ..Recording::default() };
        if group.records() == 0 {
            return Ok(recording);
        }
        let mut writer = GroupWriter::default();
        for record in Group::open(group.bytes()).map_err(|_| "record")? {
            let record = record.map_err(|_| "record")?;
            recording.add(record, places, numbers.take(1, now), &mut writer).ok_or("record")?;
        }
        Ok(recording)
    }

    fn add(&mut self, mut record: Record, places: &Places, id: i64, writer: &mut GroupWriter) -> Option<()> {
        let local = record.place.account;
        let change = local.map_or(0, |place| {
            let before = self.changes_of(place);
            let after = if changes_account(&record.body) { before.saturating_add(1) } else { before };
            if after != before {
                self.changes.insert(place, after);
            }
            after
        });
        let lasting = |numbers: &[i64], place: Option<u32>| match place {
            Some(place) => u32::try_from(number_of(numbers, place)?).ok().map(Some),
            None => Some(None),
        };
        record.place = Place {
            account: lasting(&places.accounts, record.place.account)?,
            card: lasting(&places.cards, record.place.card)?,
            cardholder: lasting(&places.cardholders, record.place.cardholder)?,
            // Names are looked up in a table of their own here.
            naming: Naming::Perhaps,
            ..record.place
        };
        writer.clear();
        writer.push(&record.as_written()).ok()?;
        self.bodies.push(writer.bytes().to_vec());
        self.ids.push(id);
        self.ats.push(At(record.at));
        self.push(Columns::of(&record, change));
        self.account_changes.push(change);
        Some(())
    }

    fn push(&mut self, columns: Columns) {
        self.programs.push(columns.program);
        self.platforms.push(columns.platform);
        self.kinds.push(columns.kind);
        self.keys.push(columns.key);
        self.accounts.push(columns.account);
        self.cards.push(columns.card);
        self.holds.push(columns.hold);
        self.decisions.push(columns.decision);
        self.reasons.push(columns.reason);
        self.posted.push(columns.posted);
        self.held.push(columns.held);
        self.causes.push(columns.cause);
        self.findings.push(columns.finding);
    }

    /// How many there are.
    pub fn records(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }

    /// How many records have changed the account at a place.
    pub fn changes_of(&self, place: u32) -> i64 {
        self.changes.get(&place).or_else(|| self.known.get(&place)).copied().unwrap_or(0)
    }

    /// The accounts that these records change.
    pub fn accounts_changed(&self) -> impl Iterator<Item = u32> {
        self.changes.keys().copied()
    }

    /// Writes them.
    ///
    /// # Errors
    /// The database.
    pub async fn write(&self, saving: &Saving<'_>) -> Result<(), Trouble> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO holdfast.record (id, at, program, platform, kind, key, account, account_change, card, hold,
                decision, reason, posted, held, cause, finding, body)
            SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::text[],
                $16::text[], $17::bytea[])";
        let values: [&(dyn ToSql + Sync); 17] = [
            &self.ids,
            &self.ats,
            &self.programs,
            &self.platforms,
            &self.kinds,
            &self.keys,
            &self.accounts,
            &self.account_changes,
            &self.cards,
            &self.holds,
            &self.decisions,
            &self.reasons,
            &self.posted,
            &self.held,
            &self.causes,
            &self.findings,
            &self.bodies,
        ];
        saving.execute(sql, &values).await.map(drop)
    }
}

/// Whether a record changes its account, or anything that the account's lock covers.
fn changes_account(body: &Body) -> bool {
    let moves = |outcome: &Outcome| {
        outcome.posted != 0
            || outcome.held != 0
            || outcome.hold.is_some()
            || !outcome.counted.is_empty()
            || outcome.standing.is_some()
    };
    match body {
        Body::Decided { outcome, .. }
        | Body::Adopted { outcome, .. }
        | Body::Told { outcome, .. }
        | Body::Ordered { outcome, .. }
        | Body::Joined { outcome, .. }
        | Body::Reassigned { outcome, .. } => moves(outcome),
        Body::AccountEntered { .. } | Body::CardEntered { .. } => true,
        Body::Kept { .. } | Body::RulesPublished | Body::Opened | Body::Trimmed { .. } => false,
    }
}

const fn kind_of(body: &Body) -> &'static str {
    match body {
        Body::Decided { .. } => "decided",
        Body::Adopted { .. } => "adopted",
        Body::Told { .. } => "told",
        Body::Ordered { .. } => "ordered",
        Body::Kept { .. } => "kept",
        Body::AccountEntered { .. } => "account_entered",
        Body::CardEntered { .. } => "card_entered",
        Body::RulesPublished => "rules_published",
        Body::Opened => "opened",
        Body::Trimmed { .. } => "trimmed",
        Body::Joined { .. } => "joined",
        Body::Reassigned { .. } => "reassigned",
    }
}

fn key_of(body: &Body) -> Option<String> {
    match body {
        Body::Decided { request, .. } | Body::Adopted { request, .. } => Some(request.key.to_string()),
        Body::Told { event, .. } => Some(event.key.to_string()),
        Body::Ordered { key, .. } => Some(key.to_string()),
        Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. } => None,
    }
}

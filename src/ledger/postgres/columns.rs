//! Rows of one kind that are written together: a list a column.

use holdfast_core::Decision;
use holdfast_core::hold::Answered;
use tokio_postgres::types::ToSql;

use super::load::Life;
use super::save::Places;
use super::values::{At, Name, expiry_name, posting_name};
use crate::ledger::embedded::state::{Fingerprint, HoldRow};

/// Holds.
#[derive(Debug, Default)]
pub struct HoldColumns {
    numbers: Vec<i64>,
    accounts: Vec<Option<i64>>,
    cards: Vec<Option<i64>>,
    statuses: Vec<&'static str>,
    postings: Vec<&'static str>,
    authorized: Vec<i64>,
    held: Vec<i64>,
    ahead: Vec<i64>,
    captured: Vec<i64>,
    refunded: Vec<i64>,
    moved: Vec<i64>,
    tolerances: Vec<i64>,
    expires_at: Vec<Option<At>>,
    /// Each an array of its own, as PostgreSQL writes one.
    names: Vec<String>,
    lives: Vec<Vec<u8>>,
    pub platforms: Vec<Option<String>>,
    pub payments: Vec<String>,
    pub expiries: Vec<&'static str>,
}

impl HoldColumns {
    /// Of rows; `None` if one cannot be written.
    pub fn of<'a>(rows: impl Iterator<Item = &'a HoldRow>, places: &Places) -> Option<Self> {
        let mut columns = HoldColumns::default();
        for row in rows {
            columns.add(row, places)?;
        }
        Some(columns)
    }

    fn add(&mut self, row: &HoldRow, places: &Places) -> Option<()> {
        let hold = &row.hold;
        let life = Life { steps: row.steps.clone(), counted: row.counted.clone() };
        let names: Vec<String> = row.names.iter().map(|name| hexadecimal(*name)).collect();
        self.lives.push(postcard::to_allocvec(&life).ok()?);
        self.numbers.push(row.number.0.cast_signed());
        self.accounts.push(places.account(row.account));
        self.cards.push(row.card.and_then(|index| places.card(index)));
        self.statuses.push(hold.status.name());
        self.postings.push(posting_name(hold.posting));
        self.authorized.push(hold.authorized);
        self.held.push(hold.held);
        self.ahead.push(hold.ahead);
        self.captured.push(hold.captured);
        self.refunded.push(hold.refunded);
        self.moved.push(hold.moved);
        self.tolerances.push(hold.tolerance);
        self.expires_at.push(hold.expires_at.map(At));
        self.names.push(format!("{{{}}}", names.join(",")));
        self.platforms.push(row.platform.map(|platform| platform.to_string()));
        self.payments.push(row.payment.to_string());
        self.expiries.push(expiry_name(row.expiry));
        Some(())
    }

    /// What of a hold may change, in the order in which statements have it.
    pub fn columns(&self) -> [&(dyn ToSql + Sync); 15] {
        [
            &self.numbers,
            &self.accounts,
            &self.cards,
            &self.statuses,
            &self.postings,
            &self.authorized,
            &self.held,
            &self.ahead,
            &self.captured,
            &self.refunded,
            &self.moved,
            &self.tolerances,
            &self.expires_at,
            &self.names,
            &self.lives,
        ]
    }
}

fn hexadecimal(name: Fingerprint) -> String {
    let Name(bytes) = Name::from(name);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was answered to keys.
#[derive(Debug, Default)]
pub struct AnswerColumns {
    pub keys: Vec<Name>,
    digests: Vec<Name>,
    asked_at: Vec<At>,
    amounts: Vec<Option<i64>>,
    currencies: Vec<Option<&'static str>>,
    reasons: Vec<Option<&'static str>>,
}

impl AnswerColumns {
    /// Of answers.
    pub fn of(answers: impl Iterator<Item = (Fingerprint, Answered)>) -> Self {
        let mut columns = AnswerColumns::default();
        for (key, answered) in answers {
            let (amount, currency, reason) = match answered.decision {
                Decision::Approve { amount } => (Some(amount.minor()), Some(amount.currency().code()), None),
                Decision::Decline { reason } => (None, None, Some(reason.name())),
            };
            columns.keys.push(key.into());
            columns.digests.push(Name(*answered.digest.as_bytes()));
            columns.asked_at.push(At(answered.asked_at));
            columns.amounts.push(amount);
            columns.currencies.push(currency);
            columns.reasons.push(reason);
        }
        columns
    }

    /// In the order in which statements have them.
    pub fn columns(&self) -> [&(dyn ToSql + Sync); 6] {
        [&self.keys, &self.digests, &self.asked_at, &self.amounts, &self.currencies, &self.reasons]
    }
}

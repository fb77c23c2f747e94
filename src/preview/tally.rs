//! What a table came to, in count and in money.

use std::collections::BTreeMap;

use holdfast_core::stand_in::{StandInAnswer, StoodIn};
use holdfast_core::{Basis, StandInBasis};

use super::worst::Worst;

/// So many answers about so much money, in minor units of the program's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much.
    pub amount: i64,
}

impl Sum {
    /// One more.
    pub fn add(&mut self, amount: i64) {
        self.count = self.count.saturating_add(1);
        self.amount = self.amount.saturating_add(amount);
    }
}

/// What a table would have come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// What it approves.
    pub approved: Sum,
    /// What it declines, by what was asked.
    pub declined: Sum,
    /// What it leaves to the platform.
    pub abstained: Sum,
    /// Approved here, and by how much more than the ledger gave; where it declined, all of it.
    pub wrongly_approved: Sum,
    /// Approved by the ledger, and how much of that not here.
    pub wrongly_declined: Sum,
    /// By answer and what decided: `approve`, `row everyday`.
    pub by: BTreeMap<(&'static str, String), Sum>,
    /// What the worst outage puts at risk.
    pub worst: Option<Worst>,
}

impl Tally {
    /// Counts one answer beside the ledger's.
    pub(super) fn count(&mut self, said: &StoodIn, asked: i64, ledger: Option<i64>) {
        let (answer, sum, amount) = match said.answer {
            StandInAnswer::Approve { amount } => ("approve", &mut self.approved, amount.minor()),
            StandInAnswer::Decline { .. } => ("decline", &mut self.declined, asked),
            StandInAnswer::Abstain(_) => ("abstain", &mut self.abstained, asked),
        };
        sum.add(amount);
        self.by.entry((answer, decider(&said.basis))).or_default().add(amount);
        let given = match said.answer {
            StandInAnswer::Approve { amount } => Some(amount.minor()),
            StandInAnswer::Decline { .. } | StandInAnswer::Abstain(_) => None,
        };
        match (given, ledger) {
            (Some(given), None) => self.wrongly_approved.add(given),
            (None, Some(approved)) => self.wrongly_declined.add(approved),
            // Either may have given a part.
            (Some(given), Some(approved)) if given > approved => self.wrongly_approved.add(given.saturating_sub(approved)),
            (Some(given), Some(approved)) if given < approved => self.wrongly_declined.add(approved.saturating_sub(given)),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

/// `row everyday`, `cap card-day`, `no_row`.
fn decider(basis: &Basis) -> String {
    match basis {
        Basis::StandInTable(StandInBasis { by, .. }) => match by.id() {
            Some(id) => format!("{} {id}", by.name()),
            None => by.name().to_owned(),
        },
        Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay | Basis::StandIn(_) => basis.name().to_owned(),
    }
}

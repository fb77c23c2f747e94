//! What a record says of the day, and of the network, that its money is settled on: the one place that says so, for the
//! command, the API and the projection alike. Knows no sums.

use holdfast_core::hold::Fact;
use holdfast_core::{NetworkName, Timestamp};

use super::cutoff::Cutoff;
use crate::journal::{Body, Record};

/// What tells the day of a movement. A program's cut-off may be changed: only together with it does this give a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The day on which the network settles it, by the platform's word: days since 1970-01-01.
    pub settlement_day: Option<i32>,
    /// When it happened, or else when it was applied.
    pub happened_at: Timestamp,
}

impl When {
    /// What a record says of it.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        match &record.body {
            Body::Told { event, .. } => {
                When { settlement_day: event.settlement_day, happened_at: event.occurred_at.unwrap_or(record.at) }
            }
            Body::Decided { .. }
            | Body::Adopted { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => When { settlement_day: None, happened_at: record.at },
        }
    }

    /// The day: the platform's word, or else the one that its moment belongs to.
    #[must_use]
    pub fn day(&self, cutoff: &Cutoff) -> i32 {
        self.settlement_day.unwrap_or_else(|| cutoff.day_of(self.happened_at))
    }
}

/// Over which network a record says that its payment goes. Later messages often leave it out: a payment's network is the first
/// that any of its records tells, and what moved before that was told went over it too.
#[must_use]
pub fn network_of(record: &Record) -> Option<NetworkName> {
    match &record.body {
        Body::Decided { request, .. } | Body::Adopted { request, .. } => request.network,
        Body::Told { event, .. } => event.network,
        Body::Ordered { .. }
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

/// Whether what a record moved was debited by its decision: the day is told later, by its completion.
#[must_use]
pub const fn is_debited_at_once(record: &Record) -> bool {
    matches!(record.body, Body::Decided { .. } | Body::Adopted { .. })
}

/// The day that a completion tells for what was debited at once. The first one that is told counts.
#[must_use]
pub const fn completed_on(record: &Record) -> Option<i32> {
    match &record.body {
        Body::Told { event, .. } => match event.fact {
            Fact::Completed { .. } => event.settlement_day,
            Fact::Recorded { .. }
            | Fact::Reduced { .. }
            | Fact::Replaced { .. }
            | Fact::Released { .. }
            | Fact::Captured { .. }
            | Fact::Credited { .. }
            | Fact::Debited { .. }
            | Fact::Card { .. }
            | Fact::Cardholder { .. }
            | Fact::Account { .. }
            | Fact::SettlementAnnounced { .. } => None,
        },
        Body::Decided { .. }
        | Body::Adopted { .. }
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

//! What operators see of the path: `/status`, and whether a program is being stood in for.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::{ProgramId, StandInCause, Timestamp};
use serde_json::{Map, Value, json};

use super::breaker::BreakerIs;
use super::ledger_state::{LedgerState, Signs};
use super::mount::Mount;
use super::soon::soon;
use super::{Program, Responder};
use crate::clock::{self, Instant};
use crate::ledger::{Readiness, Standing};
use crate::metrics::LedgerStanding;
use crate::spool::Switched;

/// How long a start may take before operators are told that it stands in.
const STARTS_WITHIN: Duration = Duration::from_secs(1);

/// A program's questions are answered without its ledger, all of them or those of a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InStandIn {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub cause: StandInCause,
}

/// Where the ledger is.
struct Whereabouts {
    /// By itself: messages reach it before questions do.
    by_itself: LedgerState,
    /// As operators see it: nobody who waits for it to be ready is to send a question too early.
    shown: LedgerState,
    /// Since when it is where it is shown.
    since: Timestamp,
}

const fn standing_of(state: LedgerState) -> LedgerStanding {
    match state {
        LedgerState::Ready => LedgerStanding::Up,
        LedgerState::Starting | LedgerState::NotAnswering | LedgerState::Unavailable => LedgerStanding::Down,
    }
}

impl Responder {
    /// Each program once, in the order of its first mount.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        let first = |place: usize, id: &ProgramId| !self.mounts.iter().take(place).any(|mount| mount.program.id == *id);
        let mounts = self.mounts.iter().enumerate().filter(move |(place, mount)| first(*place, &mount.program.id));
        mounts.map(|(_, mount)| mount.program.as_ref())
    }

    /// The same, for whoever outlives this.
    pub(super) fn programs_shared(&self) -> Vec<Arc<Program>> {
        let ids: Vec<ProgramId> = self.programs().map(|program| program.id).collect();
        let of =
            |id: &ProgramId| self.mounts.iter().find(|mount| mount.program.id == *id).map(|mount| Arc::clone(&mount.program));
        ids.iter().filter_map(of).collect()
    }

    /// Since when the breaker is open, by the clock on the wall.
    pub(super) fn open_since(&self, now: Timestamp) -> Option<Timestamp> {
        match self.breaker.is() {
            BreakerIs::Closed => None,
            BreakerIs::Open(since) => Some(now.saturating_sub(clock::instant().saturating_duration_since(since))),
        }
    }

    /// Since when the ledger is away: the breaker is open, or the ledger itself says that it cannot answer. Whoever has few questions sees
    /// only the latter. One that was left away by an earlier process is so until it has written something.
    pub(super) fn away_since(&self, now: Timestamp) -> Option<Timestamp> {
        let Standing { readiness, since } = self.ledger.standing();
        let unavailable = match readiness {
            Readiness::Unavailable if self.is_open() => Some(since.unwrap_or(now)),
            Readiness::Starting | Readiness::Ready | Readiness::Unavailable => None,
        };
        let found = self.ledger_since.found_away();
        self.ledger_since.away(self.open_since(now).into_iter().chain(unavailable).chain(found).min())
    }

    /// When this process began, if its ledger is not there yet and takes long.
    pub(super) fn starting_since(&self, now: Timestamp) -> Option<Timestamp> {
        (!self.is_open() && now.saturating_since(self.began) >= STARTS_WITHIN).then_some(self.began)
    }

    /// Since when, and why, a program is stood in for as a whole: as the ledger is away, by hand, or by a start that takes longer than anybody
    /// waits for it. Single questions that a ledger which says that it is ready did not answer in time are not counted.
    #[must_use]
    pub fn in_stand_in(&self, program: &ProgramId, now: Timestamp) -> Option<InStandIn> {
        let by_hand = self.switchboard.on_for(program, now).into_iter().map(|switched| switched.since).min();
        let by_hand = by_hand.map(|since| InStandIn { since, cause: StandInCause::Switched });
        let by_ledger = self.away_since(now).map(|since| InStandIn { since, cause: StandInCause::LedgerUnavailable });
        let by_start = self.starting_since(now).map(|since| InStandIn { since, cause: StandInCause::Starting });
        by_hand.into_iter().chain(by_ledger).chain(by_start).min_by_key(|standing| standing.since)
    }

    /// Whether a program that is not in stand-in is known not to be: before the ledger is there, a start may still lead into it.
    #[must_use]
    pub fn is_past_its_start(&self, now: Timestamp) -> bool {
        self.ledger_state(now).shown == LedgerState::Ready
    }

    /// Brings the gauges of stand-in to what is so now.
    pub fn show_stand_in(&self) {
        let now = clock::utc();
        self.metrics.ledger.standing(standing_of(self.ledger_state(now).shown));
        self.metrics.stand_in.breaker(self.open_since(now));
        for program in self.programs() {
            let since = self.in_stand_in(&program.id, now).map(|standing| standing.since);
            self.metrics.stand_in.program(&program.id, since);
        }
        for mount in &self.mounts {
            let on = self.switchboard.on_for(&mount.program.id, now).into_iter();
            let for_it = on.filter(|switched| switched.scope.platform.is_none_or(|only| only == mount.platform));
            let until = for_it.map(|switched| switched.ends()).max();
            self.metrics.stand_in.switched(&mount.program.id, &mount.platform, until);
        }
    }

    /// Whether the ledger answers: it may say that it is ready, and hang.
    pub(super) fn ledger_stands(&self) -> LedgerStanding {
        standing_of(self.ledger_state(clock::utc()).by_itself)
    }

    /// Until when the ledger is waited for with what helps to decide a question, and is not the decision: as long as with that where it is
    /// asked for it, or a start may end in time; not longer than a moment where stand-in answers at once.
    pub(super) fn beside_until(&self, mount: &Mount, decide_by: Instant) -> Instant {
        let now = clock::utc();
        let is_waited_for = match self.ledger_state(now).by_itself {
            LedgerState::Ready | LedgerState::Starting => !self.switchboard.is_on(&mount.program.id, &mount.platform, now),
            LedgerState::NotAnswering | LedgerState::Unavailable => false,
        };
        if is_waited_for { decide_by } else { decide_by.min(soon()) }
    }

    /// Where the ledger is, by itself and as operators see it, and since when.
    fn ledger_state(&self, now: Timestamp) -> Whereabouts {
        let at_it_for = self.ledger.at_it_since().map(|since| clock::instant().saturating_duration_since(since));
        let (says, breaker_open) = (self.ledger.standing(), self.open_since(now));
        let (by_itself, since) = Signs { says, breaker_open, at_it_for, stall: self.breaker.stall() }.state(now);
        // One that is ready hears no question before the rules are in force and whatever else a start waits for is there.
        let shown = if by_itself == LedgerState::Ready && !self.is_open() { LedgerState::Starting } else { by_itself };
        let since = if shown == LedgerState::Starting { Some(self.began) } else { since };
        Whereabouts { by_itself, shown, since: self.ledger_since.seen(shown, since, now) }
    }

    /// Sees where the ledger is, for whoever asks later since when.
    pub(super) fn see_ledger(&self) {
        let now = clock::utc();
        let _: Whereabouts = self.ledger_state(now);
        let _: Option<Timestamp> = self.away_since(now);
    }

    /// What `/status` shows, JSON.
    #[must_use]
    pub fn status(&self) -> String {
        let now = clock::utc();
        let rules: Map<String, Value> =
            self.programs().map(|program| (program.id.to_string(), program.rules.load().hash().to_string().into())).collect();
        let stand_in: Map<String, Value> =
            self.programs().map(|program| (program.id.to_string(), self.stand_in_status(program, now))).collect();
        let (fill, ledger) = (self.spool.fill(), self.ledger_state(now));
        let mut status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ledger": ledger.shown.name(),
            "ledger_since": ledger.since.to_string(),
            "breaker": { "open_since": self.open_since(now).map(|since| since.to_string()) },
            "in_flight": self.in_flight.now(),
            "told_pending": self.unheard.book.waiting(),
            "spool": { "waiting": fill.held.waiting, "set_aside": fill.held.aside, "entries_max": fill.entries_max },
            "rules": rules,
            "stand_in": stand_in,
        });
        if let Some((node, status)) = self.ledger.node().zip(status.as_object_mut()) {
            status.insert("node".to_owned(), node.into());
        }
        status.to_string()
    }

    /// Of what the ledger has yet to hear: how much money it is of the program's, and what becomes of questions on its accounts and cards, also
    /// where the program as a whole is not stood in for. Nothing where there is nothing.
    fn unheard_status(&self, program: &Program) -> Option<Value> {
        let in_transit = program.stand_in.in_transit();
        let told = self.unheard.standings.any_on_the_way() || self.unheard.waiting.any_of(program.id);
        if in_transit == 0 && !told {
            return None;
        }
        let meanwhile = if self.hears_soon() { Meanwhile::Wait } else { Meanwhile::StandIn };
        Some(json!({ "approved_minor": in_transit, "questions": meanwhile.name() }))
    }

    /// Of a program's stand-in: since when, the exposure, the version in force of each table, and what is switched on.
    fn stand_in_status(&self, program: &Program, now: Timestamp) -> Value {
        let tables = program.stand_in.versions().map(|(kind, hash)| (kind.to_string(), hash.map(|hash| hash.to_string()).into()));
        let tables: Map<String, Value> = tables.collect();
        // Operators are not told of a short start; who looks meanwhile sees what questions meet.
        let starting = || (!self.is_open()).then_some(InStandIn { since: self.began, cause: StandInCause::Starting });
        let standing = self.in_stand_in(&program.id, now).or_else(starting);
        let switched: Vec<_> = self.switchboard.on_for(&program.id, now).iter().map(switch_status).collect();
        json!({
            "since": standing.map(|standing| standing.since.to_string()),
            "cause": standing.map(|standing| standing.cause.name()),
            "exposure_minor": program.stand_in.exposure(),
            "unheard": self.unheard_status(program),
            "tables": tables,
            "switched": switched,
        })
    }
}

/// What becomes of questions on accounts and cards of which the ledger has yet to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// They wait a moment for it.
    Wait,
    /// They are stood in for, whatever else the ledger answers.
    StandIn,
}

impl Meanwhile {
    const fn name(self) -> &'static str {
        match self {
            Meanwhile::Wait => "wait",
            Meanwhile::StandIn => "stand_in",
        }
    }
}

fn switch_status(switched: &Switched) -> Value {
    let Switched { scope, since, until, by, why, .. } = switched;
    json!({
        "platform": scope.platform.map(|platform| platform.to_string()),
        "since": since.to_string(),
        "until": until.to_string(),
        "by": by,
        "why": why,
    })
}

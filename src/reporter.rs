//! What the ledger, the spool and stand-in do, told to metrics and, on standard error, to operators. Decides nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_core::ProgramId;
use tokio::sync::watch;

use crate::clock;
use crate::journal::head_number;
use crate::ledger::Readiness;
use crate::ledger::embedded::Observer;
use crate::metrics::{LedgerStanding, Metrics};
use crate::responder::{InStandIn, Responder, ended};
use crate::spool;
use crate::webhook::Signals;
use crate::webhook::signal::Signal;

/// Tells metrics and operators what the ledger does, and followers how far it has come.
#[derive(Debug)]
pub struct Reporter {
    metrics: Arc<Metrics>,
    recorded: watch::Sender<i64>,
}

impl Reporter {
    /// Reports into these metrics.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Reporter { metrics, recorded: watch::Sender::new(0) }
    }

    /// The last record that is durable.
    #[must_use]
    pub fn recorded(&self) -> watch::Receiver<i64> {
        self.recorded.subscribe()
    }
}

impl Observer for Reporter {
    fn committed(&self, records: u32, took: Duration) {
        self.metrics.ledger.committed(took, records);
    }

    fn head(&self, last: i64, chain: &[u8; 32]) {
        self.metrics.ledger.journal(last, head_number(chain));
        self.recorded.send_replace(last);
    }

    fn readiness(&self, readiness: Readiness) {
        self.metrics.ledger.standing(match readiness {
            Readiness::Ready => LedgerStanding::Up,
            Readiness::Starting | Readiness::Unavailable => LedgerStanding::Down,
        });
    }

    fn expired(&self, holds: usize) {
        self.metrics.ledger.expired(holds);
    }

    fn never_ended(&self, holds: usize) {
        self.metrics.ledger.never_ended(holds);
        self.say(&format!(
            "{holds} {} released by the safety timer: the platform never told how the payments ended; see \
             holdfast_holds_never_ended_total, and ask the platform whether its notifications arrive",
            if holds == 1 { "hold was" } else { "holds were" }
        ));
    }

    fn projected(&self, _record: i64, lag: i64) {
        self.metrics.ledger.projection_lag(lag);
    }

    fn projection_anew(&self) {
        self.metrics.ledger.projection_anew();
    }

    fn say(&self, message: &str) {
        say(message);
    }
}

/// Tells metrics and operators what the spool does.
#[derive(Debug)]
pub struct SpoolReporter(pub Arc<Metrics>);

impl spool::Observer for SpoolReporter {
    fn committed(&self, entries: usize, took: Duration) {
        self.0.spool.committed(entries, took);
    }

    fn failed(&self) {
        self.0.spool.failed();
    }

    fn filled(&self, fill: spool::Fill) {
        self.0.spool.filled(fill.held.waiting, fill.held.aside, fill.entries_max);
    }

    fn say(&self, message: &str) {
        say(message);
    }
}

/// Where a program was when it was looked at last.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Answered,
    StoodIn(InStandIn),
}

/// Tells operators and webhooks when stand-in begins for a program, and when it ends.
#[derive(Debug)]
pub struct StandInReporter {
    /// Nothing of a program of which it is not known yet.
    seen: Mutex<HashMap<ProgramId, Seen>>,
    signals: Option<Signals>,
}

impl StandInReporter {
    /// Leaves what it sees there, too, if somebody wants it.
    #[must_use]
    pub fn new(signals: Option<Signals>) -> Self {
        StandInReporter { seen: Mutex::default(), signals }
    }

    fn signal(&self, signal: Signal) {
        if let Some(signals) = &self.signals {
            signals.leave(signal);
        }
    }

    /// Looks whether anything has changed. Call it every second or so.
    pub fn look(&self, responder: &Responder) {
        let now = clock::utc();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for program in responder.programs() {
            let standing = responder.in_stand_in(&program.id, now);
            let left = || Signal::Left { program: program.id, at: now, exposure_minor: program.stand_in.exposure() };
            match (seen.get(&program.id).copied(), standing) {
                (None | Some(Seen::Answered), Some(standing)) => {
                    say(&format!("program {}: stand-in since {}, {}", program.id, standing.since, standing.cause.name()));
                    let InStandIn { since, cause } = standing;
                    self.signal(Signal::Entered { program: program.id, since, cause });
                    seen.insert(program.id, Seen::StoodIn(standing));
                }
                (Some(Seen::StoodIn(before)), None) => {
                    say(&ended(program, before.since, now));
                    self.signal(left());
                    seen.insert(program.id, Seen::Answered);
                }
                // An earlier process may have told that it began; where none did, nobody hears that it ended.
                (None, None) if responder.is_past_its_start(now) => {
                    self.signal(left());
                    seen.insert(program.id, Seen::Answered);
                }
                (None | Some(Seen::Answered), None) | (Some(Seen::StoodIn(_)), Some(_)) => {}
            }
        }
    }
}

/// One line for the operator, on standard error with the time.
pub fn say(message: &str) {
    use std::io::Write as _;
    // Whoever closed standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{} {message}", clock::utc());
}

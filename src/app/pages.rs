//! What the operators' listener shows, and what is done beside it from time to time.

use std::sync::Arc;

use crate::clock;
use crate::metrics::Metrics;
use crate::reporter::StandInReporter;
use crate::responder::Responder;
use crate::server::ops::Pages;
use crate::webhook::Signals;

pub(super) fn pages(responder: &Arc<Responder>, metrics: &Arc<Metrics>, signals: Option<Signals>) -> Pages {
    let (shown, kept) = (Arc::clone(metrics), Arc::clone(metrics));
    let outages = StandInReporter::new(signals);
    let (watched, status, kept_up) = (Arc::downgrade(responder), Arc::downgrade(responder), Arc::downgrade(responder));
    Pages {
        metrics: Box::new(move || {
            if let Some(responder) = watched.upgrade() {
                shown.server.in_flight(responder.in_flight.now());
                shown.ledger.told_pending(responder.unheard.book.waiting());
                responder.show_stand_in();
                for program in responder.programs() {
                    shown.exposure(program.id, program.stand_in.exposure());
                }
            }
            let mut page = shown.render();
            page.push_str(&heap_allocations());
            page
        }),
        status: Box::new(move || status.upgrade().map(|responder| responder.status())),
        upkeep: Box::new(move || {
            kept.run_upkeep();
            if let Some(responder) = kept_up.upgrade() {
                responder.programs().for_each(|program| program.stand_in.forget(clock::utc()));
                outages.look(&responder);
            }
        }),
    }
}

/// The benchmark build's own metric; nothing in any other build.
#[cfg(feature = "count-allocations")]
pub(super) fn heap_allocations() -> String {
    let counted = stats_alloc::INSTRUMENTED_SYSTEM.stats();
    let total = counted.allocations.saturating_add(counted.reallocations);
    format!("# TYPE holdfast_heap_allocations_total counter\nholdfast_heap_allocations_total {total}\n")
}

#[cfg(not(feature = "count-allocations"))]
pub(super) fn heap_allocations() -> String {
    String::new()
}

//! What was told without the ledger, on its way to the ledger: tried until the ledger agrees, in the order of telling.
//!
//! Until the spool comes, what waits here is lost in a crash: a decline that was told is then the one thing that may be
//! decided afresh.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::told::{Name, ToldBook};
use crate::ledger::{Act, Adopt, Ledger, Ticket, Wait};
use crate::metrics::Metrics;

/// How long to wait before the ledger is asked again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// One told answer and the key under which the book keeps it, if it does.
#[derive(Debug)]
pub struct Adoption {
    /// What the ledger has to agree with.
    pub adopt: Adopt,
    /// The key.
    pub name: Name,
}

/// Where the path leaves what it told.
pub type Adoptions = mpsc::UnboundedSender<Adoption>;

/// Brings told answers to the ledger, in the order of telling, until nobody can tell any more.
pub async fn adopt_all(
    mut adoptions: mpsc::UnboundedReceiver<Adoption>,
    ledger: Arc<dyn Ledger>,
    book: Arc<ToldBook>,
    metrics: Arc<Metrics>,
) {
    let mut taken = Vec::new();
    while adoptions.recv_many(&mut taken, 256).await > 0 {
        let mut pause = RETRY_FIRST;
        while !taken.is_empty() {
            taken = adopt_some(taken, ledger.as_ref(), &book).await;
            metrics.ledger.told_pending(book.waiting());
            if !taken.is_empty() {
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(RETRY_MAX);
            }
        }
    }
}

/// Submits all, and gives back those that the ledger could not take.
async fn adopt_some(taken: Vec<Adoption>, ledger: &dyn Ledger, book: &ToldBook) -> Vec<Adoption> {
    let submitted: Vec<_> = taken
        .into_iter()
        .map(|adoption| {
            let ticket = Ticket::new(Act::Adopt(adoption.adopt.clone()));
            ledger.submit(Arc::clone(&ticket));
            (adoption, Wait::on(ticket))
        })
        .collect();
    ledger.nudge();
    let mut left = Vec::new();
    for (adoption, wait) in submitted {
        match wait.await {
            Ok(_) => book.adopted(&adoption.name),
            Err(_) => left.push(adoption),
        }
    }
    left
}

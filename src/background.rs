//! The thread beside the workers: operators' commands, the management API, agent spend's `/v1`, the journal's retention, and the rules
//! that other responders publish.
//! None of them may ever take a worker's time.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::agent::door::{House, crossing};
use crate::api::Api;
use crate::api::listener::ApiListener;
use crate::app::runtime;
use crate::control::protocol::TrimMode;
use crate::control::server::ControlListener;
use crate::control::{self, ControlAnswer, ControlRequest, OperationError};
use crate::descriptors::Room;
use crate::operations::{Desk, Least};
use crate::responder::Recalled;
use crate::server::{Bound, Crossings};
use crate::spool::told_to_stop;
use crate::start_error::StartError;

/// How often it is looked what the journal keeps, and how many such looks there are from one trim to the next.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const LOOKS_TO_A_TRIM: u32 = 60;

/// The thread's stack. What is done here is large, and moved more than once where nothing is optimized.
const STACK_BYTES: usize = 8 << 20;

/// What a command hears of a start that takes long.
const STARTS: &str = "a server is starting here, and still reads what waits for the ledger: ask again in a moment";

/// What is answered here besides commands.
pub struct Doors<'a> {
    /// Where the management API listens.
    pub bound: Bound,
    /// The management API.
    pub api: &'a Arc<Api>,
    /// Agent spend, and what the workers hand over to it.
    pub spend: Option<(Arc<House>, Crossings)>,
    /// Before, nobody here is answered but with that.
    pub recalled: Recalled,
}

/// The thread, running.
pub struct Background {
    stop: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Background {
    /// Opens the command socket and starts the thread, which serves the management API as well, each within its `room`; `following` ends
    /// with the thread.
    ///
    /// # Errors
    /// Another server has the socket, or the operating system refuses.
    pub fn start(
        data: &Path,
        desk: Desk,
        Doors { bound, api, spend, recalled }: Doors<'_>,
        room: Room,
        following: impl Future<Output = ()> + Send + 'static,
        say: fn(&str),
    ) -> Result<Self, StartError> {
        let runtime = runtime()?;
        let taken = {
            let _context = runtime.enter();
            take(data, bound, api, room)
        };
        let (listener, management) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                // Dropped as it is, it would wait for its threads, which panics where another runtime calls us.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let (stop, stopped) = watch::channel(());
        let run = move || {
            runtime.block_on(async {
                let trimming = keep_trimmed(desk.clone(), stopped.clone(), say);
                let of_commands = recalled.clone();
                let commands = listener.serve(
                    room.commands,
                    move |request| {
                        let (desk, recalled) = (desk.clone(), of_commands.clone());
                        async move { answer(&desk, &recalled, request).await }
                    },
                    told_to_stop(stopped.clone()),
                );
                let management = management.serve(stopped.clone());
                let spend = async {
                    if let Some((house, crossings)) = spend {
                        crossing::serve(house, crossings, recalled, stopped.clone()).await;
                    }
                };
                let following = async {
                    tokio::select! {
                        () = following => {}
                        () = told_to_stop(stopped.clone()) => {}
                    }
                };
                tokio::join!(commands, management, spend, trimming, following);
            });
        };
        let thread = std::thread::Builder::new().name("background".to_owned()).stack_size(STACK_BYTES).spawn(run)?;
        Ok(Background { stop, thread })
    }

    /// Finishes the commands and requests that have begun. Blocks.
    pub fn stop(self) {
        let Background { stop, thread } = self;
        drop(stop);
        // A thread that panicked has nothing left to finish.
        let _ = thread.join();
    }
}

/// Does what a command asks, once it is known what waits for the ledger: an entry that is brought back or erased while it is read would be
/// remembered as it was.
async fn answer(desk: &Desk, recalled: &Recalled, request: ControlRequest) -> ControlAnswer {
    if recalled.soon().await {
        control::answer(desk, request).await
    } else {
        ControlAnswer::Unavailable { problem: STARTS.to_owned() }
    }
}

/// Looks again and again whether records may be dropped, and shows what is kept.
async fn keep_trimmed(desk: Desk, stopped: watch::Receiver<()>, say: fn(&str)) {
    let look = async {
        let mut opened = false;
        loop {
            let trimmed = desk.trim_journal(TrimMode::Drop, Least::ADay).await;
            opened |= desk.has_its_ledger();
            match trimmed {
                Ok(report) => {
                    if let Some(checkpoint) = &report.checkpoint {
                        say(&format!("the journal's records before {} were dropped", checkpoint.record));
                    }
                    if report.more && report.checkpoint.is_some() {
                        continue;
                    }
                }
                Err(OperationError::Unavailable(problem)) if opened => say(&format!("no records could be dropped: {problem}")),
                // A ledger that did not even begin: why is said by whoever started it.
                Err(OperationError::Unavailable(_) | OperationError::Refused(_) | OperationError::Rows(_)) => {}
            }
            for _ in 0..LOOKS_TO_A_TRIM {
                opened |= desk.has_its_ledger();
                desk.show_kept().await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    };
    tokio::select! {
        () = look => {}
        () = told_to_stop(stopped) => {}
    }
}

fn take(data: &Path, bound: Bound, api: &Arc<Api>, room: Room) -> Result<(ControlListener, ApiListener), StartError> {
    Ok((ControlListener::bind(data).map_err(StartError::Control)?, ApiListener::new(bound, api, room.management)?))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::ledger::{Completions, Ledger, LedgerError, Readiness, Ticket};
    use crate::retention::Retention;

    /// A ledger that can do nothing: it never began, or cannot write now.
    struct Unable(Readiness);

    impl Ledger for Unable {
        fn submit(&self, ticket: Arc<Ticket>) {
            let mut completions = Completions::default();
            completions.complete(&ticket, Err(LedgerError::Unavailable));
            completions.announce();
        }

        fn nudge(&self) {}

        fn readiness(&self) -> Readiness {
            self.0
        }
    }

    thread_local! {
        static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    fn keep_said(line: &str) {
        SAID.with_borrow_mut(|said| said.push(line.to_owned()));
    }

    /// Of one that never began, whoever started it says why.
    #[tokio::test]
    async fn what_a_ledger_that_never_began_cannot_drop_is_not_said_to_be_its_writing() {
        let directory = tempfile::tempdir().unwrap();
        for (readiness, told) in [
            (Readiness::Unavailable, vec![]),
            (Readiness::Ready, vec!["no records could be dropped: the ledger cannot write".to_owned()]),
        ] {
            let retention = Retention { data: directory.path().to_owned(), keeps: vec![], alone: tokio::sync::Mutex::default() };
            let desk = Desk::new(Arc::new(Unable(readiness)), vec![], None).with_retention(retention);
            let (_stop, stopped) = watch::channel(());
            let mut trimming = pin!(keep_trimmed(desk, stopped, keep_said));
            assert!(trimming.as_mut().now_or_never().is_none());
            assert_eq!(SAID.take(), told, "{readiness:?}");
        }
    }
}

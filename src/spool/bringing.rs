//! The reconciler's own thread. It must hold nobody up who answers: what was told a while ago waits for what is asked now.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::reconcile::{Reconciler, told_to_stop};
use crate::app::runtime;
use crate::second_place::take_second_place;

/// How long a stop waits for a ledger that has yet to hear something. What it has not heard by then, the spool keeps.
const LAST_ENTRIES_MAX: Duration = Duration::from_secs(5);

/// The thread, running.
pub struct Bringing {
    stop: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Bringing {
    /// Begins to bring to the ledger what it has yet to hear.
    ///
    /// # Errors
    /// The operating system has no thread or runtime for it.
    pub fn start(reconciler: Reconciler) -> std::io::Result<Self> {
        let (runtime, (stop, stopped)) = (runtime()?, watch::channel(()));
        let run = move || {
            // So do the threads that read the file, which come from here. A ledger that comes back has a long list to hear, and meanwhile
            // cardholders wait for new answers. Each of those needs the processor now, the list does not.
            take_second_place();
            runtime.block_on(async {
                let too_long = async {
                    told_to_stop(stopped.clone()).await;
                    tokio::time::sleep(LAST_ENTRIES_MAX).await;
                };
                tokio::select! {
                    () = reconciler.run(stopped.clone()) => {}
                    () = too_long => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("reconciler".to_owned()).spawn(run)?;
        Ok(Bringing { stop, thread })
    }

    /// Brings, if the ledger answers, what it still has to hear. Blocks.
    pub fn stop(self) {
        let Bringing { stop, thread } = self;
        drop(stop);
        // A thread that panicked has nothing left to bring.
        let _ = thread.join();
    }
}

//! The thread beside the workers: operators' commands, and told answers on their way to the ledger. Neither may ever take
//! a worker's time.

use std::path::Path;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::app::{StartError, runtime};
use crate::control;
use crate::control::server::ControlListener;
use crate::operations::Desk;

/// The thread, running.
pub struct Background {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Background {
    /// Opens the command socket and starts the thread.
    ///
    /// # Errors
    /// Another server has the socket, or the operating system refuses.
    pub fn start(data: &Path, desk: Desk, adoptions: impl Future<Output = ()> + Send + 'static) -> Result<Self, StartError> {
        let runtime = runtime()?;
        let listener = {
            let _context = runtime.enter();
            ControlListener::bind(data).map_err(StartError::Control)?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            runtime.block_on(async {
                let commands = listener.serve(
                    move |request| {
                        let desk = desk.clone();
                        async move { control::answer(&desk, request).await }
                    },
                    async {
                        // An error is a stop too: whoever could have said so is gone.
                        let _ = stopped.await;
                    },
                );
                tokio::join!(commands, adoptions);
            });
        };
        let thread = std::thread::Builder::new().name("background".to_owned()).spawn(run)?;
        Ok(Background { stop, thread })
    }

    /// Finishes the commands that have begun and what is still to be adopted. Blocks.
    pub fn stop(self) {
        // It may have ended already.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

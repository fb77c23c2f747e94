//! The thread beside the workers: operators' commands, the management API, and told answers on their way to the ledger.
//! None of them may ever take a worker's time.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::api::Api;
use crate::api::listener::ApiListener;
use crate::app::runtime;
use crate::control;
use crate::control::server::ControlListener;
use crate::operations::Desk;
use crate::server::Bound;
use crate::start_error::StartError;

/// How long a stop waits for a ledger that has told answers still to adopt. One that is away then would stay so for ever.
const LAST_ADOPTIONS_MAX: Duration = Duration::from_secs(5);

/// The thread, running.
pub struct Background {
    stop: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Background {
    /// Opens the command socket and starts the thread, which serves the management API as well. `adoptions` ends by itself
    /// when nobody can tell anything any more.
    ///
    /// # Errors
    /// Another server has the socket, or the operating system refuses.
    pub fn start(
        data: &Path,
        desk: Desk,
        (bound, api): (Bound, &Arc<Api>),
        adoptions: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, StartError> {
        let runtime = runtime()?;
        let taken = {
            let _context = runtime.enter();
            take(data, bound, api)
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
                let commands = listener.serve(
                    move |request| {
                        let desk = desk.clone();
                        async move { control::answer(&desk, request).await }
                    },
                    told_to_stop(stopped.clone()),
                );
                let management = management.serve(stopped.clone());
                let adoptions = async {
                    let too_long = async {
                        told_to_stop(stopped).await;
                        tokio::time::sleep(LAST_ADOPTIONS_MAX).await;
                    };
                    tokio::select! {
                        () = adoptions => {}
                        () = too_long => {}
                    }
                };
                tokio::join!(commands, management, adoptions);
            });
        };
        let thread = std::thread::Builder::new().name("background".to_owned()).spawn(run)?;
        Ok(Background { stop, thread })
    }

    /// Finishes the commands and requests that have begun and, if the ledger answers, what is still to be adopted. Blocks.
    pub fn stop(self) {
        let Background { stop, thread } = self;
        drop(stop);
        // A thread that panicked has nothing left to finish.
        let _ = thread.join();
    }
}

fn take(data: &Path, bound: Bound, api: &Arc<Api>) -> Result<(ControlListener, ApiListener), StartError> {
    Ok((ControlListener::bind(data).map_err(StartError::Control)?, ApiListener::new(bound, api)?))
}

/// Done when whoever can say so is gone.
async fn told_to_stop(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

//! A server from its start to its stop, and what signals do to it meanwhile.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::signals::{Heard, Word};
use super::{App, Reload, Signals};
use crate::config::Config;
use crate::reporter::say;
use crate::server::Drained;
use crate::start_error::StartError;

/// Where a server can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// By platforms.
    pub callbacks: SocketAddr,
    /// By operators who look.
    pub operators: SocketAddr,
    /// By callers of the management API.
    pub api: SocketAddr,
    /// By those who send card numbers, if anybody may.
    pub card_numbers: Option<SocketAddr>,
}

/// How a server ended that was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Everything that was owed is answered and kept.
    Drained,
    /// A disk or a database did not answer. What it has not taken was never told, or is in the spool.
    CutShort,
}

/// How a start ended that did not fail.
enum Started {
    /// The ledger is there.
    Ready,
    /// It was told to stop before.
    Stopped,
}

/// Runs a server until it is told to stop: SIGTERM or SIGINT drain it, SIGHUP makes it read its credentials again.
///
/// # Errors
/// It did not start.
pub fn serve(config: Config, signals: Signals, ready: impl FnOnce(&Listening)) -> Result<Stopped, StartError> {
    let Signals { runtime, mut heard, .. } = signals;
    let stop_max = config.server.stop_max;
    let app = runtime.block_on(async {
        let mut app = App::start(config, |ledger| ledger)?;
        let listening = Listening::of(&app);
        say(&listening.before_ready());
        let reload = app.reload();
        match until_started(&mut app, &reload, &mut heard).await? {
            Started::Stopped => return Ok(app),
            Started::Ready => ready(&listening),
        }
        while heard.next().await == Word::ReadAgain {
            reload.now();
        }
        Ok::<App, StartError>(app)
    })?;
    stop(app, stop_max)
}

/// Waits for what earlier processes told and for the ledger, and for whatever a signal says meanwhile: in an outage that may be for long, and credentials change then, too.
async fn until_started(app: &mut App, reload: &Reload, heard: &mut Heard) -> Result<Started, StartError> {
    let mut starting = pin!(app.until_ready());
    loop {
        let word = tokio::select! {
            started = &mut starting => return started.map(|()| Started::Ready),
            word = heard.next() => word,
        };
        match word {
            Word::Stop => return Ok(Started::Stopped),
            Word::ReadAgain => reload.now(),
        }
    }
}

impl Listening {
    fn of(app: &App) -> Self {
        let App { listen, ops_listen, api_listen, card_numbers_listen, .. } = app;
        Listening { callbacks: *listen, operators: *ops_listen, api: *api_listen, card_numbers: *card_numbers_listen }
    }

    /// What people are told as soon as it listens: in an outage the ready line is long in coming, and has the same addresses.
    fn before_ready(&self) -> String {
        let Listening { callbacks, operators, api, card_numbers } = self;
        let card_numbers = card_numbers.map(|address| format!(", card numbers on {address}")).unwrap_or_default();
        format!(
            "callbacks on {callbacks} are answered from stand-in until the ledger has its state, and the ready line comes then; \
             operators on {operators}, management API on {api}{card_numbers}"
        )
    }
}

/// Drains a server on a thread of its own, so that a disk that hangs holds nobody up for longer than `stop_max`.
fn stop(app: App, stop_max: Duration) -> Result<Stopped, StartError> {
    let (done, drained) = std::sync::mpsc::channel();
    let drain = move || {
        // Nobody hears of a drain that comes too late.
        let _ = done.send(app.drain());
    };
    let draining = std::thread::Builder::new().name("drain".to_owned()).spawn(drain)?;
    match drained.recv_timeout(stop_max) {
        Ok(Drained { abandoned }) => {
            if abandoned > 0 {
                say(&format!("{abandoned} connections were cut off at the end of the drain"));
            }
            Ok(Stopped::Drained)
        }
        Err(RecvTimeoutError::Timeout) => Ok(Stopped::CutShort),
        Err(RecvTimeoutError::Disconnected) => match draining.join() {
            Ok(()) => Ok(Stopped::Drained),
            Err(panic) => std::panic::resume_unwind(panic),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_starts_in_an_outage_says_where_it_can_be_reached() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let listening =
            Listening { callbacks: address(1), operators: address(2), api: address(3), card_numbers: Some(address(4)) };
        let said = listening.before_ready();
        assert!(said.starts_with("callbacks on 127.0.0.1:1 are answered from stand-in until the ledger has its state"), "{said}");
        assert!(said.ends_with("operators on 127.0.0.1:2, management API on 127.0.0.1:3, card numbers on 127.0.0.1:4"), "{said}");
        let without = Listening { card_numbers: None, ..listening }.before_ready();
        assert!(without.ends_with("management API on 127.0.0.1:3"), "{without}");
    }
}

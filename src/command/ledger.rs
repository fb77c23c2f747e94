//! How commands reach the ledger: through the server that runs on the data directory, or else by opening it themselves.

use std::path::PathBuf;

use tokio::runtime::{Builder, Runtime};

use super::{Failure, Place};
use crate::app;
use crate::config::{Config, Overrides};
use crate::control::client::{self, AskError};
use crate::control::{self, ControlAnswer, ControlRequest};
use crate::journal::{JournalError, KeptKind};
use crate::operations::Desk;
use crate::start_error::StartError;

/// The ledger of a data directory, wherever it is open.
pub struct Ledger {
    place: Place,
    data: PathBuf,
    opened: Option<(Runtime, OpenedLedger)>,
}

impl Ledger {
    /// The ledger of that place; nothing is opened yet.
    ///
    /// # Errors
    /// The configuration does not tell the data directory.
    pub fn at(place: Place) -> Result<Self, Failure> {
        let data = place.data()?;
        Ok(Ledger { place, data, opened: None })
    }

    /// Asks the running server; if there is none, opens the ledger and does it here.
    ///
    /// # Errors
    /// What the ledger refused, or why nobody could be asked. Refused rows come back as an answer: their files are the
    /// caller's.
    pub fn ask(&mut self, request: ControlRequest) -> Result<ControlAnswer, Failure> {
        let answer = match self.opened.take() {
            Some(opened) => self.ask_opened(opened, request),
            None => match client::ask(&self.data, &request) {
                Ok(answer) => answer,
                Err(AskError::NoServer) => {
                    if !may_begin(&request) {
                        self.place.must_be_begun()?;
                    }
                    let overrides = Overrides { data: Some(self.data.clone()), ..Overrides::default() };
                    let config = Config::load(&self.place.config, overrides)?;
                    if matches!(request, ControlRequest::Switch(_))
                        && config.ledger.postgres.is_some()
                        && !config.spool.path.exists()
                    {
                        return Err(Failure::Told(format!(
                            "no responder runs or ever ran on {}, so that nobody would hear of it: name with --data the directory of \
                             one that does",
                            self.data.display()
                        )));
                    }
                    if is_in_spool(&request) {
                        super::spool_of(&config)?;
                    }
                    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::told)?;
                    let ledger = runtime.block_on(open(config))?;
                    self.ask_opened((runtime, ledger), request)
                }
                Err(error @ AskError::CutOff { .. }) => return Err(Failure::CutOff(error.to_string())),
                Err(error @ AskError::Broken { .. }) => return Err(Failure::told(error)),
            },
        };
        match answer {
            ControlAnswer::Refused { problems } => Err(Failure::Told(problems.join("\n"))),
            ControlAnswer::Unavailable { problem } => Err(Failure::Told(format!("not now: {problem}"))),
            ControlAnswer::Imported(_)
            | ControlAnswer::Balances(_)
            | ControlAnswer::Balance(_)
            | ControlAnswer::RulesInForce(_)
            | ControlAnswer::RulesHistory(_)
            | ControlAnswer::Trimmed(_)
            | ControlAnswer::Switched(_)
            | ControlAnswer::BroughtBack(_)
            | ControlAnswer::Spend(_)
            | ControlAnswer::ProfilesImported(_)
            | ControlAnswer::RowsRefused { .. } => Ok(answer),
        }
    }

    fn ask_opened(&mut self, opened: (Runtime, OpenedLedger), request: ControlRequest) -> ControlAnswer {
        let answer = opened.0.block_on(control::answer(&opened.1, request));
        self.opened = Some(opened);
        answer
    }
}

/// Whether a request may begin a ledger: what an import brings is the first that one has. All others are about one that is there.
const fn may_begin(request: &ControlRequest) -> bool {
    match request {
        ControlRequest::Import(_) | ControlRequest::ImportProfiles(_) => true,
        ControlRequest::Balance(_)
        | ControlRequest::Balances(_)
        | ControlRequest::RulesHistory(_)
        | ControlRequest::Trim(_)
        | ControlRequest::RulesPublish(_)
        | ControlRequest::RulesRollback(_)
        | ControlRequest::Switch(_)
        | ControlRequest::BringBack(_)
        | ControlRequest::Spend(_) => false,
    }
}

/// Whether the spool has a part in it: what is switched, set aside, or published of stand-in's tables. None of it is for, or in, a spool that the
/// directory did not have.
fn is_in_spool(request: &ControlRequest) -> bool {
    let kind = match request {
        ControlRequest::Switch(_) | ControlRequest::BringBack(_) => return true,
        ControlRequest::RulesHistory(asked) => asked.kind,
        ControlRequest::RulesPublish(publish) => publish.kind,
        ControlRequest::RulesRollback(rollback) => rollback.kind,
        ControlRequest::Import(_)
        | ControlRequest::ImportProfiles(_)
        | ControlRequest::Balance(_)
        | ControlRequest::Balances(_)
        | ControlRequest::Trim(_)
        | ControlRequest::Spend(_) => return false,
    };
    match kind {
        KeptKind::Rules => false,
        KeptKind::StandIn | KeptKind::StandInOf(_) => true,
    }
}

/// An answer to another question: client and server are not of one version.
pub fn not_an_answer() -> Failure {
    Failure::told("the server answered something else than was asked; is it of another version?")
}

/// The ledger that a command opens while no server runs.
type OpenedLedger = Desk;

/// Opens the ledger of a configuration, alone: the one call into the application here.
async fn open(config: Config) -> Result<OpenedLedger, Failure> {
    app::open_desk(&config).await.map_err(not_alone)
}

/// Why it was not opened. Where somebody has it who has no command socket, or does not listen there any more, nobody is to be stopped for
/// that, nor another directory named.
fn not_alone(error: StartError) -> Failure {
    let StartError::Journal(JournalError::InUse(data)) = &error else { return Failure::told(error) };
    let directory = data.display();
    Failure::Told(format!(
        "{directory}: a server is starting here (or does not answer), or another command is at work: ask again in a moment"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_a_ledger_in_use_where_nobody_answers_is_told_to_ask_again() {
        let told = |error| match not_alone(error) {
            Failure::Told(told) => told,
            Failure::CutOff(_) | Failure::OutputClosed => panic!("nothing was asked"),
        };
        let in_use = told(StartError::Journal(JournalError::InUse("data".into())));
        assert!(in_use.starts_with("data: a server is starting here") && in_use.ends_with("ask again in a moment"), "{in_use}");
        assert_eq!(told(StartError::LedgerGone), StartError::LedgerGone.to_string());
    }
}

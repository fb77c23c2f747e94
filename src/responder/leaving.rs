//! An outage in which the process stops: whoever stops brings what was told to the ledger, and where that hears it, the outage is over. Nobody
//! looks any more by then, so that it is said here.

use std::sync::Arc;

use holdfast_core::Timestamp;

use super::mount::Program;
use super::{Responder, looking};
use crate::spool::{Away, File, SpoolError};

/// An outage that is not over yet, as it is known before the last is brought to the ledger.
pub struct Leaving {
    file: File,
    since: Timestamp,
    programs: Vec<Arc<Program>>,
    sign: Sign,
}

/// By what it is known whether the ledger is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// It is already, and nobody noted that yet.
    IsBack,
    /// It hears what waits.
    Hears,
    /// Nothing waits that it could hear.
    None,
}

impl Leaving {
    /// What is known when everything is answered; nothing where no outage goes on.
    ///
    /// # Errors
    /// The spool's disk.
    pub fn look(responder: &Responder, now: Timestamp) -> Result<Option<Self>, SpoolError> {
        let file = responder.spool.reader()?;
        let last = file.away()?.last().copied();
        let Some(Away { since, until: None }) = last else { return Ok(None) };
        let sign = if responder.away_since(now).is_none() {
            Sign::IsBack
        } else if responder.spool.fill().held.waiting > 0 {
            Sign::Hears
        } else {
            Sign::None
        };
        Ok(Some(Leaving { file, since, programs: responder.programs_shared(), sign }))
    }

    /// Notes its end, if everything that waited was heard; what operators are told of it. Where it goes on the next process finds it so.
    ///
    /// # Errors
    /// The spool's disk.
    pub fn close(self, now: Timestamp) -> Result<Vec<String>, SpoolError> {
        let is_over = match self.sign {
            Sign::IsBack => true,
            Sign::Hears => self.file.waiting().next().is_none(),
            Sign::None => false,
        };
        if !is_over {
            return Ok(Vec::new());
        }
        self.file.note_away(&Away { since: self.since, until: Some(now) })?;
        Ok(self.programs.iter().map(|program| looking::ended(program, self.since, now)).collect())
    }
}

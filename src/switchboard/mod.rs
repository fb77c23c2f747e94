//! The switch: stand-in by an operator's hand, for a program or one of its platforms, with who, why and an end of its own.
//!
//! It is kept in the spool's file, so that it holds after a restart and can be turned while the ledger is away. Callbacks look at
//! a copy in memory; only what is durable gets there. Responders on one database turn it for all of them ([`shared`]).

pub mod shared;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use holdfast_core::{PlatformName, ProgramId, Timestamp};
use serde::{Deserialize, Serialize};

use self::shared::Shared;
use crate::clock;
use crate::control::OperationError;
use crate::spool::{File, Identities, Scope, Settings, SpoolError, Switched, Turn, Turned};

/// The longest that stand-in is switched on at once.
pub const DAYS_MAX: i64 = 7;

const DAY_MICROS: i64 = 86_400_000_000;

/// The switches of all programs.
#[derive(Debug)]
pub struct Switchboard {
    spool: Settings,
    /// Which file that is, if this process has it open.
    was: Option<Identities>,
    /// Which platforms call for which program.
    mounts: Vec<(ProgramId, PlatformName)>,
    /// Where all responders' are, if there are others.
    shared: Option<Arc<Shared>>,
    /// What was on when it was last looked; what ended by itself may still be among it.
    on: ArcSwap<Vec<Switched>>,
    /// Whoever turns one writes, reads again and shows; not two at once.
    turning: Mutex<()>,
}

/// For whom a switch was turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// For this responder: there is no other.
    Alone,
    /// For all that share the ledger.
    Everywhere,
    /// For this one of several: their database does not answer, or it was switched on here only.
    HereOnly,
}

/// Why a switch was not turned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTurned {
    /// It cannot be, and why.
    Refused(String),
    /// The request's key came before with another request.
    Conflict,
    /// Its disk does not let it be.
    Unavailable(String),
}

impl From<NotTurned> for OperationError {
    fn from(why: NotTurned) -> Self {
        match why {
            NotTurned::Refused(problem) => OperationError::Refused(vec![problem]),
            NotTurned::Conflict => OperationError::Refused(vec!["this key came before with another request".to_owned()]),
            NotTurned::Unavailable(problem) => OperationError::Unavailable(problem),
        }
    }
}

impl Switchboard {
    /// The switches in that spool; none is on until [`Switchboard::restore`].
    #[must_use]
    pub fn new(spool: Settings, mounts: Vec<(ProgramId, PlatformName)>) -> Self {
        Switchboard { spool, was: None, mounts, shared: None, on: ArcSwap::default(), turning: Mutex::default() }
    }

    /// The same, in the file that this process has open.
    #[must_use]
    pub fn in_file(self, was: Identities) -> Self {
        Switchboard { was: Some(was), ..self }
    }

    /// The same, among responders that share a ledger.
    #[must_use]
    pub fn with_shared(self, shared: Option<Arc<Shared>>) -> Self {
        Switchboard { shared, ..self }
    }

    /// Where all responders' are, if there are others.
    #[must_use]
    pub const fn shared(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref()
    }

    /// Takes over what was turned for all responders. Blocks.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub fn take_over(&self, turned: &[Switched]) -> Result<(), SpoolError> {
        let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.file()?;
        file.take_over(turned)?;
        self.show(&file, clock::utc())
    }

    /// What was on before this process is on.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub fn restore(&self) -> Result<(), SpoolError> {
        let file = self.file()?;
        self.show(&file, clock::utc())
    }

    fn file(&self) -> Result<File, SpoolError> {
        match self.was {
            Some(was) => File::open_again(&self.spool.path, self.spool.sync, was),
            None => File::open(&self.spool.path, self.spool.sync),
        }
    }

    fn show(&self, file: &File, now: Timestamp) -> Result<(), SpoolError> {
        let on = file.switches()?.into_iter().filter(|switched| switched.is_on(now)).collect();
        self.on.store(Arc::new(on));
        Ok(())
    }

    /// Whether a platform's questions are answered without the ledger. Nearly always there is nothing to look at.
    #[must_use]
    pub fn is_on(&self, program: &ProgramId, platform: &PlatformName, now: Timestamp) -> bool {
        self.on.load().iter().any(|switched| {
            let Scope { program: of, platform: only } = &switched.scope;
            of == program && only.is_none_or(|only| only == *platform) && switched.is_on(now)
        })
    }

    /// What is on for a program and its platforms.
    #[must_use]
    pub fn on_for(&self, program: &ProgramId, now: Timestamp) -> Vec<Switched> {
        let on = self.on.load();
        on.iter().filter(|switched| switched.scope.program == *program && switched.is_on(now)).cloned().collect()
    }

    /// Turns a switch. What is done is durable, and holds for the next question. Blocks.
    ///
    /// # Errors
    /// See [`NotTurned`].
    pub fn turn(&self, turn: &Turn, now: Timestamp) -> Result<(Switched, Reach), NotTurned> {
        self.must_know(&turn.scope)?;
        must_be_near(turn.on_until, now)?;
        let unavailable = |error: SpoolError| NotTurned::Unavailable(error.to_string());
        let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.file().map_err(unavailable)?;
        let (turned, reach) = self.turn_in(&file, turn, now).map_err(unavailable)?;
        self.show(&file, now).map_err(unavailable)?;
        match turned {
            Turned::Done(switched) | Turned::Again(switched) => Ok((switched, reach)),
            Turned::Conflict => Err(NotTurned::Conflict),
            Turned::AlreadyOn(on) => Err(NotTurned::Refused(already_on(&on))),
            Turned::Past(until) => Err(NotTurned::Refused(format!("{until} is past: stand-in would end before it begins"))),
            Turned::NotOn => Err(NotTurned::Refused(self.not_on(&turn.scope, now))),
        }
    }

    /// Turns it for all, if there are others and they can be told, and here.
    fn turn_in(&self, file: &File, turn: &Turn, now: Timestamp) -> Result<(Turned, Reach), SpoolError> {
        let Some(shared) = &self.shared else { return Ok((file.turn(turn, now)?, Reach::Alone)) };
        if let Some(before) = file.turned_before(turn)? {
            let known_to_all = matches!(&before, Turned::Again(switched) if switched.shared.is_some());
            return Ok((before, if known_to_all { Reach::Everywhere } else { Reach::HereOnly }));
        }
        match shared.turn(turn) {
            None => Ok((file.turn(turn, now)?, Reach::HereOnly)),
            Some(Turned::Done(switched)) => {
                let taken = file.take_over_one(&switched, turn)?;
                // What was on here only goes off with it, and ends where all are switched on: from then on one switch says what holds.
                file.turn_own(&Turn { key: None, on_until: None, ..turn.clone() }, now)?;
                Ok((Turned::Done(taken), Reach::Everywhere))
            }
            Some(Turned::AlreadyOn(on)) => {
                file.take_over(std::slice::from_ref(&on))?;
                Ok((Turned::AlreadyOn(on), Reach::Everywhere))
            }
            // It may be on here only, and then nobody else is told. What somebody else has just ended for all is ended by them.
            Some(Turned::NotOn) => Ok((file.turn_own(turn, now)?, Reach::HereOnly)),
            Some(turned @ (Turned::Past(_) | Turned::Again(_) | Turned::Conflict)) => Ok((turned, Reach::Everywhere)),
        }
    }

    fn must_know(&self, scope: &Scope) -> Result<(), NotTurned> {
        let platforms: Vec<_> = self.mounts.iter().filter(|(program, _)| *program == scope.program).collect();
        let listed = |names: Vec<String>| {
            let mut names = names;
            names.dedup();
            names.join(", ")
        };
        if platforms.is_empty() {
            let known = listed(self.mounts.iter().map(|(program, _)| program.to_string()).collect());
            let problem = format!("there is no program `{}`; the configuration has {known}", scope.program);
            return Err(NotTurned::Refused(problem));
        }
        match scope.platform {
            Some(wanted) if !platforms.iter().any(|(_, platform)| *platform == wanted) => {
                let known = listed(platforms.iter().map(|(_, platform)| platform.to_string()).collect());
                let problem = format!("no platform `{wanted}` calls for program `{}`; {known} does", scope.program);
                Err(NotTurned::Refused(problem))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn not_on(&self, scope: &Scope, now: Timestamp) -> String {
        let mut problem = format!("stand-in is not switched on for {scope}: there is nothing to switch off");
        for other in self.on_for(&scope.program, now) {
            // A String takes whatever is written to it.
            let _ = write!(problem, "; it is for {}, until {}", other.scope, other.until);
        }
        problem
    }
}

/// A switch that nobody looks after is to end soon.
fn must_be_near(until: Option<Timestamp>, now: Timestamp) -> Result<(), NotTurned> {
    let Some(until) = until else { return Ok(()) };
    let ahead = until.unix_micros().saturating_sub(now.unix_micros());
    if ahead <= DAYS_MAX.saturating_mul(DAY_MICROS) {
        return Ok(());
    }
    Err(NotTurned::Refused(format!("{until} is more than {DAYS_MAX} days away, the longest for which stand-in is switched on")))
}

fn already_on(on: &Switched) -> String {
    format!(
        "stand-in is switched on already for {}, by {} since {}, until {}: {}; switch it off first",
        on.scope,
        one_line(&on.by),
        on.since,
        on.until,
        one_line(&on.why)
    )
}

/// What people wrote cannot break a line.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

//! `holdfast stand-in on` and `off`: the switch, turned by hand.

use std::io;
use std::time::Duration;

use clap::Args;
use holdfast_core::{PlatformName, ProgramId, Timestamp};

use super::inbox::moment;
use super::ledger::{Ledger, not_an_answer};
use super::rules::Signature;
use super::{Failure, Place};
use crate::clock;
use crate::control::protocol::{Switch, SwitchReport};
use crate::control::{ControlAnswer, ControlRequest};
use crate::spool::Scope;
use crate::switchboard::Reach;

/// Switches stand-in on: until its end no question goes to the ledger.
#[derive(Debug, Args)]
pub struct On {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    end: End,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    place: Place,
}

/// Switches stand-in off before its time.
#[derive(Debug, Args)]
pub struct Off {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    place: Place,
}

/// When it ends by itself.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct End {
    /// How long it lasts at most: 90s, 30m, 4h, 1d; up to 7 days.
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    lasts: Option<Duration>,
    /// When it ends by itself, instead: a date, which begins at midnight UTC, or a moment in RFC 3339.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
}

/// How long it lasts. That nothing would come of it is for whoever turns the switch to say, as of an end in the past.
fn lasting(text: &str) -> Result<Duration, &'static str> {
    crate::config::ruleset::seconds_or_none(text).map(|seconds| Duration::from_secs(u64::from(seconds)))
}

/// Whose questions.
#[derive(Debug, Args)]
struct Whom {
    /// The program.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    /// Only this platform's questions; without it, all of the program's.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<PlatformName>,
}

impl On {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let lasts = self.end.lasts.map(|lasts| clock::utc().saturating_add(lasts));
        let on_until = lasts.or(self.end.until);
        turn(self.place, self.whom, on_until, self.signature, output)
    }
}

impl Off {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        turn(self.place, self.whom, None, self.signature, output)
    }
}

fn turn(
    place: Place,
    Whom { program, platform }: Whom,
    on_until: Option<Timestamp>,
    Signature { by, why }: Signature,
    output: &mut dyn io::Write,
) -> Result<(), Failure> {
    let switch = Switch { program, platform, on_until, by, why };
    let ControlAnswer::Switched(report) = Ledger::at(place)?.ask(ControlRequest::Switch(switch))? else {
        return Err(not_an_answer());
    };
    let SwitchReport { program, platform, since, until, off_at, reach } = *report;
    let scope = Scope { program, platform };
    match off_at {
        None => writeln!(output, "{scope}: stand-in is on since {since}, until {until}")?,
        Some(off_at) => writeln!(output, "{scope}: stand-in is off since {off_at}; it was on since {since}")?,
    }
    match reach {
        Reach::Alone => Ok(()),
        Reach::Everywhere => Ok(writeln!(output, "{EVERYWHERE}")?),
        Reach::HereOnly => Ok(writeln!(output, "{HERE_ONLY}")?),
    }
}

/// What responders that share a ledger do.
const EVERYWHERE: &str = "that is at every responder on this database, within two seconds";

/// What one of them does while their database does not answer, or where it is switched on alone.
const HERE_ONLY: &str = "that is here only, at the responder of this data directory: the database does not answer, or it was on here only. Say \
    it to each with its --data, or again once the database answers";

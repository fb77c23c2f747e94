//! `holdfast erase`: names, addresses and free text of agent spend, and what callers of payment doors wrote, gone for good.

use std::io;

use clap::Args;
use holdfast_core::Timestamp;

use super::organization::ask;
use super::{Failure, Place};
use crate::api::input::not_a_moment;
use crate::control::protocol::{Erasure, SpendRequest};

const EXAMPLES: &str = "\
Examples:
  holdfast erase --person ada@example.com
  holdfast erase --person mem_bcdf
  holdfast erase --person user-demo-1
  holdfast erase --organization ent_bcdf
  holdfast erase --program demo
  holdfast erase --before 2026-01-01T00:00:00Z

Texts are erased, and nothing else: objects, decisions and money stay, and show `null` where a text was; so does the audit trail. What
an earlier backup has of them can be read only with the keys of [agents] and [texts]. Of payment doors, a payment that waits for its payer
to be authenticated is gone with its text. What was answered in stand-in is erased where it waits for the ledger, too.

Exit codes:
  0  done (one line says how many texts went)
  1  not done (the error on standard error)
  2  the command line is not understood";

/// Erases names, addresses and free text of agent spend, and what callers of payment doors wrote.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Erase {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// All about a person: a member's id, an address that members have, an instrument, or the cardholder who owns instruments.
    #[arg(long, value_name = "MEMBER|EMAIL")]
    person: Option<String>,
    /// All of an organization's: one of agent spend, or the application that merchants belong to.
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// All of the environment that a program decides for.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<String>,
    /// All that came before a moment, in RFC 3339.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    before: Option<Timestamp>,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| not_a_moment(text).to_owned())?;
    Ok(Timestamp::from_unix_micros(moment.as_microsecond()))
}

impl Erase {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Whose { person, organization, program, before } = self.whose;
        let person = person.map(Erasure::Person);
        let organization = organization.map(Erasure::Organization);
        let erasure = person.or(organization).or(program.map(Erasure::Program)).or(before.map(Erasure::Before));
        // The command line has one of them.
        let erasure = erasure.ok_or_else(|| Failure::told("say whose texts are to be erased"))?;
        ask(self.place, SpendRequest::Erase(erasure), output)
    }
}
